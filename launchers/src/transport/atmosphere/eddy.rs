//! `halocline transport eddy`.

use super::file::{global, File, Variable};
use super::operands::{Asked, Operands};
use super::options::Common;
use super::pressure::Wanted;
use super::products;
use super::Kind;
use crate::checkpoint::CheckpointArgs;
use crate::common::{check_output, Verbosity};
use crate::folding::FoldJob;
use crate::step::{self, Alone, ByItself};
use halocline_algorithms::transport::atmosphere::Cells;
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use halocline_io::output::WriteReport;
use std::path::{Path, PathBuf};

/// The flux [xy], the mean over time and longitude of the product of two variables, by what carries
/// it: the mean meridional circulation [x][y], stationary eddies [x*y*] of the means in time, and
/// transient eddies, the covariance in time [x'y']. One pass. On hybrid levels means are weighted by the
/// mass of layers.
#[derive(Debug, clap::Args)]
pub(crate) struct EddyArgs {
    #[command(flatten)]
    common: Common,
    /// The first variable, such as the northward wind
    #[arg(long, value_name = "NAME")]
    x: String,
    /// The second variable, such as the temperature
    #[arg(long, value_name = "NAME")]
    y: String,
    #[command(flatten)]
    checkpoint: CheckpointArgs,
}

impl Kind for EddyArgs {
    fn check(&self) -> Result<()> {
        self.common.check()
    }
    fn run(&self, comm: &Comm, verbosity: Verbosity) -> Result<()> {
        step::run((comm, verbosity), &self.common.memory, &self.checkpoint, |job| open(job, self))
    }
}

/// The command, opened.
pub(crate) struct Eddy<'a> {
    args: &'a EddyArgs,
    operands: Operands,
    parts: Option<Vec<usize>>,
}

const ANY: Wanted = Wanted { option: "x", standard: &[], names: &[], has_levels: true };

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a EddyArgs) -> Result<Eddy<'a>> {
    args.check()?;
    let asked = [Asked::new(ANY, Some(&args.x)), Asked::new(Wanted { option: "y", ..ANY }, Some(&args.y))];
    let asked = if args.x == args.y { &asked[..1] } else { &asked[..] };
    let (operands, _) = Operands::open(job, &args.common, asked)?;
    operands.check_once()?;
    check_output(job.comm, &args.common.output, &operands.files())?;
    let parts = args.common.selection.parts(job.comm, &operands.first().variable().dims)?;
    Ok(Eddy { args, operands, parts })
}

impl ByItself for Eddy<'_> {
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
        vec![self.state()]
    }
    fn all(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        self.write(job)
    }
}

impl Eddy<'_> {
    fn state(&self) -> String {
        format!("{}.{}", self.args.x, self.args.y)
    }

    fn write(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let (args, operands) = (self.args, &self.operands);
        let count = operands.sources.len();
        let fold = Cells::new(count, &[(0, count - 1)])?;
        // Layers that follow the ground have a mass of their own at every cell and time.
        let fold = if operands.are_hybrid() { fold.weighted() } else { fold };
        let how =
            (self.parts.as_deref(), &*self.state(), &*format!("eddy {:?}", args.common.selection.describe()));
        let mut found = products::run(job, operands, fold, how)?;
        let parts = found.sections.parts.pop().ok_or_else(|| Error::internal("a pair without parts"))?;
        let (x, y) = (&args.x, &args.y);
        let units_of = |k: usize| operands.sources[k].variable().units();
        let units = match (units_of(0), units_of(count - 1)) {
            (Some(a), Some("1")) => a.to_owned(),
            (Some("1"), Some(b)) => b.to_owned(),
            (Some(a), Some(b)) => format!("{a} {b}"),
            _ => String::new(),
        };
        let methods = format!("{}: longitude: mean", operands.first().time_name());
        let section = |part: &str, text: &str| {
            Variable::section(&format!("{x}_{y}_{part}"), format!("flux [{x} {y}]: {text}"), &units)
                .methods(methods.clone())
        };
        let variables = [
            section("total", "mean of the product"),
            section("mean", "mean meridional circulation"),
            section("stationary", "stationary eddies"),
            section("transient", "transient eddies, covariance in time"),
        ];
        let options = args.common.describe(vec![format!("x={x}"), format!("y={y}")]);
        let mut attributes =
            global(operands, (&format!("Flux of {y} by {x} and what carries it"), "eddy"), options);
        attributes.set("halocline_tiling", found.tiling.as_str());
        let sum: Vec<f64> = (0..parts.total.len())
            .map(|i| parts.mean[i] + parts.stationary[i] + parts.transient[i])
            .collect();
        job.verbosity.say(job.comm, || products::closure(&format!("[{x} {y}]"), &sum, &parts.total));
        let mut file = File::create(job.comm, &args.common.output, operands, (&variables, true), attributes)?;
        file.write(None, vec![parts.total, parts.mean, parts.stationary, parts.transient])?;
        job.write(|| file.finish())
    }
}
