//! Fields on given patterns, and fields from patterns: pseudo principal components and
//! reconstructions.
//!
//! With weights w(c), a standard deviation σ(c) (1 unless the field is standardized) and EOFs
//! vₖ(c) of unit length of the weighted field, an anomaly x(t, c) has the raw principal
//! components
//!
//! pₖ(t) = Σ over c of vₖ(c) · w(c) x(t, c) / σ(c)
//!
//! and from them comes x(t, c) = σ(c) / w(c) · Σ over k of pₖ(t) vₖ(c). What files hold is scaled
//! ([`Scaling`]). Taking means, monthly means or straight lines off each cell's series commutes
//! with the projection, so that it is done to the few series that come out ([`remove`]) and no
//! map has to be held for it.
//!
//! - [`Patterns`] in the form of vₖ and w / σ;
//! - [`project`] from beginning to end; in pieces, [`Projection`], a fold over all cells, and
//!   [`Components`], what it comes to;
//! - [`Reconstruction`], a field that is computed as it is read.
//!
//! # References
//! Hannachi, Jolliffe and Stephenson (2007), *Int. J. Climatol.* 27, 1119–1152.

mod anomalies;
mod components;
mod fold;
mod patterns;
mod reconstruct;
mod scaling;
mod whole;

pub use anomalies::remove;
pub use components::{Components, Gap, Missing};
pub use fold::{Centre, Projection, ProjectionState};
pub use patterns::Patterns;
pub use reconstruct::{Addend, Reconstruction};
pub use scaling::Scaling;
pub use whole::project;

#[cfg(test)]
mod tests;

use crate::eof::Anomaly;

/// What is taken off each series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removal {
    /// The mean, or the mean of each month.
    pub anomaly: Anomaly,
    /// A straight line over the record number, after that.
    pub detrend: bool,
}
