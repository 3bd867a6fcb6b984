//! Groups put together after the pass: windows over the days of a year.

use super::op::Needs;
use super::state::ReductionState;
use std::collections::HashMap;

impl ReductionState {
    /// The state in which group k is made of all values of the groups of `lists[k]`, in that
    /// order; a group may be in several lists. Trends are not pooled.
    pub(super) fn pooled(&self, lists: &[Vec<u32>], needs: Needs) -> Self {
        let known: HashMap<u32, usize> = self.groups.iter().enumerate().map(|(i, &g)| (g, i)).collect();
        let mut all = Self { cells: self.cells, settled: true, ..Self::default() };
        let met: Vec<(u32, Vec<usize>)> = (0u32..)
            .zip(lists)
            .map(|(k, list)| (k, list.iter().filter_map(|g| known.get(g).copied()).collect::<Vec<_>>()))
            .filter(|(_, slots)| !slots.is_empty())
            .collect();
        all.expect(needs, met.len());
        for (group, slots) in met {
            let to = all.slot(group, needs);
            for slot in slots {
                all.merge_slot(to.clone(), self, slot * self.cells..(slot + 1) * self.cells, needs);
            }
        }
        all
    }
}
