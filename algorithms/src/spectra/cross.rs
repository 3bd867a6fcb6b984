//! Cross-spectra of whole series.

use super::each::{EachSeries, Estimate};
use super::welch::{Second, Welch, WelchScratch};
use halocline_core::meta::Dim;
use halocline_core::{Error, Result};
use rustfft::num_complex::Complex;

/// Cross-spectra of each series x with another of the same place, or with one index, y
/// ([`Welch`]); or their mean over space.
///
/// Results are four, with a row for each frequency: Pxx, Pyy, and the real and the imaginary part of
/// Pxy = mean of conj(X) Y. All else follows from these ([`derived`]). Where either has gaps, results
/// are missing.
pub type CrossSpectra = EachSeries<Cross>;

/// A cross-spectrum.
#[derive(Debug)]
pub struct Cross {
    welch: Welch,
    /// Of the index; `None`: the second of two variables that are read together.
    index: Option<Vec<Complex<f64>>>,
}

impl CrossSpectra {
    /// Of two variables with the dimensions `dims`, time first, that are read together.
    pub fn of_fields(welch: Welch, dims: &[Dim]) -> Self {
        Self::of(Cross { welch, index: None }, dims)
    }
    /// Of a variable with an index that has no gaps.
    ///
    /// # Errors
    /// Internal, if the index has another length.
    pub fn with_index(welch: Welch, dims: &[Dim], index: &[f64]) -> Result<Self> {
        let index = Some(welch.transforms(index)?);
        Ok(Self::of(Cross { welch, index }, dims))
    }
    /// The estimate.
    pub const fn welch(&self) -> &Welch {
        &self.estimate.welch
    }
}

impl Estimate for Cross {
    type Room = WelchScratch;

    fn times(&self) -> usize {
        self.welch.times()
    }
    fn result_rows(&self) -> Vec<usize> {
        vec![self.welch.len(); 4]
    }
    fn rows_beside(&self) -> usize {
        // What is derived, and what is on its way to the file.
        2 * self.welch.len()
    }
    fn has_second(&self) -> bool {
        self.index.is_none()
    }
    fn room(&self) -> WelchScratch {
        self.welch.scratch()
    }
    fn room_bytes(&self) -> u64 {
        self.welch.scratch_bytes()
    }
    fn one(
        &self,
        x: &mut [f64],
        y: Option<&mut [f64]>,
        values: &mut [f64],
        scratch: &mut WelchScratch,
    ) -> Result<()> {
        self.welch.remove_cycle(x, scratch);
        let second = match (y, &self.index) {
            (Some(y), _) => {
                self.welch.remove_cycle(y, scratch);
                Second::Series(y)
            }
            (None, Some(transforms)) => Second::Transforms(transforms),
            (None, None) => return Err(Error::internal("a cross-spectrum of one series")),
        };
        self.welch.cross(x, &second, values, scratch)
    }
}

/// What a cross-spectrum tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrossQuantity {
    /// Pxx.
    PowerX,
    /// Pyy.
    PowerY,
    /// Re Pxy: what both have in phase.
    Cospectrum,
    /// Im Pxy: what y has a quarter of a period before x.
    Quadrature,
    /// |Pxy|.
    Amplitude,
    /// The angle of Pxy in radians, −π to π: positive where y leads x.
    Phase,
    /// |Pxy|² / (Pxx Pyy).
    Coherence,
    /// |Pxy| / Pxx: the response of y to x.
    Gain,
}

/// A quantity from Pxx, Pyy, Re Pxy and Im Pxy. NaN where a power that it is divided by is 0, as a
/// phase is where either is.
pub fn derived(quantity: CrossQuantity, [xx, yy, re, im]: [f64; 4]) -> f64 {
    let or_missing = |by: f64, value: f64| if by > 0.0 { value / by } else { f64::NAN };
    match quantity {
        CrossQuantity::PowerX => xx,
        CrossQuantity::PowerY => yy,
        CrossQuantity::Cospectrum => re,
        CrossQuantity::Quadrature => im,
        CrossQuantity::Amplitude => re.hypot(im),
        CrossQuantity::Phase if xx > 0.0 && yy > 0.0 => im.atan2(re),
        CrossQuantity::Phase => f64::NAN,
        // One division after the other: a product of small powers would be 0.
        CrossQuantity::Coherence => or_missing(yy, or_missing(xx, re * re + im * im)),
        CrossQuantity::Gain => or_missing(xx, re.hypot(im)),
    }
}
