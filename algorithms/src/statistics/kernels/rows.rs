//! Rows that become one cell each. A row is summed in sixteen interleaved parts, which meet in
//! a fixed tree; one row after the other is added to its cell.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller
#![allow(clippy::needless_range_loop)] // one index into values, weights and parts alike

use super::{Stored, Task};
use crate::statistics::chan::Moments;
use crate::statistics::layout::Row;
use crate::statistics::op::Needs;
use crate::statistics::state::ReductionState;
use pulp::{Arch, NullaryFnOnce};
use std::ops::Range;

/// Partial sums of a row.
const PARTS: usize = 16;

/// Takes maps into a slot.
pub(super) fn absorb<T: Stored>(
    state: &mut ReductionState,
    slot: Range<usize>,
    maps: &[(usize, &[T])],
    task: &Task<'_>,
) {
    state.settled = true;
    Arch::new().dispatch(Run { state, start: slot.start, maps, task });
}

/// Rows at work. A closure would not do: what is dispatched must be inlined, or it is compiled
/// for the smallest vectors.
struct Run<'a, T> {
    state: &'a mut ReductionState,
    start: usize,
    maps: &'a [(usize, &'a [T])],
    task: &'a Task<'a>,
}

impl<T: Stored> NullaryFnOnce for Run<'_, T> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let (layout, fold) = (self.task.layout, self.task.fold);
        for &(step, map) in self.maps {
            let of_step = fold.weights().of_step(step);
            for row in &layout.rows {
                let values = &map[row.start..row.start + layout.length];
                take(self.state, self.start + row.base, fold.needs, values, row, of_step);
            }
        }
    }
}

/// One row into its cell.
#[inline(always)]
fn take<T: Stored>(
    state: &mut ReductionState,
    at: usize,
    needs: Needs,
    values: &[T],
    row: &Row<'_>,
    of_step: f64,
) {
    let factor = row.factor * of_step;
    let (sum, count) = sums(values);
    if count == 0.0 {
        return;
    }
    // The row's own weight, that of its squares, and its weighted sum, without the factor.
    let (weight, squared, weighted) = match row.within {
        Some(within) if needs.weighted => weighted_sums(values, within),
        _ => (count, count, sum),
    };
    let within = row.within.filter(|_| needs.weighted);
    if needs.moments && weight > 0.0 {
        // The mean as rounded, and what is left about it.
        let centre = weighted / weight;
        let (first, second) = match within {
            Some(within) => weighted_deviations(values, within, centre),
            None => deviations(values, centre),
        };
        let own = Moments::of_sums(weight, centre, first, second);
        let scale = if needs.weighted { factor } else { 1.0 };
        let own = Moments { weight: scale * weight, squares: scale * own.squares, ..own };
        let both = state.moments(at).merge(own);
        state.keep(at, both);
    }
    state.count[at] += count as u64;
    if needs.sum {
        state.sum[at] += sum;
    }
    if needs.weighted {
        state.weight[at] += factor * weight;
        state.weight_squared[at] += factor * factor * squared;
        state.weighted_sum[at] += factor * weighted;
    }
    if needs.squares {
        let scale = if needs.weighted { factor } else { 1.0 };
        state.squares[at] += scale
            * match within {
                Some(within) => weighted_deviations(values, within, 0.0).1,
                None => deviations(values, 0.0).1,
            };
    }
    if needs.extremes {
        let (least, greatest) = extremes(values);
        state.least[at] = state.least[at].min(least);
        state.greatest[at] = state.greatest[at].max(greatest);
    }
}

/// Adds parts pairwise.
#[inline(always)]
fn together(mut parts: [f64; PARTS], both: impl Fn(f64, f64) -> f64) -> f64 {
    let mut n = PARTS;
    while n > 1 {
        n /= 2;
        for i in 0..n {
            parts[i] = both(parts[i], parts[i + n]);
        }
    }
    parts[0]
}

/// Hands on each value with the number of the part that it belongs to.
#[inline(always)]
fn each<T: Stored>(values: &[T], mut take: impl FnMut(usize, f64)) {
    let chunks = values.chunks_exact(PARTS);
    let rest = chunks.remainder();
    for chunk in chunks {
        for i in 0..PARTS {
            take(i, chunk[i].into());
        }
    }
    rest.iter().enumerate().for_each(|(i, &v)| take(i, v.into()));
}

/// [`each`] with weights.
#[inline(always)]
fn each_weighted<T: Stored>(values: &[T], weights: &[f64], mut take: impl FnMut(usize, f64, f64)) {
    let (chunks, of) = (values.chunks_exact(PARTS), weights.chunks_exact(PARTS));
    let rest = chunks.remainder().iter().zip(of.remainder()).enumerate();
    for (chunk, w) in chunks.zip(of) {
        for i in 0..PARTS {
            take(i, chunk[i].into(), w[i]);
        }
    }
    rest.for_each(|(i, (&v, &w))| take(i, v.into(), w));
}

#[inline(always)]
fn sums<T: Stored>(values: &[T]) -> (f64, f64) {
    let (mut sum, mut count) = ([0.0; PARTS], [0.0; PARTS]);
    each(values, |i, v| {
        let valid = !v.is_nan();
        sum[i] += if valid { v } else { 0.0 };
        count[i] += if valid { 1.0 } else { 0.0 };
    });
    (together(sum, |a, b| a + b), together(count, |a, b| a + b))
}

/// Σw, Σw² and Σwx.
#[inline(always)]
fn weighted_sums<T: Stored>(values: &[T], weights: &[f64]) -> (f64, f64, f64) {
    let (mut weight, mut squared, mut sum) = ([0.0; PARTS], [0.0; PARTS], [0.0; PARTS]);
    each_weighted(values, weights, |i, v, w| {
        let valid = !v.is_nan();
        let w = if valid { w } else { 0.0 };
        weight[i] += w;
        squared[i] += w * w;
        sum[i] += if valid { w * v } else { 0.0 };
    });
    (together(weight, |a, b| a + b), together(squared, |a, b| a + b), together(sum, |a, b| a + b))
}

/// Σ(x − c) and Σ(x − c)².
#[inline(always)]
fn deviations<T: Stored>(values: &[T], centre: f64) -> (f64, f64) {
    let (mut first, mut second) = ([0.0; PARTS], [0.0; PARTS]);
    each(values, |i, v| {
        let d = if v.is_nan() { 0.0 } else { v - centre };
        first[i] += d;
        second[i] += d * d;
    });
    (together(first, |a, b| a + b), together(second, |a, b| a + b))
}

/// Σw(x − c) and Σw(x − c)².
#[inline(always)]
fn weighted_deviations<T: Stored>(values: &[T], weights: &[f64], centre: f64) -> (f64, f64) {
    let (mut first, mut second) = ([0.0; PARTS], [0.0; PARTS]);
    each_weighted(values, weights, |i, v, w| {
        let d = v - centre;
        let weighted = if v.is_nan() { 0.0 } else { w * d };
        first[i] += weighted;
        second[i] += if v.is_nan() { 0.0 } else { weighted * d };
    });
    (together(first, |a, b| a + b), together(second, |a, b| a + b))
}

#[inline(always)]
fn extremes<T: Stored>(values: &[T]) -> (f64, f64) {
    let (mut least, mut greatest) = ([f64::INFINITY; PARTS], [f64::NEG_INFINITY; PARTS]);
    each(values, |i, v| {
        // A comparison with NaN is false.
        least[i] = if v < least[i] { v } else { least[i] };
        greatest[i] = if v > greatest[i] { v } else { greatest[i] };
    });
    (together(least, f64::min), together(greatest, f64::max))
}
