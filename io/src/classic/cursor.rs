//! The numbers, names and lists that the header of a classic file is made of.

use super::malformed;
use crate::object_name;
use halocline_core::{Error, Result};
use std::io::{BufReader, ErrorKind, Read};

/// No real header is longer; a damaged one can't take more memory than follows from this.
const LONGEST: u64 = 64 << 20;
/// No real list of dimensions, variables or attributes is longer.
const MOST_ENTRIES: u64 = 1 << 20;

/// Reads a header from its beginning to its end. Nothing is believed: every count is bounded by
/// the bytes that are there.
pub(super) struct Cursor<R> {
    source: BufReader<R>,
    at: u64,
    length: u64,
    /// 1, 2 or 5.
    pub(super) version: u8,
}

impl<R: Read> Cursor<R> {
    /// A cursor behind the magic number of a file of `length` bytes.
    pub(super) fn new(source: R, length: u64) -> Result<Self> {
        let mut cursor = Self { source: BufReader::new(source), at: 0, length, version: 0 };
        let magic = cursor.bytes(4)?;
        cursor.version = magic[3];
        if !magic.starts_with(b"CDF") || !matches!(cursor.version, 1 | 2 | 5) {
            return Err(malformed("it does not begin as one"));
        }
        Ok(cursor)
    }

    /// Where it is.
    pub(super) fn at(&self) -> u64 {
        self.at
    }
    fn left(&self) -> u64 {
        self.length.saturating_sub(self.at)
    }

    /// The number of entries of a list with this tag.
    pub(super) fn list(&mut self, tag: u32) -> Result<u64> {
        let found = self.word()?;
        let count = self.count()?;
        match (found, count) {
            (0, 0) => Ok(0),
            // An entry takes eight bytes at least.
            (t, n) if t == tag && n <= (self.left() / 8).min(MOST_ENTRIES) => Ok(n),
            (t, _) if t == tag => Err(malformed("a list is longer than the file")),
            _ => Err(malformed("a list has a wrong tag")),
        }
    }

    pub(super) fn name(&mut self) -> Result<String> {
        let length = self.count()?;
        // Long names exist; the library allows 256 characters.
        if length > 1024 {
            return Err(malformed("a name is too long"));
        }
        let bytes = self.padded(length)?;
        object_name::check_bytes(&bytes)?;
        // Some old writers counted the padding in.
        let end = bytes.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
        Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
    }

    /// So many bytes, and the padding behind them.
    pub(super) fn padded(&mut self, count: u64) -> Result<Vec<u8>> {
        let all = count.checked_next_multiple_of(4);
        let mut bytes = self.bytes(all.ok_or_else(|| malformed("an attribute is larger than the file"))?)?;
        bytes.truncate(count as usize);
        Ok(bytes)
    }

    /// A count: 32 bits, in CDF-5 64.
    pub(super) fn count(&mut self) -> Result<u64> {
        if self.version == 5 {
            self.long()
        } else {
            self.word().map(u64::from)
        }
    }
    pub(super) fn word(&mut self) -> Result<u32> {
        let mut b = [0; 4];
        self.fill(&mut b)?;
        Ok(u32::from_be_bytes(b))
    }
    pub(super) fn long(&mut self) -> Result<u64> {
        let mut b = [0; 8];
        self.fill(&mut b)?;
        Ok(u64::from_be_bytes(b))
    }
    fn bytes(&mut self, count: u64) -> Result<Vec<u8>> {
        if count > self.left() {
            return Err(malformed("it ends early"));
        }
        if self.at + count > LONGEST {
            return Err(malformed("it is longer than 64 MiB"));
        }
        let mut bytes = vec![0; count as usize];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }
    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        self.at += out.len() as u64;
        if self.at > LONGEST {
            return Err(malformed("it is longer than 64 MiB"));
        }
        self.source.read_exact(out).map_err(|e| match e.kind() {
            ErrorKind::UnexpectedEof => malformed("it ends early"),
            _ => Error::system(format!("cannot be read: {e}")),
        })
    }
}
