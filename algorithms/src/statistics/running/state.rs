//! What is kept of the values in a part of a window.

/// What is known of some consecutive values; missing ones are skipped.
pub(super) trait State: Copy {
    const NONE: Self;
    fn of(value: f64) -> Self;
    /// Both, this one first.
    fn and(self, later: Self) -> Self;
}

#[derive(Clone, Copy)]
pub(super) struct Sum {
    pub(super) n: f64,
    pub(super) sum: f64,
}
impl State for Sum {
    const NONE: Self = Self { n: 0.0, sum: 0.0 };
    fn of(value: f64) -> Self {
        if value.is_nan() {
            return Self::NONE;
        }
        Self { n: 1.0, sum: value }
    }
    fn and(self, later: Self) -> Self {
        Self { n: self.n + later.n, sum: self.sum + later.sum }
    }
}

/// The sum of squares.
#[derive(Clone, Copy)]
pub(super) struct Squares {
    pub(super) n: f64,
    pub(super) sum: f64,
}
impl State for Squares {
    const NONE: Self = Self { n: 0.0, sum: 0.0 };
    fn of(value: f64) -> Self {
        if value.is_nan() {
            return Self::NONE;
        }
        Self { n: 1.0, sum: value * value }
    }
    fn and(self, later: Self) -> Self {
        Self { n: self.n + later.n, sum: self.sum + later.sum }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Extremes {
    pub(super) n: f64,
    pub(super) least: f64,
    pub(super) greatest: f64,
}
impl State for Extremes {
    const NONE: Self = Self { n: 0.0, least: f64::INFINITY, greatest: f64::NEG_INFINITY };
    fn of(value: f64) -> Self {
        if value.is_nan() {
            return Self::NONE;
        }
        Self { n: 1.0, least: value, greatest: value }
    }
    fn and(self, later: Self) -> Self {
        Self {
            n: self.n + later.n,
            least: self.least.min(later.least),
            greatest: self.greatest.max(later.greatest),
        }
    }
}

/// The mean, and the sum of squared deviations from it, which meet as Chan, Golub and `LeVeque`
/// (1983) have it, doi:10.1080/00031305.1983.10483115.
#[derive(Clone, Copy)]
pub(super) struct Moments {
    pub(super) n: f64,
    pub(super) mean: f64,
    pub(super) squares: f64,
}
impl State for Moments {
    const NONE: Self = Self { n: 0.0, mean: 0.0, squares: 0.0 };
    fn of(value: f64) -> Self {
        if value.is_nan() {
            return Self::NONE;
        }
        // Infinite values have no spread to speak of.
        Self { n: 1.0, mean: value, squares: if value.is_infinite() { f64::NAN } else { 0.0 } }
    }
    fn and(self, later: Self) -> Self {
        if later.n == 0.0 {
            return self;
        }
        if self.n == 0.0 {
            return later;
        }
        let n = self.n + later.n;
        let apart = later.mean - self.mean;
        let share = later.n / n;
        Self {
            n,
            mean: self.mean + apart * share,
            squares: self.squares + later.squares + apart * apart * self.n * share,
        }
    }
}
