//! `halocline transport`: what currents and winds carry, each kind in a file of its own.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

mod atmosphere;
mod overturning;

use crate::common::Verbosity;
use halocline_core::comm::Comm;
use halocline_core::Result;

pub(crate) use atmosphere::{
    open_eddy, open_energy, open_ep_flux, open_mass_streamfunction, open_tem, open_vapour, EddyArgs,
    EnergyArgs, EpFluxArgs, Kind, MassStreamfunctionArgs, TemArgs, VapourArgs,
};
pub(crate) use overturning::OverturningArgs;

/// What currents and winds carry: mass, heat, salt, moisture, energy.
#[derive(Debug, clap::Args)]
pub(crate) struct TransportArgs {
    #[command(subcommand)]
    which: Transport,
}

// Of the ocean first, then of the atmosphere.
#[derive(Debug, clap::Subcommand)]
enum Transport {
    Overturning(Box<OverturningArgs>),
    MassStreamfunction(Box<MassStreamfunctionArgs>),
    Energy(Box<EnergyArgs>),
    Vapour(Box<VapourArgs>),
    Tem(Box<TemArgs>),
    EpFlux(Box<EpFluxArgs>),
    Eddy(Box<EddyArgs>),
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &TransportArgs, verbosity: Verbosity) -> Result<()> {
    match &args.which {
        Transport::Overturning(args) => overturning::run(comm, args, verbosity),
        Transport::MassStreamfunction(args) => args.run(comm, verbosity),
        Transport::Energy(args) => args.run(comm, verbosity),
        Transport::Vapour(args) => args.run(comm, verbosity),
        Transport::Tem(args) => args.run(comm, verbosity),
        Transport::EpFlux(args) => args.run(comm, verbosity),
        Transport::Eddy(args) => args.run(comm, verbosity),
    }
}
