//! Significance: Student's distribution and the false discovery rate.

/// The probability that |t| of Student's distribution with `dof` degrees of freedom, any positive
/// number, is at least as large: the regularised incomplete beta function `I_x(dof/2, 1/2)` at
/// x = dof / (dof + t²). NaN unless `dof` > 0.
pub fn two_sided(t: f64, dof: f64) -> f64 {
    if t.is_infinite() && dof > 0.0 {
        return 0.0;
    }
    let ratio = t * t / dof;
    tail(-ratio.ln_1p(), ratio / (1.0 + ratio), dof)
}

/// [`two_sided`] for a correlation `r` of a sample that leaves `dof` degrees of freedom:
/// t² = dof r² / (1 − r²).
pub fn of_correlation(r: f64, dof: f64) -> f64 {
    if r.abs() >= 1.0 && dof > 0.0 {
        return 0.0;
    }
    tail(f64::ln_1p(-r * r), r * r, dof)
}

/// `I_x(a, 1/2)` for a = dof/2, given ln x and 1 - x.
fn tail(log_x: f64, y: f64, dof: f64) -> f64 {
    // NaN fails as well.
    if !(dof > 0.0 && y >= 0.0) {
        return f64::NAN;
    }
    if y == 0.0 {
        return 1.0;
    }
    let (a, x) = (0.5 * dof, log_x.exp());
    // x^a (1-x)^(1/2) / B(a, 1/2)
    let front = (a * log_x).exp() * y.sqrt() * gamma_ratio(a) / std::f64::consts::PI.sqrt();
    if x < (a + 1.0) / (a + 2.5) {
        (front * fraction(a, 0.5, x) / a).clamp(0.0, 1.0)
    } else {
        (1.0 - front * fraction(0.5, a, y) / 0.5).clamp(0.0, 1.0)
    }
}

/// Γ(a + 1/2) / Γ(a), by its series for large a, to which smaller ones are led.
fn gamma_ratio(a: f64) -> f64 {
    let (mut a, mut factor) = (a, 1.0);
    while a < 60.0 {
        factor *= a / (a + 0.5);
        a += 1.0;
    }
    let u = 1.0 / a;
    let series = [
        1.0,
        -1.0 / 8.0,
        1.0 / 128.0,
        5.0 / 1024.0,
        -21.0 / 32768.0,
        -399.0 / 262_144.0,
        869.0 / 4_194_304.0,
    ];
    factor * a.sqrt() * series.iter().rev().fold(0.0, |sum, c| sum * u + c)
}

/// The continued fraction of the incomplete beta function, by the recurrence of its convergents
/// p / q, which takes a third of the divisions of Lentz's method; kept in range by q = 1.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let ([mut p_before, mut p], [mut q_before, mut q]) = ([1.0, 1.0], [1.0, 1.0 - (a + b) * x / (a + 1.0)]);
    for m in 1..10_000 {
        let m = f64::from(m);
        let [below, at, above] = [-1.0, 0.0, 1.0].map(|by| a + 2.0 * m + by);
        let share = x / (below * at * above);
        let even = m * (b - m) * above * share;
        let odd = -(a + m) * (a + b + m) * below * share;
        (p_before, p) = (p, p + even * p_before);
        (q_before, q) = (q, q + even * q_before);
        let last = (p, q);
        (p_before, p) = (p, p + odd * p_before);
        (q_before, q) = (q, q + odd * q_before);
        if (p * last.1 - last.0 * q).abs() <= 1e-15 * (p * last.1).abs() {
            break;
        }
        let scale = 1.0 / if q.abs() < TINY { TINY } else { q };
        (p_before, q_before, p, q) = (p_before * scale, q_before * scale, p * scale, 1.0);
    }
    p / q
}

/// The threshold of the false discovery rate `alpha` among these tests (Benjamini and Hochberg
/// 1995; Wilks 2016 for maps): the largest p(k) ≤ k α / m of the m p-values in rising order; those
/// up to it are significant. NaN ones are no tests. `None`: none is significant.
pub fn false_discovery_threshold(p_values: &[f64], alpha: f64) -> Option<f64> {
    let mut tests: Vec<f64> = p_values.iter().copied().filter(|p| !p.is_nan()).collect();
    tests.sort_unstable_by(f64::total_cmp);
    let m = tests.len() as f64;
    let within = |(k, p): &(usize, &f64)| **p <= (k + 1) as f64 / m * alpha;
    tests.iter().enumerate().rev().find(within).map(|(_, p)| *p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn student_is_right() {
        let rows = include_str!("student_reference.txt").lines().filter(|line| !line.starts_with('#'));
        let mut seen = 0;
        for row in rows {
            let numbers: Vec<f64> = row.split(' ').map(|n| n.parse().unwrap()).collect();
            let [t, dof, p] = numbers[..] else { panic!("{row}") };
            seen += 1;
            let ours = two_sided(t, dof);
            // The fraction loses digits as it nears 1.
            assert!(
                (ours - p).abs() <= 2e-12_f64.max(1e-14 * dof) * p,
                "t {t} dof {dof}: {ours:e} is not {p:e}"
            );
            let r = t / (dof + t * t).sqrt();
            let ours = of_correlation(r, dof);
            // The rounding of r is felt where it is near to 1.
            assert!((ours - p).abs() <= 1e-11 * dof.max(10.0) * p, "r {r} dof {dof}: {ours:e} is not {p:e}");
        }
        assert_eq!(seen, 63);
        assert!(
            two_sided(1.0, 0.0).is_nan()
                && two_sided(f64::NAN, 3.0).is_nan()
                && of_correlation(0.3, -1.0).is_nan()
        );
        assert_eq!(
            [two_sided(0.0, 5.0), of_correlation(0.0, 5.0), of_correlation(-1.0, 5.0)],
            [1.0, 1.0, 0.0]
        );
    }

    #[test]
    fn the_threshold_is_that_of_benjamini_and_hochberg() {
        let p = [0.041, 0.001, f64::NAN, 0.008, 0.039, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216];
        assert_eq!(false_discovery_threshold(&p, 0.05), Some(0.008));
        assert_eq!(false_discovery_threshold(&p, 0.09), Some(0.042));
        assert_eq!(false_discovery_threshold(&p, 0.001), None);
        assert_eq!(false_discovery_threshold(&[f64::NAN], 0.5), None);
    }
}
