//! Counting what a rank sends.

use std::cell::Cell;

/// What a rank has handed to the transport, counted alike on every backend.
///
/// A point-to-point message counts as it is (each piece of a long one by itself, and the 8 bytes
/// that announce its length). A collective counts once per rank that contributes, with the
/// bytes it contributes, however the library spreads them: a broadcast at its root, an
/// all-reduce or a barrier on every rank. What stays on the rank costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages sent.
    pub messages: u64,
    /// Bytes in them.
    pub bytes: u64,
}

#[derive(Debug, Default)]
pub(super) struct Stats {
    messages: Cell<u64>,
    bytes: Cell<u64>,
}

impl Stats {
    /// Counts one message.
    pub(super) fn count(&self, bytes: usize) {
        self.messages.set(self.messages.get() + 1);
        self.bytes.set(self.bytes.get() + bytes as u64);
    }

    pub(super) fn read(&self) -> Traffic {
        Traffic { messages: self.messages.get(), bytes: self.bytes.get() }
    }
}
