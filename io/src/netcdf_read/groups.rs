//! The groups of a file as the library sees them.

use super::own::OwnMeta;
use super::{checked, damaged_cells, read_attributes, variable, NetcdfReader};
use crate::dataset::meta::{RawDim, RawVariable};
use crate::direct::variable::{collect, StoredAttributes};
use crate::guard::guarded;
use halocline_core::meta::Attributes;
use halocline_core::{Error, Result};
use netcdf::Group;

/// Groups in groups, at most.
const DEEPEST: usize = 64;

/// A group: what is in it, but no values.
#[derive(Debug)]
pub(crate) struct GroupMeta {
    /// `/`, or `/model/ocean`.
    pub(crate) path: String,
    pub(crate) dims: Vec<RawDim>,
    pub(crate) attributes: Attributes,
    /// Each with its type, if that is its writer's own.
    pub(crate) variables: Vec<(RawVariable, Option<OwnMeta>)>,
    /// Attributes whose values are of types of their writer's own, and the variables that have them
    /// (an empty name: the group).
    pub(crate) unread: Vec<(String, String)>,
    /// All attributes that the library tells of, named alike.
    pub(crate) told: Vec<(String, String)>,
}

impl NetcdfReader {
    /// The root and all groups in it, each before those in it, in the order of names.
    ///
    /// # Errors
    /// Data, if a group can't be read.
    pub(crate) fn groups(&self) -> Result<Vec<GroupMeta>> {
        let read = guarded(|| {
            let mut all = Vec::new();
            let root = self.file.root().ok_or_else(damaged_cells)?;
            walk(&root, "", 0, &mut all)?;
            Ok(all)
        });
        let damaged = || Err(Error::data("the file is damaged: its groups cannot be read"));
        read.unwrap_or_else(damaged).map_err(|e| e.in_file(&self.path))
    }
}

fn walk(group: &Group<'_>, path: &str, depth: usize, all: &mut Vec<GroupMeta>) -> Result<()> {
    if depth > DEEPEST {
        return Err(Error::data(format!("groups are nested deeper than {DEEPEST}")));
    }
    let (mut unread, mut told) = (Vec::new(), Vec::new());
    let mut note = |of: &str, attributes: &StoredAttributes| {
        let odd = attributes.iter().filter(|(_, value)| value.is_none());
        unread.extend(odd.map(|(name, _)| (of.to_owned(), name.clone())));
        told.extend(attributes.iter().map(|(name, _)| (of.to_owned(), name.clone())));
    };
    let attributes = read_attributes(group.attributes());
    note("", &attributes);
    let mut variables = Vec::new();
    for found in group.variables() {
        let raw = variable(&found, true)?;
        note(&raw.name, &read_attributes(found.attributes()));
        variables.push((raw, OwnMeta::of(&found)));
    }
    let dimension = |d: netcdf::Dimension<'_>| {
        Ok(RawDim { name: checked(d.name())?, len: d.len(), unlimited: d.is_unlimited() })
    };
    let dims = group.dimensions().map(dimension).collect::<Result<_>>()?;
    let name = if path.is_empty() { "/" } else { path };
    all.push(GroupMeta {
        path: name.to_owned(),
        dims,
        attributes: collect(attributes),
        variables,
        unread,
        told,
    });
    let mut children: Vec<Group<'_>> = group.groups().collect();
    children.sort_by_key(Group::name);
    for child in children {
        let name = checked(child.name())?;
        walk(&child, &format!("{path}/{name}"), depth + 1, all)?;
    }
    Ok(())
}
