//! `halocline spectrum isotropic`.

use super::estimate::parse_window;
use super::isotropic_output;
use super::plane::{find, Per, PlaneOf};
use crate::checkpoint::CheckpointArgs;
use crate::common::{
    self, check_output, described, paths, CompressArgs, InputArgs, MemoryArgs, SelectionArgs, Verbosity,
};
use crate::folding::{self, FoldJob};
use crate::stats::over::Reduced;
use crate::step::{self, Alone, ByItself};
use halocline_algorithms::spatial::{PlaneDetrend, PlanePower, RingConvention, Rings};
use halocline_algorithms::spectra::Window;
use halocline_core::comm::Comm;
use halocline_core::grid::EARTH_RADIUS;
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::output::WriteReport;
use halocline_io::source::Source;
use std::path::{Path, PathBuf};

/// The spectrum of each map of a regional box over isotropic wave number: the two-dimensional
/// spectrum, summed over rings. Its sum times the width of a ring is the variance of the map.
///
/// Wave numbers are in cycles per metre, from the distances of the grid's cells in the middle of the
/// box. Every value has to be there.
#[derive(Debug, clap::Args)]
pub(crate) struct IsotropicArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// The variable
    #[arg(long, value_name = "NAME")]
    pub(super) var: String,
    /// The two dimensions of the plane [default: the horizontal ones]
    #[arg(long, value_name = "Y,X", value_delimiter = ',')]
    dims: Vec<String>,
    /// What is taken off each map first: nothing, its mean, or the plane that fits it best
    #[arg(long, default_value = "plane", value_parser = parse_detrend, value_name = "none|constant|plane")]
    detrend: PlaneDetrend,
    /// What maps are multiplied by, along both dimensions: boxcar, hann, hamming, blackman,
    /// blackmanharris, nuttall, flattop, bartlett, cosine, tukey:SHARE, kaiser:BETA
    #[arg(long, default_value = "hann", value_name = "WINDOW", value_parser = parse_window)]
    window: Window,
    /// How many rings of wave number there are [default: as wide as the coarser step of the
    /// two-dimensional wave numbers]
    #[arg(long, value_name = "N", conflicts_with = "dk")]
    bins: Option<usize>,
    /// The width of a ring, in cycles per metre or degree
    #[arg(long, value_name = "DK")]
    dk: Option<f64>,
    /// What the spectrum is: our own preserves variance; the others give the numbers of these
    /// versions of xrft, whose windows take their share of the variance
    #[arg(long, value_enum, default_value_t = Convention::Halocline, value_name = "halocline|xrft-1.0.1|xrft-1.0.2", hide_possible_values = true)]
    pub(super) convention: Convention,
    /// What wave numbers count: cycles per metre, or per degree of latitude and longitude
    #[arg(long, value_enum, default_value_t = Per::Metre, value_name = "metre|degree", hide_possible_values = true)]
    pub(super) per: Per,
    /// The radius of the earth in metres
    #[arg(long, default_value_t = EARTH_RADIUS, value_name = "METRES")]
    radius: f64,
    /// Average spectra over these dimensions: time, or others that are not of the plane
    #[arg(long, value_name = "DIM,…", value_delimiter = ',')]
    average: Vec<String>,
    /// Write the two-dimensional spectra, too
    #[arg(long)]
    pub(super) plane: bool,
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

/// What an isotropic spectrum is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Convention {
    Halocline,
    #[value(name = "xrft-1.0.1")]
    Xrft101,
    #[value(name = "xrft-1.0.2")]
    Xrft102,
}

impl Convention {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Halocline => "halocline",
            Self::Xrft101 => "xrft-1.0.1",
            Self::Xrft102 => "xrft-1.0.2",
        }
    }
}

fn parse_detrend(word: &str) -> std::result::Result<PlaneDetrend, String> {
    word.parse().map_err(|e: Error| e.to_string())
}

impl IsotropicArgs {
    /// What can be checked before anything is opened.
    pub(crate) fn check(&self) -> Result<()> {
        if self.dk.is_some_and(|dk| !dk.is_finite() || dk <= 0.0) {
            return Err(Error::usage("--dk is a width of wave numbers above 0"));
        }
        if self.dk.is_some() && self.convention != Convention::Halocline {
            return Err(Error::usage("xrft has rings of its own").remedy("choose their number with --bins"));
        }
        common::check_radius(self.radius)?;
        if !matches!(self.dims.len(), 0 | 2) {
            return Err(Error::usage("a plane has two dimensions").remedy("write --dims lat,lon"));
        }
        common::check_once(&self.dims)?;
        common::check_once(&self.average)
    }

    /// The transform of a plane and its rings.
    fn power(&self, of: &PlaneOf) -> Result<(PlanePower, Rings)> {
        let corrects = self.convention == Convention::Halocline;
        let plane = PlanePower::new(of.shape, of.spacing(), self.detrend, (self.window, corrects))?;
        let rings = match (self.convention, self.bins, self.dk) {
            (Convention::Halocline, _, Some(dk)) => Rings::of_width(&plane, dk),
            (Convention::Halocline, Some(bins), None) => Rings::of_count(&plane, bins),
            (Convention::Halocline, None, None) => Rings::natural(&plane),
            (Convention::Xrft101, bins, _) => {
                Rings::of_xrft(&plane, bins, RingConvention::MeanTimesWaveNumber)
            }
            (Convention::Xrft102, bins, _) => Rings::of_xrft(&plane, bins, RingConvention::Sum),
        };
        Ok((plane, rings?))
    }

    /// As outputs record it.
    pub(super) fn describe(&self) -> String {
        let mut all = vec![
            format!("detrend={}", self.detrend.name()),
            format!("window={}", self.window.name()),
            format!("convention={}", self.convention.name()),
            format!("per={}", self.per.name()),
        ];
        all.extend(self.bins.map(|n| format!("bins={n}")));
        all.extend(self.dk.map(|dk| format!("dk={dk}")));
        for (name, words) in [("dims", &self.dims), ("average", &self.average)] {
            all.extend((!words.is_empty()).then(|| format!("{name}={}", words.join(","))));
        }
        all.extend(described(&self.input, &self.selection));
        all.join("; ")
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(comm: &Comm, args: &IsotropicArgs, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), &args.memory, &args.checkpoint, |job| open(job, args))
}

/// The command, opened.
pub(crate) struct Isotropic<'a> {
    pub(super) args: &'a IsotropicArgs,
    pub(super) dataset: Dataset,
    files: Vec<PathBuf>,
    pub(super) source: Source,
    pub(super) of: PlaneOf,
    pub(super) averaged: Reduced,
    pub(super) plane: PlanePower,
    pub(super) rings: Rings,
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a IsotropicArgs) -> Result<Isotropic<'a>> {
    args.check()?;
    let selection = args.selection.of_all_levels(args.input.io)?;
    let dataset = args.input.open(job.comm, job.verbosity)?;
    let files = paths(&dataset);
    check_output(job.comm, &args.output, &files)?;
    let source = dataset.source(job.comm, &args.var, &selection)?;
    let checked = || {
        folding::check_is_data(&args.var, &source)?;
        let of = find(&source, &args.dims, args.per, args.radius)?;
        if of.radius.is_none() && args.radius.to_bits() != EARTH_RADIUS.to_bits() {
            return Err(Error::usage("--radius changes nothing: no length of this plane comes from degrees")
                .remedy("leave it out"));
        }
        let averaged = averaged(&args.average, &source, &of.roles)?;
        let (plane, rings) = args.power(&of)?;
        Ok((of, averaged, plane, rings))
    };
    let (of, averaged, plane, rings) = checked().map_err(|e| folding::blame(e, files.first(), &args.var))?;
    Ok(Isotropic { args, dataset, files, source, of, averaged, plane, rings })
}

/// The dimensions that are averaged over, none of which is transformed.
pub(super) fn averaged(
    words: &[String],
    source: &Source,
    transformed: &[halocline_core::meta::Role],
) -> Result<Reduced> {
    let dims = &source.variable().dims;
    if words.is_empty() {
        return Ok(Reduced { roles: Vec::new(), dims: vec![false; dims.len()] });
    }
    let reduced = Reduced::find(words, source)
        .map_err(|e| e.remedy("choose --average from the dimensions that are left, such as time"))?;
    match dims.iter().zip(&reduced.dims).find(|(d, reduced)| **reduced && transformed.contains(&d.role)) {
        None => Ok(reduced),
        Some((dim, _)) => {
            Err(Error::usage(format!("spectra along `{}` can't be averaged over it", dim.name))
                .remedy("choose --average from the other dimensions, such as time"))
        }
    }
}

impl ByItself for Isotropic<'_> {
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
        isotropic_output::compute(self, job)
            .map_err(|e| folding::blame(e, self.files.first(), &self.args.var))
    }
}
