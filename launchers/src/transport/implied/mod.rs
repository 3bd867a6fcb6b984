//! `halocline transport implied-heat`.

mod areas;
mod land;
mod output;
mod run;

use super::ocean::Basin;
use crate::checkpoint::CheckpointArgs;
use crate::common::{check_once, InputArgs, MemoryArgs, Verbosity};
use crate::folding::FoldJob;
use crate::step;
use halocline_algorithms::transport::Side;
use halocline_core::calendar::TimeRange;
use halocline_core::comm::Comm;
use halocline_core::grid::EARTH_RADIUS;
use halocline_core::{Error, Result};
use halocline_io::Selection;
pub(crate) use run::Implied;
use std::path::PathBuf;

/// From where fluxes are added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FromSide {
    North,
    South,
}

/// What is done with what the ocean gains on the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Residual {
    Keep,
    Spread,
}

/// The northward heat transport that the ocean must have to make up for the fluxes through its surface.
///
/// H(φ) = -∫ over all north of φ of F dA, F downward, as if the ocean kept its heat: a mean over years
/// (--mean) is meant by that. From the south H(φ) = ∫ over all south of φ of F dA; they differ by what
/// the ocean gains on the whole, the residual, which is printed.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ImpliedHeatArgs {
    #[command(flatten)]
    input: InputArgs,
    /// The flux of heat into the ocean, W m-2 [default: found by standard name, then by name: hfds,
    /// SHF, qt_oce, sohefldo, …]
    #[arg(long, value_name = "NAME")]
    flux: Option<String>,
    /// Areas of cells, a variable of the inputs or of FILE [default: found by name (areacello, TAREA,
    /// e1t times e2t, rA), else by cell_measures, else from bounds on a sphere]
    #[arg(long, value_name = "NAME|FILE:NAME")]
    area: Option<String>,
    /// Where it is 0 is land, a variable of the inputs or of FILE; of levels that of the surface counts;
    /// none: no mask [default: found by name (tmask, hFacC, maskC, wet); without one fluxes of exactly 0
    /// do not count in the area]
    #[arg(long, value_name = "NAME|FILE:NAME|none")]
    mask: Option<String>,
    /// The end where nothing flows: north or south
    #[arg(
        long,
        value_enum,
        value_name = "north|south",
        default_value = "north",
        hide_possible_values = true
    )]
    from: FromSide,
    /// What the whole ocean gains: keep, it is the transport at the other end; spread, its mean is
    /// taken off the flux everywhere
    #[arg(long, value_enum, value_name = "keep|spread", default_value = "keep", hide_possible_values = true)]
    residual: Residual,
    /// Across true circles of latitude so many degrees apart, by the latitudes of cells [default:
    /// between the rows of the model]
    #[arg(long, value_name = "DEGREES")]
    bins: Option<f64>,
    /// Of the mean over all times, each counted once [default: at each time]
    #[arg(long)]
    mean: bool,
    /// Radius of the earth in metres, where areas come from bounds
    #[arg(long, value_name = "METRES", default_value_t = EARTH_RADIUS)]
    radius: f64,
    /// A part of the ocean, beside all of it: NAME=FILE:VAR, where VAR is neither 0 nor missing;
    /// NAME=FILE:VAR=N,…, where it is one of these, numbers or words of its flag_meanings; FILE:VAR, each
    /// of its flag_meanings; NAME=W,E,S,N, a box; atlantic and other regions that have a name (those of
    /// --region), FILE.geojson[:FEATURE], by the centres of cells. A variable of the inputs needs no FILE.
    /// May be given more than once
    #[arg(long, value_name = "NAME=[FILE:]VAR[=N,…]|FILE:VAR|NAME=W,E,S,N|REGION|FILE.geojson[:FEATURE]", value_parser = Basin::parse)]
    basin: Vec<Basin>,
    /// Times from A to B, both included: dates such as 1990, 1990-03 or 1990-03-15
    #[arg(long, value_name = "A/B")]
    time: Option<String>,
    #[command(flatten)]
    memory: MemoryArgs,
    /// The file to write
    #[arg(long, short, value_name = "OUT.nc")]
    output: PathBuf,
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(comm: &Comm, args: &ImpliedHeatArgs, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), &args.memory, &CheckpointArgs::none(), |job| open(job, args))
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open(job: &FoldJob<'_>, args: &ImpliedHeatArgs) -> Result<Implied> {
    args.check()?;
    Implied::open(job, args.clone())
}

impl ImpliedHeatArgs {
    /// Refuses what makes no sense before any file is opened.
    pub(crate) fn check(&self) -> Result<()> {
        if !(self.radius.is_finite() && self.radius > 0.0) {
            return Err(Error::usage(format!("--radius {} is no radius", self.radius))
                .remedy("give metres, as in 6371000"));
        }
        if let Some(step) = self.bins.filter(|step| !(0.01..=90.0).contains(step)) {
            return Err(Error::usage(format!("--bins {step} is no step of latitude"))
                .remedy("give degrees, from 0.01 to 90"));
        }
        check_once(&self.basin.iter().map(|basin| basin.name.as_str()).collect::<Vec<_>>())?;
        self.selection().map(drop)
    }

    fn selection(&self) -> Result<Selection> {
        let time = self.time.as_deref().map(TimeRange::parse).transpose()?;
        Ok(Selection { time, io: self.input.io, ..Selection::default() })
    }

    fn side(&self) -> Side {
        match self.from {
            FromSide::North => Side::North,
            FromSide::South => Side::South,
        }
    }

    /// As outputs record it.
    fn describe(&self) -> Vec<String> {
        let from = if self.from == FromSide::North { "north" } else { "south" };
        let residual = if self.residual == Residual::Keep { "keep" } else { "spread" };
        let mut all = vec![format!("from={from}"), format!("residual={residual}")];
        all.extend(self.mask.iter().map(|mask| format!("mask={mask}")));
        all.extend(self.bins.map(|step| format!("bins={step}")));
        all.extend(self.mean.then(|| "mean=yes".to_owned()));
        all.extend(self.basin.iter().map(|basin| format!("basin={}", basin.text)));
        all.extend(self.time.iter().map(|time| format!("time={time}")));
        all.extend(self.input.describe().map(|(k, v)| format!("{k}={v}")));
        all
    }
}
