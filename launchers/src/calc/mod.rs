//! `halocline calc`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

mod fields;
mod helmholtz;
mod output;
mod truncate;

use crate::common::Verbosity;
use halocline_core::comm::Comm;
use halocline_core::Result;

pub(crate) use helmholtz::{compression, open as open_helmholtz, HelmholtzArgs};
pub(crate) use output::{chunks_like, is_speed, room, Precision};
pub(crate) use truncate::{open as open_truncate, TruncateArgs};

/// Fields that are made of others.
#[derive(Debug, clap::Args)]
pub(crate) struct CalcArgs {
    #[command(subcommand)]
    which: Calc,
}

#[derive(Debug, clap::Subcommand)]
enum Calc {
    Helmholtz(Box<HelmholtzArgs>),
    Truncate(Box<TruncateArgs>),
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &CalcArgs, verbosity: Verbosity) -> Result<()> {
    match &args.which {
        Calc::Helmholtz(args) => helmholtz::run(comm, args, verbosity),
        Calc::Truncate(args) => truncate::run(comm, args, verbosity),
    }
}
