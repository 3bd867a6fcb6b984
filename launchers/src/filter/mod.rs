//! `halocline filter`.

mod band;
mod gaps;
mod options;
mod output;
mod time;

pub(crate) use options::TimeArgs;
pub(crate) use time::open;

use crate::checkpoint::CheckpointArgs;
use crate::common::Verbosity;
use crate::step;
use halocline_core::comm::Comm;
use halocline_core::Result;

/// Low-, high- and band-pass filters.
#[derive(Debug, clap::Args)]
pub(crate) struct FilterArgs {
    #[command(subcommand)]
    which: Filter,
}

#[derive(Debug, clap::Subcommand)]
enum Filter {
    Time(TimeArgs),
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &FilterArgs, verbosity: Verbosity) -> Result<()> {
    let Filter::Time(args) = &args.which;
    step::run((comm, verbosity), args.memory(), &CheckpointArgs::default(), |job| open(job, args))
}
