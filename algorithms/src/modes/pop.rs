//! Principal oscillation patterns: damped oscillations of the linear model that fits a few
//! principal components best.
//!
//! With a(t) the vector of k principal components and a(t + 1) = A a(t) + noise, A = C₁ C₀⁻¹ from
//! C₁ = Σ a(t + 1) a(t)ᵀ and C₀ = Σ a(t) a(t)ᵀ over t < n. An eigenvalue λ = |λ| exp(i ω) with its
//! eigenvector p = p₁ + i p₂ is a pattern that goes p₁ → −p₂ → −p₁ → p₂ → p₁ in the period 2π/ω while
//! it decays as |λ|ᵗ.
//!
//! # References
//! Hasselmann (1988), *J. Geophys. Res.* 93, 11015–11021. von Storch, Bürger, Schnur and von
//! Storch (1995), *J. Climate* 8, 377–400.

use super::dense::{columns, dot, failed, inverse, product, rows};
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// A principal oscillation pattern.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pop {
    /// Real and imaginary part of the eigenvalue λ; the imaginary part is not negative: of a
    /// conjugate pair one is kept.
    pub eigenvalue: (f64, f64),
    /// 2π / arg λ in time steps; infinite for a positive real λ, 2 for a negative one.
    pub period: f64,
    /// −1 / ln |λ| in time steps: the time in which it decays to 1/e.
    pub decay: f64,
    /// p₁, in principal components.
    pub real: Vec<f64>,
    /// p₂, in principal components; orthogonal to p₁ and not longer, |p₁|² + |p₂|² = 1. Zero for a
    /// real λ.
    pub imaginary: Vec<f64>,
    /// Coefficients z₁(t) of the best fit z₁ p₁ + z₂ p₂ to a(t).
    pub real_coefficients: Vec<f64>,
    /// Coefficients z₂(t); zero for a real λ.
    pub imaginary_coefficients: Vec<f64>,
    /// Root of the variance of z₁ + i z₂ (over n): modes are ordered by it, the largest first.
    pub spread: f64,
    /// Share of the variance of all the given components that the fit takes.
    pub variance_fraction: f64,
}

/// The principal oscillation patterns of `pcs`: raw principal components (of equal units, in
/// which patterns are orthonormal) of `n` times, one series after the other. The map of a pattern
/// is the sum of EOFs times its entries.
///
/// # Errors
/// [`Usage`](halocline_core::ErrorKind::Usage) when there are not more times than components and
/// one; [`Data`](halocline_core::ErrorKind::Data) when components are linearly dependent.
pub fn pops(pcs: &[f64], n: usize) -> Result<Vec<Pop>> {
    let k = pcs.len().checked_div(n).unwrap_or(0);
    if k == 0 || n < k + 2 {
        return Err(Error::usage(format!("{k} components of {n} times have no oscillation patterns"))
            .remedy("use fewer components than times"));
    }
    super::dense::check_finite(pcs, "a principal component")?;
    let all = columns(pcs, n);
    let (now, next) = (all.subrows(0, n - 1), all.subrows(1, n - 1));
    let lag0 = inverse(product(now.transpose(), now).as_ref(), "the covariance of the components")?;
    let step = product(product(next.transpose(), now).as_ref(), lag0.as_ref());
    let eigen = step.as_ref().eigen().map_err(|e| failed("eigenvalue", &e))?;
    let means: Vec<f64> = pcs.chunks(n).map(|s| s.iter().sum::<f64>() / n as f64).collect();
    let total: f64 =
        pcs.chunks(n).zip(&means).map(|(s, m)| s.iter().map(|v| (v - m) * (v - m)).sum::<f64>()).sum();
    let mut found = Vec::new();
    for j in 0..k {
        let lambda = eigen.S()[j];
        if lambda.im < 0.0 {
            continue;
        }
        let part = |of: &dyn Fn(usize) -> f64| -> Vec<f64> { (0..k).map(of).collect() };
        let (real, imaginary) = standing(
            &part(&|i| eigen.U()[(i, j)].re),
            &part(&|i| if lambda.im > 0.0 { eigen.U()[(i, j)].im } else { 0.0 }),
        );
        let projection = |p: &[f64]| -> Vec<f64> {
            let series = product(all, columns(p, k));
            (0..n).map(|t| series[(t, 0)]).collect()
        };
        let (z1, z2) = (projection(&real), projection(&imaginary));
        let (norm1, norm2) = (dot(&real, &real), dot(&imaginary, &imaginary));
        // The parts are orthogonal: each coefficient is a projection of its own.
        let over = |z: Vec<f64>, norm: f64| -> Vec<f64> {
            z.iter().map(|v| if norm > f64::EPSILON { v / norm } else { 0.0 }).collect()
        };
        let (z1, z2) = (over(z1, norm1), over(z2, norm2));
        let (v1, v2) = (variance(&z1), variance(&z2));
        let size = lambda.re.hypot(lambda.im);
        found.push(Pop {
            eigenvalue: (lambda.re, lambda.im),
            period: match lambda.im.atan2(lambda.re) {
                0.0 => f64::INFINITY,
                angle => 2.0 * std::f64::consts::PI / angle,
            },
            decay: -1.0 / size.ln(),
            spread: (v1 + v2).sqrt(),
            variance_fraction: (v1 * norm1 + v2 * norm2) * n as f64 / total,
            real,
            imaginary,
            real_coefficients: z1,
            imaginary_coefficients: z2,
        });
    }
    found.sort_by(|a, b| b.spread.total_cmp(&a.spread));
    Ok(found)
}

/// Turns p₁ + i p₂ so that its parts are orthogonal, the first the longer, and scales it to norm 1;
/// the largest entry of the first part is positive.
fn standing(real: &[f64], imaginary: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (a, b, c) = (dot(real, real), dot(imaginary, imaginary), dot(real, imaginary));
    // exp(i angle) p: the sum of the squares of its entries, (a − b + 2 i c) exp(2 i angle), is
    // then real and positive.
    let (sin, cos) = (-0.5 * (2.0 * c).atan2(a - b)).sin_cos();
    let norm = (a + b).sqrt();
    let turn = |s: f64, t: f64| -> Vec<f64> {
        real.iter().zip(imaginary).map(|(x, y)| (x * s + y * t) / norm).collect()
    };
    let (mut first, mut second) = (turn(cos, -sin), turn(sin, cos));
    let largest = first.iter().fold(0.0f64, |m, &v| if v.abs() > m.abs() { v } else { m });
    if largest < 0.0 {
        first.iter_mut().chain(&mut second).for_each(|v| *v = -*v);
    }
    (first, second)
}

fn variance(x: &[f64]) -> f64 {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    x.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / x.len() as f64
}

/// Temporal vectors of the two parts of the pattern: Xᵀ z is the sum of EOFs Xᵀ z(i) times its
/// entries; `vectors` holds the z(i), `n` numbers each.
pub fn pop_vectors(pop: &Pop, vectors: &[f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let k = pop.real.len();
    let of = |p: &[f64]| -> Vec<f64> {
        let sum = product(columns(&vectors[..k * n], n), rows(p, k, 1));
        (0..n).map(|t| sum[(t, 0)]).collect()
    };
    (of(&pop.real), of(&pop.imaginary))
}

#[cfg(test)]
mod tests {
    use super::super::references::{agree, References, Solved};
    use super::*;

    #[test]
    fn patterns_are_those_of_xeofs_up_to_their_phase() {
        let r = References::load();
        let found = pops(r.get("pop_pcs"), 32).unwrap();
        let (re, im) = (r.get("pop_eigenvalues_re"), r.get("pop_eigenvalues_im"));
        // Of pairs, the one with positive imaginary part; those of equal spread stand together.
        let theirs: Vec<usize> = (0..6).filter(|&i| im[i] >= 0.0).collect();
        assert_eq!(found.len(), theirs.len());
        for (pop, &i) in found.iter().zip(&theirs) {
            agree(&[pop.eigenvalue.0, pop.eigenvalue.1], &[re[i], im[i]], 1e-9, "eigenvalue");
            agree(&[pop.decay], &[r.get("pop_damping")[i]], 1e-8, "decay");
            let period = r.get("pop_periods")[i];
            if period.is_finite() {
                agree(&[pop.period], &[period], 1e-9, "period");
            } else {
                assert_eq!(pop.period, f64::INFINITY);
            }
            // Theirs, which hold the spread, turned by the angle that makes both the same.
            let (p, q) =
                (&r.get("pop_patterns_re")[i * 6..i * 6 + 6], &r.get("pop_patterns_im")[i * 6..i * 6 + 6]);
            let a = dot(&pop.real, p) + dot(&pop.imaginary, q);
            let b = dot(&pop.imaginary, p) - dot(&pop.real, q);
            let (sin, cos) = b.atan2(a).sin_cos();
            let turned = |re: &[f64], im: &[f64]| -> (Vec<f64>, Vec<f64>) {
                let re_im = re.iter().zip(im);
                re_im.map(|(x, y)| (x * cos - y * sin, x * sin + y * cos)).unzip()
            };
            let (p, q) = turned(p, q);
            let spread = r.get("pop_spread")[i];
            agree(&[pop.spread], &[spread], 1e-9, "spread");
            let over = |v: &[f64]| -> Vec<f64> { v.iter().map(|v| v / spread).collect() };
            let (p, q) = (over(&p), over(&q));
            agree(&pop.real, &p, 1e-8, "p1");
            assert!(pop.imaginary.iter().zip(&q).all(|(a, b)| (a - b).abs() < 1e-8));
            let at = i * 32..(i + 1) * 32;
            let (z, y) = turned(&r.get("pop_coefficients_re")[at.clone()], &r.get("pop_coefficients_im")[at]);
            agree(&pop.real_coefficients, &z, 1e-7, "z1");
            let scale = z.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            assert!(pop.imaginary_coefficients.iter().zip(&y).all(|(a, b)| (a - b).abs() < 1e-7 * scale));
        }
    }

    #[test]
    fn a_damped_rotation_is_found_exactly() {
        let (size, angle, n) = (0.97f64, 0.4f64, 40);
        let (mut x, mut y) = (1.0, 0.5);
        let mut series = vec![0.0; 2 * n];
        for t in 0..n {
            (series[t], series[n + t]) = (x, 2.0 * y);
            (x, y) = (size * (x * angle.cos() - y * angle.sin()), size * (x * angle.sin() + y * angle.cos()));
        }
        let found = pops(&series, n).unwrap();
        assert_eq!(found.len(), 1);
        let pop = &found[0];
        assert!((pop.period - 2.0 * std::f64::consts::PI / angle).abs() < 1e-10);
        assert!((pop.decay + 1.0 / size.ln()).abs() < 1e-9);
        assert!((pop.variance_fraction - 1.0).abs() < 1e-12);
        assert!(dot(&pop.real, &pop.imaginary).abs() < 1e-12);
        assert!(dot(&pop.real, &pop.real) >= dot(&pop.imaginary, &pop.imaginary));
        // z1 p1 + z2 p2 is the series again.
        for t in 0..n {
            for i in 0..2 {
                let fit =
                    pop.real_coefficients[t] * pop.real[i] + pop.imaginary_coefficients[t] * pop.imaginary[i];
                assert!((fit - series[i * n + t]).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn maps_are_sums_of_eofs() {
        let r = References::load();
        let solved = Solved::new(r.anomalies("x"), 32, 4);
        let pcs: Vec<f64> = solved
            .pairs
            .vectors
            .iter()
            .enumerate()
            .map(|(i, u)| u * solved.pairs.values[i / 32].sqrt())
            .collect();
        let pop = &pops(&pcs, 32).unwrap()[0];
        let eofs = solved.maps(&solved.z);
        let (real, imaginary) = pop_vectors(pop, &solved.z, 32);
        for (z, p) in [(real, &pop.real), (imaginary, &pop.imaginary)] {
            let wanted: Vec<f64> = (0..12).map(|c| (0..4).map(|i| p[i] * eofs[i * 12 + c]).sum()).collect();
            agree(&solved.maps(&z), &wanted, 1e-11, "map");
        }
    }

    #[test]
    fn bad_components_are_refused() {
        use halocline_core::ErrorKind::{Data, Usage};
        assert_eq!(pops(&[], 5).unwrap_err().kind, Usage);
        assert_eq!(pops(&[1.0, 2.0], 2).unwrap_err().kind, Usage);
        let twice: Vec<f64> = (0..20).map(|i| f64::from(i % 10) * 0.7 - 3.0).collect();
        assert_eq!(pops(&twice, 10).unwrap_err().kind, Data);
        assert_eq!(pops(&[f64::NAN; 10], 10).unwrap_err().kind, Data);
        // One component: a real mode.
        let one = pops(&[1.0, 0.5, 0.25, 0.125], 4).unwrap();
        assert_eq!((one.len(), one[0].period), (1, f64::INFINITY));
        assert!((one[0].eigenvalue.0 - 0.5).abs() < 1e-14);
    }
}
