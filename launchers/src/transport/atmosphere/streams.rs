//! What operands are read through: as they are, or with nothing below the ground.

use halocline_algorithms::transport::atmosphere::{AboveGround, Levels};
use halocline_core::engine::StreamSource;
use halocline_core::Result;
use halocline_io::source::Source;

/// Some times of the operands.
pub(super) struct Part {
    pub(super) sources: Vec<Source>,
    pub(super) surface: Option<Source>,
}

impl Part {
    /// The variables with nothing below the ground.
    pub(super) fn streams(&self, levels: &Levels) -> Result<Vec<Box<dyn StreamSource + '_>>> {
        above_ground(&self.sources, self.surface.as_ref(), levels)
    }
    /// The variables as they are, and the surface pressure.
    pub(super) fn as_they_are(&self) -> (&[Source], Option<&Source>) {
        (&self.sources, self.surface.as_ref())
    }
}

/// Variables with nothing below the ground.
pub(super) fn above_ground<'a>(
    sources: &'a [Source],
    surface: Option<&'a Source>,
    levels: &Levels,
) -> Result<Vec<Box<dyn StreamSource + 'a>>> {
    let of = |source: &'a Source| -> Result<Box<dyn StreamSource + 'a>> {
        Ok(match surface {
            None => Box::new(Plain(source)),
            Some(surface) => Box::new(AboveGround::new(source, surface, levels.pressure())?),
        })
    };
    sources.iter().map(of).collect()
}

/// A source that is somebody else's.
struct Plain<'a>(&'a Source);

impl StreamSource for Plain<'_> {
    fn variable(&self) -> &halocline_core::meta::Variable {
        self.0.variable()
    }
    fn is_single(&self) -> bool {
        self.0.is_single()
    }
    fn chunks(&self) -> Vec<usize> {
        StreamSource::chunks(self.0)
    }
    fn is_divisible(&self) -> bool {
        StreamSource::is_divisible(self.0)
    }
    fn reads_pieces(&self) -> bool {
        StreamSource::reads_pieces(self.0)
    }
    fn read(
        &self,
        block: &halocline_core::index::IndexBox,
        out: halocline_core::engine::NumbersMut<'_>,
    ) -> Result<()> {
        StreamSource::read(self.0, block, out)
    }
    fn prefetch(&self, block: &halocline_core::index::IndexBox) {
        self.0.prefetch(block);
    }
    fn stored_bytes(&self, block: &halocline_core::index::IndexBox) -> u64 {
        StreamSource::stored_bytes(self.0, block)
    }
    fn scratch_per_thread(&self) -> u64 {
        self.0.scratch_per_thread()
    }
}
