//! From a [`Schema`] to the definitions in a file.

use super::cells::{FILL_F32, FILL_F64};
use super::schema::{Schema, VariableSpec};
use super::{zstd_filter, Compression};
use halocline_core::meta::{AttributeValue, DType};
use halocline_core::{Error, Result};
use netcdf::types::{FloatType, IntType, NcVariableType};
use netcdf::FileMut;
use std::path::Path;

/// Defines everything in `schema` in `file`, created at `path`. On a file opened by many ranks,
/// all of them must call.
pub(super) fn define(file: &mut FileMut, path: &Path, schema: &Schema) -> Result<()> {
    for dim in &schema.dims {
        if dim.unlimited {
            file.add_unlimited_dimension(&dim.name).map_err(refused)?;
        } else {
            file.add_dimension(&dim.name, dim.len).map_err(refused)?;
        }
    }
    for variable in &schema.variables {
        define_variable(file, path, schema, variable).map_err(|e| e.in_variable(&variable.name))?;
    }
    for (name, value) in schema.attributes.iter() {
        let value = if name == "Conventions" { conventions(schema, value) } else { attribute(value) };
        file.add_attribute(name, value).map_err(refused)?;
    }
    file.enddef().map_err(refused)
}

fn define_variable(file: &mut FileMut, path: &Path, schema: &Schema, spec: &VariableSpec) -> Result<()> {
    let dims: Vec<&str> = spec.dims.iter().map(String::as_str).collect();
    let mut variable =
        file.add_variable_with_type(&spec.name, &dims, &stored(spec.dtype)).map_err(refused)?;
    let mut zstd = None;
    if let Some(chunks) = schema.chunks(spec)? {
        variable.set_chunking(&chunks).map_err(refused)?;
        match spec.compression {
            Compression::None => {}
            Compression::Deflate(level) => {
                variable.set_compression(i32::from(level), true).map_err(refused)?;
            }
            Compression::Zstd(level) => zstd = Some(level),
        }
    }
    match spec.dtype {
        DType::F32 if spec.fill => variable.set_fill_value(FILL_F32).map_err(refused)?,
        DType::F64 if spec.fill => variable.set_fill_value(FILL_F64).map_err(refused)?,
        _ => {}
    }
    for (name, value) in spec.attributes.iter() {
        let of_type = OF_TYPE.contains(&name).then(|| as_values(spec.dtype, value)).flatten();
        variable.put_attribute(name, of_type.unwrap_or_else(|| attribute(value))).map_err(refused)?;
    }
    zstd.map_or(Ok(()), |level| zstd_filter::define(path, &spec.name, level))
}

/// The schema has been checked: what the library refuses now is the system's fault.
#[allow(clippy::needless_pass_by_value)] // Made for `map_err`.
fn refused(error: netcdf::Error) -> Error {
    Error::system(format!("can't be created: {error}"))
}

fn stored(dtype: DType) -> NcVariableType {
    match dtype {
        DType::I8 => NcVariableType::Int(IntType::I8),
        DType::U8 => NcVariableType::Int(IntType::U8),
        DType::I16 => NcVariableType::Int(IntType::I16),
        DType::U16 => NcVariableType::Int(IntType::U16),
        DType::I32 => NcVariableType::Int(IntType::I32),
        DType::U32 => NcVariableType::Int(IntType::U32),
        DType::I64 => NcVariableType::Int(IntType::I64),
        DType::U64 => NcVariableType::Int(IntType::U64),
        DType::F32 => NcVariableType::Float(FloatType::F32),
        DType::F64 => NcVariableType::Float(FloatType::F64),
        // `Schema::check` lets no other type pass.
        DType::Char | DType::String | DType::Other => NcVariableType::Char,
    }
}

/// Attributes whose values are values of their variable, so of its type.
const OF_TYPE: [&str; 5] = ["flag_values", "flag_masks", "valid_min", "valid_max", "valid_range"];

/// Whole numbers in the type of a variable; `None` if it is another or does not hold them.
fn as_values(dtype: DType, value: &AttributeValue) -> Option<netcdf::AttributeValue> {
    use netcdf::AttributeValue as Nc;
    let AttributeValue::Integers(all) = value else { return None };
    macro_rules! fit {
        ($variant:ident, $type:ty) => {
            Nc::$variant(all.iter().map(|&v| <$type>::try_from(v).ok()).collect::<Option<_>>()?)
        };
    }
    Some(match dtype {
        DType::I8 => fit!(Schars, i8),
        DType::U8 => fit!(Uchars, u8),
        DType::I16 => fit!(Shorts, i16),
        DType::U16 => fit!(Ushorts, u16),
        DType::U32 => fit!(Uints, u32),
        DType::I64 => Nc::Longlongs(all.clone()),
        DType::U64 => fit!(Ulonglongs, u64),
        _ => return None,
    })
}

/// The version of CF that a file keeps to: before 1.9, it knew no unsigned integers but bytes, and
/// none of 64 bits.
fn conventions(schema: &Schema, stated: &AttributeValue) -> netcdf::AttributeValue {
    let newer = [DType::U8, DType::U16, DType::U32, DType::I64, DType::U64];
    match stated {
        AttributeValue::Text(text) if schema.variables.iter().any(|v| newer.contains(&v.dtype)) => {
            netcdf::AttributeValue::Str(text.replace("CF-1.8", "CF-1.9"))
        }
        other => attribute(other),
    }
}

/// Whole numbers are `int` as long as they fit: CF knows no 64-bit attributes before 1.9.
fn attribute(value: &AttributeValue) -> netcdf::AttributeValue {
    match value {
        AttributeValue::Text(text) => netcdf::AttributeValue::Str(text.clone()),
        AttributeValue::Integers(v) => {
            match v.iter().map(|&x| i32::try_from(x)).collect::<std::result::Result<Vec<_>, _>>() {
                Ok(fit) => netcdf::AttributeValue::Ints(fit),
                Err(_) => netcdf::AttributeValue::Longlongs(v.clone()),
            }
        }
        AttributeValue::Singles(v) => netcdf::AttributeValue::Floats(v.clone()),
        AttributeValue::Doubles(v) => netcdf::AttributeValue::Doubles(v.clone()),
    }
}
