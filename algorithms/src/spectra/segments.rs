//! Segments of a series, and how much their spectra know of one another.

use halocline_core::{Error, Result};

/// Segments of equal length at equal distances; what is left at the end of a series is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    /// Values of a segment.
    pub len: usize,
    /// From the start of one to the start of the next.
    pub step: usize,
    /// How many fit.
    pub count: usize,
}

impl Segments {
    /// One segment: the whole series.
    pub const fn whole(times: usize) -> Self {
        Self { len: times, step: times, count: 1 }
    }
    /// As many segments of `len` values as fit into `times`, each sharing ⌊`overlap` · `len`⌋ values
    /// with the next.
    ///
    /// # Errors
    /// Usage, if none fits, or `overlap` is not in 0 ≤ overlap < 1.
    pub fn new(times: usize, len: usize, overlap: f64) -> Result<Self> {
        if !(0.0..1.0).contains(&overlap) {
            return Err(Error::usage(format!("an overlap of {overlap} is no share of a segment"))
                .remedy("choose --overlap from 0 up to, but not, 1"));
        }
        if len < 2 || len > times {
            return Err(Error::usage(format!("a segment of {len} steps does not fit a series of {times}"))
                .remedy(format!("choose --segment from 2 to {times}")));
        }
        // 0.58 · 50 is 29, though a little less in binary.
        let shared = (overlap * len as f64 + 1e-9).floor() as usize;
        let step = len - shared.min(len - 1);
        Ok(Self { len, step, count: (times - len) / step + 1 })
    }

    /// Where they start.
    pub fn starts(&self) -> impl Iterator<Item = usize> {
        let step = self.step;
        (0..self.count).map(move |k| k * step)
    }

    /// Degrees of freedom ν of the mean of the segments' spectra (one of them has two, a sine and a
    /// cosine), for segments of white noise multiplied by `window`:
    ///
    /// ν = 2 K / (1 + 2 Σⱼ (1 − j/K) ρⱼ),  ρⱼ = (Σᵢ wᵢ wᵢ₊ⱼₛ / Σᵢ wᵢ²)²
    ///
    /// for K segments at distances s (Welch 1967). At frequency 0 and at the Nyquist frequency there
    /// are half as many.
    pub fn degrees_of_freedom(&self, window: &[f64]) -> f64 {
        let power: f64 = window.iter().map(|w| w * w).sum();
        let k = self.count as f64;
        let shared = |j: usize| {
            let later = window.get(j * self.step..).unwrap_or_default();
            let product: f64 = window.iter().zip(later).map(|(a, b)| a * b).sum();
            (1.0 - j as f64 / k) * (product / power).powi(2)
        };
        let overlapping = (1..self.count).take_while(|j| j * self.step < self.len);
        2.0 * k / (1.0 + 2.0 * overlapping.map(shared).sum::<f64>())
    }
}
