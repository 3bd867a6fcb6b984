//! Kinds of `halocline transport` that are of the atmosphere.

mod columns;
mod eddy;
mod energy;
mod file;
mod onto;
mod operands;
mod options;
mod pressure;
mod products;
mod streamfunction;
mod streams;
mod surface;
mod tem;
mod vapour;
mod zonal;

pub(crate) use eddy::{open as open_eddy, EddyArgs};
pub(crate) use energy::{open as open_energy, EnergyArgs};
pub(crate) use streamfunction::{open as open_mass_streamfunction, MassStreamfunctionArgs};
pub(crate) use tem::{open_ep_flux, open_tem, EpFluxArgs, TemArgs};
pub(crate) use vapour::{open as open_vapour, VapourArgs};

use crate::common::Verbosity;
use halocline_core::comm::Comm;
use halocline_core::Result;

/// A kind with its options.
pub(crate) trait Kind {
    /// Refuses what makes no sense before any file is opened.
    fn check(&self) -> Result<()>;
    /// Runs the command.
    ///
    /// # Collective
    /// Every rank calls this.
    fn run(&self, comm: &Comm, verbosity: Verbosity) -> Result<()>;
}
