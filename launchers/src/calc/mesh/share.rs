//! The share of a rank in divided maps: which blocks it owns, what it needs around them, and the pieces
//! that it works on.

use super::maps::Maps;
use super::wet::Wet;
use super::what::What;
use super::works::Works;
use halocline_core::comm::Comm;
use halocline_core::decomposition::Decomposition;
use halocline_core::grid::mesh::{Mesh, Point, Window};
use halocline_core::halo::{Gather, Wanted};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Dim, Role};
use halocline_core::Result;
use std::iter::once;
use std::ops::Range;

/// Cells around a block that operators may look at: a neighbour, and one more, as faces of a file may
/// be counted from the one in front of the first cell.
const REACH: usize = 2;
/// Cells at the rim of a block whose results may need other ranks.
const RIM: usize = REACH + 1;

/// How rows and columns of maps of any shape are cut: as those of cells, the last piece being as much
/// longer or shorter as there are more or fewer of them.
pub(super) struct Cuts([Vec<usize>; 2]);

impl Cuts {
    pub(super) fn new(cells: [usize; 2], parts: [usize; 2]) -> Result<Self> {
        let dims = [Dim::new("y", cells[0], Role::Y), Dim::new("x", cells[1], Role::X)];
        let even = Decomposition::even(&dims, &IndexBox::whole(&cells), &parts, parts[0] * parts[1])?;
        Ok(Self([even.edges(0).to_vec(), even.edges(1).to_vec()]))
    }
    /// Who owns what of a window of maps of this shape.
    pub(super) fn owners(
        &self,
        window: &IndexBox,
        (leading, parts): (&[Dim], &[usize]),
        shape: [usize; 2],
        ranks: usize,
    ) -> Result<Decomposition> {
        let front = IndexBox::new(window.ranges()[..leading.len()].to_vec());
        let before = Decomposition::even(leading, &front, parts, ranks)?;
        let mut edges: Vec<Vec<usize>> = (0..leading.len()).map(|d| before.edges(d).to_vec()).collect();
        for (cuts, n) in self.0.iter().zip(shape) {
            let last = cuts.len() - 1;
            edges.push(
                cuts.iter().enumerate().map(|(k, e)| if k == last { n } else { (*e).min(n) }).collect(),
            );
        }
        let plane = [Dim::new("y", shape[0], Role::Y), Dim::new("x", shape[1], Role::X)];
        Decomposition::from_edges(leading.iter().cloned().chain(plane).collect(), edges, ranks)
    }
    /// The rows and columns of cells of a rank.
    fn block(&self, rank: usize) -> [Range<usize>; 2] {
        let [rows, columns] = &self.0;
        let across = columns.len() - 1;
        let (y, x) = (rank / across % (rows.len() - 1), rank % across);
        [rows[y]..rows[y + 1], columns[x]..columns[x + 1]]
    }
}

/// A piece of the block.
pub(super) struct Piece {
    /// What it needs.
    window: Window,
    /// Of each result the rows and columns that it makes, as the map counts them.
    pub(super) made: Vec<[Range<usize>; 2]>,
    works: Works,
    wet: Wet,
}

/// What a rank owns and needs of the maps of a window.
pub(super) struct Share {
    /// Who owns what of each result.
    pub(super) results: Vec<Decomposition>,
    pub(super) gather: Gather,
    /// The block and what lies around it; none of a rank that makes nothing.
    window: Window,
    /// Pieces that need nothing of other ranks, and those that do.
    pub(super) inner: Vec<Piece>,
    pub(super) outer: Vec<Piece>,
}

/// A window around rows and columns of cells.
fn around(block: &[Range<usize>; 2]) -> Window {
    Window {
        start: [0, 1].map(|d| block[d].start as isize - REACH as isize),
        shape: [0, 1].map(|d| block[d].len() + 2 * REACH),
    }
}

/// A block in pieces along an axis: its ends, and between them as many as are asked for. The range of
/// those between that need no other rank.
fn cut(range: &Range<usize>, pieces: usize) -> (Vec<Range<usize>>, Range<usize>) {
    if range.len() <= 2 * RIM {
        return (vec![range.clone()], 0..0);
    }
    let (from, to) = (range.start + RIM, range.end - RIM);
    let pieces = pieces.clamp(1, to - from);
    let at = |k: usize| from + k * (to - from) / pieces;
    let between = (0..pieces).map(|k| at(k)..at(k + 1));
    let all = once(range.start..from).chain(between).chain(once(to..range.end)).collect();
    (all, 1..pieces + 1)
}

impl Share {
    /// # Collective
    /// Every rank calls this.
    pub(super) fn new(
        comm: &Comm,
        maps: &Maps<'_>,
        cuts: &Cuts,
        owners: (Vec<Decomposition>, Vec<Decomposition>),
    ) -> Result<Self> {
        let (mesh, recipe, me) = (&maps.found.mesh, &maps.recipe, comm.rank());
        let (sources, results) = owners;
        let mut block = cuts.block(me);
        let is_idle = results.iter().all(|of| of.block(me).is_empty());
        if is_idle {
            block = [0..0, 0..0];
        }
        let window = around(&block);
        let want = |(k, point): (usize, Point)| {
            let turning = recipe.is_component(k);
            let seen = if is_idle { Vec::new() } else { mesh.seen(point, window) };
            let places = seen.into_iter().map(|at| at.map(|(at, turned)| (at, turned && turning))).collect();
            Wanted { places, columns: window.shape[1] }
        };
        let wanted: Vec<Wanted> = recipe.inputs().into_iter().enumerate().map(want).collect();
        let gather = Gather::new(comm, &sources, &wanted)?;
        let mut share = Self { results, gather, window, inner: Vec::new(), outer: Vec::new() };
        if is_idle {
            return Ok(share);
        }
        let awaited = share.awaited(wanted.len());
        let (rows, inner_rows) = cut(&block[0], rayon::current_num_threads());
        let (columns, inner_columns) = cut(&block[1], 1);
        for (y, row) in rows.iter().enumerate() {
            // Where a whole row of pieces waits, it is one.
            let whole = !inner_rows.contains(&y);
            let across: Vec<Range<usize>> = if whole { vec![block[1].clone()] } else { columns.clone() };
            for (x, column) in across.iter().enumerate() {
                let cells = [row.clone(), column.clone()];
                let ends = [row.end == block[0].end, column.end == block[1].end];
                let piece = share.piece(maps, mesh, (cells, ends), me);
                if piece.made.iter().all(|[y, x]| y.is_empty() || x.is_empty()) {
                    continue;
                }
                let waits = whole || !inner_columns.contains(&x) || share.meets(&piece, &awaited);
                if waits {
                    share.outer.push(piece);
                } else {
                    share.inner.push(piece);
                }
            }
        }
        Ok(share)
    }

    fn piece(
        &self,
        maps: &Maps<'_>,
        mesh: &Mesh,
        (cells, ends): ([Range<usize>; 2], [bool; 2]),
        me: usize,
    ) -> Piece {
        let window = around(&cells);
        let made = |of: &Decomposition| -> [Range<usize>; 2] {
            let block = of.block(me);
            let n = block.ndim();
            [0, 1].map(|d| {
                let own = block.range(n - 2 + d);
                // What there is more of than cells belongs to the last piece.
                let end = if ends[d] { own.end } else { cells[d].end.min(own.end) };
                cells[d].start.max(own.start).min(end)..end
            })
        };
        let part = mesh.window(window);
        Piece {
            window,
            made: self.results.iter().map(made).collect(),
            works: Works::new(&part, &maps.recipe),
            wet: maps.wet.window(mesh, window, maps.recipe.what != What::Laplacian),
        }
    }

    /// Which places of the window come from other ranks.
    fn awaited(&self, fields: usize) -> Vec<bool> {
        let mut awaited = vec![false; self.window.shape.iter().product()];
        for range in (0..fields).flat_map(|field| self.gather.awaited(field)) {
            awaited[range].fill(true);
        }
        awaited
    }
    /// Whether a piece needs any of them.
    fn meets(&self, piece: &Piece, awaited: &[bool]) -> bool {
        let columns = piece.window.shape[1];
        self.rows(piece).any(|at| awaited[at..at + columns].contains(&true))
    }
    /// Where in the window of the block the rows of that of a piece begin.
    fn rows(&self, piece: &Piece) -> impl Iterator<Item = usize> {
        let [down, on] = [0, 1].map(|d| (piece.window.start[d] - self.window.start[d]) as usize);
        let width = self.window.shape[1];
        (down..down + piece.window.shape[0]).map(move |row| row * width + on)
    }

    /// Cells of the window.
    pub(super) fn cells(&self) -> usize {
        self.window.shape.iter().product()
    }

    /// What a piece makes of a map: of each result its rows and columns. `around` are the windows of
    /// the sources.
    pub(super) fn work(
        &self,
        maps: &Maps<'_>,
        piece: &Piece,
        around: &[&[f64]],
        level: usize,
        blocks: &mut Vec<halocline_algorithms::calculus::Block>,
    ) -> Vec<Vec<f64>> {
        let [_, columns] = piece.window.shape;
        let pick = |map: &&[f64]| -> Vec<f64> {
            self.rows(piece).flat_map(|at| map[at..at + columns].iter().copied()).collect()
        };
        let picked: Vec<Vec<f64>> = around.iter().map(pick).collect();
        let numbers: Vec<_> = picked.iter().map(|v| halocline_core::engine::Numbers::F64(v)).collect();
        let results = piece.works.map(&maps.recipe, &numbers, &|point| piece.wet.at(point, level), blocks);
        let crop = |((result, made), point): ((Vec<f64>, &[Range<usize>; 2]), Point)| -> Vec<f64> {
            let start = maps.found.mesh.start(point);
            let [down, on] =
                [0, 1].map(|d| (made[d].start as isize + start[d] - piece.window.start[d]) as usize);
            let row = |k: usize| (down + k) * columns + on;
            let [rows, across] = [made[0].len(), made[1].len()];
            (0..rows).flat_map(|k| result[row(k)..row(k) + across].iter().copied()).collect()
        };
        results.into_iter().zip(&piece.made).zip(maps.recipe.outputs()).map(crop).collect()
    }
}
