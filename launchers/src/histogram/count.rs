//! What is counted, and how.

use super::{HistogramArgs, Weights};
use crate::folding::{self, FoldJob};
use crate::passes::{self, Pass, Request, Wanted};
use halocline_algorithms::statistics::{Histogram, HistogramState};
use halocline_core::budget;
use halocline_core::index::IndexBox;
use halocline_core::meta::Role;
use halocline_core::Result;
use halocline_io::source::{Selection, Source};
use std::path::PathBuf;

/// Bytes that writing may keep incomplete chunks in.
const WRITING: u64 = 64 << 20;
/// Cells of a column, at most.
const COLUMN: u64 = 32 << 10;

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

/// The pass that counts, and what it needs.
pub(super) struct Counting {
    pub(super) pass: Pass<Histogram>,
    roles: Vec<Role>,
    over: Vec<bool>,
    key: String,
    /// Parts of the dimensions, by hand.
    parts: Option<Vec<usize>>,
    /// Results that wait for the end where time is kept, those of a tile on their way out, and
    /// what writing takes.
    beside: u64,
    writing: u64,
}

impl Counting {
    /// Decides how to count; cells of the first source that are `repeated` take no part.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn new(
        job: &FoldJob<'_>,
        args: &HistogramArgs,
        selection: &Selection,
        (sources, repeated): (&[Source], &[usize]),
    ) -> Result<Self> {
        let (comm, source) = (job.comm, &sources[0]);
        let dims = source.variable().dims.clone();
        let roles = args.roles(&dims)?;
        let over: Vec<bool> = dims.iter().map(|d| roles.contains(&d.role)).collect();
        let each = if args.weights == Weights::None { 8 } else { 16 };
        let kept = dims.iter().zip(&over).filter(|(_, over)| !**over).map(|(d, _)| d.len as u64);
        let table = Histogram::table_cells(&args.bins);
        let results = kept.fold(table.saturating_mul(each), u64::saturating_mul);
        // Middles and edges of all bins; and the results of the largest column, once more as they are
        // written.
        let axes = args.bins.iter().map(|bins| 24 * bins.len() as u64).sum::<u64>();
        let column = (results / each).min(table.saturating_mul(COLUMN)).saturating_mul(8);
        let base = job.budget.largest_base(comm);
        // Before anything of that size is multiplied or made.
        let all = results.saturating_add(column).saturating_add(axes);
        if all > job.budget.bytes.saturating_sub(base) {
            // With the states, of which the plan knows more.
            let states = results.saturating_mul(4);
            let needed = all.saturating_add(states).saturating_add(base);
            return Err(budget::refuse(
                needed,
                job.budget,
                "ask for fewer --bins, or count --over more dimensions",
            ));
        }
        let weights = match args.weights {
            Weights::None => Vec::new(),
            Weights::Area => {
                let mut areas = source.grid().areas().map_err(|e| e.or_remedy("use --weights none"))?;
                repeated.iter().for_each(|cell| areas[*cell] = 0.0);
                let total: f64 = areas.iter().sum();
                areas.iter().map(|a| a / total).collect()
            }
        };
        let fold = Histogram::new(&args.bins, &dims, &roles, weights)?;
        let parts = args.selection.parts(comm, &dims)?;
        let writing = results.min(WRITING);
        let waiting = if over[0] { 0 } else { results };
        let beside = waiting.saturating_add(writing).saturating_add(column).saturating_add(axes);
        let keys: Vec<String> = sources.iter().map(|source| passes::key(source, selection)).collect();
        let (pass, key) = (Pass::new(fold, None), keys.join(" with "));
        Ok(Self { pass, roles, over, key, parts, beside, writing })
    }

    /// The pass, as it is asked for.
    pub(super) fn request<'a>(
        &'a mut self,
        args: &'a HistogramArgs,
        sources: &'a [Source],
        file: Option<&'a PathBuf>,
    ) -> Request<'a> {
        let Self { pass, roles, key, parts, beside, .. } = self;
        let names: Vec<&str> = sources.iter().map(|s| s.variable().name.as_str()).collect();
        let title = names.join(" and ");
        let belongs = move || {
            let inputs: Vec<String> = sources.iter().map(folding::fingerprint).collect();
            format!(
                "{names:?} {:?} {roles:?} weights={:?} {:?} {}",
                args.bins,
                args.weights,
                args.selection.describe(),
                inputs.join(" with ")
            )
        };
        pass.request(Wanted {
            sources: sources.iter().collect(),
            key,
            title: Some(title),
            note: None,
            beside: *beside,
            later: 0,
            parts: parts.as_deref(),
            state: &args.var[0],
            belongs: Box::new(belongs),
            blame: (file, &args.var[0]),
        })
    }

    /// The histograms, once the pass is done.
    pub(super) fn counted(&mut self) -> Result<Counted> {
        let columns = self.pass.branch.take();
        let tiling = self.pass.ran()?.tiling();
        let place = |column: usize| {
            let block = tiling.tile(tiling.at_place(column, 0, &self.roles)).block;
            let kept = block.ranges().iter().zip(&self.over).filter(|(_, over)| !**over);
            IndexBox::new(kept.map(|(range, _)| range.clone()).collect())
        };
        let columns = columns.into_iter().map(|(column, state)| (place(column), state)).collect();
        let (over, tiling) = (self.over.clone(), tiling.rule().to_owned());
        Ok(Counted { over, columns, tiling, writing: self.writing as usize })
    }
}
