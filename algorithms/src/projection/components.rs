//! From the sums of a projection to its series.

use super::fold::{earlier, ProjectionState};
use super::patterns::Patterns;
use halocline_core::{Error, Result};

/// Pivots below this share of the first say that the cells at hand don't tell the modes apart.
const SINGULAR: f64 = 1e-10;

/// What is done about cells that are missing where there are patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// They are an error.
    Refuse,
    /// Least squares over the cells that are there, see [`Components::series`].
    Skip,
}

/// Values that are missing where there are patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// How many.
    pub values: u64,
    /// At how many times.
    pub times: usize,
    /// The first of them: time and cell.
    pub first: (usize, usize),
}

/// The sums of all steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Components {
    modes: usize,
    sums: Vec<f64>,
    missing: Vec<u64>,
    products: Vec<f64>,
    first_gap: Option<(u64, u64)>,
    first_infinite: Option<(u64, u64)>,
}

impl Components {
    /// Puts together the states of all steps, in any order.
    ///
    /// # Errors
    /// Internal, if steps are missing.
    pub fn new(times: usize, modes: usize, states: &[ProjectionState]) -> Result<Self> {
        let pairs = modes * (modes + 1) / 2;
        let mut all = Self {
            modes,
            sums: vec![f64::NAN; times * modes],
            missing: vec![0; times],
            products: Vec::new(),
            first_gap: None,
            first_infinite: None,
        };
        let mut found = 0;
        for state in states {
            let (first, steps) = (state.first, state.missing.len());
            if first + steps > times || state.sums.len() != steps * modes {
                return Err(Error::internal("the steps of a projection don't fit"));
            }
            all.sums[first * modes..(first + steps) * modes].copy_from_slice(&state.sums);
            all.missing[first..first + steps].copy_from_slice(&state.missing);
            if !state.products.is_empty() {
                all.products.resize(times * pairs, 0.0);
                all.products[first * pairs..(first + steps) * pairs].copy_from_slice(&state.products);
            }
            all.first_gap = earlier(all.first_gap, state.first_gap);
            all.first_infinite = earlier(all.first_infinite, state.first_infinite);
            found += steps;
        }
        if found == times {
            Ok(all)
        } else {
            Err(Error::internal("a projection lacks steps"))
        }
    }

    /// What is missing where there are patterns.
    pub fn gap(&self) -> Option<Gap> {
        let (time, cell) = self.first_gap?;
        let times = self.missing.iter().filter(|n| **n > 0).count();
        Some(Gap { values: self.missing.iter().sum(), times, first: (time as usize, cell as usize) })
    }
    /// The first infinite value: time and cell.
    pub fn infinite(&self) -> Option<(usize, usize)> {
        self.first_infinite.map(|(time, cell)| (time as usize, cell as usize))
    }
    /// Cells that are missing where there are patterns, at each time.
    pub fn missing(&self) -> &[u64] {
        &self.missing
    }

    /// The projections, time × modes. At times at which cells are missing they are
    /// `N (Vₐᵀ Vₐ)⁻¹ Vₐᵀ xₐ`, where a are the cells that are there and `N = Vᵀ V`: the least-squares
    /// fit of these patterns to them, and where the patterns are orthonormal nothing else. With
    /// all cells it is the plain projection, for any patterns. Missing (NaN) where the cells that
    /// are there don't tell the patterns apart.
    pub fn series(&self, patterns: &Patterns) -> Vec<f64> {
        let (k, pairs) = (self.modes, self.modes * (self.modes + 1) / 2);
        let mut series = self.sums.clone();
        if self.products.is_empty() {
            return series;
        }
        let gram = patterns.gram();
        let rows = series.chunks_mut(k.max(1)).zip(self.products.chunks(pairs.max(1)));
        for ((row, products), missing) in rows.zip(&self.missing).filter(|(_, n)| **n > 0) {
            if *missing as usize == patterns.count() {
                row.fill(f64::NAN);
                continue;
            }
            let mut left = gram.clone();
            let both = (0..k).flat_map(|i| (0..=i).map(move |j| (i, j)));
            for (product, (i, j)) in products.iter().zip(both) {
                left[i * k + j] -= product;
            }
            let solved = solve(&mut left, k, row, &gram);
            for (i, value) in row.iter_mut().enumerate() {
                *value = solved
                    .as_ref()
                    .map_or(f64::NAN, |y| y.iter().zip(&gram[i * k..(i + 1) * k]).map(|(a, b)| a * b).sum());
            }
        }
        series
    }
}

/// Solves A y = r for symmetric positive A (its lower half, which is overwritten) by Cholesky
/// factors; `None` if a pivot is small beside the diagonal of `whole`.
fn solve(a: &mut [f64], k: usize, r: &[f64], whole: &[f64]) -> Option<Vec<f64>> {
    for j in 0..k {
        let row: f64 = (0..j).map(|m| a[j * k + m] * a[j * k + m]).sum();
        let pivot = a[j * k + j] - row;
        if pivot.is_nan() || pivot <= SINGULAR * whole[j * k + j] {
            return None;
        }
        let root = pivot.sqrt();
        a[j * k + j] = root;
        for i in j + 1..k {
            let sum: f64 = (0..j).map(|m| a[i * k + m] * a[j * k + m]).sum();
            a[i * k + j] = (a[i * k + j] - sum) / root;
        }
    }
    let mut y = r.to_vec();
    for i in 0..k {
        let sum: f64 = (0..i).map(|m| a[i * k + m] * y[m]).sum();
        y[i] = (y[i] - sum) / a[i * k + i];
    }
    for i in (0..k).rev() {
        let sum: f64 = (i + 1..k).map(|m| a[m * k + i] * y[m]).sum();
        y[i] = (y[i] - sum) / a[i * k + i];
    }
    Some(y)
}
