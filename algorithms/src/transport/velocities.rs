//! Where velocities stand on a mesh, and the faces between two cells that they cross.

use super::faces::{Face, Stagger};
use halocline_core::grid::mesh::{Mesh, Point};

/// A mesh, and where on it velocities stand.
#[derive(Debug, Clone)]
pub struct VelocityMesh {
    /// Cells, faces and corners, and how edges meet.
    pub mesh: Mesh,
    /// Where velocities are.
    pub stagger: Stagger,
    /// 1 if components along y and x count with the index, -1 if against it: northward and eastward
    /// ones on rows from the north and columns from the east.
    signs: [f64; 2],
}

impl VelocityMesh {
    /// Velocities on the faces of a mesh, or in the middle of its cells.
    pub fn new(mesh: Mesh, stagger: Stagger) -> Self {
        let signs = signs(&mesh);
        Self { mesh, stagger, signs }
    }
    /// 1 if components along y and x count with the index, -1 if against it.
    pub fn signs(&self) -> [f64; 2] {
        self.signs
    }
    /// Bytes that it takes.
    pub fn bytes(&self) -> u64 {
        self.mesh.bytes()
    }
    /// Lengths in metres of the faces that a velocity crosses: `v` of those at V, `u` of those at U.
    pub fn lengths(&self, point: Point) -> &[f64] {
        if point == Point::U {
            &self.mesh.dy[point.index()]
        } else {
            &self.mesh.dx[point.index()]
        }
    }

    /// The face at the place `(j, i)` of a U or V point, in the counting of the topology, with a sign
    /// for flow along the index there; `None` where there is no cell on one side.
    ///
    /// In the middle of cells, the velocity through a face is the mean of both; components of a cell
    /// that is seen across a fold are turned.
    pub(super) fn face(&self, point: Point, j: isize, i: isize) -> Option<Face> {
        let is_u = point == Point::U;
        let (dj, di) = if is_u { (0, 1) } else { (1, 0) };
        let (a, a_turned) = self.mesh.place(Point::T, j, i)?;
        let (b, b_turned) = self.mesh.place(Point::T, j + dj, i + di)?;
        let (at, turned) = self.mesh.place(point, j, i)?;
        let length = self.lengths(point).get(at).copied().filter(|l| l.is_finite()).unwrap_or(0.0);
        let (points, turned) = match self.stagger {
            Stagger::Same => ([a, b], [a_turned, b_turned]),
            Stagger::Ahead | Stagger::Behind => ([at; 2], [turned; 2]),
        };
        Some(Face {
            is_u,
            sign: self.signs[usize::from(is_u)],
            length,
            points: points.map(|k| k as u32),
            turned,
            cells: [a as u32, b as u32],
        })
    }
}

fn signs(mesh: &Mesh) -> [f64; 2] {
    let [rows, columns] = mesh.cells;
    let (lat, lon) = (&mesh.lat[Point::T.index()], &mesh.lon[Point::T.index()]);
    if lat.len() != rows * columns || lon.len() != lat.len() || lat.is_empty() {
        return [1.0; 2];
    }
    // The first column that tells: land may have no latitudes, at any rows.
    let northward = |i: usize| {
        let mut there = (0..rows).map(|j| lat[j * columns + i]).filter(|l| l.is_finite());
        let first = there.next()?;
        there.next_back().map(|last| last - first).filter(|d| *d != 0.0)
    };
    let northward = (0..columns).find_map(|k| northward((columns / 2 + k) % columns)).unwrap_or(1.0);
    let step = |pair: &[f64]| (pair[1] - pair[0] + 540.0).rem_euclid(360.0) - 180.0;
    let across = |row: &[f64]| row.windows(2).map(step).filter(|d| d.is_finite()).sum::<f64>();
    // The first row that tells: the last may fold.
    let eastward = lon.chunks_exact(columns).map(across).find(|d| *d != 0.0).unwrap_or(1.0);
    let sign = |is_against: bool| if is_against { -1.0 } else { 1.0 };
    [sign(northward < 0.0), sign(eastward < 0.0)]
}
