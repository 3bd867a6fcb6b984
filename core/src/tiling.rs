//! Tiles: pieces of the global index space whose edges know neither ranks nor threads nor memory.

use crate::decomposition::Decomposition;
use crate::error::Result;
use crate::index::IndexBox;
use crate::meta::{Dim, Role};
use serde::{Deserialize, Serialize};

/// A tile of [`Tiling`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// Number in C order over the tiling.
    pub id: usize,
    /// Where it lies.
    pub block: IndexBox,
}

/// How a global index space is cut into tiles, by a rule that has a name.
///
/// The edges follow from the global shape and the stored chunking alone, so that every run of a
/// job, on any machine, adds the same numbers in the same order. Outputs and states record the
/// rule; a change of rule is a change of bits and gets a new name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tiling {
    rule: String,
    dims: Vec<Dim>,
    edges: Vec<Vec<usize>>,
}

/// Cells in space of a streaming tile: a state column of doubles of this width stays in cache,
/// and a map has enough of them for all threads.
const STREAM_CELLS: usize = 32 * 1024;
/// Time steps of a streaming tile, at least (rounded up to whole chunks).
const STREAM_STEPS: usize = 64;
/// Values of a tile of whole series or whole maps: 32 MiB as doubles.
const WHOLE_VALUES: usize = 1 << 22;
/// Cells of a series tile, at least, on grids that have plenty: merging two Gram matrices
/// costs about as much as absorbing 30 cells.
const SERIES_CELLS: usize = 1024;
/// Tiles that even a small grid is cut into, so that there is something to deal.
const SERIES_TILES: usize = 32;
/// Values of a tile of whole series whose cells know nothing of each other: a few MiB, so that
/// even a small share of memory holds some.
const CELLS_VALUES: usize = 1 << 20;
/// Cells or steps below which no tile is cut further.
const SMALLEST: usize = 16;

fn floor_power_of_two(n: usize) -> usize {
    if n == 0 {
        0
    } else {
        1 << n.ilog2()
    }
}

fn cuts(len: usize, step: usize) -> Vec<usize> {
    let mut edges: Vec<usize> = (0..len).step_by(step.max(1)).collect();
    edges.push(len);
    edges
}

/// Cuts the dimensions `space` (slowest first) so that a tile has about `cells` cells: whole
/// rows where a row is short enough, pieces of one row else. So the cells of a tile follow one
/// another in C order. With `chunks`, tiles are whole stored chunks or even pieces of one.
fn cut_space(
    dims: &[Dim],
    space: &[usize],
    cells: usize,
    chunks: Option<&[usize]>,
    edges: &mut [Vec<usize>],
) {
    let mut room = cells.max(1);
    for &d in space.iter().rev() {
        let len = dims[d].len;
        let step = room.min(len).max(1);
        let chunk = chunks.map_or(1, |c| c[d].max(1));
        edges[d] = if step >= len || chunk == 1 {
            cuts(len, step)
        } else if chunk <= step {
            cuts(len, step / chunk * chunk)
        } else {
            let piece = chunk.div_ceil(chunk.div_ceil(step));
            let starts = (0..len).step_by(chunk).flat_map(|c| (c..len.min(c + chunk)).step_by(piece));
            starts.chain(std::iter::once(len)).collect()
        };
        room = if step < len { 1 } else { (room / len.max(1)).max(1) };
    }
}

impl Tiling {
    /// Tiles for folds and maps that stream through time: at least 64 steps (whole stored
    /// chunks) long, up to 32 Ki cells in space that follow one another in C order, whole stored
    /// chunks or even pieces of one (`chunks`: one length per dimension, of the first file).
    /// Rule `stream-2`.
    pub fn stream(dims: &[Dim], chunks: Option<&[usize]>) -> Self {
        let mut edges: Vec<Vec<usize>> = dims.iter().map(|d| vec![0, d.len]).collect();
        let space: Vec<usize> = (0..dims.len()).filter(|&d| dims[d].role != Role::Time).collect();
        cut_space(dims, &space, STREAM_CELLS, chunks, &mut edges);
        for (d, dim) in dims.iter().enumerate().filter(|(_, dim)| dim.role == Role::Time) {
            let chunk = chunks.map_or(1, |c| c[d].max(1));
            edges[d] = cuts(dim.len, STREAM_STEPS.div_ceil(chunk) * chunk);
        }
        Self { rule: "stream-2".into(), dims: dims.to_vec(), edges }
    }

    /// Tiles for folds over time in a running program, whose steps are not known beforehand: the one
    /// tile of the first 64 steps in time, as [`Self::stream`] has them; further ones are as long. In
    /// space rows or pieces of rows, 64 of them where they keep 256 cells, 32 Ki cells at most. No cell
    /// knows of another, so only edges in time show in results. Rule `in-situ-1`.
    pub fn in_situ(space: &[Dim]) -> Self {
        let time = Dim::new("time", STREAM_STEPS, Role::Time);
        let dims: Vec<Dim> = std::iter::once(time).chain(space.iter().cloned()).collect();
        let mut edges: Vec<Vec<usize>> = dims.iter().map(|d| vec![0, d.len]).collect();
        let cells: usize = space.iter().map(|d| d.len).product();
        let behind: Vec<usize> = (1..dims.len()).collect();
        cut_space(&dims, &behind, (cells / 64).clamp(256, STREAM_CELLS), None, &mut edges);
        Self { rule: "in-situ-1".into(), dims, edges }
    }

    /// Tiles of whole series: all times of some cells. Rule `series-1`: the cells of a tile are
    /// a power of two that makes about 4 Mi values (but 1024 cells at least), at least 32 tiles
    /// where the grid allows, cut at whole rows where rows are shorter than that.
    pub fn series(dims: &[Dim]) -> Self {
        let mut edges: Vec<Vec<usize>> = dims.iter().map(|d| vec![0, d.len]).collect();
        let space: Vec<usize> = (0..dims.len()).filter(|&d| dims[d].role != Role::Time).collect();
        let times: usize = dims.iter().filter(|d| d.role == Role::Time).map(|d| d.len).product();
        let cells: usize = space.iter().map(|&d| dims[d].len).product();
        let wanted = (WHOLE_VALUES / times.max(1)).max(SERIES_CELLS).min(cells / SERIES_TILES).max(SMALLEST);
        cut_space(dims, &space, floor_power_of_two(wanted), None, &mut edges);
        Self { rule: "series-1".into(), dims: dims.to_vec(), edges }
    }

    /// Tiles of whole series for work in which no cell knows of another (percentiles, running
    /// means): all times of some cells, which make about 1 Mi values, 16 cells at least and 32 Ki
    /// at most, 32 tiles where the grid allows; in space cut as [`Self::stream`] does. Rule `series-2`.
    pub fn cells(dims: &[Dim], chunks: Option<&[usize]>) -> Self {
        let mut edges: Vec<Vec<usize>> = dims.iter().map(|d| vec![0, d.len]).collect();
        let space: Vec<usize> = (0..dims.len()).filter(|&d| dims[d].role != Role::Time).collect();
        let times: usize = dims.iter().filter(|d| d.role == Role::Time).map(|d| d.len).product();
        let cells: usize = space.iter().map(|&d| dims[d].len).product();
        let wanted = (CELLS_VALUES / times.max(1)).min(cells / SERIES_TILES).clamp(SMALLEST, STREAM_CELLS);
        cut_space(dims, &space, wanted, chunks, &mut edges);
        Self { rule: "series-2".into(), dims: dims.to_vec(), edges }
    }

    /// [`Self::cells`] where other dimensions than time are reduced (or more than time): all
    /// values along the `reduced` of them, of as many cells of what is kept as make about 1 Mi
    /// values; one cell if it has as many itself, 16 where fewer would share the lines of a cache.
    /// Rule `series-3`.
    pub fn cells_over(dims: &[Dim], reduced: &[bool], chunks: Option<&[usize]>) -> Self {
        let mut edges: Vec<Vec<usize>> = dims.iter().map(|d| vec![0, d.len]).collect();
        let kept: Vec<usize> = (0..dims.len()).filter(|&d| !reduced[d]).collect();
        let samples = dims.iter().zip(reduced).filter(|(_, r)| **r);
        let samples = samples.fold(1usize, |n, (d, _)| n.saturating_mul(d.len));
        let cells = kept.iter().fold(1usize, |n, &d| n.saturating_mul(dims[d].len));
        let wanted = (CELLS_VALUES / samples.max(1)).min(cells / SERIES_TILES);
        let interleaved = reduced.last() == Some(&false) && samples <= CELLS_VALUES;
        let wanted = wanted.clamp(if interleaved { SMALLEST } else { 1 }, STREAM_CELLS);
        cut_space(dims, &kept, wanted, chunks, &mut edges);
        Self { rule: "series-3".into(), dims: dims.to_vec(), edges }
    }

    /// Tiles of whole maps: all cells at some times. Rule `maps-1`: the times of a tile are a
    /// power of two that makes about 4 Mi values, at least 32 tiles where there are the times.
    pub fn maps(dims: &[Dim]) -> Self {
        let mut edges: Vec<Vec<usize>> = dims.iter().map(|d| vec![0, d.len]).collect();
        let cells: usize = dims.iter().filter(|d| d.role != Role::Time).map(|d| d.len).product();
        for (d, dim) in dims.iter().enumerate().filter(|(_, dim)| dim.role == Role::Time) {
            let wanted = (WHOLE_VALUES / cells.max(1)).min(dim.len / SERIES_TILES).max(1);
            let least = SMALLEST.min((WHOLE_VALUES / cells.max(1)).max(1));
            edges[d] = cuts(dim.len, floor_power_of_two(wanted).max(floor_power_of_two(least)));
        }
        Self { rule: "maps-1".into(), dims: dims.to_vec(), edges }
    }

    /// The name of the rule that made it.
    pub fn rule(&self) -> &str {
        &self.rule
    }
    /// Dimensions with their global lengths.
    pub fn dims(&self) -> &[Dim] {
        &self.dims
    }
    /// Tiles along each dimension.
    pub fn counts(&self) -> Vec<usize> {
        self.edges.iter().map(|e| e.len() - 1).collect()
    }
    /// Number of tiles.
    pub fn len(&self) -> usize {
        self.counts().iter().product()
    }
    /// Whether there is no tile.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Tile number `id`.
    pub fn tile(&self, id: usize) -> Tile {
        let block = IndexBox::new(
            self.coordinates(id).iter().zip(&self.edges).map(|(&c, e)| e[c]..e[c + 1]).collect(),
        );
        Tile { id, block }
    }
    /// Where tile `id` stands along each dimension.
    fn coordinates(&self, id: usize) -> Vec<usize> {
        let mut rest = id;
        let mut at = vec![0; self.edges.len()];
        for d in (0..self.edges.len()).rev() {
            let n = self.edges[d].len() - 1;
            at[d] = rest % n;
            rest /= n;
        }
        at
    }
    /// Where the tiles begin along dimension `d`, and where the last one ends.
    pub fn edges(&self, d: usize) -> &[usize] {
        &self.edges[d]
    }
    /// The column and the leaf number of tile `id` for a reduction over the dimensions of
    /// `roles`: leaves of one column merge, columns don't meet. Both are C-order numbers.
    pub fn place(&self, id: usize, roles: &[Role]) -> (usize, usize) {
        let (mut column, mut leaf) = (0, 0);
        for (d, at) in self.coordinates(id).into_iter().enumerate() {
            let n = self.edges[d].len() - 1;
            if roles.contains(&self.dims[d].role) {
                leaf = leaf * n + at;
            } else {
                column = column * n + at;
            }
        }
        (column, leaf)
    }
    /// The tile at `leaf` of `column`: the inverse of [`Self::place`].
    pub fn at_place(&self, column: usize, leaf: usize, roles: &[Role]) -> usize {
        let (mut column, mut leaf) = (column, leaf);
        let mut at = vec![0; self.edges.len()];
        for d in (0..self.edges.len()).rev() {
            let n = self.edges[d].len() - 1;
            let rest = if roles.contains(&self.dims[d].role) { &mut leaf } else { &mut column };
            at[d] = *rest % n;
            *rest /= n;
        }
        at.iter().zip(&self.edges).fold(0, |id, (&c, e)| id * (e.len() - 1) + c)
    }
    /// Leaves of each column for a reduction over `roles`.
    pub fn leaves(&self, roles: &[Role]) -> usize {
        self.counts()
            .iter()
            .zip(&self.dims)
            .filter(|(_, d)| roles.contains(&d.role))
            .map(|(n, _)| n)
            .product()
    }

    /// Deals whole tiles to `ranks` in blocks: a decomposition whose edges are tile edges.
    ///
    /// The slowest dimension that is cut into tiles is divided first, so that the work in
    /// `cost` (one figure per tile; empty: all alike) comes out even; only when it has fewer
    /// tiles than there are ranks are further dimensions divided, evenly. How tiles are dealt
    /// never changes a result, only how long it takes.
    ///
    /// # Errors
    /// As [`Decomposition::from_edges`].
    pub fn deal(&self, ranks: usize, cost: &[u64]) -> Result<Decomposition> {
        let counts = self.counts();
        let mut edges: Vec<Vec<usize>> = self.dims.iter().map(|d| vec![0, d.len]).collect();
        let mut left = ranks;
        let mut first = true;
        for d in 0..counts.len() {
            if counts[d] < 2 || left < 2 {
                continue;
            }
            let parts = left.min(counts[d]);
            left /= parts;
            let mut slabs = vec![1u64; counts[d]];
            if first && cost.len() == self.len() {
                slabs = vec![0; counts[d]];
                for (id, &c) in cost.iter().enumerate() {
                    slabs[self.coordinates(id)[d]] += c.max(1);
                }
            }
            first = false;
            edges[d] = balanced_cuts(&slabs, parts).into_iter().map(|cut| self.edges[d][cut]).collect();
        }
        Decomposition::from_edges(self.dims.clone(), edges, ranks)
    }
}

/// Cuts a row of slabs into `parts` (not empty) runs of about equal cost.
fn balanced_cuts(slabs: &[u64], parts: usize) -> Vec<usize> {
    let total: u64 = slabs.iter().sum();
    let mut cuts = vec![0];
    let (mut sum, mut next) = (0u64, 1usize);
    for (i, &slab) in slabs.iter().enumerate() {
        // Cut before slab i where that is nearer to the even share than cutting after it,
        // but leave at least one slab for each part still to come.
        let goal = u128::from(total) * next as u128 / parts as u128;
        let must = slabs.len() - i <= parts - next;
        let near = u128::from(sum) * 2 + u128::from(slab) > goal * 2;
        if next < parts && i > cuts[next - 1] && (must || near) {
            cuts.push(i);
            next += 1;
        }
        sum += slab;
    }
    cuts.push(slabs.len());
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dims(t: usize, y: usize, x: usize) -> Vec<Dim> {
        vec![Dim::new("time", t, Role::Time), Dim::new("lat", y, Role::Y), Dim::new("lon", x, Role::X)]
    }

    #[test]
    fn tiles_cover_the_space_once() {
        for d in [dims(7, 5, 9), dims(1200, 36, 72), dims(3, 2, 10_000), dims(40, 1, 1), dims(0, 4, 4)] {
            for tiling in [
                Tiling::stream(&d, Some(&[1, 3, 72])),
                Tiling::stream(&d, Some(&[3, 3, 7])),
                Tiling::stream(&d, Some(&[1, 2, 40_000])),
                Tiling::series(&d),
                Tiling::cells(&d, Some(&[1, 3, 72])),
                Tiling::cells(&d, Some(&[3, 2, 7])),
                Tiling::maps(&d),
                Tiling::stream(&d, None),
            ] {
                let cells: usize = (0..tiling.len()).map(|i| tiling.tile(i).block.len()).sum();
                assert_eq!(cells, d.iter().map(|d| d.len).product::<usize>(), "{tiling:?}");
                for roles in [&[Role::Time][..], &[Role::Y, Role::X], &[Role::Y]] {
                    for id in 0..tiling.len() {
                        let (column, leaf) = tiling.place(id, roles);
                        assert_eq!(tiling.at_place(column, leaf, roles), id);
                        assert!(leaf < tiling.leaves(roles));
                    }
                }
            }
        }
    }

    #[test]
    fn the_rules_stay_as_they_were_recorded() {
        // A failure here means other bits than earlier versions gave: name a new rule.
        assert_eq!(Tiling::series(&dims(1200, 360, 720)).counts(), [1, 180, 1]);
        assert_eq!(Tiling::series(&dims(128, 89, 180)).counts(), [1, 89, 1]);
        assert_eq!(Tiling::series(&dims(10_000, 1000, 2000)).counts(), [1, 1000, 2]);
        assert_eq!(Tiling::maps(&dims(3650, 10, 10)).counts(), [58, 1, 1]);
        assert_eq!(Tiling::cells(&dims(1200, 360, 720), Some(&[1, 360, 720])).counts(), [1, 360, 1]);
        assert_eq!(Tiling::cells(&dims(120, 360, 720), Some(&[120, 20, 40])).counts(), [1, 36, 1]);
        assert_eq!(Tiling::cells(&dims(40_000, 10, 100), Some(&[1, 10, 100])).counts(), [1, 10, 4]);
        assert_eq!(Tiling::stream(&dims(1200, 360, 720), Some(&[1, 360, 720])).counts(), [19, 8, 1]);
        assert_eq!(Tiling::stream(&dims(1200, 360, 720), Some(&[1, 1, 720])).counts(), [19, 8, 1]);
        assert_eq!(Tiling::stream(&dims(1200, 360, 720), None).counts(), [19, 8, 1]);
        assert_eq!(Tiling::stream(&dims(1200, 360, 720), Some(&[1200, 40, 40])).counts(), [1, 9, 1]);
        assert_eq!(Tiling::stream(&dims(10, 500, 70_000), Some(&[1, 100, 35_000])).counts(), [1, 500, 4]);
    }

    #[test]
    fn dealing_keeps_tiles_whole_and_evens_the_cost() {
        let tiling = Tiling::series(&dims(100, 40, 64));
        let n = tiling.len();
        let cost: Vec<u64> = (0..n as u64).map(|i| if i < n as u64 / 2 { 0 } else { 100 }).collect();
        for ranks in [1, 2, 3, 4, 7, 100] {
            let d = tiling.deal(ranks, &cost).unwrap();
            for id in 0..n {
                let block = tiling.tile(id).block;
                let owner = d.owner(&block.start()).unwrap();
                assert!(d.block(owner).contains(&block), "tile {id} is cut by {ranks} ranks");
            }
        }
        let d = tiling.deal(2, &cost).unwrap();
        let rows = d.block(0).range(1).len();
        assert!((25..=35).contains(&rows), "rank 0 should get half of the costly rows, got {rows}");
    }

    #[test]
    fn cuts_leave_no_part_empty() {
        assert_eq!(balanced_cuts(&[100, 1, 1, 1], 3), [0, 1, 2, 4]);
        assert_eq!(balanced_cuts(&[1, 1, 1, 100], 4), [0, 1, 2, 3, 4]);
        assert_eq!(balanced_cuts(&[1, 1, 1, 1], 2), [0, 2, 4]);
    }
}
