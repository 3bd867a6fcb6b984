//! One variable after selection, ready to be read in blocks.

mod between;
mod build;
mod coordinate;
pub(crate) mod handles;
pub(crate) mod horizontal;
mod level;
mod locate;
mod lonlat;
mod masking;
mod measure;
mod members;
mod memory;
mod plan;
mod read;
mod region;
mod time;

use crate::cache::Cache;
use crate::cf::Decode;
pub use crate::cf::Element;
use crate::dataset::{Dataset, TimeEntry};
use crate::direct::Located;
pub use crate::io_mode::Io;
use halocline_core::calendar::{DateTime, TimeAxis, TimeRange};
use halocline_core::comm::Comm;
use halocline_core::grid::Grid;
use halocline_core::meta::{Attributes, Coordinate, Dim, Variable};
use halocline_core::{Error, Result};
use handles::Handles;
use masking::Cells;
pub use masking::{MaskFile, MaskRule, SelectionFile};
use memory::Memory;
pub use region::{NamedRegion, Region};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What to read of a variable. The default is everything.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// Times, which lie in the middle of their bounds where they have some.
    pub time: Option<TimeRange>,
    /// Whether times lie where they are stated, whatever their bounds are.
    pub stated_times: bool,
    /// West, east, south, north in degrees: cells whose centre lies inside, edges included.
    /// Longitudes are compared modulo a turn; a west that is east of the east crosses the seam.
    pub lon_lat_box: Option<[f64; 4]>,
    /// Value of the vertical coordinate, in the units of the file.
    pub level: Option<f64>,
    /// Least and greatest value of the vertical coordinate: levels in between are kept. Needs
    /// [`Self::all_levels`], unless it is one only.
    pub levels: Option<[f64; 2]>,
    /// Cells outside of any of these are missing.
    pub masks: Vec<MaskFile>,
    /// Cells whose centre lies outside are missing.
    pub region: Option<Region>,
    /// Keep levels (unless one is chosen) and dimensions of other kinds, in the order of the
    /// file between time and the horizontal ones; else several of them are an error.
    pub all_levels: bool,
    /// Cells of what the box leaves, by number in C order, that are missing as they repeat others
    /// ([`Grid::repeated`](halocline_core::grid::Grid::repeated)).
    pub repeated: Vec<usize>,
    /// How values are fetched.
    pub io: Io,
}

/// A file that a source reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Where it is.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Time steps in the file.
    pub(crate) time_len: usize,
    /// The first time step read, counted in the file.
    pub first: usize,
    /// The time steps of the source that it holds.
    pub times: Range<usize>,
    /// Which of the source's ways to decode.
    pub(crate) decode: u32,
}

/// Where a dimension of the file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Place {
    /// The first dimension of the source.
    Time,
    /// Behind it and behind members: the level or another one that is kept, by number.
    Kept(usize),
    /// The horizontal ones, last.
    Y,
    X,
    /// Nowhere: read at this index.
    Fixed(usize),
}

impl Place {
    /// Sorts dimensions into the order of a source.
    const fn order(self) -> (usize, usize) {
        match self {
            Self::Time => (0, 0),
            Self::Kept(k) => (1, k),
            Self::Y => (2, 0),
            Self::X => (3, 0),
            Self::Fixed(_) => (4, 0),
        }
    }
}

/// One variable after selection: dimensions `[Time, Y, X]`, `[Time, X]` (cells of an
/// unstructured grid, or a variable with one horizontal dimension) or `[Time]` (a series), in
/// that order whatever the file's is (of a variable without a time dimension, time is one step that
/// stands for none: [`Source::is_static`]); with [`Selection::all_levels`], levels and others stand
/// behind time. Of an ensemble, members ([`Role::Member`](halocline_core::meta::Role::Member))
/// stand between time and these. The same on every rank; each opens files for itself as it reads.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Source {
    variable: Variable,
    time: TimeAxis,
    time_name: String,
    time_attributes: Attributes,
    time_coordinate: Coordinate,
    /// Bounds of the times as far as files have them, NaN elsewhere.
    known_bounds: Option<Vec<f64>>,
    /// Whether a period was selected.
    chosen_times: bool,
    grid: Grid,
    level: Option<Coordinate>,
    kept: Vec<Coordinate>,
    element: Element,
    chunks: Option<Vec<usize>>,
    files: Vec<SourceFile>,
    /// Where the variable lies in each file; none where the library reads it.
    located: Vec<Option<Located>>,
    /// Why the library reads it from some file.
    note: Option<String>,
    decodes: Vec<Decode>,
    /// Per dimension of the file.
    layout: Vec<Place>,
    /// Rows of the file that are selected.
    y: Range<usize>,
    /// Columns of the file that are selected, from west to east; two ranges over the seam.
    x: Vec<Range<usize>>,
    /// Whether files are members of an ensemble, along the dimension behind time.
    ensemble: bool,
    /// The first selected index of each dimension that is kept.
    first: Vec<usize>,
    /// Cells that masks, a region and the box leave; none if that is all of them.
    cells: Option<Cells>,
    /// The files that masks and regions were read from.
    selection_files: Vec<SelectionFile>,
    /// What reading them had to say.
    notes: Vec<String>,
    #[serde(skip)]
    handles: Handles,
}

impl Dataset {
    /// The variable `name` within `selection`.
    ///
    /// # Collective
    /// Every rank calls this with the same arguments; rank 0 reads the coordinates, and all find
    /// where the variable lies in the files, unless the cache knows it.
    ///
    /// # Errors
    /// Usage, if there is no such variable, it has many levels and none is chosen, or the
    /// selection is malformed or empty; data, if its coordinates can't be used (times that don't
    /// increase, latitudes in no order, undecodable dates), or files differ in it; what reading
    /// reports.
    pub fn source(&self, comm: &Comm, name: &str, selection: &Selection) -> Result<Source> {
        let bounds = match &selection.time {
            Some(_) if !selection.stated_times => self.bounds_of_all_times(comm, name, selection)?,
            _ => None,
        };
        let mut source = comm.on_root(|| build::build(self, name, selection, bounds.as_deref()))?;
        let info = self.variable(name)?;
        let memory = Memory::new(comm, &source.files, self.is_cached(), || Cache::open().ok());
        (source.time_coordinate.bounds, source.known_bounds) = time::bounds(comm, &memory, self, &source)?;
        (source.located, source.note) = locate::all(comm, &memory, &source.files, info, selection.io)?;
        memory.save();
        Ok(source)
    }

    /// The bounds of all times of a variable, by which those of a period are found: the mean of a month
    /// may be dated to its end. NaN where there are none.
    ///
    /// # Collective
    /// Every rank calls this.
    fn bounds_of_all_times(
        &self,
        comm: &Comm,
        name: &str,
        selection: &Selection,
    ) -> Result<Option<Vec<f64>>> {
        let is_there = |bounds: &str| self.variable(bounds).is_ok();
        let has_any = |time: &TimeEntry| time.attributes.text("bounds").is_some_and(is_there);
        if self.time_bounds().is_none() && !self.times().iter().any(has_any) {
            return Ok(None);
        }
        let whole =
            Selection { time: None, lon_lat_box: None, masks: Vec::new(), region: None, ..selection.clone() };
        let source = comm.on_root(|| build::build(self, name, &whole, None))?;
        let memory = Memory::new(comm, &source.files, self.is_cached(), || Cache::open().ok());
        let bounds = time::known_bounds(comm, &memory, self, &source)?;
        memory.save();
        Ok(bounds)
    }
}

impl Source {
    /// Name, dimensions after selection, stored type, attributes as stored.
    pub fn variable(&self) -> &Variable {
        &self.variable
    }
    /// Attributes without those that tell how values were stored (packing, fill values, limits):
    /// what still holds of decoded values.
    pub fn decoded_attributes(&self) -> Attributes {
        coordinate::of_decoded(&self.variable.attributes)
    }
    /// Whether the variable has a time dimension. One that has none is a series of one step
    /// ([`Dim::no_time`](halocline_core::meta::Dim::no_time)), which outputs leave out.
    pub fn is_static(&self) -> bool {
        self.variable.dims.first().is_some_and(|d| d.name == Dim::NO_TIME)
    }
    /// Refuses a variable without a time dimension.
    ///
    /// # Errors
    /// Data, if it has none.
    pub fn needs_time(&self) -> Result<()> {
        if self.is_static() {
            let file = self.files.first().map_or("", |f| f.path.as_str());
            return Err(Error::data("has no time dimension")
                .in_file(file)
                .in_variable(&self.variable.name)
                .remedy("choose a variable that varies in time"));
        }
        Ok(())
    }
    /// The selected times, in the units of the first file.
    pub fn time(&self) -> &TimeAxis {
        &self.time
    }
    /// The bounds of the selected times, two a time, in their units; NaN for times of files that have
    /// none. Results carry bounds on only where all times have them ([`Self::time_coordinate`]).
    pub fn known_bounds(&self) -> Option<&[f64]> {
        self.known_bounds.as_deref()
    }
    /// Whether its times are those of a period that was selected.
    pub fn has_chosen_times(&self) -> bool {
        self.chosen_times
    }
    /// The known bounds of time `step`, the earlier first, if they have it between them.
    pub fn interval(&self, step: usize) -> Option<[f64; 2]> {
        self.time.interval(step, self.known_bounds())
    }
    /// What each time stands for: its bounds, the earlier first, or itself where it has none.
    pub fn spans(&self) -> Vec<[f64; 2]> {
        (0..self.time.len()).map(|i| self.interval(i).unwrap_or([self.time.values[i]; 2])).collect()
    }
    /// The first and the last moment of all times, bounds included.
    pub fn span(&self) -> [f64; 2] {
        let whole = [f64::INFINITY, f64::NEG_INFINITY];
        self.spans().iter().fold(whole, |[a, b], [start, end]| [a.min(*start), b.max(*end)])
    }
    /// When the selected times are: in the middle of their bounds, where there are any
    /// ([`TimeAxis::middles`]).
    ///
    /// # Errors
    /// Data, if a middle is no date.
    pub fn dates(&self) -> Result<Vec<DateTime>> {
        self.time.dates_by_bounds(self.known_bounds())
    }
    /// Name of the time coordinate (that of its dimension is in [`Self::variable`]).
    pub fn time_name(&self) -> &str {
        &self.time_name
    }
    /// Attributes of the time coordinate as stored.
    pub fn time_attributes(&self) -> &Attributes {
        &self.time_attributes
    }
    /// The time coordinate as results carry it on: times and bounds (where every file has them)
    /// in the units of the first file.
    pub fn time_coordinate(&self) -> &Coordinate {
        &self.time_coordinate
    }
    /// The horizontal grid after selection.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }
    /// The level, a scalar coordinate with its attributes: the one chosen, the only one, or one
    /// that the variable states as `coordinates`.
    pub fn level(&self) -> Option<&Coordinate> {
        self.level.as_ref()
    }
    /// The coordinates of the dimensions between time and the horizontal ones
    /// ([`Selection::all_levels`]), with their bounds, in the order of these; of a dimension that
    /// has none there is none. Members have two: their numbers, and what they are called.
    pub fn levels(&self) -> &[Coordinate] {
        &self.kept
    }
    /// Why the variable, or part of it, is read through the NetCDF library; `None` if it is read
    /// directly.
    pub fn io_note(&self) -> Option<String> {
        let why = self.note.as_ref()?;
        Some(format!("variable `{}` is read through the NetCDF library: {why}", self.variable.name))
    }
    /// The type of the values that [`Self::read`] gives.
    pub fn element(&self) -> Element {
        self.element
    }
    /// Lengths of the stored chunks of the first file, per dimension of [`Self::variable`];
    /// `None` if it is not stored in chunks.
    pub fn chunks(&self) -> Option<&[usize]> {
        self.chunks.as_deref()
    }
    /// The files that masks and regions were read from, as they were then.
    pub fn selection_files(&self) -> &[SelectionFile] {
        &self.selection_files
    }
    /// Whether the files are members of an ensemble, which are then the second dimension.
    pub fn is_ensemble(&self) -> bool {
        self.ensemble
    }
    /// What a user should know of how the selection was made. One line each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
    /// The files that hold the selected times, in order.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }
}
