//! What can be asked for, and what has to be kept for it.

use halocline_core::engine::{encoded_floats, encoded_number};
use serde::{Deserialize, Serialize};

/// An operation, as a user names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Op {
    /// Σx / n, or Σwx / Σw.
    Mean,
    /// Σx, never weighted.
    Sum,
    /// The least value.
    Min,
    /// The greatest value.
    Max,
    /// The root of the variance.
    Std,
    /// The variance, see [`Rules`](super::Rules).
    Var,
    /// n, the number of values that are not missing.
    Count,
    /// The greatest less the least.
    Range,
    /// √(Σx² / n), or √(Σwx² / Σw).
    Rms,
    /// The least-squares line over time, with its uncertainty.
    Trend,
}

/// A number that results hold: of [`Op::Trend`] there are several, of the others one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Quantity {
    Mean,
    Sum,
    Min,
    Max,
    Std,
    Var,
    Count,
    Range,
    Rms,
    /// Change per unit of the regressor.
    Slope,
    /// The line's value where the regressor is that of the first step.
    Intercept,
    /// Standard error of the slope, by the effective sample size.
    SlopeError,
    /// Two-sided p-value of the slope being zero, by Student's t.
    PValue,
    /// Effective sample size.
    EffectiveSize,
}

impl Op {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Mean,
        Self::Sum,
        Self::Min,
        Self::Max,
        Self::Std,
        Self::Var,
        Self::Count,
        Self::Range,
        Self::Rms,
        Self::Trend,
    ];

    /// The name that users write.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
            Self::Std => "std",
            Self::Var => "var",
            Self::Count => "count",
            Self::Range => "range",
            Self::Rms => "rms",
            Self::Trend => "trend",
        }
    }

    /// What it gives.
    pub const fn quantities(self) -> &'static [Quantity] {
        match self {
            Self::Mean => &[Quantity::Mean],
            Self::Sum => &[Quantity::Sum],
            Self::Min => &[Quantity::Min],
            Self::Max => &[Quantity::Max],
            Self::Std => &[Quantity::Std],
            Self::Var => &[Quantity::Var],
            Self::Count => &[Quantity::Count],
            Self::Range => &[Quantity::Range],
            Self::Rms => &[Quantity::Rms],
            Self::Trend => &[
                Quantity::Slope,
                Quantity::Intercept,
                Quantity::SlopeError,
                Quantity::PValue,
                Quantity::EffectiveSize,
            ],
        }
    }

    /// Whether weights change it.
    pub const fn is_weighted(self) -> bool {
        matches!(self, Self::Mean | Self::Std | Self::Var | Self::Rms)
    }
}

/// What is accumulated, beside the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
// Each is there or not, whatever the others.
#[allow(clippy::struct_excessive_bools)]
pub(super) struct Needs {
    /// Σx.
    pub(super) sum: bool,
    /// Σw, Σw² and Σwx.
    pub(super) weighted: bool,
    pub(super) extremes: bool,
    /// Second moments, weighted where there are weights.
    pub(super) moments: bool,
    /// Σx², weighted where there are weights.
    pub(super) squares: bool,
    pub(super) trend: bool,
}

impl Needs {
    pub(super) fn of(ops: &[Op], weighted: bool) -> Self {
        let any = |wanted: &[Op]| ops.iter().any(|op| wanted.contains(op));
        let weighted = weighted && ops.iter().any(|op| op.is_weighted());
        Self {
            sum: any(&[Op::Sum]) || (any(&[Op::Mean]) && !weighted),
            weighted,
            extremes: any(&[Op::Min, Op::Max, Op::Range]),
            moments: any(&[Op::Std, Op::Var]),
            squares: any(&[Op::Rms]),
            trend: any(&[Op::Trend]),
        }
    }

    /// Bytes of an encoded state of so many groups and cells, after so many values of each.
    pub(super) fn encoded_bytes(self, groups: u64, cells: u64, values: u64) -> u64 {
        let n = groups * cells;
        let lists =
            [(self.sum, 1), (self.weighted, 3), (self.extremes, 2), (self.moments, 3), (self.squares, 1)];
        let lists =
            lists.iter().map(|&(is_there, count)| count * encoded_floats(if is_there { n } else { 0 }));
        let trend = encoded_floats(if self.trend { super::trend::PLANES as u64 * n } else { 0 });
        // Groups by their numbers, whether moments are settled, and of the trend its steps and that.
        let numbers = encoded_number(groups) + groups * encoded_number(groups.saturating_sub(1));
        let counts = encoded_number(n) + n * encoded_number(values);
        numbers + encoded_number(cells) + counts + lists.sum::<u64>() + 1 + trend + 2
    }

    /// Bytes that are kept for a cell of a group.
    pub(super) const fn bytes(self) -> u64 {
        let n = 1
            + self.sum as u64
            + 3 * self.weighted as u64
            + 2 * self.extremes as u64
            + 3 * self.moments as u64
            + self.squares as u64
            + super::trend::PLANES as u64 * self.trend as u64;
        8 * n
    }
}
