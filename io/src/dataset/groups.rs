//! Files of different variables, named together.

use super::{inputs, open_with, Dataset, OpenOptions};
use crate::direct;
use halocline_core::comm::Comm;
use halocline_core::Result;
use rayon::prelude::*;

/// Opens files of different variables: those that hold the same variables belong together, and are
/// opened as one data set along time ([`open_with`]). In the order of the first file of each.
///
/// # Collective
/// Every rank calls this with the same inputs and options.
///
/// # Errors
/// As [`open_with`].
pub fn open_groups(comm: &Comm, inputs: &[String], options: OpenOptions) -> Result<Vec<Dataset>> {
    let groups = comm.on_root(|| group(inputs, options))?;
    groups.iter().map(|files| open_with(comm, files, options)).collect()
}

fn group(inputs: &[String], options: OpenOptions) -> Result<Vec<Vec<String>>> {
    let files = inputs::expand(inputs)?;
    let names = |file: &std::path::PathBuf| -> Result<Vec<String>> {
        let (_, meta) = direct::meta::read(file, options.io).map_err(|e| e.in_file(file))?;
        let mut names: Vec<String> = meta.share(None).variables.iter().map(|v| v.name.clone()).collect();
        names.sort_unstable();
        Ok(names)
    };
    // One file is one group, whatever is in it.
    let all: Vec<Vec<String>> = if files.len() == 1 {
        vec![Vec::new()]
    } else {
        let found: Vec<Result<Vec<String>>> = files.par_iter().map(names).collect();
        found.into_iter().collect::<Result<_>>()?
    };
    let mut groups: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    for (file, names) in files.iter().zip(all) {
        let path = file.to_string_lossy().into_owned();
        match groups.iter_mut().find(|(known, _)| *known == names) {
            Some((_, files)) => files.push(path),
            None => groups.push((names, vec![path])),
        }
    }
    Ok(groups.into_iter().map(|(_, files)| files).collect())
}
