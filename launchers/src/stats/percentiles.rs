//! Percentiles of a variable, beside what one pass gives.

use super::reduce::{job_name, Task};
use super::StatsArgs;
use crate::folding::FoldJob;
use crate::series::{self, SeriesMaps};
use halocline_algorithms::statistics::{ApproximatePercentiles, Percentiles, QuantileMethod};
use halocline_core::engine::StreamSource;
use halocline_core::meta::Role;
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
    if task.reduced.roles != [Role::Time] {
        return Err(Error::usage("percentiles are over time, at each point")
            .remedy("use --over time for them, in a run of their own"));
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
    let mut work = Percentiles::new(&percents)?.method(method).missing(args.missing);
    if groups.len() > 1 {
        work = work.pooled(groups.members());
    }
    series::percentiles(job, name, source, &work, parts.as_deref(), reserved).map(Some)
}
