//! `halocline stats`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

mod describe;
mod options;
mod output;
pub(crate) mod over;
mod percentiles;
mod reduce;
mod run;
mod sent;
mod series;
pub(crate) mod space;
mod times;
pub(crate) mod weights;

use crate::asked::{parse_asked, parse_method, Asked};
use crate::bench::model::Case;
use crate::checkpoint::CheckpointArgs;
use crate::common::{CompressArgs, InputArgs, MemoryArgs, SelectionArgs, Verbosity};
use crate::folding::FoldJob;
use crate::plan::Foreseen;
use crate::step;
use halocline_algorithms::statistics::{Missing, QuantileMethod};
use halocline_core::comm::Comm;
use halocline_core::Result;
use options::{parse_missing, By, Convention, Per, Weight};
use run::Statistics;
use std::path::PathBuf;

/// Statistics over time, area, latitude, longitude, levels or several of them, in one pass and
/// bounded memory.
///
/// Missing values are skipped (see --missing); sums are in double precision, in an order that
/// depends on the shape of the data alone. Means, deviations and root mean squares over both
/// horizontal dimensions, or over latitude, are weighted by area; others are not (see --weights).
/// One --op keeps the variable's name; several append theirs, as in tos_mean. A trend gives
/// tos_slope, tos_intercept, tos_slope_stderr, tos_slope_pvalue and tos_effective_sample_size.
#[derive(Debug, clap::Args)]
pub(crate) struct StatsArgs {
    #[command(flatten)]
    input: InputArgs,
    /// The variables
    #[arg(long, value_name = "NAME,…", required = true, value_delimiter = ',')]
    var: Vec<String>,
    /// What to compute, separated by commas: mean, sum, min, max, std, var, count, range, rms,
    /// trend, and percentiles such as p50 or p99.9, which are not weighted
    #[arg(long, value_name = "OP,…", default_value = "mean", value_delimiter = ',', value_parser = parse_asked)]
    op: Vec<Asked>,
    /// The dimensions to reduce, separated by commas: time, lat, lon, lev, or as the file names
    /// them
    #[arg(long, value_name = "DIM,…", default_value = "time", value_delimiter = ',')]
    over: Vec<String>,
    /// Which times are reduced together; a season's December counts for the next year
    #[arg(long, value_enum, default_value_t = By::All, value_name = "all|year|season|month|day|hour", hide_possible_values = true)]
    by: By,
    /// Take the operations over each N consecutive times instead of all: mean, sum, min, max, std,
    /// var, range, count, rms
    #[arg(long, value_name = "N")]
    running: Option<usize>,
    /// How percentiles are defined: linear, lower, higher, nearest, midpoint, hazen, weibull (or
    /// nist), median_unbiased (or rtype8), normal_unbiased, inverted_cdf (or nrank)
    /// [default: linear]
    #[arg(long, value_name = "METHOD", value_parser = parse_method)]
    percentile: Option<QuantileMethod>,
    /// Percentiles over time in one pass by sketches: values whose rank is wrong by ERR times the
    /// number of values at most, as in 0.01
    #[arg(long, value_name = "ERR", conflicts_with = "percentile")]
    approx: Option<f64>,
    /// Weights of mean, std, var and rms: area, time (lengths from bounds, else of months) or
    /// both, or none [default: area over both horizontal dimensions or over latitude, else none]
    #[arg(
        long,
        value_enum,
        value_name = "area|time|none",
        value_delimiter = ',',
        hide_possible_values = true
    )]
    weights: Vec<Weight>,
    /// When a result is missing: skip missing values, propagate them, or ask for N values
    #[arg(long, default_value = "skip", value_name = "skip|propagate|N", value_parser = parse_missing)]
    missing: Missing,
    /// Degrees of freedom that std and var lose: they divide by n - ddof [default: 1]
    #[arg(long, value_name = "0|1", value_parser = clap::value_parser!(u8).range(0..=1))]
    ddof: Option<u8>,
    /// What a trend is a change per [default: unit, that of the time coordinate]
    #[arg(
        long,
        value_enum,
        value_name = "unit|step|hour|day|year|decade|century",
        hide_possible_values = true
    )]
    per: Option<Per>,
    /// Whose defaults hold where tools differ
    #[arg(long, value_enum, default_value_t = Convention::Halocline, value_name = "halocline|cdo|xarray|ncl", hide_possible_values = true)]
    convention: Convention,
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

impl StatsArgs {
    /// What its cost follows from; `None` if it is more than a pass over steps.
    pub(crate) fn foreseen(&self) -> Option<Foreseen<'_>> {
        let plain = self.op.iter().all(|op| matches!(op, Asked::Op(_)));
        let over_time = self.over == ["time"];
        (plain && over_time && self.running.is_none()).then(|| Foreseen {
            case: Case::Stats,
            input: &self.input,
            selection: Some(&self.selection),
            vars: &self.var,
            segment: None,
            results: self.op.len() as f64,
        })
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &StatsArgs, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), &args.memory, &args.checkpoint, |job| open(job, args))
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a StatsArgs) -> Result<Statistics<'a>> {
    Statistics::open(job, args)
}
