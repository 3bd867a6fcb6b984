//! `halocline relate`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

pub(crate) mod index;
mod lags;
mod options;
mod output;
mod run;

use crate::checkpoint::CheckpointArgs;
use crate::common::{CompressArgs, InputArgs, MemoryArgs, SelectionArgs, Verbosity};
use crate::folding::FoldJob;
use crate::step;
use halocline_core::comm::Comm;
use halocline_core::Result;
use options::{Lags, RelateOp};
use run::Relations;
use std::path::PathBuf;

/// How a variable goes with an index series, or with another field of the same grid and times,
/// at every cell: correlation, regression, covariance, composites.
///
/// Pairs of which one value is missing are skipped. Significance is that of a two-sided t test
/// with an effective sample size (Bretherton et al. 1999), and over the map that of the false
/// discovery rate (Wilks 2016). One pass, bounded memory; the same bits on any number of ranks.
#[derive(Debug, clap::Args)]
pub(crate) struct RelateArgs {
    #[command(flatten)]
    input: InputArgs,
    /// The variable
    #[arg(long, value_name = "NAME")]
    var: String,
    /// What it is related to: variable VAR of other files (a field of the same grid and times, or
    /// a series: an index), or a text file with a date and a value on each line
    #[arg(long, value_name = "FILES:VAR|INDEX.csv")]
    with: String,
    /// What to compute, separated by commas: correlation, regression, covariance, composite
    #[arg(long, value_name = "OP,…", default_value = "correlation", value_delimiter = ',', value_parser = options::parse_op)]
    op: Vec<RelateOp>,
    /// Lags in time steps, as in -12..12 or 0,3,6; positive: the index, or the
    /// other field, leads the variable
    #[arg(long, value_name = "A..B", allow_hyphen_values = true, value_parser = options::parse_lags)]
    lags: Option<Lags>,
    /// Remove a straight line, fitted over the record number, from both first
    #[arg(long)]
    detrend: bool,
    /// Regress per standard deviation of the index, not per unit
    #[arg(long)]
    standardize: bool,
    /// Subtracted from the number of pairs that covariances and standard deviations are divided by
    /// [default: 1]
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=1), value_name = "0|1")]
    ddof: Option<u8>,
    /// Composites are of times at which the index is so many of its standard deviations above or
    /// below its mean [default: 1]
    #[arg(long, value_name = "STD")]
    threshold: Option<f64>,
    /// Level of the false discovery rate [default: 0.05]
    #[arg(long, value_name = "P")]
    alpha: Option<f64>,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    #[command(flatten)]
    checkpoint: CheckpointArgs,
    /// The file to write
    #[arg(long, short, value_name = "OUT.nc")]
    output: PathBuf,
    #[command(flatten)]
    compress: CompressArgs,
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &RelateArgs, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), &args.memory, &args.checkpoint, |job| open(job, args))
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a RelateArgs) -> Result<Relations<'a>> {
    Relations::open(job, args)
}
