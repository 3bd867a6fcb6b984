//! Seawater: how dense it is, by TEOS-10 and by EOS-80.
//!
//! Written from the published equations; constants stand where they are used, with their source.

mod eos80;
mod teos10;
#[cfg(test)]
mod teos10_checks;

pub use eos80::{adiabatic_lapse_rate, potential_temperature, rho as rho_eos80};
pub use teos10::{ct_from_pt, sa_from_sp, specific_volume, Referred, CP0, SALINITY_FACTOR};

/// Which equation of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eos {
    /// TEOS-10, by the polynomial of 75 terms of Roquet et al. (2015).
    Teos10,
    /// The equation of state of 1980 (Unesco 1981).
    Eos80,
}

/// What temperature and salinity are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinds {
    /// Potential temperature (°C) and practical salinity.
    Practical,
    /// Conservative temperature (°C) and absolute salinity (g/kg).
    Absolute,
    /// Conservative temperature and practical salinity.
    ConservativePractical,
    /// Potential temperature and absolute salinity.
    PotentialAbsolute,
}

/// Potential density anomaly referred to a pressure: density minus 1000 kg m⁻³ of water that is
/// brought there without exchange of heat or salt.
#[derive(Debug, Clone)]
pub struct PotentialDensity {
    eos: Eos,
    kinds: Kinds,
    pressure: f64,
    teos10: Referred,
}

impl PotentialDensity {
    /// Referred to `pressure` in dbar: 0 for σ₀, 2000 for σ₂.
    ///
    /// Of practical salinity TEOS-10 takes the reference salinity, SA = SP · 35.16504/35; the
    /// regional anomaly of absolute salinity is left out. EOS-80 takes absolute salinity back by
    /// the same factor, and conservative temperature as if it were potential temperature, which is
    /// wrong by less than 0.1 °C in the ocean.
    pub fn new(eos: Eos, kinds: Kinds, pressure: f64) -> Self {
        Self { eos, kinds, pressure, teos10: Referred::to(pressure) }
    }

    /// Of water with this salinity and temperature; NaN of either gives NaN.
    #[inline]
    pub fn sigma(&self, salinity: f64, temperature: f64) -> f64 {
        match (self.eos, self.kinds) {
            (Eos::Teos10, Kinds::Absolute) => self.teos10.sigma(salinity, temperature),
            (Eos::Teos10, Kinds::Practical) => {
                let sa = sa_from_sp(salinity);
                self.teos10.sigma(sa, ct_from_pt(sa, temperature))
            }
            (Eos::Teos10, Kinds::ConservativePractical) => {
                self.teos10.sigma(sa_from_sp(salinity), temperature)
            }
            (Eos::Teos10, Kinds::PotentialAbsolute) => {
                self.teos10.sigma(salinity, ct_from_pt(salinity, temperature))
            }
            (Eos::Eos80, kinds) => {
                let is_absolute = matches!(kinds, Kinds::Absolute | Kinds::PotentialAbsolute);
                let sp = if is_absolute { salinity / SALINITY_FACTOR } else { salinity };
                let there = if self.pressure == 0.0 {
                    temperature
                } else {
                    potential_temperature(sp, temperature, 0.0, self.pressure)
                };
                rho_eos80(sp, there, self.pressure) - 1000.0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::teos10_checks::CHECKS;
    use super::*;

    #[test]
    fn temperature_and_salinity_may_be_of_different_kinds() {
        for (sa, pt, ct, sigma0, _, _) in CHECKS {
            let sp = sa / SALINITY_FACTOR;
            let of =
                |kinds: Kinds, s: f64, t: f64| PotentialDensity::new(Eos::Teos10, kinds, 0.0).sigma(s, t);
            for sigma in [
                of(Kinds::Absolute, sa, ct),
                of(Kinds::PotentialAbsolute, sa, pt),
                of(Kinds::ConservativePractical, sp, ct),
                of(Kinds::Practical, sp, pt),
            ] {
                assert!((sigma - sigma0).abs() < 1e-9, "{sigma} is not {sigma0}");
            }
        }
    }
}
