//! The design of a Butterworth filter.

use super::band::Band;
use super::lanes::{Lanes, ZERO};
use super::sections;
use halocline_core::{Error, Result};
use rustfft::num_complex::Complex64;
use std::f64::consts::PI;

/// A recursive section of second order:
/// y(t) = b₀ x(t) + b₁ x(t−1) + b₂ x(t−2) − a₁ y(t−1) − a₂ y(t−2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Section {
    /// b₀, b₁, b₂.
    pub b: [f64; 3],
    /// a₁, a₂; a₀ is 1.
    pub a: [f64; 2],
}

/// A digital Butterworth filter: |H|² = 1 / (1 + (tan πf / tan πf꜀)²ᴺ) as a low-pass of order N.
///
/// The analogue prototype, with its poles on a circle, is brought to the band and mapped by the
/// bilinear transform, the ends of the band where they are asked for. A band-pass has 2N poles. It
/// runs as a cascade of [`Section`]s, which lose no digits where bands are narrow. Forward and
/// backward, the phase is zero and the response |H|²: at the ends of the band ½, not ½√2.
///
/// As `scipy.signal.butter(N, band, output="sos")` with `sosfiltfilt` (to rounding), or `sosfilt`
/// begun with the steady state of the first value.
#[derive(Debug, Clone, PartialEq)]
pub struct Butterworth {
    band: Band,
    order: usize,
    forward_only: bool,
    sections: Vec<Section>,
    /// Values of a section's memory after a long time of ones.
    steady: Vec<[f64; 2]>,
}

impl Butterworth {
    /// The filter of this order.
    ///
    /// # Errors
    /// Usage, if the order is not from 1 to 16.
    pub fn new(band: Band, order: usize, forward_only: bool) -> Result<Self> {
        if !(1..=16).contains(&order) {
            return Err(Error::usage(format!("a Butterworth filter of order {order}"))
                .remedy("choose --order from 1 to 16"));
        }
        let sections = design(band, order);
        let steady = sections::steady(&sections);
        if steady.iter().flatten().any(|v| !v.is_finite()) {
            return Err(Error::usage("the band is too narrow for a recursive filter")
                .remedy("choose a wider one, or average the data to longer steps first"));
        }
        Ok(Self { band, order, forward_only, sections, steady })
    }
    /// The band that it is for.
    pub const fn band(&self) -> Band {
        self.band
    }
    /// Its sections, those with poles nearest to the unit circle last.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }
    /// H at frequency `f` (cycles per step), of one pass.
    pub fn response(&self, f: f64) -> Complex64 {
        self.sections.iter().map(|s| s.response(f)).product()
    }
    /// Values by which each end is prolonged.
    pub(super) fn padding(&self) -> usize {
        let poles = match self.band {
            Band::BandPass(_) => 2 * self.order,
            _ => self.order,
        };
        if self.forward_only {
            0
        } else {
            3 * (poles + 1)
        }
    }
    /// Refuses series that are too short for it.
    pub(super) fn check(&self, steps: usize) -> Result<()> {
        let need = self.padding() + 1;
        if steps >= need {
            return Ok(());
        }
        Err(Error::usage(format!("order {} needs {need} times at least, there are {steps}", self.order))
            .remedy("choose a lower --order, or more times"))
    }
    /// Filters the steps of `x` to `out`; `padded` is room.
    pub(super) fn apply(&self, x: &[Lanes], padded: &mut Vec<Lanes>, out: &mut Vec<Lanes>) {
        let (cascade, pad) = ((self.sections.as_slice(), self.steady.as_slice()), self.padding());
        if x.is_empty() {
            return out.clear();
        }
        let last = x.len() - 1;
        padded.clear();
        padded.extend((1..=pad).rev().map(|k| super::lanczos::turned(&x[0], &x[k])));
        padded.extend_from_slice(x);
        padded.extend((1..=pad).map(|k| super::lanczos::turned(&x[last], &x[last - k])));
        sections::run(cascade, padded, false);
        if !self.forward_only {
            sections::run(cascade, padded, true);
        }
        out.clear();
        out.resize(x.len(), ZERO);
        out.copy_from_slice(&padded[pad..pad + x.len()]);
    }
}

impl Section {
    /// H at frequency `f` (cycles per step).
    pub fn response(&self, f: f64) -> Complex64 {
        let z = Complex64::from_polar(1.0, -2.0 * PI * f);
        (z * z * self.b[2] + z * self.b[1] + self.b[0]) / (z * z * self.a[1] + z * self.a[0] + 1.0)
    }
}

/// The sections of the filter.
fn design(band: Band, order: usize) -> Vec<Section> {
    // With a sampling frequency of 2, the bilinear transform is z = (4 + s) / (4 - s).
    let warped = |f: f64| 4.0 * (PI * f).tan();
    let n = order as f64;
    let prototype = (0..order).map(|k| {
        let angle = PI * (2.0 * k as f64 + 1.0 - n) / (2.0 * n);
        -Complex64::from_polar(1.0, angle)
    });
    let analogue: Vec<Complex64> = match band {
        Band::LowPass(f) => prototype.map(|p| p * warped(f)).collect(),
        Band::HighPass(f) => prototype.map(|p| p.inv() * warped(f)).collect(),
        Band::BandPass([a, b]) => {
            let (a, b) = (warped(a), warped(b));
            let of = |p: Complex64| {
                let half = p * (0.5 * (b - a));
                let root = (half * half - a * b).sqrt();
                [half + root, half - root]
            };
            prototype.flat_map(of).collect()
        }
    };
    let digital: Vec<Complex64> = analogue.into_iter().map(|s| (s + 4.0) / (-s + 4.0)).collect();
    let mut sections = paired(&digital);
    // The centre of the band, where the response is one.
    let (zeros, one_at): ([f64; 3], f64) = match band {
        Band::LowPass(_) => ([1.0, 2.0, 1.0], 0.0),
        Band::HighPass(_) => ([1.0, -2.0, 1.0], 0.5),
        Band::BandPass([a, b]) => ([1.0, 0.0, -1.0], ((warped(a) * warped(b)).sqrt() / 4.0).atan() / PI),
    };
    for section in &mut sections {
        section.b = match (section.a[1] == 0.0, band) {
            (true, Band::LowPass(_)) => [1.0, 1.0, 0.0],
            (true, Band::HighPass(_)) => [1.0, -1.0, 0.0],
            _ => zeros,
        };
        let gain = section.response(one_at).norm();
        section.b = section.b.map(|b| b / gain);
    }
    sections
}

/// Denominators from poles: a pair of conjugates each, or two real ones, the last alone if their
/// number is odd.
fn paired(poles: &[Complex64]) -> Vec<Section> {
    // Real poles come out of the arithmetic with an imaginary part of rounding.
    let is_real = |p: &Complex64| p.im.abs() <= 1e-13 * p.norm();
    let mut found: Vec<(f64, Section)> = poles
        .iter()
        .filter(|p| !is_real(p) && p.im > 0.0)
        .map(|p| (p.norm(), Section { b: [0.0; 3], a: [-2.0 * p.re, p.norm_sqr()] }))
        .collect();
    let mut real: Vec<f64> = poles.iter().filter(|p| is_real(p)).map(|p| p.re).collect();
    real.sort_by(f64::total_cmp);
    for pair in real.chunks(2) {
        found.push(match *pair {
            [p, q] => (p.abs().max(q.abs()), Section { b: [0.0; 3], a: [-(p + q), p * q] }),
            [p] => (p.abs(), Section { b: [0.0; 3], a: [-p, 0.0] }),
            _ => continue,
        });
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found.into_iter().map(|(_, section)| section).collect()
}
