//! Slices as matrices, and the solvers with errors in our words. All on one thread.

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

/// Eigenvalues, descending, and eigenvectors (columns) of a symmetric matrix.
pub(super) fn symmetric(a: MatRef<'_, f64>) -> Result<(Vec<f64>, Mat<f64>)> {
    let n = a.nrows();
    if n == 0 {
        return Ok((Vec::new(), Mat::zeros(0, 0)));
    }
    let eigen = a.self_adjoint_eigen(Side::Lower).map_err(|e| failed("eigenvalue", &e))?;
    let values = (0..n).rev().map(|i| eigen.S()[i]).collect();
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
    let svd = a.thin_svd().map_err(|e| failed("singular value", &e))?;
    Ok(Svd { u: svd.U().to_owned(), s: (0..small).map(|i| svd.S()[i]).collect(), v: svd.V().to_owned() })
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
