//! Fourier transforms along circles of latitude, of northern and southern ones together.

use super::rows::{load, Rows};
use super::transform::{Share, Transform, ABREAST};
use rayon::prelude::*;
use realfft::num_complex::Complex;
use std::ops::Range;

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

/// What a thread needs for some maps of one latitude.
pub(super) struct Scratch {
    /// Of each map the northern row and the southern one.
    pub(super) rows: [Vec<f64>; 2],
    /// Of each map the spectrum of what is symmetric and of what is not, or of each row.
    pub(super) spectra: Vec<Complex<f64>>,
    pub(super) fft: Vec<Complex<f64>>,
}

impl Transform {
    /// Waves of a circle, from none on.
    pub(super) fn waves_of_circle(&self) -> usize {
        self.grid.columns / 2 + 1
    }

    pub(super) fn scratch(&self) -> Scratch {
        let work = self.forward.get_scratch_len().max(self.inverse.get_scratch_len());
        Scratch {
            rows: [(); 2].map(|()| vec![0.0; self.grid.columns]),
            spectra: vec![Complex::default(); 2 * ABREAST * self.waves_of_circle()],
            fft: vec![Complex::default(); work],
        }
    }

    /// Transforms `maps` maps of each input, the latitudes of a share: columns are those of the first
    /// input, of the second, and so on. Rows are weighted, unless meridians are carried over. Inputs
    /// are given as their northern rows and their southern ones.
    pub(super) fn circles(&self, inputs: &[[Rows<'_>; 2]], maps: usize, share: &Share<'_>) -> Circles {
        let (columns, orders) = (2 * maps * inputs.len(), share.orders);
        let wide = orders.len() * 2 * columns;
        let mut data = self.spare.take(share.latitudes.len() * wide);
        data.par_chunks_mut(wide.max(1)).enumerate().for_each_init(
            || self.scratch(),
            |scratch, (k, out)| {
                let k = share.latitudes.start + k;
                for (c, input) in inputs.iter().enumerate() {
                    for first in (0..maps).step_by(ABREAST) {
                        let some = first..maps.min(first + ABREAST);
                        let at = 2 * (c * maps + first);
                        self.waves_of(k, (input, some.clone()), scratch);
                        self.lay_down(k, (orders, some.len()), &scratch.spectra, (out, columns, at));
                    }
                }
            },
        );
        Circles::new(data, columns, orders.len())
    }

    /// The spectra of some maps of a latitude, of what is symmetric about the equator and of what is not.
    fn waves_of(&self, k: usize, (input, maps): (&[Rows<'_>; 2], Range<usize>), scratch: &mut Scratch) {
        let Scratch { rows: [north, south], spectra, fft } = scratch;
        let places = self.pair(k);
        let fetch = |rows: &Rows<'_>, map: usize, row: Option<usize>, out: &mut [f64]| match row {
            Some(row) => load(rows.values, rows.at(map, row, self.grid.columns), self.grid.eastward, out),
            None => out.fill(0.0),
        };
        for (map, spectra) in maps.zip(spectra.chunks_exact_mut(2 * self.waves_of_circle())) {
            fetch(&input[0], map, places.0, north);
            fetch(&input[1], map, places.1, south);
            if !self.is_equator(k) {
                for (n, s) in north.iter_mut().zip(south.iter_mut()) {
                    (*n, *s) = (0.5 * (*n + *s), 0.5 * (*n - *s));
                }
            }
            let (even, odd) = spectra.split_at_mut(self.waves_of_circle());
            for (row, spectrum) in [(&mut *north, even), (&mut *south, odd)] {
                let work = &mut fft[..self.forward.get_scratch_len()];
                if self.forward.process_with_scratch(row, spectrum, work).is_err() {
                    spectrum.fill(Complex::default());
                }
            }
        }
    }

    /// Writes the waves of some maps of a latitude to where their columns begin.
    fn lay_down(
        &self,
        k: usize,
        (orders, maps): (&[usize], usize),
        spectra: &[Complex<f64>],
        (out, columns, at): (&mut [f64], usize, usize),
    ) {
        let (length, waves) = (self.grid.columns, self.waves_of_circle());
        let weight = self.weights.as_ref().map_or(1.0, |w| w[k]) / length as f64;
        for (both, &m) in out.chunks_exact_mut((2 * columns).max(1)).zip(orders) {
            // Of the highest wave of an even number of points only the cosine shows, which stands for
            // both signs of m.
            let share = if 2 * m == length { 0.5 * weight } else { weight };
            for part in 0..2 {
                let place = part * columns + at;
                let line = both[place..place + 2 * maps].chunks_exact_mut(2);
                for (out, value) in line.zip(spectra[part * waves + m..].iter().step_by(2 * waves)) {
                    (out[0], out[1]) = (value.re * share, value.im * share);
                }
            }
        }
    }
}
