//! The groups of a file, for those who look at all of it.

use super::VariableInfo;
use crate::dataset::meta::RawVariable;
use crate::netcdf_read::{NetcdfReader, OwnMeta, ONLY_GROUPS};
use halocline_core::meta::{Attributes, Dim, Role, Variable};
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A group: what is in it, but no values.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Group {
    /// `/`, or `/model/ocean`.
    pub path: String,
    /// Dimensions that it defines.
    pub dims: Vec<Dim>,
    /// Its attributes.
    pub attributes: Attributes,
    /// Its variables, by their full names (`/model/ocean/sst`; those of the root plain).
    pub variables: Vec<VariableInfo>,
    /// Variables whose types are their writer's own: name and type.
    pub own: Vec<(String, OwnType)>,
    /// Attributes whose values are of types of their writer's own, which nobody reads, and the full
    /// names of the variables that have them (empty: the group).
    pub unread: Vec<(String, String)>,
}

/// A type that the writer of a file has defined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnType {
    /// Its name.
    pub name: String,
    /// What it is made of, in words.
    pub text: String,
    /// Bytes of a value; `None` if values have lengths of their own, which are not read.
    pub bytes: Option<usize>,
}

/// Whether an error says that a file has variables in groups only.
pub fn is_of_groups_only(error: &Error) -> bool {
    error.message == ONLY_GROUPS
}

/// The root of a file and the groups in it, each before those in it.
///
/// # Errors
/// Data, if they can't be read by the NetCDF library.
pub fn groups(path: &Path) -> Result<Vec<Group>> {
    let found = NetcdfReader::open(path)?.groups()?;
    let each = found.into_iter().map(|group| {
        let prefix = if group.path == "/" { String::new() } else { format!("{}/", group.path) };
        let full = |name: &str| if name.is_empty() { String::new() } else { format!("{prefix}{name}") };
        let own = |(raw, own): &(RawVariable, Option<OwnMeta>)| {
            let OwnMeta { name, text, bytes } = own.clone()?;
            Some((full(&raw.name), OwnType { name, text, bytes }))
        };
        Group {
            dims: group.dims.iter().map(|d| Dim::new(d.name.as_str(), d.len, Role::Other)).collect(),
            attributes: group.attributes,
            own: group.variables.iter().filter_map(own).collect(),
            unread: group.unread.iter().map(|(of, name)| (full(of), name.clone())).collect(),
            variables: group.variables.into_iter().map(|(raw, _)| info(full(&raw.name), raw)).collect(),
            path: group.path,
        }
    });
    Ok(each.collect())
}

fn info(name: String, raw: RawVariable) -> VariableInfo {
    let dims = raw.dims.iter().zip(&raw.shape).map(|(d, &n)| Dim::new(d.as_str(), n, Role::Other)).collect();
    let filters = raw.filters.clone();
    VariableInfo {
        variable: Variable { name, dims, dtype: raw.dtype, attributes: raw.attributes },
        chunks: raw.chunks,
        deflate: filters.as_ref().and_then(|f| f.deflate),
        shuffle: filters.as_ref().is_some_and(|f| f.shuffle),
        filters_known: filters.is_some(),
        other_filters: filters.map_or_else(Vec::new, |f| f.others),
        packed: raw.decode.is_packed(),
        is_coordinate: false,
        auxiliary: false,
        decodes: vec![raw.decode],
        decode_of_file: Vec::new(),
        problem: raw.malformed,
    }
}
