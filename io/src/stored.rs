//! The seam between bytes and meaning: values exactly as a file stores them.
//!
//! The NetCDF library is a [`StoredReader`]; [`crate::cf::Decode`] turns what it fetched into
//! numbers with missing values as NaN. Neither knows the other. (Direct reading has no need of
//! this seam: it decodes piece by piece, while the bytes are in cache.)

use halocline_core::meta::DType;
use halocline_core::{Error, Result};
use std::ops::Range;

/// Values in the type of the file, C order.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum StoredValues {
    I8(Vec<i8>),
    U8(Vec<u8>),
    I16(Vec<i16>),
    U16(Vec<u16>),
    I32(Vec<i32>),
    U32(Vec<u32>),
    I64(Vec<i64>),
    U64(Vec<u64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl StoredValues {
    /// Their bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::I8(v) => bytemuck::cast_slice(v),
            Self::U8(v) => v,
            Self::I16(v) => bytemuck::cast_slice(v),
            Self::U16(v) => bytemuck::cast_slice(v),
            Self::I32(v) => bytemuck::cast_slice(v),
            Self::U32(v) => bytemuck::cast_slice(v),
            Self::I64(v) => bytemuck::cast_slice(v),
            Self::U64(v) => bytemuck::cast_slice(v),
            Self::F32(v) => bytemuck::cast_slice(v),
            Self::F64(v) => bytemuck::cast_slice(v),
        }
    }
    /// Whether they are of the same type and bits: NaN is the same as itself.
    pub fn same_bits(&self, other: &Self) -> bool {
        self.dtype() == other.dtype() && self.bytes() == other.bytes()
    }
    /// Those that follow one another in `range`, which lies inside.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Self {
        macro_rules! cut {
            ($($kind:ident),*) => {
                match self {
                    $(Self::$kind(v) => Self::$kind(v[range].to_vec()),)*
                }
            };
        }
        cut!(I8, U8, I16, U16, I32, U32, I64, U64, F32, F64)
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.bytes().len() / self.dtype().size()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }
    /// The type they are stored in.
    pub const fn dtype(&self) -> DType {
        match self {
            Self::I8(_) => DType::I8,
            Self::U8(_) => DType::U8,
            Self::I16(_) => DType::I16,
            Self::U16(_) => DType::U16,
            Self::I32(_) => DType::I32,
            Self::U32(_) => DType::U32,
            Self::I64(_) => DType::I64,
            Self::U64(_) => DType::U64,
            Self::F32(_) => DType::F32,
            Self::F64(_) => DType::F64,
        }
    }
}

/// Fetches blocks of the variables of one open file, as stored. Used from many threads.
pub trait StoredReader: Send + Sync + std::fmt::Debug {
    /// The values of `variable` in these index ranges (one for each dimension of the variable
    /// in the file's order; none empty), C order.
    ///
    /// # Errors
    /// Data, if the variable or the block is not there, or what is stored is damaged; system,
    /// if the read fails.
    fn read_raw(&self, variable: &str, ranges: &[Range<usize>]) -> Result<StoredValues>;
}

/// Room for `len` values, refused rather than aborted on when a damaged header asks for more
/// than there is. Zeros that are not touched yet: whoever fills them does that, thread by thread.
pub(crate) fn buffer<T: bytemuck::Zeroable>(len: usize) -> Result<Vec<T>> {
    let values = bytemuck::try_zeroed_vec(len).map_err(|()| {
        Error::new(halocline_core::ErrorKind::Memory, format!("no memory for a block of {len} values"))
    })?;
    halocline_core::memory::use_huge_pages(&values);
    Ok(values)
}
