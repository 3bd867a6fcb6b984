//! Data sets: one file or many, read as one along time.

mod brief;
mod compare;
pub(crate) mod deal;
mod groups;
mod holders;
mod inputs;
mod join;
mod kept;
mod members;
pub(crate) mod meta;
pub(crate) mod names;
mod opening;
mod options;
mod pack;
mod pieces;
mod read;
pub(crate) mod roles;
mod scan;
mod statics;
mod time;
mod variables;

use crate::cf::Decode;
pub use groups::open_groups;
use halocline_core::calendar::TimeAxis;
use halocline_core::comm::Comm;
use halocline_core::meta::{Attributes, Dim, Variable};
use halocline_core::{Error, Result};
pub use holders::holders;
pub use options::OpenOptions;
use serde::{Deserialize, Serialize};
pub(crate) use statics::whole;
pub(crate) use time::{of_static, TimeEntry};

/// A file of a data set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePart {
    /// Where it is, as the user named it.
    pub path: String,
    /// Its first time step in the time axis of the data set.
    pub time_offset: usize,
    /// How many time steps it holds.
    pub time_len: usize,
    /// Its length.
    pub bytes: u64,
}

/// A variable of a data set and how it is stored (in the first file).
// Facts of storage that don't depend on each other, not states.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VariableInfo {
    /// Name, dimensions in the order of the file (time with its length over all files), stored
    /// type, attributes as stored.
    pub variable: Variable,
    /// Lengths of the stored chunks; `None` if it is stored in one piece.
    pub chunks: Option<Vec<usize>>,
    /// Deflate level, if it is known to be compressed by deflate. See [`Self::filters_known`].
    pub deflate: Option<u8>,
    /// Whether it is known to be byte-shuffled. See [`Self::filters_known`].
    pub shuffle: bool,
    /// Whether [`Self::deflate`] and [`Self::shuffle`] are answers. Where a file is read by the
    /// NetCDF library, its safe interface does not tell the filters of chunks.
    pub filters_known: bool,
    /// Other filters that its chunks are known to go through, as numbers of HDF5's registry
    /// (3: checksums).
    pub other_filters: Vec<u16>,
    /// Whether any file packs its values (`scale_factor`, `add_offset`).
    pub packed: bool,
    /// Whether it is a coordinate.
    pub is_coordinate: bool,
    /// Whether it describes others: coordinates, bounds, weights, grid mappings, text.
    pub(crate) auxiliary: bool,
    /// Different ways in which files store it.
    pub(crate) decodes: Vec<Decode>,
    /// Which of them each file uses; empty: all the first.
    pub(crate) decode_of_file: Vec<u32>,
    /// Why it can't be read: its attributes are malformed, or files differ in it.
    pub(crate) problem: Option<Error>,
}

/// One file or many, read as one along time. Metadata only, the same on every rank.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Dataset {
    files: Vec<FilePart>,
    format: String,
    dims: Vec<Dim>,
    attributes: Attributes,
    variables: Vec<VariableInfo>,
    /// Time dimensions; files are joined along the first.
    times: Vec<TimeEntry>,
    /// What the first file that has bounds of its times calls them.
    time_bounds: Option<String>,
    /// Variables that the first file lacks, and the error that says so.
    absent: Vec<(String, Error)>,
    /// What the members of an ensemble are called, one for each file; empty if it is none.
    members: Vec<String>,
    options: OpenOptions,
    notes: Vec<String>,
}

/// Opens files as one data set.
///
/// `inputs` are paths and patterns (`*`, `?`, `[…]`). Many files are put in the order of their
/// first time, and must follow one another in time without overlap. Files whose variable differs
/// from the first file's in type, dimensions, units (temperatures, lengths and pressures are
/// converted) or coordinates can't be read as one, and values whose packing, range or missing
/// values are given by malformed attributes not at all: that is told when the variable is asked
/// for ([`Dataset::source`]), so that a data set can always be looked at.
///
/// With [`OpenOptions::ensemble`], files are members of an ensemble: in the order in which they
/// are named, all with the same times.
///
/// This is [`open_with`] and its defaults: no cache.
///
/// # Collective
/// Every rank calls this with the same inputs; files are dealt to the ranks and their threads.
///
/// # Errors
/// Usage, if there are no inputs; data, if a file is absent, damaged or not NetCDF, a pattern
/// matches nothing, or the times of the files don't follow one another; system, if reading fails.
/// Of several files at fault the one named first, whatever the ranks and threads.
pub fn open(comm: &Comm, inputs: &[String]) -> Result<Dataset> {
    open_with(comm, inputs, OpenOptions::default())
}

/// Opens files as one data set, as [`open`] does, in a way that can be chosen.
///
/// # Collective
/// Every rank calls this with the same inputs and options.
///
/// # Errors
/// As [`open`]. A cache that is absent or damaged is none ([`Dataset::notes`] tells).
pub fn open_with(comm: &Comm, inputs: &[String], options: OpenOptions) -> Result<Dataset> {
    opening::open(comm, inputs, options).inspect(crate::inputs::note_dataset)
}

impl Dataset {
    /// The files in the order of their times.
    pub fn files(&self) -> &[FilePart] {
        &self.files
    }
    /// Name of the storage format (of the first file).
    pub fn format(&self) -> &str {
        &self.format
    }
    /// All dimensions; time has its length over all files.
    pub fn dims(&self) -> &[Dim] {
        &self.dims
    }
    /// Global attributes of the first file.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }
    /// All variables in the order of the first file.
    pub fn variables(&self) -> &[VariableInfo] {
        &self.variables
    }
    /// The variables that hold data: no coordinates, bounds, weights, grid mappings or text.
    pub fn data_variables(&self) -> impl Iterator<Item = &VariableInfo> {
        self.variables.iter().filter(|v| !v.auxiliary)
    }
    /// The times, in the units of the first file; `None` if there are none that can be read
    /// ([`Self::time_problem`] says why).
    pub fn time(&self) -> Option<&TimeAxis> {
        self.times.first()?.axis.as_ref().ok()
    }
    /// Name of the time coordinate.
    pub fn time_name(&self) -> Option<&str> {
        self.times.first().map(|t| t.name.as_str())
    }
    /// What is wrong with the time coordinate.
    pub fn time_problem(&self) -> Option<&Error> {
        self.times.first()?.axis.as_ref().err()
    }
    /// What the members of an ensemble are called, one for each of [`Self::files`]: their
    /// `variant_label`, else their `realization`, else the names of the files, whichever tells
    /// them apart. Empty if it is no ensemble.
    pub fn members(&self) -> &[String] {
        &self.members
    }
    /// How it was opened.
    pub fn options(&self) -> OpenOptions {
        self.options
    }
    /// What went on while it was opened that a user may want to know when asking for more: where
    /// metadata came from. One line each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
    /// Whether what is found out about files is kept in the cache.
    pub(crate) fn is_cached(&self) -> bool {
        self.options.cache
    }
    /// What the first file that has bounds of its times calls them.
    pub(crate) fn time_bounds(&self) -> Option<&str> {
        self.time_bounds.as_deref()
    }
    /// All time dimensions.
    pub(crate) fn times(&self) -> &[TimeEntry] {
        &self.times
    }

    /// The variable `name`.
    ///
    /// # Errors
    /// Usage, if there is none: names the nearest, and the data variables; data, if it is in
    /// other files but not in the first.
    pub fn variable(&self, name: &str) -> Result<&VariableInfo> {
        if let Some(found) = self.variables.iter().find(|v| v.variable.name == name) {
            return Ok(found);
        }
        if let Some((_, error)) = self.absent.iter().find(|(n, _)| n == name) {
            return Err(error.clone());
        }
        let all = || self.variables.iter().map(|v| v.variable.name.as_str());
        let meant = names::nearest(name, all()).map_or_else(String::new, |n| format!("did you mean `{n}`? "));
        let data = names::list(self.data_variables().map(|v| v.variable.name.as_str()));
        let file = self.files.first().map_or("", |f| f.path.as_str());
        Err(Error::usage(format!("there is no variable `{name}`"))
            .in_file(file)
            .remedy(format!("{meant}data variables: {data}")))
    }
}
