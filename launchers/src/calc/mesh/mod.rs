//! Calculus on meshes: `halocline calc gradient` and its like.

mod celsius;
mod checks;
mod describe;
mod divided;
mod kind;
mod lines;
mod maps;
mod options;
mod share;
mod space;
mod thickness;
mod wet;
mod what;
mod works;

pub(crate) use checks::{check_pair, level_of, room_for_mesh};
pub(crate) use kind::MeshKind;
pub(crate) use options::{
    CumulativeArgs, CurlArgs, DerivativeArgs, DiffArgs, DivergenceArgs, GradientArgs, IntegralArgs,
    InterpArgs, LaplacianArgs, MeshCommand,
};

pub(crate) use wet::Wet;

use crate::checkpoint::CheckpointArgs;
use crate::common::Verbosity;
use crate::folding::FoldJob;
use crate::step::{self, Alone, ByItself};
use halocline_core::comm::Comm;
use halocline_core::Result;
use halocline_io::output::WriteReport;
use lines::Lines;
use maps::Maps;
use std::path::{Path, PathBuf};

/// A command, opened.
pub(crate) struct MeshCalc<'a> {
    output: &'a Path,
    which: Which<'a>,
}

enum Which<'a> {
    Maps(Box<Maps<'a>>),
    Lines(Box<Lines<'a>>),
}

/// A command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a dyn MeshCommand) -> Result<MeshCalc<'a>> {
    args.check()?;
    let (common, asked) = (args.common(), args.asked()?);
    let which = match asked.what.line() {
        Some(axis) => Which::Lines(Box::new(Lines::open(job, common, &asked, axis)?)),
        None => Which::Maps(Box::new(Maps::open(job, common, asked)?)),
    };
    Ok(MeshCalc { output: &common.output, which })
}

/// Runs a command.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(comm: &Comm, args: &dyn MeshCommand, verbosity: Verbosity) -> Result<()> {
    step::run((comm, verbosity), &args.common().memory, &CheckpointArgs::none(), |job| open(job, args))
}

impl ByItself for MeshCalc<'_> {
    fn files(&self) -> Vec<PathBuf> {
        match &self.which {
            Which::Maps(maps) => maps.files(),
            Which::Lines(lines) => lines.files(),
        }
    }
    fn reads(&self) -> Vec<Alone> {
        match &self.which {
            Which::Maps(maps) => maps.reads(),
            Which::Lines(lines) => lines.reads(),
        }
    }
    fn output(&self) -> &Path {
        self.output
    }
    fn all(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        match &self.which {
            Which::Maps(maps) => maps.all(job),
            Which::Lines(lines) => lines.all(job),
        }
    }
}
