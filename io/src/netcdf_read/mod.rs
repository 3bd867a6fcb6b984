//! The NetCDF library as a reader: metadata of a file, and blocks of its variables.
//!
//! The only file of the reading side that names the `netcdf` crate. The library holds one
//! process-wide lock, so reads of many threads queue up here.

mod groups;
mod own;
mod safe;
mod text;

pub(crate) use groups::GroupMeta;
pub(crate) use own::OwnMeta;

use crate::dataset::meta::{FileMeta, Filters, RawDim, RawVariable};
use crate::direct::variable::{collect, Found, Stored, StoredAttributes};
use crate::guard::guarded;
use crate::object_name;
use crate::probe::{probe, Container, Probed};
use crate::stored::{buffer, StoredReader, StoredValues};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, DType};
use halocline_core::{Error, Result};
use netcdf::types::{FloatType, IntType, NcVariableType};
use netcdf::AttributeValue as Nc;
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};

/// A file open through the NetCDF library.
#[derive(Debug)]
pub(crate) struct NetcdfReader {
    file: OpenFile,
    path: PathBuf,
}

/// A file that is closed when it is dropped, unless it defines types of its own, or has variables
/// of strings that NetCDF did not write: closing such a file, NetCDF 4.9 frees fill values that it
/// may never have read (where a damaged type looks like strings), and takes the process down with
/// it. These stay open until the end; they are few.
#[derive(Debug)]
struct OpenFile(Option<netcdf::File>);

impl Deref for OpenFile {
    type Target = netcdf::File;
    fn deref(&self) -> &netcdf::File {
        self.0.as_ref().expect("taken by drop only")
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let plain = guarded(|| {
            let strings = self.variables().any(|v| v.vartype() == NcVariableType::String);
            !self.root().is_some_and(|root| own::defines(&root))
                && (!strings || self.attribute("_NCProperties").is_some())
        });
        let file = self.0.take();
        if plain != Some(true) {
            std::mem::forget(file);
        }
    }
}

impl NetcdfReader {
    /// Opens a file that [`probe`] found whole.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        probe(path)?;
        Self::open_probed(path)
    }

    /// Which file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn open_probed(path: &Path) -> Result<Self> {
        // What is written here can be read here. If not, the library says so when it meets it.
        let _ = crate::output::zstd_filter::register();
        let file = netcdf::open(path).map_err(|e| explain(&e, "cannot be opened as NetCDF").in_file(path))?;
        Ok(Self { file: OpenFile(Some(file)), path: path.to_owned() })
    }

    /// Everything about the file that [`probe`] found whole, but the values.
    ///
    /// # Errors
    /// Data, if the file is absent, not NetCDF, damaged; system, if it can't be read.
    pub(crate) fn metadata(path: &Path, probed: &Probed) -> Result<(Self, FileMeta)> {
        let reader = Self::open_probed(path)?;
        // The crate unwraps where a name is not UTF-8 or an object is damaged; what a file
        // holds must not end the program.
        let read = guarded(|| reader.describe(&probed.container));
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
    fn describe(&self, container: &Container) -> Result<(Vec<RawDim>, Attributes, Vec<RawVariable>, String)> {
        let dimension = |d: netcdf::Dimension<'_>| {
            let name = checked(d.name())?;
            Ok(RawDim { name, len: d.len(), unlimited: d.is_unlimited() })
        };
        let dims = self.file.dimensions().map(dimension).collect::<Result<_>>()?;
        let attributes = collect(read_attributes(self.file.attributes()));
        let hdf5 = *container == Container::Hdf5;
        let variables: Vec<RawVariable> =
            self.file.variables().map(|v| variable(&v, hdf5)).collect::<Result<_>>()?;
        let format = match container {
            Container::Classic(header) => header.format(),
            Container::Hdf5 => "NetCDF-4",
        };
        if variables.is_empty() && self.file.groups().is_ok_and(|mut g| g.next().is_some()) {
            return Err(only_groups());
        }
        Ok((dims, attributes, variables, format.to_owned()))
    }
}

impl StoredReader for NetcdfReader {
    fn read_raw(&self, name: &str, ranges: &[Range<usize>]) -> Result<StoredValues> {
        let read = guarded(|| self.block(name, ranges));
        read.unwrap_or_else(|| Err(damaged_cells())).map_err(|e| e.in_variable(name).in_file(&self.path))
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

fn damaged_cells() -> Error {
    Error::data("the file is damaged: the variable cannot be read").remedy("copy or download it again")
}

/// Said of a file of which nothing but groups has variables.
pub(crate) const ONLY_GROUPS: &str = "all variables are in groups, which are not read yet";

/// Refuses such a file.
pub(crate) fn only_groups() -> Error {
    Error::data(ONLY_GROUPS)
        .remedy("copy the group to a file of its own, for example with `ncks -G : -g GROUP`")
}

fn checked(name: String) -> Result<String> {
    object_name::check(&name).map(|()| name)
}

/// Names and values; those of user-defined types have none that can be had. HDF5 knows names
/// that NetCDF does not: attributes of such a name could not be written on and are left out.
fn read_attributes<'a>(all: impl Iterator<Item = netcdf::Attribute<'a>>) -> StoredAttributes {
    all.filter(|a| object_name::check(a.name()).is_ok())
        .map(|a| (a.name().to_owned(), a.value().ok().map(stored)))
        .collect()
}

fn variable(v: &netcdf::Variable<'_>, hdf5: bool) -> Result<RawVariable> {
    let dtype = dtype(&v.vartype());
    let dims = v.dimensions();
    let chunks = if hdf5 { v.chunking().ok().flatten() } else { None };
    Ok(Found {
        name: checked(v.name())?,
        dtype,
        dims: dims.iter().map(|d| checked(d.name())).collect::<Result<_>>()?,
        shape: dims.iter().map(netcdf::Dimension::len).collect(),
        attributes: read_attributes(v.attributes()),
        // The library's safe interface does not tell the filters; only chunks have any.
        filters: chunks.is_none().then(Filters::default),
        chunks,
        filled: is_filled(v, dtype),
    }
    .understood())
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

/// The crate's value of an attribute as ours.
fn stored(value: Nc) -> Stored {
    Stored::Numbers(match value {
        Nc::Str(t) => return Stored::Text(t),
        Nc::Strs(t) => return Stored::Texts(t),
        Nc::Uchar(v) => StoredValues::U8(vec![v]),
        Nc::Uchars(v) => StoredValues::U8(v),
        Nc::Schar(v) => StoredValues::I8(vec![v]),
        Nc::Schars(v) => StoredValues::I8(v),
        Nc::Ushort(v) => StoredValues::U16(vec![v]),
        Nc::Ushorts(v) => StoredValues::U16(v),
        Nc::Short(v) => StoredValues::I16(vec![v]),
        Nc::Shorts(v) => StoredValues::I16(v),
        Nc::Uint(v) => StoredValues::U32(vec![v]),
        Nc::Uints(v) => StoredValues::U32(v),
        Nc::Int(v) => StoredValues::I32(vec![v]),
        Nc::Ints(v) => StoredValues::I32(v),
        Nc::Longlong(v) => StoredValues::I64(vec![v]),
        Nc::Longlongs(v) => StoredValues::I64(v),
        Nc::Ulonglong(v) => StoredValues::U64(vec![v]),
        Nc::Ulonglongs(v) => StoredValues::U64(v),
        Nc::Float(v) => StoredValues::F32(vec![v]),
        Nc::Floats(v) => StoredValues::F32(v),
        Nc::Double(v) => StoredValues::F64(vec![v]),
        Nc::Doubles(v) => StoredValues::F64(v),
    })
}
