//! Streams the variable, once for each group of lags that fits into memory.

use super::index::With;
use super::RelateArgs;
use crate::folding::{self, FoldJob};
use halocline_algorithms::statistics::relate::{false_discovery_threshold, Quantity, Relate, RelateState};
use halocline_core::budget::MemoryBudget;
use halocline_core::comm::Comm;
use halocline_core::engine::{Engine, StreamPlan, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::meta::Role;
use halocline_core::{ErrorKind, Result};
use halocline_io::source::Source;
use rayon::prelude::*;

/// One pass over the data: some of the lags.
pub(super) struct Pass {
    /// Under which its state is saved.
    pub(super) name: String,
    lags: Vec<i64>,
    fold: Relate,
    plan: StreamPlan,
    /// Bytes beside the plan's.
    maps: u64,
}

/// The results of one lag on this rank.
pub(super) struct OfLag {
    /// The cells, dimensions of space only.
    pub(super) block: IndexBox,
    /// A map for each quantity.
    pub(super) maps: Vec<Vec<f64>>,
    /// The largest p-value that the false discovery rate allows, of each quantity that is one.
    pub(super) thresholds: Vec<(Quantity, Option<f64>)>,
    pub(super) tiling: String,
}

/// Plans all passes: all lags in one if memory allows, else in groups; a result does not depend
/// on that.
///
/// # Collective
/// Every rank calls this.
pub(super) fn plan(
    comm: &Comm,
    args: &RelateArgs,
    source: &Source,
    with: &With,
    budget: &MemoryBudget,
) -> Result<Vec<Pass>> {
    let dims = &source.variable().dims;
    let parts = args.selection.parts(comm, dims)?;
    let times = source.time().len();
    let thresholds = match with {
        With::Index(series) => {
            args.check_lags(series, times)?;
            args.thresholds(series, times)?
        }
        With::Field(_) => None,
    };
    let lags = args.lag_list();
    let cells: usize = dims.iter().skip(1).map(|d| d.len).product();
    // The maps of results, on the rank that holds them all; one of them on its way out; the tests
    // of all ranks, sorted.
    let maps = 8 * cells as u64 * (lags.len() * args.quantities().len() + 4) as u64;
    let room = budget.for_buffers(comm).saturating_sub(maps);
    let demand = folding::demand(comm, room, parts.as_deref());
    let fold_of = |lags: &[i64]| match with {
        With::Index(series) => Relate::to_index(series.index.clone(), lags, args.wanted(), thresholds),
        With::Field(_) => Relate::to_field(args.wanted()),
    };
    let mut group = lags.len();
    loop {
        let mut passes = Vec::new();
        let mut refused = None;
        for some in lags.chunks(group) {
            let fold = fold_of(some);
            match StreamPlan::together(&sources(source, with), &fold, demand) {
                Ok(plan) => {
                    let name = match some {
                        _ if some.len() == lags.len() => args.var.clone(),
                        [first, .., last] => format!("{}.lags{first}to{last}", args.var),
                        _ => format!("{}.lag{}", args.var, some.first().unwrap_or(&0)),
                    };
                    passes.push(Pass { name, lags: some.to_vec(), fold, plan, maps });
                }
                Err(e) => {
                    refused = Some(e);
                    break;
                }
            }
        }
        match refused {
            None => return Ok(passes),
            Some(e) if e.kind == ErrorKind::Memory && group > 1 => group = group.div_ceil(2),
            Some(e) => return Err(folding::of_budget(e, budget, maps)),
        }
    }
}

fn sources<'a>(source: &'a Source, with: &'a With) -> Vec<&'a dyn StreamSource> {
    let mut all: Vec<&dyn StreamSource> = vec![source];
    if let With::Field(field) = with {
        all.push(&**field);
    }
    all
}

/// Runs all passes: the results of each lag.
///
/// # Collective
/// Every rank calls this.
pub(super) fn relate(
    job: &FoldJob<'_>,
    args: &RelateArgs,
    source: &Source,
    with: &With,
    passes: Vec<Pass>,
) -> Result<Vec<OfLag>> {
    let (quantities, how) = (args.quantities(), args.treatment());
    let engine = Engine::new(job.comm);
    let mut results = Vec::new();
    if passes.len() > 1 {
        let (lags, passes) = (args.lag_list().len(), passes.len());
        job.verbosity
            .say(job.comm, || format!("{lags} lags in {passes} passes over the data, as memory allows"));
    }
    let estimate = passes.iter().map(|pass| pass.plan.estimate()).max().unwrap_or(0);
    for (number, pass) in passes.into_iter().enumerate() {
        let plan = &pass.plan;
        let belongs = job.comm.on_root(|| Ok(belongs_to(args, source, with, &pass)))?;
        let mut sources = vec![source];
        if let With::Field(field) = with {
            sources.push(field);
        }
        if number == 0 {
            // Of all passes: later on, results are resident and would count twice.
            let name = format!("{} with {}", args.var, with.name());
            job.tell_together(&name, &sources, plan, estimate + pass.maps);
        }
        let columns = job.run_together(&belongs, &pass.name, &sources, plan, &pass.fold)?;
        let block = folding::held(plan, &[Role::Time], job.comm.rank())
            .map_or_else(|| folding::nothing(plan.deal().dims().len()), |own| own.with_range(0, 0..1));
        for lag in 0..pass.lags.len() {
            let maps: Vec<Vec<f64>> = quantities
                .iter()
                .map(|&q| assemble(plan, &block, &columns, |state| state.finish(lag, q, how)))
                .collect();
            let mut thresholds = Vec::new();
            for (&quantity, map) in quantities.iter().zip(&maps) {
                if matches!(quantity, Quantity::PValue | Quantity::DifferencePValue) {
                    let own: Vec<f64> = map.iter().copied().filter(|p| !p.is_nan()).collect();
                    // One family: all cells at this lag.
                    let tests = engine.gather(&own)?.concat();
                    thresholds.push((quantity, false_discovery_threshold(&tests, args.alpha)));
                }
            }
            let block = IndexBox::new(block.ranges()[1..].to_vec());
            results.push(OfLag { block, maps, thresholds, tiling: plan.tiling().rule().to_owned() });
        }
    }
    Ok(results)
}

/// What a saved state belongs to: everything that its numbers depend on.
fn belongs_to(args: &RelateArgs, source: &Source, with: &With, pass: &Pass) -> String {
    let other = match with {
        With::Field(field) => format!("{} {}", field.variable().name, folding::fingerprint(field)),
        With::Index(series) => {
            // The values themselves: their file may hold much else.
            let bits: Vec<String> =
                series.index.values.iter().map(|v| format!("{:x}", v.to_bits())).collect();
            format!("{} {}", series.index.origin, bits.join(","))
        }
    };
    format!(
        "{} {:?} {:?} {:?} {:?} {} with {other}",
        args.var,
        args.wanted(),
        args.threshold,
        pass.lags,
        args.selection.describe(),
        folding::fingerprint(source)
    )
}

/// A map from the states of columns.
fn assemble(
    plan: &StreamPlan,
    block: &IndexBox,
    columns: &[(usize, RelateState)],
    of: impl Fn(&RelateState) -> Vec<f64> + Sync,
) -> Vec<f64> {
    let mut map = vec![f64::NAN; block.len()];
    let finished: Vec<Vec<f64>> = columns.par_iter().map(|(_, state)| of(state)).collect();
    for ((column, _), values) in columns.iter().zip(&finished) {
        let tile = plan.tiling().tile(plan.tiling().at_place(*column, 0, &[Role::Time]));
        block.insert(&mut map, &tile.block.with_range(0, 0..1), values);
    }
    map
}
