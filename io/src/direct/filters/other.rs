//! Filters that few files use.

use super::{damaged, room};
use halocline_core::Result;
use hdf5_reader::filters::{nbit, scaleoffset, szip};

const SZIP: u16 = 4;
const NBIT: u16 = 5;
const SCALE_OFFSET: u16 = 6;
const LZF: u16 = 32000;
const ZSTD: u16 = 32015;

/// Whether a filter can be undone here.
pub(crate) fn covered(id: u16) -> bool {
    matches!(id, SZIP | NBIT | SCALE_OFFSET | LZF | ZSTD)
}

/// What the registry of HDF5 calls a filter.
pub(crate) fn name(id: u16) -> String {
    let known = match id {
        SZIP => "szip",
        NBIT => "nbit",
        SCALE_OFFSET => "scaleoffset",
        307 => "bzip2",
        LZF => "lzf",
        32001 => "blosc",
        32004 => "lz4",
        32008 => "bitshuffle",
        32013 => "zfp",
        ZSTD => "zstd",
        32026 => "blosc2",
        _ => return format!("number {id}"),
    };
    known.to_owned()
}

/// Undoes filter `id` on `source` into `out`; gives the number of bytes, at most `wanted`.
pub(super) fn undo(
    id: u16,
    parameters: &[u32],
    source: &[u8],
    wanted: usize,
    out: &mut Vec<u8>,
) -> Result<usize> {
    let bad = |e: hdf5_reader::error::Error| damaged(format!("cannot be decoded: {e}"));
    let plain = match id {
        LZF => {
            return match lzf(source, room(out, wanted)?) {
                Some(n) => Ok(n),
                None => Err(damaged("cannot be decoded as lzf")),
            }
        }
        // No more comes out than there is room for: what claims to be longer is refused.
        ZSTD => {
            return zstd::bulk::decompress_to_buffer(source, room(out, wanted)?)
                .map_err(|e| damaged(format!("cannot be decoded as zstd: {e}")))
        }
        SZIP => szip::decompress_with_limit(source, parameters, wanted).map_err(bad)?,
        NBIT => nbit::decompress_with_limit(source, parameters, wanted).map_err(bad)?,
        SCALE_OFFSET => scaleoffset::decompress_with_limit(source, parameters, wanted).map_err(bad)?,
        _ => return Err(damaged(format!("went through a filter that is not known: {}", name(id)))),
    };
    room(out, plain.len())?.copy_from_slice(&plain);
    Ok(plain.len())
}

/// LZF: runs of literals (`000lllll`, l + 1 bytes) and references back (`lllooooo oooooooo`, with
/// another byte of length where l is 7).
fn lzf(source: &[u8], out: &mut [u8]) -> Option<usize> {
    let (mut from, mut to) = (0, 0);
    while let Some(&control) = source.get(from) {
        let control = usize::from(control);
        from += 1;
        if control < 32 {
            let len = control + 1;
            out.get_mut(to..to + len)?.copy_from_slice(source.get(from..from + len)?);
            (from, to) = (from + len, to + len);
            continue;
        }
        let mut len = control >> 5;
        if len == 7 {
            len += usize::from(*source.get(from)?);
            from += 1;
        }
        let back = (control & 31) << 8 | usize::from(*source.get(from)?);
        from += 1;
        let start = to.checked_sub(back + 1)?;
        let len = len + 2;
        if to + len > out.len() {
            return None;
        }
        // Byte by byte: a reference may run into what it writes.
        for k in 0..len {
            out[to + k] = out[start + k];
        }
        to += len;
    }
    Some(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lzf_literals_and_references() {
        let mut out = [0; 12];
        // "abc", then 8 bytes from 3 back (length 8 = 6 + 2), then "x".
        assert_eq!(lzf(&[2, b'a', b'b', b'c', 6 << 5, 2, 0, b'x'], &mut out), Some(12));
        assert_eq!(&out, b"abcabcabcabx");
        // A long reference.
        let mut long = [0; 20];
        assert_eq!(lzf(&[0, 7, 7 << 5, 10, 0], &mut long), Some(20));
        assert_eq!(long, [7; 20]);
        for bad in [&[2u8, 1][..], &[32, 0], &[0, 1, 32, 9], &[0, 1, 255], &[31; 33]] {
            assert_eq!(lzf(bad, &mut [0; 4]), None, "{bad:?}");
        }
    }
}
