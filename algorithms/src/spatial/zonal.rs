//! Zonal spectra of all rows of a field.

use super::cells::{gather, number};
use super::mean::CellMean;
use super::seen::Absent;
use crate::spectra::turn::Pool;
use halocline_core::engine::{encode_notes, take_notes, Series, SeriesWork};
use halocline_core::meta::{Dim, Role};
use halocline_core::{Error, Result};
use realfft::num_complex::Complex64;
use realfft::{RealFftPlanner, RealToComplex};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The power of each row that goes round the earth over zonal wave number s = 0 … ⌊n/2⌋:
///
/// P(s) = c |X(s)|² / n², X(s) = Σᵢ xᵢ exp(−2πi s i / n),
///
/// where c is 2, but 1 for s = 0 and, if n is even, s = n/2. P(0) is the square of the zonal mean,
/// the sum of the others the zonal variance (÷ n).
///
/// A cell is a row: an index of all other dimensions. Rows of which nothing is there have no result,
/// and no weight in a mean; those of which something is missing are told by [`Self::absent`].
pub struct ZonalSpectra {
    len: usize,
    waves: usize,
    transform: Arc<dyn RealToComplex<f64>>,
    dims: Vec<Dim>,
    mean: Option<CellMean>,
    absent: Mutex<Absent>,
    rooms: Pool<Room>,
}

impl fmt::Debug for ZonalSpectra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZonalSpectra")
            .field("len", &self.len)
            .field("waves", &self.waves)
            .finish_non_exhaustive()
    }
}

/// What a thread works in.
#[derive(Debug)]
struct Room {
    row: Vec<f64>,
    spectrum: Vec<Complex64>,
    scratch: Vec<Complex64>,
    values: Vec<f64>,
}

/// The greatest wave number that is asked for of so many longitudes, or that they have.
///
/// # Errors
/// Usage, if it is none of theirs.
pub(crate) fn wave_numbers(asked: Option<usize>, lon: usize) -> Result<usize> {
    let most = lon / 2;
    match asked {
        Some(waves) if waves > most => {
            Err(Error::usage(format!("{lon} longitudes have no wave number {waves}"))
                .remedy(format!("choose --waves up to {most}, or leave it out")))
        }
        _ => Ok(asked.unwrap_or(most)),
    }
}

impl ZonalSpectra {
    /// Spectra of a variable with the dimensions `dims`, up to wave number `waves` or as far as there
    /// are any.
    ///
    /// # Errors
    /// Usage, if there is no row of two values at least.
    pub fn new(dims: &[Dim], waves: Option<usize>) -> Result<Self> {
        let len = dims.iter().find(|d| d.role == Role::X).map_or(0, |d| d.len);
        if len < 2 {
            return Err(Error::usage("a row of less than two values has no waves")
                .remedy("choose a wider --box, or a field with longitudes"));
        }
        Ok(Self {
            len,
            waves: wave_numbers(waves, len)?,
            transform: RealFftPlanner::new().plan_fft_forward(len),
            dims: dims.to_vec(),
            mean: None,
            absent: Mutex::new(Absent::default()),
            rooms: Pool::new(),
        })
    }
    /// Their mean instead of all of them.
    #[must_use]
    pub fn averaged(self, mean: CellMean) -> Self {
        Self { mean: Some(mean), ..self }
    }
    /// The greatest wave number.
    pub const fn waves(&self) -> usize {
        self.waves
    }
    /// The mean, if that is what is wanted.
    pub const fn mean(&self) -> Option<&CellMean> {
        self.mean.as_ref()
    }
    /// The mean, to be told of its tiles.
    pub fn mean_mut(&mut self) -> Option<&mut CellMean> {
        self.mean.as_mut()
    }
    /// Numbers that each cell has.
    pub const fn values(&self) -> usize {
        self.waves + 1
    }
    /// What was not there of the rows that this rank has seen.
    pub fn absent(&self) -> Absent {
        *self.absent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn room(&self) -> Room {
        Room {
            row: vec![0.0; self.len],
            spectrum: self.transform.make_output_vec(),
            scratch: self.transform.make_scratch_vec(),
            values: vec![0.0; self.values()],
        }
    }
}

impl SeriesWork for ZonalSpectra {
    fn reduces(&self) -> &[Role] {
        &[Role::X]
    }
    fn rows(&self) -> Vec<usize> {
        if self.mean.is_some() {
            Vec::new()
        } else {
            vec![self.values()]
        }
    }
    fn rows_beside(&self) -> usize {
        // What is on its way to the file.
        if self.mean.is_some() {
            0
        } else {
            self.values()
        }
    }
    fn scratch_per_thread(&self, samples: usize, cells: usize) -> u64 {
        let sums = self.mean.as_ref().map_or(0, |mean| mean.groups().min(cells) * (self.values() + 1));
        8 * (2 * samples + 2 * self.transform.get_scratch_len() + self.values() + sums + 4) as u64
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        let tile = series.tile().ok_or_else(|| Error::internal("rows belong to no tile"))?;
        let mut room = self.rooms.take(|| self.room());
        let mut absent = Absent::default();
        let mut sums = self.mean.as_ref().map(|mean| mean.start(tile, self.values()));
        let scale = 1.0 / (self.len as f64 * self.len as f64);
        for cell in 0..series.cells() {
            let Room { row, spectrum, scratch, values } = &mut room;
            gather(series, cell, row)?;
            if !absent.look(row, true, || number(tile, &self.dims, self.reduces(), cell)) {
                continue;
            }
            self.transform
                .process_with_scratch(row, spectrum, scratch)
                .map_err(|e| Error::internal(format!("a Fourier transform: {e}")))?;
            for (s, (value, x)) in values.iter_mut().zip(&*spectrum).enumerate() {
                let times = if s == 0 || 2 * s == self.len { 1.0 } else { 2.0 };
                *value = times * x.norm_sqr() * scale;
            }
            if let (Some(mean), Some(sums)) = (&self.mean, &mut sums) {
                mean.add(sums, tile, cell, values)?;
                continue;
            }
            results.iter_mut().flatten().zip(&*values).for_each(|(row, v)| row[cell] = *v);
        }
        self.rooms.give(room);
        if let (Some(mean), Some(sums)) = (&self.mean, sums) {
            mean.put(tile, sums)?;
        }
        self.absent.lock().unwrap_or_else(PoisonError::into_inner).join(&absent);
        Ok(())
    }
    fn notes(&self) -> Result<Vec<u8>> {
        encode_notes(&(self.absent(), self.mean.as_ref().map(CellMean::nodes)))
    }
    fn add_notes(&self, notes: &[u8]) -> Result<()> {
        let join = |found: &Absent| self.absent.lock().unwrap_or_else(PoisonError::into_inner).join(found);
        take_notes(notes, join, self.mean.as_ref().map(|mean| |nodes| mean.add_nodes(nodes)))
    }
}
