//! The work on a pair of latitudes: planes of time and longitude become planes of frequency and
//! wave number.

use super::circles::{is_constant, mean, taper, without_line, CircleRoom, Circles};
use halocline_core::engine::{Series, SeriesWork};
use halocline_core::meta::Role;
use halocline_core::{Error, Result};
use realfft::num_complex::Complex64;
use rustfft::{Fft, FftPlanner};
use std::fmt;
use std::sync::Arc;

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
    circles: Circles,
    window: usize,
    starts: Vec<usize>,
    /// Days of a step.
    step: f64,
    whole: [Arc<dyn Fft<f64>>; 2],
    windows: Arc<dyn Fft<f64>>,
    taper: Vec<f64>,
}

impl fmt::Debug for WheelerKiladis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WheelerKiladis")
            .field("circles", &self.circles)
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
        let starts = starts(steps, window, overlap)?;
        let circles = Circles::new((steps, lon), waves)?;
        let mut planner = FftPlanner::new();
        let whole = [planner.plan_fft_forward(steps), planner.plan_fft_inverse(steps)];
        let windows = planner.plan_fft_forward(window);
        Ok(Self { circles, window, starts, step, whole, windows, taper: taper(window) })
    }
    /// Frequencies in cycles per day, from 0 to that of Nyquist.
    pub fn frequencies(&self) -> Vec<f64> {
        (0..=self.window / 2).map(|j| j as f64 / (self.window as f64 * self.step)).collect()
    }
    /// The greatest wave number.
    pub const fn waves(&self) -> usize {
        self.circles.waves
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
        self.circles.steps as f64 * self.step >= 365.0
    }
    /// Values of a plane.
    pub(super) fn plane(&self) -> usize {
        (self.window / 2 + 1) * self.width()
    }
    /// Wave numbers of a plane.
    pub(super) const fn width(&self) -> usize {
        2 * self.circles.waves + 1
    }

    /// Adds the power of the windows of one wave number of a part.
    fn power(&self, series: &mut [Complex64], bench: &mut Room, k: usize, plane: &mut [f64]) {
        if is_constant(series) {
            return;
        }
        without_line(series);
        if self.removes_slow() {
            self.whole[0].process_with_scratch(series, &mut bench.scratch);
            // Frequencies j / n up to 1 / N.
            let steps = series.len();
            for j in 1..=(steps / self.window).min(steps - 1) {
                series[j] = Complex64::default();
                series[steps - j] = Complex64::default();
            }
            self.whole[1].process_with_scratch(series, &mut bench.scratch);
            let n = 1.0 / steps as f64;
            series.iter_mut().for_each(|c| *c *= n);
        }
        let n = self.window;
        for (window, &start) in bench.windows.chunks_mut(n).zip(&self.starts) {
            window.copy_from_slice(&series[start..start + n]);
            without_line(window);
            let mean = mean(window);
            window.iter_mut().zip(&self.taper).for_each(|(c, w)| *c = (*c - mean) * *w);
        }
        self.windows.process_with_scratch(&mut bench.windows, &mut bench.scratch);
        let (width, centre) = (self.width(), self.waves());
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

/// What a thread needs beside the circles.
struct Room {
    windows: Vec<Complex64>,
    scratch: Vec<Complex64>,
}

impl SeriesWork for WheelerKiladis {
    fn reduces(&self) -> &[Role] {
        &[Role::Time, Role::X]
    }
    fn rows(&self) -> Vec<usize> {
        vec![self.plane(), self.plane(), 1, 1]
    }
    fn scratch_per_thread(&self, _samples: usize, _cells: usize) -> u64 {
        let complex = self.starts.len() * self.window + self.scratch();
        let own = complex * size_of::<Complex64>() + self.plane() * size_of::<f64>();
        (own + self.circles.room_bytes()) as u64
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        let Circles { steps, lon, .. } = self.circles;
        if series.samples() != 2 * steps * lon {
            return Err(Error::internal("spectra are planned for other data"));
        }
        let zeros = |n: usize| vec![Complex64::default(); n];
        let mut circles = self.circles.room();
        let mut room =
            Room { windows: zeros(self.starts.len() * self.window), scratch: zeros(self.scratch()) };
        let mut plane = vec![0.0; self.plane()];
        let scale = lon as f64 * self.window as f64;
        let scale = 2.0 / (scale * scale * self.starts.len() as f64);
        for cell in 0..series.cells() {
            let absent = self.circles.transform(series, cell, &mut circles)?;
            results[2][0][cell] = absent.count as f64;
            results[3][0][cell] = if absent.count > 0 { absent.first as f64 } else { f64::NAN };
            if absent.count > 0 {
                continue;
            }
            let CircleRoom { parts, .. } = &mut circles;
            for (part, waves) in parts.iter_mut().enumerate() {
                plane.fill(0.0);
                for (k, series) in waves.chunks_mut(steps).enumerate() {
                    self.power(series, &mut room, k, &mut plane);
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

/// Where windows begin, that have `overlap` steps in common with the one before.
pub(super) fn starts(steps: usize, window: usize, overlap: usize) -> Result<Vec<usize>> {
    if window < 4 || window > steps {
        return Err(Error::usage(format!("a window of {window} steps does not fit {steps} steps")).remedy(
            if window < 4 {
                "choose a --window of 4 steps at least"
            } else {
                "choose a shorter --window, or more times"
            },
        ));
    }
    if overlap >= window {
        return Err(Error::usage(format!("windows of {window} steps that overlap by {overlap}"))
            .remedy("choose an --overlap that is shorter than the window"));
    }
    Ok((0..=steps - window).step_by(window - overlap).collect())
}
