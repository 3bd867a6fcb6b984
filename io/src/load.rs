//! From files to a distributed field: every stored chunk is decoded by one rank, and what it
//! holds travels to the ranks that want it.

use crate::cf;
use crate::source::Source;
use crate::stored::buffer;
use halocline_core::comm::Comm;
use halocline_core::decomposition::Decomposition;
use halocline_core::field::{Element, Field};
use halocline_core::index::IndexBox;
use halocline_core::Result;
use std::sync::Arc;

/// Bytes that a rank reads before it hands them on; large enough for the disk, small beside the
/// field itself.
const WINDOW_BYTES: usize = 32 << 20;

/// Elements that a source can deliver.
pub trait Loaded: Element {
    /// The type, as sources name it.
    const ELEMENT: cf::Element;
    /// [`Source::read_into`] for this type.
    ///
    /// # Errors
    /// As there.
    fn read_into(source: &Source, block: &IndexBox, out: &mut [Self]) -> Result<()>;
}
impl Loaded for f32 {
    const ELEMENT: cf::Element = cf::Element::F32;
    fn read_into(source: &Source, block: &IndexBox, out: &mut [Self]) -> Result<()> {
        source.fill(block, out, Self::ELEMENT)
    }
}
impl Loaded for f64 {
    const ELEMENT: cf::Element = cf::Element::F64;
    fn read_into(source: &Source, block: &IndexBox, out: &mut [Self]) -> Result<()> {
        source.fill(block, out, Self::ELEMENT)
    }
}

/// The pieces, one after the other, in which a source is read: each a decomposition of a window
/// of the global index space over the ranks. With `parts` (per dimension, by hand) every window
/// is divided so; else windows and parts follow the dimension with the most stored chunks.
fn windows(source: &Source, ranks: usize, parts: Option<&[usize]>) -> Result<Vec<Decomposition>> {
    let dims = &source.variable().dims;
    let shape = source.variable().shape();
    let whole = IndexBox::whole(&shape);
    let chunks: Vec<usize> = source
        .chunks()
        .map_or_else(|| vec![1; shape.len()], |chunks| chunks.iter().map(|&c| c.max(1)).collect());
    let axis = Decomposition::automatic_axis(dims, &chunks, ranks);
    let slab: usize = shape.iter().product::<usize>() / shape[axis].max(1) * std::mem::size_of::<f64>();
    let dealt = parts.map_or(ranks, |p| p.iter().product());
    // A rank reads whole chunks along the axis.
    let per_rank = (WINDOW_BYTES / slab.max(1) / chunks[axis]).max(1) * chunks[axis];
    let step = per_rank * dealt;
    let mut all = Vec::new();
    let mut start = 0;
    while start < shape[axis] {
        let end = (start + step).min(shape[axis]);
        let window = whole.with_range(axis, start..end);
        all.push(match parts {
            Some(parts) => Decomposition::even(dims, &window, parts, ranks)?,
            None => Decomposition::automatic(dims, &window, &chunks, ranks)?,
        });
        start = end;
    }
    Ok(all)
}

/// Reads all of `source` into a field on `target`; `parts` (per dimension) sets by hand how the
/// reading is divided among ranks, else stored chunks decide. The values don't depend on it.
///
/// # Collective
/// Every rank calls this with the same arguments.
///
/// # Errors
/// What reading reports on any rank, agreed by all.
pub fn load<T: Loaded>(
    comm: &Comm,
    source: &Source,
    target: &Arc<Decomposition>,
    parts: Option<&[usize]>,
) -> Result<Field<T>> {
    let variable = source.variable();
    let mut field = Field::<T>::missing(variable.clone(), Arc::clone(target), comm.rank());
    for window in windows(source, comm.size(), parts)? {
        let block = window.block(comm.rank());
        let read = if block.is_empty() { Ok(Vec::new()) } else { read_block::<T>(source, &block) };
        let data = comm.agree(read)?;
        let piece = Field::new(variable.clone(), Arc::new(window), comm.rank(), data)?;
        piece.redistribute_into(comm, &mut field)?;
    }
    Ok(field)
}

fn read_block<T: Loaded>(source: &Source, block: &IndexBox) -> Result<Vec<T>> {
    let mut data = buffer(block.len())?;
    source.read_into(block, &mut data)?;
    Ok(data)
}
