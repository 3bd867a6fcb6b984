//! What a pipeline would do: passes, bytes, memory, outputs. Looks at metadata, writes nothing.

use super::commands::{self, Args};
use super::execute::Around;
use super::scratch::told;
use super::steps::{Pipeline, Step};
use super::together::Together;
use crate::common::bytes_text;
use crate::folding::FoldJob;
use crate::passes::Reading;
use crate::{eof, folding, info, pop, rechunk, reconstruct};
use halocline_core::progress::Progress;
use halocline_core::Result;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The lines that are printed, and the bytes that they speak of.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) lines: Vec<String>,
    /// Bytes that are fetched, as far as is known.
    pub(super) shared: u64,
    /// What would be, if every step read by itself.
    pub(super) apart: u64,
}

impl Told {
    pub(super) fn line(&mut self, text: String) {
        self.lines.push(text);
    }

    /// A read that steps share; requests of it count places among `steps`.
    pub(super) fn reading(&mut self, pass: usize, reading: &Reading<'_>, steps: &[&Step]) {
        let bytes = reading.bytes_to_read();
        self.shared += bytes;
        self.apart += bytes * reading.requests().len() as u64;
        let titles: BTreeSet<&str> =
            reading.requests().iter().filter_map(|r| r.of.title.as_deref()).collect();
        let mut takers: Vec<&str> =
            reading.requests().iter().filter_map(|r| steps.get(r.step)).map(|s| s.label.as_str()).collect();
        takers.dedup();
        let dims = reading.plan().tiling().dims().iter();
        let shape: Vec<String> = dims.map(|d| format!("{} {}", d.len, d.name)).collect();
        let resident = halocline_core::budget::resident().unwrap_or(0);
        self.line(format!(
            "  pass {pass}: {} ({}), {} in {}, about {} of memory a rank, for {}",
            titles.into_iter().collect::<Vec<_>>().join(", "),
            shape.join(" x "),
            bytes_text(bytes),
            folding::plural(reading.plan().tiling().len(), "tile"),
            bytes_text(resident + reading.plan().estimate() + reading.beside()),
            takers.join(", ")
        ));
    }
}

/// Prints what would be done.
///
/// # Errors
/// What the run would refuse, as far as metadata of files that are there tell.
///
/// # Collective
/// Every rank calls this.
pub(super) fn run(around: &Around<'_>) -> Result<()> {
    let Around { comm, verbosity, budget, pipeline } = *around;
    let progress = Arc::new(Progress::default());
    let job = FoldJob { comm, verbosity, budget, checkpoints: None, progress: &progress };
    let mut told = Told::default();
    told.line(format!(
        "{}: {} in {}, {} of memory a rank ({})",
        pipeline.file,
        folding::plural(pipeline.steps.len(), "step"),
        folding::plural(pipeline.rounds.len(), "round"),
        bytes_text(budget.bytes),
        budget.origin
    ));
    for (number, round) in pipeline.rounds.iter().enumerate() {
        told.line(format!("round {}", number + 1));
        if number == 0 {
            Together::open(&job, pipeline, round)?.look(&job, &mut told)?;
        }
        for step in round.iter().map(|&index| &pipeline.steps[index]) {
            if number > 0 {
                later(&job, pipeline, step, &mut told).map_err(|e| pipeline.blame(step, e))?;
            } else {
                alone(&job, step, &mut told).map_err(|e| pipeline.blame(step, e))?;
            }
        }
    }
    let apart = match bytes_text(told.apart) {
        bytes if told.apart > told.shared => {
            format!(", where the steps one after the other would read {bytes}")
        }
        _ => String::new(),
    };
    let on_the_way = if pipeline.rounds.len() > 1 { ", beside files that are made on the way" } else { "" };
    told.line(format!("reads {} in all{apart}{on_the_way}", bytes_text(told.shared)));
    let printed = if comm.is_root() { info::print(&(told.lines.join("\n") + "\n")) } else { Ok(()) };
    comm.agree(printed)
}

/// A command that shares nothing, its files there.
fn alone(job: &FoldJob<'_>, step: &Step, told: &mut Told) -> Result<()> {
    let (bytes, memory) = match &step.args {
        Args::Eof(_) | Args::Mca(_) | Args::Cca(_) | Args::Pop(_) => {
            let open = match &step.args {
                Args::Mca(args) => args.couple().open(job)?,
                Args::Cca(args) => args.couple().open(job)?,
                Args::Eof(args) => eof::open(job, args)?,
                Args::Pop(args) => pop::open(job, args)?,
                _ => return Ok(()),
            };
            let bytes = open.sources().iter().map(|s| folding::bytes_to_read(s)).sum();
            (bytes, "twice, within the memory of the promise".to_owned())
        }
        Args::Rechunk(args) => {
            let (bytes, memory) = rechunk::look(job.comm, args, job.verbosity)?;
            (bytes, format!("about {} of memory a rank", bytes_text(memory)))
        }
        Args::Reconstruct(args) => {
            let (bytes, memory) = reconstruct::look(job.comm, args)?;
            (bytes, format!("about {} of maps a rank", bytes_text(memory)))
        }
        Args::Plot(_) => {
            told.line(format!("  {} draws{}", step.label, makes(step)));
            return Ok(());
        }
        _ => return Ok(()),
    };
    told.shared += bytes;
    told.apart += bytes;
    told.line(format!("  {} reads {}, {memory}", step.label, bytes_text(bytes)));
    told.line(format!("    {}{}", step.label, makes(step)));
    Ok(())
}

/// A step some of whose files are made by others.
fn later(job: &FoldJob<'_>, pipeline: &Pipeline, step: &Step, told: &mut Told) -> Result<()> {
    let known = match &step.source {
        Some(words) => {
            let bytes = commands::bytes_of(job.comm, words, job.verbosity)?;
            told.shared += bytes;
            told.apart += bytes;
            format!("{} and ", bytes_text(bytes))
        }
        None => String::new(),
    };
    let makers: Vec<&str> = step.needs.iter().map(|&need| pipeline.steps[need].label.as_str()).collect();
    told.line(format!("  {} reads {known}what comes of {}", step.label, makers.join(", ")));
    told.line(format!("    {}{}", step.label, makes(step)));
    Ok(())
}

/// The outputs of a step.
pub(super) fn makes(step: &Step) -> String {
    let about = |made: &super::steps::Made| {
        let path = told(&made.path.display().to_string());
        if made.stays {
            path
        } else {
            format!("{path} (kept for later steps)")
        }
    };
    format!(" -> {}", step.made.iter().map(about).collect::<Vec<_>>().join(", "))
}
