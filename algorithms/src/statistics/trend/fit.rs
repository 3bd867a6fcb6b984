//! The kernel of a trend.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller

use super::past::Past;
use super::{
    ALL_TX, BEGIN, BROKEN, BROKEN_TX, BROKEN_X, CENTRE, LAST, PLANES, PT, PTT, PXX, T as TIMES, TT, TX, X, XX,
};
use crate::lanes::{all_nan, any_nan, load, load_planes, store};
use crate::statistics::kernels::{all_missing, Kernel, Source, Stored};

/// When a row is, counted from the first step of the state.
#[derive(Debug, Clone, Copy)]
pub(in crate::statistics) struct Clock {
    /// The time of the step before; of the very first, its own.
    before: f64,
    own: f64,
    /// Those of the steps before and after together, without what there is not.
    around: f64,
}

/// The kernel that takes in rows, each of one step.
pub(in crate::statistics) struct Fit<'a> {
    pub(super) planes: &'a mut [f64],
    pub(super) cells: usize,
    /// First step of the state.
    pub(super) start: usize,
    /// When each row is.
    pub(in crate::statistics) clock: &'a [Clock],
    /// The times of the steps up to the last of them.
    pub(in crate::statistics) past: Option<&'a Past<'a>>,
    /// Valid values of each cell; empty if they are counted elsewhere.
    pub(in crate::statistics) count: &'a mut [u64],
}

impl<T: Stored> Kernel<T> for Fit<'_> {
    #[inline(always)]
    fn take<const N: usize>(&mut self, sources: &[Source<'_, T>], at: usize) {
        let Some(first) = sources.first() else { return };
        // What has begun, or does now; of the land that is nothing.
        let begins = first.step == self.start;
        let known: [f64; N] = if begins { load(first.values, at) } else { load(self.planes, at) };
        if all_nan(&known) && all_missing::<T, N>(sources, at) {
            return;
        }
        if !self.whole::<N, T>(sources, at) {
            self.gaps::<N, T>(sources, at);
        }
    }
}

/// Which cells have no value in any row, nor in those before: `known` is NaN there.
#[inline(always)]
fn nothing<const N: usize, T: Stored>(known: &[f64; N], sources: &[Source<'_, T>], at: usize) -> [bool; N] {
    let mut nothing = [true; N];
    for i in 0..N {
        nothing[i] = known[i].is_nan();
    }
    for source in sources {
        let v: [f64; N] = load(source.values, at);
        for i in 0..N {
            nothing[i] &= v[i].is_nan();
        }
    }
    nothing
}

impl Fit<'_> {
    /// When these steps are.
    pub(in crate::statistics) fn clock(
        &self,
        steps: impl Iterator<Item = usize>,
        times: &[f64],
    ) -> Vec<Clock> {
        let since = |step: usize| times[step] - times[self.start];
        let clock = |step: usize| {
            let before = since(step.saturating_sub(1));
            // What the step after the last adds is taken away when sums are settled: a state does
            // not know which one that will be.
            let after = if step + 1 < times.len() { since(step + 1) } else { 0.0 };
            Clock { before, own: since(step), around: before + after }
        };
        steps.map(clock).collect()
    }

    /// The times of the steps of the state before `end`.
    pub(in crate::statistics) fn past<'t>(&self, end: usize, times: &'t [f64]) -> Past<'t> {
        Past::new(self.start, end, times)
    }

    /// Takes in cells that have a value before and at every step, or never; says whether they are such.
    #[inline(always)]
    fn whole<const N: usize, T: Stored>(&mut self, sources: &[Source<'_, T>], at: usize) -> bool {
        let (Some(first), Some(end)) = (sources.first(), sources.last()) else { return true };
        let cells = self.cells;
        let begins = first.step == self.start;
        let mut before: [f64; N] = [0.0; N];
        let mut centre: [f64; N] = if begins { load(first.values, at) } else { load(self.planes, at) };
        if !begins {
            // NaN, where there was none, spoils all sums, but of cells that never had a value.
            before = load(self.planes, LAST * cells + at);
            for i in 0..N {
                before[i] -= centre[i];
            }
            // Of cells with gaps, more is kept.
            let broken: [f64; N] = load(self.planes, BROKEN * cells + at);
            let mut any = false;
            for broken in &broken {
                any |= *broken > 0.0;
            }
            if any {
                return false;
            }
        }
        let mut x: [f64; N] = load(self.planes, X * cells + at);
        let mut xx: [f64; N] = load(self.planes, XX * cells + at);
        let mut tx: [f64; N] = load(self.planes, TX * cells + at);
        let mut pxx: [f64; N] = load(self.planes, PXX * cells + at);
        let mut all_tx: [f64; N] = load(self.planes, ALL_TX * cells + at);
        for (source, clock) in sources.iter().zip(self.clock) {
            let v: [f64; N] = load(source.values, at);
            for i in 0..N {
                let d = v[i] - centre[i];
                x[i] += d;
                xx[i] = d.mul_add(d, xx[i]);
                tx[i] = d.mul_add(clock.own, tx[i]);
                pxx[i] = d.mul_add(before[i], pxx[i]);
                all_tx[i] = d.mul_add(clock.around, all_tx[i]);
                before[i] = d;
            }
        }
        let mut valid = [1u64; N];
        let mut begin = [self.start as f64; N];
        if any_nan(&x) | any_nan(&pxx) {
            // Along coasts, cells that never had a value are among them: they stay as they are.
            let nothing = nothing(&centre, sources, at);
            let mut gaps = false;
            for i in 0..N {
                gaps |= (x[i].is_nan() | pxx[i].is_nan()) && !nothing[i];
            }
            if gaps {
                return false;
            }
            for sum in [&mut x, &mut xx, &mut tx, &mut pxx, &mut all_tx] {
                for i in 0..N {
                    sum[i] = if nothing[i] { 0.0 } else { sum[i] };
                }
            }
            for i in 0..N {
                centre[i] = if nothing[i] { f64::NAN } else { centre[i] };
                begin[i] = if nothing[i] { f64::NAN } else { begin[i] };
                valid[i] = u64::from(!nothing[i]);
            }
        }
        if begins {
            store(self.planes, at, centre);
            store(self.planes, BEGIN * cells + at, begin);
        }
        store(self.planes, X * cells + at, x);
        store(self.planes, XX * cells + at, xx);
        store(self.planes, TX * cells + at, tx);
        store(self.planes, PXX * cells + at, pxx);
        store(self.planes, ALL_TX * cells + at, all_tx);
        store::<f64, N>(self.planes, LAST * cells + at, load(end.values, at));
        if !self.count.is_empty() {
            let mut count: [u64; N] = load(self.count, at);
            let rows = sources.len() as u64;
            for i in 0..N {
                count[i] += valid[i] * rows;
            }
            store(self.count, at, count);
        }
        true
    }

    /// Takes in cells with gaps, to the same bits where there are none.
    #[inline(always)]
    fn gaps<const N: usize, T: Stored>(&mut self, sources: &[Source<'_, T>], at: usize) {
        let mut s: [[f64; N]; PLANES] = load_planes(self.planes, self.cells, at);
        let (mut before, mut before_missing) = ([0.0; N], [false; N]);
        for i in 0..N {
            before_missing[i] = s[LAST][i].is_nan();
            before[i] = if before_missing[i] { 0.0 } else { s[LAST][i] - s[CENTRE][i] };
        }
        let mut valid = [0u64; N];
        for (source, clock) in sources.iter().zip(self.clock) {
            let v: [f64; N] = load(source.values, at);
            let (earlier, t) = (clock.before, clock.own);
            let mut breaks = false;
            for i in 0..N {
                breaks |= !s[CENTRE][i].is_nan() && v[i].is_nan() && s[BROKEN][i] == 0.0;
            }
            if breaks {
                self.first_gaps(&mut s, &v, source.step);
            }
            for i in 0..N {
                let begun = !s[CENTRE][i].is_nan();
                let missing = v[i].is_nan();
                if !begun && !missing {
                    s[CENTRE][i] = v[i];
                    s[BEGIN][i] = source.step as f64;
                }
                let x = if missing { 0.0 } else { v[i] - s[CENTRE][i] };
                s[X][i] += x;
                s[XX][i] = x.mul_add(x, s[XX][i]);
                s[TX][i] = x.mul_add(t, s[TX][i]);
                s[PXX][i] = x.mul_add(before[i], s[PXX][i]);
                s[ALL_TX][i] = x.mul_add(clock.around, s[ALL_TX][i]);
                valid[i] += u64::from(!missing);
                let counts = s[BROKEN][i] > 0.0 && !missing;
                s[TIMES][i] += if counts { t } else { 0.0 };
                s[TT][i] += if counts { t * t } else { 0.0 };
                let is_pair = counts && !before_missing[i];
                s[PT][i] += if is_pair { earlier + t } else { 0.0 };
                s[PTT][i] += if is_pair { earlier * t } else { 0.0 };
                if begun && (missing || before_missing[i]) {
                    s[BROKEN][i] += 1.0;
                    s[BROKEN_X][i] += x + before[i];
                    s[BROKEN_TX][i] += earlier * x + t * before[i];
                }
                before[i] = x;
                before_missing[i] = missing;
            }
            s[LAST] = v;
        }
        for (p, values) in s.into_iter().enumerate() {
            store(self.planes, p * self.cells + at, values);
        }
        if !self.count.is_empty() {
            let mut count: [u64; N] = load(self.count, at);
            for i in 0..N {
                count[i] += valid[i];
            }
            store(self.count, at, count);
        }
    }

    /// Begins to keep the sums of times of cells of which this step is the first that is missing: those
    /// of all steps before, from the first valid one on.
    fn first_gaps<const N: usize>(&self, s: &mut [[f64; N]; PLANES], v: &[f64; N], step: usize) {
        let Some(past) = self.past else { return };
        for i in 0..N {
            if !s[CENTRE][i].is_nan() && v[i].is_nan() && s[BROKEN][i] == 0.0 {
                let sums = past.sums(s[BEGIN][i] as usize, step);
                [s[TIMES][i], s[TT][i], s[PT][i], s[PTT][i]] = sums;
            }
        }
    }
}
