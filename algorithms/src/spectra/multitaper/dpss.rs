//! Discrete prolate spheroidal sequences, the tapers of multitaper spectra.

use halocline_core::{Error, Result};
use realfft::RealFftPlanner;
use std::f64::consts::PI;

/// The sequences of n values that have most of their power at frequencies up to W = NW/n (Slepian
/// 1978), the best first.
///
/// They are the eigenvectors of the symmetric tridiagonal matrix with the diagonal
/// ((n − 1 − 2i)/2)² cos 2πW and i (n − i)/2 beside it, for its largest eigenvalues (Percival and
/// Walden 1993, section 8.3). The sum of the squares of each is 1; the symmetric ones have a positive
/// sum, the antisymmetric ones begin with a positive lobe: those of `scipy.signal.windows.dpss`.
#[derive(Debug, Clone, PartialEq)]
pub struct Dpss {
    len: usize,
    /// One taper after the other.
    values: Vec<f64>,
    ratios: Vec<f64>,
}

impl Dpss {
    /// The first `count` sequences of `len` values with the time half-bandwidth product `nw`.
    ///
    /// # Errors
    /// Usage, if the bandwidth or the count does not fit the length.
    pub fn new(len: usize, nw: f64, count: usize) -> Result<Self> {
        if !(nw > 0.0 && nw < 0.5 * len as f64) {
            return Err(Error::usage(format!("a bandwidth of {nw} does not fit a series of {len}"))
                .remedy(format!("choose --bandwidth above 0 and below {}", 0.5 * len as f64)));
        }
        if count == 0 || count > len {
            return Err(Error::usage(format!("there are no {count} tapers of {len} values")));
        }
        let n = len as f64;
        let w = nw / n;
        let cosine = (2.0 * PI * w).cos();
        let diagonal: Vec<f64> =
            (0..len).map(|i| (0.5 * (n - 1.0 - 2.0 * i as f64)).powi(2) * cosine).collect();
        let beside: Vec<f64> = (1..len).map(|i| 0.5 * i as f64 * (n - i as f64)).collect();
        let matrix = Tridiagonal { diagonal, beside };
        let mut values: Vec<f64> = Vec::with_capacity(count * len);
        for k in 0..count {
            let mut taper = matrix.eigenvector(matrix.eigenvalue(k), k);
            symmetrise(&mut taper, k % 2 == 0);
            for other in values.chunks(len) {
                let product: f64 = other.iter().zip(&taper).map(|(a, b)| a * b).sum();
                taper.iter_mut().zip(other).for_each(|(v, o)| *v -= product * o);
            }
            normalise(&mut taper);
            if is_negative(&taper, k % 2 == 0) {
                taper.iter_mut().for_each(|v| *v = -*v);
            }
            values.extend(taper);
        }
        let ratios = values.chunks(len).map(|taper| concentration(taper, w)).collect::<Result<_>>()?;
        Ok(Self { len, values, ratios })
    }
    /// How many there are.
    pub fn count(&self) -> usize {
        self.ratios.len()
    }
    /// Number `k`, from 0.
    pub fn taper(&self, k: usize) -> &[f64] {
        &self.values[k * self.len..(k + 1) * self.len]
    }
    /// The share of the power of each that lies at frequencies up to W: λ, the eigenvalues of the
    /// problem of concentration.
    pub fn ratios(&self) -> &[f64] {
        &self.ratios
    }
}

/// Of symmetric or antisymmetric vectors what rounding has made of both halves.
fn symmetrise(v: &mut [f64], is_even: bool) {
    let n = v.len();
    let sign = if is_even { 1.0 } else { -1.0 };
    for i in 0..n.div_ceil(2) {
        let half = 0.5 * (v[i] + sign * v[n - 1 - i]);
        v[i] = half;
        v[n - 1 - i] = sign * half;
    }
}

fn normalise(v: &mut [f64]) {
    // Of the largest first, so that no square overflows.
    let largest = v.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    v.iter_mut().for_each(|v| *v /= largest);
    let norm = v.iter().map(|v| v * v).sum::<f64>().sqrt();
    v.iter_mut().for_each(|v| *v /= norm);
}

fn is_negative(taper: &[f64], is_even: bool) -> bool {
    if is_even {
        return taper.iter().sum::<f64>() < 0.0;
    }
    // The first value that is not nearly 0: as scipy has it.
    let least = f64::max(1e-7, 1.0 / taper.len() as f64);
    taper.iter().find(|v| **v * **v > least).is_some_and(|v| *v < 0.0)
}

/// Σ r(t) a(t), the power of a taper at frequencies up to W, of its autocorrelation a and
/// r(t) = sin 2πWt / πt, of both signs of t.
fn concentration(taper: &[f64], w: f64) -> Result<f64> {
    let n = taper.len();
    let padded = (2 * n).next_power_of_two();
    let mut planner = RealFftPlanner::new();
    let (forward, inverse) = (planner.plan_fft_forward(padded), planner.plan_fft_inverse(padded));
    let mut x = taper.to_vec();
    x.resize(padded, 0.0);
    let mut spectrum = forward.make_output_vec();
    let failed = |e| Error::internal(format!("a Fourier transform failed: {e}"));
    forward.process(&mut x, &mut spectrum).map_err(failed)?;
    spectrum.iter_mut().for_each(|z| *z = (*z * z.conj()).re.into());
    inverse.process(&mut spectrum, &mut x).map_err(failed)?;
    let of = |t: usize| (2.0 * PI * w * t as f64).sin() / (PI * t as f64);
    let tail: f64 = (1..n).map(|t| 2.0 * of(t) * x[t]).sum();
    Ok((2.0 * w * x[0] + tail) / padded as f64)
}

/// A symmetric tridiagonal matrix.
struct Tridiagonal {
    diagonal: Vec<f64>,
    beside: Vec<f64>,
}

impl Tridiagonal {
    /// A bound of the norm.
    fn bound(&self) -> f64 {
        let at = |i: Option<usize>| i.and_then(|i| self.beside.get(i)).map_or(0.0, |v| v.abs());
        let row = |(i, d): (usize, &f64)| d.abs() + at(i.checked_sub(1)) + at(Some(i));
        self.diagonal.iter().enumerate().map(row).fold(f64::MIN_POSITIVE, f64::max)
    }
    /// How many eigenvalues are greater than `x`: signs of the pivots of the matrix without x
    /// (Sylvester's law of inertia).
    fn above(&self, x: f64, least: f64) -> usize {
        let (mut pivot, mut count) = (1.0, 0);
        for (i, d) in self.diagonal.iter().enumerate() {
            let before = if i == 0 { 0.0 } else { self.beside[i - 1] };
            pivot = d - x - before * before / pivot;
            if pivot.abs() < least {
                pivot = -least;
            }
            count += usize::from(pivot > 0.0);
        }
        count
    }
    /// The eigenvalue number `k`, the largest first: by bisection.
    fn eigenvalue(&self, k: usize) -> f64 {
        let bound = self.bound();
        let least = f64::EPSILON * f64::EPSILON * bound;
        let (mut low, mut high) = (-bound, bound);
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                break;
            }
            if self.above(middle, least) > k {
                low = middle;
            } else {
                high = middle;
            }
        }
        0.5 * (low + high)
    }
    /// The eigenvector of `eigenvalue`: by inverse iteration.
    fn eigenvector(&self, eigenvalue: f64, k: usize) -> Vec<f64> {
        let n = self.diagonal.len();
        // Of the right symmetry, and orthogonal to none: the sequences have k zeros.
        let mut v: Vec<f64> =
            (0..n).map(|i| (PI * (k as f64 + 1.0) * (i as f64 + 0.5) / n as f64).sin() + 1e-3).collect();
        let factors = Factors::of(self, eigenvalue);
        for _ in 0..4 {
            factors.solve(&mut v);
            normalise(&mut v);
        }
        v
    }
}

/// The triangular factors of a tridiagonal matrix with its rows exchanged where that is better.
struct Factors {
    /// The upper factor: diagonal, and the two beside it.
    upper: [Vec<f64>; 3],
    /// What of a row is taken off the next.
    lower: Vec<f64>,
    exchanged: Vec<bool>,
}

impl Factors {
    fn of(matrix: &Tridiagonal, shift: f64) -> Self {
        let n = matrix.diagonal.len();
        let least = f64::EPSILON * matrix.bound();
        let mut upper =
            [matrix.diagonal.iter().map(|d| d - shift).collect(), matrix.beside.clone(), vec![0.0; n]];
        upper[1].push(0.0);
        let (mut lower, mut exchanged) = (vec![0.0; n], vec![false; n]);
        for i in 0..n.saturating_sub(1) {
            let below = matrix.beside[i];
            if below.abs() > upper[0][i].abs() {
                exchanged[i] = true;
                let factor = upper[0][i] / below;
                let (diagonal, second) = (upper[0][i + 1], upper[1][i + 1]);
                let first = upper[1][i];
                upper[0][i] = below;
                upper[1][i] = diagonal;
                upper[2][i] = second;
                upper[0][i + 1] = first - factor * diagonal;
                upper[1][i + 1] = -factor * second;
                lower[i] = factor;
            } else {
                let factor = below / upper[0][i];
                upper[0][i + 1] -= factor * upper[1][i];
                lower[i] = factor;
            }
        }
        for pivot in &mut upper[0] {
            if pivot.abs() < least {
                *pivot = least;
            }
        }
        Self { upper, lower, exchanged }
    }
    fn solve(&self, v: &mut [f64]) {
        let n = v.len();
        for i in 0..n.saturating_sub(1) {
            if self.exchanged[i] {
                v.swap(i, i + 1);
            }
            v[i + 1] -= self.lower[i] * v[i];
        }
        for i in (0..n).rev() {
            let after = |k: usize| v.get(i + k).copied().unwrap_or(0.0);
            v[i] = (v[i] - self.upper[1][i] * after(1) - self.upper[2][i] * after(2)) / self.upper[0][i];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tapers_are_orthonormal_and_concentrated() {
        for (n, nw, count) in
            [(64, 4.0, 7), (61, 2.5, 4), (1000, 4.0, 8), (5, 1.0, 2), (2, 0.5, 1), (3, 1.4, 3)]
        {
            let dpss = Dpss::new(n, nw, count).unwrap();
            for i in 0..count {
                for j in 0..=i {
                    let product: f64 = dpss.taper(i).iter().zip(dpss.taper(j)).map(|(a, b)| a * b).sum();
                    let expected = if i == j { 1.0 } else { 0.0 };
                    assert!((product - expected).abs() < 1e-13, "{n} {i} {j}: {product}");
                }
                let (ratio, v) = (dpss.ratios()[i], dpss.taper(i));
                assert!(ratio > 0.0 && ratio < 1.0 + 1e-12, "{n} {i}: {ratio}");
                // Eigenvectors of the matrix of sines, for which they are defined.
                let w = nw / n as f64;
                for t in (0..n).step_by(1 + n / 7) {
                    let row = |s: usize| {
                        let d = t as f64 - s as f64;
                        if s == t {
                            2.0 * w
                        } else {
                            (2.0 * PI * w * d).sin() / (PI * d)
                        }
                    };
                    let product: f64 = (0..n).map(|s| row(s) * v[s]).sum();
                    assert!((product - ratio * v[t]).abs() < 1e-11, "{n} {i} {t}: {product}");
                }
            }
            assert!(dpss.ratios().windows(2).all(|r| r[0] >= r[1] - 1e-13));
        }
    }

    /// Made by `scipy.signal.windows.dpss(12, 2.5, 4, return_ratios=True)`.
    #[test]
    fn tapers_as_scipy_has_them() {
        let dpss = Dpss::new(12, 2.5, 4).unwrap();
        for (k, (ratio, first)) in SCIPY.iter().enumerate() {
            assert!((dpss.ratios()[k] - ratio).abs() < 1e-13);
            for (ours, theirs) in dpss.taper(k).iter().zip(first) {
                assert!((ours - theirs).abs() < 1e-13, "{k}: {ours} is not {theirs}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (n, nw, count) in [(10, 5.0, 1), (10, 0.0, 1), (10, f64::NAN, 1), (10, 2.0, 0), (10, 2.0, 11)] {
            assert!(Dpss::new(n, nw, count).is_err());
        }
    }

    const SCIPY: [(f64, [f64; 6]); 4] = [
        (
            0.999_999_041_052_579_4,
            [
                0.012_292_102_255_041_85,
                0.055_199_085_992_308_286,
                0.143_858_700_881_684_4,
                0.271_947_127_904_257_9,
                0.403_987_654_462_418_4,
                0.488_820_390_301_978_05,
            ],
        ),
        (
            0.999_924_640_546_382_4,
            [
                0.053_377_829_580_754_47,
                0.175_814_748_882_144_74,
                0.334_648_563_664_089_85,
                0.434_319_592_098_087_24,
                0.378_007_985_321_400_4,
                0.150_754_022_086_725_73,
            ],
        ),
        (
            0.997_565_912_879_198_7,
            [
                0.155_038_555_965_174_5,
                0.346_488_260_093_244_8,
                0.430_299_085_240_714_03,
                0.283_620_142_096_408_73,
                -0.035_069_782_639_322_825,
                -0.298_464_996_885_125_1,
            ],
        ),
        (
            0.960_963_666_382_880_4,
            [
                0.332_767_879_685_151_8,
                0.443_517_223_743_340_3,
                0.256_887_310_379_918_13,
                -0.100_392_280_070_360_38,
                -0.301_718_977_251_988_6,
                -0.159_543_000_870_950_77,
            ],
        ),
    ];
}
