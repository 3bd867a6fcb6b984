//! What estimates of one series, or of two together, have in common: the walk over cells, the mean
//! over space, what the series were.

use super::gaps::{Looked, Survey};
use super::mean::SpatialMean;
use super::turn::{self, Pool};
use halocline_core::engine::{encode_notes, take_notes, Series, SeriesWork};
use halocline_core::meta::Dim;
use halocline_core::Result;
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

/// An estimate that takes complete series, one cell after the other.
pub trait Estimate: Debug + Sync {
    /// What a thread works in, beside the series and the results of a cell.
    type Room: Debug + Send;
    /// Values of a series.
    fn times(&self) -> usize;
    /// Rows of each result, also where they are averaged.
    fn result_rows(&self) -> Vec<usize>;
    /// Rows that whoever takes the results makes of them meanwhile.
    fn rows_beside(&self) -> usize;
    /// Whether each series has a second one of the same place beside it.
    fn has_second(&self) -> bool;
    /// Makes a room.
    fn room(&self) -> Self::Room;
    /// Its bytes.
    fn room_bytes(&self) -> u64;
    /// The results of the series `x` (and `y`, if there is a second), all rows one after the other;
    /// may change the series.
    ///
    /// # Errors
    /// Internal, if lengths don't fit.
    fn one(
        &self,
        x: &mut [f64],
        y: Option<&mut [f64]>,
        values: &mut [f64],
        room: &mut Self::Room,
    ) -> Result<()>;
}

/// Spectra of every series of a field, or their mean over space.
///
/// Series with gaps come out missing; [`Self::survey`] tells of them. What results are is told by
/// the estimate.
#[derive(Debug)]
pub struct EachSeries<E: Estimate> {
    pub(super) estimate: E,
    /// Global lengths behind time.
    shape: Vec<usize>,
    mean: Option<SpatialMean>,
    survey: Mutex<Survey>,
    rooms: Pool<Room<E::Room>>,
}

/// What a thread works in.
#[derive(Debug)]
struct Room<R> {
    turned: Vec<f64>,
    /// Of the second series; empty if there is none.
    others: Vec<f64>,
    /// Of one cell.
    values: Vec<f64>,
    own: R,
}

impl<E: Estimate> EachSeries<E> {
    /// Of a variable with the dimensions `dims`, time first.
    pub fn of(estimate: E, dims: &[Dim]) -> Self {
        let shape = dims.iter().skip(1).map(|d| d.len).collect();
        Self { estimate, shape, mean: None, survey: Mutex::new(Survey::default()), rooms: Pool::new() }
    }
    /// Their mean over space instead of all of them.
    #[must_use]
    pub fn averaged(self, mean: SpatialMean) -> Self {
        Self { mean: Some(mean), ..self }
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
        self.estimate.result_rows().iter().sum()
    }
    /// Rows of each result, also where they are averaged.
    pub fn result_rows(&self) -> Vec<usize> {
        self.estimate.result_rows()
    }
    /// What the series were that this rank has seen.
    pub fn survey(&self) -> Survey {
        *self.survey.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many series there are.
    fn cells(&self) -> usize {
        self.shape.iter().product()
    }
    fn room(&self) -> Room<E::Room> {
        let times = self.estimate.times();
        let turned = vec![0.0; turn::stride(times) * turn::width(times, self.cells())];
        let others = vec![0.0; if self.estimate.has_second() { turned.len() } else { 0 }];
        Room { turned, others, values: vec![0.0; self.values()], own: self.estimate.room() }
    }
}

impl<E: Estimate> SeriesWork for EachSeries<E> {
    fn rows(&self) -> Vec<usize> {
        if self.mean.is_some() {
            Vec::new()
        } else {
            self.result_rows()
        }
    }
    fn rows_beside(&self) -> usize {
        if self.mean.is_some() {
            0
        } else {
            self.estimate.rows_beside()
        }
    }
    fn scratch_per_thread(&self, samples: usize, cells: usize) -> u64 {
        let sums = self.mean.as_ref().map_or(0, |_| cells.min(self.cells()) * self.values());
        turn::bytes(samples, self.cells())
            .saturating_mul(if self.estimate.has_second() { 2 } else { 1 })
            .saturating_add(8 * (self.values() + sums) as u64)
            .saturating_add(self.estimate.room_bytes())
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        let untiled = turn::untiled(series);
        let tile = series.tile().unwrap_or(&untiled);
        let second = if self.estimate.has_second() { Some(series.with(1)?) } else { None };
        let times = series.samples();
        let (width, stride) = (turn::width(times, series.cells()), turn::stride(times));
        let mut room = self.rooms.take(|| self.room());
        let mut survey = Survey::default();
        let mut sums = self.mean.as_ref().map(|mean| mean.start(tile, self.values()));
        for start in (0..series.cells()).step_by(width.max(1)) {
            let cells = start..series.cells().min(start + width);
            let Room { turned, others, values, own } = &mut room;
            turn::turn(series, &cells, turned);
            if let Some(second) = &second {
                turn::turn(second, &cells, others);
            }
            for (k, cell) in cells.enumerate() {
                let x = &mut turned[k * stride..][..times];
                let y = second.is_some().then(|| &mut others[k * stride..][..times]);
                let looked = Looked::at(x);
                let looked = y.as_ref().map_or(looked, |y| looked.and(Looked::at(y)));
                if !survey.count(looked, || turn::global(tile, &self.shape, cell)) {
                    continue;
                }
                self.estimate.one(x, y, values, own)?;
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
    fn notes(&self) -> Result<Vec<u8>> {
        encode_notes(&(self.survey(), self.mean.as_ref().map(SpatialMean::nodes)))
    }
    fn add_notes(&self, notes: &[u8]) -> Result<()> {
        let join = |found: &Survey| self.survey.lock().unwrap_or_else(PoisonError::into_inner).join(found);
        take_notes(notes, join, self.mean.as_ref().map(|mean| |nodes| mean.add_nodes(nodes)))
    }
}
