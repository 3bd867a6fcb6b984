//! The distribution χ².

/// The value below which χ² with `dof` degrees of freedom, any positive number, stays with
/// probability `p`, 0 < p < 1; NaN for others.
pub fn chi2_quantile(p: f64, dof: f64) -> f64 {
    if !(p > 0.0 && p < 1.0 && dof > 0.0 && dof.is_finite()) {
        return f64::NAN;
    }
    let a = 0.5 * dof;
    let below = |x: f64| lower_gamma(a, x) < p;
    // Bisection: the function rises, and hardly anything is as sure.
    let (mut low, mut high) = (0.0, a.max(1.0));
    while below(high) {
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    // Twice the middle: half of χ² is gamma distributed.
    low + high
}

/// χ²(p; ν)/ν for one p and many ν between two limits: a polynomial in ν through values of
/// [`chi2_quantile`], which is much slower, as exact as that to about 1e-10.
#[derive(Debug, Clone, PartialEq)]
pub struct Chi2Factors {
    low: f64,
    high: f64,
    /// Of Chebyshev polynomials; the logarithm of the factor.
    terms: Vec<f64>,
}

/// Terms of the polynomial.
const TERMS: usize = 64;

impl Chi2Factors {
    /// For the probability `p` and degrees of freedom from `low` to `high`.
    pub fn new(p: f64, low: f64, high: f64) -> Self {
        let angle = |k: usize| std::f64::consts::PI * (k as f64 + 0.5) / TERMS as f64;
        // Evenly in the logarithm of ν, which small ones want.
        let (from, to) = (low.ln(), high.ln());
        let value = |k: usize| {
            let dof = (0.5 * (from + to) + 0.5 * (to - from) * angle(k).cos()).exp();
            (chi2_quantile(p, dof) / dof).ln()
        };
        let values: Vec<f64> = (0..TERMS).map(value).collect();
        let term = |j: usize| {
            let sum: f64 = values.iter().enumerate().map(|(k, v)| v * (j as f64 * angle(k)).cos()).sum();
            sum * if j == 0 { 1.0 } else { 2.0 } / TERMS as f64
        };
        Self { low, high, terms: (0..TERMS).map(term).collect() }
    }
    /// The factor of `dof` degrees of freedom; NaN of NaN.
    pub fn of(&self, dof: f64) -> f64 {
        if dof.is_nan() {
            return f64::NAN;
        }
        let (from, to) = (self.low.ln(), self.high.ln());
        let x = if to > from { ((2.0 * dof.ln() - from - to) / (to - from)).clamp(-1.0, 1.0) } else { 0.0 };
        // Clenshaw's recurrence.
        let (mut b, mut after) = (0.0, 0.0);
        for c in self.terms[1..].iter().rev() {
            (b, after) = (c + 2.0 * x * b - after, b);
        }
        (self.terms[0] + x * b - after).exp()
    }
}

/// Instead of 0, where that would be divided by.
const TINY: f64 = 1e-300;

/// The regularised incomplete gamma function P(a, x), by its series below the maximum of the
/// integrand and a continued fraction above it.
fn lower_gamma(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        while term > 1e-17 * sum {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        return (front * sum).min(1.0);
    }
    // Lentz's method.
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1.0 / TINY, 1.0 / b);
    let mut h = d;
    for i in 1..100_000 {
        let i = f64::from(i);
        let an = -i * (i - a);
        b += 2.0;
        d = an * d + b;
        d = 1.0 / if d.abs() < TINY { TINY } else { d };
        c = b + an / c;
        c = if c.abs() < TINY { TINY } else { c };
        h *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    1.0 - front * h
}

/// ln Γ(a), by Stirling's series for large a, to which smaller ones are led.
fn ln_gamma(a: f64) -> f64 {
    let (mut a, mut product) = (a, 1.0f64);
    while a < 20.0 {
        product *= a;
        a += 1.0;
    }
    let u = 1.0 / a;
    let series = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
    ];
    let tail = u * series.iter().rev().fold(0.0, |sum, c| sum * u * u + c);
    (a - 0.5) * a.ln() - a + 0.5 * (2.0 * std::f64::consts::PI).ln() + tail - product.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_as_scipy_has_them() {
        for (p, dof, expected) in CASES {
            let ours = chi2_quantile(p, dof);
            assert!((ours / expected - 1.0).abs() < 1e-12, "{p} {dof}: {ours} is not {expected}");
        }
        for (p, dof) in [(0.0, 2.0), (1.0, 2.0), (0.5, 0.0), (f64::NAN, 1.0), (0.5, f64::INFINITY)] {
            assert!(chi2_quantile(p, dof).is_nan());
        }
    }

    #[test]
    fn factors_are_quantiles() {
        for p in [0.005, 0.025, 0.95, 0.9995] {
            let factors = Chi2Factors::new(p, 1.0, 16.0);
            for k in 0..=50 {
                let dof = 1.0 + 0.3 * f64::from(k);
                let expected = chi2_quantile(p, dof) / dof;
                assert!((factors.of(dof) / expected - 1.0).abs() < 1e-10, "{p} {dof}");
            }
        }
        assert!(Chi2Factors::new(0.5, 1.0, 2.0).of(f64::NAN).is_nan());
        let one = Chi2Factors::new(0.9, 2.0, 2.0).of(2.0);
        assert!((one - 0.5 * chi2_quantile(0.9, 2.0)).abs() < 1e-12);
    }

    /// Made by `scipy.stats.chi2.ppf`.
    const CASES: [(f64, f64, f64); 10] = [
        (0.95, 2.0, 5.991_464_547_107_979),
        (0.95, 1.0, 3.841_458_820_694_124),
        (0.99, 2.0, 9.210_340_371_976_18),
        (0.05, 3.7, 0.593_864_863_977_259_7),
        (0.5, 25.3, 24.636_547_026_945_973),
        (0.95, 54.1, 72.269_110_057_368_18),
        (0.999, 7.25, 24.777_779_512_045_647),
        (0.9, 200.5, 226.553_114_321_902_6),
        (0.01, 0.6, 3.004_445_310_472_081_4e-07),
        (0.95, 3000.0, 3_128.536_670_012_808_4),
    ];
}
