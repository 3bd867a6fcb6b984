//! How the maps and series of an EOF analysis are scaled, and how that is undone.

use crate::eof::{EofScaling, PcScaling};

/// The scalings of an EOF analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scaling {
    /// Of the maps.
    pub eofs: EofScaling,
    /// Of the principal components.
    pub pcs: PcScaling,
    /// Whether the field was divided by its standard deviation.
    pub standardize: bool,
}

impl Scaling {
    /// The principal component as scaled over the raw one, for eigenvalue λ.
    pub fn pc_factor(&self, eigenvalue: f64) -> f64 {
        match self.pcs {
            PcScaling::Raw => 1.0,
            PcScaling::UnitVariance => 1.0 / eigenvalue.sqrt(),
            PcScaling::Multiplied => eigenvalue.sqrt(),
        }
    }

    /// Whether the maps are of the field as it is, not of the weighted one: then the unit EOF is
    /// w · [`Self::unit_factor`] times the map, else it is [`Self::unit_factor`] times the map.
    pub fn is_unweighted(&self) -> bool {
        matches!(self.eofs, EofScaling::Covariance | EofScaling::Correlation)
    }

    /// Whether the maps have to be multiplied by the standard deviation of the field first:
    /// correlations of a field that was not standardized.
    pub fn needs_deviation(&self) -> bool {
        self.eofs == EofScaling::Correlation && !self.standardize
    }

    /// The unit EOF (of the weighted field, or divided by the weight: [`Self::is_unweighted`])
    /// over the map, for eigenvalue λ. For a principal component whose mean is zero.
    pub fn unit_factor(&self, eigenvalue: f64) -> f64 {
        let root = eigenvalue.sqrt();
        match self.eofs {
            EofScaling::UnitNorm => 1.0,
            EofScaling::Divided => root,
            EofScaling::Multiplied | EofScaling::Correlation => 1.0 / root,
            EofScaling::Covariance => match self.pcs {
                PcScaling::Raw => 1.0 / eigenvalue,
                PcScaling::UnitVariance => 1.0 / root,
                PcScaling::Multiplied => 1.0 / (root * eigenvalue),
            },
        }
    }
}
