//! `halocline spectrum cross`.

use crate::common::Verbosity;
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};

/// Skeleton.
#[derive(Debug, clap::Args)]
pub(crate) struct CrossArgs {}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(_comm: &Comm, _args: &CrossArgs, _verbosity: Verbosity) -> Result<()> {
    Err(Error::internal("is still to come"))
}
