//! What CF calls results of statistics, and their units.

use halocline_algorithms::statistics::Quantity;
use halocline_core::meta::Attributes;
pub(crate) use halocline_core::units::{difference, squared};

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
