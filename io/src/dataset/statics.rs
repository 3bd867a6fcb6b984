//! Coordinates that must be the same in every file.

use super::meta::{RawVariable, SharedMeta};
use super::roles::horizontal;
use crate::cf::axes::{by_attributes, Kind};
use crate::cf::Element;
use crate::stored::StoredReader;
use halocline_core::meta::Values;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A coordinate larger than this is a damaged length.
const MOST_VALUES: usize = 1 << 28;

/// Values of a coordinate variable, decoded.
///
/// # Errors
/// Data, if it holds no numbers or absurdly many, or its attributes are malformed; what reading reports.
pub(crate) fn whole(v: &RawVariable, reader: &dyn StoredReader) -> Result<Values> {
    let len = v.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).unwrap_or(usize::MAX);
    if len > MOST_VALUES {
        return Err(
            Error::data(format!("{len} values are more than any coordinate has")).in_variable(&v.name)
        );
    }
    if !v.dtype.is_numeric() {
        return Err(Error::data(format!("holds {} values, not numbers", v.dtype.name())).in_variable(&v.name));
    }
    let decode = v.decode()?;
    if len == 0 {
        return Ok(match decode.element() {
            Element::F32 => Values::F32(Vec::new()),
            Element::F64 => Values::F64(Vec::new()),
        });
    }
    let ranges: Vec<_> = v.shape.iter().map(|&n| 0..n).collect();
    Ok(decode.decode(reader.read_raw(&v.name, &ranges)?, decode.element()))
}

/// Coordinates of the first file named, to compare those of the others with.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Statics {
    values: BTreeMap<String, Vec<f64>>,
}

/// Horizontal and vertical coordinates of a file.
pub(super) fn coordinates(meta: &SharedMeta) -> impl Iterator<Item = &RawVariable> {
    let named: std::collections::HashSet<String> =
        meta.coordinate_names().into_iter().map(str::to_owned).collect();
    meta.variables.iter().map(|v| &**v).filter(move |v| {
        let dimension =
            v.is_dimension() && v.dtype.is_numeric() && by_attributes(&v.attributes) != Some(Kind::Time);
        dimension || horizontal(v, named.contains(&v.name)).is_some()
    })
}

/// Names of the coordinates that can't be read as their attributes are malformed. Files can be
/// joined all the same, to be looked at.
pub(super) fn malformed(meta: &SharedMeta) -> Vec<String> {
    coordinates(meta).filter(|v| v.malformed.is_some()).map(|v| v.name.clone()).collect()
}

impl Statics {
    /// Reads coordinates of these names.
    pub(crate) fn read(meta: &SharedMeta, names: &[String], reader: &dyn StoredReader) -> Result<Self> {
        let mut values = BTreeMap::new();
        for v in names.iter().filter_map(|name| meta.variable(name)) {
            values.insert(v.name.clone(), whole(v, reader)?.to_f64());
        }
        Ok(Self { values })
    }

    /// Those of these coordinates that another file has with other values.
    pub(crate) fn differing(
        &self,
        names: &[String],
        meta: &SharedMeta,
        reader: &dyn StoredReader,
    ) -> Result<Vec<String>> {
        let mut differing = Vec::new();
        for name in names {
            let (Some(ours), Some(v)) = (self.values.get(name), meta.variable(name)) else { continue };
            // Another shape is told as such, of the dimension; so is a malformed attribute.
            let shaped = v.shape.iter().product::<usize>() == ours.len();
            if !shaped || !v.dtype.is_numeric() || v.malformed.is_some() {
                continue;
            }
            let theirs = whole(v, reader)?.to_f64();
            if !same(ours, &theirs, v.decode.element()) {
                differing.push(name.clone());
            }
        }
        Ok(differing)
    }
}

/// Equal but for the rounding of tools that rewrite coordinates in single precision.
fn same(a: &[f64], b: &[f64], element: Element) -> bool {
    let tolerance = match element {
        Element::F32 => 1e-6,
        Element::F64 => 1e-7,
    };
    a.iter().zip(b).all(|(x, y)| {
        (x.is_nan() && y.is_nan()) || x == y || (x - y).abs() <= tolerance * x.abs().max(y.abs()).max(1.0)
    })
}
