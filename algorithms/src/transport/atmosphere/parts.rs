//! A flux \[xy\] by what carries it: the mean circulation, standing and transient eddies.

use super::{Cells, RowParts};

/// Sections `[level, lat]` of one pair: means over time and longitude.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// \[x̄\]\[ȳ\]: the mean meridional circulation.
    pub mean: Vec<f64>,
    /// \[x̄*ȳ*\]: standing eddies.
    pub stationary: Vec<f64>,
    /// The mean of the covariances in time at each cell: transient eddies.
    pub transient: Vec<f64>,
    /// \[xy\]: the mean of all products, found apart from its parts.
    pub total: Vec<f64>,
}

/// Sections `[level, lat]` that sums over cells are taken apart into.
#[derive(Debug, Clone, PartialEq)]
pub struct Decomposed {
    /// The mean of each variable.
    pub means: Vec<Vec<f64>>,
    /// The parts of each pair.
    pub parts: Vec<Parts>,
    /// The share of values that are there; with weights, their mean over all times and cells, values
    /// that are missing counting 0.
    pub there: Vec<f64>,
    /// With weights: their mean, whether values are there or not.
    pub weight: Option<Vec<f64>>,
}

/// From sums of parts of rows in the order of tiles. A mean counts every value, so that a cell
/// which is below the ground for some of the time has the weight of the rest, or what it weighs; the
/// total is then the sum of its parts, but for rounding.
pub fn decompose(of: &Cells, parts: &[RowParts], rows: usize, samples: usize) -> Decomposed {
    let (variables, pairs, each) = (of.variables(), of.pairs(), of.row_sums());
    let mut sums = vec![0.0; rows * each];
    for part in parts.iter().filter(|part| part.row < rows && part.sums.len() == each) {
        let of = &mut sums[part.row * each..(part.row + 1) * each];
        of.iter_mut().zip(&part.sums).for_each(|(sum, v)| *sum += v);
    }
    let field = |k: usize| -> Vec<f64> {
        let of = |row: &[f64]| if row[0] > 0.0 { row[k] / row[0] } else { f64::NAN };
        sums.chunks(each).map(of).collect()
    };
    let means: Vec<Vec<f64>> = (0..variables).map(|k| field(1 + k)).collect();
    let per_sample =
        |k: usize| -> Vec<f64> { sums.chunks(each).map(|row| row[k] / samples.max(1) as f64).collect() };
    let of_pair = |(p, &(a, b)): (usize, &(usize, usize))| {
        let (standing, transient) = (field(1 + variables + p), field(1 + variables + pairs.len() + p));
        let mean: Vec<f64> = means[a].iter().zip(&means[b]).map(|(a, b)| a * b).collect();
        Parts {
            stationary: standing.iter().zip(&mean).map(|(s, m)| s - m).collect(),
            total: field(1 + variables + 2 * pairs.len() + p),
            mean,
            transient,
        }
    };
    let parts = pairs.iter().enumerate().map(of_pair).collect();
    let weight = of.is_weighted().then(|| per_sample(each - 1));
    Decomposed { parts, there: per_sample(0), weight, means }
}
