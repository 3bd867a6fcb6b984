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
        file.add_attribute(name, attribute(value)).map_err(refused)?;
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
        variable.put_attribute(name, attribute(value)).map_err(refused)?;
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
