//! Room for maps that are multiplied side by side, used again and again: the first touch of fresh memory
//! costs as much as the product. And how maps come side by side, and apart again.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller

use super::regridded::LANES;
use halocline_core::buffers::Shelf;
use halocline_core::memory::filled;
use pulp::{Arch, NullaryFnOnce};
use std::any::Any;
use std::ops::Range;

/// Cells that are turned together, in registers.
const CELLS: usize = 8;

/// Room for maps: as they are read, and side by side.
pub(super) struct Room<T> {
    pub(super) values: Vec<T>,
    pub(super) lanes: Vec<[T; LANES]>,
}

/// [`Room`] of either type that is not in use.
#[derive(Default)]
pub(super) struct Rooms(Shelf<Box<dyn Any + Send>>);

impl Rooms {
    /// Room for at least so many values, and cells side by side; what is there means nothing.
    pub(super) fn take<T: Copy + Default + Send + 'static>(&self, values: usize, lanes: usize) -> Room<T> {
        let used = self.0.take().and_then(|room| room.downcast::<Room<T>>().ok());
        let mut room = used.map_or_else(|| Room { values: Vec::new(), lanes: Vec::new() }, |room| *room);
        if room.values.len() < values {
            room.values = filled(values, T::default());
        }
        if room.lanes.len() < lanes {
            room.lanes = filled(lanes, [T::default(); LANES]);
        }
        room
    }
    pub(super) fn give<T: Send + 'static>(&self, room: Room<T>) {
        self.0.give(Box::new(room));
    }
}

/// Puts the values of maps of `cells` that belong to the same cell side by side, from cell `first` on.
pub(super) fn side_by_side<T: Copy>(maps: &[T], (cells, first): (usize, usize), lanes: &mut [[T; LANES]]) {
    let n = lanes.len();
    let count = maps.len() / cells.max(1);
    let map = |k: usize| &maps[k * cells + first..k * cells + first + n];
    if count == LANES {
        let maps: [&[T]; LANES] = std::array::from_fn(map);
        Arch::new().dispatch(Together { maps, lanes });
    } else {
        for k in 0..count {
            lanes.iter_mut().zip(map(k)).for_each(|(lane, value)| lane[k] = *value);
        }
    }
}

/// Puts sums that are side by side into the cells `run` of the maps of `each` cells that follow one
/// another in `out`, rounded.
pub(super) fn apart<T: Copy + Default, O: Fn(f64) -> T>(
    sums: &[[f64; LANES]],
    (each, run): (usize, Range<usize>),
    out: &mut [T],
    round: &O,
) {
    if out.len() == each * LANES {
        Arch::new().dispatch(Apart { sums, each, start: run.start, out, round });
        return;
    }
    for (lane, map) in out.chunks_mut(each.max(1)).enumerate() {
        map[run.clone()].iter_mut().zip(sums).for_each(|(o, s)| *o = round(s[lane]));
    }
}

/// Values side by side: a closure would not be compiled for wide vectors.
struct Together<'a, T> {
    maps: [&'a [T]; LANES],
    lanes: &'a mut [[T; LANES]],
}

impl<T: Copy> NullaryFnOnce for Together<'_, T> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let n = self.lanes.len();
        let mut maps = self.maps;
        for map in &mut maps {
            *map = &map[..n];
        }
        let whole = n / CELLS * CELLS;
        for first in (0..whole).step_by(CELLS) {
            let lanes = &mut self.lanes[first..first + CELLS];
            // A loop, as `map` of arrays is not always compiled into its caller.
            let mut rows: [&[T]; LANES] = [&[]; LANES];
            for (row, map) in rows.iter_mut().zip(&maps) {
                *row = &map[first..first + CELLS];
            }
            for (cell, lane) in lanes.iter_mut().enumerate() {
                for (to, row) in lane.iter_mut().zip(&rows) {
                    *to = row[cell];
                }
            }
        }
        for cell in whole..n {
            for (to, map) in self.lanes[cell].iter_mut().zip(&maps) {
                *to = map[cell];
            }
        }
    }
}

/// Sums of [`LANES`] maps, apart.
struct Apart<'a, T, O> {
    sums: &'a [[f64; LANES]],
    each: usize,
    start: usize,
    out: &'a mut [T],
    round: &'a O,
}

impl<T: Copy + Default, O: Fn(f64) -> T> NullaryFnOnce for Apart<'_, T, O> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let n = self.sums.len();
        let whole = n / CELLS * CELLS;
        let mut block = [[T::default(); CELLS]; LANES];
        for first in (0..whole).step_by(CELLS) {
            for (cell, sums) in self.sums[first..first + CELLS].iter().enumerate() {
                for (lane, sum) in sums.iter().enumerate() {
                    block[lane][cell] = (self.round)(*sum);
                }
            }
            for (lane, values) in block.iter().enumerate() {
                let at = lane * self.each + self.start + first;
                self.out[at..at + CELLS].copy_from_slice(values);
            }
        }
        for (cell, sums) in self.sums.iter().enumerate().skip(whole) {
            for (lane, sum) in sums.iter().enumerate() {
                self.out[lane * self.each + self.start + cell] = (self.round)(*sum);
            }
        }
    }
}
