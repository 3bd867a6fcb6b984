//! Weights from the nearest cells.

use super::cells::Cells;
use super::tree::Places;
use super::{Made, Matrix};
use halocline_core::{Error, Result};
use rayon::prelude::*;
use std::ops::Range;

/// For target cells `targets` the value of the nearest source cell, by the distance of centres; of two that are as near as
/// each other the first in the grid.
///
/// # Errors
/// Data, if no source cell has a place.
pub fn nearest(from: &Cells, to: &Cells, targets: Range<usize>) -> Result<Made> {
    among(from, to, targets, 1, |found| found.iter().map(|f| (f.0, 1.0)).collect())
}

/// For target cells `targets` the mean of the `count` nearest source cells, each counting the reciprocal of its distance
/// (the length of the chord between centres, as CDO takes it).
///
/// # Errors
/// As [`nearest`].
pub fn distance(from: &Cells, to: &Cells, count: usize, targets: Range<usize>) -> Result<Made> {
    among(from, to, targets, count.max(1), |found| {
        if let Some(at) = found.iter().find(|f| f.1 < 1e-24) {
            return vec![(at.0, 1.0)];
        }
        let total: f64 = found.iter().map(|f| 1.0 / f.1.sqrt()).sum();
        found.iter().map(|f| (f.0, 1.0 / f.1.sqrt() / total)).collect()
    })
}

fn among(
    from: &Cells,
    to: &Cells,
    targets: Range<usize>,
    count: usize,
    weigh: impl Fn(&[(u32, f64)]) -> Vec<(u32, f64)> + Sync,
) -> Result<Made> {
    let sources = from.places()?;
    if sources.iter().all(Option::is_none) {
        return Err(Error::data("no cell of the source grid has a latitude and longitude"));
    }
    let tree = Places::new(&sources);
    let rows: Vec<Vec<(u32, f64)>> = to.places()?[targets]
        .par_iter()
        .map(|place| place.as_ref().map(|p| weigh(&tree.nearest(p, count))).unwrap_or_default())
        .collect();
    let covered = rows.iter().map(|row| f64::from(u8::from(!row.is_empty()))).collect();
    Ok(Made { matrix: Matrix::from_rows(from.len(), rows)?, covered, crossed: [0, 0] })
}
