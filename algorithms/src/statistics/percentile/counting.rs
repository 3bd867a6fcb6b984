//! Exact percentiles of cells that have more values than memory holds, or threads to sort them.
//!
//! A number is a row of binary digits that sort as it does. One pass counts the values of a cell by
//! their first digits, which tells with which digits the value at a place of the sorted row begins,
//! and its place among those that begin so. The next pass counts those by their next digits, until
//! all are known. Counts are whole numbers, so nothing depends on who counts what.

use super::key::Key;
use super::{check, CountState, Ranks};
use crate::statistics::finish::Missing;
use crate::statistics::quantile::QuantileMethod;
use crate::statistics::Groups;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Dim, Role};
use halocline_core::tiling::Tile;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// Percentiles over time and whatever else, found in [`Self::passes`] passes: each is a fold, and
/// [`Self::advance`] takes what all of its columns [tell](Self::found).
///
/// The results are those of [`Percentiles`](super::Percentiles) to the last bit.
#[derive(Debug, Clone)]
pub struct CountedPercentiles {
    quantiles: Vec<f64>,
    method: QuantileMethod,
    missing: Missing,
    pub(super) roles: Vec<Role>,
    /// Behind time: which dimensions are reduced, and what is kept.
    pub(super) reduced: Vec<bool>,
    pub(super) kept: IndexBox,
    pub(super) groups: Groups,
    possible: u64,
    /// Bits of a key, those that a pass finds, and those that are known.
    pub(super) width: u32,
    digits: u32,
    pub(super) known: u32,
    /// By group and cell what is looked for, and the known digits of values that are counted, in
    /// order; empty before the first pass.
    wanted: Vec<Wanted>,
    prefixes: Vec<Vec<u64>>,
    /// The most of these.
    most: usize,
}

/// What is known of a group of a cell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Wanted {
    /// Values that are not missing.
    count: u64,
    /// By place: the place of a sorted row, the known digits of the value there, and its place among
    /// those that begin so.
    places: Vec<(u64, u64, u64)>,
}

impl Wanted {
    /// The known digits of the values at its places, in order.
    fn prefixes(&self) -> Vec<u64> {
        // Places are in order, and so are the values there.
        let mut all: Vec<u64> = self.places.iter().map(|place| place.1).collect();
        all.dedup();
        all
    }
}

/// What a pass tells of one group of one cell.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Found {
    slot: u64,
    wanted: Wanted,
}

impl CountedPercentiles {
    /// The percentiles at `percents` (0 to 100) of a variable with the dimensions `dims`, time
    /// first, over those of `roles`, time among them, by groups of times; linearly interpolated, of
    /// whatever is not missing. `single`: values are in single precision. For `possible` see
    /// [`Percentiles::over`](super::Percentiles::over).
    ///
    /// # Errors
    /// Usage, if there is no percentile or one is not between 0 and 100; internal, if time is not
    /// reduced.
    pub fn new(
        percents: &[f64],
        dims: &[Dim],
        roles: &[Role],
        groups: &Groups,
        single: bool,
    ) -> Result<Self> {
        check(percents)?;
        if !roles.contains(&Role::Time) || dims.first().is_none_or(|d| d.role != Role::Time) {
            return Err(Error::internal("percentiles are counted over time only"));
        }
        let reduced: Vec<bool> = dims[1..].iter().map(|d| roles.contains(&d.role)).collect();
        let space = || dims[1..].iter().zip(&reduced);
        let kept = IndexBox::new(space().filter(|(_, r)| !**r).map(|(d, _)| 0..d.len).collect());
        let possible = space().filter(|(_, r)| **r).map(|(d, _)| d.len as u64).product();
        Ok(Self {
            quantiles: percents.iter().map(|p| p / 100.0).collect(),
            method: QuantileMethod::Linear,
            missing: Missing::Skip,
            roles: roles.to_vec(),
            reduced,
            wanted: Vec::new(),
            prefixes: Vec::new(),
            most: 1,
            kept,
            groups: groups.clone(),
            possible,
            width: if single { i32::WIDTH } else { i64::WIDTH },
            digits: 16,
            known: 0,
        })
    }
    /// By another definition, and with another rule for missing values, of so many values of a
    /// cell at each step that may be there.
    #[must_use]
    pub fn rules(self, method: QuantileMethod, missing: Missing, possible: u64) -> Self {
        Self { method, missing, possible, ..self }
    }
    /// With so many binary digits in each pass, 1 to 16: fewer make smaller states and more passes.
    #[must_use]
    pub fn digits(self, digits: u32) -> Self {
        Self { digits: digits.clamp(1, 16), ..self }
    }
    /// How many passes it takes from the beginning.
    pub fn passes(&self) -> usize {
        self.width.div_ceil(self.digits) as usize
    }
    /// As it may be in a later pass, when every place is looked for apart: the largest states.
    #[must_use]
    pub fn largest(&self) -> Self {
        Self { most: (2 * self.quantiles.len()).min(1 << self.digits), ..self.clone() }
    }
    /// Counters of a tile for a group of times.
    pub fn counters(&self, tile: &Tile) -> u64 {
        let space = tile.block.ranges().iter().skip(1).zip(&self.reduced).filter(|(_, r)| !**r);
        let cells: usize = space.map(|(range, _)| range.len()).product();
        cells.saturating_mul(self.of_cell()) as u64
    }
    /// Counters of all cells and groups.
    pub fn all_counters(&self) -> u64 {
        let slots = self.groups.len().saturating_mul(self.kept.len());
        slots.saturating_mul(self.of_cell()) as u64
    }
    /// Bytes that are kept of all cells beside states, on every rank, and once more while passes
    /// tell what they found.
    pub fn kept_bytes(&self) -> u64 {
        let slots = self.groups.len().saturating_mul(self.kept.len());
        // A place, the digits of its prefix.
        let of_place = size_of::<(u64, u64, u64)>() + size_of::<u64>();
        let of_slot = size_of::<Found>() + size_of::<Vec<u64>>() + 32 + 2 * self.quantiles.len() * of_place;
        (slots as u64).saturating_mul(2 * of_slot as u64)
    }
    /// Whether all is known.
    pub fn is_done(&self) -> bool {
        self.known == self.width
    }
    /// Binary digits that this pass finds.
    pub(super) fn now(&self) -> u32 {
        self.digits.min(self.width - self.known)
    }
    /// Counters of a cell in a group: alike for all, whatever is looked for.
    pub(super) fn of_cell(&self) -> usize {
        self.most << self.now()
    }
    /// The known digits of the values that are counted.
    pub(super) fn prefixes(&self, slot: usize) -> &[u64] {
        match self.prefixes.get(slot) {
            Some(prefixes) => prefixes,
            // All values begin with no digit.
            None => &[0],
        }
    }
    /// Cells of what is kept in a tile, by their numbers in all of it.
    pub(super) fn cells(&self, tile: &Tile) -> Vec<usize> {
        let space = tile.block.ranges().iter().skip(1).zip(&self.reduced);
        let own = IndexBox::new(space.filter(|(_, r)| !**r).map(|(range, _)| range.clone()).collect());
        let mut cells = Vec::with_capacity(own.len());
        self.kept.for_each_run(&own, |from, _, n| cells.extend(from..from + n));
        cells
    }

    /// What the finished state of a column tells, whose first tile is `tile`.
    pub fn found(&self, tile: &Tile, state: &CountState) -> Vec<Found> {
        let (cells, of_cell) = (self.cells(tile), self.of_cell());
        let sizes = self.groups.sizes();
        let mut ranks = Ranks::default();
        let mut found = Vec::new();
        for (&group, counts) in state.groups.iter().zip(state.counts.chunks((cells.len() * of_cell).max(1))) {
            for (&cell, counts) in cells.iter().zip(counts.chunks(of_cell)) {
                let slot = group as usize * self.kept.len() + cell;
                let mut wanted = self.wanted.get(slot).cloned().unwrap_or_default();
                if self.known == 0 {
                    let all = sizes.get(group as usize).copied().unwrap_or(0) * self.possible;
                    wanted.count = counts.iter().sum();
                    if wanted.count == 0 || wanted.count < self.missing.least(all) {
                        continue;
                    }
                    ranks.of(wanted.count as usize, &self.quantiles, self.method);
                    wanted.places = ranks.wanted.iter().map(|&rank| (rank as u64, 0, rank as u64)).collect();
                }
                let prefixes = self.prefixes(slot);
                for (_, prefix, rest) in &mut wanted.places {
                    let at = prefixes.binary_search(prefix).unwrap_or(0);
                    let counts = counts[at << self.now()..].iter().take(1 << self.now());
                    let mut digits = 0u64;
                    for &count in counts {
                        if *rest < count {
                            break;
                        }
                        *rest -= count;
                        digits += 1;
                    }
                    *prefix = *prefix << self.now() | digits;
                }
                found.push(Found { slot: slot as u64, wanted });
            }
        }
        found
    }

    /// The next pass, after all columns of this one have told what they found.
    ///
    /// # Errors
    /// Internal, if that is of no cell.
    pub fn advance(self, found: impl IntoIterator<Item = Found>) -> Result<Self> {
        let known = self.known + self.now();
        let mut wanted = self.wanted;
        wanted.resize(self.groups.len() * self.kept.len(), Wanted::default());
        for Found { slot, wanted: now } in found {
            let slot = usize::try_from(slot).ok().and_then(|slot| wanted.get_mut(slot));
            *slot.ok_or_else(|| Error::internal("counts are of a cell that there is not"))? = now;
        }
        let prefixes: Vec<Vec<u64>> = wanted.iter().map(Wanted::prefixes).collect();
        let most = prefixes.iter().map(Vec::len).max().unwrap_or(0).max(1);
        Ok(Self { known, wanted, prefixes, most, ..self })
    }

    /// The percentiles when all is known: by percentile groups times cells, C order, missing as NaN.
    pub fn values(&self) -> Vec<Vec<f64>> {
        let slots = self.groups.len() * self.kept.len();
        let mut maps = vec![vec![f64::NAN; slots]; self.quantiles.len()];
        let value = |bits: u64| {
            if self.width == i32::WIDTH {
                i32::of_ordered(bits).value()
            } else {
                i64::of_ordered(bits).value()
            }
        };
        for (slot, wanted) in self.wanted.iter().enumerate().filter(|(_, w)| !w.places.is_empty()) {
            let at = |place: usize| {
                let found = wanted.places.iter().find(|(rank, ..)| *rank == place as u64);
                found.map_or(f64::NAN, |(_, bits, _)| value(*bits))
            };
            for (map, &q) in maps.iter_mut().zip(&self.quantiles) {
                let place = self.method.place(wanted.count as usize, q);
                map[slot] = place.value(at(place.low), at(place.high));
            }
        }
        maps
    }
}
