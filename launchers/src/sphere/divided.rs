//! Maps that ranks divide: each stored chunk is decoded by one rank, rows go to the ranks that transform
//! them, and results are written by the ranks that have their rows.

use super::passing::{Divided, Recipe, Results};
use super::through::Work;
use super::SphereMaps;
use crate::divided::{read_bytes, windows, Number, Reader};
use crate::folding::{self, FoldJob};
use halocline_algorithms::sphere::{DividedMaps, DividedTransform, Transform};
use halocline_core::comm::Reduce;
use halocline_core::decomposition::Decomposition;
use halocline_core::engine::{Numbers, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::meta::Values;
use halocline_core::progress::Phase;
use halocline_core::Result;
use halocline_io::source::Source;

/// A transform of divided maps, and which maps go through it together.
pub(super) struct Shared {
    transform: DividedTransform,
    windows: Vec<IndexBox>,
    shares: usize,
    estimate: u64,
}

/// Reads a source in its precision.
enum Loader {
    Single(Reader<f32>),
    Double(Reader<f64>),
}

impl Loader {
    fn new(source: &Source) -> Self {
        if StreamSource::is_single(source) {
            Self::Single(Reader::default())
        } else {
            Self::Double(Reader::default())
        }
    }
    /// The rows of a window that this rank transforms.
    ///
    /// # Collective
    /// Every rank calls this.
    fn load(
        &mut self,
        job: &FoldJob<'_>,
        (source, window): (&Source, &IndexBox),
        transform: &mut DividedTransform,
    ) -> Result<DividedMaps> {
        match self {
            Self::Single(reader) => load(reader, job, (source, window), transform),
            Self::Double(reader) => load(reader, job, (source, window), transform),
        }
    }
}

fn load<T: Number>(
    reader: &mut Reader<T>,
    job: &FoldJob<'_>,
    (source, window): (&Source, &IndexBox),
    transform: &mut DividedTransform,
) -> Result<DividedMaps> {
    let (readers, values) = reader.share(job, source, window)?;
    let _timer = job.progress.phases.start(Phase::Communicate);
    transform.take(job.comm, &readers, T::numbers(values))
}

impl Shared {
    /// Windows of as many maps as fit, on `shares` of the ranks.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// Memory, if not even the parts of one map fit.
    pub(super) fn plan(
        job: &FoldJob<'_>,
        maps: &SphereMaps,
        transform: DividedTransform,
        (shares, work): (usize, Work),
    ) -> Result<Self> {
        let ranks = job.comm.size();
        let threads = halocline_core::threads::for_plans();
        let own = Transform::bytes(&maps.grid);
        let needed = |window: &IndexBox| -> Result<u64> {
            let count = window.len() / maps.grid.cells().max(1);
            let mut most = 0;
            for rank in 0..ranks {
                let reading = maps.sources.iter().map(|s| read_bytes(s, window, (rank, ranks)));
                most = most.max(reading.sum::<Result<u64>>()?);
            }
            let made = work.made * (count * maps.grid.rows.div_ceil(ranks)) as u64 / maps.grid.rows as u64;
            Ok(most + own + made + transform.working(count, work.fields, threads))
        };
        let windows = windows(job, maps.first(), needed)?;
        let estimate = windows.iter().max_by_key(|w| w.len()).map_or(Ok(0), needed)?;
        Ok(Self { transform, windows, shares, estimate })
    }

    pub(super) fn transform(&self) -> &Transform {
        self.transform.transform()
    }
    /// Over how many ranks maps are divided.
    pub(super) fn shares(&self) -> usize {
        self.shares
    }
    /// Bytes of memory that a rank needs.
    pub(super) fn estimate(&self) -> u64 {
        self.estimate
    }

    /// Has all maps go through. Results that are no maps are the same on all ranks; the root's are
    /// handed on.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn run(
        &mut self,
        job: &FoldJob<'_>,
        maps: &SphereMaps,
        (results, recipe): (Results, &Recipe<'_>),
        sink: &mut dyn FnMut(&IndexBox, &[Values]) -> Result<()>,
    ) -> Result<()> {
        let comm = job.comm;
        job.progress.tiles_total.add(self.windows.len() as u64);
        let mut loaders: Vec<Loader> = maps.sources.iter().map(Loader::new).collect();
        let dims = &maps.first().variable().dims;
        let mut used = None;
        for window in &self.windows {
            let mut taken = Vec::new();
            for (source, loader) in maps.sources.iter().zip(&mut loaders) {
                taken.push(loader.load(job, (source, window), &mut self.transform)?);
            }
            check(job, maps, window, &taken)?;
            // Rows are written where they are about as many on each rank.
            let layout = Decomposition::along(dims, window, dims.len() - 2, comm.size())?;
            let block = layout.block(comm.rank());
            let mut made = results.room(block.len(), used.take());
            let done = {
                let _timer = job.progress.phases.start(Phase::Compute);
                let (transform, results) = (&mut self.transform, made.as_mut_slice());
                recipe(&mut Divided { comm, transform, maps: &taken, layout: &layout, results })
            };
            comm.agree(done)?;
            drop(taken);
            if results.maps.is_some() {
                sink(&block, &made)?;
            } else if comm.is_root() {
                sink(window, &made)?;
            } else {
                sink(&folding::nothing(window.ndim()), &results.room(0, None))?;
            }
            used = Some(made);
            job.progress.tiles_done.add(1);
        }
        self.transform.release();
        Ok(())
    }
}

/// Refuses values that are missing or infinite, as [`SphereMaps::check`] does.
///
/// # Collective
/// Every rank calls this.
fn check(job: &FoldJob<'_>, maps: &SphereMaps, window: &IndexBox, taken: &[DividedMaps]) -> Result<()> {
    for (source, taken) in maps.sources.iter().zip(taken) {
        let mut counts = vec![0u64; taken.count()];
        for values in taken.values() {
            let each = values.len() / taken.count().max(1);
            for (map, count) in counts.iter_mut().enumerate() {
                *count += lacking(values.slice(map * each..(map + 1) * each)) as u64;
            }
        }
        job.comm.all_reduce(&mut counts, Reduce::Sum);
        let counts: Vec<usize> = counts.into_iter().map(|n| n as usize).collect();
        maps.refuse(source, window, &counts)?;
    }
    Ok(())
}

/// How many values are missing or infinite.
pub(super) fn lacking(values: Numbers<'_>) -> usize {
    match values {
        Numbers::F32(v) => v.iter().filter(|x| !x.is_finite()).count(),
        Numbers::F64(v) => v.iter().filter(|x| !x.is_finite()).count(),
    }
}
