//! How much values count.

/// The weight of a value: the product of what its step, its index along each dimension in space,
/// and its place on the ground count. Weights along dimensions that are not reduced would cancel,
/// and are not asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weights {
    /// One for each step; empty: 1.
    pub steps: Vec<f64>,
    /// For each dimension behind time one weight for each index; empty: 1.
    pub along: Vec<Vec<f64>>,
    /// For each index of the last two dimensions, C order; empty: 1. Then [`Self::along`] of the
    /// last one is empty.
    pub ground: Vec<f64>,
    /// Global length of the last dimension, where there are weights on the ground.
    pub ground_width: usize,
}

impl Weights {
    /// Whether all values count alike.
    pub fn is_none(&self) -> bool {
        self.steps.is_empty() && self.ground.is_empty() && self.along.iter().all(Vec::is_empty)
    }
    /// What a step counts.
    pub(super) fn of_step(&self, step: usize) -> f64 {
        self.steps.get(step).copied().unwrap_or(1.0)
    }
    /// What index `i` along the `k`-th dimension behind time counts.
    pub(crate) fn of_index(&self, k: usize, i: usize) -> f64 {
        self.along.get(k).and_then(|w| w.get(i)).copied().unwrap_or(1.0)
    }
}
