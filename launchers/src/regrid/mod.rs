//! `halocline regrid`.

mod options;
mod output;
mod run;
mod target;
mod weights_file;

pub(crate) use options::RegridArgs;
pub(crate) use run::open;

use crate::checkpoint::CheckpointArgs;
use crate::common::Verbosity;
use crate::step;
use halocline_core::comm::Comm;
use halocline_core::Result;

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &RegridArgs, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), args.memory(), &CheckpointArgs::default(), |job| open(job, args))
}
