//! What CF calls results of statistics, and their units.

use halocline_algorithms::statistics::Quantity;
use halocline_core::meta::Attributes;

/// The word for it in `cell_methods`.
pub(crate) fn method(quantity: Quantity) -> Option<&'static str> {
    Some(match quantity {
        Quantity::Mean => "mean",
        Quantity::Sum => "sum",
        Quantity::Min => "minimum",
        Quantity::Max => "maximum",
        Quantity::Std => "standard_deviation",
        Quantity::Var => "variance",
        Quantity::Range => "range",
        Quantity::Rms => "root_mean_square",
        _ => return None,
    })
}

/// Turns the units of values into those of a quantity that is made of them.
pub(crate) fn set_units(attributes: &mut Attributes, quantity: Quantity) {
    let of: fn(&str) -> String = match quantity {
        Quantity::Var => squared,
        Quantity::Std | Quantity::Range => difference,
        _ => return,
    };
    if let Some(units) = attributes.text("units").map(of) {
        attributes.set("units", units);
    }
}

/// Whether units are degrees Celsius.
pub(crate) fn is_celsius(units: &str) -> bool {
    let names =
        ["degc", "celsius", "degree_celsius", "degrees_celsius", "deg_c", "degree_c", "degrees_c", "°c", "c"];
    names.contains(&units.trim().to_lowercase().replace(' ', "_").as_str())
}

/// Units of a difference: one of degrees Celsius is one of kelvins.
pub(crate) fn difference(units: &str) -> String {
    if is_celsius(units) {
        "K".to_owned()
    } else {
        units.to_owned()
    }
}

/// Units of the square of a difference.
pub(crate) fn squared(units: &str) -> String {
    match difference(units).as_str() {
        "K" => "K2".to_owned(),
        "" => String::new(),
        "1" => "1".to_owned(),
        other => format!("({other})2"),
    }
}
