//! Coordinates of a variable, read whole and cut to a selection.

use crate::dataset::meta::{RawVariable, SharedMeta};
use crate::dataset::{self, roles};
use crate::stored::StoredReader;
use halocline_core::meta::{Attributes, Coordinate, Dim, Values, Variable};
use halocline_core::Result;

/// Attributes that describe how values were stored, which decoded values are no longer.
const OF_STORAGE: [&str; 9] = [
    "_FillValue",
    "missing_value",
    "valid_min",
    "valid_max",
    "valid_range",
    "scale_factor",
    "add_offset",
    "_Unsigned",
    "unpacked_valid_range",
];

/// Attributes without those that tell how values were stored.
pub(super) fn of_decoded(attributes: &Attributes) -> Attributes {
    let mut kept = attributes.clone();
    for name in OF_STORAGE {
        kept.remove(name);
    }
    kept
}

/// Reads a coordinate and its bounds (where the file has them and they fit) with the roles of
/// `dims`, the dimensions of the variable that it belongs to.
pub(super) fn read(
    meta: &SharedMeta,
    v: &RawVariable,
    dims: &[Dim],
    reader: &dyn StoredReader,
) -> Result<Coordinate> {
    let mut coordinate = read_one(v, dims, reader)?;
    let named = v.attributes.text("bounds").map(str::to_owned);
    let fits = |b: &RawVariable| {
        b.dtype.is_numeric() && b.dims.len() == v.dims.len() + 1 && b.dims.starts_with(&v.dims)
    };
    match named.and_then(|name| meta.variable(&name)).filter(|b| fits(b)) {
        Some(bounds) => coordinate.bounds = Some(Box::new(read_one(bounds, dims, reader)?)),
        None => drop(coordinate.variable.attributes.remove("bounds")),
    }
    Ok(coordinate)
}

fn read_one(v: &RawVariable, dims: &[Dim], reader: &dyn StoredReader) -> Result<Coordinate> {
    let values = dataset::whole(v, reader)?;
    let own = roles::dims_of(v, &dims.iter().map(|d| (d.name.clone(), d.role)).collect());
    let known = |d: &Dim| {
        dims.iter().find(|k| k.name == d.name).map_or(halocline_core::meta::Role::Other, |k| k.role)
    };
    let own = own.into_iter().map(|d| Dim { role: known(&d), ..d }).collect();
    let variable = Variable {
        name: v.name.clone(),
        dims: own,
        dtype: values.dtype(),
        attributes: of_decoded(&v.attributes),
    };
    Ok(Coordinate { variable, values, bounds: None })
}

/// Picks indices along named dimensions, and puts the dimensions into the order of `picks`
/// (others stay behind them, whole). Dimensions picked once and marked so vanish.
pub(super) fn pick(coordinate: &Coordinate, picks: &[Pick]) -> Coordinate {
    let dims = &coordinate.variable.dims;
    let whole = |d: &Dim| Pick { dim: d.name.clone(), indices: (0..d.len).collect(), squeeze: false };
    let mut order: Vec<(usize, Pick)> = Vec::new();
    for p in picks {
        if let Some(at) = dims.iter().position(|d| d.name == p.dim) {
            order.push((at, p.clone()));
        }
    }
    for (at, d) in dims.iter().enumerate() {
        if !order.iter().any(|(o, _)| *o == at) {
            order.push((at, whole(d)));
        }
    }
    let mut strides = vec![1usize; dims.len()];
    for d in (1..dims.len()).rev() {
        strides[d - 1] = strides[d] * dims[d].len;
    }
    let mut places = vec![0usize];
    for (at, p) in &order {
        places = places
            .iter()
            .flat_map(|&base| p.indices.iter().map(move |i| (base, i)))
            .map(|(base, i)| base + i * strides[*at])
            .collect();
    }
    let values = match &coordinate.values {
        Values::F32(v) => Values::F32(places.iter().map(|&p| v[p]).collect()),
        Values::F64(v) => Values::F64(places.iter().map(|&p| v[p]).collect()),
        Values::I32(v) => Values::I32(places.iter().map(|&p| v[p]).collect()),
        Values::I64(v) => Values::I64(places.iter().map(|&p| v[p]).collect()),
        Values::Text(v) => Values::Text(places.iter().map(|&p| v[p].clone()).collect()),
    };
    let mut variable = coordinate.variable.clone();
    variable.dims = order
        .iter()
        .filter(|(_, p)| !p.squeeze)
        .map(|(at, p)| Dim { len: p.indices.len(), ..dims[*at].clone() })
        .collect();
    Coordinate { variable, values, bounds: coordinate.bounds.as_ref().map(|b| Box::new(pick(b, picks))) }
}

/// Indices of a dimension.
#[derive(Debug, Clone)]
pub(super) struct Pick {
    pub(super) dim: String,
    pub(super) indices: Vec<usize>,
    /// Leave the dimension out of the result; one index is picked.
    pub(super) squeeze: bool,
}
