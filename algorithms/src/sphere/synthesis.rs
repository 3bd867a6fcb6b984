//! From coefficients to maps.

use super::analysis::{cleared, Workspace};
use super::coefficients::Coefficients;
use super::product::{multiply_add, pack, Packed, Strided, Target};
use super::rows::{Row, RowsMut};
use super::transform::{Share, Transform, DEGREES};
use halocline_core::engine::NumbersMut;
use halocline_core::memory::filled;
use rayon::prelude::*;
use realfft::num_complex::Complex;

/// By order (in the order of a [`Share`]), whether it is symmetric about the equator or
/// antisymmetric, latitude from the pole, then columns.
#[derive(Debug)]
pub(super) struct Waves {
    pub(super) data: Vec<f64>,
    pub(super) columns: usize,
    latitudes: usize,
}

impl Waves {
    /// Those of so many latitudes and columns.
    pub(super) fn new(data: Vec<f64>, latitudes: usize, columns: usize) -> Self {
        Self { data, columns, latitudes }
    }
    /// Zeros of so many orders.
    pub(super) fn zeros(orders: usize, latitudes: usize, columns: usize) -> Self {
        Self::new(filled(orders * 2 * latitudes * columns, 0.0f64), latitudes, columns)
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
    ///
    /// # Panics
    /// If coefficients are a rank's part ([`Coefficients::is_whole`]).
    pub fn synthesise(&self, coefficients: &Coefficients, out: NumbersMut<'_>) {
        coefficients.must_be_whole();
        let share = self.whole();
        let waves = self.waves(coefficients, share.orders);
        self.lay_out(&waves, vec![self.all_rows_mut(out)], coefficients.maps(), &share);
    }

    /// All rows of maps that are written.
    pub(super) fn all_rows_mut<'v>(&self, values: NumbersMut<'v>) -> Vec<RowsMut<'v>> {
        vec![RowsMut { values, range: 0..self.grid.rows }]
    }

    /// Sums over degrees, of these orders on all latitudes.
    pub(super) fn waves(&self, coefficients: &Coefficients, orders: &[usize]) -> Waves {
        let columns = 2 * coefficients.maps();
        let mut waves = Waves::zeros(orders.len(), self.own.len(), columns);
        let wide = waves.wide();
        let all = waves.data.par_chunks_mut(wide.max(1)).zip(orders);
        all.for_each_init(Workspace::default, |w, (sums, &m)| {
            let degrees = self.pack_degrees(coefficients, m, w);
            let Workspace { functions, first, packed, .. } = w;
            functions.start(&self.own, m, self.sectoral[m], false);
            for at in (0..degrees).step_by(DEGREES) {
                let many = DEGREES.min(degrees - at);
                let table = cleared(first, many * self.own.len());
                functions.fill(&self.own, many, table);
                self.sum_up(table, (&packed[0], degrees, at), sums, (many, columns), false);
            }
        });
        waves
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

    /// Fourier transforms back to maps, on the latitudes of a share: of each output so many, given as
    /// pieces that hold its rows.
    pub(super) fn lay_out(
        &self,
        waves: &Waves,
        outputs: Vec<Vec<RowsMut<'_>>>,
        maps: usize,
        share: &Share<'_>,
    ) {
        let (length, first) = (self.grid.columns, share.latitudes.start);
        // The rows of all maps by northern latitude.
        let mut place = vec![(0, false); self.grid.rows];
        for k in share.latitudes.clone() {
            let (north, south) = self.pair(k);
            north.into_iter().for_each(|row| place[row] = (k - first, false));
            south.into_iter().for_each(|row| place[row] = (k - first, true));
        }
        let mut rows: Vec<Vec<(usize, bool, Row<'_>)>> =
            share.latitudes.clone().map(|_| Vec::new()).collect();
        for (c, output) in outputs.into_iter().enumerate() {
            for piece in output {
                piece.deal(length, |map, row, values| {
                    let (k, is_south) = place[row];
                    rows[k].push((c * maps + map, is_south, values));
                });
            }
        }
        let scratch = || (self.inverse.make_input_vec(), self.inverse.make_scratch_vec(), vec![0.0; length]);
        rows.into_par_iter().enumerate().for_each_init(scratch, |(spectrum, fft, values), (k, rows)| {
            for (map, is_south, mut row) in rows {
                spectrum.fill(Complex::default());
                for (slot, &m) in share.orders.iter().enumerate() {
                    let even = waves.at(slot, false, k, 2 * map);
                    let odd = waves.at(slot, true, k, 2 * map);
                    let value = if is_south { even - odd } else { even + odd };
                    // Of the mean, and of the highest wave of an even number of points, which
                    // stands for both signs of m, the real part alone is there.
                    spectrum[m] = match m {
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
