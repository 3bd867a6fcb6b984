//! What currents and winds carry. Of currents: sums along lines of faces, level by level, and what they tell.
//!
//! A map, one level at one time, gives the sums of its lines ([`of_map`]) whoever works on it; levels
//! are put together in their order ([`streamfunction`], [`Parts`]). So nothing here depends on how the
//! work is dealt. Of winds ([`atmosphere`]): sums over rows of a map, folds over time, and small sections
//! of latitude and level that are made of them.

pub mod atmosphere;
mod columns;
mod crossing;
mod faces;
mod implied;
mod lines;
mod parts;
mod row;
mod section;
mod sums;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_mesh;
mod velocities;

pub use columns::{barotropic, between_depths, mixed_layer, From};
pub use faces::{Crossing, Face, Faces, MapValues, Stagger, Thickness};
pub use implied::{gained, implied_transport, Side, NO_STRIP, OF_STRIP};
pub use lines::latitude_lines;
pub use parts::{streamfunction, Parts};
pub use section::{section_line, NoPath, Path, Stop};
pub use sums::{along_line, of_line, of_map, width, FaceMeans, OF_FLOW, OF_MEANS, OF_TRACER};
pub use velocities::VelocityMesh;
