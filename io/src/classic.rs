//! The header of a classic NetCDF file (CDF-1, CDF-2, CDF-5), read just far enough to know how
//! long the file must be.
//!
//! The NetCDF library reads what a truncated classic file lacks as zeros, without an error. So
//! the length that the header promises is compared with the file's before anything is read.
//! The header is not trusted: every count is bounded by the bytes that are there, no memory is
//! taken by a number in the file, and all arithmetic is checked.

use crate::object_name;
use halocline_core::{Error, Result};
use std::io::{BufRead, BufReader, Read};

const DIMENSIONS: u32 = 10;
const VARIABLES: u32 = 11;
const ATTRIBUTES: u32 = 12;

/// What the header of a classic file says about its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Promise {
    /// Bytes up to the last value of the last variable (padding after it is not counted:
    /// writers may leave it out).
    pub(crate) bytes: u64,
    /// Number of records; `None` while a writer streams (the count is then the file's length).
    pub(crate) records: Option<u64>,
}

/// Checks the header of the classic file `source` of `length` bytes.
///
/// # Errors
/// Data, if the header is malformed or promises more than `length` bytes.
pub(crate) fn check(source: impl Read, length: u64) -> Result<Promise> {
    let promise = Header { source: BufReader::new(source), at: 0, length, version: 0 }.parse()?;
    if promise.bytes > length {
        return Err(Error::data(format!(
            "the file is truncated: its header promises {} bytes, there are {length}",
            promise.bytes
        ))
        .remedy("copy or download it again"));
    }
    Ok(promise)
}

/// A cursor over the header; `version` is 1, 2 or 5.
struct Header<R> {
    source: BufReader<R>,
    at: u64,
    length: u64,
    version: u8,
}

/// A variable: where its data begin, how long one record (or all of it) is.
struct Extent {
    begin: u64,
    /// `None` if the product of the lengths overflows.
    bytes: Option<u64>,
    record: bool,
}

fn malformed(what: &str) -> Error {
    Error::data(format!("malformed NetCDF header: {what}")).remedy("copy or download the file again")
}

impl<R: Read> Header<R> {
    fn parse(mut self) -> Result<Promise> {
        let mut magic = [0; 4];
        self.bytes(&mut magic)?;
        self.version = magic[3];
        let count = self.count()?;
        let streaming = if self.version == 5 { u64::MAX } else { u64::from(u32::MAX) };
        let records = (count != streaming).then_some(count);
        let dims = self.dimensions()?;
        self.attributes()?;
        let variables = self.variables(&dims)?;
        let promise = Self::length(&variables, records, self.at)?;
        Ok(Promise { bytes: promise, records })
    }

    /// The end of the data of all variables; at least the end of the header.
    fn length(variables: &[Extent], records: Option<u64>, header: u64) -> Result<u64> {
        let too_big = || malformed("a variable is larger than any file can be");
        let mut end = header;
        for v in variables {
            let bytes = v.bytes.ok_or_else(too_big)?;
            if bytes > 0 && v.begin < header {
                return Err(malformed("a variable begins inside the header"));
            }
            if !v.record {
                end = end.max(v.begin.checked_add(bytes).ok_or_else(too_big)?);
            }
        }
        let recorded = || variables.iter().filter(|v| v.record);
        // A record is padded to four bytes per variable, unless it has a single variable.
        let record = match recorded().count() {
            1 => recorded().next().and_then(|v| v.bytes),
            _ => recorded().try_fold(0u64, |sum, v| sum.checked_add(v.bytes?.checked_next_multiple_of(4)?)),
        }
        .ok_or_else(too_big)?;
        if let Some(last) = records.and_then(|n| n.checked_sub(1)) {
            for v in recorded() {
                let reach = last
                    .checked_mul(record)
                    .and_then(|skip| skip.checked_add(v.begin)?.checked_add(v.bytes?))
                    .ok_or_else(too_big)?;
                end = end.max(reach);
            }
        }
        Ok(end)
    }

    fn dimensions(&mut self) -> Result<Vec<u64>> {
        let mut lengths = Vec::new();
        for _ in 0..self.list(DIMENSIONS)? {
            self.name()?;
            lengths.push(self.count()?);
        }
        if lengths.iter().filter(|&&n| n == 0).count() > 1 {
            return Err(malformed("it has two record dimensions"));
        }
        Ok(lengths)
    }

    fn attributes(&mut self) -> Result<()> {
        for _ in 0..self.list(ATTRIBUTES)? {
            self.name()?;
            let size = self.type_size()?;
            let bytes = self.count()?.checked_mul(size).and_then(|n| n.checked_next_multiple_of(4));
            self.skip(bytes.ok_or_else(|| malformed("an attribute is larger than the file"))?)?;
        }
        Ok(())
    }

    fn variables(&mut self, dims: &[u64]) -> Result<Vec<Extent>> {
        let mut found = Vec::new();
        for _ in 0..self.list(VARIABLES)? {
            self.name()?;
            let rank = self.count()?;
            if rank > self.left() {
                return Err(malformed("a variable has more dimensions than the file has bytes"));
            }
            let (mut product, mut record) = (Some(1u64), false);
            for d in 0..rank {
                let id = self.count()?;
                let length = usize::try_from(id).ok().and_then(|id| dims.get(id)).copied();
                match length.ok_or_else(|| malformed("a variable has a dimension that does not exist"))? {
                    0 if d == 0 => record = true,
                    0 => return Err(malformed("a record dimension is not the first of a variable")),
                    n => product = product.and_then(|p| p.checked_mul(n)),
                }
            }
            self.attributes()?;
            let size = self.type_size()?;
            // The stored size is 32 bits wide and wrong for large variables: not used.
            self.count()?;
            let begin = if self.version == 1 { u64::from(self.word()?) } else { self.long()? };
            found.push(Extent { begin, bytes: product.and_then(|p| p.checked_mul(size)), record });
        }
        Ok(found)
    }

    /// The number of entries of a list with this tag.
    fn list(&mut self, tag: u32) -> Result<u64> {
        let found = self.word()?;
        let count = self.count()?;
        match (found, count) {
            (0, 0) => Ok(0),
            // An entry takes eight bytes at least.
            (t, n) if t == tag && n <= self.left() / 8 => Ok(n),
            (t, _) if t == tag => Err(malformed("a list is longer than the file")),
            _ => Err(malformed("a list has a wrong tag")),
        }
    }

    fn name(&mut self) -> Result<()> {
        let length = self.count()?;
        // Long names exist; the library allows 256 characters.
        if length > 1024 || length > self.left() {
            return Err(malformed("a name is too long"));
        }
        let mut text = vec![0; length as usize];
        self.bytes(&mut text)?;
        self.skip(length.next_multiple_of(4) - length)?;
        object_name::check_bytes(&text)
    }

    fn type_size(&mut self) -> Result<u64> {
        Ok(match (self.word()?, self.version) {
            (1 | 2, _) | (7, 5) => 1,
            (3, _) | (8, 5) => 2,
            (4 | 5, _) | (9, 5) => 4,
            (6, _) | (10 | 11, 5) => 8,
            _ => return Err(malformed("a type does not exist")),
        })
    }

    fn left(&self) -> u64 {
        self.length.saturating_sub(self.at)
    }
    /// A count: 32 bits, in CDF-5 64.
    fn count(&mut self) -> Result<u64> {
        if self.version == 5 {
            self.long()
        } else {
            self.word().map(u64::from)
        }
    }
    fn word(&mut self) -> Result<u32> {
        let mut b = [0; 4];
        self.bytes(&mut b)?;
        Ok(u32::from_be_bytes(b))
    }
    fn long(&mut self) -> Result<u64> {
        let mut b = [0; 8];
        self.bytes(&mut b)?;
        Ok(u64::from_be_bytes(b))
    }
    fn bytes(&mut self, out: &mut [u8]) -> Result<()> {
        self.at += out.len() as u64;
        self.source.read_exact(out).map_err(|e| Self::failed(&e))
    }
    fn skip(&mut self, mut bytes: u64) -> Result<()> {
        if bytes > self.left() {
            return Err(malformed("it ends early"));
        }
        self.at += bytes;
        while bytes > 0 {
            let there = self.source.fill_buf().map_err(|e| Self::failed(&e))?.len();
            if there == 0 {
                return Err(malformed("it ends early"));
            }
            let step = (there as u64).min(bytes);
            self.source.consume(step as usize);
            bytes -= step;
        }
        Ok(())
    }
    fn failed(e: &std::io::Error) -> Error {
        if e.kind() == std::io::ErrorKind::UnexpectedEof {
            malformed("it ends early")
        } else {
            Error::system(format!("cannot be read: {e}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file's header, written number by number.
    #[derive(Clone)]
    struct Bytes(Vec<u8>);
    impl Bytes {
        fn new(version: u8) -> Self {
            Self(vec![b'C', b'D', b'F', version])
        }
        fn words(mut self, words: &[u32]) -> Self {
            for w in words {
                self.0.extend(w.to_be_bytes());
            }
            self
        }
        fn name(mut self, text: &str) -> Self {
            self = self.words(&[text.len() as u32]);
            self.0.extend(text.as_bytes());
            self.0.resize(self.0.len().next_multiple_of(4), 0);
            self
        }
        /// Bytes promised, with `extra` zero bytes after the header.
        fn check(&self, extra: usize) -> Result<Promise> {
            let mut all = self.0.clone();
            all.resize(all.len() + extra, 0);
            super::check(all.as_slice(), all.len() as u64)
        }
    }

    /// `records` records of a short of length 3, and of a byte if `second`.
    fn records(records: u32, second: bool) -> Bytes {
        let mut b = Bytes::new(1).words(&[records, DIMENSIONS, 2]);
        b = b.name("t").words(&[0]).name("x").words(&[3]).words(&[0, 0]);
        let begin = if second { 132 } else { 96 };
        b = b.words(&[VARIABLES, 1 + u32::from(second)]);
        b = b.name("s").words(&[2, 0, 1, 0, 0, 3, 8, begin]);
        if second {
            b = b.name("b").words(&[1, 0, 0, 0, 1, 4, begin + 8]);
        }
        b
    }

    #[test]
    fn a_single_record_variable_is_not_padded() {
        let b = records(5, false);
        assert_eq!(b.0.len(), 96);
        assert_eq!(b.check(30).unwrap().bytes, 96 + 5 * 6);
        let e = b.check(29).unwrap_err();
        assert!(e.message.contains("truncated"), "{e}");
    }

    #[test]
    fn records_of_several_variables_are_padded() {
        let b = records(5, true);
        assert_eq!(b.0.len(), 132);
        // Four full records of 8 + 4 bytes; the last value needs no padding.
        assert_eq!(b.check(4 * 12 + 9).unwrap().bytes, 132 + 4 * 12 + 9);
        assert!(b.check(4 * 12 + 8).is_err());
    }

    #[test]
    fn a_stream_promises_no_records() {
        let promise = records(u32::MAX, true).check(0).unwrap();
        assert_eq!(promise, Promise { bytes: 132, records: None });
        assert_eq!(records(0, false).check(0).unwrap().records, Some(0));
    }

    #[test]
    fn every_cut_of_a_header_is_an_error() {
        let b = records(1, true);
        for n in 4..b.0.len() {
            assert!(super::check(&b.0[..n], n as u64).is_err(), "cut at {n}");
        }
    }

    #[test]
    fn counts_beyond_the_file_are_errors() {
        let huge = Bytes::new(2).words(&[0, DIMENSIONS, 0x8000_0000]);
        assert!(huge.check(64).is_err());
        let attributes = Bytes::new(1).words(&[0, 0, 0, ATTRIBUTES, 1]).name("a").words(&[6, u32::MAX]);
        assert!(attributes.check(64).is_err());
        let wide = Bytes::new(5).words(&[0, 0, DIMENSIONS, 0, 1, 0, 1, 0x7800_0000, u32::MAX, u32::MAX, 0]);
        let wide =
            wide.words(&[0, 0, VARIABLES, 0, 1, 0, 1, 0x7600_0000, 0, 1, 0, 0, 0, 0, 0, 6, 0, 0, 0, 200]);
        assert!(wide.check(64).is_err());
    }

    #[test]
    fn an_empty_data_set_is_a_data_set() {
        assert_eq!(Bytes::new(1).words(&[0; 7]).check(0).unwrap().bytes, 32);
        assert_eq!(Bytes::new(5).words(&[0; 11]).check(0).unwrap().bytes, 48);
    }
}
