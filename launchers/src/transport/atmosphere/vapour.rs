//! `halocline transport vapour`.

use super::file::global;
use super::operands::{Asked, Operands};
use super::options::{record, Common};
use super::pressure::{EASTWARD, HUMIDITY, NORTHWARD};
use super::streams::above_ground;
use super::Kind;
use crate::carry;
use crate::checkpoint::CheckpointArgs;
use crate::common::{check_output, Verbosity};
use crate::folding::{self, FoldJob};
use crate::series::writing_bytes;
use crate::step::{self, Alone, ByItself};
use halocline_algorithms::transport::atmosphere::{horizontal_divergence, ColumnFlux, Constants};
use halocline_core::comm::Comm;
use halocline_core::engine::{Engine, Numbers, StreamSource, WholeNeeds, WholePlan};
use halocline_core::grid::unwrap;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, DType, Values};
use halocline_core::{Error, Result};
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Water vapour that the wind carries in the whole column, at every time: uq and vq, kg m-1 s-1,
/// their magnitude (IVT) and their divergence, kg m-2 s-1.
#[derive(Debug, clap::Args)]
pub(crate) struct VapourArgs {
    #[command(flatten)]
    common: Common,
    /// The eastward wind [default: found by its standard name, or as ua or u]
    #[arg(long, value_name = "NAME")]
    u: Option<String>,
    /// The northward wind [default: found by its standard name, or as va or v]
    #[arg(long, value_name = "NAME")]
    v: Option<String>,
    /// The specific humidity [default: found by its standard name, or as hus or q]
    #[arg(long, value_name = "NAME")]
    q: Option<String>,
}

impl Kind for VapourArgs {
    fn check(&self) -> Result<()> {
        self.common.check_all_levels()?;
        self.common.check()
    }
    fn run(&self, comm: &Comm, verbosity: Verbosity) -> Result<()> {
        step::run((comm, verbosity), &self.common.memory, &CheckpointArgs::none(), |job| open(job, self))
    }
}

/// The command, opened.
pub(crate) struct Vapour<'a> {
    args: &'a VapourArgs,
    operands: Operands,
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a VapourArgs) -> Result<Vapour<'a>> {
    args.check()?;
    let asked = [
        Asked::new(EASTWARD, args.u.as_ref()),
        Asked::new(NORTHWARD, args.v.as_ref()),
        Asked::new(HUMIDITY, args.q.as_ref()),
    ];
    let (operands, _) = Operands::open(job, &args.common, &asked)?;
    check_output(job.comm, &args.common.output, &operands.files())?;
    Ok(Vapour { args, operands })
}

/// Name, long name, standard name and units of what is written.
const MADE: [(&str, &str, Option<&str>, &str); 4] = [
    (
        "uq",
        "eastward flux of water vapour in the column",
        Some("eastward_atmosphere_water_transport_across_unit_distance"),
        "kg m-1 s-1",
    ),
    (
        "vq",
        "northward flux of water vapour in the column",
        Some("northward_atmosphere_water_transport_across_unit_distance"),
        "kg m-1 s-1",
    ),
    ("ivt", "magnitude of the flux of water vapour in the column", None, "kg m-1 s-1"),
    ("divergence", "divergence of the flux of water vapour in the column", None, "kg m-2 s-1"),
];

impl ByItself for Vapour<'_> {
    fn files(&self) -> Vec<PathBuf> {
        self.operands.files().into_iter().chain([self.args.common.output.clone()]).collect()
    }
    fn reads(&self) -> Vec<Alone> {
        self.operands.alone()
    }
    fn output(&self) -> &Path {
        &self.args.common.output
    }
    fn all(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        self.write(job).map_err(|e| self.operands.blame(e))
    }
}

impl Vapour<'_> {
    fn write(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let (args, operands, comm) = (self.args, &self.operands, job.comm);
        let constants = args.common.constants.or(Constants::default())?;
        let streams = above_ground(&operands.sources, None, &operands.levels)?;
        let [u, v, q] = [0, 1, 2].map(|k| &*streams[k]);
        let surface = operands.surface.as_ref().map(|s| s as &dyn StreamSource);
        let hybrid = operands.layers.as_ref().filter(|layers| layers.are_hybrid());
        let flux = |name, wind| {
            ColumnFlux::new(name, [wind, q], (&operands.levels, hybrid), surface, constants.gravity)
        };
        let made = [flux("uq", u)?, flux("vq", v)?];
        let fluxes: Vec<&dyn StreamSource> = made.iter().map(|f| f as &dyn StreamSource).collect();
        let (lat, lon) = (operands.latitudes.len(), operands.longitudes.len());
        let writing = writing_bytes(job);
        let needs = WholeNeeds { made: (4 * (4 + 8) * lat * lon) as u64, fixed: 0 };
        let room = job.budget.for_buffers(comm).saturating_sub(writing);
        let plan = WholePlan::new(&fluxes, (comm.size(), halocline_core::threads::for_plans()), room, needs)
            .map_err(|e| folding::of_budget(e, job.budget, writing))?;
        job.tell_notes(&operands.all());
        let mut schema = Schema { attributes: self.global(&constants), ..Schema::new() };
        let first = operands.first();
        let grid = first.grid();
        let mut pending = schema.add_coordinate(first.time_coordinate())?;
        for coordinate in [&grid.lat, &grid.lon].into_iter().flatten() {
            pending.extend(schema.add_coordinate(coordinate)?);
        }
        let dims = &first.variable().dims;
        for (name, long_name, standard, units) in MADE {
            let mut attributes = Attributes::new().with("long_name", long_name);
            if let Some(standard) = standard {
                attributes.set("standard_name", standard);
            }
            attributes.set("units", units);
            attributes.set("cell_methods", "air_pressure: sum");
            carry::refer_to_space(&mut attributes, first);
            let names = [&dims[0], &dims[2], &dims[3]].map(|d| d.name.as_str());
            schema.add_variable(VariableSpec::data(name, names, DType::F32).attributes(attributes));
        }
        let mut file = Output::create(comm, &args.common.output, &schema)?;
        file.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
        file.write_pending(&pending)?;
        let edges = lat_edges(&operands.latitudes);
        let (dlon, is_global) = circle(&operands.longitudes)?;
        let radius = constants.radius;
        let work = |_: &IndexBox, values: &[Numbers<'_>]| {
            let [Numbers::F64(u), Numbers::F64(v)] = values else { return Ok(vec![Vec::new(); 4]) };
            let cells = (lat * lon).max(1);
            let divergence: Vec<Vec<f64>> = u
                .par_chunks(cells)
                .zip(v.par_chunks(cells))
                .map(|(u, v)| horizontal_divergence(u, v, &edges, (dlon, is_global), radius))
                .collect();
            let single = |v: &[f64]| v.iter().map(|v| *v as f32).collect::<Vec<f32>>();
            let magnitude = u.iter().zip(*v).map(|(u, v)| u.hypot(*v) as f32).collect();
            Ok(vec![single(u), single(v), magnitude, single(&divergence.concat())])
        };
        let engine = Engine::with_progress(comm, job.progress);
        folding::guarded(comm, &operands.all(), || {
            engine.whole_maps(&fluxes, &plan, &work, &mut |window, values| {
                for ((name, ..), values) in MADE.iter().zip(values) {
                    file.write_block(name, window, &Values::F32(values))?;
                }
                Ok(())
            })
        })?;
        self.tell_gaps(job, made.iter().map(ColumnFlux::gaps).sum())?;
        job.write(|| file.finish_with_report())
    }

    /// Says how much of the column is made of what is above and below.
    ///
    /// # Collective
    /// Every rank calls this.
    fn tell_gaps(&self, job: &FoldJob<'_>, own: u64) -> Result<()> {
        let gaps: u64 = Engine::new(job.comm).gather(&own)?.into_iter().sum();
        if gaps > 0 {
            let all = 2 * self.operands.times() * self.operands.section() * self.operands.longitudes.len();
            job.verbosity.say(job.comm, || {
                format!(
                    "note: {:.3} % of the products above the ground are missing; the levels above and below stand for them",
                    100.0 * gaps as f64 / all.max(1) as f64
                )
            });
        }
        Ok(())
    }

    fn global(&self, constants: &Constants) -> Attributes {
        let options = self.args.common.describe(Vec::new());
        let mut attributes =
            global(&self.operands, ("Flux of water vapour in the column", "vapour"), options);
        record(&mut attributes, constants, &["earth_radius", "gravity"]);
        attributes
    }
}

/// Edges between latitudes, radians: the middle, and the pole beyond the last where no other row is
/// between, which one row of a box never tells.
fn lat_edges(latitudes: &[f64]) -> Vec<f64> {
    let n = latitudes.len();
    let mut edges: Vec<f64> = latitudes.windows(2).map(|p| 0.5 * (p[0] + p[1])).collect();
    let end = |last: f64, before: f64| {
        let step = last - before;
        if (last + step).abs() > 90.0 + 1e-3 * step.abs() {
            90f64.copysign(step)
        } else {
            last + 0.5 * step
        }
    };
    if n > 1 {
        edges.insert(0, end(latitudes[0], latitudes[1]));
        edges.push(end(latitudes[n - 1], latitudes[n - 2]));
    } else {
        let at = latitudes.first().copied().unwrap_or(0.0);
        edges = vec![at - 0.5, at + 0.5];
    }
    edges.iter().map(|e| e.to_radians()).collect()
}

/// The distance of longitudes, radians, negative where they go westward, and whether they close; they may
/// pass from 360 to 0, or from 180 to -180, on their way.
///
/// # Errors
/// Data, if their distance is not the same everywhere.
fn circle(longitudes: &[f64]) -> Result<(f64, bool)> {
    let n = longitudes.len();
    if n < 2 {
        return Ok((1f64.to_radians(), false));
    }
    let mut turned = longitudes.to_vec();
    unwrap(&mut turned);
    let step = (turned[n - 1] - turned[0]) / (n - 1) as f64;
    // Coordinates of few digits are even, too.
    let is_even = turned.windows(2).all(|p| (p[1] - p[0] - step).abs() <= 0.05 * step.abs());
    if !is_even || step == 0.0 {
        return Err(Error::data("its longitudes are not evenly spaced, as the divergence needs them")
            .remedy("bring it to even longitudes first, with `halocline regrid`"));
    }
    Ok((step.to_radians(), (step.abs() * n as f64 - 360.0).abs() < 1e-2 * step.abs()))
}

#[cfg(test)]
mod tests {
    use super::{circle, lat_edges};

    #[test]
    fn longitudes_pass_the_seam_and_go_either_way() {
        let whole: Vec<f64> = (0..8).map(|i| 45.0 * f64::from(i)).collect();
        let seam: Vec<f64> = whole.iter().map(|v| (v + 90.0) % 360.0 - 180.0).collect();
        let west: Vec<f64> = seam.iter().rev().copied().collect();
        for (longitudes, sign, is_whole) in [
            (&whole[..], 1.0, true),
            (&seam, 1.0, true),
            (&west, -1.0, true),
            (&[350.0, 0.0, 10.0], 1.0, false),
        ] {
            let (step, is_global) = circle(longitudes).expect("even");
            let exact = 360f64.to_radians() / if is_whole { 8.0 } else { 36.0 };
            assert!((step - sign * exact).abs() < 1e-12 && is_global == is_whole, "{longitudes:?}");
        }
        assert!(circle(&[0.0, 1.0, 3.0]).is_err() && circle(&[5.0, 5.0]).is_err());
    }

    #[test]
    fn only_the_last_rows_reach_a_pole() {
        let ends = |latitudes: &[f64]| {
            let edges = lat_edges(latitudes);
            [edges[0].to_degrees(), edges[edges.len() - 1].to_degrees()].map(|v| (v * 1e6).round() / 1e6)
        };
        assert_eq!(ends(&[-80.0, -60.0, -40.0]), [-90.0, -30.0]);
        assert_eq!(ends(&[90.0, 87.5, 85.0]), [90.0, 83.75]);
        // The row of the pole is cut off.
        assert_eq!(ends(&[82.5, 85.0, 87.5]), [81.25, 88.75]);
        assert_eq!(ends(&[60.0, 30.0, 0.0]), [75.0, -15.0]);
    }
}
