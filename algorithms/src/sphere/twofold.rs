//! Numbers of twice the precision: the sum of two doubles (Dekker 1971, Knuth).

/// `high + low`, of which the second is below half a unit in the last place of the first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Twofold {
    pub(super) high: f64,
    pub(super) low: f64,
}

impl Twofold {
    pub(super) const fn new(value: f64) -> Self {
        Self { high: value, low: 0.0 }
    }
    fn of_sum(a: f64, b: f64) -> Self {
        let high = a + b;
        let part = high - a;
        Self { high, low: (a - (high - part)) + (b - part) }
    }
    fn of_product(a: f64, b: f64) -> Self {
        let high = a * b;
        Self { high, low: a.mul_add(b, -high) }
    }
    fn tidy(high: f64, low: f64) -> Self {
        let sum = high + low;
        Self { high: sum, low: low - (sum - high) }
    }
    pub(super) fn plus(self, other: Self) -> Self {
        let sum = Self::of_sum(self.high, other.high);
        Self::tidy(sum.high, sum.low + self.low + other.low)
    }
    pub(super) fn times(self, other: Self) -> Self {
        let product = Self::of_product(self.high, other.high);
        Self::tidy(product.high, product.low + self.high * other.low + self.low * other.high)
    }
    pub(super) fn scaled(self, factor: f64) -> Self {
        self.times(Self::new(factor))
    }
    pub(super) fn over(self, divisor: f64) -> Self {
        let first = self.high / divisor;
        let rest = self.plus(Self::of_product(-first, divisor));
        Self::tidy(first, rest.value() / divisor)
    }
    pub(super) fn value(self) -> f64 {
        self.high + self.low
    }
}
