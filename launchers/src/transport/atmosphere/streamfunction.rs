//! `halocline transport mass-streamfunction`.

use super::file::{global, File, Variable};
use super::operands::{Asked, Operands};
use super::options::{record, Common};
use super::pressure::NORTHWARD;
use super::zonal::{self, Mean};
use super::Kind;
use crate::checkpoint::CheckpointArgs;
use crate::common::{check_output, Verbosity};
use crate::folding::FoldJob;
use crate::step::{self, Alone, ByItself};
use halocline_algorithms::transport::atmosphere::{mass_streamfunction, Constants, RowSums, Rule};
use halocline_core::comm::Comm;
use halocline_core::Result;
use halocline_io::output::WriteReport;
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// The mass streamfunction of the mean meridional circulation, kg s-1, at every time: 2πa cos φ / g
/// ∫ [v] dp from the top. Positive where air goes northward above, clockwise seen from the east.
#[derive(Debug, clap::Args)]
pub(crate) struct MassStreamfunctionArgs {
    #[command(flatten)]
    common: Common,
    /// The northward wind on pressure levels [default: found by its standard name, or as va or v]
    #[arg(long, value_name = "NAME")]
    v: Option<String>,
    /// How the integral is made: by straight lines between levels, from pressure 0, of what is above
    /// the ground (halocline); as NCL's zonal_mpsi; as CDO's mastrfu
    #[arg(
        long,
        value_enum,
        value_name = "halocline|ncl|cdo",
        default_value = "halocline",
        hide_possible_values = true
    )]
    convention: Convention,
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
        self.common.constants.check()
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
    let (operands, _) = Operands::open(job, &args.common, &[Asked::new(NORTHWARD, args.v.as_ref())])?;
    check_output(job.comm, &args.common.output, &operands.files())?;
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
        let options = args
            .common
            .describe(vec![format!("convention={}", args.convention.name()), format!("mean={}", args.mean)]);
        let mut attributes =
            global(operands, ("Mass streamfunction of the atmosphere", "mass-streamfunction"), options);
        record(&mut attributes, &constants, &["earth_radius", "gravity"]);
        let mut file =
            File::create(job.comm, &args.common.output, operands, (&[variable], args.mean), attributes)?;
        let sums = RowSums::new(1, &[])?;
        let batch: RefCell<Vec<f64>> = RefCell::default();
        let mut mean = Mean::default();
        // The greatest value anywhere, and that at the lowest level, where no air should go through.
        let (mut peak, mut open) = (0f64, 0f64);
        let lowest = operands.levels.down().last().copied().unwrap_or(0) * operands.latitudes.len();
        let mut each = |sections: zonal::Sections<'_>| {
            let psi = mass_streamfunction(
                args.convention.rule(),
                &operands.levels,
                &operands.latitudes,
                (&sections[1], &sections[0]),
                &constants,
            );
            let most = |v: &[f64]| v.iter().filter(|v| v.is_finite()).fold(0f64, |m, v| m.max(v.abs()));
            peak = peak.max(most(&psi));
            open = open.max(most(&psi[lowest..lowest + operands.latitudes.len()]));
            if args.mean {
                mean.add(&[psi]);
            } else {
                batch.borrow_mut().extend(psi);
            }
        };
        zonal::run(job, operands, &sums, &mut each, &mut |range| {
            if args.mean {
                return Ok(());
            }
            file.write(Some(&range), vec![batch.take()])
        })?;
        if args.mean {
            file.write(None, mean.take())?;
        }
        job.verbosity.say(job.comm, || {
            format!(
                "closure: the streamfunction is {open:.4e} kg s-1 at most at the lowest level, {:.2} % of its peak of {peak:.4e}",
                100.0 * open / peak.max(f64::MIN_POSITIVE)
            )
        });
        job.write(|| file.finish())
    }
}
