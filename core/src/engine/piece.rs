//! What a fold is handed: some steps of one tile, of one variable or of several in lockstep.

use crate::error::{Error, Result};
use crate::tiling::Tile;
use std::ops::Range;

/// Values as they are kept: single or double precision, missing as NaN.
#[derive(Debug, Clone, Copy)]
pub enum Numbers<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Double precision.
    F64(&'a [f64]),
}

impl Numbers<'_> {
    /// Those in this range.
    #[must_use]
    pub fn slice(self, range: Range<usize>) -> Self {
        match self {
            Self::F32(v) => Self::F32(&v[range]),
            Self::F64(v) => Self::F64(&v[range]),
        }
    }
    /// Those from this place on.
    #[must_use]
    pub fn from(self, start: usize) -> Self {
        self.slice(start.min(self.len())..self.len())
    }
    /// How many there are.
    pub const fn len(self) -> usize {
        match self {
            Self::F32(v) => v.len(),
            Self::F64(v) => v.len(),
        }
    }
    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// Which pieces of a tile a fold takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pieces {
    /// The tile at once, in double precision.
    Whole,
    /// All cells of some steps, the steps in their order; how many at a time depends on memory,
    /// so a result must not.
    Steps,
}

/// All cells of a tile at some of its steps (indices along the first dimension).
#[derive(Debug, Clone)]
pub struct Piece<'a> {
    tile: &'a Tile,
    steps: Range<usize>,
    values: Numbers<'a>,
    /// From one step to the next in `values`.
    stride: usize,
    /// All variables that are read together, this one too; empty if it is alone.
    together: &'a [Numbers<'a>],
}

impl<'a> Piece<'a> {
    /// A tile at once: `values` are its cells in C order.
    pub fn whole(tile: &'a Tile, values: &'a [f64]) -> Self {
        let steps = tile.block.ranges().first().map_or(0..1, Clone::clone);
        let stride = values.len() / steps.len().max(1);
        Self { tile, steps, values: Numbers::F64(values), stride, together: &[] }
    }
    /// `steps` of a tile: the cells of step `steps.start + k` begin at `values[k * stride]`.
    pub(crate) fn steps_of(tile: &'a Tile, steps: Range<usize>, values: Numbers<'a>, stride: usize) -> Self {
        Self { tile, steps, values, stride, together: &[] }
    }
    /// A tile at once of several variables, each with its cells in C order; there is one at least.
    ///
    /// # Panics
    /// If there is no variable.
    pub fn whole_together(tile: &'a Tile, together: &'a [Numbers<'a>]) -> Self {
        let steps = tile.block.ranges().first().map_or(0..1, Clone::clone);
        let stride = together[0].len() / steps.len().max(1);
        Self { tile, steps, values: together[0], stride, together }
    }
    /// [`Self::steps_of`] for several variables in the same layout: the piece of the first of them.
    pub(crate) fn steps_together(
        tile: &'a Tile,
        steps: Range<usize>,
        together: &'a [Numbers<'a>],
        stride: usize,
    ) -> Self {
        Self { tile, steps, values: together[0], stride, together }
    }
    /// The same cells and steps of the variable number `k` of those that are read together; the
    /// piece itself is that of number 0.
    ///
    /// # Errors
    /// Internal, if there is no such variable.
    pub fn with(&self, k: usize) -> Result<Self> {
        match (k, self.together.get(k)) {
            (_, Some(&values)) => Ok(Self { values, ..self.clone() }),
            (0, None) => Ok(self.clone()),
            _ => Err(Error::internal(format!(
                "a fold asks for variable {k} of {}",
                self.together.len().max(1)
            ))),
        }
    }
    /// The tile that it belongs to.
    pub fn tile(&self) -> &'a Tile {
        self.tile
    }
    /// The steps, in global indices of the first dimension.
    pub fn steps(&self) -> Range<usize> {
        self.steps.clone()
    }
    /// Cells of a step, C order.
    pub fn cells(&self) -> usize {
        self.tile.block.ranges().iter().skip(1).map(ExactSizeIterator::len).product()
    }
    /// The cells of one step; `step` is a global index.
    pub fn step(&self, step: usize) -> Numbers<'a> {
        let start = (step - self.steps.start) * self.stride;
        self.values.slice(start..start + self.cells())
    }
    /// The cells of all steps in one run of doubles, C order: of [`Pieces::Whole`].
    ///
    /// # Errors
    /// Internal, of other pieces.
    pub fn doubles(&self) -> Result<&'a [f64]> {
        match self.values {
            Numbers::F64(v) if v.len() == self.tile.block.len() => Ok(v),
            _ => Err(Error::internal("a fold asks for the whole of a tile that comes in pieces")),
        }
    }
}
