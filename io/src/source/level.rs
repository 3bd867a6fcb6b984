//! One level of a variable.

use super::coordinate::{self, Pick};
use crate::cf::axes::{by_attributes, by_name, Kind};
use crate::dataset::meta::{RawVariable, SharedMeta};
use crate::stored::StoredReader;
use halocline_core::meta::{Attributes, Coordinate, Dim, Role, Values, Variable};
use halocline_core::{Error, Result};
use std::ops::Range;

/// The index of the wanted level along `dim`, and that level as a scalar coordinate.
///
/// # Errors
/// Usage, if there are many levels and none is chosen, or none is the chosen one.
pub(super) fn along(
    meta: &SharedMeta,
    dim: &Dim,
    wanted: Option<f64>,
    range: Option<[f64; 2]>,
    reader: &dyn StoredReader,
) -> Result<(usize, Option<Coordinate>)> {
    let all = coordinate_of(meta, dim, reader)?;
    // Levels without a coordinate are counted from 1.
    let values =
        all.as_ref().map_or_else(|| (1..=dim.len).map(|k| k as f64).collect(), |c| c.values.to_f64());
    let units = all.as_ref().and_then(|c| c.variable.units()).unwrap_or_default();
    let at = match wanted {
        None if range.is_some() => match range.map(|range| within(&values, range, units)).transpose()? {
            Some(found) if found.len() == 1 => found.start,
            found => {
                let found = found.unwrap_or_default();
                return Err(Error::usage(format!(
                    "has {} levels in this range, and one is wanted",
                    found.len()
                ))
                .remedy(format!("choose one with --level: {}", listed(&values[found], units))));
            }
        },
        None if dim.len == 1 => 0,
        None => {
            return Err(Error::usage(format!("has {} levels", dim.len))
                .remedy(format!("choose one with --level: {}", listed(&values, units))))
        }
        Some(wanted) => {
            values.iter().position(|&v| is_at(v, wanted)).ok_or_else(|| no_level(wanted, &values, units))?
        }
    };
    let coordinate = match all {
        Some(all) => {
            coordinate::pick(&all, &[Pick { dim: dim.name.clone(), indices: vec![at], squeeze: true }])
        }
        None => number(&dim.name, at),
    };
    Ok((at, Some(coordinate)))
}

/// The coordinate of the levels along `dim`, if the file has one.
pub(super) fn coordinate_of(
    meta: &SharedMeta,
    dim: &Dim,
    reader: &dyn StoredReader,
) -> Result<Option<Coordinate>> {
    let own = meta.variable(&dim.name).filter(|v| v.is_dimension() && v.dtype.is_numeric());
    let other = || {
        let along = |v: &&std::sync::Arc<RawVariable>| {
            v.dims.len() == 1 && v.dims[0] == dim.name && v.dtype.is_numeric()
        };
        meta.variables.iter().filter(along).find(|v| by_attributes(&v.attributes) == Some(Kind::Level))
    };
    let found = own.or_else(other);
    found.map(|v| coordinate::read(meta, v, std::slice::from_ref(dim), reader)).transpose()
}

/// The level that a variable without a vertical dimension states in its `coordinates`, such as
/// the height of 2 m of a temperature.
///
/// # Errors
/// Usage, if a level is wanted and that is not it.
pub(super) fn scalar(
    meta: &SharedMeta,
    v: &RawVariable,
    wanted: Option<f64>,
    range: Option<[f64; 2]>,
    reader: &dyn StoredReader,
) -> Result<Option<Coordinate>> {
    let named = v.attributes.text("coordinates").unwrap_or_default();
    let found = named.split_whitespace().filter_map(|n| meta.variable(n)).find(|c| {
        let kind = by_attributes(&c.attributes).or_else(|| by_name(&c.name));
        c.dims.is_empty() && c.dtype.is_numeric() && kind == Some(Kind::Level)
    });
    let level = found.map(|c| coordinate::read(meta, c, &[], reader)).transpose()?;
    if let Some(range) = range {
        let Some(c) = &level else { return Err(Error::usage("has no levels").remedy("leave out --level")) };
        within(&c.values.to_f64(), range, c.variable.units().unwrap_or_default())?;
    }
    match (wanted, &level) {
        (None, _) => {}
        (Some(wanted), Some(c)) => {
            let values = c.values.to_f64();
            if !values.iter().any(|&v| is_at(v, wanted)) {
                return Err(no_level(wanted, &values, c.variable.units().unwrap_or_default()));
            }
        }
        (Some(_), None) => return Err(Error::usage("has no levels").remedy("leave out --level")),
    }
    Ok(level)
}

/// The coordinates of dimensions that are kept whole.
pub(super) fn whole(meta: &SharedMeta, dims: &[Dim], reader: &dyn StoredReader) -> Result<Vec<Coordinate>> {
    let mut all = Vec::new();
    for dim in dims {
        if let Some(v) = meta.variable(&dim.name).filter(|v| v.is_dimension() && v.dtype.is_numeric()) {
            all.push(coordinate::read(meta, v, dims, reader)?);
        }
    }
    Ok(all)
}

/// Cuts dimensions that are kept, and their coordinates, to the levels within a range; the first
/// index of each that is left.
///
/// # Errors
/// Usage, if there are no levels within it; data, if they don't lie together.
pub(super) fn cut(dims: &mut [Dim], coordinates: &mut [Coordinate], range: [f64; 2]) -> Result<Vec<usize>> {
    let mut first = vec![0; dims.len()];
    let Some(at) = dims.iter().position(is_level) else { return Ok(first) };
    let dim = &mut dims[at];
    let along = |c: &&Coordinate| c.variable.dims.len() == 1 && c.variable.dims[0].name == dim.name;
    let own = coordinates.iter().find(along);
    // Levels without a coordinate are counted from 1.
    let values = own.map_or_else(|| (1..=dim.len).map(|k| k as f64).collect(), |c| c.values.to_f64());
    let found = within(&values, range, own.and_then(|c| c.variable.units()).unwrap_or_default())?;
    let pick = Pick { dim: dim.name.clone(), indices: found.clone().collect(), squeeze: false };
    for c in coordinates.iter_mut().filter(|c| c.variable.dims.iter().any(|d| d.name == dim.name)) {
        *c = coordinate::pick(c, std::slice::from_ref(&pick));
    }
    first[at] = found.start;
    dim.len = found.len();
    Ok(first)
}

/// The indices of the levels within a range, its ends included.
fn within(values: &[f64], [least, most]: [f64; 2], units: &str) -> Result<Range<usize>> {
    let is_in = |v: f64| (v >= least && v <= most) || is_at(v, least) || is_at(v, most);
    let found: Vec<usize> = (0..values.len()).filter(|&k| is_in(values[k])).collect();
    let (Some(&first), Some(&last)) = (found.first(), found.last()) else {
        return Err(Error::usage(format!("has no level from {least} to {most}"))
            .remedy(format!("its levels are {}", listed(values, units))));
    };
    if last + 1 - first != found.len() {
        return Err(Error::data(
            "the levels of this range don't lie together: the coordinate is not in order",
        ));
    }
    Ok(first..last + 1)
}

fn number(dim: &str, at: usize) -> Coordinate {
    let attributes = Attributes::new().with("long_name", "level number, from 1").with("axis", "Z");
    let values = Values::I32(vec![at as i32 + 1]);
    let variable = Variable { name: dim.to_owned(), dims: Vec::new(), dtype: values.dtype(), attributes };
    Coordinate { variable, values, bounds: None }
}

/// Equal to a millionth.
fn is_at(value: f64, wanted: f64) -> bool {
    (value - wanted).abs() <= 1e-6 * value.abs().max(wanted.abs())
}

fn no_level(wanted: f64, values: &[f64], units: &str) -> Error {
    Error::usage(format!("has no level {wanted}")).remedy(format!("its levels are {}", listed(values, units)))
}

fn listed(values: &[f64], units: &str) -> String {
    // As short as tells them apart: levels in single precision are no 0.10000000149.
    let mut text: Vec<String> = values.iter().take(60).map(|&v| (v as f32).to_string()).collect();
    if values.len() > text.len() {
        text.push("…".to_owned());
    }
    format!("{} {units}", text.join(", ")).trim_end().to_owned()
}

/// Whether a dimension is vertical.
pub(super) fn is_level(dim: &Dim) -> bool {
    dim.role == Role::Level
}
