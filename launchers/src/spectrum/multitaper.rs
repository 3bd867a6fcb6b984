//! `halocline spectrum multitaper`.

use super::estimate::{parse_confidence, Confidence, FrequencyUnits};
use super::frame::{means, Frame};
use super::multitaper_file::File;
use super::series::{fits, mean, SeriesArgs};
use crate::checkpoint::CheckpointArgs;
use crate::common::{
    self, check_once, check_output, paths, CompressArgs, InputArgs, MemoryArgs, SelectionArgs, Verbosity,
};
use crate::folding::{self, FoldJob};
use crate::repeated;
use crate::series::{plan_together, run_together, writing_bytes};
use crate::stats::over::Reduced;
use crate::step::{self, Alone, ByItself};
use halocline_algorithms::spectra::{
    EachSeries, Estimate, Multitaper, MultitaperOptions, MultitaperResult, Sampling, Segments,
};
use halocline_core::comm::Comm;
use halocline_core::progress::Phase;
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::output::WriteReport;
use halocline_io::source::Source;
use std::path::{Path, PathBuf};

/// Multitaper spectra in time of every series of a field, or their mean over an area, with Thomson's
/// test for lines.
///
/// One-sided densities: means of the spectra by orthogonal tapers (DPSS, those of
/// scipy.signal.windows.dpss), weighted by how well these keep what leaks, or adaptively. Beside the
/// spectrum come its limits of confidence, red noise and the level that such noise exceeds by chance,
/// and at each frequency the ratio F of a line's power to the rest. Times must be regular; months
/// count as equally long.
#[derive(Debug, clap::Args)]
pub(crate) struct MultitaperArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// The variable
    #[arg(long, value_name = "NAME")]
    pub(super) var: String,
    /// The time half-bandwidth product NW: estimates are means over 2 NW frequencies of the series
    #[arg(long, value_name = "NW", default_value_t = 4.0)]
    pub(super) bandwidth: f64,
    /// How many tapers [default: 2 NW - 1, rounded down]
    #[arg(long, value_name = "K")]
    pub(super) tapers: Option<usize>,
    /// Weigh tapers at each frequency by how much power leaks into it (Thomson 1982)
    #[arg(long)]
    pub(super) adaptive: bool,
    /// Values of a transform: zeros behind the series make frequencies closer, which finds lines
    /// between them [default: those of the series]
    #[arg(long, value_name = "N")]
    pad: Option<usize>,
    /// What to write beside the spectrum, separated by commas: limits (of confidence), noise
    /// (background, significance, autocorrelation), lines (F and amplitude) [default: all of them; of
    /// averages all but lines]
    #[arg(long, value_name = "OP,…", value_delimiter = ',', value_parser = ["limits", "noise", "lines"], hide_possible_values = true)]
    op: Vec<String>,
    #[command(flatten)]
    pub(super) series: SeriesArgs,
    /// What frequencies count
    #[arg(long, value_enum, default_value_t = FrequencyUnits::Day, value_name = "cycles/hour|day|month|year", hide_possible_values = true)]
    pub(super) frequency_units: FrequencyUnits,
    /// Levels of confidence of limits and tests; none: neither of them
    #[arg(long, value_name = "P,…|none", default_value = "0.95", value_parser = parse_confidence)]
    pub(super) confidence: Confidence,
    #[command(flatten)]
    pub(super) selection: SelectionArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    #[command(flatten)]
    checkpoint: CheckpointArgs,
    /// The file to write
    #[arg(long, short, value_name = "OUT.nc")]
    pub(super) output: PathBuf,
    #[command(flatten)]
    pub(super) compress: CompressArgs,
}

impl MultitaperArgs {
    /// What can be checked before anything is opened.
    pub(crate) fn check(&self) -> Result<()> {
        check_once(&self.op)?;
        let asks = |name: &str| self.op.iter().any(|op| op == name);
        if self.series.is_averaged() && asks("lines") {
            return Err(Error::usage("the test for lines is of single series")
                .remedy("leave --average out, or `lines` out of --op"));
        }
        if self.confidence.0.is_empty() && (asks("limits") || asks("noise")) {
            return Err(
                Error::usage("--op limits and noise need a level").remedy("give one with --confidence")
            );
        }
        self.series.check()
    }
    /// Whether this is written.
    pub(super) fn wants(&self, op: &str) -> bool {
        // Lines need two tapers, as many as the bandwidth makes where none are told.
        let tapers = self.tapers.map_or(2.0 * self.bandwidth - 1.0, |k| k as f64);
        let is_possible = match op {
            "lines" => !self.series.is_averaged() && tapers >= 2.0,
            _ => !self.confidence.0.is_empty(),
        };
        self.op.iter().any(|own| own == op) || self.op.is_empty() && is_possible
    }
    fn options(&self, source: &Source) -> Result<MultitaperOptions> {
        let result = |op: &str, result| self.wants(op).then_some(result);
        let results = [result("noise", MultitaperResult::Noise), result("lines", MultitaperResult::Lines)];
        Ok(MultitaperOptions {
            bandwidth: self.bandwidth,
            tapers: self.tapers,
            adaptive: self.adaptive,
            detrend: self.series.detrending(),
            cycle: self.series.cycle(source)?,
            pad: self.pad,
            results: results.into_iter().flatten().collect(),
        })
    }
    /// As it is written into outputs.
    pub(super) fn describe(&self) -> Vec<String> {
        let mut all = vec![format!("bandwidth={}", self.bandwidth)];
        all.extend(self.tapers.map(|k| format!("tapers={k}")));
        all.extend(self.adaptive.then(|| "adaptive".to_owned()));
        all.extend(self.pad.map(|n| format!("pad={n}")));
        all.extend((!self.op.is_empty()).then(|| format!("op={}", self.op.join(","))));
        all.extend(self.series.describe());
        all.push(format!("frequency-units=cycles/{}", self.frequency_units.period()));
        all.push(self.series.describe_gaps());
        all.extend(common::described(&self.input, &self.selection));
        all
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(comm: &Comm, args: &MultitaperArgs, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), &args.memory, &args.checkpoint, |job| open(job, args))
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a MultitaperArgs) -> Result<MultitaperSpectrum<'a>> {
    args.check()?;
    let selection = args.selection.of_all_levels(args.input.io)?;
    let dataset = args.input.open(job.comm, job.verbosity)?;
    let files = paths(&dataset);
    check_output(job.comm, &args.output, &files)?;
    let blame = |e| folding::blame(e, files.first(), &args.var);
    let source = dataset.source(job.comm, &args.var, &selection)?;
    source.needs_time()?;
    folding::check_is_data(&args.var, &source).map_err(blame)?;
    let sampling = Sampling::of(source.time()).map_err(blame)?;
    let reduced = args.series.reduced(&source).map_err(blame)?;
    let (source, _) = repeated::left_out(job.comm, &dataset, source, &selection, &reduced.roles)?;
    let times = source.time().len();
    // Tapers take memory, how much is known beforehand.
    let most = args.tapers.unwrap_or((2.0 * args.bandwidth).max(1.0) as usize).min(times);
    let [tables, _] = Multitaper::bytes(times, args.pad.unwrap_or(times), most);
    fits(job, "tapers and transforms", tables).map_err(blame)?;
    let step = args.frequency_units.step(&sampling);
    let multitaper =
        args.options(&source).and_then(|options| Multitaper::new(times, step, options)).map_err(blame)?;
    Ok(MultitaperSpectrum { args, dataset, files, source, reduced, sampling, multitaper, tables })
}

/// `halocline spectrum multitaper`, opened.
pub(crate) struct MultitaperSpectrum<'a> {
    pub(super) args: &'a MultitaperArgs,
    pub(super) dataset: Dataset,
    files: Vec<PathBuf>,
    pub(super) source: Source,
    reduced: Reduced,
    sampling: Sampling,
    pub(super) multitaper: Multitaper,
    /// Bytes of tapers.
    tables: u64,
}

impl ByItself for MultitaperSpectrum<'_> {
    fn files(&self) -> Vec<PathBuf> {
        self.files.iter().chain([&self.args.output]).cloned().collect()
    }
    fn reads(&self) -> Vec<Alone> {
        vec![Alone::series(&self.args.var, &self.source, false)]
    }
    fn output(&self) -> &Path {
        &self.args.output
    }
    fn all(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        self.estimated(job).map_err(|e| folding::blame(e, self.files.first(), &self.args.var))
    }
}

impl MultitaperSpectrum<'_> {
    /// Reads, estimates and writes.
    fn estimated(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let (args, source) = (self.args, &self.source);
        let parts = args.selection.parts(job.comm, &source.variable().dims)?;
        let mut work = EachSeries::of(self.multitaper.clone(), &source.variable().dims);
        if let Some(mean) = mean(job.comm, source, &self.reduced)? {
            work = work.averaged(mean);
        }
        let sums = work.mean().map_or(0, |mean| mean.bytes(work.values()).saturating_mul(2));
        let writing = writing_bytes(job);
        let reserved = (parts.as_deref(), writing.saturating_add(sums).saturating_add(self.tables));
        let plan = plan_together(job, &args.var, &[source], &work, reserved)?;
        if let Some(mean) = work.mean_mut() {
            mean.set_tiling(plan.tiling());
        }
        let whole = Segments::whole(source.time().len());
        let frequencies = (self.multitaper.frequencies(), Some(whole));
        let place = (source, &self.reduced);
        let frame = Frame::new(place, args.frequency_units, &self.sampling, frequencies, &args.confidence.0)?;
        let mut file = File::create(job, self, &frame, (plan.tiling().rule(), writing))?;
        run_together(job, &[source], &plan, &work, &mut |results| {
            if work.mean().is_some() {
                return Ok(());
            }
            let _timer = job.progress.phases.start(Phase::Write);
            file.write(results.into())
        })?;
        frame.check(job, args.series.gap_rule(), &work.survey())?;
        if let Some(mean) = work.mean() {
            file.write(means(job.comm, mean, &frame.kept_shape(), &self.multitaper.result_rows())?)?;
        }
        job.write(|| file.finish())
    }
}
