//! Which stored chunks the blocks of a call touch, and which rank finishes each of them.
//!
//! All ranks work this out from the blocks alone, so that nobody has to ask: chunks in C order,
//! in rounds that hold about as much for every rank.

use super::layout::Layout;
use super::pieces::bounding;
use halocline_core::index::IndexBox;

/// A chunk that a call writes, wholly or in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Share {
    /// Its number, C order over all chunks of the variable.
    pub(super) number: usize,
    /// Its cells inside the variable.
    pub(super) block: IndexBox,
    /// The ranks that hold some of them.
    pub(super) holders: Vec<usize>,
    /// Whether the blocks cover it. If not, rank 0 keeps it until others do.
    pub(super) whole: bool,
    /// The rank that finishes it.
    pub(super) owner: usize,
}

/// The chunks of a call, round by round.
pub(super) struct Rounds<'a> {
    layout: &'a Layout,
    boxes: &'a [IndexBox],
    ranks: usize,
    /// Cells of a round.
    limit: usize,
    /// The chunks that may be touched, as ranges of their coordinates.
    around: Vec<std::ops::Range<usize>>,
    /// Coordinates of the next; `None` at the end.
    next: Option<Vec<usize>>,
}

impl<'a> Rounds<'a> {
    /// `boxes` are the blocks of the ranks from 0 on; a rank finishes about `limit` cells a round.
    pub(super) fn new(layout: &'a Layout, boxes: &'a [IndexBox], ranks: usize, limit: usize) -> Self {
        let around = bounding(boxes).map(|around| {
            let touched = around.ranges().iter().zip(&layout.chunk);
            touched.map(|(r, &chunk)| r.start / chunk..r.end.div_ceil(chunk)).collect::<Vec<_>>()
        });
        let next = around.as_ref().map(|ranges| ranges.iter().map(|r| r.start).collect());
        let limit = limit.saturating_mul(ranks);
        Self { layout, boxes, ranks, limit, around: around.unwrap_or_default(), next }
    }
    fn advance(&mut self) -> Option<Vec<usize>> {
        let at = self.next.take()?;
        let mut after = at.clone();
        for d in (0..after.len()).rev() {
            after[d] += 1;
            if after[d] < self.around[d].end {
                self.next = Some(after);
                break;
            }
            after[d] = self.around[d].start;
        }
        Some(at)
    }
    fn share(&self, at: &[usize], loads: &mut [usize]) -> Option<(Share, usize)> {
        let block = self.layout.chunk_block(at);
        let cells = block.len();
        let (mut holders, mut covered, mut most) = (Vec::new(), 0, (0, 0));
        for (rank, other) in self.boxes.iter().enumerate() {
            let common = shared_cells(&block, other);
            if common > 0 {
                holders.push(rank);
                covered += common;
                if common > most.0 {
                    most = (common, rank);
                }
            }
        }
        if holders.is_empty() {
            return None;
        }
        let whole = covered == cells;
        // What is not compressed goes straight to rank 0; what is, to whoever has most of it.
        let owner = if !whole || holders.len() > 1 && !self.layout.is_compressed() { 0 } else { most.1 };
        loads[owner] += 1;
        Some((Share { number: self.layout.chunk_number(at), block, holders, whole, owner }, cells))
    }
}

impl Iterator for Rounds<'_> {
    type Item = Vec<Share>;

    fn next(&mut self) -> Option<Vec<Share>> {
        let mut loads = vec![0; self.ranks];
        let (mut round, mut cells) = (Vec::new(), 0);
        while cells < self.limit.max(1) {
            let Some(at) = self.advance() else { break };
            if let Some((share, n)) = self.share(&at, &mut loads) {
                round.push(share);
                cells += n;
            }
        }
        if self.layout.is_compressed() && self.ranks > 1 && cells * self.layout.dtype.size() >= WORTH_MOVING {
            even_out(&mut round, &mut loads);
        }
        (!round.is_empty()).then_some(round)
    }
}

/// Bytes of a round below which cells stay where they are.
const WORTH_MOVING: usize = 1 << 20;

/// Gives chunks of ranks that have more than their part to those that have least, so that all
/// compress for about the same time. Moving cells is much cheaper than compressing them.
fn even_out(round: &mut [Share], loads: &mut [usize]) {
    let part = round.len().div_ceil(loads.len());
    for share in round.iter_mut().filter(|share| share.whole) {
        if loads[share.owner] <= part {
            continue;
        }
        let Some(idle) = (0..loads.len()).min_by_key(|&rank| (loads[rank], rank)) else { continue };
        loads[share.owner] -= 1;
        loads[idle] += 1;
        share.owner = idle;
    }
}

/// How many cells both boxes hold.
fn shared_cells(a: &IndexBox, b: &IndexBox) -> usize {
    let common = |(a, b): (&std::ops::Range<usize>, &std::ops::Range<usize>)| {
        a.end.min(b.end).saturating_sub(a.start.max(b.start))
    };
    a.ranges().iter().zip(b.ranges()).map(common).product()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Compression, Schema, VariableSpec};
    use halocline_core::meta::DType;

    fn layout(compression: Compression) -> Layout {
        let mut schema = Schema::new();
        schema.add_dim("t", 5).unwrap();
        schema.add_dim("x", 7).unwrap();
        let mut spec = VariableSpec::data("a", ["t", "x"], DType::F64);
        spec.chunks = Some(vec![2, 3]);
        spec.compression = compression;
        schema.add_variable(spec);
        Layout::of(&schema).unwrap().remove(0)
    }

    #[test]
    fn every_touched_chunk_comes_once_and_in_order() {
        let layout = layout(Compression::Deflate(1));
        let boxes = [
            IndexBox::new(vec![0..2, 0..7]),
            IndexBox::new(vec![0..0, 0..7]),
            IndexBox::new(vec![2..5, 2..7]),
        ];
        for limit in [1, 10, 1000] {
            let shares: Vec<Share> = Rounds::new(&layout, &boxes, 3, limit).flatten().collect();
            let numbers: Vec<usize> = shares.iter().map(|s| s.number).collect();
            assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
            let whole: Vec<usize> = shares.iter().filter(|s| s.whole).map(|s| s.number).collect();
            assert_eq!(whole, [0, 1, 2, 4, 5, 7, 8]);
            assert!(shares.iter().all(|s| s.whole || s.owner == 0));
            assert_eq!(shares[5].holders, [2]);
            assert_eq!(shares[8].block, IndexBox::new(vec![4..5, 6..7]));
        }
        assert_eq!(Rounds::new(&layout, &[IndexBox::new(vec![0..0, 0..7])], 3, 9).count(), 0);
        assert_eq!(Rounds::new(&layout, &[], 1, 9).count(), 0);
    }

    #[test]
    fn chunks_of_one_rank_are_shared_out() {
        let mut shares: Vec<Share> = (0..9)
            .map(|number| Share {
                number,
                block: IndexBox::whole(&[1]),
                holders: vec![1],
                whole: number != 3,
                owner: usize::from(number != 3),
            })
            .collect();
        let mut loads = [1, 8, 0];
        even_out(&mut shares, &mut loads);
        assert_eq!(loads, [3, 3, 3]);
        assert_eq!(shares[3].owner, 0);
    }
}
