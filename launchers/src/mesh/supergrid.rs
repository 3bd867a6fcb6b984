//! MOM6's supergrid (`ocean_hgrid.nc`): corners, middles of sides and centres of cells in one map of
//! twice as many rows and columns.

use super::fill::Files;
use halocline_core::grid::mesh::{Faces, Parts, Point, Staggering};
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;

/// Whether a file is one.
pub(super) fn is_one(dataset: &Dataset) -> bool {
    let has = |name: &str| {
        dataset.variables().iter().any(|v| v.variable.name == name && v.variable.dims.len() == 2)
    };
    let dim = |name: &str| dataset.dims().iter().find(|d| d.name == name).map(|d| d.len);
    let twice = |n: Option<usize>, p: Option<usize>| matches!((n, p), (Some(n), Some(p)) if n % 2 == 0 && n > 0 && p == n + 1);
    ["x", "y", "dx", "dy", "area"].iter().all(|n| has(n))
        && twice(dim("nx"), dim("nxp"))
        && twice(dim("ny"), dim("nyp"))
}

/// The mesh that it holds, with faces on both sides of every cell.
pub(super) fn parts(files: &Files<'_>) -> Result<Parts> {
    let read = |name: &str| -> Result<([usize; 2], Vec<f64>)> {
        let plane = files.plane(name, 0)?;
        match plane.shape[..] {
            [rows, columns] => Ok(([rows, columns], plane.values)),
            _ => Err(Error::data("is no map of a supergrid").in_variable(name)),
        }
    };
    let ([nyp, nxp], lon) = read("x")?;
    let (lat, dx, dy, area) = (read("y")?, read("dx")?, read("dy")?, read("area")?);
    let (ny, nx) = (nyp - 1, nxp - 1);
    if lat.0 != [nyp, nxp] || dx.0 != [nyp, nx] || dy.0 != [ny, nxp] || area.0 != [ny, nx] {
        return Err(Error::data("the variables of the supergrid don't fit each other"));
    }
    let (lat, dx, dy, area) = (lat.1, dx.1, dy.1, area.1);
    let mut parts = Parts::new([ny / 2, nx / 2], Staggering::C, [Faces::Outer; 2]);
    for point in Point::ALL {
        let k = point.index();
        let (north, east) = (usize::from(!point.is_north()), usize::from(!point.is_east()));
        let (rows, columns) = (ny / 2 + 1 - north, nx / 2 + 1 - east);
        let all = (0..rows * columns).map(|c| (2 * (c / columns) + north, 2 * (c % columns) + east));
        // The pieces before and behind a place; at the rim the one there is counts twice.
        let both = |at: usize, len: usize| [at.saturating_sub(1), at.min(len - 1)];
        let area = &area;
        let (mut own_dx, mut own_dy, mut own_area) = (Vec::new(), Vec::new(), Vec::new());
        for (j, i) in all.clone() {
            let (rows, columns) = (both(j, ny), both(i, nx));
            own_dx.push(columns.iter().map(|i| dx[j * nx + i]).sum());
            own_dy.push(rows.iter().map(|j| dy[j * nxp + i]).sum());
            own_area.push(rows.iter().flat_map(|j| columns.iter().map(move |i| area[j * nx + i])).sum());
        }
        (parts.dx[k], parts.dy[k], parts.area[k]) = (own_dx, own_dy, own_area);
        parts.lat[k] = all.clone().map(|(j, i)| lat[j * nxp + i]).collect();
        parts.lon[k] = all.map(|(j, i)| lon[j * nxp + i]).collect();
    }
    Ok(parts)
}
