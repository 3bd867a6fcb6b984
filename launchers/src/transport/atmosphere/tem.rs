//! `halocline transport tem` and `ep-flux`: the transformed Eulerian mean.

use super::file::{global, pressure_levels, File, Variable};
use super::onto;
use super::operands::{Asked, Operands};
use super::options::{record, Common};
use super::pressure::{EASTWARD, NORTHWARD, TEMPERATURE, VERTICAL};
use super::zonal::{self, Mean, Pass};
use super::Kind;
use crate::checkpoint::CheckpointArgs;
use crate::common::{check_output, Verbosity};
use crate::folding::{plural, FoldJob};
use crate::step::{self, Alone, ByItself};
use crate::vertical;
use halocline_algorithms::transport::atmosphere::{Constants, Eddies, Residual, RowSums, Scaling};
use halocline_core::comm::Comm;
use halocline_core::Result;
use halocline_io::output::WriteReport;
use std::cell::RefCell;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
struct Fields {
    #[command(flatten)]
    common: Common,
    /// The eastward wind [default: found by its standard name, or as ua or u]
    #[arg(long, value_name = "NAME")]
    u: Option<String>,
    /// The northward wind [default: found by its standard name, or as va or v]
    #[arg(long, value_name = "NAME")]
    v: Option<String>,
    /// The temperature [default: found by its standard name, or as ta or t]
    #[arg(long, value_name = "NAME")]
    t: Option<String>,
    /// The vertical velocity, Pa s-1 [default: found by its standard name, or as wap or omega; without
    /// it what it carries is left out]
    #[arg(long, value_name = "NAME")]
    w: Option<String>,
    /// Hybrid levels: the pressures, Pa, that columns are brought to first, by straight lines over
    /// pressure, or a file whose levels these are [default: those of the levels over a surface of 100000 Pa
    /// that all columns reach]
    #[arg(long, visible_alias = "levels", value_name = "100000,85000,…|FILE[:VAR]")]
    to: Option<String>,
    /// One section: the mean over all times of what is found at each
    #[arg(long)]
    mean: bool,
}

/// The residual circulation of the transformed Eulerian mean at pressures, at every time:
/// residual velocities and mass streamfunction (Andrews et al. 1987).
#[derive(Debug, clap::Args)]
pub(crate) struct TemArgs {
    #[command(flatten)]
    fields: Fields,
}

/// The Eliassen-Palm flux and its divergence at pressures, at every time (Edmon et al. 1980,
/// Andrews et al. 1987): what eddies do to the zonal mean flow.
#[derive(Debug, clap::Args)]
pub(crate) struct EpFluxArgs {
    #[command(flatten)]
    fields: Fields,
    /// none: m3 s-2 and m2 Pa s-2; edmon: times 2πa cos φ / g, and a once more where it is vertical,
    /// so that arrows on a section diverge as they should
    #[arg(long, value_enum, value_name = "none|edmon", default_value = "none", hide_possible_values = true)]
    scaling: Scaled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Scaled {
    None,
    Edmon,
}

/// Either command, opened.
pub(crate) struct TransformedMean<'a> {
    fields: &'a Fields,
    /// Of the flux; `None`: the residual circulation is wanted.
    flux: Option<Scaled>,
    operands: Operands,
    /// Places of u, v, T and ω.
    places: Vec<Option<usize>>,
}

impl Kind for TemArgs {
    fn check(&self) -> Result<()> {
        self.fields.common.check_all_levels()?;
        self.fields.common.check()
    }
    fn run(&self, comm: &Comm, verbosity: Verbosity) -> Result<()> {
        let memory = &self.fields.common.memory;
        step::run((comm, verbosity), memory, &CheckpointArgs::none(), |job| open_tem(job, self))
    }
}

impl Kind for EpFluxArgs {
    fn check(&self) -> Result<()> {
        self.fields.common.check()
    }
    fn run(&self, comm: &Comm, verbosity: Verbosity) -> Result<()> {
        let memory = &self.fields.common.memory;
        step::run((comm, verbosity), memory, &CheckpointArgs::none(), |job| open_ep_flux(job, self))
    }
}

/// `transport tem` as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open_tem<'a>(job: &FoldJob<'_>, args: &'a TemArgs) -> Result<TransformedMean<'a>> {
    args.check()?;
    open(job, &args.fields, None)
}

/// `transport ep-flux` as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open_ep_flux<'a>(job: &FoldJob<'_>, args: &'a EpFluxArgs) -> Result<TransformedMean<'a>> {
    args.check()?;
    open(job, &args.fields, Some(args.scaling))
}

fn open<'a>(job: &FoldJob<'_>, fields: &'a Fields, flux: Option<Scaled>) -> Result<TransformedMean<'a>> {
    let asked = [
        Asked::new(EASTWARD, fields.u.as_ref()),
        Asked::new(NORTHWARD, fields.v.as_ref()),
        Asked::new(TEMPERATURE, fields.t.as_ref()),
        Asked { is_optional: true, ..Asked::new(VERTICAL, fields.w.as_ref()) },
    ];
    let (mut operands, places) = Operands::without_layers(job, &fields.common, &asked)?;
    let to = fields.to.as_deref().map(|to| vertical::pressures(job.comm, fields.common.input.io, to));
    if let Some(note) = operands.bring_to(to.transpose()?)? {
        job.verbosity.say(job.comm, || format!("note: {note}"));
    }
    // Deviations from zonal means are of the whole circle, as the streamfunction is.
    operands.check_circle()?;
    check_output(job.comm, &fields.common.output, &operands.files())?;
    if let Some(onto) = &operands.onto {
        job.verbosity.say(job.comm, || {
            // What adding coefficients makes of a round number.
            let all = onto.pressures.iter().map(|p| (p * 1e3).round() * 1e-3);
            let (top, bottom) = (all.clone().fold(f64::INFINITY, f64::min), all.fold(0.0, f64::max));
            format!(
                "note: hybrid levels: each column is brought to {} from {top} to {bottom} Pa first, by straight lines over pressure",
                plural(onto.pressures.len(), "pressure")
            )
        });
    }
    if places[3].is_none() {
        job.verbosity.say(job.comm, || {
            "note: no vertical velocity is there; what it carries, [u*w*], is left out".to_owned()
        });
    }
    Ok(TransformedMean { fields, flux, operands, places })
}

impl ByItself for TransformedMean<'_> {
    fn files(&self) -> Vec<PathBuf> {
        self.operands.files().into_iter().chain([self.fields.common.output.clone()]).collect()
    }
    fn reads(&self) -> Vec<Alone> {
        self.operands.alone()
    }
    fn output(&self) -> &Path {
        &self.fields.common.output
    }
    fn all(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let (fields, operands) = (self.fields, &self.operands);
        let constants = fields.common.constants.or(Constants::default())?;
        let has_omega = self.places[3].is_some();
        let variables: Vec<Variable> = self
            .variables(has_omega)
            .into_iter()
            .map(|v| v.methods("longitude: mean").at_times(fields.mean, operands))
            .collect();
        let (title, kind) = match self.flux {
            None => ("Residual circulation of the transformed Eulerian mean", "tem"),
            Some(_) => ("Eliassen-Palm flux", "ep-flux"),
        };
        let mut own = vec![format!("mean={}", fields.mean), format!("vertical={has_omega}")];
        own.extend(operands.onto.iter().map(|_| onto::DESCRIBED.to_owned()));
        own.extend(fields.to.iter().map(|to| format!("to={}", crate::run::scratch::told(to))));
        own.extend(
            self.flux.map(|s| format!("scaling={}", if s == Scaled::Edmon { "edmon" } else { "none" })),
        );
        let mut attributes = global(operands, (title, kind), fields.common.describe(own));
        let constant_names = [
            "earth_radius",
            "gravity",
            "rotation_rate",
            "heat_capacity",
            "gas_constant",
            "reference_pressure",
        ];
        record(&mut attributes, &constants, &constant_names);
        let (path, made) = (&fields.common.output, (&variables[..], fields.mean));
        let mut file = match &operands.onto {
            Some(onto) => {
                let level = pressure_levels(&onto.pressures);
                File::on_levels(job.comm, path, (operands, &level), made, attributes)?
            }
            None => File::create(job.comm, path, operands, made, attributes)?,
        };
        // u, v, T and, where it is there, ω are the sources in this order.
        let (count, pairs) =
            if has_omega { (4, vec![(1, 2), (0, 1), (0, 3)]) } else { (3, vec![(1, 2), (0, 1)]) };
        let sums = RowSums::new(count, &pairs)?;
        let batch: RefCell<Vec<Vec<f64>>> = RefCell::new(vec![Vec::new(); variables.len()]);
        let mut mean = Mean::default();
        let mut each = |sections: zonal::Sections<'_>| {
            let made = self.make(sections, (count, has_omega), &constants);
            if fields.mean {
                mean.add(&made);
            } else {
                batch.borrow_mut().iter_mut().zip(made).for_each(|(all, own)| all.extend(own));
            }
        };
        zonal::run(job, operands, &Pass::Means(&sums), &mut each, &mut |range| {
            if fields.mean {
                return Ok(());
            }
            file.write(Some(&range), batch.replace(vec![Vec::new(); variables.len()]))
        })?;
        if fields.mean {
            file.write(None, mean.take())?;
        }
        job.write(|| file.finish())
    }
}

impl TransformedMean<'_> {
    fn variables(&self, has_omega: bool) -> Vec<Variable> {
        let Some(scaling) = self.flux else {
            let mut all = vec![
                Variable::section("vtem", "residual northward velocity", "m s-1")
                    .standard("northward_transformed_eulerian_mean_air_velocity"),
                Variable::section("psitem", "residual mass streamfunction", "kg s-1"),
            ];
            if has_omega {
                all.push(Variable::section("omegatem", "residual vertical velocity in pressure", "Pa s-1"));
            }
            return all;
        };
        let (north, down, divergence) = match scaling {
            Scaled::None => ("m3 s-2", "m2 Pa s-2", "m2 s-2"),
            Scaled::Edmon => ("m2 kg Pa-1 s-2", "m2 kg s-2", "m2 kg Pa-1 s-2"),
        };
        let mut all = vec![
            Variable::section("epfy", "northward Eliassen-Palm flux", north),
            Variable::section("epfp", "Eliassen-Palm flux along pressure, positive downward", down),
            Variable::section("epfdiv", "divergence of the Eliassen-Palm flux", divergence),
            Variable::section("utendepfd", "acceleration of the eastward wind by the divergence", "m s-2")
                .standard("tendency_of_eastward_wind_due_to_eliassen_palm_flux_divergence"),
        ];
        if scaling == Scaled::None {
            all[0].standard_name = Some("northward_eliassen_palm_flux_in_air");
        }
        all
    }

    fn make(
        &self,
        sections: zonal::Sections<'_>,
        (count, has_omega): (usize, bool),
        constants: &Constants,
    ) -> Vec<Vec<f64>> {
        let of = |k: usize| sections.get(k).map_or(&[][..], Vec::as_slice);
        let eddies = Eddies {
            means: [of(1), of(2), of(3)],
            fluxes: [of(count + 1), of(count + 2)],
            omega: has_omega.then(|| [of(4), of(count + 3)]),
        };
        let (levels, latitudes) = (&self.operands.levels, &self.operands.latitudes);
        let mut found = Residual::new(eddies, levels, latitudes, constants);
        match self.flux {
            None if has_omega => vec![found.v, found.streamfunction, found.omega],
            None => vec![found.v, found.streamfunction],
            Some(scaling) => {
                let scaling = if scaling == Scaled::Edmon { Scaling::Edmon } else { Scaling::None };
                found.scale(scaling, latitudes, constants);
                vec![found.northward, found.downward, found.divergence, found.acceleration]
            }
        }
    }
}
