//! Parts of a destination that many threads write, each its own.
//!
//! Chunks of a variable cut its index space, and so rows of the destination, in ways that no
//! split of a slice can express. A [`Part`] is to a box of the index space what `&mut [T]` is to
//! a range: the only access to its cells, and split by consuming it. Why that holds: a part is
//! made where distinct indices are seen to have distinct cells inside the slice; splitting gives
//! boxes that do not meet; a run lies inside its part's box, and the runs of one walk do not meet.
#![allow(unsafe_code)] // Cells of one slice that are not contiguous are written from many threads.

use super::walk::Walk;
use halocline_core::index::IndexBox;
use halocline_core::{Error, Result};
use std::cmp::Reverse;
use std::marker::PhantomData;
use std::sync::Arc;

/// The cells of a box of the index space. Index `i` is `Σ (i[d] - start[d]) · strides[d]` behind
/// the first.
#[derive(Debug)]
pub(crate) struct Part<'a, T> {
    /// The cell of the box's first index.
    first: *mut T,
    strides: Arc<[usize]>,
    indices: IndexBox,
    owner: PhantomData<&'a mut [T]>,
}

// SAFETY: it stands for a `&mut` to its cells, which is `Send` where `T` is.
unsafe impl<T: Send> Send for Part<'_, T> {}

impl<'a, T> Part<'a, T> {
    /// All of `data`, which is the C order of `indices`; `None` if it is not as long.
    pub(crate) fn new(data: &'a mut [T], indices: IndexBox) -> Option<Self> {
        let shape = indices.shape();
        let len = shape.iter().try_fold(1usize, |n, &len| n.checked_mul(len))?;
        let strides = super::walk::strides(&shape, 1)?;
        (len == data.len()).then(|| Self {
            first: data.as_mut_ptr(),
            strides: strides.into(),
            indices,
            owner: PhantomData,
        })
    }

    /// The box.
    pub(crate) fn indices(&self) -> &IndexBox {
        &self.indices
    }

    /// What lies before index `at` of dimension `d`, and the rest.
    pub(crate) fn split(self, d: usize, at: usize) -> (Self, Self) {
        let range = self.indices.range(d);
        let at = at.clamp(range.start, range.end);
        let (before, rest) =
            (self.indices.with_range(d, range.start..at), self.indices.with_range(d, at..range.end));
        // A pointer is moved only to a cell that is there.
        let steps = if rest.is_empty() { 0 } else { (at - range.start) * self.strides[d] };
        // SAFETY: the first index of `rest` is in the box, so its cell is in the slice.
        let second = unsafe { self.first.add(steps) };
        let strides = Arc::clone(&self.strides);
        (
            Self { first: self.first, strides: self.strides, indices: before, owner: PhantomData },
            Self { first: second, strides, indices: rest, owner: PhantomData },
        )
    }

    /// Cut at every multiple of `step` of dimension `d`.
    pub(crate) fn cut(self, d: usize, step: usize) -> Vec<Self> {
        let mut cut = Vec::new();
        let mut rest = self;
        // The next multiple, unless it is beyond any index.
        while let Some(at) = (rest.indices.range(d).start / step + 1).checked_mul(step) {
            if at >= rest.indices.range(d).end {
                break;
            }
            let (before, after) = rest.split(d, at);
            cut.push(before);
            rest = after;
        }
        cut.push(rest);
        cut
    }

    /// The same cells with other indices: for each new dimension, which of the present ones it
    /// is (none: of length one) and where it starts. Each present dimension is used once; one of
    /// length one may be left out.
    ///
    /// # Panics
    /// If one is not.
    pub(crate) fn seen_as(self, dims: &[(Option<usize>, usize)]) -> Self {
        let mut used = vec![false; self.indices.ndim()];
        let mut ranges = Vec::with_capacity(dims.len());
        let mut strides = Vec::with_capacity(dims.len());
        for &(from, start) in dims {
            let len = from.map_or(1, |d| {
                assert!(!std::mem::replace(&mut used[d], true), "a dimension is used twice");
                self.indices.range(d).len()
            });
            ranges.push(start..start + len);
            strides.push(from.map_or(0, |d| self.strides[d]));
        }
        let lost = |d: usize| !used[d] && self.indices.range(d).len() != 1;
        assert!(!(0..used.len()).any(lost), "a dimension is lost");
        Self {
            first: self.first,
            strides: strides.into(),
            indices: IndexBox::new(ranges),
            owner: PhantomData,
        }
    }

    /// Calls `work(place in the source, run of cells)` for all runs of elements that lie together
    /// in a source of these strides, `unit` from one to the next, in which the box starts at
    /// `first`; in the order of the source if its strides descend.
    pub(crate) fn runs<'p>(
        &'p mut self,
        source: &[usize],
        unit: usize,
        first: usize,
        mut work: impl FnMut(usize, Run<'p, T>) -> Result<()>,
    ) -> Result<()> {
        let walk = Walk::new(&self.indices.shape(), source, &self.strides, unit, (first, 0));
        walk.each(|source, cell| {
            // SAFETY: the walk stays inside the box.
            let first = unsafe { self.first.add(cell) };
            work(source, Run { first, len: walk.len, step: walk.step, owner: PhantomData })
        })
    }

    /// Copies the values of all cells, which are given in the C order of the box.
    ///
    /// # Errors
    /// Internal, if there are not as many.
    pub(crate) fn take(&mut self, values: &[T]) -> Result<()>
    where
        T: Copy,
    {
        let strides =
            super::walk::strides(&self.indices.shape(), 1).filter(|_| values.len() == self.indices.len());
        let strides = strides.ok_or_else(|| Error::internal("values of another box"))?;
        self.runs(&strides, 1, 0, |from, mut run| {
            let values = &values[from..from + run.len()];
            match run.together() {
                Some(cells) => cells.copy_from_slice(values),
                None => values.iter().enumerate().for_each(|(k, &v)| run.set(k, v)),
            }
            Ok(())
        })
    }

    /// Writes one value to all cells.
    pub(crate) fn fill(&mut self, value: T) -> Result<()>
    where
        T: Copy,
    {
        let mut order: Vec<usize> = (0..self.indices.ndim()).collect();
        order.sort_by_key(|&d| Reverse(self.strides[d]));
        let shape: Vec<usize> = order.iter().map(|&d| self.indices.range(d).len()).collect();
        let strides: Vec<usize> = order.iter().map(|&d| self.strides[d]).collect();
        let walk = Walk::new(&shape, &strides, &strides, 1, (0, 0));
        walk.each(|_, cell| {
            // SAFETY: the walk stays inside the box.
            let first = unsafe { self.first.add(cell) };
            let mut run = Run { first, len: walk.len, step: walk.step, owner: PhantomData };
            match run.together() {
                Some(cells) => cells.fill(value),
                None => (0..run.len).for_each(|k| run.set(k, value)),
            }
            Ok(())
        })
    }
}

/// Cells of a part, `step` apart.
#[derive(Debug)]
pub(crate) struct Run<'p, T> {
    first: *mut T,
    len: usize,
    step: usize,
    owner: PhantomData<&'p mut [T]>,
}

impl<T> Run<'_, T> {
    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The cells, if they lie together.
    pub(crate) fn together(&mut self) -> Option<&mut [T]> {
        // SAFETY: the run's cells are in the slice that its part was made of, and its own.
        (self.step == 1 || self.len == 1)
            .then(|| unsafe { std::slice::from_raw_parts_mut(self.first, self.len) })
    }

    /// Some of them.
    ///
    /// # Panics
    /// If they are not there.
    pub(crate) fn within(&mut self, start: usize, len: usize) -> Run<'_, T> {
        assert!(start < self.len && len <= self.len - start, "cells outside of the run");
        // SAFETY: one of the run's cells.
        let first = unsafe { self.first.add(start * self.step) };
        Run { first, len, step: self.step, owner: PhantomData }
    }

    /// Sets cell `k`.
    ///
    /// # Panics
    /// If there is none.
    pub(crate) fn set(&mut self, k: usize, value: T)
    where
        T: Copy,
    {
        assert!(k < self.len, "a cell outside of the run");
        // SAFETY: one of the run's cells.
        unsafe { self.first.add(k * self.step).write(value) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_their_cells_and_no_others() {
        let mut data = vec![0usize; 24];
        let indices = IndexBox::new(vec![2..4, 5..8, 0..4]);
        assert!(Part::new(&mut data[1..], indices.clone()).is_none());
        let whole = Part::new(&mut data, indices).unwrap();
        let mut number = 0;
        for rows in whole.cut(1, 2) {
            for mut part in rows.cut(2, 3) {
                number += 1;
                part.fill(number).unwrap();
            }
        }
        assert_eq!(data[..12], [1, 1, 1, 2, 3, 3, 3, 4, 3, 3, 3, 4]);
        assert_eq!(data[..12], data[12..]);
    }

    #[test]
    fn another_order_and_other_indices() {
        let mut data = vec![0; 6];
        let whole = Part::new(&mut data, IndexBox::whole(&[2, 3])).unwrap();
        let mut turned = whole.seen_as(&[(Some(1), 10), (None, 7), (Some(0), 4)]);
        assert_eq!(turned.indices().ranges(), [10..13, 7..8, 4..6]);
        let mut seen = Vec::new();
        turned
            .runs(&[8, 4, 4], 4, 100, |source, mut run| {
                seen.push((source, run.len()));
                (0..run.len()).for_each(|k| run.set(k, source + 4 * k));
                Ok(())
            })
            .unwrap();
        assert_eq!(
            seen,
            [(100, 6)].map(|_| (100, 2)).into_iter().chain([(108, 2), (116, 2)]).collect::<Vec<_>>()
        );
        assert_eq!(data, [100, 108, 116, 104, 112, 120]);
        let mut one = vec![0; 1];
        let (mut all, none) = Part::new(&mut one, IndexBox::whole(&[1])).unwrap().split(0, 9);
        assert!(none.indices().is_empty());
        all.fill(5).unwrap();
        assert_eq!(one, [5]);
    }
}
