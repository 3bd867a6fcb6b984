//! Halocline: analyses of gridded ocean, atmosphere and climate data on supercomputers, with the
//! same bits on any number of ranks.
//!
//! This crate is the facade: [`core`] has communicators, decompositions, fields, tiles and the
//! engine; [`io`] reads and writes data sets; [`algorithms`] holds the analyses. The
//! [`prelude`] brings what most programs need.

pub use halocline_algorithms as algorithms;
pub use halocline_core as core;
pub use halocline_io as io;

/// What most programs need.
pub mod prelude {
    pub use halocline_core::comm::{run_threads, Comm, MpiMode, World};
    pub use halocline_core::decomposition::Decomposition;
    pub use halocline_core::engine::{Engine, FieldSource, Fold, Map};
    pub use halocline_core::field::Field;
    pub use halocline_core::tiling::{Tile, Tiling};
    pub use halocline_core::{Error, ErrorKind, Result};
}
