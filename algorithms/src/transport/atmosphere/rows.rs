//! Means and covariances along circles of latitude, of one time and level after the other.

use halocline_core::engine::Numbers;
use halocline_core::{Error, Result};
use pulp::Arch;
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
                for (buffer, v) in buffers.iter_mut().zip(values) {
                    widen(v.slice(range.clone()), buffer);
                }
                self.row(buffers, out);
            },
        );
        Rows { fields, values: out }
    }

    fn row(&self, rows: &mut [Vec<f64>], out: &mut [f64]) {
        let arch = Arch::new();
        let len = rows.first().map_or(0, Vec::len);
        // Missing in one is missing in all.
        let gaps = rows.iter().any(|row| arch.dispatch(|| row.iter().any(|v| v.is_nan())));
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
            let mean = arch.dispatch(
                #[inline(always)]
                || sum(row),
            ) / count;
            out[1 + k] = mean;
            arch.dispatch(
                #[inline(always)]
                || row.iter_mut().for_each(|v| *v -= mean),
            );
            if gaps {
                row.iter_mut().zip(&there).filter(|(_, t)| **t == 0.0).for_each(|(v, _)| *v = 0.0);
            }
        }
        for (k, &(a, b)) in self.pairs.iter().enumerate() {
            let product = arch.dispatch(
                #[inline(always)]
                || product(&rows[a], &rows[b]),
            );
            out[1 + self.variables + k] = product / count;
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

fn widen(values: Numbers<'_>, out: &mut [f64]) {
    match values {
        Numbers::F32(v) => out.iter_mut().zip(v).for_each(|(o, v)| *o = f64::from(*v)),
        Numbers::F64(v) => out.iter_mut().zip(v).for_each(|(o, v)| *o = *v),
    }
}

#[inline(always)]
#[allow(clippy::inline_always)] // so that it is compiled for the vectors of its caller
pub(super) fn sum(row: &[f64]) -> f64 {
    lanes(row.chunks(LANES), |lane, part, sums| sums[lane] += part[lane])
}

#[inline(always)]
#[allow(clippy::inline_always)] // as above
pub(super) fn product(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
        if let (Ok(a), Ok(b)) = (<&[f64; LANES]>::try_from(a), <&[f64; LANES]>::try_from(b)) {
            (0..LANES).for_each(|k| sums[k] += a[k] * b[k]);
        } else {
            (0..a.len()).for_each(|k| sums[k] += a[k] * b[k]);
        }
    }
    total(&sums)
}

#[inline(always)]
#[allow(clippy::inline_always)] // as above
fn lanes<'a>(parts: impl Iterator<Item = &'a [f64]>, add: impl Fn(usize, &[f64], &mut [f64; LANES])) -> f64 {
    let mut sums = [0.0; LANES];
    for part in parts {
        if part.len() == LANES {
            (0..LANES).for_each(|k| add(k, part, &mut sums));
        } else {
            (0..part.len()).for_each(|k| add(k, part, &mut sums));
        }
    }
    total(&sums)
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
    let arch = Arch::new();
    let sum = match values {
        Numbers::F32(v) => arch.dispatch(
            #[inline(always)]
            || quick(v, f64::from),
        ),
        Numbers::F64(v) => arch.dispatch(
            #[inline(always)]
            || quick(v, |v| v),
        ),
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

#[inline(always)]
#[allow(clippy::inline_always)] // as above
fn quick<T: Copy>(values: &[T], wide: impl Fn(T) -> f64) -> f64 {
    let mut sums = [0.0; LANES];
    let mut parts = values.chunks_exact(LANES);
    for part in &mut parts {
        for k in 0..LANES {
            sums[k] += wide(part[k]);
        }
    }
    for (sum, v) in sums.iter_mut().zip(parts.remainder()) {
        *sum += wide(*v);
    }
    total(&sums)
}
