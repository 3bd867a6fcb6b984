//! From evenly spaced latitudes to those on which integrals are sums.

use super::latitudes::Latitudes;

/// Matrices, of Gaussian by own northern latitudes, that carry the trigonometric polynomial
/// through the values of a meridian.
#[derive(Debug)]
pub(super) struct Meridian {
    /// Cosines (even about the poles) of what is symmetric and antisymmetric about the equator,
    /// then sines of these.
    matrices: [Vec<f64>; 4],
}

impl Meridian {
    /// `own` of so many `rows` in all, evenly spaced, with poles or without; the row of each
    /// Gaussian latitude is multiplied by its weight.
    pub(super) fn new(own: &Latitudes, rows: usize, poles: bool, nodes: &Latitudes, weights: &[f64]) -> Self {
        let (from, to) = (own.angles(), nodes.angles());
        // All latitudes, from north to south.
        let angle =
            |i: usize| if i < own.len() { from[i] } else { std::f64::consts::PI - from[rows - 1 - i] };
        let sine = |i: usize| own.sine[i.min(rows - 1 - i)];
        let matrix = |sines: bool| {
            let mut pair = [Vec::new(), Vec::new()];
            // Of sines the poles hold nothing: the polynomial behind is that through the others.
            let inner = usize::from(sines && poles);
            let inside = inner..rows - inner;
            let factor = |i: usize| {
                let sign = if i % 2 == 0 { 1.0 } else { -1.0 };
                let size = match (poles, sines) {
                    (true, false) => {
                        if i == 0 || i == rows - 1 {
                            0.5
                        } else {
                            1.0
                        }
                    }
                    (true, true) => sine(i) * sine(i),
                    (false, _) => sine(i),
                };
                sign * size
            };
            for (g, &theta) in to.iter().enumerate() {
                let apart = |i: usize| {
                    let other = angle(i);
                    -2.0 * (0.5 * (theta + other)).sin() * (0.5 * (theta - other)).sin()
                };
                let hit = inside.clone().find(|&i| apart(i) == 0.0);
                let mut row: Vec<f64> = vec![0.0; rows];
                if let Some(i) = hit {
                    row[i] = 1.0;
                } else {
                    inside.clone().for_each(|i| row[i] = factor(i) / apart(i));
                    let sum: f64 = row.iter().sum();
                    let scale = |i: usize| if sines { nodes.sine[g] / sine(i) } else { 1.0 };
                    inside.clone().for_each(|i| row[i] *= scale(i) / sum);
                }
                for i in 0..own.len() {
                    let (north, south) = (row[i], row[rows - 1 - i]);
                    let is_equator = i == rows - 1 - i;
                    let sum = if is_equator { north } else { north + south };
                    let difference = if is_equator { 0.0 } else { north - south };
                    pair[0].push(weights[g] * sum);
                    pair[1].push(weights[g] * difference);
                }
            }
            pair
        };
        let ([a, b], [c, d]) = (matrix(false), matrix(true));
        Self { matrices: [a, b, c, d] }
    }

    /// The matrix of what is odd about the poles (or not), and antisymmetric about the equator (or
    /// not).
    pub(super) fn matrix(&self, sines: bool, antisymmetric: bool) -> &[f64] {
        &self.matrices[2 * usize::from(sines) + usize::from(antisymmetric)]
    }
}

/// Weights of evenly spaced latitudes, those of the poles zero, that integrate polynomials of the
/// degrees below the number of parts exactly (Fejér's second rule, Driscoll and Healy); northern
/// ones only, sum 2 over both hemispheres.
pub(super) fn weights(at: &Latitudes, parts: usize) -> Vec<f64> {
    let weight = |(k, sine): (usize, &f64)| {
        let angle = std::f64::consts::PI * k as f64 / parts as f64;
        let term = |j: usize| {
            let odd = (2 * j + 1) as f64;
            (odd * angle).sin() / odd
        };
        4.0 / parts as f64 * sine * (0..parts / 2).map(term).sum::<f64>()
    };
    at.sine.iter().enumerate().map(weight).collect()
}
