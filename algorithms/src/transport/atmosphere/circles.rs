//! Streamfunctions of layers whose edges depend on the surface pressure.

use super::rows::{product, sum};
use super::{Constants, Layers};
use halocline_core::engine::Numbers;
use rayon::prelude::*;
use std::f64::consts::PI;

/// The mass flux through circles of latitude above given pressures, where the surface pressure is
/// known: ψ(p, φ) = a cos φ / g ∮ ∫ v dp dλ from p = 0 to the smaller of p and pₛ. v is constant
/// in each of the [`Layers`]; at pressure levels that is the integral of straight lines between
/// them. Cells that have no value, or no surface pressure, carry the mean of the others of their circle and layer.
#[derive(Debug, Clone)]
pub struct CircleFlux {
    layers: Layers,
    pressures: Vec<f64>,
}

/// What is found in all: the streamfunction at `pressures`, `[pressure, lat]`, and the flux through
/// the whole of each circle, both kg s-1.
#[derive(Debug, Clone, PartialEq)]
pub struct Overturning {
    /// ψ; missing where the pressure is below the ground all around, and below a layer that has no
    /// value on the whole circle.
    pub streamfunction: Vec<f64>,
    /// ψ at the ground, where no air should go through.
    pub net: Vec<f64>,
    /// The share of the mass of all circles that has no value.
    pub missing: f64,
}

/// Numbers of a row beside those at pressures: the mass and that with values (means of dp), the
/// greatest surface pressure, the flux.
const OWN: usize = 4;

impl CircleFlux {
    /// Through circles above these pressures, Pa.
    pub fn new(layers: Layers, pressures: Vec<f64>) -> Self {
        Self { layers, pressures }
    }
    /// Numbers that are made of a row.
    pub fn fields(&self) -> usize {
        OWN + self.pressures.len()
    }

    /// Of maps of the wind and of the surface pressure, `levels` of each time after the other, of
    /// rows of `len` cells: numbers of each row for [`Self::overturning`].
    pub fn of(
        &self,
        [wind, surface]: [Numbers<'_>; 2],
        levels: &[usize],
        lat: usize,
        len: usize,
    ) -> Vec<f64> {
        let (fields, len) = (self.fields(), len.max(1));
        let rows = wind.len() / len;
        let mut out = vec![0.0; rows * fields];
        out.par_chunks_mut(fields).enumerate().with_min_len(16).for_each_init(
            || vec![vec![0.0; len]; 5],
            |buffers, (row, out)| {
                let range = row * len..(row + 1) * len;
                let level = levels[row / lat.max(1) % levels.len().max(1)];
                if let [v, ps, rest @ ..] = &mut buffers[..] {
                    widen(wind.slice(range.clone()), v);
                    widen(surface.slice(range), ps);
                    self.row(level, v, ps, (rest, out));
                }
            },
        );
        out
    }

    /// Edges of the layer at each cell, what of it counts, and the sums.
    fn row(&self, k: usize, v: &mut [f64], ps: &[f64], (rest, out): (&mut [Vec<f64>], &mut [f64])) {
        let [upper, lower, part] = rest else { return };
        let n = v.len() as f64;
        self.layers.edges(k, ps, upper, lower);
        let mut span = [f64::INFINITY, f64::NEG_INFINITY];
        for ((upper, lower), part) in upper.iter_mut().zip(lower.iter_mut()).zip(part.iter_mut()) {
            if upper.is_nan() {
                (*upper, *lower) = (0.0, 0.0);
            } else {
                span = [span[0].min(*upper), span[1].max(*lower)];
            }
            *part = *lower - *upper;
        }
        // Cells whose surface pressure is missing stand for no air, and carry the mean of the others.
        let known = ps.iter().filter(|p| !p.is_nan()).count();
        out[0] = sum(part) / known.max(1) as f64;
        out[2] = ps.iter().fold(f64::NEG_INFINITY, |m, p| m.max(*p));
        for (v, part) in v.iter_mut().zip(part.iter_mut()).filter(|(v, _)| v.is_nan()) {
            (*v, *part) = (0.0, 0.0);
        }
        out[1] = sum(part) / n;
        out[3] = product(v, part) / n;
        for (p, out) in self.pressures.iter().zip(&mut out[OWN..]) {
            if *p > span[0] && *p < span[1] {
                for ((upper, lower), part) in upper.iter().zip(lower.iter()).zip(part.iter_mut()) {
                    *part = (p.min(*lower) - upper).max(0.0);
                }
                *out = product(v, part) / n;
            }
        }
        let full = out[3];
        for (p, out) in self.pressures.iter().zip(&mut out[OWN..]) {
            if *p >= span[1] && span[1].is_finite() {
                *out = full;
            }
        }
    }

    /// From the numbers of all rows of a time: sections `[level, lat]` of each.
    pub fn overturning(
        &self,
        sections: &[Vec<f64>],
        latitudes: &[f64],
        constants: &Constants,
    ) -> Overturning {
        let lat = latitudes.len();
        let mut found = Overturning {
            streamfunction: vec![0.0; lat * self.pressures.len()],
            net: vec![0.0; lat],
            missing: 0.0,
        };
        let (mut mass, mut with_values) = (0.0, 0.0);
        for (j, phi) in latitudes.iter().enumerate() {
            let cos = phi.to_radians().cos().max(0.0);
            // Pressures below it are behind a layer without values.
            let (mut hole, mut ground, mut has_mass) = (f64::INFINITY, f64::NEG_INFINITY, false);
            for &k in self.layers.down() {
                let of = |field: usize| sections[field][k * lat + j];
                ground = ground.max(of(2));
                if of(0) <= 0.0 {
                    continue;
                }
                has_mass = true;
                mass += cos * of(0);
                with_values += cos * of(1);
                if of(1) <= 0.0 {
                    let mut edges = [[0.0], [0.0]];
                    let [upper, lower] = &mut edges;
                    self.layers.edges(k, &[of(2)], upper, lower);
                    hole = hole.min(edges[0][0]);
                    continue;
                }
                let scale = of(0) / of(1);
                found.net[j] += scale * of(3);
                for (n, psi) in found.streamfunction.iter_mut().skip(j).step_by(lat.max(1)).enumerate() {
                    *psi += scale * of(OWN + n);
                }
            }
            let around = 2.0 * PI * constants.radius / constants.gravity * phi.to_radians().cos();
            found.net[j] *= if hole.is_finite() || !has_mass { f64::NAN } else { around };
            for (p, psi) in
                self.pressures.iter().zip(found.streamfunction.iter_mut().skip(j).step_by(lat.max(1)))
            {
                *psi *= if *p > hole || *p > ground { f64::NAN } else { around };
            }
        }
        if mass > 0.0 {
            found.missing = (1.0 - with_values / mass).max(0.0);
        }
        found
    }
}

fn widen(values: Numbers<'_>, out: &mut [f64]) {
    match values {
        Numbers::F32(v) => out.iter_mut().zip(v).for_each(|(o, v)| *o = f64::from(*v)),
        Numbers::F64(v) => out.iter_mut().zip(v).for_each(|(o, v)| *o = *v),
    }
}
