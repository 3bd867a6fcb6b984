//! `halocline rechunk`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

use crate::bench::model::Case;
use crate::common::{check_output, command_line, paths, CompressArgs, InputArgs, MemoryArgs, Verbosity};
use crate::folding::FoldJob;
use crate::plan::{Foreseen, Ranks, Sends, Sent};
use crate::{progress, report};
use halocline_core::budget::{bytes_text, MemoryBudget};
use halocline_core::comm::Comm;
use halocline_core::progress::{Phase, Progress};
use halocline_core::rechunk::Method;
use halocline_core::Result;
use halocline_io::dataset::{Dataset, VariableInfo};
use halocline_io::output::history_line;
use halocline_io::rechunk::{parse_chunks, Imagined, Rechunk, RechunkOptions};
use halocline_io::scratch;
use std::path::PathBuf;
use std::sync::Arc;

/// The same data in other chunks: series from maps, maps from series.
///
/// Everything else is carried over as it is: coordinates, attributes, packed values. Many files
/// become one. What does not fit into memory goes through scratch files that vanish with the
/// process.
#[derive(Debug, clap::Args)]
pub(crate) struct RechunkArgs {
    #[command(flatten)]
    input: InputArgs,
    /// Variables to rechunk [default: all data variables]; the others are carried over
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    var: Option<Vec<String>>,
    /// Chunk lengths by dimension, as in time=all,lat=10,lon=10 [default: those of the file];
    /// dimensions that are not named keep theirs
    #[arg(long, value_name = "DIM=N,…")]
    chunks: Option<String>,
    #[command(flatten)]
    compress: CompressArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    /// Where scratch files go [default: $HALOCLINE_SCRATCH, $TMPDIR, /tmp]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// The file to write
    #[arg(long, short, value_name = "OUT.nc")]
    output: PathBuf,
}

impl RechunkArgs {
    /// What its cost follows from.
    pub(crate) fn foreseen(&self) -> Foreseen<'_> {
        Foreseen {
            case: Case::Io,
            input: &self.input,
            selection: None,
            vars: self.var.as_deref().unwrap_or_default(),
            segment: None,
            results: 1.0,
        }
    }
}

/// `halocline rechunk`, opened, as far as it tells what ranks would send.
struct Opened<'a> {
    dataset: Dataset,
    args: &'a RechunkArgs,
}

impl Sends for Opened<'_> {
    fn sent(&self, on: Ranks) -> Result<Option<Sent>> {
        let budget = MemoryBudget::asked(on.room, &Comm::serial());
        let on = Imagined { ranks: on.count, threads: on.threads, budget: &budget, base: 0 };
        let [passes, writing] = Rechunk::foresee(&self.dataset, &self.args.options()?, on)?;
        Ok(Some(Sent { passes, writing: Some(writing) }))
    }
}

impl RechunkArgs {
    /// Opens it on this process alone, to ask what ranks would send.
    pub(crate) fn opened(&self, job: &FoldJob<'_>) -> Result<impl Sends + '_> {
        Ok(Opened { dataset: self.input.open(job.comm, job.verbosity)?, args: self })
    }

    /// What can be checked before anything is opened.
    pub(crate) fn check(&self) -> Result<()> {
        self.options().map(drop)
    }

    fn options(&self) -> Result<RechunkOptions> {
        Ok(RechunkOptions {
            variables: self.var.clone(),
            chunks: self.chunks.as_deref().map_or(Ok(Vec::new()), parse_chunks)?,
            compression: self.compress.compression(),
            scratch: self.scratch.clone().unwrap_or_else(scratch::default_directory),
        })
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &RechunkArgs, verbosity: Verbosity) -> Result<()> {
    let progress = Arc::new(Progress::default());
    rechunk(comm, args, verbosity, &progress)?;
    report::summary(comm, verbosity, &progress)
}

/// How the work is going to be done, and in how much memory.
///
/// # Collective
/// Every rank calls this.
fn plan<'a>(
    comm: &Comm,
    args: &RechunkArgs,
    dataset: &'a Dataset,
    options: &RechunkOptions,
) -> Result<(Rechunk<'a>, MemoryBudget)> {
    check_output(comm, &args.output, &paths(dataset))?;
    let budget = args.memory.budget(comm)?;
    Ok((Rechunk::plan(comm, dataset, options, &budget)?, budget))
}

/// Bytes of values that the command moves, and those of memory that it takes on a rank.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn look(comm: &Comm, args: &RechunkArgs, verbosity: Verbosity) -> Result<(u64, u64)> {
    let dataset = args.input.open(comm, verbosity)?;
    let options = args.options()?;
    let (job, _) = plan(comm, args, &dataset, &options)?;
    let bytes = |info: &VariableInfo| {
        info.variable.shape().iter().product::<usize>() as u64 * info.variable.dtype.size() as u64
    };
    Ok((job.variables().map(|(info, ..)| bytes(info)).sum(), job.estimate()))
}

/// The work of the command, counted by `progress`.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn rechunk(
    comm: &Comm,
    args: &RechunkArgs,
    verbosity: Verbosity,
    progress: &Arc<Progress>,
) -> Result<()> {
    let options = args.options()?;
    let opening = progress.phases.start(Phase::Open);
    let dataset = args.input.open(comm, verbosity)?;
    let (job, budget) = plan(comm, args, &dataset, &options)?;
    drop(opening);
    let chunk = |lengths: &[usize]| lengths.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
    for (info, from, to, plan) in job.variables() {
        verbosity.say(comm, || {
            let how = match plan.method() {
                Method::Stream => "window by window".to_owned(),
                Method::Memory => "in memory".to_owned(),
                Method::Passes(n) => format!("in {n} passes over the input"),
                Method::Scratch => format!(
                    "through {} of scratch storage a rank in {}",
                    bytes_text(plan.scratch_bytes()),
                    options.scratch.display()
                ),
            };
            let stored = if info.chunks.is_some() { chunk(from) } else { "one piece".to_owned() };
            let name = &info.variable.name;
            let shape = chunk(&info.variable.shape());
            format!("rechunk of {name} ({shape}): {stored} to {}, {how}", chunk(to))
        });
    }
    verbosity.say(comm, || {
        format!(
            "memory: about {} of {} a rank ({})",
            bytes_text(job.estimate()),
            bytes_text(budget.bytes),
            budget.origin
        )
    });
    for note in job.notes().into_iter().chain(options.compression.note().map(str::to_owned)) {
        verbosity.say(comm, || format!("note: {note}"));
    }
    report::event(comm, "plan", || {
        let variables: Vec<_> = job
            .variables()
            .map(|(info, from, to, plan)| {
                serde_json::json!({
                    "variable": info.variable.name,
                    "from": from,
                    "to": to,
                    "method": format!("{:?}", plan.method()),
                })
            })
            .collect();
        serde_json::json!({
            "variables": variables,
            "scratch_bytes": job.scratch_bytes(),
            "memory_estimate": job.estimate(),
            "memory_budget": budget.bytes,
        })
    });
    let watch = progress::Watch::start(comm, verbosity, progress);
    let done = job.run(comm, &args.output, &history_line(&command_line()), progress)?;
    drop(watch);
    verbosity.say(comm, || {
        format!(
            "wrote {} ({}; {} of values)",
            args.output.display(),
            bytes_text(done.report.bytes_file),
            bytes_text(done.written)
        )
    });
    Ok(())
}
