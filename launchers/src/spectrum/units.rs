//! Units of spectra.

use super::frame::FREQUENCY;
use crate::cf;
use halocline_algorithms::statistics::Quantity;
use halocline_core::meta::{Attributes, DType};
use halocline_io::output::VariableSpec;

/// Units of a power spectrum of something in `units`: their square, per frequency if it is a density.
pub(super) fn power(units: Option<&str>, is_density: bool, period: &str) -> Option<String> {
    let mut squared = Attributes::new().with("units", units?);
    cf::set_units(&mut squared, Quantity::Var);
    Some(per_frequency(squared.text("units").unwrap_or_default(), is_density, period))
}

/// Units of a cross-spectrum.
pub(super) fn cross(x: Option<&str>, y: Option<&str>, is_density: bool, period: &str) -> Option<String> {
    let (x, y) = (cf::difference(x?), cf::difference(y?));
    if x == y {
        return power(Some(&x), is_density, period);
    }
    let product = match (x.as_str(), y.as_str()) {
        ("1" | "", other) | (other, "1" | "") => other.to_owned(),
        (x, y) => format!("{x} {}", factor(y)),
    };
    Some(per_frequency(&product, is_density, period))
}

/// Units of the response of y to x.
pub(super) fn gain(x: Option<&str>, y: Option<&str>) -> Option<String> {
    let (x, y) = (cf::difference(x?), cf::difference(y?));
    Some(match (x.as_str(), y.as_str()) {
        (x, y) if x == y => "1".to_owned(),
        ("1" | "", y) => y.to_owned(),
        (x, "1" | "") => format!("{}-1", factor(x)),
        (x, y) => format!("{y} {}-1", factor(x)),
    })
}

/// In parentheses where it is made of several.
fn factor(units: &str) -> String {
    if units.contains([' ', '/', '.', '*', '^']) || units.ends_with(|c: char| c.is_ascii_digit()) {
        format!("({units})")
    } else {
        units.to_owned()
    }
}

fn per_frequency(units: &str, is_density: bool, period: &str) -> String {
    match (units, is_density) {
        (units, false) => units.to_owned(),
        ("1" | "", true) => period.to_owned(),
        (units, true) => format!("{units} {period}"),
    }
}

/// The degrees of freedom at each frequency.
pub(super) fn degrees_of_freedom(is_averaged: bool) -> VariableSpec {
    let mut attributes = Attributes::new()
        .with("long_name", "degrees of freedom of the spectrum of one series")
        .with("units", "1")
        .with("comment", "2 K / (1 + 2 sum (1 - j/K) rho_j) for K segments that overlap (Welch 1967)");
    if is_averaged {
        attributes.set(
            "comment",
            "2 K / (1 + 2 sum (1 - j/K) rho_j) for K segments that overlap (Welch 1967); the average over space has as many at least",
        );
    }
    VariableSpec::data("degrees_of_freedom", [FREQUENCY], DType::F64).attributes(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_spectra() {
        let of = |units| power(Some(units), true, "day").unwrap_or_default();
        assert_eq!((of("K").as_str(), of("degC").as_str(), of("1").as_str()), ("K2 day", "K2 day", "day"));
        assert_eq!(of("m s-1"), "(m s-1)2 day");
        assert_eq!(power(Some("Pa"), false, "day").as_deref(), Some("(Pa)2"));
        assert_eq!(power(None, true, "day"), None);
        assert_eq!(cross(Some("K"), Some("m s-1"), true, "year").as_deref(), Some("K (m s-1) year"));
        assert_eq!(cross(Some("K"), Some("1"), false, "year").as_deref(), Some("K"));
        assert_eq!(cross(Some("m s-1"), Some("m s-1"), true, "day").as_deref(), Some("(m s-1)2 day"));
        assert_eq!(gain(Some("degC"), Some("m s-1")).as_deref(), Some("m s-1 K-1"));
        assert_eq!(gain(Some("m s-1"), Some("m s-1")).as_deref(), Some("1"));
        assert_eq!(gain(Some("m s-1"), Some("1")).as_deref(), Some("(m s-1)-1"));
    }
}
