//! All steps of a block of a map, row by row.

use super::metrics::Metrics;
use super::row::{FirstRow, Found, LastRow, RowStep};
use super::tables::Tables;
use super::target::Polynomial;
use halocline_core::decomposition::Decomposition;
use halocline_core::engine::{Numbers, NumbersMut};
use halocline_core::halo::{Ends, Extent};
use halocline_core::{Error, Result};
use pulp::Arch;
use std::ops::Range;

/// Rows that are kept of each step: the next one needs two of them, and that after it the third.
const KEPT: usize = 3;
/// Bytes of rows that stay in the nearest cache of a processor.
const NEAR: usize = 36 << 10;

/// The filter of a block with its halo.
#[derive(Debug, Clone)]
pub struct BlockFilter {
    coefficients: Vec<f64>,
    extent: Extent,
    /// Columns of the rows that are worked on: those in memory, and `beyond` both ends of a ring that is
    /// cut into strips as many as there are steps.
    columns: usize,
    beyond: usize,
    /// Whether the first column is the neighbour of the last: of a ring in one piece.
    closes: bool,
    /// Rows that exist, in memory: not those beyond walls.
    rows: Range<usize>,
    tables: Tables,
    high_pass: bool,
    /// Whether values in cells without an area are refused.
    is_strict: bool,
}

/// Rows that are worked on: one for each thread, used again and again.
#[derive(Debug, Default)]
pub struct Scratch {
    steps: Vec<f64>,
    fluxes: Vec<f64>,
    sums: Vec<f64>,
    none: Vec<f64>,
    zeros: Vec<f64>,
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
        let rows = shape[1];
        // The first column is the neighbour of the last, with no halo between.
        let is_ring = widths[2] == 0 && metrics.edges.x == Ends::Periodic;
        let is_cut = strip(polynomial.steps()) < shape[2];
        let beyond = if is_ring && is_cut { polynomial.steps() } else { 0 };
        // Where in the map: rows of memory begin in the halo.
        let top = start[1] as i64 - widths[1] as i64;
        let clip = |y: i64| (y - top).clamp(0, rows as i64) as usize;
        let real = match metrics.edges.y {
            Ends::Periodic => 0..rows,
            Ends::Walls(..) => clip(0)..clip(metrics.rows as i64),
            Ends::Folded(..) => clip(0)..rows,
        };
        Self {
            coefficients: polynomial.coefficients.clone(),
            extent: extent.clone(),
            columns: shape[2] + 2 * beyond,
            beyond,
            closes: is_ring && !is_cut,
            rows: real,
            tables: Tables::new(metrics, extent, beyond, 2.0 / polynomial.greatest),
            high_pass,
            is_strict: metrics.is_strict,
        }
    }

    /// Bytes of [`Scratch`] that a thread takes for maps with so many columns (and their halos).
    pub fn scratch_bytes(polynomial: &Polynomial, columns: usize) -> u64 {
        let n = polynomial.steps();
        let wide = if strip(n) < columns { strip(n) + 2 * n } else { columns };
        (8 * (wide + 2) * rows_of(n)) as u64
    }
    /// Bytes of the filter itself for a block of so many rows and columns (and their halos), at most.
    pub fn bytes(metrics: &Metrics, polynomial: &Polynomial, [rows, columns]: [usize; 2]) -> u64 {
        let n = polynomial.steps();
        let beyond = if metrics.edges.x == Ends::Periodic && strip(n) < columns { 2 * n } else { 0 };
        Tables::bytes(metrics, rows * (columns + beyond))
    }

    /// Filters a map with its halo (as [`Extent`] has it) into the cells of the block alone.
    ///
    /// # Errors
    /// Data: infinite values; values where [`MeshMetrics::restricted`](super::MeshMetrics::restricted)
    /// has land.
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
        let n = self.coefficients.len() - 1;
        let width = strip(n);
        // Strips of about the same width.
        let strips = across.len().div_ceil(width);
        for i in 0..strips {
            let own = across.len() * i / strips..across.len() * (i + 1) / strips;
            let first = self.beyond + across.start;
            let columns = first + own.start..first + own.end;
            self.strip(scratch, map, out, &columns, &round)?;
        }
        Ok(())
    }

    /// Filters these columns of the rows that are worked on. Those beside them, a column more for each
    /// step, are worked on too: at their ends they are wrong, and nobody's.
    fn strip<T: Copy + Into<f64>, O>(
        &self,
        scratch: &mut Scratch,
        map: &[T],
        out: &mut [O],
        own: &Range<usize>,
        round: &impl Fn(f64) -> O,
    ) -> Result<()> {
        let [_, inside, across] = self.extent.inside();
        let (arch, n, stored) = (Arch::new(), self.coefficients.len() - 1, self.extent.shape()[2]);
        let cut = own.start.saturating_sub(n)..(own.end + n).min(self.columns);
        let columns = cut.len();
        let wide = columns + 2;
        scratch.fit(n, columns);
        let Scratch { steps, fluxes, sums, none, zeros } = scratch;
        let place = |step: usize, y: usize| (step * KEPT + y % KEPT) * wide;
        for front in self.rows.start..self.rows.end + n {
            if self.rows.contains(&front) {
                let at = place(0, front);
                let row = &mut steps[at..at + wide];
                let found = arch.dispatch(FirstRow {
                    from: &map[front * stored..(front + 1) * stored],
                    // Where the cut begins in the map, around the ring.
                    first: (cut.start + self.beyond * (stored - 1)) % stored,
                    weights: self.tables.weights(front, &cut),
                    dry: self.tables.dry(front, &cut),
                    out: &mut row[1..=columns],
                    sum: &mut sums[front % (n + 1) * columns..][..columns],
                    p: self.coefficients[0],
                });
                self.check(found)?;
                self.close(row);
            }
            for k in 1..=n.min(front - self.rows.start) {
                let y = front - k;
                if y >= self.rows.end {
                    continue;
                }
                let (below, step) = steps.split_at_mut(k * KEPT * wide);
                let is_last = y + 1 == self.rows.end;
                let out = &mut step[y % KEPT * wide..][..wide];
                arch.dispatch(RowStep {
                    metrics: self.tables.row(y, &cut),
                    here: &below[place(k - 1, y)..][..wide],
                    north: if is_last { &*none } else { &below[place(k - 1, y + 1)..][..wide] },
                    before: if k > 1 { &below[place(k - 2, y)..][..wide] } else { &*zeros },
                    is_first: k == 1,
                    flux: &mut fluxes[(k - 1) * columns..k * columns],
                    out: &mut *out,
                    sum: &mut sums[y % (n + 1) * columns..][..columns],
                    p: self.coefficients[k],
                });
                self.close(out);
            }
            let Some(done) = front.checked_sub(n).filter(|y| inside.contains(y) && *y >= self.rows.start)
            else {
                continue;
            };
            let column = own.start - self.beyond;
            let row = (done - inside.start) * across.len() + column - across.start;
            arch.dispatch(LastRow {
                map: self.high_pass.then(|| &map[done * stored + column..][..own.len()]),
                sum: &sums[done % (n + 1) * columns + own.start - cut.start..][..own.len()],
                weights: self.tables.weights(done, own),
                out: &mut out[row..row + own.len()],
                round,
            });
        }
        Ok(())
    }

    /// Sets the cells beyond both ends of a row of a ring.
    fn close(&self, row: &mut [f64]) {
        if self.closes {
            let last = row.len() - 1;
            (row[0], row[last]) = (row[last - 1], row[1]);
        }
    }

    /// Refuses what a row has found.
    fn check(&self, found: Found) -> Result<()> {
        if found.on_land && self.is_strict {
            return Err(Error::data("has values in cells that are missing in the first map")
                .remedy("name a mesh with a mask by --grid, so that it is known which cells are sea"));
        }
        if found.infinite {
            return Err(Error::data("infinite values").remedy("state them as missing, or correct them"));
        }
        Ok(())
    }
}

/// Rows of numbers that a strip takes while `n` steps are made.
const fn rows_of(n: usize) -> usize {
    (n + 1) * KEPT + n + (n + 1) + 2
}

/// Columns that are worked on together: of few steps so many that their rows stay near, and no fewer than
/// make the `n` columns at either side, which are worked on besides, few.
fn strip(n: usize) -> usize {
    (NEAR / (8 * rows_of(n))).saturating_sub(2 * n).max(8 * n)
}

impl Scratch {
    /// For a strip of so many columns, before its first row.
    fn fit(&mut self, steps: usize, columns: usize) {
        let wide = columns + 2;
        let room = |all: &mut Vec<f64>, len: usize, value: f64| {
            all.reserve_exact(len.saturating_sub(all.len()));
            all.resize(len, value);
        };
        room(&mut self.steps, (steps + 1) * KEPT * wide, f64::NAN);
        // Beyond the ends of rows nothing is known.
        for row in self.steps.chunks_exact_mut(wide) {
            (row[0], row[wide - 1]) = (f64::NAN, f64::NAN);
        }
        self.fluxes.clear();
        room(&mut self.fluxes, steps * columns, 0.0);
        room(&mut self.sums, (steps + 1) * columns, 0.0);
        room(&mut self.none, wide, f64::NAN);
        room(&mut self.zeros, wide, 0.0);
    }
}
