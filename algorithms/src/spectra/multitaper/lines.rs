//! Thomson's test for lines: sines of one frequency in noise of a smooth spectrum.

use rustfft::num_complex::Complex;

/// The best line at one frequency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    /// Its power over that of the rest, F.
    pub(super) ratio: f64,
    /// |μ|, half of the amplitude of the sine.
    pub(super) half_amplitude: f64,
}

/// Fits a line to the transforms of the tapered series at its frequency (Thomson 1982, equation 13.10;
/// Percival and Walden 1993, equation 499c), `at_zero` being the tapers' transforms at frequency 0, U:
///
/// μ = Σ U Y / Σ U²,  F = (K − 1) |μ|² Σ U² / Σ |Y − μ U|².
pub(super) fn line(at_zero: &[f64], transforms: impl Iterator<Item = Complex<f64>> + Clone) -> Line {
    let squares: f64 = at_zero.iter().map(|u| u * u).sum();
    let mut product = Complex::new(0.0, 0.0);
    for (u, y) in at_zero.iter().zip(transforms.clone()) {
        product += y * *u;
    }
    let mean = product / squares;
    let rest: f64 = at_zero.iter().zip(transforms).map(|(u, y)| (y - mean * *u).norm_sqr()).sum();
    let tapers = at_zero.len() as f64;
    Line { ratio: (tapers - 1.0) * mean.norm_sqr() * squares / rest, half_amplitude: mean.norm() }
}

/// The ratio F that noise exceeds by chance with probability 1 − `confidence` at one frequency, of K
/// tapers: the quantile of F with 2 and 2K − 2 degrees of freedom,
/// (K − 1) ((1 − confidence)^(−1/(K − 1)) − 1). NaN for fewer than two tapers.
pub fn f_limit(confidence: f64, tapers: usize) -> f64 {
    if tapers < 2 {
        return f64::NAN;
    }
    let n = tapers as f64 - 1.0;
    n * (-(1.0 - confidence).ln() / n).exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_quantiles_of_f() {
        // Made by scipy.stats.f.ppf(p, 2, 2 K - 2).
        for (p, tapers, expected) in F_PPF {
            assert!((f_limit(p, tapers) / expected - 1.0).abs() < 1e-12, "{p} {tapers}");
        }
        assert!(f_limit(0.95, 1).is_nan());
    }

    #[test]
    fn a_pure_line_leaves_nothing() {
        let at_zero = [2.0, 0.0, -1.0];
        let mean = Complex::new(0.3, -0.4);
        let found = line(&at_zero, at_zero.iter().map(|u| mean * *u));
        assert!(found.half_amplitude > 0.499_999 && found.half_amplitude < 0.500_001);
        assert!(found.ratio > 1e12);
        let noise = [Complex::new(0.0, 0.0), Complex::new(1.0, 0.0), Complex::new(0.0, 0.0)];
        assert_eq!(line(&at_zero, noise.into_iter()), Line { ratio: 0.0, half_amplitude: 0.0 });
    }

    const F_PPF: [(f64, usize, f64); 4] = [
        (0.95, 7, 3.885_293_834_652_392_4),
        (0.99, 7, 6.926_608_140_191_301),
        (0.9, 2, 9.000_000_000_000_002),
        (0.999, 15, 8.930_511_897_356_896),
    ];
}
