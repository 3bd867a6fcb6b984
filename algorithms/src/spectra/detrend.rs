//! What is taken off a series before its spectrum is estimated.

#![allow(clippy::inline_always)] // so that loops are compiled for the vectors of their caller

use halocline_core::calendar::{Cycle, TimeAxis};

/// What is taken off each segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detrend {
    /// Nothing.
    None,
    /// Its mean.
    Constant,
    /// A straight line, fitted by least squares.
    Linear,
}

/// The line offset + mean + slope · (i − (n − 1)/2) through n values. The offset is one of the values, to be
/// taken off first: of small variations about a large value no digits are lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    pub(super) offset: f64,
    pub(super) mean: f64,
    pub(super) slope: f64,
    /// Whether the values are nothing else, but for rounding.
    pub(super) is_all: bool,
}

impl Detrend {
    /// As users write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Constant => "constant",
            Self::Linear => "linear",
        }
    }

    /// What has to be taken off.
    #[inline(always)]
    pub(super) fn line(self, x: &[f64]) -> Line {
        let [offset, mean, slope] = self.fit(x);
        let n = x.len() as f64;
        let middle = 0.5 * (n - 1.0);
        let reach = slope.abs() * middle;
        // Of a straight line nothing is to be left: less than rounding of values, and of sums of them, can
        // tell.
        let least = f64::EPSILON * (4.0 * (offset.abs() + mean.abs() + reach) + n.sqrt() * reach);
        let mut all = x.iter().enumerate();
        let is_line = slope != 0.0
            && all.all(|(i, v)| ((v - offset) - (mean + slope * (i as f64 - middle))).abs() <= least);
        Line { offset, mean, slope, is_all: is_line }
    }

    /// Offset, mean and slope.
    #[inline(always)]
    fn fit(self, x: &[f64]) -> [f64; 3] {
        let (Some(&first), false) = (x.first(), self == Self::None) else { return [0.0; 3] };
        // Of what does not vary nothing is left.
        let n = x.len() as f64;
        if self == Self::Constant || x.len() < 2 {
            return [first, sums::<false>(x, first)[0] / n, 0.0];
        }
        // Whatever is taken off, as Σ (i − middle) is 0.
        let [sum, moment] = sums::<true>(x, first);
        [first, sum / n, moment / (n * (n * n - 1.0) / 12.0)]
    }

    /// Takes it off `x`.
    #[inline(always)]
    pub(crate) fn remove(self, x: &mut [f64]) {
        let Line { offset, mean, slope, is_all } = self.line(x);
        if is_all {
            x.fill(0.0);
            return;
        }
        let middle = 0.5 * (x.len() as f64 - 1.0);
        match self {
            Self::None => {}
            Self::Constant => x.iter_mut().for_each(|v| *v = (*v - offset) - mean),
            Self::Linear => {
                let at = |i: usize| mean + slope * (i as f64 - middle);
                x.iter_mut().enumerate().for_each(|(i, v)| *v = (*v - offset) - at(i));
            }
        }
    }
}

/// Parts of a sum, which the processor adds at once.
const PARTS: usize = 8;

/// Their sum. They pass through memory: a compiler that sees how they are joined keeps them in pairs all
/// along the loop that made them, which costs most of its speed.
#[inline(always)]
fn joined(parts: [f64; PARTS]) -> f64 {
    let [a, b, c, d, e, f, g, h] = std::hint::black_box(parts);
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

/// A sum in parts; always in the same order.
#[inline(always)]
pub(super) fn sum(x: &[f64]) -> f64 {
    let whole = x.chunks_exact(PARTS);
    let rest = whole.remainder();
    let mut parts = [0.0f64; PARTS];
    for some in whole {
        for k in 0..PARTS {
            parts[k] += some[k];
        }
    }
    joined(parts) + rest.iter().sum::<f64>()
}

/// Σ (xᵢ − offset) and, where they are `MOMENTS`, Σ (i − middle) (xᵢ − offset); in parts, as [`sum`].
#[inline(always)]
fn sums<const MOMENTS: bool>(x: &[f64], offset: f64) -> [f64; 2] {
    let middle = 0.5 * (x.len() as f64 - 1.0);
    let whole = x.chunks_exact(PARTS);
    let rest = whole.remainder();
    let (mut all, mut moments) = ([0.0f64; PARTS], [0.0f64; PARTS]);
    // Whole numbers, or halves: exact.
    let mut at: [f64; PARTS] = std::array::from_fn(|k| k as f64 - middle);
    for some in whole {
        for k in 0..PARTS {
            let v = some[k] - offset;
            all[k] += v;
            if MOMENTS {
                moments[k] += at[k] * v;
                at[k] += PARTS as f64;
            }
        }
    }
    let (mut sum, mut moment) = (joined(all), joined(moments));
    for (v, i) in rest.iter().zip(x.len() - rest.len()..) {
        sum += v - offset;
        moment += (i as f64 - middle) * (v - offset);
    }
    [sum, moment]
}

/// The mean annual cycle as a thing to be taken off: which part of the year each step belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnualCycle {
    /// For each step.
    part: Vec<u32>,
    parts: usize,
}

impl AnnualCycle {
    /// The parts of `cycle` that the times of `axis` belong to; a leap day is a day of its own
    /// ([`halocline_core::calendar::LeapDay::Keep`]).
    pub fn new(axis: &TimeAxis, cycle: Cycle) -> Self {
        let parts = cycle.len(axis.calendar);
        let part = |at| cycle.part(axis.calendar, at).map_or(0, |part| part as u32);
        Self { part: axis.datetimes().iter().map(part).collect(), parts }
    }
    /// How many steps are the only ones of their part: nothing is left there of a series.
    pub fn alone(&self) -> usize {
        let mut met = vec![0usize; self.parts];
        self.part.iter().for_each(|&part| met[part as usize] += 1);
        met.iter().filter(|count| **count == 1).count()
    }
    /// How many parts there are.
    pub(crate) const fn parts(&self) -> usize {
        self.parts
    }
    /// Takes the mean of all values of the same part off each value that is not missing; `sums` and
    /// `counts` are room for one number a part.
    pub(crate) fn remove(&self, x: &mut [f64], sums: &mut [f64], counts: &mut [f64]) {
        sums.fill(0.0);
        counts.fill(0.0);
        // Deviations from some value of the series: a large offset costs no digits.
        let offset = x.iter().copied().find(|v| !v.is_nan()).unwrap_or(0.0);
        for (v, &part) in x.iter().zip(&self.part).filter(|(v, _)| !v.is_nan()) {
            sums[part as usize] += v - offset;
            counts[part as usize] += 1.0;
        }
        for (sum, count) in sums.iter_mut().zip(&*counts) {
            *sum /= f64::max(*count, 1.0);
        }
        for (v, &part) in x.iter_mut().zip(&self.part) {
            *v = (*v - offset) - sums[part as usize];
        }
    }
}
