//! Stored bytes as elements, a few at a time.

use super::filters::shuffle;

/// Elements in the bytes of a chunk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Elements<'a> {
    /// All of them.
    pub(crate) bytes: &'a [u8],
    /// Bytes of one.
    pub(crate) size: usize,
    /// Whether bytes of equal weight lie together.
    pub(crate) shuffled: bool,
    /// Whether their order within an element is not this machine's.
    pub(crate) swapped: bool,
}

impl Elements<'_> {
    /// Puts the elements from `first` on into `out`, in this machine's byte order.
    pub(crate) fn read(&self, first: usize, out: &mut [u8]) {
        if self.shuffled {
            shuffle::restore(self.bytes, self.size, first, out);
        } else {
            let start = first * self.size;
            out.copy_from_slice(&self.bytes[start..start + out.len()]);
        }
        if self.swapped {
            swap(out, self.size);
        }
    }
}

/// Turns the byte order of elements of `size`.
pub(crate) fn swap(bytes: &mut [u8], size: usize) {
    macro_rules! turn {
        ($type:ty) => {
            match bytemuck::try_cast_slice_mut::<u8, $type>(bytes) {
                Ok(words) => words.iter_mut().for_each(|w| *w = w.swap_bytes()),
                Err(_) => bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse),
            }
        };
    }
    match size {
        2 => turn!(u16),
        4 => turn!(u32),
        8 => turn!(u64),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_in_both_orders() {
        for size in [1usize, 2, 4, 8] {
            let values: Vec<u8> = (0..40 * size).map(|k| (k * 7 % 251) as u8).collect();
            let planes: Vec<u8> = (0..size)
                .flat_map(|b| (0..40).map(move |e| (e, b)))
                .map(|(e, b)| values[e * size + b])
                .collect();
            for (first, count) in [(0, 40), (3, 1), (5, 33), (40, 0)] {
                let expected = &values[first * size..(first + count) * size];
                let mut out = vec![0; count * size];
                for (bytes, shuffled) in [(&values, false), (&planes, true)] {
                    Elements { bytes, size, shuffled, swapped: false }.read(first, &mut out);
                    assert_eq!(out, expected);
                    Elements { bytes, size, shuffled, swapped: true }.read(first, &mut out);
                    let turned: Vec<u8> =
                        expected.chunks(size).flat_map(|e| e.iter().rev().copied()).collect();
                    assert_eq!(out, turned);
                }
            }
        }
    }
}
