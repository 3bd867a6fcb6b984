//! From the base period to the states of the parts of the cycle.

use super::{ClimatologyArgs, Job};
use crate::asked;
use crate::folding::{self, FoldJob};
use crate::series::{self, SeriesMaps};
use halocline_algorithms::climatology;
use halocline_algorithms::statistics::{
    Groups, Percentiles, Quantity, Reduction, ReductionState, Rules, Weights,
};
use halocline_core::calendar::{Cycle, DateTime};
use halocline_core::engine::StreamPlan;
use halocline_core::index::IndexBox;
use halocline_core::meta::Role;
use halocline_core::{Error, Result};
use halocline_io::source::Source;

/// This rank's part of the climatology of one variable.
pub(super) struct Parts {
    pub(super) name: String,
    /// The base period.
    pub(super) source: Source,
    pub(super) tiling: String,
    /// What one pass gives; none if only percentiles are asked for.
    reduced: Option<Reduced>,
    /// The percentiles.
    pub(super) series: Option<SeriesMaps>,
}

struct Reduced {
    fold: Reduction,
    plan: StreamPlan,
    columns: Vec<(usize, ReductionState)>,
    /// The cells of this rank; the first dimension counts parts.
    block: IndexBox,
}

/// The dates of a source's times, in the middle of their bounds where there are any.
pub(super) fn dates(source: &Source) -> Result<Vec<DateTime>> {
    let axis = source.time();
    let bounds = source.time_coordinate().bounds.as_ref().map(|b| b.values.to_f64());
    Ok(axis.middles(bounds.as_deref())?.into_iter().map(|at| axis.calendar.datetime(at)).collect())
}

/// Refuses anomalies of times whose part of the cycle the base period does not have.
pub(super) fn check(cycle: Cycle, base: &Source, field: &Source) -> Result<()> {
    let calendar = base.time().calendar;
    let mut there = vec![false; cycle.len(calendar)];
    for at in dates(base)? {
        if let Some(part) = cycle.part(calendar, &at) {
            there[part] = true;
        }
    }
    let lacks = |at: &DateTime| {
        cycle.part(calendar, at).is_some_and(|part| !there.get(part).copied().unwrap_or(false))
    };
    match dates(field)?.into_iter().find(lacks) {
        None => Ok(()),
        Some(at) => Err(Error::usage(format!(
            "the base period has no time in the {} of {}, of which an anomaly is asked for",
            cycle.name(),
            at.date_string()
        ))
        .remedy("choose a longer --base, or other times")),
    }
}

/// Streams the base period of one variable through the fold.
pub(super) fn reduce(
    job: &FoldJob<'_>,
    args: &ClimatologyArgs,
    wanted: &Job,
    name: &str,
    source: Source,
) -> Result<Parts> {
    let comm = job.comm;
    let dims = source.variable().dims.clone();
    let by_hand = args.selection.parts(comm, &dims)?;
    let groups = climatology::groups(wanted.cycle, source.time().calendar, &dates(&source)?)?;
    let count = groups.len();
    // One result on the rank that holds all of it; with a window, what is pooled beside it.
    let cells: usize = dims.iter().skip(1).map(|d| d.len).product();
    let maps = (count * cells * std::mem::size_of::<f64>()) as u64;
    let percents = asked::percents(&wanted.asked);
    let series = if percents.is_empty() {
        None
    } else {
        let pools = pools(&groups, wanted.window);
        let work = Percentiles::new(&percents)?.method(wanted.method).pooled(pools);
        Some(series::percentiles(job, name, &source, &work, by_hand.as_deref(), maps)?)
    };
    let ops = asked::ops(&wanted.asked);
    let name = name.to_owned();
    if let Some(tiling) = series.as_ref().map(|s| s.tiling.clone()).filter(|_| ops.is_empty()) {
        return Ok(Parts { name, source, tiling, reduced: None, series });
    }
    let fold = Reduction::new(&dims, &[Role::Time], &ops, groups, Weights::default(), Vec::new())?;
    let room = job.budget.for_buffers(comm).saturating_sub(maps);
    let demand = folding::demand(comm, room, by_hand.as_deref());
    let plan =
        StreamPlan::new(&source, &fold, demand).map_err(|e| folding::of_budget(e, job.budget, maps))?;
    job.tell(&name, &source, &plan, plan.estimate() + maps);
    let what = || {
        let about = (&wanted.cycle, &ops, wanted.window, args.selection.describe());
        Ok(format!("climatology of {name} {about:?} {:?} {}", args.base, folding::fingerprint(&source)))
    };
    let belongs = comm.on_root(what)?;
    let mut columns = job.run(&belongs, &name, &source, &plan, &fold)?;
    if wanted.window > 1 {
        let lists = climatology::window(count, wanted.window);
        for (_, state) in &mut columns {
            *state = fold.pooled(state, &lists);
        }
    }
    let block = folding::held(&plan, &[Role::Time], comm.rank())
        .map_or_else(|| folding::nothing(dims.len()), |own| fold.result_box(&own));
    let tiling = plan.tiling().rule().to_owned();
    Ok(Parts { name, source, tiling, reduced: Some(Reduced { fold, plan, columns, block }), series })
}

/// The steps that are pooled for each part, in the order of time.
fn pools(groups: &Groups, width: usize) -> Vec<Vec<u32>> {
    let of_part = groups.members();
    let pool = |parts: Vec<u32>| {
        let mut steps: Vec<u32> = parts.iter().flat_map(|&p| of_part[p as usize].iter().copied()).collect();
        steps.sort_unstable();
        steps
    };
    climatology::window(groups.len(), width).into_iter().map(pool).collect()
}

impl Parts {
    /// Hands the results of a quantity to `write`, some parts at a time: equally often on all
    /// ranks.
    pub(super) fn each(
        &self,
        quantity: Quantity,
        write: &mut dyn FnMut(&IndexBox, Vec<f64>) -> Result<()>,
    ) -> Result<()> {
        /// Values of a piece: what compressing in threads wants.
        const VALUES: usize = 4 << 20;
        let rules = Rules { missing: halocline_algorithms::statistics::Missing::Skip, ddof: 1, cells: 1 };
        let Some(Reduced { fold, plan, columns, block: own }) = &self.reduced else { return Ok(()) };
        let mut finished = Vec::with_capacity(columns.len());
        for (column, state) in columns {
            let id = plan.tiling().at_place(*column, 0, &[Role::Time]);
            let values = fold.finish(state, quantity, &rules)?;
            finished.push((plan.tiling().tile(id).block, state, values));
        }
        let dims = &self.source.variable().dims;
        let map: usize = dims.iter().skip(1).map(|d| d.len).product();
        let count = fold.groups().len();
        let step = (VALUES / map.max(1)).clamp(1, count.max(1));
        for first in (0..count).step_by(step) {
            let parts = first..count.min(first + step);
            let block = if own.is_empty() { own.clone() } else { own.with_range(0, parts.clone()) };
            let mut piece = vec![f64::NAN; block.len()];
            for (tile, state, values) in &finished {
                let cells = state.cells();
                for (slot, &group) in state.groups().iter().enumerate() {
                    let group = group as usize;
                    if parts.contains(&group) {
                        let place = tile.with_range(0, group..group + 1);
                        block.insert(&mut piece, &place, &values[slot * cells..(slot + 1) * cells]);
                    }
                }
            }
            write(&block, piece)?;
        }
        Ok(())
    }
}
