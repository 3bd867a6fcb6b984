//! The command as a step.

use super::output::Results;
use super::{Line, SectionArgs};
use crate::folding::FoldJob;
use crate::series::writing_bytes;
use crate::step::{Alone, ByItself};
use crate::transport::density::Classes;
use crate::transport::ocean::{Needs, Ocean, Primary};
use crate::transport::pass::Pass;
use halocline_algorithms::transport::{section_line, Faces, NoPath, Path, VelocityMesh, OF_FLOW, OF_TRACER};
use halocline_core::grid::mesh::Point;
use halocline_core::grid::EARTH_RADIUS;
use halocline_core::{Error, Result};
use halocline_io::output::WriteReport;
use std::path::PathBuf;

/// `halocline transport section`, opened.
pub(crate) struct Sections {
    pub(super) args: SectionArgs,
    pub(super) ocean: Ocean,
    faces: Faces,
    pub(super) paths: Vec<Path>,
    pub(super) classes: Option<Classes>,
    /// Whether there is a temperature, and a salinity.
    pub(super) has: [bool; 2],
}

/// What a time gives, section after section, for each level or class: volume in m³/s, volume times
/// temperature (°C), volume times salinity.
pub(super) struct Finished {
    pub(super) sums: Vec<[f64; 3]>,
    /// How many faces of each level are open, section after section; whether temperature is there, and
    /// salinity.
    pub(super) open: [Vec<f64>; 3],
}

impl Sections {
    pub(super) fn open(job: &FoldJob<'_>, args: SectionArgs) -> Result<Self> {
        let by_density = !args.density.is_depth();
        let has = if by_density { [true, true] } else { Ocean::has(job, &args.ocean)? };
        let needs = Needs {
            primary: Primary::V,
            u: true,
            temperature: has[0],
            salinity: has[1],
            rest_first: false,
            rho0: args.rho0,
        };
        let (ocean, on) = Ocean::open(job, &args.ocean, needs)?;
        let on = on.ok_or_else(|| Error::internal("a velocity is on no mesh"))?;
        let mut paths = Vec::new();
        for line in &args.through {
            let path = path(&on, line)?;
            for (point, stop) in line.points.iter().zip(&path.stops).filter(|(_, stop)| stop.cells > NEAR) {
                job.verbosity.say(job.comm, || {
                    let ([lon, lat], km) = (point, stop.away * EARTH_RADIUS * 1e-3);
                    format!(
                        "note: section {}: the point {lon},{lat} is {km:.0} km from the nearest corner of cells that have coordinates: it is moved there",
                        line.name
                    )
                });
            }
            paths.push(path);
        }
        let (rows, columns) = ocean.shape;
        let lines: Vec<_> = paths.iter().map(|path| path.faces.clone()).collect();
        let faces = Faces::lines(rows, columns, &lines);
        let classes = args.density.classes(&ocean)?;
        Ok(Self { args, ocean, faces, paths, classes, has })
    }

    /// Levels or classes.
    pub(super) fn layers(&self) -> usize {
        self.classes.as_ref().map_or(self.ocean.levels(), Classes::len)
    }

    fn finish(&self, pass: &Pass<'_>, sums: &[f64]) -> Finished {
        let (lines, width) = (self.faces.len(), pass.width());
        let order = self.ocean.order();
        let mut out = Vec::with_capacity(lines * self.layers());
        let mut open: [Vec<f64>; 3] = std::array::from_fn(|_| Vec::with_capacity(lines * order.len()));
        let zero = if self.ocean.is_kelvin() { 273.15 } else { 0.0 };
        for line in 0..lines {
            let of = |k: &usize| &sums[(k * lines + line) * width..(k * lines + line + 1) * width];
            open[0].extend(order.iter().map(of).map(|level| level[pass.open_at()]));
            if let Some(classes) = &self.classes {
                let mut total = vec![0.0; width];
                for level in order.iter().map(of) {
                    total.iter_mut().zip(level).for_each(|(sum, value)| *sum += value);
                }
                let n = classes.len();
                out.extend((0..n).map(|c| [total[c], total[n + c], total[2 * n + c]]));
                continue;
            }
            for level in order.iter().map(of) {
                let mut tracers = level[OF_FLOW..].chunks_exact(OF_TRACER);
                let mut carried = [0.0; 2];
                for (k, zero) in [zero, 0.0].into_iter().enumerate() {
                    let Some(s) = self.has[k].then(|| tracers.next()).flatten() else { continue };
                    carried[k] = s[3] - zero * s[0];
                    open[1 + k].push(if s[1] > 0.0 { 1.0 } else { 0.0 });
                }
                out.push([level[0], carried[0], carried[1]]);
            }
        }
        if self.classes.is_some() {
            // Faces that count have a flow, a temperature and a salinity.
            let all = std::mem::take(&mut open[0]);
            open = [all.clone(), all.clone(), all];
        }
        Finished { sums: out, open }
    }

    fn compute(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let writing = writing_bytes(job);
        let pass = Pass {
            ocean: &self.ocean,
            faces: &self.faces,
            selections: &[],
            classes: self.classes.as_ref(),
            of_class: 3,
            means: false,
        };
        let plan = pass.plan(job, writing)?;
        for (line, path) in self.args.through.iter().zip(&self.paths) {
            job.verbosity.say(job.comm, || {
                format!("section {}: {} faces, positive {}", line.name, path.faces.len(), line.positive)
            });
        }
        let mut results = Results::create(self, job, writing)?;
        pass.run(job, &plan, &mut |whole| {
            let finished = whole.into_iter().map(|(t, sums)| (t, self.finish(&pass, &sums))).collect();
            results.take(self, job, finished)
        })?;
        results.finish(self, job)
    }
}

/// How many cells a point may be off the grid: less than the outermost cells are.
const NEAR: f64 = 2.0;
/// The same where land has no coordinates: sections begin and end on it.
const NEAR_LAND: f64 = 20.0;

/// The way of a section along faces.
fn path(on: &VelocityMesh, line: &Line) -> Result<Path> {
    let is_whole = on.mesh.lat[Point::T.index()].iter().all(|lat| lat.is_finite());
    section_line(on, &line.points, if is_whole { NEAR } else { NEAR_LAND }).map_err(|why| {
        let of = |point: usize| {
            let [lon, lat] = line.points[point];
            format!("section {}: point {lon},{lat}", line.name)
        };
        match why {
            NoPath::OneCorner => {
                Error::usage(format!("section {}: its points are all at one corner of the grid", line.name))
                    .remedy("choose points that are further apart")
            }
            NoPath::Far { point, away } => {
                Error::usage(format!("{} is {:.0} km from the grid", of(point), away * EARTH_RADIUS * 1e-3))
                    .remedy("choose points within it (longitude first)")
            }
            NoPath::NoWay { point } => {
                Error::usage(format!("{}: no way along faces leads from it to the next", of(point)))
                    .remedy("choose points that cells with coordinates lie between")
            }
        }
    })
}

impl ByItself for Sections {
    fn files(&self) -> Vec<PathBuf> {
        self.ocean.files.iter().chain([&self.args.ocean.output]).cloned().collect()
    }
    fn reads(&self) -> Vec<Alone> {
        self.ocean.alone()
    }
    fn output(&self) -> &std::path::Path {
        &self.args.ocean.output
    }
    fn all(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        self.compute(job).map_err(|e| self.ocean.blame(e))
    }
}
