//! TEOS-10: specific volume by the polynomial of 75 terms of Roquet and others
//! (2015, Ocean Modelling 90, doi:10.1016/j.ocemod.2015.04.002), and conservative temperature from
//! the Gibbs function of IOC, SCOR and IAPSO (2010).

/// Heat capacity that goes with conservative temperature, J kg⁻¹ K⁻¹.
pub const CP0: f64 = 3_991.867_957_119_63;
/// Reference salinity (g/kg) over practical salinity.
pub const SALINITY_FACTOR: f64 = 35.165_04 / 35.0;
/// 1 over the salinity by which salinities are scaled, 40 · 35.16504/35 g/kg.
const SALINITY_SCALE: f64 = 1.0 / (40.0 * SALINITY_FACTOR);
/// Added to scaled salinity before the root is taken, 24 g/kg scaled: derivatives stay finite.
const OFFSET: f64 = 24.0 * SALINITY_SCALE;

/// Coefficients of the specific volume in m³/kg: the power of pressure (10⁴ dbar), the power of
/// temperature (40 °C), and what stands at the powers of the root of salinity from 0 on.
#[rustfmt::skip]
#[allow(clippy::unreadable_literal)] // as printed
const VOLUME: [(usize, usize, &[f64]); 25] = [
    (0, 0, &[1.0769995862e-3, -3.1038981976e-4, 6.6928067038e-4, -8.5047933937e-4, 5.8086069943e-4, -2.1092370507e-4, 3.1932457305e-5]),
    (0, 1, &[-1.5649734675e-5, 3.5009599764e-5, -4.3592678561e-5, 3.4532461828e-5, -1.1959409788e-5, 1.3864594581e-6]),
    (0, 2, &[2.7762106484e-5, -3.7435842344e-5, 3.590782276e-5, -1.8698584187e-5, 3.8595339244e-6]),
    (0, 3, &[-1.6521159259e-5, 2.4141479483e-5, -1.4353633048e-5, 2.2863324556e-6]),
    (0, 4, &[6.9111322702e-6, -8.7595873154e-6, 4.3703680598e-6]),
    (0, 5, &[-8.053961554e-7, -3.30527589e-7]),
    (0, 6, &[2.0543094268e-7]),
    (1, 0, &[-6.0799143809e-5, 2.4262468747e-5, -3.4792460974e-5, 3.7470777305e-5, -1.7322218612e-5, 3.0927427253e-6]),
    (1, 1, &[1.8505765429e-5, -9.5677088156e-6, 1.1100834765e-5, -9.8447117844e-6, 2.590922526e-6]),
    (1, 2, &[-1.1716606853e-5, -2.3678308361e-7, 2.9283346295e-6, -4.88261392e-7]),
    (1, 3, &[7.9279656173e-6, -3.4558773655e-6, 3.1655306078e-7]),
    (1, 4, &[-3.4102187482e-6, 1.2956717783e-6]),
    (1, 5, &[5.0736766814e-7]),
    (2, 0, &[9.9856169219e-6, -5.8484432984e-7, -4.8122251597e-6, 4.9263106998e-6, -1.7811974727e-6]),
    (2, 1, &[-1.1736386731e-6, -5.5699154557e-6, 5.4620748834e-6, -1.3544185627e-6]),
    (2, 2, &[2.130502874e-6, 3.913738708e-7, -6.5731104067e-7]),
    (2, 3, &[-4.6132540037e-7, 7.7618888092e-9]),
    (2, 4, &[-6.3352916514e-8]),
    (3, 0, &[-1.1309361437e-6, 3.6310188515e-7, 1.674630378e-8]),
    (3, 1, &[-3.6527006553e-7, -2.7295696237e-7]),
    (3, 2, &[2.8695905159e-7]),
    (4, 0, &[1.053115308e-7, -1.1147125423e-7]),
    (4, 1, &[3.1454099902e-7]),
    (5, 0, &[-1.2647261286e-8]),
    (6, 0, &[1.961350393e-9]),
];

/// Reference salinity in g/kg of practical salinity: absolute salinity but for the regional anomaly.
#[inline]
pub fn sa_from_sp(sp: f64) -> f64 {
    sp * SALINITY_FACTOR
}

/// The polynomial at one pressure, in temperature and the root of salinity alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Referred {
    /// By powers of temperature, then of the root.
    terms: [[f64; 7]; 7],
}

impl Referred {
    /// At `pressure` in dbar.
    pub fn to(pressure: f64) -> Self {
        let z = pressure * 1e-4;
        let mut terms = [[0.0; 7]; 7];
        // High powers first: small numbers are added to small ones.
        for (power, t, row) in VOLUME.iter().rev() {
            let factor = z.powi(*power as i32);
            for (term, c) in terms[*t].iter_mut().zip(*row) {
                *term += c * factor;
            }
        }
        Self { terms }
    }

    /// Specific volume in m³/kg at absolute salinity `sa` (g/kg) and conservative temperature `ct`
    /// (°C).
    #[inline]
    pub fn volume(&self, sa: f64, ct: f64) -> f64 {
        let x = (SALINITY_SCALE * sa + OFFSET).sqrt();
        let y = ct * 0.025;
        let mut volume = 0.0;
        for (t, row) in self.terms.iter().enumerate().rev() {
            // No term has a degree above 6.
            let inner = row[..7 - t].iter().rev().fold(0.0, |sum, c| sum * x + c);
            volume = volume * y + inner;
        }
        volume
    }

    /// Density minus 1000 kg/m³.
    #[inline]
    pub fn sigma(&self, sa: f64, ct: f64) -> f64 {
        1.0 / self.volume(sa, ct) - 1000.0
    }
}

/// Specific volume in m³/kg at absolute salinity (g/kg), conservative temperature (°C) and pressure
/// (dbar).
pub fn specific_volume(sa: f64, ct: f64, pressure: f64) -> f64 {
    Referred::to(pressure).volume(sa, ct)
}

/// Potential enthalpy in J/kg: by powers of the root of scaled salinity from the second on (and the
/// zeroth), coefficients of the powers of potential temperature (40 °C).
#[rustfmt::skip]
#[allow(clippy::unreadable_literal)] // as printed
const ENTHALPY: [&[f64]; 8] = [
    &[61.01362420681071, 168776.46138048015, -2735.2785605119625, 2574.2164453821433, -1536.6644434977543, 545.7340497931629, -50.91091728474331, -18.30489878927802],
    &[],
    &[268.5520265845071, -12019.028203559312, 3734.858026725145, -2046.7671145057618, 465.28655623826234, -0.6370820302376359, -10.650848542359153],
    &[937.2099110620707, 588.1802812170108, 248.39476522971285, -3.871557904936333, -2.6268019854268356],
    &[-1687.914374187449, 936.3206544460336, -942.7827304544439, 369.4389437509002, -33.83664947895248, -9.987880382780322],
    &[246.9598888781377],
    &[123.59576582457964],
    &[-48.5891069025409],
];

/// Conservative temperature (°C) of potential temperature `pt` (°C) at absolute salinity `sa` (g/kg):
/// potential enthalpy over [`CP0`].
#[inline]
pub fn ct_from_pt(sa: f64, pt: f64) -> f64 {
    let x = (SALINITY_SCALE * sa).sqrt();
    let y = pt * 0.025;
    let along = |row: &&[f64]| row.iter().rev().fold(0.0, |sum, c| sum * y + c);
    ENTHALPY.iter().rev().fold(0.0, |sum, row| sum * x + along(row)) / CP0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values_of_the_toolbox() {
        // SA, pt, CT, σ0, σ2, and specific volume at 1000 dbar, by the Gibbs SeaWater toolbox.
        for (sa, pt, ct, sigma0, sigma2, volume) in super::super::teos10_checks::CHECKS {
            assert!((ct_from_pt(sa, pt) - ct).abs() < 1e-12, "{}", ct_from_pt(sa, pt) - ct);
            assert!((Referred::to(0.0).sigma(sa, ct) - sigma0).abs() < 1e-10);
            assert!((Referred::to(2000.0).sigma(sa, ct) - sigma2).abs() < 1e-10);
            assert!((specific_volume(sa, ct, 1000.0) - volume).abs() < 1e-16);
        }
    }

    #[test]
    fn missing_stays_missing() {
        assert!(Referred::to(0.0).sigma(f64::NAN, 1.0).is_nan());
        assert!(ct_from_pt(35.0, f64::NAN).is_nan());
    }
}
