//! Reading without a library's lock: addresses of the stored bytes are read once, then any
//! thread fetches and decodes what it needs.
//!
//! [`locate`] finds where a variable lies in a file; [`Located`] is plain data, sent to every
//! rank; [`read`] brings values from there to where they are wanted, in threads: fetched, their
//! filters undone, masked and unpacked while they are in cache.

mod cells;
mod chunk;
pub(crate) mod classic;
mod elements;
mod extent;
mod fetch;
pub(crate) mod filters;
mod hdf5;
mod hdf5_chunks;
pub(crate) mod meta;
mod places;
mod raw;
pub(crate) mod refusal;
mod scratch;
pub(crate) mod storage;
pub(crate) mod target;
mod types;
pub(crate) mod variable;
mod walk;

use crate::probe::{probe, Container};
pub(crate) use extent::{scratch_bytes, stored_bytes, will_need};
pub(crate) use fetch::{in_threads, read, read_stored};
use halocline_core::meta::DType;
use halocline_core::{Error, Result};
pub(crate) use places::{places, InFile};
use serde::{Deserialize, Serialize};
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use storage::Storage;

/// Length and time of change of a file: it is the same file as long as these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    bytes: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Stamp {
    fn of(about: &Metadata) -> Self {
        Self { bytes: about.len(), seconds: about.mtime(), nanoseconds: about.mtime_nsec() }
    }

    /// The length.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Checks that an open file is still as it was.
    ///
    /// # Errors
    /// Data, if it has changed; system, if the system does not say.
    pub(crate) fn check(&self, file: &File) -> Result<()> {
        let about = file.metadata().map_err(|e| Error::system(format!("cannot be read: {e}")))?;
        if Self::of(&about) == *self {
            return Ok(());
        }
        Err(Error::data("the file has changed since it was opened")
            .remedy("run again when nothing writes to it any more"))
    }
}

/// Where a variable lies in a file of this stamp.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Located {
    pub(crate) storage: Storage,
    pub(crate) stamp: Stamp,
}

/// What came of looking for a variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Found {
    /// Where it lies.
    Here(Located),
    /// It can only be read through the NetCDF library, because of this.
    NotCovered(String),
}

/// A variable as the metadata have it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) name: &'a str,
    pub(crate) dtype: DType,
    /// Lengths of its dimensions in the file.
    pub(crate) shape: &'a [usize],
}

/// Finds where a variable lies.
///
/// # Errors
/// Data, if the file is absent, damaged, or points outside of itself; system, if the system
/// refuses.
pub(crate) fn locate(path: &Path, wanted: Wanted<'_>) -> Result<Found> {
    find(path, wanted).map_err(|e| e.in_variable(wanted.name).in_file(path))
}

fn find(path: &Path, wanted: Wanted<'_>) -> Result<Found> {
    let container = probe(path)?.container;
    let system = |e: std::io::Error| Error::system(format!("cannot be read: {e}"));
    let file = File::open(path).map_err(system)?;
    let stamp = Stamp::of(&file.metadata().map_err(system)?);
    let storage = match container {
        Container::Hdf5 => hdf5::storage(file, wanted)?,
        Container::Classic(header) => Ok(classic::storage(&header, wanted.name)?),
    };
    Ok(match storage {
        Ok(storage) => Found::Here(Located { storage, stamp }),
        Err(why) => Found::NotCovered(why),
    })
}

#[cfg(test)]
mod tests;
