//! A projection from beginning to end.

use super::{Centre, Components, Missing, Patterns, Projection, ProjectionState};
use halocline_core::engine::{Demand, Engine, FoldRun, StreamPlan, StreamSource};
use halocline_core::{Error, Result};
use std::sync::{Arc, OnceLock};

/// Projects all of `source` (time first), less the maps of `centre` if there are any, on `patterns`
/// in one pass, within the memory of `demand`: time × modes, C order, the same on every rank.
///
/// # Collective
/// Every rank calls this with the same patterns.
///
/// # Errors
/// Data, if values are infinite where there are patterns, or missing and not to be skipped; memory, if
/// windows don't fit; what reading reports.
pub fn project(
    engine: &Engine,
    source: &dyn StreamSource,
    patterns: Patterns,
    centre: Option<Centre>,
    missing: Missing,
    demand: Demand<'_>,
) -> Result<Vec<f64>> {
    let variable = source.variable();
    let (times, modes) = (variable.dims.first().map_or(0, |d| d.len), patterns.modes());
    let patterns = Arc::new(OnceLock::from(patterns));
    let centre = Arc::new(centre.map_or_else(OnceLock::new, OnceLock::from));
    let fold =
        Projection::new(&variable.dims, modes, missing == Missing::Skip, Arc::clone(&patterns), centre);
    let plan = StreamPlan::new(source, &fold, demand)?;
    let mut run = FoldRun::stream(engine, source, &plan, &fold)?;
    while run.advance(usize::MAX)? {}
    let own: Vec<ProjectionState> = run.finish()?.into_iter().map(|(_, state)| state).collect();
    let states: Vec<ProjectionState> = engine.gather(&own)?.into_iter().flatten().collect();
    let components = Components::new(times, modes, &states)?;
    let of = |what: String| Err(Error::data(what).in_variable(&variable.name));
    if let Some((time, cell)) = components.infinite() {
        return of(format!("is infinite at time {time}, cell {cell} (counted from 0)"));
    }
    if let Some(gap) = components.gap().filter(|_| missing == Missing::Refuse) {
        let (time, cell) = gap.first;
        return of(format!(
            "{} values are missing where the patterns have values, the first at time {time}, cell {cell} (counted from 0)",
            gap.values
        ));
    }
    let patterns = patterns.get().ok_or_else(|| Error::internal("there are no patterns"))?;
    Ok(components.series(patterns))
}
