//! Which cells have data: looked at once, before any work is spent.

use halocline_core::engine::Map;
use halocline_core::tiling::Tile;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// Looks for missing and infinite values in tiles of whole series.
pub(super) struct SurveyMap<'a> {
    pub(super) times: usize,
    /// Offsets in C order of a tile's cells in the whole grid.
    pub(super) cells_of: &'a (dyn Fn(&Tile) -> Vec<usize> + Sync),
    pub(super) excluded: &'a [bool],
}

/// What was found in a tile, or in all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Survey {
    /// Cells with data at all times, by their offset in the grid.
    pub(super) valid: Vec<usize>,
    /// Cells without any data.
    pub(super) empty: usize,
    /// Cells missing at some times only.
    pub(super) gappy: usize,
    /// The first such cell, and its first missing time.
    pub(super) first_gap: Option<(usize, usize)>,
    /// Infinite values.
    pub(super) infinite: usize,
    /// The first: cell, time.
    pub(super) first_infinite: Option<(usize, usize)>,
}

impl Map for SurveyMap<'_> {
    type Output = Survey;

    fn apply(&self, tile: &Tile, values: &[f64]) -> Result<Survey> {
        let width = values.len() / self.times.max(1);
        let cells = (self.cells_of)(tile);
        let mut missing = vec![0usize; width];
        let mut infinite = 0;
        for map in values.chunks(width.max(1)) {
            for (m, v) in missing.iter_mut().zip(map) {
                *m += usize::from(v.is_nan());
                infinite += usize::from(v.is_infinite());
            }
        }
        let mut survey = Survey { infinite, ..Survey::default() };
        if infinite > 0 {
            // Cells left out on purpose may hold anything.
            survey.infinite = 0;
            for (i, _) in values.iter().enumerate().filter(|(_, v)| v.is_infinite()) {
                let cell = cells[i % width];
                if !self.is_excluded(cell) {
                    survey.infinite += 1;
                    survey.first_infinite.get_or_insert((cell, i / width));
                }
            }
        }
        for (c, &m) in missing.iter().enumerate().filter(|&(c, _)| !self.is_excluded(cells[c])) {
            if m == 0 {
                survey.valid.push(cells[c]);
            } else if m == self.times {
                survey.empty += 1;
            } else {
                survey.gappy += 1;
                let first = (0..self.times).find(|t| values[t * width + c].is_nan()).unwrap_or(0);
                survey.first_gap.get_or_insert((cells[c], first));
            }
        }
        Ok(survey)
    }
}

impl SurveyMap<'_> {
    fn is_excluded(&self, cell: usize) -> bool {
        self.excluded.get(cell).copied().unwrap_or(false)
    }
}

/// Which cell and time a number stands for, in the user's words.
pub(super) type Locate<'a> = dyn Fn(usize, usize) -> String + Sync + 'a;

impl Survey {
    /// Joins the surveys of all tiles, in tile order; valid cells come out ascending.
    pub(super) fn join(parts: Vec<Self>) -> Self {
        let mut all = Self::default();
        for part in parts {
            all.valid.extend(part.valid);
            all.empty += part.empty;
            all.gappy += part.gappy;
            all.infinite += part.infinite;
            all.first_gap = [all.first_gap, part.first_gap].into_iter().flatten().min();
            all.first_infinite = [all.first_infinite, part.first_infinite].into_iter().flatten().min();
        }
        all.valid.sort_unstable();
        all
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
                self.gappy + self.valid.len(),
                locate(cell, time)
            ))
            .remedy(
                "fill the gaps, mask these cells at all times, or choose a --time or --box without gaps",
            ));
        }
        if self.valid.is_empty() {
            return Err(Error::data("all values are missing")
                .remedy("check _FillValue, valid_range and the selection"));
        }
        Ok(())
    }
}
