//! Open files of a source.

use crate::netcdf_read::NetcdfReader;
use crate::stored::StoredReader;
use halocline_core::Result;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Handles kept open. Readers go through files in order of time, many threads at once; more
/// would meet the system's limit in a job with thousands of files.
const KEPT: usize = 8;

/// The files opened last. Opened by each rank as it reads; never sent along.
#[derive(Debug, Default)]
pub(super) struct Handles {
    open: Mutex<Vec<(usize, Arc<dyn StoredReader>)>>,
}

impl Clone for Handles {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Handles {
    /// The reader of file `k` at `path`.
    pub(super) fn get(&self, k: usize, path: &str) -> Result<Arc<dyn StoredReader>> {
        // A panic elsewhere leaves the list whole: it is changed by single pushes and removals.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = open.iter().position(|(n, _)| *n == k) {
            let found = open.remove(at);
            open.push(found.clone());
            return Ok(found.1);
        }
        let reader: Arc<dyn StoredReader> = Arc::new(NetcdfReader::open(Path::new(path))?);
        if open.len() >= KEPT {
            open.remove(0);
        }
        open.push((k, Arc::clone(&reader)));
        Ok(reader)
    }
}
