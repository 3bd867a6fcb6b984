//! From a tile as stored to the anomalies that are analysed.

#![allow(clippy::inline_always)] // what is dispatched has to be compiled into its caller

use super::gappy::Filling;
use super::options::{Anomaly, EofOptions};
use super::strip::Strip;
use crate::symmetric::STRIP;
use halocline_core::engine::Numbers;
use halocline_core::{Error, Result};
use pulp::{Arch, NullaryFnOnce};
use std::ops::Range;

/// A series whose standard deviation is below this share of its largest value is constant: what
/// is left of it is the rounding of its mean.
pub(super) const CONSTANT: f64 = 1e-12;

/// How each cell's series becomes an anomaly.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    /// The climatological group of each time; empty: no anomaly is taken.
    pub(super) groups: Vec<usize>,
    /// Times in each group.
    counts: Vec<f64>,
    pub(super) detrend: bool,
    pub(super) standardize: bool,
    pub(super) times: usize,
    /// How gaps are filled; `None`: there are none.
    pub(super) filling: Option<Filling>,
}

/// Statistics of the anomalies of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Statistics {
    pub(super) mean: f64,
    /// Sum of the squares of the deviations from the mean.
    pub(super) squares: f64,
    /// Standard deviation that was divided by; 1 where nothing was.
    pub(super) deviation: f64,
    /// Whether the series does not vary.
    pub(super) constant: bool,
}

/// The cells of a tile at a time.
pub(super) type Rows<'a> = dyn Fn(usize) -> Numbers<'a> + Sync + 'a;

impl Recipe {
    /// `months` (1 to 12) of each time are needed for a climatology only.
    pub(super) fn new(options: &EofOptions, times: usize, months: &[u8]) -> Result<Self> {
        let groups: Vec<usize> = match options.anomaly {
            Anomaly::None => Vec::new(),
            Anomaly::Mean => vec![0; times],
            Anomaly::Climatology => {
                if months.len() != times {
                    return Err(Error::internal("a climatology needs the month of every time"));
                }
                months.iter().map(|&m| usize::from(m) - 1).collect()
            }
        };
        let mut counts = match options.anomaly {
            Anomaly::None => Vec::new(),
            Anomaly::Mean => vec![0.0],
            Anomaly::Climatology => vec![0.0; 12],
        };
        for &g in &groups {
            counts[g] += 1.0;
        }
        let filling = None;
        Ok(Self {
            groups,
            counts,
            detrend: options.detrend,
            standardize: options.standardize,
            times,
            filling,
        })
    }

    /// Times that each of these means is of.
    pub(super) fn counts(&self) -> &[f64] {
        &self.counts
    }

    /// Means that are removed from each cell: one, twelve or none.
    pub(super) fn groups(&self) -> usize {
        self.counts.len()
    }

    /// The cells of a tile that have data (at the first time, so at all) and are not `excluded`
    /// (one flag per cell of the tile; empty: none is), in strips of about equal width. The
    /// division follows from the data alone, so that it is the same for any threads.
    pub(super) fn strips(first: Numbers<'_>, excluded: &[bool]) -> Vec<Vec<usize>> {
        let missing = |c: usize| match first {
            Numbers::F32(v) => v[c].is_nan(),
            Numbers::F64(v) => v[c].is_nan(),
        };
        let is_there = |&c: &usize| !excluded.get(c).copied().unwrap_or(false) && !missing(c);
        Self::divided(&(0..first.len()).filter(is_there).collect::<Vec<_>>())
    }

    /// Cells in strips of about equal width.
    pub(super) fn divided(cells: &[usize]) -> Vec<Vec<usize>> {
        let each = cells.len().div_ceil(cells.len().div_ceil(STRIP).max(1)).max(1);
        cells.chunks(each).map(<[usize]>::to_vec).collect()
    }

    /// Prepares a strip; `buffer` becomes its values.
    pub(super) fn prepare(
        &self,
        rows: &Rows<'_>,
        cells: Vec<usize>,
        buffer: Vec<f64>,
        statistics: bool,
    ) -> Strip {
        let mut strip = self.read(rows, cells, buffer);
        match &self.filling {
            None => self.anomalies(&mut strip, statistics),
            Some(filling) => {
                self.filled(&mut strip, (&[], &filling.vectors), statistics);
            }
        }
        strip
    }

    /// A strip as it is stored.
    pub(super) fn read(&self, rows: &Rows<'_>, cells: Vec<usize>, buffer: Vec<f64>) -> Strip {
        let mut strip = Strip::of(self.times, cells, buffer);
        // Cells side by side are copied together.
        let runs: Vec<Range<usize>> =
            strip.cells.chunk_by(|a, b| a + 1 == *b).map(|run| run[0]..run[0] + run.len()).collect();
        let values = strip.values.chunks_exact_mut(strip.cells.len().max(1));
        for (time, values) in values.enumerate() {
            match rows(time) {
                Numbers::F32(map) => Arch::new().dispatch(Picked { map, runs: &runs, values }),
                Numbers::F64(map) => Arch::new().dispatch(Picked { map, runs: &runs, values }),
            }
        }
        strip
    }

    /// Turns series (times × cells) into anomalies. All sums run along time, cell by cell in the
    /// inner loop: one order of additions, and wide registers.
    fn anomalies(&self, strip: &mut Strip, statistics: bool) {
        Arch::new().dispatch(Anomalies { recipe: self, strip, statistics });
    }

    #[inline(always)]
    fn anomalies_in_vectors(&self, strip: &mut Strip, statistics: bool) {
        let (n, x) = (strip.cells.len(), &mut strip.values);
        if n == 0 {
            return;
        }
        let statistics = statistics || self.standardize;
        let largest = if statistics { largest(x, n) } else { Vec::new() };
        // A single value that is missing or infinite spoils its cell's sum.
        let mut means = vec![0.0; n * self.counts.len().max(1)];
        for (t, map) in x.chunks_exact(n).enumerate() {
            let g = self.groups.get(t).copied().unwrap_or(0);
            add(&mut means[g * n..(g + 1) * n], map);
        }
        let is_odd = |&c: &usize| !means.iter().skip(c).step_by(n).sum::<f64>().is_finite();
        strip.odd = (0..n).filter(is_odd).collect();
        if !self.counts.is_empty() {
            for (mean, count) in means.chunks_mut(n).zip(&self.counts) {
                mean.iter_mut().for_each(|m| *m /= count);
            }
            for (&g, map) in self.groups.iter().zip(x.chunks_exact_mut(n)) {
                subtract(map, &means[g * n..(g + 1) * n]);
            }
            if statistics {
                strip.removed = means;
            }
        }
        if self.detrend {
            let means = self.means(x, n);
            let slopes = self.remove_lines(x, &means);
            strip.lines = [means, slopes];
        }
        if !statistics {
            return;
        }
        let mut cell = self.statistics(x, &largest);
        if self.standardize {
            let freedom = (self.times as f64 - 1.0).max(1.0);
            for c in &mut cell {
                c.deviation = (c.squares / freedom).sqrt();
            }
            let factors: Vec<f64> =
                cell.iter().map(|c| if c.constant { 0.0 } else { 1.0 / c.deviation }).collect();
            x.chunks_exact_mut(n).for_each(|map| scale(map, &factors));
            for (c, f) in cell.iter_mut().zip(&factors) {
                c.mean *= f;
                c.squares *= f * f;
            }
        }
        strip.cell = cell;
    }

    #[inline(always)]
    fn means(&self, x: &[f64], n: usize) -> Vec<f64> {
        let mut mean = vec![0.0; n];
        x.chunks_exact(n).for_each(|map| add(&mut mean, map));
        mean.iter_mut().for_each(|m| *m /= self.times as f64);
        mean
    }

    /// `largest` is the largest magnitude of each series before anything was removed.
    #[inline(always)]
    fn statistics(&self, x: &[f64], largest: &[f64]) -> Vec<Statistics> {
        let n = largest.len();
        let means = self.means(x, n);
        let mut squares = vec![0.0; n];
        for map in x.chunks_exact(n) {
            for c in 0..n {
                squares[c] += (map[c] - means[c]) * (map[c] - means[c]);
            }
        }
        let freedom = (self.times as f64 - 1.0).max(1.0);
        means
            .into_iter()
            .zip(squares)
            .zip(largest)
            .map(|((mean, squares), largest)| {
                let constant = (squares / freedom).sqrt() <= CONSTANT * largest;
                Statistics { mean, squares, deviation: 1.0, constant }
            })
            .collect()
    }

    /// Removes mean and least-squares line over the record number from each series.
    /// The slopes.
    #[inline(always)]
    fn remove_lines(&self, x: &mut [f64], mean: &[f64]) -> Vec<f64> {
        let n = mean.len();
        let centre = self.centre();
        let mut slope = vec![0.0; n];
        let mut squares = 0.0;
        for (i, map) in x.chunks_exact(n).enumerate() {
            let tau = i as f64 - centre;
            squares += tau * tau;
            for c in 0..n {
                slope[c] += tau * (map[c] - mean[c]);
            }
        }
        slope.iter_mut().for_each(|s| *s = if squares > 0.0 { *s / squares } else { 0.0 });
        for (i, map) in x.chunks_exact_mut(n).enumerate() {
            let tau = i as f64 - centre;
            for c in 0..n {
                map[c] -= mean[c] + slope[c] * tau;
            }
        }
        slope
    }

    /// The record number, not always whole, that lines are counted from.
    pub(super) fn centre(&self) -> f64 {
        0.5 * (self.times as f64 - 1.0)
    }
}

/// The values of a map in runs of cells.
struct Picked<'a, T> {
    map: &'a [T],
    runs: &'a [Range<usize>],
    values: &'a mut [f64],
}

impl<T: Copy + Into<f64>> NullaryFnOnce for Picked<'_, T> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let mut rest = self.values;
        for run in self.runs {
            let (here, after) = rest.split_at_mut(run.len());
            here.iter_mut().zip(&self.map[run.clone()]).for_each(|(to, v)| *to = (*v).into());
            rest = after;
        }
    }
}

/// [`Recipe::anomalies`], compiled for the vectors of the machine.
struct Anomalies<'a> {
    recipe: &'a Recipe,
    strip: &'a mut Strip,
    statistics: bool,
}

impl NullaryFnOnce for Anomalies<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        self.recipe.anomalies_in_vectors(self.strip, self.statistics);
    }
}

#[inline(always)]
fn largest(x: &[f64], n: usize) -> Vec<f64> {
    let mut largest = vec![0.0f64; n];
    for map in x.chunks_exact(n) {
        for c in 0..n {
            largest[c] = largest[c].max(map[c].abs());
        }
    }
    largest
}

// Loops over numbers of cells: iterators in pairs are not always compiled into their caller.

#[inline(always)]
fn add(sums: &mut [f64], values: &[f64]) {
    let values = &values[..sums.len()];
    for c in 0..values.len() {
        sums[c] += values[c];
    }
}

#[inline(always)]
fn subtract(values: &mut [f64], means: &[f64]) {
    let means = &means[..values.len()];
    for c in 0..means.len() {
        values[c] -= means[c];
    }
}

#[inline(always)]
pub(super) fn scale(values: &mut [f64], factors: &[f64]) {
    let factors = &factors[..values.len()];
    for c in 0..factors.len() {
        values[c] *= factors[c];
    }
}

#[cfg(test)]
mod tests {
    use super::super::strip::{narrow, Making, Width};
    use super::*;
    use halocline_core::buffers::Buffers;

    fn options(anomaly: Anomaly, detrend: bool, standardize: bool) -> EofOptions {
        EofOptions { anomaly, detrend, standardize, ..EofOptions::default() }
    }

    fn only_strip(recipe: &Recipe, values: &[f64], excluded: &[bool]) -> Strip {
        let width = values.len() / recipe.times;
        let rows = |t: usize| Numbers::F64(&values[t * width..(t + 1) * width]);
        let mut strips = Recipe::strips(rows(0), excluded);
        assert_eq!(strips.len(), 1);
        recipe.prepare(&rows, strips.remove(0), Vec::new(), true)
    }

    #[test]
    fn land_is_dropped_and_means_vanish() {
        let nt = 24;
        let width = 19;
        let months: Vec<u8> = (0..nt).map(|t| (t % 12 + 1) as u8).collect();
        let values: Vec<f64> = (0..nt * width)
            .map(|i| if i % width % 5 == 2 { f64::NAN } else { ((i * 7919) % 101) as f64 })
            .collect();
        for anomaly in [Anomaly::Mean, Anomaly::Climatology] {
            let recipe = Recipe::new(&options(anomaly, false, true), nt, &months).unwrap();
            let strip = only_strip(&recipe, &values, &[]);
            let n = strip.cells.len();
            assert_eq!(n, width - 4);
            for c in 0..n {
                let series: Vec<f64> = (0..nt).map(|t| strip.values[t * n + c]).collect();
                assert!(series.iter().sum::<f64>().abs() < 1e-12);
                let variance = series.iter().map(|v| v * v).sum::<f64>() / 23.0;
                assert!((variance - 1.0).abs() < 1e-12);
                assert!(strip.odd.is_empty());
                if anomaly == Anomaly::Climatology {
                    assert!((series[3] + series[15]).abs() < 1e-12);
                }
            }
        }
        let excluded: Vec<bool> = (0..width).map(|c| c == 0).collect();
        let recipe = Recipe::new(&options(Anomaly::Mean, false, false), nt, &[]).unwrap();
        assert_eq!(only_strip(&recipe, &values, &excluded).cells[0], 1);
    }

    #[test]
    fn wide_strips_are_narrow_ones_side_by_side() {
        let (nt, width) = (600, 300);
        assert!(width > 2 * narrow(nt));
        let months: Vec<u8> = (0..nt).map(|t| (t % 12 + 1) as u8).collect();
        let values: Vec<f64> = (0..nt * width)
            .map(|i| match (i % width, i / width) {
                (c, _) if c % 5 == 2 => f64::NAN,
                (151, 77) => f64::NAN,
                _ => ((i * 7919) % 101) as f64,
            })
            .collect();
        let rows = |t: usize| Numbers::F64(&values[t * width..(t + 1) * width]);
        for (detrend, standardize) in [(true, true), (false, false)] {
            let options = options(Anomaly::Climatology, detrend, standardize);
            let recipe = Recipe::new(&options, nt, &months).unwrap();
            let cells = Recipe::strips(rows(0), &[]).remove(0);
            let (wide_ones, narrow_ones) = (Buffers::new(), Buffers::new());
            wide_ones.give(vec![7.0; 5]);
            let (mut all, buffers) = (Vec::new(), (&wide_ones, &narrow_ones));
            for width in [Width::Wide(1), Width::Wide(3), Width::Narrow] {
                let making = Making { excluded: &[], statistics: true, width, finish: &|_| (), buffers };
                recipe.for_each_strip(&rows, &making, |strip| {
                    all.push((width, std::mem::replace(strip, Strip::of(nt, Vec::new(), Vec::new()))));
                });
            }
            assert_eq!(all.len(), 4);
            let narrow: Vec<f64> = all[2..].iter().flat_map(|(_, s)| s.cell.iter().map(|c| c.mean)).collect();
            let again = all.remove(1).1;
            let wide = all.remove(0).1;
            assert!(wide.cells == again.cells && wide.odd == again.odd);
            assert!(narrow.iter().zip(&wide.cell).all(|(a, b)| a.to_bits() == b.mean.to_bits()));
            let mut plain = recipe.read(&rows, cells, Vec::new());
            recipe.anomalies(&mut plain, true);
            assert_eq!((wide.odd.clone(), wide.cell.len()), (vec![121], 240));
            let bits = |v: &[f64]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert!(bits(&wide.values) == bits(&plain.values));
            assert!(bits(&wide.removed) == bits(&plain.removed));
            assert!((0..2).all(|k| bits(&wide.lines[k]) == bits(&plain.lines[k])));
            let is_same = |(a, b): (&Statistics, &Statistics)| {
                a.squares.to_bits() == b.squares.to_bits() && a.constant == b.constant
            };
            assert!(wide.cell.iter().zip(&plain.cell).all(is_same));
        }
    }

    #[test]
    fn a_straight_line_is_all_trend_and_a_constant_is_constant() {
        let nt = 50;
        let values: Vec<f64> =
            (0..nt).flat_map(|t| [1e3 + 0.1 * f64::from(t), -1.8, (f64::from(t) * 1.3).sin()]).collect();
        let recipe = Recipe::new(&options(Anomaly::Mean, true, true), nt as usize, &[]).unwrap();
        let strip = only_strip(&recipe, &values, &[]);
        assert!(strip.cell[0].constant && strip.cell[1].constant && !strip.cell[2].constant);
        assert!(strip.values.chunks(3).all(|v| v[0] == 0.0 && v[1] == 0.0));
    }

    #[test]
    fn strips_are_even_and_complete() {
        for width in [0, 1, STRIP, STRIP + 1, 5 * STRIP - 3] {
            let strips = Recipe::strips(Numbers::F32(&vec![1.0; width]), &[]);
            let cells: Vec<usize> = strips.concat();
            assert_eq!(cells, (0..width).collect::<Vec<_>>());
            assert!(strips.iter().all(|s| s.len() <= STRIP));
        }
    }
}
