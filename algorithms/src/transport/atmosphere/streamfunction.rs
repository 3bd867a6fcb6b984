//! The mass streamfunction of the meridional circulation.

use super::{Constants, Levels};
use std::f64::consts::PI;

/// How the vertical integral is made; these differ where values are between levels, and at the ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// ∫ from p = 0 to each level of the flux through the whole circle of latitude: a straight line
    /// between levels, constant above the highest; cells below the ground carry nothing.
    Trapezoid,
    /// NCL's `zonal_mpsi`: layers between half levels from 5 hPa to 1005 hPa, the mean of cells
    /// above the ground, values at levels as means of those at half levels, and the lowest of them
    /// forced to 0 at the ground.
    Ncl,
    /// CDO's `mastrfu`: straight lines from each level to the last level of the file; nothing above
    /// the highest level. Falling pressures are expected: with rising ones it is the integral from
    /// the ground.
    Cdo,
}

/// ψ(p, φ) = 2πa cos φ / g ∫₀ᵖ \[v\] dp, kg s-1, on the levels: `[level, lat]` of the zonal mean
/// `v` (m s-1) of cells that are there, which are the share `there` (0 to 1) of each circle.
/// Positive: northward above, so clockwise seen from the east.
pub fn mass_streamfunction(
    rule: Rule,
    levels: &Levels,
    latitudes: &[f64],
    (v, there): (&[f64], &[f64]),
    constants: &Constants,
) -> Vec<f64> {
    let lat = latitudes.len();
    let mut psi = match rule {
        Rule::Trapezoid => {
            let flux: Vec<f64> =
                v.iter().zip(there).map(|(v, s)| if *s > 0.0 { v * s } else { f64::NAN }).collect();
            let mut psi = levels.integral_from_top(&flux, lat);
            psi.iter_mut().zip(&flux).filter(|(_, f)| f.is_nan()).for_each(|(p, _)| *p = f64::NAN);
            psi
        }
        Rule::Cdo => cdo(levels, v, lat),
        Rule::Ncl => ncl(levels, v, lat),
    };
    let circle = |phi: &f64| 2.0 * PI * constants.radius / constants.gravity * phi.to_radians().cos();
    let circles: Vec<f64> = latitudes.iter().map(circle).collect();
    for (psi, circle) in psi.chunks_mut(lat.max(1)).flat_map(|row| row.iter_mut().zip(&circles)) {
        *psi *= circle;
    }
    psi
}

fn cdo(levels: &Levels, v: &[f64], lat: usize) -> Vec<f64> {
    let (p, n) = (levels.pressure(), levels.len());
    let mut psi = vec![0.0; v.len()];
    let value = |k: usize| if v[k].is_finite() { v[k] } else { 0.0 };
    for k in (0..n - 1).rev() {
        for j in 0..lat {
            let (here, next) = (k * lat + j, (k + 1) * lat + j);
            psi[here] = psi[next] + 0.5 * (value(here) + value(next)) * (p[k] - p[k + 1]);
        }
    }
    psi
}

/// Pressures of the highest and the lowest half level, Pa.
const NCL_ENDS: [f64; 2] = [500.0, 100_500.0];

fn ncl(levels: &Levels, v: &[f64], lat: usize) -> Vec<f64> {
    let p: Vec<f64> = levels.down().iter().map(|&k| levels.pressure()[k]).collect();
    let mut half = vec![NCL_ENDS[0]];
    half.extend(p.windows(2).map(|pair| 0.5 * (pair[0] + pair[1])));
    half.push(NCL_ENDS[1]);
    let mut psi = vec![f64::NAN; v.len()];
    for j in 0..lat {
        let column: Vec<f64> = levels.down().iter().map(|&k| v[k * lat + j]).collect();
        let depth = column.iter().position(|v| !v.is_finite()).unwrap_or(column.len());
        if depth == 0 {
            continue;
        }
        let mut sums = vec![0.0];
        for (k, v) in column[..depth].iter().enumerate() {
            sums.push(sums[k] + v * (half[k + 1] - half[k]));
        }
        // The level where the integral ends: the last, or the first that is below the ground.
        let last = depth.min(column.len() - 1);
        sums.truncate(last + 1);
        sums.push(-sums[last]);
        for k in 0..=last {
            psi[levels.down()[k] * lat + j] = 0.5 * (sums[k] + sums[k + 1]);
        }
    }
    psi
}
