//! Maps that are divided over ranks: blocks get what lies around them from their neighbours, and all
//! that needs no neighbour is worked on meanwhile.

use super::checks::{leading, level_of};
use super::maps::Maps;
use super::share::{Cuts, Piece, Share};
use super::what::What;
use super::works::Works;
use crate::calc::room;
use crate::divided::{reading_bytes, windows, Reader};
use crate::folding::FoldJob;
use halocline_algorithms::calculus::{RowIntegral, Staggered};
use halocline_core::decomposition::Decomposition;
use halocline_core::engine::{Numbers, StreamSource};
use halocline_core::halo::Parcels;
use halocline_core::index::IndexBox;
use halocline_core::meta::{DType, Dim, Values};
use halocline_core::progress::Phase;
use halocline_core::Result;
use halocline_io::source::Source;
use rayon::prelude::*;
use std::ops::Range;

/// Which windows there are, and how maps are divided.
pub(super) struct Divided {
    windows: Vec<IndexBox>,
    parts: Vec<usize>,
    cuts: Cuts,
    leading: Vec<Dim>,
    dtype: DType,
    estimate: u64,
}

/// What takes the results of a window: rows and columns of each, and values.
pub(super) type Sink<'s> = dyn FnMut(&IndexBox, Vec<(IndexBox, Values)>) -> Result<()> + 's;

/// What pieces make: map by map and piece by piece, of each result.
type Made = Vec<Vec<Vec<f64>>>;

/// Reads a source as double precision.
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
    fn load(
        &mut self,
        job: &FoldJob<'_>,
        (source, window): (&Source, &IndexBox),
        owners: &Decomposition,
        out: &mut Vec<f64>,
    ) -> Result<()> {
        out.clear();
        match self {
            Self::Single(reader) => {
                out.extend(reader.load(job, source, window, owners)?.iter().map(|v| f64::from(*v)));
            }
            Self::Double(reader) => out.extend_from_slice(reader.load(job, source, window, owners)?),
        }
        Ok(())
    }
}

/// A window of the first source as one of another, whose maps may have another shape.
fn of_source(window: &IndexBox, source: &Source) -> IndexBox {
    let shape = source.variable().shape();
    let plane = shape.len() - 2;
    let ground = shape[plane..].iter().map(|n| 0..*n);
    IndexBox::new(window.ranges()[..plane].iter().cloned().chain(ground).collect())
}

impl Divided {
    /// # Collective
    /// Every rank calls this.
    pub(super) fn plan(
        job: &FoldJob<'_>,
        maps: &Maps<'_>,
        mut parts: Vec<usize>,
        dtype: DType,
    ) -> Result<Self> {
        let leading = leading(&maps.sources[0]);
        let plane = leading.len();
        if maps.recipe.what == What::Area {
            // Rows are summed whole, as they are where maps are not divided.
            parts = [vec![1; plane], vec![parts.iter().product(), 1]].concat();
        }
        let cells = match maps.recipe.what {
            What::Area => maps.found.mesh.shape(maps.recipe.at),
            _ => maps.found.mesh.cells,
        };
        let cuts = Cuts::new(cells, [parts[plane], parts[plane + 1]])?;
        let mut divided = Self { windows: Vec::new(), parts, cuts, leading, dtype, estimate: 0 };
        let needed = |window: &IndexBox| divided.bytes(maps, window, job.comm.size());
        let windows = windows(job, &maps.sources[0], needed)?;
        divided.estimate = match windows.iter().max_by_key(|w| w.len()) {
            Some(largest) => needed(largest)?,
            None => 0,
        };
        divided.windows = windows;
        Ok(divided)
    }

    /// Bytes of memory that a rank needs.
    pub(super) fn estimate(&self) -> u64 {
        self.estimate
    }

    /// Who owns what of a window: of each source, and of each result.
    fn owners(
        &self,
        maps: &Maps<'_>,
        window: &IndexBox,
        ranks: usize,
    ) -> Result<(Vec<Decomposition>, Vec<Decomposition>)> {
        let parts = &self.parts[..self.leading.len()];
        let of =
            |point| self.cuts.owners(window, (&self.leading, parts), maps.found.mesh.shape(point), ranks);
        let all = |points: Vec<_>| points.into_iter().map(of).collect::<Result<Vec<_>>>();
        Ok((all(maps.recipe.inputs())?, all(maps.recipe.outputs())?))
    }

    /// Bytes on the rank that needs most, of a window.
    fn bytes(&self, maps: &Maps<'_>, window: &IndexBox, ranks: usize) -> Result<u64> {
        let (sources, results) = self.owners(maps, window, ranks)?;
        let threads = halocline_core::threads::for_plans() as u64;
        let mut most = 0;
        for rank in 0..ranks {
            let mut all = 0;
            let mut around = 0;
            for (source, owners) in maps.sources.iter().zip(&sources) {
                let own = owners.block(rank);
                all += reading_bytes(source, &of_source(window, source), (owners, rank))?;
                let n = own.ndim();
                let wide = (own.range(n - 2).len() + 8) * (own.range(n - 1).len() + 8);
                let count: usize = own.ranges()[..n - 2].iter().map(Range::len).product();
                // The block in double precision; with what is around it, of which some travels.
                all += 8 * (own.len() + 2 * wide * count) as u64;
                around = around.max(wide as u64);
            }
            // Results in double precision, of pieces and as they are written.
            all += results.iter().map(|of| of.block(rank).len() as u64).sum::<u64>() * 24;
            let (own, each) = Staggered::bytes(around as usize);
            // Operators of pieces, and the windows of the mesh that they are made from.
            all += results.len().max(1) as u64 * own + around * (20 * 8 + 4 * maps.wet.depth() as u64);
            all += threads * (each + 40 * around);
            most = most.max(all);
        }
        Ok(most + maps.found.mesh.bytes() + maps.wet.bytes())
    }

    /// Works on all maps.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn run(&self, job: &FoldJob<'_>, maps: &Maps<'_>, sink: &mut Sink<'_>) -> Result<()> {
        let comm = job.comm;
        job.progress.tiles_total.add(self.windows.len() as u64);
        let mut loaders: Vec<Loader> = maps.sources.iter().map(Loader::new).collect();
        let mut own = vec![Vec::new(); loaders.len()];
        let mut around = vec![Vec::new(); loaders.len()];
        let mut parcels = Parcels::default();
        let mut kept: Option<(Vec<usize>, Share)> = None;
        let area = (maps.recipe.what == What::Area).then(|| Works::new(&maps.found.mesh, &maps.recipe));
        for window in &self.windows {
            let owners = self.owners(maps, window, comm.size())?;
            for (((source, loader), owners), own) in
                maps.sources.iter().zip(&mut loaders).zip(&owners.0).zip(&mut own)
            {
                loader.load(job, (source, &of_source(window, source)), owners, own)?;
            }
            let block = owners.0[0].block(comm.rank());
            if let Some(works) = &area {
                let (place, values) = self.total(job, maps, works, (window, &block), &own[0]);
                sink(&place, vec![values])?;
                job.progress.tiles_done.add(1);
                continue;
            }
            // Shares differ where a window has other times and levels than the one before.
            let shape = window.shape();
            let share = match kept.take() {
                Some((of, mut share)) if of == shape => {
                    share.results = owners.1;
                    share
                }
                _ => Share::new(comm, maps, &self.cuts, owners)?,
            };
            let count = block.ranges()[..self.leading.len()].iter().map(Range::len).product();
            let mut made = Vec::new();
            let fields: Vec<&[f64]> = own.iter().map(Vec::as_slice).collect();
            share.gather.fill_during((comm, &mut parcels), count, &fields, &mut around, |around| {
                let _timer = job.progress.phases.start(Phase::Compute);
                made = Self::pieces(maps, &share, (&share.inner, around), (&block, count));
            });
            let outer = {
                let _timer = job.progress.phases.start(Phase::Compute);
                Self::pieces(maps, &share, (&share.outer, &around), (&block, count))
            };
            let done = [(&share.inner, made), (&share.outer, outer)];
            let results = share.results.iter().enumerate();
            let values = results.map(|(k, owners)| self.placed(owners, (comm.rank(), k), count, &done));
            sink(&block, values.collect())?;
            job.progress.tiles_done.add(1);
            kept = Some((shape, share));
        }
        Ok(())
    }

    /// What pieces make of so many maps: map by map, piece by piece, result by result.
    fn pieces(
        maps: &Maps<'_>,
        share: &Share,
        (pieces, around): (&[Piece], &[Vec<f64>]),
        (block, count): (&IndexBox, usize),
    ) -> Made {
        let cells = share.cells();
        let all: Vec<(usize, &Piece)> =
            (0..count).flat_map(|map| pieces.iter().map(move |piece| (map, piece))).collect();
        let one = |blocks: &mut Vec<_>, &(map, piece): &(usize, &Piece)| {
            let windows: Vec<&[f64]> = around.iter().map(|v| &v[map * cells..(map + 1) * cells]).collect();
            let level = level_of(&maps.sources[0], block, map);
            share.work(maps, piece, &windows, level, blocks)
        };
        // In the pool, which this thread is not part of.
        rayon::join(|| all.par_iter().map_init(Vec::new, one).collect(), || ()).0
    }

    /// The block of a result from what pieces made.
    fn placed(
        &self,
        owners: &Decomposition,
        (rank, result): (usize, usize),
        count: usize,
        done: &[(&Vec<Piece>, Made)],
    ) -> (IndexBox, Values) {
        let block = owners.block(rank);
        let plane = self.leading.len();
        let (rows, columns) = (block.range(plane), block.range(plane + 1));
        let mut values = vec![f64::NAN; block.len()];
        for (pieces, made) in done {
            let all = (0..count).flat_map(|map| pieces.iter().map(move |piece| (map, piece)));
            for ((map, piece), made) in all.zip(made) {
                let [y, x] = &piece.made[result];
                for (row, line) in y.clone().zip(made[result].chunks(x.len().max(1))) {
                    let at = (map * rows.len() + row - rows.start) * columns.len() + x.start - columns.start;
                    values[at..at + x.len()].copy_from_slice(line);
                }
            }
        }
        let mut out = room(self.dtype, values.len());
        match &mut out {
            Values::F32(out) => out.iter_mut().zip(&values).for_each(|(o, v)| *o = *v as f32),
            Values::F64(out) => out.copy_from_slice(&values),
            _ => {}
        }
        let ground = if block.is_empty() { vec![0..0, 0..0] } else { vec![rows, columns] };
        (IndexBox::new(ground), out)
    }

    /// Integrals over whole maps from those of rows, on one rank in their order.
    ///
    /// # Collective
    /// Every rank calls this.
    fn total(
        &self,
        job: &FoldJob<'_>,
        maps: &Maps<'_>,
        works: &Works,
        (window, block): (&IndexBox, &IndexBox),
        own: &[f64],
    ) -> (IndexBox, (IndexBox, Values)) {
        let (recipe, plane) = (&maps.recipe, self.leading.len());
        let rows = block.range(plane);
        let cells = rows.len() * block.range(plane + 1).len();
        let count: usize = window.ranges()[..plane].iter().map(Range::len).product();
        let one = |map: usize| -> Vec<RowIntegral> {
            let wet = maps.wet.at(recipe.at, level_of(&maps.sources[0], window, map));
            works.rows(Numbers::F64(&own[map * cells..(map + 1) * cells]), rows.clone(), wet)
        };
        let made: Vec<Vec<RowIntegral>> =
            rayon::join(|| (0..count).into_par_iter().map(one).collect(), || ()).0;
        let words = |row: &RowIntegral| [row.sum, row.covered, f64::from(u8::from(row.is_known))];
        let sent: Vec<f64> = made.iter().flatten().flat_map(words).collect();
        let nothing = || IndexBox::new(vec![0..0; window.ndim()]);
        let Some(gathered) = job.comm.gather_v(&sent, 0) else {
            return (nothing(), (IndexBox::new(Vec::new()), room(self.dtype, 0)));
        };
        let mut values = Vec::with_capacity(count);
        for map in 0..count {
            let of_map = gathered.iter().flat_map(|all| {
                let each = all.len() / count.max(1);
                all[map * each..(map + 1) * each].chunks_exact(3)
            });
            values.push(recipe.total(of_map.map(|w| RowIntegral {
                sum: w[0],
                covered: w[1],
                is_known: w[2] > 0.5,
            })));
        }
        let values = match self.dtype {
            DType::F32 => Values::F32(values.into_iter().map(|v| v as f32).collect()),
            _ => Values::F64(values),
        };
        (window.clone(), (IndexBox::new(Vec::new()), values))
    }
}
