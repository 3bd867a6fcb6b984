//! Tiles in hand: given their cells of a window that all threads have read, or each read by the
//! thread that reduces it.

use super::loaded::{read, room, Buffer, Loaded};
use super::windows::time_ranges;
use super::{element, StreamSource};
use crate::buffers::Shelf;
use crate::engine::branch::Absorb;
use crate::engine::piece::{Numbers, Piece};
use crate::error::Result;
use crate::index::IndexBox;
use crate::progress::{Phase, Progress};
use crate::tiling::Tile;
use rayon::prelude::*;

/// Pieces of a tile that the system is told of before they are read.
const AHEAD: usize = 2;

/// A tile in hand and its states, one of each branch.
pub(super) struct Lane<'a> {
    tile: &'a Tile,
    /// Of folds that leave the threads to many tiles at once.
    pub(super) across: Vec<Box<dyn Absorb + 'a>>,
    /// Of those that use all threads themselves.
    pub(super) inside: Vec<Box<dyn Absorb + 'a>>,
}

impl<'a> Lane<'a> {
    pub(super) fn new(tile: &'a Tile) -> Self {
        Self { tile, across: Vec::new(), inside: Vec::new() }
    }
}

/// Hands each tile its cells of a window.
pub(super) fn absorb(progress: &Progress, lanes: &mut [Lane<'_>], window: &Loaded) -> Result<()> {
    let _timer = progress.phases.start(Phase::Compute);
    let space = IndexBox::new(window.block.ranges()[1..].to_vec());
    // The error of the first tile, whichever thread is faster.
    let across: Vec<Result<()>> =
        lanes.par_iter_mut().map(|lane| hand(lane.tile, &mut lane.across, window, &space)).collect();
    across.into_iter().collect::<Result<()>>()?;
    lanes.iter_mut().try_for_each(|lane| hand(lane.tile, &mut lane.inside, window, &space))
}

/// Reads the cells of each tile in the thread that reduces it, so many bytes and steps at a time: the
/// values are still in the cache of that core when they are added, and no thread waits for another
/// before all tiles are done. Buffers are taken from `spare`, and put back there.
pub(super) fn each_by_itself(
    sources: &[&dyn StreamSource],
    progress: &Progress,
    (bytes, steps): (usize, usize),
    spare: &Shelf<Vec<Buffer>>,
    lanes: &mut [Lane<'_>],
) -> Result<()> {
    let element = element(sources) as usize;
    let through = |lane: &mut Lane<'_>| {
        let space = IndexBox::new(lane.tile.block.ranges()[1..].to_vec());
        let most = (bytes / (space.len() * element).max(1)).clamp(1, steps.max(1));
        let mut buffers = spare.take().unwrap_or_default();
        let pieces = time_ranges(&lane.tile.block.range(0), 1, most);
        for (k, steps) in pieces.iter().enumerate() {
            // The disk may begin with those that follow.
            let from = if k == 0 { 1 } else { k + AHEAD };
            for next in (from..=k + AHEAD).filter_map(|ahead| pieces.get(ahead)) {
                let next = lane.tile.block.with_range(0, next.clone());
                sources.iter().for_each(|source| source.prefetch(&next));
            }
            let block = lane.tile.block.with_range(0, steps.clone());
            let ready = room(sources, buffers, block.len());
            let piece = read(sources, progress, block, ready)?;
            let _timer = progress.phases.start(Phase::Compute);
            hand(lane.tile, &mut lane.across, &piece, &space)?;
            buffers = piece.buffers;
        }
        spare.give(buffers);
        Ok(())
    };
    // The error of the first tile, whichever thread is faster.
    let done: Vec<Result<()>> = lanes.par_iter_mut().with_max_len(1).map(through).collect();
    done.into_iter().collect()
}

/// Hands the states of a tile its cells of a window whose cells at one time are `space`.
fn hand(tile: &Tile, states: &mut [Box<dyn Absorb + '_>], window: &Loaded, space: &IndexBox) -> Result<()> {
    if states.is_empty() {
        return Ok(());
    }
    let cells = IndexBox::new(tile.block.ranges()[1..].to_vec());
    // The cells of a tile follow one another in a window.
    let mut start = 0;
    space.for_each_run(&cells, |from, _, _| start = from);
    let steps = window.block.range(0);
    let together: Vec<Numbers<'_>> = window.buffers.iter().map(|buffer| buffer.from(start)).collect();
    let piece = match together.as_slice() {
        [only] => Piece::steps_of(tile, steps, *only, space.len()),
        all => Piece::steps_together(tile, steps, all, space.len()),
    };
    states.iter_mut().try_for_each(|state| state.absorb(&piece))
}
