//! Sums from which a least-squares line and the lag-1 autocorrelation of its residuals follow,
//! whatever values are missing.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller

use super::kernels::{load, store, Kernel, Source, Stored};
use super::student;
use pulp::{Arch, NullaryFnOnce};
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
pub(super) const PLANES: usize = 14;

/// Numbers for each cell, plane after plane.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sums {
    planes: Vec<f64>,
    /// First and last step.
    steps: Option<(usize, usize)>,
}

/// What the sums say of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    pub(super) slope: f64,
    /// Where t is 0.
    pub(super) intercept: f64,
    pub(super) slope_error: f64,
    pub(super) effective: f64,
}

impl Sums {
    /// Makes room, and notes that these steps follow.
    pub(super) fn begin(&mut self, cells: usize, steps: Range<usize>) {
        if self.planes.is_empty() {
            self.planes = vec![0.0; PLANES * cells];
            for plane in [CENTRE, FIRST, LAST] {
                self.planes[plane * cells..(plane + 1) * cells].fill(f64::NAN);
            }
        }
        let first = self.steps.map_or(steps.start, |(first, _)| first);
        self.steps = Some((first, steps.end.saturating_sub(1)));
    }

    /// The kernel that takes in further steps.
    pub(super) fn fit(&mut self, cells: usize) -> Option<Fit<'_>> {
        let (start, _) = self.steps?;
        Some(Fit { planes: &mut self.planes, cells, start, times: &[] })
    }

    /// Takes in the sums of the steps that follow, of which `count` values of each cell are valid.
    pub(super) fn merge(&mut self, other: &Self, count: &[u64], times: &[f64]) {
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

    /// The line through the `n` values of cell `c` of `cells`.
    ///
    /// Its uncertainty is that of Santer et al. (2000), doi:10.1029/1999JD901105: with the lag-1
    /// autocorrelation r of the residuals e, n' = n (1 − r) / (1 + r) (Bretherton et al. 1999), at
    /// most n; the slope's standard error is √(Σe² / (n' − 2) / Σ(t − t̄)²).
    pub(super) fn line(&self, c: usize, cells: usize, n: u64) -> Line {
        let s: [f64; PLANES] = std::array::from_fn(|p| self.planes[p * cells + c]);
        let n = n as f64;
        let spread = s[TT] - s[T] * s[T] / n;
        let nothing =
            Line { slope: f64::NAN, intercept: f64::NAN, slope_error: f64::NAN, effective: f64::NAN };
        if n < 2.0 || spread.is_nan() || spread <= 0.0 {
            return nothing;
        }
        let with_time = s[TX] - s[T] * s[X] / n;
        let slope = with_time / spread;
        let offset = (s[X] - slope * s[T]) / n;
        let variation = s[XX] - s[X] * s[X] / n;
        // What rounding leaves of a perfect line is no residual.
        let left = variation - slope * with_time;
        let left = if left <= 1e-14 * n * variation { 0.0 } else { left };
        let lagged = s[PXX] - offset * s[PX] - slope * s[PTX]
            + s[PAIRS] * offset * offset
            + offset * slope * s[PT]
            + slope * slope * s[PTT];
        let persistence = if left > 0.0 && s[PAIRS] > 0.0 {
            (lagged / left * (n - 1.0) / s[PAIRS]).clamp(-1.0, 1.0)
        } else {
            0.0
        };
        let effective = (n * (1.0 - persistence) / (1.0 + persistence)).min(n);
        let freedom = effective - 2.0;
        let slope_error = if freedom > 0.0 { (left / freedom / spread).sqrt() } else { f64::NAN };
        Line { slope, intercept: s[CENTRE] + offset, slope_error, effective }
    }
}

impl Line {
    /// Two-sided p-value of no trend.
    pub(super) fn p_value(&self) -> f64 {
        let t = if self.slope == 0.0 { 0.0 } else { self.slope / self.slope_error };
        student::two_sided(t, self.effective - 2.0)
    }
}

/// Sums of two neighbouring ranges of steps, at work.
struct Join<'a> {
    own: &'a mut [f64],
    other: &'a [f64],
    /// Valid values among the others.
    count: &'a [u64],
    /// From the first step here to the first there.
    later: f64,
    /// The times of the last step here and the first there.
    meet: Option<[f64; 2]>,
}

impl NullaryFnOnce for Join<'_> {
    type Output = ();
    #[inline(always)]
    fn call(mut self) {
        let cells = self.count.len();
        let mut at = 0;
        while at + 4 <= cells {
            self.take::<4>(at);
            at += 4;
        }
        while at < cells {
            self.take::<1>(at);
            at += 1;
        }
    }
}

impl Join<'_> {
    #[inline(always)]
    fn take<const N: usize>(&mut self, at: usize) {
        let cells = self.count.len();
        let mut a: [[f64; N]; PLANES] = std::array::from_fn(|p| load(self.own, p * cells + at));
        let b: [[f64; N]; PLANES] = std::array::from_fn(|p| load(self.other, p * cells + at));
        let later = self.later;
        for i in 0..N {
            let n = self.count[at + i] as f64;
            let centre = if a[CENTRE][i].is_nan() { b[CENTRE][i] } else { a[CENTRE][i] };
            // How much higher x is when it is counted from the centre of the first sums.
            let by = if b[CENTRE][i].is_nan() { 0.0 } else { b[CENTRE][i] - centre };
            let pairs = b[PAIRS][i];
            a[PXX][i] += b[PXX][i] + by * b[PX][i] + pairs * by * by;
            a[PTX][i] += b[PTX][i] + later * b[PX][i] + by * b[PT][i] + 2.0 * pairs * by * later;
            a[PTT][i] += b[PTT][i] + later * b[PT][i] + pairs * later * later;
            a[PX][i] += b[PX][i] + 2.0 * pairs * by;
            a[PT][i] += b[PT][i] + 2.0 * pairs * later;
            a[PAIRS][i] += pairs;
            a[TX][i] += b[TX][i] + by * b[T][i] + later * b[X][i] + n * by * later;
            a[XX][i] += b[XX][i] + 2.0 * by * b[X][i] + n * by * by;
            a[TT][i] += b[TT][i] + 2.0 * later * b[T][i] + n * later * later;
            a[X][i] += b[X][i] + n * by;
            a[T][i] += b[T][i] + n * later;
            let (last, first) = (a[LAST][i] - centre, b[FIRST][i] - centre);
            if let Some([ti, tj]) = self.meet {
                let both = if last.is_nan() || first.is_nan() { 0.0 } else { 1.0 };
                let (xi, xj) = if both > 0.0 { (last, first) } else { (0.0, 0.0) };
                a[PAIRS][i] += both;
                a[PXX][i] += xi * xj;
                a[PX][i] += xi + xj;
                a[PTX][i] += xi * tj + xj * ti;
                a[PT][i] += both * (ti + tj);
                a[PTT][i] += both * (ti * tj);
            }
            a[CENTRE][i] = centre;
        }
        a[LAST] = b[LAST];
        for (p, values) in a.into_iter().enumerate() {
            store(self.own, p * cells + at, values);
        }
    }
}

/// The kernel that takes in rows, each of one step.
pub(super) struct Fit<'a> {
    planes: &'a mut [f64],
    cells: usize,
    /// First step of the state.
    start: usize,
    /// The time of each global step.
    pub(super) times: &'a [f64],
}

impl<T: Stored> Kernel<T> for Fit<'_> {
    #[inline(always)]
    fn take<const N: usize>(&mut self, sources: &[Source<'_, T>], at: usize) {
        let plane = |p: usize| p * self.cells + at;
        let mut s: [[f64; N]; PLANES] = std::array::from_fn(|p| load(self.planes, plane(p)));
        let mut before: [f64; N] =
            std::array::from_fn(|i| if s[LAST][i].is_nan() { 0.0 } else { s[LAST][i] - s[CENTRE][i] });
        let mut before_valid: [f64; N] = s[LAST].map(|v| if v.is_nan() { 0.0 } else { 1.0 });
        for source in sources {
            let v: [f64; N] = load(source.values, at);
            let t = self.times[source.step] - self.times[self.start];
            if source.step == self.start {
                s[FIRST] = v;
            }
            // What the first step has before it counts nothing.
            let earlier = self.times[source.step.saturating_sub(1)] - self.times[self.start];
            let (sum, product) = (earlier + t, earlier * t);
            for i in 0..N {
                let missing = v[i].is_nan();
                s[CENTRE][i] = if s[CENTRE][i].is_nan() { v[i] } else { s[CENTRE][i] };
                let x = if missing { 0.0 } else { v[i] - s[CENTRE][i] };
                let valid = if missing { 0.0 } else { 1.0 };
                let both = valid * before_valid[i];
                s[X][i] += x;
                s[XX][i] += x * x;
                s[TX][i] += t * x;
                s[T][i] += valid * t;
                s[TT][i] += valid * (t * t);
                s[PAIRS][i] += both;
                s[PXX][i] += x * before[i];
                s[PX][i] += before_valid[i] * x + valid * before[i];
                s[PTX][i] += before_valid[i] * earlier * x + valid * t * before[i];
                s[PT][i] += both * sum;
                s[PTT][i] += both * product;
                before[i] = x;
                before_valid[i] = valid;
            }
            s[LAST] = v;
        }
        for (p, values) in s.into_iter().enumerate() {
            store(self.planes, p * self.cells + at, values);
        }
    }
}

#[cfg(test)]
mod tests;
