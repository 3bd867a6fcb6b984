//! Products of matrices whose every element is one sum in a fixed order, so that no bit depends on
//! how many columns go together or how a product is cut.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller

use pulp::{Arch, NullaryFnOnce};

/// Columns of a panel.
const PANEL: usize = 8;

/// The columns that begin at some multiple of the width, of as many as there are: panels of 8, then
/// of 4 and 2; `columns` is even.
fn panels(columns: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let width = [PANEL, 4, 2].into_iter().find(|w| at + w <= columns)?;
        at += width;
        Some((at - width, width))
    })
}

/// Puts a matrix of `columns` columns, whose row `r` begins at `start(r)`, into panels: of each
/// panel all rows, one after the other.
pub(super) fn pack(
    source: &[f64],
    start: impl Fn(usize) -> usize,
    (rows, columns): (usize, usize),
    out: &mut [f64],
) {
    for (at, width) in panels(columns) {
        let panel = &mut out[rows * at..rows * (at + width)];
        for (r, row) in panel.chunks_exact_mut(width).enumerate() {
            let from = start(r) + at;
            row.copy_from_slice(&source[from..from + width]);
        }
    }
}

/// A matrix as it is stored.
#[derive(Clone, Copy)]
pub(super) enum Left<'a> {
    /// Rows so far apart, their elements side by side.
    Rows(&'a [f64], usize),
    /// Columns so far apart, their elements side by side.
    Columns(&'a [f64], usize),
}

/// Rows `from`, `from + by`, … of a packed matrix of so many rows.
#[derive(Clone, Copy)]
pub(super) struct Packed<'a> {
    pub(super) data: &'a [f64],
    pub(super) rows: usize,
    pub(super) from: usize,
    pub(super) by: usize,
}

/// Where a product is added to: row `r` begins at `from + r * down`.
pub(super) struct Target<'a> {
    pub(super) data: &'a mut [f64],
    pub(super) from: usize,
    pub(super) down: usize,
}

/// Adds the product of `left` (`rows` × `inner`) and `right` (`inner` × `columns`) to `out`, the
/// terms of each sum in order, behind what is there.
pub(super) fn multiply_add(
    left: Left<'_>,
    right: Packed<'_>,
    out: Target<'_>,
    [rows, inner, columns]: [usize; 3],
) {
    Arch::new().dispatch(Product { left, right, out, rows, inner, columns });
}

struct Product<'a, 'b, 'c> {
    left: Left<'a>,
    right: Packed<'b>,
    out: Target<'c>,
    rows: usize,
    inner: usize,
    columns: usize,
}

impl NullaryFnOnce for Product<'_, '_, '_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let Self { left, right, out, rows, inner, columns } = self;
        for (at, width) in panels(columns) {
            let panel = &right.data[right.rows * at..right.rows * (at + width)];
            let right = Packed { data: panel, ..right };
            let mut r = 0;
            while r < rows {
                let place = out.from + r * out.down + at;
                let to = &mut Target { data: &mut *out.data, from: place, down: out.down };
                r += match width {
                    PANEL => rows_of::<PANEL>((left, r), right, to, (rows - r, inner)),
                    4 => rows_of::<4>((left, r), right, to, (rows - r, inner)),
                    _ => rows_of::<2>((left, r), right, to, (rows - r, inner)),
                };
            }
        }
    }
}

/// As many of the rows that are left as go together; how many these are.
#[inline(always)]
fn rows_of<const W: usize>(
    left: (Left<'_>, usize),
    right: Packed<'_>,
    to: &mut Target<'_>,
    (rows, inner): (usize, usize),
) -> usize {
    match rows {
        6.. => block::<6, W>(left, right, to, inner),
        4.. => block::<4, W>(left, right, to, inner),
        2.. => block::<2, W>(left, right, to, inner),
        _ => block::<1, W>(left, right, to, inner),
    }
}

#[inline(always)]
#[allow(clippy::needless_range_loop)] // one index into many rows alike
fn block<const R: usize, const W: usize>(
    (left, first): (Left<'_>, usize),
    right: Packed<'_>,
    out: &mut Target<'_>,
    inner: usize,
) -> usize {
    let mut sums = [[0.0f64; W]; R];
    for (r, sum) in sums.iter_mut().enumerate() {
        let at = out.from + r * out.down;
        sum.copy_from_slice(&out.data[at..at + W]);
    }
    let row = |k: usize| {
        let at = (right.from + k * right.by) * W;
        &right.data[at..at + W]
    };
    match left {
        Left::Rows(data, down) => {
            let rows: [&[f64]; R] = std::array::from_fn(|r| &data[(first + r) * down..][..inner]);
            for k in 0..inner {
                add(&mut sums, std::array::from_fn(|r| rows[r][k]), row(k));
            }
        }
        Left::Columns(data, along) => {
            for k in 0..inner {
                let column = &data[k * along + first..][..R];
                add(&mut sums, std::array::from_fn(|r| column[r]), row(k));
            }
        }
    }
    for (r, sum) in sums.iter().enumerate() {
        let at = out.from + r * out.down;
        out.data[at..at + W].copy_from_slice(sum);
    }
    R
}

/// Adds a column times a row.
#[inline(always)]
fn add<const R: usize, const W: usize>(sums: &mut [[f64; W]; R], column: [f64; R], row: &[f64]) {
    for (sum, factor) in sums.iter_mut().zip(column) {
        for (sum, value) in sum.iter_mut().zip(row) {
            *sum = factor.mul_add(*value, *sum);
        }
    }
}
