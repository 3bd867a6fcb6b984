//! The multitaper estimate of a spectrum, and what it is compared with.

use super::dpss::Dpss;
use super::lines::line;
use super::weights::{adaptive, fixed, Weighted};
use crate::spectra::detrend::{AnnualCycle, Detrend};
use crate::spectra::each::Estimate;
use crate::spectra::noise::{lag1_autocorrelation, red_noise_at};
use halocline_core::{Error, Result};
use realfft::{RealFftPlanner, RealToComplex};
use rustfft::num_complex::Complex;
use std::fmt;
use std::sync::Arc;

/// How multitaper spectra are estimated.
#[derive(Debug, Clone, PartialEq)]
pub struct MultitaperOptions {
    /// The time half-bandwidth product NW: estimates are means over 2 NW/(n Δ) in frequency.
    pub bandwidth: f64,
    /// How many tapers; `None`: 2 NW − 1, rounded down.
    pub tapers: Option<usize>,
    /// Whether weights depend on how much power leaks into each frequency (Thomson 1982).
    pub adaptive: bool,
    /// What is taken off the series before.
    pub detrend: Detrend,
    /// What is taken off it first.
    pub cycle: Option<AnnualCycle>,
    /// Values of a transform: zeros behind the series make frequencies closer. `None`: none.
    pub pad: Option<usize>,
    /// Which results are wanted beside the spectrum.
    pub results: Vec<MultitaperResult>,
}

/// What is found beside the spectrum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MultitaperResult {
    /// The spectrum of red noise that it is compared with, and its lag-1 autocorrelation.
    Noise,
    /// The test for lines: F, and the amplitude of the best line.
    Lines,
}

/// Estimates one-sided spectra of real series of a fixed length with the tapers v of [`Dpss`] (Thomson
/// 1982; Percival and Walden 1993, chapter 7).
///
/// With Yₖ(f) = Σᵢ vₖ(i) x(i) exp(−2πi f i Δ) of the series x without its mean or trend, Δ being the
/// step, the spectral density is
///
/// S(f) = c Δ Σₖ wₖ |Yₖ|² / Σₖ wₖ,
///
/// c = 2 but for frequency 0 and the Nyquist frequency, where c = 1. The weights are the concentrations
/// λ of the tapers, or adaptive: dₖ² = λₖ (S / (λₖ S + (1 − λₖ) σ² Δ))² of the two-sided S and the
/// variance σ² of x. An estimate has ν = 2 (Σ w)²/Σ w² degrees of freedom (Percival and Walden,
/// equation 370b), half as many where c = 1. With fixed weights the sum of S times the distance of
/// frequencies is exactly Σₖ λₖ Σᵢ vₖ² x² / Σₖ λₖ, whose expectation is the variance.
///
/// Results are, in this order: the spectrum; with adaptive weights ν, one for each frequency; with
/// [`MultitaperResult::Noise`] the spectrum of red noise and one autocorrelation; with
/// [`MultitaperResult::Lines`] F, and the amplitude of the sine that fits best, missing at frequency 0
/// and the Nyquist frequency.
#[derive(Clone)]
pub struct Multitaper {
    times: usize,
    step: f64,
    padded: usize,
    dpss: Dpss,
    /// Transforms of the tapers at frequency 0.
    at_zero: Vec<f64>,
    options: MultitaperOptions,
    /// 2 (1 − cos 2πk/n) at each frequency.
    turns: Vec<f64>,
    transform: Arc<dyn RealToComplex<f64>>,
    /// Numbers of all results.
    total: usize,
}

/// Room for the work on one series, to be used again and again.
#[derive(Debug)]
pub struct MultitaperScratch {
    tapered: Vec<f64>,
    /// Tapers times frequencies.
    transforms: Vec<Complex<f64>>,
    fft: Vec<Complex<f64>>,
    /// Of one frequency.
    spectra: Vec<f64>,
    cycle: [Vec<f64>; 2],
}

impl Multitaper {
    /// For series of `times` values at distances `step`, in whatever units frequencies are wanted.
    ///
    /// # Errors
    /// Usage, if bandwidth, tapers or transform don't fit the series or one another.
    pub fn new(times: usize, step: f64, options: MultitaperOptions) -> Result<Self> {
        if times < 2 {
            return Err(Error::data(format!("a spectrum needs at least 2 times, there is {times}"))
                .remedy("choose a longer --time"));
        }
        let nw = options.bandwidth;
        if !(0.5..0.5 * times as f64).contains(&nw) {
            return Err(Error::usage(format!("a bandwidth of {nw} does not fit a series of {times}"))
                .remedy(format!("choose --bandwidth from 0.5 up to, but not, {}", 0.5 * times as f64)));
        }
        // Beyond 2 NW tapers let most of what they have leak.
        let most = ((2.0 * nw).floor() as usize).min(times);
        let tapers = options.tapers.unwrap_or_else(|| most.saturating_sub(1).max(1));
        if tapers == 0 || tapers > most {
            return Err(Error::usage(format!("{tapers} tapers of the bandwidth {nw}"))
                .remedy(format!("choose --tapers from 1 to {most}, twice the bandwidth")));
        }
        let needs = |what: &str| {
            Error::usage(format!("{what} needs 2 tapers at least, there is one"))
                .remedy("choose more --tapers, or a greater --bandwidth")
        };
        if tapers < 2 && options.adaptive {
            return Err(needs("an adaptive estimate"));
        }
        if tapers < 2 && options.results.contains(&MultitaperResult::Lines) {
            return Err(needs("the test for lines"));
        }
        let padded = options.pad.unwrap_or(times);
        if padded < times {
            return Err(Error::usage(format!(
                "a transform of {padded} values does not hold a series of {times}"
            ))
            .remedy(format!("choose --pad from {times} on, or leave it out")));
        }
        let dpss = Dpss::new(times, nw, tapers)?;
        let sum = |k: usize| if k % 2 == 0 { dpss.taper(k).iter().sum() } else { 0.0 };
        let at_zero = (0..tapers).map(sum).collect();
        let half = |k: usize| std::f64::consts::PI * k as f64 / padded as f64;
        let turns = (0..=padded / 2).map(|k| 4.0 * half(k).sin().powi(2)).collect();
        let transform = RealFftPlanner::new().plan_fft_forward(padded);
        let mut own = Self { times, step, padded, dpss, at_zero, options, turns, transform, total: 0 };
        own.total = own.result_rows().iter().sum();
        Ok(own)
    }
    /// Bytes that tapers of series of `times` values and transforms of `padded` take for all threads, and
    /// for one, about.
    pub fn bytes(times: usize, padded: usize, tapers: usize) -> [u64; 2] {
        let (n, padded, tapers) = (times as u64, padded.max(times) as u64, tapers as u64);
        let all = n.saturating_mul(tapers + 8).saturating_add(8 * n).saturating_add(padded.saturating_mul(6));
        [all.saturating_mul(8), padded.saturating_mul(tapers + 8).saturating_mul(8)]
    }

    /// How many frequencies there are.
    pub const fn len(&self) -> usize {
        self.padded / 2 + 1
    }
    /// There always are frequencies.
    pub const fn is_empty(&self) -> bool {
        false
    }
    /// The tapers.
    pub const fn dpss(&self) -> &Dpss {
        &self.dpss
    }
    /// Half of the width that an estimate is a mean over, W/Δ, in the units of frequencies.
    pub fn half_bandwidth(&self) -> f64 {
        self.options.bandwidth / (self.times as f64 * self.step)
    }
    /// The frequencies k/(n Δ), in cycles per unit of the step.
    pub fn frequencies(&self) -> Vec<f64> {
        let length = self.padded as f64 * self.step;
        (0..self.len()).map(|k| k as f64 / length).collect()
    }
    /// Degrees of freedom at each frequency, with fixed weights.
    pub fn degrees_of_freedom(&self) -> Vec<f64> {
        let all = fixed(self.dpss.ratios(), std::iter::repeat(0.0)).degrees_of_freedom;
        (0..self.len()).map(|k| all * 0.5 * self.sides(k)).collect()
    }
    /// How many sides of the two-sided spectrum are in the one-sided.
    const fn sides(&self, k: usize) -> f64 {
        if k == 0 || 2 * k == self.padded {
            1.0
        } else {
            2.0
        }
    }
    fn wants(&self, result: MultitaperResult) -> bool {
        self.options.results.contains(&result)
    }
    fn fft_len(&self) -> usize {
        self.transform.get_scratch_len()
    }

    /// The transforms of a series by all tapers.
    fn transform(&self, x: &[f64], room: &mut MultitaperScratch) -> Result<()> {
        let len = self.len();
        for k in 0..self.dpss.count() {
            let (head, rest) = room.tapered.split_at_mut(self.times);
            let both = x.iter().zip(self.dpss.taper(k));
            head.iter_mut().zip(both).for_each(|(out, (x, v))| *out = x * v);
            rest.fill(0.0);
            let out = &mut room.transforms[k * len..(k + 1) * len];
            self.transform
                .process_with_scratch(&mut room.tapered, out, &mut room.fft)
                .map_err(|e| Error::internal(format!("a Fourier transform failed: {e}")))?;
        }
        Ok(())
    }

    /// The spectrum into `power`, and with adaptive weights its degrees of freedom.
    fn weigh(&self, x: &[f64], power: &mut [f64], mut dof: Option<&mut [f64]>, room: &mut MultitaperScratch) {
        let (len, ratios) = (self.len(), self.dpss.ratios());
        let leaking = self.step * x.iter().map(|v| v * v).sum::<f64>() / self.times as f64;
        let MultitaperScratch { transforms, spectra, .. } = room;
        for (k, out) in power.iter_mut().enumerate() {
            for (s, of_taper) in spectra.iter_mut().zip(transforms.chunks(len)) {
                *s = self.step * of_taper[k].norm_sqr();
            }
            let weighted = match &mut dof {
                None => fixed(ratios, spectra.iter().copied()),
                Some(dof) => {
                    let weighted: Weighted = adaptive(ratios, spectra, leaking);
                    dof[k] = 0.5 * self.sides(k) * weighted.degrees_of_freedom;
                    weighted
                }
            };
            *out = self.sides(k) * weighted.power;
        }
    }

    /// F and amplitude of lines.
    fn lines(&self, ratio: &mut [f64], amplitude: &mut [f64], room: &MultitaperScratch) {
        let len = self.len();
        for (k, (ratio, amplitude)) in ratio.iter_mut().zip(amplitude).enumerate() {
            if self.sides(k) < 2.0 {
                // A real transform has other degrees of freedom.
                (*ratio, *amplitude) = (f64::NAN, f64::NAN);
                continue;
            }
            let found = line(&self.at_zero, room.transforms.chunks(len).map(|of_taper| of_taper[k]));
            (*ratio, *amplitude) = (found.ratio, 2.0 * found.half_amplitude);
        }
    }
}

impl Estimate for Multitaper {
    type Room = MultitaperScratch;

    fn times(&self) -> usize {
        self.times
    }
    fn rows_beside(&self) -> usize {
        // What is derived of the longest, and what is on its way to the file.
        2 * self.result_rows().into_iter().max().unwrap_or(0)
    }
    fn has_second(&self) -> bool {
        false
    }
    fn room(&self) -> MultitaperScratch {
        let (tapers, zero) = (self.dpss.count(), Complex::new(0.0, 0.0));
        let parts = self.options.cycle.as_ref().map_or(0, AnnualCycle::parts);
        MultitaperScratch {
            tapered: vec![0.0; self.padded],
            transforms: vec![zero; tapers * self.len()],
            fft: vec![zero; self.fft_len()],
            spectra: vec![0.0; tapers],
            cycle: [vec![0.0; parts], vec![0.0; parts]],
        }
    }
    fn room_bytes(&self) -> u64 {
        let tapers = self.dpss.count() as u64;
        let complex = tapers * self.len() as u64 + self.fft_len() as u64;
        let parts = self.options.cycle.as_ref().map_or(0, AnnualCycle::parts) as u64;
        16 * complex + 8 * (self.padded as u64 + tapers) + 16 * parts
    }
    fn result_rows(&self) -> Vec<usize> {
        let len = self.len();
        let mut rows = vec![len];
        rows.extend(self.options.adaptive.then_some(len));
        if self.wants(MultitaperResult::Noise) {
            rows.extend([len, 1]);
        }
        if self.wants(MultitaperResult::Lines) {
            rows.extend([len, len]);
        }
        rows
    }
    fn one(
        &self,
        x: &mut [f64],
        _second: Option<&mut [f64]>,
        values: &mut [f64],
        room: &mut MultitaperScratch,
    ) -> Result<()> {
        if x.len() != self.times || values.len() != self.total {
            return Err(Error::internal(format!(
                "a spectrum of {} values is planned for {}",
                x.len(),
                self.times
            )));
        }
        if let Some(cycle) = &self.options.cycle {
            let [sums, counts] = &mut room.cycle;
            cycle.remove(x, sums, counts);
        }
        self.options.detrend.remove(x);
        self.transform(x, room)?;
        let len = self.len();
        let (power, rest) = values.split_at_mut(len);
        let (dof, rest) = rest.split_at_mut(if self.options.adaptive { len } else { 0 });
        self.weigh(x, power, self.options.adaptive.then_some(dof), room);
        let (noise, rest) = rest.split_at_mut(if self.wants(MultitaperResult::Noise) { len + 1 } else { 0 });
        if let Some((alpha, background)) = noise.split_last_mut() {
            *alpha = lag1_autocorrelation(x);
            red_noise_at((&self.turns, &|k| self.sides(k)), *alpha, power, background);
        }
        if self.wants(MultitaperResult::Lines) {
            let (ratio, amplitude) = rest.split_at_mut(len);
            self.lines(ratio, amplitude, room);
        }
        Ok(())
    }
}

impl fmt::Debug for Multitaper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multitaper")
            .field("times", &self.times)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
