//! The Lomb-Scargle periodogram: spectra of series with gaps, or at irregular times.

use super::detrend::{AnnualCycle, Detrend};
use super::gaps::{Looked, Survey};
use super::mean::SpatialMean;
use super::turn::{self, Pool};
use halocline_core::engine::{encode_notes, take_notes, Series, SeriesWork};
use halocline_core::meta::Dim;
use halocline_core::{Error, Result};
use std::f64::consts::PI;
use std::sync::{Mutex, PoisonError};

/// What a Lomb-Scargle periodogram counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LombScaling {
    /// n/4 times the squared amplitude of the sine that fits best: units of x².
    Power,
    /// The share of the mean square that this sine takes, 0 to 1.
    Normalize,
}

/// Estimates the periodograms of series at given times (Scargle 1982; Zechmeister and Kürster 2009,
/// whose notation this is).
///
/// At each frequency f the sine that fits the n values y at their times t best in the least-squares
/// sense is a cos 2πf(t − τ) + b sin 2πf(t − τ), with τ such that cosine and sine are orthogonal at
/// these times; a = YC/CC and b = YS/SS, means of products. [`LombScaling::Power`] is
/// n/2 (a YC + b YS), [`LombScaling::Normalize`] (a YC + b YS)/YY: `scipy.signal.lombscargle` with
/// `normalize` False and True. Frequencies are k/(N Δ), k = 1 … N/2, for N times whose mean step is Δ.
#[derive(Debug, Clone)]
pub struct LombScargle {
    /// From the first on.
    times: Vec<f64>,
    frequencies: Vec<f64>,
    detrend: Detrend,
    cycle: Option<AnnualCycle>,
    scaling: LombScaling,
}

/// Values that a series needs: a sine and a mean.
const LEAST: usize = 3;

impl LombScargle {
    /// For series at these times, in whatever unit frequencies are wanted.
    ///
    /// # Errors
    /// Data, if there are fewer than three times, or the last is not later than the first.
    pub fn new(
        times: &[f64],
        detrend: Detrend,
        cycle: Option<AnnualCycle>,
        scaling: LombScaling,
    ) -> Result<Self> {
        let (n, first) = (times.len(), times.first().copied().unwrap_or(0.0));
        if n < LEAST {
            return Err(Error::data(format!("a periodogram needs at least {LEAST} times, there are {n}"))
                .remedy("choose a longer --time"));
        }
        let step = (times[n - 1] - first) / (n - 1) as f64;
        if !(step > 0.0 && step.is_finite()) {
            return Err(Error::data("its times do not increase"));
        }
        let frequencies = (1..=n / 2).map(|k| k as f64 / (n as f64 * step)).collect();
        let times = times.iter().map(|t| t - first).collect();
        Ok(Self { times, frequencies, detrend, cycle, scaling })
    }
    /// The frequencies.
    pub fn frequencies(&self) -> &[f64] {
        &self.frequencies
    }

    /// Takes annual cycle and trend off what is there of a series.
    fn prepare(&self, x: &mut [f64], cycle: &mut [Vec<f64>; 2]) {
        if let Some(annual) = &self.cycle {
            let [sums, counts] = cycle;
            annual.remove(x, sums, counts);
        }
        if self.detrend == Detrend::None {
            return;
        }
        let there = || self.times.iter().zip(&*x).filter(|(_, v)| !v.is_nan());
        let n = there().count().max(1) as f64;
        let (t0, x0) = there().fold((0.0, 0.0), |(t, x), (ti, xi)| (t + ti, x + xi));
        let (t0, x0) = (t0 / n, x0 / n);
        let mut slope = 0.0;
        if self.detrend == Detrend::Linear {
            let (tt, tx) = there()
                .fold((0.0, 0.0), |(tt, tx), (t, v)| (tt + (t - t0) * (t - t0), tx + (t - t0) * (v - x0)));
            slope = if tt > 0.0 { tx / tt } else { 0.0 };
        }
        x.iter_mut().zip(&self.times).for_each(|(v, t)| *v -= x0 + slope * (t - t0));
    }
}

/// The sums of one series at one frequency.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    cc: f64,
    cs: f64,
    yc: f64,
    ys: f64,
}

/// The Lomb-Scargle periodogram of each series, of whatever values it has, or their mean over space.
///
/// Series with fewer than three values come out missing.
#[derive(Debug)]
pub struct LombSpectra {
    lomb: LombScargle,
    shape: Vec<usize>,
    mean: Option<SpatialMean>,
    survey: Mutex<Survey>,
    rooms: Pool<Room>,
}

/// What a thread works in.
#[derive(Debug)]
struct Room {
    turned: Vec<f64>,
    cosines: Vec<f64>,
    sines: Vec<f64>,
    /// Frequencies times cells.
    spectra: Vec<f64>,
    values: Vec<f64>,
    cycle: [Vec<f64>; 2],
}

impl LombSpectra {
    /// Of a variable with the dimensions `dims`, time first.
    pub fn new(lomb: LombScargle, dims: &[Dim]) -> Self {
        let shape = dims.iter().skip(1).map(|d| d.len).collect();
        Self { lomb, shape, mean: None, survey: Mutex::new(Survey::default()), rooms: Pool::new() }
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
        self.lomb.frequencies.len()
    }
    /// What the series were that this rank has seen; those that have gaps are used.
    pub fn survey(&self) -> Survey {
        *self.survey.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many series there are.
    fn cells(&self) -> usize {
        self.shape.iter().product()
    }

    fn room(&self) -> Room {
        let times = self.lomb.times.len();
        let width = turn::width(times, self.cells());
        let parts = self.lomb.cycle.as_ref().map_or(0, AnnualCycle::parts);
        Room {
            turned: vec![0.0; turn::stride(times) * width],
            cosines: vec![0.0; times],
            sines: vec![0.0; times],
            spectra: vec![0.0; self.values() * width],
            values: vec![0.0; self.values()],
            cycle: [vec![0.0; parts], vec![0.0; parts]],
        }
    }

    /// The periodograms of the series in `room.turned`, of which these are usable.
    fn block(&self, room: &mut Room, usable: &[usize], cells: usize) {
        let (lomb, stride) = (&self.lomb, turn::stride(self.lomb.times.len()));
        let Room { turned, cosines, sines, spectra, .. } = room;
        let times = lomb.times.len();
        let about: Vec<(f64, f64)> = usable
            .iter()
            .map(|&k| {
                let there = turned[k * stride..][..times].iter().filter(|v| !v.is_nan());
                there.fold((0.0, 0.0), |(n, squares), v| (n + 1.0, squares + v * v))
            })
            .collect();
        for (f, frequency) in lomb.frequencies.iter().enumerate() {
            for ((c, s), t) in cosines.iter_mut().zip(&mut *sines).zip(&lomb.times) {
                (*s, *c) = (2.0 * PI * frequency * t).sin_cos();
            }
            for (&k, &(n, squares)) in usable.iter().zip(&about) {
                let x = &turned[k * stride..][..times];
                let waves = cosines.iter().zip(&*sines);
                let sums = x.iter().zip(waves).fold(Sums::default(), |sums, (v, (c, s))| {
                    // Without a branch.
                    let (there, v) = if v.is_nan() { (0.0, 0.0) } else { (1.0, *v) };
                    Sums {
                        cc: sums.cc + there * c * c,
                        cs: sums.cs + there * c * s,
                        yc: sums.yc + v * c,
                        ys: sums.ys + v * s,
                    }
                });
                spectra[f * cells + k] = sums.power(n)
                    * match lomb.scaling {
                        LombScaling::Power => 0.5 * n,
                        LombScaling::Normalize => n / squares,
                    };
            }
        }
    }
}

impl Sums {
    /// a YC + b YS, of sums over n values.
    fn power(self, n: f64) -> f64 {
        let [cc, cs, yc, ys] = [self.cc, self.cs, self.yc, self.ys].map(|sum| sum / n);
        let ss = 1.0 - cc;
        // Turned by the phase that makes cosine and sine orthogonal.
        let (sin, cos) = (0.5 * (2.0 * cs).atan2(cc - ss)).sin_cos();
        let (yc, ys) = (yc * cos + ys * sin, ys * cos - yc * sin);
        let cc = cc * cos * cos + 2.0 * cs * cos * sin + ss * sin * sin;
        let least = 0.5 * f64::EPSILON;
        let (cc, ss) = (cc.max(least), (1.0 - cc).max(least));
        yc * yc / cc + ys * ys / ss
    }
}

impl SeriesWork for LombSpectra {
    fn rows(&self) -> Vec<usize> {
        if self.mean.is_some() {
            Vec::new()
        } else {
            vec![self.values()]
        }
    }
    fn scratch_per_thread(&self, samples: usize, cells: usize) -> u64 {
        let sums = self.mean.as_ref().map_or(0, |_| cells.min(self.shape.iter().product()) * self.values());
        let spectra = (self.values() as u64).saturating_mul(turn::width(samples, self.cells()) as u64 + 1);
        turn::bytes(samples, self.cells())
            .saturating_add(8 * (spectra + 2 * samples as u64 + sums as u64))
            .saturating_add(16 * self.lomb.cycle.as_ref().map_or(0, AnnualCycle::parts) as u64)
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        let untiled = turn::untiled(series);
        let tile = series.tile().unwrap_or(&untiled);
        let times = series.samples();
        if times != self.lomb.times.len() {
            return Err(Error::internal("a periodogram is planned for other times"));
        }
        let (width, stride) = (turn::width(times, self.cells()), turn::stride(times));
        let mut room = self.rooms.take(|| self.room());
        let mut survey = Survey::default();
        let mut sums = self.mean.as_ref().map(|mean| mean.start(tile, self.values()));
        for start in (0..series.cells()).step_by(width) {
            let cells = start..series.cells().min(start + width);
            turn::turn(series, &cells, &mut room.turned);
            let mut usable = Vec::with_capacity(cells.len());
            for (k, cell) in cells.clone().enumerate() {
                let x = &mut room.turned[k * stride..][..times];
                let looked = Looked::at(x);
                survey.count(looked, || turn::global(tile, &self.shape, cell));
                let has_enough = x.iter().filter(|v| !v.is_nan()).take(LEAST).count() == LEAST;
                if has_enough && !matches!(looked, Looked::Infinite(_)) {
                    self.lomb.prepare(x, &mut room.cycle);
                    usable.push(k);
                }
            }
            self.block(&mut room, &usable, cells.len());
            for k in usable {
                let spectra = room.spectra.iter().skip(k).step_by(cells.len());
                room.values.iter_mut().zip(spectra).for_each(|(value, v)| *value = *v);
                if let (Some(mean), Some(sums)) = (&self.mean, &mut sums) {
                    mean.add(sums, tile, start + k, &room.values)?;
                    continue;
                }
                let rows = results.iter_mut().flatten();
                rows.zip(&room.values).for_each(|(row, v)| row[start + k] = *v);
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
