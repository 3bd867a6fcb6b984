//! Percentiles of a variable, beside what one pass gives.

use super::over::Ground;
use super::reduce::Results;
use super::reduce::{job_name, Task};
use super::StatsArgs;
use crate::folding::FoldJob;
use crate::series::{self, SeriesMaps};
use halocline_algorithms::statistics::{
    ApproximatePercentiles, CountedPercentiles, Percentiles, QuantileMethod,
};
use halocline_core::engine::StreamSource;
use halocline_core::meta::{Attributes, Role};
use halocline_core::{Error, Result};

/// The percentiles that are asked for, if there are any; `reserved` bytes are taken otherwise.
///
/// # Collective
/// Every rank calls this.
pub(super) fn percentiles(
    job: &FoldJob<'_>,
    args: &StatsArgs,
    name: &str,
    task: &Task,
    reserved: u64,
) -> Result<Option<SeriesMaps>> {
    let percents = args.percents();
    if percents.is_empty() {
        return Ok(None);
    }
    let roles = &task.reduced.roles;
    if args.approx.is_some() && *roles != [Role::Time] {
        return Err(Error::usage("--approx is for percentiles over time, at each point")
            .remedy("use --over time, or leave --approx out"));
    }
    let (comm, source) = (job.comm, &task.source);
    let parts = args.selection.parts(comm, &source.variable().dims)?;
    let steps = source.time().len();
    let groups = &task.times.groups;
    if let Some(error) = args.approx {
        let fold = ApproximatePercentiles::new(&percents, error, steps)?.missing(args.missing);
        let fold = if StreamSource::is_single(source) { fold.of_singles() } else { fold };
        let belongs = comm.on_root(|| Ok(format!("sketches {error} {}", job_name(args, name, task))))?;
        let numbers = (percents.len(), reserved);
        return series::approximate(job, (name, &belongs), source, &fold, parts.as_deref(), numbers)
            .map(Some);
    }
    let method = args.percentile.unwrap_or(QuantileMethod::Linear);
    let (dims, possible) = (&source.variable().dims, task.rules.cells);
    let mut work =
        Percentiles::new(&percents)?.method(method).missing(args.missing).over(dims, roles, possible)?;
    let mut counted = None;
    if task.reduced.has(Role::Time) {
        let single = StreamSource::is_single(source);
        let work = CountedPercentiles::new(&percents, dims, roles, groups, single)?;
        counted = Some(work.rules(method, args.missing, possible));
    }
    if groups.len() > 1 && task.reduced.has(Role::Time) {
        work = work.pooled(groups.members());
    }
    series::percentiles_over(job, name, source, (&work, counted), (parts.as_deref(), reserved)).map(Some)
}

/// Says that all values count alike, where their areas differ.
pub(super) fn describe_weights(attributes: &mut Attributes, results: &Results) {
    if results.reduced.ground(&results.source) == Ground::None {
        return;
    }
    let methods = attributes.text("cell_methods").filter(|methods| methods.ends_with(": median"));
    if let Some(methods) = methods.map(|methods| format!("{methods} (unweighted)")) {
        attributes.set("cell_methods", methods);
        return;
    }
    let ours = "unweighted: values count alike, whatever their areas";
    let comment = attributes.text("comment").map_or(ours.to_owned(), |text| format!("{text}; {ours}"));
    attributes.set("comment", comment);
}
