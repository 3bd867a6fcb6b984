//! What is kept of the pairs of a cell: sums about a reference, and how states merge.

use crate::statistics::chan::at_least_zero;
use serde::{Deserialize, Serialize};

/// Sums of each cell, one block of `cells` numbers after the other; groups that are not asked for
/// are empty. Deviations are from references that are the first pair of a tile while it is
/// absorbed, and means after that: so large offsets cost no digits (Chan et al. 1983).
///
/// With y a value, x what it is related to, t the number of the time, all as deviations:
/// - `base`: n, references of y and x, Σy, Σx, Σy², Σx², Σxy;
/// - `adjacent`, over pairs whose predecessor in time is there too (marked '): n', Σyy', Σ(y+y'),
///   Σxx', Σ(x+x'); y and x at the first and at the last time as they are, NaN without a pair;
/// - `trend`: reference of t, Σt, Σt², Σty, Σtx;
/// - `both`: Σtt', Σ(t+t'), Σ(ty'+t'y), Σ(tx'+t'x).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Moments {
    pub(super) base: Vec<f64>,
    pub(super) adjacent: Vec<f64>,
    pub(super) trend: Vec<f64>,
    pub(super) both: Vec<f64>,
}

pub(super) const BASE: usize = 8;
pub(super) const ADJACENT: usize = 9;
pub(super) const TREND: usize = 5;
pub(super) const BOTH: usize = 4;

/// The numbers of one cell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) n: f64,
    pub(super) mean: [f64; 3],
    /// Σ of the deviations of y, x, t.
    sum: [f64; 3],
    /// Σy², Σx², Σt².
    pub(super) square: [f64; 3],
    /// Σxy, Σty, Σtx.
    pub(super) cross: [f64; 3],
    pub(super) pairs: f64,
    /// Σyy', Σxx', Σtt'.
    pub(super) next: [f64; 3],
    /// Σ(y+y'), Σ(x+x'), Σ(t+t').
    next_sum: [f64; 3],
    /// Σ(ty'+t'y), Σ(tx'+t'x).
    pub(super) next_cross: [f64; 2],
    first: [f64; 2],
    last: [f64; 2],
}

impl Cell {
    /// With means as references, as nearly as doubles hold them.
    pub(super) fn centred(mut self) -> Self {
        if self.n > 0.0 {
            self.refer(std::array::from_fn(|k| self.mean[k] + self.sum[k] / self.n));
        }
        self
    }

    /// With these references. What a reference is rounded by stays in the sums of deviations, so
    /// that nothing is lost of them.
    fn refer(&mut self, to: [f64; 3]) {
        let n = self.n;
        let d: [f64; 3] = std::array::from_fn(|k| to[k] - self.mean[k]);
        self.mean = to;
        for (k, &d) in d.iter().enumerate() {
            // Nothing is less than no square at all.
            self.square[k] = at_least_zero(self.square[k] - 2.0 * d * self.sum[k] + n * d * d);
            self.next[k] += -d * self.next_sum[k] + self.pairs * d * d;
        }
        for (k, [i, j]) in [[0, 1], [0, 2], [1, 2]].into_iter().enumerate() {
            self.cross[k] += -d[i] * self.sum[j] - d[j] * self.sum[i] + n * d[i] * d[j];
        }
        for k in 0..2 {
            self.next_cross[k] +=
                -d[2] * self.next_sum[k] - d[k] * self.next_sum[2] + 2.0 * self.pairs * d[k] * d[2];
        }
        for (k, &d) in d.iter().enumerate() {
            self.sum[k] -= n * d;
            self.next_sum[k] -= 2.0 * self.pairs * d;
        }
    }

    /// Both together; the last of `self` and the first of `right` lie at the times `between`, if they are
    /// neighbours.
    fn merged(self, right: Self, between: Option<[f64; 2]>) -> Self {
        if self.n == 0.0 {
            return Self { first: self.first, ..right };
        }
        if right.n == 0.0 {
            return Self { last: right.last, ..self };
        }
        let (mut a, mut b) = (self.centred(), right.centred());
        let n = a.n + b.n;
        let share = b.n / n;
        let mean: [f64; 3] = std::array::from_fn(|k| a.mean[k] + (b.mean[k] - a.mean[k]) * share);
        a.refer(mean);
        b.refer(mean);
        let plus = |a: [f64; 3], b: [f64; 3]| std::array::from_fn(|k| a[k] + b[k]);
        let mut both = Self {
            n,
            mean,
            sum: plus(a.sum, b.sum),
            square: plus(a.square, b.square),
            cross: plus(a.cross, b.cross),
            pairs: a.pairs + b.pairs,
            next: plus(a.next, b.next),
            next_sum: plus(a.next_sum, b.next_sum),
            next_cross: [a.next_cross[0] + b.next_cross[0], a.next_cross[1] + b.next_cross[1]],
            first: a.first,
            last: b.last,
        };
        // The pair across the boundary.
        let there = !a.last[0].is_nan() && !b.first[0].is_nan();
        if let Some(between) = between.filter(|_| there) {
            let p: [f64; 3] = [a.last[0] - mean[0], a.last[1] - mean[1], between[0] - mean[2]];
            let q: [f64; 3] = [b.first[0] - mean[0], b.first[1] - mean[1], between[1] - mean[2]];
            both.pairs += 1.0;
            for k in 0..3 {
                both.next[k] += p[k] * q[k];
                both.next_sum[k] += p[k] + q[k];
            }
            for k in 0..2 {
                both.next_cross[k] += q[2] * p[k] + p[2] * q[k];
            }
        }
        both
    }
}

impl Moments {
    /// How many cells.
    pub(super) fn cells(&self) -> usize {
        self.base.len() / BASE
    }

    /// The numbers of cell `i`; what is not kept is 0, or NaN at the ends.
    pub(super) fn cell(&self, i: usize) -> Cell {
        let cells = self.cells();
        let of = |group: &[f64], k: usize| group.get(k * cells + i).copied().unwrap_or(0.0);
        let b = |k| of(&self.base, k);
        let a = |k| of(&self.adjacent, k);
        let t = |k| of(&self.trend, k);
        let w = |k| of(&self.both, k);
        let end = |k| if self.adjacent.is_empty() { f64::NAN } else { a(k) };
        Cell {
            n: b(0),
            mean: [b(1), b(2), t(0)],
            sum: [b(3), b(4), t(1)],
            square: [b(5), b(6), t(2)],
            cross: [b(7), t(3), t(4)],
            pairs: a(0),
            next: [a(1), a(3), w(0)],
            next_sum: [a(2), a(4), w(1)],
            next_cross: [w(2), w(3)],
            first: [end(5), end(6)],
            last: [end(7), end(8)],
        }
    }

    fn set(&mut self, i: usize, c: &Cell) {
        let cells = self.cells();
        let put = |group: &mut [f64], values: &[f64]| {
            if !group.is_empty() {
                values.iter().enumerate().for_each(|(k, v)| group[k * cells + i] = *v);
            }
        };
        let base = [c.n, c.mean[0], c.mean[1], c.sum[0], c.sum[1], c.square[0], c.square[1], c.cross[0]];
        put(&mut self.base, &base);
        let [next, sum] = [c.next, c.next_sum];
        let ends = [c.first[0], c.first[1], c.last[0], c.last[1]];
        put(&mut self.adjacent, &[&[c.pairs, next[0], sum[0], next[1], sum[1]][..], &ends].concat());
        put(&mut self.trend, &[c.mean[2], c.sum[2], c.square[2], c.cross[1], c.cross[2]]);
        put(&mut self.both, &[next[2], sum[2], c.next_cross[0], c.next_cross[1]]);
    }

    /// Adds the pairs of a range of times that follows; the last time here and the first there
    /// are `between`, if they are neighbours.
    pub(super) fn append(&mut self, right: &Self, between: Option<[f64; 2]>) {
        for i in 0..self.cells() {
            let merged = self.cell(i).merged(right.cell(i), between);
            self.set(i, &merged);
        }
    }
}

/// Values of y where x is of a class: n, reference, Σy, Σy² of each cell, as above.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Class(pub(super) Vec<f64>);

pub(super) const CLASS: usize = 4;

impl Class {
    /// n, mean and sum of squares about it.
    pub(super) fn cell(&self, i: usize) -> [f64; 3] {
        let cells = self.0.len() / CLASS;
        let [n, reference, sum, square] = std::array::from_fn(|k| self.0[k * cells + i]);
        if n == 0.0 {
            return [0.0, f64::NAN, 0.0];
        }
        [n, reference + sum / n, at_least_zero(square - sum * sum / n)]
    }
    /// Adds values that come later.
    pub(super) fn append(&mut self, right: &Self) {
        let cells = self.0.len() / CLASS;
        for i in 0..cells {
            let ([n, mean, square], [m, other, more]) = (self.cell(i), right.cell(i));
            let merged = if m == 0.0 {
                [n, mean, square]
            } else if n == 0.0 {
                [m, other, more]
            } else {
                let d = other - mean;
                [n + m, mean + d * (m / (n + m)), square + more + d * d * (n * m / (n + m))]
            };
            let [n, mean, square] = merged;
            let mean = if n == 0.0 { 0.0 } else { mean };
            [n, mean, 0.0, square].into_iter().enumerate().for_each(|(k, v)| self.0[k * cells + i] = v);
        }
    }
}
