//! From cells to the bytes of a stored chunk: gathered, missing ones filled, shuffled, compressed.
//!
//! Runs in many threads at once; everything a thread needs is in its [`Bench`], which is handed
//! on from chunk to chunk, since the first touch of memory costs more than a shuffle.

use super::cells::Cell;
use super::deflate::Deflater;
use super::layout::Layout;
use super::pieces::for_each_common_run;
use super::Compression;
use halocline_core::index::IndexBox;
use halocline_core::{Error, Result};
use std::sync::{Mutex, PoisonError};

/// What one thread works with.
#[derive(Default)]
pub(super) struct Bench {
    /// The chunk as it is before shuffling.
    pub(super) raw: Vec<u8>,
    shuffled: Vec<u8>,
    packed: Vec<u8>,
    deflater: Deflater,
}

/// The benches of all threads.
#[derive(Default)]
pub(super) struct Benches(Mutex<Vec<Bench>>);

impl std::fmt::Debug for Benches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Benches")
    }
}

impl Benches {
    /// What `work` gives on a bench that nobody else uses meanwhile.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Bench) -> T) -> T {
        let free = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bench = free().pop().unwrap_or_default();
        let done = work(&mut bench);
        free().push(bench);
        done
    }
}

/// Makes `raw` the chunk of `block` with no cell written.
pub(super) fn blank(layout: &Layout, block: &IndexBox, raw: &mut Vec<u8>) {
    let cell = &layout.blank;
    let len = layout.stored_block(block).len() * cell.len();
    raw.clear();
    if cell.iter().all(|&b| b == cell[0]) {
        raw.resize(len, cell[0]);
        return;
    }
    raw.resize(len, 0);
    raw.chunks_exact_mut(cell.len()).for_each(|to| to.copy_from_slice(cell));
}

/// Makes `raw` long enough for the chunk of `block`, all of whose cells will be written: those
/// outside the variable hold the fill value, the others anything.
pub(super) fn prepare(layout: &Layout, block: &IndexBox, raw: &mut Vec<u8>) {
    if layout.stored_block(block) == *block {
        raw.resize(block.len() * layout.dtype.size(), 0);
    } else {
        blank(layout, block, raw);
    }
}

/// Copies the cells of `part`, which lie in `cells` of `from` (C order), as stored bytes to `raw`,
/// the chunk of `block`.
pub(super) fn store<T: Cell>(
    layout: &Layout,
    block: &IndexBox,
    part: &IndexBox,
    (from, cells): (&IndexBox, &[T]),
    raw: &mut [u8],
) {
    let size = layout.dtype.size();
    for_each_common_run(&layout.stored_block(block), from, part, |to, at, n| {
        store_cells(layout, &cells[at..at + n], &mut raw[to * size..(to + n) * size]);
    });
}

/// Appends the cells of `part`, which lie in `cells` of `from`, as stored bytes to `bytes`.
pub(super) fn store_part<T: Cell>(
    layout: &Layout,
    part: &IndexBox,
    (from, cells): (&IndexBox, &[T]),
    bytes: &mut Vec<u8>,
) {
    let size = layout.dtype.size();
    let begin = bytes.len();
    bytes.resize(begin + part.len() * size, 0);
    let bytes = &mut bytes[begin..];
    from.for_each_run(part, |at, to, n| {
        store_cells(layout, &cells[at..at + n], &mut bytes[to * size..(to + n) * size]);
    });
}

/// Copies bytes of the cells of `part` to `raw`, the chunk of `block`.
pub(super) fn insert(layout: &Layout, block: &IndexBox, part: &IndexBox, bytes: &[u8], raw: &mut [u8]) {
    let size = layout.dtype.size();
    layout.stored_block(block).for_each_run(part, |to, at, n| {
        raw[to * size..(to + n) * size].copy_from_slice(&bytes[at * size..(at + n) * size]);
    });
}

fn store_cells<T: Cell>(layout: &Layout, cells: &[T], bytes: &mut [u8]) {
    if !layout.fill {
        T::store(cells, layout.dtype, bytes);
        return;
    }
    // Only floats have missing cells, and those are stored as they are.
    for (cell, to) in cells.iter().zip(bytes.chunks_exact_mut(size_of::<T>())) {
        to.copy_from_slice(bytemuck::bytes_of(&cell.filled()));
    }
}

/// The bytes to be stored for the chunk in `bench.raw`.
pub(super) fn finish(layout: &Layout, bench: &mut Bench) -> Result<Vec<u8>> {
    if !layout.is_compressed() {
        return Ok(std::mem::take(&mut bench.raw));
    }
    let raw = std::mem::take(&mut bench.raw);
    let finished = finish_from(layout, &raw, bench);
    bench.raw = raw;
    finished
}

/// The bytes to be stored for the chunk `raw`.
pub(super) fn finish_from(layout: &Layout, raw: &[u8], bench: &mut Bench) -> Result<Vec<u8>> {
    let size = layout.dtype.size().max(1);
    match layout.compression {
        Compression::None => Ok(raw.to_vec()),
        Compression::Deflate(level) => {
            shuffle(raw, size, &mut bench.shuffled);
            bench.deflater.zlib(level, &bench.shuffled, &mut bench.packed)?;
            Ok(bench.packed.as_slice().to_vec())
        }
        Compression::Zstd(level) => {
            shuffle(raw, size, &mut bench.shuffled);
            zstd::bulk::compress(&bench.shuffled, level)
                .map_err(|e| Error::internal(format!("a chunk can't be compressed: {e}")))
        }
    }
}

/// Bytes of equal weight together, as HDF5's shuffle filter lays them.
fn shuffle(raw: &[u8], size: usize, shuffled: &mut Vec<u8>) {
    shuffled.resize(raw.len(), 0);
    match size {
        2 => shuffle_by::<2>(raw, shuffled),
        4 => shuffle_by::<4>(raw, shuffled),
        8 => shuffle_by::<8>(raw, shuffled),
        // There are no other sizes.
        _ => shuffled.copy_from_slice(raw),
    }
}

fn shuffle_by<const SIZE: usize>(raw: &[u8], shuffled: &mut [u8]) {
    // Cells whose bytes stay in the nearest cache while each weight is picked out of them.
    const TILE: usize = 2048;
    let cells = raw.len() / SIZE;
    for first in (0..cells).step_by(TILE) {
        let n = TILE.min(cells - first);
        let tile = &raw[first * SIZE..(first + n) * SIZE];
        for weight in 0..SIZE {
            let plane = &mut shuffled[weight * cells + first..weight * cells + first + n];
            for (to, cell) in plane.iter_mut().zip(tile.chunks_exact(SIZE)) {
                *to = cell[weight];
            }
        }
    }
}
