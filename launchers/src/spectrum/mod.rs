//! `halocline spectrum`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

mod at;
mod cells;
mod cross;
mod cross_waves;
mod describe;
mod estimate;
mod frame;
mod isotropic;
mod isotropic_output;
mod lomb;
mod multitaper;
mod multitaper_file;
mod pair_sum;
mod plane;
mod power;
mod power_sent;
mod series;
mod space_time;
mod spherical;
mod units;
mod wavelet;
mod wavelet_file;
mod wheeler_kiladis;
mod zonal;
mod zonal_output;

use crate::common::Verbosity;
use crate::folding::FoldJob;
use crate::plan::{Foreseen, Sends};
use halocline_core::comm::Comm;
use halocline_core::Result;

pub(crate) use at::{nearest, parse_at};
pub(crate) use cross::{open as open_cross, CrossArgs};
pub(crate) use isotropic::{open as open_isotropic, IsotropicArgs};
pub(crate) use multitaper::{open as open_multitaper, MultitaperArgs};
pub(crate) use power::{open as open_power, PowerArgs};
pub(crate) use spherical::{open as open_spherical, SphericalArgs};
pub(crate) use wavelet::{open as open_wavelet, WaveletArgs};
pub(crate) use wheeler_kiladis::{open as open_wheeler_kiladis, WheelerKiladisArgs};
pub(crate) use zonal::{open as open_zonal, ZonalArgs};

/// Spectra in time of all series of a field, alone or against others, and in space.
#[derive(Debug, clap::Args)]
pub(crate) struct SpectrumArgs {
    #[command(subcommand)]
    which: Spectrum,
}

#[derive(Debug, clap::Subcommand)]
enum Spectrum {
    Power(Box<PowerArgs>),
    Cross(Box<CrossArgs>),
    Isotropic(Box<IsotropicArgs>),
    Spherical(Box<SphericalArgs>),
    Multitaper(Box<MultitaperArgs>),
    Wavelet(Box<WaveletArgs>),
    WheelerKiladis(Box<WheelerKiladisArgs>),
    Zonal(Box<ZonalArgs>),
}

impl SpectrumArgs {
    /// What its cost follows from, where that is known.
    pub(crate) fn foreseen(&self) -> Option<Foreseen<'_>> {
        match &self.which {
            Spectrum::Power(args) => args.foreseen(),
            _ => None,
        }
    }

    /// Opens it for `work`, where what it sends is known.
    pub(crate) fn opened(
        &self,
        job: &FoldJob<'_>,
        work: &mut dyn FnMut(&dyn Sends) -> Result<()>,
    ) -> Result<()> {
        match &self.which {
            Spectrum::Power(args) => work(&power::open(job, args)?),
            _ => Ok(()),
        }
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &SpectrumArgs, verbosity: Verbosity) -> Result<()> {
    match &args.which {
        Spectrum::Power(args) => power::run(comm, args, verbosity),
        Spectrum::Cross(args) => cross::run(comm, args, verbosity),
        Spectrum::Isotropic(args) => isotropic::run(comm, args, verbosity),
        Spectrum::Spherical(args) => spherical::run(comm, args, verbosity),
        Spectrum::Multitaper(args) => multitaper::run(comm, args, verbosity),
        Spectrum::Wavelet(args) => wavelet::run(comm, args, verbosity),
        Spectrum::WheelerKiladis(args) => wheeler_kiladis::run(comm, args, verbosity),
        Spectrum::Zonal(args) => zonal::run(comm, args, verbosity),
    }
}
