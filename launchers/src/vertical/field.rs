//! The pressure of hybrid levels as a field.

use halocline_core::engine::{NumbersMut, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Role, Variable};
use halocline_core::{Error, Result};
use halocline_io::source::Source;

/// The pressure of hybrid levels, a field like the variable.
pub(super) struct Pressure<'a> {
    pub(super) levels: &'a [[f64; 2]],
    pub(super) surface: &'a Source,
    pub(super) like: Variable,
}

impl StreamSource for Pressure<'_> {
    fn variable(&self) -> &Variable {
        &self.like
    }
    fn is_single(&self) -> bool {
        false
    }
    fn chunks(&self) -> Vec<usize> {
        vec![1; self.like.dims.len()]
    }
    fn is_divisible(&self) -> bool {
        true
    }
    fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
        let NumbersMut::F64(out) = out else { return Err(Error::internal("made of doubles")) };
        let level = self.like.position(Role::Level).unwrap_or(1);
        let mut ranges = block.ranges().to_vec();
        let levels = ranges.remove(level);
        let flat = IndexBox::new(ranges);
        let mut surface = vec![0.0; flat.len()];
        self.surface.read_into(&flat, &mut surface)?;
        let inner: usize = block.shape()[level + 1..].iter().product::<usize>().max(1);
        for (i, out) in out.iter_mut().enumerate() {
            let (cell, at) = (i % inner, i / inner);
            let [a, b] = self.levels[levels.start + at % levels.len().max(1)];
            *out = a + b * surface[at / levels.len().max(1) * inner + cell];
        }
        Ok(())
    }
}
