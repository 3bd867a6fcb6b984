//! Windows in the order in which a rank goes through them, and how their values get to those who
//! reduce them.

use super::plan::{Sharing, StreamPlan};
use super::reading::shares;
use super::windows::{block, space_boxes, time_ranges};
use crate::decomposition::Decomposition;
use crate::error::Result;
use crate::index::IndexBox;
use std::collections::VecDeque;
use std::ops::Range;

/// Tiles that are filled together: one leaf in time, one box in space.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) leaf: Range<usize>,
    pub(super) space: Vec<Range<usize>>,
}

impl StreamPlan {
    /// The units of what a rank reads, in order.
    pub(super) fn units(&self, reading: &IndexBox) -> VecDeque<Unit> {
        let mut all = VecDeque::new();
        if reading.is_empty() {
            return all;
        }
        let boxes = space_boxes(&self.atoms, reading, self.cells);
        let leaves = self.tiling.edges(0).windows(2).map(|pair| pair[0]..pair[1]);
        let times = reading.range(0);
        let leaves: Vec<_> = leaves.filter(|l| l.start >= times.start && l.end <= times.end).collect();
        // Leaves that a state goes through follow one another: what a checkpoint does not hold, as it has
        // only begun, is that of one box. A rank's first leaf is the first of such.
        for leaves in leaves.chunks(1 << self.kept) {
            for space in &boxes {
                all.extend(leaves.iter().map(|leaf| Unit { leaf: leaf.clone(), space: space.clone() }));
            }
        }
        all
    }

    /// The windows of a unit, in order.
    pub(super) fn windows(&self, unit: &Unit) -> Vec<IndexBox> {
        let steps = match self.sharing {
            Sharing::Own => self.steps,
            Sharing::Exchanged => self.steps.saturating_mul(self.deal.ranks()),
        };
        time_ranges(&unit.leaf, self.time_chunk, steps).iter().map(|t| block(t, &unit.space)).collect()
    }

    /// Who reads what of a window that is exchanged.
    pub(super) fn shares(&self, window: &IndexBox) -> Result<Decomposition> {
        shares(self.tiling.dims(), window, self.time_chunk, self.deal.ranks())
    }

    /// Who reads, and who reduces, what of a window that is exchanged.
    pub(super) fn exchange(&self, window: &IndexBox) -> Result<(Decomposition, Decomposition)> {
        let edges = (0..window.ndim()).map(|d| {
            let range = window.range(d);
            if d == 0 {
                vec![range.start, range.end]
            } else {
                self.deal.edges(d).iter().map(|&e| e.clamp(range.start, range.end)).collect()
            }
        });
        let to = Decomposition::from_edges(self.tiling.dims().to_vec(), edges.collect(), self.deal.ranks())?;
        Ok((self.shares(window)?, to))
    }
}
