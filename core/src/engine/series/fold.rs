//! Folds over whole series that are larger than memory: batch by batch.

use super::plan::SeriesPlan;
use super::run::{tiles_of, Batches, Kept};
use crate::comm::Stage;
use crate::engine::branch::{FoldBranch, Work};
use crate::engine::keeper::KeptPass;
use crate::engine::persist;
use crate::engine::piece::{Piece, Pieces};
use crate::engine::stream::StreamSource;
use crate::engine::{Engine, Fold, Parallelism};
use crate::error::{Error, Result};
use crate::index::IndexBox;
use crate::progress::Phase;
use crate::tiling::Tile;
use rayon::prelude::*;

/// Bytes of states that wait to be merged, about.
const STATES: u64 = 8 << 20;
/// States that wait to be merged, for each thread, at most.
const STATES_PER_THREAD: usize = 16;

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
            let one = |tile: &Tile, block: &IndexBox, values: &[Vec<T>]| {
                let _timer = batches.progress.phases.start(Phase::Compute);
                let (column, leaf) = tiling.place(tile.id, reduces);
                let (start, stride) = place_in(block, &tile.block);
                let values = values.first().and_then(|values| values.get(start..));
                let numbers = T::seen(values.unwrap_or_default());
                let mut state = fold.start(column);
                let piece = Piece::steps_of(tile, tile.block.range(0), numbers, stride);
                fold.absorb(&mut state, &piece).map(|()| ((column, 0, leaf), state))
            };
            let merge = |a, b| fold.merge(a, b);
            let (known, tiles): (Vec<&Tile>, Vec<&Tile>) = tiles.iter().partition(|tile| is_known(tile));
            batches.progress.tiles_done.add(known.len() as u64);
            let threads = rayon::current_num_threads();
            match fold.parallelism() {
                Parallelism::Inside => {
                    let gangs = held.gangs(&tiles, usize::MAX);
                    let gang = |k: usize| gangs.get(k).map(|gang| &tiles[gang.clone()]);
                    let mut ahead = None;
                    for k in 0..gangs.len() {
                        let (block, read) =
                            ahead.take().unwrap_or_else(|| held.read(gang(k).unwrap_or(&[])))?;
                        // One thread reads what comes next, and then helps with these.
                        let (next, done) = rayon::join(
                            || gang(k + 1).map(|gang| held.read(gang)),
                            || {
                                gang(k).unwrap_or(&[]).iter().try_for_each(|tile| {
                                    let (place, state) = one(tile, &block, held.values(&read))?;
                                    batches.progress.tiles_done.add(1);
                                    branch.tree.insert(place, state, &merge)
                                })
                            },
                        );
                        done?;
                        held.give(read);
                        ahead = next;
                    }
                }
                Parallelism::Tiles => {
                    let bytes = tiles.first().map_or(0, |tile| fold.state_bytes(tile));
                    for some in tiles.chunks(states_at_once(bytes, threads)) {
                        let gangs = held.gangs(some, some.len() / (4 * threads));
                        let through = |gang: &std::ops::Range<usize>| {
                            let tiles = &some[gang.clone()];
                            let (block, read) = held.read(tiles)?;
                            let states = tiles.iter().map(|tile| one(tile, &block, held.values(&read)));
                            let states: Vec<_> = states.collect::<Result<_>>()?;
                            held.give(read);
                            Ok(states)
                        };
                        let states: Vec<Result<Vec<_>>> =
                            gangs.par_iter().with_max_len(1).map(through).collect();
                        for states in states {
                            for (place, state) in states? {
                                branch.tree.insert(place, state, &merge)?;
                                batches.progress.tiles_done.add(1);
                            }
                        }
                    }
                }
            }
            Ok(())
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

/// States of so many bytes that are there before they are merged, of a fold whose tiles threads work
/// on at once: if they are small, enough of them for threads to end at about the same time.
pub fn states_at_once(bytes: u64, threads: usize) -> usize {
    let most = usize::try_from(STATES / bytes.max(1)).unwrap_or(usize::MAX);
    most.clamp(2 * threads, STATES_PER_THREAD * threads)
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

/// Where the first cell of `tile` lies among the values of `own`, and how far it is from one step
/// to the next.
fn place_in(own: &IndexBox, tile: &IndexBox) -> (usize, usize) {
    let shape = own.shape();
    let (mut start, mut stride) = (0, 1);
    for d in (1..shape.len()).rev() {
        start += (tile.range(d).start - own.range(d).start) * stride;
        stride *= shape[d];
    }
    // Where steps are kept, a rank's block holds those of several tiles.
    start += (tile.range(0).start - own.range(0).start) * stride;
    (start, stride)
}
