//! The surface pressure beside variables on levels.

use super::operands::{find, source, Asked};
use super::pressure::SURFACE;
use crate::common::paths;
use crate::folding::{self, FoldJob};
use crate::pairs::{align, both_static};
use halocline_core::meta::Coordinate;
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::source::{Selection, Source};

/// The surface pressure that is called so, or found by what it is; `none`: none is wanted.
///
/// # Collective
/// Every rank calls this.
pub(super) fn surface(
    job: &FoldJob<'_>,
    told: Option<&str>,
    datasets: &[Dataset],
    selection: &Selection,
    first: &Source,
) -> Result<Option<Source>> {
    let asked = Asked { wanted: SURFACE, name: told, is_optional: true };
    if told == Some("none") {
        return Ok(None);
    }
    let Some((k, name)) = find(datasets, &asked)? else { return Ok(None) };
    let blame = |e| folding::blame(e, paths(&datasets[k]).first(), &name);
    // It has none of the levels that are chosen.
    let selection = Selection { level: None, levels: None, ..selection.clone() };
    let source = source(job, &datasets[k], &name, &selection).map_err(blame)?;
    let units = source.variable().units().unwrap_or("Pa").to_owned();
    if crate::pressure::to_pascal(&units) != Some(1.0) {
        return Err(blame(
            Error::data(format!("is in `{units}`, not in Pa"))
                .remedy("convert it, or leave it out with --ps none"),
        ));
    }
    let is_still = both_static(first, &source).map_err(blame)?;
    if !is_still && align(first.time(), source.time()).map_err(blame)? > 0
        || source.time().len() != first.time().len()
    {
        return Err(blame(
            Error::data(format!(
                "has {} times, `{}` has {}",
                source.time().len(),
                first.variable().name,
                first.time().len()
            ))
            .remedy("choose common ones with --time"),
        ));
    }
    let (ours, theirs) = (first.grid(), source.grid());
    let differ = |a: Option<&Coordinate>, b: Option<&Coordinate>| match (a, b) {
        (Some(a), Some(b)) => {
            a.values.to_f64().iter().zip(b.values.to_f64()).any(|(a, b)| (a - b).abs() > 1e-3)
        }
        _ => false,
    };
    if ours.shape() != theirs.shape()
        || differ(ours.lat.as_ref(), theirs.lat.as_ref())
        || differ(ours.lon.as_ref(), theirs.lon.as_ref())
    {
        return Err(blame(
            Error::data(format!("is on another grid than `{}`", first.variable().name))
                .remedy("regrid it first, or leave it out with --ps none"),
        ));
    }
    Ok(Some(source))
}
