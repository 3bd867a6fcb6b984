//! What is found out about each file of a source: looked up in the cache, else found by all
//! ranks and kept.

use super::SourceFile;
use crate::cache::{directory_of, Cache, FileKey, Fingerprint};
use crate::dataset::deal::{deal, Dealt};
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use serde::de::DeserializeOwned;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The cache and the files it is asked about. Rank 0 alone has it; the others find what it lacks.
#[derive(Debug)]
pub(super) struct Memory {
    cache: Option<Cache>,
    /// Per file; none if it can't be kept.
    keys: Vec<Option<FileKey>>,
    files: usize,
}

/// What was found out, on rank 0.
#[derive(Debug)]
pub(super) struct Told<T> {
    /// Of each file before the one that failed; of those behind it, maybe.
    pub(super) each: Vec<Option<T>>,
    /// The first file that failed, and why.
    pub(super) failed: Option<(usize, Error)>,
}

impl<T> Told<T> {
    /// The answer of every file.
    ///
    /// # Errors
    /// Why the first file that has none has none.
    pub(super) fn all(self) -> Result<Vec<T>> {
        if let Some((_, error)) = self.failed {
            return Err(error);
        }
        let all: Option<Vec<T>> = self.each.into_iter().collect();
        all.ok_or_else(|| Error::internal("what was found in the files is incomplete"))
    }
}

impl Memory {
    /// Looks at the files as they are now, if there is a cache (which `open` gives on rank 0).
    ///
    /// # Collective
    /// Every rank calls this with the same files and the same `cached`.
    pub(super) fn new(
        comm: &Comm,
        files: &[SourceFile],
        cached: bool,
        open: impl FnOnce() -> Option<Cache>,
    ) -> Self {
        let mut memory = Self { cache: None, keys: Vec::new(), files: files.len() };
        if !cached {
            return memory;
        }
        let print = |i: usize| Ok(Fingerprint::of(Path::new(&files[i].path)));
        let Some(prints) = deal(comm, files.len(), print, Vec::push) else { return memory };
        let mut directories: BTreeMap<PathBuf, Option<PathBuf>> = BTreeMap::new();
        let key = |(file, print): (&SourceFile, Option<Fingerprint>)| {
            let path = Path::new(&file.path);
            let parent = path.parent().unwrap_or(Path::new("")).to_owned();
            let directory = directories.entry(parent).or_insert_with(|| directory_of(path)).clone()?;
            Some(FileKey { directory, name: path.file_name()?.to_owned(), fingerprint: print? })
        };
        memory.keys = files.iter().zip(prints.shares.into_iter().flatten()).map(key).collect();
        memory.cache = open();
        memory
    }

    /// What `slot` of the cache holds of every file and is `usable`; of the other files what
    /// `find` finds, by all ranks and their threads. `Some` on rank 0.
    ///
    /// # Collective
    /// Every rank calls this with the same slot; `find` must not be collective.
    ///
    /// # Errors
    /// Internal, if ranks have not what another sent. What `find` reports is in the answer.
    pub(super) fn each<T>(
        &self,
        comm: &Comm,
        slot: &str,
        usable: impl Fn(usize, &T) -> bool,
        find: impl Fn(usize) -> Result<T> + Sync,
    ) -> Result<Option<Told<T>>>
    where
        T: Serialize + DeserializeOwned + Send,
    {
        let mut each: Vec<Option<T>> = Vec::new();
        let missing: Vec<usize> = comm.on_root(|| {
            each = (0..self.files).map(|i| self.known(i, slot).filter(|known| usable(i, known))).collect();
            Ok((0..self.files).filter(|&i| each[i].is_none()).collect())
        })?;
        let dealt = deal(comm, missing.len(), |k| find(missing[k]), Vec::push);
        let Some(Dealt { shares, failed }) = dealt else { return Ok(None) };
        for (&i, found) in missing.iter().zip(shares.into_iter().flatten()) {
            self.keep(i, slot, &found);
            each[i] = Some(found);
        }
        Ok(Some(Told { each, failed: failed.map(|(k, error)| (missing[k], error)) }))
    }

    fn known<T: DeserializeOwned>(&self, i: usize, slot: &str) -> Option<T> {
        let key = self.keys.get(i)?.as_ref()?;
        let bytes = self.cache.as_ref()?.get(key, slot)?;
        let (known, rest) = postcard::take_from_bytes(&bytes).ok()?;
        rest.is_empty().then_some(known)
    }

    fn keep<T: Serialize>(&self, i: usize, slot: &str, found: &T) {
        let key = self.keys.get(i).and_then(Option::as_ref);
        if let (Some(cache), Some(key), Ok(bytes)) = (&self.cache, key, postcard::to_stdvec(found)) {
            cache.put(key, slot, bytes);
        }
    }

    /// Writes what is new. What can't be written is found anew the next time, which whoever
    /// opened the files has been told already.
    pub(super) fn save(&self) {
        if let Some(cache) = &self.cache {
            let _ = cache.save();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use halocline_core::comm::run_threads;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, SystemTime};

    fn write(path: &Path, text: &str) {
        std::fs::write(path, text).unwrap();
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
        std::fs::File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
    }

    fn length(files: &[SourceFile], i: usize) -> Result<String> {
        std::fs::read_to_string(&files[i].path).map_err(|_| Error::data("absent").in_file(&files[i].path))
    }

    #[test]
    fn only_what_is_not_known_is_found_on_any_ranks() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("cache");
        let mut files = Vec::new();
        for i in 0..40 {
            let path = dir.path().join(format!("{i:02}"));
            write(&path, &format!("contents of {i:02}"));
            let path = path.display().to_string();
            files.push(SourceFile { path, bytes: 14, time_len: 1, first: 0, times: i..i + 1, decode: 0 });
        }
        // How many were read, and what the first failure was.
        let run = |ranks: usize, usable: &(dyn Fn(usize, &String) -> bool + Sync)| {
            let reads = AtomicUsize::new(0);
            let failed = run_threads(ranks, |comm| {
                let memory = Memory::new(comm, &files, true, || Cache::below(&place).ok());
                let find = |i: usize| {
                    reads.fetch_add(1, Ordering::Relaxed);
                    length(&files, i)
                };
                let told = memory.each(comm, "text", usable, find).unwrap();
                memory.save();
                assert_eq!(told.is_some(), comm.is_root());
                told.and_then(|told| {
                    let failed = told.failed.as_ref().map(|(i, _)| *i);
                    let whole = failed.unwrap_or(files.len());
                    for i in 0..whole {
                        assert_eq!(told.each[i].as_deref(), length(&files, i).ok().as_deref());
                    }
                    assert_eq!(told.all().is_ok(), failed.is_none());
                    failed
                })
            });
            (reads.into_inner(), failed[0])
        };
        assert_eq!(run(1, &|_, _| true), (40, None));
        for ranks in 1..=4 {
            assert_eq!(run(ranks, &|_, _| true), (0, None));
            assert_eq!(run(ranks, &|i, _| i % 4 != 0), (10, None));
        }
        for i in [3, 17, 39] {
            write(Path::new(&files[i].path), &format!("Contents of {i:02}"));
        }
        assert_eq!(run(3, &|_, _| true), (3, None));
        std::fs::remove_file(&files[21].path).unwrap();
        std::fs::remove_file(&files[9].path).unwrap();
        for ranks in 1..=4 {
            assert_eq!(run(ranks, &|_, _| true).1, Some(9));
        }
        // Damaged: found anew.
        for i in [9, 21] {
            write(Path::new(&files[i].path), "again");
        }
        run(1, &|_, _| true);
        for shelf in std::fs::read_dir(place.join("halocline/meta-1")).unwrap().flatten() {
            let bytes = std::fs::read(shelf.path()).unwrap();
            std::fs::write(shelf.path(), &bytes[..bytes.len() - 1]).unwrap();
        }
        assert_eq!(run(2, &|_, _| true), (40, None));
        // Another kind of knowledge under the same name.
        let memory = Memory::new(&Comm::serial(), &files, true, || Cache::below(&place).ok());
        let told = memory.each(&Comm::serial(), "text", |_, _: &[u64; 9]| true, |_| Ok([7; 9])).unwrap();
        assert!(told.unwrap().all().unwrap().iter().all(|known| *known == [7; 9]));
    }
}
