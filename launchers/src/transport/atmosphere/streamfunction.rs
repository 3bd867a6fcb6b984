//! `halocline transport mass-streamfunction`.

use super::file::{global, pressure_levels, File, Variable};
use super::operands::{Asked, Operands};
use super::options::{record, Common};
use super::pressure::NORTHWARD;
use super::zonal::{self, Mean, Pass};
use super::Kind;
use crate::checkpoint::CheckpointArgs;
use crate::common::{check_output, Verbosity};
use crate::folding::FoldJob;
use crate::step::{self, Alone, ByItself};
use halocline_algorithms::transport::atmosphere::{
    mass_streamfunction, CircleFlux, Constants, Layers, RowSums, Rule,
};
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use halocline_io::output::WriteReport;
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// The mass streamfunction of the mean meridional circulation, kg s-1, at every time: 2πa cos φ / g
/// ∫ [v] dp from the top. Positive where air goes northward above, clockwise seen from the east.
#[derive(Debug, clap::Args)]
pub(crate) struct MassStreamfunctionArgs {
    #[command(flatten)]
    common: Common,
    /// The northward wind [default: found by its standard name, or as va or v]
    #[arg(long, value_name = "NAME")]
    v: Option<String>,
    /// How the integral is made: by straight lines between levels, from pressure 0 to the ground
    /// (halocline); as NCL's zonal_mpsi; as CDO's mastrfu
    #[arg(
        long,
        value_enum,
        value_name = "halocline|ncl|cdo",
        default_value = "halocline",
        hide_possible_values = true
    )]
    convention: Convention,
    /// Hybrid levels: the pressures that the streamfunction is found at, Pa [default: those of the
    /// levels over a surface of 100000 Pa]
    #[arg(long, value_name = "100000,85000,…", value_delimiter = ',')]
    to: Vec<f64>,
    /// One section: the mean of all times
    #[arg(long)]
    mean: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Convention {
    Halocline,
    Ncl,
    Cdo,
}

impl Convention {
    fn rule(self) -> Rule {
        match self {
            Self::Halocline => Rule::Trapezoid,
            Self::Ncl => Rule::Ncl,
            Self::Cdo => Rule::Cdo,
        }
    }
    fn constants(self) -> Constants {
        match self {
            Self::Halocline => Constants::default(),
            Self::Ncl => Constants { radius: 6.371_22e6, gravity: 9.806_16, ..Constants::default() },
            Self::Cdo => Constants { radius: 6_371_000.0, gravity: 9.81, ..Constants::default() },
        }
    }
    fn name(self) -> &'static str {
        match self {
            Self::Halocline => "halocline",
            Self::Ncl => "ncl",
            Self::Cdo => "cdo",
        }
    }
}

impl Kind for MassStreamfunctionArgs {
    fn check(&self) -> Result<()> {
        let in_order = |v: &[f64]| v.windows(2).all(|p| p[0] < p[1]) || v.windows(2).all(|p| p[0] > p[1]);
        if !self.to.iter().all(|p| p.is_finite() && *p > 0.0) || !in_order(&self.to) {
            return Err(Error::usage("--to is no list of pressures, rising or falling").remedy("give Pa"));
        }
        self.common.check_all_levels()?;
        self.common.check()
    }
    fn run(&self, comm: &Comm, verbosity: Verbosity) -> Result<()> {
        step::run((comm, verbosity), &self.common.memory, &CheckpointArgs::none(), |job| open(job, self))
    }
}

/// The command, opened.
pub(crate) struct MassStreamfunction<'a> {
    args: &'a MassStreamfunctionArgs,
    operands: Operands,
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(
    job: &FoldJob<'_>,
    args: &'a MassStreamfunctionArgs,
) -> Result<MassStreamfunction<'a>> {
    args.check()?;
    let (mut operands, _) = Operands::open(job, &args.common, &[Asked::new(NORTHWARD, args.v.as_ref())])?;
    match (operands.are_hybrid(), args.convention) {
        (true, Convention::Ncl | Convention::Cdo) => {
            return Err(operands.blame(
                Error::data(format!(
                    "has hybrid levels, --convention {} is of pressure levels",
                    args.convention.name()
                ))
                .remedy("leave it out, or bring the wind to pressure levels first with `halocline vertical`"),
            ))
        }
        (false, _) if !args.to.is_empty() => {
            return Err(Error::usage("--to is for hybrid levels")
                .remedy("on pressure levels the streamfunction is on the levels of the wind"))
        }
        _ => {}
    }
    operands.check_circle()?;
    check_output(job.comm, &args.common.output, &operands.files())?;
    if args.convention == Convention::Cdo {
        // It knows of no ground: all cells count.
        (operands.surface, operands.layers) = (None, None);
    }
    Ok(MassStreamfunction { args, operands })
}

impl ByItself for MassStreamfunction<'_> {
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
        let (args, operands) = (self.args, &self.operands);
        let constants = args.common.constants.or(args.convention.constants())?;
        let variable =
            Variable::section("mass_streamfunction", "meridional overturning mass streamfunction", "kg s-1")
                .methods("longitude: sum")
                .at_times(args.mean, operands);
        let mut own = vec![format!("convention={}", args.convention.name()), format!("mean={}", args.mean)];
        if operands.are_hybrid() {
            own.push("levels=hybrid".to_owned());
        }
        if !args.to.is_empty() {
            let to: Vec<String> = args.to.iter().map(ToString::to_string).collect();
            own.push(format!("to={}", to.join(",")));
        }
        let mut attributes = global(
            operands,
            ("Mass streamfunction of the atmosphere", "mass-streamfunction"),
            args.common.describe(own),
        );
        record(&mut attributes, &constants, &["earth_radius", "gravity"]);
        let path = &args.common.output;
        let pressures = self.pressures();
        let mut file = if operands.are_hybrid() {
            let level = pressure_levels(&pressures);
            File::on_levels(job.comm, path, (operands, &level), (&[variable], args.mean), attributes)?
        } else {
            File::create(job.comm, path, operands, (&[variable], args.mean), attributes)?
        };
        let sums = RowSums::new(1, &[])?;
        // What is above the ground is known exactly where the surface pressure is.
        let layers = operands.layers.clone().filter(|_| args.convention == Convention::Halocline);
        let flux = layers.map(|layers: Layers| CircleFlux::new(layers, pressures));
        let pass = flux.as_ref().map_or(Pass::Means(&sums), Pass::Flux);
        let batch: RefCell<Vec<f64>> = RefCell::default();
        let mut mean = Mean::default();
        // The greatest value anywhere, and that at the ground or the lowest level, where no air should
        // go through.
        let (mut peak, mut open, mut missing) = (0f64, 0f64, 0f64);
        let most = |v: &[f64]| v.iter().filter(|v| v.is_finite()).fold(0f64, |m, v| m.max(v.abs()));
        let lowest = operands.levels.down().last().copied().unwrap_or(0) * operands.latitudes.len();
        let mut each = |sections: zonal::Sections<'_>| {
            let psi = if let Some(flux) = &flux {
                let found = flux.overturning(sections, &operands.latitudes, &constants);
                open = open.max(most(&found.net));
                missing = missing.max(found.missing);
                found.streamfunction
            } else {
                let psi = mass_streamfunction(
                    args.convention.rule(),
                    &operands.levels,
                    &operands.latitudes,
                    (&sections[1], &sections[0]),
                    &constants,
                );
                open = open.max(most(&psi[lowest..lowest + operands.latitudes.len()]));
                psi
            };
            peak = peak.max(most(&psi));
            if args.mean {
                mean.add(&[psi]);
            } else {
                batch.borrow_mut().extend(psi);
            }
        };
        zonal::run(job, operands, &pass, &mut each, &mut |range| {
            if args.mean {
                return Ok(());
            }
            file.write(Some(&range), vec![batch.take()])
        })?;
        if args.mean {
            file.write(None, mean.take())?;
        }
        let place = if flux.is_some() { "ground" } else { "lowest level" };
        job.verbosity.say(job.comm, || {
            format!(
                "closure: the streamfunction is {open:.4e} kg s-1 at most at the {place}, {:.2} % of its peak of {peak:.4e}",
                100.0 * open / peak.max(f64::MIN_POSITIVE)
            )
        });
        if missing > 0.0 {
            job.verbosity.say(job.comm, || {
                format!(
                    "note: up to {:.4} % of the mass above the ground has no wind, or no surface pressure; the mean of the rest of its circle and level stands for it",
                    100.0 * missing
                )
            });
        }
        job.write(|| file.finish())
    }
}

impl MassStreamfunction<'_> {
    /// Where the streamfunction is found.
    fn pressures(&self) -> Vec<f64> {
        match &self.args.to[..] {
            [] => self.operands.levels.pressure().to_vec(),
            to => to.to_vec(),
        }
    }
}
