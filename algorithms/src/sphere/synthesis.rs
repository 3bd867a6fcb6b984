//! From coefficients to maps.

use super::analysis::{cleared, Workspace};
use super::circles::Row;
use super::coefficients::Coefficients;
use super::product::{multiply_add, pack, Packed, Strided, Target};
use super::transform::{Transform, DEGREES};
use halocline_core::engine::NumbersMut;
use halocline_core::memory::filled;
use rayon::prelude::*;
use realfft::num_complex::Complex;

/// By order, whether it is symmetric about the equator or antisymmetric, latitude from the pole,
/// then columns.
#[derive(Debug)]
pub(super) struct Waves {
    pub(super) data: Vec<f64>,
    pub(super) columns: usize,
    latitudes: usize,
}

impl Waves {
    pub(super) fn new(transform: &Transform, columns: usize) -> Self {
        let latitudes = transform.own.len();
        let data = filled((transform.order + 1) * 2 * latitudes * columns, 0.0f64);
        Self { data, columns, latitudes }
    }
    /// Values of an order.
    pub(super) fn wide(&self) -> usize {
        2 * self.latitudes * self.columns
    }
    fn at(&self, order: usize, antisymmetric: bool, latitude: usize, column: usize) -> Complex<f64> {
        let at =
            ((2 * order + usize::from(antisymmetric)) * self.latitudes + latitude) * self.columns + column;
        Complex::new(self.data[at], self.data[at + 1])
    }
}

impl Transform {
    /// The maps that coefficients make, one after the other, into `out`. Degrees and orders beyond
    /// the truncation of this are left out.
    pub fn synthesise(&self, coefficients: &Coefficients, out: NumbersMut<'_>) {
        let columns = 2 * coefficients.maps();
        let mut waves = Waves::new(self, columns);
        let wide = waves.wide();
        waves.data.par_chunks_mut(wide.max(1)).enumerate().for_each_init(
            Workspace::default,
            |w, (m, sums)| {
                let degrees = self.pack_degrees(coefficients, m, w);
                let Workspace { functions, first, packed, .. } = w;
                functions.start(&self.own, m, self.sectoral[m], false);
                for at in (0..degrees).step_by(DEGREES) {
                    let many = DEGREES.min(degrees - at);
                    let table = cleared(first, many * self.own.len());
                    functions.fill(&self.own, many, table);
                    self.sum_up(table, (&packed[0], degrees, at), sums, (many, columns), false);
                }
            },
        );
        self.lay_out(&waves, vec![out], coefficients.maps());
    }

    /// Packs what there is of an order, and tells how many degrees that is.
    pub(super) fn pack_degrees(&self, of: &Coefficients, m: usize, w: &mut Workspace) -> usize {
        let (columns, values) = (2 * of.maps(), of.of_order(m));
        let there = values.len().checked_div(columns).unwrap_or(0);
        let degrees = there.min(self.truncation + 1 - m);
        let packed = cleared(&mut w.packed[0], degrees * columns);
        pack(values, |k| k * columns, (degrees, columns), packed);
        degrees
    }

    /// Adds functions of some degrees times coefficients, which of all `degrees` begin `at` this
    /// one (an even number of degrees from the first), to the symmetric and antisymmetric part.
    pub(super) fn sum_up(
        &self,
        table: &[f64],
        (packed, degrees, at): (&[f64], usize, usize),
        sums: &mut [f64],
        (many, columns): (usize, usize),
        swapped: bool,
    ) {
        let rows = self.own.len();
        for odd in 0..many.min(2) {
            let left = Strided { data: &table[odd * rows..], down: 1, along: 2 * rows };
            let right = Packed { data: packed, rows: degrees, from: at + odd, by: 2 };
            let part = (odd ^ usize::from(swapped)) * rows * columns;
            let target = Target { data: &mut *sums, from: part, down: columns };
            multiply_add(left, right, target, [rows, (many - odd).div_ceil(2), columns]);
        }
    }

    /// Fourier transforms back to maps: of each output so many.
    pub(super) fn lay_out(&self, waves: &Waves, outputs: Vec<NumbersMut<'_>>, maps: usize) {
        let length = self.grid.columns;
        // The rows of all maps by northern latitude.
        let mut place = vec![(0, false); self.grid.rows];
        for k in 0..self.own.len() {
            let (north, south) = self.pair(k);
            north.into_iter().for_each(|row| place[row] = (k, false));
            south.into_iter().for_each(|row| place[row] = (k, true));
        }
        let mut rows: Vec<Vec<(usize, bool, Row<'_>)>> = (0..self.own.len()).map(|_| Vec::new()).collect();
        for (c, output) in outputs.into_iter().enumerate() {
            let mut deal = |i: usize, row| {
                let (k, is_south) = place[i % self.grid.rows];
                rows[k].push((c * maps + i / self.grid.rows, is_south, row));
            };
            match output {
                NumbersMut::F32(v) => {
                    v.chunks_exact_mut(length).enumerate().for_each(|(i, row)| deal(i, Row::F32(row)));
                }
                NumbersMut::F64(v) => {
                    v.chunks_exact_mut(length).enumerate().for_each(|(i, row)| deal(i, Row::F64(row)));
                }
            }
        }
        let scratch = || (self.inverse.make_input_vec(), self.inverse.make_scratch_vec(), vec![0.0; length]);
        rows.into_par_iter().enumerate().for_each_init(scratch, |(spectrum, fft, values), (k, rows)| {
            for (map, is_south, mut row) in rows {
                spectrum.fill(Complex::default());
                for (m, out) in spectrum.iter_mut().take(self.order + 1).enumerate() {
                    let even = waves.at(m, false, k, 2 * map);
                    let odd = waves.at(m, true, k, 2 * map);
                    let value = if is_south { even - odd } else { even + odd };
                    // Of the mean, and of the highest wave of an even number of points, which
                    // stands for both signs of m, the real part alone is there.
                    *out = match m {
                        0 => Complex::new(value.re, 0.0),
                        _ if 2 * m == length => Complex::new(2.0 * value.re, 0.0),
                        _ => value,
                    };
                }
                if self.inverse.process_with_scratch(spectrum, values, fft).is_ok() {
                    row.put(values, self.grid.eastward);
                }
            }
        });
    }
}
