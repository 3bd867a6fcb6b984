//! Types that the writer of a file has defined.

use super::{damaged_cells, NetcdfReader};
use crate::guard::guarded;
use halocline_core::index::IndexBox;
use halocline_core::rechunk::cut;
use halocline_core::{Error, Result};
use netcdf::types::{EnumTypeValues, FloatType, IntType, NcVariableType};
use netcdf::{Extents, Group, Variable};

/// What is known of the type of a variable that is none of NetCDF's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnMeta {
    /// Its name.
    pub(crate) name: String,
    /// What it is made of, in words.
    pub(crate) text: String,
    /// Bytes of a value; `None` if its length is its own, which nobody here reads.
    pub(crate) bytes: Option<usize>,
}

impl OwnMeta {
    /// Of a variable; `None` if its type is one of NetCDF's own.
    pub(super) fn of(variable: &Variable<'_>) -> Option<Self> {
        let kind = variable.vartype();
        let name = match &kind {
            NcVariableType::Compound(t) => t.name.clone(),
            NcVariableType::Opaque(t) => t.name.clone(),
            NcVariableType::Enum(t) => t.name.clone(),
            NcVariableType::Vlen(t) => t.name.clone(),
            _ => return None,
        };
        Some(Self { name, text: told(&kind), bytes: is_fixed(&kind).then(|| kind.size()) })
    }
}

/// Whether a group, or one in it, defines types.
pub(super) fn defines(group: &Group<'_>) -> bool {
    group.types().next().is_some() || group.groups().any(|child| defines(&child))
}

impl NetcdfReader {
    /// The bytes of the values of a block, one value after the other in C order, of a variable whose
    /// type its writer has defined: what lies between the parts of a record is left out.
    ///
    /// # Errors
    /// Data, if they can't be read.
    pub(crate) fn own_values(&self, name: &str, block: &IndexBox) -> Result<Vec<Vec<u8>>> {
        let read = guarded(|| {
            let variable = self.file.variable(name).ok_or_else(damaged_cells)?;
            let kind = variable.vartype();
            if !is_fixed(&kind) || kind.size() == 0 {
                return Err(Error::data("its values have lengths of their own, which are not read"));
            }
            let grows = variable.dimensions().iter().filter(|d| d.is_unlimited()).count();
            let first = variable.dimensions().first().is_some_and(netcdf::Dimension::is_unlimited);
            // The library puts what was never written in wrong places, unless it is at the end.
            let one_by_one = grows > usize::from(first) && block.ndim() > 0;
            let parts = if one_by_one { cut(block, &vec![1; block.ndim()]) } else { vec![block.clone()] };
            let mut all = Vec::with_capacity(block.len());
            for part in parts {
                let extents: Extents = part.ranges().to_vec().into();
                let bytes = variable.get_raw_values(extents).map_err(|e| {
                    Error::data(format!("values of the type `{}` cannot be read: {e}", told(&kind)))
                })?;
                for cell in bytes.chunks(kind.size()) {
                    let mut value = Vec::new();
                    gather(&kind, cell, &mut value).ok_or_else(damaged_cells)?;
                    all.push(value);
                }
            }
            Ok(all)
        });
        read.unwrap_or_else(|| Err(damaged_cells())).map_err(|e| e.in_variable(name).in_file(&self.path))
    }
}

/// Whether a value is in its bytes, and not behind an address.
fn is_fixed(kind: &NcVariableType) -> bool {
    match kind {
        NcVariableType::Compound(t) => t.fields.iter().all(|field| is_fixed(&field.basetype)),
        NcVariableType::Vlen(_) | NcVariableType::String => false,
        _ => true,
    }
}

/// Appends the bytes that say something.
fn gather(kind: &NcVariableType, bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let NcVariableType::Compound(record) = kind else {
        out.extend(bytes.get(..kind.size())?);
        return Some(());
    };
    for field in &record.fields {
        let size = field.basetype.size();
        let many: usize = field.arraydims.iter().flatten().product();
        for k in 0..many {
            gather(&field.basetype, bytes.get(field.offset + k * size..)?, out)?;
        }
    }
    Some(())
}

/// A type in words, as `ncdump` would have it.
fn told(kind: &NcVariableType) -> String {
    match kind {
        NcVariableType::Compound(t) => {
            let field = |f: &netcdf::types::CompoundTypeField| {
                let dims: Vec<String> = f.arraydims.iter().flatten().map(ToString::to_string).collect();
                let dims = if dims.is_empty() { String::new() } else { format!("({})", dims.join(", ")) };
                format!("{} {}{dims}", told(&f.basetype), f.name)
            };
            format!("compound {{{}}}", t.fields.iter().map(field).collect::<Vec<_>>().join("; "))
        }
        NcVariableType::Opaque(t) => format!("opaque({})", t.size),
        NcVariableType::Enum(t) => {
            let (base, values) = members(&t.fieldvalues);
            let all = t.fieldnames.iter().zip(values).map(|(name, value)| format!("{name} = {value}"));
            format!("{base} enum {{{}}}", all.collect::<Vec<_>>().join(", "))
        }
        NcVariableType::Vlen(t) => format!("{}(*)", told(&t.basetype)),
        NcVariableType::String => "string".to_owned(),
        NcVariableType::Char => "char".to_owned(),
        NcVariableType::Float(FloatType::F32) => "float".to_owned(),
        NcVariableType::Float(FloatType::F64) => "double".to_owned(),
        NcVariableType::Int(t) => match t {
            IntType::I8 => "byte",
            IntType::U8 => "ubyte",
            IntType::I16 => "short",
            IntType::U16 => "ushort",
            IntType::I32 => "int",
            IntType::U32 => "uint",
            IntType::I64 => "int64",
            IntType::U64 => "uint64",
        }
        .to_owned(),
    }
}

fn members(values: &EnumTypeValues) -> (&'static str, Vec<i128>) {
    macro_rules! wide {
        ($name:expr, $v:expr) => {
            ($name, $v.iter().map(|&v| i128::from(v)).collect())
        };
    }
    match values {
        EnumTypeValues::I8(v) => wide!("byte", v),
        EnumTypeValues::U8(v) => wide!("ubyte", v),
        EnumTypeValues::I16(v) => wide!("short", v),
        EnumTypeValues::U16(v) => wide!("ushort", v),
        EnumTypeValues::I32(v) => wide!("int", v),
        EnumTypeValues::U32(v) => wide!("uint", v),
        EnumTypeValues::I64(v) => wide!("int64", v),
        EnumTypeValues::U64(v) => wide!("uint64", v),
    }
}
