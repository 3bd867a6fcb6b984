//! `halocline calc`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

mod fields;
mod helmholtz;
mod mesh;
mod output;
mod truncate;

use crate::common::Verbosity;
use halocline_core::comm::Comm;
use halocline_core::Result;
use mesh::{
    CumulativeArgs, CurlArgs, DerivativeArgs, DiffArgs, DivergenceArgs, GradientArgs, IntegralArgs,
    InterpArgs, LaplacianArgs,
};

pub(crate) use helmholtz::{open as open_helmholtz, HelmholtzArgs};
pub(crate) use mesh::{check_pair, level_of, open as open_mesh, room_for_mesh, MeshCommand, MeshKind, Wet};
pub(crate) use output::{chunks_like, is_speed, part, room, room_again, Precision};
pub(crate) use truncate::{open as open_truncate, TruncateArgs};

/// Fields that are made of others.
#[derive(Debug, clap::Args)]
pub(crate) struct CalcArgs {
    #[command(subcommand)]
    which: Calc,
}

#[derive(Debug, clap::Subcommand)]
enum Calc {
    Gradient(Box<GradientArgs>),
    Divergence(Box<DivergenceArgs>),
    Curl(Box<CurlArgs>),
    Laplacian(Box<LaplacianArgs>),
    Derivative(Box<DerivativeArgs>),
    Diff(Box<DiffArgs>),
    Interp(Box<InterpArgs>),
    Integral(Box<IntegralArgs>),
    CumulativeIntegral(Box<CumulativeArgs>),
    Helmholtz(Box<HelmholtzArgs>),
    Truncate(Box<TruncateArgs>),
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &CalcArgs, verbosity: Verbosity) -> Result<()> {
    match &args.which {
        Calc::Gradient(args) => mesh::run(comm, &**args, verbosity),
        Calc::Divergence(args) => mesh::run(comm, &**args, verbosity),
        Calc::Curl(args) => mesh::run(comm, &**args, verbosity),
        Calc::Laplacian(args) => mesh::run(comm, &**args, verbosity),
        Calc::Derivative(args) => mesh::run(comm, &**args, verbosity),
        Calc::Diff(args) => mesh::run(comm, &**args, verbosity),
        Calc::Interp(args) => mesh::run(comm, &**args, verbosity),
        Calc::Integral(args) => mesh::run(comm, &**args, verbosity),
        Calc::CumulativeIntegral(args) => mesh::run(comm, &**args, verbosity),
        Calc::Helmholtz(args) => helmholtz::run(comm, args, verbosity),
        Calc::Truncate(args) => truncate::run(comm, args, verbosity),
    }
}
