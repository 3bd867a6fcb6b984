//! Sums from which a least-squares line and the lag-1 autocorrelation of its residuals follow,
//! whatever values are missing.

mod fit;
mod join;
mod line;
mod past;

pub(super) use fit::{Clock, Fit};
pub(super) use line::Tails;
pub(super) use past::Past;

use join::Join;
use line::Settle;
use pulp::Arch;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Values x are counted from the first valid one of the cell, c; times t from the first step of
/// the state. v is 1 where a value is valid, else 0; i and j are neighbouring steps.
const CENTRE: usize = 0;
/// Σx, Σx², Σtx, Σvt, Σvt².
const X: usize = 1;
const XX: usize = 2;
const TX: usize = 3;
const T: usize = 4;
const TT: usize = 5;
/// Over neighbours that are both valid: how many, Σ xᵢxⱼ, Σ(xᵢ + xⱼ), Σ(xᵢtⱼ + xⱼtᵢ), Σ(tᵢ + tⱼ),
/// Σ tᵢtⱼ.
const PAIRS: usize = 6;
const PXX: usize = 7;
const PX: usize = 8;
const PTX: usize = 9;
const PT: usize = 10;
const PTT: usize = 11;
/// The values at the first and the last step as they are.
const FIRST: usize = 12;
const LAST: usize = 13;
/// Numbers for each cell.
pub(super) const PLANES: usize = 15;

/// Of a single tile, some places hold other things, so that a series without gaps costs little: how
/// many pairs are broken from the first valid step on, and their Σ(xᵢ + xⱼ) and Σ(xᵢtⱼ + xⱼtᵢ), x being 0
/// where it is missing; the first valid step; and Σ xᵢ(tᵢ₋₁ + tᵢ₊₁), which is Σ(xᵢtⱼ + xⱼtᵢ) of all pairs
/// and of one with the step behind the last. Sums of times alone (T, TT, PT, PTT) are kept of cells of
/// which a pair is broken; of others they follow from the first valid step. What is missing is never
/// taken away from them: of a few values at the beginning hardly a digit would be left.
const BROKEN: usize = PAIRS;
const BROKEN_X: usize = PX;
const BROKEN_TX: usize = PTX;
const BEGIN: usize = FIRST;
const ALL_TX: usize = 14;

/// Numbers for each cell, plane after plane.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sums {
    planes: Vec<f64>,
    /// First and last step.
    steps: Option<(usize, usize)>,
    /// Whether sums are of what is valid: not those of a single tile.
    settled: bool,
    /// Whether the line of each cell is in the place of sums ([`Self::solve`]).
    solved: bool,
}

impl Sums {
    /// As before the first step; keeps memory.
    pub(super) fn clear(&mut self) {
        self.planes.clear();
        (self.steps, self.settled, self.solved) = (None, false, false);
    }

    /// Makes room, and notes that these steps follow.
    pub(super) fn begin(&mut self, cells: usize, steps: Range<usize>) {
        if self.planes.is_empty() {
            self.planes.reserve_exact(PLANES * cells);
            self.planes.resize(PLANES * cells, 0.0);
            for plane in [CENTRE, BEGIN, LAST] {
                self.planes[plane * cells..(plane + 1) * cells].fill(f64::NAN);
            }
        }
        let first = self.steps.map_or(steps.start, |(first, _)| first);
        self.steps = Some((first, steps.end.saturating_sub(1)));
    }

    /// Of a single tile the centre of each cell, Σ(x − c) and Σ(x − c)².
    pub(super) fn about_centre(&self) -> Option<[&[f64]; 3]> {
        let cells = self.planes.len() / PLANES;
        let plane = |p: usize| &self.planes[p * cells..(p + 1) * cells];
        (cells > 0).then(|| [CENTRE, X, XX].map(plane))
    }

    /// The kernel that takes in further steps.
    pub(super) fn fit(&mut self, cells: usize) -> Option<Fit<'_>> {
        let (start, _) = self.steps?;
        Some(Fit { planes: &mut self.planes, cells, start, clock: &[], past: None, count: &mut [] })
    }

    /// Takes in the sums of the steps that follow, of which `count` values of each cell are valid.
    pub(super) fn merge(&mut self, other: &mut Self, count: &[u64], times: &[f64]) {
        self.settle(times);
        other.settle(times);
        let (Some(own), Some(theirs)) = (self.steps, other.steps) else {
            if self.steps.is_none() {
                self.clone_from(other);
            }
            return;
        };
        let since = |step: usize| times.get(step).zip(times.get(own.0)).map_or(0.0, |(t, start)| t - start);
        Arch::new().dispatch(Join {
            own: &mut self.planes,
            other: &other.planes,
            count,
            later: since(theirs.0),
            // Steps that are neighbours make a pair.
            meet: (theirs.0 == own.1 + 1).then(|| [since(own.1), since(theirs.0)]),
        });
        self.steps = Some((own.0, theirs.1));
    }

    /// Works out the line of each cell, of which so many values are valid, for [`Self::line`] to give;
    /// nothing can be merged any more.
    pub(super) fn solve(&mut self, count: &[u64], times: &[f64]) {
        let (Some(tails), false) = (self.tails(times), self.solved) else { return };
        let cells = self.planes.len() / PLANES;
        for (c, &n) in count.iter().enumerate().take(cells) {
            let line = self.line(c, cells, n, &tails);
            let numbers = [line.slope, line.intercept, line.slope_error, line.effective];
            for (p, number) in line::SOLVED.into_iter().zip(numbers) {
                self.planes[p * cells + c] = number;
            }
        }
        self.solved = true;
    }

    /// Turns what is missing into what is valid.
    fn settle(&mut self, times: &[f64]) {
        let (Some(tails), false) = (self.tails(times), self.settled) else { return };
        let cells = self.planes.len() / PLANES;
        Arch::new().dispatch(Settle { planes: &mut self.planes, cells, tails: &tails });
        self.settled = true;
    }

    /// What [`Self::line`] needs to know of the times.
    pub(super) fn tails(&self, times: &[f64]) -> Option<Tails> {
        let (start, end) = self.steps?;
        Some(Tails::new(start, times.get(start..=end)?, times.get(end + 1).copied()))
    }
}

#[cfg(test)]
mod tests;
