//! What the passes of an analysis send, known beforehand.

use super::gram::{GramState, ALL_BUT_TIME};
use super::{cells, Covariance, EofOptions, Method, Missing, Rotated, Solver};
use crate::modes::Convention;
use halocline_core::comm::Formula;
use halocline_core::engine::{Merging, SeriesPlan, StreamSource};
use halocline_core::tiling::Tile;
use halocline_core::Result;

/// Adds what ranks send in the passes of an analysis of one field without gaps: one for the
/// covariance between times, one for the maps. Says whether these are the passes that `options`
/// ask for; if not, nothing is added. Cells of the grid that are `excluded` are left out.
///
/// # Errors
/// As [`SeriesPlan::foresee`].
pub fn foresee(
    source: &dyn StreamSource,
    plan: &SeriesPlan,
    excluded: &[bool],
    options: &EofOptions,
    formula: &mut Formula,
) -> Result<bool> {
    let dims = &source.variable().dims;
    let times = dims.first().map_or(0, |d| d.len);
    let is_temporal = Covariance::of(times, cells(dims, excluded), &options.missing) == Covariance::Temporal;
    let is_plain = options.method == Method::Plain
        && options.solver == Solver::Exact
        && options.rotated == Rotated::No
        && options.missing == Missing::Refuse;
    // Its principal components may take another covariance, of the field without weights, and room.
    let is_projected = matches!(options.convention, Some(Convention::Cdo { .. }));
    if !is_temporal || !is_plain || is_projected || options.tests.needs_kernel() {
        return Ok(false);
    }
    let bytes = |_: &Tile, cells: u64| GramState::encoded_bytes(times, cells);
    let merging = Merging { reduces: ALL_BUT_TIME, bytes: &bytes };
    plan.foresee_fold(source, merging, true, formula)?;
    plan.foresee(&[source], false, formula, &mut |_, _| Ok(()))?;
    Ok(true)
}
