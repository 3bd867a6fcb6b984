//! What all that streams has in common: buffers that are used again, reads that are counted, and
//! who reads what of a window that ranks exchange.

use super::{NumbersMut, StreamSource};
use crate::decomposition::Decomposition;
use crate::error::Result;
use crate::index::IndexBox;
use crate::memory;
use crate::meta::Dim;
use crate::progress::Progress;

/// A buffer of this length; what was in it does not matter.
pub(in crate::engine) fn sized<T: Copy + bytemuck::Zeroable>(mut values: Vec<T>, len: usize) -> Vec<T> {
    memory::fit(&mut values, len);
    values
}

/// Reads `block`, if there is anything of it, and counts the bytes.
pub(in crate::engine) fn fetch(
    source: &dyn StreamSource,
    progress: &Progress,
    block: &IndexBox,
    out: NumbersMut<'_>,
) -> Result<()> {
    if block.is_empty() {
        return Ok(());
    }
    source.read(block, out)?;
    progress.bytes_read.add(source.stored_bytes(block));
    progress.bytes_decoded.add((block.len() * source.variable().dtype.size()) as u64);
    Ok(())
}

/// Who reads what of a window that is exchanged: whole chunks, of `chunk` steps, in time.
pub(in crate::engine) fn shares(
    dims: &[Dim],
    window: &IndexBox,
    chunk: usize,
    ranks: usize,
) -> Result<Decomposition> {
    let time = window.range(0);
    let (first, count) = (time.start / chunk, time.end.div_ceil(chunk) - time.start / chunk);
    let cut = |p: usize| ((first + p * count / ranks) * chunk).clamp(time.start, time.end);
    let mut edges = vec![(0..=ranks).map(cut).collect::<Vec<_>>()];
    edges[0][ranks] = time.end;
    edges.extend(window.ranges()[1..].iter().map(|r| vec![r.start, r.end]));
    Decomposition::from_edges(dims.to_vec(), edges, ranks)
}
