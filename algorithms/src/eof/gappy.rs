//! Anomalies of series with gaps, and their filling from vectors over time.
//!
//! All statistics are those of the values that are there. Given unit vectors U over time
//! (times × k), a series x has the amplitudes a = (Uₒᵀ Uₒ)⁻¹ Uₒᵀ xₒ, a fit to the times o at
//! which it is there, and where it is missing it becomes U a: the series that no further step of
//! DINEOF with these U would change, so that nothing of the filling need be kept.

use super::prepare::{Recipe, Rows, Statistics, CONSTANT};
use super::strip::Strip;
use crate::modes::fit;
use halocline_core::engine::Numbers;

/// How gaps are filled.
#[derive(Debug, Clone)]
pub(super) struct Filling {
    /// Cells with a smaller share of their values there are left out.
    pub(super) min_present: f64,
    /// Unit vectors over time: times × modes, C order; none: gaps become zero anomalies.
    pub(super) vectors: Vec<f64>,
}

/// The cells of a tile with enough values, and what there is of the tile.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) strips: Vec<Vec<usize>>,
    /// Cells with some values, but too few.
    pub(super) dropped: usize,
    /// Values of the other cells that are there, and that are not.
    pub(super) present: u64,
    pub(super) missing: u64,
}

impl Filling {
    /// Counts the values of each cell of a tile; `excluded` as of [`Recipe::strips`].
    pub(super) fn counted(&self, rows: &Rows<'_>, times: usize, excluded: &[bool]) -> Counted {
        let mut counts = vec![0usize; rows(0).len()];
        for time in 0..times {
            match rows(time) {
                Numbers::F32(v) => counts.iter_mut().zip(v).for_each(|(n, v)| *n += usize::from(!v.is_nan())),
                Numbers::F64(v) => counts.iter_mut().zip(v).for_each(|(n, v)| *n += usize::from(!v.is_nan())),
            }
        }
        let least = self.min_present * times as f64;
        let (mut found, mut kept) = (Counted::default(), Vec::new());
        for (c, &count) in counts.iter().enumerate() {
            if count == 0 || excluded.get(c).copied().unwrap_or(false) {
                continue;
            }
            if (count as f64) < least {
                found.dropped += 1;
                continue;
            }
            kept.push(c);
            found.present += count as u64;
            found.missing += (times - count) as u64;
        }
        found.strips = Recipe::divided(&kept);
        found
    }
}

/// Errors of a filling at values that were set aside.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Misses {
    pub(super) squares: f64,
    pub(super) count: u64,
}

impl Recipe {
    /// Turns series (times × cells) with gaps into anomalies without: those that are missing,
    /// and those that are `held` back (one flag a value; empty: none is), come from `vectors`.
    /// Held values come into no statistics; what the filling misses them by is returned.
    pub(super) fn filled(
        &self,
        strip: &mut Strip,
        (held, vectors): (&[bool], &[f64]),
        statistics: bool,
    ) -> Misses {
        let n = strip.cells.len();
        if n == 0 {
            return Misses::default();
        }
        let is_held = |i: usize| held.get(i).copied().unwrap_or(false);
        let used: Vec<bool> =
            strip.values.iter().enumerate().map(|(i, v)| !v.is_nan() && !is_held(i)).collect();
        let statistics = statistics || self.standardize;
        self.anomalies_of(strip, &used, statistics);
        let mut misses = Misses::default();
        let mut modes = Modes::new(vectors, self.times);
        for c in 0..n {
            if used.iter().skip(c).step_by(n).all(|u| *u) {
                continue;
            }
            let values = &mut strip.values;
            modes.fit(|t| used[t * n + c].then(|| values[t * n + c]));
            for t in (0..self.times).filter(|t| !used[t * n + c]) {
                let guess = modes.at(t);
                let value = &mut values[t * n + c];
                // A value that was held back has no anomaly where its month has no other.
                if is_held(t * n + c) && value.is_finite() {
                    misses.squares += (*value - guess).powi(2);
                    misses.count += 1;
                }
                *value = guess;
            }
        }
        if statistics {
            // Maps are of the filled series: so are their mean and squares.
            for (c, about) in strip.cell.iter_mut().enumerate() {
                let series = || strip.values.iter().skip(c).step_by(n);
                about.mean = series().sum::<f64>() / self.times as f64;
                about.squares = series().map(|v| (v - about.mean).powi(2)).sum();
            }
        }
        misses
    }

    /// As of series without gaps, but with sums over the values that are `used`; all others are
    /// changed likewise.
    fn anomalies_of(&self, strip: &mut Strip, used: &[bool], statistics: bool) {
        let (n, x) = (strip.cells.len(), &mut strip.values);
        let mut largest = vec![0.0f64; n];
        let groups = self.groups().max(1);
        let (mut means, mut counts) = (vec![0.0; n * groups], vec![0.0; n * groups]);
        for (t, (map, used)) in x.chunks(n).zip(used.chunks(n)).enumerate() {
            let at = self.groups.get(t).copied().unwrap_or(0) * n;
            for (c, (&v, _)) in map.iter().zip(used).enumerate().filter(|(_, (_, used))| **used) {
                means[at + c] += v;
                counts[at + c] += 1.0;
                largest[c] = largest[c].max(v.abs());
            }
        }
        strip.odd = (0..n).filter(|&c| !means.iter().skip(c).step_by(n).sum::<f64>().is_finite()).collect();
        if self.groups() > 0 {
            // Of no values there is no mean: 0/0.
            means.iter_mut().zip(&counts).for_each(|(m, count)| *m /= count);
            for (&g, map) in self.groups.iter().zip(x.chunks_mut(n)) {
                map.iter_mut().zip(&means[g * n..(g + 1) * n]).for_each(|(v, m)| *v -= m);
            }
            if statistics {
                strip.removed = means;
            }
        }
        for c in 0..n {
            let times: Vec<usize> = (0..self.times).filter(|t| used[t * n + c]).collect();
            let count = times.len().max(1) as f64;
            if self.detrend {
                let centre = times.iter().map(|&t| t as f64).sum::<f64>() / count;
                let mean = times.iter().map(|t| x[t * n + c]).sum::<f64>() / count;
                let squares: f64 = times.iter().map(|&t| (t as f64 - centre).powi(2)).sum();
                let slope: f64 =
                    times.iter().map(|&t| (t as f64 - centre) * (x[t * n + c] - mean)).sum::<f64>();
                let slope = if squares > 0.0 { slope / squares } else { 0.0 };
                (0..self.times).for_each(|t| x[t * n + c] -= mean + slope * (t as f64 - centre));
            }
            if !statistics {
                continue;
            }
            let mean = times.iter().map(|t| x[t * n + c]).sum::<f64>() / count;
            let squares: f64 = times.iter().map(|t| (x[t * n + c] - mean).powi(2)).sum();
            let spread = (squares / (count - 1.0).max(1.0)).sqrt();
            let mut about =
                Statistics { mean, squares, deviation: 1.0, constant: spread <= CONSTANT * largest[c] };
            if self.standardize {
                about.deviation = spread;
                let factor = if about.constant { 0.0 } else { 1.0 / spread };
                (0..self.times).for_each(|t| x[t * n + c] *= factor);
            }
            strip.cell.push(about);
        }
    }
}

/// Vectors over time, and a fit of them to a series.
struct Modes<'a> {
    /// Times × modes.
    vectors: &'a [f64],
    count: usize,
    amplitudes: Vec<f64>,
    normal: Vec<f64>,
}

impl<'a> Modes<'a> {
    fn new(vectors: &'a [f64], times: usize) -> Self {
        let count = vectors.len().checked_div(times).unwrap_or(0);
        Self { vectors, count, amplitudes: vec![0.0; count], normal: vec![0.0; count * count] }
    }
    fn row(&self, t: usize) -> &'a [f64] {
        &self.vectors[t * self.count..(t + 1) * self.count]
    }
    /// Fits the values that are there.
    fn fit(&mut self, series: impl Fn(usize) -> Option<f64>) {
        let k = self.count;
        if k == 0 {
            return;
        }
        let mut right = vec![0.0; k];
        self.normal.fill(0.0);
        for t in 0..self.vectors.len() / k {
            let Some(v) = series(t) else { continue };
            let row = self.row(t);
            for i in 0..k {
                right[i] += row[i] * v;
                for j in 0..=i {
                    self.normal[i * k + j] += row[i] * row[j];
                }
            }
        }
        for i in 0..k {
            for j in 0..i {
                self.normal[j * k + i] = self.normal[i * k + j];
            }
        }
        // What no solver can answer for is not a number, and is found in the covariance.
        self.amplitudes = fit(&self.normal, &right).unwrap_or_else(|_| vec![f64::NAN; k]);
    }
    fn at(&self, t: usize) -> f64 {
        self.row(t).iter().zip(&self.amplitudes).map(|(u, a)| u * a).sum()
    }
}
