//! From names to a data set: files are looked at on all ranks, joined on one.

use super::brief::{Briefing, Scanned};
use super::deal::{deal, Dealt};
use super::kept::Kept;
use super::pack::Pack;
use super::pieces::Translation;
use super::scan::{metadata, scan_one, Record};
use super::statics::Statics;
use super::{inputs, join, members, Dataset, OpenOptions};
use crate::cache::{Cache, Fingerprint};
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::Arc;

/// Opens what the inputs name.
pub(super) fn open(comm: &Comm, names: &[String], options: OpenOptions) -> Result<Dataset> {
    // As bytes: a file name need not be text.
    let bytes = |paths: Vec<PathBuf>| paths.iter().map(|p| p.as_os_str().as_bytes().to_vec()).collect();
    let paths: Vec<Vec<u8>> = comm.on_root(|| inputs::expand(names).map(bytes))?;
    let paths: Vec<PathBuf> = paths.into_iter().map(|bytes| OsString::from_vec(bytes).into()).collect();

    let prints = if options.cache {
        deal(comm, paths.len(), |i| Ok(Fingerprint::of(&paths[i])), Vec::push)
    } else {
        None
    };
    // What rank 0 knows; nothing on the others.
    let mut root = Root::default();
    let missing: Vec<usize> = comm.on_root(|| Ok(root.look_up(&paths, options, prints)))?;
    let scanned = deal(comm, missing.len(), |k| scan_one(&paths[missing[k]], options.io), Pack::push);
    let doubts: Doubts = comm.on_root(|| root.collect(&paths, options, &missing, scanned))?;
    let doubt = |k: usize| doubts.settle(k, &paths, options);
    let settled = deal(comm, doubts.of.len(), doubt, Vec::push);
    comm.on_root(|| root.finish(&paths, options, &doubts, settled))
}

/// The state of an opening on rank 0.
#[derive(Debug, Default)]
struct Root {
    kept: Option<Kept>,
    notes: Vec<String>,
    pack: Pack,
    briefing: Briefing,
    /// Every file, as far as it is known.
    files: Vec<Option<Scanned>>,
    /// Coordinates in doubt that have the values of another file's: number of the file, name,
    /// number of the other file, whose answer serves both.
    alike: Vec<(usize, String, usize)>,
}

/// Coordinates that may differ from those of the first file: their digests do.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Doubts {
    statics: Statics,
    /// Numbers of files, and which of their coordinates.
    of: Vec<(usize, Vec<String>)>,
}

impl Doubts {
    /// Those of the coordinates in doubt `k` that do differ.
    fn settle(&self, k: usize, paths: &[PathBuf], options: OpenOptions) -> Result<Vec<String>> {
        let (number, names) = &self.of[k];
        let path = &paths[*number];
        let (reader, meta) = metadata(path, options.io)?;
        self.statics.differing(names, &meta, &*reader).map_err(|e| e.in_file(path))
    }
}

impl Root {
    /// Takes from the cache what is there; gives the numbers of the other files.
    fn look_up(
        &mut self,
        paths: &[PathBuf],
        options: OpenOptions,
        prints: Option<Dealt<Vec<Option<Fingerprint>>>>,
    ) -> Vec<usize> {
        let mut known = vec![None; paths.len()];
        match options.cache.then(Cache::open) {
            None => {}
            Some(Err(why)) => self.notes.push(format!("metadata: no cache, {why}")),
            Some(Ok(cache)) => {
                let mut prints: Vec<_> =
                    prints.into_iter().flat_map(|p| p.shares.into_iter().flatten()).collect();
                prints.resize(paths.len(), None);
                let mut kept = Kept::new(cache, options.io, paths, prints);
                known = kept.known(paths, &mut self.pack.pieces);
                self.kept = Some(kept);
            }
        }
        let mut missing = Vec::new();
        self.pack.files = known.iter().map(|file| file.clone().unwrap_or_default()).collect();
        for (number, path) in paths.iter().enumerate() {
            let found = known[number].as_ref().and_then(|_| self.briefing.file(&self.pack, number, path));
            if found.is_none() {
                missing.push(number);
            }
            self.files.push(found);
        }
        if let Some(kept) = &self.kept {
            let hits = paths.len() - missing.len();
            self.notes.push(format!(
                "metadata: {hits} of {} files from the cache {}",
                paths.len(),
                kept.folder().display()
            ));
        }
        missing
    }

    /// Puts together what all ranks have found; gives what is in doubt.
    fn collect(
        &mut self,
        paths: &[PathBuf],
        options: OpenOptions,
        missing: &[usize],
        scanned: Option<Dealt<Pack>>,
    ) -> Result<Doubts> {
        let Dealt { shares, failed } = scanned.ok_or_else(lost)?;
        // What follows a failure is incomplete, and not needed any more.
        let whole = failed.as_ref().map_or(missing.len(), |(k, _)| *k);
        let mut numbers = missing[..whole].iter();
        for share in shares {
            let mut translation = Translation::new(&share.pieces, &mut self.pack.pieces);
            for (file, &number) in share.files.iter().zip(numbers.by_ref()) {
                self.pack.files[number] = file.translated(&mut translation).ok_or_else(lost)?;
            }
        }
        for &number in &missing[..whole] {
            let file = self.briefing.file(&self.pack, number, &paths[number]);
            self.files[number] = Some(file.ok_or_else(lost)?);
        }
        let failed = failed.map(|(k, error)| (missing[k], error));
        let end = failed.as_ref().map_or(paths.len(), |(number, _)| *number);
        let timeless = |file: &&Scanned| file.time.is_none();
        if let Some(file) = self.files[..end].iter().flatten().find(timeless).filter(|_| paths.len() > 1) {
            return Err(Error::data("has no time dimension, so that it can't be joined to the other files")
                .in_file(&file.path)
                .remedy("name one file, or files that follow one another in time"));
        }
        if let Some((_, error)) = failed {
            return Err(error);
        }
        if let Some(kept) = self.kept.take() {
            let is_new = |number| missing.binary_search(&number).is_ok();
            if let Err(why) = kept.save(paths, &self.pack, is_new) {
                self.notes.push(format!("metadata: can't be kept in the cache, {why}"));
            }
        }
        self.doubts(paths, options)
    }

    /// What has to be read to know whether files have the coordinates of the first.
    fn doubts(&mut self, paths: &[PathBuf], options: OpenOptions) -> Result<Doubts> {
        let mut doubts = Doubts::default();
        let Some((Some(first), others)) = self.files.split_first() else { return Ok(doubts) };
        let ours = &first.coordinates.known;
        // What can't be read in the first is an error, as soon as there are others.
        let mut needed = !others.is_empty() && ours.iter().any(|c| c.digest.is_none());
        let mut asked = HashMap::new();
        let alike = &mut self.alike;
        for file in others.iter().flatten() {
            // The same piece: nothing to compare.
            if Arc::ptr_eq(&file.coordinates, &first.coordinates) {
                continue;
            }
            let mut names = Vec::new();
            for ours in ours.iter().filter(|c| file.variables.get(&c.name).is_some()) {
                let theirs = file.coordinates.known.iter().find(|c| c.name == ours.name);
                match theirs {
                    Some(theirs) if theirs.len != ours.len => {}
                    Some(theirs) if theirs.digest.is_some() && theirs.digest == ours.digest => {}
                    Some(theirs) => {
                        let key = theirs.digest.map(|digest| (theirs.name.as_str(), theirs.element, digest));
                        if let Some(&other) = key.and_then(|key| asked.get(&key)) {
                            alike.push((file.number, ours.name.clone(), other));
                        } else {
                            names.push(ours.name.clone());
                            asked.extend(key.map(|key| (key, file.number)));
                        }
                    }
                    None => names.push(ours.name.clone()),
                }
            }
            if !names.is_empty() {
                doubts.of.push((file.number, names));
            }
        }
        needed |= !doubts.of.is_empty();
        if needed {
            let names: Vec<String> = ours.iter().map(|c| c.name.clone()).collect();
            let (reader, meta) = metadata(&paths[0], options.io)?;
            doubts.statics = Statics::read(&meta, &names, &*reader).map_err(|e| e.in_file(&paths[0]))?;
        }
        Ok(doubts)
    }

    /// Joins the files.
    fn finish(
        &mut self,
        paths: &[PathBuf],
        options: OpenOptions,
        doubts: &Doubts,
        settled: Option<Dealt<Vec<Vec<String>>>>,
    ) -> Result<Dataset> {
        let Dealt { shares, failed } = settled.ok_or_else(lost)?;
        if let Some((_, error)) = failed {
            return Err(error);
        }
        let mut files: Vec<Scanned> = std::mem::take(&mut self.files).into_iter().flatten().collect();
        if files.len() != paths.len() {
            return Err(lost());
        }
        for ((number, _), differing) in doubts.of.iter().zip(shares.into_iter().flatten()) {
            files[*number].differing = differing;
        }
        for (number, name, asked) in &self.alike {
            if files[*asked].differing.contains(name) {
                files[*number].differing.push(name.clone());
            }
        }
        files.iter_mut().for_each(|file| file.differing.sort());
        if options.ensemble {
            members::check(&files)?;
        } else if files.len() > 1 {
            join::in_order(&mut files)?;
        }
        let number = files[0].number;
        let path = &paths[number];
        let kept = self.pack.record(&self.pack.files[number], path);
        let first: Record = kept.map_or_else(|| scan_one(path, options.io), Ok)?;
        let mut dataset = join::assemble(&files, &first, options.ensemble);
        if options.ensemble {
            let attributes = |f: &Scanned| self.pack.attributes(self.pack.files[f.number].attributes);
            let files: Vec<_> = files.iter().map(|f| (f.path.as_str(), attributes(f))).collect();
            dataset.members = members::labels(&files);
        }
        dataset.options = options;
        dataset.notes = std::mem::take(&mut self.notes);
        Ok(dataset)
    }
}

/// What can't be: one rank has not what another sent.
fn lost() -> Error {
    Error::internal("what was found in the files is incomplete")
}
