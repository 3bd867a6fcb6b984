//! How each variable is going to be rechunked on so many ranks, and what they send for that.

use super::blocks::{self, Places};
use super::choose::{self, Chosen};
use super::{Rechunk, RechunkOptions, REQUESTS};
use crate::dataset::Dataset;
use crate::output::stored::Room;
use crate::output::Compression;
use halocline_core::budget::MemoryBudget;
use halocline_core::comm::Formula;
use halocline_core::rechunk::{chunks_of, Plan, Request};
use halocline_core::{Error, ErrorKind, Result};

/// Where a plan is for, before ranks are there.
#[derive(Debug, Clone, Copy)]
pub struct Imagined<'a> {
    /// Number of ranks.
    pub ranks: usize,
    /// Threads of each.
    pub threads: usize,
    /// Memory of each.
    pub budget: &'a MemoryBudget,
    /// Bytes of it that the process takes for itself.
    pub base: u64,
}

/// The plans of all variables, with what finishing and placing their chunks may take.
pub(super) fn plans(
    (chosen, places): (&[Chosen<'_>], &[Places]),
    options: &RechunkOptions,
    Imagined { ranks, threads, budget, base }: Imagined<'_>,
) -> Result<Vec<(Plan, Room)>> {
    let plan = |(c, places): (&Chosen<'_>, &Places)| {
        let size = c.info.variable.dtype.size();
        let bytes = |chunk: &[usize]| chunk.iter().product::<usize>().saturating_mul(size) as u64;
        let direct = places.iter().all(Option::is_some);
        let library = if direct { 0 } else { bytes(&c.from).max(blocks::READ as u64) };
        let rooms = Room::choices(bytes(&c.to), (ranks, threads), budget.bytes.saturating_sub(base) / 4);
        let reading = threads as u64 * blocks::scratch_bytes(places).max(REQUESTS);
        let with = |room: &Room| {
            let request = Request {
                shape: &c.info.variable.shape(),
                size,
                from: &c.from,
                to: &c.to,
                ranks,
                base,
                overhead: library + reading + room.bytes(bytes(&c.to), ranks),
                reads_parts: blocks::reads_parts(c.info, places),
                // What is compressed is another buffer anyway.
                keeps_slabs: ranks == 1 && (!c.chunked || options.compression == Compression::None),
            };
            let plan = Plan::new(&request, budget).map_err(|e| e.in_variable(&c.info.variable.name))?;
            Ok((plan, *room))
        };
        // Less room for writing before it is refused.
        let mut last = Err(Error::internal("no room was tried"));
        for room in &rooms {
            last = with(room);
            if last.as_ref().err().is_none_or(|e| e.kind != ErrorKind::Memory) {
                break;
            }
        }
        last
    };
    chosen.iter().zip(places).map(plan).collect()
}

impl Rechunk<'_> {
    /// What ranks that are not there would send to rechunk `dataset`: windows on their way to the
    /// owners of chunks, and chunks on theirs to the file. Of compressed chunks the bytes are those of
    /// their values, which are more than are sent.
    ///
    /// # Errors
    /// As [`Rechunk::plan`].
    pub fn foresee(dataset: &Dataset, options: &RechunkOptions, on: Imagined<'_>) -> Result<[Formula; 2]> {
        let chosen = choose::choose(dataset, options)?;
        let places = chosen.iter().map(|c| blocks::find(dataset, c.info)).collect::<Result<Vec<_>>>()?;
        let [mut moved, mut written] = [Formula::new(on.ranks), Formula::new(on.ranks)];
        for (c, (plan, room)) in chosen.iter().zip(plans((&chosen, &places), options, on)?) {
            let variable = Self::stored(c, options.compression);
            plan.foresee(&mut moved, &mut |_, group| {
                let of = |rank: usize| group.get(rank).map_or_else(Vec::new, |slab| chunks_of(slab, &c.to));
                let chunks: Vec<_> = (0..on.ranks).map(of).collect();
                variable.foresee_chunks(&chunks, room, &mut written);
            });
        }
        Ok([moved, written])
    }
}
