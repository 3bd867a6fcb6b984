//! What a rank works on of a batch: read by all threads beforehand, or each few tiles by the thread
//! that works on them.

use super::run::{read, Kept};
use crate::buffers::Shelf;
use crate::engine::stream::StreamSource;
use crate::error::Result;
use crate::index::IndexBox;
use crate::progress::Progress;
use crate::threads;
use crate::tiling::Tile;
use std::ops::Range;

/// Buffers of each source that were worked on, to be used again.
pub(super) type Spare<T> = Shelf<Vec<Vec<T>>>;

/// A rank's part of a batch.
pub(super) struct Held<'a, T> {
    pub(super) own: &'a IndexBox,
    pub(super) sources: &'a [&'a dyn StreamSource],
    pub(super) progress: &'a Progress,
    /// The values of each source, if all threads have read them.
    pub(super) values: Option<&'a [Vec<T>]>,
    pub(super) spare: &'a Spare<T>,
    /// Values of each source that a thread may hold, where they are not.
    pub(super) most: usize,
}

/// What a gang of tiles is worked on from.
#[derive(Debug, PartialEq)]
pub(super) enum Read<T> {
    /// All of the batch, which was read before.
    Batch,
    /// The values of each source in a box that holds the gang.
    Gang(IndexBox, Vec<Vec<T>>),
}

impl<T: Kept> Held<'_, T> {
    /// Whether tiles are read by the threads that work on them.
    pub(super) const fn is_apart(&self) -> bool {
        self.values.is_none()
    }
    /// The tiles that are worked on together, of some in their order, at most `several`: one, or
    /// neighbours that are a box, so that as much as a thread may hold is read of each step.
    pub(super) fn gangs(&self, tiles: &[&Tile], several: usize) -> Vec<Range<usize>> {
        let most = if self.is_apart() { several.max(1) } else { 1 };
        let mut gangs = Vec::new();
        let mut start = 0;
        while let Some(first) = tiles.get(start) {
            let (mut hull, mut len, mut end) = (first.block.clone(), first.block.len(), start + 1);
            for (k, tile) in tiles.iter().enumerate().take(start.saturating_add(most)).skip(start + 1) {
                hull = both(&hull, &tile.block);
                len += tile.block.len();
                if hull.len() > self.most {
                    break;
                }
                if hull.len() == len {
                    end = k + 1;
                }
            }
            gangs.push(start..end);
            start = end;
        }
        gangs
    }
    /// Reads what these tiles, which are a gang, need, unless that was read. This thread does it
    /// `alone` if others read gangs of their own: one that waited for others would begin with another
    /// gang meanwhile, and hold both.
    pub(super) fn read(&self, gang: &[&Tile], alone: bool) -> Result<Read<T>> {
        let ([first, rest @ ..], true) = (gang, self.is_apart()) else { return Ok(Read::Batch) };
        let block = rest.iter().fold(first.block.clone(), |block, tile| both(&block, &tile.block));
        let buffers = self.spare.take().unwrap_or_default();
        let all = || read(self.sources, self.progress, &block, buffers);
        let values = if alone { threads::alone(all)? } else { all()? };
        Ok(Read::Gang(block, values))
    }
    /// A box, and the values of each source in it.
    pub(super) fn seen<'v>(&'v self, read: &'v Read<T>) -> (&'v IndexBox, &'v [Vec<T>]) {
        match read {
            Read::Batch => (self.own, self.values.unwrap_or_default()),
            Read::Gang(block, values) => (block, values),
        }
    }
    /// Takes back what was read.
    pub(super) fn give(&self, read: Read<T>) {
        if let Read::Gang(_, values) = read {
            self.spare.give(values);
        }
    }
}

/// The smallest box that holds both.
fn both(a: &IndexBox, b: &IndexBox) -> IndexBox {
    let ranges = a.ranges().iter().zip(b.ranges());
    IndexBox::new(ranges.map(|(a, b)| a.start.min(b.start)..a.end.max(b.end)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::Made;
    use super::*;

    #[test]
    fn gangs_are_boxes() {
        // Three rows of two and a half tiles.
        let ranges =
            (0..3).flat_map(|y| [0..4, 4..8, 8..10].map(move |x| IndexBox::new(vec![0..5, y..y + 1, x])));
        let tiles: Vec<Tile> = ranges.enumerate().map(|(id, block)| Tile { id, block }).collect();
        let tiles: Vec<&Tile> = tiles.iter().collect();
        let made = Made::new(&[5, 3, 10], &[5, 3, 10], true);
        let sources: [&dyn StreamSource; 1] = [&made];
        let (own, progress, spare) =
            (IndexBox::whole(&[5, 3, 10]), Progress::default(), Spare::<f32>::default());
        let mut held = Held {
            own: &own,
            sources: &sources,
            progress: &progress,
            values: None,
            spare: &spare,
            most: 100,
        };
        assert_eq!(held.gangs(&tiles, 100), [0..6, 6..9]);
        assert_eq!(held.gangs(&tiles, 5), [0..3, 3..6, 6..9]);
        assert_eq!(held.gangs(&tiles[1..], 100), [0..2, 2..8]);
        assert_eq!(held.gangs(&tiles, 0).len(), 9);
        held.most = 1;
        assert_eq!(held.gangs(&tiles, 100).len(), 9);
        let read = held.read(&tiles[3..6], true).expect("reads");
        let (block, values) = held.seen(&read);
        assert_eq!((block.ranges(), values[0].len()), ([0..5, 1..2, 0..10].as_slice(), 50));
        let all = [vec![0f32; 150]];
        held.values = Some(&all);
        assert_eq!(held.gangs(&tiles, 100).len(), 9);
        assert_eq!(held.read(&tiles[3..6], false).expect("all"), Read::Batch);
        assert_eq!(held.seen(&Read::Batch).1[0].len(), 150);
    }
}
