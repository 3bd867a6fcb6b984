//! Fourier transforms along circles of latitude, of northern and southern ones together.

use super::transform::Transform;
use halocline_core::engine::Numbers;
use halocline_core::memory::filled;
use rayon::prelude::*;
use realfft::num_complex::Complex;

/// Real and imaginary parts of all maps by latitude from the pole, order, and whether they are
/// symmetric about the equator or antisymmetric.
#[derive(Debug)]
pub(super) struct Circles {
    data: Vec<f64>,
    columns: usize,
    orders: usize,
}

impl Circles {
    /// Where the parts of a latitude begin.
    pub(super) fn place(&self, latitude: usize, order: usize, antisymmetric: bool) -> usize {
        ((latitude * self.orders + order) * 2 + usize::from(antisymmetric)) * self.columns
    }
    pub(super) fn data(&self) -> &[f64] {
        &self.data
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

/// Copies a row, eastward.
fn load(values: Numbers<'_>, at: usize, eastward: bool, out: &mut [f64]) {
    let n = out.len();
    match values {
        Numbers::F32(v) => out.iter_mut().zip(&v[at..at + n]).for_each(|(o, v)| *o = f64::from(*v)),
        Numbers::F64(v) => out.copy_from_slice(&v[at..at + n]),
    }
    if !eastward {
        out.reverse();
    }
}

impl Transform {
    /// Transforms `maps` maps of each input: columns are those of the first input, of the second,
    /// and so on. Rows are weighted, unless meridians are carried over.
    pub(super) fn circles(&self, inputs: &[Numbers<'_>], maps: usize) -> Circles {
        let (columns, orders) = (2 * maps * inputs.len(), self.order + 1);
        let (length, cells) = (self.grid.columns, self.grid.cells());
        let wide = orders * 2 * columns;
        let mut data = filled(self.own.len() * wide, 0.0f64);
        let scratch = || Scratch {
            north: vec![0.0; length],
            south: vec![0.0; length],
            spectrum: self.forward.make_output_vec(),
            fft: self.forward.make_scratch_vec(),
        };
        data.par_chunks_mut(wide.max(1)).enumerate().for_each_init(scratch, |s, (k, out)| {
            let (north, south) = self.pair(k);
            let weight = self.weights.as_ref().map_or(1.0, |w| w[k]) / length as f64;
            for (c, values) in inputs.iter().enumerate() {
                for map in 0..maps {
                    let fetch = |row: Option<usize>, out: &mut [f64]| match row {
                        Some(row) => load(*values, map * cells + row * length, self.grid.eastward, out),
                        None => out.fill(0.0),
                    };
                    fetch(north, &mut s.north);
                    fetch(south, &mut s.south);
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
                        for (m, value) in s.spectrum.iter().take(orders).enumerate() {
                            // Of the highest wave of an even number of points only the cosine
                            // shows, which stands for both signs of m.
                            let share = if 2 * m == length { 0.5 * weight } else { weight };
                            let place = (2 * m + part) * columns + at;
                            out[place] = value.re * share;
                            out[place + 1] = value.im * share;
                        }
                    }
                }
            }
        });
        Circles { data, columns, orders }
    }
}

/// Values of maps that are written.
#[derive(Debug)]
pub(super) enum Row<'a> {
    F32(&'a mut [f32]),
    F64(&'a mut [f64]),
}

impl Row<'_> {
    /// Takes a row that runs eastward.
    pub(super) fn put(&mut self, values: &[f64], eastward: bool) {
        let n = values.len();
        let at = |i: usize| values[if eastward { i } else { n - 1 - i }];
        match self {
            Self::F32(out) => out.iter_mut().enumerate().for_each(|(i, o)| *o = at(i) as f32),
            Self::F64(out) => out.iter_mut().enumerate().for_each(|(i, o)| *o = at(i)),
        }
    }
}
