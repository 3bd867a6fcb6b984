//! Where cells lie in a block with its halo.

use crate::decomposition::Decomposition;
use crate::error::{Error, Result};
use crate::index::IndexBox;
use crate::meta::Role;
use std::ops::Range;

/// The block of one rank in level, `y` and `x`, with a halo around it, as it lies in memory: C order,
/// the halo at both ends of each dimension. Dimensions before these are maps one after another.
///
/// A dimension that a variable does not have is 1 long and has no halo. A rank that owns nothing
/// has no cells, also none of a halo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    pub(super) start: [usize; 3],
    pub(super) own: [usize; 3],
    pub(super) widths: [usize; 3],
}

impl Extent {
    /// The block of `rank`, with halos `widths` (level, `y`, `x`) wide.
    ///
    /// # Errors
    /// When the last dimensions are not `y` and `x`, with levels before them if these have a halo.
    pub fn new(decomposition: &Decomposition, rank: usize, widths: [usize; 3]) -> Result<Self> {
        let head = head(decomposition, widths)?;
        let block = decomposition.block(rank);
        let of_maps = Self::of_box(&IndexBox::new(block.ranges()[head..].to_vec()), widths);
        Ok(if block.is_empty() { of_maps.without_cells() } else { of_maps })
    }
    /// That of a box of one to three dimensions, the last ones of level, `y` and `x`.
    pub(super) fn of_box(block: &IndexBox, widths: [usize; 3]) -> Self {
        let mut extent = Self { start: [0; 3], own: [1; 3], widths };
        for (d, range) in (3 - block.ndim()..).zip(block.ranges()) {
            (extent.start[d], extent.own[d]) = (range.start, range.len());
        }
        if block.is_empty() {
            return extent.without_cells();
        }
        extent
    }
    fn without_cells(self) -> Self {
        Self { own: [0; 3], widths: [0; 3], ..self }
    }
    /// Whether this cell of the domain is in the block.
    pub(super) fn owns(&self, at: [usize; 3]) -> bool {
        (0..3).all(|d| (self.start[d]..self.start[d] + self.own[d]).contains(&at[d]))
    }
    /// Lengths of level, `y` and `x` with the halo.
    pub fn shape(&self) -> [usize; 3] {
        [0, 1, 2].map(|d| self.own[d] + 2 * self.widths[d])
    }
    /// Lengths of the block alone.
    pub fn own(&self) -> [usize; 3] {
        self.own
    }
    /// First global index of the block in level, `y` and `x`.
    pub fn start(&self) -> [usize; 3] {
        self.start
    }
    /// How wide the halo is at both ends of level, `y` and `x`.
    pub fn widths(&self) -> [usize; 3] {
        self.widths
    }
    /// Cells of a map with its halo.
    pub fn cells(&self) -> usize {
        self.shape().iter().product()
    }
    /// Where the own cells lie along level, `y` and `x` in memory.
    pub fn inside(&self) -> [Range<usize>; 3] {
        [0, 1, 2].map(|d| self.widths[d]..self.widths[d] + self.own[d])
    }
    /// Of the own cells those that are so far from the halo (level, `y`, `x`) that work with a
    /// stencil of this reach needs nothing of it; maybe none.
    pub fn interior(&self, reach: [usize; 3]) -> [Range<usize>; 3] {
        [0, 1, 2].map(|d| {
            let Range { start, end } = self.inside()[d].clone();
            let from = (start + reach[d]).min(end);
            from..end.saturating_sub(reach[d]).max(from)
        })
    }
    /// Own cells that [`Self::interior`] leaves out: boxes that don't meet.
    pub fn rim(&self, reach: [usize; 3]) -> Vec<[Range<usize>; 3]> {
        let (inside, interior) = (self.inside(), self.interior(reach));
        let mut boxes = Vec::new();
        for d in 0..3 {
            for part in [inside[d].start..interior[d].start, interior[d].end..inside[d].end] {
                // Before d the interior, after it everything: each cell is in one box.
                let of = |e: usize| match e.cmp(&d) {
                    std::cmp::Ordering::Less => interior[e].clone(),
                    std::cmp::Ordering::Equal => part.clone(),
                    std::cmp::Ordering::Greater => inside[e].clone(),
                };
                boxes.push([of(0), of(1), of(2)]);
            }
        }
        boxes.retain(|b| b.iter().all(|r| !r.is_empty()));
        boxes
    }
    /// Offset of a cell, by its indices in memory.
    pub fn offset(&self, [level, y, x]: [usize; 3]) -> usize {
        let shape = self.shape();
        (level * shape[1] + y) * shape[2] + x
    }
    /// Copies the values of a block (maps of own cells, one after another) in between the halos.
    ///
    /// # Panics
    /// If lengths don't agree.
    pub fn spread<T: Copy>(&self, block: &[T], with_halo: &mut [T]) {
        self.rows(block.len(), with_halo.len(), |own, at, n| {
            with_halo[at..at + n].copy_from_slice(&block[own..own + n]);
        });
    }
    /// Copies the own cells of maps with halos back into a block.
    ///
    /// # Panics
    /// If lengths don't agree.
    pub fn collect<T: Copy>(&self, with_halo: &[T], block: &mut [T]) {
        self.rows(block.len(), with_halo.len(), |own, at, n| {
            block[own..own + n].copy_from_slice(&with_halo[at..at + n]);
        });
    }

    fn rows(&self, block: usize, with_halo: usize, mut row: impl FnMut(usize, usize, usize)) {
        let each = self.own.iter().product::<usize>();
        let maps = block.checked_div(each).unwrap_or(0);
        assert!(block == maps * each && with_halo == maps * self.cells(), "maps and halos differ");
        let [levels, rows, columns] = self.inside();
        let mut own = 0;
        for map in 0..maps {
            for level in levels.clone() {
                for y in rows.clone() {
                    row(own, map * self.cells() + self.offset([level, y, columns.start]), columns.len());
                    own += columns.len();
                }
            }
        }
    }
}

/// How many dimensions come before those that have halos.
pub(super) fn head(decomposition: &Decomposition, widths: [usize; 3]) -> Result<usize> {
    let dims = decomposition.dims();
    let role = |back: usize| dims.len().checked_sub(back).map(|d| dims[d].role);
    let levels = role(3) == Some(Role::Level);
    let fits = role(2) == Some(Role::Y) && role(1) == Some(Role::X) && (levels || widths[0] == 0);
    if !fits {
        let names: Vec<&str> = dims.iter().map(|d| d.name.as_str()).collect();
        return Err(Error::usage(format!(
            "halos need the last dimensions to be {}y and x, these are {}",
            if widths[0] > 0 { "level, " } else { "" },
            names.join(", ")
        )));
    }
    // Levels without a halo are maps like others.
    Ok(dims.len() - if widths[0] > 0 { 3 } else { 2 })
}
