//! Which cells are in memory together, and who reads and works on what of them.

use super::SeriesWork;
use crate::budget::bytes_text;
use crate::decomposition::Decomposition;
use crate::engine::stream::{atoms, block, space_boxes, Demand, Sharing, StreamSource};
use crate::error::{Error, ErrorKind, Result};
use crate::index::IndexBox;
use crate::tiling::Tiling;
use std::ops::Range;

/// Bytes of a window that is exchanged, on each rank, when memory is plenty.
const WINDOW: u64 = 16 << 20;
/// Bytes of a batch on each rank, beyond which more is no faster where parts of chunks can be read:
/// memory that is used again costs less than memory that is new.
const BATCH: u64 = 256 << 20;
/// Bytes that a rank reads of each step, at least, before batches are made smaller for that: for
/// the sake of disks.
const RUN: u64 = 256 << 10;
/// Work of the busiest rank, at most, over an even share, before ranks exchange chunks instead of
/// decoding their own.
const UNEVEN: f64 = 1.4;

/// A plan for whole series: the same on every rank.
#[derive(Debug, Clone)]
pub struct SeriesPlan {
    pub(super) tiling: Tiling,
    /// Boxes of whole series, in C order.
    pub(super) batches: Vec<IndexBox>,
    pub(super) sharing: Sharing,
    pub(super) time_chunk: usize,
    /// Steps of a window that is exchanged, on each rank.
    pub(super) steps: usize,
    /// Whether the next batch is read while one is worked on.
    pub(super) read_ahead: bool,
    ranks: usize,
    parts: Option<Vec<usize>>,
    /// Where ranks may be cut, per dimension.
    cuts: Vec<Vec<usize>>,
    passes: usize,
    estimate: u64,
}

/// Bytes of what a plan has to count with.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    steps: usize,
    element: u64,
    /// Bytes of the results of a cell.
    results: u64,
    /// Whatever batches are.
    fixed: u64,
    room: Option<u64>,
}

impl SeriesPlan {
    /// Plans `work` over `source`.
    ///
    /// # Errors
    /// Memory, if not even the smallest batch fits into [`Demand::room`]; usage, if parts set by
    /// hand cut time.
    pub fn new(source: &dyn StreamSource, work: &dyn SeriesWork, demand: Demand<'_>) -> Result<Self> {
        let dims = source.variable().dims.clone();
        let name = &source.variable().name;
        if demand.parts.is_some_and(|parts| parts.first().is_some_and(|&p| p > 1)) {
            return Err(Error::usage("whole series are needed, so ranks can't divide time")
                .in_variable(name)
                .remedy("divide other dimensions with --decomposition, or leave it to the program"));
        }
        let steps = dims.first().map_or(0, |d| d.len);
        let chunks = source.chunks();
        let divisible = source.is_divisible();
        let tiling = Tiling::cells(&dims, Some(&chunks));
        let whole = IndexBox::whole(&source.variable().shape());
        let largest_tile = (1..dims.len())
            .map(|d| tiling.edges(d).windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0))
            .product::<usize>();
        let threads = demand.threads.max(1) as u64;
        let sizes = Sizes {
            steps,
            element: if source.is_single() { 4 } else { 8 },
            // Each row of a tile (16 cells or more) has a place that says where it goes.
            results: work.rows().iter().fold(0u64, |n, &r| n.saturating_add(9 * r as u64)),
            fixed: threads
                .saturating_mul(source.scratch_per_thread() + work.scratch_per_thread(steps, largest_tile)),
            room: demand.room,
        };
        let tiles: Vec<Vec<usize>> = (0..dims.len()).map(|d| tiling.edges(d).to_vec()).collect();
        let chunked: Vec<Vec<usize>> =
            (0..dims.len()).map(|d| atoms(&tiling, d, if divisible { 1 } else { chunks[d] })).collect();
        let mut plan = Self {
            tiling,
            batches: vec![whole.clone()],
            sharing: Sharing::Own,
            time_chunk: chunks.first().map_or(1, |&c| c.max(1)),
            steps: 1,
            read_ahead: false,
            ranks: demand.ranks.max(1),
            parts: demand.parts.map(<[usize]>::to_vec),
            cuts: chunked.clone(),
            passes: 1,
            estimate: 0,
        };
        let mut most = cells(&whole);
        if divisible {
            let of_cell = (steps as u64).saturating_mul(sizes.element).saturating_add(sizes.results).max(1);
            let enough = (BATCH / of_cell).max(RUN / sizes.element).saturating_mul(plan.ranks as u64);
            most = most.min(usize::try_from(enough).unwrap_or(usize::MAX));
        }
        if most == cells(&whole) && plan.fits(&whole, &tiles, &chunked, &sizes)? {
            return Ok(plan);
        }
        // Else batches that keep chunks whole, read ahead where that costs no pass; else batches
        // that cut chunks.
        for (ahead, edges) in [(true, &chunked), (false, &chunked), (false, &tiles)] {
            plan.read_ahead = ahead;
            if plan.cut(&whole, (edges, most), (&tiles, &chunked), &sizes)? {
                plan.passes = if divisible { 1 } else { plan.count_passes(&chunks) };
                if !ahead || (plan.passes == 1 && plan.sharing == Sharing::Own) {
                    return Ok(plan);
                }
            }
        }
        Err(plan.refusal(name, &sizes))
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
            self.batches =
                space_boxes(edges, whole, most).iter().map(|s| block(&whole.range(0), s)).collect();
            let largest = self.largest();
            if self.fits(&largest, cuts.0, cuts.1, sizes)? {
                return Ok(true);
            }
            if cells(&largest) > most || most <= 1 {
                // They can't be smaller.
                return Ok(false);
            }
            let over = room.saturating_sub(sizes.fixed) as f64
                / self.estimate.saturating_sub(sizes.fixed).max(1) as f64;
            most = (cells(&largest) as f64 * over.clamp(0.01, 0.95)) as usize;
        }
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
        let even = cells(batch).div_ceil(self.ranks);
        if self.ranks > 1 && self.share_of(batch)? as f64 > UNEVEN * even as f64 && chunked != tiles {
            self.cuts = tiles.to_vec();
            self.sharing = Sharing::Exchanged;
        }
        let share = self.share_of(batch)? as u64;
        let series = share.saturating_mul(sizes.steps as u64).saturating_mul(sizes.element);
        let copies = if self.read_ahead { 2 } else { 1 };
        let held = series.saturating_mul(copies).saturating_add(share.saturating_mul(sizes.results));
        let mut exchanged = 0;
        if self.sharing == Sharing::Exchanged {
            let chunk = self.time_chunk.min(sizes.steps.max(1));
            let row = (cells(batch) as u64 * sizes.element).max(1);
            // Small beside the series that they become.
            let wanted = sizes.room.map_or(WINDOW, |room| WINDOW.min(room / 16));
            let steps = (wanted / row) as usize / chunk * chunk;
            self.steps = steps.clamp(chunk, sizes.steps.div_ceil(self.ranks).div_ceil(chunk).max(1) * chunk);
            // What was read, its parts on their way, and what arrives.
            let arrives = share.saturating_mul(sizes.element).saturating_mul(self.ranks as u64);
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
                "{} are needed for whole series ({} for the smallest batch of {} cells with all {} steps, {} for what threads keep), {} are there",
                bytes_text(self.estimate),
                bytes_text(self.estimate - sizes.fixed),
                cells(&self.largest()),
                sizes.steps,
                bytes_text(sizes.fixed),
                bytes_text(room)
            ),
        )
        .in_variable(name)
        .remedy("give more --memory, use more ranks, or store the data in smaller chunks (halocline rechunk)")
    }

    fn largest(&self) -> IndexBox {
        let first = || IndexBox::whole(&vec![0; self.tiling.dims().len()]);
        self.batches.iter().max_by_key(|b| cells(b)).cloned().unwrap_or_else(first)
    }

    /// Cells of the rank that has most of a batch.
    fn share_of(&self, batch: &IndexBox) -> Result<usize> {
        let deal = self.deal(batch)?;
        Ok((0..self.ranks).map(|rank| cells(&deal.block(rank))).max().unwrap_or(0))
    }

    /// Who works on what of a batch.
    pub(super) fn deal(&self, batch: &IndexBox) -> Result<Decomposition> {
        let mut left = self.ranks;
        let mut edges = vec![vec![batch.range(0).start, batch.range(0).end]];
        for d in 1..batch.ndim() {
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
            edges.push((0..=parts).map(|p| all[p * n / parts]).collect());
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
            let slabs: Vec<Range<usize>> =
                (1..batch.ndim()).map(|d| covering(&batch.range(d), chunks[d].max(1))).collect();
            // Where a batch holds several chunks, it ends in one that others may have begun.
            let first: Vec<usize> = slabs.iter().map(|s| s.start).collect();
            let last: Vec<usize> = slabs.iter().zip(&chunks[1..]).map(|(s, &c)| s.end - c.max(1)).collect();
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
    /// Batches that are in memory one after the other.
    pub fn batches(&self) -> usize {
        self.batches.len()
    }
    /// How often stored chunks are decoded, at most: 1 where parts of them can be read alone.
    pub fn passes(&self) -> usize {
        self.passes
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
            1 => "all series in memory at once".to_owned(),
            n => format!(
                "{n} batches of up to {} series{}{}",
                cells(&self.largest()),
                match self.passes {
                    1 => String::new(),
                    passes => format!(", stored chunks decoded in {passes} passes"),
                },
                if self.read_ahead { ", read one ahead" } else { "" }
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

/// Cells of a box in space.
pub(super) fn cells(block: &IndexBox) -> usize {
    block.ranges().iter().skip(1).map(ExactSizeIterator::len).product()
}
