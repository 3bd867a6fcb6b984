//! The passes over the variable: one for each group of lags of an index that fits into memory, and
//! one for each lag of a field.

use super::index::With;
use super::RelateArgs;
use crate::folding;
use crate::pairs;
use crate::passes::{Pass, Request, Wanted};
use halocline_algorithms::statistics::relate::{false_discovery_threshold, Quantity, Relate, RelateState};
use halocline_core::budget::MemoryBudget;
use halocline_core::comm::Comm;
use halocline_core::engine::{Engine, StreamPlan, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::meta::Role;
use halocline_core::{ErrorKind, Result};
use halocline_io::source::Source;
use rayon::prelude::*;
use std::path::PathBuf;

/// One pass over the data: some of the lags.
pub(super) struct LagPass {
    /// Under which its state is saved.
    pub(super) name: String,
    pub(super) pass: Pass<Relate>,
    lags: Vec<i64>,
    /// What is read in lockstep where that is not all times of both fields, while it is asked for:
    /// each source has its grid.
    shifted: Option<Shifted>,
    /// Bytes beside the plan's.
    pub(super) maps: u64,
}

/// Two fields at the times that have one another at a lag.
struct Shifted {
    variable: Source,
    other: Source,
    /// What makes two reads the same.
    key: String,
}

impl Shifted {
    /// The variable at each time t that has the other field at t − lag, for the only lag of a pass;
    /// `None` where all times go together.
    fn of(lags: &[i64], source: &Source, with: &With, key: &str) -> Result<Option<Self>> {
        let (With::Field(field), &[lag]) = (with, lags) else { return Ok(None) };
        if lag == 0 {
            return Ok(None);
        }
        let (by, times) = (lag.unsigned_abs() as usize, source.time().len());
        let (late, early) = (by..times, 0..times.saturating_sub(by));
        let (own, others) = if lag > 0 { (late, early) } else { (early, late) };
        let (variable, other) = (source.between(own)?, field.between(others)?);
        Ok(Some(Self { variable, other, key: format!("{key} at lag {lag}") }))
    }
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
    key: &str,
    (budget, parts): (&MemoryBudget, Option<&[usize]>),
) -> Result<Vec<LagPass>> {
    let dims = &source.variable().dims;
    let times = source.time().len();
    let thresholds = match with {
        With::Index(series) => {
            args.check_lags(series, times)?;
            args.thresholds(series, times)?
        }
        With::Field(_) => {
            args.check_shifts(times)?;
            None
        }
    };
    let lags = args.lag_list();
    let cells: usize = dims.iter().skip(1).map(|d| d.len).product();
    // The maps of results, on the rank that holds them all; one of them on its way out; the tests
    // of all ranks, sorted.
    let maps = 8 * cells as u64 * (lags.len() * args.quantities().len() + 4) as u64;
    let room = budget.for_buffers(comm).saturating_sub(maps);
    let demand = folding::demand(comm, room, parts);
    let numbers = pairs::numbered(&pairs::dates(source)?, source.time().calendar);
    let numbers = numbers.as_deref().unwrap_or_default();
    let fold_of = |lags: &[i64]| match with {
        With::Index(series) => {
            Relate::to_index(series.index.clone(), lags, args.wanted(), thresholds).with_gaps(gaps(numbers))
        }
        With::Field(_) => {
            let later = lags.first().map_or(0, |&lag| usize::try_from(lag).unwrap_or(0));
            let own = numbers.get(later..).unwrap_or_default();
            Relate::to_field(args.wanted()).leaving_out(apart(lags, numbers)).with_gaps(gaps(own))
        }
    };
    // At another lag, other times of the two fields are read in lockstep.
    let mut group = if matches!(with, With::Field(_)) { 1 } else { lags.len() };
    loop {
        let mut passes = Vec::new();
        let mut refused = None;
        for some in lags.chunks(group) {
            let fold = fold_of(some);
            let shifted = Shifted::of(some, source, with, key)?;
            let sources = read(source, with, shifted.as_ref());
            let streams: Vec<&dyn StreamSource> = sources.iter().map(|s| *s as &dyn StreamSource).collect();
            match StreamPlan::together(&streams, &fold, demand) {
                Ok(plan) => {
                    let name = match some {
                        _ if some.len() == lags.len() => args.var.clone(),
                        [first, .., last] => format!("{}.lags{first}to{last}", args.var),
                        _ => format!("{}.lag{}", args.var, some.first().unwrap_or(&0)),
                    };
                    passes.push(LagPass {
                        name,
                        pass: Pass::new(fold, Some(plan)),
                        lags: some.to_vec(),
                        shifted: None,
                        maps,
                    });
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

/// Whether two fields that are as many times apart as the only lag of a pass are not so many steps
/// apart, because of a gap between them; empty where all are.
fn apart(lags: &[i64], numbers: &[usize]) -> Vec<bool> {
    let &[lag] = lags else { return Vec::new() };
    let by = lag.unsigned_abs() as usize;
    let pairs = numbers.iter().skip(by).zip(numbers);
    if_any(pairs.map(|(late, early)| late - early != by).collect())
}

/// Whether there is a gap before each of the numbered times; empty where there is none.
fn gaps(numbers: &[usize]) -> Vec<bool> {
    let behind = numbers.windows(2).map(|pair| pair[1] - pair[0] > 1);
    if_any([false].into_iter().chain(behind).collect())
}

/// Nothing, where nothing is true.
fn if_any(all: Vec<bool>) -> Vec<bool> {
    if all.contains(&true) {
        all
    } else {
        Vec::new()
    }
}

/// What is read in lockstep.
fn read<'a>(source: &'a Source, with: &'a With, shifted: Option<&'a Shifted>) -> Vec<&'a Source> {
    match shifted {
        Some(shifted) => vec![&shifted.variable, &shifted.other],
        None => with.beside(source),
    }
}

impl LagPass {
    /// Bytes that its plan takes, if it runs alone.
    pub(super) fn estimate(&self) -> u64 {
        self.pass.plan.as_ref().map_or(0, StreamPlan::estimate)
    }

    /// The results of its lags, once it is done.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn results(&mut self, comm: &Comm, args: &RelateArgs) -> Result<Vec<OfLag>> {
        let (quantities, how) = (args.quantities(), args.treatment());
        let engine = Engine::new(comm);
        let columns = self.pass.branch.take();
        self.shifted = None;
        let plan = self.pass.ran()?;
        let block = folding::held(plan, &[Role::Time], comm.rank())
            .map_or_else(|| folding::nothing(plan.deal().dims().len()), |own| own.with_range(0, 0..1));
        let mut results = Vec::new();
        for lag in 0..self.lags.len() {
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
                    thresholds.push((quantity, false_discovery_threshold(&tests, args.alpha())));
                }
            }
            let block = IndexBox::new(block.ranges()[1..].to_vec());
            results.push(OfLag { block, maps, thresholds, tiling: plan.tiling().rule().to_owned() });
        }
        Ok(results)
    }

    /// The pass, as it is asked for; `title` if its plan is to be told, `later` the bytes that
    /// the plan of a later one takes.
    pub(super) fn request<'a>(
        &'a mut self,
        args: &'a RelateArgs,
        (source, with): (&'a Source, &'a With),
        of: OfAll<'a>,
    ) -> Result<Request<'a>> {
        if self.shifted.is_none() {
            self.shifted = Shifted::of(&self.lags, source, with, of.key)?;
        }
        let Self { name, pass, lags, shifted, maps } = self;
        let shifted = shifted.as_ref();
        Ok(pass.request(Wanted {
            sources: read(source, with, shifted),
            key: shifted.map_or(of.key, |shifted| &shifted.key),
            title: of.title,
            note: None,
            beside: *maps,
            later: of.later,
            parts: of.parts,
            state: name,
            belongs: Box::new(move || belongs_to(args, source, with, lags)),
            blame: (of.file, &args.var),
        }))
    }
}

/// What requests of all passes share.
pub(super) struct OfAll<'a> {
    pub(super) key: &'a str,
    pub(super) title: Option<String>,
    pub(super) later: u64,
    pub(super) parts: Option<&'a [usize]>,
    pub(super) file: Option<&'a PathBuf>,
}

/// What a saved state belongs to: everything that its numbers depend on.
fn belongs_to(args: &RelateArgs, source: &Source, with: &With, lags: &[i64]) -> String {
    let other = match with {
        With::Field(field) => format!("{} {}", field.variable().name, folding::fingerprint(field)),
        With::Index(series) => {
            // The values themselves: their file may hold much else.
            let bits: Vec<String> =
                series.index.values.iter().map(|v| format!("{:x}", v.to_bits())).collect();
            format!("{:?} {}", series.index.places, bits.join(","))
        }
    };
    format!(
        "{} {:?} {:?} {:?} {:?} {} with {other}",
        args.var,
        args.wanted(),
        args.threshold,
        lags,
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
