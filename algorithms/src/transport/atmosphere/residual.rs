//! The transformed Eulerian mean: residual circulation and Eliassen-Palm flux.

use super::levels::slopes;
use super::{Constants, Levels};
use std::f64::consts::PI;

/// How the Eliassen-Palm flux is scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scaling {
    /// As it is: m3 s-2 and m2 Pa s-2; its divergence is m2 s-2, a cos φ times an acceleration.
    None,
    /// So that arrows on a section over latitude and pressure diverge as the mass-weighted
    /// divergence does (Edmon et al. 1980): F̂φ = 2πa cos φ / g Fφ, F̂p = 2πa² cos φ / g Fp.
    Edmon,
}

/// Sections `[level, lat]` of the residual circulation and the Eliassen-Palm flux in spherical
/// pressure coordinates (Andrews et al. 1987; Gerber and Manzini 2016, where signs of the vertical
/// are those of height: here Fp is positive downward, as p is).
#[derive(Debug, Clone, PartialEq)]
pub struct Residual {
    /// v̄* = \[v\] − ∂ψ/∂p, m s-1, with ψ = \[v*θ*\] / ∂\[θ\]/∂p.
    pub v: Vec<f64>,
    /// ω̄* = \[ω\] + 1/(a cos φ) ∂(ψ cos φ)/∂φ, Pa s-1; missing without ω.
    pub omega: Vec<f64>,
    /// 2πa cos φ / g (∫₀ᵖ \[v\] dp − ψ), kg s-1.
    pub streamfunction: Vec<f64>,
    /// Fφ = a cos φ (ψ ∂\[u\]/∂p − \[u*v*\]), m3 s-2.
    pub northward: Vec<f64>,
    /// Fp = a cos φ ((f − 1/(a cos φ) ∂(\[u\] cos φ)/∂φ) ψ − \[u*ω*\]), m2 Pa s-2.
    pub downward: Vec<f64>,
    /// ∇·F = 1/(a cos φ) ∂(Fφ cos φ)/∂φ + ∂Fp/∂p, m2 s-2.
    pub divergence: Vec<f64>,
    /// ∇·F / (a cos φ), m s-2: the acceleration of \[u\] by eddies.
    pub acceleration: Vec<f64>,
}

/// Zonal means and eddy covariances: sections `[level, lat]`.
#[derive(Debug, Clone, Copy)]
pub struct Eddies<'a> {
    /// \[u\], \[v\], \[T\].
    pub means: [&'a [f64]; 3],
    /// \[v*T*\], \[u*v*\].
    pub fluxes: [&'a [f64]; 2],
    /// \[ω\] and \[u*ω*\], where ω is there.
    pub omega: Option<[&'a [f64]; 2]>,
}

impl Residual {
    /// Of zonal means and covariances. Without ω the flux by vertical motion is left out.
    pub fn new(eddies: Eddies<'_>, levels: &Levels, latitudes: &[f64], constants: &Constants) -> Self {
        let lat = latitudes.len();
        let (a, kappa) = (constants.radius, constants.gas / constants.heat_capacity);
        let [u, v, t] = eddies.means;
        let [vt, uv] = eddies.fluxes;
        let at = |k: usize| (k / lat, k % lat);
        let potential: Vec<f64> =
            levels.pressure().iter().map(|p| (constants.reference_pressure / p).powf(kappa)).collect();
        let cos: Vec<f64> = latitudes.iter().map(|phi| phi.to_radians().cos()).collect();
        // At the poles themselves nothing is known: lengths of circles are divided by.
        let over: Vec<f64> =
            cos.iter().map(|c| if c.abs() < 1e-10 { f64::NAN } else { 1.0 / (a * c) }).collect();
        let sin: Vec<f64> = latitudes.iter().map(|phi| phi.to_radians().sin()).collect();
        let each = |of: &dyn Fn(usize, usize, usize) -> f64| -> Vec<f64> {
            (0..u.len()).map(|i| of(i, at(i).0, at(i).1)).collect()
        };
        let theta = each(&|i, k, _| t[i] * potential[k]);
        let theta_p = levels.derivative(&theta, lat);
        let psi = each(&|i, k, _| vt[i] * potential[k] / theta_p[i]);
        let u_p = levels.derivative(u, lat);
        let u_cos = each(&|i, _, j| u[i] * cos[j]);
        let u_phi = along_latitude(&u_cos, latitudes);
        let psi_p = levels.derivative(&psi, lat);
        let psi_cos = each(&|i, _, j| psi[i] * cos[j]);
        let psi_phi = along_latitude(&psi_cos, latitudes);
        let northward = each(&|i, _, j| a * cos[j] * (u_p[i] * psi[i] - uv[i]));
        let downward = each(&|i, _, j| {
            let absolute = 2.0 * constants.rotation * sin[j] - u_phi[i] * over[j];
            let vertical = eddies.omega.map_or(0.0, |[_, uw]| uw[i]);
            a * cos[j] * (absolute * psi[i] - vertical)
        });
        let f_cos = each(&|i, _, j| northward[i] * cos[j]);
        let (f_phi, f_p) = (along_latitude(&f_cos, latitudes), levels.derivative(&downward, lat));
        let divergence = each(&|i, _, j| f_phi[i] * over[j] + f_p[i]);
        let mass = levels.integral_from_top(v, lat);
        Self {
            v: each(&|i, _, _| v[i] - psi_p[i]),
            omega: each(&|i, _, j| eddies.omega.map_or(f64::NAN, |[w, _]| w[i] + psi_phi[i] * over[j])),
            streamfunction: each(&|i, _, j| 2.0 * PI * a * cos[j] / constants.gravity * (mass[i] - psi[i])),
            acceleration: each(&|i, _, j| divergence[i] * over[j]),
            northward,
            downward,
            divergence,
        }
    }

    /// The flux and its divergence for arrows on a section.
    pub fn scale(&mut self, scaling: Scaling, latitudes: &[f64], constants: &Constants) {
        if scaling == Scaling::None {
            return;
        }
        let lat = latitudes.len().max(1);
        let around = 2.0 * PI * constants.radius / constants.gravity;
        let by = |section: &mut [f64], factor: f64| {
            for (i, value) in section.iter_mut().enumerate() {
                *value *= factor * latitudes[i % lat].to_radians().cos();
            }
        };
        by(&mut self.northward, around);
        by(&mut self.downward, around * constants.radius);
        by(&mut self.divergence, around * constants.radius);
    }
}

/// ∂f/∂φ of a section, per radian; latitudes at which it is missing are left out.
fn along_latitude(section: &[f64], latitudes: &[f64]) -> Vec<f64> {
    let lat = latitudes.len().max(1);
    let mut out = vec![f64::NAN; section.len()];
    for (row, out) in section.chunks(lat).zip(out.chunks_mut(lat)) {
        let there: Vec<usize> = (0..row.len()).filter(|j| row[*j].is_finite()).collect();
        let x: Vec<f64> = there.iter().map(|&j| latitudes[j].to_radians()).collect();
        let y: Vec<f64> = there.iter().map(|&j| row[j]).collect();
        for (&j, slope) in there.iter().zip(slopes(&x, &y)) {
            out[j] = slope;
        }
    }
    out
}
