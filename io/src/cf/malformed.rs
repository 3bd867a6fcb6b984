//! Attributes that decoding needs and that can't be followed.
//!
//! To pass over one would give wrong numbers without a word: a variable that has one is refused
//! when its values are asked for.

use super::rules::{RawAttribute, RawValue};
use halocline_core::meta::DType;
use halocline_core::Error;

/// Attributes of exactly so many numbers.
const COUNTED: [(&str, usize); 5] =
    [("scale_factor", 1), ("add_offset", 1), ("valid_range", 2), ("valid_min", 1), ("valid_max", 1)];
/// Attributes of numbers.
const NUMERIC: [&str; 2] = ["missing_value", "_FillValue"];

/// What is wrong with the attributes of the variable `name`, by which its values are decoded.
pub(crate) fn malformed(
    name: &str,
    dtype: DType,
    get: impl Fn(&str) -> Option<RawAttribute>,
) -> Option<Error> {
    if !dtype.is_numeric() {
        return None;
    }
    let counted = COUNTED.iter().map(|&(attribute, count)| (attribute, Some(count)));
    let all = counted.chain(NUMERIC.map(|attribute| (attribute, None)));
    let wrong = |(attribute, count)| Some((attribute, problem(attribute, count, &get(attribute)?)?));
    let (attribute, what) = { all }.find_map(wrong)?;
    Some(Error::data(format!("its attribute `{attribute}` {what}")).in_variable(name).remedy(format!(
        "correct the attribute, or delete it if it has no meaning: `ncatted -a {attribute},{name},d,,`"
    )))
}

fn problem(attribute: &str, count: Option<usize>, value: &RawAttribute) -> Option<String> {
    let numbers = match value {
        RawAttribute::Numbers(numbers) => numbers,
        RawAttribute::Text(text) => {
            return Some(format!("is the text \"{}\", where numbers belong", text.escape_debug()));
        }
        RawAttribute::Unreadable => return Some("cannot be read as numbers".to_owned()),
    };
    let many = |n: usize| format!("{n} value{}", if n == 1 { "" } else { "s" });
    if let Some(count) = count.filter(|&c| c != numbers.len()) {
        return Some(format!("has {}, not {count}", many(numbers.len())));
    }
    let value = numbers.first().copied().map_or(0.0, RawValue::as_f64);
    match attribute {
        "scale_factor" | "add_offset" if !value.is_finite() => Some(format!("is {value}, not a number")),
        "scale_factor" if value == 0.0 => Some("is 0, which makes all values the same".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(attribute: &str, value: &RawAttribute) -> Option<String> {
        malformed("t", DType::I16, |n| (n == attribute).then(|| value.clone())).map(|e| e.to_string())
    }
    fn numbers(values: &[f64]) -> RawAttribute {
        RawAttribute::Numbers(values.iter().map(|&v| RawValue::Double(v)).collect())
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        let text = || RawAttribute::Text("-888".into());
        let nan = f64::NAN;
        for (attribute, value, words) in [
            ("scale_factor", text(), "is the text \"-888\""),
            ("scale_factor", numbers(&[2.0, 3.0]), "has 2 values, not 1"),
            ("scale_factor", numbers(&[]), "has 0 values, not 1"),
            ("scale_factor", numbers(&[0.0]), "is 0"),
            ("scale_factor", numbers(&[nan]), "is NaN"),
            ("add_offset", numbers(&[f64::INFINITY]), "is inf"),
            ("add_offset", text(), "is the text"),
            ("add_offset", RawAttribute::Unreadable, "cannot be read"),
            ("valid_range", numbers(&[1.0, 2.0, 3.0]), "has 3 values, not 2"),
            ("valid_range", numbers(&[1.0]), "has 1 value, not 2"),
            ("valid_range", text(), "is the text"),
            ("valid_min", numbers(&[1.0, 2.0]), "has 2 values, not 1"),
            ("valid_max", text(), "is the text"),
            ("missing_value", text(), "is the text"),
            ("_FillValue", text(), "is the text"),
        ] {
            let text = said(attribute, &value).expect(attribute);
            assert!(text.contains(words) && text.contains(&format!("attribute `{attribute}`")), "{text}");
            assert!(text.contains(&format!("`ncatted -a {attribute},t,d,,`")), "{text}");
        }
    }

    #[test]
    fn what_is_well_formed_or_no_concern_of_decoding_is_not() {
        for (attribute, value) in [
            ("scale_factor", numbers(&[-0.5])),
            ("add_offset", numbers(&[0.0])),
            ("valid_range", numbers(&[-100.0, 100.0])),
            ("missing_value", numbers(&[1.0, f64::NAN])),
            ("_FillValue", numbers(&[f64::NAN])),
            ("units", RawAttribute::Text("K".into())),
        ] {
            assert_eq!(said(attribute, &value), None, "{attribute}");
        }
        assert!(malformed("t", DType::Char, |_| Some(RawAttribute::Text("-".into()))).is_none());
    }
}
