//! `halocline spectrum`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

mod at;
mod cross;
mod describe;
mod estimate;
mod frame;
mod lomb;
mod multitaper;
mod multitaper_file;
mod power;
mod series;
mod space_time;
mod units;
mod wavelet;
mod wavelet_file;
mod wheeler_kiladis;

use crate::common::Verbosity;
use halocline_core::comm::Comm;
use halocline_core::Result;

pub(crate) use at::{nearest, parse_at};
pub(crate) use cross::{open as open_cross, CrossArgs};
pub(crate) use multitaper::{open as open_multitaper, MultitaperArgs};
pub(crate) use power::{open as open_power, PowerArgs};
pub(crate) use wavelet::{open as open_wavelet, WaveletArgs};
pub(crate) use wheeler_kiladis::{open as open_wheeler_kiladis, WheelerKiladisArgs};

/// Spectra in time of all series of a field, alone or against others.
#[derive(Debug, clap::Args)]
pub(crate) struct SpectrumArgs {
    #[command(subcommand)]
    which: Spectrum,
}

#[derive(Debug, clap::Subcommand)]
enum Spectrum {
    Power(Box<PowerArgs>),
    Cross(Box<CrossArgs>),
    Multitaper(Box<MultitaperArgs>),
    Wavelet(Box<WaveletArgs>),
    WheelerKiladis(Box<WheelerKiladisArgs>),
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &SpectrumArgs, verbosity: Verbosity) -> Result<()> {
    match &args.which {
        Spectrum::Power(args) => power::run(comm, args, verbosity),
        Spectrum::Cross(args) => cross::run(comm, args, verbosity),
        Spectrum::Multitaper(args) => multitaper::run(comm, args, verbosity),
        Spectrum::Wavelet(args) => wavelet::run(comm, args, verbosity),
        Spectrum::WheelerKiladis(args) => wheeler_kiladis::run(comm, args, verbosity),
    }
}
