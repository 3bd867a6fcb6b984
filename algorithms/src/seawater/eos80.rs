//! The equation of state of 1980: Unesco technical papers in marine science 38 (1981); algorithms of
//! Fofonoff and Millard, Unesco technical papers in marine science 44 (1983).

#[inline]
fn along<const N: usize>(x: f64, terms: [f64; N]) -> f64 {
    terms.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

/// Density in kg/m³ at practical salinity `s`, temperature `t` in °C (of 1968, which differs from that
/// of 1990 by a factor of 1.00024) and pressure in dbar.
#[inline]
pub fn rho(s: f64, t: f64, pressure: f64) -> f64 {
    let root = s.sqrt();
    let pure =
        along(t, [999.842_594, 6.793_952e-2, -9.095_290e-3, 1.001_685e-4, -1.120_083e-6, 6.536_332e-9]);
    let surface = pure
        + s * along(t, [8.244_93e-1, -4.0899e-3, 7.6438e-5, -8.2467e-7, 5.3875e-9])
        + s * root * along(t, [-5.724_66e-3, 1.0227e-4, -1.6546e-6])
        + s * s * 4.8314e-4;
    if pressure == 0.0 {
        return surface;
    }
    let bars = pressure * 0.1;
    let modulus = along(t, [19_652.21, 148.4206, -2.327_105, 1.360_477e-2, -5.155_288e-5])
        + s * along(t, [54.6746, -0.603_459, 1.099_87e-2, -6.1670e-5])
        + s * root * along(t, [7.944e-2, 1.6483e-2, -5.3009e-4]);
    let first = along(t, [3.239_908, 1.437_13e-3, 1.160_92e-4, -5.779_05e-7])
        + s * along(t, [2.2838e-3, -1.0981e-5, -1.6078e-6])
        + s * root * 1.910_75e-4;
    let second =
        along(t, [8.509_35e-5, -6.122_93e-6, 5.2787e-8]) + s * along(t, [-9.9348e-7, 2.0816e-8, 9.1697e-10]);
    surface / (1.0 - bars / (modulus + bars * (first + bars * second)))
}

/// Adiabatic lapse rate in °C/dbar (Bryden 1973).
#[inline]
pub fn adiabatic_lapse_rate(s: f64, t: f64, pressure: f64) -> f64 {
    let from35 = s - 35.0;
    let none =
        along(t, [3.5803e-5, 8.5258e-6, -6.836e-8, 6.6228e-10]) + from35 * along(t, [1.8932e-6, -4.2393e-8]);
    let first = along(t, [1.8741e-8, -6.7795e-10, 8.733e-12, -5.4481e-14])
        + from35 * along(t, [-1.1351e-10, 2.7759e-12]);
    let second = along(t, [-4.6206e-13, 1.8676e-14, -2.1687e-16]);
    none + pressure * (first + pressure * second)
}

/// Temperature (°C) of water that is brought from `pressure` to `reference` (dbar) without exchange of
/// heat, by one step of Runge-Kutta, as Fofonoff (1977).
#[inline]
pub fn potential_temperature(s: f64, t: f64, pressure: f64, reference: f64) -> f64 {
    let (h, root) = (reference - pressure, std::f64::consts::SQRT_2);
    let mut p = pressure;
    let mut step = h * adiabatic_lapse_rate(s, t, p);
    let mut t = t + 0.5 * step;
    let mut q = step;
    p += 0.5 * h;
    step = h * adiabatic_lapse_rate(s, t, p);
    t += (1.0 - 0.5 * root) * (step - q);
    q = (2.0 - root) * step + (-2.0 + 1.5 * root) * q;
    step = h * adiabatic_lapse_rate(s, t, p);
    t += (1.0 + 0.5 * root) * (step - q);
    q = (2.0 + root) * step + (-2.0 - 1.5 * root) * q;
    p += 0.5 * h;
    step = h * adiabatic_lapse_rate(s, t, p);
    t + (step - 2.0 * q) / 6.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values that are printed with the equations.
    #[test]
    fn check_values_of_unesco() {
        for (s, t, p, expected) in [
            (0.0, 5.0, 0.0, 999.966_75),
            (0.0, 25.0, 0.0, 997.047_96),
            (35.0, 5.0, 0.0, 1_027.675_47),
            (35.0, 25.0, 0.0, 1_023.343_06),
            (0.0, 5.0, 10_000.0, 1_044.128_02),
            (35.0, 5.0, 10_000.0, 1_069.489_14),
            (35.0, 25.0, 10_000.0, 1_062.538_17),
        ] {
            assert!((rho(s, t, p) - expected).abs() < 6e-6, "{s} {t} {p}: {}", rho(s, t, p));
        }
        assert!((adiabatic_lapse_rate(40.0, 40.0, 10_000.0) - 3.255_976e-4).abs() < 1e-10);
        assert!((potential_temperature(40.0, 40.0, 10_000.0, 0.0) - 36.890_73).abs() < 1e-5);
    }
}
