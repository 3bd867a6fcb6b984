//! Commands as steps, cut at the points where passes over data begin, so that steps which read
//! the same can share a pass.
//!
//! A command's `open` looks at files, checks options and decides what is to be done, but reads no
//! data; it gives a [`Step`]. Then
//!
//! 1. [`Step::begin`], once: what must come first and reads by itself;
//! 2. [`Step::requests`]: the passes that it waits for. A [`Reading`](crate::passes::Reading)
//!    takes as many requests, of any steps, as have the same key and fit into memory together;
//! 3. [`Step::carry_on`], when some of its requests were done, or if it had none; then 2 again,
//!    until it is done.
//!
//! What a step finds does not depend on who else takes part in a reading. A plain command is a
//! pipeline of one step ([`run`]).

use crate::checkpoint::CheckpointArgs;
use crate::common::{MemoryArgs, Verbosity};
use crate::folding::{self, FoldJob};
use crate::passes::{Reading, Request};
use halocline_core::comm::Comm;
use halocline_core::progress::{Phase, Progress};
use halocline_core::Result;
use halocline_io::output::WriteReport;
use halocline_io::source::Source;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A command that has been opened.
pub(crate) trait Step {
    /// The files that it reads and writes: none of them may be replaced.
    fn taken(&self) -> Vec<PathBuf>;

    /// The names of all passes whose states can be saved, in order ([`Request::state`]).
    fn states(&self) -> Vec<String>;

    /// What it is going to read by itself, beside its requests.
    fn alone(&self) -> Vec<Alone>;

    /// Does what has to come before its requests; called once.
    ///
    /// # Collective
    /// Every rank calls this.
    fn begin(&mut self, job: &FoldJob<'_>) -> Result<()> {
        let _ = job;
        Ok(())
    }

    /// The passes that it waits for, without those that were done; none if it can go on by itself.
    /// Reads nothing: a dry run may ask before [`Self::begin`].
    fn requests(&mut self) -> Result<Vec<Request<'_>>>;

    /// Takes the results of requests that were done, and if it waits for no other, goes on: with
    /// reads of its own, to further requests or to its end.
    ///
    /// # Collective
    /// Every rank calls this.
    fn carry_on(&mut self, job: &FoldJob<'_>) -> Result<Carried>;
}

/// A command that reads by itself and shares no pass: as a [`Step`] it is done in one go.
pub(crate) trait ByItself {
    /// The files that it reads, and its output: none of them may be replaced.
    fn files(&self) -> Vec<PathBuf>;

    /// What it is going to read.
    fn reads(&self) -> Vec<Alone>;

    /// The file that it writes.
    fn output(&self) -> &Path;

    /// Names of the states that it saves, as [`Step::states`] gives them; none unless told.
    fn states(&self) -> Vec<String> {
        Vec::new()
    }

    /// Reads, computes and writes.
    ///
    /// # Collective
    /// Every rank calls this.
    fn all(&self, job: &FoldJob<'_>) -> Result<WriteReport>;
}

impl<T: ByItself> Step for T {
    fn taken(&self) -> Vec<PathBuf> {
        self.files()
    }
    fn states(&self) -> Vec<String> {
        ByItself::states(self)
    }
    fn alone(&self) -> Vec<Alone> {
        self.reads()
    }
    fn requests(&mut self) -> Result<Vec<Request<'_>>> {
        Ok(Vec::new())
    }
    fn carry_on(&mut self, job: &FoldJob<'_>) -> Result<Carried> {
        let report = self.all(job)?;
        Ok(Carried::Done(Written { output: self.output().to_owned(), report }))
    }
}

/// How far a step has come.
#[derive(Debug)]
pub(crate) enum Carried {
    /// It has further requests, or is to be called again.
    More,
    /// An output is in place, others are to come; it is to be called again.
    Wrote(Written),
    /// The last output is in place.
    Done(Written),
}

/// An output that is in place.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) output: PathBuf,
    pub(crate) report: WriteReport,
}

/// A read that no other step shares, for those who want to know beforehand.
#[derive(Debug)]
pub(crate) struct Alone {
    /// In words, as in `whole series of tos`.
    pub(crate) what: String,
    /// Bytes of one pass over it, of all ranks together.
    pub(crate) bytes: u64,
    /// Whether [`Step::begin`] reads it, and keeps what it finds until the step is done.
    pub(crate) is_first: bool,
}

impl Alone {
    /// Series of a whole variable: one pass at least, more where memory is short.
    pub(crate) fn series(name: &str, source: &Source, is_first: bool) -> Self {
        Self { what: format!("whole series of {name}"), bytes: folding::bytes_to_read(source), is_first }
    }
    /// A field from which its climatology is taken off.
    pub(crate) fn anomalies(field: &Source) -> Self {
        let what = format!("{}, less its climatology", field.variable().name);
        Self { what, bytes: folding::bytes_to_read(field), is_first: false }
    }
    /// A further pass of a step whose states don't fit into memory at once.
    pub(crate) fn later(name: &str, sources: &[&Source]) -> Self {
        let bytes = sources.iter().map(|source| folding::bytes_to_read(source)).sum();
        Self { what: format!("{name}, in a later pass"), bytes, is_first: false }
    }
}

/// Runs a command of one step to its end. `open` reads metadata, with no checkpoints yet.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run<S: Step>(
    (comm, verbosity): (&Comm, Verbosity),
    memory: &MemoryArgs,
    checkpoint: &CheckpointArgs,
    open: impl FnOnce(&FoldJob<'_>) -> Result<S>,
) -> Result<()> {
    let progress = Arc::new(Progress::default());
    let budget = memory.budget(comm)?;
    let job = FoldJob { comm, verbosity, budget: &budget, checkpoints: None, progress: &progress };
    let opening = progress.phases.start(Phase::Open);
    let mut step = open(&job)?;
    drop(opening);
    let checkpoints = checkpoint.plan(comm, verbosity, &step.taken(), &step.states())?;
    let job = FoldJob { checkpoints: checkpoints.as_ref(), ..job };
    let watch = job.watch();
    step.begin(&job)?;
    let written = loop {
        let mut waiting = step.requests()?;
        if let Some(reading) = Reading::next(&job, &mut waiting)? {
            reading.run(&job)?;
        }
        drop(waiting);
        match step.carry_on(&job)? {
            Carried::More => {}
            Carried::Wrote(Written { output, .. }) => {
                verbosity.say(comm, || format!("wrote {}", output.display()));
            }
            Carried::Done(written) => break written,
        }
    };
    drop(watch);
    job.finished(&written.output, &written.report)
}
