//! The work on a pair of latitudes: planes of time and longitude become planes of frequency and
//! wave number.

use halocline_core::engine::{Numbers, Series, SeriesWork};
use halocline_core::meta::Role;
use halocline_core::{Error, Result};
use realfft::num_complex::Complex64;
use realfft::{RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};
use std::f64::consts::PI;
use std::fmt;
use std::sync::Arc;

/// Steps whose transforms in longitude are put in order at once: a line of the cache.
const BLOCK: usize = 8;

/// Power over wave number and frequency of a pair of latitudes, averaged over windows.
///
/// Of the rows x₁ and x₂ of a pair, the symmetric part is (x₁ + x₂) / 2, the antisymmetric one
/// (x₁ − x₂) / 2 (the sign does not matter). Each point's series of n steps loses its line and, if
/// it is a year or longer, all Fourier components of periods of a window or more. Windows of N
/// steps, `step` apart, lose mean and line and get a taper of 10 %: ½ (1 − cos π(i − ½) / m) for the
/// first and the last m values, m = ⌊⌊N / 10 + ½⌋ / 2⌋, at least 1. Then
///
/// q(k, f) = (1 / L N) Σ x(l, t) exp(−2πi (k l / L + f t)),
///
/// and the power is 2 |q|², averaged over windows; wave number s ≥ 0 at frequency f ≥ 0 is east,
/// exp i(sλ − 2πft), s < 0 west (Hayashi 1971).
///
/// As [`SeriesWork`] on [`PairedRows`](super::PairedRows) it has four results for a pair: the
/// power of the symmetric and of the antisymmetric part, frequency by wave number (N/2 + 1 times
/// −K … K); how many values are missing or infinite; the number of the first of them among all
/// values of the pair. Where there is one, power is missing.
#[derive(Clone)]
pub struct WheelerKiladis {
    steps: usize,
    lon: usize,
    window: usize,
    starts: Vec<usize>,
    waves: usize,
    /// Days of a step.
    step: f64,
    rows: Arc<dyn RealToComplex<f64>>,
    whole: [Arc<dyn Fft<f64>>; 2],
    windows: Arc<dyn Fft<f64>>,
    taper: Vec<f64>,
}

impl fmt::Debug for WheelerKiladis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WheelerKiladis")
            .field("steps", &self.steps)
            .field("lon", &self.lon)
            .field("window", &self.window)
            .field("windows", &self.starts.len())
            .finish_non_exhaustive()
    }
}

impl WheelerKiladis {
    /// For `steps` of `step` days and `lon` longitudes, in windows of `window` steps of which
    /// `overlap` are those of the window before; wave numbers to `waves`.
    ///
    /// # Errors
    /// Usage, if nothing of it fits the other.
    pub fn new(
        (steps, lon): (usize, usize),
        step: f64,
        (window, overlap): (usize, usize),
        waves: usize,
    ) -> Result<Self> {
        if window < 4 || window > steps {
            return Err(Error::usage(format!("a window of {window} steps does not fit {steps} steps"))
                .remedy("choose a shorter --window (of 4 steps at least), or more times"));
        }
        if overlap >= window {
            return Err(Error::usage(format!("windows of {window} steps that overlap by {overlap}"))
                .remedy("choose an --overlap that is shorter than the window"));
        }
        if lon < 4 {
            return Err(Error::usage(format!("{lon} longitudes have no waves")));
        }
        let mut planner = FftPlanner::new();
        let whole = [planner.plan_fft_forward(steps), planner.plan_fft_inverse(steps)];
        let windows = planner.plan_fft_forward(window);
        // A tenth of the window, half of it at each end.
        let m = (((window as f64 * 0.1 + 0.5) as usize) / 2).max(1);
        let weight = |i: usize| 0.5 * (1.0 - (PI * (i as f64 + 0.5) / m as f64).cos());
        let taper = (0..window).map(|i| i.min(window - 1 - i)).map(|i| if i < m { weight(i) } else { 1.0 });
        Ok(Self {
            steps,
            lon,
            window,
            starts: (0..=steps - window).step_by(window - overlap).collect(),
            waves: waves.min(lon / 2),
            step,
            rows: RealFftPlanner::new().plan_fft_forward(lon),
            whole,
            windows,
            taper: taper.collect(),
        })
    }
    /// Frequencies in cycles per day, from 0 to that of Nyquist.
    pub fn frequencies(&self) -> Vec<f64> {
        (0..=self.window / 2).map(|j| j as f64 / (self.window as f64 * self.step)).collect()
    }
    /// The greatest wave number.
    pub const fn waves(&self) -> usize {
        self.waves
    }
    /// How many windows there are.
    pub fn windows(&self) -> usize {
        self.starts.len()
    }
    /// Steps of a window.
    pub const fn window(&self) -> usize {
        self.window
    }
    /// Whether periods of a window and longer are taken out of whole series.
    pub fn removes_slow(&self) -> bool {
        self.steps as f64 * self.step >= 365.0
    }
    /// Values of a plane.
    pub(super) fn plane(&self) -> usize {
        (self.window / 2 + 1) * self.width()
    }
    /// Wave numbers of a plane.
    pub(super) const fn width(&self) -> usize {
        2 * self.waves + 1
    }

    /// The transforms in longitude of both parts, by wave number, each with all steps; how many
    /// values are not there, and the first of them.
    fn transform(&self, series: &Series<'_>, cell: usize, bench: &mut Bench) -> Result<(usize, usize)> {
        let (lon, steps) = (self.lon, self.steps);
        let (mut absent, mut first, mut step) = (0, usize::MAX, 0);
        let mut failed = None;
        series.along(cell, |run| {
            for start in (0..run.len()).step_by(2 * lon) {
                let values = run.slice(start..(start + 2 * lon).min(run.len()));
                bench.both.clear();
                match values {
                    Numbers::F32(v) => bench.both.extend(v.iter().map(|v| f64::from(*v))),
                    Numbers::F64(v) => bench.both.extend_from_slice(v),
                }
                if bench.both.len() != 2 * lon || step >= steps {
                    failed = Some(Error::internal("pairs of rows come in pieces"));
                    return;
                }
                for (i, _) in bench.both.iter().enumerate().filter(|(_, v)| !v.is_finite()) {
                    absent += 1;
                    first = first.min(step * 2 * lon + i);
                }
                let (one, two) = bench.both.split_at(lon);
                let slot = step % BLOCK;
                for (part, sign) in [1.0, -1.0].into_iter().enumerate() {
                    bench.row.clear();
                    bench.row.extend(one.iter().zip(two).map(|(a, b)| 0.5 * (a + sign * b)));
                    let spectrum = &mut bench.block[part * BLOCK + slot];
                    if let Err(e) =
                        self.rows.process_with_scratch(&mut bench.row, spectrum, &mut bench.scratch)
                    {
                        failed = Some(Error::internal(format!("a Fourier transform: {e}")));
                    }
                }
                step += 1;
                if slot + 1 == BLOCK || step == steps {
                    let from = step - slot - 1;
                    for (part, waves) in bench.parts.iter_mut().enumerate() {
                        for k in 0..=self.waves {
                            for t in from..step {
                                waves[k * steps + t] = bench.block[part * BLOCK + t - from][k];
                            }
                        }
                    }
                }
            }
        });
        match failed {
            Some(e) => Err(e),
            None if step == steps => Ok((absent, first)),
            None => Err(Error::internal("a pair of rows has other times")),
        }
    }

    /// Adds the power of the windows of one wave number of a part.
    fn power(&self, series: &mut [Complex64], bench: &mut Room, k: usize, plane: &mut [f64]) {
        without_line(series);
        if self.removes_slow() {
            self.whole[0].process_with_scratch(series, &mut bench.scratch);
            // Frequencies j / n up to 1 / N.
            let slow = self.steps / self.window;
            for j in 1..=slow.min(self.steps - 1) {
                series[j] = Complex64::default();
                series[self.steps - j] = Complex64::default();
            }
            self.whole[1].process_with_scratch(series, &mut bench.scratch);
            let n = 1.0 / self.steps as f64;
            series.iter_mut().for_each(|c| *c *= n);
        }
        let n = self.window;
        for (window, &start) in bench.windows.chunks_mut(n).zip(&self.starts) {
            window.copy_from_slice(&series[start..start + n]);
            without_line(window);
            let mean = window.iter().sum::<Complex64>() / n as f64;
            window.iter_mut().zip(&self.taper).for_each(|(c, w)| *c = (*c - mean) * *w);
        }
        self.windows.process_with_scratch(&mut bench.windows, &mut bench.scratch);
        let (width, centre) = (self.width(), self.waves);
        for window in bench.windows.chunks(n) {
            for j in 0..=n / 2 {
                plane[j * width + centre + k] += window[(n - j) % n].norm_sqr();
                if k > 0 {
                    plane[j * width + centre - k] += window[j].norm_sqr();
                }
            }
        }
    }
}

/// What a thread needs.
struct Bench {
    both: Vec<f64>,
    row: Vec<f64>,
    block: Vec<Vec<Complex64>>,
    scratch: Vec<Complex64>,
    parts: [Vec<Complex64>; 2],
    room: Room,
    plane: Vec<f64>,
}

struct Room {
    windows: Vec<Complex64>,
    scratch: Vec<Complex64>,
}

/// Takes the least-squares line off, but not its mean.
fn without_line(x: &mut [Complex64]) {
    let middle = (x.len() as f64 - 1.0) / 2.0;
    let mut slope = Complex64::default();
    let mut squares = 0.0;
    for (t, c) in x.iter().enumerate() {
        let t = t as f64 - middle;
        slope += *c * t;
        squares += t * t;
    }
    if squares > 0.0 {
        slope /= squares;
        x.iter_mut().enumerate().for_each(|(t, c)| *c -= slope * (t as f64 - middle));
    }
}

impl SeriesWork for WheelerKiladis {
    fn reduces(&self) -> &[Role] {
        &[Role::Time, Role::X]
    }
    fn rows(&self) -> Vec<usize> {
        vec![self.plane(), self.plane(), 1, 1]
    }
    fn scratch_per_thread(&self, _samples: usize, _cells: usize) -> u64 {
        let complex = 2 * (self.waves + 1) * self.steps
            + self.starts.len() * self.window
            + 2 * BLOCK * (self.lon / 2 + 1)
            + self.scratch()
            + self.rows.get_scratch_len();
        (complex * size_of::<Complex64>() + (3 * self.lon + self.plane()) * size_of::<f64>()) as u64
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        if series.samples() != 2 * self.steps * self.lon {
            return Err(Error::internal("spectra are planned for other data"));
        }
        let zeros = |n: usize| vec![Complex64::default(); n];
        let mut bench = Bench {
            both: Vec::with_capacity(2 * self.lon),
            row: Vec::with_capacity(self.lon),
            block: vec![zeros(self.lon / 2 + 1); 2 * BLOCK],
            scratch: zeros(self.rows.get_scratch_len()),
            parts: [0, 1].map(|_| zeros((self.waves + 1) * self.steps)),
            room: Room { windows: zeros(self.starts.len() * self.window), scratch: zeros(self.scratch()) },
            plane: vec![0.0; self.plane()],
        };
        let scale = self.lon as f64 * self.window as f64;
        let scale = 2.0 / (scale * scale * self.starts.len() as f64);
        for cell in 0..series.cells() {
            let (absent, first) = self.transform(series, cell, &mut bench)?;
            results[2][0][cell] = absent as f64;
            results[3][0][cell] = if absent > 0 { first as f64 } else { f64::NAN };
            if absent > 0 {
                continue;
            }
            let Bench { parts, room, plane, .. } = &mut bench;
            for (part, waves) in parts.iter_mut().enumerate() {
                plane.fill(0.0);
                for (k, series) in waves.chunks_mut(self.steps).enumerate() {
                    self.power(series, room, k, plane);
                }
                results[part].iter_mut().zip(plane.iter()).for_each(|(row, power)| row[cell] = power * scale);
            }
        }
        Ok(())
    }
}

impl WheelerKiladis {
    /// Values that transforms in time need beside.
    fn scratch(&self) -> usize {
        let [a, b] = [0, 1].map(|i| self.whole[i].get_inplace_scratch_len());
        a.max(b).max(self.windows.get_inplace_scratch_len())
    }
}
