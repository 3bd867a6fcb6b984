//! How facts and numbers are written in a page.

use minijinja::{context, Value};

/// A name and what is to be said of it.
pub(super) fn fact(name: &str, text: &str) -> Value {
    context! { name, text }
}

/// A number with six significant digits, as short as these are.
pub(super) fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return value.to_string();
    }
    let short = |text: String| {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        }
    };
    // The exponent after rounding: 999999.7 is 1e6.
    let rounded = format!("{value:.5e}");
    let (mantissa, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..9).contains(&exponent) {
        return short(format!("{value:.*}", (5 - exponent).max(0) as usize));
    }
    format!("{}e{exponent}", short(mantissa.to_owned()))
}

/// The page without characters that change how others are read: control characters, and those that
/// turn the direction of text. Names and attributes of files may hold any.
pub(super) fn harmless(page: &str) -> String {
    let odd = |c: char| {
        c.is_control() && c != '\n' && c != '\t'
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    page.chars().map(|c| if odd(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_six_digits_and_no_more() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (273.149_99, "273.15"),
            (0.000_123_456_78, "0.000123457"),
            (1.234_567_89e-7, "1.23457e-7"),
            (999_999.7, "1000000"),
            (123_456_789.0, "123456789"),
            (1e20, "1e20"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn text_can_not_be_turned_around() {
        assert_eq!(harmless("a\u{202e}b\u{0}c\nd\te"), "a\u{fffd}b\u{fffd}c\nd\te");
    }
}
