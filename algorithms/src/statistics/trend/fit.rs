//! The kernel of a trend.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller

use super::{
    ALL_TX, BEGIN, BROKEN, BROKEN_T, BROKEN_TT, BROKEN_TX, BROKEN_X, CENTRE, LAST, MISSING_T, MISSING_TT,
    PLANES, PXX, TX, X, XX,
};
use crate::statistics::kernels::{all_missing, any_nan, load, store, Kernel, Source, Stored};

/// The kernel that takes in rows, each of one step.
pub(in crate::statistics) struct Fit<'a> {
    pub(super) planes: &'a mut [f64],
    pub(super) cells: usize,
    /// First step of the state.
    pub(super) start: usize,
    /// The time of each global step.
    pub(in crate::statistics) times: &'a [f64],
}

impl<T: Stored> Kernel<T> for Fit<'_> {
    const IS_LARGE: bool = true;
    #[inline(always)]
    fn take<const N: usize>(&mut self, sources: &[Source<'_, T>], at: usize) {
        if self.whole::<N, T>(sources, at) {
            return;
        }
        let centre: [f64; N] = load(self.planes, at);
        // Land: nothing has begun.
        if centre.iter().all(|c| c.is_nan()) && all_missing::<T, N>(sources, at) {
            return;
        }
        self.gaps::<N, T>(sources, at);
    }
}

impl Fit<'_> {
    /// The time of a step, and that of the one before, which for the first counts nothing.
    #[inline(always)]
    fn times(&self, step: usize) -> (f64, f64) {
        let start = self.times[self.start];
        (self.times[step.saturating_sub(1)] - start, self.times[step] - start)
    }

    /// Takes in cells that have a value before and at every step; says whether they had.
    #[inline(always)]
    fn whole<const N: usize, T: Stored>(&mut self, sources: &[Source<'_, T>], at: usize) -> bool {
        let Some(first) = sources.first() else { return true };
        let cells = self.cells;
        let begins = first.step == self.start;
        let mut before: [f64; N] = [0.0; N];
        let mut last: [f64; N] = load(self.planes, LAST * cells + at);
        let centre: [f64; N] = if begins { load(first.values, at) } else { load(self.planes, at) };
        if !begins {
            // NaN, where there was none, spoils all sums.
            for i in 0..N {
                before[i] = last[i] - centre[i];
            }
        }
        let mut x: [f64; N] = load(self.planes, X * cells + at);
        let mut xx: [f64; N] = load(self.planes, XX * cells + at);
        let mut tx: [f64; N] = load(self.planes, TX * cells + at);
        let mut pxx: [f64; N] = load(self.planes, PXX * cells + at);
        let mut all_tx: [f64; N] = load(self.planes, ALL_TX * cells + at);
        for source in sources {
            let v: [f64; N] = load(source.values, at);
            let (earlier, t) = self.times(source.step);
            for i in 0..N {
                let d = v[i] - centre[i];
                x[i] += d;
                xx[i] += d * d;
                tx[i] += t * d;
                pxx[i] += d * before[i];
                all_tx[i] += earlier * d + t * before[i];
                before[i] = d;
            }
            last = v;
        }
        if any_nan(&x) | any_nan(&pxx) {
            return false;
        }
        store(self.planes, at, centre);
        store(self.planes, X * cells + at, x);
        store(self.planes, XX * cells + at, xx);
        store(self.planes, TX * cells + at, tx);
        store(self.planes, PXX * cells + at, pxx);
        store(self.planes, ALL_TX * cells + at, all_tx);
        store(self.planes, LAST * cells + at, last);
        if begins {
            store(self.planes, BEGIN * cells + at, [self.start as f64; N]);
        }
        true
    }

    /// Takes in cells with gaps, to the same bits where there are none.
    #[inline(always)]
    fn gaps<const N: usize, T: Stored>(&mut self, sources: &[Source<'_, T>], at: usize) {
        let plane = |p: usize| p * self.cells + at;
        let mut s: [[f64; N]; PLANES] = std::array::from_fn(|p| load(self.planes, plane(p)));
        let mut before: [f64; N] =
            std::array::from_fn(|i| if s[LAST][i].is_nan() { 0.0 } else { s[LAST][i] - s[CENTRE][i] });
        let mut before_missing: [bool; N] = s[LAST].map(f64::is_nan);
        for source in sources {
            let v: [f64; N] = load(source.values, at);
            let (earlier, t) = self.times(source.step);
            for i in 0..N {
                let begun = !s[CENTRE][i].is_nan();
                let missing = v[i].is_nan();
                if !begun && !missing {
                    s[CENTRE][i] = v[i];
                    s[BEGIN][i] = source.step as f64;
                }
                let x = if missing { 0.0 } else { v[i] - s[CENTRE][i] };
                s[X][i] += x;
                s[XX][i] += x * x;
                s[TX][i] += t * x;
                s[PXX][i] += x * before[i];
                s[ALL_TX][i] += earlier * x + t * before[i];
                if begun && missing {
                    s[MISSING_T][i] += t;
                    s[MISSING_TT][i] += t * t;
                }
                if begun && (missing || before_missing[i]) {
                    s[BROKEN][i] += 1.0;
                    s[BROKEN_X][i] += x + before[i];
                    s[BROKEN_TX][i] += earlier * x + t * before[i];
                    s[BROKEN_T][i] += earlier + t;
                    s[BROKEN_TT][i] += earlier * t;
                }
                before[i] = x;
                before_missing[i] = missing;
            }
            s[LAST] = v;
        }
        for (p, values) in s.into_iter().enumerate() {
            store(self.planes, p * self.cells + at, values);
        }
    }
}
