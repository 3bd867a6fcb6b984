//! Whole series of data larger than memory: batches of cells with all their times.
//!
//! Percentiles, running means and their like need all times of a cell at once, while files hold
//! maps; percentiles over areas or members need all of these. Dimensions are *reduced*, as time
//! is as a rule, or kept; a cell is an index of those kept, its samples are all along those
//! reduced. A *batch* is a box of cells that are in memory with all their samples; the ranks
//! share its tiles. Where parts of stored chunks can be read alone, batches are as large as is
//! useful, and read no byte twice: by all threads, or, where that costs little, by each thread the
//! tiles that it works on, so that few of them are in memory. Else what fits into memory is one batch, and what does not is
//! decoded once for each batch that cuts a chunk (passes), by one rank, and an all-to-all carries
//! the values to the owners of the cells. Batches depend on memory and ranks; tiles, and with them
//! the results, do not.

mod absorbing;
mod field;
mod fold;
mod held;
mod keep;
mod plan;
mod rows;
mod run;
mod saved;
mod space;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_fold;
#[cfg(test)]
mod tests_kept;
#[cfg(test)]
mod tests_over;
#[cfg(test)]
mod tests_together;
mod traffic;
mod view;

pub use absorbing::states_at_once;
pub use field::FieldSeries;
pub use plan::{SeriesNeeds, SeriesPlan};
pub use view::Series;

use crate::error::{Error, Result};
use crate::index::IndexBox;
use crate::meta::Role;
use serde::de::DeserializeOwned;
use serde::Serialize;

/// Work on the whole series of some cells, in which no cell knows of another.
pub trait SeriesWork: Sync {
    /// The dimensions that are reduced; one of them is there.
    fn reduces(&self) -> &[Role] {
        &[Role::Time]
    }
    /// What the work results in: for each result, how many values a cell gets (a running mean as
    /// many as there are windows, a percentile one for each group of times).
    fn rows(&self) -> Vec<usize>;
    /// Values of each cell that whoever takes the results of a batch makes of them meanwhile.
    fn rows_beside(&self) -> usize {
        0
    }
    /// Bytes that a thread takes for itself while it works on a tile of so many samples and cells.
    fn scratch_per_thread(&self, samples: usize, cells: usize) -> u64 {
        let _ = (samples, cells);
        0
    }
    /// Works on one tile, all samples of which are in `series`, missing as NaN. `results[r][k]` is
    /// row `k` of result `r`, one value for each cell of the tile in C order, missing at first.
    ///
    /// # Errors
    /// When the data forbid the analysis.
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()>;
    /// All that this rank has noted until now beside results (how many cells had gaps, a mean over
    /// space), encoded: saved with the results of the same tiles.
    ///
    /// # Errors
    /// When it can't be encoded.
    fn notes(&self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
    /// Adds what a rank of an earlier run had noted ([`Self::notes`]).
    ///
    /// # Errors
    /// Data, if these are no notes of this work.
    fn add_notes(&self, notes: &[u8]) -> Result<()> {
        match notes {
            [] => Ok(()),
            _ => Err(Error::internal("notes for work that makes none")),
        }
    }
}

/// What work has noted, encoded ([`SeriesWork::notes`]).
///
/// # Errors
/// Internal, when it can't be encoded.
pub fn encode_notes<T: Serialize>(notes: &T) -> Result<Vec<u8>> {
    postcard::to_stdvec(notes).map_err(|e| Error::internal(format!("notes can't be encoded: {e}")))
}

/// The same, decoded ([`SeriesWork::add_notes`]).
///
/// # Errors
/// [`Data`](crate::ErrorKind::Data) when they are none of this type.
pub fn decode_notes<T: DeserializeOwned>(notes: &[u8]) -> Result<T> {
    postcard::from_bytes(notes).map_err(|e| {
        Error::data(format!("the saved state is damaged: {e}")).remedy("start the job anew without it")
    })
}

/// Takes in notes of two parts: what was found, and what a mean has summed, where there is one.
///
/// # Errors
/// As [`decode_notes`], and those of `sums`.
pub fn take_notes<F: DeserializeOwned, S: DeserializeOwned>(
    notes: &[u8],
    found: impl FnOnce(&F),
    sums: Option<impl FnOnce(S) -> Result<()>>,
) -> Result<()> {
    let (theirs, summed): (F, Option<S>) = decode_notes(notes)?;
    found(&theirs);
    sums.zip(summed).map_or(Ok(()), |(add, summed)| add(summed))
}

/// The results of one batch on one rank.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesResults {
    /// The cells of this rank, with all that is reduced; may be empty.
    pub cells: IndexBox,
    /// For each dimension, whether it is reduced.
    pub reduced: Vec<bool>,
    /// By result: rows times cells, C order.
    pub values: Vec<Vec<f64>>,
}

impl SeriesResults {
    /// Where a result lies in a variable whose first dimension counts its rows if the first
    /// dimension is reduced, and that has no other dimensions that are. Where the first is kept, a
    /// result has one row.
    #[must_use]
    pub fn block(&self, rows: usize) -> IndexBox {
        let first = match (self.cells.is_empty(), self.reduced.first()) {
            (true, _) => 0..0,
            (false, Some(false)) => self.cells.range(0),
            (false, _) => 0..rows,
        };
        let rest = self.cells.ranges().iter().zip(&self.reduced).skip(1).filter(|(_, reduced)| !**reduced);
        IndexBox::new(std::iter::once(first).chain(rest.map(|(range, _)| range.clone())).collect())
    }
}
