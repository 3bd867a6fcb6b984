//! Mother wavelets.

use halocline_core::{Error, Result};
use std::f64::consts::{LN_2, PI};
use std::str::FromStr;

/// A mother wavelet ψ₀, by its Fourier transform (Torrence and Compo 1998, table 1). All have the
/// energy 1: ∫ |ψ̂₀|² dω = 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mother {
    /// A plane wave of the angular frequency ω₀ in a Gaussian: π^(−1/4) exp(−(sω − ω₀)²/2), ω > 0.
    Morlet(f64),
    /// Of the order m: 2^m (sω)^m exp(−sω) / √(m (2m − 1)!), ω > 0.
    Paul(u32),
    /// The derivative m of a Gaussian, m even: −i^m (sω)^m exp(−(sω)²/2) / √Γ(m + 1/2).
    Dog(u32),
}

/// What Torrence and Compo found for reconstructions and averages (table 2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Empirical {
    /// `C_δ`: of the reconstruction of a delta.
    reconstruction: f64,
    /// γ: decorrelation in time.
    pub(super) time: f64,
    /// δj₀: decorrelation in scale.
    pub(super) scale: f64,
}

/// The greatest order, beyond which factorials lose their digits.
const GREATEST: u32 = 40;

impl FromStr for Mother {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        let unknown = || {
            Error::usage(format!("there is no wavelet `{word}`"))
                .remedy("choose morlet:W0 (5 to 100), paul:M (1 to 40) or dog:M (2, 4 … 40)")
        };
        let (name, number) = word.split_once(':').map_or((word, None), |(name, number)| (name, Some(number)));
        let whole = |usual: u32| {
            let m = number.map_or(Ok(usual), str::parse).map_err(|_| unknown())?;
            if (1..=GREATEST).contains(&m) {
                Ok(m)
            } else {
                Err(unknown())
            }
        };
        match name {
            "morlet" => {
                let w0 = number.map_or(Ok(6.0), str::parse::<f64>).map_err(|_| unknown())?;
                // Less has a mean, and is no wavelet.
                if (5.0..=100.0).contains(&w0) {
                    Ok(Self::Morlet(w0))
                } else {
                    Err(unknown())
                }
            }
            "paul" => Ok(Self::Paul(whole(4)?)),
            "dog" => whole(2).and_then(|m| if m % 2 == 0 { Ok(Self::Dog(m)) } else { Err(unknown()) }),
            _ => Err(unknown()),
        }
    }
}

impl Mother {
    /// As users write it.
    pub fn name(self) -> String {
        match self {
            Self::Morlet(w0) => format!("morlet:{w0}"),
            Self::Paul(m) => format!("paul:{m}"),
            Self::Dog(m) => format!("dog:{m}"),
        }
    }
    /// Whether it is complex: has no negative frequencies.
    pub const fn is_complex(self) -> bool {
        !matches!(self, Self::Dog(_))
    }
    /// Its transform at sω > 0; of a real one the same at −sω.
    pub(super) fn at(self, x: f64) -> f64 {
        match self {
            Self::Morlet(w0) => PI.powf(-0.25) * (-0.5 * (x - w0) * (x - w0)).exp(),
            // By logarithms: powers and factorials of high orders are large.
            Self::Paul(m) => (f64::from(m) * (2.0 * x).ln() - x - 0.5 * paul_norm(m)).exp(),
            Self::Dog(m) => {
                let sign = if m % 4 == 0 { -1.0 } else { 1.0 };
                sign * (f64::from(m) * x.ln() - 0.5 * x * x - 0.5 * ln_gamma_half(m)).exp()
            }
        }
    }
    /// The Fourier period of a scale, over that scale.
    pub fn period_factor(self) -> f64 {
        match self {
            Self::Morlet(w0) => 4.0 * PI / (w0 + (2.0 + w0 * w0).sqrt()),
            Self::Paul(m) => 4.0 * PI / (2.0 * f64::from(m) + 1.0),
            Self::Dog(m) => 2.0 * PI / (f64::from(m) + 0.5).sqrt(),
        }
    }
    /// The e-folding time of what an edge adds, over the scale.
    pub fn folding_factor(self) -> f64 {
        match self {
            Self::Paul(_) => std::f64::consts::FRAC_1_SQRT_2,
            Self::Morlet(_) | Self::Dog(_) => std::f64::consts::SQRT_2,
        }
    }
    /// Degrees of freedom of the power at one time and scale.
    pub const fn degrees_of_freedom(self) -> f64 {
        if self.is_complex() {
            2.0
        } else {
            1.0
        }
    }
    /// What is tabulated of it.
    pub(super) fn empirical(self) -> Option<Empirical> {
        let of = |reconstruction, time, scale| Some(Empirical { reconstruction, time, scale });
        match self {
            Self::Morlet(6.0) => of(0.776, 2.32, 0.60),
            Self::Paul(4) => of(1.132, 1.17, 1.5),
            Self::Dog(2) => of(3.541, 1.43, 1.4),
            Self::Dog(6) => of(1.966, 1.37, 0.97),
            _ => None,
        }
    }
    /// `C_δ`: as tabulated, or else `√(2π) / (ψ₀(0) ln 2) ∫ ψ̂₀(u) du/u` (half of it for complex ones), what
    /// equation 13 of Torrence and Compo is in the limit of many scales.
    pub fn reconstruction(self) -> f64 {
        if let Some(known) = self.empirical() {
            return known.reconstruction;
        }
        let sides = if self.is_complex() { 0.5 } else { 1.0 };
        sides * (2.0 * PI).sqrt() / LN_2 * self.over_scales(f64::abs) / self.at_middle()
    }
    /// What equation 14 of Torrence and Compo gives in the limit of many scales, over the variance:
    /// `2π ∫ |ψ̂₀(u)|² du/u / (C_δ ln 2)` (half of it for complex ones). Not 1, as `C_δ` is that of a delta.
    pub fn closure(self) -> f64 {
        let sides = if self.is_complex() { 0.5 } else { 1.0 };
        sides * 2.0 * PI / LN_2 * self.over_scales(|v| v * v) / self.reconstruction()
    }
    /// ∫ f(ψ̂₀(u)) du/u over u > 0, evenly in ln u.
    fn over_scales(self, f: impl Fn(f64) -> f64) -> f64 {
        const STEP: f64 = 1.0 / 128.0;
        // Nothing is left beyond these.
        (-1280..=1280).map(|n| f(self.at((f64::from(n) * STEP).exp())) * STEP).sum()
    }
    /// |ψ₀(0)|.
    fn at_middle(self) -> f64 {
        match self {
            Self::Morlet(_) => PI.powf(-0.25),
            Self::Paul(m) => {
                let m = f64::from(m);
                (m * LN_2 + ln_factorial(m) - 0.5 * (PI.ln() + ln_factorial(2.0 * m))).exp()
            }
            // The Hermite polynomial m at 0: (m − 1)!!.
            Self::Dog(m) => {
                let odd: f64 = (1..m).step_by(2).map(|k| f64::from(k).ln()).sum();
                (odd - 0.5 * ln_gamma_half(m)).exp()
            }
        }
    }
}

fn ln_factorial(n: f64) -> f64 {
    (1..=n as u32).map(|k| f64::from(k).ln()).sum()
}

/// ln of m (2m − 1)!.
fn paul_norm(m: u32) -> f64 {
    f64::from(m).ln() + ln_factorial(2.0 * f64::from(m) - 1.0)
}

/// ln Γ(m + 1/2).
fn ln_gamma_half(m: u32) -> f64 {
    0.5 * PI.ln() + (0..m).map(|k| (f64::from(k) + 0.5).ln()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        for (word, mother) in [
            ("morlet", Mother::Morlet(6.0)),
            ("morlet:8.5", Mother::Morlet(8.5)),
            ("paul", Mother::Paul(4)),
            ("dog:6", Mother::Dog(6)),
        ] {
            assert_eq!(word.parse::<Mother>().unwrap(), mother);
        }
        assert_eq!(Mother::Dog(2).name(), "dog:2");
        for odd in ["", "haar", "morlet:2", "morlet:x", "paul:0", "paul:41", "dog:3", "dog:-2", "morlet:nan"]
        {
            assert!(odd.parse::<Mother>().is_err(), "{odd}");
        }
    }

    #[test]
    fn wavelets_have_the_energy_one_and_the_constants_of_the_paper() {
        for mother in [Mother::Morlet(6.0), Mother::Paul(4), Mother::Dog(2), Mother::Dog(6), Mother::Paul(40)]
        {
            let step = 1.0 / 64.0;
            let sides = if mother.is_complex() { 1.0 } else { 2.0 };
            let energy: f64 = (1..20_000).map(|k| mother.at(f64::from(k) * step).powi(2) * step).sum();
            assert!((sides * energy - 1.0).abs() < 1e-6, "{mother:?}: {energy}");
        }
        // Table 1: periods over scales. Table 2: ψ₀(0).
        for (mother, period, middle) in [
            (Mother::Morlet(6.0), 1.033, 0.751),
            (Mother::Paul(4), 1.396, 1.079),
            (Mother::Dog(2), 3.974, 0.867),
            (Mother::Dog(6), 2.465, 0.884),
        ] {
            assert!((mother.period_factor() - period).abs() < 1e-3, "{mother:?}");
            assert!((mother.at_middle() - middle).abs() < 1e-3, "{mother:?}");
        }
    }

    #[test]
    fn what_is_not_tabulated_is_computed() {
        // The closed forms: Paul 2^m (m − 1)!/√…, and of the Gaussian's derivatives 2^(m/2 − 1) Γ(m/2)/√….
        let of =
            |sides: f64, integral: f64, middle: f64| sides * (2.0 * PI).sqrt() / LN_2 * integral / middle;
        let paul6 = 64.0 * 120.0 / (6.0f64 * 39_916_800.0).sqrt();
        assert!(
            (Mother::Paul(6).reconstruction() / of(0.5, paul6, Mother::Paul(6).at_middle()) - 1.0).abs()
                < 1e-9
        );
        let dog4 = 2.0 / (0.5 * ln_gamma_half(4)).exp();
        assert!(
            (Mother::Dog(4).reconstruction() / of(1.0, dog4, Mother::Dog(4).at_middle()) - 1.0).abs() < 1e-9
        );
        // Near what Torrence and Compo found by finite sums.
        assert!((Mother::Morlet(6.000_001).reconstruction() - 0.776).abs() < 4e-3);
        assert!(
            (Mother::Paul(4).closure() - 1.0).abs() < 0.3
                && (Mother::Morlet(6.0).closure() - 1.0).abs() < 0.02
        );
        assert_eq!(Mother::Dog(4).empirical(), None);
    }
}
