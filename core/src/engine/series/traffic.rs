//! What passes over whole series send, known beforehand.

use super::plan::SeriesPlan;
use super::run::tiles_of;
use crate::comm::Formula;
use crate::engine::stream::{block, shares, time_ranges, Sharing, StreamSource};
use crate::engine::traffic::{Forest, Merging};
use crate::error::Result;
use crate::index::IndexBox;
use crate::redistribution;

impl SeriesPlan {
    /// Adds what ranks send in a pass of work over the series of `sources`, without checkpoints
    /// ([`Engine::series_together`](crate::engine::Engine::series_together)); `sink`, which is called
    /// for each batch, adds what it sends itself. `is_first`: the pass reads, even where the plan
    /// [keeps](Self::keeping) what is read.
    ///
    /// # Errors
    /// As [`Decomposition::from_edges`](crate::decomposition::Decomposition::from_edges).
    pub fn foresee(
        &self,
        sources: &[&dyn StreamSource],
        is_first: bool,
        formula: &mut Formula,
        sink: &mut dyn FnMut(&mut Formula, usize) -> Result<()>,
    ) -> Result<()> {
        let is_kept = self.kept.is_some() && !is_first;
        let element = if sources.iter().all(|source| source.is_single()) { 4 } else { 8 };
        for k in 0..self.batches.len() {
            if !is_kept && self.apart.is_none() && (k == 0 || !self.read_ahead) {
                self.collected(k, sources.len(), element, formula)?;
            }
            formula.agree();
            sink(formula, k)?;
            formula.agree();
        }
        Ok(())
    }

    /// [`Self::foresee`] of a fold ([`Engine::fold_series`](crate::engine::Engine::fold_series)).
    ///
    /// # Errors
    /// As [`Self::foresee`].
    pub fn foresee_fold(
        &self,
        source: &dyn StreamSource,
        merging: Merging<'_>,
        is_first: bool,
        formula: &mut Formula,
    ) -> Result<()> {
        let owners = self.owners()?;
        let owner = |id: usize| owners.get(id).copied().unwrap_or(0);
        let mut forest = Forest::new(merging, &self.tiling, &owner, formula.ranks());
        self.foresee(&[source], is_first, formula, &mut |formula, k| {
            let batch = self.batches.get(k).into_iter();
            batch.flat_map(|batch| tiles_of(self, batch)).try_for_each(|tile| forest.insert(tile.id))?;
            forest.settle(formula)
        })?;
        forest.settle(formula)
    }

    /// What each rank works on of a batch, from rank 0 on; none of a batch that is not there.
    ///
    /// # Errors
    /// As [`Self::foresee`].
    pub fn parts_of(&self, batch: usize) -> Result<Vec<IndexBox>> {
        let Some(batch) = self.batches.get(batch) else { return Ok(Vec::new()) };
        let deal = self.deal(batch)?;
        Ok((0..self.ranks()).map(|rank| deal.block(rank)).collect())
    }

    /// Values of a batch on their way to those who work on them.
    fn collected(&self, k: usize, sources: usize, element: usize, formula: &mut Formula) -> Result<()> {
        let Some(batch) = self.batches.get(k).filter(|_| self.sharing == Sharing::Exchanged) else {
            formula.agree();
            return Ok(());
        };
        let (to, steps) = (self.deal(batch)?, self.steps.saturating_mul(self.ranks()));
        for _ in 0..sources {
            for times in time_ranges(&batch.range(0), self.time_chunk, steps) {
                let window = block(&times, &batch.ranges()[1..]);
                let from = shares(self.tiling.dims(), &window, self.time_chunk, self.ranks())?;
                formula.agree();
                formula.all_to_all_v(redistribution::parts(&from, &to, element));
            }
        }
        Ok(())
    }
}
