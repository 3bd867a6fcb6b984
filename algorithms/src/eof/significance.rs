//! Which modes are more than chance: effective sample sizes, rule N and the bootstrap, of the
//! plain EOFs of one or of several fields.
//!
//! Replicates are shared by the ranks: number i is drawn on rank i modulo their count, from its
//! own stream of random numbers, and all are ordered by number before anything is made of them.

use super::kernels::Solved;
use super::options::{EofOptions, Method, Rotated};
use crate::modes::{
    effective_sample_size, exceedance, fractions, north_errors, quantiles, separated,
    spatial_degrees_of_freedom, Bootstrap, Kernel, Memory, Moment, RuleN,
};
use halocline_core::engine::Engine;
use halocline_core::{Error, Result};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How many cells the noise of rule N has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoiseCells {
    /// The spatial degrees of freedom of the field, (Σλ)² / Σλ², rounded.
    Effective,
    /// The cells with data.
    All,
}

/// Rule N.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noise {
    /// Fields of white noise.
    pub replicates: usize,
    /// Their cells.
    pub cells: NoiseCells,
}

/// The bootstrap over times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resampling {
    /// Series of times drawn with replacement.
    pub replicates: usize,
    /// Successive times that are drawn together.
    pub block: usize,
}

/// What is tested of the modes, and how.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tests {
    /// Sampling errors with effective sample sizes.
    pub north_effective: bool,
    /// Rule N.
    pub rule_n: Option<Noise>,
    /// The bootstrap.
    pub bootstrap: Option<Resampling>,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Probability that noise stays below the threshold of rule N, and that of bootstrap
    /// intervals; between 0 and 1.
    pub confidence: f64,
}

impl Default for Tests {
    fn default() -> Self {
        Self { north_effective: false, rule_n: None, bootstrap: None, seed: 1, confidence: 0.95 }
    }
}

/// Sampling errors λ √(2 / N) with the effective sample size N of each principal component.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectiveErrors {
    /// Effective sample sizes for a variance, from the autocorrelation at lag 1.
    pub lag1: Vec<f64>,
    /// The same from the sum over lags (Bretherton et al. 1999), which the errors use.
    pub lags: Vec<f64>,
    /// The errors, in units of eigenvalues.
    pub errors: Vec<f64>,
    /// Whether λ ± error overlaps with that of neither neighbour among the modes that are there.
    pub separated: Vec<bool>,
}

/// What rule N found.
#[derive(Debug, Clone, PartialEq)]
pub struct NoiseShares {
    /// Cells of the noise, before rounding.
    pub cells: f64,
    /// The share of the variance that each mode of noise stays below with the probability asked
    /// for; NaN for modes that the noise does not have.
    pub thresholds: Vec<f64>,
    /// The share of replicates, the field counted as one, whose mode takes as much of the
    /// variance or more; NaN where there is no threshold.
    pub p_values: Vec<f64>,
}

/// Percentiles over bootstrap replicates.
#[derive(Debug, Clone, PartialEq)]
pub struct Intervals {
    /// The lower end, the median and the upper end, as probabilities.
    pub probabilities: [f64; 3],
    /// Eigenvalues: one row for each of the probabilities.
    pub eigenvalues: Vec<Vec<f64>>,
    /// Variance fractions, likewise.
    pub fractions: Vec<Vec<f64>>,
}

/// What the tests found; the same on every rank.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Significance {
    /// Sampling errors with effective sample sizes.
    pub north: Option<EffectiveErrors>,
    /// Rule N.
    pub rule_n: Option<NoiseShares>,
    /// The bootstrap.
    pub bootstrap: Option<Intervals>,
}

impl Tests {
    /// Whether anything is tested.
    pub const fn any(&self) -> bool {
        self.north_effective || self.rule_n.is_some() || self.bootstrap.is_some()
    }
    /// Whether the covariance between times is needed, even of fewer cells than times.
    pub(super) const fn needs_kernel(&self) -> bool {
        self.bootstrap.is_some() || matches!(self.rule_n, Some(Noise { cells: NoiseCells::Effective, .. }))
    }
    /// How many matrices of times × times of doubles a rank holds for this, when `threads` work
    /// on replicates.
    pub fn matrices(&self, threads: usize) -> u64 {
        // The kernel, and that on its way to other ranks; of a replicate its own, the solver's
        // copies and vectors.
        match (self.bootstrap, self.needs_kernel()) {
            (Some(_), _) => 2 + 5 * threads as u64,
            (None, true) => 2,
            (None, false) => 0,
        }
    }
    /// Refuses what can't be tested.
    ///
    /// # Errors
    /// [`Usage`](halocline_core::ErrorKind::Usage) for other than plain, unrotated EOFs, no
    /// replicates, a confidence that is not between 0 and 1, or an empty block.
    pub fn check(&self, options: &EofOptions) -> Result<()> {
        if !self.any() {
            return Ok(());
        }
        if !matches!(options.method, Method::Plain) || options.rotated != Rotated::No {
            return Err(Error::usage("extended, complex and rotated EOFs have no tests of significance")
                .remedy("leave --significance out"));
        }
        if !(self.confidence > 0.0 && self.confidence < 1.0) {
            return Err(Error::usage(format!("{} is no confidence", self.confidence))
                .remedy("choose one between 0 and 1, such as 0.95"));
        }
        let replicates = [self.rule_n.map(|r| r.replicates), self.bootstrap.map(|b| b.replicates)];
        if replicates.into_iter().flatten().any(|n| n == 0) {
            return Err(Error::usage("there are no replicates").remedy("ask for some hundreds"));
        }
        if self.bootstrap.is_some_and(|b| b.block == 0) {
            return Err(
                Error::usage("the blocks of the bootstrap are empty").remedy("choose a length of 1 or more")
            );
        }
        Ok(())
    }
}

/// The kernel of all fields together, where `kernels` are; `factors` multiply the fields.
///
/// # Collective
/// Every rank calls this.
pub(super) fn together(
    engine: &Engine,
    kernels: Option<Vec<Kernel>>,
    factors: &[f64],
) -> Result<Option<Kernel>> {
    let one = |mut kernels: Vec<Kernel>| match kernels.len() {
        1 => Ok(kernels.swap_remove(0)),
        _ => Kernel::scaled_sum(&factors.iter().copied().zip(&kernels).collect::<Vec<_>>()),
    };
    engine.comm().agree(kernels.map(one).transpose())
}

/// Tests modes; `kernel` is on rank 0 if [`Tests::needs_kernel`] says so.
///
/// # Collective
/// Every rank calls this.
pub(super) fn test(
    engine: &Engine,
    kernel: Option<Kernel>,
    tests: &Tests,
    solved: &Solved,
    cells: usize,
) -> Result<Significance> {
    let mut found = Significance::default();
    // Without variance there is nothing to test, and another error to come.
    if !tests.any() || solved.trace <= 0.0 {
        return Ok(found);
    }
    let freedom = solved.times as f64 - 1.0;
    let eigenvalues: Vec<f64> = solved.values.iter().map(|v| v / freedom).collect();
    if tests.north_effective {
        let sizes = |memory| -> Vec<f64> {
            solved
                .units
                .chunks(solved.times)
                .map(|u| effective_sample_size(u, memory, Moment::Variance))
                .collect()
        };
        let (lag1, lags) = (sizes(Memory::Lag1), sizes(Memory::Lags));
        let errors = north_errors(&eigenvalues, &lags);
        let separated = separated(&eigenvalues, &errors);
        found.north = Some(EffectiveErrors { lag1, lags, errors, separated });
    }
    if let Some(noise) = tests.rule_n {
        let cells = match noise.cells {
            NoiseCells::All => cells as f64,
            NoiseCells::Effective => {
                engine.finish_single(kernel.as_ref(), |kernel| Ok(spatial_degrees_of_freedom(kernel)))?
            }
        };
        let shares: Vec<f64> = solved.values.iter().map(|v| v / solved.trace).collect();
        found.rule_n = Some(rule_n(engine, tests, noise, cells, &shares, solved.times)?);
    }
    if let Some(resampling) = tests.bootstrap {
        let kernel = engine.finish_single(kernel, Ok)?;
        let bootstrap = Bootstrap::new(&kernel, solved.values.len(), resampling.block, tests.seed)?;
        let all = shared_out(engine, resampling.replicates, |number| bootstrap.replicate(number))?;
        let tail = 0.5 * (1.0 - tests.confidence);
        let probabilities = [tail, 0.5, 1.0 - tail];
        let shares: Vec<Vec<f64>> = all.iter().map(|r| fractions(r)).collect();
        let mut eigenvalues = quantiles(&all, &probabilities)?;
        // Behind the eigenvalues stands their sum.
        eigenvalues.iter_mut().for_each(|row| row.truncate(row.len().saturating_sub(1)));
        found.bootstrap =
            Some(Intervals { probabilities, eigenvalues, fractions: quantiles(&shares, &probabilities)? });
    }
    Ok(found)
}

fn rule_n(
    engine: &Engine,
    tests: &Tests,
    noise: Noise,
    cells: f64,
    shares: &[f64],
    times: usize,
) -> Result<NoiseShares> {
    let rule = RuleN::new(times as f64, cells, shares.len(), tests.seed)?;
    let all = shared_out(engine, noise.replicates, |number| Ok(rule.replicate(number)))?;
    let mut thresholds = quantiles(&all, &[tests.confidence])?.swap_remove(0);
    let there = thresholds.len().min(shares.len());
    let mut p_values = exceedance(&shares[..there], &all);
    thresholds.resize(shares.len(), f64::NAN);
    p_values.resize(shares.len(), f64::NAN);
    Ok(NoiseShares { cells, thresholds, p_values })
}

/// Replicates 0 to `count`, by number.
///
/// # Collective
/// Every rank calls this.
fn shared_out(
    engine: &Engine,
    count: usize,
    replicate: impl Fn(u64) -> Result<Vec<f64>> + Sync + Send,
) -> Result<Vec<Vec<f64>>> {
    let (rank, ranks) = (engine.comm().rank(), engine.comm().size());
    let numbers: Vec<u64> = (rank..count).step_by(ranks).map(|i| i as u64).collect();
    let own: Result<Vec<Vec<f64>>> = numbers.into_par_iter().map(replicate).collect();
    let mut all: Vec<_> =
        engine.gather(&engine.comm().agree(own)?)?.into_iter().map(Vec::into_iter).collect();
    let missing = || Error::internal("a replicate is missing");
    (0..count).map(|i| all[i % ranks].next().ok_or_else(missing)).collect()
}
