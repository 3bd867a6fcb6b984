//! `halocline histogram`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

mod count;
mod options;
mod output;
mod run;

use crate::checkpoint::CheckpointArgs;
use crate::common::{CompressArgs, InputArgs, MemoryArgs, SelectionArgs, Verbosity};
use crate::folding::FoldJob;
use crate::step;
use halocline_algorithms::statistics::Bins;
use halocline_core::comm::Comm;
use halocline_core::Result;
use run::Histograms;
use std::path::PathBuf;

/// Histograms of a variable, or joint ones of two, over all dimensions or some.
///
/// Bins are half open, the last one is closed; values outside of bins and missing ones are
/// counted apart. Counts are exact. One pass, bounded memory; the same bits on any number of
/// ranks.
#[derive(Debug, clap::Args)]
pub(crate) struct HistogramArgs {
    #[command(flatten)]
    input: InputArgs,
    /// The variable; two for a joint histogram
    #[arg(long, value_name = "NAME[,NAME]", required = true, value_delimiter = ',')]
    var: Vec<String>,
    /// The second variable, if it is in other files: VAR of FILES, on the same grid and times
    #[arg(long, value_name = "FILES:VAR")]
    with: Option<String>,
    /// N bins of one width from A to B, or the edges of bins; once for each variable
    #[arg(long, value_name = "A:B:N|E,E,…", required = true, allow_hyphen_values = true, value_parser = options::parse_bins)]
    bins: Vec<Bins>,
    /// The dimensions to count over, as in time or lat,lon
    #[arg(long, value_name = "all|DIM,…", default_value = "all", value_delimiter = ',')]
    over: Vec<String>,
    /// Divide by the number of values in bins, and by the widths of bins: the integral is 1
    #[arg(long)]
    density: bool,
    /// Count each value by the share of its cell in the area of the grid
    #[arg(long, value_enum, default_value_t = Weights::None, value_name = "none|area")]
    weights: Weights,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Weights {
    None,
    Area,
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &HistogramArgs, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), &args.memory, &args.checkpoint, |job| open(job, args))
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a HistogramArgs) -> Result<Histograms<'a>> {
    Histograms::open(job, args)
}
