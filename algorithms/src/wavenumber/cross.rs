//! Cross-spectra over wave number and frequency of two fields, as NCL's `mjo_cross` has them.

use super::background::smooth;
use super::circles::{mean, taper, without_line, Absent, Circles};
use super::planes::starts;
use halocline_core::engine::{Series, SeriesWork};
use halocline_core::meta::Role;
use halocline_core::{Error, Result};
use realfft::num_complex::Complex64;
use rustfft::{Fft, FftPlanner};
use std::fmt;
use std::sync::Arc;

/// Spectra and cross-spectra over wave number and frequency of a pair of latitudes of two fields, x
/// and y, summed over windows.
///
/// Of the symmetric part (x₁ + x₂) / 2 and the antisymmetric one (x₁ − x₂) / 2 of a pair each point's
/// series loses its mean and line, and gets a taper of 10 %; windows of N steps get the same taper
/// about their own means. With
///
/// X(k, f) = (1 / L N) Σ x(l, t) exp(−2πi (k l / L + f t)),
///
/// results are |X|², |Y|² and conj(X) Y at wave number s ≥ 0 to the east, exp i(sλ − 2πft), and
/// s < 0 to the west, frequencies from 0 to that of Nyquist; the imaginary part of the latter is
/// positive where y leads x in time.
///
/// As [`SeriesWork`] on two [`PairedRows`](super::PairedRows) that are read together it has twelve
/// results for a pair: these four, frequency by wave number (N/2 + 1 times −K … K), of the symmetric
/// and of the antisymmetric part; how many values of x are missing or infinite, the number of the
/// first of them among all values of the pair; the same of y. Where there is one, spectra are missing.
#[derive(Clone)]
pub struct CrossWaves {
    circles: Circles,
    window: usize,
    starts: Vec<usize>,
    /// Days of a step.
    step: f64,
    fft: Arc<dyn Fft<f64>>,
    whole_taper: Vec<f64>,
    taper: Vec<f64>,
}

impl fmt::Debug for CrossWaves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrossWaves")
            .field("circles", &self.circles)
            .field("window", &self.window)
            .field("windows", &self.starts.len())
            .finish_non_exhaustive()
    }
}

/// Spectra of one part, averaged over windows and latitudes, and what follows from them; frequency
/// (from 0 to that of Nyquist) by wave number (−K … K, east positive), C order.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossPart {
    /// Power of x.
    pub power_x: Vec<f64>,
    /// Power of y.
    pub power_y: Vec<f64>,
    /// What both have in phase.
    pub cospectrum: Vec<f64>,
    /// What y has a quarter of a period before x.
    pub quadrature: Vec<f64>,
    /// (C² + Q²) / (Pxx Pyy), all smoothed once by 1-2-1 along frequency.
    pub coherence_squared: Vec<f64>,
    /// The angle of C + iQ, smoothed, in radians, −π to π: positive where y leads x.
    pub phase: Vec<f64>,
    /// −Q / √(C² + Q²), smoothed: positive where x leads y. 0 where the coherence squared is below
    /// [`CrossWaves::WEAK`].
    pub v1: Vec<f64>,
    /// C / √(C² + Q²), smoothed: 1 in phase, −1 out of phase. 0 where the coherence squared is below
    /// [`CrossWaves::WEAK`].
    pub v2: Vec<f64>,
}

impl CrossWaves {
    /// Below this coherence squared there is no direction of a phase.
    pub const WEAK: f64 = 0.05;
    /// Results of a part before those of the next.
    pub const SPECTRA: usize = 4;

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
        let fft = FftPlanner::new().plan_fft_forward(window);
        let (whole_taper, taper) = (taper(steps), taper(window));
        Ok(Self { circles, window, starts, step, fft, whole_taper, taper })
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
    /// The degrees of freedom that NCL counts: 2.667 for each window, what smoothing by 1-2-1 makes
    /// of one estimate; latitudes and overlaps are left out.
    pub fn degrees_of_freedom(&self) -> f64 {
        2.667 * self.starts.len() as f64
    }
    /// The coherence squared that NCL gives for a level of confidence p: p^(ν/2 − 1) of the degrees
    /// of freedom ν. It is another number than the limit of Thompson (1979),
    /// 1 − (1 − p)^(2/(ν − 2)).
    pub fn limit_of_ncl(&self, confidence: f64) -> f64 {
        confidence.powf(0.5 * self.degrees_of_freedom() - 1.0)
    }

    fn width(&self) -> usize {
        2 * self.circles.waves + 1
    }
    fn plane(&self) -> usize {
        (self.window / 2 + 1) * self.width()
    }

    /// The windows of a series, transformed.
    fn windows_of(&self, series: &mut [Complex64], out: &mut [Complex64], scratch: &mut [Complex64]) {
        without_line(series);
        let middle = mean(series);
        series.iter_mut().zip(&self.whole_taper).for_each(|(c, w)| *c = (*c - middle) * *w);
        for (window, &start) in out.chunks_mut(self.window).zip(&self.starts) {
            window.copy_from_slice(&series[start..start + self.window]);
            let middle = mean(window);
            window.iter_mut().zip(&self.taper).for_each(|(c, w)| *c = (*c - middle) * *w + middle);
        }
        self.fft.process_with_scratch(out, scratch);
    }

    /// Adds the products of the windows of one wave number to the four planes of a part.
    fn add(&self, (x, y): (&[Complex64], &[Complex64]), k: usize, planes: &mut [Vec<f64>]) {
        let (n, width, centre) = (self.window, self.width(), self.circles.waves);
        let [xx, yy, re, im] = planes else { return };
        let mut put = |at: usize, x: Complex64, y: Complex64, sign: f64| {
            xx[at] += x.norm_sqr();
            yy[at] += y.norm_sqr();
            re[at] += x.re * y.re + x.im * y.im;
            im[at] += sign * (x.re * y.im - x.im * y.re);
        };
        for (x, y) in x.chunks(n).zip(y.chunks(n)) {
            for j in 0..=n / 2 {
                let (west, east) = (j * width + centre - k, j * width + centre + k);
                put(west, x[j], y[j], 1.0);
                if k > 0 {
                    // Its angles run the other way.
                    put(east, x[(n - j) % n], y[(n - j) % n], -1.0);
                }
            }
        }
    }

    /// What follows from the sums of [its results](Self) of a part over so many pairs, in their order.
    /// Missing where there is no power.
    pub fn finish(&self, sums: [Vec<f64>; 4], pairs: usize) -> CrossPart {
        let scale = 1.0 / (self.starts.len() * pairs.max(1)) as f64;
        let [power_x, power_y, cospectrum, quadrature] = sums.map(|mut plane| {
            plane.iter_mut().for_each(|v| *v *= scale);
            plane
        });
        let (width, count) = (self.width(), self.window / 2 + 1);
        let smoothed = |plane: &[f64]| {
            let mut plane = plane.to_vec();
            (0..width).for_each(|s| smooth(&mut plane, s, count, width));
            plane
        };
        let [xx, yy, re, im] = [&power_x, &power_y, &cospectrum, &quadrature].map(|plane| smoothed(plane));
        let each = |of: &dyn Fn(usize) -> f64| -> Vec<f64> { (0..re.len()).map(of).collect() };
        let or_missing = |by: f64, value: f64| if by > 0.0 { value / by } else { f64::NAN };
        // One division after the other: a product of small powers would be 0.
        let coherence_squared =
            each(&|i| or_missing(yy[i], or_missing(xx[i], re[i] * re[i] + im[i] * im[i])));
        let unit = |i: usize, v: f64| {
            if coherence_squared[i] < Self::WEAK {
                0.0
            } else {
                or_missing(re[i].hypot(im[i]), v)
            }
        };
        let angle = |i: usize| if coherence_squared[i].is_nan() { f64::NAN } else { im[i].atan2(re[i]) };
        let (phase, v1, v2) = (each(&angle), each(&|i| unit(i, -im[i])), each(&|i| unit(i, re[i])));
        CrossPart { power_x, power_y, cospectrum, quadrature, coherence_squared, phase, v1, v2 }
    }
}

impl SeriesWork for CrossWaves {
    fn reduces(&self) -> &[Role] {
        &[Role::Time, Role::X]
    }
    fn rows(&self) -> Vec<usize> {
        let mut rows = vec![self.plane(); 2 * Self::SPECTRA];
        rows.extend([1; 4]);
        rows
    }
    fn scratch_per_thread(&self, _samples: usize, _cells: usize) -> u64 {
        let complex = 2 * self.starts.len() * self.window + self.fft.get_inplace_scratch_len();
        let own = complex * size_of::<Complex64>() + Self::SPECTRA * self.plane() * size_of::<f64>();
        (own + 2 * self.circles.room_bytes()) as u64
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        let Circles { steps, lon, .. } = self.circles;
        if series.samples() != 2 * steps * lon {
            return Err(Error::internal("spectra are planned for other data"));
        }
        let second = series.with(1)?;
        let zeros = |n: usize| vec![Complex64::default(); n];
        let mut rooms = [self.circles.room(), self.circles.room()];
        let mut windows = [(); 2].map(|()| zeros(self.starts.len() * self.window));
        let mut scratch = zeros(self.fft.get_inplace_scratch_len());
        let mut planes = vec![vec![0.0; self.plane()]; Self::SPECTRA];
        let scale = (lon as f64 * self.window as f64).powi(-2);
        for cell in 0..series.cells() {
            let mut is_whole = true;
            for (field, series) in [series, &second].into_iter().enumerate() {
                let Absent { count, first } = self.circles.transform(series, cell, &mut rooms[field])?;
                let at = 2 * (Self::SPECTRA + field);
                results[at][0][cell] = count as f64;
                results[at + 1][0][cell] = if count > 0 { first as f64 } else { f64::NAN };
                is_whole &= count == 0;
            }
            if !is_whole {
                continue;
            }
            for part in 0..2 {
                planes.iter_mut().for_each(|plane| plane.fill(0.0));
                let [x, y] = &mut rooms;
                let both = x.parts[part].chunks_mut(steps).zip(y.parts[part].chunks_mut(steps));
                for (k, (x, y)) in both.enumerate() {
                    let [of_x, of_y] = &mut windows;
                    self.windows_of(x, of_x, &mut scratch);
                    self.windows_of(y, of_y, &mut scratch);
                    self.add((of_x, of_y), k, &mut planes);
                }
                for (rows, plane) in results[part * Self::SPECTRA..].iter_mut().zip(&planes) {
                    rows.iter_mut().zip(plane).for_each(|(row, value)| row[cell] = value * scale);
                }
            }
        }
        Ok(())
    }
}
