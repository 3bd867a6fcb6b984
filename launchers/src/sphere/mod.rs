//! What commands on the sphere share: maps that are opened and checked, the memory they take, and
//! how they go through, many at once, or divided.

mod divided;
mod maps;
mod passing;
mod through;

pub(crate) use maps::SphereMaps;
pub(crate) use passing::{Passing, Results};
pub(crate) use through::{Through, Work};
