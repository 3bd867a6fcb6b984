//! Least squares with few unknowns: the amplitudes of modes in a series that has gaps.

use super::dense::{rows, symmetric};
use halocline_core::Result;

/// A pivot above this tells of equations that elimination solves well enough.
const GOOD_PIVOT: f64 = 1e-4;

/// An eigenvalue of the equations up to this belongs to a direction that the data don't tell.
const UNKNOWN: f64 = 1e-8;

/// a with `normal` a = `right`, for the normal equations A = Uₒᵀ Uₒ (k × k, C order) of the rows
/// (those that are there) of a matrix U of orthonormal columns, and Uₒᵀ x. Where A is singular,
/// the solution of least norm: eigenvalues of A up to 10⁻⁸ (the largest that any has is 1) count
/// as zero.
///
/// # Errors
/// [`System`](halocline_core::ErrorKind::System) when the eigenvalue solver fails.
pub fn fit(normal: &[f64], right: &[f64]) -> Result<Vec<f64>> {
    if let Some(solution) = cholesky(normal, right) {
        return Ok(solution);
    }
    let k = right.len();
    let (values, vectors) = symmetric(rows(normal, k, k))?;
    let mut solution = vec![0.0; k];
    for (j, value) in values.iter().enumerate().filter(|(_, v)| **v > UNKNOWN) {
        let along = (0..k).map(|i| vectors[(i, j)] * right[i]).sum::<f64>() / value;
        solution.iter_mut().enumerate().for_each(|(i, s)| *s += vectors[(i, j)] * along);
    }
    Ok(solution)
}

/// By A = L Lᵀ; `None` when a pivot is small.
fn cholesky(normal: &[f64], right: &[f64]) -> Option<Vec<f64>> {
    let k = right.len();
    let mut l = normal.to_vec();
    let mut x = right.to_vec();
    for i in 0..k {
        for j in 0..=i {
            let inner: f64 = (0..j).map(|m| l[i * k + m] * l[j * k + m]).sum();
            let rest = normal[i * k + j] - inner;
            if i != j {
                l[i * k + j] = rest / l[j * k + j];
            } else if rest > GOOD_PIVOT {
                l[i * k + i] = rest.sqrt();
            } else {
                return None;
            }
        }
        let inner: f64 = (0..i).map(|m| l[i * k + m] * x[m]).sum();
        x[i] = (x[i] - inner) / l[i * k + i];
    }
    for i in (0..k).rev() {
        let inner: f64 = (i + 1..k).map(|m| l[m * k + i] * x[m]).sum();
        x[i] = (x[i] - inner) / l[i * k + i];
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_and_takes_the_least_norm() {
        // [[2, 1], [1, 3]] x = [1, 2]
        let x = fit(&[2.0, 1.0, 1.0, 3.0], &[1.0, 2.0]).unwrap();
        assert!((x[0] - 0.2).abs() < 1e-15 && (x[1] - 0.6).abs() < 1e-15);
        // x + y = 1 alone: the shortest of all solutions.
        let x = fit(&[0.5, 0.5, 0.5, 0.5], &[0.5, 0.5]).unwrap();
        assert!((x[0] - 0.5).abs() < 1e-14 && (x[1] - 0.5).abs() < 1e-14);
        assert_eq!(fit(&[0.0], &[0.0]).unwrap(), [0.0]);
        assert!(fit(&[], &[]).unwrap().is_empty());
    }
}
