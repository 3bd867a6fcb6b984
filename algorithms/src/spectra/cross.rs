//! Cross-spectra of whole series.

use super::gaps::{Looked, Survey};
use super::mean::SpatialMean;
use super::turn::{self, Pool};
use super::welch::{Second, Welch, WelchScratch};
use halocline_core::engine::{Series, SeriesWork};
use halocline_core::meta::Dim;
use halocline_core::Result;
use rustfft::num_complex::Complex;
use std::sync::{Mutex, PoisonError};

/// Cross-spectra of each series x with another of the same place, or with one index, y
/// ([`Welch`]); or their mean over space.
///
/// Results are four, with a row for each frequency: Pxx, Pyy, and the real and the imaginary part of
/// Pxy = mean of conj(X) Y. All else follows from these ([`derived`]). Where either has gaps, results
/// are missing; [`Self::survey`] tells of them.
#[derive(Debug)]
pub struct CrossSpectra {
    welch: Welch,
    /// Of the index; `None`: the second of two variables that are read together.
    index: Option<Vec<Complex<f64>>>,
    shape: Vec<usize>,
    mean: Option<SpatialMean>,
    survey: Mutex<Survey>,
    rooms: Pool<Room>,
}

/// What a thread works in.
#[derive(Debug)]
struct Room {
    turned: Vec<f64>,
    others: Vec<f64>,
    values: Vec<f64>,
    welch: WelchScratch,
}

impl CrossSpectra {
    /// Of two variables with the dimensions `dims`, time first, that are read together.
    pub fn of_fields(welch: Welch, dims: &[Dim]) -> Self {
        let shape = dims.iter().skip(1).map(|d| d.len).collect();
        let survey = Mutex::new(Survey::default());
        Self { welch, index: None, shape, mean: None, survey, rooms: Pool::new() }
    }
    /// Of a variable with an index that has no gaps.
    ///
    /// # Errors
    /// Internal, if the index has another length.
    pub fn with_index(welch: Welch, dims: &[Dim], index: &[f64]) -> Result<Self> {
        let index = Some(welch.transforms(index)?);
        Ok(Self { index, ..Self::of_fields(welch, dims) })
    }
    /// Their mean over space instead of all of them.
    #[must_use]
    pub fn averaged(self, mean: SpatialMean) -> Self {
        Self { mean: Some(mean), ..self }
    }
    /// The estimate.
    pub const fn welch(&self) -> &Welch {
        &self.welch
    }
    /// The mean over space, if that is what is wanted.
    pub const fn mean(&self) -> Option<&SpatialMean> {
        self.mean.as_ref()
    }
    /// The mean over space, to be told of its tiles.
    pub fn mean_mut(&mut self) -> Option<&mut SpatialMean> {
        self.mean.as_mut()
    }
    /// Numbers that each cell has.
    pub fn values(&self) -> usize {
        4 * self.welch.len()
    }
    /// What the series were that this rank has seen.
    pub fn survey(&self) -> Survey {
        *self.survey.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SeriesWork for CrossSpectra {
    fn rows(&self) -> Vec<usize> {
        if self.mean.is_some() {
            Vec::new()
        } else {
            vec![self.welch.len(); 4]
        }
    }
    fn rows_beside(&self) -> usize {
        // What is derived, and what is on its way to the file.
        if self.mean.is_some() {
            0
        } else {
            2 * self.welch.len()
        }
    }
    fn scratch_per_thread(&self, samples: usize, cells: usize) -> u64 {
        let sums = self.mean.as_ref().map_or(0, |_| cells.min(self.shape.iter().product()) * self.values());
        let fields = if self.index.is_some() { 1 } else { 2 };
        turn::bytes(samples, self.shape.iter().product())
            .saturating_mul(fields)
            .saturating_add(8 * (self.values() + sums) as u64)
            .saturating_add(self.welch.scratch_bytes())
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        let untiled = turn::untiled(series);
        let tile = series.tile().unwrap_or(&untiled);
        let second = if self.index.is_some() { None } else { Some(series.with(1)?) };
        let times = series.samples();
        let (width, stride) = (turn::width(times, series.cells()), turn::stride(times));
        let mut room = self.rooms.take(|| {
            let turned = vec![0.0; stride * turn::width(times, self.shape.iter().product())];
            let others = vec![0.0; if second.is_some() { turned.len() } else { 0 }];
            Room { turned, others, values: vec![0.0; self.values()], welch: self.welch.scratch() }
        });
        let mut survey = Survey::default();
        let mut sums = self.mean.as_ref().map(|mean| mean.start(tile, self.values()));
        for start in (0..series.cells()).step_by(width.max(1)) {
            let cells = start..series.cells().min(start + width);
            let Room { turned, others, values, welch } = &mut room;
            turn::turn(series, &cells, turned);
            if let Some(second) = &second {
                turn::turn(second, &cells, others);
            }
            for (k, cell) in cells.enumerate() {
                let x = &mut turned[k * stride..][..times];
                let mut looked = Looked::at(x);
                let y = if let Some(transforms) = &self.index {
                    Second::Transforms(transforms)
                } else {
                    let y = &mut others[k * stride..][..times];
                    looked = looked.and(Looked::at(y));
                    self.welch.remove_cycle(y, welch);
                    Second::Series(y)
                };
                if !survey.count(looked, || turn::global(tile, &self.shape, cell)) {
                    continue;
                }
                self.welch.remove_cycle(x, welch);
                self.welch.cross(x, &y, values, welch)?;
                if let (Some(mean), Some(sums)) = (&self.mean, &mut sums) {
                    mean.add(sums, tile, cell, values)?;
                    continue;
                }
                let rows = results.iter_mut().flatten();
                rows.zip(&*values).for_each(|(row, v)| row[cell] = *v);
            }
        }
        self.rooms.give(room);
        if let (Some(mean), Some(sums)) = (&self.mean, sums) {
            mean.put(tile, sums)?;
        }
        self.survey.lock().unwrap_or_else(PoisonError::into_inner).join(&survey);
        Ok(())
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

/// A quantity from Pxx, Pyy, Re Pxy and Im Pxy. NaN where a power that it is divided by is 0.
pub fn derived(quantity: CrossQuantity, [xx, yy, re, im]: [f64; 4]) -> f64 {
    let or_missing = |by: f64, value: f64| if by > 0.0 { value / by } else { f64::NAN };
    match quantity {
        CrossQuantity::PowerX => xx,
        CrossQuantity::PowerY => yy,
        CrossQuantity::Cospectrum => re,
        CrossQuantity::Quadrature => im,
        CrossQuantity::Amplitude => re.hypot(im),
        CrossQuantity::Phase if re.is_nan() || im.is_nan() => f64::NAN,
        CrossQuantity::Phase => im.atan2(re),
        // One division after the other: a product of small powers would be 0.
        CrossQuantity::Coherence => or_missing(yy, or_missing(xx, re * re + im * im)),
        CrossQuantity::Gain => or_missing(xx, re.hypot(im)),
    }
}
