//! Saving the finished nodes of a fold to one file, and taking them up again.
//!
//! The states of a fold may be larger than one rank's memory, so nothing is gathered: bytes of
//! records travel in packets, and rank 0, which alone touches the file, holds one packet. That
//! it uses `std::fs` directly, though files are otherwise the business of `io`, is because a
//! state is the engine's own, in no format of the field.
//!
//! Format 2, little-endian: `HCLSTATE`, format (u32), length of the header (u32), header
//! (postcard), checksum of all this (u64); records (see `record`), in any order; the head that
//! marks their end and counts them; checksum of all bytes before it (u64). Checksums are XXH3,
//! 64 bits. The file holds no trace of ranks.

mod file;
mod journal;
mod record;
#[cfg(test)]
mod tests;

pub(super) use file::remove_state;
pub use file::remove_unfinished;
pub(super) use journal::Journal;

use super::state::{StateHeader, StateNode, STATE_FORMAT};
use super::tree::Place;
use crate::comm::Comm;
use crate::error::{Error, Result};
use file::{cut_short, Reading, Writing};
use record::{damaged, write_nodes, Assembler, Head, HEAD, PACKET, SUM};
use std::path::Path;
use twox_hash::XxHash3_64;

const MAGIC: &[u8; 8] = b"HCLSTATE";
/// Bytes of a header, at most: a thousand times the largest tiling that was seen.
const HEADER_LIMIT: u32 = 64 << 20;
/// For packets and for the answers to them.
const TAG: u32 = 32_100;
/// Stands for the number of nodes of a rank that failed.
const FAILED: u64 = u64::MAX;

/// What was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saved {
    /// Nodes of all ranks.
    pub nodes: u64,
    /// Length of the file.
    pub bytes: u64,
}

/// Saves the nodes of all ranks to the file `path`.
///
/// The file is written under a temporary name beside it, synced and renamed: whatever happens,
/// `path` is the last good state, for readers too. After an error the temporary file is gone
/// and the caller can go on.
///
/// Memory: one encoded node on each rank, some MiB on rank 0 besides.
///
/// # Collective
/// Every rank calls this with its own nodes; `path` and `header` are the same.
///
/// # Errors
/// On every rank: what `nodes` reports; [`System`](crate::ErrorKind::System) when the file can't
/// be written (disk full, permissions, another job at the same file).
pub fn save(
    comm: &Comm,
    path: &Path,
    header: &StateHeader,
    nodes: &mut dyn Iterator<Item = Result<StateNode>>,
) -> Result<Saved> {
    let in_file = |e: Error| e.in_file(path);
    if !comm.is_root() {
        comm.agree(Ok(()))?;
        let sent = send_nodes(comm, nodes);
        comm.agree(sent)?;
        let saved: [u64; 2] = comm.on_root(|| Ok([0; 2]))?;
        return Ok(Saved { nodes: saved[0], bytes: saved[1] });
    }
    let begun = Writing::begin(path).and_then(|mut file| {
        file.write(&header_bytes(header)?)?;
        Ok(file)
    });
    let mut file = comm.agree(begun.map_err(in_file))?;
    let written = write_all(comm, &mut file, nodes).map_err(in_file);
    let count = comm.agree(written)?;
    let [nodes, bytes] = comm.on_root(|| {
        file.write(&Head::End(count).to_bytes()).map_err(in_file)?;
        Ok([count, file.commit().map_err(in_file)?])
    })?;
    Ok(Saved { nodes, bytes })
}

/// Rank 0: its own nodes, then those of the others one rank after the other; gives their number.
fn write_all(
    comm: &Comm,
    file: &mut Writing,
    nodes: &mut dyn Iterator<Item = Result<StateNode>>,
) -> Result<u64> {
    let mut result = write_nodes(nodes, &mut |packet| file.write(packet).map(|()| true));
    for from in 1..comm.size() {
        loop {
            // A packet is sent only when it is asked for, so none piles up here; and after an
            // error nobody encodes and sends for nothing.
            comm.send(&[u8::from(matches!(result, Ok(Some(_))))], from, TAG);
            if !matches!(result, Ok(Some(_))) {
                break;
            }
            let packet: Vec<u8> = comm.recv(from, TAG);
            if packet.is_empty() {
                let theirs = comm.recv::<u64>(from, TAG).first().copied().unwrap_or(FAILED);
                // Their error is theirs to tell.
                result = result.map(|n| n.filter(|_| theirs != FAILED).map(|n| n + theirs));
                break;
            }
            if let Err(e) = file.write(&packet) {
                result = Err(e);
            }
        }
    }
    result.map(|n| n.unwrap_or(0))
}

/// The other side of [`write_all`].
fn send_nodes(comm: &Comm, nodes: &mut dyn Iterator<Item = Result<StateNode>>) -> Result<()> {
    let asked = || comm.recv::<u8>(0, TAG) == [1];
    let result = write_nodes(nodes, &mut |packet| {
        let wanted = asked();
        if wanted {
            comm.send(packet, 0, TAG);
        }
        Ok(wanted)
    });
    let count = match &result {
        Ok(None) => return Ok(()),
        Ok(Some(count)) => *count,
        Err(_) => FAILED,
    };
    if asked() {
        comm.send::<u8>(&[], 0, TAG);
        comm.send(&[count], 0, TAG);
    }
    result.map(|_| ())
}

fn header_bytes(header: &StateHeader) -> Result<Vec<u8>> {
    let body = postcard::to_stdvec(header)
        .map_err(|e| Error::internal(format!("the header of a state can't be encoded: {e}")))?;
    let length = u32::try_from(body.len()).ok().filter(|n| *n <= HEADER_LIMIT);
    let length = length.ok_or_else(|| Error::internal("the header of a state is too long"))?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&STATE_FORMAT.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&body);
    let sum = XxHash3_64::oneshot(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    Ok(bytes)
}

/// Whether the file begins as saved states do: what must not be mistaken for one is not
/// replaced by one. An empty file may be.
///
/// # Errors
/// [`System`](crate::ErrorKind::System) when it can't be read.
pub fn is_state(path: &Path) -> Result<bool> {
    let mut file = Reading::open(path).map_err(|e| e.in_file(path))?;
    if file.left() == 0 {
        return Ok(true);
    }
    if file.left() < MAGIC.len() as u64 {
        return Ok(false);
    }
    Ok(file.array().map_err(|e| e.in_file(path))? == *MAGIC)
}

/// Takes up the nodes saved in the file `path`, on any number of ranks.
///
/// Each node goes to rank `holder(place)`, where `take` gets it; then every rank gets the places
/// (column, level, index) of all nodes through `seen`, ordered. After an error, what was taken
/// is to be dropped.
///
/// Memory: the node that is being received on each rank, some MiB on rank 0 besides, and 24
/// bytes for each place.
///
/// # Collective
/// Every rank calls this; `holder` gives the same answers everywhere.
///
/// # Errors
/// On every rank: [`Data`](crate::ErrorKind::Data) for a file that is no state, of another
/// format, cut short, damaged, or of another analysis, version, job or tiling than `expected`;
/// [`System`](crate::ErrorKind::System) when it can't be read; what `take` reports.
pub fn load(
    comm: &Comm,
    path: &Path,
    expected: &StateHeader,
    holder: &dyn Fn(&(usize, u32, usize)) -> usize,
    take: &mut dyn FnMut(StateNode) -> Result<()>,
    seen: &mut dyn FnMut((usize, u32, usize)),
) -> Result<()> {
    let mut places = Vec::new();
    let result = if comm.is_root() {
        let mut delivery = Delivery::new(comm, take);
        let read = read_all(path, expected, holder, &mut delivery);
        delivery.end();
        read.map(|all| places = all)
    } else {
        receive_nodes(comm, take)
    };
    comm.agree(result.map_err(|e| e.in_file(path)))?;
    let mut flat: Vec<u64> =
        places.iter().flat_map(|&(c, l, i)| [c as u64, u64::from(l), i as u64]).collect();
    comm.broadcast(&mut flat, 0);
    flat.chunks_exact(3).for_each(|p| seen((p[0] as usize, p[1] as u32, p[2] as usize)));
    Ok(())
}

fn read_header(file: &mut Reading) -> Result<StateHeader> {
    if file.array::<8>()? != *MAGIC {
        return Err(Error::data("this is no Halocline state file").remedy("name the file that was saved"));
    }
    let format = u32::from_le_bytes(file.array()?);
    if format != STATE_FORMAT {
        return Err(Error::data(format!(
            "the state file is of format {format}, this program reads {STATE_FORMAT}"
        ))
        .remedy("resume with the version that wrote it, or start anew"));
    }
    let length = u32::from_le_bytes(file.array()?);
    if length > HEADER_LIMIT {
        return Err(damaged("length of the header"));
    }
    let mut body = Vec::new();
    file.append(&mut body, length as usize)?;
    let sum = file.sum();
    if u64::from_le_bytes(file.array()?) != sum {
        return Err(damaged("checksum of the header"));
    }
    postcard::from_bytes(&body).map_err(|e| damaged(&format!("header: {e}")))
}

/// Rank 0: reads the file and hands the bytes of the records to those who hold the nodes.
fn read_all(
    path: &Path,
    expected: &StateHeader,
    holder: &dyn Fn(&Place) -> usize,
    delivery: &mut Delivery<'_>,
) -> Result<Vec<Place>> {
    let mut file = Reading::open(path)?;
    read_header(&mut file)?.check(expected)?;
    let tiles = expected.tiling.len();
    let mut places: Vec<Place> = Vec::new();
    let (mut packet, mut to) = (Vec::new(), 0);
    loop {
        let bytes: [u8; HEAD] = file.array()?;
        let (place, length) = match Head::parse(&bytes).ok_or_else(|| damaged("a record's head"))? {
            Head::Node(place, length) => (place, length),
            Head::End(count) => {
                if count != places.len() as u64 {
                    return Err(damaged("number of records"));
                }
                break;
            }
        };
        let (column, level, index) = place;
        if column >= tiles || level >= usize::BITS || index > (tiles - 1) >> level {
            return Err(damaged("a record's place"));
        }
        // What is not there is not waited for, and takes no memory anywhere.
        if length > file.left().saturating_sub(SUM as u64) {
            return Err(cut_short());
        }
        places.push(place);
        let target = holder(&place);
        if target != to || packet.len() + HEAD > PACKET {
            if !delivery.deliver(to, &mut packet)? {
                return Ok(places);
            }
            to = target;
        }
        packet.extend_from_slice(&bytes);
        let mut left = length + SUM as u64;
        while left > 0 {
            let now = left.min((PACKET - packet.len()) as u64);
            file.append(&mut packet, now as usize)?;
            left -= now;
            if packet.len() == PACKET && !delivery.deliver(to, &mut packet)? {
                return Ok(places);
            }
        }
    }
    if !delivery.deliver(to, &mut packet)? {
        return Ok(places);
    }
    let sum = file.sum();
    if u64::from_le_bytes(file.array()?) != sum {
        return Err(damaged("checksum of the file"));
    }
    if file.left() > 0 {
        return Err(damaged("it goes on after its end"));
    }
    places.sort_unstable_by_key(|&(column, level, index)| (column, index << level));
    let overlap = |a: Place, b: Place| a.0 == b.0 && (a.2 + 1) << a.1 > b.2 << b.1;
    if places.windows(2).any(|pair| overlap(pair[0], pair[1])) {
        return Err(damaged("it holds some tiles twice"));
    }
    Ok(places)
}

/// How rank 0 hands out packets: at most one under way to each rank, none to a rank that failed.
struct Delivery<'a> {
    comm: &'a Comm,
    take: &'a mut dyn FnMut(StateNode) -> Result<()>,
    own: Assembler,
    /// Whose answer is still to come.
    under_way: Vec<bool>,
}

impl<'a> Delivery<'a> {
    fn new(comm: &'a Comm, take: &'a mut dyn FnMut(StateNode) -> Result<()>) -> Self {
        Self { comm, take, own: Assembler::new(), under_way: vec![false; comm.size()] }
    }

    /// Waits for the answer of rank `to`, if one is due; says whether it is well.
    fn answered(&mut self, to: usize) -> bool {
        !std::mem::take(&mut self.under_way[to]) || self.comm.recv::<u8>(to, TAG) == [1]
    }

    /// Empties `packet` to rank `to`; says whether that rank is well.
    fn deliver(&mut self, to: usize, packet: &mut Vec<u8>) -> Result<bool> {
        let mut well = true;
        if to == 0 {
            self.own.push(packet, self.take)?;
        } else if !packet.is_empty() {
            well = self.answered(to);
            if well {
                self.comm.send(packet, to, TAG);
                self.under_way[to] = true;
            }
        }
        packet.clear();
        Ok(well)
    }

    /// Tells the others that nothing more comes.
    fn end(mut self) {
        for to in 1..self.comm.size() {
            self.answered(to);
            self.comm.send::<u8>(&[], to, TAG);
        }
    }
}

/// The other side of [`Delivery`].
fn receive_nodes(comm: &Comm, take: &mut dyn FnMut(StateNode) -> Result<()>) -> Result<()> {
    let mut assembler = Assembler::new();
    let mut result = Ok(());
    loop {
        let packet: Vec<u8> = comm.recv(0, TAG);
        if packet.is_empty() {
            return result;
        }
        if result.is_ok() {
            result = assembler.push(&packet, take);
        }
        comm.send(&[u8::from(result.is_ok())], 0, TAG);
    }
}
