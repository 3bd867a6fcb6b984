//! Units of what is made of values.

/// Whether units are degrees Celsius.
pub fn is_celsius(units: &str) -> bool {
    let names =
        ["degc", "celsius", "degree_celsius", "degrees_celsius", "deg_c", "degree_c", "degrees_c", "°c", "c"];
    names.contains(&units.trim().to_lowercase().replace(' ', "_").as_str())
}

/// Units of a difference: one of degrees Celsius is one of kelvins.
pub fn difference(units: &str) -> String {
    if is_celsius(units) {
        "K".to_owned()
    } else {
        units.to_owned()
    }
}

/// Units of the square of a difference.
pub fn squared(units: &str) -> String {
    match difference(units).as_str() {
        "K" => "K2".to_owned(),
        "" => String::new(),
        "1" => "1".to_owned(),
        other => format!("({other})2"),
    }
}
