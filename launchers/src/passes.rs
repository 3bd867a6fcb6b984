//! Passes over data that steps ask for, and how some of them share a read.

use crate::folding::{self, FoldJob};
use halocline_core::engine::{
    Branch, Cadence, Engine, Fold, FoldBranch, SharedRun, StreamPlan, StreamSource,
};
use halocline_core::{Error, ErrorKind, Result};
use halocline_io::source::{Selection, Source};
use std::path::PathBuf;
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// Between two looks at the clock of all ranks, at most.
const BATCH: Duration = Duration::from_millis(500);

/// A pass that a step wants, from its own side: the fold, and when it is done the plan that it was
/// done by.
#[derive(Debug)]
pub(crate) struct Pass<F: Fold> {
    pub(crate) branch: FoldBranch<F>,
    /// Before the pass, the plan by which it may run if it runs alone; afterwards, that by which
    /// it ran.
    pub(crate) plan: Option<StreamPlan>,
    pub(crate) is_done: bool,
}

impl<F: Fold> Pass<F> {
    pub(crate) fn new(fold: F, plan: Option<StreamPlan>) -> Self {
        Self { branch: FoldBranch::new(fold), plan, is_done: false }
    }
    /// The fold.
    pub(crate) const fn fold(&self) -> &F {
        self.branch.fold()
    }
    /// A request for it.
    pub(crate) fn request<'a>(&'a mut self, of: Wanted<'a>) -> Request<'a> {
        let Self { branch, plan, is_done } = self;
        Request { step: 0, of, branch: branch.branch(), plan, is_done }
    }
    /// The plan by which it ran.
    ///
    /// # Errors
    /// Internal, if it has not run.
    pub(crate) fn ran(&self) -> Result<&StreamPlan> {
        self.plan.as_ref().filter(|_| self.is_done).ok_or_else(|| Error::internal("a pass has not run"))
    }
}

/// What a pass needs, beside its fold.
pub(crate) struct Wanted<'a> {
    /// Sources that are read in lockstep, one at least.
    pub(crate) sources: Vec<&'a Source>,
    /// What makes two reads the same: [`key`] of each source.
    pub(crate) key: &'a str,
    /// How it is called when its plan is told; `None` if that was done.
    pub(crate) title: Option<String>,
    /// To be said with the plan.
    pub(crate) note: Option<String>,
    /// Bytes of memory that the step needs beside the plan's windows and states.
    pub(crate) beside: u64,
    /// Bytes that the plan of a later pass takes: the larger is told.
    pub(crate) later: u64,
    /// Parts of the dimensions, by hand.
    pub(crate) parts: Option<&'a [usize]>,
    /// Under which name its state is saved.
    pub(crate) state: &'a str,
    /// Everything that a saved state depends on. Asked on one rank.
    pub(crate) belongs: Box<dyn Fn() -> String + 'a>,
    /// File and variable that errors name.
    pub(crate) blame: (Option<&'a PathBuf>, &'a str),
}

/// A pass that a step waits for.
pub(crate) struct Request<'a> {
    /// Whose it is: for those who run several steps.
    pub(crate) step: usize,
    pub(crate) of: Wanted<'a>,
    branch: Branch<'a>,
    plan: &'a mut Option<StreamPlan>,
    is_done: &'a mut bool,
}

/// What makes two reads of a source the same: files, variable, selection and how it is read.
pub(crate) fn key(source: &Source, selection: &Selection) -> String {
    let files: Vec<String> =
        source.files().iter().map(|f| format!("{}:{}:{}:{:?}", f.path, f.bytes, f.first, f.times)).collect();
    let ensemble = source.is_ensemble();
    // Cells that repeat others are left out where it matters.
    let left_out = source.grid().excluded.iter().filter(|out| **out).count();
    format!("{} of {files:?} ensemble={ensemble} left-out={left_out} {selection:?}", source.variable().name)
}

/// Requests that are done together, on one read.
pub(crate) struct Reading<'a> {
    requests: Vec<Request<'a>>,
    plan: StreamPlan,
}

impl<'a> Reading<'a> {
    /// Takes the first of the requests that wait, and of the others as many, in order, as read the
    /// same and fit into memory with it; `None` if nobody waits. With checkpoints, each pass is
    /// alone.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// As [`StreamPlan::shared`] of the first, which does not fit even alone.
    pub(crate) fn next(job: &FoldJob<'_>, waiting: &mut Vec<Request<'a>>) -> Result<Option<Self>> {
        if waiting.is_empty() {
            return Ok(None);
        }
        let room = job.budget.for_buffers(job.comm);
        let mut requests = vec![waiting.remove(0)];
        let mut plan = match requests[0].plan.take() {
            Some(plan) => plan,
            None => plan_of(job, room, &mut requests)?,
        };
        let mut at = 0;
        while at < waiting.len() && job.checkpoints.is_none() {
            let (first, other) = (&requests[0].of, &waiting[at].of);
            if first.key != other.key || first.parts != other.parts {
                at += 1;
                continue;
            }
            requests.push(waiting.remove(at));
            match (plan_of(job, room, &mut requests), requests.len()) {
                (Ok(shared), _) => plan = shared,
                (Err(e), _) if e.kind == ErrorKind::Memory => {
                    waiting.extend(requests.pop());
                    // Back to where it was.
                    waiting[at..].rotate_right(1);
                    at += 1;
                }
                (Err(e), _) => return Err(e),
            }
        }
        Ok(Some(Self { requests, plan }))
    }

    /// Refuses requests that do not fit into memory even alone: for those who want to know before
    /// others have read for long.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// Memory, with the numbers.
    pub(crate) fn check(job: &FoldJob<'_>, requests: Vec<Request<'a>>) -> Result<()> {
        let room = job.budget.for_buffers(job.comm);
        // Those that have a plan were checked when it was made.
        let mut open = requests.into_iter().filter(|request| request.plan.is_none());
        open.try_for_each(|request| plan_of(job, room, &mut [request]).map(drop))
    }

    /// The requests that share it.
    pub(crate) fn requests(&self) -> &[Request<'a>] {
        &self.requests
    }
    /// How it is going to be done.
    pub(crate) fn plan(&self) -> &StreamPlan {
        &self.plan
    }
    /// Bytes that are needed beside the plan's.
    pub(crate) fn beside(&self) -> u64 {
        beside(&self.requests)
    }
    /// Bytes that all ranks together are going to fetch.
    pub(crate) fn bytes_to_read(&self) -> u64 {
        self.requests.first().map_or(0, |r| r.of.sources.iter().map(|s| folding::bytes_to_read(s)).sum())
    }

    /// Says what is going to be done, and what memory it takes.
    pub(crate) fn tell(&self, job: &FoldJob<'_>) {
        let mut titles: Vec<&str> = Vec::new();
        for title in self.requests.iter().filter_map(|r| r.of.title.as_deref()) {
            if !titles.contains(&title) {
                titles.push(title);
            }
        }
        if let Some(first) = self.requests.first().filter(|_| !titles.is_empty()) {
            let later = self.requests.iter().map(|r| r.of.later).max().unwrap_or(0);
            let bytes = self.plan.estimate().max(later) + self.beside();
            job.tell_together(&titles.join(", "), &first.of.sources, &self.plan, bytes);
        }
        for note in self.requests.iter().filter_map(|r| r.of.note.as_ref()) {
            job.verbosity.say(job.comm, || note.clone());
        }
    }

    /// Tells the plan and reads: the passes of all requests are then done.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// What reading or a fold reports, and data if files have changed meanwhile; then no request is
    /// done.
    pub(crate) fn run(self, job: &FoldJob<'_>) -> Result<()> {
        self.tell(job);
        let Self { mut requests, plan } = self;
        let Some(first) = requests.first() else { return Ok(()) };
        let sources = first.of.sources.clone();
        let (file, variable) = first.of.blame;
        let saved = match (job.checkpoints, requests.as_slice()) {
            (Some(_), [only]) => {
                Some((only.of.state.to_owned(), job.comm.on_root(|| Ok((only.of.belongs)()))?))
            }
            _ => None,
        };
        let branches = requests.iter_mut().map(|r| r.branch.reborrow()).collect();
        folding::guarded(job.comm, &sources, || stream(job, &sources, &plan, branches, saved))
            .map_err(|e| folding::blame(e, file, variable))?;
        for request in requests {
            *request.plan = Some(plan.clone());
            *request.is_done = true;
        }
        Ok(())
    }
}

fn beside(requests: &[Request<'_>]) -> u64 {
    requests.iter().fold(0, |sum, r| sum.saturating_add(r.of.beside))
}

/// The plan of all these requests together, of the same sources, where `room` bytes are there.
fn plan_of(job: &FoldJob<'_>, room: u64, requests: &mut [Request<'_>]) -> Result<StreamPlan> {
    let beside = beside(requests);
    let Some(first) = requests.first() else { return Err(Error::internal("a plan for no pass")) };
    let (sources, parts, (file, variable)) = (streams(&first.of.sources), first.of.parts, first.of.blame);
    let demand = folding::demand(job.comm, room.saturating_sub(beside), parts);
    let branches: Vec<Branch<'_>> = requests.iter_mut().map(|r| r.branch.reborrow()).collect();
    StreamPlan::shared(&sources, &branches, demand)
        .map_err(|e| folding::blame(folding::of_budget(e, job.budget, beside), file, variable))
}

fn streams<'a>(sources: &[&'a Source]) -> Vec<&'a dyn StreamSource> {
    sources.iter().map(|s| *s as &dyn StreamSource).collect()
}

/// Streams the sources through all branches. One alone saves its state, where checkpoints are
/// wanted: `saved` are the name of the state and what it belongs to. Without a name, it is one pass of
/// several, saved as those over whole series are.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn stream(
    job: &FoldJob<'_>,
    sources: &[&Source],
    plan: &StreamPlan,
    branches: Vec<Branch<'_>>,
    saved: Option<(String, String)>,
) -> Result<()> {
    stream_of(job, &streams(sources), plan, branches, saved)
}

/// What is read.
fn names(sources: &[&dyn StreamSource]) -> String {
    let names: Vec<&str> = sources.iter().map(|source| source.variable().name.as_str()).collect();
    names.join(", ")
}

/// [`stream`] of whatever can be read.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn stream_of(
    job: &FoldJob<'_>,
    sources: &[&dyn StreamSource],
    plan: &StreamPlan,
    branches: Vec<Branch<'_>>,
    saved: Option<(String, String)>,
) -> Result<()> {
    let engine = Engine::with_progress(job.comm, job.progress);
    let mut run = SharedRun::new(&engine, sources, plan, branches)?;
    let Some((checkpoints, (state, belongs))) = job.checkpoints.zip(saved) else {
        // Nothing to decide in between: one batch.
        while run.advance(usize::MAX)? {}
        return run.finish();
    };
    let pass = state.is_empty().then(|| checkpoints.keeper().next(job.comm, &names(sources))).transpose()?;
    let (file, belongs, resumes) = if let Some(pass) = &pass {
        (pass.file().to_owned(), format!("{}|{belongs}", pass.job()), pass.resumes())
    } else {
        let file = checkpoints.of(&state);
        let there = job.comm.on_root(|| Ok(std::fs::metadata(&file).is_ok_and(|m| m.len() > 0)))?;
        (file, belongs, checkpoints.resume && there)
    };
    if resumes {
        run.load(&file, &belongs)?;
    }
    let stop = || checkpoints.stop.requested();
    let note = |event: &halocline_core::engine::CadenceEvent| {
        checkpoints.note(job.comm, job.verbosity, event);
    };
    let length = BATCH.min(checkpoints.every);
    let mut cadence = match &pass {
        Some(pass) => pass.cadence(),
        None => Cadence::new(&file, checkpoints.every, &stop, &note),
    };
    // Whether anything is left to do, of what is not there already.
    let is_new = run.advance_while(&mut || false)?;
    let mut more = is_new;
    while more {
        let batch = Instant::now();
        more = run.advance_while(&mut || batch.elapsed() < length && !stop())?;
        if more {
            cadence.turn(job.comm, &mut |path| run.save(path, &belongs))?;
        }
    }
    let is_followed = match &pass {
        Some(pass) if is_new => {
            pass.has_worked();
            pass.is_worth_saving(job.comm)
        }
        Some(_) => false,
        None => checkpoints.is_followed(&state),
    };
    if is_followed {
        // A stop while a later variable is worked on must not lose this one.
        cadence.save(&mut |path| run.save(path, &belongs))?;
    }
    run.finish()
}
