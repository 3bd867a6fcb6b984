//! Coefficients of spherical harmonics, of many maps.

use rayon::prelude::*;

/// aₙᵐ of some maps for 0 ≤ m ≤ n up to a degree: triangular, or cut off at a lower order.
#[derive(Debug, Clone, PartialEq)]
pub struct Coefficients {
    maps: usize,
    truncation: usize,
    /// Of each order the degrees from it on, of each of these real and imaginary parts of all maps.
    orders: Vec<Vec<f64>>,
}

impl Coefficients {
    pub(super) fn new(maps: usize, truncation: usize, orders: Vec<Vec<f64>>) -> Self {
        Self { maps, truncation, orders }
    }
    /// Zeros: of degrees up to `truncation` and orders up to `order`.
    pub fn zeros(maps: usize, truncation: usize, order: usize) -> Self {
        let of = |m: usize| vec![0.0; (truncation + 1 - m) * 2 * maps];
        Self { maps, truncation, orders: (0..=order.min(truncation)).map(of).collect() }
    }
    /// Number of maps.
    pub fn maps(&self) -> usize {
        self.maps
    }
    /// The highest degree.
    pub fn truncation(&self) -> usize {
        self.truncation
    }
    /// The highest order.
    pub fn highest_order(&self) -> usize {
        self.orders.len().saturating_sub(1)
    }
    /// Whether coefficients of an order are there: all are, but of maps that are divided among ranks
    /// ([`DividedTransform`](super::DividedTransform)), where [`Self::get`] and [`Self::set`] are of
    /// those of this rank only.
    pub fn holds(&self, m: usize) -> bool {
        self.orders.get(m).is_some_and(|values| !values.is_empty())
    }
    /// Whether coefficients of all orders are there ([`Self::holds`]).
    pub fn is_whole(&self) -> bool {
        self.maps == 0 || self.orders.iter().all(|values| !values.is_empty())
    }
    /// # Panics
    /// If only some orders are there: what were made of them would be no map.
    pub(super) fn must_be_whole(&self) {
        assert!(
            self.is_whole(),
            "coefficients of some orders, as a rank has them, go through `DividedTransform` only"
        );
    }
    pub(super) fn of_order(&self, m: usize) -> &[f64] {
        self.orders.get(m).map_or(&[], Vec::as_slice)
    }
    fn place(&self, map: usize, n: usize, m: usize) -> usize {
        (n - m) * 2 * self.maps + 2 * map
    }
    /// Real and imaginary part of degree `n` and order `m`, in between 0 and `n`, of a map.
    pub fn get(&self, map: usize, n: usize, m: usize) -> [f64; 2] {
        let at = self.place(map, n, m);
        [self.orders[m][at], self.orders[m][at + 1]]
    }
    /// Sets what [`Self::get`] gives.
    pub fn set(&mut self, map: usize, n: usize, m: usize, value: [f64; 2]) {
        let at = self.place(map, n, m);
        self.orders[m][at..at + 2].copy_from_slice(&value);
    }

    /// Multiplies all coefficients of degree n by `factors[n]`; of degrees beyond these by 0.
    pub fn scale(&mut self, factors: &[f64]) {
        let width = 2 * self.maps;
        self.orders.par_iter_mut().enumerate().for_each(|(m, values)| {
            for (k, row) in values.chunks_exact_mut(width.max(1)).enumerate() {
                let factor = factors.get(m + k).copied().unwrap_or(0.0);
                row.iter_mut().for_each(|v| *v *= factor);
            }
        });
    }

    /// [`Self::scale`] into new coefficients.
    #[must_use]
    pub fn scaled(&self, factors: &[f64]) -> Self {
        let mut all = self.clone();
        all.scale(factors);
        all
    }

    /// The contribution of each degree to the mean of the square over the sphere: Σ |aₙᵐ|² over
    /// orders of either sign; of each map, degrees 0 to [`Self::truncation`]. Of the orders that are
    /// there ([`Self::holds`]).
    pub fn power(&self) -> Vec<f64> {
        let degrees = self.truncation + 1;
        let mut power = vec![0.0; self.maps * degrees];
        for m in 0..self.orders.len() {
            self.terms(m, |n, map, term| power[map * degrees + n] += term);
        }
        power
    }

    /// Calls `take(degree, map, contribution)` for all coefficients of an order, with that of order -m.
    pub(super) fn terms(&self, m: usize, mut take: impl FnMut(usize, usize, f64)) {
        let twice = if m == 0 { 1.0 } else { 2.0 };
        for (k, row) in self.of_order(m).chunks_exact((2 * self.maps).max(1)).enumerate() {
            for (map, pair) in row.chunks_exact(2).enumerate() {
                take(m + k, map, twice * (pair[0] * pair[0] + pair[1] * pair[1]));
            }
        }
    }
}
