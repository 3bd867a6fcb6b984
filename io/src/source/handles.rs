//! Open files of a source.

use crate::direct::Stamp;
use crate::netcdf_read::NetcdfReader;
use crate::stored::StoredReader;
use halocline_core::{Error, Result};
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Handles of the library kept open. Readers go through files in order of time, many threads at
/// once; more would meet the system's limit in a job with thousands of files.
const KEPT: usize = 8;
/// Plain files kept open: they cost little.
const KEPT_PLAIN: usize = 64;

/// The files opened last. Opened by each rank as it reads; never sent along.
#[derive(Debug, Default)]
pub(crate) struct Handles {
    library: Recent<dyn StoredReader>,
    plain: Recent<File>,
}

impl Clone for Handles {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Handles {
    /// The library's reader of file `k` at `path`.
    pub(crate) fn library(&self, k: usize, path: &str) -> Result<Arc<dyn StoredReader>> {
        self.library.get(k, KEPT, || {
            let reader: Arc<dyn StoredReader> = Arc::new(NetcdfReader::open(Path::new(path))?);
            Ok(reader)
        })
    }

    /// File `k` at `path` itself, which is still as `stamp` says.
    pub(crate) fn plain(&self, k: usize, path: &str, stamp: &Stamp) -> Result<Arc<File>> {
        let file = self.plain.get(k, KEPT_PLAIN, || {
            File::open(path).map(Arc::new).map_err(|e| match e.kind() {
                std::io::ErrorKind::NotFound => Error::data("the file is gone since it was opened"),
                _ => Error::system(format!("cannot be read: {e}")),
            })
        })?;
        stamp.check(&file)?;
        Ok(file)
    }
}

/// What was used last, by number of the file.
#[derive(Debug)]
struct Recent<T: ?Sized>(Mutex<Vec<(usize, Arc<T>)>>);

impl<T: ?Sized> Default for Recent<T> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<T: ?Sized> Recent<T> {
    fn get(&self, k: usize, kept: usize, open: impl FnOnce() -> Result<Arc<T>>) -> Result<Arc<T>> {
        // A panic elsewhere leaves the list whole: it is changed by single pushes and removals.
        let list = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |list: &mut Vec<(usize, Arc<T>)>| {
            let at = list.iter().position(|(n, _)| *n == k)?;
            let found = list.remove(at);
            list.push(found.clone());
            Some(found.1)
        };
        if let Some(found) = known(&mut list()) {
            return Ok(found);
        }
        // Not under the lock: a file system far away may take its time.
        let opened = open()?;
        let mut list = list();
        if let Some(found) = known(&mut list) {
            return Ok(found);
        }
        if list.len() >= kept {
            list.remove(0);
        }
        list.push((k, Arc::clone(&opened)));
        Ok(opened)
    }
}
