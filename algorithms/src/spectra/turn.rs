//! Series of some cells, turned so that each is contiguous; room for that, used again and again.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller

use halocline_core::engine::{Numbers, Series};
use halocline_core::index::IndexBox;
use halocline_core::tiling::Tile;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Bytes of series that are turned at once: less than a core's own cache, and no little, as of each
/// step a line of the cache or two is fetched from afar.
const CACHED: usize = 1 << 20;

/// Cells whose series are turned at once: whole lines of the cache.
pub(super) fn width(times: usize, cells: usize) -> usize {
    (CACHED / (8 * times.max(1)) / 16 * 16).clamp(16, 128).min(cells.max(1))
}

/// From one turned series to the next: never a multiple of a page, where all would meet in the same
/// places of a cache.
pub(super) fn stride(times: usize) -> usize {
    times.next_multiple_of(8) + 8
}

/// Bytes of turned series.
pub(super) fn bytes(times: usize, cells: usize) -> u64 {
    8 * (stride(times) as u64).saturating_mul(width(times, cells) as u64)
}

/// Puts the series of these cells into `out`, one every [`stride`], in double precision. Steps are all
/// that is reduced.
pub(super) fn turn(series: &Series<'_>, cells: &Range<usize>, out: &mut [f64]) {
    /// Steps that are turned together: a line of the cache.
    const STEPS: usize = 8;
    let (first, times, stride) = (series.steps().start, series.samples(), stride(series.samples()));
    let whole = times / STEPS * STEPS;
    for t in (0..whole).step_by(STEPS) {
        let rows: [Numbers<'_>; STEPS] =
            std::array::from_fn(|j| series.step(first + t + j).slice(cells.clone()));
        if let Some(rows) = all(&rows, |row| match row {
            Numbers::F32(row) => Some(row),
            Numbers::F64(_) => None,
        }) {
            turn_steps(rows, stride, &mut out[t..]);
        } else if let Some(rows) = all(&rows, |row| match row {
            Numbers::F64(row) => Some(row),
            Numbers::F32(_) => None,
        }) {
            turn_steps(rows, stride, &mut out[t..]);
        }
    }
    for t in whole..times {
        match series.step(first + t).slice(cells.clone()) {
            Numbers::F32(row) => turn_steps([row], stride, &mut out[t..]),
            Numbers::F64(row) => turn_steps([row], stride, &mut out[t..]),
        }
    }
}

/// What `of` makes of all rows, if it makes something of each.
fn all<'a, T, const N: usize>(
    rows: &[Numbers<'a>; N],
    of: impl Fn(Numbers<'a>) -> Option<&'a [T]>,
) -> Option<[&'a [T]; N]> {
    let mut found = [&[] as &[T]; N];
    for (found, row) in found.iter_mut().zip(rows) {
        *found = of(*row)?;
    }
    Some(found)
}

/// Puts some steps of all cells where they belong; `out` begins with the first step of the first.
fn turn_steps<T: Copy + Into<f64>, const N: usize>(rows: [&[T]; N], stride: usize, out: &mut [f64]) {
    pulp::Arch::new().dispatch(Turn { rows, stride, out });
}

/// Some steps, at work: a closure would not be compiled for wide vectors.
struct Turn<'a, T, const N: usize> {
    rows: [&'a [T]; N],
    stride: usize,
    out: &'a mut [f64],
}

impl<T: Copy + Into<f64>, const N: usize> pulp::NullaryFnOnce for Turn<'_, T, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        /// Cells that are turned together, in registers.
        const CELLS: usize = 4;
        let Self { mut rows, stride, out } = self;
        let cells = rows[0].len();
        // A loop, as `map` of arrays is not always compiled into its caller.
        for row in &mut rows {
            *row = &row[..cells];
        }
        let whole = cells / CELLS * CELLS;
        let mut block = [[0.0; N]; CELLS];
        for first in (0..whole).step_by(CELLS) {
            for (j, row) in rows.iter().enumerate() {
                for (i, value) in row[first..first + CELLS].iter().enumerate() {
                    block[i][j] = (*value).into();
                }
            }
            for (i, values) in block.iter().enumerate() {
                out[(first + i) * stride..][..N].copy_from_slice(values);
            }
        }
        for k in whole..cells {
            for (to, row) in out[k * stride..].iter_mut().zip(rows) {
                *to = row[k].into();
            }
        }
    }
}

/// The number of a tile's cell among all, in C order over the dimensions behind the first, whose
/// global lengths are `shape`.
pub(super) fn global(tile: &Tile, shape: &[usize], cell: usize) -> usize {
    let (mut rest, mut number, mut stride) = (cell, 0, 1);
    for (range, len) in tile.block.ranges().iter().skip(1).zip(shape).rev() {
        number += (range.start + rest % range.len().max(1)) * stride;
        rest /= range.len().max(1);
        stride *= len;
    }
    number
}

/// The whole of a series as a tile: where series belong to none.
pub(super) fn untiled(series: &Series<'_>) -> Tile {
    Tile { id: 0, block: IndexBox::new(vec![series.steps(), 0..series.cells()]) }
}

/// Things that threads lend one another.
#[derive(Debug, Default)]
pub(crate) struct Pool<T>(Mutex<Vec<T>>);

impl<T> Pool<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }
    pub(crate) fn take(&self, make: impl FnOnce() -> T) -> T {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_else(make)
    }
    pub(crate) fn give(&self, thing: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(thing);
    }
}
