//! One batch after the other: read, exchanged where chunks are shared, worked on, handed on.

use super::held::{Held, Spare};
use super::plan::SeriesPlan;
use super::rows::in_rows;
use super::saved::SavedResults;
use super::space::Space;
use super::{Series, SeriesResults, SeriesWork};
use crate::comm::{Comm, Stage};
use crate::decomposition::Decomposition;
use crate::engine::piece::Numbers;
use crate::engine::stream::{
    block, fetch, shares, sized, tiles_in, time_ranges, NumbersMut, Sharing, StreamSource,
};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::field::{Element, Field};
use crate::index::IndexBox;
use crate::memory;
use crate::progress::{Phase, Progress};
use crate::tiling::Tile;
use rayon::prelude::*;
use std::sync::Arc;

/// Numbers in the type that a source keeps them in.
pub(super) trait Kept: Element + Default {
    fn seen(values: &[Self]) -> Numbers<'_>;
    fn filled(values: &mut [Self]) -> NumbersMut<'_>;
}
impl Kept for f32 {
    fn seen(values: &[Self]) -> Numbers<'_> {
        Numbers::F32(values)
    }
    fn filled(values: &mut [Self]) -> NumbersMut<'_> {
        NumbersMut::F32(values)
    }
}
impl Kept for f64 {
    fn seen(values: &[Self]) -> Numbers<'_> {
        Numbers::F64(values)
    }
    fn filled(values: &mut [Self]) -> NumbersMut<'_> {
        NumbersMut::F64(values)
    }
}

impl Engine {
    /// Runs `work` over all series of `source` as planned, and hands the results of each batch to
    /// `sink`, which is called equally often on every rank (a rank may have no cells of a batch)
    /// and may communicate: results that are larger than memory are written there.
    ///
    /// # Collective
    /// Every rank calls this with the same plan and work.
    ///
    /// # Errors
    /// What reading, the work or the sink reports, agreed by all ranks.
    pub fn series<W: SeriesWork>(
        &self,
        source: &dyn StreamSource,
        plan: &SeriesPlan,
        work: &W,
        sink: &mut dyn FnMut(SeriesResults) -> Result<()>,
    ) -> Result<()> {
        self.series_together(&[source], plan, work, sink)
    }

    /// [`Self::series`] of several sources of one shape in lockstep: work has the same cells of all
    /// of them ([`Series::with`]). The plan is that of [`SeriesPlan::together`].
    ///
    /// # Collective
    /// Every rank calls this with the same plan and work.
    ///
    /// # Errors
    /// As [`Self::series`].
    pub fn series_together<W: SeriesWork>(
        &self,
        sources: &[&dyn StreamSource],
        plan: &SeriesPlan,
        work: &W,
        sink: &mut dyn FnMut(SeriesResults) -> Result<()>,
    ) -> Result<()> {
        if sources.len() != plan.sources() {
            let (planned, there) = (plan.sources(), sources.len());
            return Err(Error::internal(format!("a plan for {planned} sources runs on {there}")));
        }
        if plan.ranks() != self.comm.size() {
            let (planned, there) = (plan.ranks(), self.comm.size());
            return Err(Error::internal(format!("a plan for {planned} ranks runs on {there}")));
        }
        let _stage = self.comm.stage(Stage::Pass);
        let batches = Batches { comm: &self.comm, sources, plan, progress: &self.progress };
        let pass = self.next_pass(sources)?;
        let saved =
            pass.as_ref().map(|pass| SavedResults::begin(&self.comm, plan, pass, work)).transpose()?;
        if sources.iter().all(|source| source.is_single()) {
            batches.work::<f32, W>(work, saved, sink)
        } else {
            batches.work::<f64, W>(work, saved, sink)
        }
    }
}

/// Whole series, batch by batch.
pub(super) struct Batches<'a> {
    pub(super) comm: &'a Comm,
    pub(super) sources: &'a [&'a dyn StreamSource],
    pub(super) plan: &'a SeriesPlan,
    pub(super) progress: &'a Progress,
}

/// What becomes of the tiles of a rank's part of a batch.
pub(super) type Absorbing<'a, T, R> = dyn FnMut(&[Tile], &Held<'_, T>) -> Result<R> + Send + 'a;

impl Batches<'_> {
    fn work<T: Kept, W: SeriesWork>(
        &self,
        work: &W,
        mut saved: Option<SavedResults<'_>>,
        sink: &mut dyn FnMut(SeriesResults) -> Result<()>,
    ) -> Result<()> {
        let (plan, progress) = (self.plan, self.progress);
        let space = &plan.space;
        let reduced = space.reduced();
        let known = saved.as_ref().map_or_else(Vec::new, |saved| saved.known().to_vec());
        let has_all = |batch| saved.as_ref().is_some_and(|saved| saved.has_all(batch));
        let done: Vec<bool> = plan.batches.iter().map(has_all).collect();
        let last = done.len().saturating_sub(1);
        let rows = work.rows();
        self.each::<T, _>(
            &done,
            &mut |tiles, held| compute((work, space), (progress, &known), tiles, held),
            &mut |k, cells, values| {
                let batch = &plan.batches[k];
                let empty =
                    || rows.iter().map(|&n| memory::filled(n * space.width(&cells), f64::NAN)).collect();
                let is_new = values.is_some();
                let mut values = values.unwrap_or_else(empty);
                if let Some(saved) = &mut saved {
                    saved.recall(batch, &cells, &mut values)?;
                    if is_new {
                        saved.add(batch, &cells, &values)?;
                    }
                }
                sink(SeriesResults { cells, reduced: reduced.to_vec(), values })?;
                match &mut saved {
                    Some(saved) if k == last => saved.finish(work),
                    Some(saved) if is_new => saved.turn(work),
                    // A run that goes on comes further than the one before.
                    Some(saved) => {
                        saved.pass_over();
                        Ok(())
                    }
                    None => Ok(()),
                }
            },
        )
    }

    /// Reads batch after batch; `absorb` gets what is this rank's of it, and `sink` the number of the
    /// batch and what came of that, the next batch being read meanwhile. Both are called equally often
    /// on every rank; `sink` may communicate. Batches that are `done` are not read: `sink` gets nothing
    /// of them.
    pub(super) fn each<T: Kept, R: Send>(
        &self,
        done: &[bool],
        absorb: &mut Absorbing<'_, T, R>,
        sink: &mut dyn FnMut(usize, IndexBox, Option<R>) -> Result<()>,
    ) -> Result<()> {
        let (comm, plan) = (self.comm, self.plan);
        let tiles = |own: &IndexBox| tiles_of(plan, own);
        let rank = comm.rank();
        let deals: Vec<Decomposition> = plan.batches.iter().map(|b| plan.deal(b)).collect::<Result<_>>()?;
        let mine = deals.iter().map(|deal| tiles(&deal.block(rank)).len());
        self.progress.tiles_total.add(mine.sum::<usize>() as u64);
        let mut ahead: Option<Vec<Vec<T>>> = None;
        let spare: Spare<T> = Spare::default();
        for (k, deal) in deals.iter().enumerate() {
            let own = deal.block(rank);
            if done[k] {
                self.progress.tiles_done.add(tiles(&own).len() as u64);
                comm.agree(sink(k, own, None))?;
                continue;
            }
            let kept = plan.kept.as_ref();
            let values = match ahead.take().or_else(|| kept.and_then(|kept| kept.take(rank))) {
                _ if plan.apart.is_some() => None,
                Some(values) => Some(values),
                None => Some(self.collect(&plan.batches[k], deal, spare.take().unwrap_or_default())?),
            };
            let following = (k + 1..deals.len()).find(|&k| !done[k]).map(|k| deals[k].block(rank));
            let next = following.as_ref().filter(|_| plan.read_ahead);
            let buffer = next.as_ref().map(|_| spare.take().unwrap_or_default());
            let own_tiles = tiles(&own);
            let held = Held {
                own: &own,
                sources: self.sources,
                progress: self.progress,
                values: values.as_deref(),
                spare: &spare,
                most: plan.apart.unwrap_or(0),
            };
            let (read, worked) = rayon::join(
                || {
                    if plan.apart.is_some() {
                        // Whoever reads a few cells of each step leaves it to the system to read more.
                        let all =
                            following.iter().flat_map(|soon| self.sources.iter().map(move |s| (s, soon)));
                        all.for_each(|(source, soon)| source.prefetch(soon));
                    }
                    let (next, buffer) = next.zip(buffer)?;
                    Some(read(self.sources, self.progress, next, buffer))
                },
                || absorb(&own_tiles, &held),
            );
            if let Some(values) = values {
                match kept {
                    Some(kept) => kept.give(rank, values),
                    None => spare.give(values),
                }
            }
            let (read, results) = comm.agree(worked.and_then(|w| Ok((read.transpose()?, w))))?;
            ahead = read;
            comm.agree(sink(k, own, Some(results)))?;
        }
        Ok(())
    }

    /// This rank's series of a batch, of each source.
    fn collect<T: Kept>(
        &self,
        batch: &IndexBox,
        deal: &Decomposition,
        buffers: Vec<Vec<T>>,
    ) -> Result<Vec<Vec<T>>> {
        if self.plan.sharing == Sharing::Own {
            let own = deal.block(self.comm.rank());
            // In the pool, which this thread is not part of.
            let values = rayon::join(|| read(self.sources, self.progress, &own, buffers), || ()).0;
            return self.comm.agree(values);
        }
        let mut buffers = buffers.into_iter();
        let exchanged = self
            .sources
            .iter()
            .map(|source| self.exchange(*source, batch, deal, buffers.next().unwrap_or_default()));
        exchanged.collect()
    }

    /// This rank's series of one source, whose chunks the ranks share.
    fn exchange<T: Kept>(
        &self,
        source: &dyn StreamSource,
        batch: &IndexBox,
        deal: &Decomposition,
        buffer: Vec<T>,
    ) -> Result<Vec<T>> {
        let (comm, rank) = (self.comm, self.comm.rank());
        let variable = source.variable();
        let to = Arc::new(deal.clone());
        let values = sized(buffer, to.block(rank).len());
        let mut series = Field::new(variable.clone(), to, rank, values)?;
        let steps = self.plan.steps.saturating_mul(comm.size());
        let mut window = Vec::new();
        for times in time_ranges(&batch.range(0), self.plan.time_chunk, steps) {
            let from = Arc::new(shares(
                self.plan.tiling.dims(),
                &block(&times, &batch.ranges()[1..]),
                self.plan.time_chunk,
                comm.size(),
            )?);
            let share = from.block(rank);
            let values = rayon::join(|| read_one(source, self.progress, &share, window), || ()).0;
            let field = Field::new(variable.clone(), from, rank, comm.agree(values)?)?;
            let _timer = self.progress.phases.start(Phase::Communicate);
            field.redistribute_into(comm, &mut series)?;
            window = field.into_data();
        }
        Ok(series.into_data())
    }
}

/// The tiles of a rank's part of a batch.
pub(super) fn tiles_of(plan: &SeriesPlan, own: &IndexBox) -> Vec<Tile> {
    tiles_in(&plan.tiling, &own.range(0), &own.ranges()[1..])
}

/// The same block of all sources.
pub(super) fn read<T: Kept>(
    sources: &[&dyn StreamSource],
    progress: &Progress,
    block: &IndexBox,
    buffers: Vec<Vec<T>>,
) -> Result<Vec<Vec<T>>> {
    let mut buffers = buffers.into_iter();
    sources
        .iter()
        .map(|source| read_one(*source, progress, block, buffers.next().unwrap_or_default()))
        .collect()
}

fn read_one<T: Kept>(
    source: &dyn StreamSource,
    progress: &Progress,
    block: &IndexBox,
    buffer: Vec<T>,
) -> Result<Vec<T>> {
    let _timer = progress.phases.start(Phase::Read);
    let mut values = sized(buffer, block.len());
    fetch(source, progress, block, T::filled(&mut values))?;
    Ok(values)
}

/// A tile, and where its results go.
struct Job<'a> {
    tile: &'a Tile,
    results: Vec<Vec<&'a mut [f64]>>,
}

impl Job<'_> {
    /// Missing, unless something comes of it.
    fn clear(&mut self) {
        self.results.iter_mut().flatten().for_each(|row| row.fill(f64::NAN));
    }
}

/// The results of the cells of a part of a batch; tiles in threads. Those of tiles that are `known`
/// (all, if it is empty, are not) stay missing.
fn compute<T: Kept, W: SeriesWork>(
    (work, space): (&W, &Space),
    (progress, known): (&Progress, &[bool]),
    tiles: &[Tile],
    held: &Held<'_, T>,
) -> Result<Vec<Vec<f64>>> {
    let width = space.width(held.own);
    if tiles.iter().map(|t| space.cells(&t.block)).sum::<usize>() != width {
        return Err(Error::internal(format!("tiles don't cover the cells of {:?}", held.own)));
    }
    let mut results: Vec<Vec<f64>> = work.rows().iter().map(|&rows| memory::zeroed(rows * width)).collect();
    let mut jobs: Vec<Job<'_>> = in_rows(space, held.own, tiles)
        .into_iter()
        .map(|(tile, _)| Job { tile, results: results.iter().map(|_| Vec::new()).collect() })
        .collect();
    for (r, result) in results.iter_mut().enumerate() {
        for mut row in result.chunks_mut(width.max(1)) {
            for job in &mut jobs {
                let (mine, rest) = row.split_at_mut(space.cells(&job.tile.block));
                job.results[r].push(mine);
                row = rest;
            }
        }
    }
    let is_known = |tile: &Tile| known.get(tile.id).copied().unwrap_or(false);
    let (mut done, jobs): (Vec<Job<'_>>, Vec<Job<'_>>) = jobs.into_iter().partition(|job| is_known(job.tile));
    done.iter_mut().for_each(Job::clear);
    progress.tiles_done.add(done.len() as u64);
    // Enough of them for all threads to end at about the same time.
    let several = jobs.len() / (4 * rayon::current_num_threads());
    let tiles: Vec<&Tile> = jobs.iter().map(|job| job.tile).collect();
    let mut jobs = jobs.into_iter();
    let gangs = held.gangs(&tiles, several);
    let gangs: Vec<Vec<Job<'_>>> =
        gangs.iter().map(|gang| jobs.by_ref().take(gang.len()).collect()).collect();
    let one = |mut gang: Vec<Job<'_>>| {
        let tiles: Vec<&Tile> = gang.iter().map(|job| job.tile).collect();
        let read = held.read(&tiles, true)?;
        let (block, values) = held.seen(&read);
        let _timer = progress.phases.start(Phase::Compute);
        let together: Vec<Numbers<'_>> = values.iter().map(|values| T::seen(values)).collect();
        for job in &mut gang {
            job.clear();
            let series = Series::new_together(job.tile, block, space.reduced(), &together);
            work.work(&series, &mut job.results)?;
            progress.tiles_done.add(1);
        }
        held.give(read);
        Ok(())
    };
    // The error of the first tile, whichever thread is faster.
    let done: Vec<Result<()>> = gangs.into_par_iter().with_max_len(1).map(one).collect();
    done.into_iter().collect::<Result<()>>()?;
    Ok(results)
}
