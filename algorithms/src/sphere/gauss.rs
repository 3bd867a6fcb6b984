//! Gaussian latitudes and their weights.

use super::latitudes::Latitudes;
use super::twofold::Twofold;
use rayon::prelude::*;
use std::f64::consts::PI;

/// The zeros of the Legendre polynomial of degree `n` from the north pole to the equator, and
/// their weights, which sum to 2 over both hemispheres.
///
/// Newton's method, its last steps with twice the digits, so that sines and weights near the poles
/// have all of theirs.
pub(super) fn northern(n: usize) -> (Latitudes, Vec<f64>) {
    let nodes: Vec<[f64; 4]> = (0..n.div_ceil(2)).into_par_iter().map(|k| node(n, k)).collect();
    let part = |c: usize| nodes.iter().map(|node| node[c]).collect::<Vec<f64>>();
    (Latitudes { cosine: part(0), sine: part(1), rest: part(3) }, part(2))
}

/// Sines of latitude from the north pole to the equator, to about the precision of a double: enough
/// to recognise them.
pub(super) fn near(n: usize) -> Vec<f64> {
    (0..n.div_ceil(2)).into_par_iter().map(|k| zero(n, k)).collect()
}

/// The zero `k` from the north, by Newton's method in double precision.
fn zero(n: usize, k: usize) -> f64 {
    let degree = n as f64;
    let guess = PI * (k as f64 + 0.75) / (degree + 0.5);
    let mut x = (1.0 - (degree - 1.0) / (8.0 * degree.powi(3))) * guess.cos();
    for _ in 0..10 {
        let (p, before) = single(n, x);
        let step = p * (1.0 - x * x) / (degree * (before - x * p));
        x -= step;
        if step.abs() < 1e-15 {
            break;
        }
    }
    if 2 * k + 1 == n {
        0.0
    } else {
        x
    }
}

/// Cosine and sine of colatitude, weight, and the rest of the cosine, of the node `k` from the north.
fn node(n: usize, k: usize) -> [f64; 4] {
    let degree = n as f64;
    let mut x = Twofold::new(zero(n, k));
    for _ in 0..2 {
        let (p, before) = double(n, x);
        let slope = degree * (before.value() - x.high * p.value()) / squared_sine(x);
        x = x.plus(Twofold::new(-p.value() / slope));
    }
    let (_, before) = double(n, x);
    let square = squared_sine(x);
    [x.high, square.sqrt(), 2.0 * square / (degree * before.value()).powi(2), x.low]
}

fn squared_sine(x: Twofold) -> f64 {
    let one = Twofold::new(1.0);
    one.plus(x.scaled(-1.0)).times(one.plus(x)).value()
}

/// P of degree n and n - 1.
fn single(n: usize, x: f64) -> (f64, f64) {
    let (mut p, mut before) = (x, 1.0);
    for k in 2..=n {
        let k = k as f64;
        (p, before) = (((2.0 * k - 1.0) * x * p - (k - 1.0) * before) / k, p);
    }
    (p, before)
}

fn double(n: usize, x: Twofold) -> (Twofold, Twofold) {
    let (mut p, mut before) = (x, Twofold::new(1.0));
    for k in 2..=n {
        let k = k as f64;
        let next = x.times(p).scaled(2.0 * k - 1.0).plus(before.scaled(1.0 - k)).over(k);
        (p, before) = (next, p);
    }
    (p, before)
}
