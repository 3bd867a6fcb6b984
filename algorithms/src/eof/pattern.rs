//! The second pass: from principal components to maps.

use super::covariance::Series;
use super::options::{EofOptions, EofScaling};
use super::prepare::Strip;
use crate::symmetric::transposed_times_columns;
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
        let cells = (series.cells_of)(tile);
        let mut pattern = Pattern {
            values: vec![f64::NAN; self.eigenvalues.len() * cells.len()],
            peaks: vec![Peak::NONE; self.eigenvalues.len()],
            varying: 0,
        };
        let excluded = series.excluded_of(&cells);
        series.recipe.for_each_strip(values, &excluded, true, &series.buffers, |strip| {
            self.add_strip(&mut pattern, strip, &cells);
        });
        Ok(pattern)
    }
}

impl PatternMap<'_> {
    /// The maps on the cells of a strip; `cells` are those of the tile.
    fn add_strip(&self, pattern: &mut Pattern, strip: &Strip, cells: &[usize]) {
        let nt = self.series.times;
        let n = nt as f64;
        let (modes, width) = (self.eigenvalues.len(), strip.cells.len());
        // b = Σ over t of u(t) x(t), unweighted
        let sums = transposed_times_columns(&strip.values, width, nt, self.units);
        let unit_means: Vec<f64> = self.units.chunks(nt).map(|u| u.iter().sum::<f64>() / n).collect();
        for (i, (&c, known)) in strip.cells.iter().zip(&strip.cell).enumerate() {
            let weight = self.series.weight(cells[c]);
            for k in 0..modes {
                let b = sums[i * modes + k];
                let lambda = self.eigenvalues[k];
                let unit = weight * b / ((n - 1.0) * lambda).sqrt();
                let peak = Peak { size: unit.abs(), cell: cells[c], negative: unit < 0.0 };
                pattern.peaks[k] = pattern.peaks[k].larger(peak);
                let centred = b - n * unit_means[k] * known.mean;
                let value = match self.options.eof_scaling {
                    EofScaling::UnitNorm => unit,
                    EofScaling::Divided => unit / lambda.sqrt(),
                    EofScaling::Multiplied => unit * lambda.sqrt(),
                    EofScaling::Covariance => self.pc_factors[k] * centred / (n - 1.0),
                    EofScaling::Correlation if known.constant => f64::NAN,
                    EofScaling::Correlation => {
                        let spread = 1.0 - n * unit_means[k] * unit_means[k];
                        (centred / (known.squares * spread).sqrt()).clamp(-1.0, 1.0)
                    }
                };
                // A constant cell has no standardized series.
                let undefined = self.options.standardize && known.constant;
                pattern.values[k * cells.len() + c] = if undefined { f64::NAN } else { value };
            }
        }
        pattern.varying += strip.cell.iter().filter(|c| !c.constant).count();
    }
}
