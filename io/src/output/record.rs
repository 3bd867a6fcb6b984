//! The record of how a file came about, put into it when all else is there.
//!
//! What is in it is the program's business, which knows the command and what it has read; where it
//! goes is decided here, so that no output is without.

use super::target;
use crate::inputs::RECORD;
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use std::path::Path;
use std::sync::OnceLock;

/// Makes the record of an output from its path, on rank 0; called by all ranks.
pub type Recorder = dyn Fn(&Comm, &Path) -> Result<Option<String>> + Send + Sync;

static RECORDER: OnceLock<Box<Recorder>> = OnceLock::new();

/// Has all outputs of this process carry a record: an attribute
/// [`RECORD`](crate::inputs::RECORD) with the text that `recorder` makes on rank 0. The first call
/// counts. For programs; a library must not decide this for its host.
pub fn set_recorder(recorder: Box<Recorder>) {
    let _ = RECORDER.set(recorder);
}

/// # Collective
/// All ranks of the output.
pub(super) fn make(comm: &Comm, path: &Path) -> Result<Option<String>> {
    crate::inputs::note_written(path);
    RECORDER.get().map_or(Ok(None), |recorder| recorder(comm, path))
}

/// Puts a record into a complete file that is not yet in its place.
pub(super) fn put(temporary: &Path, record: &str) -> Result<()> {
    let failed =
        |e: netcdf::Error| Error::system(format!("the record of how it was made can't be written: {e}"));
    let mut file = target::append(temporary).map_err(failed)?;
    file.add_attribute(RECORD, record).map_err(failed)?;
    file.close().map_err(failed)
}
