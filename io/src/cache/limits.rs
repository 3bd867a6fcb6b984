//! How long and how much is kept.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Entries unused for more days than this go.
const KEPT_DAYS: u32 = 30;

/// A day of use is noted when the last one noted is as old as this: a shelf is not written anew
/// for every run.
const NOTED_DAYS: u32 = 7;

/// Bytes of all files together.
pub(super) const MOST_BYTES: u64 = 1 << 30;

const DAY: u64 = 86_400;

/// A file that a writer has left behind goes after this.
const UNFINISHED: Duration = Duration::from_secs(3600);

/// Today, counted from 1970.
pub(crate) fn today() -> u32 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs() / DAY).unwrap_or(u32::MAX)
}

/// Notes a use; whether that changed anything.
pub(crate) fn touch(used: &mut u32) -> bool {
    let today = today();
    let old = today.saturating_sub(*used) >= NOTED_DAYS || *used > today;
    if old {
        *used = today;
    }
    old
}

/// Whether an entry is kept that was last used on this day.
pub(crate) fn is_recent(used: u32) -> bool {
    today().saturating_sub(used) <= KEPT_DAYS
}

/// Removes files of the cache that nobody has written for long, and beyond `most` bytes in all
/// the oldest. What fails is left for the next time.
pub(super) fn prune(folder: &Path, most: u64) {
    let Ok(files) = std::fs::read_dir(folder) else { return };
    let now = SystemTime::now();
    let longest = Duration::from_secs(u64::from(KEPT_DAYS + NOTED_DAYS) * DAY);
    let mut kept: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
    for file in files.flatten() {
        let Ok(about) = file.metadata() else { continue };
        let Ok(written) = about.modified() else { continue };
        let age = now.duration_since(written).unwrap_or_default();
        let unfinished = file.file_name().to_string_lossy().starts_with('.');
        if age > if unfinished { UNFINISHED } else { longest } {
            let _ = std::fs::remove_file(file.path());
        } else {
            kept.push((written, about.len(), file.path()));
        }
    }
    kept.sort();
    let mut total: u64 = kept.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, bytes, path) in kept {
        if total <= most {
            break;
        }
        if std::fs::remove_file(path).is_ok() {
            total -= bytes;
        }
    }
}
