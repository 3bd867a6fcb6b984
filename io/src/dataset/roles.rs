//! Which dimension is time, which is vertical, which are horizontal.

use super::meta::{RawVariable, SharedMeta};
use crate::cf::axes::{by_attributes, by_name, Kind};
use halocline_core::meta::{Dim, Role};
use std::collections::HashMap;

/// Roles of a file's dimensions, as far as they are known.
pub(crate) type Roles = HashMap<String, Role>;

/// Kind of a variable that is a latitude or longitude of two dimensions or one.
pub(crate) fn horizontal(v: &RawVariable, named: bool) -> Option<Kind> {
    if !v.dtype.is_numeric() || v.dims.is_empty() || v.dims.len() > 2 {
        return None;
    }
    let is = |k: &Kind| matches!(k, Kind::Latitude | Kind::Longitude);
    // An angle between axes may be in degrees_east; it is no coordinate (`angle_dx`).
    let odd = v.attributes.text("standard_name").is_some_and(|n| n.contains("angle"));
    let kind = by_attributes(&v.attributes).filter(is).filter(|_| !odd);
    kind.or_else(|| if named { by_name(&v.name).filter(is) } else { None })
}

/// Finds the roles of a file's dimensions: from the attributes of coordinate variables, from
/// auxiliary coordinates, from names, and last from being the record dimension.
pub(crate) fn roles(meta: &SharedMeta) -> Roles {
    let mut roles = Roles::new();
    for v in meta.variables.iter().filter(|v| v.is_dimension()) {
        if let Some(kind) = by_attributes(&v.attributes) {
            roles.insert(v.name.clone(), kind.role());
        }
    }
    auxiliary(meta, &mut roles);
    for dim in &meta.dims {
        let by_name = || by_name(&dim.name).map(Kind::role);
        // What we write ourselves.
        let role = if dim.name == "mode" { Some(Role::Mode) } else { by_name() };
        if let Some(role) = role {
            roles.entry(dim.name.clone()).or_insert(role);
        }
    }
    if !roles.values().any(|r| *r == Role::Time) {
        if let Some(record) = meta.dims.iter().find(|d| d.unlimited && !roles.contains_key(&d.name)) {
            roles.insert(record.name.clone(), Role::Time);
        }
    }
    roles
}

/// Roles from coordinates that are not named as their dimension.
fn auxiliary(meta: &SharedMeta, roles: &mut Roles) {
    let named = meta.coordinate_names();
    let mut along: HashMap<&str, Vec<Kind>> = HashMap::new();
    for v in meta.variables.iter().filter(|v| v.dims.len() == 1 && !v.is_dimension()) {
        let is_named = named.contains(v.name.as_str());
        let kind = if is_named { by_attributes(&v.attributes) } else { horizontal(v, false) };
        let time = || by_attributes(&v.attributes).filter(|k| *k == Kind::Time);
        if let Some(kind) = kind.or_else(time) {
            along.entry(&v.dims[0]).or_default().push(kind);
        }
    }
    for (dim, kinds) in along {
        // Latitude and longitude along one dimension: cells of an unstructured grid.
        let cells = kinds.contains(&Kind::Latitude) && kinds.contains(&Kind::Longitude);
        let role = match kinds.first() {
            _ if cells => Role::X,
            _ if kinds.contains(&Kind::Time) => Role::Time,
            Some(kind) => kind.role(),
            None => continue,
        };
        roles.entry(dim.to_owned()).or_insert(role);
    }
    for v in meta.variables.iter().filter(|v| v.dims.len() == 2) {
        if horizontal(v, named.contains(v.name.as_str())).is_none() {
            continue;
        }
        let (mut y, mut x) = (&v.dims[0], &v.dims[1]);
        if by_name(y).map(Kind::role) == Some(Role::X) && by_name(x).map(Kind::role) == Some(Role::Y) {
            (y, x) = (x, y);
        }
        // A latitude that moves with time is no fixed grid.
        if [y, x].iter().all(|d| !matches!(roles.get(*d), Some(Role::Time | Role::Level))) {
            roles.entry(y.clone()).or_insert(Role::Y);
            roles.entry(x.clone()).or_insert(Role::X);
        }
    }
}

/// The dimensions of a variable with their roles: those of the file, and where it knows no
/// horizontal ones, the last two.
pub(crate) fn dims_of(v: &RawVariable, roles: &Roles) -> Vec<Dim> {
    let mut dims: Vec<Dim> = v
        .dims
        .iter()
        .zip(&v.shape)
        .map(|(name, &len)| Dim::new(name.clone(), len, roles.get(name).copied().unwrap_or(Role::Other)))
        .collect();
    // Each role once: the first time, the last of the others.
    for i in 0..dims.len() {
        let role = dims[i].role;
        let taken = match role {
            Role::Other => false,
            Role::Time => dims[..i].iter().any(|d| d.role == role),
            _ => dims[i + 1..].iter().any(|d| d.role == role),
        };
        if taken {
            dims[i].role = Role::Other;
        }
    }
    if !dims.iter().any(|d| matches!(d.role, Role::Y | Role::X)) {
        let others: Vec<usize> = (0..dims.len()).filter(|&i| dims[i].role == Role::Other).collect();
        if let Some((&x, rest)) = others.split_last() {
            dims[x].role = Role::X;
            if let Some(&y) = rest.last() {
                dims[y].role = Role::Y;
            }
        }
    }
    dims
}
