//! The line that sums tell of, and how certain it is.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller
#![allow(clippy::needless_range_loop)] // one index into many planes alike

use super::join::BLOCK;
use super::past::Growing;
use super::{
    Sums, ALL_TX, BEGIN, BROKEN, BROKEN_TX, BROKEN_X, CENTRE, FIRST, LAST, PAIRS, PLANES, PT, PTT, PTX, PX,
    PXX, T, TT, TX, X, XX,
};
use crate::lanes::{load_planes, store, Blocks};
use crate::statistics::student;
use pulp::NullaryFnOnce;

/// What the sums say of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::statistics) struct Line {
    pub(in crate::statistics) slope: f64,
    /// Where t is 0.
    pub(in crate::statistics) intercept: f64,
    pub(in crate::statistics) slope_error: f64,
    pub(in crate::statistics) effective: f64,
}

/// Where the numbers of a [`Line`] are kept.
pub(super) const SOLVED: [usize; 4] = [X, XX, TX, PXX];

/// Sums of times from each step of a tile to its last.
#[derive(Debug)]
pub(in crate::statistics) struct Tails {
    start: usize,
    /// Σt, Σt², Σ(tᵢ + tⱼ), Σ tᵢtⱼ.
    sums: Vec<[f64; 4]>,
    /// The time of the step behind the last; 0 if there is none.
    behind: f64,
}

impl Tails {
    pub(super) fn new(start: usize, times: &[f64], behind: Option<f64>) -> Self {
        let mut tail = Growing::of(times);
        let mut sums: Vec<[f64; 4]> = times.iter().rev().map(|t| tail.add(*t)).collect();
        sums.reverse();
        let behind = behind.zip(times.first()).map_or(0.0, |(behind, first)| behind - first);
        Self { start, sums, behind }
    }

    /// The sums of what is valid in some cells, from what a single tile keeps.
    #[inline(always)]
    pub(super) fn settled<const N: usize>(&self, s: &[[f64; N]; PLANES]) -> [[f64; N]; PLANES] {
        let mut all = *s;
        let (mut sums, mut pairs, mut from_start) = ([[0.0; N]; 4], [0.0; N], [0.0; N]);
        let nowhere = [0.0; 4];
        for i in 0..N {
            // NaN, where nothing is valid, becomes 0, and all that is made of it is thrown away.
            let after = (s[BEGIN][i] as usize).saturating_sub(self.start);
            let tail = self.sums.get(after).unwrap_or(&nowhere);
            for k in 0..4 {
                sums[k][i] = tail[k];
            }
            pairs[i] = self.sums.len() as f64 - 1.0 - after as f64;
            from_start[i] = if after == 0 { 0.0 } else { f64::NAN };
        }
        // Short loops over cells: each is compiled for vectors, one of all this would not be.
        let (mut none, mut last) = ([false; N], [0.0; N]);
        for i in 0..N {
            none[i] = s[BEGIN][i].is_nan();
            last[i] = if s[LAST][i].is_nan() { 0.0 } else { s[LAST][i] - s[CENTRE][i] };
        }
        for i in 0..N {
            let gaps = s[BROKEN][i] > 0.0;
            all[T][i] = valid(none[i], if gaps { s[T][i] } else { sums[0][i] });
            all[TT][i] = valid(none[i], if gaps { s[TT][i] } else { sums[1][i] });
            all[PAIRS][i] = valid(none[i], pairs[i] - s[BROKEN][i]);
        }
        for i in 0..N {
            // Of all pairs this is twice Σx, but for the ends; x is 0 at the first.
            all[PX][i] = valid(none[i], 2.0 * s[X][i] - last[i] - s[BROKEN_X][i]);
            all[PTX][i] = valid(none[i], s[ALL_TX][i] - self.behind * last[i] - s[BROKEN_TX][i]);
        }
        for i in 0..N {
            let gaps = s[BROKEN][i] > 0.0;
            all[PT][i] = valid(none[i], if gaps { s[PT][i] } else { sums[2][i] });
            all[PTT][i] = valid(none[i], if gaps { s[PTT][i] } else { sums[3][i] });
            // The centre is NaN where nothing is valid.
            all[FIRST][i] = s[CENTRE][i] + from_start[i];
        }
        all[ALL_TX] = [0.0; N];
        all
    }
}

/// The value, or 0 where there is none.
#[inline(always)]
fn valid(none: bool, value: f64) -> f64 {
    if none {
        0.0
    } else {
        value
    }
}

/// Turns the sums of all cells into those of what is valid.
pub(super) struct Settle<'a> {
    pub(super) planes: &'a mut [f64],
    pub(super) cells: usize,
    pub(super) tails: &'a Tails,
}

impl NullaryFnOnce for Settle<'_> {
    type Output = ();
    #[inline(always)]
    fn call(mut self) {
        self.over::<BLOCK>(self.cells);
    }
}

impl Blocks for Settle<'_> {
    #[inline(always)]
    fn take<const N: usize>(&mut self, at: usize) {
        let s: [[f64; N]; PLANES] = load_planes(self.planes, self.cells, at);
        let settled = self.tails.settled(&s);
        for p in [T, TT, PAIRS, PX, PTX, PT, PTT, FIRST, ALL_TX] {
            store(self.planes, p * self.cells + at, settled[p]);
        }
    }
}

impl Line {
    /// Two-sided p-value of no trend.
    pub(in crate::statistics) fn p_value(&self) -> f64 {
        let t = if self.slope == 0.0 { 0.0 } else { self.slope / self.slope_error };
        student::two_sided(t, self.effective - 2.0)
    }
}

impl Sums {
    /// The line through the `n` values of cell `c` of `cells`.
    ///
    /// Its uncertainty is that of Santer et al. (2000), doi:10.1029/1999JD901105: with the lag-1
    /// autocorrelation r of the residuals e, n' = n (1 − r) / (1 + r) (Bretherton et al. 1999), at
    /// most n; the slope's standard error is √(Σe² / (n' − 2) / Σ(t − t̄)²).
    pub(in crate::statistics) fn line(&self, c: usize, cells: usize, n: u64, tails: &Tails) -> Line {
        if self.solved {
            let [slope, intercept, slope_error, effective] = SOLVED.map(|p| self.planes[p * cells + c]);
            return Line { slope, intercept, slope_error, effective };
        }
        let s: [f64; PLANES] = std::array::from_fn(|p| self.planes[p * cells + c]);
        let s = if self.settled { s } else { tails.settled(&s.map(|value| [value])).map(|[value]| value) };
        let n = n as f64;
        let spread = s[TT] - s[T] * s[T] / n;
        let nothing =
            Line { slope: f64::NAN, intercept: f64::NAN, slope_error: f64::NAN, effective: f64::NAN };
        if n < 2.0 || spread.is_nan() || spread <= 0.0 {
            return nothing;
        }
        let with_time = s[TX] - s[T] * s[X] / n;
        let slope = with_time / spread;
        if slope.is_nan() {
            // Infinite values are on no line.
            return nothing;
        }
        let offset = (s[X] - slope * s[T]) / n;
        let variation = s[XX] - s[X] * s[X] / n;
        // What rounding leaves of a perfect line is no residual.
        let left = variation - slope * with_time;
        let left = if left <= 1e-14 * n * variation { 0.0 } else { left };
        let lagged = s[PXX] - offset * s[PX] - slope * s[PTX]
            + s[PAIRS] * offset * offset
            + offset * slope * s[PT]
            + slope * slope * s[PTT];
        let persistence = if left > 0.0 && s[PAIRS] > 0.0 {
            (lagged / left * (n - 1.0) / s[PAIRS]).clamp(-1.0, 1.0)
        } else {
            0.0
        };
        let effective = (n * (1.0 - persistence) / (1.0 + persistence)).min(n);
        let freedom = effective - 2.0;
        let slope_error = if freedom > 0.0 { (left / freedom / spread).sqrt() } else { f64::NAN };
        Line { slope, intercept: s[CENTRE] + offset, slope_error, effective }
    }
}
