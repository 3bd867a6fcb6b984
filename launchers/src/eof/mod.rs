//! `halocline eof`.

mod contents;
mod fields;
mod gaps;
mod options;
mod output;
mod place;
mod sent;
mod significance;
mod solver;
mod state;
mod summary;

pub(crate) use contents::Contents;
pub(crate) use fields::{
    of_with, prepare, prepare_within, selection_for, with_fields, OpenField, OpenFields, Wants,
};
pub(crate) use gaps::{tell as tell_filling, write as write_filling, FillingOf, GapArgs};
pub(crate) use options::{parse_scale, word, AnomalyChoice, EofArgs, PrepareArgs, WeightChoice};
pub(crate) use place::{places, Place};
pub(crate) use sent::Opened;

use crate::common::{check_output, Verbosity};
use crate::folding::{self, FoldJob};
use halocline_algorithms::eof::{self, Eof, EofOptions, Method, Missing, Rotated, Solver};
use halocline_core::comm::Comm;
use halocline_core::progress::{Phase, Progress};
use halocline_core::Result;
use halocline_io::output::WriteReport;
use std::sync::Arc;

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &EofArgs, verbosity: Verbosity) -> Result<()> {
    let progress = Arc::new(Progress::default());
    let budget = args.memory.budget(comm)?;
    let job = FoldJob { comm, verbosity, budget: &budget, checkpoints: None, progress: &progress };
    let written = analyse(&job, args)?;
    job.finished(&args.output, &written)
}

/// Looks at the files, and refuses what can be refused before data are read.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open(job: &FoldJob<'_>, args: &EofArgs) -> Result<OpenFields> {
    args.check()?;
    // Records that are added may be few.
    let least = if args.state.update { 1 } else { 2 };
    let names = (&args.var[..], &args.with[..]);
    let open = OpenFields::open_at_least(job, &args.input, &args.selection, names, least)?;
    check_output(job.comm, &args.output, &open.files())?;
    if let Some(path) = &args.state.state {
        state::check(job.comm, args, &open, path)?;
        return Ok(open);
    }
    check_modes(args, &open).map_err(|e| open.blame(e))?;
    Ok(open)
}

/// Does the analysis and writes its result, within the budget of a job.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn analyse(job: &FoldJob<'_>, args: &EofArgs) -> Result<WriteReport> {
    let opening = job.progress.phases.start(Phase::Open);
    let open = open(job, args)?;
    drop(opening);
    let outputs = args.state.state.iter().chain([&args.output]).cloned();
    let taken = open.files().into_iter().chain(outputs).collect::<Vec<_>>();
    args.checkpoint.with(job, &taken, |job| {
        if let Some(path) = &args.state.state {
            return state::analyse(job, args, &open, path);
        }
        let watch = job.watch();
        let eof = solve(job, args, &open).map_err(|e| open.blame(e))?;
        drop(watch);
        summary::tell(job, args, &open, &eof);
        job.write(|| output::write(job, args, &open, (eof, None)))
    })
}

/// Refuses more modes than there are.
fn check_modes(args: &EofArgs, open: &OpenFields) -> Result<()> {
    let options = args.options()?;
    let lags = match &options.method {
        Method::Extended(lags) => lags.len(),
        _ => 1,
    };
    let times = open.fields.first().map_or(0, |f| f.source.time().len());
    let cells: usize = open.fields.iter().map(|f| f.source.grid().len()).sum();
    let limit = options.most_modes(options.method.times(times)?.len()).min(cells.saturating_mul(lags));
    match args.modes.filter(|modes| !(1..=limit).contains(modes)) {
        None => Ok(()),
        Some(modes) => Err(halocline_core::Error::usage(format!(
            "{modes} modes are asked for, there are at most {limit}"
        ))
        .remedy(format!("choose --modes between 1 and {limit}"))),
    }
}

fn solve(job: &FoldJob<'_>, args: &EofArgs, open: &OpenFields) -> Result<Eof> {
    let times = open.fields.first().map_or(0, |f| f.source.time().len());
    let options = args.options()?;
    let modes = args.modes.unwrap_or(10).min(options.most_modes(times));
    let options = solver::decide(job, args, open, options, modes);
    // Real and imaginary part, each thrice while they are built; the kernels of several fields.
    let kernels = match options.method {
        Method::Complex(_) => 8,
        _ => 0,
    } + if open.fields.len() > 1 && options.solver == Solver::Exact {
        // While gaps are filled, the sums that they come from, too.
        open.fields.len() as u64 * if options.missing == Missing::Refuse { 1 } else { 2 }
    } else {
        0
    } + significance::matrices(&options.tests, times, modes)
        + if args.is_cdo() { 2 } else { 0 };
    // Several variables are put together by their covariances between times, or factors of those.
    let by_steps = |dims: &[_], excluded: &[_]| match open.fields.len() {
        1 => eof::needs_by_steps(dims, excluded, &options, modes),
        _ => None,
    };
    let needs = |dims: &[_], excluded: &[_]| match by_steps(dims, excluded) {
        Some((needs, _)) => needs,
        None => eof::needs(dims, excluded, &options, modes),
    };
    let across = |dims: &[_], excluded: &[_]| by_steps(dims, excluded).map(|(_, across)| across);
    let memory = |dims: &[_], excluded: &[_]| {
        fields::paired_memory(open, &options.missing)
            .unwrap_or_else(|| eof::memory(dims, excluded, &options, modes))
    };
    let wants = Wants { kernels, memory: &memory, needs: &needs, copies: copies(&options), across: &across };
    let prepared = prepare_within(job, open, &args.prepare, &args.selection, &wants)?;
    let engine = job.engine();
    folding::guarded(job.comm, &open.sources(), || {
        with_fields(open, &prepared, |fields| eof::analyse_fields(&engine, fields, &options))
    })
}

/// How often a rank holds its maps while they are made and written.
fn copies(options: &EofOptions) -> u64 {
    let rotated = u64::from(options.rotated != Rotated::No);
    match options.method {
        // Amplitude and phase beside the parts.
        Method::Complex(_) => 3 + rotated,
        _ => 1 + rotated,
    }
}
