//! From a variable's attributes to the rule by which its values are decoded.
//!
//! # What counts as missing
//! - `_FillValue` and every value of `missing_value`, taken as the stored type. A double on single
//!   data is rounded to single first (`1e20` written by a careless tool still matches). On
//!   integers, what the type can't hold (NaN, `1e20`, a fraction) matches nothing.
//! - What lies outside `valid_range`, or else `valid_min` and `valid_max`. They are given in the
//!   stored type, that is: of packed data in packed units (CF section 8.1). Only if they are
//!   floating-point numbers on packed *integers* can't they be meant so: then they are in unpacked
//!   units, as the NetCDF User Guide says, with half a packing step of tolerance.
//! - Where no `_FillValue` is declared, the default fill value of the type (not of bytes, and not
//!   if the variable was written without filling): it marks what was never written.
//! - NaN, always.
//!
//! # Packing
//! Unpacked value = stored × `scale_factor` + `add_offset`, both widened exactly to double. A
//! scale of one with an offset of zero is no packing. `_Unsigned = "true"` reads signed integers
//! as unsigned ones of the same bits ("false" the reverse).

use super::decode::{Decode, Limits, Packing};
use super::mask::Rule;
use halocline_core::meta::DType;

/// A number of an attribute in the type it has in the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum RawValue {
    /// Any integer.
    Integer(i128),
    /// Single precision.
    Single(f32),
    /// Double precision.
    Double(f64),
}

impl RawValue {
    /// Widened.
    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Self::Integer(v) => v as f64,
            Self::Single(v) => f64::from(v),
            Self::Double(v) => v,
        }
    }
    const fn is_float(self) -> bool {
        matches!(self, Self::Single(_) | Self::Double(_))
    }
    /// The whole number it is, if it is one.
    fn whole(self) -> Option<i128> {
        if let Self::Integer(v) = self {
            return Some(v);
        }
        let v = self.as_f64();
        (v.fract() == 0.0 && v.abs() < 2f64.powi(96)).then_some(v as i128)
    }
}

/// A numeric or text attribute as decoding needs it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RawAttribute {
    /// Numbers.
    Numbers(Vec<RawValue>),
    /// Text.
    Text(String),
    /// Of a type that is neither, or damaged.
    Unreadable,
}

/// Bits and signedness of an integer type.
const fn integer(dtype: DType) -> Option<(u32, bool)> {
    Some(match dtype {
        DType::I8 => (8, true),
        DType::U8 => (8, false),
        DType::I16 => (16, true),
        DType::U16 => (16, false),
        DType::I32 => (32, true),
        DType::U32 => (32, false),
        DType::I64 => (64, true),
        DType::U64 => (64, false),
        _ => return None,
    })
}

/// Bits of a type of integers, whether they are read as signed, and whether that is how they are
/// stored.
type Kind = (u32, bool, bool);

/// The integer of another signedness with the same bits, or the value itself if it is one of the
/// wanted type already.
///
/// Where nothing says that signs are to be read otherwise than stored (`as_stored`), a signed
/// variable's attribute that its type can't hold is of a wider type, and stays what it is: no
/// value equals it.
fn same_bits(v: i128, (bits, signed, as_stored): Kind) -> Option<i128> {
    let (modulus, half) = (1i128 << bits, 1i128 << (bits - 1));
    let v = if signed && v >= half && !as_stored {
        v - modulus
    } else if !signed && v < 0 {
        v + modulus
    } else {
        v
    };
    let (low, high) = if signed { (-half, half) } else { (0, modulus) };
    (low..high).contains(&v).then_some(v)
}

/// The rule for a variable of type `dtype` whose attributes `get` gives; `filled`: unwritten
/// values hold the type's default fill value.
pub(crate) fn rule(dtype: DType, filled: bool, get: impl Fn(&str) -> Option<RawAttribute>) -> Decode {
    let numbers = |name: &str| match get(name) {
        Some(RawAttribute::Numbers(v)) => v,
        _ => Vec::new(),
    };
    let first = |name: &str| numbers(name).first().copied();
    let signed = match (integer(dtype), get("_Unsigned")) {
        (Some((_, signed)), Some(RawAttribute::Text(t))) => match t.trim().to_ascii_lowercase().as_str() {
            "true" => Some(false),
            "false" => Some(true),
            _ => Some(signed),
        },
        (Some((_, signed)), _) => Some(signed),
        (None, _) => None,
    };
    let packing = packing(first("scale_factor"), first("add_offset"));
    let mut missing = numbers("missing_value");
    missing.extend(first("_FillValue"));
    let (low, high) = match numbers("valid_range").as_slice() {
        [low, high] => (Some(*low), Some(*high)),
        _ => (first("valid_min"), first("valid_max")),
    };
    let unpacked = packing.is_some() && signed.is_some();
    // Limits in unpacked units leave the stored ones.
    let (low_unpacked, low) = low.map_or((None, None), |v| split(v, unpacked));
    let (high_unpacked, high) = high.map_or((None, None), |v| split(v, unpacked));
    let slack = packing.map_or(0.0, |p| p.scale.abs() / 2.0);
    let valid_unpacked =
        Limits { low: low_unpacked.map(|v: f64| v - slack), high: high_unpacked.map(|v: f64| v + slack) };
    let declared = get("_FillValue").is_some();
    let default = if declared || !filled { None } else { default_fill(dtype) };
    let rule = if let (Some((bits, _)), Some(signed)) = (integer(dtype), signed) {
        let kind = (bits, signed, get("_Unsigned").is_none());
        let cast = |v: RawValue| v.whole().and_then(|v| same_bits(v, kind));
        let limit = |v: Option<RawValue>, upper| v.and_then(|v| bound(v, kind, upper));
        let list = missing.into_iter().chain(default).filter_map(cast).collect();
        Rule::integers(list, limit(low, false), limit(high, true))
    } else {
        let cast = |v: RawValue| match (dtype, v) {
            (DType::F32, RawValue::Single(v)) => f64::from(v),
            (DType::F32, v) => f64::from(v.as_f64() as f32),
            (_, v) => v.as_f64(),
        };
        let list = missing.into_iter().chain(default).map(cast).collect();
        Rule::floats(list, low.map(cast), high.map(cast))
    };
    Decode::new(dtype, signed, rule, packing, valid_unpacked)
}

/// A limit: in unpacked units, or in stored ones.
fn split(v: RawValue, packed_integers: bool) -> (Option<f64>, Option<RawValue>) {
    if packed_integers && v.is_float() {
        (Some(v.as_f64()).filter(|v| !v.is_nan()), None)
    } else {
        (None, Some(v))
    }
}

/// A limit of integers as one that the type can hold: a fraction is rounded inwards.
fn bound(v: RawValue, kind: Kind, upper: bool) -> Option<i128> {
    match v {
        RawValue::Integer(v) => Some(same_bits(v, kind).unwrap_or(v)),
        _ if v.as_f64().is_nan() => None,
        _ if upper => Some(v.as_f64().floor() as i128),
        _ => Some(v.as_f64().ceil() as i128),
    }
}

fn packing(scale: Option<RawValue>, offset: Option<RawValue>) -> Option<Packing> {
    let packing =
        Packing { scale: scale.map_or(1.0, RawValue::as_f64), offset: offset.map_or(0.0, RawValue::as_f64) };
    (packing != Packing { scale: 1.0, offset: 0.0 }).then_some(packing)
}

/// What the NetCDF library writes where nobody wrote.
fn default_fill(dtype: DType) -> Option<RawValue> {
    Some(match dtype {
        DType::I16 => RawValue::Integer(-32_767),
        DType::U16 => RawValue::Integer(65_535),
        DType::I32 => RawValue::Integer(-2_147_483_647),
        DType::U32 => RawValue::Integer(4_294_967_295),
        DType::I64 => RawValue::Integer(-9_223_372_036_854_775_806),
        DType::U64 => RawValue::Integer(18_446_744_073_709_551_614),
        // 2^122 × 1.875: exact in both.
        DType::F32 => RawValue::Single(9.969_21e36),
        DType::F64 => RawValue::Double(9.969_209_968_386_869e36),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cf::Element;
    use crate::stored::StoredValues;
    use halocline_core::meta::Values;

    type Attribute = (&'static str, RawAttribute);
    fn n(v: RawValue) -> RawAttribute {
        RawAttribute::Numbers(vec![v])
    }
    fn i(v: i128) -> RawAttribute {
        n(RawValue::Integer(v))
    }
    fn d(v: f64) -> RawAttribute {
        n(RawValue::Double(v))
    }
    fn decode(stored: StoredValues, attributes: &[Attribute]) -> Vec<f64> {
        let rule = rule(stored.dtype(), true, |name| {
            attributes.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone())
        });
        rule.decode(stored, rule.element()).to_f64()
    }
    /// Values, with missing ones as -1.
    fn shown(values: &[f64]) -> Vec<f64> {
        values.iter().map(|v| if v.is_nan() { -1.0 } else { *v }).collect()
    }

    #[test]
    fn packed_values_are_masked_before_they_are_unpacked() {
        let range = RawAttribute::Numbers(vec![RawValue::Integer(-30_000), RawValue::Integer(30_000)]);
        let got = decode(
            StoredValues::I16(vec![-32_768, -30_001, -30_000, 0, 30_000, 30_001, 32_767, 1]),
            &[
                ("_FillValue", i(-32_768)),
                ("scale_factor", d(0.01)),
                ("add_offset", d(273.15)),
                ("valid_range", range),
            ],
        );
        let expected = [
            -1.0,
            -1.0,
            -30_000.0 * 0.01 + 273.15,
            273.15,
            30_000.0 * 0.01 + 273.15,
            -1.0,
            -1.0,
            0.01 + 273.15,
        ];
        assert_eq!(shown(&got), expected);
    }

    #[test]
    fn unsigned_bytes() {
        let stored = StoredValues::I8(vec![0, 127, -128, -1]);
        let truth = [("_Unsigned", RawAttribute::Text("true".into()))];
        assert_eq!(decode(stored.clone(), &truth), [0.0, 127.0, 128.0, 255.0]);
        let with_fill = [truth[0].clone(), ("_FillValue", i(-1)), ("valid_max", i(127))];
        assert_eq!(shown(&decode(stored, &with_fill)), [0.0, 127.0, -1.0, -1.0]);
        let back = [("_Unsigned", RawAttribute::Text("false".into()))];
        assert_eq!(decode(StoredValues::U8(vec![255, 1]), &back), [-1.0, 1.0]);
    }

    #[test]
    fn a_double_attribute_on_single_data_matches() {
        let got = decode(StoredValues::F32(vec![1e20, 1.0]), &[("missing_value", d(1e20))]);
        assert_eq!(shown(&got), [-1.0, 1.0]);
        // A missing value that is not the fill value, which is NaN.
        let six = n(RawValue::Single(-9.96921e36));
        let got = decode(
            StoredValues::F32(vec![-9.96921e36, f32::NAN, 2.0]),
            &[("missing_value", six), ("_FillValue", d(f64::NAN))],
        );
        assert_eq!(shown(&got), [-1.0, -1.0, 2.0]);
    }

    #[test]
    fn the_default_fill_value_is_missing_unless_another_is_declared() {
        let fill = f32::from_bits(0x7CF0_0000);
        assert_eq!(shown(&decode(StoredValues::F32(vec![fill, 1.0]), &[])), [-1.0, 1.0]);
        assert_eq!(decode(StoredValues::F32(vec![fill]), &[("_FillValue", d(1e20))]), [f64::from(fill)]);
        assert_eq!(shown(&decode(StoredValues::F64(vec![f64::from(fill)]), &[])), [-1.0]);
        assert_eq!(decode(StoredValues::I8(vec![-127]), &[]), [-127.0]);
        assert_eq!(shown(&decode(StoredValues::I16(vec![-32_767, 3]), &[])), [-1.0, 3.0]);
        assert_eq!(shown(&decode(StoredValues::U64(vec![u64::MAX - 1, 3]), &[])), [-1.0, 3.0]);
    }

    #[test]
    fn an_attribute_wider_than_its_variable_is_not_folded_back() {
        // 40000 has the bits of -25536, which is a value.
        let stored = || StoredValues::I16(vec![-25_536, 7, 30_000]);
        assert_eq!(shown(&decode(stored(), &[("missing_value", i(40_000))])), [-25_536.0, 7.0, 30_000.0]);
        assert_eq!(shown(&decode(stored(), &[("valid_max", i(40_000))])), [-25_536.0, 7.0, 30_000.0]);
        let unsigned = ("_Unsigned", RawAttribute::Text("true".into()));
        assert_eq!(
            shown(&decode(stored(), &[("missing_value", i(40_000)), unsigned])),
            [-1.0, 7.0, 30_000.0]
        );
    }

    #[test]
    fn what_integers_cannot_hold_matches_nothing() {
        for odd in [d(f64::NAN), d(1e20), d(0.5), i(1 << 40)] {
            assert_eq!(decode(StoredValues::I16(vec![0, -1, 5]), &[("_FillValue", odd)]), [0.0, -1.0, 5.0]);
        }
        assert_eq!(
            shown(&decode(StoredValues::I16(vec![-999, 5]), &[("missing_value", d(-999.0))])),
            [-1.0, 5.0]
        );
    }

    #[test]
    fn floating_limits_of_packed_integers_are_unpacked() {
        let range = RawAttribute::Numbers(vec![RawValue::Single(185.16), RawValue::Single(331.16)]);
        let got = decode(
            StoredValues::I16(vec![-32_766, -32_765, -18_165, -18_164]),
            &[("scale_factor", d(0.01)), ("add_offset", d(512.81)), ("valid_range", range)],
        );
        assert!(got[0].is_nan() && got[1].is_finite() && got[2].is_finite() && got[3].is_nan(), "{got:?}");
    }

    #[test]
    fn several_missing_values_and_infinities() {
        let several = RawAttribute::Numbers([1.0, 2.0, 3.0].map(RawValue::Double).to_vec());
        let got =
            decode(StoredValues::F64(vec![1.0, 2.0, 3.0, 4.0, f64::INFINITY]), &[("missing_value", several)]);
        assert_eq!(shown(&got), [-1.0, -1.0, -1.0, 4.0, f64::INFINITY]);
    }

    #[test]
    fn small_types_stay_single_and_one_is_no_scale() {
        let element = |dtype, attributes: &[Attribute]| {
            rule(dtype, true, |n| attributes.iter().find(|(a, _)| *a == n).map(|(_, v)| v.clone())).element()
        };
        assert_eq!(element(DType::I16, &[]), Element::F32);
        assert_eq!(element(DType::I32, &[]), Element::F64);
        assert_eq!(element(DType::I16, &[("add_offset", d(1.0))]), Element::F64);
        assert_eq!(element(DType::F32, &[("scale_factor", d(1.0)), ("add_offset", d(0.0))]), Element::F32);
        let r = rule(DType::F32, true, |_| None);
        assert_eq!(r.decode(StoredValues::F32(vec![1.5]), Element::F32), Values::F32(vec![1.5]));
    }
}
