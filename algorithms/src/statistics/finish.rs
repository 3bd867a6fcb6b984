//! From accumulators to results.

use super::op::Quantity;
use super::reduction::Reduction;
use super::state::ReductionState;
use super::trend::Tails;
use halocline_core::{Error, Result};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// When a result is missing although there are values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Missing {
    /// Missing values are skipped: a result needs one value.
    Skip,
    /// One missing value makes the result missing.
    Propagate,
    /// A result needs so many values.
    AtLeast(u64),
}

/// What results depend on beside accumulators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// When results are missing.
    pub missing: Missing,
    /// Degrees of freedom d that the variance loses, 0 or 1: Σw(x − μ)² / (Σw − d Σw² / Σw), which
    /// without weights is Σ(x − μ)² / (n − d). Missing where the divisor is not positive.
    pub ddof: u8,
    /// Cells that the dimensions which are reduced have in each step; what a selection leaves out
    /// is not among them.
    pub cells: u64,
}

impl Missing {
    /// How many values a result needs of `all` that there could be.
    pub(super) fn least(self, all: u64) -> u64 {
        match self {
            Self::Skip => 1,
            Self::Propagate => all.max(1),
            Self::AtLeast(n) => n.max(1),
        }
    }
}

impl Reduction {
    /// Works out the lines of trends in finished states, which [`Self::finish`] does for each quantity
    /// otherwise. Nothing can be merged with these states afterwards, and they are not to be saved.
    pub fn solve(&self, columns: &mut [(usize, ReductionState)]) {
        if self.needs.trend {
            columns.par_iter_mut().for_each(|(_, state)| state.solve(self.needs, &self.times));
        }
    }

    /// The results of the groups that a state has met, one after the other in the order of
    /// [`ReductionState::groups`], each with one value for each cell in C order; missing as NaN.
    ///
    /// # Errors
    /// Internal, if what the quantity needs was not accumulated.
    pub fn finish(&self, state: &ReductionState, quantity: Quantity, rules: &Rules) -> Result<Vec<f64>> {
        let needs = self.needs;
        let there = match quantity {
            Quantity::Mean => needs.sum || needs.weighted,
            Quantity::Sum => needs.sum,
            Quantity::Min | Quantity::Max | Quantity::Range => needs.extremes,
            Quantity::Std | Quantity::Var => needs.moments,
            Quantity::Count => true,
            Quantity::Rms => needs.squares,
            _ => needs.trend,
        };
        if !there {
            return Err(Error::internal(format!(
                "{quantity:?} is asked of a reduction that was made without"
            )));
        }
        let sizes = self.groups().sizes();
        let least: Vec<u64> = state
            .groups
            .iter()
            .map(|&group| {
                rules.missing.least(sizes.get(group as usize).map_or(1, |steps| steps * rules.cells))
            })
            .collect();
        let cells = state.cells.max(1);
        let tails = state.trend.tails(&self.times);
        let value = |i: usize| {
            if quantity != Quantity::Count && state.count[i] < least[i / cells] {
                return f64::NAN;
            }
            self.value(state, quantity, (rules.ddof, tails.as_ref()), i)
        };
        // Each on its own, so threads change nothing.
        Ok((0..state.count.len()).into_par_iter().map(value).collect())
    }

    /// The result at `i`, where there is a value.
    fn value(
        &self,
        state: &ReductionState,
        quantity: Quantity,
        (ddof, tails): (u8, Option<&Tails>),
        i: usize,
    ) -> f64 {
        let n = state.count[i];
        let weight = || if self.needs.weighted { state.weight[i] } else { n as f64 };
        match quantity {
            Quantity::Mean if self.needs.weighted => state.weighted_sum[i] / state.weight[i],
            Quantity::Mean => state.sum[i] / n as f64,
            Quantity::Sum => state.sum[i],
            Quantity::Min => state.least[i],
            Quantity::Max => state.greatest[i],
            Quantity::Range => state.greatest[i] - state.least[i],
            Quantity::Count => n as f64,
            Quantity::Rms => (state.squares[i] / weight()).sqrt(),
            Quantity::Var => self.variance(state, ddof, i),
            Quantity::Std => self.variance(state, ddof, i).sqrt(),
            _ => {
                let Some(tails) = tails else { return f64::NAN };
                let line = state.trend.line(i, state.cells, n, tails);
                match quantity {
                    Quantity::Slope => line.slope,
                    Quantity::Intercept => line.intercept,
                    Quantity::SlopeError => line.slope_error,
                    Quantity::PValue => line.p_value(),
                    _ => line.effective,
                }
            }
        }
    }

    fn variance(&self, state: &ReductionState, ddof: u8, i: usize) -> f64 {
        let moments = state.moments(i);
        let lost = if self.needs.weighted { state.weight_squared[i] / moments.weight } else { 1.0 };
        let divisor = moments.weight - f64::from(ddof) * lost;
        // One value has no spread to speak of, whatever rounding makes of its weight.
        if divisor > 1e-14 * moments.weight {
            moments.squares / divisor
        } else {
            f64::NAN
        }
    }
}
