//! Lengths, distances and areas that a Laplacian needs.

use halocline_core::halo::{Edges, Ends, Fold, Pivot, Point, Source};
use halocline_core::{Error, Result};

/// A number of each cell of a map.
#[derive(Debug, Clone, PartialEq)]
pub enum Table {
    /// The same everywhere.
    One(f64),
    /// The same along each row.
    Rows(Vec<f64>),
    /// C order.
    Cells(Vec<f64>),
}

impl Table {
    fn fits(&self, rows: usize, columns: usize) -> bool {
        match self {
            Self::One(_) => true,
            Self::Rows(v) => v.len() == rows,
            Self::Cells(v) => v.len() == rows * columns,
        }
    }
    /// The number of a cell of a map with so many columns.
    pub fn at(&self, y: usize, x: usize, columns: usize) -> f64 {
        match self {
            Self::One(v) => *v,
            Self::Rows(v) => v[y],
            Self::Cells(v) => v[y * columns + x],
        }
    }
    fn values(&self) -> &[f64] {
        match self {
            Self::One(v) => std::slice::from_ref(v),
            Self::Rows(v) | Self::Cells(v) => v,
        }
    }
}

/// The metrics of a map's cells: of the eastern and the northern face of each the length over the
/// distance of the centres at both sides, and the area.
///
/// Units: those of areas are the square of those of lengths.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) east: Table,
    pub(super) north: Table,
    /// What divides the sum of the fluxes.
    pub(super) area: Table,
    /// What the map is multiplied with before, and divided by after.
    pub(super) weight: Option<Table>,
    pub(super) edges: Edges,
    /// Whether values in cells without an area are refused.
    pub(super) is_strict: bool,
}

impl Metrics {
    /// Metrics as given; `edges` say what is beyond the edges for tracer points, walls or not (what a
    /// wall holds does not matter: no flux crosses it). Faces on a north fold get the mean of the
    /// numbers of both sides.
    ///
    /// # Errors
    /// Data: numbers that are negative or infinite, areas that are 0 (cells without an area, NaN, are
    /// as land); usage: a fold through tracer points, whose cells are there twice. Internal, if lengths differ.
    pub fn new(
        [rows, columns]: [usize; 2],
        [east, north, area]: [Table; 3],
        weight: Option<Table>,
        edges: Edges,
    ) -> Result<Self> {
        Self::checked([rows, columns], [east, north, area], weight, edges, false)
    }
    /// As [`Self::new`]; tables and maps may fold through tracer points, if cells that are there twice
    /// have the same numbers (`repeats`).
    pub(super) fn checked(
        [rows, columns]: [usize; 2],
        [east, north, area]: [Table; 3],
        weight: Option<Table>,
        edges: Edges,
        repeats: bool,
    ) -> Result<Self> {
        let mut metrics = Self { rows, columns, east, north, area, weight, edges, is_strict: false };
        let three = [&metrics.east, &metrics.north, &metrics.area];
        if !three.into_iter().chain(&metrics.weight).all(|t| t.fits(rows, columns)) {
            return Err(Error::internal("metrics of another grid"));
        }
        let bad = |t: &Table, least: f64| t.values().iter().any(|v| *v < least || v.is_infinite());
        let positive = |t: &Table| bad(t, f64::MIN_POSITIVE);
        if bad(&metrics.east, 0.0)
            || bad(&metrics.north, 0.0)
            || positive(&metrics.area)
            || metrics.weight.iter().any(positive)
        {
            return Err(Error::data("cells of the grid have no area, or are infinitely close")
                .remedy("use --grid-type regular, or a grid without such cells"));
        }
        if let Ends::Folded(_, fold) = edges.y {
            if fold.pivot == Pivot::T && !repeats {
                return Err(Error::usage(
                    "filters of grids that are folded through tracer points (T) are not known",
                )
                .remedy("only folds through vorticity points (F) are"));
            }
            if let (Table::Cells(north), Pivot::F) = (&mut metrics.north, fold.pivot) {
                let last = &mut north[(rows - 1) * columns..];
                for x in 0..columns / 2 {
                    let both = f64::midpoint(last[x], last[columns - 1 - x]);
                    (last[x], last[columns - 1 - x]) = (both, both);
                }
            }
        }
        Ok(metrics)
    }
    /// Cells that all count the same, of size 1: scales are in cells.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn regular(shape: [usize; 2], edges: Edges) -> Result<Self> {
        Self::new(shape, [Table::One(1.0), Table::One(1.0), Table::One(1.0)], None, edges)
    }
    /// As [`Self::regular`], of area · f, which is divided by the area again: scales are in cells, and
    /// the integral is conserved.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn regular_with_area(shape: [usize; 2], area: Table, edges: Edges) -> Result<Self> {
        Self::new(shape, [Table::One(1.0), Table::One(1.0), Table::One(1.0)], Some(area), edges)
    }

    /// How a table at this point of the cells is extended beyond the edges.
    pub(super) fn edges_at(&self, point: Point) -> Edges {
        match self.edges.y {
            Ends::Folded(south, fold) => {
                Edges { y: Ends::Folded(south, Fold { point, flips: false, ..fold }), ..self.edges }
            }
            _ => self.edges,
        }
    }
    /// The number of a table at this point for a cell that may lie beyond the edges; beyond walls 0.
    pub(super) fn beyond(&self, table: &Table, point: Point, at: [i64; 2]) -> f64 {
        match self.edges_at(point).source([1, self.rows, self.columns], [0, at[0], at[1]]) {
            Source::Cell { at: [_, y, x], .. } => table.at(y, x, self.columns),
            Source::Constant(_) => 0.0,
        }
    }

    /// How maps of it are extended beyond its edges.
    pub fn edges(&self) -> Edges {
        self.edges
    }
    /// Rows and columns.
    pub fn shape(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }
    /// The spacing of square cells whose Laplacian has eigenvalues as great as this one's may be, by
    /// Gershgorin's circles: √8 / √(2 ∑ a / area) where that is least. Of even cells their width.
    pub fn least_spacing(&self) -> f64 {
        let of_rows = !matches!(self.area, Table::Cells(_)) && !matches!(self.east, Table::Cells(_));
        let columns = if of_rows { self.columns.min(3) } else { self.columns };
        let all = (0..self.rows).flat_map(|y| (0..columns).map(move |x| (y, x)));
        // NaN, of land, is never less.
        all.map(|(y, x)| self.spacing(y, x)).fold(f64::INFINITY, f64::min)
    }
    /// The same of one cell: infinite, if it has no neighbour; NaN on land.
    pub(super) fn spacing(&self, y: usize, x: usize) -> f64 {
        let (i, j) = (y as i64, x as i64);
        // Nothing flows to land.
        let wet = |at: [i64; 2]| !self.beyond(&self.area, Point::Tracer, at).is_nan();
        let face = |table: &Table, point: Point, at: [i64; 2], next: [i64; 2]| {
            Some(self.beyond(table, point, at)).filter(|a| !a.is_nan() && wet(next)).unwrap_or(0.0)
        };
        let faces = face(&self.east, Point::U, [i, j], [i, j + 1])
            + face(&self.east, Point::U, [i, j - 1], [i, j - 1])
            + face(&self.north, Point::V, [i, j], [i + 1, j])
            + face(&self.north, Point::V, [i - 1, j], [i - 1, j]);
        (8.0 / (2.0 * faces / self.area.at(y, x, self.columns))).sqrt()
    }
}
