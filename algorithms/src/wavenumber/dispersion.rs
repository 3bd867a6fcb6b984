//! Dispersion of equatorial waves.

use std::f64::consts::{FRAC_PI_3, PI};

/// The mean radius of the earth in metres (NCL's).
const RADIUS: f64 = 6.371_22e6;
/// Gravity at 45 degrees in m s⁻² (WMO; NCL's).
const GRAVITY: f64 = 9.806_65;
/// The angular velocity of the earth in s⁻¹ (NCL's).
const ROTATION: f64 = 7.292e-5;

/// A wave of the shallow water on an equatorial β-plane at rest (Matsuno 1966).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EquatorialWave {
    /// The Kelvin wave: ω = c k, eastward.
    Kelvin,
    /// The equatorial Rossby wave of this meridional mode n ≥ 1, westward.
    Rossby(u8),
    /// The inertio-gravity wave of this meridional mode n ≥ 1, both ways.
    InertioGravity(u8),
    /// The mixed Rossby-gravity wave (n = 0), westward.
    MixedRossbyGravity,
    /// The eastward inertio-gravity wave (n = 0), which goes on where the mixed Rossby-gravity
    /// wave ends.
    EastwardGravity,
}

impl EquatorialWave {
    /// The frequency in cycles per day at zonal wave number `s` (east positive; of the circumference
    /// of the equator) for an equivalent depth in metres; `None` where there is no such wave.
    ///
    /// With c = √(g h), k = s / a and β = 2 Ω / a:
    ///
    /// - n ≥ 1: ω³ − (c² k² + (2n + 1) β c) ω − β c² k = 0, whose greatest root is the
    ///   inertio-gravity wave, the other positive one, where k < 0, the Rossby wave;
    /// - n = 0: ω² − c k ω − β c = 0, west of 0 the mixed Rossby-gravity wave.
    ///
    /// Matsuno (1966), J. Meteor. Soc. Japan 44, 25–43.
    pub fn frequency(self, s: f64, depth: f64) -> Option<f64> {
        let c = (GRAVITY * depth).sqrt();
        let (k, beta) = (s / RADIUS, 2.0 * ROTATION / RADIUS);
        if c.is_nan() || c <= 0.0 {
            return None;
        }
        let root = |n: u8, which: f64| {
            let p = c * c * k * k + f64::from(2 * u16::from(n) + 1) * beta * c;
            let q = beta * c * c * k;
            let angle = (1.5 * q / p * (3.0 / p).sqrt()).clamp(-1.0, 1.0).acos() / 3.0;
            2.0 * (p / 3.0).sqrt() * (angle - 2.0 * FRAC_PI_3 * which).cos()
        };
        let omega = match self {
            Self::Kelvin if s >= 0.0 => c * k,
            // Rounding must not make it less than nothing.
            Self::Rossby(n) if n > 0 && s <= 0.0 => root(n, 1.0).max(0.0),
            Self::InertioGravity(n) if n > 0 => root(n, 0.0),
            Self::MixedRossbyGravity if s <= 0.0 => mixed(c * k, beta * c),
            Self::EastwardGravity if s >= 0.0 => mixed(c * k, beta * c),
            _ => return None,
        };
        Some(omega * 86_400.0 / (2.0 * PI))
    }
}

/// The positive root of ω² − a ω − b = 0, of few digits lost where a < 0.
fn mixed(a: f64, b: f64) -> f64 {
    let sum = a.abs() + (a * a + 4.0 * b).sqrt();
    if a > 0.0 {
        0.5 * sum
    } else {
        2.0 * b / sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_are_roots_of_their_equations() {
        let per_day = 2.0 * PI / 86_400.0;
        let beta = 2.0 * ROTATION / RADIUS;
        for depth in [8.0, 12.0, 25.0, 50.0, 200.0] {
            let c = (GRAVITY * depth).sqrt();
            for s in -20..=20 {
                let (s, k) = (f64::from(s), f64::from(s) / RADIUS);
                let of = |wave: EquatorialWave| wave.frequency(s, depth).map(|f| f * per_day);
                for n in 1..=2_u8 {
                    let p = c * c * k * k + f64::from(2 * n + 1) * beta * c;
                    let zero = |w: f64| (w * w * w - p * w - beta * c * c * k).abs() / (p * p.sqrt());
                    assert!(of(EquatorialWave::InertioGravity(n)).is_some_and(|w| zero(w) < 1e-12));
                    let slow = of(EquatorialWave::Rossby(n));
                    assert_eq!(slow.is_some(), s <= 0.0);
                    assert!(slow.is_none_or(|w| zero(w) < 1e-12 && w >= 0.0 && w < 0.2 * p.sqrt()));
                }
                let zero = |w: f64| (w * w - c * k * w - beta * c).abs() / (beta * c + c * c * k * k);
                let both = [EquatorialWave::MixedRossbyGravity, EquatorialWave::EastwardGravity].map(of);
                assert!(both.iter().flatten().all(|w| *w > 0.0 && zero(*w) < 1e-12));
                assert_eq!(both.iter().flatten().count(), if s == 0.0 { 2 } else { 1 });
            }
        }
    }

    #[test]
    fn frequencies_are_those_of_ncl() {
        // Computed with the formulas of NCL's genDispersionCurves; that of the Rossby wave neglects
        // its own acceleration there.
        let cases = [
            (EquatorialWave::Kelvin, 5.0, 25.0, 0.168_970_8),
            (EquatorialWave::MixedRossbyGravity, -5.0, 25.0, 0.189_211_6),
            (EquatorialWave::EastwardGravity, 5.0, 25.0, 0.358_182_4),
            (EquatorialWave::InertioGravity(1), -10.0, 12.0, 0.411_014_8),
            (EquatorialWave::InertioGravity(2), 0.0, 50.0, 0.692_258_9),
            (EquatorialWave::Rossby(1), -8.0, 50.0, 0.084_490_7),
        ];
        for (wave, s, depth, expected) in cases {
            let found = wave.frequency(s, depth).unwrap();
            let off = if wave == EquatorialWave::Rossby(1) { 0.02 } else { 1e-4 };
            assert!((found / expected - 1.0).abs() < off, "{wave:?} {s} {depth}: {found} {expected}");
        }
        assert_eq!(EquatorialWave::Kelvin.frequency(-1.0, 25.0), None);
        assert_eq!(EquatorialWave::Kelvin.frequency(1.0, -25.0), None);
    }
}
