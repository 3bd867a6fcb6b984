//! zlib streams, made by libdeflate.

use halocline_core::{Error, Result};
use libdeflater::{CompressionLvl, Compressor};

/// Compresses one buffer after the other.
#[derive(Default)]
pub(super) struct Deflater {
    /// Of the level it was last asked for.
    whole: Option<(u8, Compressor)>,
}

impl Deflater {
    /// Makes `packed` the zlib stream of `raw`, compressed at `level`.
    pub(super) fn zlib(&mut self, level: u8, raw: &[u8], packed: &mut Vec<u8>) -> Result<()> {
        let failed = |what: String| Error::internal(format!("a chunk can't be compressed: {what}"));
        if self.whole.as_ref().is_none_or(|(of, _)| *of != level) {
            let known = CompressionLvl::new(i32::from(level)).map_err(|e| failed(format!("{e:?}")))?;
            self.whole = Some((level, Compressor::new(known)));
        }
        if let Some((_, compressor)) = &mut self.whole {
            packed.resize(compressor.zlib_compress_bound(raw.len()), 0);
            let len = compressor.zlib_compress(raw, packed).map_err(|e| failed(e.to_string()))?;
            packed.truncate(len);
        }
        Ok(())
    }
}
