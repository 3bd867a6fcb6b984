//! Windows of whole maps where each rank has levels of its own, at all times: what is kept of each
//! cell over time then stays with one rank and is summed in the order of time.

use super::{too_little, WholeNeeds, WholePlan, WINDOW};
use crate::engine::stream::{element, same_shapes, StreamSource};
use crate::error::{Error, Result};
use crate::index::IndexBox;
use crate::meta::Role;

impl WholePlan {
    /// Windows of some times and some levels of a rank's own, in the order of time: all levels of
    /// some times come in neighbouring rounds. Sources without levels have one.
    ///
    /// # Errors
    /// Data, if shapes differ; memory, if not even one map fits.
    pub fn by_level(
        sources: &[&dyn StreamSource],
        (ranks, threads): (usize, usize),
        room: u64,
        needs: WholeNeeds,
    ) -> Result<Self> {
        same_shapes(sources)?;
        let Some(first) = sources.first() else { return Err(Error::internal("no source of maps")) };
        let (variable, ranks) = (first.variable(), ranks.max(1));
        let shape = variable.shape();
        let level = variable.position(Role::Level);
        let is_horizontal = |d: &usize| matches!(variable.dims[*d].role, Role::Y | Role::X);
        if (1..shape.len()).any(|d| !is_horizontal(&d) && Some(d) != level) {
            return Err(Error::data("has dimensions beside time, levels and the horizontal ones")
                .in_variable(&variable.name)
                .remedy("choose one member of an ensemble"));
        }
        let cells: usize = (0..shape.len()).filter(is_horizontal).map(|d| shape[d]).product();
        let map_bytes = element(sources) * cells as u64;
        let scratch = sources.iter().map(|s| s.scratch_per_thread()).max().unwrap_or(0) * threads as u64;
        let fixed = scratch.saturating_add(needs.fixed);
        let each = (2 * map_bytes).saturating_add(2 * needs.made);
        let most = usize::try_from(room.saturating_sub(fixed) / each.max(1)).unwrap_or(usize::MAX);
        if most == 0 {
            return Err(too_little("one whole map", (fixed.saturating_add(each), room), &variable.name));
        }
        let wanted = usize::try_from(WINDOW / map_bytes.max(1)).unwrap_or(usize::MAX).clamp(1, most);
        let (times, levels) = (shape[0], level.map_or(1, |d| shape[d]));
        let chunks = first.chunks();
        // Levels that are stored together stay together where that leaves work for all ranks.
        let unit = level.map_or(1, |d| chunks[d].max(1));
        let unit = if levels.div_ceil(unit) >= ranks { unit } else { 1 };
        let units = levels.div_ceil(unit);
        let edge = |rank: usize| (units * rank / ranks * unit).min(levels);
        let own = (0..ranks).map(|rank| edge(rank + 1) - edge(rank)).max().unwrap_or(1).max(1);
        let (at_once, together) = if own <= wanted {
            let chunk = chunks[0].max(1);
            let steps = wanted / own;
            // Whole chunks in time where memory allows.
            let steps = if chunk * own <= most { (steps / chunk).max(1) * chunk } else { most / own };
            (steps.max(1), own)
        } else {
            (1, if wanted >= unit { wanted / unit * unit } else { wanted })
        };
        let mut windows = Vec::new();
        let whole = IndexBox::whole(&shape);
        for from in (0..times).step_by(at_once.max(1)) {
            let time = from..times.min(from + at_once);
            for part in 0..own.div_ceil(together) {
                for rank in 0..ranks {
                    let (least, end) = (edge(rank), edge(rank + 1));
                    let start = (least + part * together).min(end);
                    let range = start..(start + together).min(end);
                    let window = whole.with_range(0, time.clone());
                    windows.push(match level {
                        Some(d) => window.with_range(d, range),
                        None if range.is_empty() => window.with_range(0, 0..0),
                        None => window,
                    });
                }
            }
        }
        let largest = windows.iter().map(|w| (w.len() / cells.max(1)) as u64).max().unwrap_or(0);
        let estimate = fixed + largest * each;
        Ok(Self { windows, ranks, pieces: false, in_order: true, estimate }.read_apart(sources, threads))
    }

    /// The levels of which `rank` has windows.
    pub fn levels_of(&self, rank: usize, level: usize) -> std::ops::Range<usize> {
        let own = self.windows.iter().skip(rank).step_by(self.ranks).filter(|w| !w.is_empty());
        let ranges: Vec<_> = own.map(|w| w.range(level)).collect();
        let start = ranges.iter().map(|r| r.start).min().unwrap_or(0);
        start..ranges.iter().map(|r| r.end).max().unwrap_or(start)
    }
}
