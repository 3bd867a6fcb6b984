//! Which cells have data, and which data can't be answered for: found out by the pass that sums.

use super::gram::Shared;
use super::prepare::Rows;
use super::strip::Strip;
use halocline_core::engine::{encoded_number, Numbers};
use halocline_core::{Error, Result};
use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What was found in a tile, or in all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Survey {
    /// Cells with data at all times.
    pub(super) cells: usize,
    /// Cells missing at some times only.
    pub(super) gappy: usize,
    /// The first such cell, and its first missing time.
    pub(super) first_gap: Option<(usize, usize)>,
    /// Infinite values.
    pub(super) infinite: usize,
    /// The first: cell, time.
    pub(super) first_infinite: Option<(usize, usize)>,
    /// The first cell that has data but no weight.
    pub(super) unweighted: Option<usize>,
}

/// Which cell and time a number stands for, in the user's words.
pub(super) type Locate<'a> = dyn Fn(usize, usize) -> String + Sync + 'a;

impl Survey {
    /// Bytes of an encoded survey of so many cells with data, and nothing else.
    pub(super) const fn encoded_bytes(cells: u64) -> u64 {
        encoded_number(cells) + 5
    }

    /// Looks at the cells of a tile that are missing at the first time, and so have to be at all;
    /// `cells` are their numbers in the grid. In all threads, if the caller's is the only one.
    pub(super) fn look_at_land(
        &mut self,
        rows: &Rows<'_>,
        (times, in_threads): (usize, bool),
        cells: &[usize],
        excluded: &[bool],
    ) {
        let is_excluded = |c: usize| excluded.get(c).copied().unwrap_or(false);
        let land: Vec<usize> = match rows(0) {
            Numbers::F32(v) => (0..v.len()).filter(|&c| v[c].is_nan() && !is_excluded(c)).collect(),
            Numbers::F64(v) => (0..v.len()).filter(|&c| v[c].is_nan() && !is_excluded(c)).collect(),
        };
        if land.is_empty() {
            return;
        }
        // Side by side, as they are in memory.
        let runs: Vec<Range<usize>> =
            land.chunk_by(|a, b| a + 1 == *b).map(|run| run[0]..run[0] + run.len()).collect();
        let is_land = |time: usize| match rows(time) {
            Numbers::F32(map) => Arch::new().dispatch(AllMissing { map, runs: &runs }),
            Numbers::F64(map) => Arch::new().dispatch(AllMissing { map, runs: &runs }),
        };
        let is_land_throughout = if in_threads {
            (1..times).into_par_iter().with_min_len(64).all(is_land)
        } else {
            (1..times).all(is_land)
        };
        if is_land_throughout {
            return;
        }
        for &c in &land {
            if (0..times).any(|time| !value(rows, time, c).is_nan()) {
                self.add_series(rows, times, (c, cells[c]));
            }
        }
    }

    /// Looks at a strip that was prepared; `cells` are the numbers in the grid of those of its tile.
    pub(super) fn look_at_strip(
        &mut self,
        rows: &Rows<'_>,
        shared: &Shared<'_>,
        strip: &Strip,
        cells: &[usize],
    ) {
        let gappy = self.gappy;
        for &c in &strip.odd {
            let place = strip.cells[c];
            self.add_series(rows, shared.times, (place, cells[place]));
        }
        self.cells += strip.cells.len() - (self.gappy - gappy);
        let unweighted = strip.cells.iter().map(|&c| cells[c]).find(|&c| !shared.weight(c).is_finite());
        self.unweighted = self.unweighted.or(unweighted);
    }

    /// Counts a cell whose series is not as it should be: place in the tile, number in the grid.
    pub(super) fn add_series(&mut self, rows: &Rows<'_>, times: usize, (place, cell): (usize, usize)) {
        let series: Vec<f64> = (0..times).map(|time| value(rows, time, place)).collect();
        if let Some(time) = series.iter().position(|v| v.is_nan()) {
            self.gappy += 1;
            self.first_gap = least(self.first_gap, Some((cell, time)));
        }
        self.add_infinite(rows, times, (place, cell));
    }

    /// Counts the infinite values of a cell.
    pub(super) fn add_infinite(&mut self, rows: &Rows<'_>, times: usize, (place, cell): (usize, usize)) {
        let series: Vec<f64> = (0..times).map(|time| value(rows, time, place)).collect();
        if let Some(time) = series.iter().position(|v| v.is_infinite()) {
            self.infinite += series.iter().filter(|v| v.is_infinite()).count();
            self.first_infinite = least(self.first_infinite, Some((cell, time)));
        }
    }

    /// Whether what was found forbids an analysis.
    pub(super) fn is_bad(&self) -> bool {
        self.gappy > 0 || self.infinite > 0 || self.unweighted.is_some()
    }

    /// Adds what was found elsewhere.
    pub(super) fn join(&mut self, other: &Self) {
        self.cells += other.cells;
        self.gappy += other.gappy;
        self.infinite += other.infinite;
        self.first_gap = least(self.first_gap, other.first_gap);
        self.first_infinite = least(self.first_infinite, other.first_infinite);
        self.unweighted = least(self.unweighted, other.unweighted);
    }

    /// Refuses data that an EOF analysis can't answer for.
    pub(super) fn check(&self, locate: &Locate<'_>) -> Result<()> {
        if let Some((cell, time)) = self.first_infinite {
            return Err(Error::data(format!(
                "{} value{} infinite, the first {}",
                self.infinite,
                if self.infinite == 1 { " is" } else { "s are" },
                locate(cell, time)
            ))
            .remedy("correct the data, or declare the value as missing (_FillValue)"));
        }
        if let Some((cell, time)) = self.first_gap {
            return Err(Error::data(format!(
                "{} of {} cells with data are missing at some times only, the first {}",
                self.gappy,
                self.gappy + self.cells,
                locate(cell, time)
            ))
            .remedy(
                "fill the gaps (--missing dineof), mask these cells at all times, or choose a --time or --box without gaps",
            ));
        }
        if let Some(cell) = self.unweighted {
            return Err(Error::data(format!(
                "there are data in a cell without coordinates, {}",
                locate(cell, 0)
            ))
            .remedy("use --weights none"));
        }
        if self.cells == 0 {
            return Err(Error::data("all values are missing")
                .remedy("check _FillValue, valid_range and the selection"));
        }
        Ok(())
    }
}

/// Whether all values of a map in these runs of cells are missing.
struct AllMissing<'a, T> {
    map: &'a [T],
    runs: &'a [Range<usize>],
}

impl<T: Copy + PartialEq> NullaryFnOnce for AllMissing<'_, T> {
    type Output = bool;
    #[inline(always)]
    #[allow(clippy::inline_always)] // so that it is compiled for the vectors of its caller
    #[allow(clippy::eq_op)] // only what is no number differs from itself
    fn call(self) -> bool {
        // To the end of each run, so that it can be in vectors.
        let there = |run: &Range<usize>| self.map[run.clone()].iter().map(|v| u32::from(v == v)).sum::<u32>();
        self.runs.iter().all(|run| there(run) == 0)
    }
}

fn value(rows: &Rows<'_>, time: usize, place: usize) -> f64 {
    match rows(time) {
        Numbers::F32(v) => f64::from(v[place]),
        Numbers::F64(v) => v[place],
    }
}

fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    [a, b].into_iter().flatten().min()
}
