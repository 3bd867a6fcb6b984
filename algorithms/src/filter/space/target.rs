//! Target responses and the polynomials that follow them.

use halocline_core::{Error, Result};
use std::f64::consts::PI;

/// Steps beyond which a filter is refused: grids have cells much smaller than the scale.
const MOST_STEPS: usize = 4000;

/// What a filter does to waves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// F(k) = exp(-(k L)² / 24): a Gaussian with the standard deviation L / √12, that of a boxcar
    /// of width L.
    Gaussian,
    /// Nothing of waves shorter than L, all of those longer than `width` · L, a smooth cubic between.
    Taper {
        /// Ratio of the two lengths, more than 1.
        width: f64,
    },
    /// F(k) = 2 J₁(k L / 2) / (k L / 2): the mean over a disc of diameter L.
    Boxcar,
}

/// A filter of a scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// The response.
    pub shape: Shape,
    /// The scale L, in the units of the spacing.
    pub scale: f64,
    /// The least spacing of cells: the Laplacian has no eigenvalue above 8 / `spacing`².
    pub spacing: f64,
}

impl Target {
    /// F(k).
    pub fn response(&self, k: f64) -> f64 {
        let scale = self.scale;
        match self.shape {
            Shape::Gaussian => (-(k * scale).powi(2) / 24.0).exp(),
            Shape::Taper { width } => {
                let (from, to) = (2.0 * PI / (width * scale), 2.0 * PI / scale);
                let u = ((k - from) / (to - from)).clamp(0.0, 1.0);
                1.0 - u * u * (3.0 - 2.0 * u)
            }
            Shape::Boxcar => jinc(0.5 * k * scale),
        }
    }
    /// The greatest eigenvalue that the polynomial is made for.
    pub fn greatest(&self) -> f64 {
        8.0 / (self.spacing * self.spacing)
    }
    /// Steps that give an accuracy of about 1 % (Gaussian and taper as gcm-filters has them).
    pub fn default_steps(&self) -> f64 {
        let factor = match self.shape {
            Shape::Gaussian => 1.1,
            Shape::Taper { width } => 3.2 + 0.7 * (PI / width).powf(2.7),
            Shape::Boxcar => return (0.8 * self.scale / self.spacing).ceil() + 4.0,
        };
        (factor * (self.scale / self.spacing)).ceil().max(3.0)
    }
    /// The polynomial of so many steps, or of [`Self::default_steps`].
    ///
    /// # Errors
    /// Usage: a scale, a width or a number of steps that makes no sense, or too many steps.
    pub fn polynomial(&self, steps: Option<usize>) -> Result<Polynomial> {
        let positive = |x: f64| x.is_finite() && x > 0.0;
        if !positive(self.scale) || !positive(self.spacing) {
            return Err(Error::usage(format!(
                "a filter of scale {} on cells {} apart",
                self.scale, self.spacing
            )));
        }
        if let Shape::Taper { width } = self.shape {
            if !(width > 1.0 && width.is_finite()) {
                return Err(Error::usage(format!("a transition {width} times as wide as the scale"))
                    .remedy("choose a --transition-width of more than 1"));
            }
            if PI / self.scale >= 4.0 * self.greatest().sqrt() {
                return Err(Error::usage("the scale of the filter is less than the grid resolves"));
            }
        }
        let wanted = steps.map_or_else(|| self.default_steps(), |n| n as f64);
        if wanted < 3.0 {
            return Err(Error::usage(format!("a filter of {wanted} steps")).remedy("use 3 or more"));
        }
        if wanted > MOST_STEPS as f64 {
            return Err(Error::usage(format!(
                "the scale is {:.0} times the least spacing of the grid: {wanted:.0} steps would be needed, {MOST_STEPS} are the most",
                self.scale / self.spacing
            ))
            .remedy("leave out the poles with --box, or choose a smaller --scale"));
        }
        Ok(Polynomial { coefficients: self.fit(wanted as usize), greatest: self.greatest() })
    }

    /// The Galerkin fit in the basis `T_i` - `T_(i+2)` of Shen (1995, SIAM J. Sci. Comput. 16, 74–87),
    /// which has the ends of F exactly.
    fn fit(&self, steps: usize) -> Vec<f64> {
        let n = steps;
        let at = |t: f64| self.response(((t + 1.0) * self.greatest() / 2.0).max(0.0).sqrt());
        let end = at(1.0);
        let nodes = (n + 1) as f64;
        // What is left of F when the line between its ends is taken off, at the nodes of Gauss.
        let angles: Vec<f64> = (0..=n).map(|j| (2 * j + 1) as f64 * PI / (2.0 * nodes)).collect();
        let rest: Vec<f64> = angles
            .iter()
            .map(|angle| {
                let t = angle.cos();
                at(t) - ((1.0 - t) / 2.0 + end * (1.0 + t) / 2.0)
            })
            .collect();
        let product = |i: usize| {
            let basis = |angle: f64| (i as f64 * angle).cos() - ((i + 2) as f64 * angle).cos();
            PI / nodes * angles.iter().zip(&rest).map(|(angle, f)| basis(*angle) * f).sum::<f64>()
        };
        let mut c: Vec<f64> = (0..n - 1).map(product).collect();
        // Even and odd polynomials don't meet: two systems of three diagonals, eliminated forwards.
        let mut diagonal = vec![PI; n - 1];
        diagonal[0] = 1.5 * PI;
        for i in 2..n - 1 {
            let factor = -0.5 * PI / diagonal[i - 2];
            diagonal[i] -= factor * -0.5 * PI;
            c[i] -= factor * c[i - 2];
        }
        for i in (0..n - 1).rev() {
            let next = if i + 2 < n - 1 { -0.5 * PI * c[i + 2] } else { 0.0 };
            c[i] = (c[i] - next) / diagonal[i];
        }
        let mut p = vec![0.0; n + 1];
        for (i, c) in c.iter().enumerate() {
            p[i] += c;
            p[i + 2] -= c;
        }
        p[0] += f64::midpoint(1.0, end);
        p[1] -= (1.0 - end) / 2.0;
        p
    }
}

/// p(s) = ∑ `p_k` `T_k`(2 s / `greatest` - 1), for eigenvalues s of -∆.
#[derive(Debug, Clone, PartialEq)]
pub struct Polynomial {
    /// `p_0` to `p_n`.
    pub coefficients: Vec<f64>,
    /// The greatest s.
    pub greatest: f64,
}

impl Polynomial {
    /// Its degree: how many Laplacians are applied.
    pub fn steps(&self) -> usize {
        self.coefficients.len() - 1
    }
    /// The response to waves of wave number k = √s.
    pub fn response(&self, k: f64) -> f64 {
        let t = 2.0 * k * k / self.greatest - 1.0;
        let (mut next, mut after) = (0.0, 0.0);
        for p in self.coefficients[1..].iter().rev() {
            (next, after) = (p + 2.0 * t * next - after, next);
        }
        self.coefficients[0] + t * next - after
    }
}

/// 2 J₁(x) / x, with the integral J₁(x) = ∫ cos(τ - x sin τ) dτ / 2π over the circle: the rule of
/// trapezia has no error but rounding once it has more points than x.
fn jinc(x: f64) -> f64 {
    if x.abs() < 1e-4 {
        return 1.0 - x * x / 8.0;
    }
    let points = x.abs().ceil() as usize + 40;
    let angle = |k: usize| 2.0 * PI * k as f64 / points as f64;
    let sum: f64 = (0..points).map(|k| (angle(k) - x * angle(k).sin()).cos()).sum();
    2.0 * sum / (points as f64 * x)
}
