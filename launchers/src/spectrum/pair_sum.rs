//! Runs pairs of latitudes through work on space and time, and adds up what comes of them.

use super::wheeler_kiladis::SpaceTime;
use crate::folding::{self, FoldJob};
use crate::place::locate;
use crate::series::tell;
use halocline_algorithms::wavenumber::PairedRows;
use halocline_core::engine::{SeriesPlan, SeriesResults, SeriesWork, StreamSource};
use halocline_core::{Error, Result};
use halocline_io::source::Source;
use std::ops::Range;

/// Computes the sums over all pairs of the planes of `work`, on one rank; `sources` are what work
/// reads, each of which has two results behind all planes: how many values a pair lacks, and where
/// the first is.
///
/// # Collective
/// Every rank calls this; the first has the sums.
pub(super) fn all<W: SeriesWork>(
    of: &SpaceTime<'_>,
    job: &FoldJob<'_>,
    sources: &[&Source],
    work: &W,
) -> Result<(SeriesPlan, Vec<Vec<f64>>)> {
    let comm = job.comm;
    let paired: Vec<PairedRows<'_>> = sources
        .iter()
        .map(|source| PairedRows::new(*source, of.rows.clone(), halocline_core::threads::for_plans()))
        .collect::<Result<_>>()?;
    let streams: Vec<&dyn StreamSource> = paired.iter().map(|p| p as &dyn StreamSource).collect();
    let pairs = of.rows.len().div_ceil(2);
    let per_pair: usize = work.rows().iter().sum();
    // Planes of all pairs on their way to one rank, and what is made of their sum.
    let reserved = ((2 * pairs + 16) * per_pair * size_of::<f64>()) as u64;
    let room = job.budget.bytes.saturating_sub(job.budget.largest_base(comm)).saturating_sub(reserved);
    let parts = of.args.selection.parts(comm, &of.source.variable().dims)?;
    let demand = folding::demand(comm, room, parts.as_deref());
    let plan = SeriesPlan::together(&streams, work, demand)
        .map_err(|e| folding::of_budget(e, job.budget, reserved))?;
    tell(job, &of.name(), &of.source, &plan, plan.estimate() + reserved);
    let mut sum = Sum::new(&work.rows(), sources.len(), of.rows.clone());
    let engine = job.engine();
    folding::guarded(comm, sources, || {
        engine.series_together(&streams, &plan, work, &mut |results| {
            let own = packed(&results);
            if let Some(all) = comm.gather_v(&own, 0) {
                all.iter().for_each(|pairs| sum.add(pairs));
            }
            Ok(())
        })
    })?;
    comm.on_root(|| {
        sources.iter().enumerate().try_for_each(|(k, source)| {
            // The first field is named by whoever calls.
            let file = source.files().first().filter(|_| k > 0);
            sum.check(k, source).map_err(|e| match file {
                Some(file) => e.in_file(&file.path).in_variable(&source.variable().name),
                None => e,
            })
        })
    })?;
    Ok((plan, sum.planes))
}

/// All rows of each cell of this rank, cell by cell.
fn packed(results: &SeriesResults) -> Vec<f64> {
    let cells = results.cells.range(1).len();
    if results.cells.is_empty() {
        return Vec::new();
    }
    let mut all = Vec::with_capacity(results.values.iter().map(Vec::len).sum());
    for cell in 0..cells {
        all.extend(results.values.iter().flat_map(|rows| rows.iter().skip(cell).step_by(cells)));
    }
    all
}

/// What a field lacks.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Lacks {
    count: f64,
    /// The first: its number among the values of its pair (steps are the slowest), and both rows.
    first: Option<(usize, usize, usize)>,
}

/// What is known of the pairs so far, on one rank, added in their order.
struct Sum {
    /// Numbers of a pair.
    per_pair: usize,
    pairs: usize,
    rows: Range<usize>,
    planes: Vec<Vec<f64>>,
    lacks: Vec<Lacks>,
}

impl Sum {
    /// `sizes` are those of the results of work on so many fields.
    fn new(sizes: &[usize], fields: usize, rows: Range<usize>) -> Self {
        let planes = sizes.iter().take(sizes.len().saturating_sub(2 * fields)).map(|&n| vec![0.0; n]);
        Self {
            per_pair: sizes.iter().sum(),
            pairs: 0,
            rows,
            planes: planes.collect(),
            lacks: vec![Lacks::default(); fields],
        }
    }
    fn add(&mut self, pairs: &[f64]) {
        for pair in pairs.chunks_exact(self.per_pair) {
            let mut rest = pair;
            for sum in &mut self.planes {
                let (plane, behind) = rest.split_at(sum.len());
                sum.iter_mut().zip(plane).for_each(|(sum, value)| *sum += value);
                rest = behind;
            }
            let (below, above) = (self.rows.start + self.pairs, self.rows.end - 1 - self.pairs);
            for (lacks, found) in self.lacks.iter_mut().zip(rest.chunks_exact(2)) {
                if found[0] > 0.0 {
                    // The middle row is its own mirror.
                    lacks.count += if below == above { 0.5 * found[0] } else { found[0] };
                    let first = Some((found[1] as usize, below, above));
                    lacks.first = [lacks.first, first].into_iter().flatten().min();
                }
            }
            self.pairs += 1;
        }
    }
    /// Refuses a field that lacks a value.
    fn check(&self, field: usize, source: &Source) -> Result<()> {
        let Lacks { count, first: Some((place, below, above)) } = self.lacks[field] else { return Ok(()) };
        let lon = source.variable().dims[2].len.max(1);
        let row = if place / lon % 2 == 0 { below } else { above };
        let what = if count > 1.0 { "values are" } else { "value is" };
        Err(Error::data(format!(
            "{count} {what} missing or infinite, the first {}",
            locate(source, row * lon + place % lon, place / (2 * lon))
        ))
        .remedy("fill them first, or choose --time or --lat without them"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_is_counted_as_it_is_in_the_field() {
        // Five rows from the second on: pairs (1, 5), (2, 4) and the middle with itself.
        let mut sum = Sum::new(&[2, 1, 1], 1, 1..6);
        sum.add(&[1.0, 2.0, 3.0, 17.0, 10.0, 20.0, 0.0, f64::NAN]);
        sum.add(&[100.0, 200.0, 4.0, 9.0]);
        assert_eq!(sum.planes, [vec![111.0, 222.0]]);
        assert_eq!(sum.lacks, [Lacks { count: 5.0, first: Some((9, 3, 3)) }]);
    }
}
