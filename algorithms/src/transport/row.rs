//! Sums of a row in one go: of points without neighbours, masks and selections, in layers of one
//! thickness, of single-precision values. The same operations in the same order as of any other line,
//! and so the same bits; the values of a row are looked at once.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller
#![allow(clippy::needless_bitwise_bool)] // branches would not be vectors

use super::sums::{total, LANES, OF_FLOW, OF_TRACER};
use pulp::{Arch, NullaryFnOnce};

/// What a row is made of.
pub(super) struct Row<'a, const N: usize> {
    pub(super) velocity: &'a [f32],
    pub(super) tracers: [&'a [f32]; N],
    pub(super) lengths: &'a [f64],
    pub(super) layer: f64,
    pub(super) zero_is_land: bool,
}

type Lanes = [f64; LANES];

/// Sums of a half of the lanes: as many as there is room for in registers.
const HALF: usize = LANES / 2;
type Half = [f64; HALF];

/// Sums so far.
struct Sums<const N: usize> {
    flow: [Lanes; OF_FLOW],
    tracers: [[Lanes; OF_TRACER]; N],
}

/// A row at work, compiled for the machine's vectors: a closure would not be.
struct Whole<'a, const N: usize>(&'a Row<'a, N>);

impl<const N: usize> NullaryFnOnce for Whole<'_, N> {
    type Output = Sums<N>;
    #[inline(always)]
    fn call(self) -> Sums<N> {
        let mut sums = Sums { flow: [[0.0; LANES]; OF_FLOW], tracers: [[[0.0; LANES]; OF_TRACER]; N] };
        for first in [0, HALF] {
            if self.0.zero_is_land {
                self.0.half::<true>(first, &mut sums);
            } else {
                self.0.half::<false>(first, &mut sums);
            }
        }
        sums
    }
}

impl<const N: usize> Row<'_, N> {
    /// As [`along_line`](super::along_line) of all faces.
    pub(super) fn sum(&self, out: &mut [f64]) {
        let sums = Arch::new().dispatch(Whole(self));
        let all = sums.flow.iter().chain(sums.tracers.iter().flatten());
        out.iter_mut().zip(all).for_each(|(out, lanes)| *out = total(lanes));
    }

    /// Sums of the lanes from `first` on.
    #[inline(always)]
    fn half<const ZERO_IS_LAND: bool>(&self, first: usize, sums: &mut Sums<N>) {
        let (mut flow, mut tracers) = ([[0.0; HALF]; OF_FLOW], [[[0.0; HALF]; OF_TRACER]; N]);
        let n = self.velocity.len();
        let mut at = first;
        while at < n {
            let velocity = part(self.velocity, at, f32::NAN);
            let lengths = part(self.lengths, at, 0.0);
            let (mut speed, mut area, mut open) = ([0.0; HALF], [0.0; HALF], [0.0; HALF]);
            for i in 0..HALF {
                let (v, a) = (f64::from(velocity[i]), lengths[i] * self.layer);
                // Bits, not branches.
                let is_open = !v.is_nan() & (a > 0.0);
                speed[i] = if is_open { v } else { 0.0 };
                area[i] = if is_open { a } else { 0.0 };
                open[i] = if is_open { 1.0 } else { 0.0 };
            }
            for i in 0..HALF {
                flow[0][i] += speed[i] * area[i];
                flow[1][i] += open[i];
            }
            for (tracer, sums) in self.tracers.iter().zip(&mut tracers) {
                let tracer = part(tracer, at, f32::NAN);
                let (mut there, mut value): (Half, Half) = ([0.0; HALF], [0.0; HALF]);
                for i in 0..HALF {
                    let t = f64::from(tracer[i]);
                    let land = ZERO_IS_LAND & (velocity[i] == 0.0) & (t == 0.0);
                    let is_there = !t.is_nan() & !land;
                    there[i] = if is_there { area[i] } else { 0.0 };
                    value[i] = if is_there { t } else { 0.0 };
                }
                for i in 0..HALF {
                    let flux = speed[i] * there[i];
                    sums[0][i] += flux;
                    sums[1][i] += there[i];
                    sums[2][i] += value[i] * there[i];
                    sums[3][i] += flux * value[i];
                }
            }
            at += LANES;
        }
        let all = sums.flow.iter_mut().chain(sums.tracers.iter_mut().flatten());
        let halves = flow.iter().chain(tracers.iter().flatten());
        all.zip(halves).for_each(|(lanes, half)| lanes[first..first + HALF].copy_from_slice(half));
    }
}

/// Values side by side, `beyond` the end.
#[inline(always)]
fn part<T: Copy>(all: &[T], at: usize, beyond: T) -> [T; HALF] {
    let mut some = [beyond; HALF];
    if let Some(whole) = all.get(at..at + HALF) {
        some.copy_from_slice(whole);
    } else {
        some.iter_mut().zip(all.iter().skip(at)).for_each(|(some, value)| *some = *value);
    }
    some
}
