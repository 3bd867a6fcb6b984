//! What passes over streams and whole maps send, known beforehand.

use super::{Sharing, StreamPlan, StreamSource, WholePlan};
use crate::comm::Formula;
use crate::engine::traffic::{Forest, Merging};
use crate::error::Result;
use crate::index::IndexBox;
use crate::redistribution;

impl StreamPlan {
    /// Adds what ranks send while `sources` stream through folds from the beginning to the end, in one
    /// go and without checkpoints ([`SharedRun`](crate::engine::SharedRun)): the values of windows
    /// that are exchanged, and the states of each fold.
    ///
    /// # Errors
    /// As [`Decomposition::from_edges`](crate::decomposition::Decomposition::from_edges).
    pub fn foresee(
        &self,
        sources: &[&dyn StreamSource],
        folds: &[Merging<'_>],
        formula: &mut Formula,
    ) -> Result<()> {
        if self.sharing == Sharing::Exchanged {
            let units = self.units(&IndexBox::whole(&self.deal.shape()));
            for unit in &units {
                // Whether all go on.
                formula.all_reduce(1);
                for window in self.windows(unit) {
                    formula.agree();
                    let (from, to) = self.exchange(&window)?;
                    for source in sources {
                        let element = if source.is_single() { 4 } else { 8 };
                        formula.all_to_all_v(redistribution::parts(&from, &to, element));
                    }
                    formula.agree();
                }
            }
            formula.all_reduce(1);
        }
        // That all is well, and that nothing is left.
        formula.agree();
        formula.all_reduce(1);
        let owner = |id: usize| self.owner(id);
        for fold in folds {
            let mut forest = Forest::new(*fold, &self.tiling, &owner, formula.ranks());
            (0..self.tiling.len()).try_for_each(|id| forest.insert(id))?;
            forest.settle(formula)?;
        }
        Ok(())
    }
}

impl WholePlan {
    /// Adds what ranks send while maps are worked on apart
    /// ([`Engine::maps_apart`](crate::engine::Engine::maps_apart)); `sink` adds what it sends itself,
    /// given the windows of a round, from rank 0 on.
    pub fn foresee(&self, formula: &mut Formula, sink: &mut dyn FnMut(&mut Formula, &[Option<&IndexBox>])) {
        for round in 0..self.rounds() {
            formula.agree();
            if !self.pieces {
                formula.agree();
            }
            let windows: Vec<_> = (0..self.ranks).map(|rank| self.window(round, rank)).collect();
            sink(formula, &windows);
        }
    }
}
