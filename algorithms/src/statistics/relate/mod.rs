//! How a field goes with another, or with an index: correlation, regression, covariance and
//! composites at every cell, in one pass.

mod kernels;
mod moments;
mod results;
#[cfg(test)]
mod tests;

pub use super::student::{false_discovery_threshold, of_correlation, two_sided};
pub use results::{Quantity, Treatment};

use halocline_core::engine::{Fold, Numbers, Piece, Pieces};
use halocline_core::memory::filled;
use halocline_core::meta::Role;
use halocline_core::tiling::Tile;
use halocline_core::{Error, Result};
use kernels::{Row, Step, BLOCK};
use moments::{Class, Moments, ADJACENT, BASE, BOTH, CLASS, TREND};
use serde::{Deserialize, Serialize};

/// An index: one value for each time, the same for all cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Index {
    /// The values, one a step of time, NaN for missing; may begin earlier and end later than the field,
    /// and have more between its times.
    pub values: Vec<f64>,
    /// Which of them belongs to each of the field's times.
    pub places: Vec<usize>,
}

impl Index {
    /// The value at the field's time `step` when the index leads by `lag` steps: that of the
    /// time `step - lag`. NaN beyond its ends.
    pub fn at(&self, step: usize, lag: i64) -> f64 {
        let place = self.places.get(step).map(|&place| place as i64 - lag);
        let place = place.and_then(|place| usize::try_from(place).ok());
        place.and_then(|i| self.values.get(i)).copied().unwrap_or(f64::NAN)
    }
}

/// What is gathered about the pairs of each cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Sums of squares and products: correlation, regression, covariance.
    pub moments: bool,
    /// Products of neighbours in time, for the effective sample size.
    pub neighbours: bool,
    /// A linear trend in time of both, to be removed.
    pub trend: bool,
}

/// The fold of relations: pairs (value, what it is related to) at each cell and lag.
///
/// A pair of which one value is missing is skipped. Sums are kept as deviations in double
/// precision (`moments.rs`).
#[derive(Debug, Clone)]
pub struct Relate {
    index: Option<Index>,
    lags: Vec<i64>,
    wanted: Wanted,
    /// The index above and below which values go into a composite.
    thresholds: Option<[f64; 2]>,
    /// Whether the pairs of each step are left out; empty if none are.
    left_out: Vec<bool>,
    /// Whether a gap in time is before each step; empty if there is none.
    after_gap: Vec<bool>,
}

/// The sums of the cells of one tile, for each lag.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RelateState {
    lags: Vec<Lag>,
    /// The first time and the one behind the last.
    times: (usize, usize),
}

/// The sums of one lag; what is not asked for is empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Lag {
    moments: Moments,
    high: Class,
    low: Class,
}

const TIME: [Role; 1] = [Role::Time];

impl Relate {
    /// Relates a field to an index at `lags`. With `thresholds`, values also go into composites
    /// where the index is above the first, or below the second.
    pub fn to_index(index: Index, lags: &[i64], wanted: Wanted, thresholds: Option<[f64; 2]>) -> Self {
        let lags = lags.to_vec();
        Self { index: Some(index), lags, thresholds, ..Self::to_field(wanted) }
    }
    /// Relates a field to another one, read in lockstep, at the same times.
    pub fn to_field(wanted: Wanted) -> Self {
        Self {
            index: None,
            lags: vec![0],
            wanted,
            thresholds: None,
            left_out: Vec::new(),
            after_gap: Vec::new(),
        }
    }
    /// The same without the pairs of some steps, which don't belong together.
    #[must_use]
    pub fn leaving_out(self, left_out: Vec<bool>) -> Self {
        Self { left_out, ..self }
    }
    /// The same with gaps in time before some steps: such a step and the one before are no neighbours.
    #[must_use]
    pub fn with_gaps(self, after_gap: Vec<bool>) -> Self {
        Self { after_gap, ..self }
    }
    fn is_after_gap(&self, step: usize) -> bool {
        self.after_gap.get(step).is_some_and(|&gap| gap)
    }

    /// Numbers that are kept of a cell.
    fn numbers(&self) -> usize {
        let wanted = self.wanted;
        let trend = if wanted.trend { TREND } else { 0 };
        let neighbours = match (wanted.neighbours, wanted.trend) {
            (true, true) => ADJACENT + BOTH,
            (true, false) => ADJACENT,
            _ => 0,
        };
        let moments = if wanted.moments { BASE + trend + neighbours } else { 0 };
        let classes = if self.thresholds.is_some() { 2 * CLASS } else { 0 };
        (moments + classes) * self.lags.len()
    }

    fn begin(&self, cells: usize) -> Lag {
        let room =
            |wanted: bool, numbers: usize| if wanted { filled(numbers * cells, 0.0) } else { Vec::new() };
        let Wanted { moments, neighbours, trend } = self.wanted;
        let class = || Class(room(self.thresholds.is_some(), CLASS));
        Lag {
            moments: Moments {
                base: room(moments, BASE),
                adjacent: room(moments && neighbours, ADJACENT),
                trend: room(moments && trend, TREND),
                both: room(moments && neighbours && trend, BOTH),
            },
            high: class(),
            low: class(),
        }
    }
}

fn part(values: Numbers<'_>, range: std::ops::Range<usize>) -> Numbers<'_> {
    match values {
        Numbers::F32(v) => Numbers::F32(&v[range]),
        Numbers::F64(v) => Numbers::F64(&v[range]),
    }
}

impl Fold for Relate {
    type State = RelateState;
    const NAME: &'static str = "statistics-relate";
    const VERSION: u32 = 3;

    fn reduces(&self) -> &[Role] {
        &TIME
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn state_bytes(&self, tile: &Tile) -> u64 {
        let cells: usize = tile.block.shape().iter().skip(1).product();
        (cells * self.numbers() * std::mem::size_of::<f64>()) as u64
    }
    fn start(&self, _column: usize) -> RelateState {
        RelateState::default()
    }

    fn absorb(&self, state: &mut RelateState, piece: &Piece<'_>) -> Result<()> {
        let cells = piece.cells();
        let times = piece.tile().block.range(0);
        if state.lags.is_empty() {
            state.lags = self.lags.iter().map(|_| self.begin(cells)).collect();
            state.times = (times.start, times.end);
        }
        let other = if self.index.is_none() { Some(piece.with(1)?) } else { None };
        let mut row = Row::default();
        for start in (0..cells).step_by(BLOCK) {
            let block = start..cells.min(start + BLOCK);
            // Lag by lag, so that the sums of one stay in cache.
            for (&lag, sums) in self.lags.iter().zip(&mut state.lags) {
                for at in piece.steps() {
                    row.set_y(part(piece.step(at), block.clone()));
                    match (&self.index, &other) {
                        (Some(index), _) => row.fill_x(index.at(at, lag)),
                        (None, _) if self.left_out.get(at).is_some_and(|&out| out) => row.fill_x(f64::NAN),
                        (None, Some(other)) => row.set_x(part(other.step(at), block.clone())),
                        (None, None) => {}
                    }
                    if self.wanted.moments {
                        let after_gap = self.is_after_gap(at);
                        row.add(&mut sums.moments, &block, Step { at, first: times.start, after_gap });
                    }
                    if let (Some([high, low]), Some(index)) = (self.thresholds, &self.index) {
                        let x = index.at(at, lag);
                        if x > high {
                            row.classify(&mut sums.high, &block);
                        } else if x < low {
                            row.classify(&mut sums.low, &block);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn merge(&self, mut left: RelateState, right: RelateState) -> Result<RelateState> {
        if left.lags.is_empty() {
            return Ok(right);
        }
        if right.lags.is_empty() {
            return Ok(left);
        }
        if left.lags.len() != right.lags.len() || left.times.1 != right.times.0 {
            return Err(Error::internal("states of relations that don't follow one another"));
        }
        let between = [(left.times.1 - 1) as f64, right.times.0 as f64];
        let apart = self.is_after_gap(right.times.0);
        for (a, b) in left.lags.iter_mut().zip(&right.lags) {
            a.moments.append(&b.moments, (!apart).then_some(between));
            a.high.append(&b.high);
            a.low.append(&b.low);
        }
        left.times.1 = right.times.1;
        Ok(left)
    }
}
