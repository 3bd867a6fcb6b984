//! The metadata that the cache has of the files of a data set.
//!
//! Slot `meta` of the cache, one for each way of reading: a shelf's entries are [`Packed`] files, what they share are the
//! [`Pieces`] that their numbers count in.

use super::pack::{Pack, Packed};
use super::pieces::{Pieces, Translation};
use crate::cache::{directory_of, is_recent, today, touch, Cache, Entry, Fingerprint, Label, Shelf, Value};
use crate::io_mode::Io;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A file that only the library reads must not be known to who asked for direct reading.
const fn slot(io: Io) -> &'static str {
    match io {
        Io::Auto => "meta",
        Io::Direct => "meta:direct",
        Io::Library => "meta:library",
    }
}

/// What the cache knows, and what it is to learn. On one rank.
#[derive(Debug)]
pub(super) struct Kept {
    cache: Cache,
    io: Io,
    /// By directory.
    shelves: BTreeMap<PathBuf, Held>,
    /// The directory of each file and what the file is like, if it can be kept.
    keys: Vec<Option<(PathBuf, Fingerprint)>>,
}

/// A shelf and the files of the data set that belong on it.
#[derive(Debug, Default)]
struct Held {
    shelf: Shelf,
    pieces: Pieces,
    files: Vec<usize>,
    changed: bool,
}

impl Kept {
    /// Looks the files up.
    pub(super) fn new(cache: Cache, io: Io, paths: &[PathBuf], prints: Vec<Option<Fingerprint>>) -> Self {
        let mut directories: BTreeMap<PathBuf, Option<PathBuf>> = BTreeMap::new();
        let mut shelves: BTreeMap<PathBuf, Held> = BTreeMap::new();
        let mut keys = Vec::with_capacity(paths.len());
        for (number, (path, print)) in paths.iter().zip(prints).enumerate() {
            let parent = path.parent().unwrap_or(Path::new("")).to_owned();
            let directory = directories.entry(parent).or_insert_with(|| directory_of(path));
            let key = directory.clone().zip(print);
            if let Some((directory, _)) = &key {
                shelves
                    .entry(directory.clone())
                    .or_insert_with(|| Held::read(&cache, io, directory))
                    .files
                    .push(number);
            }
            keys.push(key);
        }
        Self { cache, io, shelves, keys }
    }

    /// What is known of each file, in pieces of `pieces`.
    pub(super) fn known(&mut self, paths: &[PathBuf], pieces: &mut Pieces) -> Vec<Option<Packed>> {
        let mut known = vec![None; paths.len()];
        for held in self.shelves.values_mut() {
            let mut translation = Translation::new(&held.pieces, pieces);
            for &number in &held.files {
                let name = paths[number].file_name().unwrap_or_default().as_bytes();
                let entry = held.shelf.entries.get_mut(name);
                let print = self.keys[number].as_ref().map(|(_, print)| *print);
                let found = entry.filter(|entry| Some(entry.fingerprint) == print).and_then(|entry| {
                    let packed = packed(entry)?.translated(&mut translation)?;
                    held.changed |= touch(&mut entry.used);
                    Some(packed)
                });
                known[number] = found;
            }
        }
        known
    }

    /// Keeps what is new.
    ///
    /// # Errors
    /// What could not be written, for those who want to know.
    pub(super) fn save(
        self,
        paths: &[PathBuf],
        pack: &Pack,
        is_new: impl Fn(usize) -> bool,
    ) -> Result<(), String> {
        let Self { cache, io, shelves, keys } = self;
        for (directory, held) in shelves {
            let fresh = |number: &&usize| is_new(**number) && pack.files[**number].sound;
            if !held.changed && held.files.iter().find(fresh).is_none() {
                continue;
            }
            let mut shelf = Shelf::default();
            let mut pieces = Pieces::default();
            let mut old = Translation::new(&held.pieces, &mut pieces);
            // All anew: so pieces go that nothing needs any more.
            for (name, entry) in held.shelf.entries.iter().filter(|(_, entry)| is_recent(entry.used)) {
                if let Some(file) = packed(entry).and_then(|file| file.translated(&mut old)) {
                    let entry = Entry { value: encoded(&file), ..entry.clone() };
                    shelf.entries.insert(name.clone(), entry);
                }
            }
            let mut new = Translation::new(&pack.pieces, &mut pieces);
            for number in held.files.iter().filter(fresh) {
                let Some((_, fingerprint)) = keys[*number] else { continue };
                let Some(file) = pack.files[*number].translated(&mut new) else { continue };
                let name = paths[*number].file_name().unwrap_or_default().as_bytes().to_vec();
                shelf.entries.insert(name, Entry { fingerprint, used: today(), value: encoded(&file) });
            }
            shelf.shared = postcard::to_stdvec(&pieces).unwrap_or_default();
            cache.set_shelf(label(io, &directory), shelf);
        }
        cache.save()
    }

    /// Where it is kept.
    pub(super) fn folder(&self) -> &Path {
        self.cache.folder()
    }
}

impl Held {
    fn read(cache: &Cache, io: Io, directory: &Path) -> Self {
        let mut shelf = cache.shelf(&label(io, directory));
        let shared = std::mem::take(&mut shelf.shared);
        let pieces = postcard::from_bytes(&shared).unwrap_or_default();
        Self { shelf, pieces, ..Self::default() }
    }
}

fn label(io: Io, directory: &Path) -> Label {
    Label { directory: directory.as_os_str().as_bytes().to_vec(), slot: slot(io).to_owned() }
}

fn packed(entry: &Entry) -> Option<Packed> {
    match &entry.value {
        Value::Here(bytes) => postcard::from_bytes(bytes).ok(),
        Value::Apart { .. } => None,
    }
}

fn encoded(file: &Packed) -> Value {
    Value::Here(postcard::to_stdvec(file).unwrap_or_default())
}
