//! `halocline transport overturning`, `heat`, `salt` and `freshwater`: sums along rows or circles of
//! latitude, level by level.

mod made;
mod means;
mod options;
mod output;
mod run;
mod sent;

use crate::checkpoint::CheckpointArgs;
use crate::common::Verbosity;
use crate::folding::FoldJob;
use crate::step;
use halocline_core::comm::Comm;
use halocline_core::Result;
pub(crate) use options::{FreshwaterArgs, HeatArgs, OverturningArgs, SaltArgs, ZonalCommand};
use run::Zonal;

/// Runs a command.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(comm: &Comm, args: &dyn ZonalCommand, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), args.memory(), &CheckpointArgs::none(), |job| open(job, args))
}

/// A command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open(job: &FoldJob<'_>, args: &dyn ZonalCommand) -> Result<Zonal> {
    args.check()?;
    Zonal::open(job, args.zonal().clone(), args.what())
}
