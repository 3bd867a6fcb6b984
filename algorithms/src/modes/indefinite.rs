//! Eigenvalues of covariances that were put together pair by pair, some of which are negative.

use super::dense::{check_finite, rows, symmetric, to_columns};
use halocline_core::Result;
use serde::{Deserialize, Serialize};

/// The leading eigenpairs of a symmetric matrix that need not be positive semidefinite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Indefinite {
    /// The leading eigenvalues, descending, all above rounding.
    pub values: Vec<f64>,
    /// Unit eigenvectors, one after the other.
    pub vectors: Vec<f64>,
    /// Sum of all eigenvalues.
    pub trace: f64,
    /// Eigenvalues that are above rounding.
    pub positive: usize,
    /// Eigenvalues that are below zero, by more than rounding.
    pub negative: usize,
    /// The sum of these.
    pub negative_sum: f64,
}

/// An eigenvalue up to this share of the largest (in magnitude) is rounding.
const ROUNDING: f64 = 1e-13;

/// The leading `count` eigenpairs, or as many as are positive, of `matrix` (n × n, C order, both
/// triangles), by a dense solver on one thread.
///
/// # Errors
/// [`Data`](halocline_core::ErrorKind::Data) when the matrix holds something that is no number.
pub fn indefinite(n: usize, matrix: &[f64], count: usize) -> Result<Indefinite> {
    check_finite(matrix, "the covariance")?;
    let (values, vectors) = symmetric(rows(matrix, n, n))?;
    let largest = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let floor = ROUNDING * n as f64 * largest;
    let positive = values.iter().take_while(|v| **v > floor).count();
    let negative: Vec<f64> = values.iter().copied().filter(|v| *v < -floor).collect();
    let count = count.min(positive);
    Ok(Indefinite {
        values: values[..count].to_vec(),
        vectors: to_columns(vectors.subcols(0, count)),
        trace: (0..n).map(|i| matrix[i * n + i]).sum(),
        positive,
        negative: negative.len(),
        negative_sum: negative.iter().sum(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_eigenvalues_are_counted() {
        // Correlations that no data have all at once: eigenvalues 1.9, 1.9 and -0.8.
        let m = [1.0, 0.9, -0.9, 0.9, 1.0, 0.9, -0.9, 0.9, 1.0];
        let found = indefinite(3, &m, 3).unwrap();
        assert_eq!((found.positive, found.negative, found.values.len()), (2, 1, 2));
        assert!(found.values.iter().all(|v| (v - 1.9).abs() < 1e-14));
        assert!((found.negative_sum + 0.8).abs() < 1e-14 && (found.trace - 3.0).abs() < 1e-14);
        for (value, v) in found.values.iter().zip(found.vectors.chunks(3)) {
            for i in 0..3 {
                let product: f64 = (0..3).map(|j| m[i * 3 + j] * v[j]).sum();
                assert!((product - value * v[i]).abs() < 1e-14);
            }
        }
        assert!(indefinite(1, &[f64::NAN], 1).is_err());
        let none = indefinite(2, &[0.0; 4], 2).unwrap();
        assert_eq!((none.positive, none.negative, none.values.len()), (0, 0, 0));
    }
}
