//! From sums to results.

use super::super::student::{of_correlation, two_sided};
use super::moments::Cell;
use super::RelateState;
use serde::{Deserialize, Serialize};

/// A result at every cell. With n pairs, sums of squares and products about means C, all of what
/// is left of both where their trends in time are removed:
///
/// | quantity | definition | missing where |
/// |---|---|---|
/// | `Correlation` | r = Cxy / √(Cxx Cyy) | n < 2, or one of both does not vary |
/// | `EffectiveSize` | N = n (1 − ρx ρy) / (1 + ρx ρy), at most n; ρ: correlation of neighbours in time | as `Correlation` |
/// | `PValue` | two-sided t test of r with N − 2 (N − 3 without trends) degrees of freedom | there are none |
/// | `Slope` | b = Cxy / Cxx, in units of y per unit of x, or per standard deviation of x | x does not vary |
/// | `Intercept` | mean y − b mean x; mean y per standard deviation | x does not vary |
/// | `Covariance` | Cxy / (n − ddof) | n ≤ ddof |
/// | `Pairs` | n | never |
/// | `High`, `Low` | mean of y where x is high, or low | there is none |
/// | `Difference` | of the two | one is missing |
/// | `DifferencePValue` | two-sided, Welch's t test | fewer than two values in one, or no variance |
/// | `HighCount`, `LowCount` | values in each | never |
///
/// # References
/// Bretherton et al. (1999), *J. Climate* **12**, 1990–2009 (effective size); Welch (1947),
/// *Biometrika* **34**, 28–35.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Quantity {
    Correlation,
    EffectiveSize,
    PValue,
    Slope,
    Intercept,
    Covariance,
    Pairs,
    High,
    Low,
    Difference,
    DifferencePValue,
    HighCount,
    LowCount,
}

/// How pairs are turned into results.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Treatment {
    /// Linear trends in time are removed from both.
    pub detrend: bool,
    /// Slopes are per standard deviation of x.
    pub standardize: bool,
    /// Subtracted from the number of pairs where a covariance or variance is divided by it.
    pub ddof: u8,
}

/// Sums of squares and products of what is related, about means, trends removed if asked for.
struct Related {
    n: f64,
    yy: f64,
    xx: f64,
    xy: f64,
    /// Correlations of neighbours.
    rho: [f64; 2],
}

/// What is left of a sum of squares after a fit counts as nothing below this share of it.
const NOTHING: f64 = 1e-10;

fn related(cell: &Cell, detrend: bool) -> Related {
    let [mut yy, mut xx, tt] = cell.square;
    let [mut xy, ty, tx] = cell.cross;
    let [mut next_y, mut next_x, next_t] = cell.next;
    if detrend && tt > 0.0 {
        let (by, bx) = (ty / tt, tx / tt);
        let left =
            |whole: f64, fitted: f64| if whole - fitted > NOTHING * whole { whole - fitted } else { 0.0 };
        yy = left(yy, by * ty);
        xx = left(xx, bx * tx);
        xy -= by * tx;
        next_y += by * (by * next_t - cell.next_cross[0]);
        next_x += bx * (bx * next_t - cell.next_cross[1]);
    }
    // As many terms in both sums, were there no gaps.
    let gaps = cell.n / (cell.pairs + 1.0);
    Related { n: cell.n, yy, xx, xy, rho: [next_y / yy * gaps, next_x / xx * gaps] }
}

impl Related {
    fn correlation(&self) -> f64 {
        if self.n < 2.0 || self.yy <= 0.0 || self.xx <= 0.0 {
            return f64::NAN;
        }
        (self.xy / (self.xx.sqrt() * self.yy.sqrt())).clamp(-1.0, 1.0)
    }
    fn effective_size(&self) -> f64 {
        if self.correlation().is_nan() {
            return f64::NAN;
        }
        let both = self.rho[0].clamp(-1.0, 1.0) * self.rho[1].clamp(-1.0, 1.0);
        // Neighbours of opposite sign tell no more than independent ones.
        if both <= 0.0 {
            self.n
        } else {
            self.n * (1.0 - both) / (1.0 + both)
        }
    }
}

impl RelateState {
    /// The result `quantity` of lag number `lag` at each cell of the tile, missing as NaN.
    pub fn finish(&self, lag: usize, quantity: Quantity, how: Treatment) -> Vec<f64> {
        let Some(sums) = self.lags.get(lag) else { return Vec::new() };
        let cells = sums.moments.cells().max(sums.high.0.len() / super::CLASS);
        (0..cells).map(|i| self.one(lag, i, quantity, how)).collect()
    }

    fn one(&self, lag: usize, i: usize, quantity: Quantity, how: Treatment) -> f64 {
        let sums = &self.lags[lag];
        let of_pairs = |of: fn(&Cell, &Related, Treatment) -> f64| {
            let cell = sums.moments.cell(i).centred();
            of(&cell, &related(&cell, how.detrend), how)
        };
        let (high, low) = (|| sums.high.cell(i), || sums.low.cell(i));
        match quantity {
            Quantity::Pairs => of_pairs(|cell, _, _| cell.n),
            Quantity::Correlation => of_pairs(|_, r, _| r.correlation()),
            Quantity::EffectiveSize => of_pairs(|_, r, _| r.effective_size()),
            Quantity::PValue => of_pairs(|_, r, how| {
                let fitted = if how.detrend { 3.0 } else { 2.0 };
                of_correlation(r.correlation(), r.effective_size() - fitted)
            }),
            Quantity::Slope => of_pairs(|_, r, how| match slope(r) {
                b if how.standardize => b * (r.xx / (r.n - f64::from(how.ddof))).sqrt(),
                b => b,
            }),
            Quantity::Intercept => of_pairs(|cell, r, how| match slope(r) {
                b if how.standardize => cell.mean[0] + 0.0 * b,
                b => cell.mean[0] - b * cell.mean[1],
            }),
            Quantity::Covariance => of_pairs(|_, r, how| {
                let divisor = r.n - f64::from(how.ddof);
                if divisor > 0.0 {
                    r.xy / divisor
                } else {
                    f64::NAN
                }
            }),
            Quantity::High => high()[1],
            Quantity::Low => low()[1],
            Quantity::HighCount => high()[0],
            Quantity::LowCount => low()[0],
            Quantity::Difference => high()[1] - low()[1],
            Quantity::DifferencePValue => welch(high(), low()),
        }
    }
}

fn slope(r: &Related) -> f64 {
    if r.n >= 2.0 && r.xx > 0.0 {
        r.xy / r.xx
    } else {
        f64::NAN
    }
}

/// Welch's t test of two means: n, mean, sum of squares about it.
fn welch([n, mean, square]: [f64; 3], [m, other, more]: [f64; 3]) -> f64 {
    if n < 2.0 || m < 2.0 {
        return f64::NAN;
    }
    let (a, b) = (square / (n - 1.0) / n, more / (m - 1.0) / m);
    if a + b <= 0.0 {
        return f64::NAN;
    }
    let dof = (a + b) * (a + b) / (a * a / (n - 1.0) + b * b / (m - 1.0));
    two_sided((mean - other) / (a + b).sqrt(), dof)
}
