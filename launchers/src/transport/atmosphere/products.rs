//! Folds of products at every cell, which `eddy` and `energy` ask for.

use super::operands::Operands;
use super::streams::above_ground;
use crate::folding::{self, FoldJob};
use crate::passes;
use halocline_algorithms::transport::atmosphere::{decompose, Cells, Decomposed, OfSurface, RowParts};
use halocline_core::engine::{Engine, FoldBranch, StreamPlan, StreamSource};
use halocline_core::meta::Role;
use halocline_core::progress::Phase;
use halocline_core::{Error, Result};

/// What is found over time and longitude, on every rank, and the rule of tiles.
pub(super) struct Found {
    pub(super) sections: Decomposed,
    pub(super) tiling: String,
}

/// Reads all variables in lockstep once; with the mass of layers, where the fold has weights.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(
    job: &FoldJob<'_>,
    operands: &Operands,
    fold: Cells,
    (parts, state, what): (Option<&[usize]>, &str, &str),
) -> Result<Found> {
    let (comm, first) = (job.comm, operands.first());
    let mass = match (&operands.layers, &operands.surface) {
        (Some(layers), Some(surface)) if fold.is_weighted() => {
            Some(OfSurface::thickness(first, surface, layers).map_err(|e| operands.blame(e))?)
        }
        _ if fold.is_weighted() => return Err(Error::internal("weights without a surface pressure")),
        _ => None,
    };
    // Where nothing has mass, nothing counts.
    let surface = operands.surface.as_ref().filter(|_| mass.is_none());
    let streams = above_ground(&operands.sources, surface, &operands.levels)?;
    let mut streams: Vec<&dyn StreamSource> = streams.iter().map(|s| &**s).collect();
    streams.extend(mass.iter().map(|mass| mass as &dyn StreamSource));
    // Sums of parts of rows on every rank, as they travel and in order.
    let beside = (4 * 8 * operands.section() * fold.row_sums()) as u64;
    let room = job.budget.for_buffers(comm).saturating_sub(beside);
    let plan = StreamPlan::together(&streams, &fold, folding::demand(comm, room, parts))
        .map_err(|e| operands.blame(folding::of_budget(e, job.budget, beside)))?;
    let names: Vec<&str> = operands.all().iter().map(|s| s.variable().name.as_str()).collect();
    job.tell_together(&names.join(", "), &operands.all(), &plan, plan.estimate() + beside);
    let mut branch = FoldBranch::new(fold);
    let belongs = || {
        let files: Vec<String> = operands.all().iter().map(|s| folding::fingerprint(s)).collect();
        // Coefficients of levels may be others by option, and weigh otherwise.
        let weights = format!("weighted={} {:?}", mass.is_some(), operands.layers);
        format!("{what} {} {} {:?} {weights}", names.join(","), files.join(" "), operands.levels.pressure())
    };
    let saved = match job.checkpoints {
        Some(_) => Some((state.to_owned(), comm.on_root(|| Ok(belongs()))?)),
        None => None,
    };
    let sources = operands.all();
    folding::guarded(comm, &sources, || {
        passes::stream_of(job, &streams, &plan, vec![branch.branch()], saved)
    })
    .map_err(|e| operands.blame(e))?;
    let _timer = job.progress.phases.start(Phase::Compute);
    let columns = branch.take();
    let fold = branch.fold();
    let shape = first.variable().shape();
    let mut own: Vec<(usize, Vec<RowParts>)> = Vec::new();
    for (column, state) in &columns {
        let id = plan.tiling().at_place(*column, 0, &[Role::Time]);
        own.push((id, state.rows(fold, &plan.tiling().tile(id), &shape)?));
    }
    let mut all: Vec<(usize, Vec<RowParts>)> =
        Engine::new(comm).gather(&own)?.into_iter().flatten().collect();
    // In the order of tiles, whoever held them.
    all.sort_by_key(|(id, _)| *id);
    let rows: Vec<RowParts> = all.into_iter().flat_map(|(_, rows)| rows).collect();
    let samples = operands.times() * operands.longitudes.len();
    let sections = decompose(fold, &rows, operands.section(), samples);
    Ok(Found { sections, tiling: plan.tiling().rule().to_owned() })
}

/// How far the sum of parts is from the whole, in words.
pub(super) fn closure(what: &str, sum: &[f64], total: &[f64]) -> String {
    let most =
        |of: &mut dyn Iterator<Item = f64>| of.filter(|v| v.is_finite()).fold(0f64, |m, v| m.max(v.abs()));
    let off = most(&mut sum.iter().zip(total).map(|(a, b)| a - b));
    let peak = most(&mut total.iter().copied());
    format!("closure of {what}: parts sum to the total within {off:.1e} of at most {peak:.4e}")
}
