//! Where the bytes of a variable lie in its file, and what was done to them.
//!
//! Plain data: read once on one rank, sent to the others, kept in the cache of metadata.

use halocline_core::meta::DType;
use serde::{Deserialize, Serialize};

/// How one variable is stored in one file. Every number in it has been checked against the
/// length of the file when it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Storage {
    /// Type of an element.
    pub(crate) dtype: DType,
    /// Byte order of an element.
    pub(crate) big_endian: bool,
    /// Stored lengths. Of an unlimited dimension this may be less than the file's, when another
    /// variable was written further: what lies beyond is [`Self::fill`].
    pub(crate) shape: Vec<usize>,
    /// One element, in the file's byte order, that stands for what was never written.
    pub(crate) fill: Vec<u8>,
    /// Where the elements are.
    pub(crate) layout: Layout,
}

impl Storage {
    /// Whether this can be that of a variable of this type and these lengths in the file: what
    /// was kept between runs is believed no further than that.
    pub(crate) fn fits(&self, dtype: DType, shape: &[usize]) -> bool {
        let within = self.shape.len() == shape.len() && self.shape.iter().zip(shape).all(|(a, b)| a <= b);
        let bytes = self.shape.iter().try_fold(dtype.size(), |n, &len| n.checked_mul(len));
        let layout = match &self.layout {
            Layout::Compact { bytes: held } => bytes.is_some_and(|bytes| held.len() >= bytes),
            Layout::Chunked { chunk, addresses, .. } => {
                let grid = self.shape.iter().zip(chunk).try_fold(1usize, |n, (&len, &chunk)| {
                    n.checked_mul(if chunk == 0 { return None } else { len.div_ceil(chunk) })
                });
                chunk.len() == shape.len() && grid == Some(addresses.len())
            }
            _ => true,
        };
        within && layout && self.dtype == dtype && self.fill.len() == dtype.size()
    }

    /// Whether parts of it can be read without decoding the rest.
    pub(crate) fn is_divisible(&self) -> bool {
        match &self.layout {
            Layout::Chunked { filters, .. } => filters.is_empty(),
            _ => true,
        }
    }
}

/// Where the elements of a variable are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Layout {
    /// All together, C order, from this offset in the file.
    Contiguous { offset: u64 },
    /// Records of a classic file: the first dimension's steps lie `stride` bytes apart.
    Records { offset: u64, stride: u64 },
    /// In the header itself: the bytes, C order.
    Compact { bytes: Vec<u8> },
    /// Nowhere: nothing has been written.
    Unwritten,
    /// In chunks, of which those at the edges are stored whole.
    Chunked {
        /// Lengths of a chunk.
        chunk: Vec<usize>,
        /// What was done to a chunk, in the order of writing.
        filters: Vec<Filter>,
        /// Where each chunk is, C order over the grid of chunks that covers `shape`.
        addresses: Vec<Address>,
    },
}

/// Where a stored chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Address {
    /// Offset in the file; [`Self::UNWRITTEN`] if the chunk was never written.
    pub(crate) offset: u64,
    /// Bytes in the file.
    pub(crate) bytes: u64,
    /// Bit `k` set: filter `k` was left out for this chunk.
    pub(crate) mask: u32,
}

impl Address {
    /// The offset of a chunk that was never written.
    pub(crate) const UNWRITTEN: u64 = u64::MAX;
}

/// A step of the chain that a chunk has gone through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Filter {
    /// zlib.
    Deflate,
    /// Bytes of equal weight together; of elements of so many bytes.
    Shuffle { element: usize },
    /// A checksum of four bytes behind the data.
    Fletcher32,
    /// Another one of HDF5's registry, with its parameters.
    Other { id: u16, parameters: Vec<u32> },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_variable_can_have_fits() {
        let address = Address { offset: 8, bytes: 16, mask: 0 };
        let chunked = |chunk: &[usize], count| Storage {
            dtype: DType::F32,
            big_endian: false,
            shape: vec![5, 4],
            fill: vec![0; 4],
            layout: Layout::Chunked {
                chunk: chunk.to_vec(),
                filters: vec![],
                addresses: vec![address; count],
            },
        };
        let good = chunked(&[2, 4], 3);
        assert!(good.fits(DType::F32, &[5, 4]) && good.fits(DType::F32, &[6, 4]));
        assert!(!good.fits(DType::F64, &[5, 4]) && !good.fits(DType::F32, &[4, 4]));
        assert!(!good.fits(DType::F32, &[5]) && !good.fits(DType::F32, &[5, 4, 1]));
        for (chunk, count) in [(&[2, 4][..], 2), (&[2], 3), (&[0, 4], 0), (&[2, 4, 1], 3)] {
            assert!(!chunked(chunk, count).fits(DType::F32, &[5, 4]), "{chunk:?}");
        }
        assert!(!Storage { fill: vec![], ..good.clone() }.fits(DType::F32, &[5, 4]));
        let compact = |n| Storage { layout: Layout::Compact { bytes: vec![0; n] }, ..good.clone() };
        assert!(compact(80).fits(DType::F32, &[5, 4]) && !compact(79).fits(DType::F32, &[5, 4]));
    }
}
