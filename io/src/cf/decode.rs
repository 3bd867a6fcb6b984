//! Stored values to numbers: mask, unpack, widen.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller

use super::mask::{Rule, Stored, Visit};
use super::units::Conversion;
use crate::stored::StoredValues;
use halocline_core::meta::{DType, Values};
use pulp::{Arch, NullaryFnOnce};
use serde::{Deserialize, Serialize};
use std::any::TypeId;

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

    /// The stored type.
    pub(crate) const fn stored(&self) -> DType {
        self.stored
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
        // Values of the wanted type that need no arithmetic stay where they are.
        let stored = match (stored, element) {
            (StoredValues::F32(mut v), Element::F32) => match self.convert::<f32, f32>().in_place {
                Some(mask) => {
                    mask(&mut v);
                    return Values::F32(v);
                }
                None => StoredValues::F32(v),
            },
            (StoredValues::F64(mut v), Element::F64) => match self.convert::<f64, f64>().in_place {
                Some(mask) => {
                    mask(&mut v);
                    return Values::F64(v);
                }
                None => StoredValues::F64(v),
            },
            (stored, _) => stored,
        };
        let (dtype, bytes) = (stored.dtype(), stored.bytes());
        match element {
            Element::F32 => Values::F32(self.as_stored(dtype, Whole { bytes }).unwrap_or_default()),
            Element::F64 => Values::F64(self.as_stored(dtype, Whole { bytes }).unwrap_or_default()),
        }
    }

    /// Runs `work` with the conversion from the stored type; `None` if the variable holds no
    /// numbers. `T` is at least as wide as [`Self::element`].
    pub(crate) fn run<T: Number, W: Work<T>>(&self, work: W) -> Option<W::Out> {
        self.as_stored(self.stored, work)
    }

    fn as_stored<T: Number, W: Work<T>>(&self, dtype: DType, work: W) -> Option<W::Out> {
        Some(match (dtype, self.signed) {
            (DType::I8, Some(false)) | (DType::U8, None | Some(false)) => work.run(self.convert::<u8, T>()),
            (DType::U8, Some(true)) | (DType::I8, _) => work.run(self.convert::<i8, T>()),
            (DType::I16, Some(false)) | (DType::U16, None | Some(false)) => {
                work.run(self.convert::<u16, T>())
            }
            (DType::U16, Some(true)) | (DType::I16, _) => work.run(self.convert::<i16, T>()),
            (DType::I32, Some(false)) | (DType::U32, None | Some(false)) => {
                work.run(self.convert::<u32, T>())
            }
            (DType::U32, Some(true)) | (DType::I32, _) => work.run(self.convert::<i32, T>()),
            (DType::I64, Some(false)) | (DType::U64, None | Some(false)) => {
                work.run(self.convert::<u64, T>())
            }
            (DType::U64, Some(true)) | (DType::I64, _) => work.run(self.convert::<i64, T>()),
            (DType::F32, _) => work.run(self.convert::<f32, T>()),
            (DType::F64, _) => work.run(self.convert::<f64, T>()),
            (DType::Char | DType::String | DType::Other, _) => return None,
        })
    }

    /// Whether nothing is computed.
    const fn is_plain(&self) -> bool {
        self.packing.is_none() && self.conversion.is_none()
    }

    fn convert<S: Stored, T: Number>(&self) -> Convert<S, T> {
        let same = TypeId::of::<S>() == TypeId::of::<T>();
        let in_place = (same && self.is_plain()).then(|| T::mask(&self.rule).dispatch(InPlace));
        let mask = S::mask(&self.rule);
        let cast: Cast<S, T> = match self.packing {
            None => mask.dispatch(Casting(T::from_stored)),
            Some(Packing { scale, offset }) if self.valid_unpacked == Limits { low: None, high: None } => {
                mask.dispatch(Casting(move |v: S| T::from_f64(v.to_f64() * scale + offset)))
            }
            Some(Packing { scale, offset }) => {
                let low = self.valid_unpacked.low.unwrap_or(f64::NEG_INFINITY);
                let high = self.valid_unpacked.high.unwrap_or(f64::INFINITY);
                mask.dispatch(Casting(move |v: S| {
                    let v = v.to_f64() * scale + offset;
                    T::from_f64(if v < low || v > high { f64::NAN } else { v })
                }))
            }
        };
        let cast = match self.conversion {
            None => cast,
            Some(conversion) => Box::new(move |stored: &[S], out: &mut [T]| {
                cast(stored, out);
                out.iter_mut().for_each(|v| *v = T::from_f64(conversion.apply(v.to_f64())));
            }),
        };
        Convert { in_place, cast }
    }
}

/// A type of decoded values.
pub(crate) trait Number: Stored {
    /// Missing.
    const MISSING: Self;
    /// The stored value, exactly where [`Decode::element`] is heeded.
    fn from_stored<S: Stored>(value: S) -> Self;
    /// The nearest to a double.
    fn from_f64(value: f64) -> Self;
    /// [`Self::MISSING`] if it is missing. In bits that are set and cleared, since a choice between
    /// two values becomes a blend or a masked store, many times slower on some processors.
    fn blank_if(self, missing: bool) -> Self;
}
impl Number for f32 {
    const MISSING: Self = Self::NAN;
    #[inline(always)]
    fn blank_if(self, missing: bool) -> Self {
        let nan = Self::MISSING.to_bits();
        let (set, clear) = if missing { (nan, !nan) } else { (0, 0) };
        Self::from_bits((self.to_bits() | set) & !clear)
    }
    fn from_stored<S: Stored>(value: S) -> Self {
        value.to_f32()
    }
    fn from_f64(value: f64) -> Self {
        value as Self
    }
}
impl Number for f64 {
    const MISSING: Self = Self::NAN;
    #[inline(always)]
    fn blank_if(self, missing: bool) -> Self {
        let nan = Self::MISSING.to_bits();
        let (set, clear) = if missing { (nan, !nan) } else { (0, 0) };
        Self::from_bits((self.to_bits() | set) & !clear)
    }
    fn from_stored<S: Stored>(value: S) -> Self {
        value.to_f64()
    }
    fn from_f64(value: f64) -> Self {
        value
    }
}

/// Masks values where they are.
pub(crate) type Masking<T> = Box<dyn Fn(&mut [T]) + Send + Sync>;
/// Masks and computes values, from one slice to another of the same length.
pub(crate) type Cast<S, T> = Box<dyn Fn(&[S], &mut [T]) + Send + Sync>;

/// The conversion of one stored type to one type of decoded values, by the slice: one call each
/// for many values, so that the loops inside are compiled for the rule at hand.
pub(crate) struct Convert<S, T> {
    /// For values that are stored in the wanted type and need no arithmetic.
    pub(crate) in_place: Option<Masking<T>>,
    /// For any.
    pub(crate) cast: Cast<S, T>,
}

/// Work over values in their stored type, whichever that is.
pub(crate) trait Work<T> {
    /// What comes of it.
    type Out;
    /// Does it.
    fn run<S: Stored>(self, convert: Convert<S, T>) -> Self::Out;
}

/// Decodes values that lie together.
struct Whole<'a> {
    /// Aligned for their type.
    bytes: &'a [u8],
}

impl<T: Number> Work<T> for Whole<'_> {
    type Out = Vec<T>;
    fn run<S: Stored>(self, convert: Convert<S, T>) -> Vec<T> {
        let stored: &[S] = bytemuck::cast_slice(self.bytes);
        let mut out = vec![T::MISSING; stored.len()];
        (convert.cast)(stored, &mut out);
        out
    }
}

/// Casts what is not missing.
struct Casting<C>(C);

impl<S: Stored, T: Number, C: Fn(S) -> T + Send + Sync + 'static> Visit<S> for Casting<C> {
    type Out = Cast<S, T>;
    fn run(self, missing: impl Fn(S) -> bool + Send + Sync + 'static) -> Cast<S, T> {
        Box::new(move |stored, out| {
            for (out, &v) in out.iter_mut().zip(stored) {
                *out = if missing(v) { T::MISSING } else { (self.0)(v) };
            }
        })
    }
}

/// Masks values of the wanted type where they are.
struct InPlace;

impl<T: Number> Visit<T> for InPlace {
    type Out = Masking<T>;
    fn run(self, missing: impl Fn(T) -> bool + Send + Sync + 'static) -> Masking<T> {
        let arch = Arch::new();
        Box::new(move |values| arch.dispatch(Blank { values, missing: &missing }))
    }
}

/// Puts NaN where values are missing, compiled for the vectors there are. A closure would not do:
/// what is dispatched must be inlined.
struct Blank<'a, T, M> {
    values: &'a mut [T],
    missing: &'a M,
}

impl<T: Number, M: Fn(T) -> bool> NullaryFnOnce for Blank<'_, T, M> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        for v in self.values {
            *v = v.blank_if((self.missing)(*v));
        }
    }
}
