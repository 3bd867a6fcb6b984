//! Whole chunks that ranks have put together already, as in copies: finished in all threads of all
//! ranks, placed by rank 0 like those of results.

use super::chunk::{finish, finish_from, insert, prepare, Bench};
use super::layout::Layout;
use super::one_writer::OneWriter;
use super::stored::Room;
use halocline_core::comm::Comm;
use halocline_core::comm::Reduce;
use halocline_core::index::IndexBox;
use halocline_core::{Error, Result};
use rayon::prelude::*;
use std::time::Instant;

impl OneWriter {
    /// Writes whole chunks of each rank, whose cells follow one another in `bytes`, round by round.
    /// With `keep`, the buffer may go and another come back.
    ///
    /// # Collective
    /// All ranks get the same result.
    pub(super) fn write_chunks(
        &mut self,
        comm: &Comm,
        (at, layout): (usize, &Layout),
        (chunks, bytes): (&[IndexBox], &mut Vec<u8>),
        (room, keep): (Room, bool),
        mut done: impl FnMut(),
    ) -> Result<()> {
        let size = layout.dtype.size();
        let batch = room.chunks(layout.chunk.iter().product::<usize>() * size);
        let mut rounds = [chunks.len().div_ceil(batch) as u64];
        comm.all_reduce(&mut rounds, Reduce::Max);
        if let (true, 1, false, Some(place)) = (keep, comm.size(), layout.is_compressed(), &self.place) {
            let begin = Instant::now();
            self.report.bytes_values += bytes.len() as u64;
            place.lend((at, layout), chunks, bytes, room.queue)?;
            (0..rounds[0]).for_each(|_| done());
            self.report.wait_seconds += begin.elapsed().as_secs_f64();
            return Ok(());
        }
        let (mut left, mut rest) = (chunks, bytes.as_slice());
        for _ in 0..rounds[0] {
            let (now, later) = left.split_at(batch.min(left.len()));
            let mut works = Vec::with_capacity(now.len());
            for block in now {
                let Some((cells, after)) = rest.split_at_checked(block.len() * size) else { break };
                works.push((block, cells));
                rest = after;
            }
            let result = self.finish_round(comm, (at, layout), &works, room);
            // Before the next round, in which the others would wait for a rank that has given up.
            comm.agree(result)?;
            if !now.is_empty() {
                done();
            }
            left = later;
        }
        Ok(())
    }

    fn finish_round(
        &mut self,
        comm: &Comm,
        (at, layout): (usize, &Layout),
        works: &[(&IndexBox, &[u8])],
        room: Room,
    ) -> Result<()> {
        let begin = Instant::now();
        // Fewer threads than there are have less work at a time.
        let least = works.len().div_ceil(room.threads.max(1));
        let made = works.par_iter().with_min_len(least).map(|work| self.complete(layout, work));
        let made: Result<Vec<Vec<u8>>> = made.collect();
        self.report.compress_seconds += begin.elapsed().as_secs_f64();
        self.report.bytes_values += works.iter().map(|(_, cells)| cells.len() as u64).sum::<u64>();

        let begin = Instant::now();
        let mut packed = Vec::new();
        if let (Ok(made), false) = (&made, comm.is_root()) {
            packed.reserve_exact(made.iter().map(|bytes| bytes.len() + 16).sum());
            for ((block, _), bytes) in works.iter().zip(made) {
                let place: Vec<usize> = block.start().iter().zip(&layout.chunk).map(|(s, c)| s / c).collect();
                packed.extend((layout.chunk_number(&place) as u64).to_ne_bytes());
                packed.extend((bytes.len() as u64).to_ne_bytes());
                packed.extend(bytes);
            }
        }
        // Those that have failed take part, with nothing.
        let gathered = comm.gather_v(&packed, 0);
        drop(packed);
        self.report.exchange_seconds += begin.elapsed().as_secs_f64();
        let (made, Some(gathered), Some(place)) = (made?, gathered, &self.place) else { return Ok(()) };

        let begin = Instant::now();
        for ((block, _), bytes) in works.iter().zip(made) {
            place.push(layout, at, (*block).clone(), bytes, room.queue)?;
        }
        for from in gathered.iter().skip(1) {
            let mut rest = from.as_slice();
            while !rest.is_empty() {
                let (number, bytes, after) =
                    unpack(rest).ok_or_else(|| Error::communication("a rank sent chunks in another form"))?;
                let block = layout.chunk_block(&layout.chunk_coordinates(number));
                place.push(layout, at, block, bytes.to_vec(), room.queue)?;
                rest = after;
            }
        }
        self.report.wait_seconds += begin.elapsed().as_secs_f64();
        Ok(())
    }

    /// The bytes to be stored for a chunk with these cells.
    fn complete(&self, layout: &Layout, &(block, cells): &(&IndexBox, &[u8])) -> Result<Vec<u8>> {
        let whole = layout.stored_block(block) == *block;
        self.benches.with(|bench: &mut Bench| {
            if whole && layout.is_compressed() {
                return finish_from(layout, cells, bench);
            }
            if let (false, Some(place)) = (layout.is_compressed(), &self.place) {
                bench.raw = place.spare();
            }
            prepare(layout, block, &mut bench.raw);
            if whole {
                bench.raw.copy_from_slice(cells);
            } else {
                insert(layout, block, block, cells, &mut bench.raw);
            }
            finish(layout, bench)
        })
    }
}

/// Number and bytes of a chunk, and what comes after it.
fn unpack(packed: &[u8]) -> Option<(usize, &[u8], &[u8])> {
    let (number, rest) = packed.split_first_chunk::<8>()?;
    let (len, rest) = rest.split_first_chunk::<8>()?;
    let (bytes, rest) = rest.split_at_checked(usize::try_from(u64::from_ne_bytes(*len)).ok()?)?;
    Some((usize::try_from(u64::from_ne_bytes(*number)).ok()?, bytes, rest))
}
