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
    /// `T_(k-2)` of this row; none for the first step.
    pub(super) before: Option<&'a [f64]>,
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
        let north = &self.north[1..=n];
        let out = &mut self.out[1..=n];
        let (south, sum, p) = (&mut self.flux[..n], &mut self.sum[..n], self.p);
        // -f - (2 / greatest) ∆f
        let mut shifted = |i: usize| {
            let value = here[i + 1];
            let through_west = flux(west(i), here[i], value);
            let through_east = flux(west(i + 1), value, here[i + 2]);
            let through_north = flux(face(i), value, north[i]);
            let net = (through_east - through_west) + (through_north - south[i]);
            south[i] = through_north;
            -value - scale(i) * net
        };
        match self.before {
            None => {
                for i in 0..n {
                    out[i] = shifted(i);
                    sum[i] += p * out[i];
                }
            }
            Some(before) => {
                let before = &before[1..=n];
                for i in 0..n {
                    out[i] = 2.0 * shifted(i) - before[i];
                    sum[i] += p * out[i];
                }
            }
        }
    }
}
