//! Which series have gaps.

use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// What is done with series that are missing at some times only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapRule {
    /// They are an error.
    Refuse,
    /// They are missing in the result.
    Drop,
    /// What is there of them is used.
    Use,
}

/// What a series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looked {
    Complete,
    Empty,
    /// The first time that is missing.
    Gappy(usize),
    /// The first time that is infinite.
    Infinite(usize),
}

impl Looked {
    pub(super) fn at(x: &[f64]) -> Self {
        if pulp::Arch::new().dispatch(AllFinite(x)) {
            return Self::Complete;
        }
        if let Some(time) = x.iter().position(|v| v.is_infinite()) {
            return Self::Infinite(time);
        }
        match x.iter().position(|v| v.is_nan()) {
            Some(0) if x.iter().all(|v| v.is_nan()) => Self::Empty,
            Some(time) => Self::Gappy(time),
            None => Self::Complete,
        }
    }
    /// Of two series that are used together.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Infinite(a), Self::Infinite(b)) => Self::Infinite(a.min(b)),
            (Self::Infinite(a), _) | (_, Self::Infinite(a)) => Self::Infinite(a),
            (Self::Empty, _) | (_, Self::Empty) => Self::Empty,
            (Self::Gappy(a), Self::Gappy(b)) => Self::Gappy(a.min(b)),
            (Self::Gappy(a), Self::Complete) | (Self::Complete, Self::Gappy(a)) => Self::Gappy(a),
            (Self::Complete, Self::Complete) => Self::Complete,
        }
    }
}

/// Whether all are, without branches: nearly all series are.
struct AllFinite<'a>(&'a [f64]);

impl pulp::NullaryFnOnce for AllFinite<'_> {
    type Output = bool;
    #[inline(always)]
    #[allow(clippy::inline_always)] // must be compiled for the vectors of its caller
    fn call(self) -> bool {
        self.0.iter().fold(true, |all, v| all & v.is_finite())
    }
}

/// How many series are what: joined over tiles and ranks, in whatever order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// Series without a gap.
    pub complete: u64,
    /// Series without any value.
    pub empty: u64,
    /// Series that are missing at some times only.
    pub gappy: u64,
    /// Series with an infinite value.
    pub infinite: u64,
    /// The first gap: number of the cell in C order over the dimensions behind time, step.
    pub first_gap: Option<(usize, usize)>,
    /// The first infinite value.
    pub first_infinite: Option<(usize, usize)>,
}

impl Survey {
    /// Counts a series of `cell`; says whether it is complete.
    pub(super) fn count(&mut self, looked: Looked, cell: impl FnOnce() -> usize) -> bool {
        match looked {
            Looked::Complete => self.complete += 1,
            Looked::Empty => self.empty += 1,
            Looked::Gappy(time) => {
                self.gappy += 1;
                self.first_gap = least(self.first_gap, Some((cell(), time)));
            }
            Looked::Infinite(time) => {
                self.infinite += 1;
                self.first_infinite = least(self.first_infinite, Some((cell(), time)));
            }
        }
        looked == Looked::Complete
    }
    /// Adds what was found elsewhere.
    pub fn join(&mut self, other: &Self) {
        self.complete += other.complete;
        self.empty += other.empty;
        self.gappy += other.gappy;
        self.infinite += other.infinite;
        self.first_gap = least(self.first_gap, other.first_gap);
        self.first_infinite = least(self.first_infinite, other.first_infinite);
    }
    /// Refuses what a spectrum can't be made of; `locate` tells where a cell is at a step.
    ///
    /// # Errors
    /// Data: infinite values, gaps unless they are dropped, nothing but gaps.
    pub fn check(&self, rule: GapRule, locate: &dyn Fn(usize, usize) -> String) -> Result<()> {
        if let Some((cell, time)) = self.first_infinite {
            let n = self.infinite;
            return Err(Error::data(format!(
                "{n} series {} infinite values, the first {}",
                if n == 1 { "has" } else { "have" },
                locate(cell, time)
            ))
            .remedy("correct the data, or declare the value as missing (_FillValue)"));
        }
        if let (GapRule::Refuse, Some((cell, time))) = (rule, self.first_gap) {
            return Err(Error::data(format!(
                "{} of {} series with data are missing at some times only, the first {}",
                self.gappy,
                self.gappy + self.complete,
                locate(cell, time)
            ))
            .remedy("fill the gaps, choose a --time or --box without gaps, or leave such series out with --missing drop"));
        }
        if self.complete + if rule == GapRule::Use { self.gappy } else { 0 } == 0 {
            let what = if self.gappy > 0 { "all series have gaps" } else { "all values are missing" };
            return Err(Error::data(what).remedy("check _FillValue, valid_range and the selection"));
        }
        Ok(())
    }
}

fn least(a: Option<(usize, usize)>, b: Option<(usize, usize)>) -> Option<(usize, usize)> {
    [a, b].into_iter().flatten().min()
}
