//! The NetCDF library as a reader: metadata of a file, and blocks of its variables.
//!
//! The only file of the reading side that names the `netcdf` crate. The library holds one
//! process-wide lock, so reads of many threads queue up here.

mod safe;

use crate::cf::{self, RawAttribute, RawValue};
use crate::dataset::meta::{FileMeta, RawDim, RawVariable};
use crate::guard::guarded;
use crate::object_name;
use crate::probe::{probe, Container};
use crate::stored::{buffer, StoredReader, StoredValues};
use halocline_core::index::IndexBox;
use halocline_core::meta::{AttributeValue, Attributes, DType};
use halocline_core::{Error, Result};
use netcdf::types::{FloatType, IntType, NcVariableType};
use netcdf::AttributeValue as Nc;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A file open through the NetCDF library.
#[derive(Debug)]
pub(crate) struct NetcdfReader {
    file: netcdf::File,
    path: PathBuf,
}

impl NetcdfReader {
    /// Opens a file that [`probe`] found whole.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        probe(path)?;
        Self::open_probed(path)
    }

    fn open_probed(path: &Path) -> Result<Self> {
        let file = netcdf::open(path).map_err(|e| explain(&e, "cannot be opened as NetCDF").in_file(path))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Everything about the file but the values.
    ///
    /// # Errors
    /// Data, if the file is absent, not NetCDF, damaged; system, if it can't be read.
    pub(crate) fn metadata(path: &Path) -> Result<(Self, FileMeta)> {
        let probed = probe(path)?;
        let reader = Self::open_probed(path)?;
        // The crate unwraps where a name is not UTF-8 or an object is damaged; what a file
        // holds must not end the program.
        let read = guarded(|| reader.describe(probed.container));
        let (dims, attributes, variables, format) = read
            .unwrap_or_else(|| {
                Err(Error::data("the file is damaged: an object, a name or a type cannot be read")
                    .remedy("copy or download it again"))
            })
            .map_err(|e| e.in_file(path))?;
        let name = path.display().to_string();
        Ok((reader, FileMeta { path: name, bytes: probed.bytes, format, dims, attributes, variables }))
    }

    #[allow(clippy::type_complexity)]
    fn describe(&self, container: Container) -> Result<(Vec<RawDim>, Attributes, Vec<RawVariable>, String)> {
        let dimension = |d: netcdf::Dimension<'_>| {
            let name = checked(d.name())?;
            Ok(RawDim { name, len: d.len(), unlimited: d.is_unlimited() })
        };
        let dims = self.file.dimensions().map(dimension).collect::<Result<_>>()?;
        let attributes = collect(read_attributes(self.file.attributes()));
        let hdf5 = container == Container::Hdf5;
        let variables: Vec<RawVariable> =
            self.file.variables().map(|v| variable(&v, hdf5)).collect::<Result<_>>()?;
        let format = match container {
            Container::Classic(1) => "NetCDF-3 classic",
            Container::Classic(2) => "NetCDF-3 64-bit offset",
            Container::Classic(_) => "NetCDF-3 64-bit data (CDF-5)",
            Container::Hdf5 => "NetCDF-4",
        };
        if variables.is_empty() && self.file.groups().is_ok_and(|mut g| g.next().is_some()) {
            return Err(Error::data("all variables are in groups, which are not read yet")
                .remedy("copy the group to a file of its own, for example with `ncks -G : -g GROUP`"));
        }
        Ok((dims, attributes, variables, format.to_owned()))
    }
}

impl StoredReader for NetcdfReader {
    fn read_raw(&self, name: &str, ranges: &[Range<usize>]) -> Result<StoredValues> {
        let read = guarded(|| self.block(name, ranges));
        read.unwrap_or_else(|| {
            Err(Error::data("the file is damaged: the variable cannot be read")
                .remedy("copy or download it again"))
        })
        .map_err(|e| e.in_variable(name).in_file(&self.path))
    }
}

impl NetcdfReader {
    fn block(&self, name: &str, ranges: &[Range<usize>]) -> Result<StoredValues> {
        let gone = || Error::data("the variable is gone: the file has changed since it was opened");
        let variable = self.file.variable(name).ok_or_else(gone)?;
        let shape = variable.dimensions();
        let inside = shape.len() == ranges.len() && shape.iter().zip(ranges).all(|(d, r)| r.end <= d.len());
        if !inside {
            return Err(Error::data(
                "the block to be read is not in the file: it has changed since it was opened",
            ));
        }
        let kind = variable.vartype();
        macro_rules! read {
            ($variant:ident) => {
                fetch(&variable, ranges).map(StoredValues::$variant)
            };
        }
        match dtype(&kind) {
            DType::I8 => read!(I8),
            DType::U8 => read!(U8),
            DType::I16 => read!(I16),
            DType::U16 => read!(U16),
            DType::I32 => read!(I32),
            DType::U32 => read!(U32),
            DType::I64 => read!(I64),
            DType::U64 => read!(U64),
            DType::F32 => read!(F32),
            DType::F64 => read!(F64),
            other => Err(Error::data(format!("holds {} values, not numbers", other.name()))),
        }
    }
}

fn fetch<T: netcdf::NcTypeDescriptor + bytemuck::Pod>(
    variable: &netcdf::Variable<'_>,
    ranges: &[Range<usize>],
) -> Result<Vec<T>> {
    let len = ranges.iter().try_fold(1usize, |n, r| n.checked_mul(r.len()));
    let mut values = buffer(len.unwrap_or(usize::MAX))?;
    if values.is_empty() {
        return Ok(values);
    }
    let unlimited: Vec<bool> = variable.dimensions().iter().map(netcdf::Dimension::is_unlimited).collect();
    let requests = safe::requests(ranges, &unlimited);
    if requests.len() == 1 {
        ask(variable, &requests[0], &mut values)?;
        return Ok(values);
    }
    let whole = IndexBox::new(ranges.to_vec());
    for part in &requests {
        let mut piece = buffer(part.len())?;
        ask(variable, part, &mut piece)?;
        whole.insert(&mut values, part, &piece);
    }
    Ok(values)
}

fn ask<T: netcdf::NcTypeDescriptor + Copy>(
    variable: &netcdf::Variable<'_>,
    part: &IndexBox,
    out: &mut [T],
) -> Result<()> {
    let extent = |r: &Range<usize>| netcdf::Extent::SliceCount { start: r.start, count: r.len(), stride: 1 };
    let extents: Vec<netcdf::Extent> = part.ranges().iter().map(extent).collect();
    variable.get_values_into(out, extents).map_err(|e| explain(&e, "the stored values cannot be read"))
}

/// The library's error as ours. Positive codes are those of the system.
fn explain(e: &netcdf::Error, what: &str) -> Error {
    /// `NC_EHDFERR`: anything that HDF5 failed at.
    const HDF_ERROR: i32 = -101;
    match e {
        netcdf::Error::Netcdf(code) if *code > 0 => {
            Error::system(format!("{what}: {}", std::io::Error::from_raw_os_error(*code)))
        }
        netcdf::Error::Netcdf(HDF_ERROR) => Error::data(format!(
            "{what}: the file is damaged (a checksum, a compressed block or an internal table is wrong), compressed by a filter that is not installed, or locked by a program that writes to it"
        ))
        .remedy("copy or download it again"),
        e => Error::data(format!("{what}: {e}")),
    }
}

fn dtype(kind: &NcVariableType) -> DType {
    match kind {
        NcVariableType::Int(IntType::I8) => DType::I8,
        NcVariableType::Int(IntType::U8) => DType::U8,
        NcVariableType::Int(IntType::I16) => DType::I16,
        NcVariableType::Int(IntType::U16) => DType::U16,
        NcVariableType::Int(IntType::I32) => DType::I32,
        NcVariableType::Int(IntType::U32) => DType::U32,
        NcVariableType::Int(IntType::I64) => DType::I64,
        NcVariableType::Int(IntType::U64) => DType::U64,
        NcVariableType::Float(FloatType::F32) => DType::F32,
        NcVariableType::Float(FloatType::F64) => DType::F64,
        NcVariableType::Char => DType::Char,
        NcVariableType::String => DType::String,
        _ => DType::Other,
    }
}

fn checked(name: String) -> Result<String> {
    object_name::check(&name).map(|()| name)
}

/// Names and values; those of user-defined types have none that can be had. HDF5 knows names
/// that NetCDF does not: attributes of such a name could not be written on and are left out.
fn read_attributes<'a>(all: impl Iterator<Item = netcdf::Attribute<'a>>) -> Vec<(String, Option<Nc>)> {
    all.filter(|a| object_name::check(a.name()).is_ok())
        .map(|a| (a.name().to_owned(), a.value().ok()))
        .collect()
}

fn variable(v: &netcdf::Variable<'_>, hdf5: bool) -> Result<RawVariable> {
    let name = checked(v.name())?;
    let dtype = dtype(&v.vartype());
    let stored = read_attributes(v.attributes());
    let find = |name: &str| {
        let (_, value) = stored.iter().find(|(n, _)| n == name)?;
        Some(value.as_ref().and_then(raw).unwrap_or(RawAttribute::Unreadable))
    };
    let decode = cf::rule(dtype, is_filled(v, dtype), find);
    let malformed = cf::malformed(&name, dtype, find);
    let dims = v.dimensions();
    Ok(RawVariable {
        name,
        dtype,
        dims: dims.iter().map(|d| checked(d.name())).collect::<Result<_>>()?,
        shape: dims.iter().map(netcdf::Dimension::len).collect(),
        attributes: collect(stored),
        chunks: if hdf5 { v.chunking().ok().flatten() } else { None },
        decode,
        malformed,
    })
}

/// Whether unwritten values hold the fill value (the library's fill mode).
fn is_filled(v: &netcdf::Variable<'_>, dtype: DType) -> bool {
    match dtype {
        DType::I16 => !matches!(v.fill_value::<i16>(), Ok(None)),
        DType::U16 => !matches!(v.fill_value::<u16>(), Ok(None)),
        DType::I32 => !matches!(v.fill_value::<i32>(), Ok(None)),
        DType::U32 => !matches!(v.fill_value::<u32>(), Ok(None)),
        DType::I64 => !matches!(v.fill_value::<i64>(), Ok(None)),
        DType::U64 => !matches!(v.fill_value::<u64>(), Ok(None)),
        DType::F32 => !matches!(v.fill_value::<f32>(), Ok(None)),
        DType::F64 => !matches!(v.fill_value::<f64>(), Ok(None)),
        _ => false,
    }
}

/// Attributes that can be kept; those of user-defined types can't, and are no part of CF.
fn collect(attributes: Vec<(String, Option<Nc>)>) -> Attributes {
    let mut all = Attributes::new();
    for (name, value) in attributes {
        if let Some(value) = value.map(plain) {
            all.set(name, value);
        }
    }
    all
}

macro_rules! widen {
    ($v:expr) => {
        AttributeValue::Integers($v.into_iter().map(i64::from).collect())
    };
}

fn plain(value: Nc) -> AttributeValue {
    match value {
        Nc::Str(t) => AttributeValue::Text(t),
        Nc::Strs(t) => AttributeValue::Text(t.join(" ")),
        Nc::Uchar(v) => widen!([v]),
        Nc::Uchars(v) => widen!(v),
        Nc::Schar(v) => widen!([v]),
        Nc::Schars(v) => widen!(v),
        Nc::Ushort(v) => widen!([v]),
        Nc::Ushorts(v) => widen!(v),
        Nc::Short(v) => widen!([v]),
        Nc::Shorts(v) => widen!(v),
        Nc::Uint(v) => widen!([v]),
        Nc::Uints(v) => widen!(v),
        Nc::Int(v) => widen!([v]),
        Nc::Ints(v) => widen!(v),
        Nc::Longlong(v) => widen!([v]),
        Nc::Longlongs(v) => widen!(v),
        // What i64 can't hold becomes a double: close, and never another sign.
        Nc::Ulonglong(v) => unsigned(&[v]),
        Nc::Ulonglongs(v) => unsigned(&v),
        Nc::Float(v) => AttributeValue::Singles(vec![v]),
        Nc::Floats(v) => AttributeValue::Singles(v),
        Nc::Double(v) => AttributeValue::Doubles(vec![v]),
        Nc::Doubles(v) => AttributeValue::Doubles(v),
    }
}

fn unsigned(values: &[u64]) -> AttributeValue {
    match values.iter().map(|&v| i64::try_from(v)).collect() {
        Ok(v) => AttributeValue::Integers(v),
        Err(_) => AttributeValue::Doubles(values.iter().map(|&v| v as f64).collect()),
    }
}

/// The attribute with its numbers in the type they have in the file.
fn raw(value: &Nc) -> Option<RawAttribute> {
    macro_rules! integers {
        ($v:expr) => {
            RawAttribute::Numbers($v.iter().map(|&v| RawValue::Integer(i128::from(v))).collect())
        };
    }
    Some(match value {
        Nc::Str(t) => RawAttribute::Text(t.clone()),
        Nc::Strs(t) => RawAttribute::Text(t.first()?.clone()),
        Nc::Uchar(v) => integers!([*v]),
        Nc::Uchars(v) => integers!(v),
        Nc::Schar(v) => integers!([*v]),
        Nc::Schars(v) => integers!(v),
        Nc::Ushort(v) => integers!([*v]),
        Nc::Ushorts(v) => integers!(v),
        Nc::Short(v) => integers!([*v]),
        Nc::Shorts(v) => integers!(v),
        Nc::Uint(v) => integers!([*v]),
        Nc::Uints(v) => integers!(v),
        Nc::Int(v) => integers!([*v]),
        Nc::Ints(v) => integers!(v),
        Nc::Longlong(v) => integers!([*v]),
        Nc::Longlongs(v) => integers!(v),
        Nc::Ulonglong(v) => integers!([*v]),
        Nc::Ulonglongs(v) => integers!(v),
        Nc::Float(v) => RawAttribute::Numbers(vec![RawValue::Single(*v)]),
        Nc::Floats(v) => RawAttribute::Numbers(v.iter().map(|&v| RawValue::Single(v)).collect()),
        Nc::Double(v) => RawAttribute::Numbers(vec![RawValue::Double(*v)]),
        Nc::Doubles(v) => RawAttribute::Numbers(v.iter().map(|&v| RawValue::Double(v)).collect()),
    })
}
