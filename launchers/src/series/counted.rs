//! Percentiles of cells that have more values than memory holds, or too many for one thread, by
//! counting in several passes.

use super::percentiles::{work_bytes, SeriesMaps};
use super::{planned, run, tell};
use crate::folding::{self, FoldJob};
use halocline_algorithms::statistics::{CountedPercentiles, Found, Percentiles};
use halocline_core::engine::{Engine, SeriesPlan, SeriesResults, SeriesWork, StreamPlan, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::tiling::Tiling;
use halocline_core::{ErrorKind, Result};
use halocline_io::source::Source;

/// Values of a cell, at least, that are worth another pass over the files when there are fewer
/// cells than threads.
const MANY: usize = 1 << 20;
/// How many values take as long to count as a counter whose memory is new.
const NEW: u64 = 4;
/// Binary digits that a pass may find.
const DIGITS: [u32; 4] = [16, 11, 8, 4];

/// The percentiles of one variable, in memory or by counting, whichever is possible or takes fewer
/// passes over the files: the bits are the same. `counted` is the same work where it can be counted;
/// for `parts` and `reserved` see [`percentiles`](super::percentiles()).
///
/// # Collective
/// Every rank calls this.
pub(crate) fn percentiles_over(
    job: &FoldJob<'_>,
    name: &str,
    source: &Source,
    (work, counted): (&Percentiles, Option<CountedPercentiles>),
    (parts, reserved): (Option<&[usize]>, u64),
) -> Result<SeriesMaps> {
    let reserved = reserved.saturating_add(work_bytes(source, work));
    let plan = match planned(job, source, work, parts, reserved) {
        Err(e) if e.kind != ErrorKind::Memory => return Err(e),
        plan => plan,
    };
    if let Some(counted) = counted {
        let room =
            job.budget.for_buffers(job.comm).saturating_sub(reserved).saturating_sub(counted.kept_bytes());
        let budget = (parts, room);
        match better(job, source, plan.as_ref().ok(), &counted, budget) {
            Some(digits) => {
                let counted = (counted.digits(digits), digits);
                return by_counting(job, name, source, counted, (parts, room, reserved), work);
            }
            // What is counted needs less, unless there are many cells.
            None if plan.is_err() && work.reduces().len() > 1 => {
                let least = counted.digits(DIGITS[DIGITS.len() - 1]).largest();
                stream(job, source, &least, budget)
                    .map_err(|e| folding::of_budget(e, job.budget, reserved))?;
            }
            None => {}
        }
    }
    let plan = plan?;
    tell(job, name, source, &plan, plan.estimate() + reserved);
    let mut batches = Vec::new();
    run(job, source, &plan, work, &mut |results| {
        batches.push(results);
        Ok(())
    })?;
    Ok(SeriesMaps::of_batches(plan.tiling().rule(), work.groups(), batches))
}

/// How many digits a pass should find, if counting serves better than what is planned: the same
/// answer on every rank.
fn better(
    job: &FoldJob<'_>,
    source: &Source,
    plan: Option<&SeriesPlan>,
    counted: &CountedPercentiles,
    budget: (Option<&[usize]>, u64),
) -> Option<u32> {
    let busy = job.comm.size() * halocline_core::threads::for_plans();
    let is_slow = |plan: &SeriesPlan| plan.tiling().len() < busy && plan.samples() >= MANY;
    let serves = |passes: usize| plan.is_none_or(|plan| plan.passes() > passes || is_slow(plan));
    if !serves(counted.passes()) {
        return None;
    }
    let digits = DIGITS.into_iter().filter_map(|digits| {
        let work = counted.clone().digits(digits);
        let plan = stream(job, source, &work.largest(), budget).ok()?;
        // What a pass touches: the values, the counters of each tile, and those of all cells on each
        // level of the merge tree, whose memory is new.
        let (tiling, whole) = (plan.tiling(), &source.variable().shape());
        let levels = u64::from(tiling.counts()[0].max(1).ilog2()) + 1;
        let values = whole.iter().fold(1u64, |n, &len| n.saturating_mul(len as u64));
        let of_tiles = work.counters(&tiling.tile(0)).saturating_mul(tiling.len() as u64);
        let merged = work.all_counters().saturating_mul(NEW * levels);
        let touched = values.saturating_add(of_tiles).saturating_add(merged);
        Some((touched.saturating_mul(work.passes() as u64), work.passes(), digits))
    });
    let (_, _, digits) = digits.min().filter(|&(_, passes, _)| serves(passes))?;
    Some(digits)
}

fn stream(
    job: &FoldJob<'_>,
    source: &Source,
    work: &CountedPercentiles,
    (parts, room): (Option<&[usize]>, u64),
) -> Result<StreamPlan> {
    StreamPlan::new(source as &dyn StreamSource, work, folding::demand(job.comm, room, parts))
}

fn by_counting(
    job: &FoldJob<'_>,
    name: &str,
    source: &Source,
    (mut counted, digits): (CountedPercentiles, u32),
    (parts, room, reserved): (Option<&[usize]>, u64, u64),
    work: &Percentiles,
) -> Result<SeriesMaps> {
    let comm = job.comm;
    let passes = counted.passes();
    // One plan for all passes, so that what one has taken serves the next.
    let plan = stream(job, source, &counted.largest(), (parts, room))?;
    job.verbosity
        .say(comm, || format!("percentiles of {name} by counting, in {passes} passes over the files"));
    job.tell(name, source, &plan, plan.estimate() + reserved + counted.kept_bytes());
    let engine = Engine::with_progress(comm, job.progress);
    for pass in 1..=passes {
        let belongs = format!("{name}, {digits} digits, pass {pass} of {passes}");
        let columns = job.run(&belongs, "", source, &plan, &counted)?;
        let found = columns.iter().flat_map(|(column, state)| {
            let first = plan.tiling().at_place(*column, 0, work.reduces());
            counted.found(&plan.tiling().tile(first), state)
        });
        let found: Vec<Vec<Found>> = engine.gather(&found.collect())?;
        counted = counted.advance(found.into_iter().flatten())?;
    }
    let dims = &source.variable().dims;
    let reduced: Vec<bool> = dims.iter().map(|d| work.reduces().contains(&d.role)).collect();
    // As if it had been in memory: how it was done does not show.
    let rule = if reduced[1..].contains(&true) {
        Tiling::cells_over(dims, &reduced, None)
    } else {
        Tiling::cells(dims, None)
    };
    let batch = if comm.is_root() {
        SeriesResults {
            cells: IndexBox::whole(&source.variable().shape()),
            reduced,
            values: counted.values(),
        }
    } else {
        SeriesResults {
            cells: folding::nothing(dims.len()),
            reduced,
            values: vec![Vec::new(); work.rows().len()],
        }
    };
    Ok(SeriesMaps::of_batches(rule.rule(), work.groups(), vec![batch]))
}
