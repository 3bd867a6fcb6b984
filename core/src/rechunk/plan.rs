//! Which windows, which slabs, how they meet, and what memory that takes.

use super::geometry::{around, common, cut, thickness};
use crate::budget::{bytes_text, refuse, MemoryBudget};
use crate::index::IndexBox;
use crate::{Error, Result};

/// Windows grow no further: larger ones are not read faster.
const LARGEST_WINDOW: u64 = 64 << 20;
/// But where chunks are larger still, there are as many for the threads to share.
const CHUNKS: u64 = 8;
/// What other ranks send to the one that writes, at a time.
pub(super) const BATCH: u64 = 16 << 20;
/// Input that can be read in parts is read in as many passes at most before scratch is better:
/// each pass costs requests, and a copy in the page cache is about as dear as a few more.
const MOST_PASSES: usize = 16;
/// Passes that are made even if fewer would do, where parts of chunks can be read: a slab is on
/// its way to the file while the next one is put together, and memory that is used again costs
/// less than memory that is touched for the first time.
const PASSES: u64 = 8;
/// But slabs get no smaller than this, so that requests stay large.
const SMALL_SLAB: u64 = 32 << 20;
/// Windows of parts of chunks: what was read is still in the cache when it is dealt out.
const PART_WINDOW: u64 = 8 << 20;

/// How windows and slabs meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Slabs are made of whole input chunks, too: one after the other is read and written, while
    /// the one before is on its way to the file.
    Stream,
    /// All slabs are in memory; every window is read once.
    Memory,
    /// So many groups of slabs, one after the other; for each the parts of the windows that it
    /// needs are read. For input of which parts can be read alone.
    Passes(usize),
    /// Every window is read once, and its pieces are kept in scratch storage until their slab's
    /// turn comes.
    Scratch,
}

/// What is to be planned. Equal on all ranks.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Lengths of the variable.
    pub shape: &'a [usize],
    /// Bytes of a value.
    pub size: usize,
    /// Lengths of a stored chunk.
    pub from: &'a [usize],
    /// Lengths of an output chunk.
    pub to: &'a [usize],
    /// Ranks that share the work.
    pub ranks: usize,
    /// Bytes that the process takes beside buffers ([`MemoryBudget::largest_base`]).
    pub base: u64,
    /// Bytes that source and sink use for themselves.
    pub overhead: u64,
    /// Whether parts of input chunks can be read without decoding the whole chunk.
    pub reads_parts: bool,
    /// Whether the sink would hold on to one slab while the next is put together.
    pub keeps_slabs: bool,
}

/// How a variable is rechunked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub(super) shape: Vec<usize>,
    pub(super) size: usize,
    pub(super) ranks: usize,
    pub(super) to: Vec<usize>,
    /// Input chunks.
    pub(super) from: Vec<usize>,
    /// Cells that a window holds.
    pub(super) window_cells: usize,
    /// Slab `s` belongs to rank `s % ranks`; those with the same `s / ranks` are a group.
    pub(super) slabs: Vec<IndexBox>,
    method: Method,
    /// Whether slabs are made of whole input chunks.
    pub(super) streams: bool,
    keeps_slabs: bool,
    buffers: u64,
}

impl Plan {
    /// Plans `request` within the budget, which is named when it does not suffice.
    ///
    /// # Errors
    /// [`Memory`](crate::ErrorKind::Memory) if not even one input chunk and one output chunk fit
    /// at a time; data, if lengths are beyond what can be counted.
    pub fn new(request: &Request<'_>, budget: &MemoryBudget) -> Result<Self> {
        let ranks = request.ranks.max(1);
        let size = request.size.max(1) as u64;
        let total = bytes(request.shape, size)?;
        let clipped = |chunk: &[usize]| -> Vec<usize> {
            chunk.iter().zip(request.shape).map(|(&c, &n)| c.clamp(1, n.max(1))).collect()
        };
        let (from, to) = (clipped(request.from), clipped(request.to));
        let (input, output) = (bytes(&from, size)?, bytes(&to, size)?);
        // With other ranks, what was read is cut into parts, and parts arrive: three windows.
        // With one, scratch pieces are cut out of the window before slabs take memory.
        let windows: u64 = if ranks > 1 { 3 } else { 1 };
        let fixed = request.overhead + if ranks > 1 { BATCH.max(output) } else { 0 };
        let available = budget.bytes.saturating_sub(request.base);
        let room = available.saturating_sub(fixed);
        let least = fixed.saturating_add(input.saturating_mul(windows.max(2))).max(fixed + input + output);
        if available < least {
            let needed = request.base.saturating_add(least);
            let what = format!(
                "choose smaller --chunks (a stored chunk has {}, one to be written {})",
                bytes_text(input),
                bytes_text(output)
            );
            return Err(refuse(needed, budget, &what));
        }
        let even = total.div_ceil(ranks as u64);
        let keeps_slabs = request.keeps_slabs && room >= 2 * (input + output);
        let copies = if keeps_slabs { 2 } else { 1 };
        let streaming = (room / (1 + copies), even);
        if let Some((slabs, largest)) = streamed(request.shape, (&from, &to), size, streaming) {
            return Ok(Self {
                shape: request.shape.to_vec(),
                size: request.size.max(1),
                ranks,
                to,
                from,
                window_cells: cells(largest, size),
                method: if slabs.len() <= ranks { Method::Memory } else { Method::Stream },
                streams: true,
                keeps_slabs,
                slabs,
                buffers: fixed + (1 + copies) * largest,
            });
        }
        // Large windows make few, large pieces; large slabs few passes: slabs get the more.
        let large = if request.reads_parts { PART_WINDOW } else { LARGEST_WINDOW.max(CHUNKS * input) };
        let share = (room / (4 * windows)).min(large).min(even).max(input);
        let window = if windows * share + copies * output > room { input } else { share };
        let mut held = room.saturating_sub(windows * window) / copies;
        if request.reads_parts && copies > 1 {
            held = held.min(SMALL_SLAB.max(even / PASSES));
        }
        let held = held.max(output);
        let slabs = slabs(request.shape, &to, ranks, cells(held, size), cells(even, size));
        let mut plan = Self {
            shape: request.shape.to_vec(),
            size: request.size.max(1),
            ranks,
            to,
            from,
            window_cells: cells(window, size),
            slabs,
            method: Method::Memory,
            streams: false,
            keeps_slabs,
            buffers: 0,
        };
        plan.method = plan.choose(request.reads_parts);
        let held = plan.slabs.iter().map(|s| s.len() as u64 * size).max().unwrap_or(0);
        let read = plan.largest_window().min(total);
        // A slab of scratch comes back piece by piece; until then only pieces are cut.
        let working = windows * read + copies * held;
        let cutting = if plan.method == Method::Scratch { windows.max(2) * read } else { 0 };
        plan.buffers = fixed + working.max(cutting);
        Ok(plan)
    }

    /// How windows and slabs meet.
    pub fn method(&self) -> Method {
        self.method
    }
    /// Whether there is memory for a slab that the sink holds on to.
    pub fn keeps_slabs(&self) -> bool {
        self.keeps_slabs
    }
    /// Bytes of buffers on a rank, those of source and sink included.
    pub fn buffers(&self) -> u64 {
        self.buffers
    }
    /// Bytes of scratch storage on the rank that needs most of it; 0 where none is needed.
    pub fn scratch_bytes(&self) -> u64 {
        if self.method != Method::Scratch {
            return 0;
        }
        let of_rank = |rank: usize| -> u64 {
            self.slabs.iter().skip(rank).step_by(self.ranks).map(|s| (s.len() * self.size) as u64).sum()
        };
        (0..self.ranks).map(of_rank).max().unwrap_or(0)
    }
    /// Groups of slabs, each with one slab at most for each rank.
    pub(super) fn groups(&self) -> impl Iterator<Item = &[IndexBox]> {
        self.slabs.chunks(self.ranks)
    }
    /// How many windows `rank` reads.
    pub fn windows_of(&self, rank: usize) -> usize {
        let of = |slabs: &[IndexBox]| self.windows(slabs).len().saturating_sub(rank).div_ceil(self.ranks);
        match self.method {
            Method::Scratch => of(&self.slabs),
            _ => self.groups().map(of).sum(),
        }
    }
    /// The slabs that `rank` writes, in order.
    pub fn slabs_of(&self, rank: usize) -> impl Iterator<Item = &IndexBox> {
        self.slabs.iter().skip(rank).step_by(self.ranks)
    }
    /// What is read for `slabs`, window by window.
    pub(super) fn windows(&self, slabs: &[IndexBox]) -> Vec<IndexBox> {
        if self.streams {
            return slabs.to_vec();
        }
        let Some(block) = around(slabs) else { return Vec::new() };
        // As many windows as ranks where there are chunks for that.
        let limit = self.window_cells.min(block.len().div_ceil(self.ranks));
        cut(&block, &thickness(&block.shape(), &self.from, limit))
    }

    fn choose(&self, reads_parts: bool) -> Method {
        let groups = self.groups().count();
        if groups <= 1 {
            return Method::Memory;
        }
        // Slabs side by side in several dimensions have a box around them that holds others.
        let read: usize = self.groups().filter_map(around).map(|b| b.len()).sum();
        let whole: usize = self.shape.iter().product();
        if reads_parts && groups <= MOST_PASSES && read <= whole + whole / 2 {
            Method::Passes(groups)
        } else {
            Method::Scratch
        }
    }
    fn largest_window(&self) -> u64 {
        let whole = self.windows(&self.slabs);
        whole.iter().map(|w| (w.len() * self.size) as u64).max().unwrap_or(0)
    }
}

/// The slabs of whole chunks of both sides with the size of the largest in bytes, if such slabs
/// are small. `room` is for one slab; `even` is what each rank has to do.
fn streamed(
    shape: &[usize],
    (from, to): (&[usize], &[usize]),
    size: u64,
    (room, even): (u64, u64),
) -> Option<(Vec<IndexBox>, u64)> {
    let both: Vec<usize> =
        (from.iter().zip(to).zip(shape)).map(|((&a, &b), &n)| common(a, b, n.max(1))).collect();
    let (least, input, output) = (bytes(&both, size).ok()?, bytes(from, size).ok()?, bytes(to, size).ok()?);
    if least > LARGEST_WINDOW.max(input).max(output) || least > room.min(even) {
        // Too much memory, or too little work for all ranks.
        return None;
    }
    let limit = LARGEST_WINDOW.max(CHUNKS * least).min(room).min(even).max(least);
    let slabs = cut(&IndexBox::whole(shape), &thickness(shape, &both, cells(limit, size)));
    let largest = slabs.iter().map(|s| s.len() as u64 * size).max().unwrap_or(0);
    Some((slabs, largest))
}

/// The slabs, none above `most` cells: one for each rank if that suffices, else as few as can be.
fn slabs(shape: &[usize], chunk: &[usize], ranks: usize, most: usize, even: usize) -> Vec<IndexBox> {
    let whole = IndexBox::whole(shape);
    let of = |limit: usize| cut(&whole, &thickness(shape, chunk, limit));
    // Whole chunks are not dealt evenly: some ranks may need more than their share.
    let tries = (0..=8).map(|eighths| even.saturating_add((even / 8).saturating_mul(eighths)));
    let mut fit = tries.filter(|&limit| limit <= most).map(of);
    let enough = fit.find(|slabs| slabs.len() <= ranks);
    enough.unwrap_or_else(|| of(most))
}

fn cells(bytes: u64, size: u64) -> usize {
    usize::try_from(bytes / size).unwrap_or(usize::MAX).max(1)
}

fn bytes(shape: &[usize], size: u64) -> Result<u64> {
    shape
        .iter()
        .try_fold(size, |n, &d| n.checked_mul(d as u64))
        .filter(|&n| isize::try_from(n).is_ok())
        .ok_or_else(|| Error::data(format!("{shape:?} values are more than can be counted")))
}
