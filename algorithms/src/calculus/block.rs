//! Maps with a rim around them.

use halocline_core::engine::Numbers;
use halocline_core::grid::mesh::{Mesh, Point};

/// A place that nothing fills: beyond a wall.
const WALL: u32 = u32::MAX;

/// A map of tracer rows and columns and a rim of one on each side, whatever the point: place `(j, i)`
/// of the counting of [`Topology`](halocline_core::grid::mesh::Topology) stands in row `j + 1`,
/// column `i + 1`.
#[derive(Debug, Clone, Default)]
pub struct Block {
    /// Columns, the rim included.
    pub(crate) width: usize,
    /// C order.
    pub(crate) values: Vec<f64>,
}

/// How maps at a point become blocks; made once for many maps.
#[derive(Debug, Clone)]
pub struct Filler {
    /// Rows and columns of the map, and where it begins.
    shape: [usize; 2],
    start: [isize; 2],
    /// Of the block.
    block: [usize; 2],
    /// Places that are not as the map has them: beyond its edges, and where it repeats others. Place in
    /// the block, place in the map, whether axes are turned.
    others: Vec<(u32, u32, bool)>,
}

impl Filler {
    /// For maps at `point` of a mesh.
    pub fn new(mesh: &Mesh, point: Point) -> Self {
        let (shape, start) = (mesh.shape(point), mesh.start(point));
        let block = mesh.cells.map(|n| n + 2);
        let mut others = Vec::new();
        for j in -1..=mesh.cells[0] as isize {
            for i in -1..=mesh.cells[1] as isize {
                let (row, column) = (j - start[0], i - start[1]);
                let inside =
                    (0..shape[0] as isize).contains(&row) && (0..shape[1] as isize).contains(&column);
                let own = inside.then(|| row as usize * shape[1] + column as usize);
                let found = mesh.place(point, j, i);
                if found.map(|(at, turned)| (Some(at), turned)) == Some((own, false)) {
                    continue;
                }
                let at = ((j + 1) as usize * block[1] + (i + 1) as usize) as u32;
                others.push(found.map_or((at, WALL, false), |(from, turned)| (at, from as u32, turned)));
            }
        }
        Self { shape, start, block, others }
    }

    /// The block of a map: missing where nothing is known; `is_component`, of a vector, changes its
    /// sign where axes are turned. Each value is multiplied by the weight of its place.
    pub fn fill(&self, map: Numbers<'_>, (is_component, weights): (bool, Option<&Block>), out: &mut Block) {
        match map {
            Numbers::F32(v) => self.fill_with(|at| f64::from(v[at]), is_component, out),
            Numbers::F64(v) => self.fill_with(|at| v[at], is_component, out),
        }
        if let Some(weights) = weights {
            out.values.iter_mut().zip(&weights.values).for_each(|(v, w)| *v *= w);
        }
    }

    /// The block of lengths, areas or the like.
    pub fn block(&self, map: &[f64]) -> Block {
        let mut block = Block::default();
        self.fill(Numbers::F64(map), (false, None), &mut block);
        block
    }

    fn fill_with(&self, value: impl Fn(usize) -> f64, is_component: bool, out: &mut Block) {
        let [rows, columns] = self.block;
        out.width = columns;
        out.values.resize(rows * columns, f64::NAN);
        for row in 0..self.shape[0] {
            let into = (row as isize + self.start[0] + 1) as usize * columns;
            let left = (self.start[1] + 1) as usize;
            let n = self.shape[1].min(columns - left);
            let line = &mut out.values[into + left..into + left + n];
            line.iter_mut().enumerate().for_each(|(i, v)| *v = value(row * self.shape[1] + i));
        }
        for &(at, from, turned) in &self.others {
            out.values[at as usize] = match from {
                WALL => f64::NAN,
                from if turned && is_component => -value(from as usize),
                from => value(from as usize),
            };
        }
    }

    /// Hands the places of the map, row by row, where in the block they begin.
    pub(super) fn rows(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let left = (self.start[1] + 1) as usize;
        (0..self.shape[0]).map(move |row| {
            ((row as isize + self.start[0] + 1) as usize * self.block[1] + left, row * self.shape[1])
        })
    }
    /// Columns of the map.
    pub(super) fn columns(&self) -> usize {
        self.shape[1]
    }
    /// Values of the map.
    pub(super) fn len(&self) -> usize {
        self.shape[0] * self.shape[1]
    }
}
