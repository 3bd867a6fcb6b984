//! Buffers that are used again: the first touch of fresh memory costs more than most kernels.

use crate::memory::filled;
use std::sync::{Mutex, PoisonError};

/// A shelf of vectors of doubles, shared by threads.
#[derive(Debug, Default)]
pub struct Buffers {
    shelf: Mutex<Vec<Vec<f64>>>,
}

impl Buffers {
    /// An empty shelf.
    pub fn new() -> Self {
        Self::default()
    }
    /// A vector of `len` numbers of any value.
    pub fn take(&self, len: usize) -> Vec<f64> {
        let used = self.shelf.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match used {
            Some(mut buffer) if buffer.capacity() >= len => {
                buffer.resize(len, 0.0);
                buffer
            }
            _ => filled(len, 0.0),
        }
    }
    /// Puts a vector back for the next one who needs it.
    pub fn give(&self, buffer: Vec<f64>) {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }
}
