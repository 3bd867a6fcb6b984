//! A source as something that streams through memory.

use crate::source::{Element, Source};
use halocline_core::engine::{NumbersMut, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::meta::Variable;
use halocline_core::Result;

impl StreamSource for Source {
    fn variable(&self) -> &Variable {
        Source::variable(self)
    }
    fn is_single(&self) -> bool {
        self.element() == Element::F32
    }
    fn chunks(&self) -> Vec<usize> {
        let whole = StreamSource::variable(self).shape();
        match Source::chunks(self) {
            // A chunk may be longer than what is selected of it.
            Some(chunks) => chunks.iter().zip(&whole).map(|(&c, &n)| c.clamp(1, n.max(1))).collect(),
            None => vec![1; whole.len()],
        }
    }
    fn is_divisible(&self) -> bool {
        Source::is_divisible(self)
    }
    fn reads_pieces(&self) -> bool {
        Source::reads_pieces(self)
    }
    fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
        match out {
            NumbersMut::F32(out) => self.read_into(block, out),
            NumbersMut::F64(out) => self.read_into(block, out),
        }
    }
    fn prefetch(&self, block: &IndexBox) {
        self.will_need(block);
    }
    fn stored_bytes(&self, block: &IndexBox) -> u64 {
        Source::stored_bytes(self, block)
    }
    fn scratch_per_thread(&self) -> u64 {
        self.scratch_bytes()
    }
}
