//! The inner loops, for whatever vector unit the machine has.
//!
//! Every cell is summed on its own in the order of time, so the width of vectors changes no bit.

use halocline_core::engine::{Numbers, Piece};
use pulp::Arch;
use std::ops::Range;

/// Cells of which sums and counts stay in the nearest cache while steps pass over them.
const BLOCK: usize = 2048;

/// Calls `work` with the cells of each block and step, all steps of a block one after the other.
fn for_each_row(piece: &Piece<'_>, mut work: impl FnMut(Range<usize>, Numbers<'_>)) {
    let cells = piece.cells();
    for start in (0..cells).step_by(BLOCK) {
        let block = start..cells.min(start + BLOCK);
        for step in piece.steps() {
            let row = match piece.step(step) {
                Numbers::F32(v) => Numbers::F32(&v[block.clone()]),
                Numbers::F64(v) => Numbers::F64(&v[block.clone()]),
            };
            work(block.clone(), row);
        }
    }
}

/// Adds the values of a piece to `sum`, and how many there are to `count`; missing ones are
/// skipped.
pub(super) fn add(piece: &Piece<'_>, sum: &mut [f64], count: &mut [u32]) {
    let arch = Arch::new();
    for_each_row(piece, |block, row| {
        let (sum, count) = (&mut sum[block.clone()], &mut count[block]);
        match row {
            Numbers::F32(row) => arch.dispatch(|| add_row(row, sum, count)),
            Numbers::F64(row) => arch.dispatch(|| add_row(row, sum, count)),
        }
    });
}

#[inline(always)]
#[allow(clippy::inline_always)] // so that it is compiled for the vectors of its caller
fn add_row<T: Copy + Into<f64>>(row: &[T], sum: &mut [f64], count: &mut [u32]) {
    for ((&v, sum), count) in row.iter().zip(sum).zip(count) {
        let v: f64 = v.into();
        let valid = !v.is_nan();
        *sum += if valid { v } else { 0.0 };
        *count += u32::from(valid);
    }
}

/// Keeps the least and the greatest value of each cell; missing ones are skipped.
pub(super) fn extend(piece: &Piece<'_>, least: &mut [f64], greatest: &mut [f64]) {
    let arch = Arch::new();
    for_each_row(piece, |block, row| {
        let (least, greatest) = (&mut least[block.clone()], &mut greatest[block]);
        match row {
            Numbers::F32(row) => arch.dispatch(|| extend_row(row, least, greatest)),
            Numbers::F64(row) => arch.dispatch(|| extend_row(row, least, greatest)),
        }
    });
}

#[inline(always)]
#[allow(clippy::inline_always)] // as above
fn extend_row<T: Copy + Into<f64>>(row: &[T], least: &mut [f64], greatest: &mut [f64]) {
    for ((&v, least), greatest) in row.iter().zip(least).zip(greatest) {
        let v: f64 = v.into();
        // A comparison with NaN is false.
        *least = if v < *least { v } else { *least };
        *greatest = if v > *greatest { v } else { *greatest };
    }
}
