//! Where the variable of a source lies in each of its files.

use super::memory::Memory;
use super::{Io, SourceFile};
use crate::dataset::VariableInfo;
use crate::direct::{self, Found, Located, Wanted};
use halocline_core::comm::Comm;
use halocline_core::meta::Role;
use halocline_core::{Error, Result};
use std::path::Path;

/// Per file, where the variable lies, or none; why there is one that has none.
pub(super) type Places = (Vec<Option<Located>>, Option<String>);

/// Finds where the variable lies in each file.
///
/// # Collective
/// Every rank calls this with the same arguments, rank 0 with what it remembers.
///
/// # Errors
/// Data, if a file is damaged or has changed since the data set was opened, or if only direct
/// reading is wanted and a file does not allow it. Of several files the first, on every rank.
pub(super) fn all(
    comm: &Comm,
    memory: &Memory,
    files: &[SourceFile],
    info: &VariableInfo,
    io: Io,
) -> Result<Places> {
    if io == Io::Library {
        return Ok((vec![None; files.len()], Some("so it is asked for".to_owned())));
    }
    let usable = |i: usize, found: &Found| match found {
        Found::Here(located) => {
            located.stamp.bytes() == files[i].bytes && {
                let shape = shape(&files[i], info);
                located.storage.fits(info.variable.dtype, &shape)
            }
        }
        Found::NotCovered(_) => true,
    };
    let slot = format!("storage:{}", info.variable.name);
    let told = memory.each(comm, &slot, usable, |i| one(&files[i], info))?;
    comm.on_root(|| {
        let Some(told) = told else { return Err(Error::internal("nothing was found on rank 0")) };
        let mut located = Vec::with_capacity(files.len());
        let mut note = None;
        for (found, file) in told.each.into_iter().zip(files) {
            located.push(match found {
                // The file that failed, or one behind it.
                None => break,
                Some(Found::Here(located)) => Some(located),
                Some(Found::NotCovered(why)) if io == Io::Direct => {
                    return Err(Error::data(format!("cannot be read directly: {why}"))
                        .in_file(&file.path)
                        .in_variable(&info.variable.name)
                        .remedy("leave it to the program: --io auto"))
                }
                Some(Found::NotCovered(why)) => {
                    note.get_or_insert_with(|| format!("{why} ({})", file.path));
                    None
                }
            });
        }
        match told.failed {
            Some((_, error)) => Err(error),
            None if located.len() < files.len() => Err(Error::internal("a file has been left out")),
            None => Ok((located, note)),
        }
    })
}

/// Lengths of the variable's dimensions in a file: of time the file's own counts.
fn shape(file: &SourceFile, info: &VariableInfo) -> Vec<usize> {
    let in_file = |d: &halocline_core::meta::Dim| if d.role == Role::Time { file.time_len } else { d.len };
    info.variable.dims.iter().map(in_file).collect()
}

fn one(file: &SourceFile, info: &VariableInfo) -> Result<Found> {
    let shape = shape(file, info);
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
