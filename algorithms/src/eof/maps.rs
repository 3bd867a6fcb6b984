//! The second pass: from series in time to maps.

use super::gram::Shared;
use super::prepare::Rows;
use super::strip::{Strip, Width};
use super::EofField;
use crate::symmetric::{transposed_times_columns, STRIP};
use halocline_core::engine::{Engine, Series, SeriesResults, SeriesWork};
use halocline_core::index::IndexBox;
use halocline_core::Result;

/// Rows of what is known of each cell, before the means that were removed.
const MEAN: usize = 0;
const SQUARES: usize = 1;
const DEVIATION: usize = 2;
const CONSTANT: usize = 3;
pub(super) const KNOWN: usize = 4;

/// b(j, c) = Σ over t of z(j, t) x(t, c) for the unweighted anomalies x and some series z, and
/// what is known of each cell.
struct MapWork<'a> {
    shared: &'a Shared<'a>,
    /// One series after the other, all times each.
    columns: &'a [f64],
}

impl SeriesWork for MapWork<'_> {
    fn rows(&self) -> Vec<usize> {
        vec![self.columns.len() / self.shared.times.max(1), KNOWN + self.shared.recipe.groups()]
    }
    fn scratch_per_thread(&self, samples: usize, _cells: usize) -> u64 {
        scratch(samples, self.columns.len() / self.shared.times.max(1))
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        let shared = self.shared;
        let cells = shared.cells_of(series.block());
        let excluded = shared.excluded_of(&cells);
        let first = series.steps().start;
        let rows = |time: usize| series.step(first + time);
        let rows: &Rows<'_> = &rows;
        // Tiles are worked on in parallel already.
        let making = shared.making(&excluded, (true, Width::Narrow), &|_| ());
        shared.recipe.for_each_strip(rows, &making, |strip| {
            self.add_strip(strip, results);
        });
        Ok(())
    }
}

/// Bytes that a thread takes for a strip of so many times and its products with so many series.
pub(super) fn scratch(times: usize, columns: usize) -> u64 {
    (2 * STRIP as u64 * 8).saturating_mul((times + columns) as u64)
}

impl MapWork<'_> {
    fn add_strip(&self, strip: &Strip, results: &mut [Vec<&mut [f64]>]) {
        let (width, times) = (strip.cells.len(), self.shared.times);
        let count = self.columns.len() / times.max(1);
        let sums = transposed_times_columns(&strip.values, width, times, self.columns);
        let [maps, known] = results else { return };
        for (i, (&c, about)) in strip.cells.iter().zip(&strip.cell).enumerate() {
            for (row, sum) in maps.iter_mut().zip(&sums[i * count..(i + 1) * count]) {
                row[c] = *sum;
            }
            known[MEAN][c] = about.mean;
            known[SQUARES][c] = about.squares;
            known[DEVIATION][c] = about.deviation;
            known[CONSTANT][c] = f64::from(u8::from(about.constant));
            for (row, removed) in known[KNOWN..].iter_mut().zip(strip.removed.chunks(width)) {
                row[c] = removed[i];
            }
        }
    }
}

/// What is known of the anomalies of a cell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) mean: f64,
    /// Sum of the squares of the deviations from the mean.
    pub(super) squares: f64,
    pub(super) constant: bool,
}

/// This rank's part of the maps of some series, batch by batch.
#[derive(Debug)]
pub(super) struct Maps {
    batches: Vec<SeriesResults>,
    columns: usize,
    groups: usize,
}

/// Some maps of a part of the grid: rows (modes, months) × cells, C order.
#[derive(Debug, Clone, PartialEq)]
pub struct MapBlock {
    /// Which rows and cells: the first dimension counts rows.
    pub block: IndexBox,
    /// Missing where there are no data.
    pub values: Vec<f64>,
}

impl Maps {
    /// The maps of series `columns`, one after the other.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn of(
        engine: &Engine,
        field: &EofField<'_>,
        shared: &Shared<'_>,
        columns: &[f64],
    ) -> Result<Self> {
        let work = MapWork { shared, columns };
        let mut batches = Vec::new();
        engine.series(field.source, field.plan, &work, &mut |results| {
            batches.push(results);
            Ok(())
        })?;
        Ok(Self { batches, columns: columns.len() / shared.times.max(1), groups: shared.recipe.groups() })
    }

    /// How many series they are of.
    pub(super) const fn columns(&self) -> usize {
        self.columns
    }

    /// The maps by batch: cells of the grid, and rows over them.
    pub(super) fn rows(&self, shared: &Shared<'_>) -> Vec<(Vec<usize>, Vec<f64>)> {
        self.batches.iter().map(|b| (shared.cells_of(&b.cells), b.values[0].clone())).collect()
    }

    /// The means that were removed, likewise.
    pub(super) fn removed(&self, shared: &Shared<'_>) -> Vec<(Vec<usize>, Vec<f64>)> {
        let means = |b: &SeriesResults| b.values[1][KNOWN * width(b)..].to_vec();
        self.batches.iter().map(|b| (shared.cells_of(&b.cells), means(b))).collect()
    }

    /// Cells of this rank whose series varies.
    pub(super) fn varying(&self) -> usize {
        let constant = |batch: &SeriesResults| {
            let width = width(batch);
            batch.values[1][CONSTANT * width..(CONSTANT + 1) * width].iter().filter(|c| **c == 0.0).count()
        };
        self.batches.iter().map(constant).sum()
    }

    /// For each series the largest of `of(series, sum, cell of the grid)`.
    pub(super) fn peaks(&self, shared: &Shared<'_>, of: impl Fn(usize, f64, usize) -> f64) -> Vec<Peak> {
        let mut peaks = vec![Peak::NONE; self.columns];
        for batch in &self.batches {
            let cells = shared.cells_of(&batch.cells);
            for (k, (row, peak)) in batch.values[0].chunks(cells.len().max(1)).zip(&mut peaks).enumerate() {
                for (sum, &cell) in row.iter().zip(&cells).filter(|(sum, _)| !sum.is_nan()) {
                    let value = of(k, *sum, cell);
                    *peak = peak.larger(Peak { size: value.abs(), cell, negative: value < 0.0 });
                }
            }
        }
        peaks
    }

    /// Changes the sums of cells with data: `to(series, sum, what is known, cell of the grid)`.
    pub(super) fn change(&mut self, shared: &Shared<'_>, to: impl Fn(usize, f64, &Known, usize) -> f64) {
        for batch in &mut self.batches {
            let cells = shared.cells_of(&batch.cells);
            let [maps, known, ..] = batch.values.as_mut_slice() else { continue };
            let row = |k: usize| &known[k * cells.len()..(k + 1) * cells.len()];
            for (k, map) in maps.chunks_mut(cells.len().max(1)).enumerate() {
                for (i, (value, &cell)) in
                    map.iter_mut().zip(&cells).enumerate().filter(|(_, (v, _))| !v.is_nan())
                {
                    let about = Known {
                        mean: row(MEAN)[i],
                        squares: row(SQUARES)[i],
                        constant: row(CONSTANT)[i] != 0.0,
                    };
                    *value = to(k, *value, &about, cell);
                }
            }
        }
    }

    /// The maps, the means that were removed, and the standard deviations.
    pub(super) fn into_blocks(self, standardized: bool, freedom: f64) -> [Vec<MapBlock>; 3] {
        let mut all = [Vec::new(), Vec::new(), Vec::new()];
        for mut batch in self.batches {
            let width = width(&batch);
            let known = batch.values.pop().unwrap_or_default();
            let maps = batch.values.pop().unwrap_or_default();
            let means = known[KNOWN * width..].to_vec();
            // Where none was divided by, that of the anomalies as they are.
            let divided = &known[DEVIATION * width..(DEVIATION + 1) * width];
            let squares = &known[SQUARES * width..(SQUARES + 1) * width];
            let deviations = if standardized {
                divided.to_vec()
            } else {
                squares.iter().map(|s| (s / freedom).sqrt()).collect()
            };
            for (all, (rows, values)) in
                all.iter_mut().zip([(self.columns, maps), (self.groups, means), (1, deviations)])
            {
                all.push(MapBlock { block: batch.block(rows), values });
            }
        }
        all
    }
}

fn width(batch: &SeriesResults) -> usize {
    batch.cells.ranges()[1..].iter().map(ExactSizeIterator::len).product()
}

/// A largest entry: size, cell, sign.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Peak {
    size: f64,
    cell: usize,
    pub(super) negative: bool,
}

impl Peak {
    const NONE: Self = Self { size: -1.0, cell: usize::MAX, negative: false };

    /// Whether it is larger than another.
    pub(super) fn is_larger(&self, other: &Self) -> bool {
        self.size > other.size
    }
    /// The larger of two, of equals the one at the lower cell.
    pub(super) fn larger(self, other: Self) -> Self {
        if other.size > self.size || (other.size == self.size && other.cell < self.cell) {
            other
        } else {
            self
        }
    }
}

/// The largest entries over all ranks.
///
/// # Collective
/// Every rank calls this.
pub(super) fn highest(engine: &Engine, own: &[Peak]) -> Result<Vec<Peak>> {
    let mut peaks = own.to_vec();
    for other in engine.gather(&peaks)? {
        for (peak, other) in peaks.iter_mut().zip(other) {
            *peak = peak.larger(other);
        }
    }
    Ok(peaks)
}
