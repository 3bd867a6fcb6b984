//! Stored values as numbers of a type that both files have.

use halocline_algorithms::compare::Numbers;
use halocline_core::meta::{Attributes, DType};
use halocline_io::stored::StoredValues;

/// A type in which values of both files can be compared without loss, where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Common {
    Single,
    Double,
    Integer,
    /// Integers of one file as they are, which double precision can't hold all, floats of the other.
    Mixed,
}

impl Common {
    pub(super) fn of(a: DType, b: DType) -> Self {
        let is_float = |t: DType| matches!(t, DType::F32 | DType::F64);
        let is_wide = |t: DType| matches!(t, DType::I64 | DType::U64);
        match (is_float(a), is_float(b)) {
            (false, false) => Self::Integer,
            _ if a == DType::F32 && b == DType::F32 => Self::Single,
            _ if is_wide(a) || is_wide(b) => Self::Mixed,
            _ => Self::Double,
        }
    }

    /// Values of this type.
    pub(super) fn numbers(self, stored: &StoredValues) -> Numbers {
        let is_float = matches!(stored, StoredValues::F32(_) | StoredValues::F64(_));
        let to = match self {
            Self::Mixed if is_float => Self::Double,
            Self::Mixed => Self::Integer,
            other => other,
        };
        macro_rules! convert {
            ($v:expr) => {
                match to {
                    Self::Integer => Numbers::Integers($v.iter().map(|&v| v as i128).collect()),
                    Self::Single => Numbers::F32($v.iter().map(|&v| v as f32).collect()),
                    Self::Double | Self::Mixed => Numbers::F64($v.iter().map(|&v| v as f64).collect()),
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

/// Integers with the sign that `_Unsigned` gives them.
pub(super) fn signed(stored: StoredValues, attributes: &Attributes) -> StoredValues {
    let is_unsigned = match attributes.text("_Unsigned").map(|word| word.trim().to_ascii_lowercase()) {
        Some(word) if word == "true" => true,
        Some(word) if word == "false" => false,
        _ => return stored,
    };
    macro_rules! cast {
        ($v:expr, $to:ident) => {
            StoredValues::$to($v.into_iter().map(|v| v as _).collect())
        };
    }
    // Casts between types of one width keep all bits.
    match (stored, is_unsigned) {
        (StoredValues::I8(v), true) => cast!(v, U8),
        (StoredValues::I16(v), true) => cast!(v, U16),
        (StoredValues::I32(v), true) => cast!(v, U32),
        (StoredValues::I64(v), true) => cast!(v, U64),
        (StoredValues::U8(v), false) => cast!(v, I8),
        (StoredValues::U16(v), false) => cast!(v, I16),
        (StoredValues::U32(v), false) => cast!(v, I32),
        (StoredValues::U64(v), false) => cast!(v, I64),
        (stored, _) => stored,
    }
}
