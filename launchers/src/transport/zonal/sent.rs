//! What ranks send for transports across circles of latitude, known beforehand.

use super::made::{Made, Part};
use super::output;
use super::run::Zonal;
use crate::plan::{Ranks, Sends, Sent};
use crate::series::writing_of;
use halocline_core::comm::Formula;
use halocline_core::index::IndexBox;
use halocline_core::Result;
use halocline_io::output::WriteFormula;
use std::ops::Range;

impl Sends for Zonal {
    fn sent(&self, on: Ranks) -> Result<Option<Sent>> {
        // Of a mean, sums over time at faces travel too.
        if self.args.mean {
            return Ok(None);
        }
        let (made, time, others) = (Made::all(self), output::times(self), output::coordinates(self));
        let (schema, pending) = output::define(self, &made, (&time, &others))?;
        let writing = writing_of(on.room);
        let file = WriteFormula::new(&schema)?.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
        let (mut passes, mut written) = (Formula::new(on.count), Formula::new(on.count));
        pending.iter().try_for_each(|(name, _)| file.write_whole(name, &mut written))?;
        let (basins, levels, lines) = (self.basins(), output::interfaces(self).len(), self.lat.len());
        let mut failed = Ok(());
        self.pass().foresee(
            (on.count, on.threads),
            on.room.saturating_sub(writing),
            &mut passes,
            &mut |times| {
                for one in &made {
                    let block = |rank: usize| {
                        let full = |n: usize| if rank == 0 && !times.is_empty() { 0..n } else { 0..0 };
                        let times = if rank == 0 { times.clone() } else { 0..0 };
                        let levels = (one.part == Part::Stream).then(|| full(levels));
                        let ranges: Vec<Range<usize>> =
                            [times, full(basins)].into_iter().chain(levels).chain([full(lines)]).collect();
                        IndexBox::new(ranges)
                    };
                    let boxes: Vec<IndexBox> = (0..on.count).map(block).collect();
                    if let Err(e) = file.write_block(&one.name, &boxes, &mut written) {
                        failed = Err(e);
                    }
                }
            },
        )?;
        failed?;
        Ok(Some(Sent { passes, writing: Some(written) }))
    }
}
