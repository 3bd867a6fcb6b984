//! Maps that are divided over ranks: each stored chunk is decoded by one rank, blocks go to their
//! owners, and halos are exchanged once for all steps.

use super::laplacian::Laplacian;
use super::number::Number;
use super::{on_date, read_bytes};
use crate::calc::room;
use crate::common::bytes_text;
use crate::folding::{self, FoldJob};
use crate::series::writing_bytes;
use halocline_algorithms::filter::space::{BlockFilter, Scratch};
use halocline_core::decomposition::Decomposition;
use halocline_core::engine::{NumbersMut, StreamSource};
use halocline_core::halo::{HaloPlan, Parcels};
use halocline_core::index::IndexBox;
use halocline_core::meta::{DType, Dim, Values};
use halocline_core::progress::Phase;
use halocline_core::rechunk::{cut, thickness};
use halocline_core::redistribution::Redistribution;
use halocline_core::{Error, ErrorKind, Result};
use halocline_io::output::Output;
use halocline_io::source::Source;
use rayon::prelude::*;

/// Maps that go together, at most.
const TOGETHER: usize = 64;

/// Which windows there are, and who owns what of each.
pub(super) struct Divided {
    windows: Vec<IndexBox>,
    parts: Vec<usize>,
}

impl Divided {
    /// # Collective
    /// Every rank calls this.
    pub(super) fn plan(
        job: &FoldJob<'_>,
        source: &Source,
        laplacian: &Laplacian,
        dtype: DType,
        parts: &[usize],
    ) -> Result<Self> {
        let (dims, comm) = (&source.variable().dims, job.comm);
        if parts[..parts.len() - 2].iter().any(|n| *n != 1) {
            return Err(Error::usage("--decomposition divides maps and what is before them")
                .remedy("divide either y and x, or neither"));
        }
        if laplacian.places.is_some() {
            return Err(Error::usage("maps whose rows or columns repeat others can't be divided")
                .remedy("leave out --decomposition"));
        }
        let shape = source.variable().shape();
        let chunks = StreamSource::chunks(source);
        let cells: usize = laplacian.stored.iter().product();
        let maps = shape.iter().product::<usize>() / cells.max(1);
        let whole = IndexBox::whole(&shape);
        let mut thick: Vec<usize> = chunks.clone();
        let plane = thick.len() - 2;
        thick[plane..].copy_from_slice(&shape[plane..]);
        let room = job.budget.for_buffers(comm).saturating_sub(writing_bytes(job));
        let mut together = TOGETHER.min(maps.max(1));
        loop {
            let in_chunk = thick.iter().product::<usize>() / cells.max(1);
            if in_chunk > together {
                // Chunks that are longer than a window are decoded again for each.
                thick[..plane].fill(1);
            }
            let windows = cut(&whole, &thickness(&shape, &thick, together * cells));
            let divided = Self { windows, parts: parts.to_vec() };
            let needed = divided.bytes(comm.size(), source, laplacian, dtype)?;
            if needed <= room {
                return Ok(divided);
            }
            if together == 1 {
                let error = Error::new(
                    ErrorKind::Memory,
                    format!(
                        "{} are needed to work on a share of one map at a time, {} are there",
                        bytes_text(needed),
                        bytes_text(room)
                    ),
                );
                return Err(folding::of_budget(
                    error.in_variable(&dims[0].name).remedy("give more --memory, or divide by more ranks"),
                    job.budget,
                    0,
                ));
            }
            together /= 2;
        }
    }

    fn owners(&self, dims: &[Dim], window: &IndexBox, ranks: usize) -> Result<Decomposition> {
        Decomposition::even(dims, window, &self.parts, ranks)
    }

    /// Bytes on the rank that needs most, of the largest window.
    fn bytes(&self, ranks: usize, source: &Source, laplacian: &Laplacian, dtype: DType) -> Result<u64> {
        let dims = &source.variable().dims;
        let Some(window) = self.windows.iter().max_by_key(|w| w.len()) else { return Ok(0) };
        let readers = Decomposition::automatic(dims, window, &StreamSource::chunks(source), ranks)?;
        let owners = self.owners(dims, window, ranks)?;
        let widths = BlockFilter::widths(&laplacian.metrics, &laplacian.polynomial, &owners);
        let maps = window.len() / laplacian.stored.iter().product::<usize>().max(1);
        let element = read_bytes(source);
        let mut most = 0;
        for rank in 0..ranks {
            let extent = halocline_core::halo::Extent::new(&owners, rank, widths)?;
            let (read, own) = (readers.block(rank).len() as u64, owners.block(rank).len() as u64);
            let halo = (extent.cells() * maps) as u64;
            // What is read and leaves; what arrives and its block; blocks with halos, which leave and
            // arrive once more; the result.
            let all = element * (2 * read + 2 * own + 3 * halo) + dtype.size() as u64 * own;
            let desk = BlockFilter::scratch_bytes(&laplacian.polynomial, extent.shape()[2]);
            let tables = BlockFilter::bytes(&laplacian.metrics, extent.cells());
            let shared = BlockFilter::bytes(&laplacian.metrics, laplacian.shape().iter().product());
            most = most.max(all + desk * rayon::current_num_threads() as u64 + tables + shared);
        }
        Ok(most + StreamSource::scratch_per_thread(source) * rayon::current_num_threads() as u64)
    }

    /// Filters and writes all maps.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn run(
        &self,
        job: &FoldJob<'_>,
        (source, laplacian): (&Source, &Laplacian),
        dtype: DType,
        high_pass: bool,
        file: &mut Output,
    ) -> Result<()> {
        let Some(first) = self.windows.first() else { return Ok(()) };
        let owners = self.owners(&source.variable().dims, first, job.comm.size())?;
        let widths = BlockFilter::widths(&laplacian.metrics, &laplacian.polynomial, &owners);
        let halo = HaloPlan::new(job.comm, &owners, widths, &[laplacian.metrics.edges()])?;
        let filter = BlockFilter::new(&laplacian.metrics, &laplacian.polynomial, halo.extent(), high_pass);
        let block = Block { source, filter, halo, dtype };
        job.progress.tiles_total.add(self.windows.len() as u64);
        if StreamSource::is_single(source) {
            self.through::<f32>(job, &block, file)
        } else {
            self.through::<f64>(job, &block, file)
        }
    }

    fn through<T: Number>(&self, job: &FoldJob<'_>, block: &Block<'_>, file: &mut Output) -> Result<()> {
        let (comm, source, progress) = (job.comm, block.source, job.progress);
        let (dims, chunks) = (&source.variable().dims, StreamSource::chunks(source));
        let mut moved = Redistribution::<T>::default();
        let mut parcels = Parcels::<T>::default();
        let (mut own, mut read, mut with_halo) = (Vec::<T>::new(), Vec::<T>::new(), Vec::<T>::new());
        for window in &self.windows {
            let readers = Decomposition::automatic(dims, window, &chunks, comm.size())?;
            let owners = self.owners(dims, window, comm.size())?;
            let share = readers.block(comm.rank());
            halocline_core::redistribution::fit(&mut read, share.len());
            let loaded = {
                let _timer = progress.phases.start(Phase::Read);
                let into = &mut read;
                // In the pool, which this thread is not part of.
                rayon::join(|| if share.is_empty() { Ok(()) } else { T::read(source, &share, into) }, || ()).0
            };
            comm.agree(loaded)?;
            moved.exchange(comm, (&readers, &read), (&owners, &mut own));
            let extent = block.halo.extent();
            let place = owners.block(comm.rank());
            let cells: usize = extent.own().iter().product();
            let maps = own.len().checked_div(cells).unwrap_or(0);
            halocline_core::redistribution::fit(&mut with_halo, maps * extent.cells());
            extent.spread(&own, &mut with_halo);
            block.halo.fill(comm, &mut parcels, &mut [with_halo.as_mut_slice()]);
            let made = {
                let _timer = progress.phases.start(Phase::Compute);
                rayon::join(|| block.filter(&with_halo, (cells, own.len()), &place), || ()).0
            };
            let values = comm.agree(made)?;
            let _timer = progress.phases.start(Phase::Write);
            file.write_block(&source.variable().name, &place, &values)?;
            progress.tiles_done.add(1);
        }
        Ok(())
    }
}

/// The block of this rank.
struct Block<'a> {
    source: &'a Source,
    filter: BlockFilter,
    halo: HaloPlan,
    dtype: DType,
}

impl Block<'_> {
    /// Filters all maps of a window, each in a thread.
    fn filter<T: Number>(
        &self,
        with_halo: &[T],
        (cells, len): (usize, usize),
        place: &IndexBox,
    ) -> Result<Values> {
        let mut out = room(self.dtype, len);
        if len == 0 {
            return Ok(out);
        }
        let stored = self.halo.extent().cells();
        let levels = (len / cells / place.range(0).len().max(1)).max(1);
        let one = |scratch: &mut Scratch, number: usize, map: &[T], out: NumbersMut<'_>| {
            let done = self.filter.apply(scratch, T::numbers(map), out);
            done.map_err(|e| on_date(e, self.source, place.range(0).start + number / levels))
        };
        let maps = with_halo.par_chunks(stored).enumerate();
        let all: Vec<Result<()>> = match &mut out {
            Values::F32(out) => maps
                .zip(out.par_chunks_mut(cells))
                .map_init(Scratch::default, |s, ((n, map), out)| one(s, n, map, NumbersMut::F32(out)))
                .collect(),
            Values::F64(out) => maps
                .zip(out.par_chunks_mut(cells))
                .map_init(Scratch::default, |s, ((n, map), out)| one(s, n, map, NumbersMut::F64(out)))
                .collect(),
            _ => return Err(Error::internal("a filter writes floats only")),
        };
        all.into_iter().collect::<Result<()>>()?;
        Ok(out)
    }
}
