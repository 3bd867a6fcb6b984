//! Lines of faces on a mesh: circles of latitude, and sections between points.

use super::faces::{Face, Stagger};

/// Where the cells of tracers are, and how long the faces between them.
#[derive(Debug, Clone)]
pub struct Mesh {
    /// Rows and columns.
    pub shape: (usize, usize),
    /// Latitudes of cells in degrees, C order.
    pub lat: Vec<f64>,
    /// Longitudes of cells in degrees, C order.
    pub lon: Vec<f64>,
    /// Whether the last column is beside the first.
    pub periodic: bool,
    /// Whether the first and the last column repeat others: the last but one, and the second.
    pub overlaps: bool,
    /// Where velocities are.
    pub stagger: Stagger,
    /// Lengths in metres of the faces that `v` crosses, at its points.
    pub along_rows: Vec<f64>,
    /// Lengths in metres of the faces that `u` crosses, at its points.
    pub along_columns: Vec<f64>,
}

impl Mesh {
    fn cell(&self, j: usize, i: usize) -> usize {
        let first = usize::from(self.overlaps);
        j * self.shape.1 + first + i % self.columns()
    }

    /// Columns that are there once.
    fn columns(&self) -> usize {
        self.shape.1 - if self.overlaps { 2 } else { 0 }
    }
    fn is_closed(&self) -> bool {
        self.periodic || self.overlaps
    }
    /// -1 if rows go from north to south: northward velocities then go against the index.
    fn northward(&self) -> f64 {
        let (rows, columns) = self.shape;
        let at = |j: usize| self.lat[j * columns + columns / 2];
        if rows > 1 && at(rows - 1) < at(0) {
            -1.0
        } else {
            1.0
        }
    }

    /// The face between two neighbouring cells; `a` is the one with the lower index.
    fn face(&self, a: usize, b: usize, is_u: bool, sign: f64) -> Face {
        let points = match self.stagger {
            Stagger::Same => [a, b],
            Stagger::Ahead => [a, a],
            Stagger::Behind => [b, b],
        };
        let lengths = if is_u { &self.along_columns } else { &self.along_rows };
        let length = 0.5 * (lengths[points[0]] + lengths[points[1]]);
        Face { is_u, sign, length, points: points.map(|k| k as u32), cells: [a, b].map(|k| k as u32) }
    }

    /// The face between the rows `j` and `j + 1` in column `i`.
    fn v_face(&self, j: usize, i: usize, sign: f64) -> Face {
        self.face(self.cell(j, i), self.cell(j + 1, i), false, sign)
    }
    /// The face between the columns `i` and `i + 1` in row `j`.
    fn u_face(&self, j: usize, i: usize, sign: f64) -> Face {
        self.face(self.cell(j, i), self.cell(j, i + 1), true, sign)
    }

    /// How many steps from column to column there are.
    fn gaps(&self) -> usize {
        self.columns() - usize::from(!self.is_closed())
    }

    /// On the unit sphere.
    fn point(&self, cell: usize) -> [f64; 3] {
        on_sphere(self.lon[cell], self.lat[cell])
    }

    /// Where the corner ahead of cell (j, i) is: in the middle of four cells, on the unit sphere.
    fn corner(&self, j: usize, i: usize) -> [f64; 3] {
        let cells = [self.cell(j, i), self.cell(j, i + 1), self.cell(j + 1, i), self.cell(j + 1, i + 1)];
        let mut sum = [0.0; 3];
        for p in cells.map(|cell| self.point(cell)) {
            (0..3).for_each(|d| sum[d] += p[d]);
        }
        let length = sum.iter().map(|x| x * x).sum::<f64>().sqrt();
        sum.map(|x| x / length)
    }
}

fn on_sphere(lon: f64, lat: f64) -> [f64; 3] {
    let (lon, lat) = (lon.to_radians(), lat.to_radians());
    [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
}

/// For each of `edges` (degrees, ascending) the faces between cells south of that circle and cells
/// north of it, positive northward: what crosses them is what crosses the circle in stair-steps, on any
/// grid, and between two circles the water balance closes.
pub fn latitude_lines(mesh: &Mesh, edges: &[f64]) -> Vec<Vec<Face>> {
    let mut lines = vec![Vec::new(); edges.len()];
    let mut add = |face: Face| {
        let [a, b] = face.cells.map(|k| mesh.lat[k as usize]);
        if a.is_nan() || b.is_nan() || face.length <= 0.0 || face.length.is_nan() {
            return;
        }
        let sign = face.sign * if a < b { 1.0 } else { -1.0 };
        let from = edges.partition_point(|edge| *edge <= a.min(b));
        let end = edges.partition_point(|edge| *edge <= a.max(b));
        for line in &mut lines[from..end] {
            line.push(Face { sign, ..face });
        }
    };
    let (rows, columns) = (mesh.shape.0, mesh.columns());
    for j in 0..rows {
        for i in 0..columns {
            if j + 1 < rows {
                add(mesh.v_face(j, i, mesh.northward()));
            }
            if i < mesh.gaps() {
                add(mesh.u_face(j, i, 1.0));
            }
        }
    }
    lines
}

/// A section on the mesh.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// Its faces, from the first point to the last, positive to the right.
    pub faces: Vec<Face>,
    /// The corners that it goes through, longitude and latitude in degrees: one more than faces.
    pub corners: Vec<[f64; 2]>,
}

/// The path along faces that is nearest to a broken line through `points` (longitude and latitude in
/// degrees): between the corners nearest to two points it goes from corner to corner, always to the one
/// that stays nearer to the great circle between them. Closed if the last point is the first.
///
/// Returns `None` if there are no two different corners.
pub fn section_line(mesh: &Mesh, points: &[[f64; 2]]) -> Option<Path> {
    let (rows, columns) = (mesh.shape.0, mesh.columns());
    if rows < 2 || columns < 2 || mesh.gaps() == 0 {
        return None;
    }
    let width = mesh.gaps();
    let corners: Vec<[f64; 3]> =
        (0..rows - 1).flat_map(|j| (0..width).map(move |i| (j, i))).map(|(j, i)| mesh.corner(j, i)).collect();
    let nearest = |point: &[f64; 2]| -> (usize, usize) {
        let wanted = on_sphere(point[0], point[1]);
        let mut best = (f64::INFINITY, 0);
        for (k, corner) in corners.iter().enumerate() {
            let d = apart(&wanted, corner);
            if d < best.0 {
                best = (d, k);
            }
        }
        (best.1 / width, best.1 % width)
    };
    let stops: Vec<(usize, usize)> = points.iter().map(nearest).collect();
    let mut path =
        Path { faces: Vec::new(), corners: vec![degrees(&corners[stops[0].0 * width + stops[0].1])] };
    for pair in stops.windows(2) {
        let (mut at, end) = (pair[0], pair[1]);
        let normal = cross(&corners[at.0 * width + at.1], &corners[end.0 * width + end.1]);
        while at != end {
            let dj = end.0 as i64 - at.0 as i64;
            let mut di = end.1 as i64 - at.1 as i64;
            if mesh.is_closed() && di.unsigned_abs() as usize * 2 > width {
                di -= di.signum() * width as i64;
            }
            let row = (at.0 as i64 + dj.signum()) as usize;
            let column = (at.1 as i64 + di.signum()).rem_euclid(width as i64) as usize;
            let (up, on) = ((row, at.1), (at.0, column));
            let off = |(j, i): (usize, usize)| dot(&normal, &corners[j * width + i]).abs();
            let vertical = dj != 0 && (di == 0 || off(up) <= off(on));
            let next = if vertical { up } else { on };
            path.faces.push(if vertical {
                // Northward, water to the right flows east; southward, west.
                mesh.u_face(at.0.max(next.0), at.1, dj.signum() as f64 * mesh.northward())
            } else {
                let i = if di > 0 { next.1 } else { at.1 };
                mesh.v_face(at.0, i, -di.signum() as f64)
            });
            path.corners.push(degrees(&corners[next.0 * width + next.1]));
            at = next;
        }
    }
    (!path.faces.is_empty()).then_some(path)
}

fn apart(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    (0..3).map(|d| (a[d] - b[d]) * (a[d] - b[d])).sum()
}
fn dot(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    (0..3).map(|d| a[d] * b[d]).sum()
}
fn cross(a: &[f64; 3], b: &[f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}
fn degrees(p: &[f64; 3]) -> [f64; 2] {
    [p[1].atan2(p[0]).to_degrees(), p[2].clamp(-1.0, 1.0).asin().to_degrees()]
}
