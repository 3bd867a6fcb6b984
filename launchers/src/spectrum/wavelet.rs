//! `halocline spectrum wavelet`.

use super::at::{nearest, parse_at};
use super::estimate::{parse_confidence, Confidence, FrequencyUnits};
use super::frame::means;
use super::series::{fits, mean, SeriesArgs};
use super::wavelet_file::{frame, File};
use crate::checkpoint::CheckpointArgs;
use crate::common::{self, bytes_text, check_output, paths};
use crate::common::{CompressArgs, InputArgs, MemoryArgs, SelectionArgs, Verbosity};
use crate::folding::{self, FoldJob};
use crate::repeated;
use crate::series::{plan_together, run_together, writing_bytes};
use crate::stats::over::Reduced;
use crate::step::{self, Alone, ByItself};
use halocline_algorithms::spectra::{
    EachSeries, Estimate, Mother, Sampling, ScaleOptions, Scales, Wavelet, WaveletOptions,
};
use halocline_core::comm::Comm;
use halocline_core::meta::Role;
use halocline_core::progress::Phase;
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::output::WriteReport;
use halocline_io::source::Source;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Wavelet power of series over time and period (Torrence and Compo 1998): of one cell (--at), of a
/// mean over an area, of an index; of all cells of a field, the mean over time and bands of periods.
///
/// Beside the power come the cone of influence, red noise and the levels that such noise exceeds by
/// chance, the global spectrum and, with --scale-average, the mean power in a band of periods.
/// Times must be regular; months count as equally long.
#[derive(Debug, clap::Args)]
pub(crate) struct WaveletArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// The variable
    #[arg(long, value_name = "NAME")]
    pub(super) var: String,
    /// The wavelet: morlet:W0, paul:M, dog:M (derivative M of a Gaussian; 2 is the Mexican hat)
    #[arg(long, value_name = "WAVELET", default_value = "morlet:6", value_parser = parse_mother)]
    pub(super) mother: Mother,
    /// Octaves from scale to scale
    #[arg(long, value_name = "DJ", default_value_t = 0.25)]
    dj: f64,
    /// The smallest scale, in the unit of periods [default: two steps]
    #[arg(long, value_name = "S0")]
    s0: Option<f64>,
    /// The number of the last scale, from 0 [default: as many as the series is long]
    #[arg(long, value_name = "J")]
    j: Option<usize>,
    /// Values of a transform, zeros behind those of the series [default: a power of 2, as Torrence and
    /// Compo's program takes it]
    #[arg(long, value_name = "N")]
    pad: Option<usize>,
    /// The lag-1 autocorrelation of the noise [default: that of the series]
    #[arg(long, value_name = "ALPHA", allow_hyphen_values = true)]
    pub(super) lag1: Option<f64>,
    /// Average power over these periods, too
    #[arg(long, value_name = "P1,P2", value_parser = parse_band)]
    pub(super) scale_average: Option<[f64; 2]>,
    /// Whether to write the power at each time [default: of one cell or a mean: yes; of many cells:
    /// no]
    #[arg(long, value_enum, value_name = "yes|no", hide_possible_values = true)]
    power: Option<Answer>,
    /// The place of the one cell that is wanted: the nearest
    #[arg(long, value_name = "LON,LAT", allow_hyphen_values = true, value_parser = parse_at, conflicts_with_all = ["average", "lon_lat_box", "mask", "region"])]
    at: Option<[f64; 2]>,
    #[command(flatten)]
    pub(super) series: SeriesArgs,
    /// What periods count
    #[arg(long, value_enum, default_value_t = PeriodUnits::Day, value_name = "hour|day|month|year", hide_possible_values = true)]
    pub(super) period_units: PeriodUnits,
    /// Levels of confidence of the tests against red noise; none: neither background nor tests
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Answer {
    Yes,
    No,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum PeriodUnits {
    Hour,
    Day,
    Month,
    Year,
}

impl PeriodUnits {
    /// The same, of frequencies.
    const fn inverse(self) -> FrequencyUnits {
        match self {
            Self::Hour => FrequencyUnits::Hour,
            Self::Day => FrequencyUnits::Day,
            Self::Month => FrequencyUnits::Month,
            Self::Year => FrequencyUnits::Year,
        }
    }
    pub(super) const fn name(self) -> &'static str {
        self.inverse().period()
    }
}

fn parse_mother(word: &str) -> std::result::Result<Mother, String> {
    word.parse().map_err(|e: Error| e.to_string())
}

fn parse_band(text: &str) -> std::result::Result<[f64; 2], String> {
    let ends: Vec<f64> = text.split(',').filter_map(|n| n.trim().parse().ok()).collect();
    match ends.as_slice() {
        &[low, high] if text.split(',').count() == 2 && low > 0.0 && low <= high && high.is_finite() => {
            Ok([low, high])
        }
        _ => Err("write the shorter and the longer period, as in 2,8".to_owned()),
    }
}

impl WaveletArgs {
    /// What can be checked before anything is opened.
    pub(crate) fn check(&self) -> Result<()> {
        self.series.check()
    }
    /// As it is written into outputs.
    pub(super) fn describe(&self, padded: usize) -> Vec<String> {
        let mut all = vec![format!("mother={}", self.mother.name()), format!("dj={}", self.dj)];
        all.extend(self.s0.map(|s| format!("s0={s}")));
        all.extend(self.j.map(|j| format!("j={j}")));
        all.push(format!("pad={padded}"));
        all.extend(self.lag1.map(|a| format!("lag1={a}")));
        all.extend(self.scale_average.map(|[a, b]| format!("scale-average={a},{b}")));
        all.extend(self.at.map(|[lon, lat]| format!("at={lon},{lat}")));
        all.extend(self.series.describe());
        all.push(format!("period-units={}", self.period_units.name()));
        all.push(self.series.describe_gaps());
        all.extend(common::described(&self.input, &self.selection));
        all
    }
    /// The variable, or the one cell that is wanted of it.
    fn source(&self, comm: &Comm, dataset: &Dataset) -> Result<Source> {
        let mut selection = self.selection.of_all_levels(self.input.io)?;
        let source = dataset.source(comm, &self.var, &selection)?;
        let Some(at) = self.at else { return Ok(source) };
        let grid = source.grid();
        let place = nearest(grid, at).and_then(|i| Some((grid.longitudes()?[i], grid.latitudes()?[i])));
        let (lon, lat) = place.ok_or_else(|| {
            Error::usage("has no longitudes and latitudes to find a place by").remedy("leave --at out")
        })?;
        selection.lon_lat_box = Some([lon, lon, lat, lat]);
        dataset.source(comm, &self.var, &selection)
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(comm: &Comm, args: &WaveletArgs, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), &args.memory, &args.checkpoint, |job| open(job, args))
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a WaveletArgs) -> Result<WaveletSpectrum<'a>> {
    args.check()?;
    let dataset = args.input.open(job.comm, job.verbosity)?;
    let files = paths(&dataset);
    check_output(job.comm, &args.output, &files)?;
    let blame = |e| folding::blame(e, files.first(), &args.var);
    let source = args.source(job.comm, &dataset).map_err(blame)?;
    source.needs_time()?;
    folding::check_is_data(&args.var, &source).map_err(blame)?;
    let sampling = Sampling::of(source.time()).map_err(blame)?;
    let reduced = args.series.reduced(&source).map_err(blame)?;
    let selection = args.selection.of_all_levels(args.input.io)?;
    let (source, _) = repeated::left_out(job.comm, &dataset, source, &selection, &reduced.roles)?;
    let scales = ScaleOptions { mother: args.mother, spacing: args.dj, smallest: args.s0, last: args.j };
    let step = args.period_units.inverse().step(&sampling);
    let scales = Scales::new(source.time().len(), step, scales).map_err(blame)?;
    if scales.smallest() < 2.0 {
        job.verbosity.say(job.comm, || {
            "note: power at scales below two steps is that of wavelets that fit between two times".to_owned()
        });
    }
    let average = args.scale_average.map(|band| scales.between(band)).transpose().map_err(blame)?;
    let tables = Wavelet::bytes(&scales, args.pad);
    fits(job, "wavelets", tables).map_err(blame)?;
    let dims = source.variable().dims.iter().zip(&reduced.dims);
    let left = dims.filter(|(d, gone)| d.role != Role::Time && !**gone);
    let cells: usize = left.map(|(d, _)| d.len).product();
    let has_power = args.power.map_or(cells == 1, |answer| answer == Answer::Yes);
    let options = WaveletOptions {
        detrend: args.series.detrending(),
        cycle: args.series.cycle(&source).map_err(blame)?,
        pad: args.pad,
        lag1: args.lag1,
        power: has_power,
        average: average.clone(),
    };
    let wavelet = Wavelet::new(scales, options).map_err(blame)?;
    if has_power && cells > 1 {
        let scales = wavelet.scales();
        let bytes =
            (8 * cells as u64).saturating_mul(scales.len() as u64).saturating_mul(scales.times() as u64);
        job.verbosity.say(job.comm, || {
            format!(
                "note: the power of {cells} cells at {} scales and {} times is {}, before it is compressed",
                scales.len(),
                scales.times(),
                bytes_text(bytes)
            )
        });
    }
    Ok(WaveletSpectrum {
        args,
        dataset,
        files,
        source,
        reduced,
        sampling,
        wavelet,
        average,
        has_power,
        tables,
    })
}

/// `halocline spectrum wavelet`, opened.
pub(crate) struct WaveletSpectrum<'a> {
    pub(super) args: &'a WaveletArgs,
    pub(super) dataset: Dataset,
    files: Vec<PathBuf>,
    pub(super) source: Source,
    pub(super) reduced: Reduced,
    pub(super) sampling: Sampling,
    pub(super) wavelet: Wavelet,
    /// The scales that are averaged.
    pub(super) average: Option<Range<usize>>,
    /// Whether the power at each time is written.
    pub(super) has_power: bool,
    /// Bytes of wavelets.
    tables: u64,
}

impl ByItself for WaveletSpectrum<'_> {
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

impl WaveletSpectrum<'_> {
    /// Reads, estimates and writes.
    fn estimated(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let (args, source) = (self.args, &self.source);
        let parts = args.selection.parts(job.comm, &source.variable().dims)?;
        let mut work = EachSeries::of(self.wavelet.clone(), &source.variable().dims);
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
        let frame = frame(self)?;
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
            file.write(means(job.comm, mean, &frame.kept_shape(), &self.wavelet.result_rows())?)?;
        }
        job.write(|| file.finish())
    }
}
