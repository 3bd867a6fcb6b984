//! What any reader finds of a variable, made into [`RawVariable`] in one way for all of them.

use crate::cf::{self, RawAttribute, RawValue};
use crate::dataset::meta::{Filters, RawVariable};
use crate::stored::StoredValues;
use halocline_core::meta::{AttributeValue, Attributes, DType};

/// The value of an attribute in the type that it has in the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stored {
    /// Characters.
    Text(String),
    /// NetCDF-4 strings.
    Texts(Vec<String>),
    /// Numbers.
    Numbers(StoredValues),
}

impl Stored {
    /// As the data model has it.
    fn plain(self) -> AttributeValue {
        macro_rules! widen {
            ($v:expr) => {
                AttributeValue::Integers($v.into_iter().map(i64::from).collect())
            };
        }
        match self {
            Self::Text(t) => AttributeValue::Text(t),
            Self::Texts(t) => AttributeValue::Text(t.join(" ")),
            Self::Numbers(numbers) => match numbers {
                StoredValues::I8(v) => widen!(v),
                StoredValues::U8(v) => widen!(v),
                StoredValues::I16(v) => widen!(v),
                StoredValues::U16(v) => widen!(v),
                StoredValues::I32(v) => widen!(v),
                StoredValues::U32(v) => widen!(v),
                StoredValues::I64(v) => AttributeValue::Integers(v),
                // What i64 can't hold becomes a double: close, and never another sign.
                StoredValues::U64(v) => match v.iter().map(|&v| i64::try_from(v)).collect() {
                    Ok(v) => AttributeValue::Integers(v),
                    Err(_) => AttributeValue::Doubles(v.iter().map(|&v| v as f64).collect()),
                },
                StoredValues::F32(v) => AttributeValue::Singles(v),
                StoredValues::F64(v) => AttributeValue::Doubles(v),
            },
        }
    }

    /// As decoding needs it: numbers in the type they have in the file.
    fn raw(&self) -> Option<RawAttribute> {
        macro_rules! integers {
            ($v:expr) => {
                $v.iter().map(|&v| RawValue::Integer(i128::from(v))).collect()
            };
        }
        Some(match self {
            Self::Text(t) => RawAttribute::Text(t.clone()),
            Self::Texts(t) => RawAttribute::Text(t.first()?.clone()),
            Self::Numbers(numbers) => RawAttribute::Numbers(match numbers {
                StoredValues::I8(v) => integers!(v),
                StoredValues::U8(v) => integers!(v),
                StoredValues::I16(v) => integers!(v),
                StoredValues::U16(v) => integers!(v),
                StoredValues::I32(v) => integers!(v),
                StoredValues::U32(v) => integers!(v),
                StoredValues::I64(v) => integers!(v),
                StoredValues::U64(v) => integers!(v),
                StoredValues::F32(v) => v.iter().map(|&v| RawValue::Single(v)).collect(),
                StoredValues::F64(v) => v.iter().map(|&v| RawValue::Double(v)).collect(),
            }),
        })
    }
}

/// Attributes in the order of the file; `None` where a value is of a type that we don't keep.
pub(crate) type StoredAttributes = Vec<(String, Option<Stored>)>;

/// Attributes that can be kept; those of user-defined types can't, and are no part of CF.
pub(crate) fn collect(attributes: StoredAttributes) -> Attributes {
    let mut all = Attributes::new();
    for (name, value) in attributes {
        if let Some(value) = value {
            all.set(name, value.plain());
        }
    }
    all
}

/// A variable as a reader found it.
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) dtype: DType,
    pub(crate) dims: Vec<String>,
    pub(crate) shape: Vec<usize>,
    pub(crate) attributes: StoredAttributes,
    pub(crate) chunks: Option<Vec<usize>>,
    pub(crate) filters: Option<Filters>,
    /// Whether unwritten values hold the fill value.
    pub(crate) filled: bool,
}

impl Found {
    /// With the rule by which its values are decoded.
    pub(crate) fn understood(self) -> RawVariable {
        let find = |name: &str| {
            let (_, value) = self.attributes.iter().find(|(n, _)| n == name)?;
            Some(value.as_ref().and_then(Stored::raw).unwrap_or(RawAttribute::Unreadable))
        };
        // Every byte may be a value, so none of them stands for what was not written.
        let filled = self.filled && self.dtype.is_numeric() && self.dtype.size() > 1;
        let decode = cf::rule(self.dtype, filled, find);
        let malformed = cf::malformed(&self.name, self.dtype, find);
        RawVariable {
            name: self.name,
            dtype: self.dtype,
            dims: self.dims,
            shape: self.shape,
            attributes: collect(self.attributes),
            chunks: self.chunks,
            filters: self.filters,
            decode,
            malformed,
        }
    }
}

/// Values of type `dtype` from their bytes; `None` if it is no type of numbers. Bytes that make
/// no whole value are left out.
pub(crate) fn numbers(dtype: DType, big_endian: bool, bytes: &[u8]) -> Option<StoredValues> {
    macro_rules! read {
        ($variant:ident, $type:ty) => {{
            let each = bytes.chunks_exact(size_of::<$type>()).map(|b| {
                let mut element = [0; size_of::<$type>()];
                element.copy_from_slice(b);
                if big_endian {
                    <$type>::from_be_bytes(element)
                } else {
                    <$type>::from_le_bytes(element)
                }
            });
            StoredValues::$variant(each.collect())
        }};
    }
    Some(match dtype {
        DType::I8 => read!(I8, i8),
        DType::U8 => read!(U8, u8),
        DType::I16 => read!(I16, i16),
        DType::U16 => read!(U16, u16),
        DType::I32 => read!(I32, i32),
        DType::U32 => read!(U32, u32),
        DType::I64 => read!(I64, i64),
        DType::U64 => read!(U64, u64),
        DType::F32 => read!(F32, f32),
        DType::F64 => read!(F64, f64),
        DType::Char | DType::String | DType::Other => return None,
    })
}

/// Text up to the first NUL, with replacement characters where it is not UTF-8: as a C program
/// sees it.
pub(crate) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
