//! Rows of maps, wherever they lie in memory.

use halocline_core::engine::{Numbers, NumbersMut};
use std::ops::Range;

/// Some rows of maps that are read: of each map these, one map after the other.
#[derive(Debug, Clone)]
pub(super) struct Rows<'a> {
    pub(super) values: Numbers<'a>,
    /// Which rows of a map these are.
    pub(super) range: Range<usize>,
}

impl Rows<'_> {
    /// Where a row of so many values begins.
    pub(super) fn at(&self, map: usize, row: usize, length: usize) -> usize {
        (map * self.range.len() + row - self.range.start) * length
    }
}

/// Some rows of maps that are written.
#[derive(Debug)]
pub(super) struct RowsMut<'a> {
    pub(super) values: NumbersMut<'a>,
    pub(super) range: Range<usize>,
}

impl<'a> RowsMut<'a> {
    /// Calls `take(map, row, its values)` for all of them.
    pub(super) fn deal(self, length: usize, mut take: impl FnMut(usize, usize, Row<'a>)) {
        let (first, rows) = (self.range.start, self.range.len().max(1));
        let mut take = |i: usize, row| take(i / rows, first + i % rows, row);
        match self.values {
            NumbersMut::F32(v) => {
                v.chunks_exact_mut(length).enumerate().for_each(|(i, row)| take(i, Row::F32(row)));
            }
            NumbersMut::F64(v) => {
                v.chunks_exact_mut(length).enumerate().for_each(|(i, row)| take(i, Row::F64(row)));
            }
        }
    }
}

/// Copies a row, eastward.
pub(super) fn load(values: Numbers<'_>, at: usize, eastward: bool, out: &mut [f64]) {
    let n = out.len();
    match values {
        Numbers::F32(v) => out.iter_mut().zip(&v[at..at + n]).for_each(|(o, v)| *o = f64::from(*v)),
        Numbers::F64(v) => out.copy_from_slice(&v[at..at + n]),
    }
    if !eastward {
        out.reverse();
    }
}

/// Values of a row that are written.
#[derive(Debug)]
pub(super) enum Row<'a> {
    F32(&'a mut [f32]),
    F64(&'a mut [f64]),
}

impl Row<'_> {
    /// Takes a row that runs eastward.
    pub(super) fn put(&mut self, values: &[f64], eastward: bool) {
        match self {
            Self::F32(out) => out.iter_mut().zip(values).for_each(|(o, v)| *o = *v as f32),
            Self::F64(out) => out.copy_from_slice(values),
        }
        if !eastward {
            match self {
                Self::F32(out) => out.reverse(),
                Self::F64(out) => out.reverse(),
            }
        }
    }
}
