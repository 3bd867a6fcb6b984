//! What writing a file has taken.

use serde::{Deserialize, Serialize};

/// What writing a file has taken, as rank 0 saw it. Writing through MPI fills in the size of the
/// file and the time of the sync only.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct WriteReport {
    /// Bytes of all cells that were written, uncompressed.
    pub bytes_values: u64,
    /// Bytes that they take in the file.
    pub bytes_stored: u64,
    /// The size of the file.
    pub bytes_file: u64,
    /// Stored chunks, and pieces of contiguous variables.
    pub chunks: u64,
    /// Seconds in which ranks exchanged cells and chunks, waiting for one another included.
    pub exchange_seconds: f64,
    /// Seconds in which chunks were assembled and compressed.
    pub compress_seconds: f64,
    /// Seconds in which the program waited for the file.
    pub wait_seconds: f64,
    /// Seconds in which bytes were placed in the file, beside the program.
    pub place_seconds: f64,
    /// Seconds until the system had brought the file to disk.
    pub sync_seconds: f64,
}
