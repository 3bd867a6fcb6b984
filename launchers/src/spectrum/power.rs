//! `halocline spectrum power`.

use super::estimate::{parse_confidence, Confidence, EstimateArgs};
use super::frame::{means, numbers, put, At, Frame, Part, FREQUENCY};
use super::series::mean;
use super::{lomb, units};
use crate::bench::model::Case;
use crate::carry;
use crate::checkpoint::CheckpointArgs;
use crate::common::{
    self, check_output, paths, CompressArgs, InputArgs, MemoryArgs, SelectionArgs, Verbosity,
};
use crate::folding::{self, FoldJob};
use crate::plan::Foreseen;
use crate::repeated;
use crate::series::{plan_together, run_together, writing_bytes};
use crate::stats::over::Reduced;
use crate::step::{self, Alone, ByItself};
use halocline_algorithms::spectra::{significance_factors, LombScargle, PowerSpectra, Sampling, Welch};
use halocline_core::comm::Comm;
use halocline_core::meta::{Attributes, Values};
use halocline_core::progress::Phase;
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::output::{Output, Pending, Schema, WriteReport};
use halocline_io::source::Source;
use std::path::{Path, PathBuf};

/// Power spectra in time of every series of a field, or their mean over an area: the periodogram of
/// the whole series, or with --segment the mean over segments (Welch).
///
/// One-sided; the numbers of scipy.signal.periodogram and scipy.signal.welch. Beside the spectrum
/// come its degrees of freedom, the spectrum of red noise of the same lag-1 autocorrelation and
/// variance, and the level that such noise exceeds by chance. Times must be regular; months count as
/// equally long.
#[derive(Debug, clap::Args)]
pub(crate) struct PowerArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// The variable
    #[arg(long, value_name = "NAME")]
    pub(super) var: String,
    #[command(flatten)]
    pub(super) estimate: EstimateArgs,
    /// Periodograms by Lomb and Scargle instead, of series with gaps or at irregular times, without a
    /// test: n/4 times the squared amplitude (power, the default), or its share of the mean square
    /// (normalize)
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "power", value_name = "power|normalize", hide_possible_values = true, conflicts_with_all = ["segment", "overlap", "window", "scaling", "missing", "confidence"])]
    pub(super) lomb_scargle: Option<LombChoice>,
    /// Levels of confidence of the test against red noise; none: neither background nor test
    #[arg(long, value_name = "P,…|none", default_value = "0.95", value_parser = parse_confidence)]
    confidence: Confidence,
    #[command(flatten)]
    pub(super) selection: SelectionArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    #[command(flatten)]
    pub(super) checkpoint: CheckpointArgs,
    /// The file to write
    #[arg(long, short, value_name = "OUT.nc")]
    pub(super) output: PathBuf,
    #[command(flatten)]
    pub(super) compress: CompressArgs,
}

impl PowerArgs {
    /// What can be checked before anything is opened.
    pub(crate) fn check(&self) -> Result<()> {
        self.estimate.check()
    }
}

impl PowerArgs {
    /// What its cost follows from.
    pub(crate) fn foreseen(&self) -> Option<Foreseen<'_>> {
        self.lomb_scargle.is_none().then(|| Foreseen {
            case: Case::Spectrum,
            input: &self.input,
            selection: Some(&self.selection),
            vars: std::slice::from_ref(&self.var),
            segment: self.estimate.segment,
            // The spectrum, its background and its level.
            results: 3.0,
        })
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &PowerArgs, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), &args.memory, &args.checkpoint, |job| open(job, args))
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a PowerArgs) -> Result<PowerSpectrum<'a>> {
    args.check()?;
    let selection = args.selection.of_all_levels(args.input.io)?;
    let dataset = args.input.open(job.comm, job.verbosity)?;
    let files = paths(&dataset);
    check_output(job.comm, &args.output, &files)?;
    let blame = |e| folding::blame(e, files.first(), &args.var);
    let source = dataset.source(job.comm, &args.var, &selection)?;
    source.needs_time()?;
    folding::check_is_data(&args.var, &source).map_err(blame)?;
    let (sampling, method) = if let Some(choice) = args.lomb_scargle {
        let sampling = Sampling::mean_of(source.time()).map_err(blame)?;
        let lomb = lomb::estimate(args, choice, &source, &sampling).map_err(blame)?;
        (sampling, Method::Lomb(Box::new(lomb)))
    } else {
        let sampling = Sampling::of(source.time()).map_err(|e| blame(or_lomb(e)))?;
        let welch = args.estimate.welch(&source, &sampling).map_err(blame)?;
        (sampling, Method::Welch(Box::new(welch)))
    };
    let reduced = args.estimate.series.reduced(&source).map_err(blame)?;
    let (source, _) = repeated::left_out(job.comm, &dataset, source, &selection, &reduced.roles)?;
    Ok(PowerSpectrum { args, dataset, files, source, reduced, sampling, method })
}

/// Irregular times have another remedy, too.
fn or_lomb(mut e: Error) -> Error {
    if let Some(remedy) = e.remedy.as_mut().filter(|_| e.message.contains("not evenly spaced")) {
        remedy.push_str(", or use --lomb-scargle");
    }
    e
}

/// What a Lomb-Scargle periodogram counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LombChoice {
    Power,
    Normalize,
}

/// How spectra are estimated.
enum Method {
    Welch(Box<Welch>),
    Lomb(Box<LombScargle>),
}

/// `halocline spectrum power`, opened.
pub(crate) struct PowerSpectrum<'a> {
    pub(super) args: &'a PowerArgs,
    pub(super) dataset: Dataset,
    files: Vec<PathBuf>,
    pub(super) source: Source,
    pub(super) reduced: Reduced,
    pub(super) sampling: Sampling,
    method: Method,
}

impl ByItself for PowerSpectrum<'_> {
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
        let done = match &self.method {
            Method::Welch(welch) => self.by_welch(job, welch),
            Method::Lomb(lomb) => lomb::all(self, job, lomb),
        };
        done.map_err(|e| folding::blame(e, self.files.first(), &self.args.var))
    }
}

impl PowerSpectrum<'_> {
    /// Reads, estimates and writes.
    fn by_welch(&self, job: &FoldJob<'_>, welch: &Welch) -> Result<WriteReport> {
        let (args, source, levels) = (self.args, &self.source, &self.args.confidence.0);
        let parts = args.selection.parts(job.comm, &source.variable().dims)?;
        let mut work = self.work(welch);
        if let Some(mean) = mean(job.comm, source, &self.reduced)? {
            work = work.averaged(mean);
        }
        let sums = work.mean().map_or(0, |mean| mean.bytes(work.values()).saturating_mul(2));
        let writing = writing_bytes(job);
        // The plan comes before the file, so that what does not fit leaves none behind.
        let reserved = (parts.as_deref(), writing.saturating_add(sums));
        let plan = plan_together(job, &args.var, &[source], &work, reserved)?;
        if let Some(mean) = work.mean_mut() {
            mean.set_tiling(plan.tiling());
        }
        let frame = self.frame(welch)?;
        let (mut schema, pending) = self.schema(&frame, plan.tiling().rule())?;
        let dof = welch.degrees_of_freedom();
        args.compress.apply(&mut schema);
        let mut file = Output::create(job.comm, &args.output, &schema)?;
        file.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
        file.write_pending(&pending)?;
        file.write_whole("degrees_of_freedom", &Values::F64(dof.clone()))?;
        let factors: Vec<Vec<f64>> = levels.iter().map(|&p| significance_factors(p, &dof)).collect();
        run_together(job, &[source], &plan, &work, &mut |results| {
            if work.mean().is_some() {
                return Ok(());
            }
            let _timer = job.progress.phases.start(Phase::Write);
            write(&mut file, (dof.len(), &factors), results.into())
        })?;
        frame.check(job, args.estimate.series.gap_rule(), &work.survey())?;
        if let Some(mean) = work.mean() {
            let part = means(job.comm, mean, &frame.kept_shape(), &work.result_rows())?;
            write(&mut file, (dof.len(), &factors), part)?;
        }
        job.write(|| file.finish_with_report())
    }

    /// What becomes of the series.
    pub(super) fn work(&self, welch: &Welch) -> PowerSpectra {
        let is_tested = !self.args.confidence.0.is_empty();
        PowerSpectra::new(welch.clone(), &self.source.variable().dims, is_tested)
    }

    pub(super) fn frame(&self, welch: &Welch) -> Result<Frame<'_>> {
        let (place, units) = ((&self.source, &self.reduced), self.args.estimate.frequency_units);
        let frequencies = (welch.frequencies(), Some(welch.segments()));
        Frame::new(place, units, &self.sampling, frequencies, &self.args.confidence.0)
    }

    /// The file, with the values of coordinates.
    pub(super) fn schema<'f>(
        &self,
        frame: &'f Frame<'_>,
        tiling: &str,
    ) -> Result<(Schema, Vec<Pending<'f>>)> {
        let attributes = self.global(frame, tiling, self.args.estimate.describe());
        let mut schema = Schema { attributes, ..Schema::new() };
        let pending = frame.begin(&mut schema)?;
        self.describe(frame, &mut schema);
        Ok((schema, pending))
    }

    /// Levels of confidence of the test.
    pub(super) fn levels(&self) -> usize {
        self.args.confidence.0.len()
    }

    /// Welch's estimate, if it is that.
    pub(super) fn welch(&self) -> Option<&Welch> {
        match &self.method {
            Method::Welch(welch) => Some(welch),
            Method::Lomb(_) => None,
        }
    }

    /// Adds the variables.
    fn describe(&self, frame: &Frame<'_>, schema: &mut Schema) {
        let variable = self.source.variable();
        let of = variable.attributes.text("long_name").unwrap_or(&self.args.var);
        let is_density = self.args.estimate.is_density();
        let what = if is_density { "power spectral density" } else { "power spectrum" };
        let units = units::power(variable.units(), is_density, self.args.estimate.frequency_units.period());
        let with_units = |text: String| {
            let attributes = Attributes::new().with("long_name", text);
            units.iter().fold(attributes, |attributes, units| attributes.with("units", units.as_str()))
        };
        let ours = with_units(format!("{what} of {of}")).with("comment", "one-sided");
        let mut specs = vec![frame.variable(schema, "power", &[FREQUENCY], ours)];
        let levels = &self.args.confidence.0;
        if !levels.is_empty() {
            let red = with_units(format!("{what} of red noise with the lag-1 autocorrelation of {of}")).with(
                "comment",
                "first-order autoregressive noise with as much power as the spectrum (Gilman et al. 1963; Torrence and Compo 1998, equation 16)",
            );
            specs.push(frame.variable(schema, "background", &[FREQUENCY], red));
            let level = with_units(format!("{what} that red noise exceeds by chance with probability 1 - confidence"))
                .with("comment", "background times chi-square(confidence; degrees_of_freedom) / degrees_of_freedom (Torrence and Compo 1998, section 4)")
                .with("confidence", numbers(levels));
            specs.push(frame.variable(schema, "significance", &frame.of_levels(), level));
            let alpha = Attributes::new()
                .with("long_name", format!("lag-1 autocorrelation of {of}"))
                .with("units", "1");
            specs.push(frame.variable(schema, "lag1_autocorrelation", &[], alpha));
        }
        specs.push(units::degrees_of_freedom(self.args.estimate.series.is_averaged()));
        specs.into_iter().for_each(|spec| schema.add_variable(spec));
    }

    /// Attributes of the file; `options` are those of the estimate.
    pub(super) fn global(&self, frame: &Frame<'_>, tiling: &str, mut options: Vec<String>) -> Attributes {
        let args = self.args;
        options.extend(common::described(&args.input, &args.selection));
        let mut attributes = Attributes::new()
            .with("Conventions", "CF-1.8")
            .with("title", format!("Power spectra of {}", args.var))
            .with("source", format!("halocline {}, spectra in time", env!("CARGO_PKG_VERSION")))
            .with("halocline_spectrum_options", options.join("; "))
            .with("halocline_tiling", tiling);
        frame.add_estimate(&mut attributes);
        carry::add_origin(&mut attributes, &self.dataset);
        attributes
    }
}

/// Writes the results of some cells at so many frequencies; `factors` are those of each level, by
/// frequency.
///
/// # Collective
/// Every rank calls this.
fn write(file: &mut Output, (rows, factors): (usize, &[Vec<f64>]), part: Part) -> Result<()> {
    let (Part { space, values }, all) = (part, At { level: None, rows: Some(rows) });
    let mut values = values.into_iter();
    put(file, "power", all, &space, values.next().unwrap_or_default())?;
    if factors.is_empty() {
        return Ok(());
    }
    let background = values.next().unwrap_or_default();
    let cells = background.len() / rows.max(1);
    for (k, of_level) in factors.iter().enumerate() {
        let by_row = background.chunks(cells.max(1)).zip(of_level);
        let level = by_row.flat_map(|(row, factor)| row.iter().map(move |b| b * factor)).collect();
        put(file, "significance", At { level: (factors.len() > 1).then_some(k), ..all }, &space, level)?;
    }
    put(file, "background", all, &space, background)?;
    put(
        file,
        "lag1_autocorrelation",
        At { level: None, rows: None },
        &space,
        values.next().unwrap_or_default(),
    )
}
