//! The second pass: from principal components to maps.

use super::covariance::Series;
use super::options::{EofOptions, EofScaling};
use crate::symmetric::times_columns;
use halocline_core::engine::Map;
use halocline_core::tiling::Tile;
use halocline_core::Result;
use serde::{Deserialize, Serialize};

/// Computes the maps of all modes on a tile, their sign still as the solver left it.
pub(super) struct PatternMap<'a> {
    pub(super) series: &'a Series<'a>,
    pub(super) options: &'a EofOptions,
    /// Unit vectors over time, one after the other.
    pub(super) units: &'a [f64],
    /// Eigenvalues λ.
    pub(super) eigenvalues: &'a [f64],
    /// Factor from unit vector to the principal component as scaled.
    pub(super) pc_factors: &'a [f64],
}

/// Maps of a tile.
pub(super) struct Pattern {
    /// Modes × cells of the tile; NaN where there are no data.
    pub(super) values: Vec<f64>,
    /// For each mode the largest entry of the weighted EOF.
    pub(super) peaks: Vec<Peak>,
    /// Cells whose series varies.
    pub(super) varying: usize,
}

/// A largest entry: size, cell, sign.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Peak {
    pub(super) size: f64,
    pub(super) cell: usize,
    pub(super) negative: bool,
}

impl Peak {
    pub(super) const NONE: Self = Self { size: -1.0, cell: usize::MAX, negative: false };

    /// The larger of two, of equals the one at the lower cell.
    pub(super) fn larger(self, other: Self) -> Self {
        if other.size > self.size || (other.size == self.size && other.cell < self.cell) {
            other
        } else {
            self
        }
    }
}

impl Map for PatternMap<'_> {
    type Output = Pattern;

    fn apply(&self, tile: &Tile, values: &[f64]) -> Result<Pattern> {
        let series = self.series;
        let nt = series.times;
        let n = nt as f64;
        let modes = self.eigenvalues.len();
        let cells = (series.cells_of)(tile);
        let prepared = series.recipe.prepare(values, &series.excluded_of(&cells), series.buffers.take(0));
        // b = Σ over t of u(t) x(t), unweighted
        let sums = times_columns(&prepared.series, prepared.cells.len(), nt, self.units);
        let unit_means: Vec<f64> = self.units.chunks(nt).map(|u| u.iter().sum::<f64>() / n).collect();
        let mut out = vec![f64::NAN; modes * cells.len()];
        let mut peaks = vec![Peak::NONE; modes];
        for (i, &c) in prepared.cells.iter().enumerate() {
            let x = &prepared.series[i * nt..(i + 1) * nt];
            let weight = series.weight(cells[c]);
            let mean = x.iter().sum::<f64>() / n;
            let deviations: f64 = x.iter().map(|v| (v - mean) * (v - mean)).sum();
            for k in 0..modes {
                let b = sums[i * modes + k];
                let lambda = self.eigenvalues[k];
                let unit = weight * b / ((n - 1.0) * lambda).sqrt();
                peaks[k] = peaks[k].larger(Peak { size: unit.abs(), cell: cells[c], negative: unit < 0.0 });
                let centred = b - n * unit_means[k] * mean;
                let value = match self.options.eof_scaling {
                    EofScaling::UnitNorm => unit,
                    EofScaling::Divided => unit / lambda.sqrt(),
                    EofScaling::Multiplied => unit * lambda.sqrt(),
                    EofScaling::Covariance => self.pc_factors[k] * centred / (n - 1.0),
                    EofScaling::Correlation if prepared.constant[i] => f64::NAN,
                    EofScaling::Correlation => {
                        let spread = 1.0 - n * unit_means[k] * unit_means[k];
                        (centred / (deviations * spread).sqrt()).clamp(-1.0, 1.0)
                    }
                };
                // A constant cell has no standardized series.
                let undefined = self.options.standardize && prepared.constant[i];
                out[k * cells.len() + c] = if undefined { f64::NAN } else { value };
            }
        }
        let varying = prepared.constant.iter().filter(|c| !**c).count();
        series.buffers.give(prepared.series);
        Ok(Pattern { values: out, peaks, varying })
    }
}
