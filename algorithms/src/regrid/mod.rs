//! Regridding: weights between two grids, and maps on one grid from maps on another.

mod axes;
mod banded;
mod bilinear;
mod cells;
mod conservative;
mod matrix;
mod named;
mod nearest;
mod polygon;
mod rectangle;
mod regridded;
mod room;
#[cfg(test)]
mod tests;
mod tree;
mod vector;

pub use bilinear::{bilinear, Plane};
pub use cells::{Axes, Cells};
pub use conservative::{conservative, Sides};
pub use matrix::{Matrix, Missing};
pub use named::named_grid;
pub use nearest::{distance, nearest};
pub use polygon::{Polygon, Scratch};
pub use regridded::Regridded;
pub use vector::{place, Place};

use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How weights are made.
///
/// Source cells that repeat others ([`halocline_core::grid::Grid::repeated`]) count as often as the grid holds them, as in
/// CDO and ESMF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// [`conservative()`]
    Conservative(Sides),
    /// [`bilinear()`]
    Bilinear(Plane),
    /// [`nearest()`]
    Nearest,
    /// [`distance()`] of so many neighbours.
    Distance(usize),
}

/// Weights as a method makes them, of all target cells or some.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// The weights; rows add up to 1, but for those of cells outside the source grid, which are
    /// empty.
    pub matrix: Matrix,
    /// The share of each target cell that the source grid covers; of methods between points 1 or 0.
    pub covered: Vec<f64>,
    /// Source and target cells whose sides cross each other, as at the fold of some ocean grids: they
    /// have no area that could be told, and count as if they were not there.
    pub crossed: [usize; 2],
}

impl Method {
    /// The weights of target cells `rows` (numbers in C order). No row knows of another, so that
    /// ranks may share them.
    ///
    /// # Errors
    /// Data, if a grid does not tell what the method needs.
    pub fn weights(self, from: &Cells, to: &Cells, rows: Range<usize>) -> Result<Made> {
        match self {
            Self::Conservative(sides) => conservative(from, to, sides, rows),
            Self::Bilinear(plane) => bilinear(from, to, plane, rows),
            Self::Nearest => nearest(from, to, rows),
            Self::Distance(count) => distance(from, to, count, rows),
        }
    }
}

impl Made {
    /// The weights of all target cells from those of parts, one after the other.
    ///
    /// # Errors
    /// As [`Matrix::joined`].
    pub fn joined(parts: Vec<Self>) -> Result<Self> {
        // Each part has seen all source cells, and its own target cells.
        let sources = parts.iter().map(|p| p.crossed[0]).max().unwrap_or(0);
        let crossed = [sources, parts.iter().map(|p| p.crossed[1]).sum()];
        let (matrices, covered): (Vec<_>, Vec<_>) = parts.into_iter().map(|p| (p.matrix, p.covered)).unzip();
        Ok(Self { matrix: Matrix::joined(matrices)?, covered: covered.concat(), crossed })
    }
    /// The weights with the sums of rows that are the share of the cell which the source grid
    /// covers (`destarea`): what lies outside counts as zero.
    ///
    /// # Errors
    /// Internal, if lengths don't fit.
    pub fn of_whole_cells(self) -> Result<Self> {
        if self.covered.len() != self.matrix.rows() {
            return Err(Error::internal("weights and shares of cells don't fit"));
        }
        Ok(Self { matrix: self.matrix.scaled(&self.covered), ..self })
    }
}
