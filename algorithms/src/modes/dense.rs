//! Slices as matrices, and the solvers with errors in our words. All on one thread.

use crate::symmetric::power_of_two_scale;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par, Side};
use halocline_core::{Error, Result};

/// A matrix in C order.
pub(super) fn rows(values: &[f64], rows: usize, columns: usize) -> MatRef<'_, f64> {
    MatRef::from_row_major_slice(values, rows, columns)
}

/// Vectors of `length` numbers, one after the other, as columns.
pub(super) fn columns(values: &[f64], length: usize) -> MatRef<'_, f64> {
    MatRef::from_column_major_slice(values, length, values.len().checked_div(length).unwrap_or(0))
}

pub(super) fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    matmul(out.as_mut(), Accum::Replace, a, b, 1.0, Par::Seq);
    out
}

/// In C order.
pub(super) fn to_rows(a: MatRef<'_, f64>) -> Vec<f64> {
    (0..a.nrows()).flat_map(|i| (0..a.ncols()).map(move |j| a[(i, j)])).collect()
}

/// One column after the other.
pub(super) fn to_columns(a: MatRef<'_, f64>) -> Vec<f64> {
    to_rows(a.transpose())
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

pub(super) fn check_finite(values: &[f64], what: &str) -> Result<()> {
    if values.iter().all(|v| v.is_finite()) {
        return Ok(());
    }
    Err(Error::data(format!("{what} overflows or is not a number"))
        .remedy("look for absurd values in the data"))
}

/// A matrix whose largest entry is about 1, and the power of two that it was divided by. The solvers
/// of large matrices (divide and conquer, from some hundred rows on) compare with absolute
/// thresholds: of matrices of another size they give modes that are mixed, or none at all.
fn near_one(a: MatRef<'_, f64>) -> (Mat<f64>, f64) {
    let largest = (0..a.ncols()).flat_map(|j| a.col(j).iter()).fold(0.0f64, |m, v| m.max(v.abs()));
    let (down, up) = power_of_two_scale(&[largest]);
    (Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] * down), up)
}

/// Eigenvalues, descending, and eigenvectors (columns) of a symmetric matrix.
pub(super) fn symmetric(a: MatRef<'_, f64>) -> Result<(Vec<f64>, Mat<f64>)> {
    let n = a.nrows();
    if n == 0 {
        return Ok((Vec::new(), Mat::zeros(0, 0)));
    }
    let (a, size) = near_one(a);
    let eigen = a.self_adjoint_eigen(Side::Lower).map_err(|e| failed("eigenvalue", &e))?;
    let values = (0..n).rev().map(|i| eigen.S()[i] * size).collect();
    Ok((values, eigen.U().reverse_cols().to_owned()))
}

/// A = U diag(s) Vᵀ, thin; s descending.
pub(super) struct Svd {
    pub(super) u: Mat<f64>,
    pub(super) s: Vec<f64>,
    pub(super) v: Mat<f64>,
}

pub(super) fn svd(a: MatRef<'_, f64>) -> Result<Svd> {
    let small = a.nrows().min(a.ncols());
    if small == 0 {
        return Ok(Svd { u: Mat::zeros(a.nrows(), 0), s: Vec::new(), v: Mat::zeros(a.ncols(), 0) });
    }
    let sum: f64 = (0..a.ncols()).map(|j| a.col(j).iter().sum::<f64>()).sum();
    check_finite(&[sum], "the covariance")?;
    let (a, size) = near_one(a);
    let svd = a.thin_svd().map_err(|e| failed("singular value", &e))?;
    let s = (0..small).map(|i| svd.S()[i] * size).collect();
    Ok(Svd { u: svd.U().to_owned(), s, v: svd.V().to_owned() })
}

/// A⁻¹; [`data`](halocline_core::ErrorKind::Data) when A is singular to rounding.
pub(super) fn inverse(a: MatRef<'_, f64>, what: &str) -> Result<Mat<f64>> {
    let Svd { u, s, v } = svd(a)?;
    let (largest, smallest) = (s.first().copied().unwrap_or(1.0), s.last().copied().unwrap_or(1.0));
    if smallest.is_nan() || smallest <= 1e-14 * largest {
        return Err(Error::data(format!("{what} is singular")).remedy("use fewer modes"));
    }
    let scaled = Mat::from_fn(v.nrows(), s.len(), |i, j| v[(i, j)] / s[j]);
    Ok(product(scaled.as_ref(), u.transpose()))
}

pub(super) fn failed(which: &str, error: &impl std::fmt::Debug) -> Error {
    Error::internal(format!("the {which} solver failed: {error:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A full symmetric matrix with the spectrum of noise.
    fn noise(n: usize, size: f64) -> Mat<f64> {
        let number = |i: usize, j: usize| {
            let (a, b) = (i.max(j) as u64, i.min(j) as u64);
            let mut z = (a * 65_537 + b + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (z ^ (z >> 27)) as f64 / u64::MAX as f64 - 0.5
        };
        let x = Mat::from_fn(n, n + 50, |i, j| number(i, n + j));
        let g = product(x.as_ref(), x.transpose());
        Mat::from_fn(n, n, |i, j| g[(i, j)] * size)
    }

    #[test]
    fn modes_do_not_depend_on_the_size_of_numbers() {
        let n = 300;
        let (values, vectors) = symmetric(noise(n, 1.0).as_ref()).unwrap();
        let one = svd(noise(n, 1.0).as_ref()).unwrap();
        for power in [-200, -70, -30, 30, 40, 70, 200] {
            let size = 2f64.powi(power);
            let (found, turned) = symmetric(noise(n, size).as_ref()).unwrap();
            let parts = svd(noise(n, size).as_ref()).unwrap();
            for k in 0..n {
                assert_eq!(found[k] / size, values[k], "2^{power}, eigenvalue {k}");
                assert_eq!(parts.s[k] / size, one.s[k], "2^{power}, singular value {k}");
                assert!((0..n).all(|i| turned[(i, k)] == vectors[(i, k)]), "2^{power}, vector {k}");
            }
        }
        // And they are right: G v = λ v.
        let g = noise(n, 2f64.powi(-70));
        let (values, v) = symmetric(g.as_ref()).unwrap();
        let gv = product(g.as_ref(), v.as_ref());
        let worst = (0..n).flat_map(|k| (0..n).map(move |i| (i, k)));
        let worst = worst.map(|(i, k)| (gv[(i, k)] - values[k] * v[(i, k)]).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-13 * values[0], "{worst}");
    }
}
