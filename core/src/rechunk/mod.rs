//! Series from maps: one variable from the chunks in which it is stored to other ones.
//!
//! Files hold maps ("all space, some times"); spectra, percentiles and whoever looks at one
//! place want series ("all times, some space"). Here is that change, for any shape, any chunks
//! and any number of ranks, within a promised amount of memory, without a file or a type in
//! sight: values are bytes, a [`Source`] delivers boxes of them, a [`Sink`] takes whole output
//! chunks, a [`Scratch`] keeps what does not fit into memory.
//!
//! The index space is cut twice: into **windows**, groups of whole input chunks, which are read;
//! and into **slabs**, groups of whole output chunks, which are assembled and written. Each slab
//! has an owner among the ranks. A [`Plan`] says how they meet ([`Method`]); what is written
//! does not depend on it.

mod copy;
mod geometry;
mod plan;
mod run;
#[cfg(test)]
mod tests;
mod traffic;

pub(crate) use geometry::common;
pub use geometry::{chunks_of, cut, thickness};
pub use plan::{Method, Plan, Request};
pub use run::{rechunk, Moved};

use crate::index::IndexBox;
use crate::Result;

/// Where values come from.
pub trait Source {
    /// Fills `out` with the bytes of `block`, C order, in the order of bytes of this machine.
    /// Blocks of whole input chunks are read once; parts of chunks only where the plan says
    /// that this is cheap.
    ///
    /// # Errors
    /// Those of reading. Called by each rank for its own blocks; must not communicate.
    fn read(&mut self, block: &IndexBox, out: &mut [u8]) -> Result<()>;
}

/// Where whole output chunks go.
pub trait Sink {
    /// Takes chunks of this rank: `bytes` holds them one after the other, each in C order. Where
    /// the plan has memory for it ([`Plan::keeps_slabs`]), a sink may keep the buffer as long as
    /// it leaves another one in its place, whatever that holds.
    ///
    /// # Collective
    /// Every rank calls this equally often, with or without chunks.
    ///
    /// # Errors
    /// Those of writing, the same on all ranks.
    fn write(&mut self, chunks: &[IndexBox], bytes: &mut Vec<u8>) -> Result<()>;
}

/// Room outside of memory, of each rank its own.
pub trait Scratch {
    /// Keeps `bytes` behind what is there already and tells where they begin.
    ///
    /// # Errors
    /// System, if there is no room or writing fails.
    fn append(&mut self, bytes: &[u8]) -> Result<u64>;
    /// Brings back the bytes that begin at `at`.
    ///
    /// # Errors
    /// System, if reading fails.
    fn fetch(&mut self, at: u64, out: &mut [u8]) -> Result<()>;
}
