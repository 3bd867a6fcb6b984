//! Carrying a plan out.

use super::copy::{copy_part, scatter};
use super::geometry::chunks_of;
use super::plan::{Method, Plan};
use super::{Scratch, Sink, Source};
use crate::comm::{Comm, Stage};
use crate::index::IndexBox;
use crate::memory;
use crate::{Error, Result};

/// What this rank has moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moved {
    /// Bytes read from the source.
    pub read: u64,
    /// Bytes of chunks given to the sink.
    pub written: u64,
    /// Bytes kept in scratch storage.
    pub scratch: u64,
}

/// Carries out `plan`: reads from `source`, gives whole output chunks to `sink`, each once.
/// `scratch` is needed if [`Plan::method`] says so.
///
/// # Collective
/// Every rank calls this with the same plan and its own source, sink and scratch.
///
/// # Errors
/// Those of source, sink and scratch on any rank, agreed by all; internal, if scratch is needed
/// and not given, or the plan is made for another number of ranks.
pub fn rechunk(
    comm: &Comm,
    plan: &Plan,
    source: &mut dyn Source,
    sink: &mut dyn Sink,
    scratch: Option<&mut dyn Scratch>,
) -> Result<Moved> {
    if plan.ranks != comm.size() {
        return Err(Error::internal(format!("a plan for {} ranks runs on {}", plan.ranks, comm.size())));
    }
    let _stage = comm.stage(Stage::Pass);
    let mut work = Work { comm, plan, source, window: Vec::new(), slab: Vec::new(), moved: Moved::default() };
    match (plan.method(), scratch) {
        (Method::Scratch, Some(scratch)) => {
            let kept = work.keep(scratch)?;
            work.window = Vec::new();
            for (k, group) in plan.groups().enumerate() {
                work.assemble(group, &kept[k], scratch)?;
                work.deliver(group, sink)?;
            }
        }
        (Method::Scratch, None) => return Err(Error::internal("a plan needs scratch storage, and has none")),
        _ => {
            for group in plan.groups() {
                work.collect(group)?;
                work.deliver(group, sink)?;
            }
        }
    }
    Ok(work.moved)
}

struct Work<'a> {
    comm: &'a Comm,
    plan: &'a Plan,
    source: &'a mut dyn Source,
    window: Vec<u8>,
    slab: Vec<u8>,
    moved: Moved,
}

/// Where the pieces of a slab are in scratch storage: windows that it meets, with offsets.
type Pieces = Vec<(IndexBox, u64)>;

impl Work<'_> {
    /// Room for this rank's slab of a group (that of `group` at its number), and its chunks.
    fn prepare(&mut self, group: &[IndexBox]) -> Vec<IndexBox> {
        let mine = group.get(self.comm.rank());
        let bytes = mine.map_or(0, |slab| slab.len() * self.plan.size);
        resize(&mut self.slab, bytes);
        mine.map_or_else(Vec::new, |slab| chunks_of(slab, &self.plan.to))
    }

    /// Reads this rank's window of a round; tells whether it has one.
    fn read<'w>(&mut self, windows: &'w [IndexBox], round: usize) -> Result<Option<&'w IndexBox>> {
        let mine = windows.get(round * self.comm.size() + self.comm.rank());
        let read = mine.map_or(Ok(()), |window| {
            let bytes = window.len() * self.plan.size;
            resize(&mut self.window, bytes);
            self.moved.read += bytes as u64;
            self.source.read(window, &mut self.window)
        });
        self.comm.agree(read)?;
        Ok(mine)
    }

    /// Reads all windows of a group and puts their values into its slabs.
    fn collect(&mut self, group: &[IndexBox]) -> Result<()> {
        let size = self.plan.size;
        let chunks = self.prepare(group);
        let windows = self.plan.windows(group);
        for round in 0..windows.len().div_ceil(self.comm.size()) {
            let mine = self.read(&windows, round)?;
            if self.plan.streams || self.comm.size() == 1 {
                if let Some(window) = mine {
                    // The slab is the window, and its chunks lie in it one after the other.
                    if self.plan.streams && follow(window, &self.plan.to) {
                        std::mem::swap(&mut self.window, &mut self.slab);
                        continue;
                    }
                    scatter((window, &self.window), (&chunks, &mut self.slab), size);
                }
                continue;
            }
            let parts = (0..self.comm.size()).map(|rank| match (mine, group.get(rank)) {
                (Some(window), Some(slab)) => self.extract(window, &window.intersect(slab)),
                _ => Vec::new(),
            });
            let received = self.comm.all_to_all_v(parts.collect());
            let Some(slab) = group.get(self.comm.rank()) else { continue };
            for (window, part) in round_of(&windows, round, self.comm.size()).iter().zip(received) {
                let piece = window.intersect(slab);
                if !piece.is_empty() {
                    scatter((&piece, &part), (&chunks, &mut self.slab), size);
                }
            }
        }
        Ok(())
    }

    /// Reads all windows once and keeps their pieces, at the owners of the slabs. Gives, for each
    /// group, where the pieces of this rank's slab are.
    fn keep(&mut self, scratch: &mut dyn Scratch) -> Result<Vec<Pieces>> {
        let (me, ranks) = (self.comm.rank(), self.comm.size());
        let groups: Vec<&[IndexBox]> = self.plan.groups().collect();
        let mut kept: Vec<Pieces> = vec![Vec::new(); groups.len()];
        let windows = self.plan.windows(&self.plan.slabs);
        for round in 0..windows.len().div_ceil(ranks) {
            let mine = self.read(&windows, round)?;
            let parts = (0..ranks).map(|rank| {
                let mut part = Vec::new();
                let Some(window) = mine else { return part };
                let slabs = groups.iter().filter_map(|group| group.get(rank));
                let pieces: Vec<IndexBox> =
                    slabs.map(|slab| window.intersect(slab)).filter(|piece| !piece.is_empty()).collect();
                reserve(&mut part, pieces.iter().map(IndexBox::len).sum::<usize>() * self.plan.size);
                pieces.iter().for_each(|piece| self.extract_onto(window, piece, &mut part));
                part
            });
            let received = self.comm.all_to_all_v(parts.collect());
            let mut result = Ok(());
            for (window, part) in round_of(&windows, round, ranks).iter().zip(received) {
                // A piece's bytes are its own; all that came from one rank is written at once.
                let Ok(mut at) = scratch.append(&part).map_err(|e| result = Err(e)) else { break };
                self.moved.scratch += part.len() as u64;
                for (group, pieces) in groups.iter().zip(&mut kept) {
                    let piece = group.get(me).map(|slab| window.intersect(slab));
                    if let Some(piece) = piece.filter(|piece| !piece.is_empty()) {
                        let bytes = (piece.len() * self.plan.size) as u64;
                        pieces.push((piece, at));
                        at += bytes;
                    }
                }
            }
            self.comm.agree(result)?;
        }
        Ok(kept)
    }

    /// Puts the kept pieces of this rank's slab of a group together.
    fn assemble(&mut self, group: &[IndexBox], pieces: &Pieces, scratch: &mut dyn Scratch) -> Result<()> {
        let chunks = self.prepare(group);
        let mut result = Ok(());
        for (piece, at) in pieces {
            resize(&mut self.window, piece.len() * self.plan.size);
            result = scratch.fetch(*at, &mut self.window);
            if result.is_err() {
                break;
            }
            scatter((piece, &self.window), (&chunks, &mut self.slab), self.plan.size);
        }
        self.comm.agree(result)
    }

    fn deliver(&mut self, group: &[IndexBox], sink: &mut dyn Sink) -> Result<()> {
        let mine = group.get(self.comm.rank());
        let chunks = mine.map_or_else(Vec::new, |slab| chunks_of(slab, &self.plan.to));
        self.moved.written += self.slab.len() as u64;
        sink.write(&chunks, &mut self.slab)
    }

    fn extract(&self, window: &IndexBox, piece: &IndexBox) -> Vec<u8> {
        let mut part = Vec::new();
        self.extract_onto(window, piece, &mut part);
        part
    }

    /// Appends the bytes of `piece`, a part of the window in memory.
    fn extract_onto(&self, window: &IndexBox, piece: &IndexBox, out: &mut Vec<u8>) {
        let before = out.len();
        resize(out, before + piece.len() * self.plan.size);
        copy_part((window, &self.window), (piece, &mut out[before..]), piece, self.plan.size);
    }
}

/// Whether the chunks of a slab are slices of it along the first dimension.
fn follow(slab: &IndexBox, chunk: &[usize]) -> bool {
    slab.ranges()
        .iter()
        .zip(chunk)
        .skip(1)
        .all(|(range, &chunk)| range.start / chunk == (range.end - 1) / chunk)
}

/// The windows of a round, by rank.
fn round_of(windows: &[IndexBox], round: usize, ranks: usize) -> &[IndexBox] {
    &windows[round * ranks..windows.len().min((round + 1) * ranks)]
}

/// Sets the length; memory is taken once.
fn resize(buffer: &mut Vec<u8>, len: usize) {
    reserve(buffer, len);
    buffer.resize(len, 0);
}

/// Room for `len` bytes in all, whose first touch is made cheap.
fn reserve(buffer: &mut Vec<u8>, len: usize) {
    if buffer.capacity() < len {
        buffer.reserve_exact(len - buffer.len());
        memory::use_huge_pages(buffer);
    }
}
