//! Means along circles of latitude of every time, batch by batch, and what is made of them.

use super::operands::Operands;
use crate::common::bytes_text;
use crate::folding::{self, plural, FoldJob};
use halocline_algorithms::transport::atmosphere::{CircleFlux, OfSurface, RowSums};
use halocline_core::engine::{Engine, Numbers, StreamSource, WholeNeeds, WholePlan};
use halocline_core::index::IndexBox;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Bytes of rows that are held between two writes, about.
const HELD: u64 = 32 << 20;

/// What is found along circles of latitude.
pub(super) enum Pass<'a> {
    /// Means and covariances of what is above the ground.
    Means(&'a RowSums),
    /// The flux by the first variable above pressures, over the surface pressure.
    Flux(&'a CircleFlux),
}

impl Pass<'_> {
    fn fields(&self) -> usize {
        match self {
            Self::Means(sums) => sums.fields(),
            Self::Flux(flux) => flux.fields(),
        }
    }
    /// Numbers of the rows of a window.
    fn of(&self, window: &IndexBox, values: &[Numbers<'_>], (lat, row): (usize, usize)) -> Result<Vec<f64>> {
        match (self, values) {
            (Self::Means(sums), _) => Ok(sums.of(values, row).into_values()),
            (Self::Flux(flux), &[wind, surface]) => {
                let levels: Vec<usize> = window.ranges().get(1).cloned().into_iter().flatten().collect();
                Ok(flux.of([wind, surface], &levels, lat, row))
            }
            (Self::Flux(_), _) => Err(Error::internal("a flux of the wind over a surface pressure")),
        }
    }
}

/// Sections of one time: numbers in the order of [`RowSums`], or of [`CircleFlux`], each
/// `[level, lat]`.
pub(super) type Sections<'a> = &'a [Vec<f64>];

/// Finds rows of all times, and has `each` take the sections of every time, in order, on rank 0;
/// after each batch of times `written` is called on all ranks.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(
    job: &FoldJob<'_>,
    operands: &Operands,
    pass: &Pass<'_>,
    each: &mut dyn FnMut(Sections<'_>),
    written: &mut dyn FnMut(Range<usize>) -> Result<()>,
) -> Result<()> {
    let (comm, times, section) = (job.comm, operands.times(), operands.section());
    let step = (8 * section * pass.fields()) as u64;
    let chunk = operands.first().chunks().and_then(|c| c.first()).map_or(1, |c| (*c).max(1));
    let steps = ((HELD / step.max(1)).max(1) as usize).next_multiple_of(chunk).min(times.max(1));
    // The rows of a batch and the result; of several ranks, also what travels, encoded here and there,
    // and all of them.
    let held = if comm.size() == 1 { 2 } else { 5 } * step * steps as u64;
    let row = operands.longitudes.len();
    let engine = Engine::with_progress(comm, job.progress);
    let sources = operands.all();
    folding::guarded(comm, &sources, || {
        for start in (0..times).step_by(steps) {
            let range = start..times.min(start + steps);
            let part = operands.between(&range)?;
            let (place, above, repeated);
            let streams: Vec<&dyn StreamSource> = match (pass, &operands.onto, part.as_they_are()) {
                (Pass::Flux(_), _, ([wind, ..], Some(surface))) => {
                    repeated = OfSurface::repeated(wind, surface)?;
                    vec![wind, &repeated]
                }
                (_, Some(onto), (sources, Some(surface))) => {
                    place = onto.place(surface);
                    above = onto.streams(sources, &place)?;
                    above.iter().map(|s| &**s).collect()
                }
                _ => {
                    above = part.streams(&operands.levels)?;
                    above.iter().map(|s| &**s).collect()
                }
            };
            let ranks_and_threads = (comm.size(), halocline_core::threads::for_plans());
            let row_bytes = (8 * pass.fields()) as u64;
            let needs = |rows: usize| WholeNeeds { made: row_bytes * rows as u64, fixed: held };
            let room = job.budget.for_buffers(comm);
            // A column that is interpolated is read as a whole.
            let plan = if operands.onto.is_some() {
                WholePlan::columns(&streams, ranks_and_threads, room, needs(section))
            } else {
                WholePlan::apart(&streams, ranks_and_threads, room, needs(operands.latitudes.len()))
            };
            let plan = plan.map_err(|e| folding::of_budget(e, job.budget, held))?;
            if start == 0 {
                tell(job, operands, &plan);
            }
            let mut own: Vec<Part> = Vec::new();
            let lat = operands.latitudes.len();
            let work = |window: &IndexBox, values: &[Numbers<'_>]| pass.of(window, values, (lat, row));
            engine.maps_apart(&streams, &plan, &work, &mut |window, rows| {
                if let [times, levels, ..] = window.ranges() {
                    own.push(Part { times: times.clone(), level: levels.start, rows });
                }
                Ok(())
            })?;
            let all = engine.gather_to_root(own)?;
            if let Some(all) = all {
                let layout = Layout { times: range.len(), section, lat, fields: pass.fields() };
                layout.each(all.iter().flatten(), each);
            }
            written(range)?;
        }
        Ok(())
    })
    .map_err(|e| operands.blame(e))
}

/// Rows of some times and levels, as they were found.
#[derive(Serialize, Deserialize)]
struct Part {
    times: Range<usize>,
    /// The first of the levels.
    level: usize,
    /// Time by time, level by level, latitude by latitude.
    rows: Vec<f64>,
}

/// How many numbers there are.
struct Layout {
    times: usize,
    /// Of all levels.
    section: usize,
    lat: usize,
    fields: usize,
}

impl Layout {
    /// Hands `each` the sections of every time, in order, one time after the other.
    fn each<'a>(&self, parts: impl Iterator<Item = &'a Part>, each: &mut dyn FnMut(Sections<'_>)) {
        let mut by_time: Vec<Vec<(usize, &[f64])>> = vec![Vec::new(); self.times];
        for part in parts.filter(|part| !part.times.is_empty()) {
            let one = (part.rows.len() / part.times.len()).max(1);
            for (t, rows) in part.times.clone().zip(part.rows.chunks(one)) {
                by_time[t].push((part.level * self.lat, rows));
            }
        }
        let mut sections = vec![vec![f64::NAN; self.section]; self.fields];
        for parts in by_time {
            sections.iter_mut().for_each(|section| section.fill(f64::NAN));
            for (start, rows) in parts {
                for (k, row) in rows.chunks(self.fields).enumerate() {
                    sections.iter_mut().zip(row).for_each(|(section, v)| section[start + k] = *v);
                }
            }
            each(&sections);
        }
    }
}

fn tell(job: &FoldJob<'_>, operands: &Operands, plan: &WholePlan) {
    let names: Vec<&str> = operands.all().iter().map(|s| s.variable().name.as_str()).collect();
    let bytes = halocline_core::budget::resident().unwrap_or(0) + plan.estimate();
    job.verbosity.say(job.comm, || {
        format!(
            "{} ({}, {}, {}), {} x {}: about {} of memory a rank of {} ({})",
            names.join(", "),
            plural(operands.times(), "time"),
            plural(operands.levels.len(), "level"),
            plural(operands.latitudes.len(), "latitude"),
            plural(job.comm.size(), "rank"),
            plural(rayon::current_num_threads(), "thread"),
            bytes_text(bytes),
            bytes_text(job.budget.bytes),
            job.budget.origin
        )
    });
    job.tell_notes(&operands.all());
}

/// Sums of sections over time, to their means.
#[derive(Default)]
pub(super) struct Mean {
    sums: Vec<Vec<f64>>,
    counts: Vec<Vec<u32>>,
}

impl Mean {
    pub(super) fn add(&mut self, sections: &[Vec<f64>]) {
        if self.sums.is_empty() {
            self.sums = sections.iter().map(|s| vec![0.0; s.len()]).collect();
            self.counts = sections.iter().map(|s| vec![0; s.len()]).collect();
        }
        for (section, (sums, counts)) in sections.iter().zip(self.sums.iter_mut().zip(&mut self.counts)) {
            for ((v, sum), count) in section.iter().zip(sums).zip(counts) {
                if v.is_finite() {
                    *sum += v;
                    *count += 1;
                }
            }
        }
    }
    /// The means; missing where nothing was.
    pub(super) fn take(self) -> Vec<Vec<f64>> {
        let of = |(sum, count): (&f64, &u32)| if *count > 0 { sum / f64::from(*count) } else { f64::NAN };
        self.sums.iter().zip(&self.counts).map(|(s, c)| s.iter().zip(c).map(of).collect()).collect()
    }
}
