//! zlib streams: level 1 by an encoder made for shuffled numbers, the others by libdeflate.

mod bits;
mod fast;
mod huffman;
mod matches;
#[cfg(test)]
mod tests;

use fast::Fast;
use halocline_core::{Error, Result};
use libdeflater::{Adler32, CompressionLvl, Compressor};

/// Compresses one buffer after the other.
#[derive(Default)]
pub(super) struct Deflater {
    fast: Fast,
    /// Of the level it was last asked for.
    thorough: Option<(u8, Compressor)>,
}

impl Deflater {
    /// Makes `packed` the zlib stream of `raw`, compressed at `level` from 1 to 9.
    pub(super) fn zlib(&mut self, level: u8, raw: &[u8], packed: &mut Vec<u8>) -> Result<()> {
        if level <= 1 {
            let mut checksum = Adler32::new();
            checksum.update(raw);
            self.fast.zlib(raw, checksum.sum(), packed);
            return Ok(());
        }
        let failed = |what: String| Error::internal(format!("a chunk can't be compressed: {what}"));
        if self.thorough.as_ref().is_none_or(|(of, _)| *of != level) {
            let known = CompressionLvl::new(i32::from(level)).map_err(|e| failed(format!("{e:?}")))?;
            self.thorough = Some((level, Compressor::new(known)));
        }
        if let Some((_, compressor)) = &mut self.thorough {
            packed.resize(compressor.zlib_compress_bound(raw.len()), 0);
            let len = compressor.zlib_compress(raw, packed).map_err(|e| failed(e.to_string()))?;
            packed.truncate(len);
        }
        Ok(())
    }
}
