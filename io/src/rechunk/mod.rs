//! Files rechunked: the same data set with other chunks, so that what is read next lies together.
//!
//! Everything else is carried over as it is: dimensions, attributes in their types, coordinates,
//! packed values. Values are never decoded, so that a copy equals its original bit for bit.

pub(crate) mod blocks;
mod carry;
mod choose;
mod define;
mod plans;
mod progress;

pub use choose::{parse_chunks, ChunkLength};
pub use plans::Imagined;

use crate::dataset::{Dataset, VariableInfo};
use crate::output::stored::{Room, StoredVariable};
use crate::output::{Compression, Output, WriteReport};
use crate::scratch::{check_room, is_memory, ScratchFile};
use blocks::{Blocks, Places};
use choose::Chosen;
use halocline_core::budget::{ranks_on_node, MemoryBudget};
use halocline_core::comm::{Comm, Reduce};
use halocline_core::index::IndexBox;
use halocline_core::progress::{Phase, Progress};
use halocline_core::rechunk::{chunks_of, rechunk, Method, Moved, Plan, Scratch, Sink, Source};
use halocline_core::{Error, Result};
use progress::Clock;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What a thread reads into where nothing is to be decoded.
const REQUESTS: u64 = 1 << 20;

/// What is wanted.
#[derive(Debug, Clone, Default)]
pub struct RechunkOptions {
    /// The variables to rechunk; `None`: all data variables. The others are carried over with
    /// the chunks that they have.
    pub variables: Option<Vec<String>>,
    /// Chunk lengths by dimension ([`parse_chunks`]); dimensions that are not named keep theirs.
    pub chunks: Vec<(String, ChunkLength)>,
    /// How the rechunked variables are compressed.
    pub compression: Compression,
    /// Where scratch files go, if any are needed.
    pub scratch: PathBuf,
}

/// A data set that is ready to be rechunked: what is going to be done, and in what memory.
#[derive(Debug)]
pub struct Rechunk<'a> {
    dataset: &'a Dataset,
    chosen: Vec<Chosen<'a>>,
    /// Where each of them lies.
    places: Vec<Places>,
    plans: Vec<Plan>,
    /// What finishing and placing the chunks of each may take.
    rooms: Vec<Room>,
    options: RechunkOptions,
    /// What the process has taken already, and the buffers: the estimate.
    needed: u64,
}

/// What all ranks have done.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RechunkSummary {
    /// Bytes of values read, over all ranks.
    pub read: u64,
    /// Bytes of values written, over all ranks.
    pub written: u64,
    /// Bytes kept in scratch storage, over all ranks.
    pub scratch: u64,
    /// What writing has taken.
    pub report: WriteReport,
}

impl<'a> Rechunk<'a> {
    /// Plans to rechunk `dataset` within the budget.
    ///
    /// # Collective
    /// Every rank calls this with the same arguments.
    ///
    /// # Errors
    /// Usage, if a variable or dimension is not there or chunks are no chunks; data, if files
    /// store a variable in different ways; memory, if it can't be done in the budget.
    pub fn plan(
        comm: &Comm,
        dataset: &'a Dataset,
        options: &RechunkOptions,
        budget: &MemoryBudget,
    ) -> Result<Self> {
        if !dataset.members().is_empty() {
            return Err(Error::usage("members of an ensemble are rechunked one by one")
                .remedy("leave out --ensemble, and name one file"));
        }
        let chosen = choose::choose(dataset, options)?;
        let find = || chosen.iter().map(|c| blocks::find(dataset, c.info)).collect::<Result<Vec<Places>>>();
        let places = comm.on_root(find)?;
        let base = budget.largest_base(comm);
        let threads = halocline_core::threads::for_plans();
        let here = Imagined { ranks: comm.size(), threads, budget, base };
        let plans = plans::plans((&chosen, &places), options, here);
        let (plans, rooms): (Vec<Plan>, Vec<Room>) = comm.agree(plans)?.into_iter().unzip();
        let buffers = plans.iter().map(Plan::buffers).max().unwrap_or(0);
        let needed = base + buffers;
        Ok(Self { dataset, chosen, places, plans, rooms, options: options.clone(), needed })
    }

    /// The peak of resident memory that is expected of a rank.
    pub fn estimate(&self) -> u64 {
        self.needed
    }
    /// The variables with their shapes, stored chunks, new chunks and plans.
    pub fn variables(&self) -> impl Iterator<Item = (&VariableInfo, &[usize], &[usize], &Plan)> {
        self.chosen.iter().zip(&self.plans).map(|(c, plan)| (c.info, &*c.from, &*c.to, plan))
    }
    /// Whether scratch storage is needed, and if so how many bytes of it, on the rank that needs
    /// most.
    pub fn scratch_bytes(&self) -> u64 {
        self.plans.iter().map(Plan::scratch_bytes).max().unwrap_or(0)
    }
    /// What users should know before it starts.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = carry::notes(self.dataset);
        if self.scratch_bytes() > 0 && is_memory(&self.options.scratch) {
            notes.push(format!(
                "{} is kept in memory by the system: name a directory on a disk with --scratch",
                self.options.scratch.display()
            ));
        }
        notes
    }

    /// Does it. `history` is the line that is put before the file's own history; tiles of
    /// `progress` are windows that are read and rounds of chunks that are written.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// System, if reading, writing or scratch storage fails; data, if what is stored is damaged.
    pub fn run(
        &self,
        comm: &Comm,
        output: &Path,
        history: &str,
        progress: &Progress,
    ) -> Result<RechunkSummary> {
        let mut scratch = self.scratch(comm)?;
        let compression = self.options.compression;
        let variables: Vec<StoredVariable> =
            self.chosen.iter().map(|c| Self::stored(c, compression)).collect();
        self.announce(comm.rank(), progress);
        let clock = Clock::start(progress);
        let mut out = clock.time(Phase::Open, || {
            Output::create_stored(comm, output, &variables, |out| {
                define::define(out, self.dataset, &self.chosen, self.options.compression, history)?;
                carry::carry(out.file, self.dataset, &self.chosen)
            })
        })?;
        let mut total = Moved::default();
        for (k, (chosen, plan)) in self.chosen.iter().zip(&self.plans).enumerate() {
            let blocks = Blocks::new(self.dataset, chosen, &self.places[k], progress);
            let mut source = Timed { blocks, clock: &clock, size: chosen.info.variable.dtype.size() };
            let name = &chosen.info.variable.name;
            let mut sink =
                Chunks { out: &mut out, name, room: self.rooms[k], keep: plan.keeps_slabs(), clock: &clock };
            let kept = scratch.as_mut().map(|s| s as &mut dyn Scratch);
            let moved = rechunk(comm, plan, &mut source, &mut sink, kept)?;
            total.read += moved.read;
            total.written += moved.written;
            total.scratch += moved.scratch;
            let cleared = scratch.as_mut().map_or(Ok(()), ScratchFile::clear);
            comm.agree(cleared)?;
        }
        let begun = Instant::now();
        let report = out.finish_with_report()?;
        let sync = Duration::from_secs_f64(report.sync_seconds.max(0.0));
        clock.count(Phase::Write, begun.elapsed().saturating_sub(sync));
        clock.count(Phase::Sync, sync);
        clock.finish();
        progress.bytes_written.add(total.scratch + if comm.is_root() { report.bytes_file } else { 0 });
        let mut sums = [total.read, total.written, total.scratch];
        comm.all_reduce(&mut sums, Reduce::Sum);
        Ok(RechunkSummary { read: sums[0], written: sums[1], scratch: sums[2], report })
    }

    /// A variable as the output has it.
    fn stored(chosen: &Chosen<'_>, compression: Compression) -> StoredVariable {
        let variable = &chosen.info.variable;
        StoredVariable {
            name: variable.name.clone(),
            dtype: variable.dtype,
            shape: variable.shape(),
            chunk: chosen.to.clone(),
            chunked: chosen.chunked,
            compression,
            fill: define::fill_value(variable),
        }
    }

    /// How much there is to do: windows to be read, rounds of chunks to be finished.
    fn announce(&self, rank: usize, progress: &Progress) {
        for (k, (chosen, plan)) in self.chosen.iter().zip(&self.plans).enumerate() {
            let bytes = chosen.to.iter().product::<usize>() * chosen.info.variable.dtype.size();
            let rounds = plan
                .slabs_of(rank)
                .map(|slab| self.rooms[k].rounds(chunks_of(slab, &chosen.to).len(), bytes));
            progress.tiles_total.add((plan.windows_of(rank) + rounds.sum::<usize>()) as u64);
        }
    }

    /// Scratch storage of this rank, if a plan needs it: with room for all ranks of this node.
    fn scratch(&self, comm: &Comm) -> Result<Option<ScratchFile>> {
        if self.plans.iter().all(|plan| plan.method() != Method::Scratch) {
            return Ok(None);
        }
        let neighbours = ranks_on_node(comm) as u64;
        let directory = &self.options.scratch;
        let created = ScratchFile::create(directory)
            .and_then(|file| check_room(directory, self.scratch_bytes() * neighbours).map(|()| file));
        comm.agree(created).map(Some)
    }
}

/// Stored values, with the time that reading them takes.
struct Timed<'a> {
    blocks: Blocks<'a>,
    clock: &'a Clock<'a>,
    size: usize,
}

impl Source for Timed<'_> {
    fn read(&mut self, block: &IndexBox, out: &mut [u8]) -> Result<()> {
        self.clock.read(block.len() * self.size, || self.blocks.read(block, out))
    }
}

/// The variable that is written.
struct Chunks<'a> {
    out: &'a mut Output,
    name: &'a str,
    room: Room,
    keep: bool,
    clock: &'a Clock<'a>,
}

impl Sink for Chunks<'_> {
    fn write(&mut self, chunks: &[IndexBox], bytes: &mut Vec<u8>) -> Result<()> {
        let done = || self.clock.progress.tiles_done.add(1);
        let how = (self.room, self.keep);
        self.clock.time(Phase::Write, || self.out.write_chunks(self.name, chunks, bytes, how, done))
    }
}
