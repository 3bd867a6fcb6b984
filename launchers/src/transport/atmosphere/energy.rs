//! `halocline transport energy`.

use super::columns::{Columns, Profiles};
use super::file::{global, File, Variable};
use super::operands::{Asked, Operands};
use super::options::{record, Common};
use super::pressure::{HEIGHT, HUMIDITY, NORTHWARD, TEMPERATURE};
use super::products;
use super::Kind;
use crate::checkpoint::CheckpointArgs;
use crate::common::{check_output, Verbosity};
use crate::folding::FoldJob;
use crate::step::{self, Alone, ByItself};
use halocline_algorithms::transport::atmosphere::{Cells, Constants};
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use halocline_io::output::WriteReport;
use std::path::{Path, PathBuf};

/// The northward transport of energy by the atmosphere through circles of latitude, W: of dry static
/// energy cp T + g z, latent energy L q and their sum, by the mean meridional circulation, stationary
/// and transient eddies. One pass.
#[derive(Debug, clap::Args)]
pub(crate) struct EnergyArgs {
    #[command(flatten)]
    common: Common,
    /// The northward wind [default: found by its standard name, or as va or v]
    #[arg(long, value_name = "NAME")]
    v: Option<String>,
    /// The temperature [default: found by its standard name, or as ta or t]
    #[arg(long, value_name = "NAME")]
    t: Option<String>,
    /// The specific humidity [default: found by its standard name, or as hus or q]
    #[arg(long, value_name = "NAME")]
    q: Option<String>,
    /// The geopotential height, m, or geopotential, m2 s-2 [default: found by its standard name, or as
    /// zg or z]
    #[arg(long, value_name = "NAME")]
    z: Option<String>,
    /// Take the mean wind of the column off first, so that no net mass goes through a circle: what is
    /// left of it carries energy that depends on where energy is 0
    #[arg(long)]
    mass_balance: bool,
    #[command(flatten)]
    checkpoint: CheckpointArgs,
}

impl Kind for EnergyArgs {
    fn check(&self) -> Result<()> {
        self.common.check_all_levels()?;
        self.common.check()
    }
    fn run(&self, comm: &Comm, verbosity: Verbosity) -> Result<()> {
        step::run((comm, verbosity), &self.common.memory, &self.checkpoint, |job| open(job, self))
    }
}

/// The command, opened.
pub(crate) struct Energy<'a> {
    args: &'a EnergyArgs,
    operands: Operands,
    parts: Option<Vec<usize>>,
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a EnergyArgs) -> Result<Energy<'a>> {
    args.check()?;
    let asked = [
        Asked::new(NORTHWARD, args.v.as_ref()),
        Asked::new(TEMPERATURE, args.t.as_ref()),
        Asked::new(HEIGHT, args.z.as_ref()),
        Asked::new(HUMIDITY, args.q.as_ref()),
    ];
    let (operands, _) = Operands::open(job, &args.common, &asked)?;
    operands.check_circle()?;
    check_output(job.comm, &args.common.output, &operands.files())?;
    let parts = args.common.selection.parts(job.comm, &operands.first().variable().dims)?;
    Ok(Energy { args, operands, parts })
}

impl ByItself for Energy<'_> {
    fn files(&self) -> Vec<PathBuf> {
        self.operands.files().into_iter().chain([self.args.common.output.clone()]).collect()
    }
    fn reads(&self) -> Vec<Alone> {
        self.operands.alone()
    }
    fn output(&self) -> &Path {
        &self.args.common.output
    }
    fn states(&self) -> Vec<String> {
        vec!["energy".to_owned()]
    }
    fn all(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        self.write(job)
    }
}

const PARTS: [(&str, &str); 4] = [
    ("total", "in all"),
    ("mean", "by the mean meridional circulation"),
    ("stationary", "by stationary eddies"),
    ("transient", "by transient eddies"),
];

impl Energy<'_> {
    fn write(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let (args, operands) = (self.args, &self.operands);
        let constants = args.common.constants.or(Constants::default())?;
        let height = operands.sources[2].variable();
        let of_height = match height.units().map(str::trim) {
            Some("m" | "gpm" | "metre" | "meter" | "metres" | "meters") | None => constants.gravity,
            Some("m2 s-2" | "m**2 s**-2" | "m^2 s^-2" | "J kg-1" | "m2/s2") => 1.0,
            Some(other) => {
                return Err(operands.blame(
                    Error::data(format!("its units `{other}` are neither m nor m2 s-2"))
                        .in_variable(&height.name)
                        .remedy("convert it first"),
                ))
            }
        };
        let fold = Cells::new(4, &[(0, 1), (0, 2), (0, 3)])?;
        let fold = if operands.layers.is_some() { fold.weighted() } else { fold };
        let what = format!("energy {:?}", args.common.selection.describe());
        let found = products::run(job, operands, fold, (self.parts.as_deref(), "energy", &what))?;
        let columns = Columns::new(found.sections, &operands.levels, &operands.latitudes, &constants);
        if columns.missing > 0.0 {
            job.verbosity.say(job.comm, || {
            format!(
                "note: {:.4} % of the mass above the ground has no values: the mean of its circle and level stands for it, straight lines between levels where the whole circle has none",
                100.0 * columns.missing
            )
        });
        }
        let factors = [constants.heat_capacity, of_height, constants.latent_heat];
        let mut each: Vec<Profiles> = Vec::new();
        for (k, factor) in factors.into_iter().enumerate() {
            each.push(columns.integrate(k, factor, args.mass_balance));
        }
        let sum = |a: &Profiles, b: &Profiles| -> Profiles {
            std::array::from_fn(|p| a[p].iter().zip(&b[p]).map(|(a, b)| a + b).collect())
        };
        let dry = sum(&each[0], &each[1]);
        let moist = sum(&dry, &each[2]);
        let [sensible, potential, latent]: [Profiles; 3] =
            each.try_into().map_err(|_| Error::internal("three kinds of energy"))?;
        let kinds = [
            ("moist_static", "moist static energy", moist),
            ("dry_static", "dry static energy", dry),
            ("latent", "latent energy", latent),
            ("sensible", "sensible heat", sensible),
            ("potential", "potential energy", potential),
        ];
        let methods = format!("{}: mean longitude: sum", operands.first().time_name());
        let mut variables = Vec::new();
        let mut values = Vec::new();
        for (name, text, profiles) in kinds {
            let [total, mean, stationary, transient] = &profiles;
            let sum: Vec<f64> = (0..total.len()).map(|j| mean[j] + stationary[j] + transient[j]).collect();
            job.verbosity.say(job.comm, || products::closure(text, &sum, total));
            for ((part, words), profile) in PARTS.iter().zip(profiles) {
                let long = format!("northward transport of {text}, {words}");
                variables
                    .push(Variable::profile(&format!("{name}_{part}"), long, "W").methods(methods.clone()));
                values.push(profile);
            }
        }
        self.tell_mass(job, &columns);
        let options = args.common.describe(vec![format!("mass_balance={}", args.mass_balance)]);
        let mut attributes =
            global(operands, ("Northward transport of energy by the atmosphere", "energy"), options);
        record(&mut attributes, &constants, &["earth_radius", "gravity", "heat_capacity", "latent_heat"]);
        attributes.set("halocline_tiling", found.tiling.as_str());
        let mut file = File::create(job.comm, &args.common.output, operands, (&variables, true), attributes)?;
        file.write(None, values)?;
        job.write(|| file.finish())
    }

    fn tell_mass(&self, job: &FoldJob<'_>, columns: &Columns) {
        let most = columns.net().iter().filter(|v| v.is_finite()).fold(0f64, |m, v| m.max(v.abs()));
        let what = if self.args.mass_balance { "taken off" } else { "left in; --mass-balance takes it off" };
        job.verbosity.say(job.comm, || {
            format!("net mass through circles of latitude: up to {most:.3e} kg s-1, {what}")
        });
    }
}
