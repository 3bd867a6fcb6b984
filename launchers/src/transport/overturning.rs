//! `halocline transport overturning`.

use crate::common::Verbosity;
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};

/// The meridional overturning streamfunction of the ocean.
#[derive(Debug, clap::Args)]
pub(crate) struct OverturningArgs {}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(_: &Comm, _: &OverturningArgs, _: Verbosity) -> Result<()> {
    Err(Error::usage("not here yet"))
}
