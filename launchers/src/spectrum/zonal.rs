//! `halocline spectrum zonal`.

use super::estimate::{parse_window, FrequencyUnits};
use super::isotropic::averaged;
use super::series::{CycleChoice, DetrendChoice};
use super::wheeler_kiladis::{check_circle, parse_lat};
use super::zonal_output;
use crate::checkpoint::CheckpointArgs;
use crate::common::{
    self, check_output, described, paths, CompressArgs, InputArgs, MemoryArgs, SelectionArgs, Verbosity,
};
use crate::folding::{self, FoldJob};
use crate::passes::Request;
use crate::stats::over::Reduced;
use crate::step::{self, Alone, Carried, Step, Written};
use halocline_algorithms::spatial::ZonalSpectra;
use halocline_algorithms::spectra::{Detrend, Sampling, Window};
use halocline_algorithms::wavenumber::{RowSpectra, SpaceTimeOptions};
use halocline_core::comm::Comm;
use halocline_core::grid::GridKind;
use halocline_core::meta::Role;
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::source::{Selection, Source};
use std::path::PathBuf;

/// Power over zonal wave number at every time and latitude, or over wave number and frequency at
/// every latitude (--space-time).
///
/// The sum over wave numbers from 1 on is the zonal variance of a row. The field is global in
/// longitude and nothing is missing.
#[derive(Debug, clap::Args)]
pub(crate) struct ZonalArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// The variable
    #[arg(long, value_name = "NAME")]
    pub(super) var: String,
    /// Latitudes, from south to north [default: all]
    #[arg(long, value_name = "S,N", value_parser = parse_lat, allow_hyphen_values = true, conflicts_with = "lon_lat_box")]
    lat: Option<[f64; 2]>,
    /// Average spectra over these dimensions: time, or lat, weighted by area
    #[arg(long, value_name = "DIM,…", value_delimiter = ',')]
    average: Vec<String>,
    /// The greatest wave number that is written [default: all]
    #[arg(long, value_name = "K")]
    waves: Option<usize>,
    /// Spectra over wave number and frequency, eastward waves with positive wave numbers
    #[arg(long)]
    pub(super) space_time: bool,
    #[command(flatten)]
    pub(super) time: InTime,
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

/// How spectra are estimated in time.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct InTime {
    /// Steps of a segment: spectra are means over segments [default: one segment]
    #[arg(long, value_name = "N", requires = "space_time")]
    segment: Option<usize>,
    /// The share of a segment that the next one shares [default: 0.5]
    #[arg(long, value_name = "SHARE", requires = "segment")]
    overlap: Option<f64>,
    /// What segments are multiplied by in time, as of `spectrum power` [default: hann with
    /// --segment, else boxcar]
    #[arg(long, value_name = "WINDOW", value_parser = parse_window, requires = "space_time")]
    window: Option<Window>,
    /// What is taken off the series of each longitude in a segment first [default: constant]
    #[arg(
        long,
        value_enum,
        value_name = "none|constant|linear",
        hide_possible_values = true,
        requires = "space_time"
    )]
    detrend: Option<DetrendChoice>,
    /// Take the mean annual cycle off the whole series of each longitude first: the mean of each
    /// month, or of each day of the year
    #[arg(
        long,
        value_enum,
        value_name = "month|dayofyear",
        hide_possible_values = true,
        requires = "space_time"
    )]
    remove_cycle: Option<CycleChoice>,
    /// What frequencies count [default: cycles/day]
    #[arg(
        long,
        value_enum,
        value_name = "cycles/hour|day|month|year",
        hide_possible_values = true,
        requires = "space_time"
    )]
    frequency_units: Option<FrequencyUnits>,
}

impl InTime {
    pub(super) fn units(&self) -> FrequencyUnits {
        self.frequency_units.unwrap_or(FrequencyUnits::Day)
    }
    fn detrending(&self) -> Detrend {
        match self.detrend {
            Some(DetrendChoice::None) => Detrend::None,
            Some(DetrendChoice::Linear) => Detrend::Linear,
            _ => Detrend::Constant,
        }
    }
    fn used_window(&self) -> Window {
        self.window.unwrap_or(if self.segment.is_some() { Window::Hann } else { Window::Boxcar })
    }
    fn options(&self, source: &Source) -> Result<SpaceTimeOptions> {
        Ok(SpaceTimeOptions {
            segments: self.segment.map(|len| (len, self.overlap.unwrap_or(0.5))),
            window: self.used_window(),
            detrend: self.detrending(),
            cycle: self.remove_cycle.map(|cycle| cycle.of(source)).transpose()?,
        })
    }
    fn describe(&self) -> Vec<String> {
        let mut all = Vec::new();
        if let Some(len) = self.segment {
            all.push(format!("segment={len}"));
            all.push(format!("overlap={}", self.overlap.unwrap_or(0.5)));
        }
        all.push(format!("window={}", self.used_window().name()));
        all.push(format!("detrend={}", self.detrending().name()));
        all.extend(self.remove_cycle.map(|cycle| {
            format!("remove-cycle={}", if cycle == CycleChoice::Month { "month" } else { "dayofyear" })
        }));
        all.push(format!("frequency-units=cycles/{}", self.units().period()));
        all
    }
}

impl ZonalArgs {
    /// What can be checked before anything is opened.
    pub(crate) fn check(&self) -> Result<()> {
        if self.waves == Some(0) {
            return Err(Error::usage("--waves 0 leaves no wave").remedy("choose 1 at least, or leave it out"));
        }
        if self.time.overlap.is_some_and(|o| !(0.0..1.0).contains(&o)) {
            return Err(Error::usage("--overlap is a share of a segment, from 0 up to, but not, 1")
                .remedy("write 0.5 for a half"));
        }
        common::check_once(&self.average)
    }

    /// As outputs record it.
    pub(super) fn describe(&self) -> String {
        let mut all = Vec::new();
        all.extend(self.lat.map(|[s, n]| format!("lat={s},{n}")));
        if !self.average.is_empty() {
            all.push(format!("average={}", self.average.join(",")));
        }
        all.extend(self.waves.map(|k| format!("waves={k}")));
        if self.space_time {
            all.push("space-time=yes".to_owned());
            all.extend(self.time.describe());
        }
        all.extend(described(&self.input, &self.selection));
        all.join("; ")
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(comm: &Comm, args: &ZonalArgs, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), &args.memory, &args.checkpoint, |job| open(job, args))
}

/// The work on rows.
pub(super) enum Method {
    Zonal(Box<ZonalSpectra>),
    SpaceTime(Box<RowSpectra>, Sampling),
}

/// The command, opened.
pub(crate) struct Zonal<'a> {
    pub(super) args: &'a ZonalArgs,
    pub(super) dataset: Dataset,
    files: Vec<PathBuf>,
    pub(super) source: Source,
    pub(super) averaged: Reduced,
    pub(super) method: Option<Method>,
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a ZonalArgs) -> Result<Zonal<'a>> {
    args.check()?;
    let selection = args.selection.of_all_levels(args.input.io)?;
    let dataset = args.input.open(job.comm, job.verbosity)?;
    let files = paths(&dataset);
    check_output(job.comm, &args.output, &files)?;
    let mut source = dataset.source(job.comm, &args.var, &selection)?;
    if let Some([south, north]) = args.lat {
        // Rows alone: from the first longitude of the file once round.
        let west = source.grid().lon.as_ref().and_then(|lon| lon.values.to_f64().first().copied());
        let west = west.unwrap_or(0.0);
        let lon_lat_box = Some([west, west + 360.0, south, north]);
        source = dataset.source(job.comm, &args.var, &Selection { lon_lat_box, ..selection })?;
    }
    if args.space_time {
        source.needs_time()?;
    }
    let checked = || {
        folding::check_is_data(&args.var, &source)?;
        let dims = &source.variable().dims;
        if source.grid().kind != GridKind::Rectilinear || source.grid().dims.len() != 2 {
            return Err(Error::data("is not on a grid of circles of latitude and longitude")
                .remedy("bring it to such a grid first"));
        }
        check_circle(&source, !args.space_time)?;
        let transformed: &[Role] = if args.space_time { &[Role::Time, Role::X] } else { &[Role::X] };
        let averaged = averaged(&args.average, &source, transformed)?;
        let method = if args.space_time {
            let sampling = Sampling::of(source.time())?;
            let step = args.time.units().step(&sampling);
            let work = RowSpectra::new(dims, step, args.time.options(&source)?, args.waves)?;
            Method::SpaceTime(Box::new(work), sampling)
        } else {
            Method::Zonal(Box::new(ZonalSpectra::new(dims, args.waves)?))
        };
        Ok((averaged, method))
    };
    let (averaged, method) = checked().map_err(|e| folding::blame(e, files.first(), &args.var))?;
    Ok(Zonal { args, dataset, files, source, averaged, method: Some(method) })
}

impl Step for Zonal<'_> {
    fn taken(&self) -> Vec<PathBuf> {
        self.files.iter().chain([&self.args.output]).cloned().collect()
    }
    fn states(&self) -> Vec<String> {
        Vec::new()
    }
    fn alone(&self) -> Vec<Alone> {
        vec![Alone::series(&self.args.var, &self.source, false)]
    }
    fn requests(&mut self) -> Result<Vec<Request<'_>>> {
        Ok(Vec::new())
    }
    fn carry_on(&mut self, job: &FoldJob<'_>) -> Result<Carried> {
        let method = self.method.take().ok_or_else(|| Error::internal("a step is done twice"))?;
        let report = zonal_output::compute(self, method, job)
            .map_err(|e| folding::blame(e, self.files.first(), &self.args.var))?;
        Ok(Carried::Done(Written { output: self.args.output.clone(), report }))
    }
}
