//! The search for the varimax rotation, in the moments of the loadings.

use super::dense::{product, rows, svd, to_rows};
use super::moments::{pairs, LoadingMoments};
use faer::Mat;
use halocline_core::{Error, Result};

/// How the rotation is looked for, and when it is found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Search {
    /// All modes turn at once, to the orthogonal matrix nearest to the gradient, until the sum of
    /// its singular values changes by less than `tolerance`, relatively: as xeofs does, with 10⁻⁸
    /// and up to 1000 steps.
    Gradient {
        /// Relative change of the criterion at which it stops.
        tolerance: f64,
        /// Steps after which it gives up.
        steps: usize,
    },
    /// Each pair of modes turns in its plane in turn, until no angle of a sweep reaches `angle`:
    /// as NCL does, with 10⁻⁴ radians.
    Planes {
        /// Radians; smaller turns are left out.
        angle: f64,
        /// Sweeps over all pairs after which it gives up.
        sweeps: usize,
    },
}

impl Default for Search {
    /// That of xeofs.
    fn default() -> Self {
        Self::Gradient { tolerance: 1e-8, steps: 1000 }
    }
}

/// The orthogonal R that maximises Σ over modes of Σ b⁴ − (Σ b²)² / cells, both over cells, for
/// the rotated loadings b = aᵀ R: C order, modes × modes, and the steps or sweeps it took.
///
/// # Errors
/// [`Data`](halocline_core::ErrorKind::Data) when it does not converge, or loadings overflow.
pub fn varimax(moments: &LoadingMoments, search: Search) -> Result<(Vec<f64>, usize)> {
    let fourth = Fourth::new(moments);
    let k = moments.modes;
    let second = moments.second.to_dense();
    if fourth.values.iter().chain(&second).any(|v| !v.is_finite()) {
        return Err(Error::data("the loadings overflow").remedy("look for absurd values in the data"));
    }
    let cells = moments.cells.max(1) as f64;
    match search {
        Search::Gradient { tolerance, steps } => gradient(&fourth, &second, k, cells, tolerance, steps),
        Search::Planes { angle, sweeps } => planes(fourth, second, k, cells, angle, sweeps),
    }
}

fn gradient(
    fourth: &Fourth,
    second: &[f64],
    k: usize,
    cells: f64,
    tolerance: f64,
    steps: usize,
) -> Result<(Vec<f64>, usize)> {
    let mut rotation = Mat::<f64>::identity(k, k);
    let mut before = 0.0;
    for step in 1..=steps {
        let turned = product(rows(second, k, k), rotation.as_ref());
        let cubes = fourth.cubes(&rotation);
        // Σ over c of a(i, c) (b(c, j)³ − b(c, j) Σ b(c, j)² / cells)
        let slope = Mat::from_fn(k, k, |i, j| {
            let squares: f64 = (0..k).map(|l| rotation[(l, j)] * turned[(l, j)]).sum();
            cubes[(i, j)] - turned[(i, j)] * squares / cells
        });
        let parts = svd(slope.as_ref())?;
        rotation = product(parts.u.as_ref(), parts.v.transpose());
        let now: f64 = parts.s.iter().sum();
        // Without a slope every rotation is as good.
        if now == 0.0 || ((now - before) / now).abs() < tolerance {
            return Ok((to_rows(rotation.as_ref()), step));
        }
        before = now;
    }
    Err(no_convergence(steps))
}

fn planes(
    mut fourth: Fourth,
    mut second: Vec<f64>,
    k: usize,
    cells: f64,
    smallest: f64,
    sweeps: usize,
) -> Result<(Vec<f64>, usize)> {
    let mut rotation: Vec<f64> = (0..k * k).map(|i| f64::from(u8::from(i % (k + 1) == 0))).collect();
    for sweep in 1..=sweeps {
        let mut turns = 0;
        for (m, n) in pairs(k).filter(|(m, n)| m != n) {
            // With x, y the two: u = x² − y², v = 2 x y.
            let u = second[m * k + m] - second[n * k + n];
            let v = 2.0 * second[m * k + n];
            let (mm, nn, mn) = (fourth.at([m, m, m, m]), fourth.at([n, n, n, n]), fourth.at([m, m, n, n]));
            let uv = 2.0 * (fourth.at([m, m, m, n]) - fourth.at([m, n, n, n]));
            let numerator = 2.0 * (uv - u * v / cells);
            let denominator = mm - 6.0 * mn + nn - (u * u - v * v) / cells;
            let angle = numerator.atan2(denominator) / 4.0;
            if angle.abs() < smallest {
                continue;
            }
            turns += 1;
            let (sin, cos) = angle.sin_cos();
            fourth.turn(m, n, sin, cos);
            for matrix in [&mut second, &mut rotation] {
                for row in matrix.chunks_mut(k) {
                    (row[m], row[n]) = (row[m] * cos + row[n] * sin, row[n] * cos - row[m] * sin);
                }
            }
            for l in 0..k {
                let (a, b) = (second[m * k + l], second[n * k + l]);
                second[m * k + l] = a * cos + b * sin;
                second[n * k + l] = b * cos - a * sin;
            }
        }
        if turns == 0 {
            return Ok((rotation, sweep));
        }
    }
    Err(no_convergence(sweeps))
}

fn no_convergence(steps: usize) -> Error {
    Error::data(format!("the rotation has not converged in {steps} iterations"))
        .remedy("allow more iterations, a larger tolerance, or rotate fewer modes")
}

/// F(i, j, k, l), all modes⁴ entries.
struct Fourth {
    k: usize,
    values: Vec<f64>,
}

impl Fourth {
    fn new(moments: &LoadingMoments) -> Self {
        let k = moments.modes;
        let packed = moments.fourth.to_dense();
        let size = moments.fourth.n();
        let mut index = vec![0; k * k];
        for (at, (i, j)) in pairs(k).enumerate() {
            index[i * k + j] = at;
            index[j * k + i] = at;
        }
        let row = |&p: &usize| index.iter().map(move |&q| p * size + q);
        Self { k, values: index.iter().flat_map(row).map(|at| packed[at]).collect() }
    }

    fn at(&self, [a, b, c, d]: [usize; 4]) -> f64 {
        let k = self.k;
        self.values[((a * k + b) * k + c) * k + d]
    }

    /// Σ over c of a(i, c) b(c, j)³ for b = aᵀ R, modes × modes.
    fn cubes(&self, rotation: &Mat<f64>) -> Mat<f64> {
        let k = self.k;
        // (i j l) × column: the last of the four turned, of each column by itself the others.
        let once = product(rows(&self.values, k * k * k, k), rotation.as_ref());
        Mat::from_fn(k, k, |i, j| {
            let mut sum = 0.0;
            for a in 0..k {
                let from = (i * k + a) * k;
                let inner: f64 = (0..k).map(|b| once[(from + b, j)] * rotation[(b, j)]).sum();
                sum += inner * rotation[(a, j)];
            }
            sum
        })
    }

    /// Turns modes m and n in their plane, in each of the four indices.
    fn turn(&mut self, m: usize, n: usize, sin: f64, cos: f64) {
        let k = self.k;
        for stride in [1, k, k * k, k * k * k] {
            for block in self.values.chunks_mut(stride * k) {
                for i in 0..stride {
                    let (a, b) = (block[m * stride + i], block[n * stride + i]);
                    block[m * stride + i] = a * cos + b * sin;
                    block[n * stride + i] = b * cos - a * sin;
                }
            }
        }
    }
}
