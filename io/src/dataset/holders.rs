//! Which files hold which variables, where those of several variables are named together.

use super::inputs;
use crate::direct;
use crate::io_mode::Io;
use halocline_core::comm::Comm;
use halocline_core::Result;
use rayon::prelude::*;

/// For each of the names, those of the files (patterns are expanded) that hold such a variable, in
/// the order in which they are named; as in `uo_1850.nc uo_1851.nc vo_1850.nc vo_1851.nc`.
///
/// # Collective
/// Every rank calls this; one looks, in all its threads.
///
/// # Errors
/// As of [`open`](super::open) of files that are absent, damaged or not NetCDF.
pub fn holders(comm: &Comm, inputs: &[String], io: Io, names: &[&str]) -> Result<Vec<Vec<String>>> {
    comm.on_root(|| {
        let paths = inputs::expand(inputs)?;
        let holds = |path: &std::path::PathBuf| -> Result<Vec<bool>> {
            let (_, meta) = direct::meta::read(path, io)?;
            let meta = meta.share(None);
            Ok(names.iter().map(|name| meta.variable(name).is_some()).collect())
        };
        let held: Vec<Vec<bool>> =
            paths.par_iter().map(holds).collect::<Vec<_>>().into_iter().collect::<Result<_>>()?;
        let of = |k: usize| {
            let files = paths.iter().zip(&held).filter(move |(_, held)| held[k]);
            files.map(|(path, _)| path.display().to_string()).collect()
        };
        Ok((0..names.len()).map(of).collect())
    })
}
