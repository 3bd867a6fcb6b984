//! Which cells are in memory together, and who reads and works on what of them.

use super::keep::KeptBatch;
use super::space::Space;
use super::SeriesWork;
use crate::budget::bytes_text;
use crate::decomposition::Decomposition;
use crate::engine::stream::{atoms, common_chunks, same_shapes, Demand, Sharing, StreamSource};
use crate::error::{Error, ErrorKind, Result};
use crate::index::IndexBox;
use crate::meta::Role;
use crate::tiling::Tiling;
use std::ops::Range;

/// Bytes of a window that is exchanged, on each rank, when memory is plenty.
const WINDOW: u64 = 16 << 20;
/// Bytes of a batch on each rank, beyond which more is no faster where parts of chunks can be read:
/// memory that is used again costs less than memory that is new.
const BATCH: u64 = 256 << 20;
/// The same where steps are kept, which are read whole.
const BATCH_OF_STEPS: u64 = 32 << 20;
/// Bytes that a thread reads of neighbouring tiles at a time, at most, where each reads what it
/// works on, and bytes that all threads hold so, if tiles are not larger: enough of each step that
/// reading it costs little beside its values.
const GANG: u64 = 16 << 20;
const GANGS: u64 = 256 << 20;
/// Tiles of a batch for each thread, at least, where each reads what it works on.
const TILES: usize = 4;
/// Bytes that a rank reads of each step, at least, before batches are made smaller for that: for
/// the sake of disks.
const RUN: u64 = 256 << 10;
/// Work of the busiest rank, at most, over an even share, before ranks exchange chunks instead of
/// decoding their own.
const UNEVEN: f64 = 1.4;

/// A plan for whole series: the same on every rank.
#[derive(Debug, Clone)]
pub struct SeriesPlan {
    pub(super) space: Space,
    pub(super) tiling: Tiling,
    /// Boxes of whole series, in C order.
    pub(super) batches: Vec<IndexBox>,
    pub(super) sharing: Sharing,
    sources: usize,
    pub(super) time_chunk: usize,
    /// Steps of a window that is exchanged, on each rank.
    pub(super) steps: usize,
    /// Whether the next batch is read while one is worked on.
    pub(super) read_ahead: bool,
    /// Values of each source that a thread holds, at most, where each thread reads the tiles that it
    /// works on; `None`: all threads read batches.
    pub(super) apart: Option<usize>,
    ranks: usize,
    parts: Option<Vec<usize>>,
    /// Where ranks may be cut, per dimension.
    cuts: Vec<Vec<usize>>,
    passes: usize,
    estimate: u64,
    /// Who has what already, where the data are in memory.
    at_hand: Option<Decomposition>,
    /// The plan of passes over whole steps, for those who need both.
    across: Option<Box<SeriesPlan>>,
    /// The estimate if the only batch stays between passes.
    staying: Option<u64>,
    /// Where the only batch stays between passes; `None`: it does not.
    pub(super) kept: Option<KeptBatch>,
}

/// What whole series are needed for, as far as planning goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesNeeds {
    /// The dimensions that are reduced.
    pub reduces: Vec<Role>,
    /// Values that each cell gets, of all results.
    pub rows: usize,
    /// How cells are cut into tiles; by the rule for work in which no cell knows of another, if
    /// there is none.
    pub tiling: Option<Tiling>,
    /// Bytes that a thread takes for itself while it works.
    pub scratch_per_thread: u64,
}

/// Bytes of what a plan has to count with.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    element: u64,
    /// Bytes of the results of a cell.
    results: u64,
    /// Whatever batches are.
    fixed: u64,
    /// Of what threads hold of a batch, where each reads the tiles that it works on.
    apart: Option<u64>,
    room: Option<u64>,
}

impl SeriesPlan {
    /// Plans `work` over `source`.
    ///
    /// # Errors
    /// Memory, if not even the smallest batch fits into [`Demand::room`]; usage, if parts set by
    /// hand cut what is reduced.
    pub fn new(source: &dyn StreamSource, work: &dyn SeriesWork, demand: Demand<'_>) -> Result<Self> {
        Self::together(&[source], work, demand)
    }

    /// Plans `work` over several sources of one shape, one at least, that are read in lockstep. All
    /// are kept in double precision if one is.
    ///
    /// # Errors
    /// As [`Self::new`]; data, if the shapes differ.
    pub fn together(
        sources: &[&dyn StreamSource],
        work: &dyn SeriesWork,
        demand: Demand<'_>,
    ) -> Result<Self> {
        let rows = work.rows().iter().fold(work.rows_beside(), |n, &r| n.saturating_add(r));
        let scratch = |samples, cells| work.scratch_per_thread(samples, cells);
        Self::planned(sources, (work.reduces(), rows, None), &scratch, demand)
    }

    /// Plans passes over `source` that need this much.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_needs(source: &dyn StreamSource, needs: &SeriesNeeds, demand: Demand<'_>) -> Result<Self> {
        let scratch = |_, _| needs.scratch_per_thread;
        Self::planned(&[source], (&needs.reduces, needs.rows, needs.tiling.as_ref()), &scratch, demand)
    }

    fn planned(
        sources: &[&dyn StreamSource],
        (reduces, rows, tiling): (&[Role], usize, Option<&Tiling>),
        scratch: &dyn Fn(usize, usize) -> u64,
        demand: Demand<'_>,
    ) -> Result<Self> {
        let Some(source) = sources.first() else { return Err(Error::internal("series of no source")) };
        same_shapes(sources)?;
        let dims = source.variable().dims.clone();
        let name = &source.variable().name;
        let space = Space::new(&dims, reduces)?;
        if let Some(parts) = demand.parts {
            space.check_parts(&dims, parts).map_err(|e| e.in_variable(name))?;
        }
        let steps = dims.first().map_or(0, |d| d.len);
        // Tiles follow the chunks of the first source alone.
        let (chunks, common) = common_chunks(sources);
        let divisible = sources.iter().all(|source| source.is_divisible());
        let is_single = sources.iter().all(|source| source.is_single());
        let tiling = tiling.cloned().unwrap_or_else(|| space.tiling(&dims, &chunks));
        let whole = IndexBox::whole(&source.variable().shape());
        let largest_tile = space
            .kept()
            .map(|d| tiling.edges(d).windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0))
            .product::<usize>();
        // Each row of a tile has a place that says where it goes.
        let of_row = 8 + size_of::<&mut [f64]>().div_ceil((space.cells(&whole) / tiling.len().max(1)).max(1));
        // No more threads work than there are tiles.
        let threads = demand.threads.max(1);
        let working = threads.min(tiling.len().max(1)) as u64;
        let mut sizes = Sizes {
            element: sources.len() as u64 * if is_single { 4 } else { 8 },
            results: (of_row as u64).saturating_mul(rows as u64),
            fixed: (threads as u64)
                .saturating_mul(sources.iter().map(|source| source.scratch_per_thread()).max().unwrap_or(0))
                .saturating_add(working.saturating_mul(scratch(space.samples, largest_tile))),
            apart: None,
            room: demand.room,
        };
        let tiles: Vec<Vec<usize>> = (0..dims.len()).map(|d| tiling.edges(d).to_vec()).collect();
        let chunked: Vec<Vec<usize>> =
            (0..dims.len()).map(|d| atoms(&tiling, d, if divisible { 1 } else { chunks[d] })).collect();
        let mut plan = Self {
            space,
            tiling,
            batches: vec![whole.clone()],
            sharing: Sharing::Own,
            sources: sources.len(),
            time_chunk: common.first().map_or(1, |&c| c.max(1)),
            steps: 1,
            read_ahead: false,
            apart: None,
            ranks: demand.ranks.max(1),
            parts: demand.parts.map(<[usize]>::to_vec),
            cuts: chunked.clone(),
            passes: 1,
            estimate: 0,
            at_hand: None,
            staying: None,
            kept: None,
            across: None,
        };
        let mut most = plan.space.cells(&whole);
        // Over other dimensions than time, what is kept as a rule divides whole chunks, too.
        if divisible || !plan.space.of_times {
            let samples = plan.space.samples as u64;
            let of_cell = samples.saturating_mul(sizes.element).saturating_add(sizes.results).max(1);
            let enough = if plan.space.reduced()[0] {
                let of_step = (samples / steps.max(1) as u64).max(1);
                (BATCH / of_cell).max(RUN / sizes.element / of_step)
            } else {
                (BATCH_OF_STEPS / of_cell).max(1)
            };
            let enough = enough.saturating_mul(plan.ranks as u64);
            most = most.min(usize::try_from(enough).unwrap_or(usize::MAX));
        }
        let busy = plan.ranks * threads * TILES;
        let of_cell = plan.space.samples as u64 * sizes.element;
        let tile = of_cell.saturating_mul(largest_tile as u64);
        let room = sizes.room.map_or(u64::MAX, |room| room / 4);
        let gang = GANG.min(GANGS.min(room) / threads as u64).max(tile);
        // Folds that use all threads themselves work on one gang while the next is read.
        let held = gang.saturating_mul(working.max(2));
        let share = of_cell.saturating_mul(plan.space.cells(&whole).div_ceil(plan.ranks) as u64);
        // Where all takes no more than that, all is read.
        let is_more = share > held && plan.tiling.len() >= busy;
        if is_more && sources.iter().all(|source| source.reads_pieces()) {
            sizes.apart = Some(held);
            plan.apart = usize::try_from(gang / sizes.element).ok();
            let most = most.max(largest_tile.saturating_mul(busy)).min(plan.space.cells(&whole));
            if plan.cut(&whole, (&chunked, most), (&tiles, &chunked), &sizes)? {
                if plan.batches.len() == 1 {
                    plan.staying = plan.clone().staying(&whole, (&tiles, &chunked), &sizes)?;
                }
                return Ok(plan);
            }
            (sizes.apart, plan.apart, plan.batches) = (None, None, vec![whole.clone()]);
        }
        if most == plan.space.cells(&whole) && plan.fits(&whole, &tiles, &chunked, &sizes)? {
            return Ok(plan);
        }
        // Else batches that keep chunks whole, read ahead where that costs no pass; else batches
        // that cut chunks.
        for (ahead, edges) in [(true, &chunked), (false, &chunked), (false, &tiles)] {
            plan.read_ahead = ahead;
            if plan.cut(&whole, (edges, most), (&tiles, &chunked), &sizes)? {
                plan.passes = if divisible { 1 } else { plan.count_passes(&chunks) };
                let pays = plan.passes == 1 && plan.sharing == Sharing::Own && plan.batches.len() > 1;
                if !ahead || pays {
                    return Ok(plan);
                }
            }
        }
        Err(plan.refusal(name, &sizes))
    }

    /// For data that are in memory: one batch, of which each rank works on what it has.
    pub(super) fn at_hand(own: &Decomposition, tiling: &Tiling) -> Result<Self> {
        let dims = tiling.dims();
        let edges = (0..dims.len()).map(|d| tiling.edges(d).to_vec()).collect();
        Ok(Self {
            space: Space::new(dims, &[Role::Time])?,
            tiling: tiling.clone(),
            batches: vec![IndexBox::whole(&own.shape())],
            sharing: Sharing::Own,
            sources: 1,
            time_chunk: 1,
            steps: 1,
            read_ahead: false,
            apart: None,
            ranks: own.ranks(),
            parts: None,
            cuts: edges,
            passes: 1,
            estimate: 0,
            at_hand: Some(own.clone()),
            staying: None,
            kept: None,
            across: None,
        })
    }

    /// Cuts the space into the largest batches that fit, of `most` cells, between `edges`; says
    /// whether any do.
    fn cut(
        &mut self,
        whole: &IndexBox,
        (edges, mut most): (&[Vec<usize>], usize),
        cuts: (&[Vec<usize>], &[Vec<usize>]),
        sizes: &Sizes,
    ) -> Result<bool> {
        let room = sizes.room.unwrap_or(u64::MAX);
        loop {
            self.batches = self.space.boxes(edges, whole, most);
            let largest = self.largest();
            if self.fits(&largest, cuts.0, cuts.1, sizes)? {
                return Ok(true);
            }
            if self.space.cells(&largest) > most || most <= 1 {
                // They can't be smaller.
                return Ok(false);
            }
            let over = room.saturating_sub(sizes.fixed) as f64
                / self.estimate.saturating_sub(sizes.fixed).max(1) as f64;
            most = (self.space.cells(&largest) as f64 * over.clamp(0.01, 0.95)) as usize;
        }
    }

    /// The estimate where all is in memory at once, if that fits.
    fn staying(
        mut self,
        whole: &IndexBox,
        (tiles, chunked): (&[Vec<usize>], &[Vec<usize>]),
        sizes: &Sizes,
    ) -> Result<Option<u64>> {
        let fits = self.fits(whole, tiles, chunked, &Sizes { apart: None, ..*sizes })?;
        Ok(fits.then_some(self.estimate))
    }

    /// Decides how ranks share batches as large as `batch`, and says whether that fits.
    fn fits(
        &mut self,
        batch: &IndexBox,
        tiles: &[Vec<usize>],
        chunked: &[Vec<usize>],
        sizes: &Sizes,
    ) -> Result<bool> {
        self.cuts = chunked.to_vec();
        self.sharing = Sharing::Own;
        let even = self.space.cells(batch).div_ceil(self.ranks);
        if self.ranks > 1 && self.share_of(batch)? as f64 > UNEVEN * even as f64 && chunked != tiles {
            self.cuts = tiles.to_vec();
            self.sharing = Sharing::Exchanged;
        }
        let share = self.share_of(batch)? as u64;
        let series = share.saturating_mul(self.space.samples as u64).saturating_mul(sizes.element);
        let copies = if self.read_ahead { 2 } else { 1 };
        let series = sizes.apart.unwrap_or(series.saturating_mul(copies));
        let held = series.saturating_add(share.saturating_mul(sizes.results));
        let mut exchanged = 0;
        if self.sharing == Sharing::Exchanged {
            let times = batch.range(0).len().max(1);
            let chunk = self.time_chunk.min(self.tiling.dims()[0].len.max(1));
            let row = (Space::of_step(batch) as u64 * sizes.element).max(1);
            // Small beside the series that they become.
            let wanted = sizes.room.map_or(WINDOW, |room| WINDOW.min(room / 16));
            let steps = (wanted / row) as usize / chunk * chunk;
            self.steps = steps.clamp(chunk, times.div_ceil(self.ranks).div_ceil(chunk).max(1) * chunk);
            // What was read, its parts on their way, and what arrives.
            let arrives = self.most_of_step(batch)?.saturating_mul(sizes.element * self.ranks as u64);
            exchanged = (2 * row).saturating_add(arrives).saturating_mul(self.steps as u64);
        }
        self.estimate = sizes.fixed.saturating_add(held).saturating_add(exchanged);
        Ok(sizes.room.is_none_or(|room| self.estimate <= room))
    }

    fn refusal(&self, name: &str, sizes: &Sizes) -> Error {
        let room = sizes.room.unwrap_or(0);
        Error::new(
            ErrorKind::Memory,
            format!(
                "{} are needed for whole series ({} for the smallest batch of {} with all {} {}, {} for what threads keep), {} are there",
                bytes_text(self.estimate),
                bytes_text(self.estimate - sizes.fixed),
                match self.space.cells(&self.largest()) {
                    1 => "1 cell".to_owned(),
                    n => format!("{n} cells"),
                },
                self.space.samples,
                if self.space.of_times { "steps" } else { "values" },
                bytes_text(sizes.fixed),
                bytes_text(room)
            ),
        )
        .in_variable(name)
        .remedy("give more --memory, use more ranks, or store the data in smaller chunks (halocline rechunk)")
    }

    fn largest(&self) -> IndexBox {
        let first = || IndexBox::whole(&vec![0; self.tiling.dims().len()]);
        self.batches.iter().max_by_key(|b| self.space.cells(b)).cloned().unwrap_or_else(first)
    }

    /// Cells of the rank that has most of a batch.
    fn share_of(&self, batch: &IndexBox) -> Result<usize> {
        let deal = self.deal(batch)?;
        let cells = |rank| self.space.cells(&deal.block(rank));
        Ok((0..self.ranks).map(cells).max().unwrap_or(0))
    }

    /// Values of a step of the rank that has most of them.
    fn most_of_step(&self, batch: &IndexBox) -> Result<u64> {
        let deal = self.deal(batch)?;
        Ok((0..self.ranks).map(|rank| Space::of_step(&deal.block(rank)) as u64).max().unwrap_or(0))
    }

    /// Who works on what of a batch.
    pub(super) fn deal(&self, batch: &IndexBox) -> Result<Decomposition> {
        if let Some(own) = &self.at_hand {
            return Ok(own.clone());
        }
        let mut left = self.ranks;
        let mut edges: Vec<Vec<usize>> = batch.ranges().iter().map(|r| vec![r.start, r.end]).collect();
        for d in self.space.kept() {
            let range = batch.range(d);
            let inner = self.cuts[d].iter().copied().filter(|&e| e > range.start && e < range.end);
            let all: Vec<usize> = std::iter::once(range.start).chain(inner).chain([range.end]).collect();
            let n = all.len() - 1;
            let parts = match &self.parts {
                Some(parts) => parts[d].max(1),
                None => left.min(n).max(1),
            };
            left /= parts.min(left.max(1));
            left = left.max(1);
            edges[d] = (0..=parts).map(|p| all[p * n / parts]).collect();
        }
        Decomposition::from_edges(self.tiling.dims().to_vec(), edges, self.ranks)
    }

    /// How many batches need a part of the chunk of which most do.
    fn count_passes(&self, chunks: &[usize]) -> usize {
        // Batches are cut in one dimension or follow one another in C order, so the chunks at
        // their beginnings tell.
        let covering = |range: &Range<usize>, chunk: usize| {
            range.start / chunk * chunk..range.end.div_ceil(chunk) * chunk
        };
        let mut counts = std::collections::HashMap::new();
        for batch in &self.batches {
            let chunked: Vec<usize> = self.space.kept().map(|d| chunks[d].max(1)).collect();
            let cells = self.space.kept_of(batch);
            let slabs: Vec<Range<usize>> =
                cells.ranges().iter().zip(&chunked).map(|(range, &chunk)| covering(range, chunk)).collect();
            // Where a batch holds several chunks, it ends in one that others may have begun.
            let first: Vec<usize> = slabs.iter().map(|s| s.start).collect();
            let last: Vec<usize> = slabs.iter().zip(&chunked).map(|(s, &c)| s.end - c).collect();
            *counts.entry(first.clone()).or_insert(0usize) += 1;
            if last != first {
                *counts.entry(last).or_insert(0usize) += 1;
            }
        }
        counts.into_values().max().unwrap_or(1)
    }

    /// How the index space is cut.
    pub fn tiling(&self) -> &Tiling {
        &self.tiling
    }
    /// Values that each cell has.
    pub fn samples(&self) -> usize {
        self.space.samples
    }
    /// Batches that are in memory one after the other.
    pub fn batches(&self) -> usize {
        self.batches.len()
    }
    /// The plan for one source of which several passes are made: where all series are in memory at
    /// once ([`Self::batches`] is 1), they stay there until the plan is dropped, and only the first
    /// pass reads them. That may take more memory: [`Self::estimate`] tells.
    #[must_use]
    pub fn keeping(mut self) -> Self {
        if self.batches.len() != 1 || self.at_hand.is_some() {
            return self;
        }
        if self.apart.is_some() {
            let Some(staying) = self.staying else { return self };
            (self.apart, self.estimate) = (None, staying);
        }
        self.kept = Some(KeptBatch::default());
        self
    }
    /// With a plan of the same source for passes over whole steps: all but the first dimension are
    /// reduced.
    #[must_use]
    pub fn with_across(self, plan: Self) -> Self {
        Self { across: Some(Box::new(plan)), ..self }
    }
    /// The plan of passes over whole steps, if there is one.
    pub fn across(&self) -> Option<&Self> {
        self.across.as_deref()
    }
    /// Who works on what, if all is in memory at once.
    ///
    /// # Errors
    /// As [`Decomposition::from_edges`].
    pub fn only_deal(&self) -> Result<Option<Decomposition>> {
        match self.batches.as_slice() {
            [only] => self.deal(only).map(Some),
            _ => Ok(None),
        }
    }
    /// How often stored chunks are decoded, at most: 1 where parts of them can be read alone.
    pub fn passes(&self) -> usize {
        self.passes
    }
    /// How many sources it is for.
    pub(super) fn sources(&self) -> usize {
        self.sources
    }
    /// How many ranks it is for.
    pub(super) fn ranks(&self) -> usize {
        self.ranks
    }
    /// Who reads chunks that several ranks need.
    pub fn sharing(&self) -> Sharing {
        self.sharing
    }
    /// Bytes of memory that a rank needs for series, results and what threads keep.
    pub fn estimate(&self) -> u64 {
        self.estimate
    }
    /// In a line, for those who want to know.
    pub fn describe(&self) -> String {
        let batches = match self.batches.len() {
            1 if self.kept.is_some() => "all series in memory at once, until the last pass".to_owned(),
            1 if self.apart.is_some() => "a few in memory at once".to_owned(),
            1 => "all series in memory at once".to_owned(),
            n => format!(
                "{n} batches of up to {} series{}{}",
                self.space.cells(&self.largest()),
                match self.passes {
                    1 => String::new(),
                    passes => format!(", stored chunks decoded in {passes} passes"),
                },
                match self.apart {
                    Some(_) => ", a few of them in memory at once",
                    None if self.read_ahead => ", read one ahead",
                    None => "",
                }
            ),
        };
        format!(
            "{} tiles ({}); {batches}{}",
            self.tiling.len(),
            self.tiling.rule(),
            if self.sharing == Sharing::Exchanged {
                ", each chunk decoded by one rank and exchanged"
            } else {
                ""
            },
        )
    }
}
