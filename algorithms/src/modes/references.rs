//! Numbers of other tools, for tests: see `tests/reference/make_modes_references.py`.

use super::dense::{dot, product, rows, to_columns, to_rows};
use super::{temporal_vectors, Kernel};
use crate::symmetric::Eigenpairs;
use std::collections::HashMap;

pub(super) struct References(HashMap<String, (usize, usize, Vec<f64>)>);

impl References {
    pub(super) fn load() -> Self {
        let mut found = HashMap::new();
        let mut lines =
            include_str!("../../../tests/reference/modes.txt").lines().filter(|l| !l.starts_with('#'));
        while let (Some(head), Some(numbers)) = (lines.next(), lines.next()) {
            let mut head = head.split(' ');
            let name = head.next().unwrap().to_string();
            let mut size = head.map(|s| s.parse::<usize>().unwrap());
            let (r, c) = (size.next().unwrap(), size.next().unwrap());
            let values: Vec<f64> = numbers.split(' ').map(|v| v.parse().unwrap()).collect();
            assert_eq!(values.len(), r * c, "{name}");
            found.insert(name, (r, c, values));
        }
        Self(found)
    }
    pub(super) fn get(&self, name: &str) -> &[f64] {
        &self.0.get(name).unwrap_or_else(|| panic!("no reference {name}")).2
    }
    /// Anomalies of a field, times × cells.
    pub(super) fn anomalies(&self, name: &str) -> Vec<f64> {
        let (n, cells, values) = &self.0[name];
        let mut out = values.clone();
        for c in 0..*cells {
            let mean = (0..*n).map(|t| values[t * cells + c]).sum::<f64>() / *n as f64;
            (0..*n).for_each(|t| out[t * cells + c] -= mean);
        }
        out
    }
    /// Those of x times the root of the cosine of latitude.
    pub(super) fn weighted(&self) -> Vec<f64> {
        let weights: Vec<f64> =
            self.get("latitudes").iter().flat_map(|l| [l.to_radians().cos().sqrt(); 4]).collect();
        let mut x = self.anomalies("x");
        x.chunks_mut(12).for_each(|row| row.iter_mut().zip(&weights).for_each(|(v, w)| *v *= w));
        x
    }
}

/// A field (times × cells) with its modes.
pub(super) struct Solved {
    pub(super) x: Vec<f64>,
    pub(super) n: usize,
    pub(super) pairs: Eigenpairs,
    pub(super) z: Vec<f64>,
}

impl Solved {
    pub(super) fn new(x: Vec<f64>, n: usize, modes: usize) -> Self {
        let pairs = Kernel::factor(n, x.clone()).unwrap().leading(modes).unwrap();
        let z = temporal_vectors(&pairs);
        Self { x, n, pairs, z }
    }
    pub(super) fn maps(&self, vectors: &[f64]) -> Vec<f64> {
        maps(&self.x, self.n, vectors)
    }
}

/// Xᵀ z for each of the vectors: one map after the other.
pub(super) fn maps(x: &[f64], n: usize, vectors: &[f64]) -> Vec<f64> {
    let cells = x.len() / n;
    let z = rows(vectors, vectors.len() / n, n);
    to_rows(product(z, rows(x, n, cells)).as_ref())
}

/// X v for each of the maps v: one series after the other.
pub(super) fn projections(x: &[f64], n: usize, maps: &[f64]) -> Vec<f64> {
    let cells = x.len() / n;
    to_columns(product(rows(x, n, cells), rows(maps, maps.len() / cells, cells).transpose()).as_ref())
}

/// 1 or -1 for each vector: makes the entry of largest magnitude positive.
pub(super) fn signs(maps: &[f64], length: usize) -> Vec<f64> {
    let largest = |map: &[f64]| map.iter().fold(0.0f64, |m, &v| if v.abs() > m.abs() { v } else { m });
    maps.chunks(length).map(|map| largest(map).signum()).collect()
}

pub(super) fn signed(vectors: &[f64], length: usize, signs: &[f64]) -> Vec<f64> {
    vectors.chunks(length).zip(signs).flat_map(|(v, s)| v.iter().map(move |x| x * s)).collect()
}

/// Asserts that both agree, relative to the largest number.
pub(super) fn agree(found: &[f64], wanted: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    let scale = wanted.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    for (i, (a, b)) in found.iter().zip(wanted).enumerate() {
        assert!((a - b).abs() <= tolerance * scale, "{what}, entry {i}: {a}, wanted {b}");
    }
}

/// As [`agree`], each vector up to its sign.
pub(super) fn agree_but_sign(found: &[f64], wanted: &[f64], length: usize, tolerance: f64, what: &str) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (k, (a, b)) in found.chunks(length).zip(wanted.chunks(length)).enumerate() {
        let sign = dot(a, b).signum();
        let a: Vec<f64> = a.iter().map(|v| v * sign).collect();
        agree(&a, b, tolerance, &format!("{what}, vector {k}"));
    }
}
