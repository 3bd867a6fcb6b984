//! The two ways to the covariance: between times, summed over cells, or between cells, summed
//! over times. Both have the same eigenvalues; the smaller matrix is built.

use super::prepare::Recipe;
use crate::symmetric::SymmetricSum;
use halocline_core::buffers::Buffers;
use halocline_core::engine::{Fold, Map, Parallelism};
use halocline_core::meta::Role;
use halocline_core::tiling::Tile;
use halocline_core::Result;

/// What the passes over series tiles share.
pub(super) struct Series<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) times: usize,
    /// Weight of each cell of the grid; empty: 1.
    pub(super) weights: &'a [f64],
    pub(super) excluded: &'a [bool],
    pub(super) cells_of: &'a (dyn Fn(&Tile) -> Vec<usize> + Sync),
    pub(super) buffers: Buffers,
}

impl Series<'_> {
    /// The weight of a cell of the grid.
    pub(super) fn weight(&self, cell: usize) -> f64 {
        self.weights.get(cell).copied().unwrap_or(1.0)
    }
    /// Which cells of a tile are left out.
    pub(super) fn excluded_of(&self, cells: &[usize]) -> Vec<bool> {
        if self.excluded.is_empty() {
            Vec::new()
        } else {
            cells.iter().map(|&c| self.excluded[c]).collect()
        }
    }
}

/// G(t, t') = Σ over cells of w² x(t) x(t'): the sum of the outer products of weighted series.
pub(super) struct TemporalFold<'a>(pub(super) &'a Series<'a>);

impl Fold for TemporalFold<'_> {
    type State = SymmetricSum;
    const NAME: &'static str = "eof-temporal-covariance";
    const VERSION: u32 = 1;

    fn reduces(&self) -> &[Role] {
        &[Role::Level, Role::Y, Role::X]
    }
    fn parallelism(&self) -> Parallelism {
        Parallelism::Inside
    }
    fn start(&self, _column: usize) -> SymmetricSum {
        SymmetricSum::new(self.0.times)
    }
    fn absorb(&self, state: &mut SymmetricSum, tile: &Tile, values: &[f64]) -> Result<()> {
        let cells = (self.0.cells_of)(tile);
        let buffer = self.0.buffers.take(0);
        let mut prepared = self.0.recipe.prepare(values, &self.0.excluded_of(&cells), buffer);
        if !self.0.weights.is_empty() {
            for (row, &c) in prepared.series.chunks_mut(self.0.times).zip(&prepared.cells) {
                let weight = self.0.weight(cells[c]);
                row.iter_mut().for_each(|v| *v *= weight);
            }
        }
        state.add_rows(&prepared.series);
        self.0.buffers.give(prepared.series);
        Ok(())
    }
    fn merge(&self, mut left: SymmetricSum, right: SymmetricSum) -> Result<SymmetricSum> {
        left.merge(&right)?;
        Ok(left)
    }
}

/// The weighted anomalies of a tile in the layout of the tile, zero where there are no data.
pub(super) struct WeightedAnomalies<'a>(pub(super) &'a Series<'a>);

impl Map for WeightedAnomalies<'_> {
    type Output = Vec<f64>;

    fn apply(&self, tile: &Tile, values: &[f64]) -> Result<Vec<f64>> {
        let cells = (self.0.cells_of)(tile);
        let nt = self.0.times;
        let prepared = self.0.recipe.prepare(values, &self.0.excluded_of(&cells), self.0.buffers.take(0));
        let width = cells.len();
        let mut out = vec![0.0; width * nt];
        for (row, &c) in prepared.series.chunks(nt).zip(&prepared.cells) {
            let weight = self.0.weight(cells[c]);
            for (t, v) in row.iter().enumerate() {
                out[t * width + c] = v * weight;
            }
        }
        self.0.buffers.give(prepared.series);
        Ok(out)
    }
}

/// Picks the cells with data out of maps, one map after the other.
pub(super) fn pick(values: &[f64], valid: &[usize], width: usize) -> Vec<f64> {
    values.chunks(width).flat_map(|map| valid.iter().map(move |&c| map[c])).collect()
}

/// C(c, c') = Σ over times of w x(c) w' x(c'), over tiles of whole maps of weighted anomalies.
pub(super) struct SpatialFold<'a> {
    pub(super) valid: &'a [usize],
    /// Cells of a whole map.
    pub(super) width: usize,
}

impl Fold for SpatialFold<'_> {
    type State = SymmetricSum;
    const NAME: &'static str = "eof-spatial-covariance";
    const VERSION: u32 = 1;

    fn reduces(&self) -> &[Role] {
        &[Role::Time]
    }
    fn parallelism(&self) -> Parallelism {
        Parallelism::Inside
    }
    fn start(&self, _column: usize) -> SymmetricSum {
        SymmetricSum::new(self.valid.len())
    }
    fn absorb(&self, state: &mut SymmetricSum, _tile: &Tile, values: &[f64]) -> Result<()> {
        state.add_rows(&pick(values, self.valid, self.width));
        Ok(())
    }
    fn merge(&self, mut left: SymmetricSum, right: SymmetricSum) -> Result<SymmetricSum> {
        left.merge(&right)?;
        Ok(left)
    }
}

/// Projects whole maps of weighted anomalies on unit patterns: times × modes.
pub(super) struct ProjectMap<'a> {
    pub(super) valid: &'a [usize],
    pub(super) width: usize,
    /// One pattern after the other, over the valid cells.
    pub(super) patterns: &'a [f64],
}

impl Map for ProjectMap<'_> {
    type Output = Vec<f64>;

    fn apply(&self, _tile: &Tile, values: &[f64]) -> Result<Vec<f64>> {
        let rows = pick(values, self.valid, self.width);
        let times = values.len() / self.width.max(1);
        Ok(crate::symmetric::times_columns(&rows, times, self.valid.len(), self.patterns))
    }
}
