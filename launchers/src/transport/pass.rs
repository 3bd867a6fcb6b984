//! The pass that transports across lines share: maps are summed where they are read, levels put
//! together on one rank, which finishes time after time.

use super::collect::Waiting;
use super::density::Classes;
use super::ocean::{tracers_of, Ocean};
use crate::common::bytes_text;
use crate::folding::{self, plural, FoldJob};
use halocline_algorithms::transport::{of_line, width, Crossing, FaceMeans, Faces};
use halocline_core::comm::Formula;
use halocline_core::engine::{Engine, Numbers, StreamSource, WholeNeeds, WholePlan};
use halocline_core::index::IndexBox;
use halocline_core::meta::Role;
use halocline_core::{Error, Result};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;

/// What is summed along which lines.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a> {
    pub(super) ocean: &'a Ocean,
    pub(super) faces: &'a Faces,
    /// Faces that belong to each basin.
    pub(super) selections: &'a [Vec<bool>],
    /// By classes of density; else fluxes, and the sums of tracers.
    pub(super) classes: Option<&'a Classes>,
    /// How many sums a class has: 1, or 3 with heat and salt.
    pub(super) of_class: usize,
    /// Whether sums over time at every face are wanted.
    pub(super) means: bool,
}

/// Times that are whole, each with `[levels][lines][basins][width]`.
pub(super) type Whole = Vec<(usize, Vec<f64>)>;

impl Pass<'_> {
    pub(super) fn basins(&self) -> usize {
        1 + self.selections.len()
    }
    /// Where among the sums of a line and basin the number of open faces is.
    pub(super) fn open_at(&self) -> usize {
        if self.classes.is_some() {
            self.width() - 1
        } else {
            1
        }
    }
    /// Sums of a line and basin: by classes of density those of each, then the number of open faces.
    pub(super) fn width(&self) -> usize {
        self.classes.map_or(width(self.ocean.tracers.len()), |classes| classes.len() * self.of_class + 1)
    }
    /// Sums of a map.
    pub(super) fn each(&self) -> usize {
        self.faces.len() * self.basins() * self.width()
    }

    /// Plans within memory, and says so.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn plan(&self, job: &FoldJob<'_>, writing: u64) -> Result<WholePlan> {
        let ocean = self.ocean;
        let (ranks, threads) = (job.comm.size(), halocline_core::threads::for_plans());
        let levels = ocean.levels();
        let room = job.budget.for_buffers(job.comm).saturating_sub(writing);
        let plan = self
            .windows((ranks, threads), room)
            .map_err(|e| folding::of_budget(e, job.budget, self.held(ranks)))?;
        let bytes = halocline_core::budget::resident().unwrap_or(0) + plan.estimate() + writing;
        job.verbosity.say(job.comm, || {
            format!(
                "{} x {} of {}; {} x {}: about {} of memory a rank of {} ({})",
                plural(ocean.times(), "time"),
                plural(levels, "level"),
                plural(self.faces.len(), "line"),
                plural(ranks, "rank"),
                plural(threads, "thread"),
                bytes_text(bytes),
                bytes_text(job.budget.bytes),
                job.budget.origin
            )
        });
        ocean.tell(job);
        Ok(plan)
    }

    /// Bytes that a rank holds while it reads.
    fn held(&self, ranks: usize) -> u64 {
        let (ocean, levels) = (self.ocean, self.ocean.levels());
        let means = if self.means {
            FaceMeans::bytes(self.faces, ocean.tracers.len()) * levels.div_ceil(ranks) as u64
        } else {
            0
        };
        ocean.bytes()
            + self.faces.bytes()
            + self.selections.iter().map(|s| s.len() as u64).sum::<u64>()
            + 6 * 8 * (levels * self.each()) as u64
            + means
    }

    /// The windows of so many ranks and threads of each, within so much memory.
    fn windows(&self, (ranks, threads): (usize, usize), room: u64) -> Result<WholePlan> {
        let streams = self.ocean.streams();
        let sources: Vec<&dyn StreamSource> = streams.iter().map(|s| s as _).collect();
        // The sums of a window, what rank 0 gets of them, and what waits there.
        let needs = WholeNeeds { made: 3 * 8 * self.each() as u64, fixed: self.held(ranks) };
        WholePlan::by_level(&sources, (ranks, threads), room, needs)
    }

    /// Adds what so many ranks send while everything is read; `take` is given how many times are whole
    /// after each round, and adds what it sends itself.
    pub(super) fn foresee(
        &self,
        (ranks, threads): (usize, usize),
        room: u64,
        formula: &mut Formula,
        take: &mut dyn FnMut(Range<usize>),
    ) -> Result<()> {
        let (plan, levels) = (self.windows((ranks, threads), room)?, self.ocean.levels());
        let level = self.ocean.sources[0].variable().position(Role::Level);
        let cells = self.ocean.cells().max(1);
        // Levels that are there of each time; times before the first are whole.
        let mut there: BTreeMap<usize, usize> = BTreeMap::new();
        let mut done = 0;
        plan.foresee(formula, &mut |formula, windows| {
            let maps: Vec<usize> = windows.iter().map(|w| w.map_or(0, |w| w.len() / cells)).collect();
            // Where a window is, and its sums.
            formula.gather_v(0, &vec![4 * size_of::<u64>(); ranks]);
            formula.gather_v(0, &maps.iter().map(|n| n * self.each() * size_of::<f64>()).collect::<Vec<_>>());
            for window in windows.iter().flatten() {
                let own = level.map_or(1, |d| window.range(d).len());
                window.range(0).for_each(|t| *there.entry(t).or_insert(0) += own);
            }
            let before = done;
            while there.get(&done).is_some_and(|n| *n >= levels) {
                there.remove(&done);
                done += 1;
            }
            take(before..done);
        });
        Ok(())
    }

    /// Reads everything; `take` is given times that are whole, on rank 0, in order. What was summed
    /// over time at faces comes back, of this rank's levels.
    ///
    /// # Collective
    /// Every rank calls this; `take` is called equally often on all, and may communicate.
    pub(super) fn run(
        &self,
        job: &FoldJob<'_>,
        plan: &WholePlan,
        take: &mut dyn FnMut(Whole) -> Result<()>,
    ) -> Result<(Range<usize>, Vec<FaceMeans>)> {
        let (comm, ocean) = (job.comm, self.ocean);
        let level = ocean.sources[0].variable().position(Role::Level);
        let own = level.map_or(0..1, |d| plan.levels_of(comm.rank(), d));
        let count = if self.means { own.len() } else { 0 };
        // One thread has a level at a time; all times of it come in their order.
        let means: Vec<Mutex<FaceMeans>> =
            (0..count).map(|_| Mutex::new(FaceMeans::new(self.faces, ocean.tracers.len()))).collect();
        let mut waiting = Waiting::new(ocean.levels(), self.each());
        let streams = ocean.streams();
        let sources: Vec<&dyn StreamSource> = streams.iter().map(|s| s as _).collect();
        let failed = || Error::internal("a thread has failed");
        let work = |window: &IndexBox, values: &[Numbers<'_>]| {
            if self.means && !window.is_empty() {
                self.add(window, values, level, (own.start, &means)).ok_or_else(failed)?;
            }
            Ok(self.sums(window, values, level))
        };
        let guarded: Vec<&_> = ocean.sources.iter().collect();
        folding::guarded(comm, &guarded, || {
            let engine = Engine::with_progress(comm, job.progress);
            engine.maps_apart(&sources, plan, &work, &mut |window, sums| {
                take(waiting.add(comm, (window, level), &sums))
            })
        })?;
        waiting.finish()?;
        let means = means.into_iter().map(|means| means.into_inner().map_err(|_| failed()));
        Ok((own, means.collect::<Result<_>>()?))
    }

    /// Sums of the maps of a window.
    fn sums(&self, window: &IndexBox, values: &[Numbers<'_>], level: Option<usize>) -> Vec<f64> {
        let (cells, each, lines) = (self.ocean.cells().max(1), self.each(), self.faces.len());
        let maps = window.len() / cells;
        let levels = level.map_or(0..1, |d| window.range(d));
        let mut out = halocline_core::memory::filled(maps * each, 0.0);
        let tracers: Vec<Vec<Numbers<'_>>> = (0..maps).map(|m| tracers_of(self.ocean, values, m)).collect();
        out.par_chunks_mut(each / lines).enumerate().for_each_init(
            Crossing::default,
            |crossing, (k, out)| {
                let (m, line) = (k / lines, k % lines);
                let map = self.ocean.map(values, (m, levels.start + m % levels.len()), &tracers[m]);
                let Some(classes) = self.classes else {
                    return of_line((self.faces, line), &map, self.selections, crossing, out);
                };
                self.faces.cross(line, &map, crossing);
                let range = self.faces.of_line(line);
                for (basin, out) in out.chunks_exact_mut(self.width()).enumerate() {
                    let selected = basin.checked_sub(1).map(|b| &self.selections[b][range.clone()]);
                    classes.add(crossing, selected, out);
                }
            },
        );
        out
    }

    /// Adds the maps of a window to the sums over time; nothing if a thread has failed.
    fn add(
        &self,
        window: &IndexBox,
        values: &[Numbers<'_>],
        level: Option<usize>,
        (first, means): (usize, &[Mutex<FaceMeans>]),
    ) -> Option<()> {
        let levels = level.map_or(0..1, |d| window.range(d));
        let part = &means[levels.start - first..levels.end - first];
        part.par_iter().enumerate().try_for_each(|(k, means)| {
            let mut means = means.lock().ok()?;
            for t in 0..window.range(0).len() {
                let m = t * levels.len() + k;
                let tracers = tracers_of(self.ocean, values, m);
                means.add(self.faces, &self.ocean.map(values, (m, levels.start + k), &tracers));
            }
            Some(())
        })
    }
}
