//! Metadata of a file, by the way that was asked for.
//!
//! Bytes from outside reach the NetCDF library only if it is asked for, or if a file that is well
//! formed uses what direct reading does not know; a damaged file is refused here.

mod attributes;
#[cfg(test)]
mod blocks;
mod dims;
mod groups;
mod hdf5;
mod members;
#[cfg(test)]
mod mutations;
mod order;
mod reader;
#[cfg(test)]
mod tests;

pub(crate) use members::{members, Members};

use super::classic::{metadata, ClassicReader};
use super::refusal::{Attempt, Refusal};
use crate::dataset::meta::FileMeta;
use crate::guard::guarded;
use crate::io_mode::Io;
use crate::netcdf_read::NetcdfReader;
use crate::probe::{probe, Container, Probed};
use crate::stored::StoredReader;
use halocline_core::Result;
use std::path::Path;
use std::sync::Arc;

/// Everything about a file but the values, and a reader for small variables such as coordinates.
/// Many threads may read different files at once, and use one reader at once.
///
/// # Errors
/// Data, if the file is absent, not NetCDF, damaged, or (with [`Io::Direct`]) uses a feature that
/// only the library knows; system, if it can't be read.
pub(crate) fn read(path: &Path, io: Io) -> Result<(Arc<dyn StoredReader>, FileMeta)> {
    let probed = probe(path)?;
    if io == Io::Library {
        return library(path, &probed);
    }
    match probed.container {
        Container::Classic(header) => {
            let reader = ClassicReader::open(path, &header)?;
            Ok((Arc::new(reader), metadata(path, probed.bytes, *header)))
        }
        Container::Hdf5 => match hdf5(path, probed.bytes, io) {
            Ok((reader, meta)) => Ok((Arc::new(reader), meta)),
            Err(Refusal::Unsupported(_)) if io == Io::Auto => library(path, &probed),
            Err(refusal) => Err(refusal.final_error().in_file(path)),
        },
    }
}

fn library(path: &Path, probed: &Probed) -> Result<(Arc<dyn StoredReader>, FileMeta)> {
    let (reader, meta) = NetcdfReader::metadata(path, probed)?;
    Ok((Arc::new(reader), meta))
}

fn hdf5(path: &Path, bytes: u64, io: Io) -> Attempt<(reader::Hdf5Reader, FileMeta)> {
    // A panic on damaged bytes, should the crate have one left, must not end the program.
    let read = guarded(|| hdf5::describe(&hdf5::open(path, bytes)?, path, bytes, io));
    read.unwrap_or_else(|| Err(Refusal::damaged("an object, a name or a type cannot be read")))
}

/// Reads the metadata and the small variables of an HDF5 file that has these bytes: for fuzzing.
#[cfg(any(test, fuzzing))]
pub(crate) fn of_bytes(bytes: &[u8]) -> Attempt<FileMeta> {
    let file = hdf5::in_memory(bytes.to_vec())?;
    let (reader, meta) = hdf5::describe(&file, Path::new("memory"), bytes.len() as u64, Io::Direct)?;
    for v in meta.variables.iter().filter(|v| v.dtype.is_numeric()) {
        let count = v.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        if count.is_some_and(|n| n < 10_000) {
            let ranges: Vec<_> = v.shape.iter().map(|&n| 0..n).collect();
            // An error is an answer.
            drop(reader.read_raw(&v.name, &ranges));
        }
    }
    Ok(meta)
}
