//! What has to agree before two variables are read in lockstep, times as dates and grids; and the
//! time that their results have.

mod times;

use crate::calc::is_speed;
use crate::carry;
use crate::cf::stated_units;
use crate::pressure::to_pascal;
use halocline_core::meta::{Coordinate, Dim};
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::source::Source;
pub(crate) use times::{align, check_not_finer, dates, in_order, numbered, places, Detail};

/// Coordinates that differ by less are the same, relative to their size.
const SAME: f64 = 1e-5;

/// Refuses members that both data sets have, in another order: they pair by position.
///
/// # Errors
/// Data, naming the first.
pub(crate) fn check_members(first: &Dataset, second: &Dataset) -> Result<()> {
    let (ours, theirs) = (first.members(), second.members());
    let moved =
        |(i, label): &(usize, &String)| theirs.iter().position(|l| l == *label).is_some_and(|k| k != *i);
    match ours.iter().enumerate().find(moved) {
        None => Ok(()),
        Some((i, label)) => Err(Error::data(format!(
            "its member number {} is `{}`, that of the variable is `{label}`",
            i + 1,
            theirs.get(i).map_or("none", String::as_str)
        ))
        .remedy("name the files of both in the same order of members")),
    }
}

/// Refuses a second variable at other times than the first.
///
/// # Errors
/// Data, naming what differs.
pub(crate) fn check_times(first: &Source, second: &Source) -> Result<()> {
    let origin = if both_static(first, second)? { 0 } else { align(first, second)? };
    if origin > 0 || first.time().len() != second.time().len() {
        return Err(Error::data(format!("has other times than `{}`", first.variable().name))
            .remedy("choose common ones with --time"));
    }
    Ok(())
}

/// Refuses a second variable that gives dimensions or coordinates of the first other lengths or values under
/// the same names: one file can't hold both.
///
/// # Errors
/// Data, naming what differs.
pub(crate) fn check_shared(first: &Source, second: &Source) -> Result<()> {
    let other = format!("`{}`", first.variable().name);
    for dim in &second.variable().dims {
        if let Some(same) = first.variable().dims.iter().find(|d| d.name == dim.name && d.len != dim.len) {
            let text = format!("its {} has {} values, that of {other} has {}", dim.name, dim.len, same.len);
            return Err(Error::data(text).remedy(APART));
        }
    }
    let theirs = of_space(first);
    for own in of_space(second) {
        if let Some(same) = theirs.iter().find(|c| c.variable.name == own.variable.name) {
            same_coordinate(same, own, &other).map_err(|e| Error { remedy: None, ..e }.remedy(APART))?;
        }
    }
    Ok(())
}

const APART: &str = "bring both to one grid first, or write a file of each";

/// What locates a variable but in time.
fn of_space(source: &Source) -> Vec<&Coordinate> {
    let grid = source.grid();
    let places = grid.lat.iter().chain(&grid.lon).chain(&grid.extra);
    places.chain(source.levels()).chain(source.level()).collect()
}

/// Refuses a second variable that is not on the grid and at the times of the first.
///
/// # Errors
/// Data, naming what differs.
pub(crate) fn check_together(first: &Source, second: &Source) -> Result<()> {
    let (a, b) = (first.variable(), second.variable());
    let describe = |s: &Source| {
        let dims: Vec<String> =
            s.variable().dims[1..].iter().map(|d| format!("{} {}", d.len, d.name)).collect();
        dims.join(" x ")
    };
    let other = format!("`{}`", a.name);
    let shape = |s: &Source| s.variable().shape()[1..].to_vec();
    if shape(first) != shape(second) {
        return Err(Error::data(format!(
            "its grid ({}) is not that of {other} ({})",
            describe(second),
            describe(first)
        ))
        .remedy("bring both to one grid first"));
    }
    let (ours, theirs) = (first.grid(), second.grid());
    let pairs = [(&ours.lat, &theirs.lat), (&ours.lon, &theirs.lon)];
    let levels = first.levels().iter().zip(second.levels()).chain(first.level().zip(second.level()));
    for (a, b) in pairs.into_iter().filter_map(|(a, b)| a.as_ref().zip(b.as_ref())).chain(levels) {
        same_coordinate(a, b, &other)?;
    }
    if are_timeless(first, second)? {
        return Ok(());
    }
    let origin = align(first, second)?;
    if origin > 0 || second.time().len() != first.time().len() {
        let (n, m) = (second.time().len(), first.time().len());
        let date = |s: &Source, i: usize| s.time().datetime(i).date_string();
        let extra = if origin > 0 { date(second, 0) } else { date(second, m) };
        return Err(Error::data(format!("has {n} times, {other} has {m}: {extra} is not among them"))
            .remedy("choose common ones with --time"));
    }
    // Shapes of time agree from here on.
    debug_assert_eq!(a.shape(), b.shape());
    Ok(())
}

/// Refuses components that are called what the other is taken for, by their standard names.
///
/// # Errors
/// Usage, naming the component.
pub(crate) fn check_components(eastward: &Source, northward: &Source) -> Result<()> {
    for (source, is, taken) in [(eastward, "northward", "eastward"), (northward, "eastward", "northward")] {
        let called = source.variable().attributes.text("standard_name").unwrap_or_default();
        if called.starts_with(is) || called.contains(&format!("_{is}_")) {
            let text = format!("is taken for the {taken} component, and called `{called}`");
            return Err(Error::usage(text)
                .in_variable(&source.variable().name)
                .remedy("swap both components, or correct the standard_name"));
        }
    }
    Ok(())
}

/// Refuses a northward wind in other units than the eastward one.
///
/// # Errors
/// Data, naming both.
pub(crate) fn check_units(first: &Source, second: &Source) -> Result<()> {
    let units = |source| stated_units(source).map(str::trim);
    match (units(first.variable()), units(second.variable())) {
        (Some(u), Some(v)) if u != v && !(is_speed(u) && is_speed(v)) => {
            let name = &first.variable().name;
            Err(Error::data(format!("its units are `{v}`, those of `{name}` are `{u}`"))
                .remedy("bring both to the same units first"))
        }
        _ => Ok(()),
    }
}

/// Refuses a surface pressure that is not in Pa, or not on the grid and at the times of a variable with
/// levels. `otherwise` is what else the user can do about it.
///
/// # Errors
/// Data, naming what differs.
pub(crate) fn check_surface(first: &Source, surface: &Source, otherwise: &str) -> Result<()> {
    let name = &first.variable().name;
    let units = surface.variable().units().unwrap_or("Pa");
    if to_pascal(units) != Some(1.0) {
        return Err(
            Error::data(format!("is in `{units}`, not in Pa")).remedy(format!("convert it first{otherwise}"))
        );
    }
    let (ours, theirs) = (first.time().len(), surface.time().len());
    if !are_timeless(first, surface)? && align(first, surface)? > 0 || ours != theirs {
        return Err(Error::data(format!("has {theirs} times, `{name}` has {ours}"))
            .remedy("choose common ones with --time"));
    }
    let (ours, theirs) = (first.grid(), surface.grid());
    let differ = |a: Option<&Coordinate>, b: Option<&Coordinate>| {
        a.zip(b).is_some_and(|(a, b)| !same_places(&a.values.to_f64(), &b.values.to_f64()))
    };
    if ours.shape() != theirs.shape()
        || differ(ours.lat.as_ref(), theirs.lat.as_ref())
        || differ(ours.lon.as_ref(), theirs.lon.as_ref())
    {
        return Err(Error::data(format!("is on another grid than `{name}`"))
            .remedy(format!("regrid it first{otherwise}")));
    }
    Ok(())
}

/// Whether degrees agree, as far as single precision tells; of some grids they are missing on land.
fn same_places(a: &[f64], b: &[f64]) -> bool {
    let same = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-3 || a.is_nan() && b.is_nan();
    a.len() == b.len() && a.iter().zip(b).all(same)
}

/// Whether neither of two variables has a time dimension, so that there are no steps to pair.
///
/// # Errors
/// Data, if one has.
pub(crate) fn both_static(first: &Source, second: &Source) -> Result<bool> {
    let other = &first.variable().name;
    let differ = match (first.is_static(), second.is_static()) {
        (a, b) if a == b => return Ok(a),
        (true, _) => format!("has a time dimension, `{other}` has none"),
        (false, _) => format!("has no time dimension, `{other}` has one"),
    };
    Err(Error::data(differ).remedy("name variables that both vary in time, or that both do not"))
}

/// Whether there is no time to pair: neither has a time dimension, and one of them states no moment either.
///
/// # Errors
/// Data, if one has a time dimension.
pub(crate) fn are_timeless(first: &Source, second: &Source) -> Result<bool> {
    let says_when = |s: &Source| s.time_name() != Dim::NO_TIME;
    Ok(both_static(first, second)? && !(says_when(first) && says_when(second)))
}

fn same_coordinate(a: &Coordinate, b: &Coordinate, other: &str) -> Result<()> {
    let (x, y) = (a.values.to_f64(), b.values.to_f64());
    let scale = x.iter().copied().filter(|v| v.is_finite()).fold(0.0, |s: f64, v| s.max(v.abs()));
    let differ = |(x, y): &(&f64, &f64)| (*x - *y).abs() > SAME * scale || x.is_nan() != y.is_nan();
    match x.iter().zip(&y).enumerate().find(|(_, pair)| differ(pair)) {
        None if x.len() == y.len() => Ok(()),
        found => {
            let where_ = found
                .map_or_else(String::new, |(i, (x, y))| format!(": number {i} is {y}, of {other} it is {x}"));
            Err(Error::data(format!("its {} is not that of {other}{where_}", b.variable.name))
                .remedy("bring both to one grid first"))
        }
    }
}

/// One time that stands for all, a scalar: its bounds are the ends of the first and the last, it lies in
/// the middle.
pub(crate) fn whole_time(source: &Source) -> Coordinate {
    let times = source.time_coordinate();
    let span = source.span();
    carry::times_like(times, Vec::new(), vec![carry::middle(span)], span.to_vec())
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_compared_in_order() {
        let lat = [-60.0, 0.0, 60.0, f64::NAN];
        assert!(same_places(&lat, &[-60.000_004, 0.0, 60.0, f64::NAN]));
        assert!(!same_places(&lat, &[60.0, 0.0, -60.0, f64::NAN]) && !same_places(&lat, &lat[..3]));
        assert!(!same_places(&lat, &[-60.0, 0.0, 60.0, 70.0]));
    }
}
