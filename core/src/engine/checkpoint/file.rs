//! A state file under its temporary name, and how it takes the place of the last one.

use crate::error::{Error, Result};
use rustix::fs::{flock, FlockOperation};
use rustix::io::Errno;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::hash::Hasher;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use twox_hash::XxHash3_64;

/// Temporary files of this process, for [`remove_unfinished`].
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the state files of this process that are not finished: for a program that is being
/// ended by a signal, right before it ends. Finished ones stay.
pub fn remove_unfinished() {
    for path in unfinished().drain(..) {
        let _ = fs::remove_file(path);
    }
}

/// Removes a state, if it is one that no other job adds to. What can't be removed is harmless.
pub(in crate::engine) fn remove_state(path: &Path) {
    let file = OpenOptions::new().read(true).write(true).open(path);
    let is_taken = file
        .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK));
    if !is_taken && super::is_state(path).is_ok_and(|is_state| is_state) {
        let _ = fs::remove_file(path);
    }
}

/// A state file that is being written; removed when it is dropped before [`Writing::commit`].
pub(super) struct Writing {
    /// What is replaced: the path of the user, or what it links to.
    path: PathBuf,
    temporary: PathBuf,
    file: File,
    hash: XxHash3_64,
    bytes: u64,
    done: bool,
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

pub(super) fn failed(what: &str, e: &std::io::Error) -> Error {
    let error = Error::system(format!("the state can't be {what}: {e}"));
    match e.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            error.remedy("free some space or save it elsewhere")
        }
        ErrorKind::NotFound => error.remedy("create its directory first"),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            error.remedy("choose a directory that you may write to")
        }
        _ => error,
    }
}

impl Writing {
    /// Opens the temporary file beside `path`. Its name is always the same, so that what a
    /// killed job left is used again instead of piling up; a lock keeps two jobs apart that
    /// were given the same file.
    pub(super) fn begin(path: &Path) -> Result<Self> {
        let path = match fs::metadata(path) {
            Ok(found) if !found.is_file() => return Err(Error::system("is not a regular file")),
            // Behind a link, the file is to be replaced, not the link.
            Ok(_) => path.canonicalize().map_err(|e| failed("written", &e))?,
            Err(e) if e.kind() == ErrorKind::NotFound => path.to_owned(),
            Err(e) => return Err(failed("written", &e)),
        };
        let Some(name) = path.file_name() else {
            return Err(Error::system("is not the name of a file"));
        };
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(".halocline-tmp");
        let temporary = path.with_file_name(hidden);
        for _ in 0..100 {
            let open = OpenOptions::new().write(true).create(true).truncate(false).open(&temporary);
            let file = open.map_err(|e| failed("written", &e))?;
            // Some file systems know no locks: there the user keeps jobs apart.
            if let Err(Errno::WOULDBLOCK) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
                return Err(Error::system("another job is saving its state there")
                    .remedy("give each job its own file"));
            }
            // Between opening and locking, the other job may have renamed it into place.
            let ours =
                |m: &fs::Metadata| file.metadata().is_ok_and(|f| (f.ino(), f.dev()) == (m.ino(), m.dev()));
            if fs::metadata(&temporary).is_ok_and(|m| ours(&m)) {
                file.set_len(0).map_err(|e| failed("written", &e))?;
                unfinished().push(temporary.clone());
                return Ok(Self { path, temporary, file, hash: XxHash3_64::new(), bytes: 0, done: false });
            }
        }
        Err(Error::system("other jobs keep saving their states there").remedy("give each job its own file"))
    }

    /// Appends bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hash.write(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|e| failed("written", &e))
    }

    /// Appends the checksum of all bytes so far, makes the file durable and gives it its name.
    /// Gives its length.
    pub(super) fn commit(mut self) -> Result<u64> {
        let sum = self.hash.finish();
        self.write(&sum.to_le_bytes())?;
        // Network file systems report a full disk or an exceeded quota as late as this.
        self.file.sync_all().map_err(|e| failed("written to disk", &e))?;
        fs::rename(&self.temporary, &self.path).map_err(|e| failed("renamed into place", &e))?;
        self.done = true;
        match File::open(directory(&self.path)).and_then(|dir| dir.sync_all()) {
            // Not every file system can sync a directory; the file itself is safe.
            Err(e) if !matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
                Err(failed("made durable under its name", &e))
            }
            _ => Ok(self.bytes),
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_file(&self.temporary);
        }
        unfinished().retain(|path| *path != self.temporary);
    }
}

/// A state file that is being read: knows how much is left, and the checksum so far.
pub(super) struct Reading {
    file: File,
    left: u64,
    hash: XxHash3_64,
}

impl Reading {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let refused = |e: &std::io::Error| match e.kind() {
            ErrorKind::NotFound => Error::data("the saved state is not there").remedy("start the job anew"),
            _ => Error::system(format!("the saved state can't be read: {e}")),
        };
        // Opening a pipe would wait for a writer.
        let found = fs::metadata(path).map_err(|e| refused(&e))?;
        if !found.is_file() {
            return Err(Error::data("is not a regular file"));
        }
        let file = File::open(path).map_err(|e| refused(&e))?;
        let left = file.metadata().map_err(|e| refused(&e))?.len();
        Ok(Self { file, left, hash: XxHash3_64::new() })
    }

    /// Bytes that are left.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// The checksum of all bytes read.
    pub(super) fn sum(&self) -> u64 {
        self.hash.finish()
    }

    /// Appends the next `n` bytes to `out`.
    pub(super) fn append(&mut self, out: &mut Vec<u8>, n: usize) -> Result<()> {
        let at = out.len();
        if n as u64 > self.left {
            return Err(cut_short());
        }
        out.resize(at + n, 0);
        self.file.read_exact(&mut out[at..]).map_err(|e| match e.kind() {
            ErrorKind::UnexpectedEof => cut_short(),
            _ => Error::system(format!("the saved state can't be read: {e}")),
        })?;
        self.left -= n as u64;
        self.hash.write(&out[at..]);
        Ok(())
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = Vec::with_capacity(N);
        self.append(&mut bytes, N)?;
        bytes.try_into().map_err(|_| cut_short())
    }
}

pub(super) fn cut_short() -> Error {
    Error::data("the state file is cut short").remedy("start the job anew without it")
}
