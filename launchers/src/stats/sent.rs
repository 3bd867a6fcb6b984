//! What ranks send for statistics over steps, known beforehand.

use super::reduce::quantities;
use super::run::Statistics;
use super::{describe, output};
use crate::plan::{Ranks, Sends, Sent};
use halocline_core::comm::Formula;
use halocline_core::engine::{Fold as _, Merging, StreamPlan};
use halocline_core::tiling::Tile;
use halocline_core::Result;
use halocline_io::output::WriteFormula;

impl Sends for Statistics<'_> {
    fn sent(&self, on: Ranks) -> Result<Option<Sent>> {
        if self.args.checkpoint.is_asked() {
            return Ok(None);
        }
        let (mut passes, mut written) = (Formula::new(on.count), Formula::new(on.count));
        let (mut results, mut parts) = (Vec::new(), Vec::new());
        for (task, pass) in self.variables.iter().filter_map(|variable| variable.task.as_ref()) {
            let fold = pass.fold();
            let besides = if on.count > 1 { task.besides_of_many } else { task.besides };
            let plan = StreamPlan::new(&task.source, fold, on.demand(besides))?;
            let bytes = |tile: &Tile, values: u64| fold.encoded_bytes(tile, values);
            let merging = Merging { reduces: fold.reduces(), bytes: &bytes };
            plan.foresee(&[&task.source], &[merging], &mut passes)?;
            let (result, boxes) = task.imagined(&plan, fold);
            results.push(result);
            parts.push(boxes);
        }
        let args = self.args;
        let (schema, pending) = output::define(args, &self.dataset, &results, &vec![None; results.len()])?;
        let file = WriteFormula::new(&schema)?;
        pending.iter().try_for_each(|(name, _)| file.write_whole(name, &mut written))?;
        for (result, parts) in results.iter().zip(&parts) {
            for (op, quantity) in quantities(&args.ops()) {
                file.write_block(&describe::name(args, &result.name, op, quantity), parts, &mut written)?;
            }
        }
        Ok(Some(Sent { passes, writing: Some(written) }))
    }
}
