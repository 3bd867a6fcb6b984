//! Fourier transforms along circles of latitude, of northern and southern ones together.

use super::rows::{load, Rows};
use super::transform::{Share, Transform};
use halocline_core::memory::filled;
use rayon::prelude::*;
use realfft::num_complex::Complex;

/// Real and imaginary parts of all maps by latitude from the pole, order (in the order of a
/// [`Share`]), and whether they are symmetric about the equator or antisymmetric.
#[derive(Debug)]
pub(super) struct Circles {
    data: Vec<f64>,
    columns: usize,
    orders: usize,
}

impl Circles {
    /// Those of so many columns and orders.
    pub(super) fn new(data: Vec<f64>, columns: usize, orders: usize) -> Self {
        Self { data, columns, orders }
    }
    /// Where the parts of a latitude begin.
    pub(super) fn place(&self, latitude: usize, order: usize, antisymmetric: bool) -> usize {
        ((latitude * self.orders + order) * 2 + usize::from(antisymmetric)) * self.columns
    }
    pub(super) fn data(&self) -> &[f64] {
        &self.data
    }
    /// Their memory, to be used again.
    pub(super) fn into_data(self) -> Vec<f64> {
        self.data
    }
    /// Two for each map.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }
}

/// What a thread needs for one latitude.
struct Scratch {
    north: Vec<f64>,
    south: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    fft: Vec<Complex<f64>>,
}

impl Transform {
    /// Transforms `maps` maps of each input, the latitudes of a share: columns are those of the first
    /// input, of the second, and so on. Rows are weighted, unless meridians are carried over. Inputs
    /// are given as their northern rows and their southern ones.
    pub(super) fn circles(&self, inputs: &[[Rows<'_>; 2]], maps: usize, share: &Share<'_>) -> Circles {
        let (columns, orders) = (2 * maps * inputs.len(), share.orders);
        let length = self.grid.columns;
        let wide = orders.len() * 2 * columns;
        let mut data = filled(share.latitudes.len() * wide, 0.0f64);
        let scratch = || Scratch {
            north: vec![0.0; length],
            south: vec![0.0; length],
            spectrum: self.forward.make_output_vec(),
            fft: self.forward.make_scratch_vec(),
        };
        data.par_chunks_mut(wide.max(1)).enumerate().for_each_init(scratch, |s, (k, out)| {
            let k = share.latitudes.start + k;
            let (north, south) = self.pair(k);
            let weight = self.weights.as_ref().map_or(1.0, |w| w[k]) / length as f64;
            for (c, [northern, southern]) in inputs.iter().enumerate() {
                for map in 0..maps {
                    let fetch = |rows: &Rows<'_>, row: Option<usize>, out: &mut [f64]| match row {
                        Some(row) => load(rows.values, rows.at(map, row, length), self.grid.eastward, out),
                        None => out.fill(0.0),
                    };
                    fetch(northern, north, &mut s.north);
                    fetch(southern, south, &mut s.south);
                    if !self.is_equator(k) {
                        for (n, s) in s.north.iter_mut().zip(&mut s.south) {
                            (*n, *s) = (0.5 * (*n + *s), 0.5 * (*n - *s));
                        }
                    }
                    let at = 2 * (c * maps + map);
                    for (part, row) in [&mut s.north, &mut s.south].into_iter().enumerate() {
                        if self.forward.process_with_scratch(row, &mut s.spectrum, &mut s.fft).is_err() {
                            continue;
                        }
                        for (slot, &m) in orders.iter().enumerate() {
                            let value = s.spectrum[m];
                            // Of the highest wave of an even number of points only the cosine
                            // shows, which stands for both signs of m.
                            let share = if 2 * m == length { 0.5 * weight } else { weight };
                            let place = (2 * slot + part) * columns + at;
                            out[place] = value.re * share;
                            out[place + 1] = value.im * share;
                        }
                    }
                }
            }
        });
        Circles::new(data, columns, orders.len())
    }
}
