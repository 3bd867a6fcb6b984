//! The chain of filters that a chunk went through, undone.

mod fletcher;
mod inflate;
mod interleave;
mod other;
pub(crate) mod shuffle;

use super::storage::Filter;
use halocline_core::{Error, ErrorKind, Result};
use inflate::Inflater;
use libdeflater::DecompressionError;
pub(crate) use other::{covered, name};

/// What a thread needs to undo filters: two buffers that the steps go to and fro between, each
/// as large as the largest chunk so far.
#[derive(Default)]
pub(crate) struct Scratch {
    buffers: [Vec<u8>; 2],
    inflater: Inflater,
}

/// A chunk without its filters, but for a byte shuffle that is cheaper undone where it goes.
pub(crate) struct Unfiltered<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) shuffled: bool,
}

/// The error of a chunk that is not what it should be.
pub(crate) fn damaged(what: impl std::fmt::Display) -> Error {
    Error::data(format!("the file is damaged: a stored chunk {what}")).remedy("copy or download it again")
}

/// Room for `len` bytes in a buffer that is used again and again.
pub(crate) fn room(buffer: &mut Vec<u8>, len: usize) -> Result<&mut [u8]> {
    if buffer.len() < len {
        let more = len - buffer.len();
        buffer.try_reserve_exact(more).map_err(|_| {
            Error::new(ErrorKind::Memory, format!("no memory for a stored chunk of {len} bytes"))
        })?;
        buffer.resize(len, 0);
    }
    Ok(&mut buffer[..len])
}

impl Scratch {
    /// Where the stored bytes of the next chunk go.
    pub(crate) fn stored(&mut self, len: usize) -> Result<&mut [u8]> {
        room(&mut self.buffers[0], len)
    }

    /// Undoes `filters` on the first `stored` bytes of [`Self::stored`]; `full` bytes must come
    /// out, of elements of `size` bytes. Bit `k` of `mask`: filter `k` was left out.
    ///
    /// # Errors
    /// Data, if what is stored is damaged.
    pub(crate) fn undo(
        &mut self,
        filters: &[Filter],
        mask: u32,
        stored: usize,
        full: usize,
        size: usize,
    ) -> Result<Unfiltered<'_>> {
        let used = |k: usize| k >= 32 || mask & (1 << k) == 0;
        let (mut at, mut len) = (0, stored);
        for k in (0..filters.len()).rev().filter(|&k| used(k)) {
            // As long as the filters before this one leave a full chunk.
            let before = || filters[..k].iter().enumerate().filter(|(j, _)| used(*j)).map(|(_, f)| f);
            let wanted = full + 4 * before().filter(|f| **f == Filter::Fletcher32).count();
            let [a, b] = &mut self.buffers;
            let (from, to) = if at == 0 { (a, b) } else { (b, a) };
            let source = &from[..len];
            match &filters[k] {
                Filter::Fletcher32 => {
                    let (data, sum) = source.split_last_chunk().ok_or_else(|| damaged("is cut short"))?;
                    if !fletcher::holds(data, *sum) {
                        return Err(damaged("has another checksum than is stored with it"));
                    }
                    len -= 4;
                }
                Filter::Shuffle { element } => {
                    if before().next().is_none() && *element == size && len == full {
                        return Ok(Unfiltered { bytes: &self.buffers[at][..len], shuffled: size > 1 });
                    }
                    shuffle::restore_all(source, *element, room(to, len)?);
                    at = 1 - at;
                }
                Filter::Deflate => {
                    let out = room(to, wanted)?;
                    inflated(&mut self.inflater, source, out)?;
                    (at, len) = (1 - at, wanted);
                }
                Filter::Other { id, parameters } => {
                    len = other::undo(*id, parameters, source, wanted, to)?;
                    at = 1 - at;
                }
            }
        }
        if len != full {
            return Err(damaged(format!("holds {len} bytes, not {full}")));
        }
        Ok(Unfiltered { bytes: &self.buffers[at][..len], shuffled: false })
    }
}

fn inflated(inflater: &mut Inflater, source: &[u8], out: &mut [u8]) -> Result<()> {
    match inflater.zlib(source, out) {
        Ok(n) if n == out.len() => Ok(()),
        Ok(n) => Err(damaged(format!("inflates to {n} bytes, not {}", out.len()))),
        Err(DecompressionError::InsufficientSpace) => {
            Err(damaged(format!("inflates to more than {} bytes", out.len())))
        }
        Err(DecompressionError::BadData) => Err(damaged("cannot be inflated")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libdeflater::{CompressionLvl, Compressor};

    fn deflated(data: &[u8]) -> Vec<u8> {
        let mut out = vec![0; data.len() + 100];
        let n = Compressor::new(CompressionLvl::default()).zlib_compress(data, &mut out).unwrap();
        out.truncate(n);
        out
    }
    fn run(stored: &[u8], filters: &[Filter], mask: u32, full: usize) -> Result<(Vec<u8>, bool)> {
        let mut scratch = Scratch::default();
        scratch.stored(stored.len())?.copy_from_slice(stored);
        scratch.undo(filters, mask, stored.len(), full, 4).map(|u| (u.bytes.to_vec(), u.shuffled))
    }

    #[test]
    fn chains_in_any_order() {
        let data: Vec<u8> = (0..64).collect();
        let shuffle = Filter::Shuffle { element: 4 };
        let once = deflated(&data);
        assert_eq!(run(&once, &[shuffle.clone(), Filter::Deflate], 0, 64).unwrap(), (data.clone(), true));
        // A shuffle left out for this chunk, and all of them.
        assert_eq!(run(&once, &[shuffle.clone(), Filter::Deflate], 1, 64).unwrap(), (data.clone(), false));
        assert_eq!(run(&data, &[shuffle.clone(), Filter::Deflate], 3, 64).unwrap(), (data.clone(), false));
        // Shuffled after a checksum: 68 bytes are turned.
        let e = run(&once, &[Filter::Fletcher32, shuffle, Filter::Deflate], 0, 64).unwrap_err();
        assert!(e.message.contains("inflates to 64 bytes, not 68"), "{e}");
        for (stored, full, words) in [
            (&once[..once.len() - 3], 64, "cannot be inflated"),
            (&once[..], 63, "inflates to more than 63"),
            (&once[..], 65, "inflates to 64 bytes, not 65"),
            (&[0u8; 0][..], 64, "cannot be inflated"),
        ] {
            let e = run(stored, &[Filter::Deflate], 0, full).unwrap_err();
            assert!(e.exit_code() == 3 && e.message.contains(words), "{e}");
        }
        assert!(run(&[1, 2, 3], &[Filter::Fletcher32], 0, 0).is_err());
    }
}
