//! A block Krylov space whose products come from elsewhere: leading eigenpairs of a symmetric
//! matrix that is never formed, with a bound of their errors.
//!
//! For G (n × n, positive semidefinite) and a random block Ω the space is the span of Ω, G Ω,
//! G² Ω…, kept whole as an orthonormal basis Q. Whoever holds G multiplies one block of Q after
//! the other by it, a pass over the data each. The eigenpairs (θ, y) of Qᵀ G Q give Ritz pairs
//! (θ, v = Q y), whose residual norms r = ‖G v − θ v‖ come from the products that are there.
//!
//! *Proven*: G has an eigenvalue within r of θ, and the k-th θ is not above the k-th eigenvalue.
//! *Probable*: that no larger eigenvalue is missed, which takes an eigenvector to which all columns
//! of Ω are as good as orthogonal.
//!
//! # References
//! Parlett (1998), *The Symmetric Eigenvalue Problem*, theorems 4.5.1 and 10.2.1. Halko, Martinsson
//! and Tropp (2011), *SIAM Rev.* 53, 217–288. Musco and Musco (2015), *Adv. Neural Inf. Process. Syst.*
//! 28, 1396–1404.

use super::dense::{check_finite, columns, product, symmetric};
use faer::Mat;
use halocline_core::Result;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// Vectors beyond those that are wanted: with them the last wanted ones converge faster.
const OVERSAMPLING: usize = 10;

/// A vector of which less than this share is new adds rounding errors and nothing else.
const NEW: f64 = 1e-9;

/// Leading Ritz pairs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RitzPairs {
    /// Values, descending, none below zero.
    pub values: Vec<f64>,
    /// Orthonormal vectors, one after the other.
    pub vectors: Vec<f64>,
    /// Norms of the residuals G v − θ v.
    pub residuals: Vec<f64>,
    /// Whether the space has nothing left to grow by: all eigenpairs that it can have are exact to
    /// rounding.
    pub complete: bool,
}

impl RitzPairs {
    /// The largest of residual / value; values that are rounding beside the first are passed over.
    pub fn worst(&self, rounding: f64) -> f64 {
        let floor = rounding * self.values.first().copied().unwrap_or(0.0);
        let pairs = self.values.iter().zip(&self.residuals).filter(|(v, _)| **v > floor);
        pairs.map(|(v, r)| r / v).fold(0.0, f64::max)
    }
}

/// The space, and the products with it.
#[derive(Debug, Clone)]
pub struct KrylovSpace {
    n: usize,
    basis: Vec<Vec<f64>>,
    /// G times each vector of the basis, as far as they are known.
    images: Vec<Vec<f64>>,
}

impl KrylovSpace {
    /// A space that starts from random numbers for `count` pairs of a matrix of `n` rows; those of
    /// row t are from stream t of the generator.
    pub fn new(n: usize, count: usize, seed: u64) -> Self {
        Self::from_vectors(n, count, seed, &[])
    }

    /// [`Self::new`] with `vectors` (one after the other) before the random ones: for pairs that are
    /// known roughly.
    pub fn from_vectors(n: usize, count: usize, seed: u64, vectors: &[f64]) -> Self {
        let mut block: Vec<Vec<f64>> = vectors.chunks(n.max(1)).map(<[f64]>::to_vec).collect();
        let known = block.len();
        block.resize(Self::width(n, count).max(known), vec![0.0; n]);
        for t in 0..n {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(t as u64);
            block[known..].iter_mut().for_each(|column| column[t] = StandardNormal.sample(&mut random));
        }
        let mut space = Self { n, basis: Vec::new(), images: Vec::new() };
        space.append(block);
        space
    }

    /// Vectors of a block.
    pub fn width(n: usize, count: usize) -> usize {
        count.saturating_add(OVERSAMPLING).min(n)
    }

    /// Bytes of a space after so many passes, with what is made of it.
    pub fn bytes(n: usize, count: usize, passes: usize) -> u64 {
        let vectors = Self::width(n, count).saturating_mul(passes + 1).min(n) as u64;
        // Basis, images, both again as matrices for a product.
        vectors.saturating_mul(n as u64).saturating_mul(4 * 8).saturating_add(vectors * vectors * 4 * 8)
    }

    /// The vectors that are to be multiplied by G, one after the other; none if the space is
    /// complete.
    pub fn block(&self) -> Vec<f64> {
        self.basis[self.images.len()..].concat()
    }

    /// Takes the products with [`Self::block`], grows by them, and gives the leading `count` pairs
    /// of what was known before.
    ///
    /// # Errors
    /// [`Data`](halocline_core::ErrorKind::Data) when the products hold something that is no number.
    pub fn grow(&mut self, products: &[f64], count: usize) -> Result<RitzPairs> {
        check_finite(products, "the covariance")?;
        let new: Vec<Vec<f64>> = products.chunks(self.n.max(1)).map(<[f64]>::to_vec).collect();
        self.images.extend(new.iter().cloned());
        let mut pairs = ritz(&self.basis, &self.images, count)?;
        self.append(new);
        pairs.complete = self.basis.len() == self.images.len();
        Ok(pairs)
    }

    /// Appends what is new in these vectors, orthonormal.
    fn append(&mut self, vectors: Vec<Vec<f64>>) {
        for mut vector in vectors {
            // Of whatever size products are, their squares neither vanish nor overflow.
            let scale = scale_of(&vector);
            vector.iter_mut().for_each(|v| *v *= scale);
            let before = norm(&vector);
            let mut after = before;
            // Each time leaves rounding errors of what it removes; vectors lose most the first time.
            for _ in 0..3 {
                for known in &self.basis {
                    let overlap = dot(known, &vector);
                    vector.iter_mut().zip(known).for_each(|(v, k)| *v -= overlap * k);
                }
                after = norm(&vector);
                if after <= NEW * before {
                    break;
                }
            }
            if self.basis.len() < self.n && after > NEW * before {
                vector.iter_mut().for_each(|v| *v /= after);
                self.basis.push(vector);
            }
        }
    }
}

/// The leading pairs of G in the span of orthonormal `vectors` (one after the other, `n` numbers
/// each) of which the products with G are known: for pairs that were found by rougher products.
///
/// # Errors
/// [`Data`](halocline_core::ErrorKind::Data) when the products hold something that is no number.
pub fn ritz_pairs(n: usize, vectors: &[f64], products: &[f64]) -> Result<RitzPairs> {
    check_finite(products, "the covariance")?;
    let split = |all: &[f64]| -> Vec<Vec<f64>> { all.chunks(n.max(1)).map(<[f64]>::to_vec).collect() };
    let basis = split(vectors);
    ritz(&basis, &split(products), basis.len())
}

fn ritz(basis: &[Vec<f64>], images: &[Vec<f64>], count: usize) -> Result<RitzPairs> {
    let n = basis.first().map_or(0, Vec::len);
    let known = images.len();
    let (q, gq) = (basis[..known].concat(), images.concat());
    let (q, gq) = (columns(&q, n), columns(&gq, n));
    let raw = product(q.transpose(), gq);
    let projected = Mat::from_fn(known, known, |i, j| 0.5 * (raw[(i, j)] + raw[(j, i)]));
    let (values, vectors) = symmetric(projected.as_ref())?;
    let count = count.min(known);
    let y = vectors.subcols(0, count);
    let (v, gv) = (product(q, y), product(gq, y));
    let residual = |k: usize| {
        let gaps: Vec<f64> = (0..n).map(|t| gv[(t, k)] - values[k] * v[(t, k)]).collect();
        let scale = scale_of(&gaps);
        gaps.iter().map(|gap| (gap * scale).powi(2)).sum::<f64>().sqrt() / scale
    };
    Ok(RitzPairs {
        residuals: (0..count).map(residual).collect(),
        vectors: (0..count).flat_map(|k| (0..n).map(move |t| (t, k))).map(|(t, k)| v[(t, k)]).collect(),
        values: values[..count].iter().map(|v| v.max(0.0)).collect(),
        complete: false,
    })
}

/// Sums in four parts, which a compiler turns into wide registers.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut parts = [0.0f64; 4];
    let (left, right) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in left.zip(right) {
        for i in 0..4 {
            parts[i] += x[i] * y[i];
        }
    }
    (parts[0] + parts[1]) + (parts[2] + parts[3]) + rest
}

/// The power of two that brings the largest of these numbers near to 1.
fn scale_of(values: &[f64]) -> f64 {
    let largest = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    // Its inverse has to be a number, too.
    if largest > 0.0 && largest.is_finite() {
        (-largest.log2().ceil()).clamp(-1000.0, 1000.0).exp2()
    } else {
        1.0
    }
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Σ over k of value × q qᵀ, q the k-th unit vector turned by fixed reflections.
    struct Made {
        n: usize,
        values: Vec<f64>,
        mirror: Vec<f64>,
    }

    impl Made {
        fn new(n: usize, values: Vec<f64>) -> Self {
            let mirror: Vec<f64> = (0..n).map(|i| ((i * 7919 + 13) % 101) as f64 - 50.0).collect();
            let size = norm(&mirror);
            Self { n, values, mirror: mirror.iter().map(|m| m / size).collect() }
        }
        fn reflect(&self, x: &[f64]) -> Vec<f64> {
            let along = 2.0 * dot(x, &self.mirror);
            x.iter().zip(&self.mirror).map(|(x, m)| x - along * m).collect()
        }
        fn times(&self, block: &[f64]) -> Vec<f64> {
            let each = |x: &[f64]| {
                let mut y = self.reflect(x);
                y.iter_mut().enumerate().for_each(|(i, v)| *v *= self.values.get(i).copied().unwrap_or(0.0));
                self.reflect(&y)
            };
            block.chunks(self.n).flat_map(each).collect()
        }
    }

    #[test]
    fn values_lie_within_their_bounds_and_converge() {
        let values: Vec<f64> = (0..300).map(|k| 100.0 * 0.93f64.powi(k)).collect();
        let made = Made::new(300, values.clone());
        for seed in [1, 2, 3] {
            let mut space = KrylovSpace::new(300, 6, seed);
            let mut before = f64::INFINITY;
            for pass in 0..12 {
                let pairs = space.grow(&made.times(&space.block()), 6).unwrap();
                for (k, (theta, r)) in pairs.values.iter().zip(&pairs.residuals).enumerate() {
                    let nearest = values.iter().map(|l| (l - theta).abs()).fold(f64::INFINITY, f64::min);
                    assert!(nearest <= r + 1e-11, "{pass} {k}: {nearest} {r}");
                    assert!(*theta <= values[k] + 1e-11);
                }
                let worst = pairs.worst(1e-13);
                // Until rounding is all that is left.
                assert!(pass < 2 || worst < before || worst < 1e-12, "{pass}: {worst} {before}");
                before = worst;
            }
            assert!(before < 1e-5, "{before}");
        }
        // Of whatever size they are.
        for size in [1e-200, 1e150] {
            let made = Made::new(300, values.iter().map(|v| v * size).collect());
            let mut space = KrylovSpace::new(300, 6, 1);
            let all: Vec<RitzPairs> =
                (0..8).map(|_| space.grow(&made.times(&space.block()), 6).unwrap()).collect();
            let pairs = &all[7];
            assert!(pairs.residuals.iter().all(|r| *r > 0.0));
            assert!((pairs.values[0] / (100.0 * size) - 1.0).abs() < 1e-9, "{}", pairs.values[0]);
        }
        assert_ne!(KrylovSpace::new(300, 6, 1).block(), KrylovSpace::new(300, 6, 2).block());
        // A row has its own random numbers, however many rows there are.
        let (short, long) = (KrylovSpace::new(1, 0, 5), KrylovSpace::new(1, 7, 5));
        assert_eq!(short.block().len(), long.block().len());
    }

    #[test]
    fn few_eigenvalues_are_found_to_the_last_digit() {
        for (n, values) in [(40, vec![5.0, 5.0, 3.0]), (3, vec![2.0, 1.0, 0.5]), (1, vec![4.0]), (30, vec![])]
        {
            let made = Made::new(n, values.clone());
            let mut space = KrylovSpace::new(n, 3, 1);
            let mut passes = 0;
            let pairs = loop {
                let pairs = space.grow(&made.times(&space.block()), 3).unwrap();
                passes += 1;
                if pairs.complete || passes == 5 {
                    break pairs;
                }
            };
            assert!(pairs.complete && passes <= 2, "{n}: {passes}");
            for (k, v) in pairs.values.iter().enumerate() {
                assert!((v - values.get(k).copied().unwrap_or(0.0)).abs() < 1e-13, "{n}: {pairs:?}");
            }
            assert!(pairs.worst(1e-10) < 1e-13);
            // From what is known it takes one pass.
            let mut from = KrylovSpace::from_vectors(n, 3, 1, &pairs.vectors);
            let first = from.grow(&made.times(&from.block()), 3).unwrap();
            assert!(first.worst(1e-10) < 1e-13);
            let again = ritz_pairs(n, &pairs.vectors, &made.times(&pairs.vectors)).unwrap();
            assert!(again.worst(1e-10) < 1e-13);
        }
        assert!(KrylovSpace::new(2, 1, 1).grow(&[f64::NAN; 4], 1).is_err());
    }
}
