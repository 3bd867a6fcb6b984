//! Rows of values to rows of bin numbers, for whatever vector unit the machine has.
//!
//! Uniform bins are found by a multiplication. Where that lands so near to an edge that rounding
//! could matter, the edges are asked ([`Bins::code`]), so the result is always theirs.

use super::bins::{Bins, ABOVE, APART, BELOW, MISSING};
use halocline_core::engine::Numbers;
use pulp::{Arch, NullaryFnOnce};

/// Marks a value for which the edges have to be asked.
const NEAR: u32 = 1 << 31;

/// Uniform bins as an inner loop wants them, in the precision of the values.
#[derive(Debug, Clone, Copy)]
struct Ruler<T> {
    low: T,
    /// No value below it is in a bin, and every other one is not below; so with `last`.
    first: T,
    last: T,
    /// Bins per unit.
    scale: T,
    /// How near to an edge, in bins, the edges are asked: more than rounding can do.
    near: T,
    count: u32,
}

/// Bins, and how to find them quickly in either precision, if at all.
#[derive(Debug, Clone)]
pub(super) struct Coder {
    bins: Bins,
    singles: Option<Ruler<f32>>,
    doubles: Option<Ruler<f64>>,
}

impl Coder {
    pub(super) fn new(bins: &Bins) -> Self {
        let mut coder = Self { bins: bins.clone(), singles: None, doubles: None };
        let Bins::Uniform { low, high, count } = *bins else { return coder };
        let scale = count as f64 / (high - low);
        // Rounding of edges, of differences and of products, in bins, with room to spare.
        let near = 4.0 * (2.0 * count as f64 + low.abs().max(high.abs()) * scale + 1.0);
        let (near_single, near) = (near * f64::from(f32::EPSILON), near * f64::EPSILON);
        let count = count as u32;
        if scale.is_normal() && near < 0.25 {
            coder.doubles = Some(Ruler { low, first: low, last: high, scale, near, count });
        }
        if (scale as f32).is_normal()
            && near_single < 0.1
            && high.abs().max(low.abs()) < f64::from(f32::MAX) / 4.0
        {
            // The nearest singles within the bins.
            let (mut first, mut last) = (low as f32, high as f32);
            if f64::from(first) < low {
                first = first.next_up();
            }
            if f64::from(last) > high {
                last = last.next_down();
            }
            let (low, scale, near) = (low as f32, scale as f32, near_single as f32);
            coder.singles = Some(Ruler { low, first, last, scale, near, count });
        }
        coder
    }
    /// Different codes: bins, below, above, missing.
    pub(super) fn width(&self) -> usize {
        self.bins.len() + APART
    }

    /// The codes of a row, as [`Bins::code`] gives them.
    pub(super) fn row(&self, values: Numbers<'_>, out: &mut [u32]) {
        let arch = Arch::new();
        match (values, self.singles, self.doubles) {
            (Numbers::F32(v), Some(ruler), _) => {
                arch.dispatch(Guess { values: v, out, ruler, bins: &self.bins });
            }
            (Numbers::F64(v), _, Some(ruler)) => {
                arch.dispatch(Guess { values: v, out, ruler, bins: &self.bins });
            }
            (Numbers::F32(v), ..) => self.ask(v, out),
            (Numbers::F64(v), ..) => self.ask(v, out),
        }
    }

    fn ask<T: Copy + Into<f64>>(&self, values: &[T], out: &mut [u32]) {
        values.iter().zip(out).for_each(|(&v, out)| *out = self.bins.code(v.into()) as u32);
    }
}

/// Asks the edges about marked values.
#[cold]
#[inline(never)]
fn settle<T: Copy + Into<f64>>(bins: &Bins, values: &[T], out: &mut [u32]) {
    for (&v, code) in values.iter().zip(out).filter(|(_, code)| **code & NEAR != 0) {
        *code = bins.code(v.into()) as u32;
    }
}

/// Codes of several variables as one: `joint` times the width of the next, and its codes.
pub(super) fn join(joint: &mut [u32], codes: &[u32], width: u32) {
    Arch::new().dispatch(Join { joint, codes, width });
}

struct Join<'a> {
    joint: &'a mut [u32],
    codes: &'a [u32],
    width: u32,
}

impl NullaryFnOnce for Join<'_> {
    type Output = ();
    #[inline(always)]
    #[allow(clippy::inline_always)] // so that it is compiled for the vectors of its caller
    fn call(self) {
        self.joint.iter_mut().zip(self.codes).for_each(|(j, c)| *j = *j * self.width + *c);
    }
}

/// A row at work.
struct Guess<'a, T> {
    values: &'a [T],
    out: &'a mut [u32],
    ruler: Ruler<T>,
    bins: &'a Bins,
}

/// Values that are looked through together for marks: few such runs have any.
const RUN: usize = 64;

/// Makes a loop that finds bins by multiplication; where that lands so near to an edge that
/// rounding could matter, a value is marked, and the edges are asked. Adding `$round` rounds a
/// number to a whole one, which the bits `$mask` then hold.
///
/// What lies outside of bins gets the code of their first or last value, and then is told apart
/// by what is added: a choice between two codes would become a blend, many times slower on some
/// processors.
macro_rules! guess {
    ($float:ty, $round:expr, $mask:expr) => {
        impl NullaryFnOnce for Guess<'_, $float> {
            type Output = ();
            #[inline(always)]
            #[allow(clippy::inline_always)] // so that it is compiled for the vectors of its caller
            fn call(self) {
                const ROUND: $float = $round;
                let Self { values, out, ruler, bins } = self;
                let Ruler { low, first, last, scale, near, count } = ruler;
                let within = |v: $float| {
                    let at = (v - low) * scale;
                    let nearest = (at + ROUND) - ROUND;
                    let mark = if (at - nearest).abs() < near { NEAR } else { 0 };
                    // Not near to an edge: rounding half a bin less to the nearest is rounding down.
                    ((at - 0.5 + ROUND).to_bits() & $mask) as u32 | mark
                };
                let [below, above, missing] = [BELOW, ABOVE, MISSING].map(|code| count + code as u32);
                let below = below.wrapping_sub(within(first));
                let above = above.wrapping_sub(within(last));
                let missing = missing.wrapping_sub(within(first));
                for (values, out) in values.chunks(RUN).zip(out.chunks_mut(RUN)) {
                    let mut any = 0;
                    for (&v, out) in values.iter().zip(out.iter_mut()) {
                        // NaN becomes the first.
                        let inside = if v > first { v } else { first };
                        let inside = if inside < last { inside } else { last };
                        let apart = if v < first { below } else { 0 }
                            | if v > last { above } else { 0 }
                            | if v.is_nan() { missing } else { 0 };
                        let code = within(inside).wrapping_add(apart);
                        *out = code;
                        any |= code;
                    }
                    if any & NEAR != 0 {
                        settle(bins, values, out);
                    }
                }
            }
        }
    };
}

guess!(f32, 12_582_912.0, 0x3f_ffff);
guess!(f64, 6_755_399_441_055_744.0, 0x7fff_ffff);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_what_the_edges_say() {
        for bins in [
            Bins::uniform(-60.0, 80.0, 100).unwrap(),
            Bins::uniform(180.0, 320.0, 7).unwrap(),
            Bins::uniform(-1.0, 1.0, 1).unwrap(),
            Bins::uniform(1e15, 1e15 + 64.0, 9).unwrap(),
            Bins::uniform(0.0, 1.0, 300_000).unwrap(),
            Bins::uniform(0.1, 0.7, 60).unwrap(),
            Bins::uniform(-1e38, 1e38, 5).unwrap(),
            Bins::uniform(-1e-40, 1e-40, 5).unwrap(),
            Bins::edges(vec![-3.0, -1.0, 0.5, 100.0]).unwrap(),
        ] {
            let coder = Coder::new(&bins);
            let n = bins.len();
            let step = 1 + n / 500;
            let edges = (0..=n).step_by(step).map(|k| bins.edge(k));
            let mut values: Vec<f64> =
                edges.flat_map(|e| [e.next_down(), e, e.next_up(), e + 0.3 * bins.width(0)]).collect();
            values.extend([
                f64::NAN,
                f64::INFINITY,
                f64::NEG_INFINITY,
                -1e300,
                1e300,
                0.0,
                -0.0,
                bins.edge(n),
            ]);
            let mut out = vec![0; values.len()];
            coder.row(Numbers::F64(&values), &mut out);
            for (v, code) in values.iter().zip(&out) {
                assert_eq!(*code as usize, bins.code(*v), "{v} of {bins:?}");
            }
            let mut singles: Vec<f32> = values.iter().map(|&v| v as f32).collect();
            for edge in (0..=n).step_by(step).map(|k| bins.edge(k) as f32) {
                let (mut below, mut above) = (edge, edge);
                for _ in 0..40 {
                    (below, above) = (below.next_down(), above.next_up());
                    singles.extend([below, above]);
                }
            }
            let mut out = vec![0; singles.len()];
            coder.row(Numbers::F32(&singles), &mut out);
            for (v, code) in singles.iter().zip(&out) {
                assert_eq!(*code as usize, bins.code(f64::from(*v)), "{v} of {bins:?}");
            }
        }
    }
}
