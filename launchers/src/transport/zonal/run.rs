//! The commands as a step: maps are summed where they are read, levels put together on one rank, which
//! finishes time after time.

use super::collect::Waiting;
use super::options::{Carried, What, ZonalArgs};
use super::output::{Made, Results};
use crate::common::bytes_text;
use crate::folding::{self, plural, FoldJob};
use crate::series::writing_bytes;
use crate::step::{Alone, ByItself};
use crate::transport::ocean::{tracers_of, Needs, Ocean};
use halocline_algorithms::transport::{
    latitude_lines, of_line, streamfunction, width, Crossing, FaceMeans, Faces, Parts, OF_MEANS, OF_TRACER,
};
use halocline_core::engine::{Engine, Numbers, StreamSource, WholeNeeds, WholePlan};
use halocline_core::index::IndexBox;
use halocline_core::meta::Role;
use halocline_core::{Error, Result};
use halocline_io::output::WriteReport;
use rayon::prelude::*;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A command, opened.
pub(crate) struct Zonal {
    pub(super) args: ZonalArgs,
    pub(super) what: What,
    pub(super) ocean: Ocean,
    pub(super) faces: Faces,
    /// Latitudes of the lines.
    pub(super) lat: Vec<f64>,
    /// Faces that belong to each basin.
    selections: Vec<Vec<bool>>,
}

/// What a time, or their mean, gives, for each of the basins and then lines.
pub(super) struct Finished {
    /// At interfaces from the top down, before lines: m³/s.
    pub(super) psi: Vec<f64>,
    pub(super) parts: Vec<Parts>,
}

impl Zonal {
    pub(super) fn open(job: &FoldJob<'_>, args: ZonalArgs, Carried(what): Carried) -> Result<Self> {
        let needs = Needs {
            u: args.bins.is_some(),
            temperature: matches!(what, What::Heat(_)),
            salinity: matches!(what, What::Salt | What::Freshwater(_)),
            rest_first: args.is_cdfmoc(),
        };
        let ocean = Ocean::open(job, &args.ocean, needs)?;
        let (rows, columns) = ocean.mesh.shape;
        let (faces, lat) = match args.bins {
            None => {
                let lat = ocean.v_lat.chunks_exact(columns).map(mean).collect();
                (Faces::rows(rows, columns, ocean.mesh.along_rows.clone(), ocean.mesh.stagger), lat)
            }
            Some(step) => {
                let edges = circles(&ocean.mesh.lat, step);
                (Faces::lines(rows, columns, &latitude_lines(&ocean.mesh, &edges)), edges)
            }
        };
        if lat.is_empty() || faces.count() == 0 {
            return Err(ocean.blame(Error::usage("no circle of latitude crosses the grid").remedy("choose smaller --bins")));
        }
        let selections = ocean.basins.iter().map(|(_, cells)| faces.select(cells)).collect();
        Ok(Self { args, what, ocean, faces, lat, selections })
    }

    fn tracers(&self) -> usize {
        self.ocean.tracers.len()
    }
    pub(super) fn basins(&self) -> usize {
        1 + self.selections.len()
    }
    /// Sums of a map.
    fn each(&self) -> usize {
        self.faces.len() * self.basins() * width(self.tracers())
    }
    /// Whether sums over time at every face are needed.
    fn needs_means(&self) -> bool {
        self.args.mean && self.what != What::Water
    }

    fn plan(&self, job: &FoldJob<'_>, writing: u64) -> Result<WholePlan> {
        let sources: Vec<&dyn StreamSource> = self.ocean.sources.iter().map(|s| s as _).collect();
        let (ranks, threads) = (job.comm.size(), rayon::current_num_threads());
        let levels = self.ocean.levels();
        let means = if self.needs_means() {
            FaceMeans::bytes(&self.faces, self.tracers()) * levels.div_ceil(ranks) as u64
        } else {
            0
        };
        let held = self.ocean.bytes()
            + self.faces.bytes()
            + self.selections.iter().map(|s| s.len() as u64).sum::<u64>()
            + 4 * 8 * (levels * self.each()) as u64;
        let needs = WholeNeeds { made: 3 * 8 * self.each() as u64, fixed: held + means };
        let room = job.budget.for_buffers(job.comm).saturating_sub(writing);
        let plan = WholePlan::by_level(&sources, (ranks, threads), room, needs)
            .map_err(|e| folding::of_budget(e, job.budget, held + means))?;
        let bytes = halocline_core::budget::resident().unwrap_or(0) + plan.estimate() + writing;
        job.verbosity.say(job.comm, || {
            format!(
                "{} x {} of {}; {} x {}: about {} of memory a rank of {} ({})",
                plural(self.ocean.times(), "time"),
                plural(levels, "level"),
                plural(self.faces.len(), "line"),
                plural(ranks, "rank"),
                plural(threads, "thread"),
                bytes_text(bytes),
                bytes_text(job.budget.bytes),
                job.budget.origin
            )
        });
        self.ocean.tell(job);
        Ok(plan)
    }

    /// Sums of the maps of a window.
    fn sums(&self, window: &IndexBox, values: &[Numbers<'_>], level: Option<usize>) -> Vec<f64> {
        let (maps, each, lines) = (window.len() / self.ocean.cells().max(1), self.each(), self.faces.len());
        let levels = level.map_or(0..1, |d| window.range(d));
        let mut out = halocline_core::memory::filled(maps * each, 0.0);
        let tracers: Vec<Vec<Numbers<'_>>> = (0..maps).map(|m| tracers_of(&self.ocean, values, m)).collect();
        out.par_chunks_mut(each / lines).enumerate().for_each_init(Crossing::default, |crossing, (k, out)| {
            let (m, line) = (k / lines, k % lines);
            let map = self.ocean.map(values, (m, levels.start + m % levels.len()), &tracers[m]);
            of_line((&self.faces, line), &map, &self.selections, crossing, out);
        });
        out
    }

    /// Adds the maps of a window to the sums over time.
    fn add(&self, window: &IndexBox, values: &[Numbers<'_>], level: Option<usize>, (own, means): (&Range<usize>, &mut [FaceMeans])) {
        let levels = level.map_or(0..1, |d| window.range(d));
        if window.is_empty() {
            return;
        }
        let part = &mut means[levels.start - own.start..levels.end - own.start];
        part.par_iter_mut().enumerate().for_each(|(k, means)| {
            for t in 0..window.range(0).len() {
                let m = t * levels.len() + k;
                let tracers = tracers_of(&self.ocean, values, m);
                means.add(&self.faces, &self.ocean.map(values, (m, levels.start + k), &tracers));
            }
        });
    }

    fn compute(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let (comm, writing) = (job.comm, writing_bytes(job));
        let plan = self.plan(job, writing)?;
        let level = self.ocean.sources[0].variable().position(Role::Level);
        let own = level.map_or(0..1, |d| plan.levels_of(comm.rank(), d));
        let count = if self.needs_means() { own.len() } else { 0 };
        let means: Vec<FaceMeans> = (0..count).map(|_| FaceMeans::new(&self.faces, self.tracers())).collect();
        let means = Mutex::new(means);
        let mut waiting = Waiting::new(self.ocean.levels(), self.each());
        let mut results = Results::create(self, job, writing)?;
        let sources: Vec<&dyn StreamSource> = self.ocean.sources.iter().map(|s| s as _).collect();
        let work = |window: &IndexBox, values: &[Numbers<'_>]| {
            if self.needs_means() {
                let mut means = means.lock().map_err(|_| Error::internal("a thread has failed"))?;
                self.add(window, values, level, (&own, means.as_mut_slice()));
            }
            Ok(self.sums(window, values, level))
        };
        let guarded: Vec<&_> = self.ocean.sources.iter().collect();
        folding::guarded(comm, &guarded, || {
            let engine = Engine::with_progress(comm, job.progress);
            engine.whole_maps(&sources, &plan, &work, &mut |window, sums| {
                let whole = waiting.add(comm, (window, level), &sums)?;
                let finished = whole.into_iter().map(|(t, sums)| (t, self.finish(&sums))).collect();
                results.take(self, job, finished)
            })
        })?;
        waiting.finish()?;
        if self.args.mean {
            let means = means.into_inner().map_err(|_| Error::internal("a thread has failed"))?;
            let along = self.gather(job, &own, &means)?;
            results.write_mean(self, job, along.as_deref())?;
        }
        results.finish(self, job)
    }

    /// What the sums of all levels of a time give.
    fn finish(&self, sums: &[f64]) -> Finished {
        let (lines, basins, width) = (self.faces.len(), self.basins(), width(self.tracers()));
        let order = self.ocean.order();
        let interfaces = order.len() + 1;
        let mut psi = vec![0.0; basins * interfaces * lines];
        let mut parts = vec![Parts::default(); basins * lines];
        for basin in 0..basins {
            for line in 0..lines {
                let of = |k: &usize| ((k * lines + line) * basins + basin) * width;
                let fluxes: Vec<f64> = order.iter().map(|k| sums[of(k)]).collect();
                for (z, value) in streamfunction(&fluxes).into_iter().enumerate() {
                    psi[(basin * interfaces + z) * lines + line] = value;
                }
                if self.tracers() > 0 {
                    let mut levels: Vec<[f64; OF_TRACER]> = Vec::with_capacity(order.len());
                    for at in order.iter().map(of) {
                        let s = &sums[at + 1..at + 1 + OF_TRACER];
                        let zero = self.zero();
                        levels.push([s[0], s[1], s[2] - zero * s[1], s[3] - zero * s[0]]);
                    }
                    parts[basin * lines + line] = Parts::of_levels(levels.iter().map(<[f64; 4]>::as_slice));
                }
            }
        }
        Finished { psi, parts }
    }

    /// 0 °C in the units of the tracer.
    fn zero(&self) -> f64 {
        let units = self.ocean.tracers.first().and_then(|&k| self.ocean.sources[k].variable().units());
        let is_kelvin = matches!(units, Some("K" | "kelvin" | "Kelvin" | "degK" | "degree_Kelvin"));
        if matches!(self.what, What::Heat(_)) && is_kelvin { 273.15 } else { 0.0 }
    }

    /// Sums along lines of means over time, of all levels from the top down: on rank 0
    /// `[levels][basins][lines][OF_MEANS]`.
    fn gather(&self, job: &FoldJob<'_>, own: &Range<usize>, means: &[FaceMeans]) -> Result<Option<Vec<f64>>> {
        if !self.needs_means() {
            return Ok(None);
        }
        let (lines, steps) = (self.faces.len(), self.ocean.times());
        let each = self.basins() * lines * OF_MEANS;
        let jobs: Vec<(usize, usize, usize)> = (0..means.len())
            .flat_map(|k| (0..self.basins()).flat_map(move |b| (0..lines).map(move |l| (k, b, l))))
            .collect();
        let one = |&(k, basin, line): &(usize, usize, usize)| {
            let all = basin.checked_sub(1).map(|b| self.selections[b].as_slice());
            let mut sums = means[k].along(&self.faces, line, all, steps);
            let zero = self.zero();
            sums[2] -= zero * sums[1];
            sums[3] -= zero * sums[0];
            sums
        };
        let found: Vec<f64> = rayon::join(|| jobs.par_iter().map(one).flatten().collect(), || ()).0;
        let start = [own.start as u64];
        let (Some(starts), Some(found)) = (job.comm.gather_v(&start, 0), job.comm.gather_v(&found, 0)) else {
            return Ok(None);
        };
        let mut all = vec![0.0; self.ocean.levels() * each];
        for (start, found) in starts.iter().zip(found) {
            let at = start[0] as usize * each;
            all[at..at + found.len()].copy_from_slice(&found);
        }
        let order = self.ocean.order();
        Ok(Some(order.iter().flat_map(|k| all[k * each..(k + 1) * each].iter().copied()).collect()))
    }

    pub(super) fn made(&self) -> Vec<Made> {
        Made::all(self)
    }
}

/// The mean of what is there.
fn mean(values: &[f64]) -> f64 {
    let there: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    there.iter().sum::<f64>() / there.len().max(1) as f64
}

/// Circles of latitude that lie between cells.
fn circles(lat: &[f64], step: f64) -> Vec<f64> {
    let there = || lat.iter().copied().filter(|l| l.is_finite());
    let (least, most) = (there().fold(f64::INFINITY, f64::min), there().fold(f64::NEG_INFINITY, f64::max));
    let count = (180.0 / step).floor() as i64;
    let all = (0..=count).map(|k| -90.0 + step * k as f64);
    all.filter(|edge| *edge > least && *edge <= most).collect()
}

impl ByItself for Zonal {
    fn files(&self) -> Vec<PathBuf> {
        self.ocean.files.iter().chain([&self.args.ocean.output]).cloned().collect()
    }
    fn reads(&self) -> Vec<Alone> {
        self.ocean.alone()
    }
    fn output(&self) -> &Path {
        &self.args.ocean.output
    }
    fn all(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        self.compute(job).map_err(|e| self.ocean.blame(e))
    }
}
