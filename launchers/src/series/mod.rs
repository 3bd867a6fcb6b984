//! What commands do with whole series: percentiles of each cell, and statistics that run along
//! them.

mod approximate;
mod counted;
mod percentiles;
mod running;

pub(crate) use approximate::approximate;
pub(crate) use counted::percentiles_over;
pub(crate) use percentiles::{describe, percent_of, percentile_name, percentiles, SeriesMaps};
pub(crate) use running::{chunks, running, writing_bytes, writing_of, RunningAsk, WRITING};

use crate::common::bytes_text;
use crate::folding::{self, FoldJob};
use crate::report;
use halocline_core::engine::{Demand, SeriesNeeds, SeriesPlan, SeriesResults, SeriesWork, StreamSource};
use halocline_core::Result;
use halocline_io::source::Source;

/// Plans `work` within what the budget leaves beside `reserved` bytes for results and their
/// writing.
fn planned(
    job: &FoldJob<'_>,
    source: &Source,
    work: &dyn SeriesWork,
    parts: Option<&[usize]>,
    reserved: u64,
) -> Result<SeriesPlan> {
    planned_together(job, &[source], work, parts, reserved)
}

/// [`planned`] of several sources in lockstep.
fn planned_together(
    job: &FoldJob<'_>,
    sources: &[&Source],
    work: &dyn SeriesWork,
    parts: Option<&[usize]>,
    reserved: u64,
) -> Result<SeriesPlan> {
    within(job, parts, reserved, |demand| SeriesPlan::together(&streams(sources), work, demand))
}

fn streams<'a>(sources: &[&'a Source]) -> Vec<&'a dyn StreamSource> {
    sources.iter().map(|source| *source as &dyn StreamSource).collect()
}

fn within(
    job: &FoldJob<'_>,
    parts: Option<&[usize]>,
    reserved: u64,
    plan: impl FnOnce(Demand<'_>) -> Result<SeriesPlan>,
) -> Result<SeriesPlan> {
    let comm = job.comm;
    let base = job.budget.largest_base(comm);
    let room = job.budget.bytes.saturating_sub(base).saturating_sub(reserved);
    plan(folding::demand(comm, room, parts)).map_err(|e| folding::of_budget(e, job.budget, reserved))
}

/// Plans passes that need this much of whole series, beside `reserved` bytes, and says so.
pub(crate) fn plan_needs(
    job: &FoldJob<'_>,
    name: &str,
    source: &Source,
    needs: &SeriesNeeds,
    parts: Option<&[usize]>,
    reserved: u64,
) -> Result<SeriesPlan> {
    let plan = plan_silently(job, source, needs, parts, reserved)?;
    tell(job, name, source, &plan, plan.estimate() + reserved);
    Ok(plan)
}

/// [`plan_needs`] without a word.
pub(crate) fn plan_silently(
    job: &FoldJob<'_>,
    source: &Source,
    needs: &SeriesNeeds,
    parts: Option<&[usize]>,
    reserved: u64,
) -> Result<SeriesPlan> {
    within(job, parts, reserved, |demand| SeriesPlan::of_needs(source, needs, demand))
}

/// [`planned`], and says so.
pub(crate) fn plan(
    job: &FoldJob<'_>,
    name: &str,
    source: &Source,
    work: &dyn SeriesWork,
    parts: Option<&[usize]>,
    reserved: u64,
) -> Result<SeriesPlan> {
    plan_together(job, name, &[source], work, (parts, reserved))
}

/// Plans `work` over several sources in lockstep, one at least, within what the budget leaves beside
/// `reserved` bytes, and says so.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn plan_together(
    job: &FoldJob<'_>,
    name: &str,
    sources: &[&Source],
    work: &dyn SeriesWork,
    (parts, reserved): (Option<&[usize]>, u64),
) -> Result<SeriesPlan> {
    let plan = planned_together(job, sources, work, parts, reserved)?;
    tell_together(job, name, sources, &plan, plan.estimate() + reserved);
    Ok(plan)
}

/// Says what is going to be done, and what memory it takes.
pub(crate) fn tell(job: &FoldJob<'_>, name: &str, source: &Source, plan: &SeriesPlan, bytes: u64) {
    tell_together(job, name, &[source], plan, bytes);
}

fn tell_together(job: &FoldJob<'_>, name: &str, sources: &[&Source], plan: &SeriesPlan, bytes: u64) {
    let resident = halocline_core::budget::resident().unwrap_or(0);
    let shape: Vec<String> = plan.tiling().dims().iter().map(|d| format!("{} {}", d.len, d.name)).collect();
    job.verbosity.say(job.comm, || {
        format!(
            "whole series of {name} ({}), {} x {}: {}, about {} of memory a rank of {} ({})",
            shape.join(" x "),
            folding::plural(job.comm.size(), "rank"),
            folding::plural(rayon::current_num_threads(), "thread"),
            match plan.passes() {
                1 => "one pass over the files".to_owned(),
                n => format!("{n} passes over the files"),
            },
            bytes_text(resident + bytes),
            bytes_text(job.budget.bytes),
            job.budget.origin
        )
    });
    job.verbosity.detail(job.comm, || plan.describe());
    job.tell_notes(sources);
    report::event(job.comm, "plan", || {
        serde_json::json!({
            "variable": name,
            "tiles": plan.tiling().len(),
            "tiling": plan.tiling().rule(),
            "batches": plan.batches(),
            "passes": plan.passes(),
            "memory_estimate": resident + bytes,
            "memory_promise": job.budget.bytes,
            "bytes_to_read": sources
                .iter()
                .map(|source| folding::bytes_to_read(source))
                .sum::<u64>()
                .saturating_mul(plan.passes() as u64),
        })
    });
}

/// Runs `work` over all series, as planned.
///
/// # Collective
/// Every rank calls this; `sink` is called equally often on each and may communicate.
pub(crate) fn run<W: SeriesWork>(
    job: &FoldJob<'_>,
    source: &Source,
    plan: &SeriesPlan,
    work: &W,
    sink: &mut dyn FnMut(SeriesResults) -> Result<()>,
) -> Result<()> {
    run_together(job, &[source], plan, work, sink)
}

/// Runs `work` over all series of several sources in lockstep, as planned.
///
/// # Collective
/// Every rank calls this; `sink` is called equally often on each and may communicate.
pub(crate) fn run_together<W: SeriesWork>(
    job: &FoldJob<'_>,
    sources: &[&Source],
    plan: &SeriesPlan,
    work: &W,
    sink: &mut dyn FnMut(SeriesResults) -> Result<()>,
) -> Result<()> {
    let engine = job.engine();
    folding::guarded(job.comm, sources, || engine.series_together(&streams(sources), plan, work, sink))
}
