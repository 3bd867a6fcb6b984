//! Rows that are added cell by cell: every cell on its own, in the order of rows and steps.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller

use super::{Stored, Task};
use crate::lanes::{any_nan, load, store};
use crate::statistics::op::Needs;
use crate::statistics::state::ReductionState;
use crate::statistics::trend::{Clock, Past};
use pulp::{Arch, NullaryFnOnce};
use std::ops::Range;

/// Cells of which values and accumulators stay in the nearest caches while all kernels pass
/// over them.
const BLOCK: usize = 1024;
/// Cells that are worked on together, in registers, where much is kept of each.
const LANES: usize = 8;
/// The same where little is.
const MANY_LANES: usize = 16;
/// The same for those that remain.
const FEW_LANES: usize = 4;

/// A row of values.
#[derive(Debug, Clone, Copy)]
pub(in crate::statistics) struct Source<'a, T> {
    pub(in crate::statistics) values: &'a [T],
    /// The step that it is of.
    pub(in crate::statistics) step: usize,
    /// What all of it counts.
    factor: f64,
    /// What each cell counts on top of that.
    within: Option<&'a [f64]>,
}

/// Takes `N` cells from `at` on of all rows into accumulators.
pub(in crate::statistics) trait Kernel<T> {
    fn take<const N: usize>(&mut self, sources: &[Source<'_, T>], at: usize);
}

/// A kernel at work on a block of cells. A closure would not do: what is dispatched must be
/// inlined, or it is compiled for the smallest vectors.
struct Run<'a, K, T, const LANES: usize> {
    kernel: K,
    sources: &'a [Source<'a, T>],
    block: &'a Range<usize>,
}

impl<K: Kernel<T>, T, const LANES: usize> NullaryFnOnce for Run<'_, K, T, LANES> {
    type Output = ();
    #[inline(always)]
    fn call(mut self) {
        let mut at = self.block.start;
        while at + LANES <= self.block.end {
            self.kernel.take::<LANES>(self.sources, at);
            at += LANES;
        }
        while at + FEW_LANES <= self.block.end {
            self.kernel.take::<FEW_LANES>(self.sources, at);
            at += FEW_LANES;
        }
        while at < self.block.end {
            self.kernel.take::<1>(self.sources, at);
            at += 1;
        }
    }
}

/// Whether some cells have no value in any row, as on land.
#[inline(always)]
pub(in crate::statistics) fn all_missing<T: Stored, const N: usize>(
    sources: &[Source<'_, T>],
    at: usize,
) -> bool {
    let mut all = true;
    for source in sources {
        for v in &source.values[at..at + N] {
            all &= v.is_missing();
        }
    }
    all
}

/// Takes maps into a slot.
pub(super) fn absorb<T: Stored>(
    state: &mut ReductionState,
    slot: Range<usize>,
    maps: &[(usize, &[T])],
    task: &Task<'_>,
) {
    let layout = task.layout;
    let weights = task.fold.weights();
    let needs = task.fold.needs;
    if needs.trend {
        if let [first, .., last] | [first @ last] = *task.steps {
            state.trend.begin(state.cells, first..last + 1);
        }
    }
    for rows in layout.rows.chunk_by(|a, b| a.base == b.base) {
        let Some(base) = rows.first().map(|row| row.base) else { continue };
        let sources: Vec<Source<'_, T>> = maps
            .iter()
            .flat_map(|&(step, map)| {
                rows.iter().map(move |row| Source {
                    values: &map[row.start..row.start + layout.length],
                    step,
                    factor: row.factor * weights.of_step(step),
                    within: row.within,
                })
            })
            .collect();
        let cells = slot.start + base..slot.start + base + layout.length;
        let sources = sources.as_slice();
        let steps = sources.iter().map(|source| source.step);
        let clock = state.columns(cells.clone()).trend.map(|fit| {
            let end = task.steps.last().map_or(0, |last| last + 1);
            (fit.clock(steps, &task.fold.times), fit.past(end, &task.fold.times))
        });
        for start in (0..layout.length).step_by(BLOCK) {
            let block = start..layout.length.min(start + BLOCK);
            run_all(state.columns(cells.clone()), sources, &block, needs, clock.as_ref());
        }
    }
}

/// Has all kernels that are needed take a block of cells.
fn run_all<T: Stored>(
    mut all: Columns<'_>,
    sources: &[Source<'_, T>],
    block: &Range<usize>,
    needs: Needs,
    clock: Option<&(Vec<Clock>, Past<'_>)>,
) {
    let arch = Arch::new();
    let mut count: &mut [u64] = &mut [];
    if needs.sum {
        let kernel = Add { sum: all.sum, count: all.count };
        arch.dispatch(Run::<_, _, MANY_LANES> { kernel, sources, block });
    } else if needs.trend {
        count = all.count;
    } else {
        let kernel = Count { count: all.count };
        arch.dispatch(Run::<_, _, LANES> { kernel, sources, block });
    }
    if needs.extremes {
        let kernel = Extend { least: all.least, greatest: all.greatest };
        arch.dispatch(Run::<_, _, LANES> { kernel, sources, block });
    }
    if needs.weighted {
        let kernel = Weigh { to: all.weighted };
        arch.dispatch(Run::<_, _, LANES> { kernel, sources, block });
    }
    // A trend has the same sums.
    if needs.moments && !needs.trend {
        let [centre, first, second] = all.moments;
        if needs.weighted {
            let kernel = Spread::<true> { centre, first, second };
            arch.dispatch(Run::<_, _, LANES> { kernel, sources, block });
        } else {
            let kernel = Spread::<false> { centre, first, second };
            arch.dispatch(Run::<_, _, MANY_LANES> { kernel, sources, block });
        }
    }
    if needs.squares {
        if needs.weighted {
            let kernel = Square::<true> { squares: all.squares };
            arch.dispatch(Run::<_, _, LANES> { kernel, sources, block });
        } else {
            let kernel = Square::<false> { squares: all.squares };
            arch.dispatch(Run::<_, _, LANES> { kernel, sources, block });
        }
    }
    if let (Some(mut kernel), Some((clock, past))) = (all.trend.take(), clock) {
        kernel.clock = clock;
        kernel.past = Some(past);
        kernel.count = count;
        arch.dispatch(Run::<_, _, LANES> { kernel, sources, block });
    }
}

/// Accumulators of a row of cells; what is not needed is empty.
pub(in crate::statistics) struct Columns<'a> {
    pub(in crate::statistics) sum: &'a mut [f64],
    pub(in crate::statistics) count: &'a mut [u64],
    pub(in crate::statistics) least: &'a mut [f64],
    pub(in crate::statistics) greatest: &'a mut [f64],
    /// Σw, Σw², Σwx.
    pub(in crate::statistics) weighted: [&'a mut [f64]; 3],
    pub(in crate::statistics) moments: [&'a mut [f64]; 3],
    pub(in crate::statistics) squares: &'a mut [f64],
    pub(in crate::statistics) trend: Option<crate::statistics::trend::Fit<'a>>,
}

impl<T> Source<'_, T> {
    /// The weights of some cells.
    #[inline(always)]
    fn weights<const N: usize>(&self, at: usize) -> [f64; N] {
        match self.within {
            None => [self.factor; N],
            Some(within) => load::<f64, f64, N>(within, at).map(|w| w * self.factor),
        }
    }
}

struct Count<'a> {
    count: &'a mut [u64],
}

impl<T: Stored> Kernel<T> for Count<'_> {
    #[inline(always)]
    fn take<const N: usize>(&mut self, sources: &[Source<'_, T>], at: usize) {
        let mut count: [u64; N] = load(self.count, at);
        for source in sources {
            let v: [f64; N] = load(source.values, at);
            for i in 0..N {
                count[i] += u64::from(!v[i].is_nan());
            }
        }
        store(self.count, at, count);
    }
}

/// Σx and n.
struct Add<'a> {
    sum: &'a mut [f64],
    count: &'a mut [u64],
}

impl<T: Stored> Kernel<T> for Add<'_> {
    #[inline(always)]
    fn take<const N: usize>(&mut self, sources: &[Source<'_, T>], at: usize) {
        let before: [f64; N] = load(self.sum, at);
        let mut sum = before;
        for source in sources {
            let v: [f64; N] = load(source.values, at);
            for i in 0..N {
                sum[i] += v[i];
            }
        }
        // A missing value would have spoilt the sum.
        if !any_nan(&sum) {
            store(self.sum, at, sum);
            let count: [u64; N] = load(self.count, at);
            store(self.count, at, count.map(|n| n + sources.len() as u64));
            return;
        }
        if all_missing::<T, N>(sources, at) {
            return;
        }
        sum = before;
        let mut count: [u64; N] = load(self.count, at);
        for source in sources {
            let v: [f64; N] = load(source.values, at);
            for i in 0..N {
                let valid = !v[i].is_nan();
                sum[i] += if valid { v[i] } else { 0.0 };
                count[i] += u64::from(valid);
            }
        }
        store(self.sum, at, sum);
        store(self.count, at, count);
    }
}

/// The least and the greatest.
struct Extend<'a> {
    least: &'a mut [f64],
    greatest: &'a mut [f64],
}

impl<T: Stored> Kernel<T> for Extend<'_> {
    #[inline(always)]
    fn take<const N: usize>(&mut self, sources: &[Source<'_, T>], at: usize) {
        let mut least: [f64; N] = load(self.least, at);
        let mut greatest: [f64; N] = load(self.greatest, at);
        for source in sources {
            let v: [f64; N] = load(source.values, at);
            for i in 0..N {
                // A comparison with NaN is false.
                least[i] = if v[i] < least[i] { v[i] } else { least[i] };
                greatest[i] = if v[i] > greatest[i] { v[i] } else { greatest[i] };
            }
        }
        store(self.least, at, least);
        store(self.greatest, at, greatest);
    }
}

/// Σw, Σw² and Σwx.
struct Weigh<'a> {
    to: [&'a mut [f64]; 3],
}

impl<T: Stored> Kernel<T> for Weigh<'_> {
    #[inline(always)]
    fn take<const N: usize>(&mut self, sources: &[Source<'_, T>], at: usize) {
        let mut weight: [f64; N] = load(self.to[0], at);
        let mut squared: [f64; N] = load(self.to[1], at);
        let mut sum: [f64; N] = load(self.to[2], at);
        for source in sources {
            let v: [f64; N] = load(source.values, at);
            let w: [f64; N] = source.weights(at);
            for i in 0..N {
                let valid = !v[i].is_nan();
                let w = if valid { w[i] } else { 0.0 };
                weight[i] += w;
                squared[i] += w * w;
                sum[i] += if valid { w * v[i] } else { 0.0 };
            }
        }
        store(self.to[0], at, weight);
        store(self.to[1], at, squared);
        store(self.to[2], at, sum);
    }
}

/// Σw(x − c) and Σw(x − c)² about the first valid value of a cell in the tile: exact to the last
/// digits whatever the offset of the data. The operations are those of
/// [`Fit`](crate::statistics::trend::Fit), which has these sums too.
struct Spread<'a, const WEIGHTED: bool> {
    centre: &'a mut [f64],
    first: &'a mut [f64],
    second: &'a mut [f64],
}

impl<T: Stored, const WEIGHTED: bool> Kernel<T> for Spread<'_, WEIGHTED> {
    #[inline(always)]
    fn take<const N: usize>(&mut self, sources: &[Source<'_, T>], at: usize) {
        if !WEIGHTED && self.whole::<T, N>(sources, at) {
            return;
        }
        if all_missing::<T, N>(sources, at) {
            return;
        }
        let mut centre: [f64; N] = load(self.centre, at);
        let mut first: [f64; N] = load(self.first, at);
        let mut second: [f64; N] = load(self.second, at);
        for source in sources {
            let v: [f64; N] = load(source.values, at);
            let w: [f64; N] = if WEIGHTED { source.weights(at) } else { [1.0; N] };
            for i in 0..N {
                centre[i] = if centre[i].is_nan() { v[i] } else { centre[i] };
                let d = if v[i].is_nan() { 0.0 } else { v[i] - centre[i] };
                let weighted = if WEIGHTED {
                    if v[i].is_nan() {
                        0.0
                    } else {
                        w[i] * d
                    }
                } else {
                    d
                };
                first[i] += weighted;
                second[i] = weighted.mul_add(d, second[i]);
            }
        }
        store(self.centre, at, centre);
        store(self.first, at, first);
        store(self.second, at, second);
    }
}

impl<const WEIGHTED: bool> Spread<'_, WEIGHTED> {
    /// Takes in cells that have a value in every row, unweighted; says whether they had.
    #[inline(always)]
    fn whole<T: Stored, const N: usize>(&mut self, sources: &[Source<'_, T>], at: usize) -> bool {
        let Some(row) = sources.first() else { return true };
        let mut centre: [f64; N] = load(self.centre, at);
        if any_nan(&centre) {
            if centre.iter().any(|c| !c.is_nan()) {
                return false;
            }
            // Nothing has begun.
            centre = load(row.values, at);
        }
        let mut first: [f64; N] = load(self.first, at);
        let mut second: [f64; N] = load(self.second, at);
        for source in sources {
            let v: [f64; N] = load(source.values, at);
            for i in 0..N {
                let d = v[i] - centre[i];
                first[i] += d;
                second[i] = d.mul_add(d, second[i]);
            }
        }
        // A missing value would have spoilt the sum.
        if any_nan(&first) {
            return false;
        }
        store(self.centre, at, centre);
        store(self.first, at, first);
        store(self.second, at, second);
        true
    }
}

/// Σwx².
struct Square<'a, const WEIGHTED: bool> {
    squares: &'a mut [f64],
}

impl<T: Stored, const WEIGHTED: bool> Kernel<T> for Square<'_, WEIGHTED> {
    #[inline(always)]
    fn take<const N: usize>(&mut self, sources: &[Source<'_, T>], at: usize) {
        let mut squares: [f64; N] = load(self.squares, at);
        for source in sources {
            let v: [f64; N] = load(source.values, at);
            let w: [f64; N] = if WEIGHTED { source.weights(at) } else { [1.0; N] };
            for i in 0..N {
                let weighted = if WEIGHTED { w[i] * v[i] } else { v[i] };
                squares[i] += if v[i].is_nan() { 0.0 } else { weighted * v[i] };
            }
        }
        store(self.squares, at, squares);
    }
}
