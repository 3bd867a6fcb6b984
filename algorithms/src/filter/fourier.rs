//! The filter that multiplies the Fourier transform.

use super::band::Band;
use super::lanes::{Lanes, WIDTH, ZERO};
use halocline_core::{Error, Result};
use realfft::num_complex::Complex64;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::f64::consts::PI;
use std::fmt;
use std::sync::Arc;

/// Frequencies that differ by less, relative, are the same: an end of the band is part of it.
const SAME: f64 = 1e-9;

/// A response H(f) between 0 and 1 that multiplies the discrete Fourier transform of the series,
/// as if the series came back without end:
///
/// y = F⁻¹(H · F(x)), F of the whole series.
///
/// Sharp: H is 1 inside the band, its ends included, else 0. With a taper of width w, H rises at
/// the cut-off f꜀ as ½(1 − cos π(f − f₀)/(f₁ − f₀)) from f₀ = f꜀(1 − w/2) to f₁ = f꜀(1 + w/2), and
/// falls likewise, so that it is ½ at the cut-off.
#[derive(Clone)]
pub struct Fourier {
    band: Band,
    taper: f64,
    forward: Arc<dyn RealToComplex<f64>>,
    backward: Arc<dyn ComplexToReal<f64>>,
    /// By wave number, divided by the number of steps.
    response: Vec<f64>,
}

impl fmt::Debug for Fourier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fourier")
            .field("band", &self.band)
            .field("taper", &self.taper)
            .finish_non_exhaustive()
    }
}

/// What a thread needs.
#[derive(Debug, Default)]
pub(super) struct Room {
    values: Vec<f64>,
    spectrum: Vec<Complex64>,
    scratch: Vec<Complex64>,
}

impl Fourier {
    /// The filter for series of `steps`, with a taper of width `taper` (0: none) relative to the
    /// cut-off.
    ///
    /// # Errors
    /// Usage, if there are fewer than 2 steps, the taper is not from 0 to 1, or no frequency of the
    /// series but 0 lies in the band.
    pub fn new(band: Band, taper: f64, steps: usize) -> Result<Self> {
        if !(0.0..=1.0).contains(&taper) {
            return Err(
                Error::usage(format!("a taper of width {taper}")).remedy("choose --taper from 0 to 1")
            );
        }
        if steps < 2 {
            return Err(
                Error::usage(format!("{steps} times have no frequencies")).remedy("choose more times")
            );
        }
        let mut planner = RealFftPlanner::new();
        let (forward, backward) = (planner.plan_fft_forward(steps), planner.plan_fft_inverse(steps));
        let of = |k: usize| response(band, taper, k as f64 / steps as f64) / steps as f64;
        let response: Vec<f64> = (0..=steps / 2).map(of).collect();
        if response.iter().skip(1).all(|h| *h == 0.0) {
            return Err(Error::usage(format!(
                "none of the frequencies of {steps} times but 0, k/{steps} cycles a time step, lies in the band"
            ))
            .remedy("choose a wider --band, or more times"));
        }
        Ok(Self { band, taper, forward, backward, response })
    }
    /// The band that it is for.
    pub const fn band(&self) -> Band {
        self.band
    }
    /// H at frequency `f` (cycles per step).
    pub fn response(&self, f: f64) -> f64 {
        response(self.band, self.taper, f)
    }
    /// Bytes that [`Room`] takes.
    pub(super) fn room(&self) -> usize {
        let scratch = self.forward.get_scratch_len().max(self.backward.get_scratch_len());
        self.forward.len() * size_of::<f64>() + (self.response.len() + scratch) * size_of::<Complex64>()
    }
    /// Refuses series of another length.
    pub(super) fn check(&self, steps: usize) -> Result<()> {
        if steps == self.forward.len() {
            return Ok(());
        }
        Err(Error::internal(format!("a filter for {} steps is asked for {steps}", self.forward.len())))
    }
    /// Filters the steps of the first `lanes` of `x` to `out`.
    pub(super) fn apply(
        &self,
        x: &[Lanes],
        lanes: usize,
        room: &mut Room,
        out: &mut Vec<Lanes>,
    ) -> Result<()> {
        let failed = |e: realfft::FftError| Error::internal(format!("a Fourier transform: {e}"));
        let scratch = self.forward.get_scratch_len().max(self.backward.get_scratch_len());
        room.spectrum.resize(self.response.len(), Complex64::default());
        room.scratch.resize(scratch, Complex64::default());
        out.clear();
        out.resize(x.len(), ZERO);
        for lane in 0..lanes.min(WIDTH) {
            room.values.clear();
            room.values.extend(x.iter().map(|row| row[lane]));
            let whole = &mut room.scratch[..];
            self.forward.process_with_scratch(&mut room.values, &mut room.spectrum, whole).map_err(failed)?;
            room.spectrum.iter_mut().zip(&self.response).for_each(|(c, h)| *c *= *h);
            self.backward
                .process_with_scratch(&mut room.spectrum, &mut room.values, whole)
                .map_err(failed)?;
            out.iter_mut().zip(&room.values).for_each(|(row, v)| row[lane] = *v);
        }
        Ok(())
    }
}

fn response(band: Band, taper: f64, f: f64) -> f64 {
    let rise = |cut: f64| {
        let (from, to) = (cut * (1.0 - 0.5 * taper), cut * (1.0 + 0.5 * taper));
        if f <= from {
            0.0
        } else if f >= to {
            1.0
        } else {
            0.5 * (1.0 - (PI * (f - from) / (to - from)).cos())
        }
    };
    let above = |cut: f64| if taper > 0.0 { rise(cut) } else { f64::from(u8::from(f >= cut * (1.0 - SAME))) };
    let below =
        |cut: f64| if taper > 0.0 { 1.0 - rise(cut) } else { f64::from(u8::from(f <= cut * (1.0 + SAME))) };
    match band {
        Band::LowPass(cut) => below(cut),
        Band::HighPass(cut) => above(cut),
        Band::BandPass([low, high]) => above(low) * below(high),
    }
}
