//! What an EOF analysis results in.

use super::maps::MapBlock;
use super::merged::Merged;
use super::randomized::Approximation;
use super::significance::Significance;
use super::Covariance;
use crate::modes::Rotation;
use std::ops::Range;

/// The maps of one field.
#[derive(Debug)]
pub struct EofMaps {
    /// Maps (row, y, x): this rank's part, in blocks. Rows are modes; for extended EOFs the lags
    /// of the first mode, then those of the second; for complex EOFs the real and the imaginary
    /// part of the first mode, then those of the second.
    pub eofs: Vec<MapBlock>,
    /// What was removed from each cell, (1, y, x) or (month, y, x): this rank's part. Rows are
    /// none where nothing was removed.
    pub means: Vec<MapBlock>,
    /// Standard deviation (n − 1) of the anomalies, (1, y, x), by which they were divided if they
    /// were standardized.
    pub deviations: Vec<MapBlock>,
    /// What the field was multiplied by.
    pub factor: f64,
    /// Cells with data.
    pub cells: usize,
    /// Those of them whose series does not vary; they have no standardized series and no
    /// correlation, and come out as missing where those are asked for.
    pub constant: usize,
}

/// How gaps were filled.
#[derive(Debug, Clone, PartialEq)]
pub struct Filled {
    /// Modes they were filled from; 0: there were no gaps.
    pub modes: usize,
    /// Root mean square of the errors of the filling at values that were set aside, for 0, 1, 2…
    /// modes, in units of the anomalies; none if the number of modes was given.
    pub errors: Vec<f64>,
    /// Values that were set aside.
    pub held: u64,
    /// Passes over the data that the errors took.
    pub validation_iterations: usize,
    /// Iterations of the filling itself.
    pub iterations: usize,
    /// The relative change of the modes in the last of them.
    pub change: f64,
    /// Whether that was small enough.
    pub converged: bool,
    /// Values that were missing, of so many of the cells that are analysed.
    pub missing: u64,
    /// All of these.
    pub values: u64,
    /// Cells that were left out for too few values.
    pub dropped: usize,
}

/// What covariances of pairs led to.
#[derive(Debug, Clone, PartialEq)]
pub struct Paired {
    /// Values that were missing, of so many of the cells that are analysed.
    pub missing: u64,
    /// All of these.
    pub values: u64,
    /// Cells that were left out for too few values.
    pub dropped: usize,
    /// Times at which no cell has data: their principal components are missing.
    pub empty_times: usize,
    /// Eigenvalues that are negative, by more than rounding.
    pub negative: usize,
    /// Their sum, as a share of the sum of all.
    pub negative_share: f64,
}

/// The result of an EOF analysis; all but maps is the same on every rank.
#[derive(Debug)]
pub struct Eof {
    /// The maps, one a field.
    pub fields: Vec<EofMaps>,
    /// The records that principal components belong to: all, or with lags those at which every
    /// lagged record is there.
    pub times: Range<usize>,
    /// Principal components (time, mode), C order; of complex EOFs their real part.
    pub pcs: Vec<f64>,
    /// The imaginary part of complex ones; else empty.
    pub pcs_imaginary: Vec<f64>,
    /// Eigenvalues, descending; of rotated modes their variances.
    pub eigenvalues: Vec<f64>,
    /// Share of the total variance.
    pub variance_fraction: Vec<f64>,
    /// Sampling error of the eigenvalues, λ √(2/n); of rotated modes none.
    pub north_error: Vec<f64>,
    /// Sum of all eigenvalues.
    pub total_variance: f64,
    /// Which covariance was diagonalised.
    pub covariance: Covariance,
    /// By how much an eigenvalue may be off for products in single precision, at most.
    pub error_bound: f64,
    /// The rotation, if there was one.
    pub rotation: Option<Rotation>,
    /// What the tests of significance found.
    pub significance: Significance,
    /// How good the modes are, if the covariance was not formed.
    pub approximation: Option<Approximation>,
    /// How records were merged with earlier ones, if they were.
    pub merged: Option<Merged>,
    /// How gaps were filled, if they were to be.
    pub filled: Option<Filled>,
    /// What came of pairs, if gaps were left out of them.
    pub paired: Option<Paired>,
}

impl Eof {
    /// Cells with data, of all fields.
    pub fn cells(&self) -> usize {
        self.fields.iter().map(|f| f.cells).sum()
    }
    /// Cells whose series does not vary, of all fields.
    pub fn constant(&self) -> usize {
        self.fields.iter().map(|f| f.constant).sum()
    }
    /// An estimate of the relative error of mode `k` (from 0) that double precision leaves: the
    /// covariance holds λ to a rounding error of λ₁.
    pub fn precision(&self, k: usize) -> f64 {
        f64::EPSILON * self.eigenvalues[0] / self.eigenvalues[k]
    }
}
