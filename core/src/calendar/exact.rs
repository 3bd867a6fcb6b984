//! Arithmetic that rounds once: a floating-point number is a fraction, and stays one.

/// A fraction whose denominator is positive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fraction {
    pub(super) numerator: i128,
    pub(super) denominator: i128,
}

/// Numbers are cut below 2 to the minus this: of the largest unit that is far less than a
/// microsecond, and products stay in 128 bits.
const LOWEST_BIT: i32 = 80;

impl Fraction {
    /// `value * numerator / denominator`. The value is finite and the product below 1e21, the
    /// numerator below 2^40, the denominator at most 1000.
    pub(super) fn scaled(value: f64, numerator: i64, denominator: i64) -> Self {
        let bits = value.to_bits();
        let exponent = ((bits >> 52) & 0x7ff) as i32;
        let fraction = (bits & ((1 << 52) - 1)) as i64;
        let magnitude = if exponent == 0 { fraction } else { fraction | (1 << 52) };
        let mut mantissa = if value.is_sign_negative() { -magnitude } else { magnitude };
        let mut power = exponent.max(1) - 1075;
        if power < -LOWEST_BIT {
            mantissa >>= (-LOWEST_BIT - power).min(63);
            power = -LOWEST_BIT;
        }
        let product = i128::from(mantissa) * i128::from(numerator);
        let denominator = i128::from(denominator);
        if power >= 0 {
            Self { numerator: product << power, denominator }
        } else {
            Self { numerator: product, denominator: denominator << -power }
        }
    }

    /// The largest whole number not above.
    pub(super) fn floor(self) -> i128 {
        self.numerator.div_euclid(self.denominator)
    }

    /// The nearest whole number, the even one of two.
    pub(super) fn nearest(self) -> i128 {
        let floor = self.floor();
        let twice = 2 * (self.numerator - floor * self.denominator);
        let up = twice > self.denominator || (twice == self.denominator && floor % 2 != 0);
        floor + i128::from(up)
    }

    /// The nearest whole number, but a whole million where one is closer than 1: a time that
    /// was a whole number of seconds before it became floating point is one again.
    pub(super) fn nearest_snapped(self) -> i128 {
        let nearest = self.nearest();
        match nearest.rem_euclid(1_000_000) {
            1 => self.floor(),
            999_999 => -Self { numerator: -self.numerator, ..self }.floor(),
            _ => nearest,
        }
    }
}

/// `n / d`, correctly rounded; `d` is positive and below 2^70.
pub(super) fn quotient(n: i128, d: i128) -> f64 {
    if n == 0 {
        return 0.0;
    }
    let magnitude = n.unsigned_abs();
    let d = d.unsigned_abs();
    // With over 55 bits in the quotient and a last bit for the remainder, the conversion to
    // f64 rounds as if it saw all bits.
    let shift = magnitude.leading_zeros();
    let shifted = magnitude << shift;
    let q = (shifted / d) | u128::from(shifted % d != 0);
    let value = q as f64 * 0.5_f64.powi(shift as i32);
    if n < 0 {
        -value
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotient_agrees_with_the_division_of_exact_numbers() {
        for n in [1_i128, 7, 86_400_000_000, 63_072_000_000_001, (1 << 53) - 1, -5, -86_399_999_999] {
            for d in [1_i128, 3, 1000, 86_400_000_000, 604_800_000_000] {
                assert_eq!(quotient(n, d), n as f64 / d as f64, "{n}/{d}");
            }
        }
    }

    #[test]
    fn scaled_rounds_half_to_even_and_takes_any_size() {
        let nearest = |v: f64, n, d| Fraction::scaled(v, n, d).nearest();
        assert_eq!(nearest(0.5, 1, 1), 0);
        assert_eq!(nearest(1.5, 1, 1), 2);
        assert_eq!(nearest(-0.5, 1, 1), 0);
        assert_eq!(nearest(-1.5, 1, 1), -2);
        assert_eq!(nearest(1499.0, 1, 1000), 1);
        assert_eq!(nearest(5e-324, 604_800_000_000, 1), 0);
        assert_eq!(nearest(-5e-324, 604_800_000_000, 1), 0);
        assert_eq!(nearest(2f64.powi(65), 1, 1), 1 << 65);
        assert_eq!(nearest(-0.0, 86_400_000_000, 1), 0);
    }
}
