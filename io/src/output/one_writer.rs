//! One process places finished chunks in the file, all ranks and their threads make them.
//!
//! Chunks go to the file in the order of their numbers, call by call, so that the file has the
//! same bytes for any number of ranks and threads. Every byte goes through plain writes of one
//! process: errors are reported where they happen.

use super::cells::Cell;
use super::chunk::{finish, insert, prepare, store, Benches};
use super::exchange::{collect, outgoing};
use super::hdf5::Container;
use super::kept::Kept;
use super::layout::Layout;
use super::limits::Limits;
use super::plan::{Rounds, Share};
use super::queue::{Buffer, Bytes, Finished, Queue};
use super::report::WriteReport;
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::{Error, Result};
use rayon::prelude::*;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// What a rank writes with.
#[derive(Debug)]
pub(super) struct OneWriter {
    /// On rank 0.
    pub(super) place: Option<Place>,
    pub(super) benches: Benches,
    pub(super) report: WriteReport,
}

/// What rank 0 has beside.
#[derive(Debug)]
pub(super) struct Place {
    queue: Queue,
    kept: Kept,
    names: Vec<Arc<str>>,
}

/// A variable and the blocks that a call writes of it.
pub(super) struct Call<'a, T> {
    /// The number of the layout.
    pub(super) at: usize,
    pub(super) layout: &'a Layout,
    /// The blocks of the ranks from 0 on.
    pub(super) boxes: &'a [IndexBox],
    /// Ours among them, if there is one.
    pub(super) own: Option<&'a IndexBox>,
    /// Its cells.
    pub(super) cells: &'a [T],
}

/// A chunk that this rank finishes.
struct Work<'a> {
    share: &'a Share,
    /// Its bytes, if it has been kept.
    raw: Option<Vec<u8>>,
    /// The cells of each holder; ours are not yet bytes.
    parts: Vec<(IndexBox, Option<&'a [u8]>)>,
}

impl OneWriter {
    /// Begins to write; `container` is the open file on rank 0, `scratch` the name of a file that
    /// may be made.
    pub(super) fn start(
        container: Option<Container>,
        layouts: &[Layout],
        scratch: PathBuf,
        limits: Limits,
    ) -> Result<Self> {
        let names = || layouts.iter().map(|layout| layout.name.as_str().into()).collect();
        let begin = |container| -> Result<Place> {
            let kept = Kept::new(scratch, limits.kept);
            Ok(Place { queue: Queue::start(container)?, kept, names: names() })
        };
        let place = container.map(begin).transpose()?;
        Ok(Self { place, benches: Benches::default(), report: WriteReport::default() })
    }
    /// Takes other limits from now on.
    pub(super) fn limit(&mut self, limits: Limits) {
        if let Some(place) = &mut self.place {
            place.kept.limit(limits.kept);
        }
    }

    /// Writes the block of each rank.
    ///
    /// # Collective
    /// All ranks get the same result.
    pub(super) fn write<T: Cell>(&mut self, comm: &Comm, call: &Call<'_, T>, limits: Limits) -> Result<()> {
        let size = call.layout.dtype.size();
        let limits = limits.for_variable(call.layout);
        self.report.bytes_values += (call.boxes.iter().map(IndexBox::len).sum::<usize>() * size) as u64;
        for round in Rounds::new(call.layout, call.boxes, comm.size(), limits.buffer / size.max(1)) {
            let result = self.round(comm, call, &round, limits);
            // Before the next round, in which the others would wait for a rank that has given up.
            comm.agree(result)?;
        }
        Ok(())
    }
    fn round<T: Cell>(
        &mut self,
        comm: &Comm,
        call: &Call<'_, T>,
        round: &[Share],
        limits: Limits,
    ) -> Result<()> {
        let begin = Instant::now();
        let moving = round.iter().any(|share| share.holders.iter().any(|&rank| rank != share.owner));
        let arrived = if moving { comm.all_to_all_v(outgoing(comm, call, round)) } else { Vec::new() };
        self.report.exchange_seconds += begin.elapsed().as_secs_f64();

        let begin = Instant::now();
        let works = self.works(comm.rank(), call, round, &arrived);
        let made = works.and_then(|works| {
            let make = |work: Option<Work<'_>>| work.map(|work| self.make(call, work)).transpose();
            works.into_par_iter().map(make).collect::<Result<Vec<_>>>()
        });
        self.report.compress_seconds += begin.elapsed().as_secs_f64();

        let begin = Instant::now();
        let made = collect(comm, round, made);
        self.report.exchange_seconds += begin.elapsed().as_secs_f64();
        let (Some(made), Some(place)) = (made?, &self.place) else { return Ok(()) };
        let begin = Instant::now();
        for (share, bytes) in round.iter().zip(made) {
            if let Some(bytes) = bytes {
                place.push(call.layout, call.at, share.block.clone(), bytes, limits.queue)?;
            }
        }
        self.report.wait_seconds += begin.elapsed().as_secs_f64();
        Ok(())
    }
    /// The chunks of a round that this rank finishes, in order; `None` for those that are kept.
    fn works<'a, T: Cell>(
        &mut self,
        me: usize,
        call: &Call<'_, T>,
        round: &'a [Share],
        arrived: &'a [Vec<u8>],
    ) -> Result<Vec<Option<Work<'a>>>> {
        let size = call.layout.dtype.size();
        let mut rest: Vec<&[u8]> = arrived.iter().map(Vec::as_slice).collect();
        let mut work = |share: &'a Share| {
            let mut parts = Vec::with_capacity(share.holders.len());
            for &rank in &share.holders {
                let part = share.block.intersect(&call.boxes[rank]);
                let bytes = (rank != me).then(|| {
                    let (bytes, after) = rest[rank].split_at(part.len() * size);
                    rest[rank] = after;
                    bytes
                });
                parts.push((part, bytes));
            }
            let work = Work { share, raw: None, parts };
            if share.whole {
                Ok(Some(work))
            } else {
                self.keep(call, &work)
            }
        };
        round.iter().filter(|share| share.owner == me).map(&mut work).collect()
    }
    /// Adds to a chunk that is kept; `None` while cells are missing.
    fn keep<'a, T: Cell>(&mut self, call: &Call<'_, T>, work: &Work<'a>) -> Result<Option<Work<'a>>> {
        let Some(place) = &mut self.place else {
            return Err(Error::internal("rank 0 alone keeps chunks"));
        };
        let cells = work.parts.iter().map(|(part, _)| part.len()).sum();
        let (key, block) = ((call.at, work.share.number), &work.share.block);
        let raw = place.kept.add(call.layout, key, (block, cells), |raw| gather(call, work, raw))?;
        Ok(raw.map(|raw| Work { share: work.share, raw: Some(raw), parts: Vec::new() }))
    }
    /// The bytes of a chunk as they are stored.
    fn make<T: Cell>(&self, call: &Call<'_, T>, mut work: Work<'_>) -> Result<Vec<u8>> {
        self.benches.with(|bench| {
            match (work.raw.take(), &self.place) {
                (Some(raw), _) => bench.raw = raw,
                (None, Some(place)) if !call.layout.is_compressed() => {
                    bench.raw = place.queue.spare();
                    prepare(call.layout, &work.share.block, &mut bench.raw);
                }
                (None, _) => prepare(call.layout, &work.share.block, &mut bench.raw),
            }
            let mut raw = std::mem::take(&mut bench.raw);
            gather(call, &work, &mut raw);
            bench.raw = raw;
            finish(call.layout, bench)
        })
    }

    /// Finishes the chunks that are still incomplete, and waits until all is in the file.
    ///
    /// The open file and what has been done on rank 0, `None` elsewhere.
    pub(super) fn finish(
        mut self,
        layouts: &[Layout],
        limits: Limits,
    ) -> Result<Option<(Container, WriteReport)>> {
        let Some(mut place) = self.place.take() else { return Ok(None) };
        while let Some(((at, number), raw)) = place.kept.pop()? {
            let layout = &layouts[at];
            let bytes = self.benches.with(|bench| {
                bench.raw = raw;
                finish(layout, bench)
            })?;
            let block = layout.chunk_block(&layout.chunk_coordinates(number));
            place.push(layout, at, block, bytes, limits.queue)?;
        }
        let begin = Instant::now();
        let (container, placed) = place.queue.finish()?;
        let report = WriteReport {
            wait_seconds: self.report.wait_seconds
                + begin.elapsed().saturating_sub(placed.sync).as_secs_f64(),
            sync_seconds: placed.sync.as_secs_f64(),
            place_seconds: placed.time.as_secs_f64(),
            chunks: placed.chunks,
            bytes_stored: placed.bytes,
            ..self.report
        };
        Ok(Some((container, report)))
    }
}

impl Place {
    pub(super) fn push(
        &self,
        layout: &Layout,
        at: usize,
        place: IndexBox,
        bytes: Vec<u8>,
        queue: usize,
    ) -> Result<()> {
        let bytes = if layout.is_compressed() { Bytes::Packed(bytes) } else { Bytes::Plain(bytes) };
        self.push_bytes(layout, at, place, bytes, queue)
    }
    fn push_bytes(
        &self,
        layout: &Layout,
        at: usize,
        place: IndexBox,
        bytes: Bytes,
        queue: usize,
    ) -> Result<()> {
        let name = Arc::clone(&self.names[at]);
        self.queue.push(Finished { at, name, place, chunk: layout.chunked, bytes }, queue)
    }
    /// Places plain chunks that lie one after the other in `buffer`, which is gone then; another
    /// one takes its place. Cells are written while the next ones are put together, uncopied.
    pub(super) fn lend(
        &self,
        (at, layout): (usize, &Layout),
        chunks: &[IndexBox],
        buffer: &mut Vec<u8>,
        queue: usize,
    ) -> Result<()> {
        let size = layout.dtype.size();
        let lent = self.queue.lend(Buffer::Bytes(std::mem::take(buffer)));
        let mut start = 0;
        for block in chunks {
            let range = start..start + block.len() * size;
            start = range.end;
            let bytes = if layout.stored_block(block) == *block {
                Bytes::Lent(Arc::clone(&lent), range)
            } else {
                let mut raw = self.spare();
                prepare(layout, block, &mut raw);
                insert(layout, block, block, &lent.as_slice()[range], &mut raw);
                Bytes::Plain(raw)
            };
            self.push_bytes(layout, at, block.clone(), bytes, queue)?;
        }
        drop(lent);
        if let Some(Buffer::Bytes(back)) = self.queue.reclaim() {
            *buffer = back;
        }
        Ok(())
    }
    /// Places plain chunks, each with its range of the bytes of `buffer`, which is not copied;
    /// another buffer comes back, if one is free.
    pub(super) fn lend_cells(
        &self,
        (at, layout): (usize, &Layout),
        chunks: Vec<(IndexBox, Range<usize>)>,
        buffer: Buffer,
        queue: usize,
    ) -> Result<Option<Buffer>> {
        let lent = self.queue.lend(buffer);
        for (block, range) in chunks {
            self.push_bytes(layout, at, block, Bytes::Lent(Arc::clone(&lent), range), queue)?;
        }
        drop(lent);
        Ok(self.queue.reclaim())
    }
    /// A buffer for uncompressed bytes.
    pub(super) fn spare(&self) -> Vec<u8> {
        self.queue.spare()
    }
}

/// Puts the parts of a chunk into it.
fn gather<T: Cell>(call: &Call<'_, T>, work: &Work<'_>, raw: &mut [u8]) {
    let (layout, block) = (call.layout, &work.share.block);
    for (part, bytes) in &work.parts {
        match (bytes, call.own) {
            (Some(bytes), _) => insert(layout, block, part, bytes, raw),
            (None, Some(own)) => store(layout, block, part, (own, call.cells), raw),
            (None, None) => {}
        }
    }
}
