//! Circles of latitude from the north pole to the equator, each of which stands for its mirror
//! image, too.

use std::f64::consts::PI;

/// Cosine and sine of colatitude.
#[derive(Debug, Clone)]
pub(super) struct Latitudes {
    pub(super) cosine: Vec<f64>,
    pub(super) sine: Vec<f64>,
    /// What the cosines lack, rounded as they are: near the poles functions of high degree feel it.
    pub(super) rest: Vec<f64>,
}

impl Latitudes {
    /// Of `count` latitudes at colatitudes (k + shift) π / parts, the northern ones.
    pub(super) fn even(count: usize, shift: f64, parts: usize) -> Self {
        let north = count.div_ceil(2);
        let is_equator = |k: usize| 2 * k + 1 == count;
        let angle = |k: usize| PI * (k as f64 + shift) / parts as f64;
        // The sine of the complement has all its digits near the equator.
        let complement = |k: usize| PI * (parts as f64 - 2.0 * (k as f64 + shift)) / (2.0 * parts as f64);
        let cosine: Vec<f64> =
            (0..north).map(|k| if is_equator(k) { 0.0 } else { complement(k).sin() }).collect();
        // 1 - cos θ, which has all its digits near the pole, where alone it matters.
        let rest = |(k, cosine): (usize, &f64)| {
            let versine = 2.0 * (0.5 * angle(k)).sin().powi(2);
            if versine < 0.1 {
                (1.0 - cosine) - versine
            } else {
                0.0
            }
        };
        Self {
            rest: cosine.iter().enumerate().map(rest).collect(),
            sine: (0..north).map(|k| if is_equator(k) { 1.0 } else { angle(k).sin() }).collect(),
            cosine,
        }
    }
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.cosine.len()
    }
    /// Colatitudes in radians.
    pub(super) fn angles(&self) -> Vec<f64> {
        self.sine.iter().zip(&self.cosine).map(|(s, c)| s.atan2(*c)).collect()
    }
}
