//! Which cells of a source are wanted, a bit each.

use halocline_core::index::IndexBox;
use halocline_core::threads;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Values that a thread looks at in one go.
const GRAIN: usize = 1 << 16;

/// Yes or no for each cell of a map, C order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Plane {
    words: Vec<u64>,
    len: usize,
}

impl FromIterator<bool> for Plane {
    fn from_iter<I: IntoIterator<Item = bool>>(all: I) -> Self {
        let mut plane = Self { words: Vec::new(), len: 0 };
        for wanted in all {
            if plane.len % 64 == 0 {
                plane.words.push(0);
            }
            if let (true, Some(word)) = (wanted, plane.words.last_mut()) {
                *word |= 1 << (plane.len % 64);
            }
            plane.len += 1;
        }
        plane
    }
}

impl Plane {
    pub(super) fn get(&self, cell: usize) -> bool {
        self.words[cell / 64] >> (cell % 64) & 1 == 1
    }
    pub(super) fn any(&self) -> bool {
        self.words.iter().any(|word| *word != 0)
    }
    pub(super) fn all(&self) -> bool {
        self.words.iter().map(|word| word.count_ones() as usize).sum::<usize>() == self.len
    }
    /// Leaves what is in both.
    pub(super) fn meet(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a &= *b);
    }

    /// Calls `work` with the runs of unwanted cells among these, counted from the first.
    fn each_unwanted(&self, cells: Range<usize>, mut work: impl FnMut(Range<usize>)) {
        let mut at = cells.start;
        while at < cells.end {
            let (word, offset) = (at / 64, at % 64);
            let count = (64 - offset).min(cells.end - at);
            let mut unwanted = !self.words[word] >> offset;
            if count < 64 {
                unwanted &= (1 << count) - 1;
            }
            while unwanted != 0 {
                let first = unwanted.trailing_zeros() as usize;
                let len = (unwanted >> first).trailing_ones() as usize;
                let start = at - cells.start + first;
                work(start..start + len);
                if first + len == 64 {
                    break;
                }
                unwanted &= u64::MAX << (first + len);
            }
            at += count;
        }
    }
}

/// The cells that a selection leaves of a source: on its horizontal dimensions, which are its
/// last, and maybe on its levels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::source) struct Cells {
    /// The dimension of levels, if they differ.
    level: Option<usize>,
    /// Lengths of the horizontal dimensions.
    ground: Vec<usize>,
    /// One for each level, or one for all.
    planes: Vec<Plane>,
    /// The smallest box in the horizontal dimensions that holds all of them.
    inside: Vec<Range<usize>>,
}

impl Cells {
    /// Those that are wanted; `None` if all are.
    pub(super) fn new(level: Option<usize>, ground: Vec<usize>, planes: Vec<Plane>) -> Option<Self> {
        if planes.iter().all(Plane::all) {
            return None;
        }
        let row = ground.last().copied().unwrap_or(1).max(1);
        let mut span = vec![(usize::MAX, 0); ground.len()];
        for plane in &planes {
            for cell in (0..plane.len).filter(|&cell| plane.get(cell)) {
                let place = if span.len() == 2 { [cell / row, cell % row] } else { [cell, 0] };
                for (span, at) in span.iter_mut().zip(place) {
                    *span = (span.0.min(at), span.1.max(at + 1));
                }
            }
        }
        let inside = span.into_iter().map(|(start, end)| start.min(end)..end).collect();
        Some(Self { level, ground, planes, inside })
    }

    /// The part of a block, in the index space of the source, that holds all wanted cells.
    pub(in crate::source) fn within(&self, block: &IndexBox) -> IndexBox {
        let first = block.ndim() - self.ground.len();
        self.inside.iter().enumerate().fold(block.clone(), |block, (d, inside)| {
            let range = block.range(first + d);
            let start = inside.start.clamp(range.start, range.end);
            block.with_range(first + d, start..inside.end.clamp(start, range.end))
        })
    }

    /// Writes `missing` to the cells of a block that are not wanted, but leaves alone what lies
    /// outside of [`Self::within`].
    pub(in crate::source) fn apply<T: Copy + Send + Sync>(
        &self,
        block: &IndexBox,
        values: &mut [T],
        missing: T,
    ) {
        let inner = self.within(block);
        let last = block.ndim() - 1;
        let row = block.range(last).len();
        if inner.is_empty() {
            return;
        }
        let west = inner.range(last).start - block.range(last).start;
        let columns = west..west + inner.range(last).len();
        let rows_at_once = GRAIN.div_ceil(row);
        let some_rows = |(k, rows): (usize, &mut [T])| {
            for (r, values) in rows.chunks_mut(row).enumerate() {
                let (plane, y, start) = self.place(block, k * rows_at_once + r);
                if self.ground.len() == 2 && !inner.range(last - 1).contains(&y) {
                    continue;
                }
                let cells = start + columns.start..start + columns.end;
                let values = &mut values[columns.clone()];
                plane.each_unwanted(cells, |run| values[run].fill(missing));
            }
        };
        if threads::is_alone() {
            values.chunks_mut(rows_at_once * row).enumerate().for_each(some_rows);
        } else {
            values.par_chunks_mut(rows_at_once * row).enumerate().for_each(some_rows);
        }
    }

    /// The plane of a row of a block, its Y, and its first cell.
    fn place(&self, block: &IndexBox, row: usize) -> (&Plane, usize, usize) {
        let (mut rest, mut level, mut y) = (row, 0, 0);
        let last = block.ndim() - 1;
        for d in (0..last).rev() {
            let range = block.range(d);
            let at = range.start + rest % range.len().max(1);
            rest /= range.len().max(1);
            if Some(d) == self.level {
                level = at;
            } else if self.ground.len() == 2 && d + 1 == last {
                y = at;
            }
        }
        let width = self.ground.last().copied().unwrap_or(1);
        (&self.planes[level], y, y * width + block.range(last).start)
    }

    /// Cells of the ground that are wanted at no level.
    pub(super) fn never(&self) -> Vec<bool> {
        let size: usize = self.ground.iter().product();
        (0..size).map(|cell| !self.planes.iter().any(|plane| plane.get(cell))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_gets_its_cells() {
        let (nz, ny, nx) = (3usize, 5usize, 67usize);
        let wanted = |k: usize, c: usize| (c * 31 + k * 7) % 5 != 0 && (c / nx) % 4 != 0 && c % nx > 2;
        for level in [None, Some(1)] {
            let planes: Vec<Vec<bool>> = (0..if level.is_some() { nz } else { 1 })
                .map(|k| (0..ny * nx).map(|c| wanted(k, c)).collect())
                .collect();
            let bits = planes.iter().map(|plane| plane.iter().copied().collect()).collect();
            let cells = Cells::new(level, vec![ny, nx], bits).unwrap();
            assert_eq!(cells.inside, [1..4, 3..67]);
            for block in [
                IndexBox::whole(&[2, nz, ny, nx]),
                IndexBox::new(vec![1..2, 1..3, 1..4, 5..6]),
                IndexBox::new(vec![0..2, 2..3, 0..5, 60..67]),
                IndexBox::new(vec![0..1, 0..2, 3..5, 0..64]),
            ] {
                // As a reader does it: what lies around all of them first.
                let mut values = vec![1u8; block.len()];
                let inner = cells.within(&block);
                block.insert(&mut values, &inner, &vec![0; inner.len()]);
                cells.apply(&block, &mut values, 1);
                let expected: Vec<u8> = block
                    .range(0)
                    .flat_map(|_| block.range(1))
                    .flat_map(|k| block.range(2).map(move |j| (k, j)))
                    .flat_map(|(k, j)| block.range(3).map(move |i| (k, j * nx + i)))
                    .map(|(k, c)| u8::from(!wanted(if level.is_some() { k } else { 0 }, c)))
                    .collect();
                assert_eq!(values, expected, "{block:?}");
            }
            let inner = cells.within(&IndexBox::new(vec![0..2, 0..3, 0..2, 0..9]));
            assert_eq!(inner.ranges(), [0..2, 0..3, 1..2, 3..9]);
            assert!(cells.within(&IndexBox::new(vec![0..2, 0..3, 4..5, 0..9])).is_empty());
            let never: Vec<bool> = (0..ny * nx).map(|c| !(0..planes.len()).any(|k| wanted(k, c))).collect();
            assert_eq!(cells.never(), never);
        }
        assert_eq!(Cells::new(None, vec![2, 2], vec![[true; 4].into_iter().collect()]), None);
        let none = Cells::new(None, vec![3], vec![[false; 3].into_iter().collect()]).unwrap();
        assert!(none.within(&IndexBox::whole(&[4, 3])).is_empty());
    }
}
