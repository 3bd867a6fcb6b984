//! Whether a file is still the one it was.

use super::digest::hash;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Bytes at either end of a file that are looked at: the header is there, and the end of what
/// was written last.
const END: usize = 4096;

/// A file changed later than this before it was looked at could change again without its time of
/// change telling: clocks of file systems tick coarsely.
const SETTLED: Duration = Duration::from_secs(2);

/// What a file was like when it was looked at. Equal fingerprints: the same contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    /// Length.
    bytes: u64,
    /// Time of the last change of the contents: seconds, nanoseconds.
    modified: (i64, i64),
    /// The same of the contents or of what is said about them: nobody can set it back.
    changed: (i64, i64),
    inode: u64,
    /// Hash of both ends.
    ends: u64,
}

impl Fingerprint {
    /// Looks at a file; `None` if it can't be read, is none, or was changed just now.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        // To open a pipe would be to wait for it.
        if !std::fs::metadata(path).ok()?.is_file() {
            return None;
        }
        let file = File::open(path).ok()?;
        let about = file.metadata().ok()?;
        let age = SystemTime::now().duration_since(about.modified().ok()?).ok()?;
        if age < SETTLED {
            return None;
        }
        let bytes = about.len();
        let mut ends = vec![0; (2 * END).min(usize::try_from(bytes).ok()?)];
        let (first, last) = ends.split_at_mut(END.min(usize::try_from(bytes).ok()?));
        file.read_exact_at(first, 0).ok()?;
        file.read_exact_at(last, bytes - last.len() as u64).ok()?;
        Some(Self {
            bytes,
            modified: (about.mtime(), about.mtime_nsec()),
            changed: (about.ctime(), about.ctime_nsec()),
            inode: about.ino(),
            ends: hash(3, &ends),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sets the time of the last change so many seconds back.
    fn age(path: &Path, seconds: u64) {
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 - seconds);
        File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
    }

    /// What the file is like, whenever it was changed.
    fn timeless(path: &Path) -> Option<Fingerprint> {
        Fingerprint::of(path).map(|print| Fingerprint { changed: (0, 0), ..print })
    }

    #[test]
    fn every_change_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, vec![7; 20_000]).unwrap();
        assert_eq!(Fingerprint::of(&path), None, "too fresh");
        age(&path, 0);
        assert_eq!(Fingerprint::of(&path), Fingerprint::of(&path));
        let first = timeless(&path);
        assert!(first.is_some());
        age(&path, 1);
        assert_ne!(timeless(&path), first, "another time");
        for at in [100, 19_900] {
            let mut bytes = vec![7; 20_000];
            bytes[at] = 8;
            std::fs::write(&path, bytes).unwrap();
            age(&path, 0);
            assert_ne!(timeless(&path), first, "another byte at {at}");
        }
        for len in [0, 1, 4096, 5000, 8192] {
            std::fs::write(&path, vec![7; len]).unwrap();
            age(&path, 0);
            assert_ne!(timeless(&path), first);
        }
        assert_eq!(Fingerprint::of(dir.path()), None);
        assert_eq!(Fingerprint::of(&dir.path().join("none")), None);
    }
}
