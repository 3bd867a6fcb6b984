//! Who reads and reduces what, and how much of it at a time.

use super::together::{common_chunks, same_shapes};
use super::windows::{atoms, space_boxes};
use super::StreamSource;
use crate::budget::bytes_text;
use crate::decomposition::Decomposition;
use crate::engine::branch::Branch;
use crate::engine::{Fold, Parallelism};
use crate::error::{Error, ErrorKind, Result};
use crate::index::IndexBox;
use crate::tiling::{Tile, Tiling};
use std::ops::Range;

/// Bytes of a window, at least, when memory is plenty: two of them, and states, stay in a shared
/// cache.
const WINDOW: u64 = 4 << 20;
/// Bytes of a window for each thread, so that all have something to do.
const WINDOW_PER_THREAD: u64 = 2 << 20;
/// Steps for which windows of this size are right; of folds that want more, they are twice as
/// large, and hold fewer cells.
const USUAL_STEPS: usize = 8;
/// Bytes that a thread reads at once, at most, where it reads for its own tile alone. Folds that want
/// few steps get no more than these, which stay in the cache of its core; of others, to fetch the
/// state of the tile seldom is worth more.
const BY_ITSELF: u64 = 4 << 20;
/// Tiles for each thread that are in hand at once then: the more, the less those who are done early
/// wait for the others.
const TILES_PER_THREAD: usize = 8;

/// Who reads the chunks that several ranks need a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Each rank reads what it reduces: no chunk is needed by two, or parts of it can be read.
    Own,
    /// Each rank reads a share of every window, and hands on to the others what they reduce.
    Exchanged,
}

/// What is known before planning.
#[derive(Debug, Clone, Copy)]
pub struct Demand<'a> {
    /// Number of ranks.
    pub ranks: usize,
    /// Threads of each.
    pub threads: usize,
    /// Bytes of memory for windows and states, for each rank; `None`: as much as is useful.
    pub room: Option<u64>,
    /// Parts per dimension, by hand.
    pub parts: Option<&'a [usize]>,
}

/// A plan: the same on every rank.
#[derive(Debug, Clone)]
pub struct StreamPlan {
    pub(super) tiling: Tiling,
    pub(super) deal: Decomposition,
    pub(super) sharing: Sharing,
    pub(super) atoms: Vec<Vec<usize>>,
    pub(super) time_chunk: usize,
    /// Cells and steps of a window, at most.
    pub(super) cells: usize,
    pub(super) steps: usize,
    /// Whether the next window is read while one is absorbed.
    pub(super) read_ahead: bool,
    /// Bytes that a thread may read at once, where it can read for its own tile alone, and how many
    /// steps the folds want of them.
    pub(super) by_itself: Option<u64>,
    pub(super) steps_by_itself: usize,
    /// Units that are in hand at once then.
    pub(super) at_once: usize,
    /// The binary logarithm of the number of leaves that a state may go through, all on one rank.
    pub(super) kept: u32,
    /// The same of the fold whose states are merged most often.
    kept_least: u32,
    estimate: u64,
    window: u64,
    /// Sources that are read in lockstep.
    sources: usize,
}

/// What a plan must know of the folds that share a read, beside their states.
#[derive(Debug, Clone, Copy)]
struct Folds {
    /// Steps that windows are to hold.
    steps: usize,
    /// [`Fold::levels_kept`], the least and the most.
    kept: [u32; 2],
    /// Whether all leave the threads to many tiles at once.
    across: bool,
}

impl StreamPlan {
    /// Plans `fold` over `source`.
    ///
    /// # Errors
    /// Memory, if the smallest window and the states don't fit into [`Demand::room`]; usage, if
    /// parts set by hand don't fit the ranks.
    pub fn new<F: Fold>(source: &dyn StreamSource, fold: &F, demand: Demand<'_>) -> Result<Self> {
        Self::together(&[source], fold, demand)
    }

    /// Plans `fold` over sources of one shape that are read in lockstep. Tiles follow the chunks
    /// of the first; in time, whole chunks of all where their common multiple is no longer than
    /// 64 steps or the longest. A chunk of the others that windows cut is read once for each.
    ///
    /// # Errors
    /// As [`Self::new`]; data, if the sources differ in shape; internal, if there is none.
    pub fn together<F: Fold>(sources: &[&dyn StreamSource], fold: &F, demand: Demand<'_>) -> Result<Self> {
        let folds = Folds {
            steps: fold.steps_at_once(),
            kept: [fold.levels_kept(); 2],
            across: fold.parallelism() == Parallelism::Tiles,
        };
        Self::of_states(sources, &|tile| fold.state_bytes(tile), folds, demand)
    }

    /// [`Self::together`] for several folds on one read: their states add up.
    ///
    /// # Errors
    /// As [`Self::together`].
    pub fn shared(
        sources: &[&dyn StreamSource],
        branches: &[Branch<'_>],
        demand: Demand<'_>,
    ) -> Result<Self> {
        let bytes = |tile: &Tile| branches.iter().map(|b| b.work.state_bytes(tile)).sum();
        let kept = || branches.iter().map(|b| b.work.levels_kept());
        let folds = Folds {
            steps: branches.iter().map(|b| b.work.steps_at_once()).max().unwrap_or(1),
            kept: [kept().min().unwrap_or(0), kept().max().unwrap_or(0)],
            across: branches.iter().all(|b| b.work.parallelism() == Parallelism::Tiles),
        };
        Self::of_states(sources, &bytes, folds, demand)
    }

    /// A plan where the states of a tile take `state_bytes`.
    fn of_states(
        sources: &[&dyn StreamSource],
        state_bytes: &dyn Fn(&Tile) -> u64,
        folds: Folds,
        demand: Demand<'_>,
    ) -> Result<Self> {
        let Folds { steps, kept: [kept_least, kept], across } = folds;
        let [source, ..] = sources else { return Err(Error::internal("a plan for no source")) };
        same_shapes(sources)?;
        let dims = &source.variable().dims;
        let (chunks, common) = common_chunks(sources);
        let tiling = Tiling::stream(dims, Some(&common));
        let divisible = sources.iter().all(|s| s.is_divisible());
        // Whose chunks must not be cut: of several, the first that can't be divided.
        let whole = sources.iter().find(|s| !s.is_divisible()).map_or_else(|| chunks.clone(), |s| s.chunks());
        let atoms: Vec<Vec<usize>> =
            (0..dims.len()).map(|d| atoms(&tiling, d, if divisible { 1 } else { whole[d] })).collect();
        // What a step of the whole map needs in states, from the first tile of each column.
        let first = |id: usize| tiling.tile(id);
        let columns = tiling.len() / tiling.counts()[0].max(1);
        let state_of = |id: usize| state_bytes(&first(id));
        let states: u64 = (0..columns.min(tiling.len())).map(state_of).sum();
        let data = source.variable().shape().iter().product::<usize>() as u64 * element(sources);
        let ranks = demand.ranks;
        let choice = Choice { tiling: &tiling, atoms: &atoms, divisible, ranks, data, states, kept };
        let (parts, sharing) = match demand.parts {
            Some(parts) => (parts.to_vec(), choice.sharing_of(parts)),
            None => choice.best(),
        };
        let deal = choice.deal(&parts, sharing)?;
        let mut plan = Self {
            tiling,
            deal,
            sharing,
            atoms,
            time_chunk: common[0].max(1),
            cells: usize::MAX,
            steps,
            read_ahead: true,
            by_itself: None,
            steps_by_itself: steps,
            at_once: 1,
            kept,
            kept_least,
            estimate: 0,
            window: 0,
            sources: sources.len(),
        };
        let shorter = whole[0].max(1);
        let pieces = across && sources.iter().all(|s| s.reads_pieces());
        match plan.size(sources, &demand, (states, pieces)) {
            // Windows of whole chunks of all don't fit: of one of them they may.
            Err(e) if e.kind == ErrorKind::Memory && shorter < plan.time_chunk => {
                plan.time_chunk = shorter;
                plan.read_ahead = true;
                plan.size(sources, &demand, (states, pieces))?;
            }
            sized => sized?,
        }
        Ok(plan)
    }

    /// Whether these are the sources of the plan.
    pub(in crate::engine) fn check(&self, sources: &[&dyn StreamSource]) -> Result<()> {
        let fits = |s: &&dyn StreamSource| s.variable().shape() == self.deal.shape();
        if sources.len() == self.sources && sources.iter().all(fits) {
            return Ok(());
        }
        Err(Error::internal("a stream runs over other sources than it was planned for"))
    }

    /// Chooses the size of windows.
    fn size(
        &mut self,
        sources: &[&dyn StreamSource],
        demand: &Demand<'_>,
        (states, pieces): (u64, bool),
    ) -> Result<()> {
        let element = element(sources);
        // They are read one after the other.
        let scratch =
            sources.iter().map(|s| s.scratch_per_thread()).max().unwrap_or(0) * demand.threads as u64;
        let parts = self.deal.parts();
        let leaves = self.tiling.counts()[0].div_ceil(parts[0]).div_ceil(1 << self.kept_least).max(1);
        // Finished nodes of the merge tree: one a level at most, and those in the making.
        let levels = u64::from(leaves.ilog2()) + 2;
        let space: usize = parts[1..].iter().product();
        let own = states.div_ceil(space as u64);
        // States that travel are there encoded and decoded at once.
        let travelling = if parts[0] > 1 { 2 * own } else { 0 };
        let fixed = scratch + own * levels + travelling;
        // A window that is read, one that is absorbed, and what is on its way to other ranks.
        let copies = if self.sharing == Sharing::Exchanged { 5 } else { 2 };
        let usual = WINDOW.max(WINDOW_PER_THREAD * demand.threads as u64);
        let wanted = if self.steps > USUAL_STEPS { 2 * usual } else { usual };
        // Pieces differ by a tile: the largest counts.
        let blocks = (0..self.deal.ranks()).map(|rank| self.deal.block(rank));
        let whole = blocks.max_by_key(IndexBox::len).unwrap_or_else(|| self.deal.block(0));
        let least = self.window_bytes(&whole, 1, 1, element);
        let mut window = wanted;
        if let Some(room) = demand.room {
            window = window.min(room.saturating_sub(fixed) / copies);
            if window < least {
                // Without reading ahead.
                self.read_ahead = false;
                window = room.saturating_sub(fixed) / (copies - 1);
            }
            if window < least {
                let needed = fixed + least * (copies - 1);
                return Err(Error::new(
                    ErrorKind::Memory,
                    format!(
                        "{} are needed for values and states ({} for the smallest window of whole stored chunks, {} for states), {} are there",
                        bytes_text(needed), bytes_text(least), bytes_text(fixed), bytes_text(room)
                    ),
                )
                .in_variable(sources.first().map_or("", |s| s.variable().name.as_str()))
                .remedy("give more --memory, use more ranks, or store the data in smaller chunks (halocline rechunk)"));
            }
        }
        let steps = self.steps.div_ceil(self.time_chunk) * self.time_chunk;
        self.cells = ((window / element) as usize / steps).max(1);
        let cells = self.largest(&whole, self.cells);
        self.steps = ((window / element) as usize / cells.max(1)).max(1);
        self.window = self.window_bytes(&whole, self.cells, self.steps, element).max(least);
        let held = window * if self.read_ahead { copies } else { copies - 1 };
        let fits = |more: u64| demand.room.is_none_or(|room| fixed + held + more <= room);
        self.at_once = 1;
        // A thread that waits within a read may begin with another tile.
        let buffers = 2 * demand.threads.max(1) as u64;
        self.by_itself = Some(BY_ITSELF.min(held / buffers))
            .filter(|&each| pieces && self.sharing == Sharing::Own && each >= self.tile_cells() * element);
        if self.by_itself.is_some() {
            // Nobody waits for a window: more tiles at once cost nothing. Neighbouring leaves may be in
            // hand together, but for those that one state goes through.
            let tile = self.tile_cells() as usize;
            let in_hand = demand.threads.max(1) * TILES_PER_THREAD;
            let cells = self.cells.max(in_hand * tile).min((held / element) as usize);
            let tiles = self.largest(&whole, cells).div_ceil(tile).max(1);
            let most = if self.kept == 0 { (in_hand / tiles).clamp(1, leaves) } else { 1 };
            let leaves = (1..=most).rev().find(|&n| n == 1 || fits(own * (n as u64 - 1))).unwrap_or(1);
            if tiles * leaves >= demand.threads {
                (self.cells, self.at_once) = (cells, leaves);
            } else {
                // Not enough for all threads: they share windows.
                self.by_itself = None;
            }
        }
        let fixed = fixed + own * (self.at_once as u64 - 1);
        self.estimate = fixed + self.window * if self.read_ahead { copies } else { copies - 1 };
        Ok(())
    }

    /// Cells of the largest tile at one time.
    fn tile_cells(&self) -> u64 {
        let longest = |d: usize| self.tiling.edges(d).windows(2).map(|w| w[1] - w[0]).max().unwrap_or(1);
        (1..self.tiling.dims().len()).map(longest).product::<usize>().max(1) as u64
    }
    /// Cells of the largest box in space.
    fn largest(&self, own: &IndexBox, most: usize) -> usize {
        let boxes = space_boxes(&self.atoms, &self.reading(own), most);
        boxes.iter().map(|b| b.iter().map(Range::len).product()).max().unwrap_or(1)
    }
    /// What a rank reads of: its own cells, or when windows are exchanged, all.
    fn reading(&self, own: &IndexBox) -> IndexBox {
        match self.sharing {
            Sharing::Own => own.clone(),
            Sharing::Exchanged => IndexBox::whole(&self.deal.shape()),
        }
    }
    /// Bytes of the largest window of so many cells and steps.
    fn window_bytes(&self, own: &IndexBox, cells: usize, steps: usize, element: u64) -> u64 {
        let leaf = self.tiling.edges(0).windows(2).map(|w| w[1] - w[0]).max().unwrap_or(1);
        let steps = (steps / self.time_chunk).max(1) * self.time_chunk;
        (self.largest(own, cells) * steps.min(leaf)) as u64 * element
    }

    /// How the index space is cut.
    pub fn tiling(&self) -> &Tiling {
        &self.tiling
    }
    /// Who reduces what.
    pub fn deal(&self) -> &Decomposition {
        &self.deal
    }
    /// The rank that reduces tile `id`; rank 0 stands in for one without cells.
    pub(in crate::engine) fn owner(&self, id: usize) -> usize {
        self.deal.owner(&self.tiling.tile(id).block.start()).unwrap_or(0)
    }
    /// Who reads chunks that several need.
    pub fn sharing(&self) -> Sharing {
        self.sharing
    }
    /// Bytes of memory that a rank needs for windows and states.
    pub fn estimate(&self) -> u64 {
        self.estimate
    }
    /// Bytes of one window.
    pub fn window(&self) -> u64 {
        self.window
    }
    /// In a line, for those who want to know.
    pub fn describe(&self) -> String {
        format!(
            "{} tiles ({}) dealt as {}{}; {}",
            self.tiling.len(),
            self.tiling.rule(),
            self.deal.describe(),
            if self.sharing == Sharing::Exchanged { ", chunks decoded once and exchanged" } else { "" },
            self.by_itself.map_or_else(
                || {
                    let ahead = if self.read_ahead { ", read one ahead" } else { "" };
                    format!("windows of {}{ahead}", bytes_text(self.window))
                },
                |bytes| format!("each thread reads up to {} at a time", bytes_text(bytes)),
            ),
        )
    }
}

/// Bytes of a cell at a time, in all sources together.
pub(super) fn element(sources: &[&dyn StreamSource]) -> u64 {
    sources.iter().map(|s| if s.is_single() { 4 } else { 8 }).sum()
}

/// Ways to deal tiles, and what they cost.
struct Choice<'a> {
    tiling: &'a Tiling,
    atoms: &'a [Vec<usize>],
    divisible: bool,
    ranks: usize,
    /// Bytes of all values.
    data: u64,
    /// Bytes of the states of all columns.
    states: u64,
    /// As [`StreamPlan`] has it.
    kept: u32,
}

impl Choice<'_> {
    /// Pieces along a dimension that can be dealt.
    fn pieces(&self, d: usize, sharing: Sharing) -> usize {
        if d == 0 {
            self.tiling.counts()[d].div_ceil(1 << self.kept)
        } else if sharing == Sharing::Exchanged {
            self.tiling.counts()[d]
        } else {
            self.atoms[d].len() - 1
        }
    }

    /// Parts per dimension with `time` of them along time and the other ranks dealt over space,
    /// slowest dimension first.
    fn parts(&self, time: usize, sharing: Sharing) -> Vec<usize> {
        let mut parts = vec![time.max(1)];
        let mut left = self.ranks / time.max(1);
        for d in 1..self.tiling.dims().len() {
            let n = left.min(self.pieces(d, sharing)).max(1);
            parts.push(n);
            left /= n;
        }
        parts
    }

    /// Work of the busiest rank, in bytes decoded: reducing costs less, states that travel more.
    fn cost(&self, parts: &[usize], sharing: Sharing) -> f64 {
        let share: f64 = parts
            .iter()
            .enumerate()
            .map(|(d, &p)| {
                let n = self.pieces(d, sharing).max(1);
                n.div_ceil(p) as f64 / n as f64
            })
            .product();
        let data = self.data as f64;
        let space: usize = parts[1..].iter().product();
        let merges = f64::from(parts[0].next_power_of_two().ilog2());
        let states = 2.0 * merges * self.states as f64 / space as f64;
        let even = data / self.ranks as f64;
        let reading = if sharing == Sharing::Exchanged { 1.5 * even } else { data * share };
        reading + 0.3 * data * share + states
    }

    /// The cheapest way; time first where ways cost the same.
    fn best(&self) -> (Vec<usize>, Sharing) {
        let leaves = self.pieces(0, Sharing::Own).max(1);
        let mut ways = Vec::new();
        let mut time = self.ranks.min(leaves);
        loop {
            ways.push((self.parts(time, Sharing::Own), Sharing::Own));
            if time == 1 {
                break;
            }
            time = (time / 2).max(1);
        }
        if !self.divisible && self.ranks > 1 {
            ways.push((self.parts(1, Sharing::Exchanged), Sharing::Exchanged));
        }
        let cost = |way: &(Vec<usize>, Sharing)| self.cost(&way.0, way.1);
        let first = (vec![1; self.tiling.dims().len()], Sharing::Own);
        ways.into_iter()
            .reduce(|best, way| if cost(&way) < 0.98 * cost(&best) { way } else { best })
            .unwrap_or(first)
    }

    /// Whether parts set by hand cut chunks that must be decoded whole.
    fn sharing_of(&self, parts: &[usize]) -> Sharing {
        let cut = |d: usize| parts[d] > 1 && self.tiling.counts()[d] > self.atoms[d].len() - 1;
        if parts[0] == 1 && (1..parts.len()).any(cut) {
            Sharing::Exchanged
        } else {
            Sharing::Own
        }
    }

    fn deal(&self, parts: &[usize], sharing: Sharing) -> Result<Decomposition> {
        let by_atoms = |d: usize| d > 0 && sharing == Sharing::Own;
        // Leaves that a state goes through are on one rank.
        let (times, together) = (self.tiling.edges(0), 1 << self.kept);
        let mut times: Vec<usize> =
            times.iter().copied().step_by(together).chain(times.last().copied()).collect();
        times.dedup();
        let edges = (0..parts.len()).map(|d| {
            let from: &[usize] = match d {
                0 => &times,
                _ if by_atoms(d) => &self.atoms[d],
                _ => self.tiling.edges(d),
            };
            let n = from.len() - 1;
            (0..=parts[d]).map(|p| from[(p * n).div_ceil(parts[d])]).collect()
        });
        Decomposition::from_edges(self.tiling.dims().to_vec(), edges.collect(), self.ranks)
    }
}

/// Tiles of one leaf in time within a box in space.
pub(in crate::engine) fn tiles_in(tiling: &Tiling, leaf: &Range<usize>, space: &[Range<usize>]) -> Vec<Tile> {
    let wanted = super::windows::block(leaf, space);
    let within = |d: usize| {
        let edges = tiling.edges(d);
        let range = wanted.range(d);
        (0..edges.len() - 1)
            .filter(move |&k| edges[k] >= range.start && edges[k + 1] <= range.end && edges[k] < edges[k + 1])
    };
    let counts = tiling.counts();
    let mut ids = vec![0usize];
    for (d, &n) in counts.iter().enumerate() {
        ids = ids.iter().flat_map(|id| within(d).map(move |k| id * n + k)).collect();
    }
    ids.into_iter().map(|id| tiling.tile(id)).collect()
}
