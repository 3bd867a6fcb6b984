//! Chunks that blocks have covered in part only: rank 0 keeps them until the rest comes, in
//! memory up to a limit, beyond it in a scratch file beside the output.

use super::chunk::blank;
use super::layout::Layout;
use halocline_core::index::IndexBox;
use halocline_core::{Error, Result};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// The number of a variable's layout and of a chunk of it.
pub(super) type Key = (usize, usize);

/// All chunks that wait for more cells.
#[derive(Debug)]
pub(super) struct Kept {
    chunks: BTreeMap<Key, Chunk>,
    /// Bytes in memory.
    bytes: usize,
    limit: usize,
    scratch: Scratch,
}

#[derive(Debug)]
struct Chunk {
    /// Cells that have not come.
    missing: usize,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Memory(Vec<u8>),
    /// Offset and length.
    Scratch(u64, usize),
}

impl Kept {
    /// Nothing, with the name of the scratch file.
    pub(super) fn new(scratch: PathBuf, limit: usize) -> Self {
        let scratch = Scratch { path: scratch, file: None, end: 0, free: Vec::new() };
        Self { chunks: BTreeMap::new(), bytes: 0, limit, scratch }
    }
    /// Sets how many bytes may be in memory.
    pub(super) fn limit(&mut self, bytes: usize) {
        self.limit = bytes;
    }
    /// Lets `insert` put `cells` new cells into the chunk `key` with the cells of `block`; gives it
    /// back once none is missing.
    ///
    /// # Errors
    /// System, if the scratch file fails.
    pub(super) fn add(
        &mut self,
        layout: &Layout,
        key: Key,
        (block, cells): (&IndexBox, usize),
        insert: impl FnOnce(&mut [u8]),
    ) -> Result<Option<Vec<u8>>> {
        let (missing, mut raw) = if let Some(kept) = self.remove(key)? {
            kept
        } else {
            let mut raw = Vec::new();
            blank(layout, block, &mut raw);
            (block.len(), raw)
        };
        insert(&mut raw);
        let missing = missing.saturating_sub(cells);
        if missing == 0 {
            return Ok(Some(raw));
        }
        self.bytes += raw.len();
        self.chunks.insert(key, Chunk { missing, place: Place::Memory(raw) });
        self.make_room(key)?;
        Ok(None)
    }
    /// The first chunk that still waits, as it is.
    pub(super) fn pop(&mut self) -> Result<Option<(Key, Vec<u8>)>> {
        let Some(&key) = self.chunks.keys().next() else { return Ok(None) };
        Ok(self.remove(key)?.map(|(_, raw)| (key, raw)))
    }
    fn remove(&mut self, key: Key) -> Result<Option<(usize, Vec<u8>)>> {
        let Some(chunk) = self.chunks.remove(&key) else { return Ok(None) };
        let raw = match chunk.place {
            Place::Memory(raw) => {
                self.bytes -= raw.len();
                raw
            }
            Place::Scratch(offset, len) => self.scratch.take(offset, len)?,
        };
        Ok(Some((chunk.missing, raw)))
    }
    /// Moves chunks out of memory until the rest is within the limit; `newest` last, since more of
    /// it may come next.
    fn make_room(&mut self, newest: Key) -> Result<()> {
        if self.bytes <= self.limit {
            return Ok(());
        }
        let before = self.chunks.range_mut(..newest);
        let (mut bytes, aim) = (self.bytes, self.limit / 2);
        let mut moved = Ok(());
        for (_, chunk) in before {
            if bytes <= aim || moved.is_err() {
                break;
            }
            moved = self.scratch.put(&mut chunk.place, &mut bytes);
        }
        for (_, chunk) in self.chunks.range_mut(newest..).rev() {
            if bytes <= self.limit || moved.is_err() {
                break;
            }
            moved = self.scratch.put(&mut chunk.place, &mut bytes);
        }
        self.bytes = bytes;
        moved
    }
}

/// A file without a name: it goes with the process, however that ends.
#[derive(Debug)]
struct Scratch {
    path: PathBuf,
    file: Option<File>,
    end: u64,
    /// Room given back: offset and length.
    free: Vec<(u64, usize)>,
}

impl Scratch {
    fn open(&mut self) -> Result<&File> {
        if self.file.is_none() {
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create_new(true).open(&self.path).map_err(failed)?;
            std::fs::remove_file(&self.path).map_err(failed)?;
            self.file = Some(file);
        }
        self.file.as_ref().ok_or_else(|| Error::internal("no scratch file"))
    }
    fn put(&mut self, place: &mut Place, in_memory: &mut usize) -> Result<()> {
        let Place::Memory(raw) = place else { return Ok(()) };
        let len = raw.len();
        let offset = match self.free.iter().position(|&(_, room)| room == len) {
            Some(at) => self.free.swap_remove(at).0,
            None => self.end,
        };
        self.open()?.write_all_at(raw, offset).map_err(failed)?;
        self.end = self.end.max(offset + len as u64);
        *in_memory -= len;
        *place = Place::Scratch(offset, len);
        Ok(())
    }
    fn take(&mut self, offset: u64, len: usize) -> Result<Vec<u8>> {
        let mut raw = vec![0; len];
        self.open()?.read_exact_at(&mut raw, offset).map_err(failed)?;
        self.free.push((offset, len));
        Ok(raw)
    }
}

#[allow(clippy::needless_pass_by_value)] // Made for `map_err`.
fn failed(error: std::io::Error) -> Error {
    Error::system(format!("the scratch file for incomplete chunks fails: {error}"))
        .remedy("write blocks that cover whole chunks, or free some space")
}
