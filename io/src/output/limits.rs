//! How much memory writing may take.

use super::layout::Layout;

/// Bytes of plain chunks that wait for the file: they are made faster than they are written, so
/// more would only leave the caches.
const PLAIN_QUEUE: usize = 16 << 20;

/// How much memory writing may use beside the values it is given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Cells of a round, on each rank; what they compress to comes on top.
    pub(super) buffer: usize,
    /// Finished chunks that wait for the file, on rank 0.
    pub(super) queue: usize,
    /// Incomplete chunks, on rank 0.
    pub(super) kept: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { buffer: 32 << 20, queue: 64 << 20, kept: 256 << 20 }
    }
}

impl Limits {
    /// Parts of so many bytes.
    pub(super) fn of(bytes: usize) -> Self {
        Self { buffer: bytes / 8, queue: bytes / 4, kept: bytes / 2 }
    }

    /// Those that hold for a variable.
    pub(super) fn for_variable(self, layout: &Layout) -> Self {
        if layout.is_compressed() {
            return self;
        }
        Self { buffer: self.buffer.min(PLAIN_QUEUE / 2), queue: self.queue.min(PLAIN_QUEUE), ..self }
    }
}
