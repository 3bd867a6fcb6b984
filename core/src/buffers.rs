//! Buffers that are used again: the first touch of fresh memory costs more than most kernels.

use crate::memory::filled;
use std::sync::{Mutex, PoisonError};

/// What was used before and may be used again, shared by threads.
#[derive(Debug)]
pub struct Shelf<T>(Mutex<Vec<T>>);

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<T> Shelf<T> {
    /// What was put there last, if there is anything.
    pub fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
    /// Puts something there for the next one who needs it.
    pub fn give(&self, used: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(used);
    }
}

/// A shelf of vectors of doubles.
#[derive(Debug, Default)]
pub struct Buffers {
    shelf: Shelf<Vec<f64>>,
}

impl Buffers {
    /// An empty shelf.
    pub fn new() -> Self {
        Self::default()
    }
    /// A vector of `len` numbers of any value.
    pub fn take(&self, len: usize) -> Vec<f64> {
        match self.shelf.take() {
            Some(mut buffer) if buffer.capacity() >= len => {
                buffer.resize(len, 0.0);
                buffer
            }
            _ => filled(len, 0.0),
        }
    }
    /// Puts a vector back for the next one who needs it.
    pub fn give(&self, buffer: Vec<f64>) {
        self.shelf.give(buffer);
    }
}
