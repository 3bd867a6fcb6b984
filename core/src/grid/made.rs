//! Grids for tests.

use super::{Grid, GridKind};
use crate::meta::{Attributes, Coordinate, DType, Dim, Values, Variable};

/// A coordinate without attributes or bounds.
pub(in crate::grid) fn coordinate(name: &str, dims: &[Dim], values: Vec<f64>) -> Coordinate {
    let variable =
        Variable { name: name.into(), dims: dims.to_vec(), dtype: DType::F64, attributes: Attributes::new() };
    Coordinate { variable, values: Values::F64(values), bounds: None }
}

/// A grid of nothing but these.
pub(in crate::grid) fn grid(
    kind: GridKind,
    dims: &[Dim],
    lat: Option<Coordinate>,
    lon: Option<Coordinate>,
) -> Grid {
    Grid { kind, dims: dims.to_vec(), lat, lon, extra: vec![], edges: None, excluded: vec![] }
}
