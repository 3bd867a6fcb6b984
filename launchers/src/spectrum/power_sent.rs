//! What ranks send for power spectra, known beforehand.

use super::frame::At;
use super::power::PowerSpectrum;
use crate::plan::{Ranks, Sends, Sent};
use crate::series::writing_of;
use halocline_core::comm::Formula;
use halocline_core::engine::SeriesPlan;
use halocline_core::index::IndexBox;
use halocline_core::Result;
use halocline_io::output::WriteFormula;

impl Sends for PowerSpectrum<'_> {
    fn sent(&self, on: Ranks) -> Result<Option<Sent>> {
        if self.args.checkpoint.is_asked() {
            return Ok(None);
        }
        let Some(welch) = self.welch().filter(|_| self.reduced.roles.is_empty()) else { return Ok(None) };
        let (work, writing) = (self.work(welch), writing_of(on.room));
        let plan = SeriesPlan::new(&self.source, &work, on.demand(writing))?;
        let frame = self.frame(welch)?;
        let (schema, pending) = self.schema(&frame, plan.tiling().rule())?;
        let file = WriteFormula::new(&schema)?.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
        let (mut passes, mut written) = (Formula::new(on.count), Formula::new(on.count));
        pending.iter().try_for_each(|(name, _)| file.write_whole(name, &mut written))?;
        file.write_whole("degrees_of_freedom", &mut written)?;
        let (rows, levels) = (welch.degrees_of_freedom().len(), self.levels());
        plan.foresee(&[&self.source], true, &mut passes, &mut |_, k| {
            let parts = plan.parts_of(k)?;
            let mut put = |name: &str, at: At| {
                let leading = [at.level.map(|k| k..k + 1), at.rows.map(|rows| 0..rows)];
                let block = |part: &IndexBox| {
                    let all = leading.iter().flatten().chain(part.ranges().iter().skip(1));
                    let none = part.is_empty();
                    IndexBox::new(all.map(|range| if none { 0..0 } else { range.clone() }).collect())
                };
                file.write_block(name, &parts.iter().map(block).collect::<Vec<_>>(), &mut written)
            };
            let all = At { level: None, rows: Some(rows) };
            put("power", all)?;
            if levels == 0 {
                return Ok(());
            }
            for level in 0..levels {
                put("significance", At { level: (levels > 1).then_some(level), ..all })?;
            }
            put("background", all)?;
            put("lag1_autocorrelation", At { level: None, rows: None })
        })?;
        Ok(Some(Sent { passes, writing: Some(written) }))
    }
}
