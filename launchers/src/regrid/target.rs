//! The grid to go to.

use halocline_algorithms::regrid::named_grid;
use halocline_core::comm::Comm;
use halocline_core::grid::{Grid, GridKind};
use halocline_core::{Error, Result};
use halocline_io::dataset::{open_with, Dataset};
use halocline_io::{Io, OpenOptions};
use std::path::{Path, PathBuf};

/// The grid that `--to` names, and the file it is of.
///
/// # Collective
/// Every rank calls this.
pub(super) fn grid(comm: &Comm, to: &str, io: Io) -> Result<(Grid, Option<PathBuf>)> {
    if let Some(grid) = named_grid(to) {
        return grid
            .map(|grid| (grid, None))
            .map_err(|e| Error { message: format!("--to {to}: {}", e.message), ..e });
    }
    let (path, variable) = match to.rsplit_once(':') {
        Some((path, variable)) if !Path::new(to).exists() => (path, Some(variable)),
        _ => (to, None),
    };
    if !Path::new(path).exists() && !path.contains(['/', '.']) {
        return Err(Error::usage(format!("--to {to} is neither a file nor the name of a grid"))
            .remedy("name a file, a regular grid such as r360x180, or a Gaussian one such as n80"));
    }
    let options = OpenOptions { io, ..OpenOptions::default() };
    let dataset = open_with(comm, &[path.to_owned()], options)?;
    let found = comm.on_root(|| match variable {
        Some(name) => dataset.grid(name).map_err(|e| in_file(e, path, name)),
        None => first(&dataset, path),
    })?;
    Ok((found, Some(PathBuf::from(path))))
}

fn in_file(e: Error, path: &str, name: &str) -> Error {
    if e.file.is_none() {
        e.in_file(path).in_variable(name)
    } else {
        e
    }
}

/// The grid of the first variable that has one.
fn first(dataset: &Dataset, path: &str) -> Result<Grid> {
    let on_a_grid = |grid: &Grid| grid.kind != GridKind::Unknown && grid.lat.is_some() && grid.lon.is_some();
    let mut problem = None;
    for info in dataset.data_variables() {
        match dataset.grid(&info.variable.name) {
            Ok(grid) if on_a_grid(&grid) => return Ok(grid),
            Ok(_) => {}
            Err(e) => problem = problem.or(Some(in_file(e, path, &info.variable.name))),
        }
    }
    Err(problem.unwrap_or_else(|| {
        Error::data("holds no variable with latitude and longitude, so there is no grid to go to")
            .in_file(path)
            .remedy("name a file with a variable on the grid (FILE:VAR), or a grid such as r360x180")
    }))
}
