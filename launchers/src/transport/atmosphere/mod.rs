//! Kinds of `halocline transport` that are of the atmosphere.

mod eddy;
mod energy;
mod file;
mod operands;
mod options;
mod pressure;
mod products;
mod streamfunction;
mod tem;
mod vapour;
mod zonal;

pub(crate) use eddy::EddyArgs;
pub(crate) use energy::EnergyArgs;
pub(crate) use streamfunction::MassStreamfunctionArgs;
pub(crate) use tem::{EpFluxArgs, TemArgs};
pub(crate) use vapour::VapourArgs;

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
