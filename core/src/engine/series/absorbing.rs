//! Tiles of a batch on their way into the states of a fold.

use super::held::Held;
use super::run::Kept;
use crate::engine::piece::Piece;
use crate::engine::tree::Place;
use crate::engine::Fold;
use crate::error::Result;
use crate::index::IndexBox;
use crate::progress::{Phase, Progress};
use crate::threads;
use crate::tiling::{Tile, Tiling};
use rayon::prelude::*;
use std::ops::Range;

/// Bytes of states that wait to be merged, about.
const STATES: u64 = 2 << 20;
/// States that wait to be merged, for each thread, at most.
const STATES_PER_THREAD: usize = 16;

/// A fold at work on a rank's part of a batch.
pub(super) struct AtWork<'a, T, F> {
    pub(super) fold: &'a F,
    pub(super) tiling: &'a Tiling,
    pub(super) held: &'a Held<'a, T>,
    pub(super) progress: &'a Progress,
}

impl<T: Kept, F: Fold> AtWork<'_, T, F> {
    /// Tile after tile, for folds that use all threads themselves.
    pub(super) fn one_by_one(
        &self,
        tiles: &[&Tile],
        mut insert: impl FnMut((Place, F::State)) -> Result<()> + Send,
    ) -> Result<()> {
        let held = self.held;
        let gangs = held.gangs(tiles, usize::MAX);
        let gang = |k: usize| gangs.get(k).map(|gang| &tiles[gang.clone()]);
        let mut ahead = None;
        for k in 0..gangs.len() {
            let read = ahead.take().unwrap_or_else(|| held.read(gang(k).unwrap_or(&[]), false))?;
            let seen = held.seen(&read);
            // Threads read what comes next, and then help with these.
            let (next, done) = rayon::join(
                || gang(k + 1).map(|gang| held.read(gang, false)),
                || {
                    let mut tiles = gang(k).unwrap_or(&[]).iter();
                    tiles.try_for_each(|tile| insert(self.absorb(tile, seen)?))
                },
            );
            done?;
            held.give(read);
            ahead = next;
        }
        Ok(())
    }

    /// Several tiles at once, each by one thread.
    pub(super) fn in_threads(
        &self,
        tiles: &[&Tile],
        mut insert: impl FnMut((Place, F::State)) -> Result<()>,
    ) -> Result<()> {
        let (held, count) = (self.held, rayon::current_num_threads());
        let bytes = tiles.first().map_or(0, |tile| self.fold.state_bytes(tile));
        for some in tiles.chunks(states_at_once(bytes, count)) {
            let through = |gang: &Range<usize>| {
                let tiles = &some[gang.clone()];
                let read = held.read(tiles, true)?;
                let states = tiles.iter().map(|tile| self.absorb(tile, held.seen(&read)));
                // A thread that waited for others would begin with another gang meanwhile.
                let states: Vec<_> = threads::alone(|| states.collect::<Result<_>>())?;
                held.give(read);
                Ok(states)
            };
            let gangs = held.gangs(some, some.len() / (4 * count));
            let states: Vec<Result<Vec<_>>> = gangs.par_iter().with_max_len(1).map(through).collect();
            for states in states {
                states?.into_iter().try_for_each(&mut insert)?;
            }
        }
        Ok(())
    }

    /// The state of a tile, and its place in the tree; the values are those of `block`.
    fn absorb(&self, tile: &Tile, (block, values): (&IndexBox, &[Vec<T>])) -> Result<(Place, F::State)> {
        let _timer = self.progress.phases.start(Phase::Compute);
        let (column, leaf) = self.tiling.place(tile.id, self.fold.reduces());
        let (start, stride) = place_in(block, &tile.block);
        let values = values.first().and_then(|values| values.get(start..));
        let numbers = T::seen(values.unwrap_or_default());
        let mut state = self.fold.start(column);
        let piece = Piece::steps_of(tile, tile.block.range(0), numbers, stride);
        self.fold.absorb(&mut state, &piece)?;
        Ok(((column, 0, leaf), state))
    }
}

/// States of so many bytes that are there before they are merged, of a fold whose tiles threads work
/// on at once: if they are small, enough of them for threads to end at about the same time.
pub fn states_at_once(bytes: u64, threads: usize) -> usize {
    let most = usize::try_from(STATES / bytes.max(1)).unwrap_or(usize::MAX);
    most.clamp(2 * threads, STATES_PER_THREAD * threads)
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
