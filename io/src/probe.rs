//! What a file is, by its first bytes, before a library touches it.

use crate::classic::{self, Header};
use halocline_core::{Error, Result};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

const HDF5: &[u8; 8] = b"\x89HDF\r\n\x1a\n";

/// A storage format that we read.
#[derive(Debug, PartialEq)]
pub(crate) enum Container {
    /// CDF-1, CDF-2 or CDF-5, and what its header says.
    Classic(Box<Header>),
    /// HDF5: NetCDF-4 or plain.
    Hdf5,
}

/// A file that looks whole.
#[derive(Debug)]
pub(crate) struct Probed {
    /// Its format.
    pub(crate) container: Container,
    /// Its length.
    pub(crate) bytes: u64,
}

/// Looks at the file: is it there, does it hold NetCDF, is it as long as it says?
///
/// # Errors
/// Data, if it is absent, something else, or cut short; system, if the system refuses.
pub(crate) fn probe(path: &Path) -> Result<Probed> {
    look(path).map_err(|e| e.in_file(path))
}

fn look(path: &Path) -> Result<Probed> {
    let about = std::fs::metadata(path).map_err(|e| unreadable(&e))?;
    if about.is_dir() {
        let zarr = path.join(".zgroup").exists() || path.join("zarr.json").exists();
        let what = if zarr { "is a Zarr store, which is not read yet" } else { "is a directory" };
        return Err(Error::data(what).remedy("name NetCDF files"));
    }
    if !about.is_file() {
        return Err(Error::data("is not a regular file").remedy("name NetCDF files"));
    }
    let bytes = about.len();
    if bytes == 0 {
        return Err(Error::data("the file is empty").remedy("copy or download it again"));
    }
    let mut file = File::open(path).map_err(|e| unreadable(&e))?;
    let mut head = Vec::new();
    (&mut file).take(512).read_to_end(&mut head).map_err(|e| unreadable(&e))?;
    if let [b'C', b'D', b'F', 1 | 2 | 5, ..] = head[..] {
        file.seek(SeekFrom::Start(0)).map_err(|e| unreadable(&e))?;
        let header = classic::read(file, bytes)?;
        return Ok(Probed { container: Container::Classic(Box::new(header)), bytes });
    }
    // The superblock of HDF5 is at 0, 512, 1024, 2048 …: a user block may come before it.
    let mut at = 0u64;
    while at < bytes {
        if let Some(end) = hdf5_end(&mut file, at).map_err(|e| unreadable(&e))? {
            if end > bytes {
                return Err(Error::data(format!(
                    "the file is truncated: its superblock promises {end} bytes, there are {bytes}"
                ))
                .remedy("copy or download it again"));
            }
            return Ok(Probed { container: Container::Hdf5, bytes });
        }
        at = if at == 0 { 512 } else { at.saturating_mul(2) };
    }
    Err(Error::data(format!("is not NetCDF: {}", guess(&head))))
}

/// Why the system gave no file.
fn unreadable(e: &std::io::Error) -> Error {
    match e.kind() {
        ErrorKind::NotFound => Error::data("no such file"),
        _ => Error::system(format!("cannot be read: {e}")),
    }
}

/// If an HDF5 superblock starts at `at`: the file length that it promises (0: it does not say,
/// which the library may judge).
fn hdf5_end(file: &mut File, at: u64) -> std::io::Result<Option<u64>> {
    file.seek(SeekFrom::Start(at))?;
    let mut block = Vec::new();
    file.take(96).read_to_end(&mut block)?;
    if !block.starts_with(HDF5) {
        return Ok(None);
    }
    // Where the size of an address is stated, and where the addresses start: base address,
    // then one that does not matter here, then the end of the file.
    let places = match block.get(8) {
        Some(0) => Some((13, 24)),
        Some(1) => Some((13, 28)),
        Some(2 | 3) => Some((9, 12)),
        _ => None,
    };
    let end = places.and_then(|(size, first)| {
        let width = usize::from(*block.get(size)?);
        if !matches!(width, 2 | 4 | 8) {
            return None;
        }
        let bytes = block.get(first + 2 * width..first + 3 * width)?;
        Some(bytes.iter().rev().fold(0u64, |n, &b| n << 8 | u64::from(b)))
    });
    // All ones is HDF5's undefined address.
    Ok(Some(end.filter(|&n| n != u64::MAX).unwrap_or(0)))
}

/// What the bytes are instead of NetCDF.
fn guess(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head).trim_start().to_ascii_lowercase();
    let known = [
        (head.starts_with(b"\x1f\x8b"), "compressed with gzip; decompress it first"),
        (head.starts_with(b"BZh"), "compressed with bzip2; decompress it first"),
        (head.starts_with(b"\xfd7zXZ"), "compressed with xz; decompress it first"),
        (head.starts_with(b"PK\x03\x04"), "a zip archive; unpack it first"),
        (head.starts_with(b"\x0e\x03\x13\x01"), "HDF4; convert it first, for example with `h4toh5`"),
        (head.windows(4).any(|w| w == b"GRIB"), "GRIB; convert it first, for example with `cdo -f nc4 copy`"),
        (
            ["<!doctype", "<html", "<?xml", "<head"].iter().any(|t| text.starts_with(t)),
            "a web page (a download that failed?); download it again",
        ),
        (text.starts_with("netcdf "), "the text form CDL; convert it first with `ncgen`"),
    ];
    let found = known.iter().find(|(is, _)| *is).map(|(_, what)| (*what).to_owned());
    found.unwrap_or_else(|| "its first bytes are those of neither NetCDF-3 nor HDF5".to_owned())
}
