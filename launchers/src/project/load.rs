//! What a field is projected on, before and after it is read.

use super::foreign::Foreign;
use super::options::Departure;
use super::own::Own;
use crate::eof_file::MONTHS;
use halocline_algorithms::projection::{Centre, Patterns, Removal};
use halocline_core::meta::Attributes;
use halocline_core::{Error, Result};
use halocline_io::source::Source;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Patterns of any origin.
pub(super) enum Basis {
    Own(Box<Own>),
    Foreign(Box<Foreign>),
}

/// The patterns of one variable, which are there once they were read.
#[derive(Default)]
pub(super) struct Loaded {
    pub(super) patterns: Arc<OnceLock<Patterns>>,
    /// Maps to be taken off the field value by value, where some are missing.
    pub(super) centre: Arc<OnceLock<Centre>>,
    /// The projections of the mean, or of each month's, on all modes; none if there is nothing
    /// to take off, or it is taken off value by value.
    pub(super) offsets: Vec<Option<Vec<f64>>>,
}

impl Basis {
    /// What is taken off the field.
    pub(super) fn departure(&self) -> Departure {
        match self {
            Self::Own(own) => own.departure,
            Self::Foreign(foreign) => foreign.departure,
        }
    }
    /// What is taken off the series of a field, if it is its own.
    pub(super) fn removal(&self) -> Removal {
        match self {
            Self::Own(own) => own.removal(),
            Self::Foreign(foreign) => foreign.removal(),
        }
    }
    /// The numbers of the modes.
    pub(super) fn numbers(&self) -> Vec<i64> {
        match self {
            Self::Own(own) => own.modes.iter().map(|mode| mode.number).collect(),
            Self::Foreign(foreign) => foreign.modes.iter().map(|index| *index as i64 + 1).collect(),
        }
    }
    /// What series are multiplied by in the end, one for each mode.
    pub(super) fn factors(&self) -> Vec<f64> {
        match self {
            Self::Own(own) => own.factors(),
            Self::Foreign(foreign) => vec![1.0; foreign.modes.len()],
        }
    }
    /// The file.
    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::Own(own) => own.file.path.clone(),
            Self::Foreign(foreign) => foreign.path.clone(),
        }
    }
    /// Attributes of the series.
    pub(super) fn describe(&self, source: &Source) -> Attributes {
        match self {
            Self::Own(own) => own.describe(),
            Self::Foreign(foreign) => foreign.describe(source),
        }
    }
    /// Reads the patterns of all variables, in the order of `sources`.
    ///
    /// # Errors
    /// Data, if they are not what they say they are.
    pub(super) fn load(&self, sources: &[Source], skips: bool, loaded: &mut [Loaded]) -> Result<()> {
        match self {
            Self::Own(own) => own.load(sources, skips, loaded),
            Self::Foreign(foreign) => {
                let ([source], [loaded]) = (sources, loaded) else {
                    return Err(Error::internal("patterns of one variable for several"));
                };
                set(&loaded.patterns, foreign.load(source)?)
            }
        }
    }
    /// Bytes that the patterns of all variables take, and maps of means where they are held.
    pub(super) fn bytes(&self, sources: &[Source], skips: bool) -> u64 {
        let cells: usize = sources.iter().map(cells).sum();
        let maps = self.numbers().len() + 1;
        let centred = skips && self.departure() == Departure::Stored;
        let means = match self {
            Self::Own(own) if centred && own.is_monthly() => MONTHS,
            _ => usize::from(centred),
        };
        // And three maps in hand while they are read.
        ((maps + means + 3) * cells * size_of::<f64>()) as u64
    }
}

/// Cells of a field at one time.
pub(super) fn cells(source: &Source) -> usize {
    source.variable().dims.iter().skip(1).map(|d| d.len).product()
}

/// Sets what is not there yet.
pub(super) fn set<T>(cell: &OnceLock<T>, value: T) -> Result<()> {
    cell.set(value).map_err(|_| Error::internal("patterns were read twice"))
}

/// The weight of each cell of a field, those of the ground at all levels.
pub(super) fn at_all_levels(ground: &[f64], cells: usize) -> Vec<f64> {
    let width = ground.len().max(1);
    (0..cells).map(|c| ground[c % width]).collect()
}

/// Refuses cells whose weight is unknown.
pub(super) fn check_weights(weights: &[f64], map: &[f64], file: &Path) -> Result<()> {
    let unknown = weights.iter().zip(map).filter(|(w, v)| !w.is_finite() && !v.is_nan()).count();
    match unknown {
        0 => Ok(()),
        n => Err(Error::data(format!("has values in {n} cells whose weights are not known")).in_file(file)),
    }
}
