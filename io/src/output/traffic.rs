//! What writing sends, known beforehand.

use super::layout::Layout;
use super::limits::Limits;
use super::plan::{Rounds, Share};
use super::schema::Schema;
use super::stored::{Room, StoredVariable};
use super::timeless::Timeless;
use halocline_core::comm::Formula;
use halocline_core::index::IndexBox;
use halocline_core::{Error, Result};

/// What the ranks of an output send for each call, from its schema alone. Bytes of compressed chunks
/// are those of their values, which are more than are sent; messages are as many.
#[derive(Debug)]
pub struct WriteFormula {
    layouts: Vec<Layout>,
    timeless: Timeless,
    limits: Limits,
}

impl WriteFormula {
    /// For a file of this schema, through one writer.
    ///
    /// # Errors
    /// Internal, if the schema contradicts itself.
    pub fn new(schema: &Schema) -> Result<Self> {
        let (schema, timeless) = Timeless::of(schema);
        let schema = schema.as_ref();
        schema.check()?;
        Ok(Self { layouts: Layout::of(schema)?, timeless, limits: Limits::default() })
    }

    /// As [`Output::limit_memory`](super::Output::limit_memory).
    #[must_use]
    pub fn limit_memory(self, bytes: usize) -> Self {
        Self { limits: Limits::of(bytes), ..self }
    }

    /// Adds [`Output::write_whole`](super::Output::write_whole).
    ///
    /// # Errors
    /// Internal, if there is no such variable.
    pub fn write_whole(&self, name: &str, formula: &mut Formula) -> Result<()> {
        if Timeless::drops(name) {
            return Ok(());
        }
        let layout = self.find(name)?;
        formula.agree();
        self.write(layout, &[IndexBox::whole(&layout.shape)], formula);
        Ok(())
    }

    /// Adds [`Output::write_block`](super::Output::write_block) of these blocks, from rank 0 on; of a
    /// variable that has lost its only dimension, a little less than is sent.
    ///
    /// # Errors
    /// Internal, if there is no such variable.
    pub fn write_block(&self, name: &str, boxes: &[IndexBox], formula: &mut Formula) -> Result<()> {
        let layout = self.find(name)?;
        let boxes: Vec<IndexBox> =
            boxes.iter().map(|own| self.timeless.block(name, own).into_owned()).collect();
        formula.agree();
        let ends: Vec<usize> = boxes.iter().map(|own| own.ndim() * 2 * size_of::<u64>()).collect();
        formula.all_gather_v(&ends);
        self.write(layout, &boxes, formula);
        Ok(())
    }

    fn find(&self, name: &str) -> Result<&Layout> {
        let found = self.layouts.iter().find(|layout| layout.name == name);
        found.ok_or_else(|| Error::internal("is not in the schema").in_variable(name))
    }

    fn write(&self, layout: &Layout, boxes: &[IndexBox], formula: &mut Formula) {
        // Whether values fit their type.
        formula.agree();
        let (size, ranks) = (layout.dtype.size(), formula.ranks());
        let limits = self.limits.for_variable(layout);
        for round in Rounds::new(layout, boxes, ranks, limits.buffer / size.max(1)) {
            let moved = |share: &Share| {
                let to = share.owner;
                let parts = share.holders.iter().map(|&from| {
                    let cells = boxes.get(from).map_or(0, |own| share.block.intersect(own).len());
                    (from, to, cells * size)
                });
                parts.collect::<Vec<_>>()
            };
            if round.iter().any(|share| share.holders.iter().any(|&rank| rank != share.owner)) {
                formula.all_to_all_v(together(round.iter().flat_map(moved), ranks));
            }
            if round.iter().any(|share| share.owner != 0) {
                let mut packed = vec![0; ranks];
                for share in &round {
                    let stored = layout.stored_block(&share.block).len() * size;
                    packed.iter_mut().skip(share.owner).take(1).for_each(|n| *n += size_of::<u64>() + stored);
                }
                formula.gather_v(0, &packed);
            }
            formula.agree();
        }
        formula.agree();
    }
}

/// What goes from one rank to another goes together.
fn together(
    parts: impl Iterator<Item = (usize, usize, usize)>,
    ranks: usize,
) -> impl Iterator<Item = (usize, usize, usize)> {
    let mut all = std::collections::BTreeMap::new();
    for (from, to, bytes) in parts {
        *all.entry((from, to)).or_insert(0) += bytes;
    }
    all.into_iter().filter(move |((from, to), _)| *from < ranks && *to < ranks).map(|((f, t), n)| (f, t, n))
}

impl StoredVariable {
    /// Adds what ranks send to write whole chunks, those of each from rank 0 on, as
    /// [`Output::write_chunks`](super::Output::write_chunks) does.
    pub(crate) fn foresee_chunks(&self, chunks: &[Vec<IndexBox>], room: Room, formula: &mut Formula) {
        let layout = self.layout();
        let size = layout.dtype.size();
        let batch = room.chunks(layout.chunk.iter().product::<usize>() * size);
        formula.agree();
        formula.all_reduce(1);
        let rounds = chunks.iter().map(|own| own.len().div_ceil(batch)).max().unwrap_or(0);
        for round in 0..rounds {
            let packed = |own: &Vec<IndexBox>| {
                let now = own.iter().skip(round * batch).take(batch);
                now.map(|block| 2 * size_of::<u64>() + layout.stored_block(block).len() * size).sum()
            };
            formula.gather_v(0, &chunks.iter().map(packed).collect::<Vec<_>>());
            formula.agree();
        }
        formula.agree();
    }
}
