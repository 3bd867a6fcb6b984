//! What the variables of a file are for.

use super::meta::{RawVariable, SharedMeta};
use super::roles::{horizontal, Roles};
use crate::cf::axes::{by_attributes, Kind};
use halocline_core::meta::Role;
use std::collections::HashSet;

/// Names of variables by what they are for.
pub(crate) struct Purposes {
    coordinates: HashSet<String>,
    others: HashSet<String>,
}

impl Purposes {
    /// Whether a variable is a coordinate.
    pub(crate) fn is_coordinate(&self, name: &str) -> bool {
        self.coordinates.contains(name)
    }
    /// Whether a variable is no data.
    pub(crate) fn is_auxiliary(&self, name: &str) -> bool {
        self.is_coordinate(name) || self.others.contains(name)
    }
}

/// Sorts the variables of a file.
pub(crate) fn purposes(meta: &SharedMeta, roles: &Roles) -> Purposes {
    let mut coordinates: HashSet<String> = meta.coordinate_names().into_iter().map(str::to_owned).collect();
    let mut others = HashSet::new();
    for v in &meta.variables {
        let is_time = v.dims.len() <= 1 && by_attributes(&v.attributes) == Some(Kind::Time);
        let moves = v.dims.iter().any(|d| roles.get(d) == Some(&Role::Time));
        if v.is_dimension() || is_time || horizontal(v, !moves).is_some() {
            coordinates.insert(v.name.clone());
        }
        others.extend(described_by(v));
        if is_helper(v) {
            others.insert(v.name.clone());
        }
    }
    Purposes { coordinates, others }
}

/// Variables that this one names as its bounds, weights, mapping or terms.
fn described_by(v: &RawVariable) -> Vec<String> {
    let text = |name: &str| v.attributes.text(name).unwrap_or_default();
    let whole = ["bounds", "climatology"].into_iter().map(text);
    let mapping = text("grid_mapping").split_whitespace().map(|w| w.trim_end_matches(':'));
    // `area: areacella volume: volcella`: names follow their keys.
    let pairs = ["cell_measures", "formula_terms"].into_iter().flat_map(|n| text(n).split_whitespace());
    let pairs = pairs.filter(|w| !w.ends_with(':'));
    whole.chain(mapping).chain(pairs).filter(|n| !n.is_empty()).map(str::to_owned).collect()
}

/// Whether it helps others without being named by them.
fn is_helper(v: &RawVariable) -> bool {
    let lower = v.name.to_ascii_lowercase();
    let bounds =
        ["_bnds", "_bounds", "_bnd"].iter().any(|s| lower.ends_with(s)) || lower.starts_with("bounds_");
    !v.dtype.is_numeric()
        || v.dims.is_empty()
        || bounds
        || v.attributes.text("grid_mapping_name").is_some()
        || matches!(lower.as_str(), "gw" | "date" | "datesec" | "date_frac" | "weights")
}
