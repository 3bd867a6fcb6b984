//! Spectra in space: isotropic spectra of planes, zonal spectra of rows, and means of them.
//!
//! A *plane* is what a field is at one time (and level) along two dimensions, a *row* what it is
//! along longitude. [`PlanePower`] makes the two-dimensional spectrum of a plane, [`Rings`] sum it
//! over rings of wave number, [`IsotropicSpectra`] is the work on all planes of a field;
//! [`ZonalSpectra`] is that on all rows. [`CellMean`] averages either, in an order that ranks and
//! threads do not change.

pub(crate) mod cells;
mod isotropic;
mod mean;
mod plane;
mod rings;
mod seen;
#[cfg(test)]
mod tests;
pub(crate) mod zonal;

pub use isotropic::IsotropicSpectra;
pub use mean::{CellMean, CellSums};
pub use plane::{PlaneDetrend, PlanePower, PlaneScratch};
pub use rings::{RingConvention, Rings};
pub use seen::Absent;
pub use zonal::ZonalSpectra;
