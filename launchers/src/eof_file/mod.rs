//! A file that `halocline eof` wrote, to be read again: what it holds and how that was made.

mod grids;
mod modes;
mod recorded;

pub(crate) use grids::check_grid;
pub(crate) use modes::ModeList;
pub(crate) use recorded::{Recorded, Weighting};

use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Dim, Variable};
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::{Io, OpenOptions};
use std::path::{Path, PathBuf};

/// Modes in a file, at most: more are a damaged length.
const MOST: usize = 1 << 20;

/// Months of a climatology.
pub(crate) const MONTHS: usize = 12;

/// A file with EOFs, opened; metadata, and what is as small.
pub(crate) struct EofFile {
    pub(crate) path: PathBuf,
    pub(crate) dataset: Dataset,
    pub(crate) recorded: Recorded,
    /// Of each mode in the file.
    numbers: Vec<i64>,
    eigenvalues: Vec<f64>,
}

/// A mode that was chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mode {
    /// What it is called.
    pub(crate) number: i64,
    /// Where it is in the file.
    pub(crate) index: usize,
    pub(crate) eigenvalue: f64,
}

impl EofFile {
    /// Opens the file and reads its modes.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// Data, if it is not of `halocline eof`.
    pub(crate) fn open(comm: &Comm, path: &Path, io: Io) -> Result<Self> {
        let options = OpenOptions { io, cache: false, ..OpenOptions::default() };
        let dataset = halocline_io::open_with(comm, &[path.to_string_lossy().into_owned()], options)?;
        let recorded = dataset.attributes().text("halocline_eof_options").map(Recorded::parse);
        let recorded =
            recorded.ok_or_else(|| Error::data("is no result of `halocline eof`").in_file(path))?;
        let recorded = recorded.map_err(|e| e.in_file(path))?;
        let values = |name: &str| -> Result<Vec<f64>> {
            let shape = dataset.variable(name)?.variable.shape();
            match shape.as_slice() {
                [n] if *n <= MOST => Ok(dataset.read(name, &IndexBox::whole(&shape))?.to_f64()),
                _ => Err(Error::data("is no list of modes").in_file(path).in_variable(name)),
            }
        };
        let (numbers, eigenvalues) = comm.on_root(|| Ok((values("mode")?, values("eigenvalue")?)))?;
        let numbers: Vec<i64> = numbers.iter().map(|n| *n as i64).collect();
        if numbers.len() != eigenvalues.len() || numbers.is_empty() {
            return Err(Error::data("modes and eigenvalues don't fit each other").in_file(path));
        }
        if let Some(bad) = eigenvalues.iter().position(|l| !(l.is_finite() && *l > 0.0)) {
            let what = format!("the eigenvalue of mode {} is {}", numbers[bad], eigenvalues[bad]);
            return Err(Error::data(what).in_file(path).in_variable("eigenvalue"));
        }
        Ok(Self { path: path.to_owned(), dataset, recorded, numbers, eigenvalues })
    }

    /// The modes that are asked for, or all.
    ///
    /// # Errors
    /// Usage, if there is no such mode.
    pub(crate) fn modes(&self, asked: Option<&ModeList>) -> Result<Vec<Mode>> {
        let of =
            |index: usize| Mode { number: self.numbers[index], index, eigenvalue: self.eigenvalues[index] };
        let Some(asked) = asked else { return Ok((0..self.numbers.len()).map(of).collect()) };
        asked
            .pick(&self.numbers)
            .map(|all| all.into_iter().map(of).collect())
            .map_err(|e| e.in_file(&self.path))
    }

    /// The largest eigenvalue.
    pub(crate) fn first_eigenvalue(&self) -> f64 {
        self.eigenvalues.iter().copied().fold(0.0, f64::max)
    }

    /// The name of a result (`eof`, `mean`, `standard_deviation`) of a variable: with its own
    /// behind it where there are several.
    pub(crate) fn name_of(&self, result: &str, variable: &str) -> String {
        if self.recorded.variables.len() > 1 {
            format!("{result}_{variable}")
        } else {
            result.to_owned()
        }
    }

    /// The variable of a result, if it is there.
    pub(crate) fn result(&self, result: &str, variable: &str) -> Option<&Variable> {
        let name = self.name_of(result, variable);
        let mut all = self.dataset.variables().iter().map(|info| &info.variable);
        all.find(|v| v.name == name)
    }

    /// What a variable was multiplied by beside its weights, where several were analysed together.
    ///
    /// # Errors
    /// Data, if it is no positive number.
    pub(crate) fn factor(&self, variable: &str) -> Result<f64> {
        let stated = self.result("eof", variable).and_then(|v| v.attributes.number("field_factor"));
        match stated.unwrap_or(1.0) {
            factor if factor > 0.0 && factor.is_finite() => Ok(factor),
            factor => Err(Error::data(format!("its field_factor is {factor}"))
                .in_file(&self.path)
                .in_variable(self.name_of("eof", variable))),
        }
    }

    /// The dimensions of the maps of a variable.
    ///
    /// # Errors
    /// Data, if its EOFs are not by mode and place.
    pub(crate) fn space(&self, variable: &str) -> Result<Vec<Dim>> {
        let name = self.name_of("eof", variable);
        let eof = &self.dataset.variable(&name)?.variable;
        match eof.dims.split_first() {
            Some((mode, space)) if mode.len == self.numbers.len() && !space.is_empty() => Ok(space.to_vec()),
            _ => Err(Error::data("is not by mode and place").in_file(&self.path).in_variable(&name)),
        }
    }

    /// A map of a result: of number `at` of its first dimension if it has one more than the maps.
    ///
    /// # Errors
    /// Data, if it has other dimensions; what reading reports.
    pub(crate) fn map(&self, result: &str, variable: &str, at: Option<usize>) -> Result<Vec<f64>> {
        let (name, space) = (self.name_of(result, variable), self.space(variable)?);
        let info = &self.dataset.variable(&name)?.variable;
        let lead = usize::from(at.is_some());
        let fits = info.dims.len() == space.len() + lead
            && info.dims[lead..].iter().zip(&space).all(|(a, b)| a.len == b.len && a.name == b.name)
            && at.is_none_or(|at| at < info.dims[0].len);
        if !fits {
            let what = "has other dimensions than the EOFs";
            return Err(Error::data(what).in_file(&self.path).in_variable(&name));
        }
        let mut block = IndexBox::whole(&info.shape());
        if let Some(at) = at {
            block = block.with_range(0, at..at + 1);
        }
        Ok(self.dataset.read(&name, &block)?.to_f64())
    }
}
