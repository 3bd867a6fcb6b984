//! Associated Legendre functions of one order after the other, with degrees as rows.
//!
//! The recursion over degrees is stable; what is not is its start, sinᵐ θ, which lies below the
//! smallest double near the poles. So each latitude has an exponent of its own beside its value
//! (Fukushima 2012) until its functions are large enough to matter.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller

use super::latitudes::Latitudes;
use pulp::{Arch, NullaryFnOnce};

/// What one step of an exponent stands for.
const RADIX: f64 = f64::from_bits((1023 + 960) << 52);
const INVERSE: f64 = f64::from_bits((1023 - 960) << 52);
/// Beyond its root a value is brought back.
const ROOT: f64 = f64::from_bits((1023 + 480) << 52);
const INVERSE_ROOT: f64 = f64::from_bits((1023 - 480) << 52);

/// The factors in front of sinᵐ θ for all orders up to `highest`: of unit mean square on the sphere.
pub(super) fn sectoral(highest: usize) -> Vec<f64> {
    let mut factor = 1.0f64;
    let mut all = vec![factor];
    for m in 1..=highest {
        factor *= ((2 * m + 1) as f64 / (2 * m) as f64).sqrt();
        all.push(factor);
    }
    all
}

/// The functions of one order, degree by degree.
#[derive(Debug, Default)]
pub(super) struct Functions {
    order: usize,
    /// The degree that `now` holds.
    degree: usize,
    now: Vec<f64>,
    before: Vec<f64>,
    /// Of each latitude: what `now` and `before` have to be multiplied by, as a power of the radix.
    exponents: Vec<i32>,
    /// Latitudes, from the pole on, whose exponents are not zero yet, or may be.
    unsettled: usize,
}

impl Functions {
    /// Begins with degree `order`: Pₙᵐ over sin θ if it is `reduced`, which has a limit at the poles.
    pub(super) fn start(&mut self, at: &Latitudes, order: usize, factor: f64, reduced: bool) {
        (self.order, self.degree) = (order, order);
        let power = order - usize::from(reduced);
        self.before.clear();
        self.before.resize(at.len(), 0.0);
        self.now.clear();
        self.exponents.clear();
        for &sine in &at.sine {
            let (value, exponent) = power_of(sine, power);
            self.now.push(value * factor);
            self.exponents.push(exponent);
        }
        self.unsettled = self.exponents.iter().rposition(|&e| e != 0).map_or(0, |last| last + 1);
    }

    /// The next `degrees` rows of functions, one value for each latitude.
    pub(super) fn fill(&mut self, at: &Latitudes, degrees: usize, out: &mut [f64]) {
        Arch::new().dispatch(Fill { of: self, at, degrees, out });
    }
}

struct Fill<'a> {
    of: &'a mut Functions,
    at: &'a Latitudes,
    degrees: usize,
    out: &'a mut [f64],
}

impl NullaryFnOnce for Fill<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let Self { of, at, degrees, out } = self;
        for row in out.chunks_exact_mut(at.len().max(1)).take(degrees) {
            of.row(at, row);
        }
    }
}

impl Functions {
    /// Writes the functions of the present degree, and goes on to the next.
    #[inline(always)]
    fn row(&mut self, at: &Latitudes, out: &mut [f64]) {
        let (n, m) = ((self.degree + 1) as f64, self.order as f64);
        // Of degree n from n - 1 and n - 2: the same root in both, so that they balance.
        let grow = |n: f64| ((4.0 * n * n - 1.0) / ((n - m) * (n + m))).sqrt();
        let first = grow(n);
        let second = if self.degree == self.order { 0.0 } else { first / grow(n - 1.0) };
        let from = self.unsettled;
        let (near, far) = out.split_at_mut(from);
        let lanes = far.iter_mut().zip(&at.cosine[from..]).zip(&at.rest[from..]);
        let lanes = lanes.zip(&mut self.now[from..]).zip(&mut self.before[from..]);
        for ((((out, cosine), rest), now), before) in lanes {
            *out = *now;
            let next = step([first, second], [*cosine, *rest], [*now, *before]);
            *before = *now;
            *now = next;
        }
        for (i, out) in near.iter_mut().enumerate() {
            let exponent = &mut self.exponents[i];
            *out = if *exponent == 0 { self.now[i] } else { 0.0 };
            let mut next = step([first, second], [at.cosine[i], at.rest[i]], [self.now[i], self.before[i]]);
            self.before[i] = self.now[i];
            if *exponent < 0 && next.abs() > ROOT {
                next *= INVERSE;
                self.before[i] *= INVERSE;
                *exponent += 1;
            }
            self.now[i] = next;
        }
        while self.unsettled > 0 && self.exponents[self.unsettled - 1] == 0 {
            self.unsettled -= 1;
        }
        self.degree += 1;
    }
}

/// The next degree from the last two.
#[inline(always)]
fn step([first, second]: [f64; 2], [cosine, rest]: [f64; 2], [now, before]: [f64; 2]) -> f64 {
    let inner = cosine.mul_add(now, rest * now);
    first.mul_add(inner, -(second * before))
}

/// `base` to the `power` as a value and an exponent, which is not positive.
fn power_of(base: f64, mut power: usize) -> (f64, i32) {
    let tidy = |(mut value, mut exponent): (f64, i32)| {
        if value != 0.0 && value < INVERSE_ROOT {
            value *= RADIX;
            exponent -= 1;
        }
        (value, exponent)
    };
    if base == 0.0 && power > 0 {
        return (0.0, 0);
    }
    let (mut result, mut square) = ((1.0, 0), (base, 0));
    while power > 0 {
        if power & 1 == 1 {
            result = tidy((result.0 * square.0, result.1 + square.1));
        }
        square = tidy((square.0 * square.0, 2 * square.1));
        power >>= 1;
    }
    result
}
