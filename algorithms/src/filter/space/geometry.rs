//! Metrics from the coordinates of a grid.

use super::metrics::{Metrics, Table};
use halocline_core::grid::{Grid, GridKind};
use halocline_core::halo::{Edges, Source};
use halocline_core::meta::Role;
use halocline_core::{Error, Result};
use std::f64::consts::TAU;

impl Metrics {
    /// Metrics in metres of a grid on a sphere of this radius. Cells of a rectilinear grid are
    /// spherical rectangles. Faces of curvilinear cells are as long as the cells on both sides are
    /// wide in the mean, cells as wide as the mean great circle to their neighbours; areas are those
    /// of the polygons in the file, else the product of the widths.
    ///
    /// # Errors
    /// Data, if the grid has no latitudes and longitudes over `y` and `x`; those of [`Self::new`].
    pub fn of_grid(grid: &Grid, radius: f64, edges: Edges) -> Result<Self> {
        let [rows, columns] = plane(grid)?;
        if grid.kind == GridKind::Rectilinear {
            return rectilinear(grid, radius, edges);
        }
        let (Some(lat), Some(lon)) = (grid.latitudes(), grid.longitudes()) else {
            return Err(no_coordinates());
        };
        let points: Vec<[f64; 3]> = lat.iter().zip(&lon).map(|(lat, lon)| on_sphere(*lat, *lon)).collect();
        let distance = |y: usize, x: usize, [dy, dx]: [i64; 2]| -> f64 {
            match edges.source([1, rows, columns], [0, y as i64 + dy, x as i64 + dx]) {
                Source::Cell { at: [_, j, i], .. } if (j, i) != (y, x) => {
                    radius * between(points[y * columns + x], points[j * columns + i])
                }
                _ => f64::NAN,
            }
        };
        let all = |number: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
            (0..rows * columns).map(|c| number(c / columns, c % columns)).collect()
        };
        let dx = all(&|y, x| mean(distance(y, x, [0, -1]), distance(y, x, [0, 1])));
        let dy = all(&|y, x| mean(distance(y, x, [-1, 0]), distance(y, x, [1, 0])));
        let width = |table: &[f64], y: usize, x: usize, [up, right]: [i64; 2]| match edges
            .source([1, rows, columns], [0, y as i64 + up, x as i64 + right])
        {
            Source::Cell { at: [_, j, i], .. } => mean(table[y * columns + x], table[j * columns + i]),
            Source::Constant(_) => f64::NAN,
        };
        let east = all(&|y, x| width(&dy, y, x, [0, 1]) / distance(y, x, [0, 1]));
        let north = all(&|y, x| width(&dx, y, x, [1, 0]) / distance(y, x, [1, 0]));
        let area = match (&grid.lat, &grid.lon) {
            (Some(lat), Some(lon)) if lat.bounds.is_some() && lon.bounds.is_some() => {
                grid.areas()?.iter().map(|a| if *a > 0.0 { a * radius * radius } else { f64::NAN }).collect()
            }
            _ => dx.iter().zip(&dy).map(|(dx, dy)| dx * dy).collect(),
        };
        Self::new([rows, columns], [Table::Cells(east), Table::Cells(north), Table::Cells(area)], None, edges)
    }

    /// Areas of a grid's cells on the unit sphere, as a table.
    ///
    /// # Errors
    /// As of [`Grid::areas`].
    pub fn areas(grid: &Grid) -> Result<Table> {
        let [_, columns] = plane(grid)?;
        let areas = grid.areas()?;
        let even = grid.kind == GridKind::Rectilinear
            && areas.chunks(columns).all(|row| row.iter().all(|a| (a / row[0] - 1.0).abs() < 1e-9));
        if even {
            return Ok(Table::Rows(areas.chunks(columns).map(|row| row[0]).collect()));
        }
        Ok(Table::Cells(areas.iter().map(|a| if *a > 0.0 { *a } else { f64::NAN }).collect()))
    }

    /// Whether the last column of a grid is the neighbour of the first: its cells go once around the
    /// globe, or, where it is curvilinear, the gap in the middle row is no wider than a step.
    pub fn is_periodic(grid: &Grid) -> bool {
        let Ok([rows, columns]) = plane(grid) else { return false };
        if grid.kind == GridKind::Rectilinear {
            let edges = grid.edges.clone().map_or_else(|| grid.cell_edges(), Ok);
            let total = |lon: &[[f64; 2]]| lon.iter().map(|e| (e[1] - e[0]).abs()).sum::<f64>();
            return edges.is_ok_and(|e| (total(&e.lon) - 360.0).abs() < 0.01 * 360.0 / columns as f64);
        }
        let (Some(lat), Some(lon)) = (grid.latitudes(), grid.longitudes()) else { return false };
        let at = |x: usize| on_sphere(lat[rows / 2 * columns + x], lon[rows / 2 * columns + x]);
        let mut steps: Vec<f64> = (1..columns).map(|x| between(at(x - 1), at(x))).collect();
        steps.retain(|s| s.is_finite());
        steps.sort_by(f64::total_cmp);
        let middle = steps.get(steps.len() / 2).copied();
        columns > 2 && middle.is_some_and(|middle| between(at(columns - 1), at(0)) <= 1.5 * middle)
    }
}

/// Rows and columns of a grid over `y` and `x`.
fn plane(grid: &Grid) -> Result<[usize; 2]> {
    match grid.dims.as_slice() {
        [y, x] if y.role == Role::Y && x.role == Role::X && y.len * x.len > 0 => Ok([y.len, x.len]),
        _ => Err(Error::data("is no map over y and x").remedy("its last dimensions must be these")),
    }
}

fn no_coordinates() -> Error {
    Error::data("the file states no latitudes and longitudes to compute distances from")
        .remedy("use --grid-type regular with a --scale in cells")
}

fn rectilinear(grid: &Grid, radius: f64, edges: Edges) -> Result<Metrics> {
    let cells = grid.edges.clone().map_or_else(|| grid.cell_edges(), Ok)?;
    let (Some(lat), Some(lon)) = (&grid.lat, &grid.lon) else { return Err(no_coordinates()) };
    let (lat, lon) = (lat.values.to_f64(), lon.values.to_f64());
    let (rows, columns) = (lat.len(), lon.len());
    let widths: Vec<f64> = cells.lon.iter().map(|e| (e[1] - e[0]).abs().to_radians()).collect();
    let gaps: Vec<f64> = (0..columns)
        .map(|x| {
            // The short way around.
            let gap = (lon[(x + 1) % columns] - lon[x]).to_radians().rem_euclid(TAU);
            gap.min(TAU - gap)
        })
        .collect();
    let height = |y: usize| (cells.lat[y][1] - cells.lat[y][0]).abs().to_radians();
    let area = |y: usize| {
        (cells.lat[y][1].to_radians().sin() - cells.lat[y][0].to_radians().sin()).abs() * radius * radius
    };
    // Towards higher indices: where the cell ends at the side of the next.
    let rises = rows < 2 || lat[1] > lat[0];
    let edge = |y: usize| {
        let [a, b] = cells.lat[y];
        let far = if rises { a.max(b) } else { a.min(b) };
        far.to_radians().cos().max(0.0)
    };
    let step = |y: usize| {
        let next = if y + 1 < rows { y + 1 } else { 0 };
        (lat[next] - lat[y]).abs().to_radians()
    };
    // Without the longitude: of the face in the east, per 1 / gap, in the north, per width.
    let per_gap = |y: usize| height(y) / lat[y].to_radians().cos().max(0.0);
    let per_width = |y: usize| if step(y) > 0.0 { edge(y) / step(y) } else { 0.0 };
    let even = |values: &[f64]| values.iter().all(|v| (v / values[0] - 1.0).abs() < 1e-5);
    let inner = &gaps[..columns.saturating_sub(1)];
    if even(&widths) && (inner.is_empty() || even(inner)) {
        let width = widths.iter().sum::<f64>() / columns as f64;
        let of = |number: &dyn Fn(usize) -> f64| Table::Rows((0..rows).map(number).collect());
        // A row of centres at a pole has no length around it: its cells don't exchange.
        let finite = |v: f64| if v.is_finite() && v < 1e12 { v } else { 0.0 };
        let east = of(&|y| finite(per_gap(y) / width));
        let tables = [east, of(&|y| per_width(y) * width), of(&|y| area(y) * width)];
        return Metrics::new([rows, columns], tables, None, edges);
    }
    let of = |number: &dyn Fn(usize, usize) -> f64| {
        Table::Cells((0..rows * columns).map(|c| number(c / columns, c % columns)).collect())
    };
    let finite = |v: f64| if v.is_finite() && v < 1e12 { v } else { 0.0 };
    let east = of(&|y, x| finite(per_gap(y) / gaps[x]));
    let tables = [east, of(&|y, x| per_width(y) * widths[x]), of(&|y, x| area(y) * widths[x])];
    Metrics::new([rows, columns], tables, None, edges)
}

fn on_sphere(lat: f64, lon: f64) -> [f64; 3] {
    let (lat, lon) = (lat.to_radians(), lon.to_radians());
    [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
}

/// The angle between two places, exact for near ones too.
fn between(a: [f64; 3], b: [f64; 3]) -> f64 {
    let chord = (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f64>().sqrt();
    2.0 * (0.5 * chord).min(1.0).asin()
}

/// Of those that are there.
fn mean(a: f64, b: f64) -> f64 {
    match (a.is_nan(), b.is_nan()) {
        (false, false) => f64::midpoint(a, b),
        (true, _) => b,
        _ => a,
    }
}
