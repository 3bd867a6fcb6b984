//! Patterns of two fields that vary together: MCA and CCA.
//!
//! # References
//! Bretherton, Smith and Wallace (1992), *J. Climate* 5, 541–560. Barnett and Preisendorfer
//! (1987), *Mon. Weather Rev.* 115, 1825–1850.

use super::dense::{columns, dot, product, rows, svd, to_columns, Svd};
use super::kernel::Kernel;
use crate::symmetric::Eigenpairs;
use faer::{Mat, MatRef};
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// A singular value below this share of the first is rounding.
const RANK: f64 = 1e-13;

/// Maximum covariance analysis: the singular value decomposition Xᵀ Y / f = Σ σ v wᵀ.
///
/// Series and temporal vectors hold one mode after the other, n numbers each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mca {
    /// σ of the leading modes, descending: covariances, (units of x) (units of y).
    pub singular_values: Vec<f64>,
    /// σ² / Σσ²: squared covariance fraction.
    pub squared_covariance_fraction: Vec<f64>,
    /// σ / Σσ: covariance fraction.
    pub covariance_fraction: Vec<f64>,
    /// Σσ² over all modes, ‖Xᵀ Y‖² / f².
    pub total_squared_covariance: f64,
    /// Expansion coefficients X v of the left field.
    pub left_coefficients: Vec<f64>,
    /// Expansion coefficients Y w of the right field.
    pub right_coefficients: Vec<f64>,
    /// Correlation of the two coefficients of each mode.
    pub correlations: Vec<f64>,
    /// z with v = Xᵀ z, the left patterns of unit norm.
    pub left_vectors: Vec<f64>,
    /// z with w = Yᵀ z, the right patterns of unit norm.
    pub right_vectors: Vec<f64>,
}

/// Maximum covariance analysis of two fields given by their kernels; `freedom` is f, n − 1 for
/// covariances. Fewer than `count` modes when the others are rounding of the first.
///
/// With X Xᵀ = A Aᵀ and Y Yᵀ = B Bᵀ, Xᵀ Y has the singular values of the small Aᵀ B = P S Qᵀ, its
/// expansion coefficients are A P and B Q, and v = Xᵀ (B Q) / S: nothing is squared, so that σ
/// has rounding errors of σ₁.
///
/// # Errors
/// [`Usage`](halocline_core::ErrorKind::Usage) when the numbers of times differ;
/// [`Data`](halocline_core::ErrorKind::Data) when the fields do not covary at all, or overflow.
pub fn mca(left: &Kernel, right: &Kernel, count: usize, freedom: f64) -> Result<Mca> {
    let n = left.n();
    if right.n() != n {
        return Err(Error::usage(format!("one field has {n} times, the other {}", right.n()))
            .remedy("select the same times of both"));
    }
    let ((a, ra), (b, rb)) = (left.factorised()?, right.factorised()?);
    let (a, b) = (rows(&a, n, ra), rows(&b, n, rb));
    let Svd { u, s, v } = svd(product(a.transpose(), b).as_ref())?;
    let largest = s.first().copied().unwrap_or(0.0);
    if !largest.is_finite() {
        return Err(Error::data("the covariance overflows").remedy("look for absurd values in the data"));
    }
    if largest <= f64::EPSILON * (left.trace() * right.trace()).sqrt() {
        return Err(Error::data("the two fields do not covary"));
    }
    let count = s.iter().take(count).take_while(|&&x| x > RANK * largest).count();
    let left_coefficients = to_columns(product(a, u.subcols(0, count)).as_ref());
    let right_coefficients = to_columns(product(b, v.subcols(0, count)).as_ref());
    let inverse: Vec<f64> = s[..count].iter().map(|s| 1.0 / s).collect();
    let squares: f64 = s.iter().map(|s| s * s).sum();
    let sum: f64 = s.iter().sum();
    let correlations = left_coefficients.chunks(n).zip(right_coefficients.chunks(n));
    Ok(Mca {
        singular_values: s[..count].iter().map(|s| s / freedom).collect(),
        squared_covariance_fraction: s[..count].iter().map(|s| s * s / squares).collect(),
        covariance_fraction: s[..count].iter().map(|s| s / sum).collect(),
        total_squared_covariance: squares / (freedom * freedom),
        correlations: correlations.map(|(a, b)| correlation(a, b)).collect(),
        left_vectors: scaled(&right_coefficients, n, &inverse),
        right_vectors: scaled(&left_coefficients, n, &inverse),
        left_coefficients,
        right_coefficients,
    })
}

/// Canonical correlation analysis in the space of leading EOFs.
///
/// Series and temporal vectors hold one mode after the other, n numbers each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cca {
    /// Canonical correlations, descending.
    pub correlations: Vec<f64>,
    /// Canonical variables of the left field, of unit variance.
    pub left_variables: Vec<f64>,
    /// Canonical variables of the right field, of unit variance.
    pub right_variables: Vec<f64>,
    /// z with the weights Xᵀ z, whose product with X is the left canonical variable.
    pub left_weights: Vec<f64>,
    /// As `left_weights`, of the right field.
    pub right_weights: Vec<f64>,
    /// z with the canonical patterns Xᵀ z: covariances of the left field with its variable.
    pub left_patterns: Vec<f64>,
    /// As `left_patterns`, of the right field.
    pub right_patterns: Vec<f64>,
}

/// The leading modes whose variance is more than rounding.
#[must_use]
pub fn of_rank(mut pairs: Eigenpairs) -> Eigenpairs {
    let n = pairs.vectors.len().checked_div(pairs.values.len()).unwrap_or(0);
    let first = pairs.values.first().copied().unwrap_or(0.0);
    let rank = pairs.values.iter().take_while(|v| **v > RANK * first).count();
    pairs.values.truncate(rank);
    pairs.vectors.truncate(rank * n);
    pairs
}

/// Canonical correlation analysis of two fields on their leading modes
/// ([`Kernel::leading`], anomalies about their means); `freedom` is n − 1. There are as many
/// modes as the smaller set has, at most `count`.
///
/// # Errors
/// [`Usage`](halocline_core::ErrorKind::Usage) when the numbers of times differ, or there are not
/// fewer modes than times; [`Data`](halocline_core::ErrorKind::Data) when a mode has no variance.
pub fn cca(left: &Eigenpairs, right: &Eigenpairs, count: usize, freedom: f64) -> Result<Cca> {
    let times = |pairs: &Eigenpairs| pairs.vectors.len().checked_div(pairs.values.len()).unwrap_or(0);
    let n = times(left);
    if n != times(right) || n == 0 {
        return Err(Error::usage(format!("one field has {n} times, the other {}", times(right)))
            .remedy("select the same times of both"));
    }
    for pairs in [left, right] {
        let modes = pairs.values.len();
        if modes >= n {
            return Err(Error::usage(format!("{modes} modes of {n} times fit each other perfectly"))
                .remedy("use fewer EOFs for the canonical correlations"));
        }
        if let Some(k) = pairs.values.iter().position(|&v| v <= RANK * pairs.values[0] || v.is_nan()) {
            return Err(Error::data(format!("EOF {} has no variance", k + 1)).remedy("use fewer EOFs"));
        }
    }
    let (ux, uy) = (columns(&left.vectors, n), columns(&right.vectors, n));
    let Svd { u, s, v } = svd(product(ux.transpose(), uy).as_ref())?;
    let count = count.min(s.len());
    let (a, b) = (u.subcols(0, count), v.subcols(0, count));
    let root = freedom.sqrt();
    let of = |units: MatRef<'_, f64>, turn: MatRef<'_, f64>, scale: &dyn Fn(usize) -> f64| {
        let turn = Mat::from_fn(turn.nrows(), count, |i, j| turn[(i, j)] * scale(i));
        to_columns(product(units, turn.as_ref()).as_ref())
    };
    Ok(Cca {
        // Rounding must not make a correlation larger than one.
        correlations: s[..count].iter().map(|r| r.min(1.0)).collect(),
        left_variables: of(ux, a, &|_| root),
        right_variables: of(uy, b, &|_| root),
        left_weights: of(ux, a, &|i| root / left.values[i]),
        right_weights: of(uy, b, &|i| root / right.values[i]),
        left_patterns: of(ux, a, &|_| root / freedom),
        right_patterns: of(uy, b, &|_| root / freedom),
    })
}

fn scaled(vectors: &[f64], n: usize, factors: &[f64]) -> Vec<f64> {
    vectors.chunks(n).zip(factors).flat_map(|(v, f)| v.iter().map(move |x| x * f)).collect()
}

/// Pearson's correlation of two series.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let centred = |x: &[f64]| -> Vec<f64> {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        x.iter().map(|v| v - mean).collect()
    };
    let (a, b) = (centred(a), centred(b));
    (dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::super::references::{agree, agree_but_sign, maps, projections, signed, References};
    use super::*;
    use halocline_core::ErrorKind;

    const N: usize = 32;

    fn kernels(r: &References) -> (Kernel, Kernel) {
        let factor = |name| Kernel::factor(N, r.anomalies(name)).unwrap();
        (factor("x"), factor("y"))
    }

    #[test]
    fn covariances_are_those_of_numpy_and_xeofs() {
        let r = References::load();
        let (x, y) = kernels(&r);
        let full = |kernel: &Kernel| Kernel::Full { n: N, values: kernel.to_full() };
        for (x, y, tolerance) in [(x.clone(), y.clone(), 1e-12), (full(&x), full(&y), 1e-9)] {
            let all = mca(&x, &y, 9, 31.0).unwrap();
            agree(&all.singular_values, r.get("mca_singular"), 1e-12, "singular values");
            agree(&[all.total_squared_covariance], r.get("mca_total"), 1e-12, "total");
            assert!((all.covariance_fraction.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            let (fx, fy) = (r.anomalies("x"), r.anomalies("y"));
            let left = maps(&fx, N, &all.left_vectors);
            let right = maps(&fy, N, &all.right_vectors);
            agree_but_sign(&left[..48], r.get("mca_left"), 12, tolerance, "left");
            agree_but_sign(&right[..36], r.get("mca_right"), 9, tolerance, "right");
            agree_but_sign(&left[..48], r.get("xeofs_mca_left"), 12, tolerance, "left");
            agree_but_sign(&all.left_coefficients[..4 * N], r.get("xeofs_mca_left_scores"), N, tolerance, "");
            agree_but_sign(
                &all.right_coefficients[..4 * N],
                r.get("xeofs_mca_right_scores"),
                N,
                tolerance,
                "",
            );
            agree(&all.squared_covariance_fraction[..4], r.get("xeofs_mca_scf"), 1e-12, "fraction");
            agree(&projections(&fx, N, &left), &all.left_coefficients, 1e-10, "X v");
            // Σ σ v wᵀ is the covariance again, so signs belong together.
            for i in 0..12 * 9 {
                let (c, d) = (i / 9, i % 9);
                let covariance = (0..N).map(|t| fx[t * 12 + c] * fy[t * 9 + d]).sum::<f64>() / 31.0;
                let found: f64 =
                    (0..9).map(|k| all.singular_values[k] * left[k * 12 + c] * right[k * 9 + d]).sum();
                assert!((covariance - found).abs() < 1e-10);
            }
        }
    }

    #[test]
    fn a_field_with_itself_is_its_eofs() {
        let r = References::load();
        let (x, _) = kernels(&r);
        let pairs = x.leading(5).unwrap();
        let same = mca(&x, &x, 5, 31.0).unwrap();
        let variances: Vec<f64> = pairs.values.iter().map(|v| v / 31.0).collect();
        agree(&same.singular_values, &variances, 1e-12, "variances");
        assert!(same.correlations.iter().all(|r| (r - 1.0).abs() < 1e-12));
    }

    #[test]
    fn what_can_not_be_coupled() {
        let r = References::load();
        let (x, _) = kernels(&r);
        let other = Kernel::factor(3, vec![1.0, 2.0, 3.0]).unwrap();
        assert_eq!(mca(&x, &other, 1, 1.0).unwrap_err().kind, ErrorKind::Usage);
        let (a, b) = (vec![1.0, 0.0, 0.0], vec![0.0, 1.0, 0.0]);
        let (a, b) = (Kernel::factor(3, a).unwrap(), Kernel::factor(3, b).unwrap());
        assert_eq!(mca(&a, &b, 1, 2.0).unwrap_err().kind, ErrorKind::Data);
        // One cell each: one mode, however many are asked for.
        let one = mca(&a, &a, 4, 2.0).unwrap();
        agree(&one.singular_values, &[0.5], 1e-14, "one");
        let pairs = x.leading(12).unwrap();
        assert_eq!(cca(&pairs, &other.leading(1).unwrap(), 1, 2.0).unwrap_err().kind, ErrorKind::Usage);
        let mut none = pairs.clone();
        none.values[3] = 0.0;
        assert_eq!(cca(&pairs, &none, 1, 31.0).unwrap_err().kind, ErrorKind::Data);
        let every = Kernel::Full { n: 2, values: vec![2.0, 0.0, 0.0, 1.0] }.leading(2).unwrap();
        assert_eq!(cca(&every, &every, 1, 1.0).unwrap_err().kind, ErrorKind::Usage);
    }

    #[test]
    fn canonical_correlations_are_those_of_numpy_and_xeofs() {
        let r = References::load();
        let (x, y) = kernels(&r);
        let found = cca(&x.leading(5).unwrap(), &y.leading(4).unwrap(), 9, 31.0).unwrap();
        agree(&found.correlations, r.get("cca_correlations"), 1e-11, "correlations");
        agree_but_sign(&found.left_variables, r.get("cca_left"), N, 1e-9, "left");
        agree_but_sign(&found.right_variables, r.get("cca_right"), N, 1e-9, "right");
        let fx = r.anomalies("x");
        let weights = maps(&fx, N, &found.left_weights);
        agree_but_sign(&weights, r.get("cca_left_weights"), 12, 1e-9, "weights");
        agree(&projections(&fx, N, &weights), &found.left_variables, 1e-10, "X times weights");
        // Patterns are covariances with the variables; variables of unit variance, uncorrelated.
        let of_variables: Vec<f64> = found.left_variables.iter().map(|v| v / 31.0).collect();
        agree(&found.left_patterns, &of_variables, 1e-14, "patterns");
        for (i, a) in found.left_variables.chunks(N).enumerate() {
            for (j, b) in found.left_variables.chunks(N).enumerate() {
                assert!((dot(a, b) / 31.0 - f64::from(u8::from(i == j))).abs() < 1e-12);
            }
            let b = &found.right_variables[i * N..(i + 1) * N];
            assert!((dot(a, b) / 31.0 - found.correlations[i]).abs() < 1e-12);
        }
        // All modes: the canonical correlations of the fields themselves.
        let found = cca(&x.leading(12).unwrap(), &y.leading(9).unwrap(), 3, 31.0).unwrap();
        // xeofs divides a covariance over n − 1 by variances over n.
        let theirs: Vec<f64> = r.get("xeofs_cca_correlations").iter().map(|c| c * 31.0 / 32.0).collect();
        agree(&found.correlations, &theirs, 1e-9, "xeofs");
        let units = signed(&found.left_variables, N, &[1.0 / 31f64.sqrt(); 3]);
        agree_but_sign(&units, r.get("xeofs_cca_left_scores"), N, 1e-8, "xeofs scores");
        let patterns = maps(&fx, N, &found.left_patterns);
        for (a, b) in patterns.chunks(12).zip(r.get("xeofs_cca_left").chunks(12)) {
            let (na, nb) = (dot(a, a).sqrt(), dot(b, b).sqrt());
            assert!((dot(a, b).abs() / (na * nb) - 1.0).abs() < 1e-9);
        }
    }
}
