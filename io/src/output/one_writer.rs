//! Rank 0 writes, the other ranks send it their parts when it asks for them.
//!
//! Rank 0 holds one piece in full and asks for the parts of the next before it writes, so that
//! ranks send while the library compresses. Every byte goes through plain writes of one
//! process: errors are reported where they happen.

use super::cells::{fill, Cell};
use super::layout::Layout;
use super::pieces::{bounding, cut, thickness};
use bytemuck::Pod;
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::{Error, Result};
use netcdf::FileMut;

/// "Send your next part" (1) or "no more, it has failed" (0), from rank 0.
const TAG_ASK: u32 = 7401;
/// A part, to rank 0.
const TAG_PART: u32 = 7402;

/// Writes the block of each rank. `boxes` are those of the ranks from 0 on, `cells` ours.
///
/// # Collective
/// The result is rank 0's own; the others' is good.
pub(super) fn write<T: Cell + Pod>(
    comm: &Comm,
    file: Option<&mut FileMut>,
    layout: &Layout,
    boxes: &[IndexBox],
    cells: &[T],
    buffer_bytes: usize,
) -> Result<()> {
    let Some(around) = bounding(boxes) else { return Ok(()) };
    let limit = buffer_bytes / size_of::<T>();
    let thick = thickness(&layout.shape, &around.shape(), &layout.chunk, limit);
    let pieces = cut(&around, &thick);
    if let Some(file) = file {
        return receive(comm, file, layout, boxes, cells, &pieces);
    }
    if let Some(block) = boxes.get(comm.rank()) {
        send(comm, block, cells, &pieces);
    }
    Ok(())
}

fn send<T: Cell + Pod>(comm: &Comm, block: &IndexBox, cells: &[T], pieces: &[IndexBox]) {
    let mut part = Vec::new();
    for piece in pieces {
        let inner = piece.intersect(block);
        if inner.is_empty() {
            continue;
        }
        if comm.recv::<u8>(0, TAG_ASK) != [1] {
            return;
        }
        part.clear();
        block.extract(cells, &inner, &mut part);
        comm.send(&part, 0, TAG_PART);
    }
}

/// The parts of a piece, by rank; empty ones left out.
fn parts(piece: &IndexBox, boxes: &[IndexBox]) -> Vec<(usize, IndexBox)> {
    let all = boxes.iter().enumerate().map(|(rank, block)| (rank, piece.intersect(block)));
    all.filter(|(_, part)| !part.is_empty()).collect()
}

fn receive<T: Cell + Pod>(
    comm: &Comm,
    file: &mut FileMut,
    layout: &Layout,
    boxes: &[IndexBox],
    cells: &[T],
    pieces: &[IndexBox],
) -> Result<()> {
    let ask = |parts: &[(usize, IndexBox)]| {
        for &(rank, _) in parts.iter().filter(|(rank, _)| *rank != 0) {
            comm.send(&[1u8], rank, TAG_ASK);
        }
    };
    let mut buffer: Vec<T> = Vec::new();
    let mut result = Ok(());
    let mut next = pieces.first().map_or_else(Vec::new, |piece| parts(piece, boxes));
    ask(&next);
    for (k, piece) in pieces.iter().enumerate() {
        let fetch = |(rank, part): (usize, IndexBox)| {
            if rank != 0 {
                return (part, comm.recv::<T>(rank, TAG_PART));
            }
            let mut own = Vec::new();
            boxes[0].extract(cells, &part, &mut own);
            (part, own)
        };
        let arrived: Vec<_> = std::mem::take(&mut next).into_iter().map(fetch).collect();
        if result.is_err() {
            stop(boxes, &pieces[k + 1..], comm);
            break;
        }
        if let Some(piece) = pieces.get(k + 1) {
            next = parts(piece, boxes);
            ask(&next);
        }
        result = put_parts(file, layout, piece, arrived, &mut buffer);
    }
    result
}

/// Writes a piece that has arrived in parts: in one go if they cover it, since a stored chunk
/// that is written in several is compressed several times.
fn put_parts<T: Cell>(
    file: &mut FileMut,
    layout: &Layout,
    piece: &IndexBox,
    arrived: Vec<(IndexBox, Vec<T>)>,
    buffer: &mut Vec<T>,
) -> Result<()> {
    // Blocks don't overlap, so that they cover a piece if they have as many cells.
    let covered = arrived.iter().map(|(part, _)| part.len()).sum::<usize>() == piece.len();
    if !covered || arrived.len() == 1 {
        return arrived.into_iter().try_for_each(|(part, mut cells)| put(file, layout, &part, &mut cells));
    }
    buffer.resize(piece.len(), T::default());
    for (part, cells) in &arrived {
        piece.insert(buffer, part, cells);
    }
    put(file, layout, piece, buffer)
}

/// Tells every rank that still has a part in `pieces` that it isn't wanted.
fn stop(boxes: &[IndexBox], pieces: &[IndexBox], comm: &Comm) {
    for (rank, block) in boxes.iter().enumerate().skip(1) {
        if pieces.iter().any(|piece| !piece.intersect(block).is_empty()) {
            comm.send(&[0u8], rank, TAG_ASK);
        }
    }
}

/// Writes a piece; missing cells in `cells` become the fill value.
pub(super) fn put<T: Cell>(
    file: &mut FileMut,
    layout: &Layout,
    piece: &IndexBox,
    cells: &mut [T],
) -> Result<()> {
    if layout.fill {
        fill(cells);
    }
    let Some(mut variable) = file.variable_mut(&layout.name) else {
        return Err(Error::internal("is not in the file").in_variable(&layout.name));
    };
    variable
        .put_values(cells, piece.ranges().to_vec())
        .map_err(|e| Error::system(format!("can't be written: {e}")).in_variable(&layout.name))
}
