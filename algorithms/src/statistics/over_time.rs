//! Reductions over time at every cell.

use super::kernels;
use halocline_core::engine::{Fold, Piece, Pieces};
use halocline_core::meta::Role;
use halocline_core::tiling::Tile;
use halocline_core::Result;
use serde::{Deserialize, Serialize};

/// What is made of the values of a cell, n of which are not missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TimeOp {
    /// Σx / n; missing where n = 0.
    Mean,
    /// Σx; missing where n = 0.
    Sum,
    /// The least value; missing where n = 0.
    Min,
    /// The greatest value; missing where n = 0.
    Max,
    /// n itself, never missing.
    Count,
}

impl TimeOp {
    /// The name that users write, and what CF calls it in `cell_methods`.
    pub const fn names(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Mean => ("mean", Some("mean")),
            Self::Sum => ("sum", Some("sum")),
            Self::Min => ("min", Some("minimum")),
            Self::Max => ("max", Some("maximum")),
            Self::Count => ("count", None),
        }
    }
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Mean, Self::Sum, Self::Min, Self::Max, Self::Count];
}

/// The fold of any [`TimeOp`]s over one read: sums in double precision, cell by cell in the
/// order of time within a tile, tiles along the engine's tree. Missing values are skipped.
///
/// State per cell: `sum` (f64) and `count` (u32), `least` and `greatest` (f64) if extremes are
/// asked for.
#[derive(Debug, Clone, Copy)]
pub struct OverTime {
    extremes: bool,
}

/// Sums, counts and extremes of the cells of one tile, C order; empty before the first piece.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeState {
    sum: Vec<f64>,
    count: Vec<u32>,
    least: Vec<f64>,
    greatest: Vec<f64>,
}

const TIME: [Role; 1] = [Role::Time];

impl OverTime {
    /// The fold that serves all of `ops`.
    pub fn new(ops: &[TimeOp]) -> Self {
        Self { extremes: ops.iter().any(|op| matches!(op, TimeOp::Min | TimeOp::Max)) }
    }
}

/// Cells of a tile in space.
fn cells(tile: &Tile) -> usize {
    tile.block.shape().iter().skip(1).product()
}

impl Fold for OverTime {
    type State = TimeState;
    const NAME: &'static str = "statistics-over-time";
    const VERSION: u32 = 1;

    fn reduces(&self) -> &[Role] {
        &TIME
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn state_bytes(&self, tile: &Tile) -> u64 {
        cells(tile) as u64 * if self.extremes { 28 } else { 12 }
    }
    fn start(&self, _column: usize) -> TimeState {
        TimeState::default()
    }
    fn absorb(&self, state: &mut TimeState, piece: &Piece<'_>) -> Result<()> {
        state.sum.resize(piece.cells(), 0.0);
        state.count.resize(piece.cells(), 0);
        kernels::add(piece, &mut state.sum, &mut state.count);
        if self.extremes {
            state.least.resize(piece.cells(), f64::INFINITY);
            state.greatest.resize(piece.cells(), f64::NEG_INFINITY);
            kernels::extend(piece, &mut state.least, &mut state.greatest);
        }
        Ok(())
    }
    fn merge(&self, mut left: TimeState, right: TimeState) -> Result<TimeState> {
        left.sum.iter_mut().zip(&right.sum).for_each(|(a, b)| *a += b);
        left.count.iter_mut().zip(&right.count).for_each(|(a, b)| *a += b);
        left.least.iter_mut().zip(&right.least).for_each(|(a, b)| *a = a.min(*b));
        left.greatest.iter_mut().zip(&right.greatest).for_each(|(a, b)| *a = a.max(*b));
        Ok(left)
    }
}

impl TimeState {
    /// The result of `op` for each cell, missing as NaN.
    pub fn finish(&self, op: TimeOp) -> Vec<f64> {
        let where_any = |values: &[f64]| {
            values.iter().zip(&self.count).map(|(v, n)| if *n > 0 { *v } else { f64::NAN }).collect()
        };
        match op {
            // 0/0 is NaN where there is nothing.
            TimeOp::Mean => self.sum.iter().zip(&self.count).map(|(s, n)| s / f64::from(*n)).collect(),
            TimeOp::Sum => where_any(&self.sum),
            TimeOp::Min => where_any(&self.least),
            TimeOp::Max => where_any(&self.greatest),
            TimeOp::Count => self.count.iter().map(|n| f64::from(*n)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use halocline_core::index::IndexBox;

    fn tile(steps: usize, cells: usize) -> Tile {
        Tile { id: 0, block: IndexBox::whole(&[steps, cells]) }
    }

    #[test]
    fn missing_values_are_skipped() {
        let tile = tile(3, 3);
        let fold = OverTime::new(&TimeOp::ALL);
        let mut state = fold.start(0);
        let nan = f64::NAN;
        let values = [1.0, nan, nan, 2.5, -4.0, nan, -7.0, 6.0, nan];
        fold.absorb(&mut state, &Piece::whole(&tile, &values)).unwrap();
        let bits = |v: Vec<f64>| v.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(bits(state.finish(TimeOp::Mean)), bits(vec![-3.5 / 3.0, 1.0, nan]));
        assert_eq!(bits(state.finish(TimeOp::Sum)), bits(vec![-3.5, 2.0, nan]));
        assert_eq!(bits(state.finish(TimeOp::Min)), bits(vec![-7.0, -4.0, nan]));
        assert_eq!(bits(state.finish(TimeOp::Max)), bits(vec![2.5, 6.0, nan]));
        assert_eq!(state.finish(TimeOp::Count), [3.0, 2.0, 0.0]);
    }

    #[test]
    fn large_offsets_lose_nothing_that_doubles_hold() {
        // In single precision the sum of these would be off by whole degrees.
        let tile = tile(5000, 1);
        let fold = OverTime::new(&[TimeOp::Mean]);
        let values: Vec<f64> = (0..5000).map(|i| 1e7 + f64::from(i % 10)).collect();
        let mut state = fold.start(0);
        fold.absorb(&mut state, &Piece::whole(&tile, &values)).unwrap();
        assert_eq!(state.finish(TimeOp::Mean), [1e7 + 4.5]);
    }
}
