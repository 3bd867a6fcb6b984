//! `halocline bench`: what a machine can do, and how the commands scale on it.
//!
//! Whatever is timed runs as a user would run it: this program again, under the launcher, on
//! files; its own log tells the figures.

mod case;
mod children;
mod data;
mod foresee;
mod machine;
mod merge;
pub(crate) mod model;
mod moves;
mod picture;
mod rates;
mod record;
mod rims;
mod scaling;
mod table;
mod wire;

use crate::common::Verbosity;
use halocline_core::comm::Comm;
use halocline_core::Result;

/// Measure this machine, and how commands scale on it.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    which: Bench,
}

#[derive(Debug, clap::Subcommand)]
enum Bench {
    Machine(machine::MachineArgs),
    Scaling(Box<scaling::ScalingArgs>),
    Table(table::TableArgs),
    /// Make the data of a case, on whatever ranks
    #[command(hide = true)]
    Data(data::DataArgs),
    /// Time what the ordered merge costs
    #[command(hide = true)]
    Merge(merge::MergeArgs),
    /// Time what travels between ranks
    #[command(hide = true)]
    Moves(moves::MovesArgs),
    /// Time the rims of divided maps
    #[command(hide = true)]
    Rims(rims::RimsArgs),
    /// Time messages between ranks
    #[command(hide = true)]
    Wire(wire::WireArgs),
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &BenchArgs, verbosity: Verbosity) -> Result<()> {
    match &args.which {
        Bench::Machine(args) => machine::run(comm, args, verbosity),
        Bench::Scaling(args) => scaling::run(comm, args, verbosity),
        Bench::Table(args) => table::run(comm, args, verbosity),
        Bench::Data(args) => data::run(comm, args),
        Bench::Merge(args) => merge::run(comm, args, verbosity),
        Bench::Moves(args) => moves::run(comm, args, verbosity),
        Bench::Rims(args) => rims::run(comm, args, verbosity),
        Bench::Wire(args) => wire::run(comm, args),
    }
}
