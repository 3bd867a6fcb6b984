//! Transports of the atmosphere on pressure levels: streamfunctions, eddy fluxes, energy, vapour.
//!
//! Sections are `[level, lat]`, levels in the order of the file; pressures are in Pa, latitudes in
//! degrees. Values below the ground are missing ([`AboveGround`]).

mod cells;
mod constants;
mod ground;
mod levels;
mod parts;
mod residual;
mod rows;
mod streamfunction;
#[cfg(test)]
mod tests;
mod vapour;

pub use cells::{Cells, CellsState, RowParts};
pub use constants::Constants;
pub(crate) use ground::doubles;
pub use ground::AboveGround;
pub use levels::Levels;
pub use parts::{decompose, Parts};
pub use residual::{Eddies, Residual, Scaling};
pub use rows::{RowSums, Rows};
pub use streamfunction::{mass_streamfunction, Rule};
pub use vapour::{horizontal_divergence, ColumnFlux};
