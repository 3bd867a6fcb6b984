//! Runs a pipeline: round by round, the steps that read the same on one read.

use super::commands::Args;
use super::scratch::Scratch;
use super::steps::Pipeline;
use super::together::Together;
use crate::common::Verbosity;
use crate::folding::FoldJob;
use crate::{eof, plot, pop, rechunk, reconstruct, report};
use halocline_core::budget::MemoryBudget;
use halocline_core::comm::Comm;
use halocline_core::progress::{Phase, Progress};
use halocline_core::{Error, Result};
use std::path::PathBuf;
use std::sync::Arc;

/// What a pipeline runs with.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) comm: &'a Comm,
    pub(super) verbosity: Verbosity,
    pub(super) budget: &'a MemoryBudget,
    pub(super) pipeline: &'a Pipeline,
}

/// Runs all steps.
///
/// # Errors
/// Those of steps, with the step, its line, and which outputs are in place.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(around: &Around<'_>) -> Result<()> {
    let scratch = Scratch::watch(around.comm, around.pipeline);
    let mut there = Vec::new();
    rounds(around, &scratch, &mut there).map_err(|e| with_outputs(&there, e))
}

fn rounds(around: &Around<'_>, scratch: &Scratch, there: &mut Vec<PathBuf>) -> Result<()> {
    let Around { comm, verbosity, budget, pipeline } = *around;
    let progress = Arc::new(Progress::default());
    let job = FoldJob { comm, verbosity, budget, checkpoints: None, progress: &progress };
    let base = budget.base();
    for (number, round) in pipeline.rounds.iter().enumerate() {
        let opening = progress.phases.start(Phase::Open);
        let mut together = Together::open(&job, pipeline, round)?;
        drop(opening);
        let watch = job.watch();
        together.run(&job, base, there)?;
        drop((watch, together));
        for step in round.iter().map(|&index| &pipeline.steps[index]) {
            tidy(budget, base);
            if alone(&job, &step.args).map_err(|e| pipeline.blame(step, e))? {
                there.extend(step.made.iter().filter(|made| made.stays).map(|made| made.path.clone()));
            }
        }
        scratch.release(pipeline.useless_after(number));
    }
    report::summary(comm, verbosity, &progress)
}

/// Gives memory back that steps before have freed, where it would count against the next: more
/// than a small part of the budget beyond `base`, that of the beginning.
pub(super) fn tidy(budget: &MemoryBudget, base: u64) {
    if budget.base() > base + budget.bytes / 64 {
        halocline_core::memory::give_back();
    }
}

/// Runs a command that shares nothing; tells whether it is one.
///
/// # Collective
/// Every rank calls this.
fn alone(job: &FoldJob<'_>, args: &Args) -> Result<bool> {
    let (comm, verbosity) = (job.comm, job.verbosity);
    match args {
        Args::Eof(args) => eof::analyse(job, args).map(drop),
        Args::Mca(args) => args.couple().analyse(job).map(drop),
        Args::Cca(args) => args.couple().analyse(job).map(drop),
        Args::Pop(args) => pop::analyse(job, args).map(drop),
        Args::Rechunk(args) => rechunk::rechunk(comm, args, verbosity, job.progress),
        Args::Reconstruct(args) => reconstruct::reconstruct(comm, args, verbosity, job.progress),
        Args::Plot(args) => plot::run(comm, args, verbosity),
        Args::Stats(_)
        | Args::Climatology(_)
        | Args::Histogram(_)
        | Args::Relate(_)
        | Args::Project(_)
        | Args::SpectrumPower(_)
        | Args::SpectrumCross(_)
        | Args::SpectrumSpherical(_)
        | Args::SpectrumMultitaper(_)
        | Args::SpectrumWavelet(_)
        | Args::FilterSpace(_)
        | Args::FilterTime(_)
        | Args::Regrid(_)
        | Args::SpectrumIsotropic(_)
        | Args::SpectrumZonal(_)
        | Args::CalcHelmholtz(_)
        | Args::CalcMesh(_)
        | Args::CalcTruncate(_)
        | Args::TransportMassStreamfunction(_)
        | Args::TransportEnergy(_)
        | Args::TransportVapour(_)
        | Args::TransportTem(_)
        | Args::TransportEpFlux(_)
        | Args::TransportEddy(_)
        | Args::Vertical(_)
        | Args::TransportOverturning(_)
        | Args::TransportHeat(_)
        | Args::TransportSalt(_)
        | Args::TransportFreshwater(_)
        | Args::TransportSection(_)
        | Args::TransportBarotropic(_)
        | Args::TransportHeatContent(_)
        | Args::TransportImpliedHeat(_)
        | Args::TransportMixedLayer(_)
        | Args::WheelerKiladis(_) => return Ok(false),
    }?;
    Ok(true)
}

/// Says which outputs a pipeline that failed leaves.
fn with_outputs(there: &[PathBuf], mut error: Error) -> Error {
    if !there.is_empty() {
        let there: Vec<String> = there.iter().map(|path| path.display().to_string()).collect();
        let remedy = error.remedy.take().map_or_else(String::new, |remedy| remedy + "; ");
        error.remedy = Some(format!("{remedy}written already: {}", there.join(", ")));
    }
    error
}
