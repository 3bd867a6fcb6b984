//! The Hilbert transform of series as a linear operator, and its transpose.

use halocline_core::{Error, Result};
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};
use std::sync::Arc;

/// What stands before and after a series while it is transformed.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub enum Padding {
    /// Nothing: the series is taken as periodic.
    #[default]
    None,
    /// The straight line fitted to the series, and on it the first and last departures decaying
    /// as exp(−t / (n decay)) over n times on each side; the mean of the result is removed. As
    /// xeofs does, with 0.2.
    Exponential {
        /// Decay time in lengths of the series.
        decay: f64,
    },
}

/// H, the imaginary part of the analytic signal of a series of n times: all components lag by a
/// quarter of their period; the mean and, of even lengths, the component of period 2 vanish.
pub struct Hilbert {
    n: usize,
    /// Decay of the padding, from 1 at its edge; empty without padding.
    decay: Vec<f64>,
    forward: Arc<dyn Fft<f64>>,
    backward: Arc<dyn Fft<f64>>,
}

impl Hilbert {
    /// For series of `n` times.
    ///
    /// # Errors
    /// [`Usage`](halocline_core::ErrorKind::Usage) when the decay is not above 0, or padding is
    /// asked for with fewer than two times.
    pub fn new(n: usize, padding: Padding) -> Result<Self> {
        let decay = match padding {
            Padding::None => Vec::new(),
            Padding::Exponential { decay } if decay > 0.0 && decay.is_finite() && n > 1 => {
                (0..n).map(|t| (-(t as f64) / n as f64 / decay).exp()).collect()
            }
            Padding::Exponential { decay } => {
                return Err(Error::usage(format!(
                    "a series of {n} times can't be padded with a decay of {decay} of its length"
                ))
                .remedy("choose a decay above 0, 0.2 say, and at least two times"))
            }
        };
        let length = n + 2 * decay.len();
        let mut planner = FftPlanner::new();
        Ok(Self {
            n,
            decay,
            forward: planner.plan_fft_forward(length),
            backward: planner.plan_fft_inverse(length),
        })
    }

    /// H of two series at once, in place: the price of a complex transform.
    fn rotate(&self, a: &mut [f64], b: &mut [f64]) {
        let length = a.len();
        let mut both: Vec<Complex<f64>> = a.iter().zip(&*b).map(|(&re, &im)| Complex { re, im }).collect();
        if length == 0 {
            return;
        }
        self.forward.process(&mut both);
        for (f, value) in both.iter_mut().enumerate() {
            let sign = match 2 * f {
                0 => 0.0,
                twice if twice == length => 0.0,
                twice if twice < length => 1.0,
                _ => -1.0,
            };
            // −i sign
            *value = Complex { re: value.im, im: -value.re } * (sign / length as f64);
        }
        self.backward.process(&mut both);
        for ((a, b), value) in a.iter_mut().zip(b).zip(both) {
            (*a, *b) = (value.re, value.im);
        }
    }

    /// H x for each of the series, n numbers each, one after the other.
    pub fn apply(&self, series: &[f64]) -> Vec<f64> {
        self.in_pairs(series, |hilbert, a, b| {
            if hilbert.decay.is_empty() {
                hilbert.rotate(a, b);
                return;
            }
            let (mut long_a, mut long_b) = (hilbert.pad(a), hilbert.pad(b));
            hilbert.rotate(&mut long_a, &mut long_b);
            for (short, long) in [(a, long_a), (b, long_b)] {
                short.copy_from_slice(&long[hilbert.n..2 * hilbert.n]);
                remove_mean(short);
            }
        })
    }

    /// Hᵀ x for each of the series.
    pub fn apply_transposed(&self, series: &[f64]) -> Vec<f64> {
        self.in_pairs(series, |hilbert, a, b| {
            if hilbert.decay.is_empty() {
                hilbert.rotate(a, b);
                a.iter_mut().chain(b).for_each(|v| *v = -*v);
                return;
            }
            let mut long = [vec![0.0; 3 * hilbert.n], vec![0.0; 3 * hilbert.n]];
            for (short, long) in [&mut *a, &mut *b].into_iter().zip(&mut long) {
                remove_mean(short);
                long[hilbert.n..2 * hilbert.n].copy_from_slice(short);
            }
            let [long_a, long_b] = &mut long;
            hilbert.rotate(long_a, long_b);
            for (short, long) in [a, b].into_iter().zip(&mut long) {
                long.iter_mut().for_each(|v| *v = -*v);
                hilbert.pad_transposed(long, short);
            }
        })
    }

    fn in_pairs(&self, series: &[f64], of: impl Fn(&Self, &mut [f64], &mut [f64])) -> Vec<f64> {
        let mut out = series.to_vec();
        for pair in out.chunks_mut(2 * self.n.max(1)) {
            let (a, b) = pair.split_at_mut(self.n);
            if b.is_empty() {
                of(self, a, &mut vec![0.0; self.n]);
            } else {
                of(self, a, b);
            }
        }
        out
    }

    /// Mean time, and Σ (t − mean)².
    fn line(&self) -> (f64, f64) {
        let n = self.n as f64;
        (0.5 * (n - 1.0), n * (n * n - 1.0) / 12.0)
    }

    /// Three lengths: padding, series, padding.
    fn pad(&self, x: &[f64]) -> Vec<f64> {
        let n = self.n;
        let (centre, squares) = self.line();
        let mean = x.iter().sum::<f64>() / n as f64;
        let slope =
            x.iter().enumerate().map(|(t, v)| (t as f64 - centre) * (v - mean)).sum::<f64>() / squares;
        let line = |t: f64| mean + slope * (t - centre);
        let (first, last) = (x[0] - line(0.0), x[n - 1] - line(n as f64 - 1.0));
        let before = (0..n).map(|t| first * self.decay[n - 1 - t] + line(t as f64 - n as f64));
        let after = (0..n).map(|t| last * self.decay[t] + line((t + n) as f64));
        before.chain(x.iter().copied()).chain(after).collect()
    }

    /// The transpose of [`pad`](Self::pad).
    fn pad_transposed(&self, long: &[f64], short: &mut [f64]) {
        let n = self.n;
        let (centre, squares) = self.line();
        let (before, rest) = long.split_at(n);
        let (middle, after) = rest.split_at(n);
        let first: f64 = (0..n).map(|t| before[t] * self.decay[n - 1 - t]).sum();
        let last: f64 = (0..n).map(|t| after[t] * self.decay[t]).sum();
        // What reaches the mean and the slope of the line: from the padding, less what the first
        // and last departures take off.
        let outside = |weight: &dyn Fn(f64) -> f64| -> f64 {
            (0..n).map(|t| before[t] * weight(t as f64 - n as f64) + after[t] * weight((t + n) as f64)).sum()
        };
        let of_mean = outside(&|_| 1.0) - first - last;
        let of_slope = outside(&|t| t - centre) + (first - last) * centre;
        short.copy_from_slice(middle);
        short[0] += first;
        short[n - 1] += last;
        for (t, v) in short.iter_mut().enumerate() {
            *v += of_mean / n as f64 + of_slope * (t as f64 - centre) / squares;
        }
    }
}

fn remove_mean(x: &mut [f64]) {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    x.iter_mut().for_each(|v| *v -= mean);
}

#[cfg(test)]
mod tests {
    use super::super::dense::dot;
    use super::super::references::{agree, References};
    use super::*;

    #[test]
    fn waves_lag_by_a_quarter() {
        for n in [1, 2, 15, 16] {
            let hilbert = Hilbert::new(n, Padding::None).unwrap();
            for f in 0..=n / 2 {
                let phase = |t: usize| 2.0 * std::f64::consts::PI * (f * t) as f64 / n as f64 + 0.3;
                let wave: Vec<f64> = (0..n).map(|t| phase(t).cos()).collect();
                let factor = f64::from(u8::from(f > 0 && 2 * f < n));
                for (t, v) in hilbert.apply(&wave).iter().enumerate() {
                    assert!((v - factor * phase(t).sin()).abs() < 1e-13, "{n} {f} {t}");
                }
            }
        }
        assert!(Hilbert::new(0, Padding::None).unwrap().apply(&[]).is_empty());
    }

    #[test]
    fn is_that_of_scipy() {
        let r = References::load();
        let x = r.anomalies("x");
        let series: Vec<f64> =
            (0..12).flat_map(|c| (0..32).map(move |t| (t, c))).map(|(t, c)| x[t * 12 + c]).collect();
        let hilbert = Hilbert::new(32, Padding::None).unwrap();
        agree(&hilbert.apply(&series), r.get("scipy_hilbert"), 1e-13, "scipy");
    }

    #[test]
    fn the_transpose_is_one() {
        let number = |i: usize| ((i * i * 7 + 3 * i) % 101) as f64 / 50.0 - 1.0;
        for padding in
            [Padding::None, Padding::Exponential { decay: 0.2 }, Padding::Exponential { decay: 1.0 }]
        {
            for n in [2, 3, 17, 32] {
                let hilbert = Hilbert::new(n, padding).unwrap();
                let x: Vec<f64> = (0..3 * n).map(number).collect();
                let y: Vec<f64> = (0..3 * n).map(|i| number(i + 1000)).collect();
                let (hx, hy) = (hilbert.apply(&x), hilbert.apply_transposed(&y));
                for k in 0..3 {
                    let of = |v: &[f64]| v[k * n..(k + 1) * n].to_vec();
                    let (a, b) = (dot(&of(&hx), &of(&y)), dot(&of(&x), &of(&hy)));
                    assert!((a - b).abs() < 1e-12, "{padding:?} {n} {k}: {a} {b}");
                }
            }
        }
    }

    #[test]
    fn bad_padding_is_refused() {
        for (n, decay) in [(5, 0.0), (5, f64::NAN), (5, -1.0), (1, 0.2)] {
            assert!(Hilbert::new(n, Padding::Exponential { decay }).is_err());
        }
    }
}
