//! Runs a pipeline.

use super::commands::Args;
use super::scratch::Scratch;
use super::steps::{Pipeline, Step};
use crate::common::Verbosity;
use crate::{climatology, eof, histogram, plot, rechunk, relate, stats};
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};

/// Runs all steps.
///
/// # Errors
/// Those of steps, with the step, its line, and which outputs are in place.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(comm: &Comm, verbosity: Verbosity, pipeline: &Pipeline) -> Result<()> {
    let _scratch = pipeline.scratch.as_deref().map(|at| Scratch::create(comm, at)).transpose()?;
    let mut done = Vec::new();
    for &index in pipeline.rounds.iter().flatten() {
        let step = &pipeline.steps[index];
        command(comm, verbosity, step).map_err(|e| with_outputs(pipeline, &done, pipeline.blame(step, e)))?;
        done.push(index);
    }
    Ok(())
}

fn command(comm: &Comm, verbosity: Verbosity, step: &Step) -> Result<()> {
    match &step.args {
        Args::Stats(args) => stats::run(comm, args, verbosity),
        Args::Climatology(args) => climatology::run(comm, args, verbosity),
        Args::Relate(args) => relate::run(comm, args, verbosity),
        Args::Histogram(args) => histogram::run(comm, args, verbosity),
        Args::Eof(args) => eof::run(comm, args, verbosity),
        Args::Rechunk(args) => rechunk::run(comm, args, verbosity),
        Args::Plot(args) => plot::run(comm, args, verbosity),
    }
}

/// Says which outputs a pipeline that failed leaves.
fn with_outputs(pipeline: &Pipeline, done: &[usize], mut error: Error) -> Error {
    let there: Vec<String> = pipeline.outputs(done).map(|path| path.display().to_string()).collect();
    if !there.is_empty() {
        let remedy = error.remedy.take().map_or_else(String::new, |remedy| remedy + "; ");
        error.remedy = Some(format!("{remedy}written already: {}", there.join(", ")));
    }
    error
}
