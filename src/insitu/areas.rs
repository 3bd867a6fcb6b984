//! How much the cells of a running program's grid count.

use super::Setup;
use halocline_core::grid::{Grid, GridKind};
use halocline_core::meta::{Coordinate, Dim, Role};
use halocline_core::{Error, Result};

/// The share of each horizontal cell in the area of the grid, C order over the last two dimensions, as
/// `halocline histogram --weights area` has it of a file without bounds: spherical rectangles whose
/// edges lie half-way between the centres.
///
/// # Errors
/// Usage, if the last two dimensions are not latitude and longitude in degrees, or one is a single
/// row or column.
pub(super) fn shares(setup: &Setup) -> Result<Vec<f64>> {
    let [.., slow, fast] = setup.space.as_slice() else { return Err(unknown()) };
    let of = |dim: &Dim| setup.coordinates.iter().find(|c| c.variable.name == dim.name);
    let is = |c: &Coordinate, name: &str| c.variable.attributes.text("standard_name") == Some(name);
    let (Some(first), Some(second)) = (of(slow), of(fast)) else { return Err(unknown()) };
    let rows_first = is(first, "latitude") && is(second, "longitude");
    if !(rows_first || is(first, "longitude") && is(second, "latitude")) {
        return Err(unknown());
    }
    let (lat, lon) = if rows_first { (first, second) } else { (second, first) };
    if let Some(bad) = lat.values.to_f64().iter().find(|v| v.abs() > 90.0 + 1e-6) {
        return Err(Error::usage(format!("a latitude of {bad} degrees lies beyond the poles")));
    }
    let along = |c: &Coordinate, role: Role| Dim::new(c.variable.name.as_str(), c.values.len(), role);
    let grid = Grid {
        kind: GridKind::Rectilinear,
        dims: vec![along(lat, Role::Y), along(lon, Role::X)],
        lat: Some(lat.clone()),
        lon: Some(lon.clone()),
        extra: Vec::new(),
        edges: None,
        excluded: Vec::new(),
    };
    let areas = grid.areas().map_err(|e| Error::usage(e.message).remedy("use weights=none"))?;
    let total: f64 = areas.iter().sum();
    let share = |cell: usize| {
        let at = if rows_first { cell } else { cell % fast.len * slow.len + cell / fast.len };
        areas[at] / total
    };
    Ok((0..areas.len()).map(share).collect())
}

fn unknown() -> Error {
    Error::usage("weights=area needs latitudes and longitudes").remedy(
        "give the coordinates of the last two dimensions in degrees_north and degrees_east before the \
         first step and before a saved state, or weights=none",
    )
}
