//! Red noise, the background that spectra are compared with.

use super::chi2::chi2_quantile;
use super::welch::Welch;

/// The lag-1 autocorrelation of a series about its mean: Σ xᵢ xᵢ₊₁ / Σ xᵢ² for deviations x from
/// the mean, over all neighbours of which both are there. NaN if the series does not vary.
pub fn lag1_autocorrelation(x: &[f64]) -> f64 {
    let there = x.iter().filter(|v| !v.is_nan());
    let (sum, n) = there.fold((0.0, 0.0), |(sum, n), v| (sum + v, n + 1.0));
    let mean = sum / n;
    let squares: f64 = x.iter().filter(|v| !v.is_nan()).map(|v| (v - mean) * (v - mean)).sum();
    let products: f64 = x
        .windows(2)
        .filter(|w| !(w[0].is_nan() || w[1].is_nan()))
        .map(|w| (w[0] - mean) * (w[1] - mean))
        .sum();
    let varies = x.iter().any(|v| !v.is_nan() && *v != mean);
    if varies && squares > 0.0 {
        products / squares
    } else {
        f64::NAN
    }
}

/// Puts into `out` the spectrum of first-order autoregressive noise with the lag-1 autocorrelation
/// `alpha` and as much power as `power` has (Gilman et al. 1963; Torrence and Compo 1998, equation
/// 16):
///
/// `B_k = b s_k (1 − α²) / (1 + α² − 2 α cos(2πk/n))`,
///
/// where n is the length of a segment, s = 1 at frequency 0 and at the Nyquist frequency of an even
/// n and else 2, and b makes the sum of B the sum of the spectrum, both over all frequencies but 0.
/// White noise where α is NaN.
pub fn red_noise(welch: &Welch, alpha: f64, power: &[f64], out: &mut [f64]) {
    let n = welch.segment() as f64;
    let alpha = if alpha.is_nan() { 0.0 } else { alpha };
    for (k, out) in out.iter_mut().enumerate() {
        let angle = 2.0 * std::f64::consts::PI * k as f64 / n;
        // 1 + α² − 2α cos φ without cancellation near α = 1.
        let below = (1.0 - alpha).powi(2) + 4.0 * alpha * (0.5 * angle).sin().powi(2);
        *out = welch.sides(k) * (1.0 - alpha * alpha) / below;
    }
    let sum = |v: &[f64]| v.iter().skip(1).sum::<f64>();
    let ratio = sum(power) / sum(out);
    out.iter_mut().for_each(|v| *v *= ratio);
}

/// By what the background is multiplied, at each frequency, to give the level that a spectrum of
/// such noise exceeds with probability 1 − `confidence`: χ²(confidence; ν)/ν for ν degrees of freedom
/// (Torrence and Compo 1998, section 4).
pub fn significance_factors(confidence: f64, degrees_of_freedom: &[f64]) -> Vec<f64> {
    let mut known = Vec::<(f64, f64)>::new();
    let mut of = |dof: f64| {
        if let Some((_, factor)) = known.iter().find(|(d, _)| *d == dof) {
            return *factor;
        }
        let factor = chi2_quantile(confidence, dof) / dof;
        known.push((dof, factor));
        factor
    };
    degrees_of_freedom.iter().map(|&dof| of(dof)).collect()
}

/// The coherence squared that two independent series exceed with probability 1 − `confidence`, of an
/// estimate with ν degrees of freedom: 1 − (1 − confidence)^(2/(ν − 2)) (Thompson 1979). NaN where
/// ν ≤ 2: one segment is coherent with whatever.
pub fn coherence_limit(confidence: f64, degrees_of_freedom: f64) -> f64 {
    if degrees_of_freedom > 2.0 {
        1.0 - (1.0 - confidence).powf(2.0 / (degrees_of_freedom - 2.0))
    } else {
        f64::NAN
    }
}
