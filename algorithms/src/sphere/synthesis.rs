//! From coefficients to maps.

use super::analysis::{cleared, Workspace};
use super::circles::Scratch;
use super::coefficients::Coefficients;
use super::product::{multiply_add, pack, Left, Packed, Target};
use super::rows::{Row, RowsMut};
use super::transform::{Share, Transform, ABREAST, DEGREES};
use halocline_core::engine::NumbersMut;
use rayon::prelude::*;
use realfft::num_complex::Complex;
use std::ops::Range;

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
    /// Values of an order.
    pub(super) fn wide(&self) -> usize {
        2 * self.latitudes * self.columns
    }
    /// Of an order and a latitude, the symmetric part of some columns and the antisymmetric one.
    fn both(&self, order: usize, latitude: usize, columns: Range<usize>) -> [&[f64]; 2] {
        let at = |part| ((2 * order + part) * self.latitudes + latitude) * self.columns;
        [0, 1].map(|part| &self.data[at(part) + columns.start..at(part) + columns.end])
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
        self.spare.give(waves.data);
    }

    /// All rows of maps that are written.
    pub(super) fn all_rows_mut<'v>(&self, values: NumbersMut<'v>) -> Vec<RowsMut<'v>> {
        vec![RowsMut { values, range: 0..self.grid.rows }]
    }

    /// Room for waves of so many orders on all latitudes, whatever it holds.
    pub(super) fn room_for_waves(&self, orders: usize, columns: usize) -> Waves {
        let latitudes = self.own.len();
        Waves::new(self.spare.take(orders * 2 * latitudes * columns), latitudes, columns)
    }

    /// Sums over degrees, of these orders on all latitudes.
    pub(super) fn waves(&self, coefficients: &Coefficients, orders: &[usize]) -> Waves {
        let columns = 2 * coefficients.maps();
        let mut waves = self.room_for_waves(orders.len(), columns);
        let wide = waves.wide();
        let all = waves.data.par_chunks_mut(wide.max(1)).zip(orders);
        all.for_each_init(Workspace::default, |w, (sums, &m)| {
            let degrees = self.pack_degrees(coefficients, m, w);
            let Workspace { functions, first, packed, .. } = w;
            sums.fill(0.0);
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
            let left = Left::Columns(&table[odd * rows..], 2 * rows);
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
        let mut place = vec![(0, 0); self.grid.rows];
        for k in share.latitudes.clone() {
            let (north, south) = self.pair(k);
            north.into_iter().for_each(|row| place[row] = (k - first, 0));
            south.into_iter().for_each(|row| place[row] = (k - first, 1));
        }
        let all = maps * outputs.len();
        let none = || (0..all).map(|_| [None, None]).collect();
        let mut rows: Vec<Vec<[Option<Row<'_>>; 2]>> = share.latitudes.clone().map(|_| none()).collect();
        for (c, output) in outputs.into_iter().enumerate() {
            for piece in output {
                piece.deal(length, |map, row, values| {
                    let (k, side) = place[row];
                    rows[k][c * maps + map][side] = Some(values);
                });
            }
        }
        rows.par_iter_mut().enumerate().for_each_init(
            || self.scratch(),
            |scratch, (k, rows)| {
                for (block, rows) in rows.chunks_mut(ABREAST).enumerate() {
                    self.pick_up(
                        waves,
                        (k, share.orders),
                        (block * ABREAST, rows.len()),
                        &mut scratch.spectra,
                    );
                    self.write_rows(rows, scratch);
                }
            },
        );
    }

    /// The spectra of the rows of some maps of a latitude, northern and southern ones.
    fn pick_up(
        &self,
        waves: &Waves,
        (k, orders): (usize, &[usize]),
        (first, maps): (usize, usize),
        spectra: &mut [Complex<f64>],
    ) {
        let wide = self.waves_of_circle();
        // Beyond the highest order there are none; what a transform left there is no zero.
        spectra.chunks_exact_mut(wide).for_each(|s| s[self.order + 1..].fill(Complex::default()));
        for (slot, &m) in orders.iter().enumerate() {
            let [even, odd] = waves.both(slot, k, 2 * first..2 * (first + maps));
            let pairs = even.chunks_exact(2).zip(odd.chunks_exact(2));
            for (spectra, (even, odd)) in spectra.chunks_exact_mut(2 * wide).zip(pairs) {
                let (even, odd) = (Complex::new(even[0], even[1]), Complex::new(odd[0], odd[1]));
                (spectra[m], spectra[wide + m]) = (even + odd, even - odd);
            }
        }
        for spectrum in spectra.chunks_exact_mut(wide).take(2 * maps) {
            // Of the mean, and of the highest wave of an even number of points, which stands for both
            // signs of m, the real part alone is there.
            spectrum[0].im = 0.0;
            if self.grid.columns % 2 == 0 && self.order + 1 == wide {
                spectrum[wide - 1] = Complex::new(2.0 * spectrum[wide - 1].re, 0.0);
            }
        }
    }

    /// Transforms spectra back, and writes the rows that are there.
    fn write_rows(&self, rows: &mut [[Option<Row<'_>>; 2]], scratch: &mut Scratch) {
        let Scratch { rows: [values, _], spectra, fft } = scratch;
        let rows = rows.iter_mut().flatten();
        for (row, spectrum) in rows.zip(spectra.chunks_exact_mut(self.waves_of_circle())) {
            let work = &mut fft[..self.inverse.get_scratch_len()];
            let Some(row) = row else { continue };
            // It can't fail: lengths are its own, and the parts that have to be real are.
            if self.inverse.process_with_scratch(spectrum, values, work).is_err() {
                values.fill(f64::NAN);
            }
            row.put(values, self.grid.eastward);
        }
    }
}
