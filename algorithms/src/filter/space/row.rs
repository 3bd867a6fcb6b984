//! One step of one row.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller

use pulp::NullaryFnOnce;

/// A number of the cells of a row.
#[derive(Debug, Clone, Copy)]
pub(super) enum Along<'a> {
    One(f64),
    Each(&'a [f64]),
}

/// What a row needs of its Laplacian: of the western faces (one more than cells: the last is the
/// eastern face of the last cell), of the northern ones, and 2 / (`greatest` · area).
#[derive(Debug, Clone, Copy)]
pub(super) struct RowMetrics<'a> {
    pub(super) west: Along<'a>,
    pub(super) north: Along<'a>,
    pub(super) scale: Along<'a>,
}

/// `T_k` of a row from `T_(k-1)` and `T_(k-2)`. Rows have a cell more at either end.
pub(super) struct RowStep<'a> {
    pub(super) metrics: RowMetrics<'a>,
    /// `T_(k-1)` of this row and of that to the north.
    pub(super) here: &'a [f64],
    pub(super) north: &'a [f64],
    /// `T_(k-2)` of this row; zeros for the first step.
    pub(super) before: &'a [f64],
    /// `T_1` is no `2 T_0` of something.
    pub(super) is_first: bool,
    /// The flux through the southern faces, replaced by that through the northern ones.
    pub(super) flux: &'a mut [f64],
    pub(super) out: &'a mut [f64],
    /// The sum of `p_k` `T_k`.
    pub(super) sum: &'a mut [f64],
    pub(super) p: f64,
}

/// a (to - from), nothing where one of the cells or the face is missing.
#[inline(always)]
fn flux(a: f64, from: f64, to: f64) -> f64 {
    let flux = a * (to - from);
    if flux.is_nan() {
        0.0
    } else {
        flux
    }
}

impl NullaryFnOnce for RowStep<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let RowMetrics { west, north, scale } = self.metrics;
        match (west, north, scale) {
            (Along::One(west), Along::One(north), Along::One(scale)) => {
                self.run(|_| west, |_| north, |_| scale);
            }
            (Along::Each(west), Along::Each(north), Along::Each(scale)) => {
                let n = self.flux.len();
                let (west, north, scale) = (&west[..=n], &north[..n], &scale[..n]);
                self.run(|i| west[i], |i| north[i], |i| scale[i]);
            }
            _ => {
                let of = |along: Along<'_>, i: usize| match along {
                    Along::One(v) => v,
                    Along::Each(v) => v[i],
                };
                self.run(|i| of(west, i), |i| of(north, i), |i| of(scale, i));
            }
        }
    }
}

impl RowStep<'_> {
    #[inline(always)]
    fn run(self, west: impl Fn(usize) -> f64, face: impl Fn(usize) -> f64, scale: impl Fn(usize) -> f64) {
        let n = self.flux.len();
        let here = &self.here[..n + 2];
        let rows = [&self.north[1..=n], &self.before[1..=n]];
        let factor = if self.is_first { 1.0 } else { 2.0 };
        step([factor, self.p], here, rows, self.flux, &mut self.out[1..=n], &mut self.sum[..n], |i| {
            [west(i), west(i + 1), face(i), scale(i)]
        });
    }
}

/// `factor` (-f - (2 / greatest) ∆f) - before. One loop in a function of its own: only so are its
/// slices known to be apart, and its cells worked on side by side.
#[inline(always)]
fn step(
    [factor, p]: [f64; 2],
    here: &[f64],
    [north, before]: [&[f64]; 2],
    south: &mut [f64],
    out: &mut [f64],
    sum: &mut [f64],
    metrics: impl Fn(usize) -> [f64; 4],
) {
    let n = out.len();
    let (here, north, before) = (&here[..n + 2], &north[..n], &before[..n]);
    let (south, sum) = (&mut south[..n], &mut sum[..n]);
    for i in 0..n {
        let [west, east, face, scale] = metrics(i);
        let value = here[i + 1];
        let through_west = flux(west, here[i], value);
        let through_east = flux(east, value, here[i + 2]);
        let through_north = flux(face, value, north[i]);
        let net = (through_east - through_west) + (through_north - south[i]);
        south[i] = through_north;
        let next = factor * (-value - scale * net) - before[i];
        out[i] = next;
        sum[i] += p * next;
    }
}

/// What a row holds that no filter takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) infinite: bool,
    /// Values in cells without an area.
    pub(super) on_land: bool,
}

/// A row as the first step, and its sum.
pub(super) struct FirstRow<'a, T> {
    /// The map's, of which the row begins at column `first`, and around its ring again.
    pub(super) from: &'a [T],
    pub(super) first: usize,
    /// What values are multiplied with.
    pub(super) weights: Option<Along<'a>>,
    /// Cells without an area, which are as land; empty, if there are none.
    pub(super) dry: &'a [bool],
    pub(super) out: &'a mut [f64],
    pub(super) sum: &'a mut [f64],
    pub(super) p: f64,
}

impl<T: Copy + Into<f64>> NullaryFnOnce for FirstRow<'_, T> {
    type Output = Found;

    #[inline(always)]
    fn call(self) -> Found {
        let Self { from, first, weights, dry, out, sum, p } = self;
        let mut infinite = false;
        let (mut done, mut part) = (0, &from[first..]);
        while done < out.len() {
            for (out, value) in out[done..].iter_mut().zip(part) {
                let value: f64 = (*value).into();
                infinite |= value.is_infinite();
                *out = value;
            }
            (done, part) = (done + part.len(), from);
        }
        match weights {
            None => {}
            Some(Along::One(weight)) => out.iter_mut().for_each(|v| *v *= weight),
            Some(Along::Each(weights)) => out.iter_mut().zip(weights).for_each(|(v, w)| *v *= w),
        }
        let mut on_land = false;
        for (v, dry) in out.iter_mut().zip(dry) {
            on_land |= *dry & !v.is_nan();
            *v = if *dry { f64::NAN } else { *v };
        }
        sum.iter_mut().zip(&*out).for_each(|(sum, v)| *sum = p * v);
        Found { infinite, on_land }
    }
}

/// The sum of all steps as the row's result.
pub(super) struct LastRow<'a, T, O, F> {
    /// Of which the sum is the low-pass part, if that is taken away.
    pub(super) map: Option<&'a [T]>,
    pub(super) sum: &'a [f64],
    pub(super) weights: Option<Along<'a>>,
    pub(super) out: &'a mut [O],
    pub(super) round: &'a F,
}

impl<T: Copy + Into<f64>, O, F: Fn(f64) -> O> NullaryFnOnce for LastRow<'_, T, O, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        match self.weights {
            None => self.run(|_| 1.0),
            Some(Along::One(weight)) => self.run(|_| weight),
            Some(Along::Each(weights)) => self.run(|i| weights[i]),
        }
    }
}

impl<T: Copy + Into<f64>, O, F: Fn(f64) -> O> LastRow<'_, T, O, F> {
    #[inline(always)]
    fn run(self, weight: impl Fn(usize) -> f64) {
        let low = self.sum.iter().enumerate().map(|(i, sum)| sum / weight(i));
        match self.map {
            None => self.out.iter_mut().zip(low).for_each(|(out, low)| *out = (self.round)(low)),
            Some(map) => {
                let high = map.iter().zip(low).map(|(value, low)| (*value).into() - low);
                self.out.iter_mut().zip(high).for_each(|(out, high)| *out = (self.round)(high));
            }
        }
    }
}
