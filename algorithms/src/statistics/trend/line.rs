//! The line that sums tell of, and how certain it is.

use super::{
    Sums, ALL_TX, BEGIN, BROKEN, BROKEN_T, BROKEN_TT, BROKEN_TX, BROKEN_X, CENTRE, FIRST, LAST, MISSING_T,
    MISSING_TT, PAIRS, PLANES, PT, PTT, PTX, PX, PXX, T, TT, TX, X, XX,
};
use crate::statistics::student;

/// What the sums say of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::statistics) struct Line {
    pub(in crate::statistics) slope: f64,
    /// Where t is 0.
    pub(in crate::statistics) intercept: f64,
    pub(in crate::statistics) slope_error: f64,
    pub(in crate::statistics) effective: f64,
}

/// Sums of times from each step of a tile to its last.
#[derive(Debug)]
pub(in crate::statistics) struct Tails {
    start: usize,
    /// Σt, Σt², Σ(tᵢ + tⱼ), Σ tᵢtⱼ.
    sums: Vec<[f64; 4]>,
}

impl Tails {
    pub(super) fn new(start: usize, times: &[f64]) -> Self {
        let t: Vec<f64> = times.iter().map(|t| t - times[0]).collect();
        let mut sums = vec![[0.0; 4]; t.len()];
        for i in (0..t.len()).rev() {
            if let Some(&next) = sums.get(i + 1) {
                sums[i] = next;
                sums[i][2] += t[i] + t[i + 1];
                sums[i][3] += t[i] * t[i + 1];
            }
            sums[i][0] += t[i];
            sums[i][1] += t[i] * t[i];
        }
        Self { start, sums }
    }

    /// The sums of what is valid, from those of what is missing.
    pub(super) fn settled(&self, s: [f64; PLANES]) -> [f64; PLANES] {
        let mut all = s;
        let begin = s[BEGIN];
        all[FIRST] = f64::NAN;
        all[ALL_TX] = 0.0;
        if begin.is_nan() {
            return all;
        }
        let after = begin as usize - self.start;
        let [t, tt, pt, ptt] = self.sums[after];
        let last = if s[LAST].is_nan() { 0.0 } else { s[LAST] - s[CENTRE] };
        all[T] = t - s[MISSING_T];
        all[TT] = tt - s[MISSING_TT];
        all[PAIRS] = (self.sums.len() - 1 - after) as f64 - s[BROKEN];
        // Of all pairs this is twice Σx, but for the ends; x is 0 at the first.
        all[PX] = 2.0 * s[X] - last - s[BROKEN_X];
        all[PTX] = s[ALL_TX] - s[BROKEN_TX];
        all[PT] = pt - s[BROKEN_T];
        all[PTT] = ptt - s[BROKEN_TT];
        if after == 0 {
            all[FIRST] = s[CENTRE];
        }
        all
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
        let s: [f64; PLANES] = std::array::from_fn(|p| self.planes[p * cells + c]);
        let s = if self.settled { s } else { tails.settled(s) };
        let n = n as f64;
        let spread = s[TT] - s[T] * s[T] / n;
        let nothing =
            Line { slope: f64::NAN, intercept: f64::NAN, slope_error: f64::NAN, effective: f64::NAN };
        if n < 2.0 || spread.is_nan() || spread <= 0.0 {
            return nothing;
        }
        let with_time = s[TX] - s[T] * s[X] / n;
        let slope = with_time / spread;
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
