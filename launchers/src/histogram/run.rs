//! Streams the variables through the fold.

use super::{HistogramArgs, Weights};
use crate::folding::{self, FoldJob};
use halocline_algorithms::statistics::{Histogram, HistogramState};
use halocline_core::budget;
use halocline_core::engine::{StreamPlan, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::Result;
use halocline_io::source::Source;

/// Bytes that writing may keep incomplete chunks in.
const WRITING: u64 = 64 << 20;

/// This rank's histograms.
pub(super) struct Counted {
    /// Whether each dimension of the variable is counted over.
    pub(super) over: Vec<bool>,
    /// Boxes of the dimensions that are kept, and their histograms.
    pub(super) columns: Vec<(IndexBox, HistogramState)>,
    pub(super) tiling: String,
    /// Bytes for writing.
    pub(super) writing: usize,
}

/// Counts.
///
/// # Collective
/// Every rank calls this.
pub(super) fn count(job: &FoldJob<'_>, args: &HistogramArgs, sources: &[Source]) -> Result<Counted> {
    let (comm, source) = (job.comm, &sources[0]);
    let dims = source.variable().dims.clone();
    let roles = args.roles(&dims)?;
    let over: Vec<bool> = dims.iter().map(|d| roles.contains(&d.role)).collect();
    let each = if args.weights == Weights::None { 8 } else { 16 };
    let kept = dims.iter().zip(&over).filter(|(_, over)| !**over).map(|(d, _)| d.len as u64);
    let table = Histogram::table_cells(&args.bins);
    let results = kept.fold(table.saturating_mul(each), u64::saturating_mul);
    let base = job.budget.largest_base(comm);
    // Before anything of that size is multiplied or made.
    if results > job.budget.bytes.saturating_sub(base) {
        let needed = results.saturating_add(base);
        return Err(budget::refuse(
            needed,
            job.budget,
            "ask for fewer --bins, or count --over more dimensions",
        ));
    }
    let weights = match args.weights {
        Weights::None => Vec::new(),
        Weights::Area => {
            let areas = source.grid().areas()?;
            let total: f64 = areas.iter().sum();
            areas.iter().map(|a| a / total).collect()
        }
    };
    let fold = Histogram::new(&args.bins, &dims, &roles, weights)?;
    let parts = args.selection.parts(comm, &dims)?;
    let writing = results.min(WRITING);
    // Results that wait for the end where time is kept, those of a tile on their way out.
    let waiting = if over[0] { 0 } else { results };
    let beside = waiting.saturating_add(writing).saturating_add(results.min(WRITING));
    let demand =
        folding::demand(comm, job.budget.bytes.saturating_sub(base).saturating_sub(beside), parts.as_deref());
    let streams: Vec<&dyn StreamSource> = sources.iter().map(|s| s as &dyn StreamSource).collect();
    let plan = StreamPlan::together(&streams, &fold, demand)
        .map_err(|e| folding::of_budget(e, job.budget, beside))?;
    let names: Vec<&str> = sources.iter().map(|s| s.variable().name.as_str()).collect();
    let together: Vec<&Source> = sources.iter().collect();
    job.tell_together(&names.join(" and "), &together, &plan, plan.estimate() + beside);
    let belongs = comm.on_root(|| {
        let inputs: Vec<String> = sources.iter().map(folding::fingerprint).collect();
        Ok(format!(
            "{names:?} {:?} {roles:?} weights={:?} {:?} {}",
            args.bins,
            args.weights,
            args.selection.describe(),
            inputs.join(" with ")
        ))
    })?;
    let columns = job.run_together(&belongs, &args.var[0], &together, &plan, &fold)?;
    let tiling = plan.tiling();
    let place = |column: usize| {
        let block = tiling.tile(tiling.at_place(column, 0, &roles)).block;
        let kept = block.ranges().iter().zip(&over).filter(|(_, over)| !**over);
        IndexBox::new(kept.map(|(range, _)| range.clone()).collect())
    };
    let columns = columns.into_iter().map(|(column, state)| (place(column), state)).collect();
    Ok(Counted { over, columns, tiling: tiling.rule().to_owned(), writing: writing as usize })
}
