//! The order in which the attributes of an object were made.
//!
//! A header keeps attributes where there is room; NetCDF shows them in the order of their
//! making, which the header notes beside each. The crate leaves that note out, so it is read
//! here, from headers whose checksums the crate has found right.

use crate::direct::refusal::{Attempt, Refusal};
use hdf5_reader::messages::attribute::AttributeMessage;
use hdf5_reader::messages::{MSG_ATTRIBUTE, MSG_CONTINUATION};
use hdf5_reader::Hdf5File;
use std::collections::HashMap;

/// Pieces of a header, at most: as many as the crate follows.
const MOST_PIECES: usize = 1024;

/// Puts attributes of the object whose header is at `address` into the order of their making,
/// if the file knows it.
pub(super) fn by_making(file: &Hdf5File, address: u64, attributes: &mut [AttributeMessage]) -> Attempt<()> {
    if attributes.len() < 2 {
        return Ok(());
    }
    let order = Header { file, order: HashMap::new() }.read(address)?;
    // Attributes that lie outside the header come in their order already.
    attributes.sort_by_key(|a| order.get(a.name.as_bytes()).copied());
    Ok(())
}

struct Header<'a> {
    file: &'a Hdf5File,
    order: HashMap<Vec<u8>, u16>,
}

impl Header<'_> {
    fn read(mut self, address: u64) -> Attempt<HashMap<Vec<u8>, u16>> {
        const ORDERED: u8 = 0x04;
        const PHASES: u8 = 0x10;
        const TIMES: u8 = 0x20;
        let storage = self.file.storage();
        // Signature, version, flags; then times, phases, the length of the first piece.
        let there = storage.len().saturating_sub(address).min(34) as usize;
        let head = storage.read_range(address, there)?;
        let &[b'O', b'H', b'D', b'R', 2, flags, ..] = &head[..] else { return Ok(self.order) };
        if flags & ORDERED == 0 {
            return Ok(self.order);
        }
        let mut at = 6;
        at += if flags & TIMES == 0 { 0 } else { 16 };
        at += if flags & PHASES == 0 { 0 } else { 4 };
        let width = 1 << (flags & 3);
        let length = head.get(at..at + width).map(number).ok_or_else(damaged)?;
        let mut pieces = vec![(address + (at + width) as u64, length)];
        let mut done = 0;
        while let Some((start, length)) = pieces.pop() {
            done += 1;
            if done > MOST_PIECES {
                return Err(damaged());
            }
            self.piece(start, length, &mut pieces)?;
        }
        Ok(self.order)
    }

    /// The messages in `length` bytes from `start`.
    fn piece(&mut self, start: u64, length: u64, more: &mut Vec<(u64, u64)>) -> Attempt<()> {
        let storage = self.file.storage();
        if start.checked_add(length).is_none_or(|end| end > storage.len()) {
            return Err(damaged());
        }
        let bytes = storage.read_range(start, length as usize)?;
        let mut rest: &[u8] = &bytes;
        // Type, length, flags and order of a message; what is shorter is padding.
        while let Some((&[kind, low, high, flags, first, second], body)) = rest.split_first_chunk::<6>() {
            let length = usize::from(u16::from_le_bytes([low, high]));
            let Some((body, after)) = body.split_at_checked(length) else { break };
            rest = after;
            let shared = flags & 0x02 != 0;
            match u16::from(kind) {
                MSG_ATTRIBUTE if !shared => {
                    if let Some(name) = attribute_name(body) {
                        self.order.insert(name.to_vec(), u16::from_le_bytes([first, second]));
                    }
                }
                MSG_CONTINUATION => {
                    let about = self.file.superblock();
                    let (offset, length) = (usize::from(about.offset_size), usize::from(about.length_size));
                    let place = body.get(..offset).map(number).ok_or_else(damaged)?;
                    let length = body.get(offset..offset + length).map(number).ok_or_else(damaged)?;
                    // Between a signature and a checksum.
                    let inner = length.checked_sub(8).ok_or_else(damaged)?;
                    more.push((place.checked_add(4).ok_or_else(damaged)?, inner));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The name in an attribute message, without the NUL behind it.
fn attribute_name(body: &[u8]) -> Option<&[u8]> {
    let version = *body.first()?;
    let length = usize::from(u16::from_le_bytes([*body.get(2)?, *body.get(3)?]));
    // The third version has a byte for the set of characters.
    let start = if version == 3 { 9 } else { 8 };
    let name = body.get(start..start + length)?;
    Some(name.split(|&b| b == 0).next().unwrap_or(name))
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().take(8).fold(0, |n, &b| n << 8 | u64::from(b))
}

fn damaged() -> Refusal {
    Refusal::damaged("the header of an object is cut short")
}
