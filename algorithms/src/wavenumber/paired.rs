//! Two rows at a time: a source whose cells are pairs of latitudes.

use halocline_core::engine::{NumbersMut, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Dim, Role, Variable};
use halocline_core::{Error, Result};
use std::ops::Range;

/// Values of a time that are read and put in order at once, in bytes.
const SLAB: usize = 16 << 20;

/// A field in time, latitude and longitude as time, pair and place: pair p holds rows `first` + p
/// and `last` − p side by side, so that what lies symmetric about the equator is read together. Of
/// an odd number of rows, the last pair is the middle row twice.
pub struct PairedRows<'a> {
    inner: &'a dyn StreamSource,
    variable: Variable,
    rows: Range<usize>,
    row: usize,
    threads: usize,
}

impl std::fmt::Debug for PairedRows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PairedRows").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl<'a> PairedRows<'a> {
    /// Pairs of these rows of `inner`, which `threads` read.
    ///
    /// # Errors
    /// Usage, if it is not time, latitude, longitude, or has no such rows.
    pub fn new(inner: &'a dyn StreamSource, rows: Range<usize>, threads: usize) -> Result<Self> {
        let variable = inner.variable();
        let [time, y, x] = variable.dims.as_slice() else {
            return Err(Error::usage("it is not a field in time, latitude and longitude")
                .remedy("choose one level with --level"));
        };
        if rows.is_empty() || rows.end > y.len {
            return Err(Error::usage("no latitudes are left").remedy("choose others with --lat"));
        }
        let pairs = Dim::new(y.name.clone(), rows.len().div_ceil(2), Role::Y);
        let sides = Dim::new(x.name.clone(), 2 * x.len, Role::X);
        let variable = Variable { dims: vec![time.clone(), pairs, sides], ..variable.clone() };
        Ok(Self { inner, row: x.len, variable, rows, threads: threads.max(1) })
    }

    /// Rows of some pairs, as they follow one another in the source: below and above the middle, or
    /// all between where that is one read.
    fn parts(&self, pairs: &Range<usize>) -> Vec<Range<usize>> {
        let below = self.rows.start + pairs.start..self.rows.start + pairs.end;
        let above = self.rows.end - pairs.end..self.rows.end - pairs.start;
        if below.end >= above.start || !self.inner.is_divisible() {
            let between = below.start..above.end;
            vec![between]
        } else {
            vec![below, above]
        }
    }
    /// Steps that are read at once of so many rows.
    fn slab(&self, rows: usize) -> usize {
        let size = if self.inner.is_single() { 4 } else { 8 };
        let chunk = self.inner.chunks()[0].max(1);
        (SLAB / (rows * self.row * size).max(1) / chunk * chunk).max(chunk)
    }

    fn gather<T: Copy + Default>(
        &self,
        block: &IndexBox,
        out: &mut [T],
        seen: fn(&mut [T]) -> NumbersMut<'_>,
    ) -> Result<()> {
        let pairs = block.range(1);
        if block.range(2) != (0..2 * self.row) {
            return Err(Error::internal("pairs of rows are read whole"));
        }
        let parts = self.parts(&pairs);
        let rows: usize = parts.iter().map(ExactSizeIterator::len).sum();
        let slab = self.slab(rows);
        let mut values = Vec::new();
        let mut start = block.range(0).start;
        while start < block.range(0).end {
            // Ends of slabs are those of chunks.
            let end = (start / slab * slab + slab).min(block.range(0).end);
            for part in &parts {
                let own = IndexBox::new(vec![start..end, part.clone(), 0..self.row]);
                values.clear();
                values.resize(own.len(), T::default());
                self.inner.read(&own, seen(&mut values))?;
                for t in start..end {
                    for pair in pairs.clone() {
                        let to =
                            ((t - block.range(0).start) * pairs.len() + pair - pairs.start) * 2 * self.row;
                        for (side, row) in
                            [self.rows.start + pair, self.rows.end - 1 - pair].into_iter().enumerate()
                        {
                            if part.contains(&row) {
                                let from = ((t - start) * part.len() + row - part.start) * self.row;
                                let to = to + side * self.row;
                                out[to..to + self.row].copy_from_slice(&values[from..from + self.row]);
                            }
                        }
                    }
                }
            }
            start = end;
        }
        Ok(())
    }
}

impl StreamSource for PairedRows<'_> {
    fn variable(&self) -> &Variable {
        &self.variable
    }
    fn is_single(&self) -> bool {
        self.inner.is_single()
    }
    fn chunks(&self) -> Vec<usize> {
        let chunks = self.inner.chunks();
        vec![chunks[0], chunks[1], 2 * chunks[2]]
    }
    fn is_divisible(&self) -> bool {
        self.inner.is_divisible()
    }
    fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
        match out {
            NumbersMut::F32(out) => self.gather(block, out, |values| NumbersMut::F32(values)),
            NumbersMut::F64(out) => self.gather(block, out, |values| NumbersMut::F64(values)),
        }
    }
    fn stored_bytes(&self, block: &IndexBox) -> u64 {
        let own = |part| IndexBox::new(vec![block.range(0), part, 0..self.row]);
        self.parts(&block.range(1)).into_iter().map(|part| self.inner.stored_bytes(&own(part))).sum()
    }
    fn scratch_per_thread(&self) -> u64 {
        let rows = self.rows.len();
        let size = if self.inner.is_single() { 4 } else { 8 };
        let steps = self.slab(rows).min(self.variable.dims[0].len);
        self.inner.scratch_per_thread() + (steps * rows * self.row * size / self.threads) as u64
    }
}
