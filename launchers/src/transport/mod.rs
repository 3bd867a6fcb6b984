//! `halocline transport`: what currents and winds carry, each kind in a file of its own.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

mod atmosphere;
mod collect;
mod columns;
mod coordinate;
mod coverage;
pub(crate) mod density;
mod implied;
mod ocean;
mod pass;
mod section;
mod zonal;

use crate::common::Verbosity;
use crate::folding::FoldJob;
use crate::plan::{Foreseen, Sends};
use halocline_core::comm::Comm;
use halocline_core::Result;

pub(crate) use atmosphere::{
    open_eddy, open_energy, open_ep_flux, open_mass_streamfunction, open_tem, open_vapour, EddyArgs,
    EnergyArgs, EpFluxArgs, Kind, MassStreamfunctionArgs, TemArgs, VapourArgs,
};
pub(crate) use columns::{
    open as open_columns, BarotropicArgs, ColumnCommand, HeatContentArgs, MixedLayerArgs,
};
pub(crate) use implied::{open as open_implied_heat, ImpliedHeatArgs};
pub(crate) use section::{open as open_section, SectionArgs};
pub(crate) use zonal::{
    open as open_zonal, FreshwaterArgs, HeatArgs, OverturningArgs, SaltArgs, ZonalCommand,
};

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
    Heat(Box<HeatArgs>),
    Salt(Box<SaltArgs>),
    Freshwater(Box<FreshwaterArgs>),
    Section(Box<SectionArgs>),
    Barotropic(Box<BarotropicArgs>),
    HeatContent(Box<HeatContentArgs>),
    ImpliedHeat(Box<ImpliedHeatArgs>),
    MixedLayer(Box<MixedLayerArgs>),
}

impl TransportArgs {
    /// What its cost follows from, where that is known.
    pub(crate) fn foreseen(&self) -> Option<Foreseen<'_>> {
        match &self.which {
            Transport::Overturning(args) => args.foreseen(),
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
            Transport::Overturning(args) => work(&zonal::open(job, &**args)?),
            _ => Ok(()),
        }
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &TransportArgs, verbosity: Verbosity) -> Result<()> {
    match &args.which {
        Transport::MassStreamfunction(args) => args.run(comm, verbosity),
        Transport::Energy(args) => args.run(comm, verbosity),
        Transport::Vapour(args) => args.run(comm, verbosity),
        Transport::Tem(args) => args.run(comm, verbosity),
        Transport::EpFlux(args) => args.run(comm, verbosity),
        Transport::Eddy(args) => args.run(comm, verbosity),
        Transport::Overturning(args) => zonal::run(comm, &**args, verbosity),
        Transport::Heat(args) => zonal::run(comm, &**args, verbosity),
        Transport::Salt(args) => zonal::run(comm, &**args, verbosity),
        Transport::Freshwater(args) => zonal::run(comm, &**args, verbosity),
        Transport::Barotropic(args) => columns::run(comm, &**args, verbosity),
        Transport::HeatContent(args) => columns::run(comm, &**args, verbosity),
        Transport::MixedLayer(args) => columns::run(comm, &**args, verbosity),
        Transport::ImpliedHeat(args) => implied::run(comm, args, verbosity),
        Transport::Section(args) => section::run(comm, args, verbosity),
    }
}
