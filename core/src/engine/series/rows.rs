//! Where the cells of tiles lie in the rows of a batch's results.

use super::plan::SeriesPlan;
use super::run::tiles_of;
use super::space::Space;
use crate::index::IndexBox;
use crate::tiling::Tile;

/// Tiles of a rank's part of a batch, each with the place and number of its cells in a row of results.
pub(super) fn spans(
    plan: &SeriesPlan,
    own: &IndexBox,
    wanted: &dyn Fn(&Tile) -> bool,
) -> Vec<(usize, usize, usize)> {
    let tiles = tiles_of(plan, own);
    let all = in_rows(&plan.space, own, &tiles).into_iter();
    all.filter(|(tile, _)| wanted(tile))
        .map(|(tile, start)| (tile.id, start, plan.space.cells(&tile.block)))
        .collect()
}

/// The tiles of a part in the order of their cells, which follow one another in a row of results,
/// with where they begin.
pub(super) fn in_rows<'a>(space: &Space, own: &IndexBox, tiles: &'a [Tile]) -> Vec<(&'a Tile, usize)> {
    let kept = space.kept_of(own);
    let mut all: Vec<(&Tile, usize)> = tiles
        .iter()
        .map(|tile| {
            let mut start = 0;
            kept.for_each_run(&space.kept_of(&tile.block), |from, _, _| start = from);
            (tile, start)
        })
        .collect();
    all.sort_by_key(|(_, start)| *start);
    let mut next = 0;
    for (tile, start) in &mut all {
        *start = next;
        next += space.cells(&tile.block);
    }
    all
}
