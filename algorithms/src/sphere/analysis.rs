//! From maps to coefficients.

use super::circles::Circles;
use super::coefficients::Coefficients;
use super::grid::LatitudeKind;
use super::legendre::Functions;
use super::product::{multiply_add, pack, Left, Packed, Target};
use super::rows::Rows;
use super::transform::{Transform, DEGREES};
use halocline_core::engine::Numbers;
use rayon::prelude::*;

/// What a thread needs for one order.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    pub(super) functions: Functions,
    pub(super) next: Functions,
    pub(super) first: Vec<f64>,
    pub(super) second: Vec<f64>,
    pub(super) third: Vec<f64>,
    /// Packed columns: symmetric ones, antisymmetric ones.
    pub(super) packed: [Vec<f64>; 2],
    pub(super) carried: Vec<f64>,
    pub(super) sums: Vec<f64>,
}

/// A buffer of zeros.
pub(super) fn cleared(buffer: &mut Vec<f64>, len: usize) -> &mut [f64] {
    buffer.clear();
    buffer.resize(len, 0.0);
    buffer
}

impl Transform {
    /// The coefficients of `maps` maps of the grid, one after the other. Missing values spoil
    /// those of their map.
    pub fn analyse(&self, values: Numbers<'_>, maps: usize) -> Coefficients {
        let share = self.whole();
        let circles = self.circles(&[self.all_rows(values)], maps, &share);
        let made = self.project(&circles, share.orders);
        self.spare.give(circles.into_data());
        Coefficients::new(maps, self.truncation, made)
    }

    /// All rows of maps: northern ones, and southern ones.
    pub(super) fn all_rows<'v>(&self, values: Numbers<'v>) -> [Rows<'v>; 2] {
        [(); 2].map(|()| Rows { values, range: 0..self.grid.rows })
    }

    /// The coefficients of these orders, from circles of all latitudes and of these orders.
    pub(super) fn project(&self, circles: &Circles, orders: &[usize]) -> Vec<Vec<f64>> {
        let columns = circles.columns();
        let made = orders.par_iter().enumerate().map_init(Workspace::default, |w, (slot, &m)| {
            self.gather(circles, slot, m % 2 == 1, w);
            let degrees = self.truncation + 1 - m;
            let mut out = vec![0.0; degrees * columns];
            let Workspace { functions, first, packed, .. } = w;
            functions.start(&self.nodes, m, self.sectoral[m], false);
            for at in (0..degrees).step_by(DEGREES) {
                let many = DEGREES.min(degrees - at);
                let table = cleared(first, many * self.nodes.len());
                functions.fill(&self.nodes, many, table);
                self.integrate(table, packed, &mut out[at * columns..], (many, columns), false);
            }
            if m % 2 == 1 && self.is_beyond(degrees) {
                out[(degrees - 1) * columns..].fill(0.0);
            }
            out
        });
        made.collect()
    }

    /// Whether the highest degree, of so many of an order, holds a sine that vanishes on every
    /// latitude of a grid with poles where it is odd about them: SPHEREPACK sets it to zero, too.
    pub(super) fn is_beyond(&self, degrees: usize) -> bool {
        degrees > 0 && self.grid.kind == LatitudeKind::Poles && self.truncation + 1 == self.grid.rows
    }

    /// Packs the columns of the order that is stored at `slot`, on the latitudes of integrals; `sines`
    /// if they are odd about the poles.
    pub(super) fn gather(&self, circles: &Circles, slot: usize, sines: bool, w: &mut Workspace) {
        let (columns, own, nodes) = (circles.columns(), self.own.len(), self.nodes.len());
        for antisymmetric in [false, true] {
            let packed = &mut w.packed[usize::from(antisymmetric)];
            let out = cleared(packed, own.max(nodes) * columns);
            pack(circles.data(), |k| circles.place(k, slot, antisymmetric), (own, columns), out);
            let Some(meridian) = &self.meridian else { continue };
            let matrix = Left::Rows(meridian.matrix(sines, antisymmetric), own);
            let right = Packed { data: out, rows: own, from: 0, by: 1 };
            let carried = cleared(&mut w.carried, nodes * columns);
            let target = Target { data: carried, from: 0, down: columns };
            multiply_add(matrix, right, target, [nodes, own, columns]);
            let carried = &w.carried;
            pack(carried, |k| k * columns, (nodes, columns), cleared(packed, nodes * columns));
        }
    }

    /// Sums functions of some degrees, the first of which are symmetric about the equator (or, if
    /// they are `swapped`, antisymmetric), times values over latitudes.
    pub(super) fn integrate(
        &self,
        table: &[f64],
        packed: &[Vec<f64>; 2],
        out: &mut [f64],
        (many, columns): (usize, usize),
        swapped: bool,
    ) {
        let rows = self.nodes.len();
        for odd in 0..many.min(2) {
            let left = Left::Rows(&table[odd * rows..], 2 * rows);
            let values = &packed[odd ^ usize::from(swapped)];
            let right = Packed { data: values, rows, from: 0, by: 1 };
            let target = Target { data: &mut *out, from: odd * columns, down: 2 * columns };
            multiply_add(left, right, target, [(many - odd).div_ceil(2), rows, columns]);
        }
    }
}
