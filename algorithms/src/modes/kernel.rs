//! The temporal Gram matrix of weighted anomalies, whole or as a factor.

use super::dense::{check_finite, columns, product, rows, svd, symmetric, to_columns, to_rows};
use super::krylov;
use crate::symmetric::{Eigenpairs, SymmetricSum};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// Up to this size all eigenpairs are computed at once.
pub(super) const DENSE: usize = 2000;

/// More modes than this, and the dense solver is the cheaper one.
pub(super) const FEW: usize = 64;

/// G = X Xᵀ for X of n times × cells, both triangles, or T with G = T Tᵀ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Kernel {
    /// G itself: n × n, C order.
    Full {
        /// Number of times.
        n: usize,
        /// G(t, t′), C order.
        values: Vec<f64>,
    },
    /// A factor T of G, with fewer columns than rows if it is to pay.
    Factor {
        /// Number of times.
        n: usize,
        /// Columns of T.
        rank: usize,
        /// T, C order: n × rank.
        values: Vec<f64>,
    },
}

impl From<&SymmetricSum> for Kernel {
    fn from(sum: &SymmetricSum) -> Self {
        Self::Full { n: sum.n(), values: sum.to_dense() }
    }
}

impl Kernel {
    /// G = T Tᵀ for `t` of `n` rows, C order.
    ///
    /// # Errors
    /// When the length is no multiple of `n`.
    pub fn factor(n: usize, t: Vec<f64>) -> Result<Self> {
        if n == 0 || t.len() % n != 0 {
            return Err(Error::internal(format!("{} numbers don't make a factor of {n} rows", t.len())));
        }
        Ok(Self::Factor { n, rank: t.len() / n, values: t })
    }

    /// Number of times.
    pub fn n(&self) -> usize {
        match self {
            Self::Full { n, .. } | Self::Factor { n, .. } => *n,
        }
    }

    /// An upper bound of the number of modes.
    pub fn rank_bound(&self) -> usize {
        match self {
            Self::Full { n, .. } => *n,
            Self::Factor { n, rank, .. } => *rank.min(n),
        }
    }

    /// Σ G(t, t): the sum of squares of X.
    pub fn trace(&self) -> f64 {
        match self {
            Self::Full { n, values } => (0..*n).map(|t| values[t * n + t]).sum(),
            Self::Factor { rank, values, .. } => {
                values.chunks((*rank).max(1)).map(|row| row.iter().map(|v| v * v).sum::<f64>()).sum()
            }
        }
    }

    /// G, C order, n × n.
    pub fn to_full(&self) -> Vec<f64> {
        match self {
            Self::Full { values, .. } => values.clone(),
            Self::Factor { n, rank, values } => {
                let t = rows(values, *n, *rank);
                to_rows(product(t, t.transpose()).as_ref())
            }
        }
    }

    /// Σ f² G over (f, G): the kernel of several fields side by side, each multiplied by its f,
    /// as in multivariate (combined) EOFs.
    ///
    /// # Errors
    /// [`Usage`](halocline_core::ErrorKind::Usage) when the numbers of times differ, or there is none.
    pub fn scaled_sum(parts: &[(f64, &Self)]) -> Result<Self> {
        let n = parts.first().map(|(_, kernel)| kernel.n()).unwrap_or_default();
        if n == 0 {
            return Err(Error::usage("there is no field to combine"));
        }
        if let Some((_, other)) = parts.iter().find(|(_, kernel)| kernel.n() != n) {
            return Err(Error::usage(format!("fields of {n} and of {} times can't be combined", other.n()))
                .remedy("select the same times of all fields"));
        }
        let mut factors = Vec::new();
        for (f, kernel) in parts {
            if let Self::Factor { rank, values, .. } = kernel {
                factors.push((*f, *rank, &values[..]));
            }
        }
        if factors.len() == parts.len() {
            return Ok(beside(n, &factors));
        }
        let mut sum = vec![0.0; n * n];
        for (f, kernel) in parts {
            let square = f * f;
            match kernel {
                Self::Full { values, .. } => add_scaled(&mut sum, values, square),
                Self::Factor { .. } => add_scaled(&mut sum, &kernel.to_full(), square),
            }
        }
        Ok(Self::Full { n, values: sum })
    }

    /// The kernel of the field beside its own copies at `lags` (in times, the smallest is the
    /// first): G′(t, t′) = Σ over l of G(t + l, t′ + l), with n′ = n − (largest − smallest lag).
    /// Extended EOFs, multichannel singular spectrum analysis.
    ///
    /// Each lagged copy keeps the mean that it has over the n′ times; [`centred`](Self::centred)
    /// removes it. The pattern of lag l is that of [`lagged_vector`].
    ///
    /// # Errors
    /// [`Usage`](halocline_core::ErrorKind::Usage) when there is no lag, a lag is given twice, or
    /// fewer than two times are left.
    pub fn extended(&self, lags: &[usize]) -> Result<Self> {
        let n = self.n();
        let first = lags.iter().copied().min().ok_or_else(|| Error::usage("there is no lag"))?;
        let mut sorted = lags.to_vec();
        sorted.sort_unstable();
        if sorted.windows(2).any(|w| w[0] == w[1]) {
            return Err(Error::usage("a lag is given twice"));
        }
        let span = sorted[sorted.len() - 1] - first;
        if span + 2 > n {
            return Err(Error::usage(format!("lags over {span} times leave less than two of {n} times"))
                .remedy("choose shorter lags"));
        }
        let short = n - span;
        match self {
            Self::Full { values, .. } => {
                let mut sum = vec![0.0; short * short];
                for lag in lags.iter().map(|l| l - first) {
                    for (t, row) in sum.chunks_mut(short).enumerate() {
                        let start = (t + lag) * n + lag;
                        row.iter_mut().zip(&values[start..start + short]).for_each(|(s, g)| *s += g);
                    }
                }
                Ok(Self::Full { n: short, values: sum })
            }
            Self::Factor { rank, values, .. } => {
                let parts: Vec<_> = lags
                    .iter()
                    .map(|l| (1.0, *rank, &values[(l - first) * rank..(l - first + short) * rank]))
                    .collect();
                Ok(beside(short, &parts))
            }
        }
    }

    /// The kernel of the field with its time mean removed: rows and columns of G sum to zero.
    #[must_use]
    pub fn centred(self) -> Self {
        match self {
            Self::Full { n, mut values } => {
                let means: Vec<f64> =
                    values.chunks(n.max(1)).map(|row| row.iter().sum::<f64>() / n as f64).collect();
                let mean = means.iter().sum::<f64>() / n as f64;
                for (row, m) in values.chunks_mut(n.max(1)).zip(&means) {
                    // In this order for G(t, t′) and G(t′, t): they stay the same bits.
                    row.iter_mut().zip(&means).for_each(|(g, m2)| *g = *g - (m + m2) + mean);
                }
                Self::Full { n, values }
            }
            Self::Factor { n, rank, mut values } => {
                let mut mean = vec![0.0; rank];
                let each = rank.max(1);
                values.chunks(each).for_each(|row| mean.iter_mut().zip(row).for_each(|(m, v)| *m += v));
                mean.iter_mut().for_each(|m| *m /= n as f64);
                values.chunks_mut(each).for_each(|row| row.iter_mut().zip(&mean).for_each(|(v, m)| *v -= m));
                Self::Factor { n, rank, values }
            }
        }
    }

    /// The kernel of the field at `times`, in this order; a time may come more than once.
    ///
    /// # Errors
    /// [`Internal`](halocline_core::ErrorKind::Internal) when a time is beyond the last.
    pub fn at_times(&self, times: &[usize]) -> Result<Self> {
        let n = self.n();
        if let Some(t) = times.iter().find(|&&t| t >= n) {
            return Err(Error::internal(format!("time {t} of a kernel of {n} times")));
        }
        let short = times.len();
        Ok(match self {
            Self::Full { values, .. } => {
                let pick = |&t: &usize| times.iter().map(move |&u| values[t * n + u]);
                Self::Full { n: short, values: times.iter().flat_map(pick).collect() }
            }
            Self::Factor { rank, values, .. } => {
                let pick = |&t: &usize| values[t * rank..(t + 1) * rank].iter().copied();
                Self::Factor { n: short, rank: *rank, values: times.iter().flat_map(pick).collect() }
            }
        })
    }

    /// A factor T (n × r, C order) of G and its number of columns; of a whole G through all its
    /// eigenpairs, but for those that are rounding.
    ///
    /// # Errors
    /// As of [`leading`](Self::leading).
    pub fn factorised(&self) -> Result<(Vec<f64>, usize)> {
        match self {
            Self::Factor { rank, values, .. } => {
                check_finite(values, "the covariance")?;
                Ok((values.clone(), *rank))
            }
            Self::Full { n, values } => {
                check_finite(values, "the covariance")?;
                let (lambda, u) = symmetric(rows(values, *n, *n))?;
                let floor = *n as f64 * f64::EPSILON * lambda.first().copied().unwrap_or(0.0);
                let rank = lambda.iter().take_while(|&&l| l > floor).count();
                let t = (0..*n).flat_map(|i| (0..rank).map(move |k| (i, k)));
                Ok((t.map(|(i, k)| u[(i, k)] * lambda[k].sqrt()).collect(), rank))
            }
        }
    }

    /// The leading `count` eigenpairs of G with unit eigenvectors u over time, on one thread; the
    /// trace is that of all. Fewer when there are fewer.
    ///
    /// Few modes of many times come from a block Krylov method run to a residual of 10⁻¹³ λ₁,
    /// others from a dense solver; both errors of λ are of the order of rounding errors of λ₁.
    ///
    /// # Errors
    /// [`Data`](halocline_core::ErrorKind::Data) when G holds something that is no number.
    pub fn leading(&self, count: usize) -> Result<Eigenpairs> {
        let n = self.n();
        let count = count.min(self.rank_bound());
        match self {
            Self::Full { values, .. } => {
                check_finite(values, "the covariance")?;
                let g = rows(values, n, n);
                let (values, vectors) = leading_of(g, count)?;
                Ok(Eigenpairs { values, vectors, trace: self.trace() })
            }
            Self::Factor { rank, values, .. } if *rank < n => {
                check_finite(values, "the field")?;
                let t = rows(values, n, *rank);
                let small = product(t.transpose(), t);
                check_finite(&to_rows(small.as_ref()), "the covariance")?;
                let (_, w) = leading_of(small.as_ref(), count)?;
                // T W has columns of norm s: orthogonal only as far as the largest s allows. An
                // orthogonal basis of them and a small SVD make u orthonormal to rounding.
                let q = product(t, columns(&w, *rank)).qr().compute_thin_Q();
                let rest = svd(product(q.transpose(), t).as_ref())?;
                Ok(Eigenpairs {
                    values: rest.s.iter().map(|s| s * s).collect(),
                    vectors: to_columns(product(q.as_ref(), rest.u.as_ref()).as_ref()),
                    trace: self.trace(),
                })
            }
            Self::Factor { .. } => Self::Full { n, values: self.to_full() }.leading(count),
        }
    }
}

/// The leading eigenvalues, none below zero, and vectors, one after the other.
fn leading_of(g: MatRef<'_, f64>, count: usize) -> Result<(Vec<f64>, Vec<f64>)> {
    let n = g.nrows();
    if n > DENSE && count <= FEW {
        let apply =
            |out: MatMut<'_, f64>, x: MatRef<'_, f64>| matmul(out, Accum::Replace, g, x, 1.0, Par::Seq);
        if let Some((values, vectors)) = krylov::leading(n, count, &apply)? {
            return Ok((values.iter().map(|v| v.max(0.0)).collect(), to_columns(vectors.as_ref())));
        }
    }
    let (values, vectors) = symmetric(g)?;
    Ok((values[..count].iter().map(|v| v.max(0.0)).collect(), to_columns(vectors.subcols(0, count))))
}

/// Factors (scale, columns, values) side by side; multiplied out when that is smaller.
fn beside(n: usize, parts: &[(f64, usize, &[f64])]) -> Kernel {
    let rank: usize = parts.iter().map(|(_, rank, _)| rank).sum();
    let mut values = Vec::with_capacity(n * rank);
    for t in 0..n {
        for (f, rank, part) in parts {
            values.extend(part[t * rank..(t + 1) * rank].iter().map(|v| f * v));
        }
    }
    let kernel = Kernel::Factor { n, rank, values };
    if rank < n {
        kernel
    } else {
        Kernel::Full { n, values: kernel.to_full() }
    }
}

fn add_scaled(sum: &mut [f64], values: &[f64], factor: f64) {
    sum.iter_mut().zip(values).for_each(|(s, v)| *s += factor * v);
}

/// z = u / s with s = √λ(G) for each of the pairs: Xᵀ z is the EOF of unit norm, G z = u s the
/// raw principal component. Zero for a pair without variance.
pub fn temporal_vectors(pairs: &Eigenpairs) -> Vec<f64> {
    let n = pairs.vectors.len().checked_div(pairs.values.len()).unwrap_or(0);
    let vectors = pairs.vectors.chunks(n.max(1)).zip(&pairs.values);
    vectors
        .flat_map(|(u, &value)| {
            let factor = if value > 0.0 { 1.0 / value.sqrt() } else { 0.0 };
            u.iter().map(move |v| v * factor)
        })
        .collect()
}

/// A temporal vector of an extended kernel for the copy of the field at one lag: `z`, moved by
/// `offset` (the lag less the smallest lag), among `n` times of the field itself.
///
/// # Errors
/// [`Internal`](halocline_core::ErrorKind::Internal) when it does not fit.
pub fn lagged_vector(z: &[f64], offset: usize, n: usize) -> Result<Vec<f64>> {
    if z.len() + offset > n {
        return Err(Error::internal(format!("{} times moved by {offset} among {n}", z.len())));
    }
    let mut out = vec![0.0; n];
    out[offset..offset + z.len()].copy_from_slice(z);
    Ok(out)
}

#[cfg(test)]
#[path = "kernel_tests.rs"]
mod tests;
