//! A variable on another grid, made block by block as it is read.

use super::banded::{Bands, Product};
use super::room::{side_by_side, Room, Rooms};
use super::{Matrix, Missing};
use halocline_core::engine::{NumbersMut, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::memory::filled;
use halocline_core::meta::{DType, Variable};
use halocline_core::{Error, Result};
use rayon::prelude::*;
use std::ops::Range;

/// Maps that are multiplied side by side, so that each weight is fetched once for all of them.
pub(super) const LANES: usize = 8;

/// Target cells that a thread works on at a time.
const ROWS: usize = 2048;

/// Source values that are held while they are worked on, in maps at least [`LANES`].
const HELD: usize = 4 << 20;

/// y(t, …, k) = Σ S(k, i) x(t, …, i) over the cells of a map. Sums are in double precision, in the
/// order of source cells, and rounded once.
pub struct Regridded<'a> {
    source: &'a dyn StreamSource,
    matrix: &'a Matrix,
    missing: Missing,
    variable: Variable,
    /// Dimensions before the horizontal ones.
    outer: usize,
    chunks: Vec<usize>,
    /// Steps of the first dimension that are read at a time.
    steps: usize,
    /// If threads may read source rows by themselves, and few are enough.
    bands: Option<Bands>,
    rooms: Rooms,
}

impl<'a> Regridded<'a> {
    /// `source` on another grid: `variable` has the same dimensions but for the last ones, which
    /// are those of the target grid instead of the last `horizontal` ones of the source.
    ///
    /// # Errors
    /// Data, if the weights are for a grid of another size than the source's.
    pub fn new(
        source: &'a dyn StreamSource,
        horizontal: usize,
        matrix: &'a Matrix,
        missing: Missing,
        variable: Variable,
        chunks: Vec<usize>,
    ) -> Result<Self> {
        let shape = source.variable().shape();
        let outer = shape.len().saturating_sub(horizontal);
        let cells: usize = shape[outer..].iter().product();
        let target: usize = variable.shape()[outer..].iter().product();
        if cells != matrix.columns() || target != matrix.rows() || outer == 0 {
            return Err(Error::data(format!(
                "the weights lead from {} cells to {}, the source grid has {cells} and the target grid {target}",
                matrix.columns(),
                matrix.rows()
            )));
        }
        // Whole chunks, so that none is decoded twice.
        let inner: usize = shape[1..].iter().product::<usize>().max(1);
        let chunk = source.chunks().first().copied().unwrap_or(1).max(1);
        let wanted = (HELD / inner).max(LANES * cells / inner).max(1);
        let steps = wanted.next_multiple_of(chunk).min(shape[0].max(1));
        let size = if source.is_single() && variable.dtype == DType::F32 { 4 } else { 8 };
        let fits = source.reads_pieces() && (1..=2).contains(&horizontal);
        let bands = if fits { Bands::new(matrix, &shape[outer..], size) } else { None };
        Ok(Self { source, matrix, missing, variable, outer, chunks, steps, bands, rooms: Rooms::default() })
    }

    /// Bytes that are held beside a window.
    fn held(&self) -> u64 {
        let inner: usize = self.source.variable().shape()[1..].iter().product();
        let element = if self.is_single() { 4 } else { 8 };
        let cells = (self.matrix.columns() * LANES * element) as u64;
        (self.steps as u64) * (inner * element) as u64 + cells
    }

    /// The source's part of a block: the same outer ranges, whole maps.
    fn from(&self, block: &IndexBox) -> IndexBox {
        let shape = self.source.variable().shape();
        let outer = block.ranges()[..self.outer].iter().cloned();
        IndexBox::new(outer.chain(shape[self.outer..].iter().map(|&n| 0..n)).collect())
    }

    /// Fills `out` with `block`, by way of `read`, which fetches source values.
    fn fill<T: Copy + Default + Send + Sync + Into<f64> + 'static>(
        &self,
        block: &IndexBox,
        out: &mut [T],
        read: impl Fn(&IndexBox, &mut [T]) -> Result<()> + Sync,
        round: impl Fn(f64) -> T + Sync,
    ) -> Result<()> {
        let time = block.range(0);
        let target = IndexBox::new(block.ranges()[self.outer..].to_vec());
        // A thread makes whole maps of bands: there must be some for each.
        let maps = block.len() / target.len().max(1);
        let is_banded =
            target.len() == self.matrix.rows() && maps.div_ceil(LANES) >= rayon::current_num_threads();
        if let Some(bands) = self.bands.as_ref().filter(|_| is_banded) {
            let whole = IndexBox::whole(&self.source.variable().shape());
            let by = Product { matrix: self.matrix, missing: self.missing, rooms: &self.rooms, read, round };
            return bands.fill((block, self.outer), out, &whole, &by);
        }
        let cells = self.matrix.columns();
        let mut room = self.rooms.take::<T>(0, cells);
        let rows = self.rows(&target);
        let each = target.len();
        for first in time.clone().step_by(self.steps) {
            let part = block.with_range(0, first..time.end.min(first + self.steps));
            let from = self.from(&part);
            if room.values.len() < from.len() {
                room.values = filled(from.len(), T::default());
            }
            let Room { values, lanes } = &mut room;
            let values = &mut values[..from.len()];
            read(&from, values)?;
            let done = (first - time.start) * (block.len() / time.len().max(1));
            let out = &mut out[done..done + part.len()];
            for (maps, out) in values.chunks(cells * LANES).zip(out.chunks_mut(each * LANES)) {
                all_side_by_side(maps, cells, &mut lanes[..cells]);
                self.multiply(&rows, lanes, out, maps.len() / cells, &round);
            }
        }
        self.rooms.give(room);
        Ok(())
    }

    /// Runs of target cells of a block: numbers in the grid.
    fn rows(&self, target: &IndexBox) -> Vec<Range<usize>> {
        let shape = self.variable.shape();
        let mut runs: Vec<Range<usize>> = Vec::new();
        IndexBox::whole(&shape[self.outer..]).for_each_run(target, |place, _, n| match runs.last_mut() {
            Some(last) if last.end == place && last.len() + n <= ROWS => last.end += n,
            _ => runs.extend((place..place + n).step_by(ROWS).map(|p| p..(p + ROWS).min(place + n))),
        });
        runs
    }

    fn multiply<T: Copy + Default + Send + Sync + Into<f64>>(
        &self,
        rows: &[Range<usize>],
        lanes: &[[T; LANES]],
        out: &mut [T],
        count: usize,
        round: &(impl Fn(f64) -> T + Sync),
    ) {
        let each = out.len() / count.max(1);
        // Map by map already, while it is in cache.
        let made: Vec<Vec<T>> = rows
            .par_iter()
            .map(|run| {
                let mut sums = vec![[0.0; LANES]; run.len()];
                self.matrix.times(run.clone(), lanes, &mut sums, self.missing);
                let mut maps = vec![T::default(); count * run.len()];
                for (lane, map) in maps.chunks_exact_mut(run.len()).enumerate() {
                    map.iter_mut().zip(&sums).for_each(|(o, s)| *o = round(s[lane]));
                }
                maps
            })
            .collect();
        out.par_chunks_mut(each.max(1)).enumerate().for_each(|(lane, map)| {
            let mut rest = map;
            for made in &made {
                let n = made.len() / count;
                let (head, tail) = rest.split_at_mut(n);
                head.copy_from_slice(&made[lane * n..(lane + 1) * n]);
                rest = tail;
            }
        });
    }
}

/// Puts the values of maps that belong to the same cell side by side, in threads.
fn all_side_by_side<T: Copy + Send + Sync>(maps: &[T], cells: usize, lanes: &mut [[T; LANES]]) {
    const CELLS: usize = 4096;
    let parts = lanes.par_chunks_mut(CELLS).enumerate();
    parts.for_each(|(part, lanes)| side_by_side(maps, (cells, part * CELLS), lanes));
}

impl StreamSource for Regridded<'_> {
    fn variable(&self) -> &Variable {
        &self.variable
    }
    fn is_single(&self) -> bool {
        self.source.is_single() && self.variable.dtype == DType::F32
    }
    /// Whole maps: their parts would read the source again.
    fn chunks(&self) -> Vec<usize> {
        self.chunks.clone()
    }
    fn is_divisible(&self) -> bool {
        false
    }
    fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
        match out {
            NumbersMut::F32(out) if out.len() == block.len() => {
                self.fill(block, out, |b, v| self.source.read(b, NumbersMut::F32(v)), |v| v as f32)
            }
            NumbersMut::F64(out) if out.len() == block.len() && self.source.is_single() => {
                self.fill(block, out, |b, v| read_singles(self.source, b, v), |v| v)
            }
            NumbersMut::F64(out) if out.len() == block.len() => {
                self.fill(block, out, |b, v| self.source.read(b, NumbersMut::F64(v)), |v| v)
            }
            _ => Err(Error::internal("a buffer is not as long as its block")),
        }
    }
    fn prefetch(&self, block: &IndexBox) {
        self.source.prefetch(&self.from(block));
    }
    fn stored_bytes(&self, block: &IndexBox) -> u64 {
        self.source.stored_bytes(&self.from(block))
    }
    fn scratch_per_thread(&self) -> u64 {
        let own = match &self.bands {
            Some(bands) => bands.bytes(if self.is_single() { 4 } else { 8 }),
            None => 0,
        };
        let held = self.held().div_ceil(halocline_core::threads::for_plans() as u64);
        self.source.scratch_per_thread() + held.max(own)
    }
}

/// Doubles of a source that has singles only.
fn read_singles(source: &dyn StreamSource, block: &IndexBox, out: &mut [f64]) -> Result<()> {
    let mut singles = filled(block.len(), 0f32);
    source.read(block, NumbersMut::F32(&mut singles))?;
    out.iter_mut().zip(&singles).for_each(|(o, v)| *o = f64::from(*v));
    Ok(())
}
