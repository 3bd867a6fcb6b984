//! The file that a result becomes, and the temporary one beside it that it is until then.

use halocline_core::{Error, Result};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Where a result goes. Equal on all ranks, made by [`Target::prepare`] on one.
#[derive(Debug)]
pub(super) struct Target {
    /// The path as the user wrote it, for messages.
    pub(super) shown: PathBuf,
    /// The path that is replaced: `shown`, or what it links to.
    path: PathBuf,
    /// The file that is written.
    pub(super) temporary: PathBuf,
}

impl Target {
    /// Checks that `path` can be written and creates an empty temporary file beside it.
    /// The result is plain bytes, to be sent to the other ranks.
    pub(super) fn prepare(path: &Path) -> Result<[Vec<u8>; 2]> {
        prepare(path).map_err(|e| e.in_file(path)).map(|paths| paths.map(|p| p.into_os_string().into_vec()))
    }
    /// The target from what [`Self::prepare`] gave.
    pub(super) fn from_parts(shown: &Path, [path, temporary]: [Vec<u8>; 2]) -> Self {
        let path_of = |bytes| PathBuf::from(OsString::from_vec(bytes));
        Self { shown: shown.to_owned(), path: path_of(path), temporary: path_of(temporary) }
    }
    /// Free bytes of the target's file system; `None` if it doesn't say.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        let stat = rustix::fs::statvfs(directory(&self.path)).ok()?;
        // Some network file systems answer with zeros.
        (stat.f_blocks > 0).then(|| stat.f_bavail.saturating_mul(stat.f_frsize))
    }
    /// Adds to a failed write's error what is known of its cause: the library says no more
    /// than "HDF error".
    pub(super) fn explain(&self, error: Error) -> Error {
        let error = error.in_file(&self.shown);
        match self.free_bytes() {
            Some(free) if free < 1 << 20 => Error {
                message: format!("the file system is full ({free} bytes left): {}", error.message),
                ..error.remedy("free some space or write elsewhere")
            },
            _ => error,
        }
    }
    /// Makes the temporary file durable and lets it take the target's place.
    /// Gives its size and the seconds until it was on disk.
    pub(super) fn commit(&self) -> Result<(u64, f64)> {
        let failed =
            |what: &str, e: std::io::Error| self.explain(Error::system(format!("can't be {what}: {e}")));
        // Network file systems report a full disk or an exceeded quota as late as this.
        let begin = Instant::now();
        let size = File::open(&self.temporary)
            .and_then(|file| file.sync_all().and_then(|()| file.metadata()))
            .map_err(|e| failed("written to disk", e))?
            .len();
        let seconds = begin.elapsed().as_secs_f64();
        fs::rename(&self.temporary, &self.path).map_err(|e| failed("renamed into place", e))?;
        forget(&self.temporary);
        match File::open(directory(&self.path)).and_then(|dir| dir.sync_all()) {
            // Not every file system can sync a directory; the file itself is safe.
            Err(e) if !matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
                Err(failed("made durable under its name", e))
            }
            _ => Ok((size, seconds)),
        }
    }
    /// The name of a file beside it for what does not fit into memory.
    pub(super) fn scratch(&self) -> PathBuf {
        let mut name = self.temporary.as_os_str().to_owned();
        name.push("-scratch");
        name.into()
    }
    /// Removes the temporary file. Nothing can be done if that fails.
    pub(super) fn discard(&self) {
        let _ = fs::remove_file(&self.temporary);
        forget(&self.temporary);
    }
}

/// Temporary files of this process that have not become results yet. Of the whole process, as
/// the signals are that end it.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn forget(temporary: &Path) {
    unfinished().retain(|path| path != temporary);
}

/// While this is there, no output is created.
#[derive(Debug)]
pub struct Ending {
    _held: MutexGuard<'static, Vec<PathBuf>>,
}

/// Removes the temporary files of all outputs of this process that are not finished: for a
/// program that is being ended by a signal, right before it ends. What comes of it is to be kept
/// until then, or a file could be created behind it.
#[must_use]
pub fn remove_unfinished() -> Ending {
    let mut held = unfinished();
    for path in held.drain(..) {
        let _ = fs::remove_file(path);
    }
    Ending { _held: held }
}

/// Creates a temporary file anew for the library, unless the process is ending.
pub(super) fn create(temporary: &Path) -> netcdf::Result<netcdf::FileMut> {
    let _held = unfinished();
    netcdf::create(temporary)
}

/// Opens a temporary file again, unless the process is ending.
pub(super) fn append(temporary: &Path) -> netcdf::Result<netcdf::FileMut> {
    let _held = unfinished();
    netcdf::append(temporary)
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn prepare(path: &Path) -> Result<[PathBuf; 2]> {
    if path.as_os_str().as_bytes().ends_with(b"/") {
        return Err(Error::system("is a directory").remedy("name a file in it"));
    }
    let path = match fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            return Err(Error::system("is a directory").remedy("name a file in it"));
        }
        // A device or pipe must not be replaced by a file, and NetCDF can't be piped.
        Ok(found) if !found.is_file() => return Err(Error::system("is not a regular file")),
        Ok(found) if found.permissions().readonly() => {
            return Err(Error::system("is there already and write-protected")
                .remedy("change its permissions or choose another name"));
        }
        // Behind a link, the file is to be replaced, not the link.
        Ok(_) => path.canonicalize().map_err(|e| Error::system(format!("can't be resolved: {e}")))?,
        Err(e) if e.kind() == ErrorKind::NotFound => path.to_owned(),
        Err(e) => return Err(Error::system(format!("can't be written: {e}"))),
    };
    let Some(name) = path.file_name() else {
        return Err(Error::system("is not the name of a file"));
    };
    let directory = directory(&path);
    if !directory.is_dir() {
        let shown = directory.display();
        return Err(Error::system(format!("there is no directory {shown}")).remedy("create it first"));
    }
    // File systems allow 255 bytes a name.
    let name = &name.as_bytes()[..name.len().min(200)];
    let process = std::process::id();
    for attempt in 0..100 {
        let mut temporary = b".".to_vec();
        temporary.extend_from_slice(name);
        temporary.extend_from_slice(format!(".halocline-tmp-{process}").as_bytes());
        if attempt > 0 {
            temporary.extend_from_slice(format!("-{attempt}").as_bytes());
        }
        let temporary = directory.join(OsString::from_vec(temporary));
        let mut unfinished = unfinished();
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Ok(_) => {
                unfinished.push(temporary.clone());
                return Ok([path, temporary]);
            }
            // Two outputs of that name at once, or what a process of the same number left.
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => {
                let shown = directory.display();
                return Err(Error::system(format!("no file can be created in {shown}: {e}")));
            }
        }
    }
    Err(Error::system("too many temporary files beside it").remedy("remove the `.halocline-tmp` files"))
}
