//! What ranks send for an EOF analysis, known beforehand.

use super::{EofArgs, OpenFields};
use crate::folding::FoldJob;
use crate::plan::{Ranks, Sends, Sent};
use halocline_algorithms::eof;
use halocline_core::comm::Formula;
use halocline_core::engine::SeriesPlan;
use halocline_core::Result;

/// `halocline eof`, opened.
pub(crate) struct Opened<'a> {
    args: &'a EofArgs,
    fields: OpenFields,
}

impl<'a> Opened<'a> {
    /// # Collective
    /// Every rank calls this.
    pub(crate) fn new(job: &FoldJob<'_>, args: &'a EofArgs) -> Result<Self> {
        Ok(Self { args, fields: super::open(job, args)? })
    }
}

impl Sends for Opened<'_> {
    fn sent(&self, on: Ranks) -> Result<Option<Sent>> {
        let [field] = self.fields.fields.as_slice() else { return Ok(None) };
        let (options, source) = (self.args.options()?, &field.source);
        let times = source.time().len();
        let modes = self.args.modes.unwrap_or(10).min(times.saturating_sub(1));
        let (dims, grid) = (&source.variable().dims, source.grid());
        let needs = eof::needs(dims, &grid.excluded, &options, modes);
        let (states, solver) = eof::memory(dims, &grid.excluded, &options, modes);
        // As the command plans: maps of all ranks come together at the one that writes.
        let maps = ((needs.rows * grid.len()) as u64).saturating_mul(2 * 8);
        let beside = states.max(maps);
        let plan = SeriesPlan::of_needs(source, &needs, on.demand(beside))?;
        let stays = plan.estimate() <= on.room.saturating_sub(solver).saturating_sub(beside);
        let plan = if stays { plan.keeping() } else { plan };
        let mut passes = Formula::new(on.count);
        let is_known = eof::foresee(source, &plan, &grid.excluded, &options, &mut passes)?;
        Ok(is_known.then_some(Sent { passes, writing: None }))
    }
}
