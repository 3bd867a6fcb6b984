//! The groups of a file, for those who look at all of it.

use super::Library;
use super::VariableInfo;
use crate::dataset::meta::RawVariable;
use crate::direct::meta::{members, Members};
use crate::netcdf_read::{GroupMeta, OwnMeta, ONLY_GROUPS};
use halocline_core::meta::{Attributes, Dim, Role, Variable};
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

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
    /// Attributes whose values nobody reads, as they are of types of their writer's own or have names
    /// that NetCDF does not know, and the full names of the variables that have them (empty: the
    /// group).
    pub unread: Vec<(String, String)>,
    /// Full names of data sets and groups of an HDF5 file that NetCDF does not see, such as those of
    /// types that have no name in the file.
    pub unseen: Vec<String>,
}

/// Stands for what can't be listed.
const ANY: &str = "?";

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

impl Library {
    /// The root of the file and the groups in it, each before those in it.
    ///
    /// # Errors
    /// Data, if they can't be read.
    pub fn groups(&self) -> Result<Vec<Group>> {
        let found = self.0.groups()?;
        let paths: Vec<&str> = found.iter().map(|group| group.path.as_str()).collect();
        let mut members = members(self.0.path(), &paths)?.into_iter();
        // None of a classic file, which has nothing that NetCDF does not see.
        Ok(found.into_iter().map(|group| together(group, members.next())).collect())
    }
}

/// What the library sees of a group, and what it does not.
fn together(group: GroupMeta, members: Option<Members>) -> Group {
    let prefix = if group.path == "/" { String::new() } else { format!("{}/", group.path) };
    let full = |name: &str| if name.is_empty() { String::new() } else { format!("{prefix}{name}") };
    let (unread, unseen) = missed(&group, members);
    let own = |(raw, own): &(RawVariable, Option<OwnMeta>)| {
        let OwnMeta { name, text, bytes } = own.clone()?;
        Some((full(&raw.name), OwnType { name, text, bytes }))
    };
    Group {
        dims: group.dims.iter().map(|d| Dim::new(d.name.as_str(), d.len, Role::Other)).collect(),
        attributes: group.attributes,
        own: group.variables.iter().filter_map(own).collect(),
        unread: unread.iter().map(|(of, name)| (full(of), name.clone())).collect(),
        unseen: unseen.iter().map(|name| full(name)).collect(),
        variables: group.variables.into_iter().map(|(raw, _)| info(full(&raw.name), raw)).collect(),
        path: group.path,
    }
}

/// Attributes that nobody reads, with the names of the variables that have them, and data sets and
/// groups that NetCDF does not see.
fn missed(group: &GroupMeta, members: Option<Members>) -> (Vec<(String, String)>, Vec<String>) {
    let (mut unread, mut unseen) = (group.unread.clone(), Vec::new());
    let Some(members) = members else { return (unread, unseen) };
    let told: HashSet<(&str, &str)> =
        group.told.iter().map(|(of, name)| (of.as_str(), name.as_str())).collect();
    let seen: HashSet<&str> = group.variables.iter().map(|(raw, _)| raw.name.as_str()).collect();
    let mut attributes = |of: &str, names: Option<Vec<String>>| {
        let names = names.unwrap_or_else(|| vec![ANY.to_owned()]);
        let new = names.into_iter().filter(|name| !told.contains(&(of, name.as_str())));
        unread.extend(new.map(|name| (of.to_owned(), name)));
    };
    attributes("", members.attributes);
    match members.data_sets {
        Some(sets) => {
            for (name, names) in sets {
                if seen.contains(name.as_str()) {
                    attributes(&name, names);
                } else {
                    unseen.push(name);
                }
            }
        }
        None => unseen.push(ANY.to_owned()),
    }
    unseen.extend(members.groups);
    (unread, unseen)
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
