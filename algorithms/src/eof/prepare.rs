//! From a tile as stored to the anomalies that are analysed.

use super::options::{Anomaly, EofOptions};
use halocline_core::{Error, Result};
use rayon::prelude::*;
use std::cell::RefCell;

/// Cells that are gathered together: a cache line of doubles.
const STRIP: usize = 8;
/// A series whose standard deviation is below this share of its largest value is constant: what
/// is left of it is the rounding of its mean.
const CONSTANT: f64 = 1e-12;

/// How each cell's series becomes an anomaly.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    /// The climatological group of each time; empty: no anomaly is taken.
    groups: Vec<usize>,
    /// Times in each group.
    counts: Vec<f64>,
    detrend: bool,
    standardize: bool,
    times: usize,
}

/// The anomalies of a tile.
#[derive(Debug)]
pub(super) struct Prepared {
    /// Offsets, within the tile, of the cells that have data.
    pub(super) cells: Vec<usize>,
    /// Their anomalies, a whole series after the other.
    pub(super) series: Vec<f64>,
    /// Whether a cell's series is constant.
    pub(super) constant: Vec<bool>,
}

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
        let mut counts = vec![0.0; groups.iter().max().map_or(0, |m| m + 1)];
        for &g in &groups {
            counts[g] += 1.0;
        }
        Ok(Self { groups, counts, detrend: options.detrend, standardize: options.standardize, times })
    }

    /// Anomalies of the cells of a tile that have data at all times and are not `excluded`
    /// (one flag per cell of the tile; empty: none is).
    pub(super) fn prepare(&self, values: &[f64], excluded: &[bool], mut series: Vec<f64>) -> Prepared {
        let nt = self.times;
        let width = values.len() / nt.max(1);
        let cells: Vec<usize> = (0..width)
            .into_par_iter()
            .with_min_len(64)
            .filter(|&c| !excluded.get(c).copied().unwrap_or(false) && !values[c].is_nan())
            .collect();
        series.resize(cells.len() * nt, 0.0);
        let mut constant = vec![false; cells.len()];
        series
            .par_chunks_mut(STRIP * nt.max(1))
            .zip(constant.par_chunks_mut(STRIP))
            .zip(cells.par_chunks(STRIP))
            .for_each(|((rows, flags), cells)| {
                for t in 0..nt {
                    let map = &values[t * width..(t + 1) * width];
                    for (k, &c) in cells.iter().enumerate() {
                        rows[k * nt + t] = map[c];
                    }
                }
                for (row, flag) in rows.chunks_mut(nt).zip(flags) {
                    *flag = self.anomaly_of(row);
                }
            });
        Prepared { cells, series, constant }
    }

    /// Turns one series into its anomaly; says whether the series is constant.
    fn anomaly_of(&self, x: &mut [f64]) -> bool {
        thread_local! {
            static MEANS: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
        }
        let largest = x.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        if self.counts.len() == 1 {
            let mean = x.iter().sum::<f64>() / self.counts[0];
            x.iter_mut().for_each(|v| *v -= mean);
        } else if !self.counts.is_empty() {
            MEANS.with_borrow_mut(|means| {
                means.clear();
                means.resize(self.counts.len(), 0.0);
                for (&g, v) in self.groups.iter().zip(x.iter()) {
                    means[g] += v;
                }
                for (m, n) in means.iter_mut().zip(&self.counts) {
                    *m /= n;
                }
                for (&g, v) in self.groups.iter().zip(x.iter_mut()) {
                    *v -= means[g];
                }
            });
        }
        let n = x.len() as f64;
        let centre = 0.5 * (n - 1.0);
        if self.detrend {
            let mean = x.iter().sum::<f64>() / n;
            let (mut along, mut squares) = (0.0, 0.0);
            for (i, v) in x.iter().enumerate() {
                let tau = i as f64 - centre;
                along += tau * (v - mean);
                squares += tau * tau;
            }
            let slope = if squares > 0.0 { along / squares } else { 0.0 };
            for (i, v) in x.iter_mut().enumerate() {
                *v -= mean + slope * (i as f64 - centre);
            }
        }
        let mean = x.iter().sum::<f64>() / n;
        let deviation = (x.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0).max(1.0)).sqrt();
        let constant = deviation <= CONSTANT * largest;
        if self.standardize {
            let factor = if constant { 0.0 } else { 1.0 / deviation };
            x.iter_mut().for_each(|v| *v *= factor);
        }
        constant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(anomaly: Anomaly, detrend: bool, standardize: bool) -> EofOptions {
        EofOptions { anomaly, detrend, standardize, ..EofOptions::default() }
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
            let p = recipe.prepare(&values, &[], Vec::new());
            assert_eq!(p.cells.len(), width - 4);
            for row in p.series.chunks(nt) {
                assert!(row.iter().sum::<f64>().abs() < 1e-12);
                let variance = row.iter().map(|v| v * v).sum::<f64>() / 23.0;
                assert!((variance - 1.0).abs() < 1e-12);
                if anomaly == Anomaly::Climatology {
                    assert!((row[3] + row[15]).abs() < 1e-12);
                }
            }
        }
        let excluded: Vec<bool> = (0..width).map(|c| c == 0).collect();
        let recipe = Recipe::new(&options(Anomaly::Mean, false, false), nt, &[]).unwrap();
        assert_eq!(recipe.prepare(&values, &excluded, Vec::new()).cells[0], 1);
    }

    #[test]
    fn a_straight_line_is_all_trend_and_a_constant_is_constant() {
        let nt = 50;
        let values: Vec<f64> =
            (0..nt).flat_map(|t| [1e3 + 0.1 * f64::from(t), -1.8, (f64::from(t) * 1.3).sin()]).collect();
        let recipe = Recipe::new(&options(Anomaly::Mean, true, true), nt as usize, &[]).unwrap();
        let p = recipe.prepare(&values, &[], Vec::new());
        assert_eq!(p.constant, [true, true, false]);
        assert!(p.series[..100].iter().all(|v| *v == 0.0));
    }
}
