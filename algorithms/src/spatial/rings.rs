//! Rings of wave number, over which a two-dimensional spectrum is summed.

use super::plane::PlanePower;
use halocline_core::{Error, Result};

/// What an isotropic spectrum is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RingConvention {
    /// The sum over a ring of P δl δk, divided by the width of a ring: summed over all rings, times
    /// the width, it is the variance.
    Variance,
    /// The mean of P over a ring times the mean wave number of it: xrft up to 1.0.1. It lacks a
    /// factor 2π to be a density of variance.
    MeanTimesWaveNumber,
    /// The sum of P over a ring: xrft 1.0.2. Times δl δk, its sum is the variance.
    Sum,
}

/// Rings of modes of a plane of wave numbers, |κ| = √(l² + k²), out to its corners.
#[derive(Debug, Clone)]
pub struct Rings {
    /// The ring of each mode of half a plane.
    ring: Vec<u32>,
    /// How often each column of it counts.
    times: Vec<f64>,
    wave_numbers: Vec<f64>,
    bounds: Vec<f64>,
    modes: Vec<f64>,
    /// What the sum over a ring is multiplied by.
    factors: Vec<f64>,
    width: f64,
}

/// Rings at most.
const MOST: usize = 1 << 20;
/// What lies below an edge by less than this share of its wave number lies on it, and so above: whole
/// families of modes lie on edges (those of planes twice as long as wide), and rounding is not to part
/// them.
const ON_EDGE: f64 = 1e-6;
/// But never by more than this share of a ring.
const NEAR: f64 = 1e-3;

impl Rings {
    /// Rings of this width: ring j has the modes of wave numbers from (j − ½) widths, which are in it,
    /// to (j + ½), which are not, whatever rounding says of them.
    ///
    /// # Errors
    /// Usage, if there would be none, or more than a million of them.
    pub fn of_width(plane: &PlanePower, width: f64) -> Result<Self> {
        let most = kappas(plane).iter().copied().fold(0.0, f64::max);
        Self::of_width_and_count(plane, width, ring_at(most / width) + 1.0)
    }
    /// Those, the last of which has all that lies beyond.
    fn of_width_and_count(plane: &PlanePower, width: f64, count: f64) -> Result<Self> {
        let kappa = kappas(plane);
        if !(width.is_finite() && width > 0.0 && count <= MOST as f64) {
            return Err(Error::usage(format!("rings of wave number {width} wide are too narrow")).remedy(
                format!(
                    "choose a --dk near {:e}, the step of the plane's wave numbers",
                    default_width(plane)
                ),
            ));
        }
        let count = count as usize;
        let ring = kappa.iter().map(|k| (ring_at(k / width) as usize).min(count - 1) as u32).collect();
        let edges = (0..=count).map(|j| (j as f64 - 0.5).max(0.0) * width).collect::<Vec<_>>();
        let [dl, dk] = plane.steps();
        let mut rings = Self::new(plane, ring, &kappa, &edges, RingConvention::Variance);
        rings.width = width;
        rings.wave_numbers = (0..count).map(|j| j as f64 * width).collect();
        rings.factors = vec![dl * dk / width; count];
        Ok(rings)
    }
    /// So many rings of [`Self::of_width`].
    ///
    /// # Errors
    /// As [`Self::of_width`].
    pub fn of_count(plane: &PlanePower, count: usize) -> Result<Self> {
        let most = kappas(plane).iter().copied().fold(0.0, f64::max);
        if !(2..=MOST).contains(&count) {
            return Err(Error::usage(format!("{count} rings of wave number"))
                .remedy(format!("choose --bins from 2 to {MOST}")));
        }
        // The corner is the end of the last ring.
        Self::of_width_and_count(plane, most / (count as f64 - 0.5) * (1.0 + 1e-12), count as f64)
    }
    /// Rings as wide as the coarser step of the plane's wave numbers.
    ///
    /// # Errors
    /// As [`Self::of_width`].
    pub fn natural(plane: &PlanePower) -> Result<Self> {
        Self::of_width(plane, default_width(plane))
    }
    /// Rings as xrft makes them: `count` of even width from 0 to the corner, closed above; their
    /// wave number is the mean of their modes.
    ///
    /// # Errors
    /// Usage, if there are no rings.
    pub fn of_xrft(plane: &PlanePower, count: Option<usize>, convention: RingConvention) -> Result<Self> {
        let [ny, nx] = plane.shape();
        let count = count.unwrap_or(ny.min(nx) / 4);
        if count == 0 || count > MOST {
            return Err(Error::usage(format!(
                "{count} rings of wave number of a plane of {ny} by {nx} values"
            ))
            .remedy("choose a larger --box, or --bins"));
        }
        let kappa = kappas(plane);
        let most = kappa.iter().copied().fold(0.0, f64::max);
        let step = most / count as f64;
        let edges: Vec<f64> = (0..=count).map(|j| if j == count { most } else { j as f64 * step }).collect();
        let of = |k: f64| edges[1..].partition_point(|e| *e < k).min(count - 1) as u32;
        let ring = kappa.iter().map(|k| of(*k)).collect();
        Ok(Self::new(plane, ring, &kappa, &edges, convention))
    }

    fn new(
        plane: &PlanePower,
        ring: Vec<u32>,
        kappa: &[f64],
        edges: &[f64],
        convention: RingConvention,
    ) -> Self {
        let times: Vec<f64> = (0..plane.half()).map(|k| plane.times(k)).collect();
        let count = edges.len() - 1;
        let (mut modes, mut sums) = (vec![0.0; count], vec![0.0; count]);
        for (i, (ring, k)) in ring.iter().zip(kappa).enumerate() {
            let times = times[i % times.len()];
            modes[*ring as usize] += times;
            sums[*ring as usize] += times * k;
        }
        // Of rings without a mode: nothing.
        let wave_numbers: Vec<f64> = sums.iter().zip(&modes).map(|(sum, n)| sum / n).collect();
        let factor = |(k, n): (&f64, &f64)| match convention {
            RingConvention::MeanTimesWaveNumber => k / n,
            _ => 1.0,
        };
        let factors = wave_numbers.iter().zip(&modes).map(factor).collect();
        let bounds = edges.windows(2).flatten().copied().collect();
        let width = edges[count] / count as f64;
        Self { ring, times, wave_numbers, bounds, modes, factors, width }
    }

    /// How many rings there are.
    pub fn len(&self) -> usize {
        self.modes.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.modes.is_empty()
    }
    /// The wave number of each ring, in cycles per unit of the spacing; NaN where a ring of xrft has
    /// no mode.
    pub fn wave_numbers(&self) -> &[f64] {
        &self.wave_numbers
    }
    /// Where each ring begins and ends.
    pub fn bounds(&self) -> &[f64] {
        &self.bounds
    }
    /// How many modes each ring has, both signs counted.
    pub fn modes(&self) -> &[f64] {
        &self.modes
    }
    /// The width of a ring.
    pub const fn width(&self) -> f64 {
        self.width
    }
    /// Bytes that they take.
    pub fn bytes(&self) -> u64 {
        (self.ring.len() * size_of::<u32>() + self.len() * 5 * size_of::<f64>()) as u64
    }

    /// Sums half a spectrum of a plane over the rings; missing where a ring has no mode.
    pub fn sum(&self, half: &[f64], rings: &mut [f64]) {
        rings.fill(0.0);
        let width = self.times.len();
        for (row, of) in half.chunks(width).zip(self.ring.chunks(width)) {
            for ((power, ring), times) in row.iter().zip(of).zip(&self.times) {
                rings[*ring as usize] += times * power;
            }
        }
        for ((sum, factor), modes) in rings.iter_mut().zip(&self.factors).zip(&self.modes) {
            *sum = if *modes > 0.0 { *sum * factor } else { f64::NAN };
        }
    }
}

/// The number of the ring that a wave number, in widths of a ring, lies in.
fn ring_at(widths: f64) -> f64 {
    (widths + (ON_EDGE * widths).min(NEAR) + 0.5).floor()
}

/// The coarser step of the wave numbers of a plane.
fn default_width(plane: &PlanePower) -> f64 {
    let [dl, dk] = plane.steps();
    dl.max(dk)
}

/// The wave number of each mode of half a plane.
fn kappas(plane: &PlanePower) -> Vec<f64> {
    let (l, k) = (plane.wave_numbers(0), plane.wave_numbers(1));
    let of = |l: f64| k[..plane.half()].iter().map(move |k| (k * k + l * l).sqrt());
    l.iter().flat_map(|l| of(*l)).collect()
}
