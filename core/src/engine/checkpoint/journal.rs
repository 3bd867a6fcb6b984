//! A state file that grows: what is found batch by batch, where results may be larger than memory.
//!
//! It begins as other state files do (header, checksum of all before). Then come groups of records
//! as in other state files: the results of tiles (level 0, column = tile), what each rank has noted
//! beside results until then (level 1, column = rank), and the head that marks the end of the group
//! and counts its records. What follows the last whole group was being written when the run ended,
//! and is cut off. One process has the file; it holds no trace of ranks but the number of notes.

use super::file::{failed, Reading, Writing};
use super::record::{damaged, node_sum, Head, NodeSum, HEAD, PACKET, SUM};
use super::{header_bytes, read_header, Saved};
use crate::engine::state::StateHeader;
use crate::error::{Error, Result};
use rustix::fs::{flock, FlockOperation};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Level of the records of tiles, and of notes.
const TILE: u32 = 0;
const NOTES: u32 = 1;

/// The file, on the rank that has it.
#[derive(Debug)]
pub(in crate::engine) struct Journal {
    file: File,
    /// Bytes of whole groups.
    whole: u64,
    /// Bytes with those of the group that is being written.
    len: u64,
    /// Records of that group.
    records: u64,
    /// Where the results of tiles lie, and their bytes.
    places: BTreeMap<usize, (u64, u64)>,
}

impl Journal {
    /// A new one, in the place of what is there.
    pub(in crate::engine) fn create(path: &Path, header: &StateHeader) -> Result<Self> {
        let mut file = Writing::begin(path)?;
        // Another job may be adding to what is in its place. Until this one is there instead, no third
        // can come in between: all begin with the same temporary file.
        let _before = if path.exists() { Some(open(path)?) } else { None };
        file.write(&header_bytes(header)?)?;
        let whole = file.commit()?;
        Ok(Self { file: open(path)?, whole, len: whole, records: 0, places: BTreeMap::new() })
    }

    /// Takes one up: with it come the notes of its last group. `bytes` tells how many those of a tile
    /// are; `None` for no tile.
    ///
    /// # Errors
    /// Data, for a file of something else than `expected`, or a damaged one; system.
    pub(in crate::engine) fn resume(
        path: &Path,
        expected: &StateHeader,
        bytes: &dyn Fn(usize) -> Option<u64>,
    ) -> Result<(Self, Vec<Vec<u8>>)> {
        let mut reading = Reading::open(path)?;
        let all = reading.left();
        read_header(&mut reading)?.check(expected)?;
        let sum = reading.sum();
        if u64::from_le_bytes(reading.array()?) != sum {
            return Err(damaged("checksum of the beginning"));
        }
        let whole = all - reading.left();
        let mut found = Self { file: open(path)?, whole, len: whole, records: 0, places: BTreeMap::new() };
        let (mut group, mut notes) = (Group::default(), Vec::new());
        while let Some(is_end) = group.read(&mut reading, all)? {
            if !is_end {
                continue;
            }
            let Group { tiles, notes: noted, .. } = std::mem::take(&mut group);
            for (tile, place) in tiles {
                if bytes(tile) != Some(place.1) || found.places.insert(tile, place).is_some() {
                    return Err(damaged("a record's place"));
                }
            }
            (notes, found.whole) = (noted, all - reading.left());
        }
        found.len = found.whole;
        found.file.set_len(found.whole).map_err(|e| failed("written", &e))?;
        Ok((found, notes))
    }

    /// The tiles whose results are there.
    pub(in crate::engine) fn tiles(&self) -> impl Iterator<Item = usize> + '_ {
        self.places.keys().copied()
    }

    /// Adds the results of a tile to the group.
    pub(in crate::engine) fn put_tile(&mut self, tile: usize, results: &[u8]) -> Result<()> {
        self.put((tile, TILE, 0), results)
    }
    /// Adds what a rank has noted until now to the group.
    pub(in crate::engine) fn put_notes(&mut self, rank: usize, notes: &[u8]) -> Result<()> {
        self.put((rank, NOTES, 0), notes)
    }
    /// Ends the group: from now on it is taken up. After an error it is not, nor any later one.
    pub(in crate::engine) fn end_group(&mut self) -> Result<()> {
        let end = Head::End(self.records).to_bytes();
        self.write(&end)?;
        (self.whole, self.records) = (self.len, 0);
        Ok(())
    }
    /// Cuts off a group that has no end.
    pub(in crate::engine) fn forget_group(&mut self) {
        // What is left there is cut off when it is taken up, too.
        let _ = self.file.set_len(self.whole);
        (self.len, self.records) = (self.whole, 0);
    }
    /// Makes whole groups durable.
    pub(in crate::engine) fn sync(&self) -> Result<Saved> {
        self.file.sync_data().map_err(|e| failed("written to disk", &e))?;
        Ok(Saved { nodes: self.places.len() as u64, bytes: self.whole })
    }
    /// Reads the results of a tile that is there.
    pub(in crate::engine) fn read(&self, tile: usize) -> Result<Vec<u8>> {
        let absent = || Error::internal("results are asked for that were not saved");
        let &(place, length) = self.places.get(&tile).ok_or_else(absent)?;
        let mut bytes = vec![0; length as usize + SUM];
        let read = self.file.read_exact_at(&mut bytes, place);
        read.map_err(|e| Error::system(format!("the saved state can't be read: {e}")))?;
        let sum = bytes.split_off(length as usize);
        let head = Head::Node((tile, TILE, 0), length).to_bytes();
        if sum != node_sum(&head, &bytes).to_le_bytes() {
            return Err(damaged("a record's checksum differs"));
        }
        Ok(bytes)
    }

    fn put(&mut self, place: (usize, u32, usize), bytes: &[u8]) -> Result<()> {
        let head = Head::Node(place, bytes.len() as u64).to_bytes();
        self.write(&head)?;
        if place.1 == TILE {
            self.places.insert(place.0, (self.len, bytes.len() as u64));
        }
        self.write(bytes)?;
        self.write(&node_sum(&head, bytes).to_le_bytes())?;
        self.records += 1;
        Ok(())
    }
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all_at(bytes, self.len).map_err(|e| failed("written", &e))?;
        self.len += bytes.len() as u64;
        Ok(())
    }
}

/// The file in its place, for this job alone.
fn open(path: &Path) -> Result<File> {
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(|e| failed("written", &e))?;
    // Some file systems know no locks: there the user keeps jobs apart.
    if let Err(Errno::WOULDBLOCK) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
        return Err(
            Error::system("another job is saving its state there").remedy("give each job its own file")
        );
    }
    Ok(file)
}

/// Records that are being read, whose end is not seen yet.
#[derive(Debug, Default)]
struct Group {
    records: u64,
    tiles: Vec<(usize, (u64, u64))>,
    notes: Vec<Vec<u8>>,
}

impl Group {
    /// Reads the next record of a file of `all` bytes; says whether it ends the group. `None` where
    /// nothing whole follows.
    fn read(&mut self, reading: &mut Reading, all: u64) -> Result<Option<bool>> {
        if reading.left() < HEAD as u64 {
            return Ok(None);
        }
        let bytes: [u8; HEAD] = reading.array()?;
        let Some(head) = Head::parse(&bytes) else { return Ok(None) };
        let ((column, level, index), length) = match head {
            Head::End(count) => return Ok((count == self.records).then_some(true)),
            Head::Node(place, length) => (place, length),
        };
        if reading.left().checked_sub(SUM as u64).is_none_or(|left| left < length) {
            return Ok(None);
        }
        let place = (all - reading.left(), length);
        let mut hash = NodeSum::new(&bytes);
        let (mut left, mut packet, mut kept) = (length, Vec::new(), Vec::new());
        while left > 0 {
            let now = left.min(PACKET as u64);
            packet.clear();
            reading.append(&mut packet, now as usize)?;
            hash.add(&packet);
            if level == NOTES {
                kept.extend_from_slice(&packet);
            }
            left -= now;
        }
        if u64::from_le_bytes(reading.array()?) != hash.finish() {
            return Ok(None);
        }
        self.records += 1;
        match (level, index) {
            (TILE, 0) => self.tiles.push((column, place)),
            (NOTES, 0) => self.notes.push(kept),
            _ => return Err(damaged("a record's place")),
        }
        Ok(Some(false))
    }
}
