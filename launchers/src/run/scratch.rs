//! Files that only other steps read: a directory of the run, gone when the run ends, whatever
//! ends it (but for a kill, which nobody can answer).

use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The directory that is there now, for the thread that answers signals.
static DIRECTORY: Mutex<Option<PathBuf>> = Mutex::new(None);
/// The directory of this run, on every rank; what lies in it is called by its name alone.
static NAME: Mutex<Option<PathBuf>> = Mutex::new(None);

fn locked(place: &'static Mutex<Option<PathBuf>>) -> MutexGuard<'static, Option<PathBuf>> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The directory, removed when this is dropped by the rank that made it.
#[derive(Debug)]
pub(super) struct Scratch {
    owns: bool,
}

impl Scratch {
    /// Makes the directory.
    ///
    /// # Errors
    /// System, if that can't be.
    ///
    /// # Collective
    /// One rank makes it.
    pub(super) fn create(comm: &Comm, directory: &Path) -> Result<Self> {
        *locked(&NAME) = Some(directory.to_owned());
        let scratch = Self { owns: comm.is_root() };
        comm.on_root(|| {
            let mut made = locked(&DIRECTORY);
            std::fs::create_dir(directory).map_err(|e| {
                Error::system(format!("the directory for files between steps can't be made: {e}"))
                    .in_file(directory)
                    .remedy("name one that can be written with --scratch")
            })?;
            *made = Some(directory.to_owned());
            Ok(())
        })?;
        Ok(scratch)
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
    if let Some(directory) = locked(&DIRECTORY).take() {
        // What can't be removed is told by nobody: the run has its own end to tell.
        let _ = std::fs::remove_dir_all(directory);
    }
}

/// A text that names files, as outputs record it: the directory of a run is of that run alone.
pub(crate) fn told(text: &str) -> String {
    match locked(&NAME).as_ref().map(|directory| format!("{}/", directory.display())) {
        Some(directory) => text.replace(&directory, ""),
        None => text.to_owned(),
    }
}
