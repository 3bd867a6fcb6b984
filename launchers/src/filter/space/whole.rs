//! Whole maps, many at once: a map is filtered by one thread.

use super::laplacian::Laplacian;
use super::{on_date, read_bytes};
use crate::calc::{room, room_again};
use crate::divided::Number;
use crate::folding::{self, FoldJob};
use crate::series::writing_bytes;
use halocline_algorithms::filter::space::{BlockFilter, Scratch};
use halocline_core::buffers::Shelf;
use halocline_core::comm::Comm;
use halocline_core::decomposition::Decomposition;
use halocline_core::engine::{Engine, Numbers, NumbersMut, StreamSource, WholeNeeds, WholePlan};
use halocline_core::halo::{HaloPlan, Parcels};
use halocline_core::index::IndexBox;
use halocline_core::meta::{DType, Dim, Role, Values};
use halocline_core::progress::Phase;
use halocline_core::Result;
use halocline_io::output::Output;
use halocline_io::source::Source;
use rayon::prelude::*;

/// How windows of whole maps go through.
pub(super) struct Whole {
    plan: WholePlan,
}

/// What a map goes through by.
struct Worker<'a> {
    laplacian: &'a Laplacian,
    filter: BlockFilter,
    halo: HaloPlan,
}

/// What a thread has for one map after the other.
struct Desk<T> {
    scratch: Scratch,
    map: Vec<T>,
    with_halo: Vec<T>,
    parcels: Parcels<T>,
    comm: Comm,
}

/// The map alone, as one block.
fn one_block(laplacian: &Laplacian) -> Result<(Decomposition, [usize; 3])> {
    let [rows, columns] = laplacian.shape();
    let dims = [Dim::new("y", rows, Role::Y), Dim::new("x", columns, Role::X)];
    let decomposition = Decomposition::even(&dims, &IndexBox::whole(&[rows, columns]), &[1, 1], 1)?;
    let widths = BlockFilter::widths(&laplacian.metrics, &laplacian.polynomial, &decomposition);
    Ok((decomposition, widths))
}

impl Whole {
    /// # Collective
    /// Every rank calls this.
    pub(super) fn plan(
        job: &FoldJob<'_>,
        source: &Source,
        laplacian: &Laplacian,
        dtype: DType,
    ) -> Result<Self> {
        let (_, widths) = one_block(laplacian)?;
        let [rows, columns] = laplacian.shape();
        let stored = (laplacian.stored[0] * laplacian.stored[1]) as u64;
        let shape = [rows + 2 * widths[1], columns + 2 * widths[2]];
        let with_halo = shape[0] * shape[1];
        let desk = BlockFilter::scratch_bytes(&laplacian.polynomial, columns + 2 * widths[2])
            + read_bytes(source) * (with_halo as u64 + stored);
        let threads = halocline_core::threads::for_plans();
        // The metrics, and the places of cells, are held beside what the block makes of them.
        let fixed = desk * threads as u64
            + 2 * BlockFilter::bytes(&laplacian.metrics, &laplacian.polynomial, shape)
            + 8 * stored;
        let needs = WholeNeeds { made: dtype.size() as u64 * stored, fixed };
        let room = job.budget.for_buffers(job.comm).saturating_sub(writing_bytes(job));
        let plan = WholePlan::new(&[source as &dyn StreamSource], (job.comm.size(), threads), room, needs)
            .map_err(|e| folding::of_budget(e, job.budget, 0))?;
        Ok(Self { plan })
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
        let (decomposition, widths) = one_block(laplacian)?;
        let halo = HaloPlan::new(&Comm::serial(), &decomposition, widths, &[laplacian.metrics.edges()])?;
        let filter = BlockFilter::new(&laplacian.metrics, &laplacian.polynomial, halo.extent(), high_pass);
        let worker = Worker { laplacian, filter, halo };
        let cells = laplacian.stored[0] * laplacian.stored[1];
        let name = source.variable().name.as_str();
        // Memory of windows that are in the file: new memory is cleared by the system page by page.
        let used = Shelf::default();
        let work = |window: &IndexBox, values: &[Numbers<'_>]| -> Result<Values> {
            let mut out = match used.take() {
                Some(again) => room_again(again, dtype, window.len()),
                None => room(dtype, window.len()),
            };
            let levels = (window.len() / cells / window.range(0).len().max(1)).max(1);
            let blame = |e, map: usize| on_date(e, source, window.range(0).start + map / levels);
            match (values[0], &mut out) {
                (Numbers::F32(v), Values::F32(out)) => worker.all(v, out, cells, blame),
                (Numbers::F32(v), Values::F64(out)) => worker.all(v, out, cells, blame),
                (Numbers::F64(v), Values::F32(out)) => worker.all(v, out, cells, blame),
                (Numbers::F64(v), Values::F64(out)) => worker.all(v, out, cells, blame),
                _ => Err(halocline_core::Error::internal("a filter writes floats only")),
            }?;
            Ok(out)
        };
        let engine = Engine::with_progress(job.comm, job.progress);
        engine.whole_maps(&[source as &dyn StreamSource], &self.plan, &work, &mut |window, values| {
            let _timer = job.progress.phases.start(Phase::Write);
            file.hand_over(name, window, values)?.into_iter().for_each(|back| used.give(back));
            Ok(())
        })
    }
}

impl Worker<'_> {
    /// Filters maps of so many cells, each in a thread.
    fn all<T: Number, O: Number>(
        &self,
        maps: &[T],
        out: &mut [O],
        cells: usize,
        blame: impl Fn(halocline_core::Error, usize) -> halocline_core::Error + Sync,
    ) -> Result<()> {
        let pairs = maps.par_chunks(cells).zip(out.par_chunks_mut(cells)).enumerate();
        let done = pairs.map_init(
            || (Desk::<T>::default(), Vec::<O>::new()),
            |(desk, counted), (number, (map, out))| {
                let Some([picked, homes]) = &self.laplacian.places else {
                    return self.one(desk, map, O::numbers_mut(out)).map_err(|e| blame(e, number));
                };
                // The cells that are counted, and back to all.
                let mut own = std::mem::take(&mut desk.map);
                own.clear();
                own.extend(picked.iter().map(|at| map[*at as usize]));
                counted.clear();
                counted.resize(own.len(), O::default());
                let done = self.one(desk, &own, O::numbers_mut(counted)).map_err(|e| blame(e, number));
                desk.map = own;
                out.iter_mut().zip(homes).for_each(|(out, at)| *out = counted[*at as usize]);
                done
            },
        );
        // The error of the first map, whichever thread came first.
        done.collect::<Vec<Result<()>>>().into_iter().collect()
    }

    fn one<T: Number>(&self, desk: &mut Desk<T>, map: &[T], out: NumbersMut<'_>) -> Result<()> {
        let extent = self.halo.extent();
        if extent.widths() == [0; 3] {
            return self.filter.apply(&mut desk.scratch, T::numbers(map), out);
        }
        desk.with_halo.resize(extent.cells(), T::default());
        extent.spread(map, &mut desk.with_halo);
        self.halo.fill(&desk.comm, &mut desk.parcels, &mut [desk.with_halo.as_mut_slice()]);
        self.filter.apply(&mut desk.scratch, T::numbers(&desk.with_halo), out)
    }
}

impl<T> Default for Desk<T> {
    fn default() -> Self {
        Self {
            scratch: Scratch::default(),
            map: Vec::new(),
            with_halo: Vec::new(),
            parcels: Parcels::default(),
            comm: Comm::serial(),
        }
    }
}
