//! `halocline eof`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

mod output;

use crate::common::{check_output, paths, InputArgs, MemoryArgs, SelectionArgs, Verbosity};
use crate::folding::{self, FoldJob};
use crate::series;
use halocline_algorithms::eof::{
    self, Anomaly, Covariance, Eof, EofField, EofInput, EofOptions, EofScaling, Modes, PcScaling, Precision,
};
use halocline_core::comm::Comm;
use halocline_core::engine::Engine;
use halocline_core::progress::{Phase, Progress};
use halocline_core::{Error, ErrorKind, Result};
use crate::common::bytes_text;
use halocline_io::dataset::Dataset;
use halocline_io::output::WriteReport;
use halocline_io::source::Source;
use std::path::PathBuf;
use std::sync::Arc;

/// Empirical orthogonal functions: the leading modes of variability of a field.
///
/// Writes eof(mode,lat,lon), pc(time,mode), eigenvalue, variance_fraction, north_error and
/// total_variance. With the default scalings the anomaly is the sum of pc × eof, in the units of
/// the field. The entry of largest magnitude of each (weighted) EOF is positive.
#[derive(Debug, clap::Args)]
pub(crate) struct EofArgs {
    #[command(flatten)]
    input: InputArgs,
    /// The variable to analyse
    #[arg(long, value_name = "NAME")]
    var: String,
    /// Number of modes [default: 10, or as many as there are]
    #[arg(long, value_name = "N")]
    modes: Option<usize>,
    /// Weights applied to the data: √cos(latitude), √(cell area / total area), or none
    #[arg(long, value_enum, default_value_t = WeightChoice::Coslat)]
    weights: WeightChoice,
    /// What is removed first: the time mean, the mean of each calendar month, or nothing
    #[arg(long, value_enum, default_value_t = AnomalyChoice::Mean)]
    anomaly: AnomalyChoice,
    /// Remove each cell's straight line, fitted over the record number (after the anomaly)
    #[arg(long)]
    detrend: bool,
    /// Divide each cell by its standard deviation (after anomaly and detrending)
    #[arg(long)]
    standardize: bool,
    /// Principal components: 0 as they are, 1 divided by √eigenvalue, 2 multiplied by it
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=2), value_name = "0|1|2")]
    pc_scaling: u8,
    /// EOFs: 0 unit norm, 1 divided by √eigenvalue, 2 multiplied by it (these of the weighted
    /// field); covariance or correlation of the field with the principal components
    #[arg(long, value_enum, default_value_t = EofScalingChoice::Covariance)]
    eof_scaling: EofScalingChoice,
    /// How products of values are computed: `mixed` is in single precision, added up in double,
    /// and its error bound is printed
    #[arg(long, value_enum, default_value_t = PrecisionChoice::Double, value_name = "double|mixed", hide_possible_values = true)]
    precision: PrecisionChoice,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    /// The file to write
    #[arg(long, short, value_name = "OUT.nc")]
    output: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum WeightChoice {
    Coslat,
    Area,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum AnomalyChoice {
    Mean,
    Climatology,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum PrecisionChoice {
    Double,
    Mixed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum EofScalingChoice {
    #[value(name = "0")]
    UnitNorm,
    #[value(name = "1")]
    Divided,
    #[value(name = "2")]
    Multiplied,
    Covariance,
    Correlation,
}

/// The word that the user writes for a choice.
fn word(choice: &impl clap::ValueEnum) -> String {
    choice.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned())
}

impl EofArgs {
    fn options(&self) -> EofOptions {
        EofOptions {
            modes: self.modes.map_or(Modes::UpTo(10), Modes::Exactly),
            anomaly: match self.anomaly {
                AnomalyChoice::Mean => Anomaly::Mean,
                AnomalyChoice::Climatology => Anomaly::Climatology,
                AnomalyChoice::None => Anomaly::None,
            },
            detrend: self.detrend,
            standardize: self.standardize,
            pc_scaling: match self.pc_scaling {
                0 => PcScaling::Raw,
                1 => PcScaling::UnitVariance,
                _ => PcScaling::Multiplied,
            },
            eof_scaling: match self.eof_scaling {
                EofScalingChoice::UnitNorm => EofScaling::UnitNorm,
                EofScalingChoice::Divided => EofScaling::Divided,
                EofScalingChoice::Multiplied => EofScaling::Multiplied,
                EofScalingChoice::Covariance => EofScaling::Covariance,
                EofScalingChoice::Correlation => EofScaling::Correlation,
            },
            precision: match self.precision {
                PrecisionChoice::Double => Precision::Double,
                PrecisionChoice::Mixed => Precision::Mixed,
            },
        }
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &EofArgs, verbosity: Verbosity) -> Result<()> {
    let progress = Arc::new(Progress::default());
    let budget = args.memory.budget(comm)?;
    let job = FoldJob { comm, verbosity, budget: &budget, checkpoints: None, progress: &progress };
    let written = analyse(&job, args)?;
    job.finished(&args.output, &written)
}

/// Looks at the files, and refuses what can be refused before data are read.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open(comm: &Comm, args: &EofArgs, verbosity: Verbosity) -> Result<(Dataset, Source)> {
    let mut selection = args.selection.selection()?;
    selection.io = args.input.io;
    let dataset = args.input.open(comm, verbosity)?;
    check_output(comm, &args.output, &paths(&dataset))?;
    let source = dataset.source(comm, &args.var, &selection)?;
    check(args, &source).map_err(|e| blame(e, args, &dataset))?;
    Ok((dataset, source))
}

/// What the analysis refuses, it refuses of this variable of these files.
fn blame(e: Error, args: &EofArgs, dataset: &Dataset) -> Error {
    let analysed = !matches!(e.kind, halocline_core::ErrorKind::Internal | halocline_core::ErrorKind::System);
    match paths(dataset).first() {
        Some(file) if analysed => e.in_file(file).in_variable(&args.var),
        _ => e,
    }
}

/// Refuses data that have no modes, and more modes than there are.
fn check(args: &EofArgs, source: &Source) -> Result<()> {
    let (grid, times) = (source.grid(), source.time());
    if grid.dims.is_empty() {
        return Err(Error::data("has no horizontal dimension, and an EOF analysis needs one"));
    }
    if times.values.len() < 2 {
        return Err(Error::data(format!(
            "an EOF analysis needs at least two times, there is {}",
            times.values.len()
        )));
    }
    let limit = (times.values.len() - 1).min(grid.len());
    match args.modes.filter(|modes| !(1..=limit).contains(modes)) {
        None => Ok(()),
        Some(modes) => Err(Error::usage(format!("{modes} modes are asked for, there are at most {limit}"))
            .remedy(format!("choose --modes between 1 and {limit}"))),
    }
}

/// Does the analysis and writes its result, within the budget of a job.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn analyse(job: &FoldJob<'_>, args: &EofArgs) -> Result<WriteReport> {
    let opening = job.progress.phases.start(Phase::Open);
    let (dataset, source) = open(job.comm, args, job.verbosity)?;
    drop(opening);
    let watch = job.watch();
    let eof = solve(job, args, &source).map_err(|e| blame(e, args, &dataset))?;
    drop(watch);
    summary(job.comm, args, &source, &eof, job.verbosity);
    job.write(|| output::write(job.comm, args, (&dataset, &source), eof))
}

fn solve(job: &FoldJob<'_>, args: &EofArgs, source: &Source) -> Result<Eof> {
    let (comm, verbosity) = (job.comm, job.verbosity);
    let dims = &source.variable().dims;
    let (grid, times) = (source.grid(), source.time());
    let parts = args.selection.parts(comm, dims)?;
    let weights = weights(args, source)?;
    let months = match args.anomaly {
        AnomalyChoice::Climatology => times.months(),
        _ => Vec::new(),
    };
    if args.detrend && times.step_text() == "irregular" {
        verbosity.say(comm, || {
            "note: the time steps are irregular; --detrend takes records as equally spaced".into()
        });
    }
    let options = args.options();
    let modes = args.modes.unwrap_or(10).min(times.values.len() - 1);
    let needs = eof::needs(dims, &grid.excluded, &options, modes);
    // The maps of all ranks come together at the one that writes.
    let maps = ((needs.rows * grid.len()) as u64).saturating_mul(2 * 8);
    let states = eof::state_bytes(dims, &grid.excluded);
    let solver = eof::solver_bytes(dims, &grid.excluded);
    let room = job.budget.bytes.saturating_sub(job.budget.largest_base(comm));
    if solver > room {
        return Err(Error::new(
            ErrorKind::Memory,
            format!(
                "{} are needed to solve for the modes of {} times and {} cells, {} are there of {} ({})",
                bytes_text(solver),
                times.values.len(),
                grid.len(),
                bytes_text(room),
                bytes_text(job.budget.bytes),
                job.budget.origin
            ),
        )
        .remedy("give more --memory, or average the data in time first (halocline stats --by month)"));
    }
    let plan = series::plan_needs(job, &args.var, source, &needs, parts.as_deref(), states.max(maps))?;
    let locate = |cell, time| locate(source, cell, time);
    let input =
        EofInput { weights: &weights, excluded: &grid.excluded, months: &months, locate: &locate };
    let field = EofField { source, plan: &plan, input };
    let engine = Engine::with_progress(comm, job.progress);
    folding::guarded(comm, &[source], || eof::analyse_series(&engine, &field, &options))
}

/// The weight of each cell; empty for none.
fn weights(args: &EofArgs, source: &Source) -> Result<Vec<f64>> {
    match args.weights {
        WeightChoice::None => Ok(Vec::new()),
        WeightChoice::Coslat => source.grid().sqrt_cos_latitudes(),
        WeightChoice::Area => {
            let areas = source.grid().areas()?;
            let total: f64 = areas.iter().sum();
            Ok(areas.iter().map(|a| (a / total).sqrt()).collect())
        }
    }
}

/// Where and when a value is, in the user's words.
fn locate(source: &Source, cell: usize, time: usize) -> String {
    let grid = source.grid();
    let shape = grid.shape();
    let index: Vec<String> = match shape.as_slice() {
        [_, nx] => vec![(cell / nx).to_string(), (cell % nx).to_string()],
        _ => vec![cell.to_string()],
    };
    let place = match (grid.latitudes(), grid.longitudes()) {
        (Some(lat), Some(lon)) => format!("at latitude {}, longitude {}", lat[cell], lon[cell]),
        _ => format!(
            "at {}",
            grid.dims
                .iter()
                .zip(&index)
                .map(|(d, i)| format!("{}={i}", d.name))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    };
    format!("{place} on {}", source.time().datetime(time).iso())
}

fn summary(comm: &Comm, args: &EofArgs, source: &Source, eof: &Eof, verbosity: Verbosity) {
    verbosity.say(comm, || {
        let covariance = match eof.covariance {
            Covariance::Temporal => "between times",
            Covariance::Spatial => "between cells",
        };
        let mut lines = vec![format!(
            "{} cells with data, {} times, covariance {covariance}",
            eof.cells,
            source.time().values.len()
        )];
        if eof.constant > 0 && (args.standardize || args.eof_scaling == EofScalingChoice::Correlation) {
            lines.push(format!("note: {} of these cells do not vary and come out as missing", eof.constant));
        }
        lines.push("mode    eigenvalue      variance  North error".into());
        for k in 0..eof.eigenvalues.len().min(10) {
            lines.push(format!(
                "{:>4}  {:>12.6e}  {:>10.2} %  {:>9.2} %",
                k + 1,
                eof.eigenvalues[k],
                100.0 * eof.variance_fraction[k],
                100.0 * eof.north_error[k] / eof.total_variance
            ));
        }
        if eof.error_bound > 0.0 {
            lines.push(format!(
                "note: products in single precision: each eigenvalue is off by {:.3e} at most, {:.1e} of the total variance",
                eof.error_bound,
                eof.error_bound / eof.total_variance
            ));
        }
        if let Some(k) = (0..eof.eigenvalues.len()).find(|&k| eof.precision(k) > 1e-8) {
            let last = eof.precision(eof.eigenvalues.len() - 1);
            lines.push(format!(
                "note: from mode {} on, the variance is so small beside the first mode's that only about {:.0} \
                 digits hold in the last",
                k + 1,
                -last.log10()
            ));
        }
        lines.join("\n")
    });
}
