//! Memory of circles and waves, kept from one group of maps to the next: the first touch of it costs more
//! than what is done with it.

use halocline_core::memory::fit;
use std::sync::{Mutex, PoisonError};

/// Memory that nobody uses at present.
#[derive(Debug, Default)]
pub(super) struct Spare(Mutex<Vec<Vec<f64>>>);

impl Spare {
    /// So many values; what they are does not matter.
    pub(super) fn take(&self, len: usize) -> Vec<f64> {
        let mut data = self.free().pop().unwrap_or_default();
        fit(&mut data, len);
        data
    }
    /// Keeps memory for who takes it next.
    pub(super) fn give(&self, data: Vec<f64>) {
        self.free().push(data);
    }
    /// Gives all of it back.
    pub(super) fn release(&self) {
        self.free().clear();
    }
    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Vec<f64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
