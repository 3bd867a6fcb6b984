//! Random replicates: rule N and the bootstrap.
//!
//! Replicate number i is drawn from its own stream of the generator that the seed starts, so that
//! ranks may share replicates out as they like and all results stay the same. `ChaCha8`, 64 bits
//! of seed, 64 of stream.
//!
//! # References
//! Overland and Preisendorfer (1982), *Mon. Weather Rev.* 110, 1–4. Dumitriu and Edelman (2002),
//! *J. Math. Phys.* 43, 5830–5847. Künsch (1989), *Ann. Stat.* 17, 1217–1241.

use super::kernel::Kernel;
use halocline_core::{Error, Result};
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{ChiSquared, Distribution};

fn stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(number);
    random
}

/// Rule N: what share of the variance the leading EOFs of white noise take. A mode whose share is
/// beyond nearly all replicates is not noise.
///
/// The noise is Gaussian, independent in time and between cells, of equal variance, and its time
/// mean is removed. No field is drawn: the eigenvalues of its covariance are those of a random
/// tridiagonal matrix (Dumitriu and Edelman), which takes as many random numbers as there are
/// eigenvalues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleN {
    /// Independent departures: times less one.
    samples: usize,
    cells: usize,
    modes: usize,
    seed: u64,
}

impl RuleN {
    /// For `times` by `cells`, or the effective number of either, which are rounded; the leading
    /// `modes` eigenvalues.
    ///
    /// # Errors
    /// [`Usage`](halocline_core::ErrorKind::Usage) when there are fewer than two times or no cell,
    /// or more of them than 10⁸.
    pub fn new(times: f64, cells: f64, modes: usize, seed: u64) -> Result<Self> {
        if !(1.5..=1e8).contains(&times) || !(0.5..=1e8).contains(&cells) {
            return Err(Error::usage(format!("rule N can't be used for {times} times and {cells} cells"))
                .remedy("it takes two times and one cell at least, 100000000 at most"));
        }
        let (samples, cells) = (times.round() as usize - 1, cells.round() as usize);
        Ok(Self { samples, cells, modes: modes.min(samples.min(cells)), seed })
    }

    /// Replicate `number`: λ / Σλ of the leading modes.
    pub fn replicate(&self, number: u64) -> Vec<f64> {
        let (small, large) = (self.samples.min(self.cells), self.samples.max(self.cells));
        let mut random = stream(self.seed, number);
        let mut square =
            |freedom: usize| ChiSquared::new(freedom as f64).map_or(0.0, |chi| chi.sample(&mut random));
        // Squares of the lower bidiagonal B that reflections make of a Gaussian matrix.
        let diagonal: Vec<f64> = (0..small).map(|i| square(large - i)).collect();
        let below: Vec<f64> = (1..small).map(|i| square(small - i)).collect();
        let total: f64 = diagonal.iter().chain(&below).sum();
        // B Bᵀ
        let d: Vec<f64> = (0..small).map(|i| diagonal[i] + if i > 0 { below[i - 1] } else { 0.0 }).collect();
        let e2: Vec<f64> = diagonal.iter().zip(&below).map(|(a, b)| a * b).collect();
        largest_of_tridiagonal(&d, &e2, self.modes).iter().map(|l| l / total).collect()
    }
}

/// The `count` largest eigenvalues of a positive tridiagonal matrix with diagonal `d` and squared
/// off-diagonal `e2`, by bisection.
fn largest_of_tridiagonal(d: &[f64], e2: &[f64], count: usize) -> Vec<f64> {
    let above = |x: f64| -> usize {
        let mut count = 0;
        let mut pivot = 1.0;
        for (i, d) in d.iter().enumerate() {
            let off = if i > 0 { e2[i - 1] } else { 0.0 };
            pivot = d - x - off / pivot;
            if pivot == 0.0 {
                pivot = -f64::MIN_POSITIVE;
            }
            count += usize::from(pivot > 0.0);
        }
        count
    };
    let off = |i: usize| e2.get(i).copied().unwrap_or(0.0).sqrt();
    let bound =
        (0..d.len()).map(|i| d[i] + off(i) + if i > 0 { off(i - 1) } else { 0.0 }).fold(0.0, f64::max);
    (0..count)
        .map(|k| {
            let (mut low, mut high) = (0.0, bound);
            loop {
                let middle = 0.5 * (low + high);
                if middle <= low || middle >= high {
                    return middle;
                }
                if above(middle) > k {
                    low = middle;
                } else {
                    high = middle;
                }
            }
        })
        .collect()
}

/// Bootstrap over times: eigenvalues of the field at times drawn with replacement, its mean
/// removed anew; from the kernel alone.
#[derive(Debug, Clone)]
pub struct Bootstrap<'a> {
    kernel: &'a Kernel,
    modes: usize,
    block: usize,
    seed: u64,
}

impl<'a> Bootstrap<'a> {
    /// Draws blocks of `block` successive times (1: single times): as long as the memory of the
    /// series, or errors come out too small.
    ///
    /// # Errors
    /// [`Usage`](halocline_core::ErrorKind::Usage) when a block is empty or longer than the series.
    pub fn new(kernel: &'a Kernel, modes: usize, block: usize, seed: u64) -> Result<Self> {
        let n = kernel.n();
        if block == 0 || block > n {
            return Err(Error::usage(format!("blocks of {block} times can't be drawn from {n}"))
                .remedy(format!("choose a block length between 1 and {n}")));
        }
        Ok(Self { kernel, modes, block, seed })
    }

    /// The times of replicate `number`, as many as there are.
    pub fn times(&self, number: u64) -> Vec<usize> {
        let n = self.kernel.n();
        let starts = (n - self.block + 1) as u128;
        let mut random = stream(self.seed, number);
        let mut draw = || ((u128::from(random.next_u64()) * starts) >> 64) as usize;
        let mut times = Vec::with_capacity(n + self.block);
        while times.len() < n {
            let start = draw();
            times.extend(start..start + self.block);
        }
        times.truncate(n);
        times
    }

    /// Replicate `number`: the leading eigenvalues λ of the covariance (n − 1), and after them
    /// Σλ over all modes.
    ///
    /// # Errors
    /// As of [`Kernel::leading`].
    pub fn replicate(&self, number: u64) -> Result<Vec<f64>> {
        let pairs = self.kernel.at_times(&self.times(number))?.centred().leading(self.modes)?;
        let freedom = (self.kernel.n() as f64 - 1.0).max(1.0);
        let values = pairs.values.iter().chain(std::iter::once(&pairs.trace));
        Ok(values.map(|v| v / freedom).collect())
    }
}

/// The leading eigenvalues of a [`Bootstrap`] replicate as shares of its total variance.
pub fn fractions(replicate: &[f64]) -> Vec<f64> {
    let (total, values) = replicate.split_last().unwrap_or((&0.0, &[]));
    values.iter().map(|v| if *total > 0.0 { v / total } else { 0.0 }).collect()
}

/// Quantiles over replicates of each of their entries, entries in the inner order: for each of
/// the probabilities `q`, with linear interpolation at (R − 1) q. Replicates come in any order.
///
/// # Errors
/// When there is no replicate, they are of different lengths, or a probability is not within 0
/// and 1.
pub fn quantiles(replicates: &[Vec<f64>], q: &[f64]) -> Result<Vec<Vec<f64>>> {
    let entries = replicates.first().map(Vec::len);
    let entries = entries.filter(|&e| replicates.iter().all(|r| r.len() == e));
    let entries = entries.ok_or_else(|| Error::internal("replicates are missing or of different lengths"))?;
    if let Some(q) = q.iter().find(|q| !(0.0..=1.0).contains(*q)) {
        return Err(Error::usage(format!("{q} is no probability")).remedy("choose one between 0 and 1"));
    }
    let sorted: Vec<Vec<f64>> = (0..entries)
        .map(|k| {
            let mut values: Vec<f64> = replicates.iter().map(|r| r[k]).collect();
            values.sort_by(f64::total_cmp);
            values
        })
        .collect();
    Ok(q.iter()
        .map(|q| {
            let place = q * (replicates.len() - 1) as f64;
            let (low, high) = (place.floor() as usize, place.ceil() as usize);
            sorted.iter().map(|v| v[low] + (v[high] - v[low]) * (place - place.floor())).collect()
        })
        .collect())
}

/// p-values: the share of replicates whose entry is as large as `observed`, or larger, the
/// observation counted as one of them, (1 + #) / (1 + R).
pub fn exceedance(observed: &[f64], replicates: &[Vec<f64>]) -> Vec<f64> {
    let count = |k: usize, o: f64| replicates.iter().filter(|r| r.get(k).is_some_and(|v| *v >= o)).count();
    let all = (1 + replicates.len()) as f64;
    observed.iter().enumerate().map(|(k, &o)| (1 + count(k, o)) as f64 / all).collect()
}

#[cfg(test)]
mod tests {
    use super::super::references::{agree, References};
    use super::*;
    use rand_distr::StandardNormal;

    #[test]
    fn bisection_finds_known_eigenvalues() {
        // 2, -1 tridiagonal: 2 - 2 cos(pi k / (n + 1)).
        let n = 20;
        let values = largest_of_tridiagonal(&vec![2.0; n], &vec![1.0; n - 1], n);
        for (k, v) in values.iter().enumerate() {
            let wanted = 2.0 - 2.0 * (std::f64::consts::PI * (n - k) as f64 / (n + 1) as f64).cos();
            assert!((v - wanted).abs() < 1e-13, "{k}: {v} {wanted}");
        }
        assert_eq!(largest_of_tridiagonal(&[3.0], &[], 1), [3.0]);
    }

    #[test]
    fn shares_of_noise_are_those_of_drawn_fields() {
        let (n, cells, modes, count) = (12, 7, 3, 4000);
        for (n, cells) in [(n, cells), (cells, n)] {
            let rule = RuleN::new(n as f64, cells as f64, modes, 1).unwrap();
            let drawn: Vec<Vec<f64>> = (0..count)
                .map(|i| {
                    let mut random = stream(99, i);
                    let x = (0..n * cells).map(|_| StandardNormal.sample(&mut random)).collect();
                    let pairs = Kernel::factor(n, x).unwrap().centred().leading(modes).unwrap();
                    pairs.values.iter().map(|v| v / pairs.trace).collect()
                })
                .collect();
            let ruled: Vec<Vec<f64>> = (0..count).map(|i| rule.replicate(i)).collect();
            let (a, b) = (quantiles(&drawn, &[0.05, 0.5, 0.95]), quantiles(&ruled, &[0.05, 0.5, 0.95]));
            for (a, b) in a.unwrap().iter().zip(&b.unwrap()) {
                for (x, y) in a.iter().zip(b) {
                    assert!((x - y).abs() < 0.006, "{a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn large_noise_reaches_the_edge_of_marchenko_and_pastur() {
        let rule = RuleN::new(4001.0, 1000.0, 1, 3).unwrap();
        let edge = (1.0 + 0.5f64).powi(2) / 1000.0;
        assert!((rule.replicate(0)[0] / edge - 1.0).abs() < 0.02);
    }

    #[test]
    fn a_replicate_depends_on_seed_and_number_only() {
        let rule = RuleN::new(30.4, 20.0, 50, 7).unwrap();
        let all: Vec<Vec<f64>> = (0..4).map(|i| rule.replicate(i)).collect();
        assert_eq!(rule.replicate(2), all[2]);
        assert_ne!(all[1], all[2]);
        assert_ne!(RuleN::new(30.4, 20.0, 50, 8).unwrap().replicate(2), all[2]);
        assert_eq!(all[0].len(), 20);
        assert!((all[0].iter().sum::<f64>() - 1.0).abs() < 1e-12);
        for (times, cells) in [(1.0, 5.0), (5.0, 0.0), (f64::NAN, 5.0), (5.0, 1e12)] {
            assert!(RuleN::new(times, cells, 1, 0).is_err());
        }
        assert_eq!(RuleN::new(2.0, 1.0, 3, 0).unwrap().replicate(0), [1.0]);
    }

    #[test]
    fn bootstrap_draws_blocks_and_centres_anew() {
        let r = References::load();
        let x = r.anomalies("x");
        let kernel = Kernel::factor(32, x.clone()).unwrap();
        let boot = Bootstrap::new(&kernel, 3, 5, 11).unwrap();
        let times = boot.times(4);
        assert_eq!(times.len(), 32);
        assert!(times.chunks(5).all(|b| b.windows(2).all(|w| w[1] == w[0] + 1)));
        let found = boot.replicate(4).unwrap();
        let rows: Vec<f64> = times.iter().flat_map(|t| x[t * 12..(t + 1) * 12].to_vec()).collect();
        let pairs = Kernel::factor(32, rows).unwrap().centred().leading(3).unwrap();
        let wanted: Vec<f64> = pairs.values.iter().chain([&pairs.trace]).map(|v| v / 31.0).collect();
        agree(&found, &wanted, 1e-13, "replicate");
        agree(&fractions(&found), &[found[0] / found[3], found[1] / found[3], found[2] / found[3]], 0.0, "");
        let full = Kernel::Full { n: 32, values: kernel.to_full() };
        let other = Bootstrap::new(&full, 3, 5, 11).unwrap().replicate(4).unwrap();
        agree(&other, &found, 1e-12, "full");
        // A block of the whole series is the series.
        let whole = Bootstrap::new(&kernel, 3, 32, 1).unwrap();
        assert_eq!(whole.times(9), (0..32).collect::<Vec<_>>());
        // Single times: all of them come, about equally often.
        let single = Bootstrap::new(&kernel, 1, 1, 5).unwrap();
        let mut counts = [0usize; 32];
        (0..1000).flat_map(|i| single.times(i)).for_each(|t| counts[t] += 1);
        assert!(counts.iter().all(|c| (850..1150).contains(c)), "{counts:?}");
        for block in [0, 33] {
            assert!(Bootstrap::new(&kernel, 1, block, 0).is_err());
        }
    }

    #[test]
    fn summaries() {
        let replicates: Vec<Vec<f64>> = [3.0, 1.0, 2.0, 5.0, 4.0].map(|v| vec![v, -v]).to_vec();
        let found = quantiles(&replicates, &[0.0, 0.625, 1.0]).unwrap();
        assert_eq!(found, [[1.0, -5.0], [3.5, -2.5], [5.0, -1.0]]);
        assert_eq!(exceedance(&[4.0, 0.0], &replicates), [3.0 / 6.0, 1.0 / 6.0]);
        assert!(quantiles(&[], &[0.5]).is_err());
        assert!(quantiles(&replicates, &[1.5]).is_err());
        assert!(quantiles(&[vec![1.0], vec![]], &[0.5]).is_err());
    }
}
