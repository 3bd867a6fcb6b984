//! Several folds on one read.

use super::branch::Branch;
use super::checkpoint::Saved;
use super::persist;
use super::piece::Pieces;
use super::stream::{StreamPlan, StreamSource, StreamWork};
use super::Engine;
use crate::comm::{Reduce, Stage};
use crate::error::{Error, Result};
use std::path::Path;

/// Folds of any types that stream over the same sources: what is read is read once, and each
/// fold absorbs it while it is in cache. Each finds the bits that it finds alone, as tiles and
/// merge trees know nothing of the others.
///
/// After [`Self::finish`], each [`FoldBranch`](super::FoldBranch) has its states.
pub struct SharedRun<'a> {
    engine: &'a Engine,
    branches: Vec<Branch<'a>>,
    plan: &'a StreamPlan,
    work: StreamWork<'a>,
}

impl std::fmt::Debug for SharedRun<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedRun")
            .field("branches", &self.branches)
            .field("left", &self.work.left())
            .finish_non_exhaustive()
    }
}

impl<'a> SharedRun<'a> {
    /// A run from the beginning over sources of one shape, read in lockstep, as planned for these
    /// branches ([`StreamPlan::shared`]). The folds must take [`Pieces::Steps`].
    ///
    /// # Errors
    /// Internal, if a fold takes whole tiles, or the sources are not as planned.
    pub fn new<'b: 'a>(
        engine: &'a Engine,
        sources: &[&'a dyn StreamSource],
        plan: &'a StreamPlan,
        branches: Vec<Branch<'b>>,
    ) -> Result<Self> {
        let mut branches: Vec<Branch<'a>> = branches.into_iter().map(|b| Branch { work: b.work }).collect();
        let work = begin(engine, sources, plan, &mut branches)?;
        Ok(Self { engine, branches, plan, work })
    }

    /// Does up to `pieces` more of this rank's work (units of tiles that stream through together);
    /// says whether any rank has work left.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// What reading or absorbing reports, agreed by all ranks; then no branch has a result.
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
        let _stage = self.engine.comm.stage(Stage::Pass);
        let done = self.work.advance(&self.engine.comm, &mut self.branches, &self.engine.progress, go);
        agreed(self.engine, done, self.work.left())
    }

    /// Saves the finished nodes of all ranks to one file.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// Internal, if there are several branches; else as [`super::checkpoint::save`].
    pub fn save(&self, path: &Path, job: &str) -> Result<Saved> {
        let [branch] = self.branches.as_slice() else { return Err(several()) };
        persist::save(&self.engine.comm, branch.work, self.plan.tiling(), (path, job))
    }

    /// Goes on from the nodes in a file that [`Self::save`] wrote, on any number of ranks.
    ///
    /// # Collective
    /// Every rank calls this, before any work is done.
    ///
    /// # Errors
    /// Internal, if there are several branches; else as [`super::checkpoint::load`].
    pub fn load(&mut self, path: &Path, job: &str) -> Result<()> {
        let [branch] = self.branches.as_mut_slice() else { return Err(several()) };
        load(self.engine, branch, self.plan, &mut self.work, (path, job))
    }

    /// Merges what the ranks hold, level by level; the branches then have the states of the
    /// columns that end up here.
    ///
    /// # Collective
    /// Every rank calls this, after [`Self::advance`] said that no tile is left.
    ///
    /// # Errors
    /// What merging reports, agreed by all ranks.
    pub fn finish(self) -> Result<()> {
        let Self { engine, branches, plan, .. } = self;
        let _stage = engine.comm.stage(Stage::Pass);
        let finish = |b: Branch<'_>| b.work.finish(&engine.comm, plan.tiling(), &|id| plan.owner(id));
        branches.into_iter().try_for_each(finish)
    }
}

fn several() -> Error {
    Error::internal("several folds on one read have no state that could be saved")
}

/// Begins with branches, as planned.
pub(super) fn begin<'a>(
    engine: &Engine,
    sources: &[&'a dyn StreamSource],
    plan: &'a StreamPlan,
    branches: &mut [Branch<'_>],
) -> Result<StreamWork<'a>> {
    plan.check(sources)?;
    if let Some(odd) = branches.iter().find(|b| b.work.pieces() != Pieces::Steps) {
        return Err(Error::internal(format!("`{}` takes whole tiles and can't stream", odd.name())));
    }
    branches.iter_mut().for_each(|b| b.work.begin(plan.tiling()));
    let rank = engine.comm.rank();
    let work = StreamWork::new(sources, plan, rank);
    engine.progress.tiles_total.add(work.tiles_left(rank) as u64);
    Ok(work)
}

/// Goes on from a saved state: the tiles that it covers are left out.
///
/// # Collective
/// Every rank calls this.
pub(super) fn load(
    engine: &Engine,
    branch: &mut Branch<'_>,
    plan: &StreamPlan,
    work: &mut StreamWork<'_>,
    file: (&Path, &str),
) -> Result<()> {
    let tiling = plan.tiling();
    let covered = persist::load(&engine.comm, branch.work, tiling, &|id| plan.owner(id), file)?;
    let (rank, reduces) = (engine.comm.rank(), branch.work.reduces());
    let before = work.tiles_left(rank);
    work.leave_out(|id| {
        let (column, leaf) = tiling.place(id, reduces);
        covered.covers(column, leaf)
    });
    engine.progress.resumed(before - work.tiles_left(rank));
    Ok(())
}

/// Says yes so many times.
pub(super) fn counted(pieces: usize) -> impl FnMut() -> bool {
    let mut asked = 0;
    move || {
        let more = asked < pieces;
        asked = asked.saturating_add(1);
        more
    }
}

/// Whether any rank has work left, unless one has failed.
///
/// # Collective
/// Every rank calls this.
pub(super) fn agreed(engine: &Engine, done: Result<()>, left: usize) -> Result<bool> {
    engine.comm.agree(done)?;
    let mut left = [left as u64];
    engine.comm.all_reduce(&mut left, Reduce::Max);
    Ok(left[0] > 0)
}
