//! `halocline vertical`: to other levels.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

mod coefficients;
mod density;
mod field;
pub(crate) mod hybrid;
mod open;
mod options;
mod run;
mod target;

use crate::checkpoint::CheckpointArgs;
use crate::common::Verbosity;
use crate::step;
use halocline_core::comm::Comm;
use halocline_core::Result;

pub(crate) use open::open;
pub(crate) use options::VerticalArgs;
pub(crate) use target::pressures;

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &VerticalArgs, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), &args.memory, &CheckpointArgs::none(), |job| open(job, args))
}
