//! Maps that are divided over ranks: each stored chunk is decoded by one rank, blocks go to their
//! owners, and halos are exchanged once for all steps.

use super::laplacian::Laplacian;
use super::{on_date, read_bytes};
use crate::calc::room;
use crate::divided::{reading_bytes, windows, Number, Reader};
use crate::folding::FoldJob;
use halocline_algorithms::filter::space::{BlockFilter, Scratch};
use halocline_core::comm::Comm;
use halocline_core::decomposition::Decomposition;
use halocline_core::engine::{NumbersMut, StreamSource};
use halocline_core::halo::{Extent, HaloPlan, Parcels};
use halocline_core::index::IndexBox;
use halocline_core::memory::fit;
use halocline_core::meta::{DType, Dim, Values};
use halocline_core::progress::Phase;
use halocline_core::{Error, Result};
use halocline_io::output::Output;
use halocline_io::source::Source;
use rayon::prelude::*;
use std::ops::Range;

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
        if laplacian.places.is_some() {
            return Err(Error::usage("maps whose rows or columns repeat others can't be divided")
                .remedy("leave out --decomposition"));
        }
        let ranks = job.comm.size();
        let needed = |window: &IndexBox| {
            let owners = Decomposition::even(&source.variable().dims, window, parts, ranks)?;
            bytes((window, &owners), source, laplacian, dtype)
        };
        Ok(Self { windows: windows(job, source, needed)?, parts: parts.to_vec() })
    }

    fn owners(&self, dims: &[Dim], window: &IndexBox, ranks: usize) -> Result<Decomposition> {
        Decomposition::even(dims, window, &self.parts, ranks)
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
        job.progress.tiles_total.add(self.windows.len() as u64);
        let of = Asked { source, laplacian, dtype, high_pass };
        if StreamSource::is_single(source) {
            self.through::<f32>(job, &of, file)
        } else {
            self.through::<f64>(job, &of, file)
        }
    }

    fn through<T: Number>(&self, job: &FoldJob<'_>, of: &Asked<'_>, file: &mut Output) -> Result<()> {
        let (comm, source, progress) = (job.comm, of.source, job.progress);
        let (mut reader, mut parcels) = (Reader::<T>::default(), Parcels::<T>::default());
        let mut with_halo = Vec::<T>::new();
        let mut kept: Option<(Vec<usize>, Block<'_>)> = None;
        for window in &self.windows {
            let owners = self.owners(&source.variable().dims, window, comm.size())?;
            // Who has neighbours differs where a window has other times and levels than the one before.
            let shape = window.shape();
            let block = match kept.take() {
                Some((of, block)) if of == shape => block,
                _ => Block::new(comm, &owners, of)?,
            };
            let own = reader.load(job, source, window, &owners)?;
            let extent = block.halo.extent();
            let place = owners.block(comm.rank());
            let cells: usize = extent.own().iter().product();
            let maps = own.len().checked_div(cells).unwrap_or(0);
            fit(&mut with_halo, maps * extent.cells());
            extent.spread(own, &mut with_halo);
            let len = own.len();
            block.halo.fill(comm, &mut parcels, &mut [with_halo.as_mut_slice()]);
            let made = {
                let _timer = progress.phases.start(Phase::Compute);
                rayon::join(|| block.filter(&with_halo, (cells, len), &place), || ()).0
            };
            let values = comm.agree(made)?;
            let _timer = progress.phases.start(Phase::Write);
            file.write_block(&source.variable().name, &place, &values)?;
            progress.tiles_done.add(1);
            kept = Some((shape, block));
        }
        Ok(())
    }
}

/// Bytes on the rank that needs most, of a window.
fn bytes(
    (window, owners): (&IndexBox, &Decomposition),
    source: &Source,
    laplacian: &Laplacian,
    dtype: DType,
) -> Result<u64> {
    let widths = BlockFilter::widths(&laplacian.metrics, &laplacian.polynomial, owners);
    let mut most = 0;
    for rank in 0..owners.ranks() {
        let block = owners.block(rank);
        let maps: usize = block.ranges()[..block.ndim() - 2].iter().map(Range::len).product();
        let extent = Extent::new(owners, rank, widths)?;
        let halo = (extent.cells() * maps) as u64;
        // Beside what is read: blocks with halos, which leave and arrive once more; the result.
        let all = reading_bytes(source, window, (owners, rank))?
            + read_bytes(source) * 3 * halo
            + (dtype.size() * block.len()) as u64;
        let desk = BlockFilter::scratch_bytes(&laplacian.polynomial, extent.shape()[2]);
        let tables = BlockFilter::bytes(
            &laplacian.metrics,
            &laplacian.polynomial,
            [extent.shape()[1], extent.shape()[2]],
        );
        let shared = BlockFilter::bytes(&laplacian.metrics, &laplacian.polynomial, laplacian.shape());
        most = most.max(all + desk * halocline_core::threads::for_plans() as u64 + tables + shared);
    }
    Ok(most)
}

/// What is asked for of a variable.
struct Asked<'a> {
    source: &'a Source,
    laplacian: &'a Laplacian,
    dtype: DType,
    high_pass: bool,
}

/// The block of this rank.
struct Block<'a> {
    source: &'a Source,
    filter: BlockFilter,
    halo: HaloPlan,
    dtype: DType,
}

impl<'a> Block<'a> {
    /// # Collective
    /// Every rank calls this.
    fn new(comm: &Comm, owners: &Decomposition, of: &Asked<'a>) -> Result<Self> {
        let Laplacian { metrics, polynomial, .. } = of.laplacian;
        let widths = BlockFilter::widths(metrics, polynomial, owners);
        let halo = HaloPlan::new(comm, owners, widths, &[metrics.edges()])?;
        let filter = BlockFilter::new(metrics, polynomial, halo.extent(), of.high_pass);
        Ok(Self { source: of.source, filter, halo, dtype: of.dtype })
    }

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
