//! Which values a spectrum in space could not be made of.

use serde::{Deserialize, Serialize};

/// Values that are missing or infinite where all have to be there: joined over tiles and ranks, in
/// whatever order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absent {
    /// How many there are.
    pub count: u64,
    /// Cells (planes, rows) that had nothing but such values and were left out.
    pub empty: u64,
    /// Cells that a spectrum was made of.
    pub complete: u64,
    /// The first of them: number of the cell in C order over the dimensions that are kept, number
    /// of the value in C order over those that are transformed.
    pub first: Option<(usize, usize)>,
}

impl Absent {
    /// Looks at the values of a cell, whose number `cell` tells; says whether all are there.
    pub(crate) fn look(&mut self, values: &[f64], leave_out: bool, cell: impl FnOnce() -> usize) -> bool {
        // Without branches: nearly all cells are complete.
        if values.iter().fold(true, |all, v| all & v.is_finite()) {
            self.complete += 1;
            return true;
        }
        if leave_out && values.iter().all(|v| v.is_nan()) {
            self.empty += 1;
            return false;
        }
        self.count += values.iter().filter(|v| !v.is_finite()).count() as u64;
        let at = values.iter().position(|v| !v.is_finite()).map(|place| (cell(), place));
        self.first = [self.first, at].into_iter().flatten().min();
        false
    }
    /// Adds what was found elsewhere.
    pub fn join(&mut self, other: &Self) {
        self.count += other.count;
        self.empty += other.empty;
        self.complete += other.complete;
        self.first = [self.first, other.first].into_iter().flatten().min();
    }
}
