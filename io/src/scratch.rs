//! Scratch storage: a file without a name, gone as soon as nobody has it open.
//!
//! Whatever ends the process (an error, a signal, a kill) ends the file too: there is nothing to
//! remove and nothing to forget.

use halocline_core::{rechunk, Error, Result};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The largest single request; the system takes no more than 2 GiB at once.
const REQUEST: usize = 64 << 20;

/// A nameless file that grows at its end.
#[derive(Debug)]
pub struct ScratchFile {
    file: File,
    directory: PathBuf,
    len: u64,
}

/// Where scratch files go unless told: `$HALOCLINE_SCRATCH`, `$TMPDIR`, `/tmp`; `/var/tmp` where
/// `/tmp` is itself memory.
pub fn default_directory() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let plain = || PathBuf::from(if is_memory(Path::new("/tmp")) { "/var/tmp" } else { "/tmp" });
    set("HALOCLINE_SCRATCH").or_else(|| set("TMPDIR")).unwrap_or_else(plain)
}

/// Whether files in this directory take memory (tmpfs): scratch there spares none.
pub fn is_memory(directory: &Path) -> bool {
    const TMPFS: u64 = 0x0102_1994;
    // The type of the number differs from machine to machine.
    #[allow(clippy::unnecessary_cast)]
    rustix::fs::statfs(directory).is_ok_and(|stat| stat.f_type as u64 == TMPFS)
}

/// Checks that `bytes` fit into the file system of `directory`.
///
/// # Errors
/// System, if they don't, or the directory is not there.
pub fn check_room(directory: &Path, bytes: u64) -> Result<()> {
    let stat = rustix::fs::statvfs(directory).map_err(|e| unusable(directory, &e.into()))?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    // Some network file systems answer with zeros.
    if stat.f_blocks > 0 && free < bytes {
        let text = halocline_core::budget::bytes_text;
        let what = format!("has {} left, but {} of scratch storage are needed", text(free), text(bytes));
        return Err(elsewhere(Error::system(what), directory));
    }
    Ok(())
}

impl ScratchFile {
    /// An empty file in `directory`.
    ///
    /// # Errors
    /// System, if no file can be written there.
    pub fn create(directory: &Path) -> Result<Self> {
        let file = nameless(directory).map_err(|e| unusable(directory, &e))?;
        Ok(Self { file, directory: directory.to_owned(), len: 0 })
    }
    /// Gives the room back.
    ///
    /// # Errors
    /// System, if that fails.
    pub fn clear(&mut self) -> Result<()> {
        self.len = 0;
        self.file.set_len(0).map_err(|e| self.failed("can't be emptied", &e))
    }
    fn failed(&self, what: &str, e: &std::io::Error) -> Error {
        elsewhere(Error::system(format!("scratch storage {what}: {e}")), &self.directory)
    }
}

impl rechunk::Scratch for ScratchFile {
    fn append(&mut self, bytes: &[u8]) -> Result<u64> {
        let start = self.len;
        for piece in bytes.chunks(REQUEST) {
            self.file.write_all_at(piece, self.len).map_err(|e| self.failed("can't be written", &e))?;
            self.len += piece.len() as u64;
        }
        Ok(start)
    }
    fn fetch(&mut self, mut at: u64, out: &mut [u8]) -> Result<()> {
        for piece in out.chunks_mut(REQUEST) {
            self.file.read_exact_at(piece, at).map_err(|e| self.failed("can't be read", &e))?;
            at += piece.len() as u64;
        }
        Ok(())
    }
}

fn elsewhere(error: Error, directory: &Path) -> Error {
    error.in_file(directory).remedy("free some space, or name another directory with --scratch")
}

fn unusable(directory: &Path, e: &std::io::Error) -> Error {
    Error::system(format!("can't be used for scratch files: {e}"))
        .in_file(directory)
        .remedy("name a directory that can be written with --scratch")
}

/// A file that never has a name; where the file system can't do that, one that loses it at once.
fn nameless(directory: &Path) -> std::io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match rustix::fs::open(directory, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => Ok(File::from(file)),
        // What file systems and kernels without it say.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => named_once(directory),
        Err(e) => Err(e.into()),
    }
}

fn named_once(directory: &Path) -> std::io::Result<File> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!(".halocline-scratch-{}-{number}", std::process::id()));
        match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
            Ok(file) => return std::fs::remove_file(&path).map(|()| file),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use halocline_core::rechunk::Scratch;

    #[test]
    fn what_is_kept_comes_back_and_no_name_is_left() {
        let directory = tempfile::tempdir().unwrap();
        for file in [nameless(directory.path()).unwrap(), named_once(directory.path()).unwrap()] {
            let mut scratch = ScratchFile { file, directory: directory.path().to_owned(), len: 0 };
            let first = scratch.append(b"maps").unwrap();
            let second = scratch.append(b"and series").unwrap();
            let mut out = [0; 10];
            scratch.fetch(second, &mut out).unwrap();
            assert_eq!((first, &out), (0, b"and series"));
            assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
            scratch.clear().unwrap();
            assert!(scratch.fetch(0, &mut out).is_err());
        }
    }

    #[test]
    fn directories_that_do_not_serve_are_named() {
        let gone = Path::new("/no/such/directory");
        for error in [ScratchFile::create(gone).unwrap_err(), check_room(gone, 1).unwrap_err()] {
            assert_eq!(error.exit_code(), 4);
            assert!(
                error.to_string().contains("/no/such/directory") && error.to_string().contains("--scratch")
            );
        }
        let directory = tempfile::tempdir().unwrap();
        check_room(directory.path(), 1).unwrap();
        let error = check_room(directory.path(), u64::MAX).unwrap_err();
        assert_eq!(error.exit_code(), 4);
    }

    #[test]
    fn a_full_disk_is_an_error_of_the_system() {
        // A device that is always full.
        let file = OpenOptions::new().read(true).write(true).open("/dev/full").unwrap();
        let mut scratch = ScratchFile { file, directory: "/scratch".into(), len: 0 };
        let error = scratch.append(&[0; 4096]).unwrap_err();
        assert_eq!(error.exit_code(), 4);
        assert!(error.to_string().starts_with("/scratch: "), "{error}");
    }
}
