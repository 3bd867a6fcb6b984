//! `halocline histogram`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

mod options;
mod output;
mod run;

use crate::checkpoint::CheckpointArgs;
use crate::common::{check_output, paths, InputArgs, MemoryArgs, SelectionArgs, Verbosity};
use crate::folding::{self, FoldJob};
use crate::pairs;
use halocline_algorithms::statistics::Bins;
use halocline_core::comm::Comm;
use halocline_core::progress::{Phase, Progress};
use halocline_core::{Error, Result};
use halocline_io::source::Source;
use std::path::PathBuf;
use std::sync::Arc;

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
    args.check()?;
    let selection = args.selection.of_all_levels(args.input.io)?;
    let progress = Arc::new(Progress::default());
    let opening = progress.phases.start(Phase::Open);
    let dataset = args.input.open(comm, verbosity)?;
    let mut files = paths(&dataset);
    let mut sources: Vec<Source> =
        args.var.iter().map(|name| dataset.source(comm, name, &selection)).collect::<Result<_>>()?;
    let mut second = args.var.get(1).map(|name| (files.first().cloned().unwrap_or_default(), name.clone()));
    if let Some((others, name)) = args.with.as_deref().map(options::parse_with).transpose()? {
        let other = halocline_io::open_with(comm, &[others], dataset.options())?;
        other.notes().iter().for_each(|note| verbosity.detail(comm, || note.clone()));
        sources.push(other.source(comm, &name, &selection)?);
        let file = other.files().first().map_or_else(PathBuf::new, |f| PathBuf::from(&f.path));
        pairs::check_members(&dataset, &other).map_err(|e| folding::blame(e, Some(&file), &name))?;
        files.extend(paths(&other));
        second = Some((file, name));
    }
    if let ([a, b], Some((file, name))) = (sources.as_slice(), &second) {
        pairs::check_together(a, b).map_err(|e| folding::blame(e, Some(file), name))?;
    }
    check_output(comm, &args.output, &files)?;
    drop(opening);
    let taken: Vec<PathBuf> = files.iter().chain([&args.output]).cloned().collect();
    let checkpoints = args.checkpoint.plan(comm, verbosity, &taken, &args.var[..1])?;
    let budget = args.memory.budget(comm)?;
    let job =
        FoldJob { comm, verbosity, budget: &budget, checkpoints: checkpoints.as_ref(), progress: &progress };
    let watch = job.watch();
    let blame = |e: Error| folding::blame(e, files.first(), &args.var[0]);
    let counted = run::count(&job, args, &sources).map_err(blame)?;
    let report = job.write(|| output::write(comm, args, &dataset, &sources, &counted))?;
    drop(watch);
    job.finished(&args.output, &report)
}
