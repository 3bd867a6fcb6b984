//! Whether a field lies on the grid of patterns.

use halocline_core::grid::Grid;
use halocline_core::meta::{Coordinate, Dim};
use halocline_core::{Error, Result};
use halocline_io::source::Source;

/// Coordinates that differ by less are the same, relative to the largest of them.
const SAME: f64 = 1e-5;

/// Refuses a field that is not on the grid of patterns, whose dimensions behind the mode are
/// `space` and whose coordinates are those of `grid`. What the error is of is the caller's to say.
///
/// # Errors
/// Data: says what differs, and how if it is but the order.
pub(crate) fn check_grid(field: &Source, space: &[Dim], grid: &Grid) -> Result<()> {
    let text = |dims: &[Dim]| {
        let all: Vec<String> = dims.iter().map(|d| format!("{} {}", d.len, d.name)).collect();
        all.join(" x ")
    };
    let ours = &field.variable().dims[1..];
    let shape = |dims: &[Dim]| dims.iter().map(|d| d.len).collect::<Vec<_>>();
    if shape(ours) != shape(space) {
        return Err(Error::data(format!(
            "the grid of the patterns ({}) is not that of the field ({})",
            text(space),
            text(ours)
        ))
        .remedy("select the same --box and --level as of the patterns, or bring both to one grid first"));
    }
    let pairs = [("latitudes", &field.grid().lat, &grid.lat), ("longitudes", &field.grid().lon, &grid.lon)];
    for (what, ours, theirs) in pairs {
        if let (Some(ours), Some(theirs)) = (ours, theirs) {
            same(what, ours, theirs)?;
        }
    }
    Ok(())
}

fn same(what: &str, field: &Coordinate, patterns: &Coordinate) -> Result<()> {
    let (x, y) = (field.values.to_f64(), patterns.values.to_f64());
    let scale = x.iter().copied().filter(|v| v.is_finite()).fold(0.0, |s: f64, v| s.max(v.abs()));
    let apart = |a: f64, b: f64| (a - b).abs() > SAME * scale || a.is_nan() != b.is_nan();
    let alike = |y: &mut dyn Iterator<Item = f64>| x.iter().zip(y).all(|(a, b)| !apart(*a, b));
    if x.len() == y.len() && alike(&mut y.iter().copied()) {
        return Ok(());
    }
    let range = |v: &[f64]| match v {
        [first, .., last] => format!("from {first} to {last}"),
        _ => "otherwise".to_owned(),
    };
    if x.len() == y.len() && alike(&mut y.iter().rev().copied()) {
        return Err(Error::data(format!(
            "the {what} of the patterns run {}, those of the field {}",
            range(&y),
            range(&x)
        ))
        .remedy("turn one of them round first, as with `cdo invertlat`"));
    }
    let turned = |v: f64| v.rem_euclid(360.0);
    if what == "longitudes" && x.len() == y.len() {
        let mut both = [x.clone(), y.clone()].map(|v| v.into_iter().map(turned).collect::<Vec<_>>());
        both.iter_mut().for_each(|v| v.sort_by(f64::total_cmp));
        if both[0].iter().zip(&both[1]).all(|(a, b)| !apart(*a, *b)) {
            return Err(Error::data(format!(
                "the longitudes of the patterns run {}, those of the field {}",
                range(&y),
                range(&x)
            ))
            .remedy("bring both to one order, as with `cdo sellonlatbox` or --box"));
        }
    }
    let first = x.iter().zip(&y).enumerate().find(|(_, (a, b))| apart(**a, **b));
    let where_ =
        first.map_or_else(String::new, |(i, (a, b))| format!(": number {i} is {b}, of the field it is {a}"));
    Err(Error::data(format!("the {what} of the patterns are not those of the field{where_}"))
        .remedy("bring both to one grid first"))
}
