//! Saving the passes of an analysis over whole series, one after the other.
//!
//! An analysis makes its passes in an order that depends on its inputs and options alone, so a pass
//! is known by its number, with what it does to which variable: how many passes come before it may
//! depend on memory and ranks. Each has a file of its own: while it runs, what was found until now;
//! afterwards, what it has found. A run that goes on makes the same passes, and those that were done
//! take their results from there. Short passes are made again: that costs less than saving them.

use super::cadence::{stopped, Cadence, CadenceEvent};
use super::checkpoint::{is_state, remove_state};
use crate::comm::{Comm, Reduce};
use crate::error::{Error, Result};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A pass that took no longer than this is not saved when it is done, unless the user wants more.
const SHORT: Duration = Duration::from_secs(1);

/// Where the passes of a run are saved, how often, and when the run is to stop.
pub struct Keeper {
    file: PathBuf,
    job: String,
    every: Duration,
    resume: bool,
    stop: Box<dyn Fn() -> bool>,
    note: Box<dyn Fn(&CadenceEvent)>,
    passes: Cell<usize>,
    /// Whether anything was found that was not there when the run began.
    has_worked: Cell<bool>,
    /// Why what was found last could not be saved.
    unsaved: Rc<RefCell<Option<Error>>>,
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper")
            .field("file", &self.file)
            .field("every", &self.every)
            .field("passes", &self.passes)
            .finish_non_exhaustive()
    }
}

impl Keeper {
    /// Saves the first pass to `file`, later ones beside it ([`Self::file_of`]), when `every` has
    /// passed, when a pass is done, and once `stop` says so on any rank; goes on from what is there if
    /// `resume`. `job` names everything that results depend on; `note` is told of each attempt.
    pub fn new(
        (file, job): (&Path, String),
        every: Duration,
        resume: bool,
        stop: Box<dyn Fn() -> bool>,
        note: Box<dyn Fn(&CadenceEvent)>,
    ) -> Self {
        let unsaved = Rc::new(RefCell::new(None));
        let seen = Rc::clone(&unsaved);
        let note = Box::new(move |event: &CadenceEvent| {
            match event {
                CadenceEvent::Saved(..) => drop(seen.take()),
                CadenceEvent::Failed(error) => drop(seen.replace(Some(error.clone()))),
                CadenceEvent::Batch(_) => {}
            }
            note(event);
        });
        Self {
            file: file.to_owned(),
            job,
            every,
            resume,
            stop,
            note,
            unsaved,
            passes: Cell::new(0),
            has_worked: Cell::new(false),
        }
    }

    /// The file of a pass, counted from 0: `file`, `file.pass2`, `file.pass3` …
    pub fn file_of(file: &Path, pass: usize) -> PathBuf {
        let mut name = file.as_os_str().to_owned();
        if pass > 0 {
            name.push(format!(".pass{}", pass + 1));
        }
        name.into()
    }

    /// Whether there are states of passes, the first or later ones. For one rank.
    pub fn is_there(file: &Path) -> bool {
        let is_saved = |path: &PathBuf| {
            std::fs::metadata(path).is_ok_and(|about| about.len() > 0) && is_state(path).unwrap_or(false)
        };
        is_saved(&file.to_owned()) || later(file).iter().any(is_saved)
    }

    /// Removes the states of all passes, and nothing that is none: nobody goes on from them. For one
    /// rank.
    pub fn remove(file: &Path) {
        later(file).iter().for_each(|path| remove_state(path));
        // What is behind a link, not the link: it is there for a reason.
        remove_state(&file.canonicalize().unwrap_or_else(|_| file.to_owned()));
    }

    /// The next pass. `what` it does, and to which variable: a state of anything else is refused.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// [`Checkpointed`](crate::ErrorKind::Checkpointed), if the run was asked to stop, and has come further than
    /// the one before: its passes are saved. If the last of them could not be, why. Usage, if something
    /// else than a state is in the place of its file; system.
    pub fn next(&self, comm: &Comm, what: &str) -> Result<KeptPass<'_>> {
        let number = self.passes.replace(self.passes.get() + 1);
        if self.has_worked.get() && any(comm, (self.stop)()) {
            // Whoever is told of a state runs the job again, and would do so for ever.
            return Err(self.unsaved.borrow().clone().unwrap_or_else(|| stopped(&self.file)));
        }
        let file = Self::file_of(&self.file, number);
        let is_there = comm.on_root(|| {
            let is_there = std::fs::metadata(&file).is_ok_and(|about| about.len() > 0);
            if is_there && !is_state(&file)? {
                return Err(Error::usage("is there already and is no saved state")
                    .in_file(&file)
                    .remedy("name another file with --checkpoint"));
            }
            Ok(is_there)
        })?;
        let job = format!("{}|pass {number}|{what}", self.job);
        Ok(KeptPass { keeper: self, file, job, resumes: self.resume && is_there, begun: Instant::now() })
    }
}

/// The files of passes behind the first: short ones have none, so they don't follow one another.
fn later(file: &Path) -> Vec<PathBuf> {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let there = std::fs::read_dir(parent.unwrap_or_else(|| Path::new("."))).into_iter().flatten().flatten();
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned() + ".pass";
    let number = |other: &str| other.strip_prefix(&name).and_then(|n| n.parse::<usize>().ok());
    there
        .filter(|other| other.file_name().to_str().is_some_and(|other| number(other).is_some()))
        .map(|other| other.path())
        .collect()
}

/// Whether any rank says so.
fn any(comm: &Comm, own: bool) -> bool {
    let mut all = [u64::from(own)];
    comm.all_reduce(&mut all, Reduce::Max);
    all[0] > 0
}

/// A pass that is saved.
#[derive(Debug)]
pub struct KeptPass<'a> {
    keeper: &'a Keeper,
    file: PathBuf,
    job: String,
    resumes: bool,
    begun: Instant,
}

impl KeptPass<'_> {
    /// Its file.
    pub fn file(&self) -> &Path {
        &self.file
    }
    /// What its state belongs to.
    pub fn job(&self) -> &str {
        &self.job
    }
    /// Whether there is a state to go on from.
    pub const fn resumes(&self) -> bool {
        self.resumes
    }
    /// When it is saved, and when it stops. Nothing is told of how long batches take.
    pub fn cadence(&self) -> Cadence<'_> {
        Cadence::new(&self.file, self.keeper.every, &*self.keeper.stop, &*self.keeper.note)
    }
    /// Whether it is worth saving now that it is done: it has taken long, or the run is to stop.
    ///
    /// # Collective
    /// Every rank calls this.
    pub fn is_worth_saving(&self, comm: &Comm) -> bool {
        any(comm, self.begun.elapsed() >= self.keeper.every.min(SHORT) || (self.keeper.stop)())
    }
    /// Notes that it has found something new, on every rank.
    pub fn has_worked(&self) {
        self.keeper.has_worked.set(true);
    }
    /// Tells of an attempt to save.
    pub(super) fn note(&self, event: &CadenceEvent) {
        (self.keeper.note)(event);
    }
}
