//! What CF calls results of statistics, and their units.

use halocline_algorithms::statistics::Quantity;
use halocline_core::meta::{Attributes, Coordinate, Dim, Variable};
pub(crate) use halocline_core::units::{difference, is_celsius, squared};
use halocline_io::source::Source;

/// The units of a variable; those of nothing say as little as none.
pub(crate) fn stated_units(variable: &Variable) -> Option<&str> {
    variable.units().filter(|units| !units.trim().is_empty())
}

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

/// A dimension that a result does not have any more, in `cell_methods`: by its standard name, as its
/// own says nothing where it is not there.
pub(crate) fn gone<'a>(dim: &'a Dim, source: &Source) -> &'a str {
    let is_along = |coordinate: &Option<Coordinate>| {
        let dims = coordinate.as_ref().map_or(&[][..], |c| c.variable.dims.as_slice());
        matches!(dims, [one] if one.name == dim.name)
    };
    let grid = source.grid();
    match (is_along(&grid.lat), is_along(&grid.lon)) {
        (true, _) => "latitude",
        (_, true) => "longitude",
        _ => dim.name.as_str(),
    }
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
