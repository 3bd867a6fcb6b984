//! `halocline transport section`.

mod output;
mod run;
mod straits;

use super::density::DensityArgs;
use super::ocean::OceanArgs;
use crate::checkpoint::CheckpointArgs;
use crate::common::{check_once, Verbosity};
use crate::folding::FoldJob;
use crate::step;
use halocline_algorithms::seawater::CP0;
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
pub(crate) use run::Sections;
use straits::STRAITS;

/// Volume, heat and salt through sections, as time series, by level or by class of density.
///
/// A section is a broken line between points; it follows the faces of the model, from corner to
/// corner, as near to great circles as these allow. Positive is to the right of the path, so that
/// what a flow without divergence carries through a closed line is 0. Heat and salt where
/// temperature and salinity are found: ρ₀ cp ∫ v T dA, T in degrees Celsius, and ρ₀ ∫ v S/1000 dA.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SectionArgs {
    #[command(flatten)]
    pub(super) ocean: OceanArgs,
    /// A section: NAME=LON,LAT/LON,LAT/…, two points at least, closed if the last is the first; or the
    /// name of a strait (`list` tells them). May be given more than once
    #[arg(long, value_name = "NAME=LON,LAT/LON,LAT|STRAIT", required = true, allow_hyphen_values = true, value_parser = Line::parse)]
    through: Vec<Line>,
    #[command(flatten)]
    density: DensityArgs,
    /// Reference density in kg m-3
    #[arg(long, value_name = "RHO", default_value_t = 1026.0)]
    rho0: f64,
    /// Heat capacity in J kg-1 K-1
    #[arg(long, value_name = "CP", default_value_t = CP0)]
    cp: f64,
}

/// A broken line.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    name: String,
    points: Vec<[f64; 2]>,
    positive: &'static str,
}

impl Line {
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let Some((name, points)) = text.split_once('=') else {
            if let Some(strait) = STRAITS.iter().find(|strait| strait.name == text) {
                let points = strait.points.to_vec();
                return Ok(Self { name: text.to_owned(), points, positive: strait.positive });
            }
            let all: Vec<&str> = STRAITS.iter().map(|s| s.name).collect();
            return Err(format!("write NAME=LON,LAT/LON,LAT/… or one of {}", all.join(", ")));
        };
        let point = |p: &str| -> Option<[f64; 2]> {
            let (lon, lat) = p.split_once(',')?;
            let number = |t: &str| t.trim().parse::<f64>().ok().filter(|v| v.is_finite());
            number(lon).zip(number(lat)).filter(|(_, lat)| lat.abs() <= 90.0).map(|(lon, lat)| [lon, lat])
        };
        let points: Option<Vec<[f64; 2]>> = points.split('/').map(point).collect();
        match points {
            Some(points) if points.len() > 1 && !name.trim().is_empty() => {
                Ok(Self { name: name.trim().to_owned(), points, positive: "to the right of the path" })
            }
            _ => Err(format!("`{text}` is no section; write NAME=LON,LAT/LON,LAT with two points at least")),
        }
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(comm: &Comm, args: &SectionArgs, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), &args.ocean.memory, &CheckpointArgs::none(), |job| open(job, args))
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open(job: &FoldJob<'_>, args: &SectionArgs) -> Result<Sections> {
    args.check()?;
    Sections::open(job, args.clone())
}

impl SectionArgs {
    /// Refuses what makes no sense before any file is opened.
    pub(crate) fn check(&self) -> Result<()> {
        self.density.check()?;
        check_once(&self.through.iter().map(|line| line.name.as_str()).collect::<Vec<_>>())?;
        for (option, value) in [("--rho0", self.rho0), ("--cp", self.cp)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::usage(format!("{option} {value} must be above 0")));
            }
        }
        self.ocean.check()?;
        self.ocean.check_no_basins()
    }

    fn describe(&self) -> Vec<String> {
        let mut all = vec![format!("rho0={}", self.rho0), format!("cp={}", self.cp)];
        let text = |p: &[f64; 2]| format!("{},{}", p[0], p[1]);
        for line in &self.through {
            let points: Vec<String> = line.points.iter().map(text).collect();
            all.push(format!("through={}={}", line.name, points.join("/")));
        }
        all.extend(self.density.describe());
        all.extend(self.ocean.describe());
        all
    }
}
