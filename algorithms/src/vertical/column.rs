//! Values between the levels of columns.

#![allow(clippy::needless_bitwise_bool)] // both sides cost less than a branch

use pulp::{Arch, NullaryFnOnce};

/// What is a straight line between levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolation {
    /// The value over the coordinate.
    Linear,
    /// The value over the logarithm of the coordinate, which is positive.
    Log,
}

/// What is beyond the first and the last level of a column that have values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// Nothing: missing.
    Missing,
    /// The value of the nearest of them.
    Nearest,
}

/// Which of several pairs of levels counts that hold a target, as in an inversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Search {
    /// The first, in the order of levels.
    #[default]
    FromFirst,
    /// The last.
    FromLast,
}

/// No level.
const NONE: u32 = u32::MAX;

/// Values at `targets` of `n` columns side by side: `places` and `values` are `[level, n]`, `out` is
/// `[target, n]`. A target between two levels, of which one is missing, is missing; of several pairs
/// of levels that hold it (an inversion) the one counts that `search` comes to first.
pub fn interpolate(
    (how, beyond, search): (Interpolation, Beyond, Search),
    n: usize,
    (places, values): (&[f64], &[f64]),
    targets: &[f64],
    out: &mut [f64],
) {
    let levels = places.len() / n.max(1);
    let arch = Arch::new();
    let mut at = vec![NONE; n];
    for (target, out) in targets.iter().zip(out.chunks_mut(n.max(1))) {
        at.fill(NONE);
        let pairs = levels.saturating_sub(1);
        for step in 0..pairs {
            // What is found last stays.
            let k = if search == Search::FromFirst { pairs - 1 - step } else { step };
            let (above, below) = (&places[k * n..(k + 1) * n], &places[(k + 1) * n..(k + 2) * n]);
            arch.dispatch(Held { target: *target, above, below, k: k as u32, at: &mut at });
        }
        for (i, (out, k)) in out.iter_mut().zip(&at).enumerate() {
            *out = match *k {
                NONE => f64::NAN,
                k => between(how, *target, n, (k as usize) * n + i, (places, values)),
            };
            if out.is_nan() {
                let single = levels == 1 && (places[i] - target).abs() == 0.0;
                if single {
                    *out = values[i];
                } else if beyond == Beyond::Nearest {
                    *out = nearest(*target, n, i, (places, values));
                }
            }
        }
    }
}

/// Which pair of levels holds a target, compiled for the machine's vectors: a closure would not be.
struct Held<'a> {
    target: f64,
    above: &'a [f64],
    below: &'a [f64],
    k: u32,
    at: &'a mut [u32],
}

impl NullaryFnOnce for Held<'_> {
    type Output = ();
    #[inline(always)]
    #[allow(clippy::inline_always)] // as above
    fn call(self) {
        let Self { target, k, .. } = self;
        for ((a, b), at) in self.above.iter().zip(self.below).zip(self.at) {
            // Bits, not branches: a missing place holds nothing.
            let holds = ((*a <= target) & (target <= *b)) | ((*a >= target) & (target >= *b));
            *at = if holds { k } else { *at };
        }
    }
}

fn between(how: Interpolation, target: f64, n: usize, at: usize, (places, values): (&[f64], &[f64])) -> f64 {
    let (a, b) = (places[at], places[at + n]);
    // At a level its own value, whatever is missing beside it.
    if target == a {
        return values[at];
    }
    if target == b {
        return values[at + n];
    }
    let share = match how {
        Interpolation::Linear => (target - a) / (b - a),
        Interpolation::Log => (target / a).ln() / (b / a).ln(),
    };
    values[at] + share * (values[at + n] - values[at])
}

/// The value of the end of the column that is nearer, of those levels that have one, for a target
/// beyond these.
fn nearest(target: f64, n: usize, i: usize, (places, values): (&[f64], &[f64])) -> f64 {
    let levels = places.len() / n;
    let is_there = |k: &usize| places[k * n + i].is_finite() && values[k * n + i].is_finite();
    let ends = ((0..levels).find(is_there), (0..levels).rev().find(is_there));
    let (Some(first), Some(last)) = ends else { return f64::NAN };
    let (a, b) = (places[first * n + i], places[last * n + i]);
    if (target - a) * (target - b) <= 0.0 && first != last {
        return f64::NAN;
    }
    let k = if (target - a).abs() <= (target - b).abs() { first } else { last };
    values[k * n + i]
}
