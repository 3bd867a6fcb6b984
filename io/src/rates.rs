//! What reading is made of, to be timed by itself.

use halocline_core::{Error, Result};
use libdeflater::{CompressionLvl, Compressor, Decompressor};
use std::fs::File;

/// Bytes as zlib has them at level 1.
///
/// # Errors
/// Internal, if they don't fit into their bound.
pub fn deflated(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut compressor = Compressor::new(CompressionLvl::fastest());
    let mut packed = vec![0; compressor.zlib_compress_bound(bytes.len())];
    let used = compressor.zlib_compress(bytes, &mut packed).map_err(|e| Error::internal(e.to_string()))?;
    packed.truncate(used);
    Ok(packed)
}

/// The `len` bytes that [`deflated`] was given.
///
/// # Errors
/// Data, if `packed` is no such thing.
pub fn inflated(packed: &[u8], len: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    let done = Decompressor::new().zlib_decompress(packed, &mut bytes);
    done.map_err(|e| Error::data(format!("can't be inflated: {e}")))?;
    Ok(bytes)
}

/// Asks the system to forget what it has cached of a file that is on disk; whether it has listened.
/// (Some file systems, such as those in memory, have nothing to forget.)
pub fn forget_cached(file: &File) -> bool {
    rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed).is_ok()
}
