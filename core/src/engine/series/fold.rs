//! Folds over whole series that are larger than memory: batch by batch.

use super::plan::SeriesPlan;
use super::run::{Batches, Kept};
use crate::engine::branch::{FoldBranch, Work};
use crate::engine::piece::{Piece, Pieces};
use crate::engine::stream::StreamSource;
use crate::engine::{Engine, Fold, Parallelism};
use crate::error::{Error, Result};
use crate::index::IndexBox;
use rayon::prelude::*;

impl Engine {
    /// Runs `fold`, which takes [`Pieces::Steps`], over all series of `source` as planned: each
    /// piece is a tile with all its steps. Gives the finished states of the columns that this
    /// rank holds, with their column numbers.
    ///
    /// After each batch states are merged over ranks as far as tiles are done, so that a rank
    /// never holds more of them than a tree has levels, however many batches there are.
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
        let sources = [source];
        let batches = Batches { comm: &self.comm, sources: &sources, plan, progress: &self.progress };
        if source.is_single() {
            folded::<f32, F>(&batches, fold)
        } else {
            folded::<f64, F>(&batches, fold)
        }
    }
}

fn folded<T: Kept, F: Fold>(batches: &Batches<'_>, fold: &F) -> Result<Vec<(usize, F::State)>> {
    let (comm, plan) = (batches.comm, batches.plan);
    let (tiling, reduces) = (plan.tiling(), fold.reduces());
    let owners = owners(plan)?;
    let owner = |id: usize| owners[id];
    let mut branch = FoldBranch::new(fold);
    branch.begin(tiling);
    let tree = std::sync::Mutex::new(&mut branch);
    batches.each::<T, ()>(
        &mut |own, tiles, values| {
            let mut branch = tree.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let one = |tile: &crate::tiling::Tile| {
                let (column, leaf) = tiling.place(tile.id, reduces);
                let (start, stride) = place_in(own, &tile.block);
                let values = values.first().and_then(|values| values.get(start..));
                let numbers = T::seen(values.unwrap_or_default());
                let mut state = fold.start(column);
                let piece = Piece::steps_of(tile, tile.block.range(0), numbers, stride);
                fold.absorb(&mut state, &piece).map(|()| ((column, 0, leaf), state))
            };
            let merge = |a, b| fold.merge(a, b);
            match fold.parallelism() {
                Parallelism::Inside => {
                    for tile in tiles {
                        let (place, state) = one(tile)?;
                        branch.tree.insert(place, state, &merge)?;
                        batches.progress.tiles_done.add(1);
                    }
                }
                Parallelism::Tiles => {
                    for some in tiles.chunks(2 * rayon::current_num_threads()) {
                        let states: Vec<_> = some.par_iter().map(one).collect();
                        for state in states {
                            let (place, state) = state?;
                            branch.tree.insert(place, state, &merge)?;
                            batches.progress.tiles_done.add(1);
                        }
                    }
                }
            }
            Ok(())
        },
        &mut |_, ()| {
            let mut branch = tree.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            branch.settle(comm, tiling, &owner)
        },
    )?;
    branch.finish(comm, tiling, &owner)?;
    Ok(branch.take())
}

/// Which rank works on each tile.
fn owners(plan: &SeriesPlan) -> Result<Vec<usize>> {
    let mut owners = vec![0; plan.tiling().len()];
    for batch in &plan.batches {
        let deal = plan.deal(batch)?;
        for rank in 0..plan.ranks() {
            let own = deal.block(rank);
            if own.is_empty() {
                continue;
            }
            for tile in super::run::tiles_of(plan, &own) {
                owners[tile.id] = rank;
            }
        }
    }
    Ok(owners)
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
