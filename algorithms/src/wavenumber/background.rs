//! What is made of the power of all pairs: logarithms, the background, the ratio to it.

use super::planes::WheelerKiladis;

/// Frequency (cycles per day) up to which it is smoothed along frequency.
const FASTEST: f64 = 0.8;

/// Spectra over frequency (from 0 to that of Nyquist) and wave number (−K … K, east positive), C
/// order. At frequency 0 all are missing.
#[derive(Debug, Clone, PartialEq)]
pub struct SpaceTimeSpectrum {
    /// Power of the symmetric part, summed over latitudes: its sum over wave numbers and positive
    /// frequencies, each but that of Nyquist twice, is the variance of all rows (tapered).
    pub symmetric: Vec<f64>,
    /// Power of the antisymmetric part.
    pub antisymmetric: Vec<f64>,
    /// log₁₀ of the symmetric power, smoothed once by 1-2-1 along frequency for |s| ≤ 27 (without
    /// that of Nyquist), as it is drawn.
    pub log_symmetric: Vec<f64>,
    /// The same of the antisymmetric part.
    pub log_antisymmetric: Vec<f64>,
    /// Half the sum of both powers, smoothed many times by 1-2-1: for |s| ≤ 27 along s, 5 times
    /// below 0.1 cycles per day, 10 times below 0.2, 20 below 0.3, else 40; then 10 times along
    /// frequency up to 0.8 cycles per day.
    pub background: Vec<f64>,
    /// The smoothed symmetric power over the background.
    pub ratio_symmetric: Vec<f64>,
    /// The smoothed antisymmetric power over the background.
    pub ratio_antisymmetric: Vec<f64>,
}

/// One pass of 1-2-1 over values `stride` apart; at the ends 3-1.
pub(super) fn smooth(values: &mut [f64], start: usize, count: usize, stride: usize) {
    if count < 2 {
        return;
    }
    let at = |i: usize| start + i * stride;
    let last = (3.0 * values[at(count - 1)] + values[at(count - 2)]) / 4.0;
    let mut before = values[at(0)];
    values[at(0)] = (3.0 * before + values[at(1)]) / 4.0;
    for i in 1..count - 1 {
        let here = values[at(i)];
        values[at(i)] = (before + 2.0 * here + values[at(i + 1)]) / 4.0;
        before = here;
    }
    values[at(count - 1)] = last;
}

impl WheelerKiladis {
    /// Wave number up to which the background is smoothed: those beyond are left as they are, and
    /// whoever computes fewer gets another background.
    pub const SMOOTHED: usize = 27;

    /// The spectra of the sums of [its results](WheelerKiladis) over all pairs, in their order.
    pub fn finish(&self, mut symmetric: Vec<f64>, mut antisymmetric: Vec<f64>) -> SpaceTimeSpectrum {
        let (width, waves) = (self.width(), self.waves());
        let frequencies = self.frequencies();
        let top = frequencies.len() - 1;
        for part in [&mut symmetric, &mut antisymmetric] {
            part[..width].fill(f64::NAN);
        }
        let near = waves.min(Self::SMOOTHED);
        let (first, count) = (waves - near, 2 * near + 1);
        let mut background: Vec<f64> =
            symmetric.iter().zip(&antisymmetric).map(|(s, a)| 0.5 * (s + a)).collect();
        // A limit is part of what is above it, however it was rounded.
        let below = |f: f64, limit: f64| f < limit * (1.0 - 1e-9);
        for (j, &f) in frequencies.iter().enumerate().skip(1) {
            let limits = [(0.1, 5), (0.2, 10), (0.3, 20), (f64::INFINITY, 40)];
            let passes = limits.iter().find(|(limit, _)| limit.is_infinite() || below(f, *limit));
            for _ in 0..passes.map_or(0, |(_, n)| *n) {
                smooth(&mut background, j * width + first, count, 1);
            }
        }
        // The frequency nearest to 0.8, the lower of two that are as near.
        let off = |j: usize| (frequencies[j] - FASTEST).abs();
        let last = (1..=top).min_by(|&a, &b| off(a).total_cmp(&off(b))).unwrap_or(top);
        let mut drawn = [symmetric.clone(), antisymmetric.clone()];
        for s in first..first + count {
            for _ in 0..10 {
                smooth(&mut background, width + s, last, width);
            }
            // Without the frequency of Nyquist, which is the last of windows of an even length.
            for part in &mut drawn {
                smooth(part, width + s, (self.window() / 2).saturating_sub(1), width);
            }
        }
        let log = |part: &[f64]| part.iter().map(|p| if *p > 0.0 { p.log10() } else { f64::NAN }).collect();
        let ratio = |part: &[f64]| part.iter().zip(&background).map(|(p, b)| p / b).collect();
        SpaceTimeSpectrum {
            log_symmetric: log(&drawn[0]),
            log_antisymmetric: log(&drawn[1]),
            ratio_symmetric: ratio(&drawn[0]),
            ratio_antisymmetric: ratio(&drawn[1]),
            background,
            symmetric,
            antisymmetric,
        }
    }
}
