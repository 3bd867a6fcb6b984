//! Stored values as numbers of a type that both files have.

use halocline_algorithms::compare::Numbers;
use halocline_core::meta::DType;
use halocline_io::stored::StoredValues;

/// A type in which values of both files can be compared without loss, where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Common {
    Single,
    Double,
    Integer,
}

impl Common {
    pub(super) fn of(a: DType, b: DType) -> Self {
        let is_float = |t: DType| matches!(t, DType::F32 | DType::F64);
        match (is_float(a), is_float(b)) {
            (false, false) => Self::Integer,
            _ if a == DType::F32 && b == DType::F32 => Self::Single,
            _ => Self::Double,
        }
    }

    /// Values of this type.
    pub(super) fn numbers(self, stored: &StoredValues) -> Numbers {
        macro_rules! convert {
            ($v:expr) => {
                match self {
                    Self::Integer => Numbers::Integers($v.iter().map(|&v| v as i128).collect()),
                    Self::Single => Numbers::F32($v.iter().map(|&v| v as f32).collect()),
                    Self::Double => Numbers::F64($v.iter().map(|&v| v as f64).collect()),
                }
            };
        }
        // Only widening: what a type can't hold is not asked for.
        #[allow(clippy::cast_lossless, clippy::unnecessary_cast)]
        match stored {
            StoredValues::I8(v) => convert!(v),
            StoredValues::U8(v) => convert!(v),
            StoredValues::I16(v) => convert!(v),
            StoredValues::U16(v) => convert!(v),
            StoredValues::I32(v) => convert!(v),
            StoredValues::U32(v) => convert!(v),
            StoredValues::I64(v) => convert!(v),
            StoredValues::U64(v) => convert!(v),
            StoredValues::F32(v) => convert!(v),
            StoredValues::F64(v) => convert!(v),
        }
    }
}

/// Which values are not a number, where no attribute can tell what is missing.
pub(super) fn not_numbers(stored: &StoredValues) -> Vec<bool> {
    match stored {
        StoredValues::F32(v) => v.iter().map(|v| v.is_nan()).collect(),
        StoredValues::F64(v) => v.iter().map(|v| v.is_nan()).collect(),
        other => vec![false; other.len()],
    }
}
