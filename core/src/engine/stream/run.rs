//! One rank's windows: read, exchanged where chunks are shared, absorbed.

use super::lanes::{absorb, each_by_itself, Lane};
use super::loaded::{read, room, Buffer, Loaded};
use super::plan::{tiles_in, Sharing, StreamPlan};
use super::units::Unit;
use super::StreamSource;
use crate::buffers::Shelf;
use crate::comm::{Comm, Reduce};
use crate::decomposition::Decomposition;
use crate::engine::branch::Branch;
use crate::engine::Parallelism;
use crate::error::Result;
use crate::field::{Element, Field};
use crate::index::IndexBox;
use crate::meta::Variable;
use crate::progress::{Phase, Progress};
use crate::tiling::Tile;
use std::collections::VecDeque;
use std::sync::Arc;

/// What is still to do on this rank.
pub(crate) struct StreamWork<'a> {
    /// Of one shape, read in lockstep.
    sources: Vec<&'a dyn StreamSource>,
    plan: &'a StreamPlan,
    todo: VecDeque<Unit>,
    /// Tiles that a saved state covers.
    done: Vec<bool>,
    /// Read ahead at the end of the last call.
    ahead: Option<Loaded>,
    /// Sets of buffers, one for each source.
    spare: Shelf<Vec<Buffer>>,
}

impl<'a> StreamWork<'a> {
    pub(crate) fn new(sources: &[&'a dyn StreamSource], plan: &'a StreamPlan, rank: usize) -> Self {
        let own = plan.deal.block(rank);
        let reading = match plan.sharing {
            Sharing::Own => own,
            // Every rank takes part in every window.
            Sharing::Exchanged => IndexBox::whole(&plan.deal.shape()),
        };
        let todo = plan.units(&reading);
        Self { sources: sources.to_vec(), plan, todo, done: Vec::new(), ahead: None, spare: Shelf::default() }
    }

    /// Leaves out tiles that are done already.
    pub(crate) fn leave_out(&mut self, done: impl Fn(usize) -> bool) {
        let tiling = &self.plan.tiling;
        self.done = (0..tiling.len()).map(done).collect();
        let (done, plan) = (&self.done, self.plan);
        self.todo.retain(|unit| !tiles_in(&plan.tiling, &unit.leaf, &unit.space).iter().all(|t| done[t.id]));
    }

    /// Units left.
    pub(crate) fn left(&self) -> usize {
        self.todo.len()
    }
    /// Tiles that this rank still has to reduce.
    pub(crate) fn tiles_left(&self, rank: usize) -> usize {
        let own = self.plan.deal.block(rank);
        let mine = |t: &Tile| own.contains(&t.block) && !self.done.get(t.id).copied().unwrap_or(false);
        let of = |u: &Unit| tiles_in(&self.plan.tiling, &u.leaf, &u.space).into_iter().filter(mine).count();
        self.todo.iter().map(of).sum()
    }

    /// Does units while `go` says so, and lets the branches merge the states of finished tiles.
    ///
    /// # Collective
    /// Where chunks are exchanged: then ranks stop together, as soon as one wants to.
    pub(crate) fn advance(
        &mut self,
        comm: &Comm,
        branches: &mut [Branch<'_>],
        progress: &Progress,
        go: &mut dyn FnMut() -> bool,
    ) -> Result<()> {
        let exchanged = self.plan.sharing == Sharing::Exchanged;
        let own = self.plan.deal.block(comm.rank());
        let by_itself = self.plan.by_itself;
        loop {
            let wish = go();
            let go_on = if exchanged {
                let mut all = [u64::from(wish)];
                comm.all_reduce(&mut all, Reduce::Min);
                all[0] == 1
            } else {
                wish
            };
            if !go_on {
                return Ok(());
            }
            let at_once = by_itself.map_or(1, |_| self.plan.at_once).min(self.todo.len());
            let units: Vec<Unit> = self.todo.drain(..at_once).collect();
            let Some(unit) = units.first() else { return Ok(()) };
            let of = |unit: &Unit| tiles_in(&self.plan.tiling, &unit.leaf, &unit.space);
            let mut tiles: Vec<Tile> = units.iter().flat_map(of).collect();
            tiles.retain(|t| own.contains(&t.block) && !self.done.get(t.id).copied().unwrap_or(false));
            let mut lanes: Vec<Lane<'_>> = tiles.iter().map(Lane::new).collect();
            for branch in &mut *branches {
                let inside = branch.work.parallelism() == Parallelism::Inside;
                for (lane, state) in lanes.iter_mut().zip(branch.work.open(&self.plan.tiling, &tiles)) {
                    if inside { &mut lane.inside } else { &mut lane.across }.push(state);
                }
            }
            match by_itself {
                Some(bytes) => self.fill_tiles(progress, &mut lanes, bytes)?,
                None => self.fill(comm, progress, unit, &mut lanes)?,
            }
            drop(lanes);
            let merging = progress.phases.start(Phase::Compute);
            branches.iter_mut().try_for_each(|branch| branch.work.close())?;
            progress.tiles_done.add(tiles.len() as u64);
            drop(merging);
        }
    }

    /// Streams the windows of a unit through the states of its tiles.
    fn fill(&mut self, comm: &Comm, progress: &Progress, unit: &Unit, lanes: &mut [Lane<'_>]) -> Result<()> {
        let mut windows = self.plan.windows(unit);
        // The one behind the last, to be read ahead.
        if let Some(next) = self.todo.front().filter(|_| self.plan.read_ahead) {
            windows.extend(self.plan.windows(next).into_iter().next());
        }
        let own = self.plan.windows(unit).len();
        for k in 0..own {
            let mine = self.share(comm, &windows[k])?;
            let loaded = match self.ahead.take() {
                Some(ahead) if ahead.block == mine => Ok(ahead),
                _ => self.load(progress, &mine),
            };
            let current = self.exchange(comm, progress, &windows[k], loaded)?;
            let following = match windows.get(k + 1) {
                Some(next) if self.plan.read_ahead => Some(self.share(comm, next)?),
                _ => None,
            };
            // Only these go to other threads: the communicator stays on this one.
            let room = following.as_ref().map(|b| self.take(b.len()));
            // The one after the next: the disk may begin with it.
            if let Some(later) = windows.get(k + 2) {
                let later = self.share(comm, later)?;
                self.sources.iter().for_each(|source| source.prefetch(&later));
            }
            let sources = &self.sources;
            let (ahead, absorbed) = rayon::join(
                || following.zip(room).map(|(block, buffers)| read(sources, progress, block, buffers)),
                || absorb(progress, lanes, &current),
            );
            self.spare.give(current.buffers);
            let absorbed = absorbed.and_then(|()| ahead.transpose());
            if self.plan.sharing == Sharing::Exchanged {
                self.ahead = comm.agree(absorbed)?;
            } else {
                self.ahead = absorbed?;
            }
        }
        Ok(())
    }

    /// Has each thread read, a few steps at a time, what the tile that it reduces is given next.
    fn fill_tiles(&self, progress: &Progress, lanes: &mut [Lane<'_>], bytes: u64) -> Result<()> {
        let most = (bytes as usize, self.plan.steps_by_itself);
        each_by_itself(&self.sources, progress, most, &self.spare, lanes)
    }

    /// What this rank reads of a window.
    fn share(&self, comm: &Comm, window: &IndexBox) -> Result<IndexBox> {
        Ok(match self.plan.sharing {
            Sharing::Own => window.clone(),
            Sharing::Exchanged => self.plan.shares(window)?.block(comm.rank()),
        })
    }

    fn load(&mut self, progress: &Progress, block: &IndexBox) -> Result<Loaded> {
        let buffers = self.take(block.len());
        let sources = &self.sources;
        // In the pool, which this thread is not part of.
        rayon::join(|| read(sources, progress, block.clone(), buffers), || ()).0
    }

    /// From what this rank has read of a window to what it reduces of it.
    fn exchange(
        &mut self,
        comm: &Comm,
        progress: &Progress,
        window: &IndexBox,
        loaded: Result<Loaded>,
    ) -> Result<Loaded> {
        if self.plan.sharing == Sharing::Own {
            return loaded;
        }
        let loaded = comm.agree(loaded)?;
        let _timer = progress.phases.start(Phase::Communicate);
        let (from, to) = self.plan.exchange(window)?;
        let (from, to) = (Arc::new(from), Arc::new(to));
        let moved = self.sources.iter().zip(loaded.buffers).map(|(source, buffer)| {
            let variable = source.variable();
            Ok(match buffer {
                Buffer::F32(v) => Buffer::F32(moved(comm, variable, &from, &to, v)?),
                Buffer::F64(v) => Buffer::F64(moved(comm, variable, &from, &to, v)?),
            })
        });
        Ok(Loaded { block: to.block(comm.rank()), buffers: moved.collect::<Result<_>>()? })
    }

    /// A buffer for each source, used before if there are any.
    fn take(&self, len: usize) -> Vec<Buffer> {
        room(&self.sources, self.spare.take().unwrap_or_default(), len)
    }
}

/// The values of one variable, carried to those who reduce them.
fn moved<T: Element>(
    comm: &Comm,
    variable: &Variable,
    from: &Arc<Decomposition>,
    to: &Arc<Decomposition>,
    values: Vec<T>,
) -> Result<Vec<T>> {
    let field = Field::new(variable.clone(), Arc::clone(from), comm.rank(), values)?;
    Ok(field.redistribute(comm, to)?.into_data())
}
