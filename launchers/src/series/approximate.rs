//! Percentiles of series that stream past once, by sketches.

use super::percentiles::SeriesMaps;
use crate::common::bytes_text;
use crate::folding::{self, FoldJob};
use halocline_algorithms::statistics::{ApproximatePercentiles, SketchState};
use halocline_core::comm::Reduce;
use halocline_core::engine::{SeriesResults, StreamPlan};
use halocline_core::index::IndexBox;
use halocline_core::meta::Role;
use halocline_core::{ErrorKind, Result};
use halocline_io::source::Source;
use std::fmt::Write as _;

/// The percentiles of one variable, within the bound of `fold`. `belongs` names everything that a
/// saved state depends on; `parts` are those of `--decomposition`.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn approximate(
    job: &FoldJob<'_>,
    (name, belongs): (&str, &str),
    source: &Source,
    fold: &ApproximatePercentiles,
    parts: Option<&[usize]>,
    (percents, reserved): (usize, u64),
) -> Result<SeriesMaps> {
    let comm = job.comm;
    let cells: usize = source.variable().dims.iter().skip(1).map(|d| d.len).product();
    let reserved = reserved + (cells * percents * 2 * size_of::<f64>()) as u64;
    let room = job.budget.for_buffers(comm).saturating_sub(reserved);
    let demand = folding::demand(comm, room, parts);
    let plan = StreamPlan::new(source, fold, demand).map_err(|mut e| {
        if e.kind == ErrorKind::Memory {
            let _ = write!(
                e.message,
                " of {} ({}): a sketch holds levels of {} values at each cell; without --approx less memory does",
                bytes_text(job.budget.bytes),
                job.budget.origin,
                fold.capacity()
            );
        }
        e
    })?;
    job.tell(name, source, &plan, plan.estimate() + reserved);
    // A pass of several: under the name of the variable, what one pass finds of it is saved.
    let columns = job.run(belongs, "", source, &plan, fold)?;
    let own = folding::held(&plan, &[Role::Time], comm.rank())
        .map_or_else(|| folding::nothing(plan.deal().dims().len()), |own| own.with_range(0, 0..1));
    let mut values = vec![vec![f64::NAN; own.len()]; percents];
    let mut worst = 0.0f64;
    for (column, state) in &columns {
        worst = worst.max(insert(&plan, fold, (&own, &mut values), *column, state));
    }
    // Numbers that are not negative compare as their bits do.
    let mut bits = [worst.to_bits()];
    comm.all_reduce(&mut bits, Reduce::Max);
    let reduced = source.variable().dims.iter().map(|d| d.role == Role::Time).collect();
    let batch = SeriesResults { cells: own, reduced, values };
    Ok(SeriesMaps::of_sketches(plan.tiling().rule(), batch, f64::from_bits(bits[0])))
}

/// Puts the percentiles of a column where they belong; gives the largest error of a rank.
fn insert(
    plan: &StreamPlan,
    fold: &ApproximatePercentiles,
    (own, maps): (&IndexBox, &mut [Vec<f64>]),
    column: usize,
    state: &SketchState,
) -> f64 {
    let tile = plan.tiling().tile(plan.tiling().at_place(column, 0, &[Role::Time]));
    let (found, worst) = fold.finish(state);
    for (map, found) in maps.iter_mut().zip(&found) {
        own.insert(map, &tile.block.with_range(0, 0..1), found);
    }
    worst
}
