//! Integrals over the column of what is found on sections of latitude and level.

use halocline_algorithms::transport::atmosphere::{bridge, Constants, Decomposed, Levels};
use std::f64::consts::TAU;

/// Total, mean circulation, stationary and transient eddies.
pub(super) type Profiles = [Vec<f64>; 4];

/// Sections with the mass that each level stands for. A level that has mass and no value on the
/// whole circle takes part with straight lines between the levels above and below.
pub(super) struct Columns {
    sections: Decomposed,
    /// 2πa cos φ dp/g, kg m-1 s-1 per m s-1 of wind.
    mass: Vec<f64>,
    latitudes: usize,
    /// The share of the mass that has no value.
    pub(super) missing: f64,
}

impl Columns {
    pub(super) fn new(
        mut sections: Decomposed,
        levels: &Levels,
        latitudes: &[f64],
        constants: &Constants,
    ) -> Self {
        let lat = latitudes.len();
        let known: Vec<bool> = sections.there.iter().map(|there| *there > 0.0).collect();
        let dp = match &sections.weight {
            Some(dp) => dp.clone(),
            None => by_share(levels, lat, &known, &sections.there),
        };
        let cos: Vec<f64> = latitudes.iter().map(|phi| phi.to_radians().cos().max(0.0)).collect();
        let total: f64 = dp.iter().enumerate().map(|(i, dp)| dp * cos[i % lat]).sum();
        let weights = levels.weights();
        let with_values = |i: usize| match sections.weight {
            Some(_) => sections.there[i],
            None => weights[i / lat] * sections.there[i],
        };
        let there: f64 = (0..dp.len()).map(|i| with_values(i) * cos[i % lat]).sum();
        let missing = if total > 0.0 { (1.0 - there / total).max(0.0) } else { 0.0 };
        for parts in &mut sections.parts {
            for section in [&mut parts.total, &mut parts.mean, &mut parts.stationary, &mut parts.transient] {
                bridge(levels, lat, &known, section);
            }
        }
        sections.means.iter_mut().for_each(|mean| bridge(levels, lat, &known, mean));
        let around = |i: usize| TAU * constants.radius * cos[i % lat] / constants.gravity;
        let mass = dp.iter().enumerate().map(|(i, dp)| around(i) * dp).collect();
        Self { sections, mass, latitudes: lat, missing }
    }

    /// Sums over the column of each latitude; missing where no level has a value.
    fn sum(&self, of: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut sums = vec![0.0; self.latitudes];
        let mut any = vec![false; self.latitudes];
        for (i, mass) in self.mass.iter().enumerate().filter(|(_, mass)| **mass > 0.0) {
            sums[i % self.latitudes] += mass * of(i);
            any[i % self.latitudes] = true;
        }
        // At a pole there is no circle, and nothing goes through it.
        let has_value =
            |j: usize| (j..self.mass.len()).step_by(self.latitudes).any(|i| self.sections.there[i] > 0.0);
        (0..self.latitudes).map(|j| if any[j] || has_value(j) { sums[j] } else { f64::NAN }).collect()
    }

    /// ∫ … dp of the parts of a pair.
    pub(super) fn integrate(&self, pair: usize, factor: f64, is_balanced: bool) -> Profiles {
        let parts = &self.sections.parts[pair];
        let energy = &self.sections.means[pair + 1];
        let (net, all) = (self.net(), self.sum(|_| 1.0));
        // The wind of the whole column carries the mean energy of levels, in the mean part only.
        let off = |i: usize| {
            let j = i % self.latitudes;
            if is_balanced && all[j] > 0.0 {
                net[j] / all[j] * energy[i]
            } else {
                0.0
            }
        };
        [
            self.sum(|i| factor * (parts.total[i] - off(i))),
            self.sum(|i| factor * (parts.mean[i] - off(i))),
            self.sum(|i| factor * parts.stationary[i]),
            self.sum(|i| factor * parts.transient[i]),
        ]
    }

    /// The mass that goes through each circle, kg s-1.
    pub(super) fn net(&self) -> Vec<f64> {
        self.sum(|i| self.sections.means[0][i])
    }
}

/// The mean pressure difference of levels without a surface pressure: what is missing is below the
/// ground, but a level that is missing on the whole circle while lower ones are there: its share is
/// on a straight line between those of the levels above and below.
fn by_share(levels: &Levels, lat: usize, known: &[bool], there: &[f64]) -> Vec<f64> {
    let weights = levels.weights();
    let mut share = there.to_vec();
    bridge(levels, lat, known, &mut share);
    for j in 0..lat {
        for &k in levels.down().iter().rev() {
            if known[k * lat + j] {
                break;
            }
            share[k * lat + j] = 0.0;
        }
    }
    share.iter().enumerate().map(|(i, share)| weights[i / lat] * share).collect()
}
