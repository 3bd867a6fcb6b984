//! Exact percentiles over time at each cell.

use super::quantile::{Place, QuantileMethod};
use halocline_core::engine::{Numbers, Piece, SeriesWork};
use halocline_core::{Error, Result};

/// How many values that are not missing a result needs; with fewer it is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Needed {
    /// So many; 0 means the same as 1.
    AtLeast(u32),
    /// All there could be: one that is missing makes the result missing.
    All,
}

impl Needed {
    /// Whether `count` values of `all` suffice.
    pub(super) const fn is_met(self, count: usize, all: usize) -> bool {
        match self {
            Self::AtLeast(least) => count > 0 && count >= least as usize,
            Self::All => count > 0 && count == all,
        }
    }
}

/// Percentiles of the values that each cell has at some steps: of all, of groups, or of pools of
/// steps that may overlap.
///
/// Missing values are skipped. Values are compared as they are kept (single precision stays
/// single), interpolation is in double precision: what numpy gives for the same values in doubles.
#[derive(Debug, Clone)]
pub struct Percentiles {
    /// Between 0 and 1.
    quantiles: Vec<f64>,
    method: QuantileMethod,
    needed: Needed,
    /// Steps of each result; `None`: all.
    pools: Option<Vec<Vec<u32>>>,
}

impl Percentiles {
    /// The percentiles at `percents` (0 to 100) of all steps, linearly interpolated, of whatever
    /// is not missing.
    ///
    /// # Errors
    /// Usage, if there is none or one is not between 0 and 100.
    pub fn new(percents: &[f64]) -> Result<Self> {
        if let Some(odd) = percents.iter().find(|p| !(0.0..=100.0).contains(*p)) {
            return Err(
                Error::usage(format!("there is no percentile {odd}")).remedy("name one from 0 to 100")
            );
        }
        if percents.is_empty() {
            return Err(Error::usage("no percentile is asked for"));
        }
        let quantiles = percents.iter().map(|p| p / 100.0).collect();
        Ok(Self { quantiles, method: QuantileMethod::Linear, needed: Needed::AtLeast(1), pools: None })
    }
    /// By another definition.
    #[must_use]
    pub fn method(self, method: QuantileMethod) -> Self {
        Self { method, ..self }
    }
    /// With another rule for missing values.
    #[must_use]
    pub fn needed(self, needed: Needed) -> Self {
        Self { needed, ..self }
    }
    /// Of the steps of each of `count` groups; `groups` has the number of each step's, `u32::MAX`
    /// for a step that is left out.
    ///
    /// # Errors
    /// Internal, if a group's number is not below `count`.
    pub fn grouped(self, groups: &[u32], count: usize) -> Result<Self> {
        let mut pools = vec![Vec::new(); count];
        for (step, &group) in groups.iter().enumerate().filter(|(_, &group)| group != u32::MAX) {
            let pool = pools.get_mut(group as usize);
            pool.ok_or_else(|| Error::internal("a group of times has a number that is out of range"))?
                .push(step as u32);
        }
        Ok(self.pooled(pools))
    }
    /// Of the steps in each of `pools`, which may overlap: windows around each day of the year.
    #[must_use]
    pub fn pooled(self, pools: Vec<Vec<u32>>) -> Self {
        Self { pools: Some(pools), ..self }
    }
    /// Rows of each result: groups or pools, one if there are none.
    pub fn groups(&self) -> usize {
        self.pools.as_ref().map_or(1, Vec::len)
    }
}

impl SeriesWork for Percentiles {
    fn rows(&self) -> Vec<usize> {
        vec![self.groups(); self.quantiles.len()]
    }
    fn scratch_per_thread(&self, steps: usize, cells: usize) -> u64 {
        let keys = stride(steps).saturating_mul(width(steps, 8).min(cells)).saturating_add(2 * steps);
        8 * keys as u64
    }
    fn work(&self, series: &Piece<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        let steps = series.steps();
        let outside = |pool: &Vec<u32>| pool.iter().any(|&s| s as usize >= steps.len());
        if self.pools.iter().flatten().any(outside) {
            return Err(Error::internal("a pool of times names one that there is not"));
        }
        match steps.clone().next().map(|step| series.step(step)) {
            Some(Numbers::F32(_)) => self.of_keys::<i32>(series, results),
            Some(Numbers::F64(_)) => self.of_keys::<i64>(series, results),
            None => {}
        }
        Ok(())
    }
}

/// Bytes of the series that are turned at once: they stay in a core's own cache.
const CACHED: usize = 192 << 10;
/// Cells whose series are turned at once, at least: a line of the cache.
const LEAST: usize = 16;

/// Cells whose series are turned at once.
fn width(steps: usize, size: usize) -> usize {
    (CACHED / (steps.max(1) * size) / LEAST * LEAST).clamp(LEAST, 256)
}

/// From one turned series to the next: never a multiple of a page, where all would meet in the
/// same places of a cache.
fn stride(steps: usize) -> usize {
    steps.next_multiple_of(16) + 16
}

impl Percentiles {
    fn of_keys<K: Key>(&self, series: &Piece<'_>, results: &mut [Vec<&mut [f64]>]) {
        let steps = series.steps().len();
        let (stride, width) = (stride(steps), width(steps, size_of::<K>()).min(series.cells()).max(1));
        let mut turned = vec![K::MISSING; stride * width];
        let mut pool: Vec<K> = vec![K::MISSING; if self.pools.is_some() { steps } else { 0 }];
        let mut ranks = Ranks::default();
        for start in (0..series.cells()).step_by(width) {
            let here = start..series.cells().min(start + width);
            let mut counts = vec![0usize; here.len()];
            for step in series.steps() {
                // Without pools the missing ones are dropped on the way.
                let packed = self.pools.is_none();
                K::turn(series.step(step), here.start, stride, &mut turned, &mut counts, packed);
            }
            for (k, cell) in here.enumerate() {
                let keys = &mut turned[k * stride..(k + 1) * stride];
                let Some(pools) = &self.pools else {
                    self.select(&mut keys[..counts[k]], steps, &mut ranks, |r, v| results[r][0][cell] = v);
                    continue;
                };
                for (g, members) in pools.iter().enumerate() {
                    if pool.len() < members.len() {
                        // A pool may name a step twice.
                        pool.resize(members.len(), K::MISSING);
                    }
                    let mut count = 0;
                    for &step in members {
                        let key = keys[step as usize];
                        pool[count] = key;
                        count += usize::from(key != K::MISSING);
                    }
                    let of = members.len();
                    self.select(&mut pool[..count], of, &mut ranks, |r, v| results[r][g][cell] = v);
                }
            }
        }
    }

    /// Gives each quantile of these keys, of which there could have been `all`.
    fn select<K: Key>(
        &self,
        keys: &mut [K],
        all: usize,
        ranks: &mut Ranks,
        mut give: impl FnMut(usize, f64),
    ) {
        if !self.needed.is_met(keys.len(), all) {
            return;
        }
        ranks.of(keys.len(), &self.quantiles, self.method);
        order(keys, 0, &ranks.wanted);
        for (r, place) in ranks.places.iter().enumerate() {
            give(r, place.value(keys[place.low].value(), keys[place.high].value()));
        }
    }
}

/// Which places of the sorted values are needed; most cells have equally many values.
#[derive(Default)]
struct Ranks {
    count: usize,
    places: Vec<Place>,
    /// In order, each once.
    wanted: Vec<usize>,
}

impl Ranks {
    fn of(&mut self, count: usize, quantiles: &[f64], method: QuantileMethod) {
        if self.count == count {
            return;
        }
        self.count = count;
        self.places = quantiles.iter().map(|&q| method.place(count, q)).collect();
        self.wanted = self.places.iter().flat_map(|p| [p.low, p.high]).collect();
        self.wanted.sort_unstable();
        self.wanted.dedup();
    }
}

/// Puts those keys where a sort would put them that belong at the places `wanted`, counted from
/// `first`, which is the place of `keys[0]`.
fn order<K: Key>(keys: &mut [K], first: usize, wanted: &[usize]) {
    // Below this, sorting is faster than choosing.
    const FEW: usize = 24;
    if wanted.is_empty() || keys.len() < 2 {
        return;
    }
    // Many places are as dear as all of them.
    if keys.len() <= FEW || wanted.len() * 8 >= keys.len() {
        keys.sort_unstable();
        return;
    }
    let middle = wanted.len() / 2;
    let place = wanted[middle] - first;
    let (below, _, above) = keys.select_nth_unstable(place);
    order(below, first, &wanted[..middle]);
    order(above, first + place + 1, &wanted[middle + 1..]);
}

/// A number as an integer that sorts alike; zeros of both signs are neighbours.
trait Key: Copy + Ord {
    /// Behind all numbers.
    const MISSING: Self;
    fn value(self) -> f64;
    /// Puts a step of some cells, from `start` on, behind what each series holds already.
    fn turn(
        row: Numbers<'_>,
        start: usize,
        stride: usize,
        turned: &mut [Self],
        counts: &mut [usize],
        packed: bool,
    );
}

macro_rules! key {
    ($key:ty, $bits:ty, $float:ty, $numbers:path) => {
        impl Key for $key {
            const MISSING: Self = Self::MAX;
            fn value(self) -> f64 {
                let bits = self ^ (((self >> (Self::BITS - 1)) as $bits) >> 1) as Self;
                f64::from(<$float>::from_bits(bits as $bits))
            }
            fn turn(
                row: Numbers<'_>,
                start: usize,
                stride: usize,
                turned: &mut [Self],
                counts: &mut [usize],
                packed: bool,
            ) {
                let $numbers(row) = row else { return };
                let series = turned.chunks_exact_mut(stride);
                for ((series, count), &value) in series.zip(counts).zip(&row[start..]) {
                    let bits = value.to_bits() as Self;
                    let key = bits ^ (((bits >> (Self::BITS - 1)) as $bits) >> 1) as Self;
                    let missing = value.is_nan();
                    series[*count] = if missing { Self::MISSING } else { key };
                    *count += usize::from(!(missing && packed));
                }
            }
        }
    };
}
key!(i32, u32, f32, Numbers::F32);
key!(i64, u64, f64, Numbers::F64);

#[cfg(test)]
mod tests {
    use super::*;
    use halocline_core::index::IndexBox;
    use halocline_core::tiling::Tile;

    fn run(work: &Percentiles, steps: usize, values: &[f64]) -> Vec<Vec<f64>> {
        let cells = values.len() / steps.max(1);
        let tile = Tile { id: 0, block: IndexBox::whole(&[steps, cells]) };
        let mut out: Vec<Vec<f64>> = work.rows().iter().map(|&n| vec![f64::NAN; n * cells]).collect();
        let mut rows: Vec<Vec<&mut [f64]>> = out.iter_mut().map(|o| o.chunks_mut(cells).collect()).collect();
        work.work(&Piece::whole(&tile, values), &mut rows).unwrap();
        out
    }

    fn mixed(i: usize) -> f64 {
        ((i * 7919 + 13) % 1009) as f64 * 0.25 - 120.0
    }

    /// The definition: sort everything.
    fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
        let mut all: Vec<f64> = values.filter(|v| !v.is_nan()).collect();
        all.sort_by(f64::total_cmp);
        all
    }

    #[test]
    fn choosing_gives_what_sorting_gives() {
        let percents = [0.0, 2.5, 10.0, 50.0, 90.0, 99.9, 100.0];
        for (steps, cells) in [(1, 3), (2, 1), (30, 40), (257, 300), (1000, 5)] {
            let values: Vec<f64> = (0..steps * cells)
                .map(|i| if i % 7 == 3 || i % cells == 1 { f64::NAN } else { mixed(i) })
                .collect();
            for method in QuantileMethod::ALL {
                let work = Percentiles::new(&percents).unwrap().method(method);
                let out = run(&work, steps, &values);
                for cell in 0..cells {
                    let all = sorted((0..steps).map(|t| values[t * cells + cell]));
                    for (r, p) in percents.iter().enumerate() {
                        let expected = match all.len() {
                            0 => f64::NAN,
                            n => {
                                let place = method.place(n, p / 100.0);
                                place.value(all[place.low], all[place.high])
                            }
                        };
                        assert_eq!(out[r][cell].to_bits(), expected.to_bits(), "{method:?} {p} {cell}");
                    }
                }
            }
        }
    }

    #[test]
    fn pools_may_overlap_and_groups_leave_steps_out() {
        let (steps, cells) = (60, 20);
        let values: Vec<f64> = (0..steps * cells).map(mixed).collect();
        let pools: Vec<Vec<u32>> =
            (0..12).map(|g| (0..60).filter(|t| (t + 12 - g) % 12 <= 2).collect()).collect();
        let out = run(&Percentiles::new(&[50.0]).unwrap().pooled(pools.clone()), steps, &values);
        let months: Vec<u32> = (0..60).map(|t| if t < 6 { u32::MAX } else { t % 12 }).collect();
        let grouped = run(&Percentiles::new(&[50.0]).unwrap().grouped(&months, 12).unwrap(), steps, &values);
        for cell in 0..cells {
            for g in 0..12 {
                let median = |of: &mut dyn Iterator<Item = usize>| {
                    let all = sorted(of.map(|t| values[t * cells + cell]));
                    let place = QuantileMethod::Linear.place(all.len(), 0.5);
                    place.value(all[place.low], all[place.high])
                };
                assert_eq!(out[0][g * cells + cell], median(&mut pools[g].iter().map(|&t| t as usize)));
                let of_month = |t: &usize| months[*t] == g as u32;
                assert_eq!(grouped[0][g * cells + cell], median(&mut (0..steps).filter(of_month)));
            }
        }
        assert!(Percentiles::new(&[50.0]).unwrap().grouped(&[0, 3], 3).is_err());
    }

    #[test]
    fn a_result_needs_enough_values() {
        let nan = f64::NAN;
        let values = [1.0, nan, nan, 2.0, 5.0, nan, 3.0, 6.0, 9.0];
        let of = |needed| run(&Percentiles::new(&[50.0]).unwrap().needed(needed), 3, &values).remove(0);
        let missing = |v: Vec<f64>| v.iter().map(|v| v.is_nan()).collect::<Vec<_>>();
        assert_eq!(of(Needed::AtLeast(0)), [2.0, 5.5, 9.0]);
        assert_eq!(missing(of(Needed::AtLeast(2))), [false, false, true]);
        assert_eq!(missing(of(Needed::All)), [false, true, true]);
        assert!(Percentiles::new(&[101.0]).is_err() && Percentiles::new(&[nan]).is_err());
        assert!(Percentiles::new(&[]).is_err());
    }

    #[test]
    fn infinities_and_signed_zeros_sort_as_numbers() {
        let values = [0.0, f64::INFINITY, -0.0, -1.0, f64::NEG_INFINITY, 1.0];
        let out = run(&Percentiles::new(&[0.0, 20.0, 100.0]).unwrap(), 6, &values);
        assert_eq!([out[0][0], out[1][0], out[2][0]], [f64::NEG_INFINITY, -1.0, f64::INFINITY]);
    }
}
