//! Values of all sources that are read in lockstep, on their way from a file to a fold.

use super::reading::{fetch, sized};
use super::{NumbersMut, StreamSource};
use crate::engine::piece::Numbers;
use crate::error::Result;
use crate::index::IndexBox;
use crate::progress::{Phase, Progress};

/// Values of a box.
#[derive(Debug)]
pub(super) enum Buffer {
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl Buffer {
    pub(super) fn from(&self, start: usize) -> Numbers<'_> {
        match self {
            Self::F32(v) => Numbers::F32(v.get(start..).unwrap_or_default()),
            Self::F64(v) => Numbers::F64(v.get(start..).unwrap_or_default()),
        }
    }
}

/// Values of all sources and where they belong.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) block: IndexBox,
    pub(super) buffers: Vec<Buffer>,
}

/// A buffer of this length for each source; those of `spare` are used again.
pub(super) fn room(sources: &[&dyn StreamSource], spare: Vec<Buffer>, len: usize) -> Vec<Buffer> {
    let mut spare = spare.into_iter();
    let of = |source: &&dyn StreamSource| match (spare.next(), source.is_single()) {
        (Some(Buffer::F32(v)), true) => Buffer::F32(sized(v, len)),
        (Some(Buffer::F64(v)), false) => Buffer::F64(sized(v, len)),
        (_, true) => Buffer::F32(sized(Vec::new(), len)),
        (_, false) => Buffer::F64(sized(Vec::new(), len)),
    };
    sources.iter().map(of).collect()
}

/// Reads `block` of all sources.
pub(super) fn read(
    sources: &[&dyn StreamSource],
    progress: &Progress,
    block: IndexBox,
    mut buffers: Vec<Buffer>,
) -> Result<Loaded> {
    let _timer = progress.phases.start(Phase::Read);
    for (source, buffer) in sources.iter().zip(&mut buffers) {
        let out = match buffer {
            Buffer::F32(v) => NumbersMut::F32(v),
            Buffer::F64(v) => NumbersMut::F64(v),
        };
        fetch(*source, progress, &block, out)?;
    }
    Ok(Loaded { block, buffers })
}
