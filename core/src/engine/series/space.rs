//! Which dimensions are kept and which are reduced.

use crate::engine::stream::space_boxes;
use crate::error::{Error, Result};
use crate::index::IndexBox;
use crate::meta::{Dim, Role};
use crate::tiling::Tiling;
use std::ops::Range;

/// The dimensions of a variable, kept or reduced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Space {
    reduced: Vec<bool>,
    /// Whether time alone is reduced, the first dimension.
    pub(super) of_times: bool,
    /// Values that each cell has.
    pub(super) samples: usize,
}

impl Space {
    pub(super) fn new(dims: &[Dim], roles: &[Role]) -> Result<Self> {
        let reduced: Vec<bool> = dims.iter().map(|d| roles.contains(&d.role)).collect();
        let mut samples = 1usize;
        for (dim, _) in dims.iter().zip(&reduced).filter(|(_, r)| **r) {
            samples = samples.saturating_mul(dim.len);
        }
        if !reduced.contains(&true) {
            return Err(Error::internal("a series along no dimension"));
        }
        let of_times = reduced[0] && !reduced[1..].contains(&true);
        Ok(Self { reduced, of_times, samples })
    }
    /// For each dimension, whether it is reduced.
    pub(super) fn reduced(&self) -> &[bool] {
        &self.reduced
    }
    /// The dimensions that are kept.
    pub(super) fn kept(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.reduced.len()).filter(|&d| !self.reduced[d])
    }
    /// The cells of a box, as a box of what is kept.
    pub(super) fn kept_of(&self, block: &IndexBox) -> IndexBox {
        IndexBox::new(self.kept().map(|d| block.range(d)).collect())
    }
    /// Cells of a box.
    pub(super) fn cells(&self, block: &IndexBox) -> usize {
        self.kept().map(|d| block.range(d).len()).product()
    }
    /// Cells of a rank's part, which may be nothing.
    pub(super) fn width(&self, own: &IndexBox) -> usize {
        if own.is_empty() {
            0
        } else {
            self.cells(own)
        }
    }
    /// Values of a box at one step.
    pub(super) fn of_step(block: &IndexBox) -> usize {
        block.ranges().iter().skip(1).map(ExactSizeIterator::len).product()
    }
    /// How the cells are cut into tiles.
    pub(super) fn tiling(&self, dims: &[Dim], chunks: &[usize]) -> Tiling {
        if self.of_times {
            Tiling::cells(dims, Some(chunks))
        } else {
            Tiling::cells_over(dims, &self.reduced, Some(chunks))
        }
    }
    /// Boxes of at most `most` cells, cut at `edges`, that cover `whole` with all that is reduced.
    pub(super) fn boxes(&self, edges: &[Vec<usize>], whole: &IndexBox, most: usize) -> Vec<IndexBox> {
        // What is cut there is all but the first dimension.
        let first: Vec<Range<usize>> = std::iter::once(0..1).collect();
        let kept = IndexBox::new(first.into_iter().chain(self.kept().map(|d| whole.range(d))).collect());
        let kept_edges: Vec<Vec<usize>> =
            std::iter::once(vec![0, 1]).chain(self.kept().map(|d| edges[d].clone())).collect();
        let boxed = |ranges: Vec<Range<usize>>| {
            self.kept().zip(ranges).fold(whole.clone(), |block, (d, range)| block.with_range(d, range))
        };
        space_boxes(&kept_edges, &kept, most).into_iter().map(boxed).collect()
    }
    /// Refuses parts that would cut what has to be whole.
    pub(super) fn check_parts(&self, dims: &[Dim], parts: &[usize]) -> Result<()> {
        let mut cut = dims.iter().zip(&self.reduced).zip(parts);
        match cut.find(|((_, reduced), &parts)| **reduced && parts > 1) {
            None => Ok(()),
            Some(((dim, _), _)) => {
                let what = match dim.role {
                    Role::Time => "whole series are needed, so ranks can't divide time".to_owned(),
                    _ => format!(
                        "all values along `{0}` are needed at once, so ranks can't divide it",
                        dim.name
                    ),
                };
                Err(Error::usage(what)
                    .remedy("divide other dimensions with --decomposition, or leave it to the program"))
            }
        }
    }
}
