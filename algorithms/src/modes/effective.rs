//! How many independent samples a series holds, and the sampling errors of eigenvalues.
//!
//! # References
//! Bretherton, Widmann, Dymnikov, Wallace and Bladé (1999), *J. Climate* 12, 1990–2009. North,
//! Bell, Cahalan and Moeng (1982), *Mon. Weather Rev.* 110, 699–706.

use super::kernel::Kernel;

/// How the memory of a series is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Memory {
    /// From the autocorrelation r at lag 1, as of a first-order autoregressive process.
    #[default]
    Lag1,
    /// From the sum over lags, up to where two in a row are below 2/√n: beyond there they are
    /// noise.
    Lags,
}

/// What is estimated from the series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Moment {
    /// Its mean: correlations ρ count as they are.
    Mean,
    /// Its variance, as an eigenvalue is the variance of its principal component: they count
    /// squared.
    #[default]
    Variance,
}

/// Autocorrelations at lags 0 to `lags`: r(k) = Σ x′(t) x′(t + k) / Σ x′(t)², x′ the departure from
/// the mean. Zero for a series that does not vary, but for lag 0.
pub fn autocorrelations(x: &[f64], lags: usize) -> Vec<f64> {
    let mean = x.iter().sum::<f64>() / x.len().max(1) as f64;
    let x: Vec<f64> = x.iter().map(|v| v - mean).collect();
    let squares: f64 = x.iter().map(|v| v * v).sum();
    let at = |k: usize| -> f64 { x.iter().zip(x.iter().skip(k)).map(|(a, b)| a * b).sum() };
    (0..=lags)
        .map(|k| match k {
            0 => 1.0,
            _ if squares > 0.0 => at(k) / squares,
            _ => 0.0,
        })
        .collect()
}

/// The number of independent samples that tell as much: n (1 − ρ) / (1 + ρ) with ρ = r for the
/// mean and r² for the variance, or n / Σ (1 − |k|/n) ρ(k) over lags k of both signs. Between 1
/// and n.
pub fn effective_sample_size(x: &[f64], memory: Memory, moment: Moment) -> f64 {
    let n = x.len() as f64;
    let weight = |r: f64| match moment {
        Moment::Mean => r,
        Moment::Variance => r * r,
    };
    let size = match memory {
        Memory::Lag1 => {
            let rho = weight(autocorrelations(x, 1)[1]);
            n * (1.0 - rho) / (1.0 + rho)
        }
        Memory::Lags => {
            let r = autocorrelations(x, x.len().saturating_sub(1));
            let noise = 2.0 / n.sqrt();
            let quiet = |k: usize| r.get(k).is_none_or(|r| r.abs() < noise);
            let last = (1..r.len()).find(|&k| quiet(k) && quiet(k + 1)).unwrap_or(r.len());
            let sum: f64 = (1..last).map(|k| (1.0 - k as f64 / n) * weight(r[k])).sum();
            // Of the mean of an oscillation the sum may come near zero or below.
            n / (1.0 + 2.0 * sum).max(1.0)
        }
    };
    size.clamp(1.0, n.max(1.0))
}

/// North's sampling error λ √(2 / N) of each eigenvalue, N its (effective) number of samples.
pub fn north_errors(eigenvalues: &[f64], sizes: &[f64]) -> Vec<f64> {
    eigenvalues.iter().zip(sizes).map(|(l, n)| l * (2.0 / n).sqrt()).collect()
}

/// Which eigenvalues stand apart: λ ± error overlaps that of neither neighbour. Modes that don't
/// are mixed by sampling. The last of the given ones is compared with the one before it only.
pub fn separated(eigenvalues: &[f64], errors: &[f64]) -> Vec<bool> {
    let apart = |i: usize| eigenvalues[i] - errors[i] > eigenvalues[i + 1] + errors[i + 1];
    (0..eigenvalues.len())
        .map(|i| (i == 0 || apart(i - 1)) && (i + 1 == eigenvalues.len() || apart(i)))
        .collect()
}

/// Spatial degrees of freedom (Σλ)² / Σλ² = (tr G)² / Σ G(t, t′)² of a field, the number of equal
/// eigenvalues that have the same variance of total variance. Few samples bias it low: it can't
/// exceed their number less one.
pub fn spatial_degrees_of_freedom(kernel: &Kernel) -> f64 {
    let trace = kernel.trace();
    let squares: f64 = match kernel {
        Kernel::Full { values, .. } => values.iter().map(|v| v * v).sum(),
        Kernel::Factor { n, rank, values } => {
            // Σ G² is the same for T Tᵀ and Tᵀ T; the smaller is built.
            let t = super::dense::rows(values, *n, *rank);
            let small = if rank < n {
                super::dense::product(t.transpose(), t)
            } else {
                super::dense::product(t, t.transpose())
            };
            super::dense::to_rows(small.as_ref()).iter().map(|v| v * v).sum()
        }
    };
    if squares > 0.0 {
        trace * trace / squares
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    /// A red series with autocorrelation `a` at lag 1.
    fn red(n: usize, a: f64) -> Vec<f64> {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut x = 0.0;
        let mut next = || {
            let noise: f64 = StandardNormal.sample(&mut random);
            x = a * x + noise;
            x
        };
        (0..n).map(|_| next()).collect()
    }

    #[test]
    fn autocorrelations_of_a_short_series() {
        // Departures -1, 0, 1: Σ² = 2, lag 1: 0, lag 2: -1.
        assert_eq!(autocorrelations(&[1.0, 2.0, 3.0], 3), [1.0, 0.0, -0.5, 0.0]);
        assert_eq!(autocorrelations(&[4.0; 5], 1), [1.0, 0.0]);
        assert_eq!(autocorrelations(&[], 1), [1.0, 0.0]);
    }

    #[test]
    fn both_estimates_find_the_memory_of_a_red_series() {
        let (n, a) = (20_000, 0.7f64);
        let x = red(n, a);
        for (moment, rho) in [(Moment::Mean, a), (Moment::Variance, a * a)] {
            let wanted = n as f64 * (1.0 - rho) / (1.0 + rho);
            for memory in [Memory::Lag1, Memory::Lags] {
                let size = effective_sample_size(&x, memory, moment);
                assert!((size / wanted - 1.0).abs() < 0.1, "{memory:?} {moment:?}: {size}, {wanted}");
            }
        }
        let white = effective_sample_size(&red(500, 0.0), Memory::Lags, Moment::Variance);
        assert!(white > 480.0, "{white}");
        // The mean of an oscillation is known better than its length says; never beyond n.
        let wave: Vec<f64> = (0..100).map(|t| f64::from(t % 2)).collect();
        assert_eq!(effective_sample_size(&wave, Memory::Lag1, Moment::Mean), 100.0);
        assert_eq!(effective_sample_size(&wave, Memory::Lags, Moment::Mean), 100.0);
        assert!(effective_sample_size(&wave, Memory::Lags, Moment::Variance) < 3.0);
        assert_eq!(effective_sample_size(&[1.0], Memory::Lags, Moment::Variance), 1.0);
    }

    #[test]
    fn errors_and_separation() {
        let errors = north_errors(&[10.0, 5.0, 4.5, 1.0], &[50.0, 200.0, 200.0, 50.0]);
        assert_eq!(errors, [2.0, 0.5, 0.45, 0.2]);
        assert_eq!(separated(&[10.0, 5.0, 4.5, 1.0], &errors), [true, false, false, true]);
        assert!(separated(&[], &[]).is_empty());
    }

    #[test]
    fn equal_modes_are_counted() {
        let mut values = vec![0.0; 25];
        (0..4).for_each(|i| values[i * 6] = 3.0);
        assert_eq!(spatial_degrees_of_freedom(&Kernel::Full { n: 5, values }), 4.0);
        let factor = Kernel::factor(3, vec![1.0, 0.0, 0.0, 1.0, 0.0, 0.0]).unwrap();
        assert_eq!(spatial_degrees_of_freedom(&factor), 2.0);
        assert_eq!(spatial_degrees_of_freedom(&Kernel::Full { n: 1, values: vec![0.0] }), 0.0);
    }
}
