//! What is known of a machine, as `halocline bench machine` writes it and `halocline plan` reads it.

pub(crate) use super::case::Case;
use super::record::Place;
use super::wire::Wire;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Version of the form.
pub(crate) const SCHEMA: u32 = 1;

/// Per second, of one thread and of all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rate {
    pub(crate) one: f64,
    pub(crate) all: f64,
}

/// What a command takes on one node: `fixed + units × (serial + parallel / cores)` seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Work {
    pub(crate) case: Case,
    /// Whether the data were deflated.
    pub(crate) deflated: bool,
    /// Seconds whatever the size.
    pub(crate) fixed: f64,
    /// Seconds for each unit that more cores don't shorten.
    pub(crate) serial: f64,
    /// Core seconds for each unit.
    pub(crate) parallel: f64,
}

/// What a machine can do. Rates are per second: bytes, or floating-point operations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) schema: u32,
    pub(crate) place: Place,
    /// Bytes of memory of a node.
    pub(crate) memory_bytes: u64,
    /// a = b + s c over arrays beyond the caches, three streams.
    pub(crate) memory: Rate,
    /// Reading a file that is cached.
    pub(crate) page_cache: Rate,
    /// Reading a file from storage; null where the cache could not be emptied.
    pub(crate) disk_read: Option<f64>,
    /// Writing a file and making it durable.
    pub(crate) disk_write: f64,
    /// Undoing deflate, bytes that come out.
    pub(crate) inflate: Rate,
    /// The Gram matrix of EOFs.
    pub(crate) gemm: Rate,
    /// Real transforms of 256 values, 2.5 n log2 n operations each.
    pub(crate) fft: Rate,
    /// Leading eigenvectors of a matrix of n rows: seconds over n³.
    pub(crate) eigen: f64,
    /// From start to end of a program that does nothing, seconds: alone, and under the launcher.
    pub(crate) start: f64,
    pub(crate) launch: Option<f64>,
    pub(crate) wire: Option<Wire>,
    pub(crate) work: Vec<Work>,
}

/// How much there is to do, in the unit that the time of a case is proportional to.
pub(crate) fn units(case: Case, [t, y, x]: &[usize; 3], segment: usize) -> f64 {
    let (times, cells) = (*t as f64, (*y * *x) as f64);
    match case {
        // Reading counts beside the product: about 40 operations for each value.
        Case::Eof => times * cells * (times + 40.0),
        Case::Spectrum => times * cells * (segment.max(2) as f64).log2(),
        Case::Stats | Case::Io | Case::Redistribute => times * cells,
    }
}

impl Machine {
    /// Reads a model.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let remedy = "write it with `halocline bench machine -o machine.json`";
        let text = std::fs::read_to_string(path)
            .map_err(|e| Error::data(format!("can't be read: {e}")).in_file(path).remedy(remedy))?;
        let found = serde_json::from_str::<Self>(&text);
        let machine = found.map_err(|e| {
            Error::data(format!("is no model of a machine: {e}")).in_file(path).remedy(remedy)
        })?;
        if machine.schema != SCHEMA {
            return Err(Error::data("is a model of another version").in_file(path).remedy(remedy));
        }
        Ok(machine)
    }
    /// What a case takes.
    pub(crate) fn work(&self, case: Case, deflated: bool) -> Option<&Work> {
        let of_case = || self.work.iter().filter(|w| w.case == case);
        of_case().find(|w| w.deflated == deflated).or_else(|| of_case().next())
    }
}
