//! Metrics from the coordinates of a grid.

use super::metrics::{Metrics, Table};
use halocline_core::grid::{Grid, GridKind};
use halocline_core::halo::Edges;
use halocline_core::meta::Role;
use halocline_core::{Error, Result};
use std::f64::consts::TAU;

impl Metrics {
    /// Metrics in metres of a rectilinear grid on a sphere of this radius: cells are spherical
    /// rectangles.
    ///
    /// # Errors
    /// Data, if the grid has no latitudes and longitudes over `y` and `x`; those of [`Self::new`].
    pub fn of_grid(grid: &Grid, radius: f64, edges: Edges) -> Result<Self> {
        plane(grid)?;
        rectilinear(grid, radius, edges)
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
