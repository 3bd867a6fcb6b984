//! Red noise, the background that spectra are compared with.

#![allow(clippy::inline_always)] // so that loops are compiled for the vectors of their caller

use super::chi2::chi2_quantile;
use super::detrend::sum;
use super::welch::Welch;

/// The lag-1 autocorrelation of a series without gaps about its mean: Σ xᵢ xᵢ₊₁ / Σ xᵢ² for deviations
/// x from the mean. NaN if the series does not vary.
#[inline(always)]
pub fn lag1_autocorrelation(x: &[f64]) -> f64 {
    let mean = sum(x) / x.len() as f64;
    // In four parts, which the processor adds at once; always in the same order.
    let (mut squares, mut products) = ([0.0f64; 4], [0.0f64; 4]);
    let next = x.get(1..).unwrap_or_default();
    let (fours, after) = (x[..next.len()].chunks_exact(4), next.chunks_exact(4));
    let (rest, last) = (fours.remainder(), after.remainder());
    for (a, b) in fours.zip(after) {
        for k in 0..4 {
            let here = a[k] - mean;
            squares[k] += here * here;
            products[k] += here * (b[k] - mean);
        }
    }
    for (k, (a, b)) in rest.iter().zip(last).enumerate() {
        squares[k] += (a - mean) * (a - mean);
        products[k] += (a - mean) * (b - mean);
    }
    let end = x.last().map_or(0.0, |v| (v - mean) * (v - mean));
    let all = |parts: [f64; 4]| (parts[0] + parts[1]) + (parts[2] + parts[3]);
    let (squares, products) = (all(squares) + end, all(products));
    let varies = x.iter().any(|v| *v != x[0]);
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
#[inline(always)]
pub fn red_noise(welch: &Welch, alpha: f64, power: &[f64], out: &mut [f64]) {
    red_noise_at((welch.turns(), &|k| welch.sides(k)), alpha, power, out);
}

/// [`red_noise`] at frequencies of which 2 (1 − cos φ) and s are given.
#[inline(always)]
pub(super) fn red_noise_at(
    (turns, sides): (&[f64], &dyn Fn(usize) -> f64),
    alpha: f64,
    power: &[f64],
    out: &mut [f64],
) {
    for (k, (out, turn)) in out.iter_mut().zip(turns).enumerate() {
        *out = sides(k) * red(alpha, *turn);
    }
    let sum = |v: &[f64]| v.iter().skip(1).sum::<f64>();
    let ratio = sum(power) / sum(out);
    out.iter_mut().for_each(|v| *v *= ratio);
}

/// (1 − α²) / (1 + α² − 2 α cos φ) of `turn` = 2 (1 − cos φ): red noise of variance 1. White noise
/// where α is NaN.
#[inline(always)]
pub(super) fn red(alpha: f64, turn: f64) -> f64 {
    let alpha = if alpha.is_nan() { 0.0 } else { alpha };
    // 1 + α² − 2α cos φ without cancellation near α = 1.
    (1.0 - alpha * alpha) / ((1.0 - alpha).powi(2) + alpha * turn)
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
