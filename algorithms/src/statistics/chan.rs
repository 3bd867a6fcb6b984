//! Second moments that merge: Chan, Golub and Leveque (1983),
//! doi:10.1080/00031305.1983.10483115.

/// A sum of squares, of which rounding may have left less than nothing. NaN stays NaN, which
/// `f64::max` would make 0: infinite values have no spread to speak of.
#[inline]
pub(super) fn at_least_zero(squares: f64) -> f64 {
    if squares < 0.0 {
        0.0
    } else {
        squares
    }
}

/// The weight of some values, their mean, and the weighted sum of squared deviations from it.
///
/// The mean is kept as a value near it and how far it is from that, so that the differences of
/// means keep all digits however far from zero the values are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moments {
    pub(super) weight: f64,
    pub(super) centre: f64,
    pub(super) offset: f64,
    pub(super) squares: f64,
}

impl Moments {
    /// From sums about a `centre`: Σw(x − c) and Σw(x − c)².
    #[inline]
    pub(super) fn of_sums(weight: f64, centre: f64, first: f64, second: f64) -> Self {
        if weight <= 0.0 {
            return Self { weight: 0.0, centre: f64::NAN, offset: 0.0, squares: 0.0 };
        }
        let offset = first / weight;
        Self { weight, centre, offset, squares: at_least_zero(second - first * offset) }
    }
    /// Those of both together.
    #[inline]
    pub(super) fn merge(self, other: Self) -> Self {
        if other.weight <= 0.0 {
            return self;
        }
        if self.weight <= 0.0 {
            return other;
        }
        let weight = self.weight + other.weight;
        let apart = (other.centre - self.centre) + (other.offset - self.offset);
        let share = other.weight / weight;
        Self {
            weight,
            centre: self.centre,
            offset: self.offset + apart * share,
            squares: self.squares + other.squares + apart * apart * self.weight * share,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinite_values_have_no_spread() {
        for (centre, first, second) in [
            (1.0, f64::INFINITY, f64::INFINITY),
            (f64::INFINITY, f64::NAN, f64::NAN),
            (0.0, 1e200, f64::INFINITY),
        ] {
            let moments = Moments::of_sums(5.0, centre, first, second);
            assert!(!moments.squares.is_finite(), "{moments:?}");
            let finite = Moments::of_sums(3.0, 1.0, 0.5, 2.0);
            assert!(!moments.merge(finite).squares.is_finite());
            assert!(!finite.merge(moments).squares.is_finite());
        }
        assert_eq!(Moments::of_sums(3.0, 1.0, 3.0, 3.0 - 1e-12).squares, 0.0);
    }
}
