//! The inner loops, for whatever vector unit the machine has. What is added to what in which
//! order is written out, so the width of vectors changes no bit.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller

mod columns;
mod rows;

pub(super) use columns::{all_missing, Columns, Kernel, Source};

use super::layout::Layout;
use super::reduction::Reduction;
use super::state::ReductionState;
use halocline_core::engine::{Numbers, Piece};
use std::ops::Range;

/// Steps of one group that are to be taken in.
pub(super) struct Task<'a> {
    pub(super) piece: &'a Piece<'a>,
    /// In order.
    pub(super) steps: &'a [usize],
    pub(super) layout: &'a Layout<'a>,
    pub(super) fold: &'a Reduction,
}

/// Single or double precision.
pub(super) trait Stored: Copy + Into<f64> {
    /// The values, if they are of this type.
    fn of(numbers: Numbers<'_>) -> &[Self];
    /// Whether it is NaN.
    fn is_missing(self) -> bool;
}

impl Stored for f32 {
    fn of(numbers: Numbers<'_>) -> &[Self] {
        match numbers {
            Numbers::F32(v) => v,
            Numbers::F64(_) => &[],
        }
    }
    #[inline(always)]
    fn is_missing(self) -> bool {
        self.is_nan()
    }
}

impl Stored for f64 {
    fn of(numbers: Numbers<'_>) -> &[Self] {
        match numbers {
            Numbers::F64(v) => v,
            Numbers::F32(_) => &[],
        }
    }
    #[inline(always)]
    fn is_missing(self) -> bool {
        self.is_nan()
    }
}

/// Takes the steps of a task into a slot of the state.
pub(super) fn absorb(state: &mut ReductionState, slot: Range<usize>, task: &Task<'_>) {
    let Some(&first) = task.steps.first() else { return };
    match task.piece.step(first) {
        Numbers::F32(_) => typed::<f32>(state, slot, task),
        Numbers::F64(_) => typed::<f64>(state, slot, task),
    }
}

fn typed<T: Stored>(state: &mut ReductionState, slot: Range<usize>, task: &Task<'_>) {
    let maps: Vec<(usize, &[T])> =
        task.steps.iter().map(|&step| (step, T::of(task.piece.step(step)))).collect();
    if task.layout.is_reduced {
        rows::absorb(state, slot, &maps, task);
    } else {
        columns::absorb(state, slot, &maps, task);
    }
}
