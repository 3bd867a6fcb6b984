//! Units that files of one data set may differ in.

use serde::{Deserialize, Serialize};

/// Converted = value × factor + offset.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Conversion {
    factor: f64,
    offset: f64,
}

impl Conversion {
    /// The value in the other units.
    pub(crate) fn apply(self, value: f64) -> f64 {
        value * self.factor + self.offset
    }
}

/// A quantity; its base unit comes first in [`lookup`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Temperature,
    Length,
    Pressure,
}

/// Quantity, then the numerator and denominator of the factor to its base unit, then the offset:
/// fractions, so that cm to m divides by a whole number instead of multiplying by an inexact one.
fn lookup(units: &str) -> Option<(Quantity, f64, f64, f64)> {
    use Quantity::{Length, Pressure, Temperature};
    Some(match units.trim().to_ascii_lowercase().replace(['_', ' '], "").as_str() {
        "k" | "kelvin" | "kelvins" | "degk" | "degreek" | "degreesk" | "degreekelvin" | "degreeskelvin" => {
            (Temperature, 1.0, 1.0, 0.0)
        }
        "c" | "degc" | "celsius" | "degreec" | "degreesc" | "degreecelsius" | "degreescelsius" | "deg.c"
        | "°c" => (Temperature, 1.0, 1.0, 273.15),
        "m" | "meter" | "meters" | "metre" | "metres" => (Length, 1.0, 1.0, 0.0),
        "cm" | "centimeter" | "centimeters" | "centimetre" | "centimetres" => (Length, 1.0, 100.0, 0.0),
        "mm" | "millimeter" | "millimeters" | "millimetre" | "millimetres" => (Length, 1.0, 1000.0, 0.0),
        "km" | "kilometer" | "kilometers" | "kilometre" | "kilometres" => (Length, 1000.0, 1.0, 0.0),
        "pa" | "pascal" | "pascals" => (Pressure, 1.0, 1.0, 0.0),
        "hpa" | "hectopascal" | "hectopascals" | "mb" | "mbar" | "millibar" | "millibars" => {
            (Pressure, 100.0, 1.0, 0.0)
        }
        "kpa" => (Pressure, 1000.0, 1.0, 0.0),
        _ => return None,
    })
}

/// How values in units `from` become values in units `to`: `Ok(None)` if they mean the same,
/// `Err(())` if that is not known.
pub(crate) fn convert(from: Option<&str>, to: Option<&str>) -> Result<Option<Conversion>, ()> {
    let (Some(from), Some(to)) = (from, to) else {
        return if from == to { Ok(None) } else { Err(()) };
    };
    if from.trim() == to.trim() {
        return Ok(None);
    }
    let (a, b) = (lookup(from).ok_or(())?, lookup(to).ok_or(())?);
    if a.0 != b.0 {
        return Err(());
    }
    let factor = (a.1 * b.2) / (a.2 * b.1);
    let offset = (a.3 - b.3) / (b.1 / b.2);
    Ok((factor != 1.0 || offset != 0.0).then_some(Conversion { factor, offset }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temperatures_lengths_and_pressures() {
        let apply = |from, to, v| convert(Some(from), Some(to)).map(|c| c.map_or(v, |c| c.apply(v)));
        assert_eq!(apply("K", "degC", 273.15), Ok(0.0));
        assert_eq!(apply("degree_Celsius", "K", 0.0), Ok(273.15));
        assert_eq!(apply("degC", "deg C", 7.0), Ok(7.0));
        assert_eq!(apply("cm", "m", 300.0), Ok(3.0));
        assert_eq!(apply("km", "cm", 1.0), Ok(1e5));
        assert_eq!(apply("millibars", "Pa", 1013.0), Ok(101_300.0));
        assert_eq!(apply("K", "m", 1.0), Err(()));
        assert_eq!(apply("m s-1", "knots", 1.0), Err(()));
        assert_eq!(convert(None, None), Ok(None));
        assert_eq!(convert(None, Some("K")), Err(()));
    }
}
