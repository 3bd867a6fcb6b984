//! All steps of a block of a map, row by row.

use super::metrics::{Metrics, Table};
use super::row::{Along, RowMetrics, RowStep};
use super::target::Polynomial;
use halocline_core::decomposition::Decomposition;
use halocline_core::engine::{Numbers, NumbersMut};
use halocline_core::halo::{Ends, Extent, Point};
use halocline_core::{Error, Result};
use pulp::Arch;
use std::ops::Range;

/// Rows that are kept of each step: a step needs two of the one before, and one of that before it.
const KEPT: usize = 4;

/// The filter of a block with its halo.
#[derive(Debug, Clone)]
pub struct BlockFilter {
    coefficients: Vec<f64>,
    extent: Extent,
    /// Whether the first column is the neighbour of the last, with no halo between.
    is_ring: bool,
    /// Rows that exist, in memory: not those beyond walls.
    rows: Range<usize>,
    metrics: Tables,
    high_pass: bool,
}

/// The numbers of a block's cells, and of cells in its halo.
#[derive(Debug, Clone)]
enum Tables {
    /// West, north, scale; weight.
    Rows(Vec<[f64; 4]>),
    Cells {
        west: Vec<f64>,
        north: Vec<f64>,
        scale: Vec<f64>,
        weight: Option<Vec<f64>>,
    },
}

/// Rows that are worked on: one for each thread, used again and again.
#[derive(Debug, Default)]
pub struct Scratch {
    steps: Vec<f64>,
    fluxes: Vec<f64>,
    sums: Vec<f64>,
    none: Vec<f64>,
}

impl BlockFilter {
    /// How wide halos (level, `y`, `x`) must be for this filter: none, where a dimension is not cut,
    /// and its ends are walls, or a periodic `x`.
    pub fn widths(metrics: &Metrics, polynomial: &Polynomial, decomposition: &Decomposition) -> [usize; 3] {
        let parts = decomposition.parts();
        let (is_cut_y, is_cut_x) = (parts[parts.len() - 2] > 1, parts[parts.len() - 1] > 1);
        let walled = matches!(metrics.edges.y, Ends::Walls(..));
        let steps = polynomial.steps();
        [0, if is_cut_y || !walled { steps } else { 0 }, if is_cut_x { steps } else { 0 }]
    }

    /// The filter of a rank's block, whose halo is [`Self::widths`] wide; the residue with `high_pass`.
    pub fn new(metrics: &Metrics, polynomial: &Polynomial, extent: &Extent, high_pass: bool) -> Self {
        let (start, widths, shape) = (extent.start(), extent.widths(), extent.shape());
        let (rows, columns) = (shape[1], shape[2]);
        let is_ring = widths[2] == 0 && metrics.edges.x == Ends::Periodic;
        // Where in the map: rows and columns of memory begin in the halo.
        let top = start[1] as i64 - widths[1] as i64;
        let left = start[2] as i64 - widths[2] as i64;
        let clip = |y: i64| (y - top).clamp(0, rows as i64) as usize;
        let real = match metrics.edges.y {
            Ends::Periodic => 0..rows,
            Ends::Walls(..) => clip(0)..clip(metrics.rows as i64),
            Ends::Folded(..) => clip(0)..rows,
        };
        let factor = 2.0 / polynomial.greatest;
        let number = |table: &Table, point: Point, y: usize, x: i64| {
            metrics.beyond(table, point, [top + y as i64, left + x])
        };
        let weight = metrics.weight.as_ref();
        let tables = [&metrics.east, &metrics.north, &metrics.area].into_iter().chain(weight);
        let tables = if tables.clone().any(|t| matches!(t, Table::Cells(_))) {
            let all = |table: &Table, point: Point, from: i64| -> Vec<f64> {
                let row = |y: usize| (from..columns as i64).map(move |x| (y, x));
                (0..rows).flat_map(row).map(|(y, x)| number(table, point, y, x)).collect()
            };
            let areas = all(&metrics.area, Point::Tracer, 0);
            Tables::Cells {
                west: all(&metrics.east, Point::U, -1),
                north: all(&metrics.north, Point::V, 0),
                scale: areas.iter().map(|area| factor / area).collect(),
                weight: weight.map(|w| all(w, Point::Tracer, 0)),
            }
        } else {
            let row = |y: usize| {
                let of = |table: &Table, point: Point| number(table, point, y, widths[2] as i64);
                [
                    of(&metrics.east, Point::U),
                    of(&metrics.north, Point::V),
                    factor / of(&metrics.area, Point::Tracer),
                    weight.map_or(1.0, |w| of(w, Point::Tracer)),
                ]
            };
            // A block without a cell has no numbers either.
            Tables::Rows(if columns == 0 { Vec::new() } else { (0..rows).map(row).collect() })
        };
        Self {
            coefficients: polynomial.coefficients.clone(),
            extent: extent.clone(),
            is_ring,
            rows: real,
            metrics: tables,
            high_pass,
        }
    }

    /// Bytes of [`Scratch`] that a thread takes for maps with so many columns (and their halos).
    pub fn scratch_bytes(polynomial: &Polynomial, columns: usize) -> u64 {
        let n = polynomial.steps() as u64;
        8 * (columns as u64 + 2) * ((n + 1) * KEPT as u64 + n + (n + 1) + 1)
    }
    /// Bytes of the filter itself for maps of so many cells.
    pub fn bytes(metrics: &Metrics, cells: usize) -> u64 {
        let tables = [&metrics.east, &metrics.north, &metrics.area].into_iter().chain(&metrics.weight);
        if tables.clone().any(|t| matches!(t, Table::Cells(_))) {
            8 * tables.count() as u64 * cells as u64
        } else {
            0
        }
    }

    /// Filters a map with its halo (as [`Extent`] has it) into the cells of the block alone.
    ///
    /// # Errors
    /// Data: infinite values.
    ///
    /// # Panics
    /// If lengths don't fit.
    pub fn apply(&self, scratch: &mut Scratch, map: Numbers<'_>, out: NumbersMut<'_>) -> Result<()> {
        match (map, out) {
            (Numbers::F32(map), NumbersMut::F32(out)) => self.run(scratch, map, out, |v| v as f32),
            (Numbers::F32(map), NumbersMut::F64(out)) => self.run(scratch, map, out, |v| v),
            (Numbers::F64(map), NumbersMut::F32(out)) => self.run(scratch, map, out, |v| v as f32),
            (Numbers::F64(map), NumbersMut::F64(out)) => self.run(scratch, map, out, |v| v),
        }
    }

    fn run<T: Copy + Into<f64>, O>(
        &self,
        scratch: &mut Scratch,
        map: &[T],
        out: &mut [O],
        round: impl Fn(f64) -> O,
    ) -> Result<()> {
        let [_, inside, across] = self.extent.inside();
        assert!(
            map.len() == self.extent.cells() && out.len() == inside.len() * across.len(),
            "a map of another size"
        );
        if out.is_empty() {
            return Ok(());
        }
        let (arch, columns, n) = (Arch::new(), self.extent.shape()[2], self.coefficients.len() - 1);
        let wide = columns + 2;
        scratch.fit(n, columns);
        let Scratch { steps, fluxes, sums, none } = scratch;
        fluxes.fill(0.0);
        let place = |step: usize, y: usize| (step * KEPT + y % KEPT) * wide;
        for front in self.rows.start..self.rows.end + n {
            if self.rows.contains(&front) {
                let at = place(0, front);
                let row = &mut steps[at..at + wide];
                self.load(front, &map[front * columns..(front + 1) * columns], row)?;
                let sum = &mut sums[front % (n + 1) * columns..][..columns];
                sum.iter_mut().zip(&row[1..]).for_each(|(sum, v)| *sum = self.coefficients[0] * v);
            }
            for k in 1..=n.min(front - self.rows.start) {
                let y = front - k;
                if y >= self.rows.end {
                    continue;
                }
                let (below, own) = steps.split_at_mut(k * KEPT * wide);
                let north =
                    if y + 1 < self.rows.end { &below[place(k - 1, y + 1)..][..wide] } else { &*none };
                let out = &mut own[y % KEPT * wide..][..wide];
                arch.dispatch(RowStep {
                    metrics: self.row(y),
                    here: &below[place(k - 1, y)..][..wide],
                    north,
                    before: (k > 1).then(|| &below[place(k - 2, y)..][..wide]),
                    flux: &mut fluxes[(k - 1) * columns..k * columns],
                    out,
                    sum: &mut sums[y % (n + 1) * columns..][..columns],
                    p: self.coefficients[k],
                });
                self.close(out);
            }
            let Some(done) = front.checked_sub(n).filter(|y| inside.contains(y) && *y >= self.rows.start)
            else {
                continue;
            };
            let sum = &sums[done % (n + 1) * columns..][..columns];
            let row = &map[done * columns..(done + 1) * columns];
            let at = (done - inside.start) * across.len();
            for (x, out) in across.clone().zip(&mut out[at..at + across.len()]) {
                let low = sum[x] / self.weight(done, x);
                *out = round(if self.high_pass { row[x].into() - low } else { low });
            }
        }
        Ok(())
    }

    /// A row as the first step.
    fn load<T: Copy + Into<f64>>(&self, y: usize, from: &[T], row: &mut [f64]) -> Result<()> {
        let mut infinite = false;
        let columns = from.len();
        let inner = &mut row[1..=columns];
        for (out, value) in inner.iter_mut().zip(from) {
            let value: f64 = (*value).into();
            infinite |= value.is_infinite();
            *out = value;
        }
        match &self.metrics {
            Tables::Rows(rows) => {
                let weight = rows[y][3];
                if weight.to_bits() != 1.0_f64.to_bits() {
                    inner.iter_mut().for_each(|v| *v *= weight);
                }
            }
            Tables::Cells { scale, weight, .. } => {
                let range = y * columns..(y + 1) * columns;
                if let Some(weight) = weight {
                    inner.iter_mut().zip(&weight[range.clone()]).for_each(|(v, w)| *v *= w);
                }
                // Cells without an area are as land.
                for (v, scale) in inner.iter_mut().zip(&scale[range]) {
                    if scale.is_nan() {
                        *v = f64::NAN;
                    }
                }
            }
        }
        self.close(row);
        if infinite {
            return Err(Error::data("infinite values").remedy("state them as missing, or correct them"));
        }
        Ok(())
    }

    /// Sets the cells beyond both ends of a row.
    fn close(&self, row: &mut [f64]) {
        let last = row.len() - 1;
        (row[0], row[last]) = if self.is_ring { (row[last - 1], row[1]) } else { (f64::NAN, f64::NAN) };
    }

    fn row(&self, y: usize) -> RowMetrics<'_> {
        match &self.metrics {
            Tables::Rows(rows) => {
                let [west, north, scale, _] = rows[y];
                RowMetrics { west: Along::One(west), north: Along::One(north), scale: Along::One(scale) }
            }
            Tables::Cells { west, north, scale, .. } => {
                let columns = self.extent.shape()[2];
                let own = y * columns..(y + 1) * columns;
                RowMetrics {
                    west: Along::Each(&west[y * (columns + 1)..(y + 1) * (columns + 1)]),
                    north: Along::Each(&north[own.clone()]),
                    scale: Along::Each(&scale[own]),
                }
            }
        }
    }

    fn weight(&self, y: usize, x: usize) -> f64 {
        match &self.metrics {
            Tables::Rows(rows) => rows[y][3],
            Tables::Cells { weight, .. } => {
                weight.as_ref().map_or(1.0, |w| w[y * self.extent.shape()[2] + x])
            }
        }
    }
}

impl Scratch {
    fn fit(&mut self, steps: usize, columns: usize) {
        let wide = columns + 2;
        self.steps.resize((steps + 1) * KEPT * wide, 0.0);
        self.fluxes.resize(steps * columns, 0.0);
        self.sums.resize((steps + 1) * columns, 0.0);
        self.none.clear();
        self.none.resize(wide, f64::NAN);
    }
}
