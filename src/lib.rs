//! Halocline: analyses of gridded ocean, atmosphere and climate data on supercomputers, with the
//! same bits on any number of ranks.
//!
//! This crate is the facade: [`core`] has communicators, decompositions, fields, tiles and the
//! engine; [`io`] reads and writes data sets; [`algorithms`] holds the analyses. The
//! [`prelude`] brings what most programs need.
//!
//! The leading EOFs of a file, on however many ranks the program was started:
//!
//! ```
//! use halocline::prelude::*;
//! use halocline::algorithms::eof::{analyse, EofInput, EofOptions};
//!
//! # fn main() -> Result<()> {
//! # let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/ersstv5_sst_201001-202008.nc").to_owned();
//! let world = World::start(MpiMode::Auto)?;
//! let comm = world.comm();
//! let source = open(&comm, &[file])?.source(&comm, "sst", &Selection::default())?;
//! let tiling = Tiling::series(&source.variable().dims);
//! let deal = tiling.deal(comm.size(), &[])?.into();
//! let field: Field<f32> = load(&comm, &source, &deal, None)?;
//! let weights = source.grid().sqrt_cos_latitudes()?;
//! let input = EofInput { weights: &weights, ..EofInput::default() };
//! let eof = analyse(&Engine::new(&comm), &field, &tiling, &input, &EofOptions::default())?;
//! if comm.is_root() {
//!     println!("the first mode explains {:.1} %", 100.0 * eof.variance_fraction[0]);
//! }
//! # assert!((eof.variance_fraction[0] - 0.868).abs() < 0.01, "{}", eof.variance_fraction[0]);
//! # Ok(())
//! # }
//! ```

pub use halocline_algorithms as algorithms;
pub use halocline_core as core;
pub use halocline_io as io;

pub mod insitu;

/// What most programs need.
pub mod prelude {
    pub use halocline_core::comm::{run_threads, Comm, MpiMode, World};
    pub use halocline_core::decomposition::Decomposition;
    pub use halocline_core::engine::{Engine, FieldSource, Fold, Map};
    pub use halocline_core::field::Field;
    pub use halocline_core::tiling::{Tile, Tiling};
    pub use halocline_core::{Error, ErrorKind, Result};
    pub use halocline_io::load::load;
    pub use halocline_io::{open, Dataset, Selection, Source};
}
