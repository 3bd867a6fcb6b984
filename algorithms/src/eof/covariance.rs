//! The two ways to the covariance: between times, summed over cells, or between cells, summed
//! over times. Both have the same eigenvalues; the smaller matrix is built.

use super::prepare::{Recipe, Strip};
use crate::symmetric::SymmetricSum;
use halocline_core::buffers::Buffers;
use halocline_core::engine::{Fold, Map, Parallelism, Piece};
use halocline_core::meta::Role;
use halocline_core::tiling::Tile;
use halocline_core::Result;
use std::sync::{Mutex, PoisonError};

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
    /// Multiplies anomalies by the weights of their cells; `cells` are those of the tile.
    fn weigh(&self, strip: &mut Strip, cells: &[usize]) {
        if !self.weights.is_empty() {
            let weights: Vec<f64> = strip.cells.iter().map(|&c| self.weight(cells[c])).collect();
            for row in strip.values.chunks_mut(weights.len()) {
                row.iter_mut().zip(&weights).for_each(|(v, w)| *v *= w);
            }
        }
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

/// Matrices that were merged into others, to be used again.
#[derive(Default)]
struct Used(Mutex<Vec<SymmetricSum>>);

impl Used {
    fn start(&self, n: usize) -> SymmetricSum {
        let used = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        used.map_or_else(
            || SymmetricSum::new(n),
            |mut sum| {
                sum.clear();
                sum
            },
        )
    }
    fn merge(&self, mut left: SymmetricSum, right: SymmetricSum) -> Result<SymmetricSum> {
        left.merge(&right)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(right);
        Ok(left)
    }
}

/// G(t, t') = Σ over cells of w² x(t) x(t'): the sum of the outer products of weighted series.
pub(super) struct TemporalFold<'a> {
    series: &'a Series<'a>,
    used: Used,
}

impl<'a> TemporalFold<'a> {
    pub(super) fn new(series: &'a Series<'a>) -> Self {
        Self { series, used: Used::default() }
    }
}

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
        self.used.start(self.series.times)
    }
    fn absorb(&self, state: &mut SymmetricSum, piece: &Piece<'_>) -> Result<()> {
        let cells = (self.series.cells_of)(piece.tile());
        let excluded = self.series.excluded_of(&cells);
        self.series.recipe.for_each_strip(
            piece.doubles()?,
            &excluded,
            false,
            &self.series.buffers,
            |strip| {
                self.series.weigh(strip, &cells);
                state.add_columns(&strip.values);
            },
        );
        Ok(())
    }
    fn merge(&self, left: SymmetricSum, right: SymmetricSum) -> Result<SymmetricSum> {
        self.used.merge(left, right)
    }
}

/// The weighted anomalies of a tile in the layout of the tile, zero where there are no data.
pub(super) struct WeightedAnomalies<'a>(pub(super) &'a Series<'a>);

impl Map for WeightedAnomalies<'_> {
    type Output = Vec<f64>;

    fn apply(&self, tile: &Tile, values: &[f64]) -> Result<Vec<f64>> {
        let cells = (self.0.cells_of)(tile);
        let mut out = vec![0.0; values.len()];
        let excluded = self.0.excluded_of(&cells);
        self.0.recipe.for_each_strip(values, &excluded, false, &self.0.buffers, |strip| {
            self.0.weigh(strip, &cells);
            for (out, row) in out.chunks_mut(cells.len()).zip(strip.values.chunks(strip.cells.len())) {
                for (&c, v) in strip.cells.iter().zip(row) {
                    out[c] = *v;
                }
            }
        });
        Ok(out)
    }
}

/// Picks the cells with data out of maps, one map after the other.
pub(super) fn pick(values: &[f64], valid: &[usize], width: usize) -> Vec<f64> {
    values.chunks(width).flat_map(|map| valid.iter().map(move |&c| map[c])).collect()
}

/// C(c, c') = Σ over times of w x(c) w' x(c'), over tiles of whole maps of weighted anomalies.
pub(super) struct SpatialFold<'a> {
    valid: &'a [usize],
    /// Cells of a whole map.
    width: usize,
    used: Used,
}

impl<'a> SpatialFold<'a> {
    pub(super) fn new(valid: &'a [usize], width: usize) -> Self {
        Self { valid, width, used: Used::default() }
    }
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
        self.used.start(self.valid.len())
    }
    fn absorb(&self, state: &mut SymmetricSum, piece: &Piece<'_>) -> Result<()> {
        state.add_rows(&pick(piece.doubles()?, self.valid, self.width));
        Ok(())
    }
    fn merge(&self, left: SymmetricSum, right: SymmetricSum) -> Result<SymmetricSum> {
        self.used.merge(left, right)
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
