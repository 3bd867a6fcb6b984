//! Cells that go to the file as they lie in memory: their buffer is lent to the writing thread
//! instead of being copied.

use super::cells::{fill, Cell};
use super::layout::Layout;
use super::limits::Limits;
use super::one_writer::OneWriter;
use super::plan::{Rounds, Share};
use super::queue::Buffer;
use halocline_core::index::IndexBox;
use halocline_core::meta::Values;
use halocline_core::Result;
use rayon::prelude::*;
use std::ops::Range;
use std::time::Instant;

/// Cells that a thread fills at once.
const SOME: usize = 64 << 10;

/// The chunks of a block and which bytes of it they are, where each is stored just as its cells lie
/// there, in one run; `None` where any is not.
pub(super) fn runs(
    layout: &Layout,
    block: &IndexBox,
    limits: Limits,
) -> Option<Vec<(IndexBox, Range<usize>)>> {
    let size = layout.dtype.size();
    // One that is written, and one that waits.
    if layout.is_compressed()
        || block.is_empty()
        || block.ndim() == 0
        || 2 * block.len() * size > limits.queue
    {
        return None;
    }
    let boxes = [block.clone()];
    let shares = Rounds::new(layout, &boxes, 1, block.len()).flatten();
    let run = |share: Share| {
        if !share.whole || layout.stored_block(&share.block) != share.block {
            return None;
        }
        let (mut count, mut start) = (0, 0);
        block.for_each_run(&share.block, |from, _, _| {
            count += 1;
            start = from;
        });
        let range = start * size..(start + share.block.len()) * size;
        (count == 1).then_some((share.block, range))
    };
    shares.map(run).collect()
}

impl OneWriter {
    /// Writes a block of the only rank, cut into `chunks` ([`runs`]); gives back a buffer that is free.
    pub(super) fn lend(
        &mut self,
        (at, layout): (usize, &Layout),
        chunks: Vec<(IndexBox, Range<usize>)>,
        values: Values,
        limits: Limits,
    ) -> Result<Option<Values>> {
        let begin = Instant::now();
        let buffer = match values {
            Values::F32(cells) => Buffer::Singles(filled(layout, cells)),
            Values::F64(cells) => Buffer::Doubles(filled(layout, cells)),
            other => return Ok(Some(other)),
        };
        self.report.compress_seconds += begin.elapsed().as_secs_f64();
        let Some(place) = &self.place else { return Ok(None) };
        let begin = Instant::now();
        self.report.bytes_values += buffer.as_slice().len() as u64;
        let back = place.lend_cells((at, layout), chunks, buffer, limits.queue)?;
        self.report.wait_seconds += begin.elapsed().as_secs_f64();
        Ok(match back {
            Some(Buffer::Singles(cells)) => Some(Values::F32(cells)),
            Some(Buffer::Doubles(cells)) => Some(Values::F64(cells)),
            Some(Buffer::Bytes(_)) | None => None,
        })
    }
}

/// With the fill value where cells are missing, if the variable wants it.
fn filled<T: Cell>(layout: &Layout, mut cells: Vec<T>) -> Vec<T> {
    if layout.fill {
        cells.par_chunks_mut(SOME).for_each(fill);
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Compression, Schema, VariableSpec};
    use halocline_core::meta::DType;

    fn layout(chunks: [usize; 3], compression: Compression) -> Layout {
        let mut schema = Schema::new();
        for (name, len) in [("t", 5), ("y", 4), ("x", 6)] {
            schema.add_dim(name, len).unwrap();
        }
        let mut spec = VariableSpec::new("a", ["t", "y", "x"], DType::F32);
        (spec.chunks, spec.compression) = (Some(chunks.to_vec()), compression);
        schema.add_variable(spec);
        Layout::of(&schema).unwrap().remove(0)
    }

    #[test]
    fn whole_chunks_in_one_run_are_lent() {
        let limits = Limits::default();
        let block = IndexBox::new(vec![2..4, 0..4, 0..6]);
        let maps = layout([1, 4, 6], Compression::None);
        let found = runs(&maps, &block, limits).unwrap();
        let ranges: Vec<_> = found.iter().map(|(_, range)| range.clone()).collect();
        assert_eq!(ranges, [0..96, 96..192]);
        assert_eq!(found[1].0, IndexBox::new(vec![3..4, 0..4, 0..6]));
        assert!(runs(&layout([1, 2, 6], Compression::None), &block, limits).is_some());
        assert!(runs(&layout([2, 4, 6], Compression::None), &block, limits).is_some());
        // Cut, beyond the edge, in several runs, compressed, too large, empty.
        let part = IndexBox::new(vec![2..4, 0..3, 0..6]);
        assert!(runs(&maps, &part, limits).is_none());
        assert!(runs(&layout([2, 4, 6], Compression::None), &IndexBox::new(vec![4..5, 0..4, 0..6]), limits)
            .is_none());
        assert!(runs(&layout([1, 4, 3], Compression::None), &block, limits).is_none());
        assert!(runs(&layout([1, 4, 6], Compression::Deflate(1)), &block, limits).is_none());
        assert!(runs(&maps, &block, Limits { queue: 300, ..limits }).is_none());
        assert!(runs(&maps, &IndexBox::new(vec![2..2, 0..4, 0..6]), limits).is_none());
    }
}
