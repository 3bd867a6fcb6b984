//! What was found out about files, kept between runs in the user's cache directory.
//!
//! A *slot* is one kind of knowledge about a file: its metadata (`meta`), where a variable's
//! bytes lie (`storage:VARIABLE`). What one slot holds for all files of one directory is one
//! file of the cache, a *shelf*: thousands of data files are then known by reading one file.
//! Values over 16 KiB have files of their own.
//!
//! An entry counts only for the same file, by its [`Fingerprint`]: length, times of change,
//! inode, hash of both ends. The cache is an advantage, never a need: what can't be read, is
//! damaged, or was left by another version is passed over, what can't be written is left.
//! Jobs may share it: files are replaced whole, and of two that write the same shelf the later
//! one stays. Entries unused for 30 days go when their shelf is written again, and files of the
//! cache that nobody has written for longer, or beyond 1 GiB in all the oldest.

pub(crate) mod digest;
mod fingerprint;
mod limits;
mod shelf;

pub(crate) use fingerprint::Fingerprint;
pub(crate) use limits::{is_recent, today, touch};
pub(crate) use shelf::{Entry, Label, Shelf, Value};

use digest::hash;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Larger values have files of their own.
const MOST_ON_SHELF: usize = 16 << 10;

/// Larger values are not kept.
const MOST_APART: usize = 256 << 20;

/// A file as the cache knows it. Its fingerprint is to be taken *before* reading what is to be
/// kept, so that a change in between can't be missed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FileKey {
    /// Its directory, canonical.
    pub(crate) directory: PathBuf,
    pub(crate) name: OsString,
    pub(crate) fingerprint: Fingerprint,
}

impl FileKey {
    fn label(&self, slot: &str) -> Label {
        Label { directory: self.directory.as_os_str().as_bytes().to_vec(), slot: slot.to_owned() }
    }
}

/// The directory of a file, canonical.
pub(crate) fn directory_of(path: &Path) -> Option<PathBuf> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::canonicalize(parent).ok()
}

/// The cache of one user. Not collective: one rank of a job uses it and tells the others.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    shelves: Mutex<BTreeMap<Label, Open>>,
}

/// A shelf in use.
#[derive(Debug, Default)]
struct Open {
    shelf: Shelf,
    changed: bool,
}

impl Cache {
    /// The cache below `$HALOCLINE_CACHE_DIR`, else `$XDG_CACHE_HOME`, else `~/.cache`.
    ///
    /// # Errors
    /// Why there is none, for those who want to know: no such place, or it can't be made.
    pub(crate) fn open() -> std::result::Result<Self, String> {
        let place = place(|name| std::env::var_os(name))
            .ok_or("neither HALOCLINE_CACHE_DIR nor XDG_CACHE_HOME nor HOME is set")?;
        Self::below(&place)
    }

    /// The cache below a directory.
    pub(crate) fn below(place: &Path) -> std::result::Result<Self, String> {
        let folder = place.join("halocline/meta-1");
        std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        Ok(Self { folder, shelves: Mutex::default() })
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The value that `slot` holds for a file.
    pub(crate) fn get(&self, key: &FileKey, slot: &str) -> Option<Vec<u8>> {
        let label = key.label(slot);
        self.with(&label, |open, folder| {
            let entry = open.shelf.entries.get_mut(key.name.as_bytes())?;
            if entry.fingerprint != key.fingerprint {
                return None;
            }
            open.changed |= limits::touch(&mut entry.used);
            match &entry.value {
                Value::Here(bytes) => Some(bytes.clone()),
                Value::Apart { bytes, hash: sum } => {
                    let path = folder.join(apart(&label, key));
                    let whole = std::fs::metadata(&path).is_ok_and(|about| about.len() == *bytes);
                    let read = if whole { std::fs::read(path).ok()? } else { return None };
                    (hash(7, &read) == *sum).then_some(read)
                }
            }
        })
    }

    /// Keeps a value that was read from the file of this key; in place of an older one.
    /// Takes effect on disk with [`Self::save`].
    pub(crate) fn put(&self, key: &FileKey, slot: &str, value: Vec<u8>) {
        let label = key.label(slot);
        self.with(&label, |open, folder| {
            let value = if value.len() <= MOST_ON_SHELF {
                Value::Here(value)
            } else {
                let written = value.len() <= MOST_APART
                    && shelf::replace(&folder.join(apart(&label, key)), &value).is_ok();
                if !written {
                    return;
                }
                Value::Apart { bytes: value.len() as u64, hash: hash(7, &value) }
            };
            let entry = Entry { fingerprint: key.fingerprint, used: limits::today(), value };
            open.shelf.entries.insert(key.name.as_bytes().to_vec(), entry);
            open.changed = true;
        });
    }

    /// Does something with a shelf, which is read when it is first asked for.
    fn with<T>(&self, label: &Label, work: impl FnOnce(&mut Open, &Path) -> T) -> T {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        let open =
            shelves.entry(label.clone()).or_insert_with(|| Open { shelf: self.shelf(label), changed: false });
        work(open, &self.folder)
    }

    /// A whole shelf, for those who keep their entries in a form of their own.
    pub(crate) fn shelf(&self, label: &Label) -> Shelf {
        Shelf::read(&self.folder.join(label.file_name()), label)
    }

    /// Puts a whole shelf in the place of what is kept.
    pub(crate) fn set_shelf(&self, label: Label, shelf: Shelf) {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        shelves.insert(label, Open { shelf, changed: true });
    }

    /// Writes what has changed, and removes what is old or too much.
    ///
    /// # Errors
    /// What could not be written, for those who want to know.
    pub(crate) fn save(&self) -> std::result::Result<(), String> {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        let mut written = false;
        for (label, open) in shelves.iter_mut().filter(|(_, open)| open.changed) {
            open.shelf.entries.retain(|_, entry| limits::is_recent(entry.used));
            let path = self.folder.join(label.file_name());
            open.shelf.write(&path, label).map_err(|e| format!("{}: {e}", path.display()))?;
            open.changed = false;
            written = true;
        }
        if written {
            limits::prune(&self.folder, limits::MOST_BYTES);
        }
        Ok(())
    }
}

/// Name of the file of a value that is too large for its shelf.
fn apart(label: &Label, key: &FileKey) -> String {
    format!("{}-{:016x}", label.file_name(), hash(8, key.name.as_bytes()))
}

/// The directory for caches, by these environment variables.
fn place(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    // The XDG specification has relative paths ignored.
    set("HALOCLINE_CACHE_DIR")
        .or_else(|| set("XDG_CACHE_HOME").filter(|p| p.is_absolute()))
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
}

#[cfg(test)]
mod tests;
