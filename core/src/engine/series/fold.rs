//! Folds over whole series that are larger than memory: batch by batch.

use super::absorbing::AtWork;
use super::plan::SeriesPlan;
use super::run::{tiles_of, Batches, Kept};
use crate::comm::Stage;
use crate::engine::branch::{FoldBranch, Work};
use crate::engine::keeper::KeptPass;
use crate::engine::persist;
use crate::engine::piece::Pieces;
use crate::engine::stream::StreamSource;
use crate::engine::{Engine, Fold, Parallelism};
use crate::error::{Error, Result};
use crate::tiling::Tile;

impl Engine {
    /// Runs `fold`, which takes [`Pieces::Steps`], over all series of `source` as planned: each
    /// piece is a tile with all its steps. Gives the finished states of the columns that this
    /// rank holds, with their column numbers.
    ///
    /// After each batch states are merged over ranks as far as tiles are done, so that a rank
    /// never holds more of them than a tree has levels, however many batches there are. That is also
    /// when they are saved, and when a run can stop ([`Engine::keeping`]).
    ///
    /// # Collective
    /// Every rank calls this with the same plan and fold.
    ///
    /// # Errors
    /// What reading or the fold reports, agreed by all ranks.
    pub fn fold_series<F: Fold>(
        &self,
        source: &dyn StreamSource,
        plan: &SeriesPlan,
        fold: &F,
    ) -> Result<Vec<(usize, F::State)>> {
        if plan.ranks() != self.comm.size() || plan.sources() != 1 || fold.pieces() != Pieces::Steps {
            return Err(Error::internal("a fold over series runs otherwise than planned"));
        }
        let _stage = self.comm.stage(Stage::Pass);
        let sources = [source];
        let batches = Batches { comm: &self.comm, sources: &sources, plan, progress: &self.progress };
        let pass = self.next_pass(&sources)?;
        if source.is_single() {
            folded::<f32, F>(&batches, fold, pass.as_ref())
        } else {
            folded::<f64, F>(&batches, fold, pass.as_ref())
        }
    }
}

fn folded<T: Kept, F: Fold>(
    batches: &Batches<'_>,
    fold: &F,
    pass: Option<&KeptPass<'_>>,
) -> Result<Vec<(usize, F::State)>> {
    let (comm, plan) = (batches.comm, batches.plan);
    let (tiling, reduces) = (plan.tiling(), fold.reduces());
    let owners = plan.owners()?;
    let owner = |id: usize| owners[id];
    let mut branch = FoldBranch::new(fold);
    branch.begin(tiling);
    let covered = match pass.filter(|pass| pass.resumes()) {
        Some(pass) => Some(persist::load(comm, &mut branch, tiling, &owner, (pass.file(), pass.job()))?),
        None => None,
    };
    let is_known = |tile: &Tile| {
        let (column, leaf) = tiling.place(tile.id, reduces);
        covered.as_ref().is_some_and(|covered| covered.covers(column, leaf))
    };
    let done: Vec<bool> =
        plan.batches.iter().map(|batch| tiles_of(plan, batch).iter().all(is_known)).collect();
    let last = done.len();
    let mut cadence = pass.map(|pass| pass.cadence().of_batches());
    let tree = std::sync::Mutex::new(&mut branch);
    batches.each::<T, ()>(
        &done,
        &mut |tiles, held| {
            let mut branch = tree.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let branch: &mut FoldBranch<&F> = &mut branch;
            let (known, tiles): (Vec<&Tile>, Vec<&Tile>) = tiles.iter().partition(|tile| is_known(tile));
            batches.progress.tiles_done.add(known.len() as u64);
            let work = AtWork { fold, tiling, held, progress: batches.progress };
            let insert = |(place, state)| {
                batches.progress.tiles_done.add(1);
                branch.tree.insert(place, state, &|a, b| fold.merge(a, b))
            };
            match fold.parallelism() {
                Parallelism::Inside => work.one_by_one(&tiles, insert),
                Parallelism::Tiles => work.in_threads(&tiles, insert),
            }
        },
        &mut |k, _, new| {
            let mut branch = tree.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            branch.settle(comm, tiling, &owner)?;
            match (&mut cadence, pass) {
                (Some(cadence), Some(pass)) if k + 1 < last && new.is_some() => {
                    cadence.turn(comm, &mut |file| persist::save(comm, &**branch, tiling, (file, pass.job())))
                }
                (Some(cadence), _) => {
                    match new {
                        Some(()) => cadence.end_batch(),
                        None => cadence.begin_batch(),
                    }
                    Ok(())
                }
                _ => Ok(()),
            }
        },
    )?;
    if let (Some(mut cadence), Some(pass)) = (cadence, pass) {
        if done.contains(&false) {
            pass.has_worked();
        }
        if done.contains(&false) && pass.is_worth_saving(comm) {
            cadence.save(&mut |file| persist::save(comm, &branch, tiling, (file, pass.job())))?;
        }
    }
    branch.finish(comm, tiling, &owner)?;
    Ok(branch.take())
}

impl SeriesPlan {
    /// Which rank works on each tile.
    pub(super) fn owners(&self) -> Result<Vec<usize>> {
        let mut owners = vec![0; self.tiling().len()];
        for batch in &self.batches {
            let deal = self.deal(batch)?;
            for rank in 0..self.ranks() {
                let own = deal.block(rank);
                if own.is_empty() {
                    continue;
                }
                for tile in tiles_of(self, &own) {
                    owners[tile.id] = rank;
                }
            }
        }
        Ok(owners)
    }
}
