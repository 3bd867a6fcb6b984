//! Where a variable lies in each of many files.

use super::{locate, Found, Located, Wanted};
use crate::io_mode::Io;
use halocline_core::meta::DType;
use halocline_core::{Error, Result};
use rayon::prelude::*;
use std::path::Path;

/// A file of a data set, and a variable as it is there.
#[derive(Debug)]
pub(crate) struct InFile<'a> {
    /// Where the file is.
    pub(crate) path: &'a str,
    /// Its length when the data set was opened.
    pub(crate) bytes: u64,
    /// Lengths of the variable's dimensions in it.
    pub(crate) shape: Vec<usize>,
}

/// Per file, where the variable lies, or none; why there is one that has none.
///
/// # Errors
/// Data, if a file is damaged or has changed since the data set was opened, or if only direct
/// reading is wanted and a file does not allow it.
pub(crate) fn places(
    files: &[InFile<'_>],
    (name, dtype): (&str, DType),
    io: Io,
) -> Result<(Vec<Option<Located>>, Option<String>)> {
    if io == Io::Library {
        return Ok((vec![None; files.len()], Some("so it is asked for".to_owned())));
    }
    let found: Vec<Result<Found>> = files.par_iter().map(|file| one(file, name, dtype)).collect();
    let mut located = Vec::with_capacity(files.len());
    let mut note = None;
    for (found, file) in found.into_iter().zip(files) {
        located.push(match found? {
            Found::Here(located) => Some(located),
            Found::NotCovered(why) if io == Io::Direct => {
                return Err(Error::data(format!("cannot be read directly: {why}"))
                    .in_file(file.path)
                    .in_variable(name)
                    .remedy("leave it to the program: --io auto"))
            }
            Found::NotCovered(why) => {
                note.get_or_insert_with(|| format!("{why} ({})", file.path));
                None
            }
        });
    }
    Ok((located, note))
}

fn one(file: &InFile<'_>, name: &str, dtype: DType) -> Result<Found> {
    let found = locate(Path::new(file.path), Wanted { name, dtype, shape: &file.shape })?;
    match &found {
        Found::Here(located) if located.stamp.bytes() != file.bytes => {
            Err(Error::data("the file has changed since it was opened")
                .in_file(file.path)
                .remedy("run again when nothing writes to it any more"))
        }
        _ => Ok(found),
    }
}
