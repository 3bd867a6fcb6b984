//! How a rank's part of the index space is cut into windows.

use crate::index::IndexBox;
use crate::tiling::Tiling;
use std::ops::Range;

/// Places along a dimension where a window may begin or end: tile edges, and where chunks must
/// be read whole, only those that are chunk edges too.
pub(in crate::engine) fn atoms(tiling: &Tiling, d: usize, chunk: usize) -> Vec<usize> {
    let edges = tiling.edges(d);
    let last = edges.last().copied().unwrap_or(0);
    edges.iter().copied().filter(|&e| e % chunk.max(1) == 0 || e == last).collect()
}

/// Runs of neighbouring atoms within `range`, each as long as goes into `most`, one atom at least.
fn runs(atoms: &[usize], range: &Range<usize>, most: usize) -> Vec<Range<usize>> {
    let inside = atoms.iter().copied().filter(|a| range.contains(a) || *a == range.end);
    // The range may be cut elsewhere, by hand.
    let mut edges: Vec<usize> = std::iter::once(range.start).chain(inside).chain([range.end]).collect();
    edges.dedup();
    let mut all: Vec<Range<usize>> = Vec::new();
    for pair in edges.windows(2) {
        match all.last_mut() {
            Some(run) if pair[1] - run.start <= most => run.end = pair[1],
            _ => all.push(pair[0]..pair[1]),
        }
    }
    all
}

/// Boxes in space (dimensions from 1 on) that cover `own`, of at most `most` cells where atoms
/// allow: whole along the fastest dimensions, so that the cells of each tile stay together.
pub(in crate::engine) fn space_boxes(
    atoms: &[Vec<usize>],
    own: &IndexBox,
    most: usize,
) -> Vec<Vec<Range<usize>>> {
    let mut boxes: Vec<Vec<Range<usize>>> = vec![Vec::new()];
    let mut room = most.max(1);
    for d in (1..own.ndim()).rev() {
        let range = own.range(d);
        let runs = runs(&atoms[d], &range, room);
        room = if runs.len() > 1 { 1 } else { (room / range.len().max(1)).max(1) };
        // The slowest dimension varies slowest in the list.
        boxes = runs
            .iter()
            .flat_map(|run| {
                boxes
                    .iter()
                    .map(move |tail| std::iter::once(run.clone()).chain(tail.iter().cloned()).collect())
            })
            .collect();
    }
    boxes
}

/// Time ranges of windows within a tile's: whole chunks, at most `most` steps where chunks allow.
pub(in crate::engine) fn time_ranges(leaf: &Range<usize>, chunk: usize, most: usize) -> Vec<Range<usize>> {
    let step = (most / chunk.max(1)).max(1) * chunk.max(1);
    let mut all = Vec::new();
    let mut start = leaf.start;
    while start < leaf.end {
        // Counted from the beginning of time, where chunks begin.
        let end = (start / step * step + step).min(leaf.end);
        all.push(start..end);
        start = end;
    }
    all
}

/// The box of these ranges.
pub(in crate::engine) fn block(time: &Range<usize>, space: &[Range<usize>]) -> IndexBox {
    IndexBox::new(std::iter::once(time.clone()).chain(space.iter().cloned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::{Dim, Role};

    #[test]
    fn windows_cover_the_space_once_with_whole_tiles() {
        let dims = vec![
            Dim::new("time", 10, Role::Time),
            Dim::new("lev", 5, Role::Level),
            Dim::new("lat", 300, Role::Y),
            Dim::new("lon", 360, Role::X),
        ];
        for chunk in [[1, 1, 300, 360], [1, 2, 300, 360], [4, 5, 100, 90], [1, 1, 1, 1]] {
            let tiling = Tiling::stream(&dims, Some(&chunk));
            let all: Vec<Vec<usize>> = (0..4).map(|d| atoms(&tiling, d, chunk[d])).collect();
            for most in [1, 40_000, 110_000, 300_000, 10_000_000] {
                let own = IndexBox::whole(&[10, 5, 300, 360]);
                let boxes = space_boxes(&all, &own, most);
                let cells: usize = boxes.iter().map(|b| b.iter().map(Range::len).product::<usize>()).sum();
                assert_eq!(cells, 5 * 300 * 360, "{chunk:?} {most}");
                for id in 0..tiling.len() {
                    let tile = tiling.tile(id).block;
                    let home: Vec<IndexBox> = boxes
                        .iter()
                        .map(|b| block(&(0..10), b))
                        .filter(|b| !b.intersect(&tile).is_empty())
                        .collect();
                    assert_eq!(home.len(), 1, "tile {tile:?} lies in one box");
                    assert!(home[0].contains(&tile));
                    // Its cells at one time are one run.
                    let mut runs = 0;
                    let one = tile.with_range(0, 0..1);
                    home[0].for_each_run(&one, |_, _, _| runs += 1);
                    assert_eq!(runs, 1, "{chunk:?} {tile:?} in {:?}", home[0]);
                }
            }
        }
    }

    #[test]
    fn times_are_cut_at_chunks() {
        assert_eq!(time_ranges(&(64..128), 1, 48), [64..96, 96..128]);
        assert_eq!(time_ranges(&(0..10), 4, 1), [0..4, 4..8, 8..10]);
        let one: Vec<Range<usize>> = std::iter::once(12..20).collect();
        assert_eq!(time_ranges(&(12..20), 12, 100), one);
        assert!(time_ranges(&(3..3), 1, 1).is_empty());
    }
}
