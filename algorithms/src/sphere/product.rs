//! Products of matrices whose every element is one sum in a fixed order, so that no bit depends on
//! how many columns go together or how a product is cut.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller

use pulp::{Arch, NullaryFnOnce};

/// Columns of a panel.
const PANEL: usize = 8;
/// Rows that are worked on together.
const ROWS: usize = 4;

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

/// A matrix by its elements: those of a row are `along` apart, rows `down`.
#[derive(Clone, Copy)]
pub(super) struct Strided<'a> {
    pub(super) data: &'a [f64],
    pub(super) down: usize,
    pub(super) along: usize,
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
    left: Strided<'_>,
    right: Packed<'_>,
    out: Target<'_>,
    [rows, inner, columns]: [usize; 3],
) {
    Arch::new().dispatch(Product { left, right, out, rows, inner, columns });
}

struct Product<'a, 'b, 'c> {
    left: Strided<'a>,
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
            let mut r = 0;
            while r < rows {
                let many = if r + ROWS <= rows { ROWS } else { 1 };
                let place = out.from + r * out.down + at;
                let left = Strided { data: &left.data[r * left.down..], ..left };
                let right = Packed { data: panel, ..right };
                let to = &mut Target { data: &mut *out.data, from: place, down: out.down };
                match (many, width) {
                    (ROWS, PANEL) => block::<ROWS, PANEL>(left, right, to, inner),
                    (ROWS, 4) => block::<ROWS, 4>(left, right, to, inner),
                    (ROWS, _) => block::<ROWS, 2>(left, right, to, inner),
                    (_, PANEL) => block::<1, PANEL>(left, right, to, inner),
                    (_, 4) => block::<1, 4>(left, right, to, inner),
                    _ => block::<1, 2>(left, right, to, inner),
                }
                r += many;
            }
        }
    }
}

#[inline(always)]
fn block<const R: usize, const W: usize>(
    left: Strided<'_>,
    right: Packed<'_>,
    out: &mut Target<'_>,
    inner: usize,
) {
    let mut sums = [[0.0f64; W]; R];
    for (r, sum) in sums.iter_mut().enumerate() {
        let at = out.from + r * out.down;
        sum.copy_from_slice(&out.data[at..at + W]);
    }
    let rows = right.data.chunks_exact(W).skip(right.from).step_by(right.by).take(inner);
    for (k, row) in rows.enumerate() {
        let Ok(row) = <&[f64; W]>::try_from(row) else { continue };
        for (r, sum) in sums.iter_mut().enumerate() {
            let factor = left.data[r * left.down + k * left.along];
            for (sum, value) in sum.iter_mut().zip(row) {
                *sum = factor.mul_add(*value, *sum);
            }
        }
    }
    for (r, sum) in sums.iter().enumerate() {
        let at = out.from + r * out.down;
        out.data[at..at + W].copy_from_slice(sum);
    }
}
