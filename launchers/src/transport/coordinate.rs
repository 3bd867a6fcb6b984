//! Coordinates of results.

use super::density::Classes;
use super::ocean::Ocean;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};

/// A coordinate along one dimension.
pub(super) fn coordinate(name: &str, dim: &Dim, values: Values, attributes: Attributes) -> Coordinate {
    let variable =
        Variable { name: name.to_owned(), dims: vec![dim.clone()], dtype: values.dtype(), attributes };
    Coordinate { variable, values, bounds: None }
}

/// Names along a dimension of their own.
pub(super) fn names(name: &str, what: &str, all: Vec<String>) -> Coordinate {
    let dim = Dim::new(name, all.len(), Role::Other);
    let about = Attributes::new().with("standard_name", "region").with("long_name", what);
    coordinate(name, &dim, Values::Text(all), about)
}

/// Layers between the interfaces of levels, or between the edges of classes of density, from the top
/// down: their middles, with bounds.
pub(super) fn layers(ocean: &Ocean, classes: Option<&Classes>) -> Coordinate {
    let (name, ends, about) = match classes {
        None => (
            "lev",
            ocean.interfaces(),
            Attributes::new()
                .with("standard_name", "depth")
                .with("units", "m")
                .with("positive", "down")
                .with("axis", "Z"),
        ),
        Some(classes) => (
            "rho",
            classes.edges.as_slice(),
            Attributes::new()
                .with("long_name", format!("{}: potential density less 1000 kg m-3", classes.name))
                .with("units", "kg m-3")
                .with("positive", "down")
                .with("axis", "Z")
                .with("comment", format!("of {}", classes.note)),
        ),
    };
    let n = ends.len() - 1;
    let dim = Dim::new(name, n, Role::Level);
    let middles = ends.windows(2).map(|w| 0.5 * (w[0] + w[1])).collect();
    let both = Variable {
        name: format!("{name}_bnds"),
        dims: vec![dim.clone(), Dim::new("bnds", 2, Role::Other)],
        dtype: DType::F64,
        attributes: Attributes::new(),
    };
    let bounds = Values::F64(ends.windows(2).flat_map(|w| [w[0], w[1]]).collect());
    let mut layers = coordinate(name, &dim, Values::F64(middles), about);
    layers.bounds = Some(Box::new(Coordinate { variable: both, values: bounds, bounds: None }));
    layers
}
