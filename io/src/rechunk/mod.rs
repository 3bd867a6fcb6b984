//! Files rechunked: the same data set with other chunks, so that what is read next lies together.
//!
//! Everything else is carried over as it is: dimensions, attributes in their types, coordinates,
//! packed values. Values are never decoded, so that a copy equals its original bit for bit.

mod blocks;
mod carry;
mod choose;
mod define;

pub use choose::{parse_chunks, ChunkLength};

use crate::dataset::{Dataset, VariableInfo};
use crate::output::stored::StoredOutput;
use crate::scratch::{check_room, is_memory, ScratchFile};
use blocks::Blocks;
use choose::Chosen;
use halocline_core::budget::{ranks_on_node, MemoryBudget};
use halocline_core::comm::{Comm, Reduce};
use halocline_core::index::IndexBox;
use halocline_core::meta::DType;
use halocline_core::rechunk::{rechunk, Method, Moved, Plan, Request, Scratch, Sink};
use halocline_core::Result;
use std::path::{Path, PathBuf};

/// Bytes that the library returns at a time; a stored chunk if that is larger.
const READ: usize = 8 << 20;
/// The NetCDF library's cache of chunks of the variable that is written.
const CACHE: u64 = 16 << 20;

/// What is wanted.
#[derive(Debug, Clone, Default)]
pub struct RechunkOptions {
    /// The variables to rechunk; `None`: all data variables. The others are carried over with
    /// the chunks that they have.
    pub variables: Option<Vec<String>>,
    /// Chunk lengths by dimension ([`parse_chunks`]); dimensions that are not named keep theirs.
    pub chunks: Vec<(String, ChunkLength)>,
    /// Deflate level (1 to 9, behind a shuffle) of the rechunked variables; `None`: as they are.
    pub deflate: Option<u8>,
    /// Where scratch files go, if any are needed.
    pub scratch: PathBuf,
}

/// A data set that is ready to be rechunked: what is going to be done, and in what memory.
#[derive(Debug)]
pub struct Rechunk<'a> {
    dataset: &'a Dataset,
    chosen: Vec<Chosen<'a>>,
    plans: Vec<Plan>,
    options: RechunkOptions,
    /// What the process has taken already, and the buffers: the estimate.
    needed: u64,
}

/// What all ranks have done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RechunkSummary {
    /// Bytes of values read, over all ranks.
    pub read: u64,
    /// Bytes of values written, over all ranks.
    pub written: u64,
    /// Bytes kept in scratch storage, over all ranks.
    pub scratch: u64,
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
        let chosen = choose::choose(dataset, options)?;
        let base = budget.largest_base(comm);
        let plan = |c: &Chosen<'_>| {
            let size = c.info.variable.dtype.size();
            let bytes = |chunk: &[usize]| chunk.iter().product::<usize>().saturating_mul(size) as u64;
            let request = Request {
                shape: &c.info.variable.shape(),
                size,
                from: &c.from,
                to: &c.to,
                ranks: comm.size(),
                base,
                overhead: bytes(&c.from).max(READ as u64) + bytes(&c.to) + CACHE,
                reads_parts: blocks::reads_parts(dataset, c.info),
            };
            Plan::new(&request, budget).map_err(|e| e.in_variable(&c.info.variable.name))
        };
        let plans = chosen.iter().map(plan).collect::<Result<Vec<Plan>>>();
        let plans = comm.agree(plans)?;
        let buffers = plans.iter().map(Plan::buffers).max().unwrap_or(0);
        let needed = base + buffers;
        Ok(Self { dataset, chosen, plans, options: options.clone(), needed })
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

    /// Does it. `history` is the line that is put before the file's own history.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// System, if reading, writing or scratch storage fails; data, if what is stored is damaged.
    pub fn run(&self, comm: &Comm, output: &Path, history: &str) -> Result<RechunkSummary> {
        let mut scratch = self.scratch(comm)?;
        let mut out = StoredOutput::create(comm, output, |file| {
            define::define(file, self.dataset, &self.chosen, self.options.deflate, history)
        })?;
        out.on_root(|file| carry::carry(file, self.dataset, &self.chosen))?;
        let mut total = Moved::default();
        for (chosen, plan) in self.chosen.iter().zip(&self.plans) {
            let name = &chosen.info.variable.name;
            let mut source = Blocks::new(self.dataset, chosen);
            let mut sink = Chunks { out: &mut out, name, dtype: chosen.info.variable.dtype };
            let kept = scratch.as_mut().map(|s| s as &mut dyn Scratch);
            let moved = rechunk(comm, plan, &mut source, &mut sink, kept)?;
            total.read += moved.read;
            total.written += moved.written;
            total.scratch += moved.scratch;
            let cleared = scratch.as_mut().map_or(Ok(()), ScratchFile::clear);
            comm.agree(cleared)?;
        }
        out.finish()?;
        let mut sums = [total.read, total.written, total.scratch];
        comm.all_reduce(&mut sums, Reduce::Sum);
        Ok(RechunkSummary { read: sums[0], written: sums[1], scratch: sums[2] })
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

/// The variable that is written.
struct Chunks<'o> {
    out: &'o mut StoredOutput,
    name: &'o str,
    dtype: DType,
}

impl Sink for Chunks<'_> {
    fn write(&mut self, chunks: &[IndexBox], bytes: &[u8]) -> Result<()> {
        self.out.write_chunks(self.name, self.dtype, chunks, bytes)
    }
}
