//! Byte shuffle undone: elements from planes of bytes of equal weight.

use super::interleave::interleave;

/// The elements of `size` bytes from `first` on, out of the planes in `bytes`; what is left of
/// `bytes` behind whole elements belongs to none.
pub(crate) fn restore(bytes: &[u8], size: usize, first: usize, out: &mut [u8]) {
    let count = bytes.len() / size;
    let len = out.len() / size;
    let plane = |b: usize| &bytes[b * count + first..b * count + first + len];
    match size {
        1 => out.copy_from_slice(plane(0)),
        2 => interleave::<2>([plane(0), plane(1)], out),
        4 => interleave::<4>([plane(0), plane(1), plane(2), plane(3)], out),
        8 => interleave::<8>(std::array::from_fn(plane), out),
        _ => {
            for b in 0..size {
                for (element, &byte) in out.chunks_exact_mut(size).zip(plane(b)) {
                    element[b] = byte;
                }
            }
        }
    }
}

/// All of a shuffled buffer, with what is left behind whole elements.
pub(crate) fn restore_all(bytes: &[u8], size: usize, out: &mut [u8]) {
    let whole = bytes.len() / size.max(1) * size.max(1);
    if size <= 1 {
        out.copy_from_slice(bytes);
        return;
    }
    restore(&bytes[..whole], size, 0, &mut out[..whole]);
    out[whole..].copy_from_slice(&bytes[whole..]);
}
