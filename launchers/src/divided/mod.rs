//! Maps that are divided over ranks: windows of them that fit into memory, each stored chunk of which
//! is decoded by one rank, and blocks that go to their owners.

mod number;

pub(crate) use number::Number;

use crate::common::bytes_text;
use crate::folding::{self, FoldJob};
use crate::series::writing_bytes;
use halocline_core::decomposition::Decomposition;
use halocline_core::engine::StreamSource;
use halocline_core::index::IndexBox;
use halocline_core::memory::fit;
use halocline_core::progress::Phase;
use halocline_core::rechunk::{cut, thickness};
use halocline_core::redistribution::Redistribution;
use halocline_core::{Error, ErrorKind, Result};
use halocline_io::source::Source;

/// Maps that go together, at most.
const TOGETHER: usize = 64;

/// Windows of whole maps of a source, as many maps as fit: `needed` says how many bytes the rank that
/// needs most takes for a window.
///
/// # Collective
/// Every rank calls this.
///
/// # Errors
/// Memory, if not even one map fits; what `needed` reports.
pub(crate) fn windows(
    job: &FoldJob<'_>,
    source: &Source,
    needed: impl Fn(&IndexBox) -> Result<u64>,
) -> Result<Vec<IndexBox>> {
    let shape = source.variable().shape();
    let plane = shape.len() - 2;
    let cells: usize = shape[plane..].iter().product();
    let maps = shape[..plane].iter().product::<usize>();
    let mut thick = StreamSource::chunks(source);
    thick[plane..].copy_from_slice(&shape[plane..]);
    let room = job.budget.for_buffers(job.comm).saturating_sub(writing_bytes(job));
    let mut together = TOGETHER.min(maps.max(1));
    loop {
        if thick.iter().product::<usize>() / cells.max(1) > together {
            // Chunks that are longer than a window are decoded again for each.
            thick[..plane].fill(1);
        }
        let windows = cut(&IndexBox::whole(&shape), &thickness(&shape, &thick, together * cells));
        let Some(largest) = windows.iter().max_by_key(|w| w.len()) else { return Ok(windows) };
        let needed = needed(largest)?;
        if needed <= room {
            return Ok(windows);
        }
        if together == 1 {
            let text = format!(
                "{} are needed to work on a share of one map at a time, {} are there",
                bytes_text(needed),
                bytes_text(room)
            );
            let error = Error::new(ErrorKind::Memory, text).in_variable(&source.variable().name);
            let error = error.remedy("give more --memory, or divide by more ranks");
            return Err(folding::of_budget(error, job.budget, 0));
        }
        together /= 2;
    }
}

/// Who reads which chunks of a window.
fn readers(source: &Source, window: &IndexBox, ranks: usize) -> Result<Decomposition> {
    Decomposition::of_window(&source.variable().dims, window, &StreamSource::chunks(source), ranks)
}

/// Reads windows of a source.
pub(crate) struct Reader<T> {
    moved: Redistribution<T>,
    read: Vec<T>,
    own: Vec<T>,
}

impl<T> Default for Reader<T> {
    fn default() -> Self {
        Self { moved: Redistribution::default(), read: Vec::new(), own: Vec::new() }
    }
}

impl<T: Number> Reader<T> {
    /// Reads a window and moves it to where `owners` want it: this rank's block.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(crate) fn load(
        &mut self,
        job: &FoldJob<'_>,
        source: &Source,
        window: &IndexBox,
        owners: &Decomposition,
    ) -> Result<&[T]> {
        let readers = self.fetch(job, source, window)?;
        self.moved.exchange(job.comm, (&readers, &self.read), (owners, &mut self.own));
        Ok(&self.own)
    }

    /// Reads a window and leaves it where it was read: who read what, and the values of this rank's
    /// block.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(crate) fn share(
        &mut self,
        job: &FoldJob<'_>,
        source: &Source,
        window: &IndexBox,
    ) -> Result<(Decomposition, &[T])> {
        let readers = self.fetch(job, source, window)?;
        Ok((readers, &self.read))
    }

    fn fetch(&mut self, job: &FoldJob<'_>, source: &Source, window: &IndexBox) -> Result<Decomposition> {
        let comm = job.comm;
        let readers = readers(source, window, comm.size())?;
        let share = readers.block(comm.rank());
        fit(&mut self.read, share.len());
        let loaded = {
            let _timer = job.progress.phases.start(Phase::Read);
            let into = &mut self.read;
            // In the pool, which this thread is not part of.
            rayon::join(|| if share.is_empty() { Ok(()) } else { T::read(source, &share, into) }, || ()).0
        };
        comm.agree(loaded)?;
        if !share.is_empty() {
            job.progress.bytes_read.add(source.stored_bytes(&share));
            job.progress.bytes_decoded.add((share.len() * source.variable().dtype.size()) as u64);
        }
        Ok(readers)
    }
}

/// Bytes that a rank takes to read a window: what it reads and sends, what arrives, its block.
pub(crate) fn reading_bytes(
    source: &Source,
    window: &IndexBox,
    (owners, rank): (&Decomposition, usize),
) -> Result<u64> {
    let element = if StreamSource::is_single(source) { 4 } else { 8 };
    let own = element * 2 * owners.block(rank).len() as u64;
    Ok(own + read_bytes(source, window, (rank, owners.ranks()))?)
}

/// Bytes of what one of so many ranks reads of a window and sends.
pub(crate) fn read_bytes(source: &Source, window: &IndexBox, (rank, ranks): (usize, usize)) -> Result<u64> {
    let read = readers(source, window, ranks)?.block(rank).len() as u64;
    let element = if StreamSource::is_single(source) { 4 } else { 8 };
    let scratch = StreamSource::scratch_per_thread(source) * halocline_core::threads::for_plans() as u64;
    Ok(element * 2 * read + scratch)
}
