//! Counts and sums of weights.

use super::bins::{Bins, ABOVE, APART, BELOW, MISSING};
use serde::{Deserialize, Serialize};

/// How often each combination of bins came up, for each index along the dimensions that are kept
/// (C order), the bins of the first variable slowest; each variable has below, above and missing
/// behind its bins.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HistogramState {
    pub(super) counts: Vec<u64>,
    pub(super) sums: Vec<f64>,
}

/// What is counted beside the bins, for each index along the dimensions that are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apart {
    /// For each variable: values below its bins (of those counted as not missing).
    pub below: Vec<Vec<i64>>,
    /// For each variable: values above its bins.
    pub above: Vec<Vec<i64>>,
    /// Values (or pairs, of which one at least is) missing.
    pub missing: Vec<i64>,
}

impl HistogramState {
    /// Makes room, once.
    pub(super) fn grow(&mut self, len: usize, weighted: bool) {
        self.counts.resize(len, 0);
        self.sums.resize(if weighted { len } else { 0 }, 0.0);
    }
    /// Adds what comes behind.
    pub(super) fn add(&mut self, right: &Self) {
        if self.counts.is_empty() {
            self.clone_from(right);
            return;
        }
        self.counts.iter_mut().zip(&right.counts).for_each(|(a, b)| *a += b);
        self.sums.iter_mut().zip(&right.sums).for_each(|(a, b)| *a += b);
    }

    /// The counts in bins, C order: kept dimensions, bins of each variable.
    pub fn counts(&self, bins: &[Bins]) -> Vec<i64> {
        inside(bins, &self.counts).map(|n| n as i64).collect()
    }
    /// The sums of weights in bins, in the same order; empty without weights.
    pub fn sums(&self, bins: &[Bins]) -> Vec<f64> {
        inside(bins, &self.sums).collect()
    }

    /// Values outside of bins, and missing ones.
    pub fn apart(&self, bins: &[Bins]) -> Apart {
        let widths: Vec<usize> = bins.iter().map(|b| b.len() + APART).collect();
        let table: usize = widths.iter().product();
        let tables = self.counts.len() / table.max(1);
        let zero = || vec![vec![0i64; tables]; bins.len()];
        let mut apart = Apart { below: zero(), above: zero(), missing: vec![0; tables] };
        for (i, &n) in self.counts.iter().enumerate().filter(|(_, n)| **n > 0) {
            let (at, mut rest) = (i / table, i % table);
            let mut codes = vec![0; bins.len()];
            for k in (0..bins.len()).rev() {
                codes[k] = rest % widths[k];
                rest /= widths[k];
            }
            if codes.iter().zip(bins).any(|(&code, b)| code == b.len() + MISSING) {
                apart.missing[at] += n as i64;
                continue;
            }
            for (k, &code) in codes.iter().enumerate() {
                apart.below[k][at] += if code == bins[k].len() + BELOW { n as i64 } else { 0 };
                apart.above[k][at] += if code == bins[k].len() + ABOVE { n as i64 } else { 0 };
            }
        }
        apart
    }
}

/// What lies in bins.
fn inside<'a, T: Copy>(bins: &[Bins], values: &'a [T]) -> impl Iterator<Item = T> + 'a {
    let widths: Vec<usize> = bins.iter().map(|b| b.len() + APART).collect();
    let inner: Vec<usize> = bins.iter().map(Bins::len).collect();
    values.iter().enumerate().filter_map(move |(i, &v)| {
        let mut rest = i;
        let is_in = widths.iter().zip(&inner).rev().all(|(w, n)| {
            let code = rest % w;
            rest /= w;
            code < *n
        });
        is_in.then_some(v)
    })
}

/// A state while values are counted.
pub(super) struct Table<'a> {
    state: &'a mut HistogramState,
    len: usize,
    /// Two tables that take turns, to be added to a single small one; empty else.
    turns: [Vec<u32>; 2],
    /// Values counted in them, so that no count overflows.
    counted: usize,
}

impl<'a> Table<'a> {
    pub(super) fn new(state: &'a mut HistogramState, len: usize, single: bool, small: usize) -> Self {
        let turn = || if single && len <= small { vec![0; len] } else { Vec::new() };
        Self { state, len, turns: [turn(), turn()], counted: 0 }
    }

    /// Counts the codes of a row, in the table of the step and the slot of the cell.
    pub(super) fn count(&mut self, codes: &[u32], of_step: usize, slots: Option<&[u32]>) {
        if let Some(slots) = slots {
            let base = of_step;
            for (&code, &slot) in codes.iter().zip(slots) {
                self.state.counts[(base + slot as usize) * self.len + code as usize] += 1;
            }
            return;
        }
        // On land all is missing, cell after cell: to count each where the one before was counted
        // would take the longest of all. It is the last code of a table.
        let missing = self.len as u32 - 1;
        let mut land = 0;
        let [even, odd] = &mut self.turns;
        if even.is_empty() {
            let table = &mut self.state.counts[of_step * self.len..][..self.len];
            for &code in codes {
                if code == missing {
                    land += 1;
                } else {
                    table[code as usize] += 1;
                }
            }
            table[missing as usize] += land;
            return;
        }
        let pairs = codes.chunks_exact(2);
        pairs.remainder().iter().for_each(|&code| even[code as usize] += 1);
        for pair in pairs {
            if pair == [missing, missing] {
                land += 2;
                continue;
            }
            even[pair[0] as usize] += 1;
            odd[pair[1] as usize] += 1;
        }
        even[missing as usize] += land as u32;
        self.counted += codes.len();
        if self.counted > u32::MAX as usize / 2 {
            self.add_turns();
        }
    }

    /// Adds the weights of a row.
    pub(super) fn weigh(&mut self, codes: &[u32], of_step: usize, slots: Option<&[u32]>, weights: &[f64]) {
        for (i, (&code, &weight)) in codes.iter().zip(weights).enumerate() {
            let slot = slots.map_or(0, |s| s[i] as usize);
            self.state.sums[(of_step + slot) * self.len + code as usize] += weight;
        }
    }

    fn add_turns(&mut self) {
        for turn in &mut self.turns {
            self.state.counts.iter_mut().zip(turn).for_each(|(n, m)| *n += u64::from(std::mem::take(m)));
        }
        self.counted = 0;
    }
    /// Puts everything into the state.
    pub(super) fn done(mut self) {
        self.add_turns();
    }
}
