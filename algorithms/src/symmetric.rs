//! Sums of outer products, and their leading eigenvectors.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par, Side};
use halocline_core::engine::{encoded_floats, encoded_number};
use halocline_core::memory::filled;
use halocline_core::{Error, Result};
use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Rows and columns of a block: three blocks of doubles stay in a core's cache, a matrix of some
/// hundred rows already has blocks enough for all threads, and kernels of 48 doubles or 96 singles
/// have none to spare.
const BLOCK: usize = 96;

/// Vectors that are added at a time: for all blocks they are read from cache.
pub const STRIP: usize = 384;

/// A symmetric matrix S = Σ r rᵀ that rows r are added to: the lower triangle, in blocks.
///
/// Each block is one matrix product on one thread, so the bits don't depend on threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SymmetricSum {
    n: usize,
    /// Blocks (i, j), j ≤ i, row after row; each C order.
    blocks: Vec<Vec<f64>>,
}

/// Eigenvalues, descending, with unit eigenvectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Eigenpairs {
    /// The leading eigenvalues, descending, none below zero.
    pub values: Vec<f64>,
    /// One eigenvector after the other, `n` numbers each.
    pub vectors: Vec<f64>,
    /// Sum of all eigenvalues.
    pub trace: f64,
}

impl SymmetricSum {
    /// The zero matrix with `n` rows.
    pub fn new(n: usize) -> Self {
        // Zeros that are written: pages that were only promised cost more when products are added.
        let block = |(i, j)| filled(Self::span(n, i) * Self::span(n, j), 0.0);
        let blocks = Self::layout(n).map(block).collect();
        Self { n, blocks }
    }
    /// Makes it the zero matrix again, to be used anew: the first touch of fresh memory costs
    /// more than clearing what was used.
    pub fn clear(&mut self) {
        self.blocks.par_iter_mut().for_each(|block| block.fill(0.0));
    }
    fn layout(n: usize) -> impl Iterator<Item = (usize, usize)> {
        (0..n.div_ceil(BLOCK)).flat_map(|i| (0..=i).map(move |j| (i, j)))
    }
    /// Rows of block row `i`.
    fn span(n: usize, i: usize) -> usize {
        BLOCK.min(n - i * BLOCK)
    }
    /// Bytes of an encoded matrix of `n` rows.
    pub fn encoded_bytes(n: usize) -> u64 {
        let block = |(i, j): (usize, usize)| encoded_floats((Self::span(n, i) * Self::span(n, j)) as u64);
        let count = Self::layout(n).count() as u64;
        encoded_number(n as u64) + encoded_number(count) + Self::layout(n).map(block).sum::<u64>()
    }
    /// Number of rows of the matrix.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Adds A Aᵀ for A of `n` rows, C order: each column of A is one vector c, added as c cᵀ.
    ///
    /// A few hundred columns at a time are best: they stay in cache for all blocks.
    pub fn add_columns(&mut self, a: &[f64]) {
        if self.n > 0 && !a.is_empty() {
            self.add(MatRef::from_row_major_slice(a, self.n, a.len() / self.n));
        }
    }

    /// Adds r rᵀ for each of the rows (`rows` holds them one after the other, `n` numbers each).
    pub fn add_rows(&mut self, rows: &[f64]) {
        if self.n > 0 {
            for strip in rows.chunks(STRIP * self.n) {
                self.add(MatRef::from_row_major_slice(strip, strip.len() / self.n, self.n).transpose());
            }
        }
    }

    /// The error of [`Self::add_columns_as_singles`], as a share of the trace, that an eigenvalue
    /// of the sum has at most: with unit roundoff u of singles, each value is rounded (u) and up
    /// to [`STRIP`] products are summed ((STRIP + 1) u), so that |δG(i, j)| ≤ γ Σ|a(i)||a(j)| with
    /// γ = (STRIP + 3) u, and by Cauchy and Schwarz the norm of δG is at most γ times the trace.
    pub const SINGLES_ERROR: f64 = (STRIP as f64 + 3.0) * (f32::EPSILON as f64) / 2.0;

    /// [`Self::add_columns`] with products in single precision, of [`STRIP`] columns at most, that
    /// are multiplied by `up`; the sum is in double precision.
    pub fn add_columns_as_singles(&mut self, a: &[f32], up: f64) {
        if self.n == 0 || a.is_empty() {
            return;
        }
        let (n, width) = (self.n, a.len() / self.n);
        debug_assert!(width <= STRIP);
        let a = MatRef::from_row_major_slice(a, n, width);
        let places: Vec<(usize, usize)> = Self::layout(n).collect();
        self.blocks.par_iter_mut().zip(places).for_each_init(
            || vec![0f32; BLOCK * BLOCK],
            |product, (block, (i, j))| {
                let (ni, nj) = (Self::span(n, i), Self::span(n, j));
                let product = &mut product[..ni * nj];
                matmul(
                    MatMut::from_row_major_slice_mut(product, ni, nj),
                    Accum::Replace,
                    a.subrows(i * BLOCK, ni),
                    a.subrows(j * BLOCK, nj).transpose(),
                    1.0f32,
                    Par::Seq,
                );
                Arch::new().dispatch(Raise { sums: block, product, up });
            },
        );
    }

    /// Bytes of a matrix of `n` rows.
    pub fn bytes(n: usize) -> u64 {
        let rows = (n.div_ceil(BLOCK) * BLOCK) as u64;
        rows.saturating_mul(rows + BLOCK as u64).saturating_mul(4)
    }

    fn add(&mut self, a: MatRef<'_, f64>) {
        let n = self.n;
        let places: Vec<(usize, usize)> = Self::layout(n).collect();
        self.blocks.par_iter_mut().zip(places).for_each(|(block, (i, j))| {
            let (ni, nj) = (Self::span(n, i), Self::span(n, j));
            matmul(
                MatMut::from_row_major_slice_mut(block, ni, nj),
                Accum::Add,
                a.subrows(i * BLOCK, ni),
                a.subrows(j * BLOCK, nj).transpose(),
                1.0,
                Par::Seq,
            );
        });
    }

    /// Adds another such sum.
    ///
    /// # Errors
    /// When it is of another size.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.n != other.n {
            return Err(Error::internal(format!(
                "can't add a matrix of {} rows to one of {}",
                other.n, self.n
            )));
        }
        self.blocks.par_iter_mut().zip(&other.blocks).for_each(|(a, b)| {
            for (x, y) in a.iter_mut().zip(b) {
                *x += y;
            }
        });
        Ok(())
    }

    /// Sum of the diagonal.
    pub fn trace(&self) -> f64 {
        Self::layout(self.n)
            .zip(&self.blocks)
            .filter(|((i, j), _)| i == j)
            .map(|((i, _), block)| {
                let span = Self::span(self.n, i);
                (0..span).map(|k| block[k * span + k]).sum::<f64>()
            })
            .sum()
    }

    /// The entry in row `i` and column `j`, both below `n`.
    pub fn get(&self, i: usize, j: usize) -> f64 {
        let (row, column) = (i.max(j), i.min(j));
        let (bi, bj) = (row / BLOCK, column / BLOCK);
        let block = &self.blocks[bi * (bi + 1) / 2 + bj];
        block[row % BLOCK * Self::span(self.n, bj) + column % BLOCK]
    }

    /// The whole matrix, both triangles: C order, n × n.
    pub fn to_dense(&self) -> Vec<f64> {
        let n = self.n;
        let mut dense = vec![0.0; n * n];
        for ((i, j), block) in Self::layout(n).zip(&self.blocks) {
            let span = Self::span(n, j);
            for (k, &value) in block.iter().enumerate() {
                let (row, column) = (i * BLOCK + k / span, j * BLOCK + k % span);
                if column <= row {
                    dense[row * n + column] = value;
                    dense[column * n + row] = value;
                }
            }
        }
        dense
    }

    /// The leading `count` eigenpairs, by a dense solver on one thread.
    ///
    /// # Errors
    /// When the matrix holds something that is no number, or the solver does not converge.
    pub fn leading(&self, count: usize) -> Result<Eigenpairs> {
        let mut matrix = Mat::<f64>::zeros(self.n, self.n);
        for ((i, j), block) in Self::layout(self.n).zip(&self.blocks) {
            let span = Self::span(self.n, j);
            for (k, &value) in block.iter().enumerate() {
                matrix[(i * BLOCK + k / span, j * BLOCK + k % span)] = value;
            }
        }
        if self.blocks.iter().flatten().any(|v| !v.is_finite()) {
            return Err(Error::data("the covariance overflows or is not a number")
                .remedy("look for absurd values in the data"));
        }
        // The solver compares with absolute thresholds: the largest entry, on the diagonal, is to be about 1.
        let largest = (0..self.n).fold(0.0f64, |m, i| m.max(matrix[(i, i)].abs()));
        let (down, up) = power_of_two_scale(&[largest]);
        for j in 0..self.n {
            matrix.col_mut(j).iter_mut().for_each(|v| *v *= down);
        }
        let eigen = matrix
            .self_adjoint_eigen(Side::Lower)
            .map_err(|e| Error::internal(format!("the eigenvalue solver failed: {e:?}")))?;
        let (values, vectors) = (eigen.S(), eigen.U());
        let count = count.min(self.n);
        let leading: Vec<usize> = (0..count).map(|k| self.n - 1 - k).collect();
        Ok(Eigenpairs {
            values: leading.iter().map(|&c| (values[c] * up).max(0.0)).collect(),
            vectors: leading.iter().flat_map(|&c| (0..self.n).map(move |r| vectors[(r, c)])).collect(),
            trace: self.trace(),
        })
    }
}

/// Adds products in single precision to sums in double.
struct Raise<'a> {
    sums: &'a mut [f64],
    product: &'a [f32],
    up: f64,
}

impl NullaryFnOnce for Raise<'_> {
    type Output = ();
    #[inline(always)]
    #[allow(clippy::inline_always)] // so that it is compiled for the vectors of its caller
    fn call(self) {
        self.sums.iter_mut().zip(self.product).for_each(|(sum, p)| *sum += f64::from(*p) * self.up);
    }
}

/// Powers of two, the inverse of each other, to multiply and to divide by so that the largest of
/// `values` is about 1.
pub(crate) fn power_of_two_scale(values: &[f64]) -> (f64, f64) {
    let largest = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let exponent = if largest > 0.0 && largest.is_finite() { largest.log2().ceil() } else { 0.0 };
    ((-exponent).exp2(), exponent.exp2())
}

/// C = A·B for C-order `a` (`rows` × `inner`) and B given by its columns, one after the other
/// (`inner` numbers each): C order, `rows` × number of columns. One thread.
pub fn times_columns(a: &[f64], rows: usize, inner: usize, columns: &[f64]) -> Vec<f64> {
    product(MatRef::from_row_major_slice(a, rows, inner), columns)
}

/// C = Aᵀ·B for C-order `a` (`inner` × `rows`) and B given by its columns, as in
/// [`times_columns`].
pub fn transposed_times_columns(a: &[f64], rows: usize, inner: usize, columns: &[f64]) -> Vec<f64> {
    product(MatRef::from_row_major_slice(a, inner, rows).transpose(), columns)
}

fn product(a: MatRef<'_, f64>, columns: &[f64]) -> Vec<f64> {
    let (rows, inner) = (a.nrows(), a.ncols());
    let count = columns.len().checked_div(inner).unwrap_or(0);
    let mut out = vec![0.0; rows * count];
    if !out.is_empty() {
        matmul(
            MatMut::from_row_major_slice_mut(&mut out, rows, count),
            Accum::Replace,
            a,
            MatRef::from_column_major_slice(columns, inner, count),
            1.0,
            Par::Seq,
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_merge_and_diagonalise() {
        let n = 300;
        let row = |seed: usize| -> Vec<f64> {
            (0..n).map(|i| (((i + 1) * (seed + 3) * 7919) % 1013) as f64 / 1013.0 - 0.5).collect()
        };
        let rows: Vec<f64> = (0..50).flat_map(row).collect();
        let mut whole = SymmetricSum::new(n);
        whole.add_rows(&rows);
        let (mut left, mut right) = (SymmetricSum::new(n), SymmetricSum::new(n));
        left.add_rows(&rows[..20 * n]);
        right.add_rows(&rows[20 * n..]);
        left.merge(&right).unwrap();
        let squares: f64 = rows.iter().map(|v| v * v).sum();
        assert!((whole.trace() - squares).abs() < 1e-10 * squares);
        let dense = whole.to_dense();
        assert!((0..n * n).all(|k| whole.get(k / n, k % n) == dense[k]));
        let (a, b) = (whole.leading(5).unwrap(), left.leading(5).unwrap());
        for k in 0..5 {
            assert!((a.values[k] - b.values[k]).abs() < 1e-12 * a.values[0]);
            let v = &a.vectors[k * n..(k + 1) * n];
            let norm: f64 = v.iter().map(|x| x * x).sum();
            assert!((norm - 1.0).abs() < 1e-12);
            // S v = λ v, with S v = Σ r (r·v)
            let mut sv = vec![0.0; n];
            for r in rows.chunks(n) {
                let dot: f64 = r.iter().zip(v).map(|(x, y)| x * y).sum();
                sv.iter_mut().zip(r).for_each(|(s, x)| *s += dot * x);
            }
            for (s, x) in sv.iter().zip(v) {
                assert!((s - a.values[k] * x).abs() < 1e-10 * a.values[0]);
            }
        }
        assert!(left.merge(&SymmetricSum::new(3)).is_err());
        let mut columns = SymmetricSum::new(n);
        let transposed: Vec<f64> = (0..n * 50).map(|k| rows[(k % 50) * n + k / 50]).collect();
        columns.add_columns(&transposed);
        assert!((columns.trace() - whole.trace()).abs() < 1e-12 * squares);
        assert!((columns.leading(1).unwrap().values[0] - a.values[0]).abs() < 1e-12 * a.values[0]);
    }

    #[test]
    fn products_with_columns() {
        let c = times_columns(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 3, &[1.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        assert_eq!(c, [1.0, 6.0, 4.0, 15.0]);
        let c =
            transposed_times_columns(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0], 2, 3, &[1.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        assert_eq!(c, [1.0, 6.0, 4.0, 15.0]);
    }
}
