//! Pressure levels: integrals over them and derivatives.

use halocline_core::{Error, Result};

/// Pressure levels, rising or falling.
#[derive(Debug, Clone, PartialEq)]
pub struct Levels {
    pressure: Vec<f64>,
    /// Level numbers from the top down.
    down: Vec<usize>,
}

impl Levels {
    /// Levels of these pressures, Pa.
    ///
    /// # Errors
    /// Data, if there are fewer than two, or they are not positive or not in order.
    pub fn new(pressure: &[f64]) -> Result<Self> {
        let rising = pressure.windows(2).all(|p| p[0] < p[1]);
        let falling = pressure.windows(2).all(|p| p[0] > p[1]);
        let positive = pressure.iter().all(|p| p.is_finite() && *p > 0.0);
        if pressure.len() < 2 || !positive || !(rising || falling) {
            return Err(Error::data(format!(
                "its {} levels are not two or more positive pressures in order",
                pressure.len()
            ))
            .remedy("bring it to pressure levels first, as with `halocline vertical`"));
        }
        let mut down: Vec<usize> = (0..pressure.len()).collect();
        if falling {
            down.reverse();
        }
        Ok(Self { pressure: pressure.to_vec(), down })
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.pressure.len()
    }
    /// Whether there are none; never so.
    pub fn is_empty(&self) -> bool {
        self.pressure.is_empty()
    }
    /// Pressures in the order of the file, Pa.
    pub fn pressure(&self) -> &[f64] {
        &self.pressure
    }
    /// Numbers of levels from the top down.
    pub fn down(&self) -> &[usize] {
        &self.down
    }

    /// The weight of each level in an integral from pressure 0 to the lowest level, Pa: values are
    /// straight lines between levels, and constant above the highest. Their sum is the pressure of
    /// the lowest level.
    pub fn weights(&self) -> Vec<f64> {
        let p: Vec<f64> = self.down.iter().map(|&k| self.pressure[k]).collect();
        let mut weights = vec![0.0; p.len()];
        weights[self.down[0]] = p[0];
        for (k, pair) in p.windows(2).enumerate() {
            let half = 0.5 * (pair[1] - pair[0]);
            weights[self.down[k]] += half;
            weights[self.down[k + 1]] += half;
        }
        weights
    }

    /// ∂f/∂p on a section of `lat` latitudes: of a parabola through three levels, one-sided at the
    /// ends, of two levels where there are no more. Missing levels are left out.
    pub fn derivative(&self, section: &[f64], lat: usize) -> Vec<f64> {
        let mut out = vec![f64::NAN; section.len()];
        for j in 0..lat {
            let there: Vec<usize> =
                self.down.iter().copied().filter(|k| section[k * lat + j].is_finite()).collect();
            let x: Vec<f64> = there.iter().map(|&k| self.pressure[k]).collect();
            let y: Vec<f64> = there.iter().map(|&k| section[k * lat + j]).collect();
            for (at, slope) in slopes(&x, &y).into_iter().enumerate() {
                out[there[at] * lat + j] = slope;
            }
        }
        out
    }

    /// ∫ f dp from 0 to each level, on a section: f is a straight line between levels and constant
    /// above the highest. Levels that are missing at the lower end (below the ground) count as no mass;
    /// behind one that is missing above others nothing is known.
    pub fn integral_from_top(&self, section: &[f64], lat: usize) -> Vec<f64> {
        let mut out = vec![0.0; section.len()];
        let value = |k: usize, j: usize| {
            let v = section[k * lat + j];
            if v.is_finite() {
                v
            } else {
                0.0
            }
        };
        for j in 0..lat {
            let first = self.down[0];
            let mut sum = value(first, j) * self.pressure[first];
            let there = |k: &usize| section[k * lat + j].is_finite();
            let lowest = self.down.iter().rposition(there);
            if lowest.is_some() && !there(&first) {
                sum = f64::NAN;
            }
            out[first * lat + j] = sum;
            for pair in self.down.windows(2) {
                let step = self.pressure[pair[1]] - self.pressure[pair[0]];
                let below =
                    lowest.is_some_and(|lowest| self.pressure[pair[1]] <= self.pressure[self.down[lowest]]);
                if below && !there(&pair[1]) {
                    sum = f64::NAN;
                }
                sum += 0.5 * (value(pair[0], j) + value(pair[1], j)) * step;
                out[pair[1] * lat + j] = sum;
            }
        }
        out
    }
}

/// Slopes at points of a curve: of the parabola through a point and its two neighbours.
pub(super) fn slopes(x: &[f64], y: &[f64]) -> Vec<f64> {
    let n = x.len();
    let line = |a: usize, b: usize| (y[b] - y[a]) / (x[b] - x[a]);
    match n {
        0 => Vec::new(),
        1 => vec![f64::NAN],
        2 => vec![line(0, 1); 2],
        _ => (0..n)
            .map(|i| {
                let m = i.clamp(1, n - 2);
                let (before, after) = (line(m - 1, m), line(m, m + 1));
                let bend = (after - before) / (x[m + 1] - x[m - 1]);
                // The parabola through m - 1, m and m + 1.
                before + bend * (2.0 * x[i] - x[m - 1] - x[m])
            })
            .collect(),
    }
}
