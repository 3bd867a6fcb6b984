//! Which latitude and longitude belong to a variable.

use super::coordinate;
use crate::cf::axes::{by_name, Kind};
use crate::dataset::meta::{RawVariable, SharedMeta};
use crate::dataset::roles::horizontal;
use crate::stored::StoredReader;
use halocline_core::grid::{Grid, GridKind};
use halocline_core::meta::{Coordinate, Dim, Values, Variable};
use halocline_core::Result;

/// The grid of a variable before any selection. `dims` are its horizontal dimensions with their
/// roles, `[Y, X]`, `[X]` or none.
pub(crate) fn grid(
    meta: &SharedMeta,
    v: &RawVariable,
    dims: &[Dim],
    reader: &dyn StoredReader,
) -> Result<Grid> {
    let lat = find(meta, v, dims, Kind::Latitude);
    let lon = find(meta, v, dims, Kind::Longitude);
    let read = |c: Option<&RawVariable>, name: &str, units: &str| -> Result<Option<Coordinate>> {
        let Some(c) = c else { return Ok(None) };
        let mut coordinate = coordinate::read(meta, c, dims, reader)?;
        to_degrees(&mut coordinate);
        // However it was recognised, results say what it is.
        for (attribute, value) in [("standard_name", name), ("units", units)] {
            if coordinate.variable.attributes.text(attribute).is_none_or(str::is_empty) {
                coordinate.variable.attributes.set(attribute, value);
            }
        }
        Ok(Some(coordinate))
    };
    let kind = kind(dims, lat, lon);
    let mut extra = Vec::new();
    for d in dims {
        let own = meta.variable(&d.name).filter(|c| c.is_dimension() && c.dtype.is_numeric());
        let taken = |c: &RawVariable| [lat, lon].into_iter().flatten().any(|u| u.name == c.name);
        if let Some(c) = own.filter(|c| !taken(c)) {
            extra.push(coordinate::read(meta, c, dims, reader)?);
        }
    }
    extra.extend(mapping(meta, v));
    Ok(Grid {
        kind,
        dims: dims.to_vec(),
        lat: read(lat, "latitude", "degrees_north")?,
        lon: read(lon, "longitude", "degrees_east")?,
        extra,
        edges: None,
        excluded: Vec::new(),
    })
}

/// Radians to degrees, bounds too: what is computed with angles here takes degrees.
fn to_degrees(coordinate: &mut Coordinate) {
    if !coordinate.variable.units().is_some_and(|u| u.to_lowercase().starts_with("rad")) {
        return;
    }
    let degrees = |values: &Values| Values::F64(values.to_f64().into_iter().map(f64::to_degrees).collect());
    coordinate.values = degrees(&coordinate.values);
    coordinate.variable.dtype = coordinate.values.dtype();
    coordinate.variable.attributes.set("units", "degrees");
    if let Some(bounds) = &mut coordinate.bounds {
        bounds.values = degrees(&bounds.values);
        bounds.variable.dtype = bounds.values.dtype();
        bounds.variable.attributes.remove("units");
    }
}

fn kind(dims: &[Dim], lat: Option<&RawVariable>, lon: Option<&RawVariable>) -> GridKind {
    let along = |c: Option<&RawVariable>| c.map(|c| c.dims.len());
    match (dims.len(), along(lat), along(lon)) {
        (2, Some(2), Some(2)) => GridKind::Curvilinear,
        (2, Some(1), Some(1)) => GridKind::Rectilinear,
        (1, Some(_), _) | (1, _, Some(_)) => GridKind::Unstructured,
        _ => GridKind::Unknown,
    }
}

/// The latitude or longitude of a variable: named in its `coordinates` and two-dimensional (a
/// 1-D coordinate of the same grid is then nominal only), else the coordinate variable of a
/// dimension, else named and 1-D, else any of the file that fits.
fn find<'a>(meta: &'a SharedMeta, v: &RawVariable, dims: &[Dim], kind: Kind) -> Option<&'a RawVariable> {
    let named: Vec<&str> = v.attributes.text("coordinates").unwrap_or_default().split_whitespace().collect();
    let horizontals =
        |c: &RawVariable| !c.dims.is_empty() && c.dims.iter().all(|d| dims.iter().any(|h| h.name == *d));
    // One-dimensional latitude runs along Y, longitude along X, where there are both.
    let placed = |c: &RawVariable| {
        let role = dims.iter().find(|d| d.name == c.dims[0]).map(|d| d.role);
        c.dims.len() == 2 || dims.len() == 1 || role == Some(kind.role())
    };
    let is_named = |c: &RawVariable| named.contains(&c.name.as_str());
    let candidates: Vec<&RawVariable> = meta
        .variables
        .iter()
        .map(|c| &**c)
        .filter(|c| c.name != v.name && c.dtype.is_numeric() && horizontals(c) && placed(c))
        .filter(|c| {
            let by_dimension = c.is_dimension() && by_name(&c.name) == Some(kind);
            horizontal(c, is_named(c)) == Some(kind) || (horizontal(c, false).is_none() && by_dimension)
        })
        .collect();
    let rank = |c: &&&RawVariable| match (is_named(c), c.dims.len(), c.is_dimension()) {
        (true, 2, _) => 0,
        (_, 1, true) => 1,
        (true, ..) => 2,
        (false, 2, _) => 3,
        _ => 4,
    };
    candidates.iter().min_by_key(rank).copied()
}

/// The grid-mapping variable: a scalar whose attributes matter, its value does not.
fn mapping(meta: &SharedMeta, v: &RawVariable) -> Option<Coordinate> {
    let name = v.attributes.text("grid_mapping")?.split([' ', ':']).next()?;
    let found = meta.variable(name)?;
    let values = Values::I32(vec![0]);
    let variable = Variable {
        name: found.name.clone(),
        dims: Vec::new(),
        dtype: values.dtype(),
        attributes: coordinate::of_decoded(&found.attributes),
    };
    Some(Coordinate { variable, values, bounds: None })
}
