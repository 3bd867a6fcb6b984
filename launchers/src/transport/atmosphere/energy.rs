//! `halocline transport energy`.

use super::file::{global, File, Variable};
use super::operands::{Asked, Operands};
use super::options::{record, Common};
use super::pressure::{HEIGHT, HUMIDITY, NORTHWARD, TEMPERATURE};
use super::products::{self, Found};
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
        self.common.constants.check()
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

/// Total, mean circulation, stationary and transient eddies.
type Profiles = [Vec<f64>; 4];

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
        let what = format!("energy {:?}", args.common.selection.describe());
        let found = products::run(job, operands, fold, (self.parts.as_deref(), "energy", &what))?;
        let factors = [constants.heat_capacity, of_height, constants.latent_heat];
        let mut each: Vec<Profiles> = Vec::new();
        for (k, factor) in factors.into_iter().enumerate() {
            each.push(self.integrate(&found, k, factor, &constants));
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
        self.tell_mass(job, &found, &constants);
        let options = args.common.describe(vec![format!("mass_balance={}", args.mass_balance)]);
        let mut attributes =
            global(operands, ("Northward transport of energy by the atmosphere", "energy"), options);
        record(&mut attributes, &constants, &["earth_radius", "gravity", "heat_capacity", "latent_heat"]);
        attributes.set("halocline_tiling", found.tiling.as_str());
        let mut file = File::create(job.comm, &args.common.output, operands, (&variables, true), attributes)?;
        file.write(None, values)?;
        job.write(|| file.finish())
    }

    /// The mass of a level above a metre of a circle, kg m-1 s-1 per m s-1, and that circle, m.
    fn weight(&self, found: &Found, i: usize, constants: &Constants) -> f64 {
        let lat = self.operands.latitudes.len();
        let around = std::f64::consts::TAU
            * constants.radius
            * self.operands.latitudes[i % lat].to_radians().cos().max(0.0);
        around / constants.gravity * self.weights()[i / lat] * found.there[i]
    }

    fn weights(&self) -> Vec<f64> {
        self.operands.levels.weights()
    }

    /// 2πa cos φ / g ∫ … dp of the parts of a pair; what is missing carries nothing.
    fn integrate(&self, found: &Found, pair: usize, factor: f64, constants: &Constants) -> Profiles {
        let lat = self.operands.latitudes.len();
        let parts = &found.parts[pair];
        let (wind, energy) = (&found.means[0], &found.means[pair + 1]);
        let net = self.net(found, constants);
        let column = |of: &dyn Fn(usize) -> f64| -> Vec<f64> {
            let mut sums = vec![0.0; lat];
            for i in (0..wind.len()).filter(|i| found.there[*i] > 0.0) {
                sums[i % lat] += factor * self.weight(found, i, constants) * of(i);
            }
            sums
        };
        // The wind of the whole column carries the mean energy of levels, in the mean part only.
        let off = |i: usize| if self.args.mass_balance { net[i % lat] * energy[i] } else { 0.0 };
        [
            column(&|i| parts.total[i] - off(i)),
            column(&|i| parts.mean[i] - off(i)),
            column(&|i| parts.stationary[i]),
            column(&|i| parts.transient[i]),
        ]
    }

    /// The mean wind of the column at each latitude, weighted by mass, m s-1.
    fn net(&self, found: &Found, constants: &Constants) -> Vec<f64> {
        let lat = self.operands.latitudes.len();
        let (mut flux, mut mass) = (vec![0.0; lat], vec![0.0; lat]);
        for i in (0..found.means[0].len()).filter(|i| found.there[*i] > 0.0) {
            let weight = self.weight(found, i, constants);
            flux[i % lat] += weight * found.means[0][i];
            mass[i % lat] += weight;
        }
        flux.iter().zip(&mass).map(|(f, m)| if *m > 0.0 { f / m } else { 0.0 }).collect()
    }

    fn tell_mass(&self, job: &FoldJob<'_>, found: &Found, constants: &Constants) {
        let lat = self.operands.latitudes.len();
        let mut flux = vec![0.0; lat];
        for i in (0..found.means[0].len()).filter(|i| found.there[*i] > 0.0) {
            flux[i % lat] += self.weight(found, i, constants) * found.means[0][i];
        }
        let most = flux.iter().fold(0f64, |m, v| m.max(v.abs()));
        let what = if self.args.mass_balance { "taken off" } else { "left in; --mass-balance takes it off" };
        job.verbosity.say(job.comm, || {
            format!("net mass through circles of latitude: up to {most:.3e} kg s-1, {what}")
        });
    }
}
