//! Maps made band by band: where weights lead from places near to those that they lead to, a thread
//! reads the source rows of a band of some maps, and multiplies them while they are in its own cache.

use super::regridded::LANES;
use super::room::{apart, side_by_side, Room, Rooms};
use super::{Matrix, Missing};
use halocline_core::index::IndexBox;
use halocline_core::Result;
use rayon::prelude::*;
use std::ops::Range;

/// Target cells of a band, at most.
const CELLS: usize = 8192;
/// Target cells that are not cut further, however far apart what they are made of is.
const FEW: usize = 64;
/// Bytes of the source values of a band in [`LANES`] maps, map by map and side by side: about so many.
const BYTES: usize = 3 << 19;
/// Target cells whose sums are held at once.
const SUMS: usize = 256;

/// Target cells, and the source rows that they are made of.
struct Band {
    target: Range<usize>,
    rows: Range<usize>,
}

/// The bands of a target grid.
pub(super) struct Bands {
    all: Vec<Band>,
    /// Cells of a source row.
    width: usize,
    /// Dimensions of a map: rows are along the first.
    horizontal: usize,
    /// Source cells of the largest band.
    most: usize,
}

/// What maps are made by.
pub(super) struct Product<'a, R, O> {
    pub(super) matrix: &'a Matrix,
    pub(super) missing: Missing,
    /// Room that was used before.
    pub(super) rooms: &'a Rooms,
    /// Fetches source values.
    pub(super) read: R,
    pub(super) round: O,
}

impl Bands {
    /// Those of weights from a grid of these lengths, whose values take `size` bytes; `None` if weights
    /// lead too far for bands.
    pub(super) fn new(matrix: &Matrix, lengths: &[usize], size: usize) -> Option<Self> {
        let width = lengths.get(1).copied().unwrap_or(1).max(1);
        let limit = BYTES / (2 * LANES * size);
        let mut todo: Vec<Range<usize>> =
            (0..matrix.rows()).step_by(CELLS).map(|k| k..matrix.rows().min(k + CELLS)).rev().collect();
        let mut bands = Self { all: Vec::new(), width, horizontal: lengths.len(), most: 0 };
        while let Some(target) = todo.pop() {
            let reach = matrix.reach(target.clone());
            let rows = reach.start / width..reach.end.div_ceil(width);
            let cells = rows.len() * width;
            if cells > limit && target.len() > FEW {
                let middle = target.start + target.len() / 2;
                todo.extend([middle..target.end, target.start..middle]);
                continue;
            }
            if cells > 2 * limit {
                return None;
            }
            bands.most = bands.most.max(cells);
            bands.all.push(Band { target, rows });
        }
        // Rows that several bands are made of are read for each.
        let read: usize = bands.all.iter().map(|band| band.rows.len() * width).sum();
        (read <= matrix.columns() + matrix.columns() / 4).then_some(bands)
    }

    /// Bytes that a thread holds.
    pub(super) fn bytes(&self, size: usize) -> u64 {
        (2 * LANES * size * self.most) as u64
    }

    /// Fills `out` with the whole maps of `block`, whose first `outer` dimensions count maps, some maps
    /// in each thread.
    pub(super) fn fill<T, R, O>(
        &self,
        (block, outer): (&IndexBox, usize),
        out: &mut [T],
        source: &IndexBox,
        by: &Product<'_, R, O>,
    ) -> Result<()>
    where
        T: Copy + Default + Send + Sync + Into<f64> + 'static,
        R: Fn(&IndexBox, &mut [T]) -> Result<()> + Sync,
        O: Fn(f64) -> T + Sync,
    {
        let each = by.matrix.rows().max(1);
        let some = |(group, out): (usize, &mut [T])| -> Result<()> {
            let mut room = by.rooms.take(self.most * LANES, self.most);
            let maps: Vec<IndexBox> = (group * LANES..group * LANES + out.len() / each)
                .map(|k| map_of((block, outer), k, source))
                .collect();
            let mut made = self.all.iter().map(|band| self.make(band, &maps, out, &mut room, by));
            made.find(Result::is_err).unwrap_or(Ok(()))?;
            by.rooms.give(room);
            Ok(())
        };
        // The error of the first maps, whichever thread is faster.
        let done: Vec<Result<()>> =
            out.par_chunks_mut(each * LANES).with_max_len(1).enumerate().map(some).collect();
        done.into_iter().collect()
    }

    /// The target cells of a band in some maps, which lie one after the other in `out`.
    fn make<T, R, O>(
        &self,
        band: &Band,
        maps: &[IndexBox],
        out: &mut [T],
        room: &mut Room<T>,
        by: &Product<'_, R, O>,
    ) -> Result<()>
    where
        T: Copy + Default + Into<f64>,
        R: Fn(&IndexBox, &mut [T]) -> Result<()>,
        O: Fn(f64) -> T,
    {
        let cells = band.rows.len() * self.width;
        let values = &mut room.values[..cells * maps.len()];
        for (map, values) in maps.iter().zip(values.chunks_mut(cells.max(1))) {
            let rows = map.ndim() - self.horizontal;
            (by.read)(&map.with_range(rows, band.rows.clone()), values)?;
        }
        let lanes = &mut room.lanes[..cells];
        side_by_side(values, (cells, 0), lanes);
        let each = by.matrix.rows();
        let mut sums = [[0.0; LANES]; SUMS];
        for start in band.target.clone().step_by(SUMS) {
            let run = start..band.target.end.min(start + SUMS);
            let sums = &mut sums[..run.len()];
            by.matrix.times_from(run.clone(), (band.rows.start * self.width, lanes), sums, by.missing);
            apart(sums, (each, run), out, &by.round);
        }
        Ok(())
    }
}

/// Whole map number `k` of a block, of the source: the same place along the dimensions that count maps.
fn map_of((block, outer): (&IndexBox, usize), k: usize, source: &IndexBox) -> IndexBox {
    let mut rest = k;
    let mut ranges = source.ranges().to_vec();
    for d in (0..outer).rev() {
        let range = block.range(d);
        let at = range.start + rest % range.len().max(1);
        rest /= range.len().max(1);
        ranges[d] = at..at + 1;
    }
    IndexBox::new(ranges)
}
