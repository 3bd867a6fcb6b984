//! Bilinear weights, from the four centres around a place.

use super::axes::{between, between_on_circle, Between};
use super::cells::{Axes, Cells};
use super::polygon::Polygon;
use super::tree::{extent, Boxes};
use super::vector::{chord2, cross, dot, minus, Place};
use super::{Made, Matrix};
use halocline_core::{Error, Result};
use rayon::prelude::*;
use std::ops::Range;

/// In which coordinates bilinear interpolation is linear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Plane {
    /// In latitude and longitude between the rows and columns of a rectilinear grid, else as
    /// [`Self::Sphere`].
    #[default]
    ByGrid,
    /// In space: a place is where its direction meets the bilinear surface through the four centres,
    /// as ESMF has it.
    Sphere,
    /// In latitude and longitude, on curvilinear grids, too, as SCRIP and CDO have it; where that
    /// can't be, as round a pole, in space.
    LatLon,
}

/// Bilinear interpolation, to target cells `targets`. Between the rows and columns of a rectilinear
/// grid it is linear in latitude and longitude (unless `plane` says otherwise); between the centres
/// of a curvilinear grid it is so in the two coordinates of the quadrilateral of four neighbours.
/// Places outside of all centres get no value; on a rectilinear grid that reaches round the
/// globe, places between its last row and the pole take the mean of that row as the value at the
/// pole.
///
/// # Errors
/// Data, if the grid is unstructured, or has but one row or column.
pub fn bilinear(from: &Cells, to: &Cells, plane: Plane, targets: Range<usize>) -> Result<Made> {
    let (lat, lon) = to.centres()?;
    let (lat, lon) = (&lat[targets.clone()], &lon[targets.clone()]);
    let by_axes = |axes: &Axes| -> Vec<Vec<(u32, f64)>> {
        lat.par_iter().zip(lon).map(|(lat, lon)| on_axes(axes, *lat, *lon)).collect()
    };
    let rows = match (&from.axes, plane) {
        (Some(axes), Plane::ByGrid | Plane::LatLon) => by_axes(axes),
        (axes, _) => {
            let quads = Quads::new(from, plane)?;
            let places = to.places()?;
            let at = (lat, lon).into_par_iter().zip(&places[targets]);
            let weights = at.map(|((lat, lon), place)| {
                let Some(place) = place else { return Vec::new() };
                let found = quads.weights(place, *lat, *lon);
                // Beyond the last row there is no quadrilateral.
                match axes {
                    Some(axes) if found.is_empty() => on_axes(axes, *lat, *lon),
                    _ => found,
                }
            });
            weights.collect()
        }
    };
    let covered = rows.iter().map(|row| f64::from(u8::from(!row.is_empty()))).collect();
    Ok(Made { matrix: Matrix::from_rows(from.len(), rows)?, covered, crossed: [0, 0] })
}

fn on_axes(axes: &Axes, lat: f64, lon: f64) -> Vec<(u32, f64)> {
    let (ny, nx) = (axes.lat.len() as u32, axes.lon.len() as u32);
    let cell = |j: u32, i: u32| if axes.rows_first { j * nx + i } else { i * ny + j };
    let Some(x) = between_on_circle(&axes.lon, lon, axes.is_cyclic) else { return Vec::new() };
    let x = Between { share: settled(x.share), ..x };
    let four = |y: Between| -> Vec<(u32, f64)> {
        let y = Between { share: settled(y.share), ..y };
        [
            (cell(y.first, x.first), (1.0 - y.share) * (1.0 - x.share)),
            (cell(y.first, x.second), (1.0 - y.share) * x.share),
            (cell(y.second, x.first), y.share * (1.0 - x.share)),
            (cell(y.second, x.second), y.share * x.share),
        ]
        .into_iter()
        .filter(|entry| entry.1 != 0.0)
        .collect()
    };
    if let Some(y) = between(&axes.lat, lat) {
        return four(y);
    }
    // A last column at the longitude of the first is beyond the circle.
    let is_closed = axes.is_closed();
    if !axes.is_cyclic && !is_closed {
        return Vec::new();
    }
    // Between the last row and the pole.
    let outermost = (0..ny).filter(|&j| axes.lat[j as usize] * lat > 0.0);
    let Some(row) =
        outermost.max_by(|&a, &b| axes.lat[a as usize].abs().total_cmp(&axes.lat[b as usize].abs()))
    else {
        return Vec::new();
    };
    let edge = axes.lat[row as usize].abs();
    if lat.abs() < edge {
        return Vec::new();
    }
    let share = settled((lat.abs() - edge) / (90.0 - edge));
    let mut weights = vec![(cell(row, x.first), (1.0 - share) * (1.0 - x.share))];
    weights.push((cell(row, x.second), (1.0 - share) * x.share));
    let circle = if is_closed { nx - 1 } else { nx };
    weights.extend((0..circle).map(|i| (cell(row, i), share / f64::from(circle))));
    weights.retain(|entry| entry.1 != 0.0);
    weights
}

/// Quadrilaterals between the centres of a curvilinear grid.
struct Quads {
    /// The four cells of each, in order round it, and their places.
    cells: Vec<[u32; 4]>,
    places: Vec<[Place; 4]>,
    tree: Boxes,
    /// Latitudes and longitudes of cells, if it is there that values are linear.
    degrees: Option<(Vec<f64>, Vec<f64>)>,
}

impl Quads {
    fn new(from: &Cells, plane: Plane) -> Result<Self> {
        let [ny, nx] = from.grid.shape()[..] else {
            return Err(Error::data("the cells of the source grid have no neighbours in rows and columns")
                .remedy("use --method nearest, distance or conservative"));
        };
        if ny < 2 || nx < 2 {
            return Err(Error::data("a single row or column has nothing to interpolate between")
                .remedy("use --method nearest"));
        }
        let known = from.places()?;
        let x_first = from.axes.as_ref().is_some_and(|axes| !axes.rows_first);
        let (ny, nx) = if x_first { (nx, ny) } else { (ny, nx) };
        let at = |j: usize, i: usize| if x_first { i * ny + j } else { j * nx + i };
        let (mut cells, mut places, mut polygons) = (Vec::new(), Vec::new(), Vec::new());
        // The columns after the last are the first ones, if the grid goes all the way round.
        let wrap = usize::from(closes(ny, nx, |j, i| known[at(j, i)]));
        for j in 0..ny - 1 {
            for i in 0..nx - 1 + wrap {
                let next = (i + 1) % nx;
                let four = [at(j, i), at(j, next), at(j + 1, next), at(j + 1, i)];
                let [Some(a), Some(b), Some(c), Some(d)] = four.map(|k| known[k]) else { continue };
                let Some(polygon) = Polygon::new(&[a, b, c, d]) else { continue };
                if !polygon.is_convex() {
                    continue;
                }
                cells.push(four.map(|k| k as u32));
                places.push([a, b, c, d]);
                polygons.push(polygon);
            }
        }
        let tree = Boxes::new(polygons.iter().map(extent));
        let degrees = if plane == Plane::LatLon { Some(from.centres()?) } else { None };
        Ok(Self { cells, places, tree, degrees })
    }

    fn weights(&self, place: &Place, lat: f64, lon: f64) -> Vec<(u32, f64)> {
        let mut near = self.tree.around(place);
        near.sort_unstable();
        let in_degrees = self.degrees.as_ref().and_then(|(lats, lons)| {
            let flat = |c: u32| {
                let east = lons[c as usize] - lon;
                [east - 360.0 * (east / 360.0).round(), lats[c as usize] - lat]
            };
            near.iter().find_map(|&k| {
                let cells = self.cells[k as usize];
                within_flat(&cells.map(flat)).map(|(s, t)| (cells, s, t))
            })
        });
        let found = in_degrees.or_else(|| {
            near.iter().find_map(|&k| {
                within(&self.places[k as usize], place).map(|(s, t)| (self.cells[k as usize], s, t))
            })
        });
        let Some((cells, s, t)) = found else { return Vec::new() };
        let weights = [(1.0 - s) * (1.0 - t), s * (1.0 - t), s * t, (1.0 - s) * t];
        cells.into_iter().zip(weights).filter(|entry| entry.1 != 0.0).collect()
    }
}

/// Whether the last column of a grid is next to its first: as near as columns are to each other.
fn closes(ny: usize, nx: usize, at: impl Fn(usize, usize) -> Option<Place>) -> bool {
    if nx < 3 {
        return false;
    }
    let distance = |j: usize, a: usize, b: usize| Some(chord2(&at(j, a)?, &at(j, b)?));
    let near =
        (0..ny).filter(|&j| match (distance(j, nx - 1, 0), distance(j, 0, 1), distance(j, nx - 2, nx - 1)) {
            (Some(gap), Some(first), Some(last)) => gap <= 4.0 * first.max(last),
            _ => false,
        });
    2 * near.count() > ny
}

/// Places that are outside by less of a side than this are on it.
const RIM: f64 = 1e-9;

/// Shares that are this near to 0 or 1 differ from them by rounding: a place on a centre takes nothing
/// of the neighbours, whose missing values would spread to it.
const ROUNDING: f64 = 1e-11;

/// A share of the way between two centres, without rounding at its ends.
fn settled(share: f64) -> f64 {
    if share < ROUNDING {
        0.0
    } else if share > 1.0 - ROUNDING {
        1.0
    } else {
        share
    }
}

/// The coordinates (s along the first side, t along the last) of a place in a quadrilateral:
/// the place on the bilinear surface through its four corners that is in the same direction.
/// Newton's method, from the middle.
fn within(corners: &[Place; 4], place: &Place) -> Option<(f64, f64)> {
    let [a, b, c, d] = corners;
    let (mut s, mut t) = (0.5f64, 0.5f64);
    let mut steps = 0;
    loop {
        let along = |k: usize| (1.0 - t) * (b[k] - a[k]) + t * (c[k] - d[k]);
        let up = |k: usize| (1.0 - s) * (d[k] - a[k]) + s * (c[k] - b[k]);
        let surface = |k: usize| {
            (1.0 - s) * (1.0 - t) * a[k] + s * (1.0 - t) * b[k] + s * t * c[k] + (1.0 - s) * t * d[k]
        };
        let (ds, dt): (Place, Place) = (std::array::from_fn(along), std::array::from_fn(up));
        let here: Place = std::array::from_fn(surface);
        // here + ds δs + dt δt = r place: three equations for δs, δt and r.
        let normal = cross(&ds, &dt);
        let height = dot(&normal, place);
        if height == 0.0 {
            return None;
        }
        let r = dot(&normal, &here) / height;
        let gap = minus(&place.map(|v| v * r), &here);
        let size = dot(&normal, &normal);
        let step_s = dot(&cross(&gap, &dt), &normal) / size;
        let step_t = dot(&cross(&ds, &gap), &normal) / size;
        s += step_s;
        t += step_t;
        steps += 1;
        if !s.is_finite() || !t.is_finite() || s.abs() > 1e3 || t.abs() > 1e3 {
            return None;
        }
        if step_s.abs().max(step_t.abs()) < 1e-14 || steps == 30 {
            let inside = (-RIM..=1.0 + RIM).contains(&s) && (-RIM..=1.0 + RIM).contains(&t);
            // Not on the other side of the sphere.
            return (inside && r > 0.0).then_some((settled(s), settled(t)));
        }
    }
}

/// [`within`] in a plane, of the place (0, 0).
fn within_flat(corners: &[[f64; 2]; 4]) -> Option<(f64, f64)> {
    let [a, b, c, d] = corners;
    let (mut s, mut t) = (0.5f64, 0.5f64);
    for _ in 0..50 {
        let mix = |k: usize| {
            (1.0 - s) * (1.0 - t) * a[k] + s * (1.0 - t) * b[k] + s * t * c[k] + (1.0 - s) * t * d[k]
        };
        let along = |k: usize| (1.0 - t) * (b[k] - a[k]) + t * (c[k] - d[k]);
        let up = |k: usize| (1.0 - s) * (d[k] - a[k]) + s * (c[k] - b[k]);
        let determinant = along(0) * up(1) - along(1) * up(0);
        let step_s = (mix(1) * up(0) - mix(0) * up(1)) / determinant;
        let step_t = (mix(0) * along(1) - mix(1) * along(0)) / determinant;
        s += step_s;
        t += step_t;
        if !s.is_finite() || !t.is_finite() || s.abs() > 1e3 || t.abs() > 1e3 {
            return None;
        }
        if step_s.abs().max(step_t.abs()) < 1e-14 {
            break;
        }
    }
    let is_inside = (-RIM..=1.0 + RIM).contains(&s) && (-RIM..=1.0 + RIM).contains(&t);
    is_inside.then(|| (settled(s), settled(t)))
}

#[cfg(test)]
mod tests {
    use super::super::vector::place;
    use super::*;

    #[test]
    fn places_in_quadrilaterals() {
        let corners = [place(10.0, 20.0), place(10.2, 23.0), place(12.5, 23.4), place(12.0, 19.7)];
        for (s, t) in [(0.0, 0.0), (1.0, 1.0), (0.25, 0.75), (0.5, 0.0)] {
            let mix = [(1.0 - s) * (1.0 - t), s * (1.0 - t), s * t, (1.0 - s) * t];
            let at: Place = std::array::from_fn(|k| (0..4).map(|c| mix[c] * corners[c][k]).sum());
            let at = super::super::vector::unit(&at);
            let (a, b) = within(&corners, &at).unwrap();
            assert!((a - s).abs() < 1e-10 && (b - t).abs() < 1e-10, "{a} {b}");
        }
        assert!(within(&corners, &place(13.0, 21.0)).is_none());
        assert!(within(&corners, &place(-11.0, 201.0)).is_none());
    }
}
