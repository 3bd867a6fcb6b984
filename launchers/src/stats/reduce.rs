//! One variable through the fold.

use super::over::Reduced;
use super::percentiles::percentiles;
use super::times::{self, Times};
use super::weights::{self, Used};
use super::StatsArgs;
use crate::folding::{self, FoldJob};
use crate::series::SeriesMaps;
use halocline_algorithms::statistics::{Groups, Missing, Op, Quantity, Reduction, ReductionState, Rules};
use halocline_core::engine::{Fold, StreamPlan};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Coordinate, Role};
use halocline_core::{Error, Result};
use halocline_io::source::Source;

/// This rank's part of the results of one variable.
pub(super) struct Results {
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) reduced: Reduced,
    pub(super) time: Coordinate,
    pub(super) used: Used,
    pub(super) tiling: String,
    /// What is held here, dimensions that are reduced to nothing left out.
    pub(super) block: IndexBox,
    /// The most values that one result is made of.
    pub(super) most: u64,
    /// Values of each quantity of each operation, in order.
    pub(super) values: Vec<Vec<f64>>,
    /// Those of percentiles.
    pub(super) series: Option<SeriesMaps>,
}

/// What is decided of a variable before it is read.
pub(super) struct Task {
    pub(super) source: Source,
    pub(super) reduced: Reduced,
    pub(super) times: Times,
    used: Used,
    fold: Reduction,
    pub(super) rules: Rules,
}

/// What an operation gives, in the order of the operations.
pub(super) fn quantities(ops: &[Op]) -> Vec<(Op, Quantity)> {
    ops.iter().flat_map(|op| op.quantities().iter().map(|q| (*op, *q))).collect()
}

fn prepare(job: &FoldJob<'_>, args: &StatsArgs, source: Source) -> Result<Task> {
    let reduced = Reduced::find(&args.over, &source)?;
    let times = Times::new(args, &source, reduced.has(Role::Time))?;
    let (weights, used) = weights::find(job.comm, args, &source, &reduced)?;
    let ops = args.ops();
    let regressor = if ops.contains(&Op::Trend) { times::regressor(&source, args.per()) } else { Vec::new() };
    let dims = source.variable().dims.clone();
    let fold = Reduction::new(&dims, &reduced.roles, &ops, times.groups.clone(), weights, regressor)?;
    let cells = cells(&source, &reduced, args.missing)?;
    let rules = Rules { missing: args.missing, ddof: args.ddof(), cells };
    Ok(Task { source, reduced, times, used, fold, rules })
}

/// Cells of a step that are reduced together.
fn cells(source: &Source, reduced: &Reduced, missing: Missing) -> Result<u64> {
    let dims = &source.variable().dims;
    let space = dims.iter().zip(&reduced.dims).skip(1).filter(|(_, r)| **r);
    let all: u64 = space.map(|(d, _)| d.len as u64).product();
    let grid = source.grid();
    let left_out = grid.excluded.iter().filter(|e| **e).count() as u64;
    let horizontal = grid.dims.iter().filter(|d| reduced.has(d.role)).count();
    if left_out == 0 || horizontal == 0 {
        return Ok(all);
    }
    if horizontal == grid.dims.len() {
        let ground = grid.len() as u64;
        return Ok(all / ground.max(1) * (ground - left_out));
    }
    match missing {
        Missing::Propagate => {
            Err(Error::usage("--missing propagate along one dimension of a box that cuts rows")
                .remedy("use --missing skip, or reduce over both horizontal dimensions"))
        }
        _ => Ok(all),
    }
}

/// Streams one variable through the fold.
///
/// # Collective
/// Every rank calls this.
pub(super) fn reduce(job: &FoldJob<'_>, args: &StatsArgs, name: &str, source: Source) -> Result<Results> {
    let comm = job.comm;
    let task = prepare(job, args, source)?;
    let parts = args.selection.parts(comm, &task.source.variable().dims)?;
    let wanted = quantities(&args.ops());
    let shape = task.source.variable().shape();
    let whole = task.fold.result_box(&IndexBox::whole(&shape));
    // The results, on the rank that holds them all, and once more on their way out; states that
    // stay until the end, or travel.
    let maps = (whole.len() * wanted.len() * 2 * std::mem::size_of::<f64>()) as u64;
    let series = percentiles(job, args, name, &task, maps)?;
    if let Some(tiling) = series.as_ref().map(|s| s.tiling.clone()).filter(|_| wanted.is_empty()) {
        let Task { source, reduced, times, used, .. } = task;
        let (block, name) = (IndexBox::new(Vec::new()), name.to_owned());
        let time = times.coordinate;
        return Ok(Results {
            name,
            source,
            reduced,
            time,
            used,
            tiling,
            block,
            most: 0,
            values: Vec::new(),
            series,
        });
    }
    let states = task.fold.result_bytes(&shape);
    let kept = match (task.reduced.has(Role::Time), comm.size()) {
        (true, 1) => 0,
        (true, _) if task.fold.groups().len() == 1 => 0,
        _ => 2 * states,
    };
    let besides = maps + kept;
    let room = job.budget.for_buffers(comm).saturating_sub(besides);
    let demand = folding::demand(comm, room, parts.as_deref());
    let plan = StreamPlan::new(&task.source, &task.fold, demand)
        .map_err(|e| folding::of_budget(e, job.budget, besides))?;
    job.tell(name, &task.source, &plan, plan.estimate() + besides);
    if let Some(note) = &task.times.note {
        job.verbosity.say(comm, || format!("{name}: {note}"));
    }
    let belongs = comm.on_root(|| Ok(job_name(args, name, &task)))?;
    let columns = job.run(&belongs, name, &task.source, &plan, &task.fold)?;
    comm.agree(check_weights(&columns))?;
    let block = folding::held(&plan, task.fold.reduces(), comm.rank())
        .map_or_else(|| folding::nothing(shape.len()), |own| task.fold.result_box(&own));
    let values: Result<Vec<Vec<f64>>> =
        wanted.iter().map(|(_, q)| assemble(&plan, &task, &block, &columns, *q)).collect();
    let values = comm.agree(values)?;
    let most = task.fold.groups().sizes().into_iter().max().unwrap_or(0).saturating_mul(task.rules.cells);
    let tiling = plan.tiling().rule().to_owned();
    let Task { source, reduced, times, used, .. } = task;
    let kept = block.ranges().iter().enumerate().filter(|(d, _)| *d == 0 || !reduced.dims[*d]);
    let block = IndexBox::new(kept.map(|(_, range)| range.clone()).collect());
    let name = name.to_owned();
    Ok(Results { name, source, reduced, time: times.coordinate, used, tiling, block, most, values, series })
}

/// What a saved state belongs to: everything that its numbers depend on.
pub(super) fn job_name(args: &StatsArgs, name: &str, task: &Task) -> String {
    let by = super::options::word(&args.by);
    let groups: &Groups = task.fold.groups();
    format!(
        "{name} over={:?} by={by}:{} weights={} convention={} per={} kept={} {:?} {}",
        task.reduced.dims,
        groups.len(),
        task.used.text(),
        super::options::word(&args.convention),
        super::options::word(&args.per()),
        task.fold.accumulators(),
        args.selection.describe(),
        folding::fingerprint(&task.source)
    )
}

/// A value whose weight nobody knows makes a mean of nothing.
fn check_weights(columns: &[(usize, ReductionState)]) -> Result<()> {
    if columns.iter().all(|(_, state)| state.has_weights()) {
        return Ok(());
    }
    Err(Error::data("there are values in cells whose area is missing or not finite")
        .remedy("correct the coordinates of the grid, or use --weights none"))
}

/// The values of one quantity from the states of columns.
fn assemble(
    plan: &StreamPlan,
    task: &Task,
    block: &IndexBox,
    columns: &[(usize, ReductionState)],
    quantity: Quantity,
) -> Result<Vec<f64>> {
    let mut map = vec![f64::NAN; block.len()];
    for (column, state) in columns {
        let first = plan.tiling().at_place(*column, 0, task.fold.reduces());
        let place = task.fold.result_box(&plan.tiling().tile(first).block);
        let values = task.fold.finish(state, quantity, &task.rules)?;
        for (&group, values) in state.groups().iter().zip(values.chunks(state.cells().max(1))) {
            let group = group as usize;
            block.insert(&mut map, &place.with_range(0, group..group + 1), values);
        }
    }
    Ok(map)
}
