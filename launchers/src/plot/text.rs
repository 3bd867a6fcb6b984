//! Fonts of the pictures, widths of text, and units as a printer sets them.

use halocline_core::{Error, Result};
use ttf_parser::Face;

static REGULAR: &[u8] = include_bytes!("../../assets/NotoSans-Regular.ttf");
static BOLD: &[u8] = include_bytes!("../../assets/NotoSans-Bold.ttf");

/// The two faces that are embedded.
pub(super) struct Fonts {
    regular: Face<'static>,
    bold: Face<'static>,
}

impl Fonts {
    pub(super) fn new() -> Result<Self> {
        let face = |bytes| Face::parse(bytes, 0).map_err(|e| Error::internal(format!("embedded font: {e}")));
        Ok(Self { regular: face(REGULAR)?, bold: face(BOLD)? })
    }

    pub(super) fn face(&self, bold: bool) -> &Face<'static> {
        if bold {
            &self.bold
        } else {
            &self.regular
        }
    }

    /// Width of `text` at a font size of `size` pixels.
    pub(super) fn width(&self, text: &str, bold: bool, size: f64) -> f64 {
        let face = self.face(bold);
        let units: f64 = text.chars().map(|c| f64::from(advance(face, c))).sum();
        units * size / f64::from(face.units_per_em())
    }
}

/// Advance of a character in font units; unknown characters take the replacement sign.
pub(super) fn advance(face: &Face<'_>, c: char) -> u16 {
    let glyph = face.glyph_index(c).or_else(|| face.glyph_index('\u{fffd}')).unwrap_or_default();
    face.glyph_hor_advance(glyph).unwrap_or(0)
}

/// A whole number in superscript digits.
pub(super) fn superscript(n: i32) -> String {
    n.to_string().chars().map(raised).collect()
}

fn raised(c: char) -> char {
    match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '0' | '4'..='9' => char::from_u32(0x2070 + c as u32 - '0' as u32).unwrap_or(c),
        _ => c,
    }
}

/// CF units as in print: `m s-1` becomes `m s⁻¹`, `degC` becomes `°C`.
pub(super) fn units(cf: &str) -> String {
    let word = |w: &str| match w {
        "1" | "none" | "dimensionless" => String::new(),
        "degC" | "deg_C" | "Celsius" | "celsius" | "degree_C" | "degrees_C" | "degree_Celsius" => {
            "°C".to_owned()
        }
        "K" | "kelvin" | "degK" | "degrees_K" => "K".to_owned(),
        "degree" | "degrees" => "°".to_owned(),
        _ => powers(w),
    };
    // The power of several together, as in `(m s-1)2 day`.
    if let Some((inner, rest)) = cf.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let power: String = rest[..rest.len() - after.len()].chars().map(raised).collect();
        return format!("({}){power} {}", units(inner), units(after)).trim_end().to_owned();
    }
    cf.split_whitespace().map(word).filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The label of an axis: set as units if it can be nothing else, else left alone ("PC 1").
pub(super) fn label(text: &str) -> String {
    let certain = |w: &str| {
        let symbol = w.trim_end_matches(|c: char| c.is_ascii_digit());
        let negative = symbol.len() < w.len() && symbol.ends_with('-') && powers(w) != w;
        negative || units(w) == "°C"
    };
    if text.split_whitespace().any(certain) && text.split_whitespace().all(|w| w.len() <= 8) {
        return units(text);
    }
    text.to_owned()
}

const UNITS: [&str; 14] = ["m", "km", "cm", "mm", "s", "d", "h", "K", "C", "kg", "Pa", "hPa", "mol", "PSU"];

/// Digits that end a unit symbol are its power: `m2`, `s-1`, `m**2`, `m^2`.
fn powers(word: &str) -> String {
    let symbol = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &word[symbol.len()..];
    let (symbol, negative) = symbol.strip_suffix('-').map_or((symbol, false), |s| (s, true));
    let symbol = symbol.strip_suffix("**").or_else(|| symbol.strip_suffix('^')).unwrap_or(symbol);
    // Without a sign only known units have powers: "CO2" is a substance.
    let is_unit = if negative {
        !symbol.is_empty() && symbol.len() <= 4 && symbol.chars().all(|c| c.is_alphabetic() || c == '/')
    } else {
        UNITS.contains(&symbol.trim_start_matches('/'))
    };
    if digits.is_empty() || digits.len() > 2 || !is_unit {
        return word.to_owned();
    }
    let sign = if negative { "⁻" } else { "" };
    format!("{symbol}{sign}{}", digits.chars().map(raised).collect::<String>())
}

/// Three digits that count.
pub(super) fn significant(v: f64) -> String {
    let digits = (2 - v.abs().log10().floor() as i32).clamp(0, 9) as usize;
    let text = format!("{v:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// Degrees of latitude or longitude, to a hundredth.
pub(super) fn degrees(v: f64) -> String {
    let text = format!("{v:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A share in percent, without what binary fractions add to it.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", (1e10 * share).round() / 1e8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        assert_eq!([0.012_345, 12.3, 1234.0, 0.5].map(significant), ["0.0123", "12.3", "1234", "0.5"]);
    }

    #[test]
    fn shares_are_decimal_numbers() {
        assert_eq!([0.95, 0.57, 0.999].map(percent), ["95 %", "57 %", "99.9 %"]);
    }

    #[test]
    fn units_are_set_as_in_print() {
        let pairs =
            [("m3 s-1", "m³ s⁻¹"), ("degC", "°C"), ("W m**-2", "W m⁻²"), ("1", ""), ("CO2 m-2", "CO2 m⁻²")];
        for (cf, print) in pairs {
            assert_eq!(units(cf), print);
        }
        assert_eq!(
            (units("(W m-2)2").as_str(), units("(m s-1)2 day").as_str()),
            ("(W m⁻²)²", "(m s⁻¹)² day")
        );
        assert_eq!(units("("), "(");
        assert_eq!(superscript(-12), "⁻¹²");
        assert_eq!(label("kg m-2 s-1"), "kg m⁻² s⁻¹");
        assert_eq!((label("PC 1"), label("degC")), ("PC 1".to_owned(), "°C".to_owned()));
    }

    #[test]
    fn every_sign_that_we_set_has_a_glyph() {
        let fonts = Fonts::new().unwrap();
        for c in "−°…×·⁻⁰¹²³⁴⁵⁶⁷⁸⁹ABCxyz0123456789αβμσ".chars() {
            assert!([false, true].iter().all(|&bold| fonts.face(bold).glyph_index(c).is_some()), "{c}");
        }
        assert!(fonts.width("wide", false, 20.0) > fonts.width("ill", false, 20.0));
    }
}
