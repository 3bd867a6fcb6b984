//! The time coordinates of a file.

use super::meta::{RawVariable, SharedMeta};
use super::roles::{roles, Roles};
use crate::cf::Element;
use crate::stored::StoredReader;
use halocline_core::calendar::{Calendar, TimeAxis, TimeUnits};
use halocline_core::meta::{Attributes, Dim, Role};
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// More times than this are no time axis but a damaged length.
const MOST_TIMES: usize = 1 << 28;

/// A time dimension and what is known about its times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TimeEntry {
    /// The dimension.
    pub(crate) dim: String,
    /// The coordinate variable; the dimension's name if there is none.
    pub(crate) name: String,
    /// Attributes of the coordinate variable.
    pub(crate) attributes: Attributes,
    /// The times, or why there are none.
    pub(crate) axis: Result<TimeAxis>,
}

/// The time dimensions of a file, the most used one first.
pub(crate) fn entries(meta: &SharedMeta, roles: &Roles, reader: &dyn StoredReader) -> Vec<TimeEntry> {
    let mut dims: Vec<(usize, &str)> = meta
        .dims
        .iter()
        .filter(|d| roles.get(&d.name) == Some(&Role::Time))
        .map(|d| {
            let users = meta.variables.iter().filter(|v| v.dims.contains(&d.name) && v.dims.len() > 1);
            (users.count() * 2 + usize::from(d.unlimited), d.name.as_str())
        })
        .collect();
    dims.sort_by_key(|(used, _)| std::cmp::Reverse(*used));
    dims.into_iter().map(|(_, dim)| entry(meta, dim, reader)).collect()
}

fn entry(meta: &SharedMeta, dim: &str, reader: &dyn StoredReader) -> TimeEntry {
    let coordinate = meta.variables.iter().find(|v| v.is_dimension() && v.name == dim);
    let since = |v: &RawVariable| {
        v.attributes.text("units").is_some_and(|u| u.to_ascii_lowercase().contains(" since "))
    };
    let reference = |v: &RawVariable| v.attributes.text("standard_name") == Some("forecast_reference_time");
    let auxiliary = || {
        let named = meta.coordinate_names();
        let along = meta
            .variables
            .iter()
            .filter(|v| v.dims.len() == 1 && v.dims[0] == dim && since(v) && !reference(v));
        along.min_by_key(|v| !named.contains(v.name.as_str()))
    };
    let found = coordinate.filter(|v| since(v)).or_else(auxiliary).or(coordinate);
    let Some(v) = found else {
        let none = Error::data(format!("dimension `{dim}` has no time coordinate"))
            .remedy(format!("add a variable `{dim}({dim})` with units such as `days since 1850-01-01`"));
        let (dim, name) = (dim.to_owned(), dim.to_owned());
        return TimeEntry { dim, name, attributes: Attributes::new(), axis: Err(none.in_file(&meta.path)) };
    };
    let axis = axis(v, reader).map_err(|e| e.in_file(&meta.path).in_variable(&v.name));
    TimeEntry { dim: dim.to_owned(), name: v.name.clone(), attributes: v.attributes.clone(), axis }
}

/// What stands for the times of a variable without a time dimension: the one that it states as a
/// scalar (of a file without a time dimension also the only one that is there), else a step of no
/// time.
pub(crate) fn of_static(meta: &SharedMeta, v: &RawVariable, reader: &dyn StoredReader) -> Result<TimeEntry> {
    let stated = v.attributes.text("coordinates").unwrap_or_default();
    let is_time = |c: &RawVariable| {
        let units = c.attributes.text("units").unwrap_or_default().to_ascii_lowercase();
        let reference = c.attributes.text("standard_name") == Some("forecast_reference_time");
        c.name != v.name
            && c.dims.is_empty()
            && c.dtype.is_numeric()
            && units.contains(" since ")
            && !reference
    };
    let mut named = stated.split_whitespace().filter_map(|n| meta.variable(n)).map(|c| &**c);
    let scalars = || meta.variables.iter().map(|c| &**c).filter(|c| is_time(c));
    let moves = || roles(meta).values().any(|r| *r == Role::Time);
    let only = || scalars().next().filter(|_| scalars().count() == 1 && !moves());
    let found = named.find(|c| is_time(c)).or_else(only);
    let dim = Dim::NO_TIME.to_owned();
    // One that can't be read says nothing of a field that needs none.
    if let Some((c, axis)) = found.and_then(|c| Some((c, axis(c, reader).ok()?))) {
        return Ok(TimeEntry { dim, name: c.name.clone(), attributes: c.attributes.clone(), axis: Ok(axis) });
    }
    let units = TimeUnits::parse("days since 0001-01-01", Calendar::Standard)?;
    let axis = TimeAxis::new(units, vec![0.0]);
    Ok(TimeEntry { name: dim.clone(), dim, attributes: Attributes::new(), axis })
}

fn axis(v: &RawVariable, reader: &dyn StoredReader) -> Result<TimeAxis> {
    if !v.dtype.is_numeric() {
        return Err(Error::data(format!("is a time coordinate of type {}, not of numbers", v.dtype.name()))
            .remedy("store times as numbers with units such as `days since 1850-01-01`"));
    }
    let len: usize = v.shape.iter().product();
    if len > MOST_TIMES {
        return Err(Error::data(format!("{len} times are more than any data set has")));
    }
    let values = if len == 0 {
        Vec::new()
    } else {
        // None of a scalar.
        let all: Vec<_> = v.shape.iter().map(|&len| 0..len).collect();
        v.decode()?.decode(reader.read_raw(&v.name, &all)?, Element::F64).to_f64()
    };
    if let Some(i) = values.iter().position(|v| v.is_nan()) {
        return Err(Error::data(format!("the time at step {i} (counted from 0) is missing"))
            .remedy("mend the time coordinate, or leave that step out"));
    }
    let calendar = match v.attributes.text("calendar") {
        None | Some("") => Calendar::Standard,
        Some(name) => Calendar::parse(name)?,
    };
    match v.attributes.text("units") {
        Some(units) if units.to_ascii_lowercase().contains("since") || !is_month(v, &values) => {
            TimeAxis::new(TimeUnits::parse(units, calendar)?, values)
        }
        None if !is_month(v, &values) => Err(Error::data("the time coordinate has no units").remedy(
            "set the attribute `units` to such as `days since 1850-01-01`, for example with `ncatted`",
        )),
        // Months of a climatology, without a year: those of the year 1.
        _ => {
            let months = values.iter().map(|v| v - 1.0).collect();
            TimeAxis::new(TimeUnits::parse("months since 0001-01-01", calendar)?, months)
        }
    }
}

/// Whether the values number the months of a climatology: whole numbers from 1 to 12 that rise,
/// of a variable `month` or in units of months, with no year stated.
fn is_month(v: &RawVariable, values: &[f64]) -> bool {
    let says = |text: &str| matches!(text.to_ascii_lowercase().as_str(), "month" | "months");
    let stated = match v.attributes.text("units") {
        Some("" | "1") | None => says(&v.name),
        Some(units) => says(units),
    };
    stated
        && values.iter().all(|v| v.fract() == 0.0 && (1.0..=12.0).contains(v))
        && values.windows(2).all(|w| w[0] < w[1])
}
