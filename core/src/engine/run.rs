//! One fold under way: over tiles at hand, or over data that stream.

use super::branch::FoldBranch;
use super::checkpoint::Saved;
use super::fold::{Fold, Parallelism};
use super::persist;
use super::piece::Piece;
use super::shared::{self, agreed, counted};
use super::source::TileSource;
use super::stream::{StreamPlan, StreamSource, StreamWork};
use super::tree::Place;
use super::Engine;
use crate::buffers::Buffers;
use crate::comm::Stage;
use crate::error::Result;
use crate::tiling::Tiling;
use rayon::prelude::*;
use std::path::Path;

/// A fold under way: tiles done so far are nodes of the merge tree, which can be saved, and
/// taken up again on another number of ranks.
pub struct FoldRun<'a, F: Fold> {
    engine: &'a Engine,
    branch: FoldBranch<&'a F>,
    tiling: &'a Tiling,
    work: Left<'a>,
}

/// What a rank still has to do.
enum Left<'a> {
    /// Tiles at hand, in (column, leaf) order, the next one last.
    Tiles { source: &'a dyn TileSource, todo: Vec<(Place, usize)> },
    /// Windows that stream through.
    Stream { plan: &'a StreamPlan, work: StreamWork<'a> },
}

impl Left<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Tiles { todo, .. } => todo.len(),
            Self::Stream { work, .. } => work.left(),
        }
    }
}

impl<F: Fold> std::fmt::Debug for FoldRun<'_, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FoldRun")
            .field("fold", &F::NAME)
            .field("left", &self.work.len())
            .finish_non_exhaustive()
    }
}

impl<'a, F: Fold> FoldRun<'a, F> {
    /// A run from the beginning over tiles at hand.
    pub fn new(engine: &'a Engine, source: &'a dyn TileSource, fold: &'a F) -> Self {
        let (tiling, rank) = (source.tiling(), engine.comm.rank());
        let mut todo: Vec<(Place, usize)> = (0..tiling.len())
            .filter(|&id| source.owner(id) == rank)
            .map(|id| {
                let (column, leaf) = tiling.place(id, fold.reduces());
                ((column, 0, leaf), id)
            })
            .collect();
        todo.sort_unstable_by(|a, b| b.cmp(a));
        engine.progress.tiles_total.add(todo.len() as u64);
        let mut branch = FoldBranch::new(fold);
        branch.branch().work.begin(tiling);
        Self { engine, branch, tiling, work: Left::Tiles { source, todo } }
    }

    /// A run from the beginning over data that stream through memory as planned. The fold must
    /// take [`Pieces::Steps`](super::Pieces::Steps).
    ///
    /// # Errors
    /// Internal, if the fold takes whole tiles.
    pub fn stream(
        engine: &'a Engine,
        source: &'a dyn StreamSource,
        plan: &'a StreamPlan,
        fold: &'a F,
    ) -> Result<Self> {
        Self::stream_together(engine, &[source], plan, fold)
    }

    /// [`Self::stream`] over several sources of one shape in lockstep, those that the plan was
    /// made for ([`StreamPlan::together`]): pieces hold the values of all
    /// ([`Piece::with`]).
    ///
    /// # Errors
    /// Internal, if the fold takes whole tiles, or the sources are not as planned.
    pub fn stream_together(
        engine: &'a Engine,
        sources: &[&'a dyn StreamSource],
        plan: &'a StreamPlan,
        fold: &'a F,
    ) -> Result<Self> {
        let mut branch = FoldBranch::new(fold);
        let work = shared::begin(engine, sources, plan, &mut [branch.branch()])?;
        Ok(Self { engine, branch, tiling: plan.tiling(), work: Left::Stream { plan, work } })
    }

    /// Saves the finished nodes of all ranks to one file.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// As [`super::checkpoint::save`].
    pub fn save(&self, path: &Path, job: &str) -> Result<Saved> {
        persist::save(&self.engine.comm, &self.branch, self.tiling, (path, job))
    }

    /// Goes on from the nodes in a file that [`Self::save`] wrote, on any number of ranks.
    ///
    /// # Collective
    /// Every rank calls this, before any work is done.
    ///
    /// # Errors
    /// As [`super::checkpoint::load`].
    pub fn load(&mut self, path: &Path, job: &str) -> Result<()> {
        let (engine, tiling) = (self.engine, self.tiling);
        match &mut self.work {
            Left::Stream { plan, work } => {
                shared::load(engine, &mut self.branch.branch(), plan, work, (path, job))
            }
            Left::Tiles { source, todo } => {
                let owner = |id: usize| source.owner(id);
                let covered =
                    persist::load(&engine.comm, self.branch.branch().work, tiling, &owner, (path, job))?;
                let before = todo.len();
                todo.retain(|((column, _, leaf), _)| !covered.covers(*column, *leaf));
                engine.progress.resumed(before - todo.len());
                Ok(())
            }
        }
    }

    /// Does up to `pieces` more of this rank's work (tiles at hand, or units of tiles that stream
    /// through together); says whether any rank has work left.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// What loading or absorbing reports, agreed by all ranks.
    pub fn advance(&mut self, pieces: usize) -> Result<bool> {
        self.advance_while(&mut counted(pieces))
    }

    /// Does more of this rank's work as long as `go`, which is asked before every piece of it,
    /// says so; says whether any rank has work left.
    ///
    /// # Collective
    /// Every rank calls this; `go` may answer differently on each.
    ///
    /// # Errors
    /// As [`Self::advance`].
    pub fn advance_while(&mut self, go: &mut dyn FnMut() -> bool) -> Result<bool> {
        let engine = self.engine;
        let _stage = engine.comm.stage(Stage::Pass);
        let done = match &mut self.work {
            Left::Stream { work, .. } => {
                work.advance(&engine.comm, &mut [self.branch.branch()], &engine.progress, go)
            }
            Left::Tiles { source, todo } => advance_tiles(engine, *source, todo, &mut self.branch, go),
        };
        agreed(engine, done, self.work.len())
    }

    /// Merges what the ranks hold, level by level, and gives the states of the columns that end
    /// up here.
    ///
    /// # Collective
    /// Every rank calls this, after [`Self::advance`] said that no tile is left.
    ///
    /// # Errors
    /// What merging reports, agreed by all ranks.
    pub fn finish(mut self) -> Result<Vec<(usize, F::State)>> {
        let _stage = self.engine.comm.stage(Stage::Pass);
        let owner = |id: usize| match &self.work {
            Left::Tiles { source, .. } => source.owner(id),
            Left::Stream { plan, .. } => plan.owner(id),
        };
        self.branch.branch().work.finish(&self.engine.comm, self.tiling, &owner)?;
        Ok(self.branch.take())
    }
}

/// Does tiles at hand while `go` says so.
fn advance_tiles<F: Fold>(
    engine: &Engine,
    source: &dyn TileSource,
    todo: &mut Vec<(Place, usize)>,
    branch: &mut FoldBranch<&F>,
    go: &mut dyn FnMut() -> bool,
) -> Result<()> {
    let (fold, tree) = (branch.fold, &mut branch.tree);
    let batch = match fold.parallelism() {
        Parallelism::Inside => 1,
        Parallelism::Tiles => 2 * rayon::current_num_threads(),
    };
    loop {
        let mut now = 0;
        while now < batch.min(todo.len()) && go() {
            now += 1;
        }
        if now == 0 {
            return Ok(());
        }
        let jobs = todo.split_off(todo.len() - now);
        // Only these go to other threads: the communicator stays on this one.
        let buffers = &engine.buffers;
        // `rev`: the list is kept with the next tile last.
        let states: Vec<(Place, Result<F::State>)> = if now == 1 {
            jobs.iter().map(|&(place, id)| (place, leaf(source, fold, buffers, place, id))).collect()
        } else {
            jobs.par_iter()
                .rev()
                .map(|&(place, id)| (place, leaf(source, fold, buffers, place, id)))
                .collect()
        };
        for (place, state) in states {
            tree.insert(place, state?, &|a, b| fold.merge(a, b))?;
            engine.progress.tiles_done.add(1);
        }
    }
}

/// The state of one leaf.
fn leaf<F: Fold>(
    source: &dyn TileSource,
    fold: &F,
    buffers: &Buffers,
    place: Place,
    id: usize,
) -> Result<F::State> {
    let tile = source.tiling().tile(id);
    let mut values = buffers.take(tile.block.len());
    let mut state = fold.start(place.0);
    let result =
        source.load(&tile, &mut values).and_then(|()| fold.absorb(&mut state, &Piece::whole(&tile, &values)));
    buffers.give(values);
    result.map(|()| state)
}
