//! Work on whole maps each of which is worked on by itself: each thread reads a few maps and works on
//! them while they are in its cache, and no thread waits for another before a window ends.

use super::{numbers, read, WholePlan};
use crate::buffers::Shelf;
use crate::comm::{Comm, Stage};
use crate::engine::stream::{element, meanwhile, StreamSource};
use crate::engine::{Engine, Numbers};
use crate::error::{Error, Result};
use crate::index::IndexBox;
use crate::meta::{Dim, Role, Values};
use crate::progress::{Phase, Progress};
use rayon::prelude::*;

/// Bytes of the maps that a thread reads at once, about; one map at least.
const PIECE: usize = 1 << 20;

impl Engine {
    /// [`Self::whole_maps`] for work that makes as many numbers of each map, whatever maps come with
    /// it. Where parts of what is stored can be read without the rest, `work` is given parts of a
    /// window, in several threads at once, with a plan [by level](WholePlan::by_level) none of a level
    /// that another has; the numbers of a window are put together again, map by map in C order.
    ///
    /// # Collective
    /// As [`Self::whole_maps`].
    ///
    /// # Errors
    /// As [`Self::whole_maps`]; internal, if `work` does not make as many numbers of each map.
    pub fn maps_apart<W: Fn(&IndexBox, &[Numbers<'_>]) -> Result<Vec<f64>> + Sync>(
        &self,
        sources: &[&dyn StreamSource],
        plan: &WholePlan,
        work: &W,
        sink: &mut dyn FnMut(&IndexBox, Vec<f64>) -> Result<()>,
    ) -> Result<()> {
        let Some(first) = sources.first().filter(|_| plan.pieces) else {
            return self.whole_maps(sources, plan, work, sink);
        };
        let (comm, progress): (&Comm, &Progress) = (&self.comm, &self.progress);
        let _stage = comm.stage(Stage::Pass);
        let rank = comm.rank();
        let own = (0..plan.rounds()).filter(|&round| plan.window(round, rank).is_some()).count();
        progress.tiles_total.add(own as u64);
        let dims = &first.variable().dims;
        let cut = Cut::new(sources, dims, plan.in_order);
        let nothing = IndexBox::new(vec![0..0; dims.len()]);
        let spare: Shelf<Vec<Values>> = Shelf::default();
        let piece = |part: &IndexBox| -> Result<Vec<f64>> {
            let values = read(sources, progress, part, spare.take().unwrap_or_default())?;
            let made = {
                let _timer = progress.phases.start(Phase::Compute);
                let numbers: Vec<Numbers<'_>> = values.iter().filter_map(numbers).collect();
                work(part, &numbers)
            };
            spare.give(values);
            made
        };
        // The numbers of a window of this round; of an empty one where this rank has none.
        let whole = |round: usize| -> Result<Vec<f64>> {
            let Some(window) = plan.window(round, rank) else { return piece(&nothing) };
            let parts = cut.parts(window);
            let made: Vec<Result<Vec<f64>>> = parts.par_iter().with_max_len(1).map(&piece).collect();
            let made = made.into_iter().collect::<Result<Vec<_>>>()?;
            together(&cut.outer(window), parts.iter().map(|part| cut.outer(part)).zip(made))
        };
        // In the pool, which this thread is not part of.
        let mut made = (plan.rounds() > 0).then(|| rayon::join(|| whole(0), || ()).0);
        for round in 0..plan.rounds() {
            let own = plan.window(round, rank);
            let current = comm.agree(made.take().unwrap_or_else(|| whole(round)))?;
            if let Some(later) = plan.window(round + 2, rank) {
                sources.iter().for_each(|source| source.prefetch(later));
            }
            let (next, handed) = meanwhile(
                || (round + 1 < plan.rounds()).then(|| whole(round + 1)),
                || sink(own.unwrap_or(&nothing), current),
            );
            handed?;
            made = next;
            progress.tiles_done.add(u64::from(own.is_some()));
        }
        Ok(())
    }
}

/// How windows are cut into what a thread reads at once.
struct Cut {
    /// Dimensions that are not those of a map.
    outer: Vec<usize>,
    level: Option<usize>,
    /// Bytes of a cell in all sources together.
    element: usize,
    /// Whether the times of a level must come in their order, so that none is worked on beside another.
    in_order: bool,
}

impl Cut {
    fn new(sources: &[&dyn StreamSource], dims: &[Dim], in_order: bool) -> Self {
        let is_outer = |d: &usize| !matches!(dims[*d].role, Role::Y | Role::X);
        Self {
            outer: (0..dims.len()).filter(is_outer).collect(),
            level: dims.iter().position(|d| d.role == Role::Level),
            element: element(sources) as usize,
            in_order,
        }
    }
    /// Which maps a block is of.
    fn outer(&self, block: &IndexBox) -> IndexBox {
        IndexBox::new(self.outer.iter().map(|&d| block.range(d)).collect())
    }
    /// A window in parts of about [`PIECE`], whole maps: along levels if it has several, so that each
    /// part has all times of its levels, else along time.
    fn parts(&self, window: &IndexBox) -> Vec<IndexBox> {
        let along = self.level.filter(|&d| window.range(d).len() > 1).unwrap_or(0);
        if along == 0 && self.in_order {
            return vec![window.clone()];
        }
        let range = window.range(along);
        let bytes = window.len() / range.len().max(1) * self.element;
        let step = (PIECE / bytes.max(1)).max(1);
        range.clone().step_by(step).map(|k| window.with_range(along, k..range.end.min(k + step))).collect()
    }
}

impl WholePlan {
    /// Lets so many threads read parts of windows, each by itself, if sources allow it and no more is
    /// held then than was planned for: a window that is worked on and one that is read ahead.
    pub(super) fn read_apart(mut self, sources: &[&dyn StreamSource], threads: usize) -> Self {
        let Some(first) = sources.first() else { return self };
        let cut = Cut::new(sources, &first.variable().dims, self.in_order);
        // Windows are alike but for the last ones.
        let Some(largest) = self.windows.iter().max_by_key(|w| w.len()) else { return self };
        let parts = cut.parts(largest);
        let part = parts.iter().map(IndexBox::len).max().unwrap_or(0);
        self.pieces = sources.iter().all(|s| s.reads_pieces())
            && parts.len() >= threads
            && part.saturating_mul(threads) <= 2 * largest.len();
        self
    }
}

/// The numbers of a window from those of its parts, map by map.
fn together(whole: &IndexBox, parts: impl Iterator<Item = (IndexBox, Vec<f64>)>) -> Result<Vec<f64>> {
    let mut parts = parts.peekable();
    let each = parts.peek().map_or(0, |(part, made)| made.len() / part.len().max(1));
    let mut all = crate::memory::filled(each * whole.len(), 0.0);
    for (part, made) in parts {
        if made.len() != each * part.len() {
            return Err(Error::internal("work that makes more of one map than of another"));
        }
        whole.for_each_run(&part, |to, from, maps| {
            all[to * each..(to + maps) * each].copy_from_slice(&made[from * each..(from + maps) * each]);
        });
    }
    Ok(all)
}
