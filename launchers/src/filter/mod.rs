//! `halocline filter`.

mod band;
mod gaps;
mod options;
mod output;
mod space;
mod time;

pub(crate) use options::TimeArgs;
pub(crate) use space::{open as open_space, SpaceArgs};
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
    Space(Box<SpaceArgs>),
    Time(Box<TimeArgs>),
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &FilterArgs, verbosity: Verbosity) -> Result<()> {
    let none = CheckpointArgs::default();
    match &args.which {
        Filter::Space(args) => {
            step::run((comm, verbosity), args.memory(), &none, |job| open_space(job, args))
        }
        Filter::Time(args) => {
            step::run((comm, verbosity), args.memory(), &args.checkpoint, |job| open(job, args))
        }
    }
}
