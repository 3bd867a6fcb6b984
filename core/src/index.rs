//! Boxes of the global index space.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A box of the global index space: a half-open range per dimension, slowest dimension first.
///
/// A box with an empty range holds nothing; that is how a rank owns nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IndexBox {
    ranges: Vec<Range<usize>>,
}

impl IndexBox {
    /// The box with these ranges.
    pub fn new(ranges: Vec<Range<usize>>) -> Self {
        Self { ranges }
    }
    /// The box from the origin with these lengths.
    pub fn whole(shape: &[usize]) -> Self {
        Self { ranges: shape.iter().map(|&n| 0..n).collect() }
    }
    /// Ranges, slowest dimension first.
    pub fn ranges(&self) -> &[Range<usize>] {
        &self.ranges
    }
    /// The range of dimension `d`.
    pub fn range(&self, d: usize) -> Range<usize> {
        self.ranges[d].clone()
    }
    /// This box with another range in dimension `d`.
    #[must_use]
    pub fn with_range(&self, d: usize, range: Range<usize>) -> Self {
        let mut ranges = self.ranges.clone();
        ranges[d] = range;
        Self { ranges }
    }
    /// First index of each dimension.
    pub fn start(&self) -> Vec<usize> {
        self.ranges.iter().map(|r| r.start).collect()
    }
    /// Lengths.
    pub fn shape(&self) -> Vec<usize> {
        self.ranges.iter().map(ExactSizeIterator::len).collect()
    }
    /// Number of dimensions.
    pub fn ndim(&self) -> usize {
        self.ranges.len()
    }
    /// Number of indices inside.
    pub fn len(&self) -> usize {
        self.ranges.iter().map(ExactSizeIterator::len).product()
    }
    /// Whether nothing is inside.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// What both boxes hold; empty if they don't meet.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        debug_assert_eq!(self.ndim(), other.ndim());
        let ranges = self
            .ranges
            .iter()
            .zip(&other.ranges)
            .map(|(a, b)| {
                let start = a.start.max(b.start);
                start..a.end.min(b.end).max(start)
            })
            .collect();
        Self { ranges }
    }
    /// Whether `other` lies inside (an empty box lies in any).
    pub fn contains(&self, other: &Self) -> bool {
        other.is_empty()
            || self.ranges.iter().zip(&other.ranges).all(|(a, b)| a.start <= b.start && b.end <= a.end)
    }

    /// Calls `run(offset in self, offset in inner, length)` for each run of `inner` that is
    /// contiguous in C order in both boxes. `inner` must lie inside `self`.
    pub fn for_each_run(&self, inner: &Self, mut run: impl FnMut(usize, usize, usize)) {
        debug_assert!(self.contains(inner));
        if inner.is_empty() {
            return;
        }
        let n = self.ndim();
        if n == 0 {
            run(0, 0, 1);
            return;
        }
        let (outer_shape, inner_shape) = (self.shape(), inner.shape());
        // Trailing dimensions that inner covers whole fold into one run.
        let mut head = n - 1;
        while head > 0 && inner_shape[head] == outer_shape[head] {
            head -= 1;
        }
        let length: usize = inner_shape[head..].iter().product();
        let mut stride = vec![1usize; n];
        for d in (0..n - 1).rev() {
            stride[d] = stride[d + 1] * outer_shape[d + 1];
        }
        let base: usize = (0..n).map(|d| (inner.ranges[d].start - self.ranges[d].start) * stride[d]).sum();
        let runs: usize = inner_shape[..head].iter().product();
        let mut at = vec![0usize; head];
        let mut offset = base;
        for k in 0..runs {
            run(offset, k * length, length);
            for d in (0..head).rev() {
                at[d] += 1;
                offset += stride[d];
                if at[d] < inner_shape[d] {
                    break;
                }
                offset -= at[d] * stride[d];
                at[d] = 0;
            }
        }
    }

    /// Copies `inner` out of this box's C-order data into its own C-order `out`.
    pub fn extract<T: Copy>(&self, data: &[T], inner: &Self, out: &mut Vec<T>) {
        out.reserve(inner.len());
        self.for_each_run(inner, |from, _, n| out.extend_from_slice(&data[from..from + n]));
    }
    /// Copies the C-order values of `inner` into this box's C-order data.
    pub fn insert<T: Copy>(&self, data: &mut [T], inner: &Self, values: &[T]) {
        self.for_each_run(inner, |to, from, n| data[to..to + n].copy_from_slice(&values[from..from + n]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extract_then_insert_gives_the_same_cells() {
        let outer = IndexBox::new(vec![2..6, 1..4, 0..5]);
        let data: Vec<usize> = (0..outer.len()).collect();
        for inner in [
            outer.clone(),
            IndexBox::new(vec![3..5, 1..4, 0..5]),
            IndexBox::new(vec![2..6, 2..3, 1..4]),
            IndexBox::new(vec![5..6, 3..4, 4..5]),
            IndexBox::new(vec![3..3, 1..4, 0..5]),
        ] {
            let mut got = Vec::new();
            outer.extract(&data, &inner, &mut got);
            let mut expected = Vec::new();
            for t in inner.range(0) {
                for y in inner.range(1) {
                    for x in inner.range(2) {
                        expected.push(((t - 2) * 3 + (y - 1)) * 5 + x);
                    }
                }
            }
            assert_eq!(got, expected);
            let mut back = vec![usize::MAX; data.len()];
            outer.insert(&mut back, &inner, &got);
            for value in &expected {
                assert_eq!(back[*value], *value);
            }
            assert_eq!(back.iter().filter(|&&v| v != usize::MAX).count(), expected.len());
        }
    }

    #[test]
    fn boxes_that_do_not_meet_are_empty() {
        let a = IndexBox::new(vec![0..3, 0..3]);
        let b = IndexBox::new(vec![5..8, 1..2]);
        assert!(a.intersect(&b).is_empty());
        assert!(a.contains(&a.intersect(&b)));
    }
}
