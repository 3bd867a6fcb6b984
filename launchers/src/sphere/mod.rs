//! What commands on the sphere share: maps that are opened and checked, the memory they take, and
//! how they go through, many at once.

mod maps;
mod through;

pub(crate) use maps::SphereMaps;
pub(crate) use through::{Through, Work};
