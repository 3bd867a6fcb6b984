//! `halocline climatology`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

mod anomaly;
mod output;
mod parts;
mod run;

use crate::asked::{self, parse_asked, parse_method, Asked};
use crate::checkpoint::CheckpointArgs;
use crate::common::{check_once, described, is_same_place, InputArgs, MemoryArgs, SelectionArgs, Verbosity};
use crate::folding::FoldJob;
use crate::step;
use halocline_algorithms::statistics::{Op, QuantileMethod};
use halocline_core::calendar::{Calendar, Cycle, LeapDay, TimeRange};
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use halocline_io::output::Compression;
use halocline_io::Selection;
use run::Climatology;
use std::path::PathBuf;

/// The mean year or day: statistics of each calendar month, season, day or hour over all years,
/// and departures from it.
///
/// Days of a year are counted by month and day, so that 1 March is the same day in leap years.
/// Missing values are skipped; a standard deviation divides by n - 1. With --anomaly, a second
/// pass subtracts what was written to -o.
#[derive(Debug, clap::Args)]
pub(crate) struct ClimatologyArgs {
    #[command(flatten)]
    input: InputArgs,
    /// The variables
    #[arg(long, value_name = "NAME,…", required = true, value_delimiter = ',')]
    var: Vec<String>,
    /// What comes back: each month, season (DJF, MAM, JJA, SON), day of the year, or hour of the day
    #[arg(long, value_enum, value_name = "month|season|dayofyear|hour", hide_possible_values = true)]
    by: By,
    /// Pool so many neighbouring days (or months, seasons, hours), an odd number
    #[arg(long, value_name = "N", default_value_t = 1)]
    window: usize,
    /// What to do with 29 February by day of the year: keep it as a day of its own, drop it, or
    /// merge it into 28 February
    #[arg(long, value_enum, default_value_t = Leap::Keep, value_name = "keep|drop|merge", hide_possible_values = true)]
    leap_day: Leap,
    /// Times that the climatology is made of, as in 1991/2020 [default: all that are selected]
    #[arg(long, value_name = "A/B")]
    base: Option<String>,
    /// What to compute, separated by commas: mean, sum, min, max, std, var, count, range, rms, and
    /// percentiles such as p10
    /// [default: mean, and std with --standardize]
    #[arg(long, value_name = "OP,…", value_delimiter = ',', value_parser = parse_op)]
    op: Option<Vec<Asked>>,
    /// How percentiles are defined, as in `halocline stats` [default: linear]
    #[arg(long, value_name = "METHOD", value_parser = parse_method)]
    percentile: Option<QuantileMethod>,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    #[command(flatten)]
    checkpoint: CheckpointArgs,
    /// The climatology to write
    #[arg(long, short, value_name = "CLIM.nc")]
    output: PathBuf,
    /// The anomalies to write: what is selected, less the mean of its month, season, day or hour
    #[arg(long, value_name = "ANOM.nc")]
    anomaly: Option<PathBuf>,
    /// Divide the anomalies by the standard deviation
    #[arg(long, requires = "anomaly")]
    standardize: bool,
    /// Compression of the anomalies: none, deflate:N with N from 1 (fast) to 9, or zstd:N with N
    /// from -7 to 22, which not every reader has the plugin for
    #[arg(long, value_name = "none|deflate:N|zstd:N", default_value = "deflate:1", requires = "anomaly")]
    compress: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum By {
    Month,
    Season,
    Dayofyear,
    Hour,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Leap {
    Keep,
    Drop,
    Merge,
}

fn parse_op(word: &str) -> std::result::Result<Asked, String> {
    match parse_asked(word)? {
        Asked::Op(Op::Trend) => Err("there is no trend of what comes back every year".to_owned()),
        asked => Ok(asked),
    }
}

/// What is wanted, checked.
struct Job {
    cycle: Cycle,
    asked: Vec<Asked>,
    method: QuantileMethod,
    window: usize,
    /// What the climatology is made of.
    base: Selection,
    /// What becomes anomalies.
    all: Selection,
    compression: Compression,
}

impl ClimatologyArgs {
    /// What can be checked before anything is opened.
    pub(crate) fn check(&self) -> Result<()> {
        self.job().map(drop)
    }

    fn job(&self) -> Result<Job> {
        let leap = match self.leap_day {
            Leap::Keep => LeapDay::Keep,
            Leap::Drop => LeapDay::Drop,
            Leap::Merge => LeapDay::Merge,
        };
        let cycle = match self.by {
            By::Month => Cycle::Month,
            By::Season => Cycle::Season,
            By::Dayofyear => Cycle::DayOfYear(leap),
            By::Hour => Cycle::Hour,
        };
        if !matches!(cycle, Cycle::DayOfYear(_)) && leap != LeapDay::Keep {
            return Err(Error::usage("--leap-day is about days of the year")
                .remedy("leave it out, or use --by dayofyear"));
        }
        if self.window % 2 == 0 {
            return Err(Error::usage(format!("--window {} has no middle", self.window))
                .remedy("choose an odd number"));
        }
        let periods = cycle.len(Calendar::Standard);
        if self.window > periods {
            return Err(Error::usage(format!(
                "--window {} is longer than the cycle of {periods} periods",
                self.window
            ))
            .remedy(format!("choose an odd number below {periods}, or `stats --op mean --over time`")));
        }
        let mut ops = self.op.clone().unwrap_or_else(|| vec![Asked::Op(Op::Mean)]);
        if self.op.is_none() && self.standardize {
            ops.push(Asked::Op(Op::Std));
        }
        let wanted = [(self.anomaly.is_some(), Op::Mean), (self.standardize, Op::Std)];
        if let Some((_, op)) =
            wanted.into_iter().find(|(needed, op)| *needed && !ops.contains(&Asked::Op(*op)))
        {
            return Err(Error::usage(format!("the anomalies need the {} of the climatology", op.name()))
                .remedy(format!("add {} to --op", op.name())));
        }
        check_once(&self.var)?;
        check_once(&ops.iter().map(|asked| asked.name()).collect::<Vec<_>>())?;
        if self.anomaly.as_ref().is_some_and(|anomaly| is_same_place(anomaly, &self.output)) {
            return Err(Error::usage("climatology and anomalies would be the same file")
                .in_file(&self.output)
                .remedy("name two files"));
        }
        let all = self.selection.of_all_levels(self.input.io)?;
        let mut base = all.clone();
        if let Some(text) = &self.base {
            base.time = Some(TimeRange::parse(text)?);
        }
        if self.percentile.is_some() && asked::percents(&ops).is_empty() {
            return Err(Error::usage("--percentile is for percentiles")
                .remedy("ask for some, as in --op p50, or leave it out"));
        }
        let method = self.percentile.unwrap_or(QuantileMethod::Linear);
        let compression = self.compression()?;
        Ok(Job { cycle, asked: ops, method, window: self.window, base, all, compression })
    }

    fn compression(&self) -> Result<Compression> {
        let of_option = |e: Error| Error { message: format!("--compress: {}", e.message), ..e };
        self.compress.parse().map_err(of_option)
    }

    /// As it is written into outputs.
    fn describe(&self, job: &Job) -> String {
        let ops: Vec<String> = job.asked.iter().map(|asked| asked.name()).collect();
        let mut options = vec![format!("by={}", job.cycle.name()), format!("op={}", ops.join(","))];
        options.push(format!("window={}", job.window));
        if let Cycle::DayOfYear(leap) = job.cycle {
            options.push(format!("leap-day={}", format!("{leap:?}").to_lowercase()));
        }
        options.extend(self.base.iter().map(|base| format!("base={base}")));
        options.push("missing=skip; ddof=1".to_owned());
        if !asked::percents(&job.asked).is_empty() {
            options.push(format!("percentile={}", job.method.name()));
        }
        options.extend(described(&self.input, &self.selection));
        options.join("; ")
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &ClimatologyArgs, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), &args.memory, &args.checkpoint, |job| open(job, args))
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a ClimatologyArgs) -> Result<Climatology<'a>> {
    Climatology::open(job, args)
}
