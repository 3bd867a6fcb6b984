//! Exact percentiles of cells that have more values than memory holds, or threads to sort them.
//!
//! A number is a row of binary digits that sort as it does. One pass counts the values of a cell by
//! their first digits, which tells with which digits the value at a place of the sorted row begins,
//! and its place among those that begin so. The next pass counts those by their next digits, until
//! all are known. Counts are whole numbers, so nothing depends on who counts what.

use super::key::Key;
use super::{check, Ranks};
use crate::statistics::finish::Missing;
use crate::statistics::layout::Layout;
use crate::statistics::quantile::QuantileMethod;
use crate::statistics::weights::Weights;
use crate::statistics::Groups;
use halocline_core::engine::{Fold, Numbers, Piece, Pieces};
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
    roles: Vec<Role>,
    /// Behind time: which dimensions are reduced, and what is kept.
    reduced: Vec<bool>,
    kept: IndexBox,
    groups: Groups,
    possible: u64,
    /// Bits of a key, those that a pass finds, and those that are known.
    width: u32,
    digits: u32,
    known: u32,
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

/// Counts of the cells of a tile, for the groups that were met.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CountState {
    groups: Vec<u32>,
    /// By group, cell, prefix and next digits.
    counts: Vec<u64>,
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
    fn now(&self) -> u32 {
        self.digits.min(self.width - self.known)
    }
    /// Counters of a cell in a group: alike for all, whatever is looked for.
    fn of_cell(&self) -> usize {
        self.most << self.now()
    }
    /// The known digits of the values that are counted.
    fn prefixes(&self, slot: usize) -> &[u64] {
        match self.prefixes.get(slot) {
            Some(prefixes) => prefixes,
            // All values begin with no digit.
            None => &[0],
        }
    }
    /// Cells of what is kept in a tile, by their numbers in all of it.
    fn cells(&self, tile: &Tile) -> Vec<usize> {
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

    fn count<K: Key>(&self, state: &mut CountState, piece: &Piece<'_>) {
        let (cells, of_cell) = (self.cells(piece.tile()), self.of_cell());
        let of_group = cells.len() * of_cell;
        let weights = Weights::default();
        let layout = Layout::new(piece.tile(), &self.reduced, &weights);
        let shift = K::WIDTH - self.known - self.now();
        for (group, steps) in self.groups.runs(piece.steps()) {
            let met = state.groups.iter().position(|&g| g == group).unwrap_or_else(|| {
                state.groups.push(group);
                state.counts.resize(state.groups.len() * of_group, 0);
                state.groups.len() - 1
            });
            let slots = cells.iter().map(|cell| group as usize * self.kept.len() + cell);
            let prefixes: Vec<&[u64]> = slots.map(|slot| self.prefixes(slot)).collect();
            let counts = &mut state.counts[met * of_group..(met + 1) * of_group];
            for step in steps {
                let values = piece.step(step);
                for row in &layout.rows {
                    let values = values.slice(row.start..row.start + layout.length);
                    if layout.is_reduced {
                        let counts = &mut counts[row.base * of_cell..(row.base + 1) * of_cell];
                        self.count_row::<K>(counts, prefixes[row.base], shift, values);
                    } else {
                        K::each(values, |k, key| {
                            let cell = row.base + k;
                            let counts = &mut counts[cell * of_cell..(cell + 1) * of_cell];
                            self.count_one(counts, prefixes[cell], key.ordered() >> shift);
                        });
                    }
                }
            }
        }
    }

    /// Counts the values of one cell.
    fn count_row<K: Key>(&self, counts: &mut [u64], prefixes: &[u64], shift: u32, values: Numbers<'_>) {
        if self.known == 0 {
            // There are as many counters as first digits.
            return K::each(values, |_, key| counts[(key.ordered() >> shift) as usize] += 1);
        }
        K::each(values, |_, key| self.count_one(counts, prefixes, key.ordered() >> shift));
    }

    /// Counts a value of which these are the known and the next digits.
    fn count_one(&self, counts: &mut [u64], prefixes: &[u64], digits: u64) {
        let prefix = digits >> self.now();
        if let Some(at) = prefixes.iter().position(|p| *p == prefix) {
            counts[at << self.now() | (digits & ((1 << self.now()) - 1)) as usize] += 1;
        }
    }
}

impl Fold for CountedPercentiles {
    type State = CountState;
    const NAME: &'static str = "statistics-percentile-counts";
    const VERSION: u32 = 1;

    fn reduces(&self) -> &[Role] {
        &self.roles
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn state_bytes(&self, tile: &Tile) -> u64 {
        let length = tile.block.range(0).len();
        // The planner keeps this for each level of a merge tree over time: together they hold no
        // more groups than its peak.
        let levels = self.groups.steps().div_ceil(length.max(1)).max(1).ilog2() as usize + 2;
        let groups = self.groups.peak(length).div_ceil(levels).max(1);
        self.counters(tile).saturating_mul(8 * groups as u64)
    }
    fn start(&self, _column: usize) -> CountState {
        CountState::default()
    }
    fn absorb(&self, state: &mut CountState, piece: &Piece<'_>) -> Result<()> {
        let Some(first) = piece.steps().next() else { return Ok(()) };
        match (piece.step(first), self.width) {
            (Numbers::F32(_), i32::WIDTH) => self.count::<i32>(state, piece),
            (Numbers::F64(_), i64::WIDTH) => self.count::<i64>(state, piece),
            _ => return Err(Error::internal("values of another type are counted")),
        }
        Ok(())
    }
    fn merge(&self, left: CountState, right: CountState) -> Result<CountState> {
        let (mut left, right) = if left.groups.is_empty() { (right, left) } else { (left, right) };
        let of_group = left.counts.len() / left.groups.len().max(1);
        if right.counts.len() != right.groups.len() * of_group {
            return Err(Error::internal("counts of other cells are merged"));
        }
        for (group, counts) in right.groups.iter().zip(right.counts.chunks(of_group.max(1))) {
            if let Some(at) = left.groups.iter().position(|g| g == group) {
                let sums = left.counts[at * of_group..].iter_mut();
                sums.zip(counts).for_each(|(sum, n)| *sum += n);
            } else {
                left.groups.push(*group);
                left.counts.extend_from_slice(counts);
            }
        }
        Ok(left)
    }
}
