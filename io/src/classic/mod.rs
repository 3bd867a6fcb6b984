//! The header of a classic NetCDF file (CDF-1, CDF-2, CDF-5).
//!
//! The NetCDF library reads what a truncated classic file lacks as zeros, without an error. So
//! the length that the header promises is compared with the file's before anything is read.
//! The header is not trusted: every count is bounded by the bytes that are there, no memory is
//! taken by a number in the file, and all arithmetic is checked.

mod cursor;
#[cfg(test)]
mod tests;

use crate::direct::variable::{numbers, text, Stored};
use cursor::Cursor;
use halocline_core::meta::DType;
use halocline_core::{Error, Result};
use std::io::Read;

const DIMENSIONS: u32 = 10;
const VARIABLES: u32 = 11;
const ATTRIBUTES: u32 = 12;
/// What the library allows.
const MOST_DIMENSIONS: u64 = 1024;

/// Everything that a header says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Header {
    /// 1, 2 or 5.
    pub(crate) version: u8,
    pub(crate) dims: Vec<Dimension>,
    pub(crate) attributes: Vec<(String, Stored)>,
    pub(crate) variables: Vec<Variable>,
    /// Bytes from one record to the next.
    pub(crate) stride: u64,
    /// Bytes up to the last value of the last variable (padding after it is not counted:
    /// writers may leave it out).
    pub(crate) promised: u64,
}

impl Header {
    /// Name of the storage format.
    pub(crate) const fn format(&self) -> &'static str {
        match self.version {
            1 => "NetCDF-3 classic",
            2 => "NetCDF-3 64-bit offset",
            _ => "NetCDF-3 64-bit data (CDF-5)",
        }
    }
}

/// A dimension; the record dimension has the number of records as its length.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dimension {
    pub(crate) name: String,
    pub(crate) length: u64,
    pub(crate) record: bool,
}

/// A variable.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) dtype: DType,
    /// Numbers of its dimensions, all of which exist.
    pub(crate) dims: Vec<usize>,
    pub(crate) attributes: Vec<(String, Stored)>,
    /// Where its data begin.
    pub(crate) begin: u64,
    /// Bytes of one record, or of all of it.
    pub(crate) bytes: u64,
    /// Whether its first dimension is the record dimension.
    pub(crate) record: bool,
}

/// Reads the header of the classic file `source` of `length` bytes.
///
/// # Errors
/// Data, if the header is malformed or promises more than `length` bytes; system, if it can't
/// be read.
pub(crate) fn read(source: impl Read, length: u64) -> Result<Header> {
    let header = parse(&mut Cursor::new(source, length)?, length)?;
    if header.promised > length {
        return Err(Error::data(format!(
            "the file is truncated: its header promises {} bytes, there are {length}",
            header.promised
        ))
        .remedy("copy or download it again"));
    }
    Ok(header)
}

fn malformed(what: &str) -> Error {
    Error::data(format!("malformed NetCDF header: {what}")).remedy("copy or download the file again")
}
fn too_big() -> Error {
    malformed("a variable is larger than any file can be")
}

fn parse<R: Read>(cursor: &mut Cursor<R>, length: u64) -> Result<Header> {
    let count = cursor.count()?;
    let mut dims = dimensions(cursor)?;
    let attributes = attributes(cursor)?;
    let variables = variables(cursor, &dims)?;
    let stride = stride(&variables)?;
    // While a writer streams, the number of records is what the length of the file says.
    let streaming = if cursor.version == 5 { u64::MAX } else { u64::from(u32::MAX) };
    let records = if count == streaming {
        let first = variables.iter().filter(|v| v.record).map(|v| v.begin).min().unwrap_or(length);
        length.saturating_sub(first).checked_div(stride).unwrap_or(0)
    } else {
        count
    };
    for dim in dims.iter_mut().filter(|d| d.record) {
        dim.length = records;
    }
    let promised = promised(&variables, records, stride, cursor.at())?;
    Ok(Header { version: cursor.version, dims, attributes, variables, stride, promised })
}

/// Bytes from one record to the next.
fn stride(variables: &[Variable]) -> Result<u64> {
    let recorded = || variables.iter().filter(|v| v.record);
    // A record is padded to four bytes per variable, unless it has a single variable.
    if recorded().count() == 1 {
        return Ok(recorded().map(|v| v.bytes).sum());
    }
    recorded()
        .try_fold(0u64, |sum, v| sum.checked_add(v.bytes.checked_next_multiple_of(4)?))
        .ok_or_else(too_big)
}

/// The end of the data of all variables; at least the end of the header.
fn promised(variables: &[Variable], records: u64, stride: u64, header: u64) -> Result<u64> {
    let mut end = header;
    for v in variables {
        if v.bytes > 0 && v.begin < header {
            return Err(malformed("a variable begins inside the header"));
        }
        // Where its last piece begins, if it has any.
        let last = if v.record {
            records
                .checked_sub(1)
                .map(|last| last.checked_mul(stride).and_then(|skip| skip.checked_add(v.begin)))
        } else {
            Some(Some(v.begin))
        };
        if let Some(last) = last {
            end = end.max(last.and_then(|last| last.checked_add(v.bytes)).ok_or_else(too_big)?);
        }
    }
    Ok(end)
}

fn dimensions<R: Read>(cursor: &mut Cursor<R>) -> Result<Vec<Dimension>> {
    let mut dims: Vec<Dimension> = Vec::new();
    for _ in 0..cursor.list(DIMENSIONS)? {
        let name = cursor.name()?;
        let length = cursor.count()?;
        if usize::try_from(length).is_err() {
            return Err(too_big());
        }
        dims.push(Dimension { name, length, record: length == 0 });
    }
    if dims.iter().filter(|d| d.record).count() > 1 {
        return Err(malformed("it has two record dimensions"));
    }
    Ok(dims)
}

fn attributes<R: Read>(cursor: &mut Cursor<R>) -> Result<Vec<(String, Stored)>> {
    let mut found = Vec::new();
    for _ in 0..cursor.list(ATTRIBUTES)? {
        let name = cursor.name()?;
        let dtype = dtype(cursor)?;
        let bytes = cursor.count()?.checked_mul(dtype.size() as u64);
        let bytes = cursor.padded(bytes.ok_or_else(|| malformed("an attribute is larger than the file"))?)?;
        let value = numbers(dtype, true, &bytes).map_or_else(|| Stored::Text(text(&bytes)), Stored::Numbers);
        found.push((name, value));
    }
    Ok(found)
}

fn variables<R: Read>(cursor: &mut Cursor<R>, dims: &[Dimension]) -> Result<Vec<Variable>> {
    let mut found = Vec::new();
    for _ in 0..cursor.list(VARIABLES)? {
        let name = cursor.name()?;
        let rank = cursor.count()?;
        if rank > MOST_DIMENSIONS {
            return Err(malformed("a variable has too many dimensions"));
        }
        let (mut product, mut record, mut ids) = (Some(1u64), false, Vec::new());
        for d in 0..rank {
            let id = usize::try_from(cursor.count()?).unwrap_or(usize::MAX);
            let dim =
                dims.get(id).ok_or_else(|| malformed("a variable has a dimension that does not exist"))?;
            match (dim.record, d) {
                (true, 0) => record = true,
                (true, _) => return Err(malformed("a record dimension is not the first of a variable")),
                (false, _) => product = product.and_then(|p| p.checked_mul(dim.length)),
            }
            ids.push(id);
        }
        let attributes = attributes(cursor)?;
        let dtype = dtype(cursor)?;
        // The stored size is 32 bits wide and wrong for large variables: not used.
        cursor.count()?;
        let begin = if cursor.version == 1 { u64::from(cursor.word()?) } else { cursor.long()? };
        let bytes = product.and_then(|p| p.checked_mul(dtype.size() as u64)).ok_or_else(too_big)?;
        found.push(Variable { name, dtype, dims: ids, attributes, begin, bytes, record });
    }
    Ok(found)
}

fn dtype<R: Read>(cursor: &mut Cursor<R>) -> Result<DType> {
    Ok(match (cursor.word()?, cursor.version) {
        (1, _) => DType::I8,
        (2, _) => DType::Char,
        (3, _) => DType::I16,
        (4, _) => DType::I32,
        (5, _) => DType::F32,
        (6, _) => DType::F64,
        (7, 5) => DType::U8,
        (8, 5) => DType::U16,
        (9, 5) => DType::U32,
        (10, 5) => DType::I64,
        (11, 5) => DType::U64,
        _ => return Err(malformed("a type does not exist")),
    })
}
