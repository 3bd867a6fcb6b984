//! Exact percentiles: over time at each cell, over areas, members, or whatever is reduced.

mod approximate;
mod counting;
#[cfg(test)]
mod counting_tests;
mod counts;
mod key;
mod sketch;
#[cfg(test)]
mod sketch_tests;
#[cfg(test)]
mod tests;

pub use approximate::{ApproximatePercentiles, SketchState};
pub use counting::{CountedPercentiles, Found};
pub use counts::CountState;

use super::finish::Missing;
use super::quantile::{Place, QuantileMethod};
use halocline_core::engine::{Series, SeriesWork};
use halocline_core::meta::{Dim, Role};
use halocline_core::{Error, Result};
use key::Key;

/// Percentiles of the values that each cell has at some steps: of all, of groups, or of pools of
/// steps that may overlap. What is a cell depends on what is reduced: time alone, or what
/// [`Self::over`] names. All values count alike.
///
/// Missing values are skipped. Values are compared as they are kept (single precision stays
/// single), interpolation is in double precision: what numpy gives for the same values in doubles.
#[derive(Debug, Clone)]
pub struct Percentiles {
    /// Between 0 and 1.
    quantiles: Vec<f64>,
    method: QuantileMethod,
    missing: Missing,
    /// Steps of each result; `None`: all.
    pools: Option<Vec<Vec<u32>>>,
    over: Over,
}

/// What is reduced.
#[derive(Debug, Clone)]
struct Over {
    roles: Vec<Role>,
    /// Samples of a cell at each step, those that may hold a value, and whether they are neighbours
    /// in memory.
    of_step: usize,
    possible: u64,
    along: bool,
}

fn check(percents: &[f64]) -> Result<()> {
    if let Some(odd) = percents.iter().find(|p| !(0.0..=100.0).contains(*p)) {
        return Err(Error::usage(format!("there is no percentile {odd}")).remedy("name one from 0 to 100"));
    }
    if percents.is_empty() {
        return Err(Error::usage("no percentile is asked for"));
    }
    Ok(())
}

impl Percentiles {
    /// The percentiles at `percents` (0 to 100) of all steps, linearly interpolated, of whatever
    /// is not missing.
    ///
    /// # Errors
    /// Usage, if there is none or one is not between 0 and 100.
    pub fn new(percents: &[f64]) -> Result<Self> {
        check(percents)?;
        let quantiles = percents.iter().map(|p| p / 100.0).collect();
        let over = Over { roles: vec![Role::Time], of_step: 1, possible: 1, along: false };
        Ok(Self { quantiles, method: QuantileMethod::Linear, missing: Missing::Skip, pools: None, over })
    }
    /// Over the dimensions of these roles of a variable with the dimensions `dims`, time first.
    /// `possible` is how many of the values of a cell at one step may be there: less than all where
    /// a selection leaves some out, which are then no missing ones.
    ///
    /// # Errors
    /// Internal, if there is no such dimension.
    pub fn over(self, dims: &[Dim], roles: &[Role], possible: u64) -> Result<Self> {
        let reduced = |d: &&Dim| roles.contains(&d.role);
        if !dims.iter().any(|d| reduced(&d)) {
            return Err(Error::internal("percentiles over no dimension"));
        }
        let lens = dims.iter().skip(1).filter(reduced).map(|d| d.len);
        let of_step = lens.fold(1usize, usize::saturating_mul);
        let along = dims.iter().skip(1).rev().find(|d| d.len > 1).is_some_and(|d| reduced(&d));
        let roles = roles.to_vec();
        Ok(Self { over: Over { roles, of_step, possible, along }, ..self })
    }
    /// By another definition.
    #[must_use]
    pub fn method(self, method: QuantileMethod) -> Self {
        Self { method, ..self }
    }
    /// With another rule for missing values.
    #[must_use]
    pub fn missing(self, missing: Missing) -> Self {
        Self { missing, ..self }
    }
    /// Of the steps in each of `pools`, which may overlap: the [members](super::Groups::members) of
    /// groups, windows around each day of the year.
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
    fn reduces(&self) -> &[Role] {
        &self.over.roles
    }
    fn scratch_per_thread(&self, samples: usize, cells: usize) -> u64 {
        let width = if self.over.along { 1 } else { width(samples, 8).min(cells) };
        let of_pool = if self.pools.is_some() { 2 * samples } else { 0 };
        8 * stride(samples).saturating_mul(width).saturating_add(of_pool) as u64
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        let steps = series.samples() / self.over.of_step.max(1);
        let outside = |pool: &Vec<u32>| pool.iter().any(|&s| s as usize >= steps);
        if self.pools.iter().flatten().any(outside) {
            return Err(Error::internal("a pool of times names one that there is not"));
        }
        if series.is_single() {
            self.of_keys::<i32>(series, results);
        } else {
            self.of_keys::<i64>(series, results);
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
    fn of_keys<K: Key>(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) {
        let (samples, along) = (series.samples(), series.runs_along());
        let most = if along { 1 } else { width(samples, size_of::<K>()) };
        let (stride, width) = (stride(samples), most.min(series.cells()).max(1));
        let mut turned = vec![K::MISSING; stride * width];
        let mut pool: Vec<K> = vec![K::MISSING; if self.pools.is_some() { samples } else { 0 }];
        let mut ranks = Ranks::default();
        // Without pools the missing ones are dropped on the way.
        let packed = self.pools.is_none();
        for start in (0..series.cells()).step_by(width) {
            let here = start..series.cells().min(start + width);
            let mut counts = vec![0usize; here.len()];
            if along {
                series.along(start, |run| K::append(run, &mut turned, &mut counts[0], packed));
            } else {
                series.across(&here, |cell, row| {
                    let k = cell - start;
                    K::turn(row, stride, &mut turned[k * stride..], &mut counts[k..], packed);
                });
            }
            for (k, cell) in here.enumerate() {
                let keys = &mut turned[k * stride..(k + 1) * stride];
                match &self.pools {
                    None => {
                        let all = (samples / self.over.of_step.max(1)) as u64 * self.over.possible;
                        self.select(&mut keys[..counts[k]], all, &mut ranks, |r, v| results[r][0][cell] = v);
                    }
                    Some(pools) => {
                        for (g, members) in pools.iter().enumerate() {
                            let count = self.gather(members, keys, &mut pool);
                            let all = members.len() as u64 * self.over.possible;
                            let keys = &mut pool[..count];
                            self.select(keys, all, &mut ranks, |r, v| results[r][g][cell] = v);
                        }
                    }
                }
            }
        }
    }

    /// Puts the keys of these steps into `pool`; says how many there are.
    fn gather<K: Key>(&self, members: &[u32], keys: &[K], pool: &mut Vec<K>) -> usize {
        let of_step = self.over.of_step;
        if pool.len() < members.len() * of_step {
            // A pool may name a step twice.
            pool.resize(members.len() * of_step, K::MISSING);
        }
        let mut count = 0;
        for &step in members {
            for &key in &keys[step as usize * of_step..][..of_step] {
                pool[count] = key;
                count += usize::from(key != K::MISSING);
            }
        }
        count
    }

    /// Gives each quantile of these keys, of which there could have been `all`.
    fn select<K: Key>(&self, keys: &mut [K], all: u64, ranks: &mut Ranks, mut give: impl FnMut(usize, f64)) {
        if (keys.len() as u64) < self.missing.least(all) {
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
