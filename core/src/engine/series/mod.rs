//! Whole series of data larger than memory: batches of cells with all their times.
//!
//! Percentiles, running means and their like need all times of a cell at once, while files hold
//! maps. A *batch* is a box in space whose cells are in memory with all their times; the ranks
//! share its tiles. Where parts of stored chunks can be read alone, batches are as large as is
//! useful, and read no byte twice. Else what fits into memory is one batch, and what does not is
//! decoded once for each batch that cuts a chunk (passes), by one rank, and an all-to-all carries
//! the values to the owners of the cells. Batches depend on memory and ranks; tiles, and with them
//! the results, do not.

mod plan;
mod run;
#[cfg(test)]
mod tests;

pub use plan::SeriesPlan;

use super::piece::Piece;
use crate::error::Result;
use crate::index::IndexBox;

/// Work on the whole series of some cells, in which no cell knows of another.
pub trait SeriesWork: Sync {
    /// What the work results in: for each result, how many values a cell gets (a running mean as
    /// many as there are windows, a percentile one for each group of times).
    fn rows(&self) -> Vec<usize>;
    /// Bytes that a thread takes for itself while it works on a tile of so many steps and cells.
    fn scratch_per_thread(&self, steps: usize, cells: usize) -> u64 {
        let _ = (steps, cells);
        0
    }
    /// Works on one tile, all steps of which are in `series`, missing as NaN. `results[r][k]` is
    /// row `k` of result `r`, one value for each cell of the tile in C order, missing at first.
    ///
    /// # Errors
    /// When the data forbid the analysis.
    fn work(&self, series: &Piece<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()>;
}

/// The results of one batch on one rank.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesResults {
    /// The cells of this rank, with all times; may be empty.
    pub cells: IndexBox,
    /// By result: rows times cells, C order.
    pub values: Vec<Vec<f64>>,
}

impl SeriesResults {
    /// Where a result of `rows` rows lies in a variable whose first dimension counts them.
    #[must_use]
    pub fn block(&self, rows: usize) -> IndexBox {
        self.cells.with_range(0, 0..if self.cells.is_empty() { 0 } else { rows })
    }
}
