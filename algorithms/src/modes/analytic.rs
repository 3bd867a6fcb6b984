//! Complex (Hilbert) EOFs: patterns that travel.
//!
//! The analytic signal of the weighted anomalies is `Xc = X + i H X`, H the Hilbert transform along
//! time ([`Hilbert`]). Its singular value decomposition is `Xc = Σ u s v*`, the star for the
//! conjugate transpose: the complex EOFs are the v, the raw principal components `Xc v = u s`
//! (xeofs's components and scores), and `Re Σ u s v*` is the field again. While the phase of
//! u grows, its pattern travels towards growing phase of v.
//!
//! Modes have a free phase: u and v may be turned by the same angle. Here the entry of u of
//! largest magnitude (the first of equals) is real and positive; [`ComplexModes::turned`] sets
//! another, as that at which the largest entry of the pattern is real and positive. xeofs leaves
//! the phase as the solver gives it, up to a sign.
//!
//! # References
//! Horel (1984), *J. Climate Appl. Meteor.* 23, 1660–1673. Barnett (1983), *Mon. Weather Rev.*
//! 111, 756–773.

use super::dense::{check_finite, failed, to_columns};
use super::hilbert::Hilbert;
use super::kernel::{Kernel, DENSE, FEW};
use super::krylov;
use crate::symmetric::power_of_two_scale;
use faer::linalg::matmul::matmul;
use faer::{c64, Accum, Mat, MatMut, MatRef, Par, Side};
use halocline_core::Result;
use serde::{Deserialize, Serialize};

/// Modes of an analytic signal. Vectors stand one after the other, n numbers each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComplexModes {
    /// Number of times.
    pub n: usize,
    /// s² of the leading modes, descending; eigenvalues are s² / (n − 1).
    pub values: Vec<f64>,
    /// Σ s² over all modes.
    pub trace: f64,
    /// Real parts of the unit vectors u; raw principal components are u s.
    pub real: Vec<f64>,
    /// Imaginary parts of the unit vectors u.
    pub imaginary: Vec<f64>,
}

/// Real temporal vectors of the two parts of complex patterns, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct TemporalPair {
    /// z with Re v = Xᵀ z.
    pub real: Vec<f64>,
    /// z with Im v = Xᵀ z.
    pub imaginary: Vec<f64>,
}

impl ComplexModes {
    /// The leading `count` modes of the analytic signal of the field with this kernel, of
    /// anomalies about their time mean. One thread.
    ///
    /// The Gram matrix of the analytic signal is `G + H G Hᵀ + i (H G − G Hᵀ)`.
    ///
    /// # Errors
    /// [`Data`](halocline_core::ErrorKind::Data) when the kernel holds something that is no number.
    pub fn leading(kernel: &Kernel, hilbert: &Hilbert, count: usize) -> Result<Self> {
        let n = kernel.n();
        let count = count.min(kernel.rank_bound());
        let (values, vectors, trace) = match kernel {
            Kernel::Factor { rank, values, .. } if *rank < n => of_factor(values, n, *rank, hilbert, count)?,
            _ => of_full(kernel.to_full(), n, hilbert, count)?,
        };
        let part = |of: &dyn Fn(c64) -> f64| -> Vec<f64> {
            (0..vectors.ncols()).flat_map(|k| (0..n).map(move |t| (t, k))).map(|at| of(vectors[at])).collect()
        };
        let mut modes = Self { n, values, trace, real: part(&|v| v.re), imaginary: part(&|v| v.im) };
        let angles: Vec<f64> = (0..modes.values.len()).map(|k| -modes.largest_phase(k)).collect();
        modes = modes.turned(&angles);
        Ok(modes)
    }

    /// The phase of the entry of u of largest magnitude.
    fn largest_phase(&self, k: usize) -> f64 {
        let at = k * self.n..(k + 1) * self.n;
        let (mut size, mut phase) = (0.0, 0.0);
        for (re, im) in self.real[at.clone()].iter().zip(&self.imaginary[at]) {
            let square = re * re + im * im;
            if square > size {
                (size, phase) = (square, im.atan2(*re));
            }
        }
        phase
    }

    /// The same modes turned by `angles` (radians, one a mode): u and v times exp(i angle).
    #[must_use]
    pub fn turned(&self, angles: &[f64]) -> Self {
        let mut turned = self.clone();
        let n = self.n.max(1);
        let parts = turned.real.chunks_mut(n).zip(turned.imaginary.chunks_mut(n));
        for ((re, im), angle) in parts.zip(angles) {
            let (sin, cos) = angle.sin_cos();
            for (a, b) in re.iter_mut().zip(im) {
                (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
            }
        }
        turned
    }

    /// Temporal vectors of the patterns `v = Xc* u / s`: of the real part (Re u + Hᵀ Im u) / s, of
    /// the imaginary part (Im u − Hᵀ Re u) / s. Zero for a mode without variance.
    pub fn temporal_vectors(&self, hilbert: &Hilbert) -> TemporalPair {
        let n = self.n.max(1);
        let (of_real, of_imaginary) =
            (hilbert.apply_transposed(&self.real), hilbert.apply_transposed(&self.imaginary));
        let join = |a: &[f64], b: &[f64], sign: f64| -> Vec<f64> {
            let vectors = a.chunks(n).zip(b.chunks(n)).zip(&self.values);
            vectors
                .flat_map(|((a, b), &value)| {
                    let factor = if value > 0.0 { 1.0 / value.sqrt() } else { 0.0 };
                    a.iter().zip(b).map(move |(x, y)| (x + sign * y) * factor)
                })
                .collect()
        };
        TemporalPair {
            real: join(&self.real, &of_imaginary, 1.0),
            imaginary: join(&self.imaginary, &of_real, -1.0),
        }
    }
}

type Solved = (Vec<f64>, Mat<c64>, f64);

/// Through T + i H T, n × rank, and its small Gram matrix.
fn of_factor(t: &[f64], n: usize, rank: usize, hilbert: &Hilbert, count: usize) -> Result<Solved> {
    check_finite(t, "the field")?;
    let columns = to_columns(super::dense::rows(t, n, rank));
    let turned = hilbert.apply(&columns);
    let signal = Mat::from_fn(n, rank, |i, k| c64::new(columns[k * n + i], turned[k * n + i]));
    let small = multiply(signal.adjoint().to_owned().as_ref(), signal.as_ref());
    let (_, w) = hermitian(small.as_ref(), count)?;
    // As for real factors: an orthogonal basis makes u orthonormal to rounding.
    let q = multiply(signal.as_ref(), w.as_ref()).qr().compute_thin_Q();
    let rest = multiply(q.adjoint().to_owned().as_ref(), signal.as_ref());
    let (rest, size) = near_one(rest.as_ref());
    let svd = rest.thin_svd().map_err(|e| failed("singular value", &e))?;
    let values = (0..q.ncols()).map(|k| (svd.S()[k].re * size).powi(2)).collect();
    let trace = columns.iter().chain(&turned).map(|v| v * v).sum();
    Ok((values, multiply(q.as_ref(), svd.U()), trace))
}

fn of_full(g: Vec<f64>, n: usize, hilbert: &Hilbert, count: usize) -> Result<Solved> {
    check_finite(&g, "the covariance")?;
    // G Hᵀ by rows of G, H G is its transpose, and H (G Hᵀ) once more by columns.
    let gh = hilbert.apply(&g);
    let transposed = |m: &[f64]| -> Vec<f64> { (0..n * n).map(|i| m[i % n * n + i / n]).collect() };
    let hg = transposed(&gh);
    let hgh = hilbert.apply(&hg);
    let mut real = g;
    for i in 0..n {
        for j in 0..n {
            real[i * n + j] += 0.5 * (hgh[i * n + j] + hgh[j * n + i]);
        }
    }
    let imaginary: Vec<f64> = hg.iter().zip(&gh).map(|(a, b)| a - b).collect();
    let trace = (0..n).map(|i| real[i * n + i]).sum();
    if n > DENSE && count <= FEW {
        if let Some((values, vectors)) = few(&real, &imaginary, n, count)? {
            return Ok((values, vectors, trace));
        }
    }
    let whole = Mat::from_fn(n, n, |i, j| c64::new(real[i * n + j], imaginary[i * n + j]));
    let (values, vectors) = hermitian(whole.as_ref(), count)?;
    Ok((values, vectors, trace))
}

fn multiply(a: MatRef<'_, c64>, b: MatRef<'_, c64>) -> Mat<c64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    matmul(out.as_mut(), Accum::Replace, a, b, c64::new(1.0, 0.0), Par::Seq);
    out
}

/// As of real matrices ([`super::dense`]): solvers want entries of about 1.
fn near_one(a: MatRef<'_, c64>) -> (Mat<c64>, f64) {
    let at = (0..a.ncols()).flat_map(|j| (0..a.nrows()).map(move |i| (i, j)));
    let largest = at.fold(0.0f64, |m, at| m.max(a[at].re.abs()).max(a[at].im.abs()));
    let (down, up) = power_of_two_scale(&[largest]);
    (Mat::from_fn(a.nrows(), a.ncols(), |i, j| c64::new(a[(i, j)].re * down, a[(i, j)].im * down)), up)
}

/// The leading eigenvalues, none below zero, and eigenvectors.
fn hermitian(a: MatRef<'_, c64>, count: usize) -> Result<(Vec<f64>, Mat<c64>)> {
    let n = a.nrows();
    let sum: f64 = (0..n).flat_map(|j| (0..n).map(move |i| (i, j))).map(|at| a[at].re + a[at].im).sum();
    check_finite(&[sum], "the covariance")?;
    let (a, size) = near_one(a);
    let eigen = a.self_adjoint_eigen(Side::Lower).map_err(|e| failed("eigenvalue", &e))?;
    let values = (0..count).map(|k| (eigen.S()[n - 1 - k].re * size).max(0.0)).collect();
    Ok((values, Mat::from_fn(n, count, |i, k| eigen.U()[(i, n - 1 - k)])))
}

/// Few modes of many times, through the real symmetric matrix (R, −I; I, R) of twice the size: it
/// has each eigenvalue twice, with (Re u, Im u) and (−Im u, Re u).
fn few(real: &[f64], imaginary: &[f64], n: usize, count: usize) -> Result<Option<(Vec<f64>, Mat<c64>)>> {
    let (r, i) = (super::dense::rows(real, n, n), super::dense::rows(imaginary, n, n));
    let apply = |out: MatMut<'_, f64>, x: MatRef<'_, f64>| {
        let (upper, lower) = x.split_at_row(n);
        let (mut out_upper, mut out_lower) = out.split_at_row_mut(n);
        matmul(out_upper.as_mut(), Accum::Replace, r, upper, 1.0, Par::Seq);
        matmul(out_upper.as_mut(), Accum::Add, i, lower, -1.0, Par::Seq);
        matmul(out_lower.as_mut(), Accum::Replace, i, upper, 1.0, Par::Seq);
        matmul(out_lower.as_mut(), Accum::Add, r, lower, 1.0, Par::Seq);
    };
    let Some((values, vectors)) = krylov::leading(2 * n, 2 * count, &apply)? else {
        return Ok(None);
    };
    let mut found: Vec<(f64, Vec<c64>)> = Vec::new();
    for k in 0..2 * count {
        let mut u: Vec<c64> = (0..n).map(|t| c64::new(vectors[(t, k)], vectors[(n + t, k)])).collect();
        // What is left after the vectors that are known: nothing of the second of a pair.
        for _ in 0..2 {
            for (_, known) in &found {
                let overlap: c64 = known.iter().zip(&u).map(|(a, b)| a.conj() * b).sum();
                u.iter_mut().zip(known).for_each(|(a, b)| *a -= overlap * b);
            }
        }
        let norm = u.iter().map(c64::norm_sqr).sum::<f64>().sqrt();
        if norm > 1e-3 && found.len() < count {
            u.iter_mut().for_each(|a| *a /= norm);
            found.push((values[k].max(0.0), u));
        }
    }
    if found.len() < count {
        return Ok(None);
    }
    let vectors = Mat::from_fn(n, count, |t, k| found[k].1[t]);
    Ok(Some((found.into_iter().map(|(value, _)| value).collect(), vectors)))
}

#[cfg(test)]
mod tests {
    use super::super::hilbert::Padding;
    use super::super::references::{agree, maps, References};
    use super::*;

    const N: usize = 32;

    /// Turns complex vectors by the angles that bring them nearest to others.
    fn angles(re: &[f64], im: &[f64], to_re: &[f64], to_im: &[f64], n: usize) -> Vec<f64> {
        (0..re.len() / n)
            .map(|k| {
                let (mut a, mut b) = (0.0, 0.0);
                for i in k * n..(k + 1) * n {
                    a += re[i] * to_re[i] + im[i] * to_im[i];
                    b += re[i] * to_im[i] - im[i] * to_re[i];
                }
                b.atan2(a)
            })
            .collect()
    }

    #[test]
    fn hilbert_eofs_are_those_of_xeofs() {
        let r = References::load();
        let x = r.anomalies("x");
        let factor = Kernel::factor(N, x.clone()).unwrap();
        let full = Kernel::Full { n: N, values: factor.to_full() };
        for (name, padding) in [("none", Padding::None), ("exp", Padding::Exponential { decay: 0.2 })] {
            let hilbert = Hilbert::new(N, padding).unwrap();
            for kernel in [&factor, &full] {
                let modes = ComplexModes::leading(kernel, &hilbert, 3).unwrap();
                let get = |what: &str| r.get(&format!("hilbert_{name}_{what}"));
                let variance: Vec<f64> = modes.values.iter().map(|v| v / 31.0).collect();
                agree(&variance, get("variance"), 1e-11, name);
                let ratio: Vec<f64> = modes.values.iter().map(|v| v / modes.trace).collect();
                agree(&ratio, get("ratio"), 1e-11, name);
                let (re, im) = (get("scores_re"), get("scores_im"));
                let modes = modes.turned(&angles(&modes.real, &modes.imaginary, re, im, N));
                let scores = |part: &[f64]| -> Vec<f64> {
                    part.iter().enumerate().map(|(i, v)| v * modes.values[i / N].sqrt()).collect()
                };
                agree(&scores(&modes.real), re, 1e-9, name);
                agree(&scores(&modes.imaginary), im, 1e-9, name);
                let z = modes.temporal_vectors(&hilbert);
                agree(&maps(&x, N, &z.real), get("components_re"), 1e-9, name);
                agree(&maps(&x, N, &z.imaginary), get("components_im"), 1e-9, name);
            }
        }
    }

    #[test]
    fn a_travelling_wave_is_one_mode_and_the_field_comes_back() {
        let (n, cells) = (48, 10);
        let phase = |t: usize, c: usize| 2.0 * std::f64::consts::PI * (t as f64 / 12.0 - c as f64 / 10.0);
        let x: Vec<f64> = (0..n * cells).map(|i| 3.0 * phase(i / cells, i % cells).cos()).collect();
        let hilbert = Hilbert::new(n, Padding::None).unwrap();
        let modes = ComplexModes::leading(&Kernel::factor(n, x.clone()).unwrap(), &hilbert, 2).unwrap();
        assert!((modes.values[0] / modes.trace - 1.0).abs() < 1e-12);
        assert!(modes.values[1] < 1e-20 * modes.trace);
        // The stated phase: every entry has the same magnitude, the largest is real.
        let z = modes.temporal_vectors(&hilbert);
        let (re, im) = (maps(&x, n, &z.real[..n]), maps(&x, n, &z.imaginary[..n]));
        let s = modes.values[0].sqrt();
        for (i, v) in x.iter().enumerate() {
            let (t, c) = (i / cells, i % cells);
            // Re (u s v*)
            let found = s * (modes.real[t] * re[c] + modes.imaginary[t] * im[c]);
            assert!((v - found).abs() < 1e-11);
            assert!((re[c].hypot(im[c]) - 10f64.sqrt().recip()).abs() < 1e-12);
        }
        // The wave travels towards growing c: both phases grow.
        let step = |re: &[f64], im: &[f64]| (im[1] * re[0] - re[1] * im[0]).signum();
        assert_eq!(step(&modes.real, &modes.imaginary), 1.0);
        assert_eq!(step(&re, &im), 1.0);
    }

    #[test]
    fn many_times_agree_with_few_cells() {
        let n = DENSE + 40;
        let x: Vec<f64> = (0..n * 6)
            .map(|i| {
                let (t, c) = ((i / 6) as f64, (i % 6) as f64);
                (0.05 * t - c).cos() + 0.5 * (0.31 * t + 0.5 * c).sin() + 0.1 * ((i * i) as f64 * 0.618).sin()
            })
            .collect();
        let hilbert = Hilbert::new(n, Padding::None).unwrap();
        let factor = Kernel::factor(n, x).unwrap();
        let small = ComplexModes::leading(&factor, &hilbert, 3).unwrap();
        let full = Kernel::Full { n, values: factor.to_full() };
        let large = ComplexModes::leading(&full, &hilbert, 3).unwrap();
        agree(&large.values, &small.values, 1e-12, "values");
        agree(&large.real, &small.real, 1e-9, "real");
        agree(&large.imaginary, &small.imaginary, 1e-9, "imaginary");
    }

    #[test]
    fn odd_kernels() {
        let hilbert = Hilbert::new(1, Padding::None).unwrap();
        let one = ComplexModes::leading(&Kernel::factor(1, vec![2.0]).unwrap(), &hilbert, 3).unwrap();
        assert_eq!((one.values.len(), one.real[0], one.imaginary[0]), (1, 1.0, 0.0));
        let hilbert = Hilbert::new(2, Padding::None).unwrap();
        let bad = Kernel::Full { n: 2, values: vec![f64::NAN; 4] };
        assert!(ComplexModes::leading(&bad, &hilbert, 1).is_err());
        let nothing = Kernel::Full { n: 2, values: vec![0.0; 4] };
        let modes = ComplexModes::leading(&nothing, &hilbert, 1).unwrap();
        assert!(modes.temporal_vectors(&hilbert).real.iter().all(|v| *v == 0.0));
    }
}
