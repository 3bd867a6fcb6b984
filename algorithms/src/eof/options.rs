//! What a user may choose of an EOF analysis.

use super::significance::Tests;
use super::Covariance;
use crate::modes::{Convention, Padding};
use serde::{Deserialize, Serialize};

/// What is removed from each cell's series first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Anomaly {
    /// The time mean.
    Mean,
    /// The mean of each calendar month.
    Climatology,
    /// Nothing: the data are anomalies already.
    None,
}

impl Anomaly {
    /// How many means are removed of each cell.
    pub(super) const fn groups(self) -> usize {
        match self {
            Self::None => 0,
            Self::Mean => 1,
            Self::Climatology => 12,
        }
    }
}

/// Scaling of the principal components; pₖ = √((n−1)λₖ) uₖ is the raw one, uₖ of unit length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PcScaling {
    /// pₖ: variance λₖ (`0`).
    Raw,
    /// pₖ / √λₖ: unit variance (`1`).
    UnitVariance,
    /// pₖ · √λₖ (`2`).
    Multiplied,
}

/// Scaling of the EOFs; vₖ is the EOF of the weighted field, of unit length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EofScaling {
    /// vₖ (`0`).
    UnitNorm,
    /// vₖ / √λₖ (`1`).
    Divided,
    /// vₖ · √λₖ (`2`).
    Multiplied,
    /// Covariance of the principal component, as scaled, with the unweighted anomaly. With
    /// [`PcScaling::UnitVariance`] the anomaly is Σ pₖ eₖ in the units of the field.
    Covariance,
    /// Correlation of the principal component with the anomaly.
    Correlation,
}

/// How many modes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Modes {
    /// So many; fewer are an error.
    Exactly(usize),
    /// So many, or as many as there are.
    UpTo(usize),
}

/// What is diagonalised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Method {
    /// The field itself.
    Plain,
    /// The field beside its copies at these lags (in records, ascending): extended EOFs, or
    /// multichannel singular spectrum analysis. The pattern of a mode is a sequence of maps.
    Extended(Vec<i64>),
    /// The analytic signal of the field: complex (Hilbert) EOFs, patterns that travel.
    Complex(Padding),
}

/// How modes are rotated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Rotated {
    /// Not.
    No,
    /// By varimax: orthogonal.
    Varimax,
    /// By promax of this power, from varimax: oblique.
    Promax(f64),
}

/// By what several fields are multiplied before they are analysed together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FieldScaling {
    /// Each is divided by the root of its total variance, so that all count alike.
    Variance,
    /// By nothing, as the package eofs does.
    None,
    /// By these factors, one a field.
    Given(Vec<f64>),
}

/// How products of values are computed; sums are in double precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precision {
    /// In double precision.
    Double,
    /// In single precision, and sums of up to 384 of them, for the covariance between times; an
    /// eigenvalue is off by 2.3e-5 of the total variance at most.
    Mixed,
}

/// How the eigenvalue problem is solved.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Solver {
    /// By the covariance, whole: exact to rounding.
    Exact,
    /// By a block Krylov method that multiplies the covariance by vectors, without forming it.
    Randomized(Randomized),
}

/// How good randomized modes have to be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Randomized {
    /// The bound of the error of each eigenvalue, as a share of it, that is good enough.
    pub tolerance: f64,
    /// The vectors to start from follow from this number.
    pub seed: u64,
}

/// What becomes of cells that are missing at some times.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Missing {
    /// They are refused.
    Refuse,
    /// Their gaps are filled from the leading modes: DINEOF.
    Dineof(Dineof),
    /// They are left out of what they are missing in: pairwise-complete covariances.
    Pairwise(Pairwise),
}

/// Covariances from what both of a pair have.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pairwise {
    /// Cells with a smaller share of their values there are left out.
    pub min_present: f64,
    /// What pairs are of; `None`: of cells if there are no more of them than times, else of times,
    /// as in NCL.
    pub between: Option<Covariance>,
}

impl Default for Pairwise {
    fn default() -> Self {
        Self { min_present: 0.5, between: None }
    }
}

/// How gaps are filled by DINEOF, data interpolating EOFs.
///
/// # References
/// Beckers and Rixen (2003), *J. Atmos. Ocean. Technol.* 20, 1839–1856.
/// Alvera-Azcárate, Barth, Rixen and Beckers (2005), *Ocean Model.* 9, 325–346.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Dineof {
    /// Modes that gaps are filled from; `None`: as many as cross-validation finds best, from one
    /// to the number of modes wanted.
    pub modes: Option<usize>,
    /// Cells with a smaller share of their values there are left out.
    pub min_present: f64,
    /// The relative change of the modes from one iteration to the next that ends the filling; the
    /// root of it does for cross-validation.
    pub tolerance: f64,
    /// Iterations at most, for each number of modes.
    pub iterations: usize,
    /// Which values are set aside for cross-validation follows from this number.
    pub seed: u64,
}

impl Default for Dineof {
    fn default() -> Self {
        Self { modes: None, min_present: 0.05, tolerance: 1e-8, iterations: 300, seed: 1 }
    }
}

/// Options of an EOF analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EofOptions {
    /// What is diagonalised.
    pub method: Method,
    /// How modes are rotated.
    pub rotated: Rotated,
    /// Whether each cell's loadings are divided by their norm for the rotation (Kaiser).
    pub kaiser: bool,
    /// How several fields are scaled.
    pub fields: FieldScaling,
    /// Number of modes wanted.
    pub modes: Modes,
    /// What is removed first.
    pub anomaly: Anomaly,
    /// Whether a straight line over the record number, fitted by least squares, is removed from
    /// each cell's series after that.
    pub detrend: bool,
    /// Whether each cell's series is divided by its standard deviation (n − 1) after that.
    pub standardize: bool,
    /// Scaling of the principal components.
    pub pc_scaling: PcScaling,
    /// Scaling of the EOFs.
    pub eof_scaling: EofScaling,
    /// How products are computed.
    pub precision: Precision,
    /// How the eigenvalue problem is solved.
    pub solver: Solver,
    /// Whose scalings the result has, of other tools, instead of the two above, which then have to
    /// be [`EofScaling::UnitNorm`] and [`PcScaling::Raw`].
    pub convention: Option<Convention>,
    /// Which tests of significance are made.
    pub tests: Tests,
    /// What becomes of cells that are missing at some times.
    pub missing: Missing,
}

impl EofOptions {
    /// How many modes so many records have at most: one less where means are taken off, which copies at
    /// lags keep.
    pub fn most_modes(&self, records: usize) -> usize {
        let keeps_means = self.anomaly == Anomaly::None && !self.detrend;
        match self.method {
            Method::Extended(_) => records,
            _ if keeps_means => records,
            _ => records.saturating_sub(1),
        }
    }
}

impl Default for EofOptions {
    fn default() -> Self {
        Self {
            method: Method::Plain,
            rotated: Rotated::No,
            kaiser: true,
            fields: FieldScaling::Variance,
            modes: Modes::UpTo(10),
            anomaly: Anomaly::Mean,
            detrend: false,
            standardize: false,
            pc_scaling: PcScaling::UnitVariance,
            eof_scaling: EofScaling::Covariance,
            precision: Precision::Double,
            solver: Solver::Exact,
            convention: None,
            tests: Tests::default(),
            missing: Missing::Refuse,
        }
    }
}
