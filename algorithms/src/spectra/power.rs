//! Power spectra of whole series.

use super::gaps::{Looked, Survey};
use super::mean::SpatialMean;
use super::noise::{lag1_autocorrelation, red_noise};
use super::turn::{self, Pool};
use super::welch::{Welch, WelchScratch};
use halocline_core::engine::{Series, SeriesWork};
use halocline_core::meta::Dim;
use halocline_core::Result;
use std::sync::{Mutex, PoisonError};

/// The power spectrum of each series ([`Welch`]), or their mean over space, and the red noise that
/// it is compared with.
///
/// Results are the spectrum (a row for each frequency) and, with a background, the spectrum of red
/// noise ([`red_noise`]) and the lag-1 autocorrelation that it has (one row), of the whole series
/// without its annual cycle and its mean or trend. The mean over space is that of each of these.
/// Series with gaps come out missing; [`Self::survey`] tells of them.
#[derive(Debug)]
pub struct PowerSpectra {
    welch: Welch,
    has_background: bool,
    /// Global lengths behind time.
    shape: Vec<usize>,
    mean: Option<SpatialMean>,
    survey: Mutex<Survey>,
    rooms: Pool<Room>,
}

/// What a thread works in.
#[derive(Debug)]
struct Room {
    turned: Vec<f64>,
    /// Of one cell: spectrum, background, autocorrelation.
    values: Vec<f64>,
    detrended: Vec<f64>,
    welch: WelchScratch,
}

impl PowerSpectra {
    /// Spectra of a variable with the dimensions `dims`, time first.
    pub fn new(welch: Welch, dims: &[Dim], has_background: bool) -> Self {
        let shape = dims.iter().skip(1).map(|d| d.len).collect();
        let survey = Mutex::new(Survey::default());
        Self { welch, has_background, shape, mean: None, survey, rooms: Pool::new() }
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
        self.result_rows().iter().sum()
    }
    /// Rows of each result, also where they are averaged.
    pub fn result_rows(&self) -> Vec<usize> {
        let len = self.welch.len();
        if self.has_background {
            vec![len, len, 1]
        } else {
            vec![len]
        }
    }
    /// What the series were that this rank has seen.
    pub fn survey(&self) -> Survey {
        *self.survey.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn room(&self, width: usize) -> Room {
        let times = self.welch.times();
        Room {
            turned: vec![0.0; turn::stride(times) * width],
            values: vec![0.0; self.values()],
            detrended: vec![0.0; if self.has_background { times } else { 0 }],
            welch: self.welch.scratch(),
        }
    }

    /// The numbers of one complete series, into `room.values`.
    fn one(
        &self,
        x: &mut [f64],
        values: &mut [f64],
        detrended: &mut [f64],
        scratch: &mut WelchScratch,
    ) -> Result<()> {
        self.welch.remove_cycle(x, scratch);
        let (power, rest) = values.split_at_mut(self.welch.len());
        self.welch.power(x, power, scratch)?;
        if let Some((alpha, background)) = rest.split_last_mut() {
            detrended.copy_from_slice(x);
            self.welch.detrend().remove(detrended);
            *alpha = lag1_autocorrelation(detrended);
            red_noise(&self.welch, *alpha, power, background);
        }
        Ok(())
    }
}

impl SeriesWork for PowerSpectra {
    fn rows(&self) -> Vec<usize> {
        if self.mean.is_some() {
            Vec::new()
        } else {
            self.result_rows()
        }
    }
    fn rows_beside(&self) -> usize {
        // A level of significance, and what is on its way to the file.
        match (&self.mean, self.has_background) {
            (Some(_), _) => 0,
            (None, true) => 2 * self.welch.len(),
            (None, false) => self.welch.len(),
        }
    }
    fn scratch_per_thread(&self, samples: usize, cells: usize) -> u64 {
        let times = if self.has_background { samples as u64 } else { 0 };
        let sums = self.mean.as_ref().map_or(0, |_| cells.min(self.shape.iter().product()) * self.values());
        turn::bytes(samples, self.shape.iter().product())
            .saturating_add(8 * (times + self.values() as u64 + sums as u64))
            .saturating_add(self.welch.scratch_bytes())
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        let untiled = turn::untiled(series);
        let tile = series.tile().unwrap_or(&untiled);
        let times = series.samples();
        let (width, stride) = (turn::width(times, series.cells()), turn::stride(times));
        let mut room = self.rooms.take(|| self.room(turn::width(times, self.shape.iter().product())));
        let mut survey = Survey::default();
        let mut sums = self.mean.as_ref().map(|mean| mean.start(tile, self.values()));
        for start in (0..series.cells()).step_by(width.max(1)) {
            let cells = start..series.cells().min(start + width);
            let Room { turned, values, detrended, welch } = &mut room;
            turn::turn(series, &cells, turned);
            for (k, cell) in cells.enumerate() {
                let x = &mut turned[k * stride..][..times];
                if !survey.count(Looked::at(x), || turn::global(tile, &self.shape, cell)) {
                    continue;
                }
                self.one(x, values, detrended, welch)?;
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
