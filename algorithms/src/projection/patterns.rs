//! Patterns in the form in which fields are projected on them.

use halocline_core::{Error, Result};

/// Values of a block of cells that stay in cache while all patterns are taken.
pub(super) const BLOCK: usize = 2048;
/// Interleaved partial sums.
const LANES: usize = 8;

/// Patterns vₖ of the weighted field, and what a field is multiplied by before it is projected.
#[derive(Debug, Clone, PartialEq)]
pub struct Patterns {
    modes: usize,
    cells: usize,
    /// Modes × cells; 0 where there is no pattern.
    values: Vec<f64>,
    /// What the field is multiplied by, w / σ; NaN where there is no pattern.
    metric: Vec<f64>,
}

impl Patterns {
    /// Patterns from `values` (modes × cells, C order) and `metric`, what the field is
    /// multiplied by in each cell. Cells in which a pattern or the metric is missing (NaN) are
    /// left out, of all modes alike.
    ///
    /// # Errors
    /// Data, if no cell is left, a value is infinite, or a cell is missing in some of the modes only;
    /// internal, if lengths don't fit.
    pub fn new(modes: usize, mut values: Vec<f64>, mut metric: Vec<f64>) -> Result<Self> {
        let cells = metric.len();
        if modes == 0 || values.len() != modes * cells {
            return Err(Error::internal("patterns and cells don't fit"));
        }
        for map in values.chunks(cells.max(1)).skip(1) {
            let differs = |(a, b): (&f64, &f64)| a.is_nan() != b.is_nan();
            let odd = map.iter().zip(&values[..cells]).filter(|pair| differs(*pair)).count();
            if odd > 0 {
                return Err(Error::data(format!("{odd} cells are missing in some of the modes only"))
                    .remedy("project on the modes one by one"));
            }
        }
        for (c, metric) in metric.iter_mut().enumerate() {
            if values[c].is_nan() {
                *metric = f64::NAN;
            } else if metric.is_nan() {
                values.iter_mut().skip(c).step_by(cells).for_each(|v| *v = f64::NAN);
            }
        }
        if values.iter().chain(&metric).any(|v| v.is_infinite()) {
            return Err(Error::data("there are infinite values in the patterns"));
        }
        if metric.iter().all(|m| m.is_nan()) {
            return Err(Error::data("the patterns have no values"));
        }
        values.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = 0.0);
        Ok(Self { modes, cells, values, metric })
    }

    /// Number of patterns.
    pub const fn modes(&self) -> usize {
        self.modes
    }
    /// Cells of the grid, those without values too.
    pub const fn cells(&self) -> usize {
        self.cells
    }
    /// Cells with values.
    pub fn count(&self) -> usize {
        self.metric.iter().filter(|m| !m.is_nan()).count()
    }
    /// Whether a cell has values.
    pub fn has(&self, cell: usize) -> bool {
        !self.metric[cell].is_nan()
    }
    /// Length of pattern `mode`, √(Σ v²).
    pub fn norm(&self, mode: usize) -> f64 {
        let map = self.map(mode);
        blocks(map, map).sqrt()
    }
    /// Multiplies pattern `mode` by `factor`.
    pub fn scale(&mut self, mode: usize, factor: f64) {
        let cells = self.cells;
        self.values[mode * cells..(mode + 1) * cells].iter_mut().for_each(|v| *v *= factor);
    }
    /// The product of two patterns, Σ v v'.
    pub fn product(&self, mode: usize, other: usize) -> f64 {
        blocks(self.map(mode), self.map(other))
    }
    /// Products of all patterns with each other, modes × modes.
    pub(super) fn gram(&self) -> Vec<f64> {
        let k = self.modes;
        let mut gram = vec![0.0; k * k];
        for i in 0..k {
            for j in 0..=i {
                let product = self.product(i, j);
                gram[i * k + j] = product;
                gram[j * k + i] = product;
            }
        }
        gram
    }
    /// The projection of one map (NaN: as if 0, where there is no pattern) on each pattern.
    ///
    /// # Errors
    /// Data, if the map is missing where there are patterns: says in how many cells; internal, if
    /// it is of another size.
    pub fn project(&self, map: &[f64]) -> Result<Vec<f64>> {
        if map.len() != self.cells {
            return Err(Error::internal("a map has other cells than the patterns"));
        }
        let lacks = (0..self.cells).filter(|&c| self.has(c) && !map[c].is_finite()).count();
        if lacks > 0 {
            return Err(Error::data(format!("is missing in {lacks} cells where the patterns have values")));
        }
        let weighted: Vec<f64> =
            map.iter().zip(&self.metric).map(|(v, m)| if m.is_nan() { 0.0 } else { v * m }).collect();
        Ok((0..self.modes).map(|k| blocks(&weighted, self.map(k))).collect())
    }
    pub(super) fn map(&self, mode: usize) -> &[f64] {
        &self.values[mode * self.cells..(mode + 1) * self.cells]
    }
    pub(super) fn metric(&self) -> &[f64] {
        &self.metric
    }
}

/// Σ a b, block after block.
fn blocks(a: &[f64], b: &[f64]) -> f64 {
    a.chunks(BLOCK).zip(b.chunks(BLOCK)).map(|(a, b)| dot(a, b)).sum()
}

/// Σ a b in interleaved partial sums: one order, wide registers.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    for (k, (x, y)) in a.remainder().iter().zip(b.remainder()).enumerate() {
        lanes[k] = x * y;
    }
    for (x, y) in a.zip(b) {
        for (lane, (x, y)) in lanes.iter_mut().zip(x.iter().zip(y)) {
            *lane += x * y;
        }
    }
    let mut width = LANES / 2;
    while width > 0 {
        for k in 0..width {
            lanes[k] += lanes[k + width];
        }
        width /= 2;
    }
    lanes[0]
}
