//! Rotated EOFs: varimax and promax.
//!
//! Loadings a (modes × cells) are EOFs times the standard deviation of their principal component
//! (a = v √λ, as in xeofs and NCL's `jopt` ±1) or EOFs of unit norm (NCL's `jopt` 0). The steps:
//! [`LoadingMoments`] over all cells, [`varimax`] on one rank, for promax [`PromaxTarget`] over
//! all cells as well, then [`Rotation::orthogonal`] or [`Rotation::oblique`] on one rank.
//!
//! # References
//! Kaiser (1958), *Psychometrika* 23, 187–200. Richman (1986), *J. Climatol.* 6, 293–335.
//! Hendrickson and White (1964), *Br. J. Stat. Psychol.* 17, 65–70.

use super::dense::{check_finite, columns, inverse, product, rows, to_columns, to_rows};
use super::moments::{LoadingMoments, PromaxTarget};
use faer::{Mat, MatRef};
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// A rotation of modes, and what it does to variances and principal components.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rotation {
    /// Number of modes.
    pub modes: usize,
    /// R: the rotated loadings are Σ over i of a(i) R(i, j). C order.
    pub matrix: Vec<f64>,
    /// (R⁻¹)ᵀ: the rotated unit principal components are Σ over i of u(i) (R⁻¹)ᵀ(i, j); R itself
    /// for varimax. C order.
    pub inverse_transpose: Vec<f64>,
    /// Correlations of the rotated principal components, R⁻¹ (R⁻¹)ᵀ; those of promax are not 0.
    pub correlations: Vec<f64>,
    /// Σ over cells of the squared rotated loadings: their explained variance. Those of promax
    /// overlap.
    pub variances: Vec<f64>,
}

impl Rotation {
    /// The rotation that [`varimax`](super::varimax) found.
    ///
    /// # Errors
    /// [`Data`](halocline_core::ErrorKind::Data) when the numbers overflow.
    pub fn orthogonal(moments: &LoadingMoments, rotation: &[f64]) -> Result<Self> {
        let identity = Mat::<f64>::identity(moments.modes, moments.modes);
        let r = rows(rotation, moments.modes, moments.modes);
        Self::new(moments, r, r, identity.as_ref())
    }

    /// Promax: the oblique rotation that brings varimax-rotated loadings nearest, in the least
    /// squares, to their own `power`-th powers with signs kept; its principal components have
    /// unit variance.
    ///
    /// # Errors
    /// [`Data`](halocline_core::ErrorKind::Data) when the loadings are linearly dependent.
    pub fn oblique(moments: &LoadingMoments, rotation: &[f64], target: &PromaxTarget) -> Result<Self> {
        let k = moments.modes;
        if target.sums.len() != k * k {
            return Err(Error::internal("the target of promax is of other modes"));
        }
        let r = rows(rotation, k, k);
        let second = moments.second.to_dense();
        let turned = product(r.transpose(), product(rows(&second, k, k), r).as_ref());
        let mut fit =
            product(inverse(turned.as_ref(), "the matrix of loadings")?.as_ref(), rows(&target.sums, k, k));
        // Columns have no scale of their own: unit variance of the components gives them one.
        let gram = inverse(product(fit.transpose(), fit.as_ref()).as_ref(), "the matrix of promax")?;
        for j in 0..k {
            let scale = gram[(j, j)].sqrt();
            (0..k).for_each(|i| fit[(i, j)] *= scale);
        }
        let matrix = product(r, fit.as_ref());
        let inverted = inverse(matrix.as_ref(), "the rotation")?;
        let correlations = product(inverted.as_ref(), inverted.transpose());
        Self::new(moments, matrix.as_ref(), inverted.transpose(), correlations.as_ref())
    }

    fn new(
        moments: &LoadingMoments,
        matrix: MatRef<'_, f64>,
        inverse_transpose: MatRef<'_, f64>,
        correlations: MatRef<'_, f64>,
    ) -> Result<Self> {
        let k = moments.modes;
        let plain = moments.plain.to_dense();
        let squares = product(rows(&plain, k, k), matrix);
        let variances = (0..k).map(|j| (0..k).map(|i| matrix[(i, j)] * squares[(i, j)]).sum()).collect();
        let rotation = Self {
            modes: k,
            matrix: to_rows(matrix),
            inverse_transpose: to_rows(inverse_transpose),
            correlations: to_rows(correlations),
            variances,
        };
        check_finite(&rotation.variances, "a rotated mode")?;
        check_finite(&rotation.matrix, "the rotation")?;
        Ok(rotation)
    }

    /// The same with modes in descending order of explained variance; of equals the first first.
    #[must_use]
    pub fn ordered(&self) -> Self {
        let mut order: Vec<usize> = (0..self.modes).collect();
        order.sort_by(|&a, &b| self.variances[b].total_cmp(&self.variances[a]));
        self.pick(&order, &vec![1.0; self.modes])
    }

    /// The same with the signs of modes changed where `negative` says so: once maps are known,
    /// where the loading of largest magnitude is negative.
    #[must_use]
    pub fn flipped(&self, negative: &[bool]) -> Self {
        let order: Vec<usize> = (0..self.modes).collect();
        let signs: Vec<f64> = negative.iter().map(|&n| if n { -1.0 } else { 1.0 }).collect();
        self.pick(&order, &signs)
    }

    /// The same for unrotated modes whose signs are changed where `negative` says so.
    #[must_use]
    pub fn of_flipped(mut self, negative: &[bool]) -> Self {
        let k = self.modes.max(1);
        for matrix in [&mut self.matrix, &mut self.inverse_transpose] {
            for (row, _) in matrix.chunks_mut(k).zip(negative).filter(|(_, negative)| **negative) {
                row.iter_mut().for_each(|v| *v = -*v);
            }
        }
        self
    }

    fn pick(&self, order: &[usize], signs: &[f64]) -> Self {
        let k = self.modes;
        let of = |matrix: &[f64], row_too: bool| -> Vec<f64> {
            (0..k * k)
                .map(|at| {
                    let (i, j) = (at / k, at % k);
                    if row_too {
                        matrix[order[i] * k + order[j]] * signs[i] * signs[j]
                    } else {
                        matrix[i * k + order[j]] * signs[j]
                    }
                })
                .collect()
        };
        Self {
            modes: k,
            matrix: of(&self.matrix, false),
            inverse_transpose: of(&self.inverse_transpose, false),
            correlations: of(&self.correlations, true),
            variances: order.iter().map(|&j| self.variances[j]).collect(),
        }
    }

    /// Temporal vectors of the rotated loadings from those of the loadings (z √λ for EOFs z times
    /// √λ): one after the other, `n` numbers each. Divided by the root of
    /// [`variances`](Self::variances) they give patterns of unit norm.
    pub fn of_loadings(&self, vectors: &[f64], n: usize) -> Vec<f64> {
        to_columns(product(columns(vectors, n), rows(&self.matrix, self.modes, self.modes)).as_ref())
    }

    /// Rotated principal components of unit norm from those of the modes (`n` numbers each, one
    /// after the other). Of unit variance times √(n − 1); xeofs's scores are those of unit norm
    /// times √((n − 1) variance).
    pub fn of_components(&self, units: &[f64], n: usize) -> Vec<f64> {
        to_columns(product(columns(units, n), rows(&self.inverse_transpose, self.modes, self.modes)).as_ref())
    }
}

#[cfg(test)]
#[path = "rotation_tests.rs"]
mod tests;
