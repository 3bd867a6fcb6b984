//! The scales of a wavelet transform, and what belongs to each.

use super::mother::Mother;
use crate::spectra::chi2::chi2_quantile;
use halocline_core::{Error, Result};

/// Scales, beyond which something is wrong.
const MOST: usize = 10_000;

/// How scales are chosen; what is not given is as Torrence and Compo have it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScaleOptions {
    /// The mother wavelet.
    pub mother: Mother,
    /// δj: octaves from scale to scale.
    pub spacing: f64,
    /// s₀, the smallest scale, in units of the step. `None`: two steps.
    pub smallest: Option<f64>,
    /// J: there are J + 1 scales. `None`: log₂(n Δ/s₀)/δj, rounded down, for n values.
    pub last: Option<usize>,
}

/// The scales s₀ 2^(j δj), j = 0 … J, of series of n values at distances Δ, and what the significance
/// of averages depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Scales {
    mother: Mother,
    spacing: f64,
    times: usize,
    step: f64,
    /// In units of the step.
    values: Vec<f64>,
}

impl Scales {
    /// For series of `times` values at distances `step`, in whatever unit of time is wanted.
    ///
    /// # Errors
    /// Data, if there are fewer than four times; usage, if the scales make no sense.
    pub fn new(times: usize, step: f64, options: ScaleOptions) -> Result<Self> {
        if times < 4 {
            return Err(Error::data(format!("wavelets need at least 4 times, there are {times}"))
                .remedy("choose a longer --time"));
        }
        let ScaleOptions { mother, spacing, smallest, last } = options;
        if !(spacing > 0.0 && spacing <= 4.0) {
            return Err(Error::usage(format!("scales can't be {spacing} octaves apart"))
                .remedy("choose --dj above 0, up to 4"));
        }
        let smallest = smallest.map_or(2.0, |s| s / step);
        // Below, the wavelet fits between two times.
        if !(0.01..=times as f64).contains(&smallest) {
            return Err(Error::usage(format!(
                "a smallest scale of {} in series of {}",
                smallest * step,
                times as f64 * step
            ))
            .remedy(format!("choose --s0 from {} to {}", 0.01 * step, times as f64 * step)));
        }
        let all = (times as f64 / smallest).log2() / spacing;
        let last = last.map_or(all.floor(), |j| j as f64);
        let widest = smallest.log2() + last * spacing;
        if last + 1.0 > MOST as f64 || widest > 60.0 {
            return Err(Error::usage(format!("{} scales, {spacing} octaves apart", last + 1.0))
                .remedy("choose a greater --dj, or a smaller --j"));
        }
        let values = (0..=last as usize).map(|j| smallest * (j as f64 * spacing).exp2()).collect();
        Ok(Self { mother, spacing, times, step, values })
    }
    /// The mother wavelet.
    pub const fn mother(&self) -> Mother {
        self.mother
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }
    /// There always are scales.
    pub const fn is_empty(&self) -> bool {
        false
    }
    /// Values of a series.
    pub const fn times(&self) -> usize {
        self.times
    }
    /// δj.
    pub const fn spacing(&self) -> f64 {
        self.spacing
    }
    /// The smallest, in steps of time.
    pub fn smallest(&self) -> f64 {
        self.values[0]
    }
    /// In steps.
    pub(super) fn in_steps(&self) -> &[f64] {
        &self.values
    }
    /// The scales, in units of time.
    pub fn scales(&self) -> Vec<f64> {
        self.values.iter().map(|s| s * self.step).collect()
    }
    /// The Fourier periods of the scales.
    pub fn periods(&self) -> Vec<f64> {
        let factor = self.mother.period_factor();
        self.values.iter().map(|s| factor * (s * self.step)).collect()
    }
    /// 2 (1 − cos 2πΔ/period) at each scale.
    pub(super) fn turns(&self) -> Vec<f64> {
        let half = |s: &f64| std::f64::consts::PI / (self.mother.period_factor() * s);
        self.values.iter().map(|s| 4.0 * half(s).sin().powi(2)).collect()
    }
    /// The cone of influence: at each time the period whose e-folding time reaches the nearer end of the
    /// series; longer ones have lost power to the zeros beyond (Torrence and Compo, section 3g).
    pub fn cone(&self) -> Vec<f64> {
        let factor = self.mother.period_factor() / self.mother.folding_factor() * self.step;
        (0..self.times).map(|i| factor * i.min(self.times - 1 - i) as f64).collect()
    }
    /// The numbers of the scales whose periods are from `low` to `high`.
    ///
    /// # Errors
    /// Usage, if there are none.
    pub fn between(&self, [low, high]: [f64; 2]) -> Result<std::ops::Range<usize>> {
        // A period that is named as it was printed is meant.
        let near = |p: f64, limit: f64| (p - limit).abs() <= 1e-9 * limit;
        let inside = |p: &f64| (*p >= low || near(*p, low)) && (*p <= high || near(*p, high));
        let periods = self.periods();
        let first = periods.iter().position(inside);
        let last = periods.iter().rposition(inside);
        first.zip(last).map(|(first, last)| first..last + 1).ok_or_else(|| {
            Error::usage(format!("no scale has a period from {low} to {high}")).remedy(format!(
                "choose --scale-average between {} and {}, or a smaller --dj",
                periods[0],
                periods[periods.len() - 1]
            ))
        })
    }

    /// What the background is multiplied by to give the level that the power of red noise at one time and
    /// scale exceeds with probability 1 − `confidence`: χ²(p; ν)/ν (equation 18).
    pub fn local_factor(&self, confidence: f64) -> f64 {
        let dof = self.mother.degrees_of_freedom();
        chi2_quantile(confidence, dof) / dof
    }
    /// Degrees of freedom of the mean over time at each scale: ν √(1 + (nₐ Δ/(γ s))²) (equation 23), nₐ
    /// being the number of times less half of those inside the cone. `None` for wavelets whose γ is not
    /// known.
    pub fn global_degrees_of_freedom(&self) -> Option<Vec<f64>> {
        let known = self.mother.empirical()?;
        let n = self.times as f64;
        let of = |s: &f64| {
            let averaged = (n - (self.mother.folding_factor() * s).min(0.5 * n)).max(1.0);
            self.mother.degrees_of_freedom() * (1.0 + (averaged / (known.time * s)).powi(2)).sqrt()
        };
        Some(self.values.iter().map(of).collect())
    }
    /// Degrees of freedom of the mean over these scales: `ν nₐ S/S_mid √(1 + (nₐ δj/δj₀)²)`, 1/S being
    /// Σ 1/s (equation 28). `None` for wavelets whose δj₀ is not known.
    pub fn average_degrees_of_freedom(&self, scales: std::ops::Range<usize>) -> Option<f64> {
        let known = self.mother.empirical()?;
        let own = &self.values[scales];
        let average = 1.0 / own.iter().map(|s| 1.0 / s).sum::<f64>();
        let middle = (own[0] * own[own.len() - 1]).sqrt();
        let n = own.len() as f64;
        let dof = self.mother.degrees_of_freedom();
        Some(dof * n * average / middle * (1.0 + (n * self.spacing / known.scale).powi(2)).sqrt())
    }
}
