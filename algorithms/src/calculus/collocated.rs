//! Operators on an A grid: centred differences of values that stand at the same points.

use super::block::{Block, Filler};
use super::Edge;
use halocline_core::engine::Numbers;
use halocline_core::grid::mesh::{Mesh, Point};

/// Derivatives on the A grid of a mesh, ready for many maps.
#[derive(Debug, Clone)]
pub struct Collocated {
    edge: Edge,
    filler: Filler,
    /// Distances to the next cell along x and along y, at each cell.
    next: [Block; 2],
    /// Widths of cells along x and along y.
    widths: [Block; 2],
    signs: [f64; 2],
    row: usize,
}

impl Collocated {
    /// On a mesh.
    pub fn new(mesh: &Mesh, edge: Edge) -> Self {
        let of =
            |values: &[Vec<f64>; 4], point: Point| Filler::new(mesh, point).block(&values[point.index()]);
        Self {
            edge,
            filler: Filler::new(mesh, Point::T),
            next: [of(&mesh.dx, Point::U), of(&mesh.dy, Point::V)],
            widths: [of(&mesh.dx, Point::T), of(&mesh.dy, Point::T)],
            signs: [mesh.signs[1], mesh.signs[0]],
            row: mesh.cells[1] + 2,
        }
    }

    /// (∂f/∂x, ∂f/∂y) of a map of a scalar, or of the component of a vector.
    pub fn gradient(&self, map: Numbers<'_>, is_component: bool, block: &mut Block) -> [Vec<f64>; 2] {
        self.filler.fill(map, (is_component, None), block);
        [self.along(block, 0), self.along(block, 1)]
    }
    /// One of them: along x (0) or along y (1).
    pub fn derivative(
        &self,
        map: Numbers<'_>,
        (is_component, axis): (bool, usize),
        block: &mut Block,
    ) -> Vec<f64> {
        self.filler.fill(map, (is_component, None), block);
        self.along(block, axis)
    }
    /// ∂x(h2 u)/h2 + ∂y(h1 v)/h1.
    pub fn divergence(&self, u: Numbers<'_>, v: Numbers<'_>, block: &mut Block) -> Vec<f64> {
        let mut sum = self.weighted(u, 1, 0, block);
        sum.iter_mut().zip(self.weighted(v, 0, 1, block)).for_each(|(a, b)| *a += b);
        sum
    }
    /// ∂x(h2 v)/h2 − ∂y(h1 u)/h1.
    pub fn curl(&self, u: Numbers<'_>, v: Numbers<'_>, block: &mut Block) -> Vec<f64> {
        let mut sum = self.weighted(v, 1, 0, block);
        sum.iter_mut().zip(self.weighted(u, 0, 1, block)).for_each(|(a, b)| *a -= b);
        sum
    }

    /// The derivative along an axis of a component times the width along another, over that width.
    fn weighted(&self, map: Numbers<'_>, width: usize, axis: usize, block: &mut Block) -> Vec<f64> {
        let widths = &self.widths[width];
        self.filler.fill(map, (true, Some(widths)), block);
        let mut result = self.along(block, axis);
        let mut rest = result.as_mut_slice();
        for (at, _) in self.filler.rows() {
            let (line, later) = rest.split_at_mut(self.filler.columns());
            line.iter_mut().zip(&widths.values[at..]).for_each(|(v, w)| *v = finite(*v / w));
            rest = later;
        }
        result
    }

    /// The derivative along an axis: exact for parabolas through three points.
    fn along(&self, block: &Block, axis: usize) -> Vec<f64> {
        let step = if axis == 0 { 1 } else { self.row };
        let (values, lengths, sign) = (&block.values, &self.next[axis].values, self.signs[axis]);
        let mut result = Vec::with_capacity(self.filler.len());
        for (row, _) in self.filler.rows() {
            result.extend((row..row + self.filler.columns()).map(|at| {
                let [before, own, mut behind] = [values[at - step], values[at], values[at + step]];
                let mut before = before;
                let (back, on) = (lengths[at - step], lengths[at]);
                if self.edge == Edge::Zero && !own.is_nan() {
                    before = if before.is_nan() { 0.0 } else { before };
                    behind = if behind.is_nan() { 0.0 } else { behind };
                }
                if self.edge == Edge::OneSided {
                    match (before.is_nan(), behind.is_nan()) {
                        (true, false) => return finite(sign * (behind - own) / on),
                        (false, true) => return finite(sign * (own - before) / back),
                        _ => {}
                    }
                }
                // Beyond a wall nobody tells how far it is: as far as on the other side.
                let (back, on) = (known(back, on), known(on, back));
                let all = back + on;
                let slope = (back / on * (behind - own) + on / back * (own - before)) / all;
                finite(sign * slope)
            }));
        }
        result
    }
}

fn known(v: f64, other: f64) -> f64 {
    if v.is_nan() {
        other
    } else {
        v
    }
}

fn finite(v: f64) -> f64 {
    if v.is_finite() {
        v
    } else {
        f64::NAN
    }
}
