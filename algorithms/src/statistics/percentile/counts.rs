//! One pass of counting, as a fold.

use super::counting::CountedPercentiles;
use super::key::Key;
use crate::statistics::layout::Layout;
use crate::statistics::weights::Weights;
use halocline_core::engine::{Fold, Numbers, Piece, Pieces};
use halocline_core::meta::Role;
use halocline_core::tiling::Tile;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// Counts of the cells of a tile, for the groups that were met.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CountState {
    pub(super) groups: Vec<u32>,
    /// By group, cell, prefix and next digits.
    pub(super) counts: Vec<u64>,
}

impl CountedPercentiles {
    fn count<K: Key>(&self, state: &mut CountState, piece: &Piece<'_>) {
        let (cells, of_cell) = (self.cells(piece.tile()), self.of_cell());
        let of_group = cells.len() * of_cell;
        let weights = Weights::default();
        let layout = Layout::new(piece.tile(), &self.reduced, &weights);
        let shift = K::WIDTH - self.known - self.now();
        for (group, steps) in self.groups.runs(piece.steps()) {
            let met = state.groups.iter().position(|&g| g == group).unwrap_or_else(|| {
                state.groups.push(group);
                state.counts.resize(state.groups.len() * of_group, 0);
                state.groups.len() - 1
            });
            let slots = cells.iter().map(|cell| group as usize * self.kept.len() + cell);
            let prefixes: Vec<&[u64]> = slots.map(|slot| self.prefixes(slot)).collect();
            let counts = &mut state.counts[met * of_group..(met + 1) * of_group];
            for step in steps {
                let values = piece.step(step);
                for row in &layout.rows {
                    let values = values.slice(row.start..row.start + layout.length);
                    if layout.is_reduced {
                        let counts = &mut counts[row.base * of_cell..(row.base + 1) * of_cell];
                        self.count_row::<K>(counts, prefixes[row.base], shift, values);
                    } else {
                        K::each(values, |k, key| {
                            let cell = row.base + k;
                            let counts = &mut counts[cell * of_cell..(cell + 1) * of_cell];
                            self.count_one(counts, prefixes[cell], key.ordered() >> shift);
                        });
                    }
                }
            }
        }
    }

    /// Counts the values of one cell.
    fn count_row<K: Key>(&self, counts: &mut [u64], prefixes: &[u64], shift: u32, values: Numbers<'_>) {
        if self.known == 0 {
            // There are as many counters as first digits.
            return K::each(values, |_, key| counts[(key.ordered() >> shift) as usize] += 1);
        }
        K::each(values, |_, key| self.count_one(counts, prefixes, key.ordered() >> shift));
    }

    /// Counts a value of which these are the known and the next digits.
    fn count_one(&self, counts: &mut [u64], prefixes: &[u64], digits: u64) {
        let prefix = digits >> self.now();
        if let Some(at) = prefixes.iter().position(|p| *p == prefix) {
            counts[at << self.now() | (digits & ((1 << self.now()) - 1)) as usize] += 1;
        }
    }
}

impl Fold for CountedPercentiles {
    type State = CountState;
    const NAME: &'static str = "statistics-percentile-counts";
    const VERSION: u32 = 1;

    fn reduces(&self) -> &[Role] {
        &self.roles
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn state_bytes(&self, tile: &Tile) -> u64 {
        let length = tile.block.range(0).len();
        // The planner keeps this for each level of a merge tree over time: together they hold no
        // more groups than its peak.
        let levels = self.groups.steps().div_ceil(length.max(1)).max(1).ilog2() as usize + 2;
        let groups = self.groups.peak(length).div_ceil(levels).max(1);
        self.counters(tile).saturating_mul(8 * groups as u64)
    }
    fn start(&self, _column: usize) -> CountState {
        CountState::default()
    }
    fn absorb(&self, state: &mut CountState, piece: &Piece<'_>) -> Result<()> {
        let Some(first) = piece.steps().next() else { return Ok(()) };
        match (piece.step(first), self.width) {
            (Numbers::F32(_), i32::WIDTH) => self.count::<i32>(state, piece),
            (Numbers::F64(_), i64::WIDTH) => self.count::<i64>(state, piece),
            _ => return Err(Error::internal("values of another type are counted")),
        }
        Ok(())
    }
    fn merge(&self, left: CountState, right: CountState) -> Result<CountState> {
        let (mut left, right) = if left.groups.is_empty() { (right, left) } else { (left, right) };
        let of_group = left.counts.len() / left.groups.len().max(1);
        if right.counts.len() != right.groups.len() * of_group {
            return Err(Error::internal("counts of other cells are merged"));
        }
        for (group, counts) in right.groups.iter().zip(right.counts.chunks(of_group.max(1))) {
            if let Some(at) = left.groups.iter().position(|g| g == group) {
                let sums = left.counts[at * of_group..].iter_mut();
                sums.zip(counts).for_each(|(sum, n)| *sum += n);
            } else {
                left.groups.push(*group);
                left.counts.extend_from_slice(counts);
            }
        }
        Ok(left)
    }
}
