//! Spectra over zonal wave number and frequency of single rows of latitude.

use crate::spatial::cells::{gather, number};
use crate::spatial::zonal::wave_numbers;
use crate::spatial::{Absent, CellMean};
use crate::spectra::turn::Pool;
use crate::spectra::{AnnualCycle, Detrend, Segments, Window};
use halocline_core::engine::{encode_notes, take_notes, Series, SeriesWork};
use halocline_core::meta::{Dim, Role};
use halocline_core::{Error, Result};
use realfft::num_complex::Complex64;
use realfft::{RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Steps whose transforms in longitude are put in order at once: a line of the cache.
const BLOCK: usize = 8;

/// How spectra over wave number and frequency are estimated.
#[derive(Debug, Clone)]
pub struct SpaceTimeOptions {
    /// Steps of a segment and the share of it that the next one has, too; none: one segment.
    pub segments: Option<(usize, f64)>,
    /// What each segment is multiplied by in time.
    pub window: Window,
    /// What is taken off the series of each longitude in a segment first.
    pub detrend: Detrend,
    /// What is taken off each whole series before that.
    pub cycle: Option<AnnualCycle>,
}

/// Power spectral density of each row that goes round the earth, over frequency f = 0 … that of
/// Nyquist and zonal wave number s = −K … K:
///
/// P(f, s) = c Δt / (L² Σ w²) |Σ w(t) x(l, t) exp(−2πi (s l / L − f t))|²,
///
/// summed over places l and times t and averaged over segments of the series, where c is 2, but 1 at frequency 0 and at that of Nyquist;
/// s > 0 is eastward, exp i(sλ − 2πft), s < 0 westward (Hayashi 1971). Of an even number of
/// longitudes, the greatest wave number has half of its power on either side. The sum over all s and
/// f times the step of f is the mean over segments and longitudes of w² x² over that of w²: with a
/// boxcar window the variance of what is left of x.
///
/// A cell is a row: an index of all dimensions but time and longitude. A row of which nothing is
/// there has no result; of others, [`Self::absent`] tells what is missing.
pub struct RowSpectra {
    steps: usize,
    lon: usize,
    waves: usize,
    step: f64,
    segments: Segments,
    weights: Vec<f64>,
    detrend: Detrend,
    cycle: Option<AnnualCycle>,
    rows: Arc<dyn RealToComplex<f64>>,
    times: Arc<dyn Fft<f64>>,
    dims: Vec<Dim>,
    mean: Option<CellMean>,
    absent: Mutex<Absent>,
    rooms: Pool<Room>,
}

impl fmt::Debug for RowSpectra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowSpectra")
            .field("steps", &self.steps)
            .field("lon", &self.lon)
            .field("segments", &self.segments)
            .finish_non_exhaustive()
    }
}

/// What a thread works in.
#[derive(Debug)]
struct Room {
    values: Vec<f64>,
    row: Vec<f64>,
    block: Vec<Complex64>,
    /// By wave number, each with all steps.
    waves: Vec<Complex64>,
    parts: [Vec<f64>; 2],
    sums: Vec<f64>,
    segment: Vec<Complex64>,
    scratch: Vec<Complex64>,
    plane: Vec<f64>,
}

impl RowSpectra {
    /// Spectra of a variable with the dimensions `dims` (time first), whose steps are `step` long in
    /// the unit of time that frequencies are to have; wave numbers up to `waves`, or as far as there
    /// are any.
    ///
    /// # Errors
    /// Usage, if segments do not fit, or there are too few longitudes.
    pub fn new(dims: &[Dim], step: f64, options: SpaceTimeOptions, waves: Option<usize>) -> Result<Self> {
        let steps = dims.first().map_or(0, |d| d.len);
        let lon = dims.iter().find(|d| d.role == Role::X).map_or(0, |d| d.len);
        if lon < 2 || steps < 2 {
            return Err(Error::usage(format!("{steps} times and {lon} longitudes have no waves"))
                .remedy("choose a longer --time, or a field with longitudes"));
        }
        let segments = match options.segments {
            Some((len, overlap)) => Segments::new(steps, len, overlap)?,
            None => Segments::whole(steps),
        };
        Ok(Self {
            steps,
            lon,
            waves: wave_numbers(waves, lon)?,
            step,
            segments,
            weights: options.window.weights(segments.len),
            detrend: options.detrend,
            cycle: options.cycle,
            rows: RealFftPlanner::new().plan_fft_forward(lon),
            times: FftPlanner::new().plan_fft_forward(segments.len),
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
    /// Frequencies in cycles per unit of time.
    pub fn frequencies(&self) -> Vec<f64> {
        (0..=self.segments.len / 2).map(|j| j as f64 / (self.segments.len as f64 * self.step)).collect()
    }
    /// The greatest wave number.
    pub const fn waves(&self) -> usize {
        self.waves
    }
    /// How series are cut.
    pub const fn segments(&self) -> Segments {
        self.segments
    }
    /// The mean, if that is what is wanted.
    pub const fn mean(&self) -> Option<&CellMean> {
        self.mean.as_ref()
    }
    /// The mean, to be told of its tiles.
    pub fn mean_mut(&mut self) -> Option<&mut CellMean> {
        self.mean.as_mut()
    }
    /// Numbers that each cell has: frequencies by wave numbers.
    pub const fn values(&self) -> usize {
        (self.segments.len / 2 + 1) * (2 * self.waves + 1)
    }
    /// What was not there of the rows that this rank has seen.
    pub fn absent(&self) -> Absent {
        *self.absent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn scratch(&self) -> usize {
        self.times.get_inplace_scratch_len().max(self.rows.get_scratch_len())
    }
    fn room(&self) -> Room {
        let zeros = |n: usize| vec![Complex64::default(); n];
        let parts = self.cycle.as_ref().map_or(0, AnnualCycle::parts);
        Room {
            values: vec![0.0; self.steps * self.lon],
            row: vec![0.0; self.lon],
            block: zeros(BLOCK * (self.lon / 2 + 1)),
            waves: zeros((self.waves + 1) * self.steps),
            parts: [vec![0.0; self.steps], vec![0.0; self.steps]],
            sums: vec![0.0; 2 * parts],
            segment: zeros(self.segments.len),
            scratch: zeros(self.scratch()),
            plane: vec![0.0; self.values()],
        }
    }

    /// The transforms in longitude of all steps, by wave number.
    fn transform(&self, room: &mut Room) -> Result<()> {
        let half = self.lon / 2 + 1;
        let Room { values, row, block, waves, scratch, .. } = room;
        for (first, some) in values.chunks(BLOCK * self.lon).enumerate() {
            for (values, spectrum) in some.chunks(self.lon).zip(block.chunks_mut(half)) {
                row.copy_from_slice(values);
                self.rows
                    .process_with_scratch(row, spectrum, &mut scratch[..self.rows.get_scratch_len()])
                    .map_err(|e| Error::internal(format!("a Fourier transform: {e}")))?;
            }
            let steps = some.len() / self.lon;
            for (k, wave) in waves.chunks_mut(self.steps).enumerate() {
                let own = &mut wave[first * BLOCK..first * BLOCK + steps];
                own.iter_mut().enumerate().for_each(|(t, v)| *v = block[t * half + k]);
            }
        }
        Ok(())
    }

    /// Adds the power of all segments to the plane.
    fn power(&self, room: &mut Room) {
        let (n, width) = (self.segments.len, 2 * self.waves + 1);
        let Room { waves, parts: [re, im], sums, segment, scratch, plane, .. } = room;
        plane.fill(0.0);
        for (k, wave) in waves.chunks_mut(self.steps).enumerate() {
            // All that is taken off is linear: real and imaginary parts lose it by themselves.
            for (t, c) in wave.iter().enumerate() {
                (re[t], im[t]) = (c.re, c.im);
            }
            if let Some(cycle) = &self.cycle {
                let (sums, counts) = sums.split_at_mut(cycle.parts());
                cycle.remove(re, sums, counts);
                cycle.remove(im, sums, counts);
            }
            wave.iter_mut().zip(re.iter().zip(&*im)).for_each(|(c, (re, im))| *c = Complex64::new(*re, *im));
            for start in self.segments.starts() {
                for (part, of) in [(&mut *re, 0), (&mut *im, 1)] {
                    let own = &mut part[..n];
                    own.iter_mut()
                        .zip(&wave[start..start + n])
                        .for_each(|(v, c)| *v = if of == 0 { c.re } else { c.im });
                    self.detrend.remove(own);
                }
                for (i, v) in segment.iter_mut().enumerate() {
                    *v = Complex64::new(re[i], im[i]) * self.weights[i];
                }
                self.times.process_with_scratch(segment, scratch);
                // The wave number that is its own mirror is half of either sign.
                let share = if 2 * k == self.lon { 0.5 } else { 1.0 };
                for j in 0..=n / 2 {
                    let times = if j == 0 || 2 * j == n { share } else { 2.0 * share };
                    let row = &mut plane[j * width..][..width];
                    row[self.waves + k] += times * segment[(n - j) % n].norm_sqr();
                    if k > 0 {
                        row[self.waves - k] += times * segment[j].norm_sqr();
                    }
                }
            }
        }
        let squares: f64 = self.weights.iter().map(|w| w * w).sum();
        let lon = self.lon as f64;
        let scale = self.step / (lon * lon * squares * self.segments.count as f64);
        plane.iter_mut().for_each(|v| *v *= scale);
    }
}

impl SeriesWork for RowSpectra {
    fn reduces(&self) -> &[Role] {
        &[Role::Time, Role::X]
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
        let complex =
            BLOCK * (self.lon / 2 + 1) + (self.waves + 1) * self.steps + self.segments.len + self.scratch();
        let cycle = 2 * self.cycle.as_ref().map_or(0, AnnualCycle::parts);
        let doubles = samples + self.lon + 2 * self.steps + cycle + self.values() + sums + 2 * complex;
        (doubles * size_of::<f64>()) as u64
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        let tile = series.tile().ok_or_else(|| Error::internal("rows belong to no tile"))?;
        let mut room = self.rooms.take(|| self.room());
        let mut absent = Absent::default();
        let mut sums = self.mean.as_ref().map(|mean| mean.start(tile, self.values()));
        for cell in 0..series.cells() {
            gather(series, cell, &mut room.values)?;
            if !absent.look(&room.values, true, || number(tile, &self.dims, self.reduces(), cell)) {
                continue;
            }
            self.transform(&mut room)?;
            self.power(&mut room);
            if let (Some(mean), Some(sums)) = (&self.mean, &mut sums) {
                mean.add(sums, tile, cell, &room.plane)?;
                continue;
            }
            results.iter_mut().flatten().zip(&room.plane).for_each(|(row, v)| row[cell] = *v);
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
