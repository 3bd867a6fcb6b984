//! The records of a state file, as bytes.
//!
//! A record is a head of 40 bytes (mark, level, column, index, length of the state, checksum of
//! these), the state, and a checksum of head and state. The head has a checksum of its own so
//! that no length is believed, and no memory taken for it, before it is known to be whole.

use super::super::state::StateNode;
use super::super::tree::Place;
use crate::error::{Error, ErrorKind, Result};
use std::hash::Hasher;
use twox_hash::XxHash3_64;

/// Bytes of a record's head.
pub(super) const HEAD: usize = 40;
/// Bytes of a checksum (XXH3, 64 bits).
pub(super) const SUM: usize = 8;
/// Bytes that travel, and are read or written, at once.
pub(super) const PACKET: usize = 4 << 20;

const NODE: u32 = u32::from_le_bytes(*b"NODE");
const END: u32 = u32::from_le_bytes(*b"END.");

/// What comes next in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// A node, and the length of its state.
    Node(Place, u64),
    /// The end of the records, and how many there were.
    End(u64),
}

impl Head {
    pub(super) fn to_bytes(self) -> [u8; HEAD] {
        let (mark, (column, level, index), length) = match self {
            Self::Node(place, length) => (NODE, place, length),
            Self::End(count) => (END, (0, 0, 0), count),
        };
        let mut bytes = [0; HEAD];
        bytes[..4].copy_from_slice(&mark.to_le_bytes());
        bytes[4..8].copy_from_slice(&level.to_le_bytes());
        bytes[8..16].copy_from_slice(&(column as u64).to_le_bytes());
        bytes[16..24].copy_from_slice(&(index as u64).to_le_bytes());
        bytes[24..32].copy_from_slice(&length.to_le_bytes());
        let sum = XxHash3_64::oneshot(&bytes[..32]);
        bytes[32..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// `None` for bytes that are no head.
    pub(super) fn parse(bytes: &[u8; HEAD]) -> Option<Self> {
        let number = |at: usize| bytes[at..].first_chunk::<8>().map(|b| u64::from_le_bytes(*b));
        if number(32)? != XxHash3_64::oneshot(&bytes[..32]) {
            return None;
        }
        let mark = u32::from_le_bytes(*bytes.first_chunk::<4>()?);
        let level = u32::from_le_bytes(*bytes[4..].first_chunk::<4>()?);
        let (column, index) = (usize::try_from(number(8)?).ok()?, usize::try_from(number(16)?).ok()?);
        let length = number(24)?;
        match mark {
            NODE => Some(Self::Node((column, level, index), length)),
            END if (column, level, index) == (0, 0, 0) => Some(Self::End(length)),
            _ => None,
        }
    }
}

pub(super) fn node_sum(head: &[u8], state: &[u8]) -> u64 {
    let mut sum = NodeSum::new(head);
    sum.add(state);
    sum.finish()
}

/// The checksum of a record, piece by piece.
pub(super) struct NodeSum(XxHash3_64);

impl NodeSum {
    pub(super) fn new(head: &[u8]) -> Self {
        let mut sum = Self(XxHash3_64::new());
        sum.add(head);
        sum
    }
    pub(super) fn add(&mut self, state: &[u8]) {
        self.0.write(state);
    }
    pub(super) fn finish(&self) -> u64 {
        self.0.finish()
    }
}

/// What every message about damage says.
pub(super) fn damaged(what: &str) -> Error {
    Error::data(format!("the state file is damaged ({what})")).remedy("start the job anew without it")
}

/// Turns nodes into packets of bytes, and gives their number; `None` when `put` answered that
/// nobody wants more.
pub(super) fn write_nodes(
    nodes: &mut dyn Iterator<Item = Result<StateNode>>,
    put: &mut dyn FnMut(&[u8]) -> Result<bool>,
) -> Result<Option<u64>> {
    let mut packet = Vec::new();
    let mut count = 0;
    for node in nodes {
        let node = node?;
        let head = Head::Node((node.column, node.level, node.index), node.state.len() as u64).to_bytes();
        let sum = node_sum(&head, &node.state).to_le_bytes();
        for mut part in [&head[..], &node.state, &sum] {
            while packet.len() + part.len() >= PACKET {
                let (now, later) = part.split_at(PACKET - packet.len());
                // A long state is not copied.
                let wanted = if packet.is_empty() {
                    put(now)?
                } else {
                    packet.extend_from_slice(now);
                    put(&packet)?
                };
                packet.clear();
                if !wanted {
                    return Ok(None);
                }
                part = later;
            }
            packet.extend_from_slice(part);
        }
        count += 1;
    }
    let wanted = packet.is_empty() || put(&packet)?;
    Ok(wanted.then_some(count))
}

/// Puts the pieces of records together again, and checks them.
#[derive(Debug)]
pub(super) struct Assembler {
    head: Option<[u8; HEAD]>,
    bytes: Vec<u8>,
    /// Bytes until the head, or what follows it, is complete.
    wanted: usize,
}

impl Assembler {
    pub(super) fn new() -> Self {
        Self { head: None, bytes: Vec::new(), wanted: HEAD }
    }

    /// Takes in the next bytes and hands over each node that is complete.
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        take: &mut dyn FnMut(StateNode) -> Result<()>,
    ) -> Result<()> {
        while !bytes.is_empty() {
            let wanted = self.wanted;
            let (now, later) = bytes.split_at(bytes.len().min(wanted - self.bytes.len()));
            self.bytes.extend_from_slice(now);
            bytes = later;
            if self.bytes.len() < wanted {
                break;
            }
            match self.head.take() {
                None => self.begin()?,
                Some(head) => {
                    self.wanted = HEAD;
                    take(finished(&head, std::mem::take(&mut self.bytes))?)?;
                }
            }
        }
        Ok(())
    }

    /// A head is complete: makes room for what it announces.
    fn begin(&mut self) -> Result<()> {
        self.head = self.bytes.first_chunk().copied();
        let Some(Head::Node(_, length)) = self.head.as_ref().and_then(Head::parse) else {
            return Err(damaged("a record's head"));
        };
        let wanted = usize::try_from(length).ok().and_then(|n| n.checked_add(SUM));
        self.wanted = wanted.ok_or_else(|| damaged("a record's length"))?;
        self.bytes.clear();
        // The file is as long as that; memory may be shorter all the same.
        self.bytes.try_reserve_exact(self.wanted).map_err(|_| {
            Error::new(ErrorKind::Memory, format!("there is no memory for a saved state of {length} bytes"))
                .remedy("use more ranks or nodes")
        })
    }
}

fn finished(head: &[u8; HEAD], mut bytes: Vec<u8>) -> Result<StateNode> {
    let at = bytes.len() - SUM;
    let sum = bytes[at..].first_chunk::<SUM>().copied().map(u64::from_le_bytes);
    bytes.truncate(at);
    match Head::parse(head) {
        Some(Head::Node((column, level, index), _)) if sum == Some(node_sum(head, &bytes)) => {
            Ok(StateNode { column, level, index, state: bytes })
        }
        _ => Err(damaged("a record's checksum differs")),
    }
}
