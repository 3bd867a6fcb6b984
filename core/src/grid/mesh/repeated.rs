//! Cells of a grid that stand for the same piece of the sphere as others.

use super::recognise::{recognise, TopologyChoice};
use super::{Point, Topology};
use crate::error::Result;
use crate::grid::{Grid, GridKind};
use crate::meta::Role;

/// Places that are nearer than this share of the distance of neighbours are the same.
const SAME: f64 = 1e-2;

impl Grid {
    /// Which cells repeat others, as a last column at the longitude of the first, NEMO's two columns,
    /// or what lies behind the fold of a tripolar grid: whoever adds up cells counts them once. Pairs of
    /// the cell that does and the one it repeats, numbers in C order. Columns that are the two halves of
    /// a cell, as their bounds tell, are none.
    ///
    /// # Errors
    /// As [`recognise`].
    pub fn repeated(&self) -> Result<Vec<[usize; 2]>> {
        let (Some(lon), [first, second]) = (&self.lon, self.dims.as_slice()) else { return Ok(Vec::new()) };
        let shape = [first.len, second.len];
        match self.kind {
            GridKind::Rectilinear => {
                let edges = self.edges.clone().or_else(|| self.cell_edges().ok());
                let columns = columns(&lon.values.to_f64(), edges.as_ref().map_or(&[][..], |e| &e.lon));
                let is_first = first.role == Role::X;
                let lines = if is_first { second.len } else { first.len };
                let cell = |line: usize, column: usize| {
                    if is_first {
                        column * second.len + line
                    } else {
                        line * second.len + column
                    }
                };
                let pairs = |line| columns.iter().map(move |pair| pair.map(|column| cell(line, column)));
                Ok((0..lines).flat_map(pairs).collect())
            }
            GridKind::Curvilinear => match (self.latitudes(), self.longitudes()) {
                (Some(lat), Some(lon)) => {
                    Ok(cells(shape, recognise(shape, &lat, &lon, TopologyChoice::Auto)?))
                }
                _ => Ok(Vec::new()),
            },
            _ => Ok(Vec::new()),
        }
    }
}

/// Columns that have the longitude of one before.
fn columns(lon: &[f64], edges: &[[f64; 2]]) -> Vec<[usize; 2]> {
    let turned = |a: f64, b: f64| b - 360.0 * ((b - a) / 360.0).round();
    let mut steps: Vec<f64> = lon.windows(2).map(|w| (turned(w[0], w[1]) - w[0]).abs()).collect();
    steps.sort_by(f64::total_cmp);
    let Some(near) = steps.get(steps.len() / 2).map(|step| SAME * step) else { return Vec::new() };
    let mut order: Vec<(f64, usize)> = lon
        .iter()
        .enumerate()
        .filter(|(_, v)| v.is_finite())
        .map(|(i, v)| (v.rem_euclid(360.0), i))
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    // What is a rounding below a turn is at its beginning.
    let seam = order.iter().filter(|(v, _)| v + near >= 360.0).map(|(v, i)| (v - 360.0, *i));
    let seam: Vec<(f64, usize)> = seam.collect();
    order.truncate(order.len() - seam.len());
    let order: Vec<(f64, usize)> = seam.into_iter().chain(order).collect();
    let mut found = Vec::new();
    for group in order.chunk_by(|a, b| b.0 - a.0 <= near) {
        let first = group.iter().map(|(_, i)| *i).min().unwrap_or(0);
        let others = group.iter().map(|(_, i)| *i).filter(|i| *i != first);
        found.extend(others.filter(|i| of_halves(lon, edges, [first, *i]).is_none()).map(|i| [i, first]));
    }
    found.sort_unstable();
    found
}

/// The cell that two columns of the same longitude make if they are different parts of it: its edges, near
/// the first of them.
pub(super) fn of_halves(lon: &[f64], edges: &[[f64; 2]], [a, b]: [usize; 2]) -> Option<[f64; 2]> {
    let turn = 360.0 * ((lon.get(a)? - lon.get(b)?) / 360.0).round();
    let ends = |e: &[f64; 2], by: f64| [e[0].min(e[1]) + by, e[0].max(e[1]) + by];
    let (one, other) = (ends(edges.get(a)?, 0.0), ends(edges.get(b)?, turn));
    let shared = one[1].min(other[1]) - one[0].max(other[0]);
    let are_parts = shared < 0.5 * (one[1] - one[0]).min(other[1] - other[0]);
    are_parts.then(|| [one[0].min(other[0]), one[1].max(other[1])])
}

fn cells([rows, columns]: [usize; 2], found: Topology) -> Vec<[usize; 2]> {
    let again = |c: usize| {
        let (j, i, _) = found.first_place(Point::T, (c / columns) as isize, (c % columns) as isize);
        let inside = (0..rows as isize).contains(&j) && (0..columns as isize).contains(&i);
        let first = j * columns as isize + i;
        (inside && first != c as isize).then_some([c, first as usize])
    };
    (0..rows * columns).filter_map(again).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::made::{coordinate, grid};
    use crate::meta::Dim;

    #[test]
    fn a_column_of_the_same_longitude_is_one_again() {
        let of = |columns: usize, step: f64, is_turned: bool| {
            let (y, x) = (Dim::new("lat", 3, Role::Y), Dim::new("lon", columns, Role::X));
            let lat = coordinate("lat", std::slice::from_ref(&y), vec![90.0, 0.0, -90.0]);
            let lons = (0..columns).map(|i| i as f64 * step).collect();
            let lon = coordinate("lon", std::slice::from_ref(&x), lons);
            let dims = if is_turned { [x, y] } else { [y, x] };
            grid(GridKind::Rectilinear, &dims, Some(lat), Some(lon)).repeated().unwrap()
        };
        assert_eq!(of(37, 10.0, false), (0..3).map(|j| [j * 37 + 36, j * 37]).collect::<Vec<_>>());
        assert_eq!(of(37, 10.0, true), (0..3).map(|j| [36 * 3 + j, j]).collect::<Vec<_>>());
        // Without it, or of half of the globe, there is none.
        assert!(of(36, 10.0, false).is_empty());
        assert!(of(36, 5.0, false).is_empty());
    }

    #[test]
    fn columns_of_any_turn_are_found_but_halves_are_none() {
        let steps: Vec<f64> = (-1..15).map(|i| f64::from(i) * 30.0).collect();
        assert_eq!(columns(&steps, &[]), [[12, 0], [13, 1], [14, 2], [15, 3]]);
        assert_eq!(columns(&[0.0, 180.0, 360.0], &[]), [[2, 0]]);
        assert_eq!(columns(&[-180.0, -90.0, 0.0, 90.0, 180.0 - 1e-9], &[]), [[4, 0]]);
        assert_eq!(columns(&[0.0, 90.0, 180.0, 270.0, 0.0], &[]), [[4, 0]]);
        assert_eq!(columns(&[10.0, 11.0, 12.0], &[]), [[0usize; 2]; 0]);
        let halves = [[0.0, 45.0], [45.0, 135.0], [135.0, 225.0], [225.0, 315.0], [315.0, 360.0]];
        let lon = [0.0, 90.0, 180.0, 270.0, 360.0];
        assert!(columns(&lon, &halves).is_empty());
        let whole = [[-45.0, 45.0], [45.0, 135.0], [135.0, 225.0], [225.0, 315.0], [315.0, 405.0]];
        assert_eq!(columns(&lon, &whole), [[4, 0]]);
    }
}
