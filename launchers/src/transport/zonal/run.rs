//! The commands as a step: lines and what is summed along them, and what the sums of a time give.

use super::options::{Carried, What, ZonalArgs};
use super::output::Results;
use crate::folding::FoldJob;
use crate::series::writing_bytes;
use crate::step::{Alone, ByItself};
use crate::transport::density::{Classes, DensityArgs};
use crate::transport::ocean::{Needs, Ocean, Primary};
use crate::transport::pass::Pass;
use halocline_algorithms::transport::{
    latitude_lines, streamfunction, FaceMeans, Faces, Parts, OF_FLOW, OF_MEANS, OF_TRACER,
};
use halocline_core::grid::mesh::Point;
use halocline_core::{Error, Result};
use halocline_io::output::WriteReport;
use rayon::prelude::*;
use std::ops::Range;
use std::path::{Path, PathBuf};

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
    pub(super) classes: Option<Classes>,
    /// What density is of, for outputs.
    described: Vec<String>,
}

/// What a time, or their mean, gives, for each of the basins and then lines.
pub(super) struct Finished {
    /// At interfaces from the top down, before lines: m³/s.
    pub(super) psi: Vec<f64>,
    pub(super) parts: Vec<Parts>,
    /// How many faces of each level are open, behind basins and lines, and whether tracers are there.
    pub(super) open: [Vec<f64>; 2],
}

impl Zonal {
    pub(super) fn open(job: &FoldJob<'_>, args: ZonalArgs, carried: Carried) -> Result<Self> {
        let Carried { what, density } = carried;
        let by_density = density.as_ref().is_some_and(|d| !d.is_depth());
        let needs = Needs {
            primary: Primary::V,
            u: args.bins.is_some(),
            temperature: matches!(what, What::Heat(_)) || by_density,
            salinity: matches!(what, What::Salt | What::Freshwater(_)) || by_density,
            rest_first: args.is_cdfmoc(),
            rho0: args.density(),
        };
        let (ocean, on) = Ocean::open(job, &args.ocean, needs)?;
        let on = on.ok_or_else(|| Error::internal("a velocity is on no mesh"))?;
        let (rows, columns) = ocean.shape;
        let (faces, lat) = match args.bins {
            None => {
                let all = Faces::rows(&on);
                let faces = match ocean.fit {
                    Some(fit) => all.first(fit.rows()),
                    None => all,
                };
                (faces, ocean.lat.chunks_exact(columns).map(mean).collect())
            }
            Some(step) => {
                let edges = circles(&on.mesh.lat[Point::T.index()], step);
                (Faces::lines(rows, columns, &latitude_lines(&on, &edges)), edges)
            }
        };
        if lat.is_empty() || faces.count() == 0 {
            let error = Error::usage("no circle of latitude crosses the grid");
            return Err(ocean.blame(error.remedy("choose smaller --bins")));
        }
        let selections = ocean.basins.iter().map(|(_, cells)| faces.select(cells)).collect();
        let described = density.as_ref().map(DensityArgs::describe).unwrap_or_default();
        let classes = density.map(|d| d.classes(&ocean)).transpose()?.flatten();
        Ok(Self { args, what, ocean, faces, lat, selections, classes, described })
    }

    pub(super) fn pass(&self) -> Pass<'_> {
        Pass {
            ocean: &self.ocean,
            faces: &self.faces,
            selections: &self.selections,
            classes: self.classes.as_ref(),
            of_class: 1,
            means: self.args.mean && self.has_parts(),
        }
    }
    pub(super) fn basins(&self) -> usize {
        1 + self.selections.len()
    }
    /// Whether what is carried is told in parts: these need the areas of faces.
    pub(super) fn has_parts(&self) -> bool {
        self.what != What::Water && !self.ocean.is_mass
    }
    /// Where the streamfunction is: depths from the top down, or densities from the lightest on.
    pub(super) fn interfaces(&self) -> &[f64] {
        self.classes.as_ref().map_or_else(|| self.ocean.interfaces(), |classes| &classes.edges)
    }

    /// As outputs record it.
    pub(super) fn options(&self, constants: Option<String>) -> Vec<String> {
        self.args.describe().into_iter().chain(constants).chain(self.described.iter().cloned()).collect()
    }

    fn compute(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let (pass, writing) = (self.pass(), writing_bytes(job));
        let plan = pass.plan(job, writing)?;
        if let Some(classes) = &self.classes {
            job.verbosity.say(job.comm, || format!("note: density of {}", classes.note));
        }
        let mut results = Results::create(self, job, writing)?;
        let (own, means) = pass.run(job, &plan, &mut |whole| results.take((self, &pass), job, whole))?;
        if self.args.mean {
            let along = if pass.means { self.gather(job, &own, &means) } else { None };
            results.write_mean((self, &pass), job, along.as_deref())?;
        }
        results.finish(self, job)
    }

    /// How many faces of each level are open, behind basins and lines, and whether what is carried is
    /// there.
    pub(super) fn open_faces(&self, pass: &Pass<'_>, sums: &[f64]) -> [Vec<f64>; 2] {
        let (lines, basins, width) = (self.faces.len(), self.basins(), pass.width());
        let order = self.ocean.order();
        let all = || {
            let both = (0..basins).flat_map(|b| (0..lines).map(move |l| (b, l)));
            let of =
                |(b, l): (usize, usize)| order.iter().map(move |k| ((k * lines + l) * basins + b) * width);
            both.flat_map(of)
        };
        let is_there = |at: usize| if sums[at + OF_FLOW + 1] > 0.0 { 1.0 } else { 0.0 };
        let carried = if self.what == What::Water { Vec::new() } else { all().map(is_there).collect() };
        [all().map(|at| sums[at + pass.open_at()]).collect(), carried]
    }

    /// What the sums of all levels of a time give.
    pub(super) fn finish(&self, pass: &Pass<'_>, sums: &[f64]) -> Finished {
        let (lines, basins, width) = (self.faces.len(), self.basins(), pass.width());
        let order = self.ocean.order();
        let interfaces = self.interfaces().len();
        let mut psi = vec![0.0; basins * interfaces * lines];
        let mut parts = vec![Parts::default(); basins * lines];
        for basin in 0..basins {
            for line in 0..lines {
                let of = |k: &usize| ((k * lines + line) * basins + basin) * width;
                let fluxes: Vec<f64> = if let Some(classes) = &self.classes {
                    let mut fluxes = vec![0.0; classes.len()];
                    for at in order.iter().map(of) {
                        let own = &sums[at..at + classes.len()];
                        fluxes.iter_mut().zip(own).for_each(|(sum, flux)| *sum += flux);
                    }
                    fluxes
                } else {
                    order.iter().map(|k| sums[of(k)]).collect()
                };
                for (z, value) in streamfunction(&fluxes).into_iter().enumerate() {
                    psi[(basin * interfaces + z) * lines + line] = value;
                }
                if self.what != What::Water {
                    let zero = self.zero();
                    let celsius = |at: usize| {
                        let s = &sums[at + OF_FLOW..at + OF_FLOW + OF_TRACER];
                        [s[0], s[1], s[2] - zero * s[1], s[3] - zero * s[0]]
                    };
                    let levels: Vec<[f64; OF_TRACER]> = order.iter().map(of).map(celsius).collect();
                    parts[basin * lines + line] = Parts::of_levels(levels.iter().map(<[f64; 4]>::as_slice));
                }
            }
        }
        Finished { psi, parts, open: self.open_faces(pass, sums) }
    }

    /// 0 °C in the units of the tracer.
    fn zero(&self) -> f64 {
        if matches!(self.what, What::Heat(_)) && self.ocean.is_kelvin() {
            273.15
        } else {
            0.0
        }
    }

    /// Sums along lines over all times, of all levels from the top down: on rank 0
    /// `[levels][basins][lines][OF_MEANS]`.
    fn gather(&self, job: &FoldJob<'_>, own: &Range<usize>, means: &[FaceMeans]) -> Option<Vec<f64>> {
        let (lines, basins) = (self.faces.len(), self.basins());
        let each = basins * lines * OF_MEANS;
        let jobs: Vec<(usize, usize, usize)> = (0..means.len())
            .flat_map(|k| (0..basins).flat_map(move |b| (0..lines).map(move |l| (k, b, l))))
            .collect();
        let zero = self.zero();
        let one = |&(k, basin, line): &(usize, usize, usize)| {
            let selected = basin.checked_sub(1).map(|b| self.selections[b].as_slice());
            let mut sums = means[k].along(&self.faces, line, selected);
            sums[2] -= zero * sums[1];
            sums[3] -= zero * sums[0];
            sums
        };
        let found: Vec<f64> = rayon::join(|| jobs.par_iter().flat_map_iter(one).collect(), || ()).0;
        let starts = job.comm.gather_v(&[own.start as u64], 0);
        let (starts, found) = starts.zip(job.comm.gather_v(&found, 0))?;
        let mut all = vec![0.0; self.ocean.levels() * each];
        for (start, found) in starts.iter().zip(found) {
            let at = start[0] as usize * each;
            all[at..at + found.len()].copy_from_slice(&found);
        }
        let order = self.ocean.order();
        Some(order.iter().flat_map(|k| all[k * each..(k + 1) * each].iter().copied()).collect())
    }
}

/// The mean of what is there, else NaN: no row of land is at the equator.
fn mean(values: &[f64]) -> f64 {
    let there: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    there.iter().sum::<f64>() / there.len() as f64
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
