//! Files that only other steps read: gone when those are done or the run ends, whatever ends it
//! (but for a kill, which nobody can answer).

use super::steps::Pipeline;
use halocline_core::comm::Comm;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The files that may be there, for the thread that answers signals.
static FILES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
/// Where files that stay go in this run, and where the pipeline says.
static REDIRECTED: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());
/// How the paths of such files begin in this run, on every rank.
static PREFIX: Mutex<String> = Mutex::new(String::new());

fn locked<T>(place: &'static Mutex<T>) -> MutexGuard<'static, T> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How the paths of files between steps begin in a run: beside each other, hidden, of a number
/// that no other run has.
pub(super) fn prefix(directory: &Path, run: u64) -> PathBuf {
    directory.join(format!(".halocline-run-{run:016x}."))
}

/// A number that no other run has: processes of several nodes and containers, which may have the
/// same number of their own, meet in one directory.
pub(crate) fn tag() -> u64 {
    // Keyed by the system's random numbers.
    let mut hasher = std::hash::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    hasher.write_u128(now.map_or(0, |time| time.as_nanos()));
    hasher.finish()
}

/// Notes how the paths of files between steps begin, for [`told`].
pub(super) fn name(prefix: &str) {
    prefix.clone_into(&mut locked(&PREFIX));
}

/// Notes that a file that stays goes elsewhere, for [`told`].
pub(super) fn redirect(from: &Path, to: &Path) {
    let pair = (to.display().to_string(), from.display().to_string());
    let mut all = locked(&REDIRECTED);
    if !all.contains(&pair) {
        all.push(pair);
    }
}

/// The files of a pipeline that do not stay; removed when this is dropped by the rank that writes.
#[derive(Debug)]
pub(super) struct Scratch {
    owns: bool,
}

impl Scratch {
    /// From now on the files are removed at any end.
    pub(super) fn watch(comm: &Comm, pipeline: &Pipeline) -> Self {
        // On every rank: a signal may leave another no time.
        let made = pipeline.steps.iter().flat_map(|step| &step.made);
        *locked(&FILES) = made.filter(|made| !made.stays).map(|made| made.path.clone()).collect();
        Self { owns: comm.is_root() }
    }

    /// Removes files that nobody needs any more.
    pub(super) fn release<'a>(&self, files: impl Iterator<Item = &'a Path>) {
        if self.owns {
            let mut kept = locked(&FILES);
            for file in files {
                let _ = std::fs::remove_file(file);
                kept.retain(|other| other != file);
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.owns {
            remove();
        }
    }
}

/// Removes what is there of this process.
pub(crate) fn remove() {
    for file in locked(&FILES).iter() {
        // It may not be there yet, or be out of reach: the run has its own end to tell.
        let _ = std::fs::remove_file(file);
    }
}

/// A text that names files, as outputs record it and people read it: without what is of this run
/// alone, and as if all files went where the pipeline says.
pub(crate) fn told(text: &str) -> String {
    let prefix = locked(&PREFIX);
    let text = if prefix.is_empty() { text.to_owned() } else { text.replace(prefix.as_str(), "") };
    // Made again elsewhere, outputs are to say the same.
    locked(&REDIRECTED).iter().fold(text, |text, (to, from)| text.replace(to.as_str(), from))
}
