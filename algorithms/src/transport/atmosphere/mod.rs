//! Transports of the atmosphere on pressure and hybrid levels: streamfunctions, eddy fluxes, energy,
//! vapour.
//!
//! Sections are `[level, lat]`, levels in the order of the file; pressures are in Pa, latitudes in
//! degrees. Values below the ground are missing ([`AboveGround`]). Where the surface pressure is
//! known, levels stand for [`Layers`] of the column.

mod block;
mod bridge;
mod cells;
mod circles;
mod constants;
mod divergence;
mod ground;
mod layers;
mod levels;
mod mass;
mod parts;
mod residual;
mod rows;
mod streamfunction;
#[cfg(test)]
mod tests;
mod vapour;

pub use bridge::bridge;
pub use cells::{Cells, CellsState, RowParts};
pub use circles::{CircleFlux, Overturning};
pub use constants::Constants;
pub use divergence::horizontal_divergence;
pub(crate) use ground::doubles;
pub use ground::AboveGround;
pub use layers::Layers;
pub use levels::Levels;
pub use mass::OfSurface;
pub use parts::{decompose, Decomposed, Parts};
pub use residual::{Eddies, Residual, Scaling};
pub use rows::{RowSums, Rows};
pub use streamfunction::{mass_streamfunction, Rule};
pub use vapour::ColumnFlux;
