//! Types of HDF5 as NetCDF sees them.

use crate::direct::refusal::{Attempt, Refusal};
use halocline_core::meta::DType;
use hdf5_reader::{ByteOrder, Datatype, StringSize, VarLenKind};

/// What a type is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Numbers, and whether they are big-endian.
    Number(DType, bool),
    /// Text of so many bytes.
    FixedText(usize),
    /// NetCDF-4 strings.
    Strings,
    /// Compound, enumeration, opaque, reference, ….
    Other,
}

impl Kind {
    /// The type as the data model has it.
    pub(super) fn dtype(self) -> DType {
        match self {
            Self::Number(dtype, _) => dtype,
            Self::FixedText(_) => DType::Char,
            Self::Strings => DType::String,
            Self::Other => DType::Other,
        }
    }
}

/// What `datatype` is.
///
/// # Errors
/// Numbers of a width that NetCDF has not: the library converts them, direct reading does not.
pub(super) fn kind(datatype: &Datatype) -> Attempt<Kind> {
    let big = |order: &ByteOrder| *order == ByteOrder::BigEndian;
    Ok(match datatype {
        Datatype::FixedPoint { size, signed, byte_order } => {
            let dtype = match (size, signed) {
                (1, true) => DType::I8,
                (1, false) => DType::U8,
                (2, true) => DType::I16,
                (2, false) => DType::U16,
                (4, true) => DType::I32,
                (4, false) => DType::U32,
                (8, true) => DType::I64,
                (8, false) => DType::U64,
                _ => return Err(Refusal::Unsupported(format!("integers of {size} bytes"))),
            };
            Kind::Number(dtype, big(byte_order))
        }
        Datatype::FloatingPoint { size: 4, byte_order } => Kind::Number(DType::F32, big(byte_order)),
        Datatype::FloatingPoint { size: 8, byte_order } => Kind::Number(DType::F64, big(byte_order)),
        Datatype::FloatingPoint { size, .. } => {
            return Err(Refusal::Unsupported(format!("floating-point numbers of {size} bytes")))
        }
        Datatype::String { size: StringSize::Fixed(size), .. } => Kind::FixedText(*size as usize),
        Datatype::String { size: StringSize::Variable, .. }
        | Datatype::VarLen { kind: VarLenKind::String, .. } => Kind::Strings,
        _ => Kind::Other,
    })
}

/// Whether a type of numbers, as encoded in the file, fills its bytes as those of the machine do:
/// integers of all their bits, IEEE singles and doubles.
pub(super) fn is_native(encoded: &[u8]) -> bool {
    let (&[head, flags, sign, _], Some(properties)) =
        (encoded.first_chunk::<4>().unwrap_or(&[u8::MAX; 4]), encoded.get(8..))
    else {
        return false;
    };
    let size = encoded[4];
    match head & 0x0f {
        0 => properties.first_chunk::<4>() == Some(&[0, 0, size.wrapping_mul(8), 0]),
        1 => {
            // Bit offset, precision; place and length of exponent and mantissa; bias.
            let single = [0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0];
            let double = [0, 0, 64, 0, 52, 11, 0, 52, 255, 3, 0, 0];
            let (known, bit) = if size == 4 { (single, 31) } else { (double, 63) };
            // Neither the order of the VAX, nor padding with ones; the mantissa's first bit implied.
            properties.first_chunk::<12>() == Some(&known) && sign == bit && flags & !1 == 0x20
        }
        _ => false,
    }
}
