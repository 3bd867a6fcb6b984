//! Operators on a C grid: sums of neighbours half a cell away, with signs, over a length or an area.

use super::block::{Block, Filler};
use super::Edge;
use halocline_core::engine::Numbers;
use halocline_core::grid::mesh::{Mesh, Point};

/// What is computed, of one map or of the two components of a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// ∂/∂x, half a cell on: of values at T at U.
    DerivativeX(Point),
    /// ∂/∂y, half a cell on: of values at T at V.
    DerivativeY(Point),
    /// The difference along x.
    DiffX(Point),
    /// The difference along y.
    DiffY(Point),
    /// The mean of two neighbours along x.
    InterpX(Point),
    /// The mean of two neighbours along y.
    InterpY(Point),
    /// −∂ψ/∂y: the first component of the flow of a streamfunction, from F to U or from T to V.
    RotatedX(Point),
    /// ∂ψ/∂x: the second component.
    RotatedY(Point),
    /// The divergence of (u, v) at T.
    Divergence,
    /// The vertical component of the curl of (u, v) at F.
    Curl,
    /// The divergence of the gradient of values at T, at T.
    Laplacian,
}

impl Operator {
    /// The points that its maps stand on.
    pub fn inputs(self) -> Vec<Point> {
        match self {
            Self::Divergence | Self::Curl => vec![Point::U, Point::V],
            Self::Laplacian => vec![Point::T],
            Self::DerivativeX(p)
            | Self::DerivativeY(p)
            | Self::DiffX(p)
            | Self::DiffY(p)
            | Self::InterpX(p)
            | Self::InterpY(p)
            | Self::RotatedX(p)
            | Self::RotatedY(p) => vec![p],
        }
    }
    /// The point that its result stands on.
    pub fn output(self) -> Point {
        match self {
            Self::Divergence | Self::Laplacian => Point::T,
            Self::Curl => Point::F,
            Self::DerivativeX(p) | Self::DiffX(p) | Self::InterpX(p) | Self::RotatedY(p) => p.across_x(),
            Self::DerivativeY(p) | Self::DiffY(p) | Self::InterpY(p) | Self::RotatedX(p) => p.across_y(),
        }
    }
    fn is_along_x(self) -> bool {
        matches!(self, Self::DerivativeX(_) | Self::DiffX(_) | Self::InterpX(_) | Self::RotatedY(_))
    }
    fn is_mean(self) -> bool {
        matches!(self, Self::InterpX(_) | Self::InterpY(_))
    }
}

/// An operator on the C grid of a mesh, ready for many maps.
#[derive(Debug, Clone)]
pub struct Staggered {
    operator: Operator,
    edge: Edge,
    fillers: Vec<Filler>,
    weights: Vec<Option<Block>>,
    out: Filler,
    /// 1 / length or area, at the point of the result.
    scale: Block,
    /// Of a Laplacian: width over distance at U and at V.
    conductances: Option<[Block; 2]>,
    /// Signs of differences along y and x.
    signs: [f64; 2],
    /// Offset of the neighbour that follows along the axis of a difference, in the block.
    row: usize,
}

impl Staggered {
    /// An operator on a mesh.
    pub fn new(mesh: &Mesh, operator: Operator, edge: Edge) -> Self {
        let points = operator.inputs();
        let fillers: Vec<Filler> = points.iter().map(|p| Filler::new(mesh, *p)).collect();
        let of =
            |values: &[Vec<f64>; 4], point: Point| Filler::new(mesh, point).block(&values[point.index()]);
        let weights = match operator {
            Operator::Divergence => vec![Some(of(&mesh.dy, Point::U)), Some(of(&mesh.dx, Point::V))],
            Operator::Curl => vec![Some(of(&mesh.dx, Point::U)), Some(of(&mesh.dy, Point::V))],
            _ => vec![None],
        };
        let output = operator.output();
        let inverse = |mut block: Block| {
            block.values.iter_mut().for_each(|v| *v = 1.0 / *v);
            block
        };
        let out = Filler::new(mesh, output);
        let scale = match operator {
            Operator::Divergence | Operator::Curl => inverse(of(&mesh.area, output)),
            Operator::Laplacian => {
                // Where a whole row is the pole, its cells have neighbours all around, of which a row
                // knows but two.
                let columns = mesh.cells[1].max(1);
                let mut area = mesh.area[output.index()].clone();
                for (area, lat) in area.chunks_mut(columns).zip(mesh.lat[output.index()].chunks(columns)) {
                    if lat.iter().all(|lat| lat.abs() > 90.0 - 1e-6) {
                        area.fill(f64::NAN);
                    }
                }
                inverse(out.block(&area))
            }
            Operator::DerivativeX(_) | Operator::RotatedY(_) => inverse(of(&mesh.dx, output)),
            Operator::DerivativeY(_) | Operator::RotatedX(_) => inverse(of(&mesh.dy, output)),
            _ => {
                let mut ones = of(&mesh.area, output);
                ones.values.fill(if operator.is_mean() { 0.5 } else { 1.0 });
                ones
            }
        };
        let conductances = (operator == Operator::Laplacian).then(|| {
            let ratio = |mut width: Block, length: &Block| {
                width.values.iter_mut().zip(&length.values).for_each(|(w, l)| *w /= l);
                width
            };
            [
                ratio(of(&mesh.dy, Point::U), &of(&mesh.dx, Point::U)),
                ratio(of(&mesh.dx, Point::V), &of(&mesh.dy, Point::V)),
            ]
        });
        Self {
            operator,
            edge,
            fillers,
            weights,
            out,
            scale,
            conductances,
            signs: mesh.signs,
            row: mesh.cells[1] + 2,
        }
    }

    /// Bytes that it takes, and those of the blocks that each use takes.
    pub fn bytes(cells: usize) -> (u64, u64) {
        (6 * 8 * cells as u64, 3 * 8 * cells as u64)
    }

    /// The result of maps at the points of [`Operator::inputs`], C order. Where `open` of an input says
    /// that nothing is there (land), nothing is known of it, or 0 with [`Edge::Zero`]; without it,
    /// that is where values are missing. `wet` says where a result is wanted.
    pub fn apply(
        &self,
        maps: &[Numbers<'_>],
        (open, wet): (&[Option<&[bool]>], Option<&[bool]>),
        blocks: &mut Vec<Block>,
    ) -> Vec<f64> {
        blocks.resize_with(self.fillers.len(), Block::default);
        let zero = self.edge == Edge::Zero;
        for (k, filler) in self.fillers.iter().enumerate() {
            let is_component = matches!(self.operator.inputs()[k], Point::U | Point::V);
            let weights = (is_component, self.weights[k].as_ref());
            match open.get(k).copied().flatten() {
                None => filler.fill(maps[k], weights, &mut blocks[k]),
                Some(open) => {
                    let closed = if zero { 0.0 } else { f64::NAN };
                    let map = closing(maps[k], open, closed);
                    filler.fill(Numbers::F64(&map), weights, &mut blocks[k]);
                }
            }
        }
        let mut result = match self.operator {
            Operator::Laplacian => self.laplacian(&blocks[0], open.first().copied().flatten()),
            Operator::Divergence => {
                let [sy, sx] = self.signs;
                self.sum(
                    [
                        (&blocks[0], 0, sx),
                        (&blocks[0], 1, -sx),
                        (&blocks[1], 0, sy),
                        (&blocks[1], self.row, -sy),
                    ],
                    true,
                )
            }
            Operator::Curl => {
                let [sy, sx] = self.signs;
                self.sum(
                    [
                        (&blocks[1], 1, sx),
                        (&blocks[1], 0, -sx),
                        (&blocks[0], self.row, -sy),
                        (&blocks[0], 0, sy),
                    ],
                    false,
                )
            }
            operator => self.pair(&blocks[0], operator),
        };
        if let Some(wet) = wet {
            result.iter_mut().zip(wet).for_each(|(v, wet)| {
                if !wet {
                    *v = f64::NAN;
                }
            });
        }
        result
    }

    /// Values that stand in the zone of the map.
    fn each(&self, value: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut result = Vec::with_capacity(self.out.len());
        for (block, _) in self.out.rows() {
            result.extend((block..block + self.out.columns()).map(&value));
        }
        result
    }

    /// Sums of four neighbours, each in a block so far behind (or before) a place, with signs.
    fn sum(&self, terms: [(&Block, usize, f64); 4], back: bool) -> Vec<f64> {
        let missing_is_zero = self.edge == Edge::Zero;
        let [a, b, c, d] = terms.map(|(block, offset, sign)| {
            move |at: usize| {
                let at = if back { at - offset } else { at + offset };
                sign * block.values[at]
            }
        });
        let scale = &self.scale.values;
        if missing_is_zero {
            let known = |v: f64| if v.is_nan() { 0.0 } else { v };
            return self.each(|at| {
                let all = [a(at), b(at), c(at), d(at)];
                if all.iter().all(|v| v.is_nan()) {
                    return f64::NAN;
                }
                let [a, b, c, d] = all.map(known);
                finite((a + b + (c + d)) * scale[at])
            });
        }
        self.each(|at| finite((a(at) + b(at) + (c(at) + d(at))) * scale[at]))
    }

    /// Differences or means of two neighbours along an axis.
    fn pair(&self, block: &Block, operator: Operator) -> Vec<f64> {
        let along_x = operator.is_along_x();
        let step = if along_x { 1 } else { self.row };
        let point = operator.output();
        let ahead = if along_x { point.is_east() } else { point.is_north() };
        let sign = match operator {
            Operator::RotatedX(_) => -self.signs[0],
            Operator::DiffX(_) | Operator::DiffY(_) => 1.0,
            _ => self.signs[usize::from(along_x)],
        };
        let mean = operator.is_mean();
        let zero = self.edge == Edge::Zero;
        self.each(|at| {
            let (first, second) = if ahead { (at, at + step) } else { (at - step, at) };
            let (mut first, mut second) = (block.values[first], block.values[second]);
            if zero && !(first.is_nan() && second.is_nan()) {
                first = if first.is_nan() { 0.0 } else { first };
                second = if second.is_nan() { 0.0 } else { second };
            }
            if mean {
                (first + second) * self.scale.values[at]
            } else {
                finite(sign * (second - first) * self.scale.values[at])
            }
        })
    }

    fn laplacian(&self, block: &Block, open: Option<&[bool]>) -> Vec<f64> {
        let Some([east, north]) = &self.conductances else { return Vec::new() };
        let zero = self.edge == Edge::Zero;
        // With a mask, closed cells are 0 in the block; what is between them and others is closed.
        let closed = open.filter(|_| zero).map(|open| {
            let as_numbers: Vec<f64> = open.iter().map(|o| f64::from(u8::from(*o))).collect();
            self.fillers[0].block(&as_numbers)
        });
        let values = &block.values;
        let flux = |conductance: &Block, at: usize, next: usize| -> f64 {
            if let Some(closed) = &closed {
                // Beyond walls this is NaN.
                if closed.values[at] != 1.0 || closed.values[next] != 1.0 {
                    return 0.0;
                }
                return conductance.values[at] * (values[next] - values[at]);
            }
            let step = conductance.values[at] * (values[next] - values[at]);
            if zero && (values[next].is_nan() || step.is_nan()) {
                0.0
            } else {
                step
            }
        };
        self.each(|at| {
            if values[at].is_nan() {
                return f64::NAN;
            }
            let x = flux(east, at, at + 1) - west(&flux, east, at, 1);
            let y = flux(north, at, at + self.row) - west(&flux, north, at, self.row);
            finite((x + y) * self.scale.values[at])
        })
    }
}

/// The flux through the face before a cell; missing where that comes from a missing cell, or 0.
fn west(flux: &impl Fn(&Block, usize, usize) -> f64, conductance: &Block, at: usize, step: usize) -> f64 {
    flux(conductance, at - step, at)
}

/// A map that is closed where nothing is open.
fn closing(map: Numbers<'_>, open: &[bool], closed: f64) -> Vec<f64> {
    let pick = |(open, v): (&bool, f64)| if *open { v } else { closed };
    match map {
        Numbers::F32(v) => open.iter().zip(v.iter().map(|v| f64::from(*v))).map(pick).collect(),
        Numbers::F64(v) => open.iter().zip(v.iter().copied()).map(pick).collect(),
    }
}

/// Where a length is 0 (a pole), nothing is known.
fn finite(v: f64) -> f64 {
    if v.is_finite() {
        v
    } else {
        f64::NAN
    }
}
