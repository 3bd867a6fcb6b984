//! Work on one series after the other: what all of it has in common.

use super::gaps::{Looked, Survey};
use super::mean::SpatialMean;
use super::turn::{self, Pool};
use halocline_core::engine::{Series, SeriesWork};
use halocline_core::meta::Dim;
use halocline_core::Result;
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

/// What is made of one series.
pub trait OfSeries: Debug + Sync {
    /// What a thread works in.
    type Room: Debug + Send;
    /// Such room.
    fn room(&self) -> Self::Room;
    /// Bytes of [`Self::room`].
    fn room_bytes(&self) -> u64;
    /// Numbers of each result.
    fn rows(&self) -> Vec<usize>;
    /// Puts into `values` the numbers of all results, one result after the other, of a series without
    /// gaps, which it may change.
    ///
    /// # Errors
    /// Internal, if lengths don't fit.
    fn of(&self, x: &mut [f64], values: &mut [f64], room: &mut Self::Room) -> Result<()>;
}

/// What `S` makes of each series, or its mean over space.
///
/// Series with gaps come out missing; [`Self::survey`] tells of them.
#[derive(Debug)]
pub struct EachSeries<S: OfSeries> {
    of: S,
    /// Global lengths behind time.
    shape: Vec<usize>,
    mean: Option<SpatialMean>,
    survey: Mutex<Survey>,
    rooms: Pool<Room<S::Room>>,
}

/// What a thread works in.
#[derive(Debug)]
struct Room<R> {
    turned: Vec<f64>,
    /// Of one cell.
    values: Vec<f64>,
    own: R,
}

impl<S: OfSeries> EachSeries<S> {
    /// Of a variable with the dimensions `dims`, time first.
    pub fn new(of: S, dims: &[Dim]) -> Self {
        let shape = dims.iter().skip(1).map(|d| d.len).collect();
        Self { of, shape, mean: None, survey: Mutex::new(Survey::default()), rooms: Pool::new() }
    }
    /// Its mean over space instead of all of it.
    #[must_use]
    pub fn averaged(self, mean: SpatialMean) -> Self {
        Self { mean: Some(mean), ..self }
    }
    /// What is made of each series.
    pub const fn of(&self) -> &S {
        &self.of
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
        self.of.rows().iter().sum()
    }
    /// What the series were that this rank has seen.
    pub fn survey(&self) -> Survey {
        *self.survey.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// How many series there are.
    fn cells(&self) -> usize {
        self.shape.iter().product()
    }
}

impl<S: OfSeries> SeriesWork for EachSeries<S> {
    fn rows(&self) -> Vec<usize> {
        if self.mean.is_some() {
            Vec::new()
        } else {
            self.of.rows()
        }
    }
    fn rows_beside(&self) -> usize {
        // What is derived of the longest, and what is on its way to the file.
        match self.mean {
            Some(_) => 0,
            None => 2 * self.of.rows().into_iter().max().unwrap_or(0),
        }
    }
    fn scratch_per_thread(&self, samples: usize, cells: usize) -> u64 {
        let of_cell = 8 * self.values() as u64;
        let sums = self.mean.as_ref().map_or(0, |_| cells.min(self.cells()) as u64);
        turn::bytes(samples, self.cells())
            .saturating_add(of_cell.saturating_mul(1 + sums))
            .saturating_add(self.of.room_bytes())
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        let untiled = turn::untiled(series);
        let tile = series.tile().unwrap_or(&untiled);
        let times = series.samples();
        let (width, stride) = (turn::width(times, series.cells()), turn::stride(times));
        let mut room = self.rooms.take(|| Room {
            turned: vec![0.0; stride * turn::width(times, self.cells())],
            values: vec![0.0; self.values()],
            own: self.of.room(),
        });
        let mut survey = Survey::default();
        let mut sums = self.mean.as_ref().map(|mean| mean.start(tile, self.values()));
        for start in (0..series.cells()).step_by(width.max(1)) {
            let cells = start..series.cells().min(start + width);
            let Room { turned, values, own } = &mut room;
            turn::turn(series, &cells, turned);
            for (k, cell) in cells.enumerate() {
                let x = &mut turned[k * stride..][..times];
                if !survey.count(Looked::at(x), || turn::global(tile, &self.shape, cell)) {
                    continue;
                }
                self.of.of(x, values, own)?;
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
