//! Welch's estimate of spectra: the mean over segments of windowed periodograms.

#![allow(clippy::inline_always)] // so that loops are compiled for the vectors of their caller

use super::detrend::{AnnualCycle, Detrend, Line};
use super::segments::Segments;
use super::window::Window;
use halocline_core::{Error, Result};
use realfft::{RealFftPlanner, RealToComplex};
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};
use std::fmt;
use std::sync::Arc;

/// What a spectrum counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scaling {
    /// Variance per frequency: its sum over frequencies times their distance is the variance.
    Density,
    /// The power of a sine at its frequency.
    Spectrum,
}

/// Of the greatest power of a series, what rounding makes of values that are far from their mean.
const ROUNDING: f64 = 1e-24;

/// How spectra are estimated.
#[derive(Debug, Clone, PartialEq)]
pub struct WelchOptions {
    /// Values of a segment and the share of it that the next one shares; `None`: the whole series is
    /// one segment (a periodogram).
    pub segments: Option<(usize, f64)>,
    /// What each segment is multiplied by.
    pub window: Window,
    /// What is taken off each segment before that.
    pub detrend: Detrend,
    /// What is taken off the whole series first.
    pub cycle: Option<AnnualCycle>,
    /// What the spectrum counts.
    pub scaling: Scaling,
}

/// Estimates one-sided spectra of real series of a fixed length (Welch 1967).
///
/// From each of the K segments x the trend is taken off and it is multiplied by the window w (n
/// weights); with X = Σᵢ wᵢ xᵢ exp(−2πi k i/n) the spectrum at the frequency k/(n Δ), Δ being the
/// step, is the mean over segments of
///
/// c |X|² Δ / Σ w²  ([`Scaling::Density`], units of x² per frequency),
/// c |X|² / (Σ w)²  ([`Scaling::Spectrum`], units of x²),
///
/// c = 2 but for frequency 0 and, if n is even, the Nyquist frequency, where c = 1. These are the
/// numbers of `scipy.signal.welch` and, with one segment, `scipy.signal.periodogram`. The sum of the
/// density times 1/(n Δ) is the variance (about the mean that was taken off) of boxcar segments; of
/// other windows it is Σ w²x²/Σ w², whose expectation for stationary series is the variance.
///
/// A cross-spectrum of x and y has conj(X) Y in place of |X|², as `scipy.signal.csd`.
#[derive(Clone)]
pub struct Welch {
    times: usize,
    step: f64,
    segments: Segments,
    window: Vec<f64>,
    detrend: Detrend,
    cycle: Option<AnnualCycle>,
    scale: f64,
    /// i − (n − 1)/2 for each value of a segment.
    places: Vec<f64>,
    /// 2 (1 − cos 2πk/n) at each frequency.
    turns: Vec<f64>,
    /// Of two segments at once, as the real and the imaginary part.
    pairs: Arc<dyn Fft<f64>>,
    real: Arc<dyn RealToComplex<f64>>,
}

/// Room for the work on one series, to be used again and again.
#[derive(Debug)]
pub struct WelchScratch {
    complex: Vec<Complex<f64>>,
    other: Vec<Complex<f64>>,
    fft: Vec<Complex<f64>>,
    real: Vec<f64>,
    sums: Vec<f64>,
    cycle: [Vec<f64>; 2],
}

impl Welch {
    /// For series of `times` values at distances `step`, in whatever units frequencies are wanted.
    ///
    /// # Errors
    /// Usage, if no segment fits, or the window has no weight.
    pub fn new(times: usize, step: f64, options: WelchOptions) -> Result<Self> {
        let WelchOptions { segments, window, detrend, cycle, scaling } = options;
        let segments = match segments {
            Some((len, overlap)) => Segments::new(times, len, overlap)?,
            None if times < 2 => return Err(Error::usage("a spectrum needs at least 2 times")),
            None => Segments::whole(times),
        };
        let weights = window.weights(segments.len);
        let (sum, squares) = (weights.iter().sum::<f64>(), weights.iter().map(|w| w * w).sum::<f64>());
        let scale = match scaling {
            Scaling::Density => step / squares,
            Scaling::Spectrum => 1.0 / (sum * sum),
        };
        if !(scale.is_finite() && scale > 0.0) {
            return Err(Error::usage(format!(
                "the window `{}` leaves nothing of {} values",
                window.name(),
                segments.len
            ))
            .remedy("choose longer segments or another window"));
        }
        let pairs = FftPlanner::new().plan_fft_forward(segments.len);
        let real = RealFftPlanner::new().plan_fft_forward(segments.len);
        let half = |k: usize| std::f64::consts::PI * k as f64 / segments.len as f64;
        let turns = (0..=segments.len / 2).map(|k| 4.0 * half(k).sin().powi(2)).collect();
        let middle = 0.5 * (segments.len as f64 - 1.0);
        let places = (0..segments.len).map(|i| i as f64 - middle).collect();
        Ok(Self { times, step, segments, window: weights, detrend, cycle, scale, places, turns, pairs, real })
    }

    /// Values of a series.
    pub const fn times(&self) -> usize {
        self.times
    }
    /// The segments.
    pub const fn segments(&self) -> Segments {
        self.segments
    }
    /// What is taken off each segment.
    pub const fn detrend(&self) -> Detrend {
        self.detrend
    }
    /// How many frequencies there are: n/2 + 1, rounded down.
    pub const fn len(&self) -> usize {
        self.segments.len / 2 + 1
    }
    /// There always are frequencies.
    pub const fn is_empty(&self) -> bool {
        false
    }
    /// The frequencies k/(n Δ), in cycles per unit of the step.
    pub fn frequencies(&self) -> Vec<f64> {
        let length = self.segments.len as f64 * self.step;
        (0..self.len()).map(|k| k as f64 / length).collect()
    }
    /// Degrees of freedom at each frequency ([`Segments::degrees_of_freedom`]).
    pub fn degrees_of_freedom(&self) -> Vec<f64> {
        let all = self.segments.degrees_of_freedom(&self.window);
        (0..self.len()).map(|k| all * 0.5 * self.sides(k)).collect()
    }
    /// How many sides of the two-sided spectrum are in the one-sided.
    pub(super) const fn sides(&self, k: usize) -> f64 {
        if k == 0 || 2 * k == self.segments.len {
            1.0
        } else {
            2.0
        }
    }
    /// What |X|², summed over segments, is multiplied by at frequency number `k`.
    fn scale_of(&self, k: usize) -> f64 {
        self.scale * self.sides(k) / self.segments.count as f64
    }
    /// 2 (1 − cos 2πk/n) at each frequency.
    pub(super) fn turns(&self) -> &[f64] {
        &self.turns
    }

    /// Room for work.
    pub fn scratch(&self) -> WelchScratch {
        let (n, zero) = (self.segments.len, Complex::new(0.0, 0.0));
        let fft = self.pairs.get_inplace_scratch_len().max(self.real.get_scratch_len());
        let parts = self.cycle.as_ref().map_or(0, AnnualCycle::parts);
        WelchScratch {
            complex: vec![zero; n],
            other: vec![zero; self.len()],
            fft: vec![zero; fft],
            real: vec![0.0; n],
            sums: vec![0.0; n],
            cycle: [vec![0.0; parts], vec![0.0; parts]],
        }
    }
    /// Bytes that [`Self::scratch`] takes.
    pub fn scratch_bytes(&self) -> u64 {
        let n = self.segments.len as u64;
        let fft = self.pairs.get_inplace_scratch_len().max(self.real.get_scratch_len()) as u64;
        16 * (2 * n + fft) + 16 * n + 16 * self.cycle.as_ref().map_or(0, AnnualCycle::parts) as u64
    }

    /// Takes the annual cycle off a whole series, where that is wanted: to be called once, before
    /// the spectrum.
    pub fn remove_cycle(&self, x: &mut [f64], scratch: &mut WelchScratch) {
        if let Some(cycle) = &self.cycle {
            let [sums, counts] = &mut scratch.cycle;
            cycle.remove(x, sums, counts);
        }
    }

    /// The spectrum of a series without gaps; `out` has [`Self::len`] values.
    ///
    /// # Errors
    /// Internal, if lengths don't fit.
    #[inline(always)]
    pub fn power(&self, x: &[f64], out: &mut [f64], scratch: &mut WelchScratch) -> Result<()> {
        self.check(x, out.len())?;
        if self.segments.count == 1 {
            // The rest of the series may be too short for another.
            self.transform(&x[..self.segments.len], false, scratch)?;
            for (k, (out, z)) in out.iter_mut().zip(&scratch.complex).enumerate() {
                *out = z.norm_sqr() * self.scale_of(k);
            }
            return Ok(());
        }
        let n = self.segments.len;
        let mut sums = std::mem::take(&mut scratch.sums);
        sums.fill(0.0);
        let mut starts = self.segments.starts();
        while let Some(first) = starts.next() {
            let second = starts.next().map(|start| &x[start..start + n]);
            self.add_pair(&x[first..first + n], second, &mut sums, scratch);
        }
        self.of_sums(&sums, out);
        scratch.sums = sums;
        Ok(())
    }

    /// Adds the transform of two segments, or of one, to `sums` over all others: a value for each of a
    /// segment.
    #[inline(always)]
    pub(super) fn add_pair(
        &self,
        a: &[f64],
        b: Option<&[f64]>,
        sums: &mut [f64],
        scratch: &mut WelchScratch,
    ) {
        let WelchScratch { complex, fft, .. } = scratch;
        self.fill_pair(a, b, complex);
        self.pairs.process_with_scratch(complex, fft);
        for (sum, z) in sums.iter_mut().zip(&*complex) {
            *sum += z.norm_sqr();
        }
    }

    /// The spectrum from the sums of [`Self::add_pair`] over all segments.
    #[inline(always)]
    pub(super) fn of_sums(&self, sums: &[f64], out: &mut [f64]) {
        let n = self.segments.len;
        // |A|² + |B|² of two real segments is half of |Z|² at both signs of the frequency.
        for (k, out) in out.iter_mut().enumerate() {
            *out = 0.5 * (sums[k] + sums[(n - k) % n]) * self.scale_of(k);
        }
    }

    /// Two segments, without their trends and windowed, as real and imaginary parts.
    #[inline(always)]
    fn fill_pair(&self, a: &[f64], b: Option<&[f64]>, out: &mut [Complex<f64>]) {
        let Line { offset: low, mean, slope, is_all } = self.detrend.line(a);
        let Some(b) = b else {
            for (((z, a), w), at) in out.iter_mut().zip(a).zip(&self.window).zip(&self.places) {
                *z = Complex::new(((a - low) - (mean + slope * at)) * w, 0.0);
            }
            if is_all {
                out.fill(Complex::new(0.0, 0.0));
            }
            return;
        };
        let Line { offset: low_of_b, mean: other, slope: steepness, is_all: is_all_of_b } =
            self.detrend.line(b);
        let both = a.iter().zip(b).zip(&self.window);
        if self.detrend == Detrend::Linear {
            for ((z, ((a, b), w)), at) in out.iter_mut().zip(both).zip(&self.places) {
                let (a, b) = (a - low - (mean + slope * at), b - low_of_b - (other + steepness * at));
                *z = Complex::new(a * w, b * w);
            }
        } else {
            for (z, ((a, b), w)) in out.iter_mut().zip(both) {
                *z = Complex::new((a - low - mean) * w, (b - low_of_b - other) * w);
            }
        }
        if is_all {
            out.iter_mut().for_each(|z| z.re = 0.0);
        }
        if is_all_of_b {
            out.iter_mut().for_each(|z| z.im = 0.0);
        }
    }

    /// The transform of one segment into `scratch.complex`, or `scratch.other`.
    fn transform(&self, segment: &[f64], other: bool, scratch: &mut WelchScratch) -> Result<()> {
        let WelchScratch { complex, other: second, fft, real, .. } = scratch;
        let out = if other { second } else { complex };
        real.copy_from_slice(segment);
        self.detrend.remove(real);
        real.iter_mut().zip(&self.window).for_each(|(v, w)| *v *= w);
        let (len, scratch) = (self.len(), &mut fft[..self.real.get_scratch_len()]);
        self.real
            .process_with_scratch(real, &mut out[..len], scratch)
            .map_err(|e| Error::internal(format!("a Fourier transform failed: {e}")))
    }

    /// The transforms of all segments of a series, one after the other: of what many others are
    /// compared with.
    ///
    /// # Errors
    /// Internal, if lengths don't fit.
    pub fn transforms(&self, x: &[f64]) -> Result<Vec<Complex<f64>>> {
        self.check(x, self.len())?;
        let mut scratch = self.scratch();
        let mut series = x.to_vec();
        self.remove_cycle(&mut series, &mut scratch);
        let mut all = Vec::with_capacity(self.segments.count * self.len());
        for start in self.segments.starts() {
            self.transform(&series[start..start + self.segments.len], true, &mut scratch)?;
            all.extend_from_slice(&scratch.other);
        }
        Ok(all)
    }

    /// The spectra of two series and their cross-spectrum: `out` has four times [`Self::len`]
    /// values: Pxx, Pyy, and the real and the imaginary part of Pxy.
    ///
    /// # Errors
    /// Internal, if lengths don't fit.
    pub fn cross(
        &self,
        x: &[f64],
        y: &Second<'_>,
        out: &mut [f64],
        scratch: &mut WelchScratch,
    ) -> Result<()> {
        let (n, len) = (self.segments.len, self.len());
        self.check(x, out.len() / 4)?;
        out.fill(0.0);
        for (k, start) in self.segments.starts().enumerate() {
            self.transform(&x[start..start + n], false, scratch)?;
            let second = match y {
                Second::Series(y) => {
                    self.transform(&y[start..start + n], true, scratch)?;
                    &scratch.other[..]
                }
                Second::Transforms(all) => &all[k * len..(k + 1) * len],
            };
            let (xx, rest) = out.split_at_mut(len);
            let (yy, rest) = rest.split_at_mut(len);
            let (re, im) = rest.split_at_mut(len);
            for (k, (x, y)) in scratch.complex.iter().zip(second).enumerate() {
                xx[k] += x.norm_sqr();
                yy[k] += y.norm_sqr();
                re[k] += x.re * y.re + x.im * y.im;
                im[k] += x.re * y.im - x.im * y.re;
            }
        }
        for (i, row) in out.chunks_mut(len).enumerate() {
            row.iter_mut().enumerate().for_each(|(k, v)| *v *= self.scale_of(k));
            if i < 2 {
                // Power that is only rounding, as of frequency 0 without its mean, has no coherence.
                let least = ROUNDING * row.iter().copied().fold(0.0, f64::max);
                row.iter_mut().filter(|v| **v <= least).for_each(|v| *v = 0.0);
            }
        }
        Ok(())
    }

    fn check(&self, x: &[f64], len: usize) -> Result<()> {
        if x.len() == self.times && len == self.len() {
            return Ok(());
        }
        Err(Error::internal(format!("a spectrum of {} values is planned for {}", x.len(), self.times)))
    }
}

/// The second series of a cross-spectrum.
#[derive(Debug, Clone, Copy)]
pub enum Second<'a> {
    /// Its values.
    Series(&'a [f64]),
    /// Its [`Welch::transforms`].
    Transforms(&'a [Complex<f64>]),
}

impl fmt::Debug for Welch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Welch")
            .field("times", &self.times)
            .field("segments", &self.segments)
            .finish_non_exhaustive()
    }
}
