//! What reading a block costs, and a word to the system before it is done.

use super::Source;
use crate::direct;
use halocline_core::index::IndexBox;

impl Source {
    /// Bytes that reading `block` takes from the disk: whole chunks where values are stored in
    /// chunks. Where the library reads, an estimate: the values without compression.
    pub fn stored_bytes(&self, block: &IndexBox) -> u64 {
        let bytes = |piece: &super::read::Piece| match &self.located[piece.file] {
            Some(located) => direct::stored_bytes(&located.storage, &piece.ranges()),
            None => piece.block.len() as u64 * self.variable.dtype.size() as u64,
        };
        if self.check(block).is_err() || block.is_empty() {
            return 0;
        }
        self.pieces(&self.wanted(block)).iter().map(bytes).sum()
    }

    /// What is read of a block: masks may leave out the rest.
    fn wanted(&self, block: &IndexBox) -> IndexBox {
        self.cells.as_ref().map_or_else(|| block.clone(), |cells| cells.within(block))
    }

    /// Whether parts of a stored chunk can be read without the rest: values are neither
    /// compressed nor shuffled, or lie in no chunks.
    pub fn is_divisible(&self) -> bool {
        let divisible = |located: &Option<crate::direct::Located>| {
            located.as_ref().is_some_and(|l| l.storage.is_divisible())
        };
        self.chunks.is_none() || self.located.iter().all(divisible)
    }

    /// Whether any part can be read without the rest, and not through the library, which has one thread
    /// at a time.
    pub(crate) fn reads_pieces(&self) -> bool {
        self.located.iter().all(|l| l.as_ref().is_some_and(|l| l.storage.is_divisible()))
    }

    /// Tells the system that `block` will be read soon, so that it can begin to fetch. Without
    /// effect on what the library reads; never an error.
    pub fn will_need(&self, block: &IndexBox) {
        if self.check(block).is_err() || block.is_empty() {
            return;
        }
        for piece in self.pieces(&self.wanted(block)) {
            let Some(located) = &self.located[piece.file] else { continue };
            let Ok(file) = self.handles.plain(piece.file, &self.files[piece.file].path, &located.stamp)
            else {
                continue;
            };
            direct::will_need(&file, &located.storage, &piece.ranges());
        }
    }

    /// Bytes that each thread holds for itself while it reads: room for a stored chunk and the
    /// same without compression.
    pub fn scratch_bytes(&self) -> u64 {
        self.located.iter().flatten().map(|l| direct::scratch_bytes(&l.storage)).max().unwrap_or(0)
    }
}
