//! File names and patterns to files.

use halocline_core::{Error, Result};
use std::path::{Path, PathBuf};

/// The files that the inputs name: paths as they are, patterns (`*`, `?`, `[…]`) with what they
/// match, sorted. A path that exists is no pattern, whatever is in its name.
///
/// # Errors
/// Usage, if there are no inputs or a pattern is malformed; data, if a pattern matches nothing;
/// system, if a directory can't be searched.
pub(crate) fn expand(inputs: &[String]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for input in inputs {
        if !input.contains(['*', '?', '[']) || Path::new(input).exists() {
            files.push(PathBuf::from(input));
            continue;
        }
        let matches = glob::glob(input)
            .map_err(|e| Error::usage(format!("malformed pattern: {}", e.msg)).in_file(input))?;
        let before = files.len();
        for file in matches {
            files.push(file.map_err(|e| {
                Error::system(format!("cannot be searched: {}", e.error())).in_file(e.path())
            })?);
        }
        if files.len() == before {
            return Err(Error::data("no file matches this pattern").in_file(input));
        }
        files[before..].sort();
    }
    if files.is_empty() {
        return Err(Error::usage("no input files").remedy("name at least one NetCDF file"));
    }
    Ok(files)
}
