//! Folds over data larger than memory: windows of whole stored chunks stream through.
//!
//! A window is a box of the index space that holds whole tiles in space and whole chunks in
//! time. Its values are read by all threads at once, then absorbed by all threads, tile by tile,
//! while the next window is being read. Windows depend on memory and ranks; tiles, whose states
//! they fill step by step in the order of time, do not. Where any part of what is stored can be read
//! without the rest, there are no windows: each thread reads a few steps of the tile that it reduces.

mod lanes;
mod loaded;
mod map;
mod plan;
mod reading;
mod run;
mod together;
mod traffic;
mod units;
mod whole;
mod windows;

pub use map::{MapPlan, StreamMap};
use plan::element;
pub(super) use plan::tiles_in;
pub use plan::{Demand, Sharing, StreamPlan};
pub(super) use reading::{fetch, shares, sized};
pub(super) use run::StreamWork;
pub(super) use together::{common_chunks, same_shapes};
pub use whole::{WholeNeeds, WholePlan};
pub(super) use windows::{atoms, block, space_boxes, time_ranges};

use crate::error::Result;
use crate::index::IndexBox;
use crate::meta::Variable;

/// Does `work` in the pool, which this thread is not part of, while this thread does its `own`.
fn meanwhile<A: Send, B>(work: impl FnOnce() -> A + Send, own: impl FnOnce() -> B) -> (A, B) {
    let mut done = None;
    let own = rayon::in_place_scope(|scope| {
        scope.spawn(|_| done = Some(work()));
        own()
    });
    // A scope ends when all that was spawned in it has, or with its panic.
    (done.expect("what was spawned has been done"), own)
}

/// Room for the values of a box, in the type that a source keeps them in.
#[derive(Debug)]
pub enum NumbersMut<'a> {
    /// Single precision.
    F32(&'a mut [f32]),
    /// Double precision.
    F64(&'a mut [f64]),
}

/// Data that are read window by window. The first dimension is time (or whatever streams).
pub trait StreamSource: Sync {
    /// What is read, with its global shape.
    fn variable(&self) -> &Variable;
    /// Whether all values fit into single precision; [`Self::read`] is then asked for singles.
    fn is_single(&self) -> bool;
    /// Lengths of a stored chunk, one per dimension; ones where any cut is as good.
    fn chunks(&self) -> Vec<usize>;
    /// Whether part of a chunk can be read without decoding the rest.
    fn is_divisible(&self) -> bool;
    /// Whether a few cells at a few steps are read by the thread that asks for them, value for value
    /// about as cheaply as many are by all threads: then each thread reads what it works on next.
    fn reads_pieces(&self) -> bool {
        false
    }
    /// Puts the values of `block` into `out`, C order, missing as NaN. Called from one thread;
    /// uses the threads of the pool that it is called in.
    ///
    /// # Errors
    /// Data or system, when the values can't be had.
    fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()>;
    /// Tells the system that `block` is going to be read.
    fn prefetch(&self, block: &IndexBox) {
        let _ = block;
    }
    /// Bytes that reading `block` moves from the file.
    fn stored_bytes(&self, block: &IndexBox) -> u64 {
        (block.len() * self.variable().dtype.size()) as u64
    }
    /// Most bytes that a thread keeps for itself while it reads.
    fn scratch_per_thread(&self) -> u64 {
        0
    }
}
