//! What is kept of the values seen so far.

use super::chan::{Cells, Merge, Moments, Settle};
use super::kernels::Columns;
use super::op::Needs;
use super::trend;
use pulp::Arch;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::Range;

/// Accumulators of the groups that were met, each with one value for each cell of the result in
/// the column, C order: what is not needed is empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ReductionState {
    /// In the order in which they were met; the position of a group is its slot.
    pub(super) groups: Vec<u32>,
    /// Cells of a slot.
    pub(super) cells: usize,
    pub(super) count: Vec<u64>,
    pub(super) sum: Vec<f64>,
    /// Σw, Σw² and Σwx.
    pub(super) weight: Vec<f64>,
    pub(super) weight_squared: Vec<f64>,
    pub(super) weighted_sum: Vec<f64>,
    pub(super) least: Vec<f64>,
    pub(super) greatest: Vec<f64>,
    /// A value near the mean, NaN before the first. Beside a trend, sums that are not settled are among
    /// the sums of that ([`trend::Sums::about_centre`]), and these three are empty.
    pub(super) centre: Vec<f64>,
    /// Σw(x − c); if settled, how far the mean is from the centre.
    pub(super) first: Vec<f64>,
    /// Σw(x − c)²; if settled, the sum of squared deviations from the mean.
    pub(super) second: Vec<f64>,
    /// Whether moments are those about the mean: of merged states, and of rows.
    pub(super) settled: bool,
    pub(super) squares: Vec<f64>,
    pub(super) trend: trend::Sums,
}

/// How two accumulators become one.
type Both = fn(f64, f64) -> f64;

/// Makes room for exactly `len` values and fills up with `value`.
fn grow<T: Copy>(all: &mut Vec<T>, len: usize, wanted: bool, value: T) {
    if wanted {
        all.reserve_exact(len.saturating_sub(all.len()));
        all.resize(len, value);
    }
}

/// What moments of these cells are made of.
fn cells<'a>(counts: &'a [u64], weights: &'a [f64], range: &Range<usize>) -> Cells<'a> {
    let weights = weights.get(range.clone()).unwrap_or_default();
    Cells { counts: &counts[range.clone()], weights }
}

impl ReductionState {
    /// The groups that were met; the place of a group here is its place in results.
    pub fn groups(&self) -> &[u32] {
        &self.groups
    }
    /// Cells of the result in each group.
    pub fn cells(&self) -> usize {
        self.cells
    }

    /// Whether the weights of all values that were seen are known: finite, as numbers.
    pub fn has_weights(&self) -> bool {
        self.weight.iter().all(|w| w.is_finite())
    }

    /// As before the first value; keeps memory.
    pub(super) fn clear(&mut self) {
        self.groups.clear();
        self.cells = 0;
        self.count.clear();
        let Self { sum, weight, weight_squared, weighted_sum, .. } = self;
        [sum, weight, weight_squared, weighted_sum].into_iter().for_each(Vec::clear);
        let Self { least, greatest, centre, first, second, squares, .. } = self;
        [least, greatest, centre, first, second, squares].into_iter().for_each(Vec::clear);
        self.settled = false;
        self.trend.clear();
    }

    /// Prepares for up to `more` further groups.
    pub(super) fn expect(&mut self, needs: Needs, more: usize) {
        let n = (self.groups.len() + more) * self.cells;
        let reserve = |all: &mut Vec<f64>, wanted: bool| {
            if wanted {
                all.reserve_exact(n.saturating_sub(all.len()));
            }
        };
        self.count.reserve_exact(n.saturating_sub(self.count.len()));
        reserve(&mut self.sum, needs.sum);
        for all in [&mut self.weight, &mut self.weight_squared, &mut self.weighted_sum] {
            reserve(all, needs.weighted);
        }
        for all in [&mut self.least, &mut self.greatest] {
            reserve(all, needs.extremes);
        }
        let moments = self.keeps_moments(needs);
        for all in [&mut self.centre, &mut self.first, &mut self.second] {
            reserve(all, moments);
        }
        reserve(&mut self.squares, needs.squares);
    }

    /// Whether moments are kept here, not among the sums of a trend.
    const fn keeps_moments(&self, needs: Needs) -> bool {
        needs.moments && (self.settled || !needs.trend)
    }

    /// The slot of a group, made where it is new.
    pub(super) fn slot(&mut self, group: u32, needs: Needs) -> Range<usize> {
        // Times come in order, so the last one is met most often.
        match self.groups.iter().rposition(|&g| g == group) {
            Some(at) => at * self.cells..(at + 1) * self.cells,
            None => self.new_slot(group, needs),
        }
    }

    /// A slot for a group that has none.
    fn new_slot(&mut self, group: u32, needs: Needs) -> Range<usize> {
        let start = self.groups.len() * self.cells;
        let n = start + self.cells;
        self.groups.push(group);
        grow(&mut self.count, n, true, 0);
        grow(&mut self.sum, n, needs.sum, 0.0);
        grow(&mut self.weight, n, needs.weighted, 0.0);
        grow(&mut self.weight_squared, n, needs.weighted, 0.0);
        grow(&mut self.weighted_sum, n, needs.weighted, 0.0);
        grow(&mut self.least, n, needs.extremes, f64::INFINITY);
        grow(&mut self.greatest, n, needs.extremes, f64::NEG_INFINITY);
        let moments = self.keeps_moments(needs);
        grow(&mut self.centre, n, moments, f64::NAN);
        grow(&mut self.first, n, moments, 0.0);
        grow(&mut self.second, n, moments, 0.0);
        grow(&mut self.squares, n, needs.squares, 0.0);
        start..n
    }

    /// The accumulators of some cells; the trend's are those of all.
    pub(super) fn columns(&mut self, cells: Range<usize>) -> Columns<'_> {
        fn part<T>(all: &mut [T], cells: Range<usize>) -> &mut [T] {
            all.get_mut(cells).unwrap_or_default()
        }
        let part64 = |all| part::<f64>(all, cells.clone());
        Columns {
            sum: part64(&mut self.sum),
            count: part(&mut self.count, cells.clone()),
            least: part64(&mut self.least),
            greatest: part64(&mut self.greatest),
            weighted: [
                part64(&mut self.weight),
                part64(&mut self.weight_squared),
                part64(&mut self.weighted_sum),
            ],
            moments: [part64(&mut self.centre), part64(&mut self.first), part64(&mut self.second)],
            squares: part64(&mut self.squares),
            trend: self.trend.fit(self.cells),
        }
    }

    /// The moments of the value at `i`.
    pub(super) fn moments(&self, i: usize) -> Moments {
        let weight = self.weight.get(i).copied().unwrap_or(self.count[i] as f64);
        let [centre, first, second] = self.about_centre().map(|all| all[i]);
        if self.settled {
            Moments { weight, centre, offset: first, squares: second }
        } else {
            Moments::of_sums(weight, centre, first, second)
        }
    }

    /// Keeps moments, of a settled state.
    pub(super) fn keep(&mut self, i: usize, moments: Moments) {
        (self.centre[i], self.first[i], self.second[i]) = (moments.centre, moments.offset, moments.squares);
    }

    /// Centres, and sums or moments about them.
    fn about_centre(&self) -> [&[f64]; 3] {
        match self.trend.about_centre() {
            Some(sums) if !self.settled => sums,
            _ => [&self.centre, &self.first, &self.second],
        }
    }

    /// Moments of all values about their means.
    fn settle(&mut self, needs: Needs) {
        if !self.settled {
            if needs.moments && needs.trend {
                let [centre, first, second] = self.about_centre().map(<[f64]>::to_vec);
                (self.centre, self.first, self.second) = (centre, first, second);
            }
            let cells = Cells { counts: &self.count, weights: &self.weight };
            let moments = [&mut self.centre, &mut self.first, &mut self.second].map(Vec::as_mut_slice);
            Arch::new().dispatch(Settle { cells, moments });
            self.settled = true;
        }
    }

    /// Works out the lines of a trend, and keeps what else is made of its sums.
    pub(super) fn solve(&mut self, needs: Needs, times: &[f64]) {
        self.settle(needs);
        self.trend.solve(&self.count, times);
    }

    /// Takes in the values that a later state has seen.
    pub(super) fn merge(&mut self, other: &mut Self, needs: Needs, times: &[f64]) {
        if other.groups.is_empty() {
            return;
        }
        self.cells = other.cells;
        self.settle(needs);
        let known: HashMap<u32, usize> = self.groups.iter().enumerate().map(|(i, &g)| (g, i)).collect();
        self.expect(needs, other.groups.iter().filter(|g| !known.contains_key(g)).count());
        for (theirs, &group) in other.groups.iter().enumerate() {
            let from = theirs * self.cells..(theirs + 1) * self.cells;
            let to = match known.get(&group) {
                Some(at) => at * self.cells..(at + 1) * self.cells,
                None => self.new_slot(group, needs),
            };
            self.merge_slot(to, other, from, needs);
        }
        if needs.trend {
            self.trend.merge(&mut other.trend, &other.count, times);
        }
    }

    pub(super) fn merge_slot(&mut self, to: Range<usize>, other: &Self, from: Range<usize>, needs: Needs) {
        if needs.moments && self.settled {
            let moments =
                [&mut self.centre, &mut self.first, &mut self.second].map(|all| &mut all[to.clone()]);
            Arch::new().dispatch(Merge {
                cells: cells(&self.count, &self.weight, &to),
                moments,
                other: cells(&other.count, &other.weight, &from),
                others: other.about_centre().map(|all| &all[from.clone()]),
                others_settled: other.settled,
            });
        } else if needs.moments {
            for (a, b) in to.clone().zip(from.clone()) {
                self.keep(a, self.moments(a).merge(other.moments(b)));
            }
        }
        let mine = self.count[to.clone()].iter_mut();
        mine.zip(&other.count[from.clone()]).for_each(|(a, b)| *a += b);
        let pairs: [(&mut Vec<f64>, &Vec<f64>, Both); 7] = [
            (&mut self.sum, &other.sum, |a, b| a + b),
            (&mut self.weight, &other.weight, |a, b| a + b),
            (&mut self.weight_squared, &other.weight_squared, |a, b| a + b),
            (&mut self.weighted_sum, &other.weighted_sum, |a, b| a + b),
            (&mut self.squares, &other.squares, |a, b| a + b),
            (&mut self.least, &other.least, f64::min),
            (&mut self.greatest, &other.greatest, f64::max),
        ];
        for (mine, theirs, both) in pairs {
            if let (Some(mine), Some(theirs)) = (mine.get_mut(to.clone()), theirs.get(from.clone())) {
                mine.iter_mut().zip(theirs).for_each(|(a, b)| *a = both(*a, *b));
            }
        }
    }
}
