//! Several variables, in the same files or each in files of its own.

use crate::common::{paths, InputArgs, Verbosity};
use halocline_core::comm::Comm;
use halocline_core::Result;
use halocline_io::dataset::Dataset;
use std::path::PathBuf;

/// The data sets that hold variables.
pub(crate) struct Operands {
    all: Vec<Dataset>,
    /// Which of them holds each variable.
    of: Vec<usize>,
}

impl Operands {
    /// Opens the inputs for variables of these names. If all files are one data set that holds all of
    /// them, that; else, as where each variable has files of its own (`uo_*.nc vo_*.nc`), one for each.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// As of opening all files as one, if no grouping of them has all variables.
    pub(crate) fn open(comm: &Comm, input: &InputArgs, verbosity: Verbosity, names: &[&str]) -> Result<Self> {
        let joined = input.open(comm, verbosity).and_then(|dataset| {
            names.iter().try_for_each(|name| dataset.variable(name).map(drop))?;
            Ok(dataset)
        });
        let reason = match joined {
            Ok(dataset) => return Ok(Self { all: vec![dataset], of: vec![0; names.len()] }),
            Err(reason) => reason,
        };
        let Ok(held) = input.holders(comm, names) else { return Err(reason) };
        // One group is what failed already.
        if held.iter().any(Vec::is_empty) || held.windows(2).all(|pair| pair[0] == pair[1]) {
            return Err(reason);
        }
        let (mut groups, mut of): (Vec<Vec<String>>, Vec<usize>) = (Vec::new(), Vec::new());
        for files in held {
            let at = groups.iter().position(|group| *group == files);
            of.push(at.unwrap_or(groups.len()));
            if at.is_none() {
                groups.push(files);
            }
        }
        let all =
            groups.iter().map(|files| input.open_only(comm, verbosity, files)).collect::<Result<_>>()?;
        Ok(Self { all, of })
    }

    /// The data set that holds variable number `k`.
    pub(crate) fn dataset(&self, k: usize) -> &Dataset {
        &self.all[self.of[k]]
    }
    /// All files.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.all.iter().flat_map(paths).collect()
    }
}
