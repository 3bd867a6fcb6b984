//! The options of `halocline filter time`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

use super::band::{self, Asked};
use crate::checkpoint::CheckpointArgs;
use crate::common::{check_once, described, CompressArgs, InputArgs, MemoryArgs, SelectionArgs};
use halocline_algorithms::filter::{
    Band, Butterworth, Ends, Fourier, Kernel, Lanczos, LanczosConvention, TimeFilter,
};
use halocline_core::{Error, Result};
use halocline_io::source::Source;
use std::path::PathBuf;

/// Low-, high- or band-pass along time, at every point.
///
/// A low-pass keeps the mean of a series; high- and band-passes leave departures from it, unless
/// --keep-mean puts it back. Times must be evenly spaced (months count as even). Cells that are
/// always missing stay missing.
#[derive(Debug, clap::Args)]
pub(crate) struct TimeArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// The variables
    #[arg(long, value_name = "NAME,…", required = true, value_delimiter = ',')]
    pub(super) var: Vec<String>,
    /// What passes: periods from LOW to HIGH with units (20d,100d or 2y,7y; s, min, h, d, mon, y),
    /// or frequencies in cycles per day (0.01,0.05). Without LOW all shorter periods (of frequencies,
    /// all lower ones), without HIGH all longer ones (all higher ones): `10d,` is a low-pass
    #[arg(long, value_name = "LOW,HIGH", value_parser = band::parse, allow_hyphen_values = true)]
    pub(super) band: Asked,
    /// The filter: lanczos, a running mean with Lanczos's weights; butterworth, recursive, forward
    /// and backward; fft, a response in the frequency domain
    #[arg(long, value_enum, default_value_t = Kind::Lanczos, value_name = "lanczos|butterworth|fft", hide_possible_values = true)]
    kind: Kind,
    /// lanczos: weights on either side, so that there are 2N + 1 [default: steps of the longest
    /// period at which the band ends]
    #[arg(long, value_name = "N")]
    weights: Option<usize>,
    /// lanczos: what stands beyond the ends: nothing, so that N steps at each end come out
    /// missing, or the series reflected, reflected and turned over (odd), or again (cyclic)
    /// [default: missing]
    #[arg(long, value_enum, value_name = "missing|reflect|odd|cyclic", hide_possible_values = true)]
    ends: Option<AtEnds>,
    /// lanczos: how weights are defined: as NCL's filwgts_lanczos, whose sum is exact, or as
    /// Duchon (1979) wrote it [default: ncl]
    #[arg(long, value_enum, value_name = "ncl|duchon", hide_possible_values = true)]
    convention: Option<Convention>,
    /// butterworth: the order of the filter [default: 4]
    #[arg(long, value_name = "N")]
    order: Option<usize>,
    /// butterworth: forward only, which shifts phases, as a filter in real time has to
    #[arg(long)]
    one_pass: bool,
    /// fft: width of the cosine over which the response falls, relative to the cut-off frequency,
    /// from 0 (sharp) to 1 [default: 0]
    #[arg(long, value_name = "W")]
    taper: Option<f64>,
    /// What is taken off before: none, or the least-squares line of each series, which a low-pass
    /// puts back
    #[arg(long, value_enum, default_value_t = Detrend::None, value_name = "none|linear", hide_possible_values = true)]
    detrend: Detrend,
    /// Put the mean of each series back to what a high- or band-pass leaves
    #[arg(long)]
    keep_mean: bool,
    /// What becomes of a cell that is missing at some times: refuse the data, or drop: it comes
    /// out missing (lanczos: where weights touch a gap)
    #[arg(long, value_enum, default_value_t = Gaps::Refuse, value_name = "refuse|drop", hide_possible_values = true)]
    pub(super) missing: Gaps,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    Lanczos,
    Butterworth,
    Fft,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum AtEnds {
    Missing,
    Reflect,
    Odd,
    Cyclic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Convention {
    Ncl,
    Duchon,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Detrend {
    None,
    Linear,
}

/// What becomes of cells that are missing at some times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Gaps {
    Refuse,
    Drop,
}

/// The word that the user writes for a choice.
fn word(choice: &impl clap::ValueEnum) -> String {
    choice.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned())
}

/// Steps of the longest period at which a band ends.
fn longest(band: Band) -> usize {
    let (Band::LowPass(f) | Band::HighPass(f) | Band::BandPass([f, _])) = band;
    // A million weights are too many anyway.
    (1.0 / f).round().min(2e6) as usize
}

impl TimeArgs {
    pub(super) fn memory(&self) -> &MemoryArgs {
        &self.memory
    }

    /// Refuses what makes no sense before any file is opened.
    pub(crate) fn check(&self) -> Result<()> {
        check_once(&self.var)?;
        let of = [
            ("weights", self.weights.is_some(), Kind::Lanczos),
            ("ends", self.ends.is_some(), Kind::Lanczos),
            ("convention", self.convention.is_some(), Kind::Lanczos),
            ("order", self.order.is_some(), Kind::Butterworth),
            ("one-pass", self.one_pass, Kind::Butterworth),
            ("taper", self.taper.is_some(), Kind::Fft),
        ];
        if let Some((option, _, kind)) = of.iter().find(|(_, given, kind)| *given && *kind != self.kind) {
            return Err(Error::usage(format!("--{option} is for --kind {}", word(kind)))
                .remedy("leave it out, or choose that kind"));
        }
        Ok(())
    }

    /// The filter for a variable.
    ///
    /// # Errors
    /// Data, if times are uneven; usage, if the band or the filter does not fit them.
    pub(super) fn filter(&self, source: &Source) -> Result<TimeFilter> {
        let (time, steps) = (source.time(), source.variable().dims[0].len);
        let band = self.band.band(time.sampling()?, time.calendar)?;
        if self.keep_mean && band.passes_mean() {
            return Err(
                Error::usage("--keep-mean with a low-pass, which keeps the mean").remedy("leave it out")
            );
        }
        let kernel = match self.kind {
            Kind::Lanczos => {
                let ends = match self.ends.unwrap_or(AtEnds::Missing) {
                    AtEnds::Missing => Ends::Missing,
                    AtEnds::Reflect => Ends::Reflect,
                    AtEnds::Odd => Ends::Odd,
                    AtEnds::Cyclic => Ends::Cyclic,
                };
                let convention = match self.convention.unwrap_or(Convention::Ncl) {
                    Convention::Ncl => LanczosConvention::Ncl,
                    Convention::Duchon => LanczosConvention::Duchon,
                };
                let half = self.weights.unwrap_or_else(|| longest(band));
                Kernel::Lanczos(Lanczos::new(band, half, convention, ends)?)
            }
            Kind::Butterworth => {
                Kernel::Butterworth(Butterworth::new(band, self.order.unwrap_or(4), self.one_pass)?)
            }
            Kind::Fft => Kernel::Fourier(Fourier::new(band, self.taper.unwrap_or(0.0), steps)?),
        };
        let filter = TimeFilter::new(kernel, steps)?;
        Ok(filter.detrend(self.detrend == Detrend::Linear).keep_mean(self.keep_mean))
    }

    /// What is to be said of weights that are too few to tell the band.
    pub(super) fn note(&self, source: &Source) -> Option<String> {
        let half = self.weights.filter(|_| self.kind == Kind::Lanczos)?;
        let time = source.time();
        let band = self.band.band(time.sampling().ok()?, time.calendar).ok()?;
        (2 * half < longest(band)).then(|| {
            format!(
                "{} weights are shorter than the longest period at which the band ends, {} steps: the response falls over {:.2} cycles per step around it",
                2 * half + 1,
                longest(band),
                2.0 / half.max(1) as f64
            )
        })
    }

    /// The filter in words.
    pub(super) fn describe_filter(&self, filter: &TimeFilter) -> String {
        let band = filter.kernel().band();
        let kind = match filter.kernel() {
            Kernel::Lanczos(lanczos) => {
                format!("Lanczos {}, {} weights", band.name(), lanczos.weights().len())
            }
            Kernel::Butterworth(_) => format!(
                "Butterworth {} of order {}, {}",
                band.name(),
                self.order.unwrap_or(4),
                if self.one_pass { "forward only" } else { "forward and backward" }
            ),
            Kernel::Fourier(_) => format!("{} by Fourier transform", band.name()),
        };
        format!("{kind}, {}", self.band.text())
    }

    /// As outputs record them.
    pub(super) fn describe(&self) -> String {
        let mut options = vec![format!("kind={}", word(&self.kind)), format!("band={}", self.band.text())];
        match self.kind {
            Kind::Lanczos => {
                options.extend(self.weights.map(|n| format!("weights={n}")));
                options.push(format!("ends={}", word(&self.ends.unwrap_or(AtEnds::Missing))));
                options.push(format!("convention={}", word(&self.convention.unwrap_or(Convention::Ncl))));
            }
            Kind::Butterworth => {
                options.push(format!("order={}", self.order.unwrap_or(4)));
                options.push(format!("passes={}", if self.one_pass { 1 } else { 2 }));
            }
            Kind::Fft => options.push(format!("taper={}", self.taper.unwrap_or(0.0))),
        }
        options.push(format!("detrend={}", word(&self.detrend)));
        options.push(format!("keep_mean={}", if self.keep_mean { "yes" } else { "no" }));
        options.push(format!("missing={}", word(&self.missing)));
        options.extend(described(&self.input, &self.selection));
        options.join("; ")
    }
    /// Whether results are about the mean of each series rather than about zero.
    pub(super) fn has_mean(&self, filter: &TimeFilter) -> bool {
        self.keep_mean || filter.kernel().band().passes_mean()
    }
}
