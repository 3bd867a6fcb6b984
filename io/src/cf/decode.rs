//! Stored values to numbers: mask, unpack, widen.

use super::mask::{Rule, Stored, Visit};
use super::units::Conversion;
use crate::stored::StoredValues;
use halocline_core::meta::{DType, Values};
use serde::{Deserialize, Serialize};

/// The type of decoded values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Element {
    /// Single precision: of `float` and of 8- and 16-bit integers that are not packed.
    F32,
    /// Double precision: of everything else.
    F64,
}

impl Element {
    /// Bytes a value takes.
    pub const fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
    /// As a stored type.
    pub const fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F64 => DType::F64,
        }
    }
}

/// Unpacked = stored × scale + offset.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Packing {
    pub(super) scale: f64,
    pub(super) offset: f64,
}

/// A range of unpacked values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Limits {
    pub(super) low: Option<f64>,
    pub(super) high: Option<f64>,
}

/// How the stored values of one variable of one file become numbers.
///
/// `value = (stored × scale_factor + add_offset)`, NaN where the stored value is missing, with
/// everything in double precision unless nothing is to be computed. Missing are `_FillValue`,
/// every `missing_value`, what lies outside `valid_range` (or `valid_min`, `valid_max`), where no
/// `_FillValue` is declared the type's default fill value (not of bytes), and NaN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decode {
    stored: DType,
    /// Read integers as signed or not, whatever their type says; `None` of other types.
    signed: Option<bool>,
    rule: Rule,
    packing: Option<Packing>,
    valid_unpacked: Limits,
    /// To the units of the first file.
    conversion: Option<Conversion>,
}

impl Decode {
    pub(super) const fn new(
        stored: DType,
        signed: Option<bool>,
        rule: Rule,
        packing: Option<Packing>,
        valid_unpacked: Limits,
    ) -> Self {
        Self { stored, signed, rule, packing, valid_unpacked, conversion: None }
    }

    /// The same, and then to other units.
    pub(crate) fn converted(mut self, conversion: Conversion) -> Self {
        self.conversion = Some(conversion);
        self
    }

    /// Whether values are packed.
    pub const fn is_packed(&self) -> bool {
        self.packing.is_some()
    }

    /// The smallest type that holds what [`Self::decode`] gives.
    pub const fn element(&self) -> Element {
        let small = matches!(self.stored, DType::I8 | DType::U8 | DType::I16 | DType::U16 | DType::F32);
        if small && self.packing.is_none() && self.conversion.is_none() {
            Element::F32
        } else {
            Element::F64
        }
    }

    /// Decodes values of this variable to `element`, which is [`Self::element`] or wider.
    pub fn decode(&self, stored: StoredValues, element: Element) -> Values {
        match (stored, self.signed) {
            (StoredValues::I8(v), Some(false)) => self.integers(v, |x| x as u8, element),
            (StoredValues::U8(v), Some(true)) => self.integers(v, |x| x as i8, element),
            (StoredValues::I16(v), Some(false)) => self.integers(v, |x| x as u16, element),
            (StoredValues::U16(v), Some(true)) => self.integers(v, |x| x as i16, element),
            (StoredValues::I32(v), Some(false)) => self.integers(v, |x| x as u32, element),
            (StoredValues::U32(v), Some(true)) => self.integers(v, |x| x as i32, element),
            (StoredValues::I64(v), Some(false)) => self.integers(v, |x| x as u64, element),
            (StoredValues::U64(v), Some(true)) => self.integers(v, |x| x as i64, element),
            (StoredValues::I8(v), _) => self.typed(&v, element),
            (StoredValues::U8(v), _) => self.typed(&v, element),
            (StoredValues::I16(v), _) => self.typed(&v, element),
            (StoredValues::U16(v), _) => self.typed(&v, element),
            (StoredValues::I32(v), _) => self.typed(&v, element),
            (StoredValues::U32(v), _) => self.typed(&v, element),
            (StoredValues::I64(v), _) => self.typed(&v, element),
            (StoredValues::U64(v), _) => self.typed(&v, element),
            (StoredValues::F32(v), _) if element == Element::F32 => {
                Values::F32(f32::mask(&self.rule).dispatch(InPlace(v)))
            }
            (StoredValues::F64(v), _) if self.is_plain() => {
                Values::F64(f64::mask(&self.rule).dispatch(InPlace(v)))
            }
            (StoredValues::F32(v), _) => self.typed(&v, element),
            (StoredValues::F64(v), _) => self.typed(&v, element),
        }
    }

    /// Whether nothing is computed.
    const fn is_plain(&self) -> bool {
        self.packing.is_none() && self.conversion.is_none()
    }

    fn integers<A, B: Stored>(&self, stored: Vec<A>, cast: impl Fn(A) -> B, element: Element) -> Values {
        let same_bits: Vec<B> = stored.into_iter().map(cast).collect();
        self.typed(&same_bits, element)
    }

    fn typed<T: Stored>(&self, stored: &[T], element: Element) -> Values {
        let mask = T::mask(&self.rule);
        if element == Element::F32 && self.is_plain() {
            return Values::F32(mask.dispatch(Cast { stored, missing: f32::NAN, to: T::to_f32 }));
        }
        let (packing, limits) = (self.packing, self.valid_unpacked);
        let values = match packing {
            None => mask.dispatch(Cast { stored, missing: f64::NAN, to: T::to_f64 }),
            Some(Packing { scale, offset }) if limits == Limits { low: None, high: None } => {
                mask.dispatch(Cast { stored, missing: f64::NAN, to: |v: T| v.to_f64() * scale + offset })
            }
            Some(Packing { scale, offset }) => {
                let low = limits.low.unwrap_or(f64::NEG_INFINITY);
                let high = limits.high.unwrap_or(f64::INFINITY);
                let to = |v: T| {
                    let v = v.to_f64() * scale + offset;
                    if v < low || v > high {
                        f64::NAN
                    } else {
                        v
                    }
                };
                mask.dispatch(Cast { stored, missing: f64::NAN, to })
            }
        };
        Values::F64(match self.conversion {
            None => values,
            Some(conversion) => values.into_iter().map(|v| conversion.apply(v)).collect(),
        })
    }
}

/// Casts what is not missing.
struct Cast<'a, T, F, C> {
    stored: &'a [T],
    missing: F,
    to: C,
}

impl<T: Stored, F: Copy, C: Fn(T) -> F> Visit<T> for Cast<'_, T, F, C> {
    type Out = Vec<F>;
    fn run(self, missing: impl Fn(T) -> bool) -> Vec<F> {
        self.stored.iter().map(|&v| if missing(v) { self.missing } else { (self.to)(v) }).collect()
    }
}

/// Masks values of the wanted type where they are.
struct InPlace<T>(Vec<T>);

impl Visit<f32> for InPlace<f32> {
    type Out = Vec<f32>;
    fn run(mut self, missing: impl Fn(f32) -> bool) -> Vec<f32> {
        self.0.iter_mut().for_each(|v| *v = if missing(*v) { f32::NAN } else { *v });
        self.0
    }
}
impl Visit<f64> for InPlace<f64> {
    type Out = Vec<f64>;
    fn run(mut self, missing: impl Fn(f64) -> bool) -> Vec<f64> {
        self.0.iter_mut().for_each(|v| *v = if missing(*v) { f64::NAN } else { *v });
        self.0
    }
}
