//! Wavelet power of series.

use super::scales::Scales;
use crate::spectra::detrend::{AnnualCycle, Detrend};
use crate::spectra::each::Estimate;
use crate::spectra::noise::{lag1_autocorrelation, red};
use halocline_core::{Error, Result};
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};
use std::f64::consts::PI;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// How wavelet power is estimated.
#[derive(Debug, Clone, PartialEq)]
pub struct WaveletOptions {
    /// What is taken off the series before.
    pub detrend: Detrend,
    /// What is taken off it first.
    pub cycle: Option<AnnualCycle>,
    /// Values of a transform, zeros behind those of the series. `None`: the power of 2 that Torrence and
    /// Compo's program takes, 1.4 to 2.8 times as long.
    pub pad: Option<usize>,
    /// The lag-1 autocorrelation of the noise; `None`: that of the series.
    pub lag1: Option<f64>,
    /// Whether the power at each time is wanted.
    pub power: bool,
    /// The scales that are averaged, if that is wanted.
    pub average: Option<Range<usize>>,
}

/// Estimates wavelet power of real series of a fixed length (Torrence and Compo 1998).
///
/// With X the Fourier transform of the n values x without their mean or trend, N values with the zeros
/// behind them, the wavelet transform at the scale s and the time step i is (equations 4 to 6)
///
/// W(s, i) = 1/N Σₖ Xₖ √(2πs/Δ) ψ̂₀*(s ωₖ) exp(2πi k i/N),  ωₖ = 2πk/(NΔ),
///
/// and the power is |W|², in units of x²; of white noise its expectation is the variance at all scales.
///
/// Results are, in this order: the power if it is wanted, a number for each scale and time; the mean
/// over scales if it is wanted, `δj Δ/C_δ Σⱼ |W|²/sⱼ` at each time (equation 24); the global spectrum, the
/// mean over time at each scale (equation 22); red noise of the variance and lag-1 autocorrelation α of
/// the series, σ² (1 − α²)/(1 + α² − 2α cos(2πΔ/period)) (equation 16); then single numbers: the
/// variance σ², what all of the power makes of it, `δj Δ/(C_δ n) Σⱼ Σᵢ |W|²/sⱼ` (equation 14), α, and if
/// scales are averaged the mean of that noise over them, `δj Δ/C_δ Σⱼ noise/sⱼ` (equations 26 and 27).
#[derive(Clone)]
pub struct Wavelet {
    scales: Scales,
    options: WaveletOptions,
    padded: usize,
    /// Of each scale: √(2πs/Δ) ψ̂₀ / N at the frequencies where it is more than rounding.
    daughters: Vec<Daughter>,
    turns: Vec<f64>,
    forward: Arc<dyn Fft<f64>>,
    inverse: Arc<dyn Fft<f64>>,
    /// Numbers of all results.
    total: usize,
}

#[derive(Debug, Clone)]
struct Daughter {
    /// The first frequency, 1 at least.
    first: usize,
    values: Vec<f64>,
}

/// Room for the work on one series, to be used again and again.
#[derive(Debug)]
pub struct WaveletScratch {
    series: Vec<Complex<f64>>,
    wave: Vec<Complex<f64>>,
    fft: Vec<Complex<f64>>,
    power: Vec<f64>,
    cycle: [Vec<f64>; 2],
}

/// Values of a daughter that are less, of its greatest, are left out.
const NOTHING: f64 = 1e-18;

/// The length of transforms as Torrence and Compo's program has it.
fn usual_length(times: usize) -> usize {
    let power = ((times as f64).log2() + 0.4999).floor() as u32;
    1usize << (power + 1)
}

/// Whether transforms of this length go by small factors, without tables of others twice as long.
fn is_smooth(mut len: u64) -> bool {
    for factor in 2..=31 {
        while len > 0 && len % factor == 0 {
            len /= factor;
        }
    }
    len <= 1
}

impl Wavelet {
    /// At these scales.
    ///
    /// # Errors
    /// Usage, if the transform does not hold the series, or the autocorrelation is none.
    pub fn new(scales: Scales, options: WaveletOptions) -> Result<Self> {
        let times = scales.times();
        let padded = options.pad.unwrap_or_else(|| usual_length(times));
        if padded < times {
            return Err(Error::usage(format!(
                "a transform of {padded} values does not hold a series of {times}"
            ))
            .remedy(format!("choose --pad from {times} on, or leave it out")));
        }
        if options.lag1.is_some_and(|a| !(-1.0 < a && a < 1.0)) {
            return Err(Error::usage("a lag-1 autocorrelation lies between -1 and 1")
                .remedy("choose --lag1 in between, such as 0.7, or 0 for white noise"));
        }
        let daughters = scales.in_steps().iter().map(|s| daughter(&scales, *s, padded)).collect();
        let mut planner = FftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(padded), planner.plan_fft_inverse(padded));
        let turns = scales.turns();
        let mut own = Self { scales, options, padded, daughters, turns, forward, inverse, total: 0 };
        own.total = own.result_rows().iter().sum();
        Ok(own)
    }
    /// Bytes that this takes for all threads, at most.
    pub fn bytes(scales: &Scales, pad: Option<usize>) -> u64 {
        let padded = pad.unwrap_or_else(|| usual_length(scales.times())) as u64;
        (scales.len() as u64)
            .saturating_mul(padded.saturating_mul(4))
            .saturating_add(padded.saturating_mul(if is_smooth(padded) { 64 } else { 256 }))
    }
    /// The scales.
    pub const fn scales(&self) -> &Scales {
        &self.scales
    }
    /// Values of a transform.
    pub const fn padded(&self) -> usize {
        self.padded
    }

    /// |W|² of one scale at all times, into `room.power`.
    fn power(&self, daughter: &Daughter, room: &mut WaveletScratch) {
        let WaveletScratch { series, wave, fft, power, .. } = room;
        wave.fill(Complex::new(0.0, 0.0));
        let (first, n) = (daughter.first, self.padded);
        for (k, v) in daughter.values.iter().enumerate() {
            let k = first + k;
            wave[k] = series[k] * *v;
            // Twice the Nyquist frequency is the frequency itself.
            if !self.scales.mother().is_complex() && 2 * k != n {
                wave[n - k] = series[n - k] * *v;
            }
        }
        self.inverse.process_with_scratch(wave, fft);
        power.iter_mut().zip(&*wave).for_each(|(p, w)| *p = w.norm_sqr());
    }
}

fn daughter(scales: &Scales, s: f64, padded: usize) -> Daughter {
    let turn = 2.0 * PI / padded as f64;
    let norm = (2.0 * PI * s).sqrt() / padded as f64;
    let all: Vec<f64> = (1..=padded / 2).map(|k| norm * scales.mother().at(s * turn * k as f64)).collect();
    let least = NOTHING * all.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    let counts = |v: &f64| v.abs() > least;
    match (all.iter().position(counts), all.iter().rposition(counts)) {
        (Some(first), Some(last)) => Daughter { first: first + 1, values: all[first..=last].to_vec() },
        _ => Daughter { first: 1, values: Vec::new() },
    }
}

impl Estimate for Wavelet {
    type Room = WaveletScratch;

    fn times(&self) -> usize {
        self.scales.times()
    }
    fn rows_beside(&self) -> usize {
        // What is derived of the longest, and what is on its way to the file.
        2 * self.result_rows().into_iter().max().unwrap_or(0)
    }
    fn has_second(&self) -> bool {
        false
    }
    fn room(&self) -> WaveletScratch {
        let zero = Complex::new(0.0, 0.0);
        let parts = self.options.cycle.as_ref().map_or(0, AnnualCycle::parts);
        let fft = self.forward.get_inplace_scratch_len().max(self.inverse.get_inplace_scratch_len());
        WaveletScratch {
            series: vec![zero; self.padded],
            wave: vec![zero; self.padded],
            fft: vec![zero; fft],
            power: vec![0.0; self.scales.times()],
            cycle: [vec![0.0; parts], vec![0.0; parts]],
        }
    }
    fn room_bytes(&self) -> u64 {
        let fft = self.forward.get_inplace_scratch_len().max(self.inverse.get_inplace_scratch_len());
        let parts = self.options.cycle.as_ref().map_or(0, AnnualCycle::parts) as u64;
        16 * (2 * self.padded + fft) as u64 + 8 * self.scales.times() as u64 + 16 * parts
    }
    fn result_rows(&self) -> Vec<usize> {
        let (scales, times) = (self.scales.len(), self.scales.times());
        let mut rows = Vec::new();
        rows.extend(self.options.power.then_some(scales * times));
        rows.extend(self.options.average.as_ref().map(|_| times));
        rows.extend([scales, scales, 1, 1, 1]);
        rows.extend(self.options.average.as_ref().map(|_| 1));
        rows
    }
    fn one(
        &self,
        x: &mut [f64],
        _second: Option<&mut [f64]>,
        values: &mut [f64],
        room: &mut WaveletScratch,
    ) -> Result<()> {
        let (len, times) = (self.scales.len(), self.scales.times());
        if x.len() != times || values.len() != self.total {
            return Err(Error::internal(format!("wavelets of {} values are planned for {}", x.len(), times)));
        }
        if let Some(cycle) = &self.options.cycle {
            let [sums, counts] = &mut room.cycle;
            cycle.remove(x, sums, counts);
        }
        self.options.detrend.remove(x);
        let mean = x.iter().sum::<f64>() / times as f64;
        let variance = x.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / times as f64;
        let alpha = self.options.lag1.unwrap_or_else(|| lag1_autocorrelation(x));
        room.series.fill(Complex::new(0.0, 0.0));
        room.series.iter_mut().zip(&*x).for_each(|(z, v)| z.re = *v);
        self.forward.process_with_scratch(&mut room.series, &mut room.fft);

        let (power, rest) = values.split_at_mut(if self.options.power { len * times } else { 0 });
        let (average, rest) = rest.split_at_mut(if self.options.average.is_some() { times } else { 0 });
        let (global, rest) = rest.split_at_mut(len);
        let (noise, single) = rest.split_at_mut(len);
        average.fill(0.0);
        // Of scales in steps, so that Δ is 1.
        let factor = self.scales.spacing() / self.scales.mother().reconstruction();
        let (mut closed, mut of_noise) = (0.0, 0.0);
        for (j, daughter) in self.daughters.iter().enumerate() {
            self.power(daughter, room);
            let s = self.scales.in_steps()[j];
            global[j] = room.power.iter().sum::<f64>() / times as f64;
            noise[j] = variance * red(alpha, self.turns[j]);
            closed += global[j] / s;
            if self.options.average.as_ref().is_some_and(|own| own.contains(&j)) {
                of_noise += noise[j] / s;
                average.iter_mut().zip(&room.power).for_each(|(sum, p)| *sum += factor * (p / s));
            }
            if self.options.power {
                power[j * times..(j + 1) * times].copy_from_slice(&room.power);
            }
        }
        single[0] = variance;
        single[1] = factor * closed;
        single[2] = alpha;
        if let Some(last) = single.get_mut(3) {
            *last = factor * of_noise;
        }
        Ok(())
    }
}

impl fmt::Debug for Wavelet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wavelet")
            .field("scales", &self.scales)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
