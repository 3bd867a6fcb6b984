//! Where the variable of a source lies in each of its files.

use super::{Io, SourceFile};
use crate::dataset::VariableInfo;
use crate::direct::{self, Found, Located, Wanted};
use halocline_core::meta::Role;
use halocline_core::{Error, Result};
use rayon::prelude::*;
use std::path::Path;

/// Per file, where the variable lies, or none; why there is one that has none.
///
/// # Errors
/// Data, if a file is damaged or has changed since the data set was opened, or if only direct
/// reading is wanted and a file does not allow it.
pub(super) fn all(
    files: &[SourceFile],
    info: &VariableInfo,
    io: Io,
) -> Result<(Vec<Option<Located>>, Option<String>)> {
    if io == Io::Library {
        return Ok((vec![None; files.len()], Some("so it is asked for".to_owned())));
    }
    let found: Vec<Result<Found>> = files.par_iter().map(|file| one(file, info)).collect();
    let mut located = Vec::with_capacity(files.len());
    let mut note = None;
    for (found, file) in found.into_iter().zip(files) {
        located.push(match found? {
            Found::Here(located) => Some(located),
            Found::NotCovered(why) if io == Io::Direct => {
                return Err(Error::data(format!("cannot be read directly: {why}"))
                    .in_file(&file.path)
                    .in_variable(&info.variable.name)
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

fn one(file: &SourceFile, info: &VariableInfo) -> Result<Found> {
    // Of the time dimension the file's own length counts.
    let in_file = |d: &halocline_core::meta::Dim| if d.role == Role::Time { file.time_len } else { d.len };
    let shape: Vec<usize> = info.variable.dims.iter().map(in_file).collect();
    let wanted = Wanted { name: &info.variable.name, dtype: info.variable.dtype, shape: &shape };
    let found = direct::locate(Path::new(&file.path), wanted)?;
    match &found {
        Found::Here(located) if located.stamp.bytes() != file.bytes => {
            Err(Error::data("the file has changed since it was opened")
                .in_file(&file.path)
                .remedy("run again when nothing writes to it any more"))
        }
        _ => Ok(found),
    }
}
