//! One variable through the fold.

use super::options::{Convention, Weight};
use super::over::Reduced;
use super::times::{self, Times};
use super::weights::{self, Used};
use super::StatsArgs;
use crate::folding;
use crate::passes::{self, Pass, Wanted};
use crate::repeated;
use crate::series::SeriesMaps;
use halocline_algorithms::statistics::{Missing, Op, Quantity, Reduction, ReductionState, Rules};
use halocline_core::comm::Comm;
use halocline_core::engine::{Fold, StreamPlan};
use halocline_core::grid::Grid;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Coordinate, Role};
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::source::{Selection, Source};
use std::path::PathBuf;

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
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) reduced: Reduced,
    pub(super) times: Times,
    /// What makes two reads the same.
    pub(super) key: String,
    /// Parts of the dimensions, by hand.
    pub(super) parts: Option<Vec<usize>>,
    /// Bytes of the results, on the rank that holds them all, and once more on their way out.
    pub(super) maps: u64,
    /// Bytes that are needed beside windows and states: results, and states that stay until the
    /// end, or travel.
    pub(super) besides: u64,
    /// The same on each of several ranks, however many there are here.
    pub(super) besides_of_many: u64,
    used: Used,
    pub(super) rules: Rules,
    accumulators: String,
}

/// What an operation gives, in the order of the operations.
pub(super) fn quantities(ops: &[Op]) -> Vec<(Op, Quantity)> {
    ops.iter().flat_map(|op| op.quantities().iter().map(|q| (*op, *q))).collect()
}

/// Decides what is to be done with a variable, and the pass that does it.
///
/// # Collective
/// Every rank calls this.
pub(super) fn prepare(
    comm: &Comm,
    args: &StatsArgs,
    (dataset, selection): (&Dataset, &Selection),
    name: &str,
    source: Source,
) -> Result<(Task, Pass<Reduction>)> {
    let reduced = Reduced::find(&args.over, &source)?;
    // Other tools, and who wants no weights, count each cell of the file.
    let counts_each = args.convention != Convention::Halocline || args.weights.contains(&Weight::None);
    let source = if counts_each {
        source
    } else {
        repeated::left_out(comm, dataset, source, selection, &reduced.roles)?.0
    };
    let times = Times::new(args, &source, reduced.has(Role::Time))?;
    let (weights, used) = weights::find(comm, args, &source, &reduced)?;
    let ops = args.ops();
    let regressor = if ops.contains(&Op::Trend) { times::regressor(&source, args.per()) } else { Vec::new() };
    let dims = source.variable().dims.clone();
    let fold = Reduction::new(&dims, &reduced.roles, &ops, times.groups.clone(), weights, regressor)?;
    let cells = cells(&source, &reduced, args.missing)?;
    let rules = Rules { missing: args.missing, ddof: args.ddof(), cells };
    let parts = args.selection.parts(comm, &dims)?;
    let shape = source.variable().shape();
    let whole = fold.result_box(&IndexBox::whole(&shape));
    let maps = (whole.len() * quantities(&ops).len() * 2 * std::mem::size_of::<f64>()) as u64;
    let states = fold.result_bytes(&shape);
    let is_one = |ranks: usize| reduced.has(Role::Time) && (ranks == 1 || fold.groups().len() == 1);
    let kept = |ranks: usize| if is_one(ranks) { 0 } else { 2 * states };
    let (besides, besides_of_many) = (maps + kept(comm.size()), maps + kept(2));
    let task = Task {
        name: name.to_owned(),
        key: passes::key(&source, selection),
        source,
        reduced,
        times,
        parts,
        maps,
        besides,
        besides_of_many,
        used,
        rules,
        accumulators: fold.accumulators(),
    };
    Ok((task, Pass::new(fold, None)))
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
    let (along, same) = left_out_of_lines(grid, reduced);
    match (missing, same) {
        (_, Some(left_out)) => Ok(all / along.max(1) * (along - left_out)),
        (Missing::Propagate, None) => {
            Err(Error::usage("--missing propagate along one dimension of a box that cuts rows")
                .remedy("use --missing skip, or reduce over both horizontal dimensions"))
        }
        _ => Ok(all),
    }
}

/// How long the lines of a grid are that are reduced, and how many cells are left out of each; `None`
/// if that is not the same for all.
fn left_out_of_lines(grid: &Grid, reduced: &Reduced) -> (u64, Option<u64>) {
    let [first, second] = grid.dims.as_slice() else { return (0, None) };
    let is_first = reduced.has(first.role);
    let mut lines = vec![0; if is_first { second.len } else { first.len }];
    for (cell, _) in grid.excluded.iter().enumerate().filter(|(_, out)| **out) {
        lines[if is_first { cell % second.len } else { cell / second.len }] += 1;
    }
    let same = lines.first().copied().filter(|count| lines.iter().all(|other| other == count));
    (if is_first { first.len as u64 } else { second.len as u64 }, same)
}

impl Task {
    /// The one pass over the variable, as it is asked for.
    pub(super) fn wanted<'a>(&'a self, args: &'a StatsArgs, file: Option<&'a PathBuf>) -> Wanted<'a> {
        let name = self.name.as_str();
        Wanted {
            sources: vec![&self.source],
            key: &self.key,
            title: Some(name.to_owned()),
            note: self.times.note.as_ref().map(|note| format!("{name}: {note}")),
            beside: self.besides,
            later: 0,
            parts: self.parts.as_deref(),
            state: name,
            belongs: Box::new(move || job_name(args, name, self)),
            blame: (file, name),
        }
    }

    /// The results where nothing is asked for that one pass gives.
    pub(super) fn without_pass(self, series: SeriesMaps) -> Results {
        let (tiling, block) = (series.tiling.clone(), IndexBox::new(Vec::new()));
        self.results(tiling, block, 0, Vec::new(), Some(series))
    }

    /// The results of the pass, once it is done.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn after(
        self,
        comm: &Comm,
        args: &StatsArgs,
        mut pass: Pass<Reduction>,
        series: Option<SeriesMaps>,
    ) -> Result<Results> {
        let mut columns = pass.branch.take();
        let (plan, fold) = (pass.ran()?, pass.fold());
        comm.agree(check_weights(&columns))?;
        fold.solve(&mut columns);
        let block = self.part(plan, fold, comm.rank());
        let values: Result<Vec<Vec<f64>>> = quantities(&args.ops())
            .iter()
            .map(|(_, q)| assemble(plan, (fold, &self.rules), &block, &columns, *q))
            .collect();
        let values = comm.agree(values)?;
        let (most, tiling, block) = (self.most(fold), plan.tiling().rule().to_owned(), self.kept(&block));
        Ok(self.results(tiling, block, most, values, series))
    }

    /// The results of a pass by `plan`, without values, and the part of each rank, from rank 0 on.
    pub(super) fn imagined(&self, plan: &StreamPlan, fold: &Reduction) -> (Results, Vec<IndexBox>) {
        let results = Results {
            name: self.name.clone(),
            source: self.source.clone(),
            reduced: self.reduced.clone(),
            time: self.times.coordinate.clone(),
            used: self.used,
            tiling: plan.tiling().rule().to_owned(),
            block: IndexBox::new(Vec::new()),
            most: self.most(fold),
            values: Vec::new(),
            series: None,
        };
        let parts = (0..plan.deal().ranks()).map(|rank| self.kept(&self.part(plan, fold, rank)));
        (results, parts.collect())
    }

    /// The results that a rank holds, reduced dimensions of length 1.
    fn part(&self, plan: &StreamPlan, fold: &Reduction, rank: usize) -> IndexBox {
        let nothing = || folding::nothing(self.source.variable().dims.len());
        folding::held(plan, fold.reduces(), rank).map_or_else(nothing, |own| fold.result_box(&own))
    }

    /// A part without the dimensions that are reduced.
    fn kept(&self, part: &IndexBox) -> IndexBox {
        let kept = part.ranges().iter().enumerate().filter(|(d, _)| *d == 0 || !self.reduced.dims[*d]);
        IndexBox::new(kept.map(|(_, range)| range.clone()).collect())
    }

    /// The most values that one result is made of.
    fn most(&self, fold: &Reduction) -> u64 {
        fold.groups().sizes().into_iter().max().unwrap_or(0).saturating_mul(self.rules.cells)
    }

    fn results(
        self,
        tiling: String,
        block: IndexBox,
        most: u64,
        values: Vec<Vec<f64>>,
        series: Option<SeriesMaps>,
    ) -> Results {
        let Self { name, source, reduced, times, used, .. } = self;
        Results { name, source, reduced, time: times.coordinate, used, tiling, block, most, values, series }
    }
}

/// What a saved state belongs to: everything that its numbers depend on.
pub(super) fn job_name(args: &StatsArgs, name: &str, task: &Task) -> String {
    let by = super::options::word(&args.by);
    format!(
        "{name} over={:?} by={by}:{} weights={} convention={} per={} kept={} {:?} {}",
        task.reduced.dims,
        task.times.groups.len(),
        task.used.text(),
        super::options::word(&args.convention),
        super::options::word(&args.per()),
        task.accumulators,
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
    (fold, rules): (&Reduction, &Rules),
    block: &IndexBox,
    columns: &[(usize, ReductionState)],
    quantity: Quantity,
) -> Result<Vec<f64>> {
    let mut map = vec![f64::NAN; block.len()];
    for (column, state) in columns {
        let first = plan.tiling().at_place(*column, 0, fold.reduces());
        let place = fold.result_box(&plan.tiling().tile(first).block);
        let values = fold.finish(state, quantity, rules)?;
        for (&group, values) in state.groups().iter().zip(values.chunks(state.cells().max(1))) {
            let group = group as usize;
            block.insert(&mut map, &place.with_range(0, group..group + 1), values);
        }
    }
    Ok(map)
}
