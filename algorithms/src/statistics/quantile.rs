//! Where a quantile lies among sorted values, by the definitions in use.
//!
//! Hyndman and Fan (1996), "Sample quantiles in statistical packages", The American Statistician
//! 50, 361-365, doi:10.1080/00031305.1996.10473566. The arithmetic is that of numpy, so that
//! results agree to the last bit.

/// Which of the definitions. With n values x₀ ≤ … ≤ xₙ₋₁ and 0 ≤ q ≤ 1, a quantile is x at the
/// place h, which counts from 0 and is clamped to 0 and n − 1; between two values the continuous
/// definitions interpolate linearly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum QuantileMethod {
    /// h = (n − 1) q: type 7 of Hyndman and Fan, the default of numpy, xarray and R.
    #[default]
    Linear,
    /// The value at ⌊(n − 1) q⌋.
    Lower,
    /// The value at ⌈(n − 1) q⌉.
    Higher,
    /// The value at (n − 1) q rounded, halves to the even place.
    Nearest,
    /// The middle of `Lower` and `Higher`.
    Midpoint,
    /// h = nq − ½: type 5.
    Hazen,
    /// h = (n + 1) q − 1: type 6, the one of NIST.
    Weibull,
    /// h = (n + ⅓) q − ⅔: type 8, about unbiased for the median whatever the distribution.
    MedianUnbiased,
    /// h = (n + ¼) q − ⅝: type 9, about unbiased for normal distributions.
    NormalUnbiased,
    /// The value at ⌈nq⌉ − 1: type 1, the nearest rank.
    InvertedCdf,
}

/// Where a quantile lies: `weight` of the way from one value to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub(super) low: usize,
    pub(super) high: usize,
    pub(super) weight: f64,
}

impl QuantileMethod {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Linear,
        Self::Lower,
        Self::Higher,
        Self::Nearest,
        Self::Midpoint,
        Self::Hazen,
        Self::Weibull,
        Self::MedianUnbiased,
        Self::NormalUnbiased,
        Self::InvertedCdf,
    ];

    /// Its name in numpy.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Lower => "lower",
            Self::Higher => "higher",
            Self::Nearest => "nearest",
            Self::Midpoint => "midpoint",
            Self::Hazen => "hazen",
            Self::Weibull => "weibull",
            Self::MedianUnbiased => "median_unbiased",
            Self::NormalUnbiased => "normal_unbiased",
            Self::InvertedCdf => "inverted_cdf",
        }
    }

    /// The method of this name: numpy's, or CDO's `nist` (`weibull`), `nrank` (`inverted_cdf`)
    /// and `rtype8` (`median_unbiased`).
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "nist" => Some(Self::Weibull),
            "nrank" => Some(Self::InvertedCdf),
            "rtype8" => Some(Self::MedianUnbiased),
            _ => Self::ALL.into_iter().find(|method| method.name() == name),
        }
    }

    /// Where the quantile `q` of `count` (at least one) values lies.
    pub(super) fn place(self, count: usize, q: f64) -> Place {
        let n = count as f64;
        let last = count - 1;
        let at = |index: f64| {
            let index = (index.max(0.0) as usize).min(last);
            Place { low: index, high: index, weight: 0.0 }
        };
        let between = |h: f64, weight: Option<f64>| {
            if h >= last as f64 {
                return at(last as f64);
            }
            if h < 0.0 {
                return at(0.0);
            }
            let low = h.floor();
            Place { low: low as usize, high: low as usize + 1, weight: weight.unwrap_or(h - low) }
        };
        let of_family =
            |alpha: f64, beta: f64| between(n * q + (alpha + q * (1.0 - alpha - beta)) - 1.0, None);
        let linear = (n - 1.0) * q;
        match self {
            Self::Linear => between(linear, None),
            Self::Lower => at(linear.floor()),
            Self::Higher => at(linear.ceil()),
            Self::Nearest => at(linear.round_ties_even()),
            Self::Midpoint if linear.fract() == 0.0 => at(linear),
            Self::Midpoint => between(linear, Some(0.5)),
            Self::Hazen => of_family(0.5, 0.5),
            Self::Weibull => of_family(0.0, 0.0),
            Self::MedianUnbiased => of_family(1.0 / 3.0, 1.0 / 3.0),
            Self::NormalUnbiased => of_family(3.0 / 8.0, 3.0 / 8.0),
            // ⌈nq⌉ - 1, but as numpy rounds it.
            Self::InvertedCdf => at((n * q - 1.0).ceil()),
        }
    }
}

impl Place {
    /// The quantile, from the values at both sides.
    pub(super) fn value(self, low: f64, high: f64) -> f64 {
        // Infinite neighbours that are equal have no difference, and between an infinite and a
        // finite one there is only the infinite.
        if self.weight == 0.0 || low == high || (low.is_infinite() && high.is_finite()) {
            return low;
        }
        if high.is_infinite() && low.is_finite() {
            return high;
        }
        let apart = high - low;
        if self.weight < 0.5 {
            low + apart * self.weight
        } else {
            high - apart * (1.0 - self.weight)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_numpy_and_cdo() {
        for method in QuantileMethod::ALL {
            assert_eq!(QuantileMethod::from_name(method.name()), Some(method));
        }
        assert_eq!(QuantileMethod::from_name("nist"), Some(QuantileMethod::Weibull));
        assert_eq!(QuantileMethod::from_name("nearly"), None);
    }

    #[test]
    fn the_ends_are_the_extremes() {
        for method in QuantileMethod::ALL {
            for n in [1, 2, 3, 10, 1200] {
                let place = method.place(n, 0.0);
                assert_eq!((place.low, place.weight), (0, 0.0), "{method:?} {n}");
                let place = method.place(n, 1.0);
                assert_eq!((place.low, place.high), (n - 1, n - 1), "{method:?} {n}");
            }
        }
    }

    #[test]
    fn infinities_stay() {
        let place = QuantileMethod::Linear.place(4, 0.5);
        assert_eq!(place.value(f64::INFINITY, f64::INFINITY), f64::INFINITY);
        assert_eq!(place.value(f64::NEG_INFINITY, f64::NEG_INFINITY), f64::NEG_INFINITY);
        assert_eq!(place.value(1.0, f64::INFINITY), f64::INFINITY);
        assert_eq!(place.value(f64::NEG_INFINITY, 1.0), f64::NEG_INFINITY);
    }
}
