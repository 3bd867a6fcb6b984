//! Means and covariances along circles of latitude, of one time and level after the other.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller

use halocline_core::engine::Numbers;
use halocline_core::{Error, Result};
use pulp::{Arch, NullaryFnOnce};
use serde::{Deserialize, Serialize};

/// Sums that go on side by side: their number is part of the result's bits.
const LANES: usize = 16;

/// Which means and covariances are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowSums {
    variables: usize,
    pairs: Vec<(usize, usize)>,
}

/// What was found along rows: `rows × (1 + variables + pairs)` numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rows {
    fields: usize,
    values: Vec<f64>,
}

impl RowSums {
    /// Means of so many variables, and covariances of these pairs of them. A cell counts where all
    /// variables are there.
    ///
    /// # Errors
    /// Internal, if a pair names a variable that is not there.
    pub fn new(variables: usize, pairs: &[(usize, usize)]) -> Result<Self> {
        if variables == 0 || pairs.iter().any(|&(a, b)| a.max(b) >= variables) {
            return Err(Error::internal("rows of variables that are not there"));
        }
        Ok(Self { variables, pairs: pairs.to_vec() })
    }
    /// Numbers that are made of a row.
    pub fn fields(&self) -> usize {
        1 + self.variables + self.pairs.len()
    }

    /// Of rows of `len` cells of all variables: the share of cells that are there, the means
    /// \[x\] of those, the eddy covariances \[x*y*\], in this order for each row; NaN where no
    /// cell is there. Deviations are from the mean of the row, so sums are of small numbers.
    pub fn of(&self, values: &[Numbers<'_>], len: usize) -> Rows {
        use rayon::prelude::*;
        let (fields, len) = (self.fields(), len.max(1));
        let rows = values.first().map_or(0, |v| v.len() / len);
        let mut out = vec![f64::NAN; rows * fields];
        out.par_chunks_mut(fields).enumerate().with_min_len(16).for_each_init(
            || vec![vec![0.0; len]; self.variables],
            |buffers, (row, out)| {
                let range = row * len..(row + 1) * len;
                if let ([v], true) = (values, self.pairs.is_empty()) {
                    (out[0], out[1]) = alone(v.slice(range), len);
                    return;
                }
                let mut gaps = false;
                for (buffer, v) in buffers.iter_mut().zip(values) {
                    gaps |= widen(v.slice(range.clone()), buffer);
                }
                self.row(buffers, gaps, out);
            },
        );
        Rows { fields, values: out }
    }

    fn row(&self, rows: &mut [Vec<f64>], gaps: bool, out: &mut [f64]) {
        let len = rows.first().map_or(0, Vec::len);
        // Missing in one is missing in all.
        let mut there = vec![1.0; if gaps { len } else { 0 }];
        if gaps {
            for row in rows.iter() {
                there.iter_mut().zip(row).filter(|(_, v)| v.is_nan()).for_each(|(t, _)| *t = 0.0);
            }
        }
        let count = if gaps { there.iter().sum() } else { len as f64 };
        out[0] = count / (len.max(1)) as f64;
        if count == 0.0 {
            return;
        }
        for (k, row) in rows.iter_mut().enumerate() {
            if gaps {
                row.iter_mut().zip(&there).filter(|(_, t)| **t == 0.0).for_each(|(v, _)| *v = 0.0);
            }
            let mean = sum(row) / count;
            out[1 + k] = mean;
            Arch::new().dispatch(Deviate { row, mean });
            if gaps {
                row.iter_mut().zip(&there).filter(|(_, t)| **t == 0.0).for_each(|(v, _)| *v = 0.0);
            }
        }
        for (k, &(a, b)) in self.pairs.iter().enumerate() {
            out[1 + self.variables + k] = product(&rows[a], &rows[b]) / count;
        }
    }
}

impl Rows {
    /// Number `field` of all rows.
    pub fn field(&self, field: usize) -> Vec<f64> {
        self.values.iter().skip(field).step_by(self.fields.max(1)).copied().collect()
    }
    /// All numbers, row by row.
    pub fn into_values(self) -> Vec<f64> {
        self.values
    }
}

/// Whether any value is missing.
fn widen(values: Numbers<'_>, to: &mut [f64]) -> bool {
    match values {
        Numbers::F32(from) => Arch::new().dispatch(Widen { from, to }),
        Numbers::F64(from) => Arch::new().dispatch(Widen { from, to }),
    }
}

/// Sums in lanes, compiled for the machine's vectors: closures would not be, as they are functions
/// of their own.
struct Sum<'a, T>(&'a [T]);

impl<T: Copy + Into<f64>> NullaryFnOnce for Sum<'_, T> {
    type Output = f64;
    #[inline(always)]
    fn call(self) -> f64 {
        let mut sums = [0.0; LANES];
        let parts = self.0.chunks_exact(LANES);
        let rest = parts.remainder();
        for part in parts {
            if let Ok(part) = <&[T; LANES]>::try_from(part) {
                for k in 0..LANES {
                    let v: f64 = part[k].into();
                    sums[k] += v;
                }
            }
        }
        for (sum, v) in sums.iter_mut().zip(rest) {
            let v: f64 = (*v).into();
            *sum += v;
        }
        total(&sums)
    }
}

struct Product<'a>(&'a [f64], &'a [f64]);

impl NullaryFnOnce for Product<'_> {
    type Output = f64;
    #[inline(always)]
    fn call(self) -> f64 {
        let mut sums = [0.0; LANES];
        let (all_a, all_b) = (self.0.chunks_exact(LANES), self.1.chunks_exact(LANES));
        let (a_rest, b_rest) = (all_a.remainder(), all_b.remainder());
        for (a, b) in all_a.zip(all_b) {
            if let (Ok(a), Ok(b)) = (<&[f64; LANES]>::try_from(a), <&[f64; LANES]>::try_from(b)) {
                for k in 0..LANES {
                    sums[k] += a[k] * b[k];
                }
            }
        }
        for (sum, (a, b)) in sums.iter_mut().zip(a_rest.iter().zip(b_rest)) {
            *sum += a * b;
        }
        total(&sums)
    }
}

/// Values as doubles, the bits of which tell whether any is missing.
struct Widen<'a, T> {
    from: &'a [T],
    to: &'a mut [f64],
}

impl<T: Copy + Into<f64>> NullaryFnOnce for Widen<'_, T> {
    type Output = bool;
    #[inline(always)]
    fn call(self) -> bool {
        let mut gaps = 0u64;
        for (to, from) in self.to.iter_mut().zip(self.from) {
            *to = (*from).into();
            gaps |= u64::from(to.is_nan());
        }
        gaps != 0
    }
}

/// Deviations from the mean.
struct Deviate<'a> {
    row: &'a mut [f64],
    mean: f64,
}

impl NullaryFnOnce for Deviate<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        for v in self.row {
            *v -= self.mean;
        }
    }
}

/// Σ a.
pub(super) fn sum(row: &[f64]) -> f64 {
    Arch::new().dispatch(Sum(row))
}

/// Σ a b.
pub(super) fn product(a: &[f64], b: &[f64]) -> f64 {
    Arch::new().dispatch(Product(a, b))
}

/// The lanes, by halves.
fn total(sums: &[f64; LANES]) -> f64 {
    let mut sums = *sums;
    let mut half = LANES / 2;
    while half > 0 {
        (0..half).for_each(|k| sums[k] += sums[k + half]);
        half /= 2;
    }
    sums[0]
}

/// The share that is there of one variable, and its mean, without copies.
fn alone(values: Numbers<'_>, len: usize) -> (f64, f64) {
    let sum = match values {
        Numbers::F32(v) => Arch::new().dispatch(Sum(v)),
        Numbers::F64(v) => Arch::new().dispatch(Sum(v)),
    };
    if sum.is_finite() {
        return (1.0, sum / len as f64);
    }
    // Something is missing: counted.
    let (mut sums, mut count) = ([0.0; LANES], 0usize);
    let mut each = |k: usize, v: f64| {
        if !v.is_nan() {
            sums[k % LANES] += v;
            count += 1;
        }
    };
    match values {
        Numbers::F32(v) => v.iter().enumerate().for_each(|(k, v)| each(k, f64::from(*v))),
        Numbers::F64(v) => v.iter().enumerate().for_each(|(k, v)| each(k, *v)),
    }
    if count == 0 {
        return (0.0, f64::NAN);
    }
    (count as f64 / len as f64, total(&sums) / count as f64)
}
