//! Power spectra of whole series.

use super::each::{EachSeries, Estimate};
use super::noise::{lag1_autocorrelation, red_noise};
use super::welch::{Welch, WelchScratch};
use halocline_core::meta::Dim;
use halocline_core::Result;
use pulp::{Arch, NullaryFnOnce};

/// The power spectrum of each series ([`Welch`]), or their mean over space, and the red noise that
/// it is compared with.
///
/// Results are the spectrum (a row for each frequency) and, with a background, the spectrum of red
/// noise ([`red_noise`]) and the lag-1 autocorrelation that it has (one row), of the whole series
/// without its annual cycle and its mean or trend. The mean over space is that of each of these.
pub type PowerSpectra = EachSeries<Power>;

/// A power spectrum.
#[derive(Debug)]
pub struct Power {
    welch: Welch,
    has_background: bool,
}

impl PowerSpectra {
    /// Spectra of a variable with the dimensions `dims`, time first.
    pub fn new(welch: Welch, dims: &[Dim], has_background: bool) -> Self {
        Self::of(Power { welch, has_background }, dims)
    }
    /// The estimate.
    pub const fn welch(&self) -> &Welch {
        &self.estimate.welch
    }
}

impl Estimate for Power {
    /// The series without its trend, and what Welch's estimate works in.
    type Room = (Vec<f64>, WelchScratch);

    fn times(&self) -> usize {
        self.welch.times()
    }
    fn result_rows(&self) -> Vec<usize> {
        let len = self.welch.len();
        if self.has_background {
            vec![len, len, 1]
        } else {
            vec![len]
        }
    }
    fn rows_beside(&self) -> usize {
        // A level of significance, and what is on its way to the file.
        self.welch.len() * if self.has_background { 2 } else { 1 }
    }
    fn has_second(&self) -> bool {
        false
    }
    fn room(&self) -> Self::Room {
        (vec![0.0; if self.has_background { self.times() } else { 0 }], self.welch.scratch())
    }
    fn room_bytes(&self) -> u64 {
        let detrended = if self.has_background { self.times() as u64 } else { 0 };
        self.welch.scratch_bytes().saturating_add(8 * detrended)
    }
    fn one(
        &self,
        x: &mut [f64],
        _: Option<&mut [f64]>,
        values: &mut [f64],
        (detrended, scratch): &mut Self::Room,
    ) -> Result<()> {
        Arch::new().dispatch(One { power: self, x, values, detrended, scratch })
    }
}

/// A series at work, compiled for the machine's vectors: a closure would not be.
struct One<'a> {
    power: &'a Power,
    x: &'a mut [f64],
    values: &'a mut [f64],
    detrended: &'a mut [f64],
    scratch: &'a mut WelchScratch,
}

impl NullaryFnOnce for One<'_> {
    type Output = Result<()>;
    #[inline(always)]
    #[allow(clippy::inline_always)] // as said
    fn call(self) -> Result<()> {
        let Self { power: Power { welch, .. }, x, values, detrended, scratch } = self;
        welch.remove_cycle(x, scratch);
        let (power, rest) = values.split_at_mut(welch.len());
        welch.power(x, power, scratch)?;
        if let Some((alpha, background)) = rest.split_last_mut() {
            detrended.copy_from_slice(x);
            welch.detrend().remove(detrended);
            *alpha = lag1_autocorrelation(detrended);
            red_noise(welch, *alpha, power, background);
        }
        Ok(())
    }
}
