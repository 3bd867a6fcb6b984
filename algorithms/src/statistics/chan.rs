//! Second moments that merge: Chan, Golub and LeVeque (1983), doi:10.1080/00031305.1983.10483115.

/// The weight of some values, their mean, and the weighted sum of squared deviations from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moments {
    pub(super) weight: f64,
    pub(super) mean: f64,
    pub(super) squares: f64,
}

impl Moments {
    /// From sums about a `centre`: Σw(x − c) and Σw(x − c)². Moments about their own mean
    /// (`first` = 0) come out as they are.
    pub(super) fn shifted(weight: f64, centre: f64, first: f64, second: f64) -> Self {
        if weight <= 0.0 {
            return Self { weight: 0.0, mean: f64::NAN, squares: 0.0 };
        }
        let offset = first / weight;
        Self { weight, mean: centre + offset, squares: (second - first * offset).max(0.0) }
    }
    /// Those of both together.
    pub(super) fn merge(self, other: Self) -> Self {
        if other.weight <= 0.0 {
            return self;
        }
        if self.weight <= 0.0 {
            return other;
        }
        let weight = self.weight + other.weight;
        let apart = other.mean - self.mean;
        let share = other.weight / weight;
        Self {
            weight,
            mean: self.mean + apart * share,
            squares: self.squares + other.squares + apart * apart * self.weight * share,
        }
    }
}
