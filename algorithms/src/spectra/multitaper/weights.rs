//! How the eigenspectra of tapers are weighted.

/// Rounds of adaptive weights, at most; where power is far below what leaks they converge slowly.
const ROUNDS: usize = 500;
/// The change, relative, below which weights have converged.
const CONVERGED: f64 = 1e-13;

/// A weighted mean of eigenspectra at one frequency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Weighted {
    pub(super) power: f64,
    /// 2 (Σ w)² / Σ w²: that of χ² with the same mean and variance.
    pub(super) degrees_of_freedom: f64,
}

/// With fixed weights.
pub(super) fn fixed(weights: &[f64], spectra: impl Iterator<Item = f64>) -> Weighted {
    let (mut sum, mut total, mut squares) = (0.0, 0.0, 0.0);
    for (w, s) in weights.iter().zip(spectra) {
        sum += w * s;
        total += w;
        squares += w * w;
    }
    Weighted { power: sum / total, degrees_of_freedom: 2.0 * total * total / squares }
}

/// With weights d² = λ (S / (λ S + (1 − λ) σ²))², S being the mean that they lead to (Thomson 1982,
/// equations 5.2 and 5.3; Percival and Walden 1993, equations 368a and 370a); `leaking` is σ² in units
/// of the spectra. Found by repetition from the mean of the first two.
pub(super) fn adaptive(ratios: &[f64], spectra: &[f64], leaking: f64) -> Weighted {
    let first = &spectra[..spectra.len().min(2)];
    let mut power = first.iter().sum::<f64>() / first.len() as f64;
    let mut weighted = fixed(ratios, spectra.iter().copied());
    for _ in 0..ROUNDS {
        if !(power > 0.0 && power.is_finite()) {
            return weighted;
        }
        let (mut sum, mut total, mut squares) = (0.0, 0.0, 0.0);
        for (ratio, s) in ratios.iter().zip(spectra) {
            // Rounding may make a ratio greater than 1.
            let share = power / (ratio * power + (1.0 - ratio).max(0.0) * leaking);
            let w = ratio * share * share;
            sum += w * s;
            total += w;
            squares += w * w;
        }
        let before = power;
        power = sum / total;
        weighted = Weighted { power, degrees_of_freedom: 2.0 * total * total / squares };
        if (power - before).abs() <= CONVERGED * before {
            break;
        }
    }
    weighted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_those_of_their_equations() {
        let flat = fixed(&[1.0, 1.0, 1.0], [1.0, 2.0, 6.0].into_iter());
        assert_eq!((flat.power, flat.degrees_of_freedom), (3.0, 6.0));
        let (ratios, spectra, leaking) = ([0.999_999, 0.999, 0.9], [1.0, 1.3, 9.0], 20.0);
        let found = adaptive(&ratios, &spectra, leaking);
        let w = ratios.map(|l| l * (found.power / (l * found.power + (1.0 - l) * leaking)).powi(2));
        let again = fixed(&w, spectra.into_iter());
        assert!((again.power / found.power - 1.0).abs() < 1e-11);
        assert!((again.degrees_of_freedom / found.degrees_of_freedom - 1.0).abs() < 1e-11);
        // What leaks into the last counts less than with fixed weights.
        let fixed = fixed(&ratios, spectra.into_iter());
        assert!(found.power < 0.9 * fixed.power && found.degrees_of_freedom < fixed.degrees_of_freedom);
        // Nothing at all, and nothing that leaks.
        assert_eq!(adaptive(&ratios, &[0.0; 3], 0.0).power, 0.0);
        let equal = adaptive(&[1.0, 1.0], &[1.0, 3.0], 0.0);
        assert_eq!((equal.power, equal.degrees_of_freedom), (2.0, 4.0));
    }
}
