//! What transports of the ocean share: their inputs found, metrics and layers, opened.

mod args;
mod basins;
pub(super) mod find;
mod fit;
mod fitting;
mod interfaces;
mod layers;
pub(in crate::transport) mod mesh;
mod open;
mod opening;
mod places;
mod thickness;
mod values;

pub(crate) use args::{Convention, OceanArgs};
pub(crate) use basins::Basin;
pub(super) use fitting::unfit;
pub(crate) use open::{Needs, Ocean, Primary};
pub(super) use places::Places;
pub(super) use values::tracers_of;
