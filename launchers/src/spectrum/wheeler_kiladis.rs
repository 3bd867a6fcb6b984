//! `halocline spectrum wheeler-kiladis`.

use super::estimate::{parse_confidence, Confidence};
use super::{cross_waves, space_time};
use crate::checkpoint::CheckpointArgs;
use crate::common::{
    check_output, described, paths, CompressArgs, InputArgs, MemoryArgs, SelectionArgs, Verbosity,
};
use crate::folding::{self, FoldJob};
use crate::relate::index::{self, With};
use crate::step::{self, Alone, ByItself};
use halocline_algorithms::sphere::circle;
use halocline_algorithms::wavenumber::{CrossWaves, WheelerKiladis};
use halocline_core::comm::Comm;
use halocline_core::grid::GridKind;
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::output::WriteReport;
use halocline_io::source::Source;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Power over zonal wave number and frequency of what is symmetric and antisymmetric about the
/// equator, its smooth background, and the ratio to that, as Wheeler and Kiladis (1999) and NCL's
/// wkSpaceTime have it.
///
/// The field is global in longitude, its latitudes mirror each other, its times are evenly spaced,
/// and nothing is missing. With --with: coherence, phase and cross-spectra of two fields instead, as
/// NCL's mjo_cross has them.
#[derive(Debug, clap::Args)]
pub(crate) struct WheelerKiladisArgs {
    #[command(flatten)]
    input: InputArgs,
    /// The variable
    #[arg(long, value_name = "NAME")]
    pub(super) var: String,
    /// A second field, y, of the same grid and times, for cross-spectra with the first, x: variable
    /// VAR of these files
    #[arg(long, value_name = "FILES:VAR")]
    pub(super) with: Option<String>,
    /// Levels of confidence of the limit of the coherence [default: 0.95]
    #[arg(long, value_name = "P,…|none", requires = "with", value_parser = parse_confidence)]
    confidence: Option<Confidence>,
    /// Latitudes, from south to north
    #[arg(long, value_name = "S,N", default_value = "-15,15", value_parser = parse_lat, allow_hyphen_values = true)]
    lat: [f64; 2],
    /// Days of a window; longer periods are taken out of series of a year or more before
    #[arg(long, value_name = "DAYS", default_value_t = 96.0)]
    window: f64,
    /// Days by which a window overlaps the one before
    #[arg(long, value_name = "DAYS", default_value_t = 65.0)]
    overlap: f64,
    /// The greatest wave number that is written [default: all]
    #[arg(long, value_name = "K")]
    waves: Option<usize>,
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

pub(super) fn parse_lat(text: &str) -> std::result::Result<[f64; 2], String> {
    let ends: Vec<f64> = text.split(',').filter_map(|word| word.trim().parse().ok()).collect();
    match ends.as_slice() {
        &[south, north] if text.split(',').count() == 2 && south < north && north - south <= 180.0 => {
            Ok([south, north])
        }
        _ => Err(format!("`{text}` is not two latitudes from south to north; write -15,15")),
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(comm: &Comm, args: &WheelerKiladisArgs, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), &args.memory, &args.checkpoint, |job| open(job, args))
}

/// The command, opened.
pub(crate) struct SpaceTime<'a> {
    pub(super) args: &'a WheelerKiladisArgs,
    pub(super) dataset: Dataset,
    files: Vec<PathBuf>,
    pub(super) source: Source,
    /// Rows of latitudes that are wanted.
    pub(super) rows: Range<usize>,
    work: Work,
}

/// What is done.
enum Work {
    Power(Box<WheelerKiladis>),
    /// With the second field.
    Cross(Box<CrossWaves>, Box<Source>),
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a WheelerKiladisArgs) -> Result<SpaceTime<'a>> {
    args.check()?;
    let mut selection = args.selection.selection()?;
    selection.io = args.input.io;
    let dataset = args.input.open(job.comm, job.verbosity)?;
    let files = paths(&dataset);
    let source = dataset.source(job.comm, &args.var, &selection)?;
    source.needs_time()?;
    let with = match &args.with {
        None => None,
        Some(text) => match index::find(job.comm, text, (&dataset, &source), &selection, job.verbosity)? {
            With::Field(field) => Some(field),
            With::Index(_) => {
                return Err(Error::usage("cross-spectra over wave numbers need a second field")
                    .in_file(text)
                    .remedy("write --with FILES:VAR, or use spectrum cross"))
            }
        },
    };
    let taken: Vec<PathBuf> =
        files.iter().cloned().chain(with.iter().flat_map(|field| files_of(field))).collect();
    check_output(job.comm, &args.output, &taken)?;
    let checked = || {
        folding::check_is_data(&args.var, &source)?;
        let dims = &source.variable().dims;
        if dims.len() != 3 || source.grid().kind != GridKind::Rectilinear {
            return Err(Error::data("is not a field in time, latitude and longitude on a rectilinear grid")
                .remedy("choose one level with --level, or bring it to such a grid first"));
        }
        let rows = rows(&source, args.lat)?;
        check_circle(&source, false)?;
        let (shape, step, windows) = args.plan(&source)?;
        let waves = args.waves.unwrap_or(usize::MAX);
        let work = if let Some(field) = with {
            Work::Cross(Box::new(CrossWaves::new(shape, step, windows, waves)?), field)
        } else {
            let waves = waves.max(WheelerKiladis::SMOOTHED);
            Work::Power(Box::new(WheelerKiladis::new(shape, step, windows, waves)?))
        };
        Ok((rows, work))
    };
    let (rows, work) = checked().map_err(|e| folding::blame(e, files.first(), &args.var))?;
    Ok(SpaceTime { args, dataset, files, source, rows, work })
}

/// Steps and longitudes, days of a step, steps of a window and of its overlap.
type Plan = ((usize, usize), f64, (usize, usize));

impl WheelerKiladisArgs {
    /// Refuses what makes no sense before any file is opened.
    pub(crate) fn check(&self) -> Result<()> {
        if !(self.window > 0.0 && self.window <= 1e6) {
            return Err(Error::usage(format!("a --window of {} days", self.window))
                .remedy("choose days above 0, up to a million, such as 96"));
        }
        let days = [self.window, self.overlap];
        if days.iter().any(|d| !d.is_finite() || *d < 0.0 || *d > 1e6) || self.overlap >= self.window {
            return Err(Error::usage(format!(
                "windows of {} days that overlap by {}",
                self.window, self.overlap
            ))
            .remedy("choose an --overlap from 0 days on that is shorter than the --window"));
        }
        if self.waves == Some(0) {
            return Err(Error::usage("--waves 0 leaves no wave").remedy("choose 1 at least, or leave it out"));
        }
        Ok(())
    }

    fn plan(&self, source: &Source) -> Result<Plan> {
        let step = source.time().sampling()?;
        let steps = |name: &str, days: f64| {
            let n = days / step;
            if (n - n.round()).abs() > 1e-3 {
                return Err(Error::usage(format!(
                    "--{name} of {days} days is no whole number of steps of {step} days"
                ))
                .remedy("choose a multiple of the step"));
            }
            Ok(n.round() as usize)
        };
        let windows = (steps("window", self.window)?, steps("overlap", self.overlap)?);
        let shape = source.variable().shape();
        Ok(((shape[0], shape[2]), step, windows))
    }
    /// The greatest wave number that is written.
    pub(super) fn kept(&self, computed: usize) -> usize {
        self.waves.map_or(computed, |k| k.min(computed))
    }
    /// The levels of confidence of a limit.
    pub(super) fn levels(&self) -> Vec<f64> {
        self.confidence.as_ref().map_or_else(|| vec![0.95], |levels| levels.0.clone())
    }

    /// As outputs record it.
    pub(super) fn describe(&self) -> String {
        let mut options = vec![
            format!("lat={},{}", self.lat[0], self.lat[1]),
            format!("window={}", self.window),
            format!("overlap={}", self.overlap),
        ];
        options.extend(self.with.as_ref().map(|with| format!("with={}", crate::run::scratch::told(with))));
        options.extend(self.waves.map(|k| format!("waves={k}")));
        options.extend(described(&self.input, &self.selection));
        options.join("; ")
    }
}

impl SpaceTime<'_> {
    /// What it is about, in words.
    pub(super) fn name(&self) -> String {
        match &self.work {
            Work::Power(_) => self.args.var.clone(),
            Work::Cross(_, field) => format!("{} with {}", self.args.var, field.variable().name),
        }
    }
}

/// The files of a second field.
fn files_of(field: &Source) -> impl Iterator<Item = PathBuf> + '_ {
    field.files().iter().map(|file| PathBuf::from(&file.path))
}

/// The rows between two latitudes, which mirror each other.
fn rows(source: &Source, [south, north]: [f64; 2]) -> Result<Range<usize>> {
    /// Degrees by which a latitude may miss its mirror.
    const OFF: f64 = 1e-3;
    let lat = source.grid().lat.as_ref().map(|lat| lat.values.to_f64()).unwrap_or_default();
    let inside = |v: &f64| (south - OFF..=north + OFF).contains(v);
    let (first, last) = (lat.iter().position(inside), lat.iter().rposition(inside));
    let Some((first, last)) = first.zip(last) else {
        return Err(Error::usage(format!("no latitude lies between {south} and {north}"))
            .remedy("choose others with --lat"));
    };
    let rows = first..last + 1;
    match rows.clone().find(|&i| (lat[i] + lat[first + last - i]).abs() > OFF) {
        None => Ok(rows),
        Some(i) => Err(Error::data(format!(
            "latitudes between {south} and {north} do not mirror each other: {} has no counterpart",
            lat[i]
        ))
        .remedy("choose --lat so that they do, or bring the field to such latitudes first")),
    }
}

/// Refuses longitudes that do not go round the earth in even steps, eastward unless it makes no
/// difference which way they run.
pub(super) fn check_circle(source: &Source, either_way: bool) -> Result<()> {
    let lon = source.grid().lon.as_ref().map(|lon| lon.values.to_f64()).unwrap_or_default();
    if circle(&lon)? || either_way {
        return Ok(());
    }
    Err(Error::data(format!("longitudes run westward: {} is followed by {}", lon[0], lon[1]))
        .remedy("turn them first, as with `ncpdq -a -lon`"))
}

impl ByItself for SpaceTime<'_> {
    fn files(&self) -> Vec<PathBuf> {
        let mut all = self.files.clone();
        if let Work::Cross(_, field) = &self.work {
            all.extend(files_of(field));
        }
        all.push(self.args.output.clone());
        all
    }
    fn reads(&self) -> Vec<Alone> {
        let mut all = vec![Alone::series(&self.args.var, &self.source, false)];
        if let Work::Cross(_, field) = &self.work {
            all.push(Alone::series(&field.variable().name, field, false));
        }
        all
    }
    fn output(&self) -> &Path {
        &self.args.output
    }
    fn all(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let done = match &self.work {
            Work::Power(work) => space_time::compute(self, job, work),
            Work::Cross(work, field) => cross_waves::compute(self, job, (work, field)),
        };
        done.map_err(|e| folding::blame(e, self.files.first(), &self.args.var))
    }
}
