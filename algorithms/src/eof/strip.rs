//! Strips of cells: a tile's series are prepared part by part, in threads, each part in a core's own
//! cache, and put side by side for whom wide strips are faster.

use super::prepare::{scale, Recipe, Rows, Statistics};
use crate::symmetric::STRIP;
use halocline_core::buffers::Buffers;
use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

/// The anomalies of some cells of a tile: few enough to stay in cache.
#[derive(Debug)]
pub(super) struct Strip {
    /// Offsets of the cells within the tile.
    pub(super) cells: Vec<usize>,
    /// Anomalies, times × cells.
    pub(super) values: Vec<f64>,
    /// What is known of each cell; empty unless asked for.
    pub(super) cell: Vec<Statistics>,
    /// Means that were removed, groups × cells; of a month that never comes, missing.
    pub(super) removed: Vec<f64>,
    /// Mean and slope of the lines that were removed, each for all cells; empty: none were.
    pub(super) lines: [Vec<f64>; 2],
    /// Those of the cells (counted in [`Self::cells`]) whose sum is no finite number.
    pub(super) odd: Vec<usize>,
}

/// Values of a narrow strip, about: with this many, all that is done to it finds it in a core's own
/// cache.
const NARROW_VALUES: usize = 80_000;

/// Cells of a narrow strip of so many times, at most.
pub(super) fn narrow(times: usize) -> usize {
    (NARROW_VALUES / times.max(1) / 8 * 8).clamp(16, STRIP)
}

/// Rows that a thread puts side by side at a time.
const ROWS: usize = 64;

impl Strip {
    /// A strip of these cells whose values are still to come.
    pub(super) fn of(times: usize, cells: Vec<usize>, mut values: Vec<f64>) -> Self {
        values.resize(times * cells.len(), 0.0);
        let (cell, removed, odd) = (Vec::new(), Vec::new(), Vec::new());
        Self { cells, values, cell, removed, lines: Default::default(), odd }
    }

    /// Multiplies the values of each cell by its weight.
    pub(super) fn weigh(&mut self, weights: &[f64]) {
        Arch::new().dispatch(Weigh { values: &mut self.values, weights });
    }

    /// The values in single precision after a multiplication by `factor`.
    pub(super) fn as_singles(&self, factor: f64) -> Vec<f32> {
        let mut rounded = vec![0.0; self.values.len()];
        let (parts, width) = (std::slice::from_ref(self), self.cells.len());
        Arch::new().dispatch(Rounded { parts, first: 0, rows: &mut rounded, width, factor });
        rounded
    }

    /// The largest magnitude of the values that are numbers.
    pub(super) fn largest(&self) -> f64 {
        Arch::new().dispatch(Largest(&self.values))
    }
}

struct Weigh<'a> {
    values: &'a mut [f64],
    weights: &'a [f64],
}

impl NullaryFnOnce for Weigh<'_> {
    type Output = ();
    #[inline(always)]
    #[allow(clippy::inline_always)] // so that it is compiled for the vectors of its caller
    fn call(self) {
        for row in self.values.chunks_exact_mut(self.weights.len().max(1)) {
            scale(row, self.weights);
        }
    }
}

struct Largest<'a>(&'a [f64]);

impl NullaryFnOnce for Largest<'_> {
    type Output = f64;
    #[inline(always)]
    #[allow(clippy::inline_always)] // as above
    fn call(self) -> f64 {
        let mut lanes = [0.0f64; 16];
        let some = self.0.chunks_exact(lanes.len());
        let rest = some.remainder();
        for values in some {
            // With as many as there are lanes, so that all are in registers.
            for k in 0..lanes.len() {
                let v = values[k].abs();
                lanes[k] = if v > lanes[k] { v } else { lanes[k] };
            }
        }
        for v in rest {
            lanes[0] = if v.abs() > lanes[0] { v.abs() } else { lanes[0] };
        }
        lanes.into_iter().fold(0.0, f64::max)
    }
}

/// Parts of a strip, in the order of their cells.
pub(super) struct Parts<'a> {
    parts: &'a mut [Strip],
    /// Whether all threads are to work on it.
    in_threads: bool,
}

impl Parts<'_> {
    /// Cells of all.
    pub(super) fn width(&self) -> usize {
        self.parts.iter().map(|part| part.cells.len()).sum()
    }
    pub(super) fn iter(&self) -> impl Iterator<Item = &Strip> {
        self.parts.iter()
    }
    /// The largest magnitude in each.
    pub(super) fn largest(&self) -> Vec<f64> {
        if self.in_threads {
            self.parts.par_iter().map(Strip::largest).collect()
        } else {
            self.iter().map(Strip::largest).collect()
        }
    }
    fn times(&self) -> usize {
        self.parts.first().map_or(0, |part| part.values.len() / part.cells.len().max(1))
    }

    /// The values of all, times × cells, in single precision after a multiplication by `factor`.
    pub(super) fn as_singles(&self, factor: f64, mut room: Vec<f32>) -> Vec<f32> {
        room.resize(self.times() * self.width(), 0.0);
        self.rows(&mut room, |first, rows| {
            Arch::new().dispatch(Rounded { parts: self.parts, first, rows, width: self.width(), factor });
        });
        room
    }

    /// Hands rows of all cells out to threads, with the number of the first.
    fn rows<T: Send>(&self, all: &mut [T], fill: impl Fn(usize, &mut [T]) + Sync) {
        let some = ROWS * self.width().max(1);
        if self.in_threads {
            all.par_chunks_mut(some).enumerate().for_each(|(k, rows)| fill(k * ROWS, rows));
        } else {
            all.chunks_mut(some).enumerate().for_each(|(k, rows)| fill(k * ROWS, rows));
        }
    }

    /// One strip of the cells of all; `room` becomes its values.
    fn side_by_side(&mut self, room: Vec<f64>) -> Strip {
        let (n, times) = (self.width(), self.times());
        let cells = self.parts.iter().flat_map(|part| part.cells.iter().copied()).collect();
        let mut whole = Strip::of(times, cells, room);
        self.rows(&mut whole.values, |first, rows| {
            for (t, row) in rows.chunks_mut(n).enumerate() {
                let mut rest = row;
                for part in self.parts.iter() {
                    let some = part.cells.len();
                    let (here, after) = rest.split_at_mut(some);
                    here.copy_from_slice(&part.values[(first + t) * some..(first + t + 1) * some]);
                    rest = after;
                }
            }
        });
        let removed = self.parts.first().map_or(0, |part| part.removed.len() / part.cells.len().max(1));
        for group in 0..removed {
            for part in self.parts.iter() {
                let some = part.cells.len();
                whole.removed.extend_from_slice(&part.removed[group * some..(group + 1) * some]);
            }
        }
        let mut start = 0;
        for part in self.parts.iter_mut() {
            whole.odd.extend(part.odd.iter().map(|c| start + c));
            start += part.cells.len();
            whole.cell.append(&mut part.cell);
            for (lines, from) in whole.lines.iter_mut().zip(&mut part.lines) {
                lines.append(from);
            }
        }
        whole
    }
}

/// Rows of all parts, rounded to single precision.
struct Rounded<'a> {
    parts: &'a [Strip],
    first: usize,
    rows: &'a mut [f32],
    width: usize,
    factor: f64,
}

impl NullaryFnOnce for Rounded<'_> {
    type Output = ();
    #[inline(always)]
    #[allow(clippy::inline_always)] // as above
    fn call(self) {
        let mut start = 0;
        for part in self.parts {
            let some = part.cells.len();
            let from = part.values[self.first * some..].chunks_exact(some.max(1));
            for (row, values) in self.rows.chunks_exact_mut(self.width.max(1)).zip(from) {
                for (to, v) in row[start..start + some].iter_mut().zip(values) {
                    *to = (v * self.factor) as f32;
                }
            }
            start += some;
        }
    }
}

/// How wide strips are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// As products of strips are fast with; so many are prepared together, in threads if it is more
    /// than one.
    Wide(usize),
    /// So that a strip stays in a core's own cache; those with gaps are as wide as others.
    Narrow,
}

/// How strips are made of the cells of a tile.
#[derive(Clone, Copy)]
pub(super) struct Making<'a> {
    /// Cells of the tile that are left out; empty: none.
    pub(super) excluded: &'a [bool],
    /// Whether more than the anomalies is wanted.
    pub(super) statistics: bool,
    pub(super) width: Width,
    /// What else is done to each part, by the thread that prepared it.
    pub(super) finish: &'a (dyn Fn(&mut Strip) + Sync),
    /// Buffers of wide strips, and of narrow ones.
    pub(super) buffers: (&'a Buffers, &'a Buffers),
}

impl Recipe {
    /// Prepares the strips of a tile and hands them over in order.
    pub(super) fn for_each_strip(
        &self,
        rows: &Rows<'_>,
        making: &Making<'_>,
        mut hand_over: impl FnMut(&mut Strip),
    ) {
        let buffers = making.buffers.0;
        self.for_each_parts(rows, making, |mut parts| {
            if let [one] = &mut parts.parts {
                return hand_over(one);
            }
            let mut strip = parts.side_by_side(buffers.take(self.times * parts.width()));
            hand_over(&mut strip);
            buffers.give(strip.values);
        });
    }

    /// [`Self::for_each_strip`] before the parts of a strip are put side by side.
    pub(super) fn for_each_parts(
        &self,
        rows: &Rows<'_>,
        making: &Making<'_>,
        mut hand_over: impl FnMut(Parts<'_>),
    ) {
        let (wide_ones, narrow_ones) = making.buffers;
        // Of series with gaps, few take long; all that is done to a few others finds them in a core's
        // own cache, and there are enough such parts for all threads.
        let (strips, part, buffers) = match &self.filling {
            None => (Self::strips(rows(0), making.excluded), narrow(self.times), narrow_ones),
            Some(filling) => (filling.counted(rows, self.times, making.excluded).strips, STRIP, wide_ones),
        };
        let (together, strips) = match making.width {
            Width::Wide(together) => (together.max(1), strips),
            Width::Narrow if self.filling.is_some() => (1, strips),
            Width::Narrow => (1, strips.concat().chunks(part).map(<[usize]>::to_vec).collect()),
        };
        let prepare = |cells: &&[usize]| {
            let room = buffers.take(self.times * cells.len());
            let mut strip = self.prepare(rows, cells.to_vec(), room, making.statistics);
            (making.finish)(&mut strip);
            strip
        };
        for batch in strips.chunks(together) {
            let parts: Vec<&[usize]> = batch.iter().flat_map(|cells| cells.chunks(part)).collect();
            let mut parts: Vec<Strip> = match together {
                1 => parts.iter().map(prepare).collect(),
                _ => parts.par_iter().with_max_len(1).map(prepare).collect(),
            };
            let mut rest = &mut parts[..];
            for cells in batch {
                let (parts, others) = rest.split_at_mut(cells.len().div_ceil(part));
                hand_over(Parts { parts, in_threads: together > 1 });
                rest = others;
            }
            parts.into_iter().for_each(|part| buffers.give(part.values));
        }
    }
}
