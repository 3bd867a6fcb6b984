//! Names of all that an HDF5 file has, whether NetCDF sees it or not.

use super::attributes::{all, one_text, RESERVED};
use super::groups::NO_VARIABLE;
use super::hdf5::{open, NO_COORDINATE};
use crate::direct::refusal::Attempt;
use crate::guard::guarded;
use crate::probe::{probe, Container};
use halocline_core::Result;
use hdf5_reader::group::Group;
use hdf5_reader::{Dataset, Hdf5File};
use std::collections::HashSet;
use std::path::Path;

/// What is directly in a group. `None` stands for what can't be listed here.
#[derive(Debug, Default)]
pub(crate) struct Members {
    /// Names of its attributes.
    pub(crate) attributes: Option<Vec<String>>,
    /// Its data sets that are not dimensions alone, with the names of their attributes.
    pub(crate) data_sets: Option<Vec<(String, Option<Vec<String>>)>>,
    /// Groups in it that no other path leads to.
    pub(crate) groups: Vec<String>,
}

/// What is in the groups of these paths (`/`, or `/model/ocean`); empty for a classic file.
///
/// # Errors
/// Data, if the file is damaged; system, if it can't be read.
pub(crate) fn members(path: &Path, groups: &[&str]) -> Result<Vec<Members>> {
    let probed = probe(path)?;
    if !matches!(probed.container, Container::Hdf5) {
        return Ok(Vec::new());
    }
    // What this way of reading does not know is no reason to refuse a file that the library reads.
    let found = guarded(|| {
        let Ok(file) = open(path, probed.bytes) else { return Vec::new() };
        let found: Vec<Option<Group>> = groups.iter().map(|path| find(&file, path).ok()).collect();
        let known: HashSet<u64> = found.iter().flatten().map(Group::address).collect();
        found.iter().map(|group| group.as_ref().map(|g| of(&file, g, &known)).unwrap_or_default()).collect()
    });
    let mut found = found.unwrap_or_default();
    found.resize_with(groups.len(), Members::default);
    Ok(found)
}

fn find(file: &Hdf5File, path: &str) -> Attempt<Group> {
    let mut group = file.root_group()?;
    for name in path.split('/').filter(|name| !name.is_empty()) {
        group = group.group(name)?;
    }
    Ok(group)
}

fn of(file: &Hdf5File, group: &Group, known: &HashSet<u64>) -> Members {
    let attributes = all(file, group).ok().map(|found| names(found.into_iter().map(|a| a.name)));
    let Ok((groups, sets)) = group.member_names() else {
        return Members { attributes, ..Members::default() };
    };
    let is_new = |name: &String| !group.group(name).is_ok_and(|g| known.contains(&g.address()));
    let data_sets = sets.into_iter().filter_map(|name| {
        let set = group.dataset(&name).ok();
        let found = set.as_ref().and_then(|set| Some((set, all(file, set).ok()?)));
        if found.as_ref().is_some_and(|(set, found)| is_dimension(set, found)) {
            return None;
        }
        let attributes = found.map(|(_, found)| names(found.into_iter().map(|a| a.name)));
        Some((name.strip_prefix(NO_COORDINATE).unwrap_or(&name).to_owned(), attributes))
    });
    Members {
        attributes,
        data_sets: Some(data_sets.collect()),
        groups: groups.into_iter().filter(is_new).collect(),
    }
}

/// Whether a data set stands for a dimension and no variable.
fn is_dimension(set: &Dataset, attributes: &[hdf5_reader::messages::attribute::AttributeMessage]) -> bool {
    let text = |name: &str| one_text(set, attributes, name).ok().flatten();
    text("CLASS").is_some_and(|class| class == "DIMENSION_SCALE")
        && text("NAME").is_some_and(|name| name.starts_with(NO_VARIABLE))
}

/// Those that NetCDF does not keep for itself.
fn names(all: impl Iterator<Item = String>) -> Vec<String> {
    all.filter(|name| !RESERVED.contains(&name.as_str())).collect()
}
