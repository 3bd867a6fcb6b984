//! The definitions of a data set, carried over with the types of their attributes.

use super::carry::times_in_doubles;
use super::choose::Chosen;
use crate::dataset::{Dataset, VariableInfo};
use crate::guard::guarded;
use crate::object_name;
use crate::output::stored::Defining;
use crate::output::Compression;
use crate::probe::{probe, Container};
use halocline_core::meta::{AttributeValue as Stated, DType, Variable};
use halocline_core::rechunk::thickness;
use halocline_core::{Error, Result};
use netcdf::types::{FloatType, NcVariableType};
use netcdf::AttributeValue;
use std::path::Path;

/// Defines in `out` all that the first file of `dataset` has: dimensions (time with its length
/// over all files), variables, attributes. `history` comes before the file's own.
///
/// # Errors
/// Data, if the file has changed; system, if the output can't be written.
pub(super) fn define(
    out: &mut Defining<'_>,
    dataset: &Dataset,
    chosen: &[Chosen<'_>],
    compression: Compression,
    history: &str,
) -> Result<()> {
    let path = Path::new(&dataset.files()[0].path);
    let hdf5 = probe(path)?.container == Container::Hdf5;
    let carried = guarded(|| {
        let file = netcdf::open(path)
            .map_err(|e| Error::data(format!("cannot be opened as NetCDF: {e}")).in_file(path))?;
        define_all(out, &file, (dataset, hdf5), chosen, compression, history)
    });
    carried.unwrap_or_else(|| {
        Err(Error::data("the file is damaged: an object, a name or a type cannot be read")
            .in_file(path)
            .remedy("copy or download it again"))
    })
}

fn define_all(
    out: &mut Defining<'_>,
    file: &netcdf::File,
    (dataset, hdf5): (&Dataset, bool),
    chosen: &[Chosen<'_>],
    compression: Compression,
    history: &str,
) -> Result<()> {
    for dim in file.dimensions() {
        if dim.is_unlimited() {
            out.file.add_unlimited_dimension(&dim.name()).map_err(refused)?;
        } else {
            // Joined along a fixed time dimension: as long as all files together.
            let len = dataset.dims().iter().find(|d| d.name == dim.name()).map_or(dim.len(), |d| d.len);
            if len == 0 {
                return Err(Error::data(format!(
                    "dimension `{}` has length 0 and can't be copied",
                    dim.name()
                ))
                .in_file(&dataset.files()[0].path));
            }
            out.file.add_dimension(&dim.name(), len).map_err(refused)?;
        }
    }
    for info in dataset.variables() {
        let name = &info.variable.name;
        let gone = || Error::data("the variable is gone: the file has changed since it was opened");
        let stored = file.variable(name).ok_or_else(|| gone().in_variable(name))?;
        let mut kind = stored.vartype();
        if !can_be_carried(&kind) {
            continue;
        }
        if times_in_doubles(dataset, name) {
            kind = NcVariableType::Float(FloatType::F64);
        }
        let dims: Vec<&str> = info.variable.dims.iter().map(|d| d.name.as_str()).collect();
        let mut variable = out.file.add_variable_with_type(name, &dims, &kind).map_err(refused)?;
        let chosen = chosen.iter().find(|c| c.info.variable.name == *name);
        match chosen {
            Some(c) if c.chunked => variable.set_chunking(&c.to).map_err(refused)?,
            Some(_) => {}
            None => {
                if let Some(chunks) = carried_chunks(info, &stored, hdf5) {
                    variable.set_chunking(&chunks).map_err(refused)?;
                }
            }
        }
        let of_type = !times_in_doubles(dataset, name);
        for (attribute, value) in attributes(stored.attributes()) {
            // A fill value has the type of its variable.
            if of_type || attribute != "_FillValue" {
                variable.put_attribute(&attribute, value).map_err(|e| refused(e).in_variable(name))?;
            }
        }
        drop(variable);
        if chosen.is_some_and(|c| c.chunked) {
            out.compress(name, compression)?;
        }
    }
    let mut line = history.to_owned();
    for (name, value) in attributes(file.attributes()) {
        match value {
            AttributeValue::Str(earlier) if name == "history" => {
                line = format!("{line}\n{}", earlier.trim_end_matches(['\0', '\n']));
            }
            value => {
                out.file.add_attribute(&name, value).map_err(refused)?;
            }
        }
    }
    out.file.add_attribute("history", line.as_str()).map_err(refused)?;
    Ok(())
}

/// The chunks of a variable that is carried over: those that it has. What has none, but may grow,
/// needs some: the library's choice for bounds is a chunk for each time.
fn carried_chunks(info: &VariableInfo, stored: &netcdf::Variable<'_>, hdf5: bool) -> Option<Vec<usize>> {
    const USUAL: usize = 64 << 10;
    let (dims, shape) = (stored.dimensions(), info.variable.shape());
    let grows = dims.iter().any(netcdf::Dimension::is_unlimited);
    let chunks = match info.chunks.as_ref().filter(|_| hdf5) {
        Some(chunks) => chunks.clone(),
        None if grows => thickness(&shape, &vec![1; shape.len()], USUAL / info.variable.dtype.size().max(8)),
        None => return None,
    };
    let fits = chunks.into_iter().zip(dims).zip(shape);
    let chunks = fits.map(|((c, d), n)| if d.is_unlimited() { c.max(1) } else { c.clamp(1, n.max(1)) });
    Some(chunks.collect()).filter(|chunks: &Vec<usize>| !chunks.is_empty())
}

/// Whether values of this type can be written: numbers, characters and strings. Types that users
/// define are no part of CF.
pub(super) fn can_be_carried(kind: &NcVariableType) -> bool {
    matches!(
        kind,
        NcVariableType::Int(_) | NcVariableType::Float(_) | NcVariableType::Char | NcVariableType::String
    )
}

/// Attributes in the types that they have; those of user-defined types and of names that NetCDF
/// does not know can't be had.
fn attributes<'a>(all: impl Iterator<Item = netcdf::Attribute<'a>>) -> Vec<(String, AttributeValue)> {
    all.filter(|a| object_name::check(a.name()).is_ok())
        .filter_map(|a| Some((a.name().to_owned(), a.value().ok()?)))
        .collect()
}

/// The bytes of the value that stands for cells which were never written, if a variable states one.
pub(super) fn fill_value(variable: &Variable) -> Option<Vec<u8>> {
    let stated = variable.attributes.get("_FillValue")?;
    macro_rules! bytes {
        ($type:ty) => {
            match stated {
                Stated::Integers(v) => <$type>::try_from(*v.first()?).ok()?.to_ne_bytes().to_vec(),
                _ => return None,
            }
        };
    }
    Some(match (variable.dtype, stated) {
        (DType::I8, _) => bytes!(i8),
        (DType::U8, _) => bytes!(u8),
        (DType::I16, _) => bytes!(i16),
        (DType::U16, _) => bytes!(u16),
        (DType::I32, _) => bytes!(i32),
        (DType::U32, _) => bytes!(u32),
        (DType::I64, _) => bytes!(i64),
        (DType::U64, _) => bytes!(u64),
        (DType::F32, Stated::Singles(v)) => v.first()?.to_ne_bytes().to_vec(),
        (DType::F64, Stated::Doubles(v)) => v.first()?.to_ne_bytes().to_vec(),
        _ => return None,
    })
}

/// The definitions are those of a file that the library has read: what it refuses now is the
/// system's fault.
#[allow(clippy::needless_pass_by_value)] // Made for `map_err`.
fn refused(error: netcdf::Error) -> Error {
    Error::system(format!("can't be created: {error}"))
}
