//! Units of pressure.

/// What a pressure in these units is multiplied by to be in Pa; `None` if it is no pressure.
pub(crate) fn to_pascal(units: &str) -> Option<f64> {
    match units.trim().to_ascii_lowercase().as_str() {
        "pa" | "pascal" | "pascals" | "n m-2" => Some(1.0),
        "hpa" | "mb" | "mbar" | "millibar" | "millibars" | "hectopascal" | "hectopascals" => Some(100.0),
        "dbar" | "decibar" => Some(1e4),
        "bar" => Some(1e5),
        _ => None,
    }
}
