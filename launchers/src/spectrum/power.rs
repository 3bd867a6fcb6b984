//! `halocline spectrum power`.

use crate::common::Verbosity;
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};

/// Skeleton.
#[derive(Debug, clap::Args)]
pub(crate) struct PowerArgs {}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(_comm: &Comm, _args: &PowerArgs, _verbosity: Verbosity) -> Result<()> {
    Err(Error::internal("is still to come"))
}
