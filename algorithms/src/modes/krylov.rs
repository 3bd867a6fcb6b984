//! Few leading eigenpairs of a large symmetric matrix.

use super::dense::{dot, product, symmetric};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use halocline_core::Result;

/// A pair has converged when ‖S u − λ u‖ is below this share of λ₁.
const TOLERANCE: f64 = 1e-13;

/// Vectors beyond those that are wanted: they make the last ones converge.
const GUARD: usize = 6;

/// Blocks between two looks at the residuals; a look costs a small eigenvalue problem.
const LOOK: usize = 4;

/// The leading `count` eigenpairs of a positive semidefinite S (`n` rows) that `apply` multiplies
/// a block of columns by: values, and unit vectors as columns. None when the basis grows over a
/// third of `n` before they have converged, and a dense solver is the better choice.
///
/// A block Krylov method: the basis is kept whole and orthogonal to rounding, so nothing is lost
/// by restarts, and eigenvalues up to `count`-fold are found whole. It starts from fixed vectors.
pub(super) fn leading(
    n: usize,
    count: usize,
    apply: &dyn Fn(MatMut<'_, f64>, MatRef<'_, f64>),
) -> Result<Option<(Vec<f64>, Mat<f64>)>> {
    let width = count + GUARD;
    let limit = n / 3 / width * width;
    if count == 0 || limit < 2 * width {
        return Ok(None);
    }
    let mut basis = Mat::<f64>::zeros(n, limit);
    let mut images = Mat::<f64>::zeros(n, limit);
    let mut projected = Mat::<f64>::zeros(limit, limit);
    let mut block = Mat::from_fn(n, width, |i, j| scatter(i * width + j)).qr().compute_thin_Q();
    // Of whatever size S is, what is worked with is about 1.
    let (mut down, mut size) = (1.0, 1.0);
    for step in 0..limit / width {
        let (from, to) = (step * width, (step + 1) * width);
        basis.subcols_mut(from, width).copy_from(&block);
        apply(images.subcols_mut(from, width), block.as_ref());
        let mut image = images.subcols_mut(from, width);
        if step == 0 {
            let all = (0..width).flat_map(|j| (0..n).map(move |i| (i, j)));
            let largest = all.fold(0.0f64, |m, at| m.max(image[at].abs()));
            (down, size) = crate::symmetric::power_of_two_scale(&[largest]);
        }
        (0..width).for_each(|j| image.as_mut().col_mut(j).iter_mut().for_each(|v| *v *= down));
        let image = images.subcols(from, width);
        let overlaps = product(basis.subcols(0, to).transpose(), image);
        for j in 0..width {
            for i in 0..to {
                projected[(i, from + j)] = overlaps[(i, j)];
                projected[(from + j, i)] = overlaps[(i, j)];
            }
        }
        if step % LOOK == LOOK - 1 || to == limit {
            let (values, vectors) = symmetric(projected.submatrix(0, 0, to, to))?;
            let vectors = vectors.subcols(0, count);
            let found = product(basis.subcols(0, to), vectors);
            let image = product(images.subcols(0, to), vectors);
            let converged = (0..count).all(|k| {
                let residual: f64 =
                    (0..n).map(|i| (image[(i, k)] - values[k] * found[(i, k)]).powi(2)).sum::<f64>().sqrt();
                residual <= TOLERANCE * values[0]
            });
            if converged {
                let values = values[..count].iter().map(|v| v * size).collect();
                return Ok(Some((values, normalised(found))));
            }
        }
        block = image.to_owned();
        // Twice: the first pass leaves rounding errors of S, which the second removes from vectors
        // that are of norm one by then.
        for _ in 0..2 {
            let known = basis.subcols(0, to);
            let overlaps = product(known.transpose(), block.as_ref());
            matmul(block.as_mut(), Accum::Add, known, overlaps.as_ref(), -1.0, Par::Seq);
            block = block.qr().compute_thin_Q();
        }
    }
    Ok(None)
}

fn normalised(mut vectors: Mat<f64>) -> Mat<f64> {
    for k in 0..vectors.ncols() {
        let column: Vec<f64> = (0..vectors.nrows()).map(|i| vectors[(i, k)]).collect();
        let norm = dot(&column, &column).sqrt();
        (0..vectors.nrows()).for_each(|i| vectors[(i, k)] /= norm);
    }
    vectors
}

/// Fixed numbers in (-1, 1) without a pattern (the finaliser of `SplitMix64`).
fn scatter(i: usize) -> f64 {
    let mut z = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) as f64 / u64::MAX as f64 * 2.0 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `A = Σ_k v_k q_k q_kᵀ` for orthonormal q, applied through its factors.
    fn run(values: &[f64], n: usize, count: usize) -> Option<(Vec<f64>, Mat<f64>, Mat<f64>)> {
        let q = Mat::from_fn(n, values.len(), |i, j| scatter(i * 977 + j * 31)).qr().compute_thin_Q();
        let scaled = Mat::from_fn(n, values.len(), |i, j| q[(i, j)] * values[j]);
        let apply = |mut out: MatMut<'_, f64>, x: MatRef<'_, f64>| {
            out.copy_from(product(scaled.as_ref(), product(q.transpose(), x).as_ref()));
        };
        leading(n, count, &apply).unwrap().map(|(values, vectors)| (values, vectors, q))
    }

    #[test]
    fn known_spectra_with_and_without_equal_values() {
        let n = 400;
        for spectrum in [
            (0..60).map(|k| 100.0 * 0.8f64.powi(k)).collect::<Vec<_>>(),
            [vec![5.0; 4], vec![3.0, 3.0, 1.0, 0.5]].concat(),
        ] {
            let (values, vectors, q) = run(&spectrum, n, 6).unwrap();
            for k in 0..6 {
                assert!((values[k] - spectrum[k]).abs() < 1e-12 * spectrum[0], "{k}: {values:?}");
                // In the span of the vectors with this value.
                let share: f64 = (0..spectrum.len())
                    .filter(|&j| spectrum[j] == spectrum[k])
                    .map(|j| (0..n).map(|i| q[(i, j)] * vectors[(i, k)]).sum::<f64>().powi(2))
                    .sum();
                assert!((share - 1.0).abs() < 1e-12, "{k}: {share}");
            }
            let unit = product(vectors.transpose(), vectors.as_ref());
            for i in 0..6 {
                for j in 0..6 {
                    assert!((unit[(i, j)] - f64::from(u8::from(i == j))).abs() < 1e-13);
                }
            }
        }
    }

    #[test]
    fn gives_up_where_a_dense_solver_is_better() {
        assert!(run(&[2.0, 1.0], 40, 6).is_none());
        let flat: Vec<f64> = (0..400).map(|k| 1.0 - f64::from(k) * 1e-5).collect();
        assert!(run(&flat, 400, 6).is_none());
    }
}
