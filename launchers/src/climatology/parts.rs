//! From the base period to the states of the parts of the cycle.

use super::{ClimatologyArgs, Job};
use crate::asked;
use crate::folding::{self, FoldJob};
use crate::passes::{self, Pass, Wanted};
use crate::series::{self, SeriesMaps};
use halocline_algorithms::climatology;
use halocline_algorithms::statistics::{
    Groups, Percentiles, Quantity, Reduction, ReductionState, Rules, Weights,
};
use halocline_core::calendar::{Cycle, DateTime};
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::meta::Role;
use halocline_core::{Error, Result};
use halocline_io::source::Source;
use std::path::PathBuf;

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
    pass: Pass<Reduction>,
    columns: Vec<(usize, ReductionState)>,
    /// The cells of this rank; the first dimension counts parts.
    block: IndexBox,
}

/// Refuses anomalies of times whose part of the cycle the base period does not have, nor any that is
/// pooled with it.
pub(super) fn check(cycle: Cycle, window: usize, base: &Source, field: &Source) -> Result<()> {
    let calendar = base.time().calendar;
    let mut own = vec![false; cycle.len(calendar)];
    for at in base.dates()? {
        if let Some(part) = cycle.part(calendar, &at) {
            own[part] = true;
        }
    }
    let pooled = climatology::window(own.len(), window);
    let there: Vec<bool> = pooled.iter().map(|parts| parts.iter().any(|&p| own[p as usize])).collect();
    let lacks = |at: &DateTime| {
        cycle.part(calendar, at).is_some_and(|part| !there.get(part).copied().unwrap_or(false))
    };
    match field.dates()?.into_iter().find(lacks) {
        None => Ok(()),
        Some(at) => Err(Error::usage(format!(
            "the base period has no time in the {} of {}, of which an anomaly is asked for",
            cycle.name(),
            at.date_string()
        ))
        .remedy("choose a longer --base, or other times")),
    }
}

/// What is decided of a variable before it is read.
pub(super) struct Task {
    pub(super) name: String,
    pub(super) source: Source,
    groups: Groups,
    /// What makes two reads the same.
    key: String,
    /// Parts of the dimensions, by hand.
    by_hand: Option<Vec<usize>>,
    /// Bytes of one result on the rank that holds all of it; with a window, what is pooled beside
    /// it.
    maps: u64,
}

/// Decides what is to be done with a variable, and the pass that does it, if one does.
pub(super) fn prepare(
    comm: &Comm,
    args: &ClimatologyArgs,
    wanted: &Job,
    name: &str,
    source: Source,
) -> Result<(Task, Option<Pass<Reduction>>)> {
    let dims = source.variable().dims.clone();
    let by_hand = args.selection.parts(comm, &dims)?;
    let groups = climatology::groups(wanted.cycle, source.time().calendar, &source.dates()?)?;
    let cells: usize = dims.iter().skip(1).map(|d| d.len).product();
    let maps = (groups.len() * cells * std::mem::size_of::<f64>()) as u64;
    let ops = asked::ops(&wanted.asked);
    let pass = if ops.is_empty() {
        None
    } else {
        let (groups, weights) = (groups.clone(), Weights::default());
        Some(Pass::new(Reduction::new(&dims, &[Role::Time], &ops, groups, weights, Vec::new())?, None))
    };
    let key = passes::key(&source, &wanted.base);
    Ok((Task { name: name.to_owned(), source, groups, key, by_hand, maps }, pass))
}

impl Task {
    /// The percentiles, if there are any.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn percentiles(&self, job: &FoldJob<'_>, wanted: &Job) -> Result<Option<SeriesMaps>> {
        let percents = asked::percents(&wanted.asked);
        if percents.is_empty() {
            return Ok(None);
        }
        let pools = pools(&self.groups, wanted.window);
        let work = Percentiles::new(&percents)?.method(wanted.method).pooled(pools);
        let parts = self.by_hand.as_deref();
        series::percentiles(job, &self.name, &self.source, &work, parts, self.maps).map(Some)
    }

    /// The one pass over the base period, as it is asked for.
    pub(super) fn wanted<'a>(
        &'a self,
        args: &'a ClimatologyArgs,
        wanted: &'a Job,
        file: Option<&'a PathBuf>,
    ) -> Wanted<'a> {
        let name = self.name.as_str();
        let belongs = move || {
            let ops = asked::ops(&wanted.asked);
            let about = (&wanted.cycle, &ops, wanted.window, args.selection.describe());
            let input = folding::fingerprint(&self.source);
            format!("climatology of {name} {about:?} {:?} {input}", args.base)
        };
        Wanted {
            sources: vec![&self.source],
            key: &self.key,
            title: Some(name.to_owned()),
            note: None,
            beside: self.maps,
            later: 0,
            parts: self.by_hand.as_deref(),
            state: name,
            belongs: Box::new(belongs),
            blame: (file, name),
        }
    }

    /// The results, once the pass is done.
    pub(super) fn after(
        self,
        comm: &Comm,
        wanted: &Job,
        pass: Option<Pass<Reduction>>,
        series: Option<SeriesMaps>,
    ) -> Result<Parts> {
        let Self { name, source, groups, .. } = self;
        let Some(mut pass) = pass else {
            let tiling = series.as_ref().map_or_else(String::new, |series| series.tiling.clone());
            return Ok(Parts { name, source, tiling, reduced: None, series });
        };
        let mut columns = pass.branch.take();
        if wanted.window > 1 {
            let lists = climatology::window(groups.len(), wanted.window);
            for (_, state) in &mut columns {
                *state = pass.fold().pooled(state, &lists);
            }
        }
        let plan = pass.ran()?;
        let block = folding::held(plan, &[Role::Time], comm.rank()).map_or_else(
            || folding::nothing(source.variable().dims.len()),
            |own| pass.fold().result_box(&own),
        );
        let tiling = plan.tiling().rule().to_owned();
        Ok(Parts { name, source, tiling, reduced: Some(Reduced { pass, columns, block }), series })
    }
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
        let Some(Reduced { pass, columns, block: own }) = &self.reduced else { return Ok(()) };
        let (fold, plan) = (pass.fold(), pass.ran()?);
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
