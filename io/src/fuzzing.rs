//! Entries for fuzzing: each takes any bytes and must come back, without a panic of its own.

use crate::{classic, direct};

/// The header of a classic file.
pub fn classic_header(bytes: &[u8]) {
    drop(classic::read(bytes, bytes.len() as u64));
}

/// Metadata of an HDF5 file and, through its indexes of chunks, small variables.
pub fn hdf5(bytes: &[u8]) {
    drop(direct::meta::of_bytes(bytes));
}
