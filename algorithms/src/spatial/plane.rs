//! The two-dimensional spectrum of a plane.

use crate::spectra::Window;
use halocline_core::{Error, Result};
use realfft::num_complex::Complex64;
use realfft::{RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Columns that are turned at once: two lines of the cache.
const COLUMNS: usize = 8;

/// What is taken off a plane before its transform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaneDetrend {
    /// Nothing.
    None,
    /// Its mean.
    Constant,
    /// The plane a + b x + c y that fits it best in the sense of least squares.
    Plane,
}

impl PlaneDetrend {
    /// As users write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Constant => "constant",
            Self::Plane => "plane",
        }
    }

    /// Takes it off `ny` rows of values.
    pub fn remove(self, map: &mut [f64], ny: usize) {
        let nx = map.len() / ny.max(1);
        if self == Self::None || map.is_empty() {
            return;
        }
        let middle = |n: usize| (n as f64 - 1.0) / 2.0;
        let (mut sum, mut along_y, mut along_x) = (0.0, 0.0, 0.0);
        for (j, row) in map.chunks(nx).enumerate() {
            let own: f64 = row.iter().sum();
            sum += own;
            along_y += (j as f64 - middle(ny)) * own;
            if self == Self::Plane {
                along_x += row.iter().enumerate().map(|(i, v)| (i as f64 - middle(nx)) * v).sum::<f64>();
            }
        }
        let mean = sum / map.len() as f64;
        // Sum of squares of distances from the middle.
        let squares = |n: usize| (n as f64) * (n as f64 * n as f64 - 1.0) / 12.0;
        let slope = |moment: f64, n: usize, other: usize| match self {
            Self::Plane if n > 1 => moment / (squares(n) * other as f64),
            _ => 0.0,
        };
        let (b, c) = (slope(along_x, nx, ny), slope(along_y, ny, nx));
        for (j, row) in map.chunks_mut(nx).enumerate() {
            let base = mean + c * (j as f64 - middle(ny));
            row.iter_mut().enumerate().for_each(|(i, v)| *v -= base + b * (i as f64 - middle(nx)));
        }
    }
}

impl FromStr for PlaneDetrend {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        [Self::None, Self::Constant, Self::Plane].into_iter().find(|d| d.name() == word).ok_or_else(|| {
            Error::usage(format!("a plane can't be detrended by `{word}`"))
                .remedy("choose from none, constant, plane")
        })
    }
}

/// The spectral density of planes of `ny` by `nx` values, `spacing` apart:
///
/// P(l, k) = (Δy Δx / (ny nx ⟨w²⟩)) |Σⱼ Σᵢ wⱼᵢ xⱼᵢ exp(−2πi (l j / ny + k i / nx))|²,
///
/// at the wave numbers l / (ny Δy), k / (nx Δx) in cycles per unit of the spacing. The window w is
/// the product of one along each dimension; without `corrects`, ⟨w²⟩ is taken as 1, and a window
/// takes its share of the power. The sum of P over all l and k times 1 / (ny Δy nx Δx) is the mean
/// of w² x² over that of w²: with a boxcar window the variance of what is left of the plane.
#[derive(Clone)]
pub struct PlanePower {
    shape: [usize; 2],
    spacing: [f64; 2],
    detrend: PlaneDetrend,
    /// None of a boxcar.
    weights: Option<[Vec<f64>; 2]>,
    scale: f64,
    rows: Arc<dyn RealToComplex<f64>>,
    columns: Arc<dyn Fft<f64>>,
}

impl fmt::Debug for PlanePower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlanePower")
            .field("shape", &self.shape)
            .field("spacing", &self.spacing)
            .finish_non_exhaustive()
    }
}

/// What a thread works in.
#[derive(Debug)]
pub struct PlaneScratch {
    half: Vec<Complex64>,
    turned: Vec<Complex64>,
    scratch: Vec<Complex64>,
}

impl PlanePower {
    /// For planes of this shape and spacing (slow dimension first).
    ///
    /// # Errors
    /// Usage, if a side has less than two values, or a spacing is not positive.
    pub fn new(
        shape: [usize; 2],
        spacing: [f64; 2],
        detrend: PlaneDetrend,
        (window, corrects): (Window, bool),
    ) -> Result<Self> {
        if shape.iter().any(|n| *n < 2) {
            return Err(Error::usage(format!("a plane of {} by {} values has no waves", shape[0], shape[1]))
                .remedy("choose a larger --box: two rows and two columns at least"));
        }
        if spacing.iter().any(|d| !d.is_finite() || *d <= 0.0) {
            return Err(Error::internal("values that lie no distance apart"));
        }
        let weights = (window != Window::Boxcar).then(|| shape.map(|n| window.weights(n)));
        let squares = |w: &Vec<f64>| w.iter().map(|w| w * w).sum::<f64>() / w.len() as f64;
        let mean = match &weights {
            Some([y, x]) if corrects => squares(y) * squares(x),
            _ => 1.0,
        };
        let scale = spacing[0] * spacing[1] / (shape[0] as f64 * shape[1] as f64 * mean);
        let rows = RealFftPlanner::new().plan_fft_forward(shape[1]);
        let columns = FftPlanner::new().plan_fft_forward(shape[0]);
        Ok(Self { shape, spacing, detrend, weights, scale, rows, columns })
    }
    /// Rows and columns of a plane.
    pub const fn shape(&self) -> [usize; 2] {
        self.shape
    }
    /// Columns of half a spectrum: wave numbers from 0 to that of Nyquist.
    pub const fn half(&self) -> usize {
        self.shape[1] / 2 + 1
    }
    /// From one wave number to the next, along either dimension.
    pub fn steps(&self) -> [f64; 2] {
        [0, 1].map(|d| 1.0 / (self.shape[d] as f64 * self.spacing[d]))
    }
    /// Wave numbers along dimension `d`, in the order of transforms: from 0 up, then the negative
    /// ones.
    pub fn wave_numbers(&self, d: usize) -> Vec<f64> {
        let (n, step) = (self.shape[d], self.steps()[d]);
        (0..n).map(|i| if i < n.div_ceil(2) { i as f64 } else { i as f64 - n as f64 } * step).collect()
    }
    /// How often a column of half a spectrum counts: twice, where it stands for its mirror, too.
    pub const fn times(&self, column: usize) -> f64 {
        if column == 0 || 2 * column == self.shape[1] {
            1.0
        } else {
            2.0
        }
    }
    /// Room for a thread.
    pub fn scratch(&self) -> PlaneScratch {
        let zeros = |n: usize| vec![Complex64::default(); n];
        PlaneScratch {
            half: zeros(self.shape[0] * self.half()),
            turned: zeros(self.shape[0] * COLUMNS),
            scratch: zeros(self.columns.get_inplace_scratch_len().max(self.rows.get_scratch_len())),
        }
    }
    /// Bytes of that.
    pub fn scratch_bytes(&self) -> u64 {
        let scratch = self.columns.get_inplace_scratch_len().max(self.rows.get_scratch_len());
        let all = self.shape[0] * (self.half() + COLUMNS) + scratch;
        (all * size_of::<Complex64>()) as u64
    }

    /// Turns `map`, whose values are lost, into the density of half the plane of wave numbers:
    /// `power` has a row for each l in the order of transforms, of k from 0 to that of Nyquist.
    ///
    /// # Errors
    /// Internal, if lengths are others than planned.
    pub fn power(&self, map: &mut [f64], power: &mut [f64], room: &mut PlaneScratch) -> Result<()> {
        let ([ny, nx], half) = (self.shape, self.half());
        if map.len() != ny * nx || power.len() != ny * half {
            return Err(Error::internal("a plane is not of the size that was planned"));
        }
        self.detrend.remove(map, ny);
        if let Some([y, x]) = &self.weights {
            for (row, wy) in map.chunks_mut(nx).zip(y) {
                row.iter_mut().zip(x).for_each(|(v, wx)| *v *= wy * wx);
            }
        }
        for (row, spectrum) in map.chunks_mut(nx).zip(room.half.chunks_mut(half)) {
            self.rows
                .process_with_scratch(row, spectrum, &mut room.scratch)
                .map_err(|e| Error::internal(format!("a Fourier transform: {e}")))?;
        }
        for first in (0..half).step_by(COLUMNS) {
            let width = COLUMNS.min(half - first);
            let turned = &mut room.turned[..width * ny];
            for (j, row) in room.half.chunks(half).enumerate() {
                row[first..first + width].iter().enumerate().for_each(|(c, v)| turned[c * ny + j] = *v);
            }
            self.columns.process_with_scratch(turned, &mut room.scratch);
            for (j, row) in power.chunks_mut(half).enumerate() {
                for (c, power) in row[first..first + width].iter_mut().enumerate() {
                    *power = turned[c * ny + j].norm_sqr() * self.scale;
                }
            }
        }
        Ok(())
    }

    /// The whole plane of wave numbers from half of it, both dimensions from the most negative wave
    /// number up; `flipped` where rows run against the direction in which l is to count.
    pub fn whole(&self, half: &[f64], flipped: bool, whole: &mut [f64]) {
        let ([ny, nx], width) = (self.shape, self.half());
        // Where the number i of an ascending order stands in that of transforms.
        let place = |i: usize, n: usize| (i + n.div_ceil(2)) % n;
        for (i, row) in whole.chunks_mut(nx).enumerate() {
            let l = place(i, ny);
            for (j, v) in row.iter_mut().enumerate() {
                let k = place(j, nx);
                // P(-l, -k) = P(l, k), as the field is real.
                let (l, k) = if k < width { (l, k) } else { ((ny - l) % ny, nx - k) };
                let l = if flipped { (ny - l) % ny } else { l };
                *v = half[l * width + k];
            }
        }
    }
}
