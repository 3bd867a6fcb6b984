//! Circles of latitude on a mesh, in stair-steps along faces.

use super::faces::Face;
use super::velocities::VelocityMesh;
use halocline_core::grid::mesh::Point;

/// For each of `edges` (degrees, ascending) the faces between cells south of that circle and cells
/// north of it, positive northward: what crosses them is what crosses the circle in stair-steps, on any
/// grid, across its seam and fold too, and between two circles the water balance closes.
pub fn latitude_lines(on: &VelocityMesh, edges: &[f64]) -> Vec<Vec<Face>> {
    let mut lines = vec![Vec::new(); edges.len()];
    let lat = &on.mesh.lat[Point::T.index()];
    let topology = on.mesh.topology;
    let mut add = |point: Point, j: isize, i: isize| {
        // Each face once: others repeat it.
        if topology.first_place(point, j, i) != (j, i, false) {
            return;
        }
        let Some(face) = on.face(point, j, i) else { return };
        let [a, b] = face.cells.map(|k| lat[k as usize]);
        if a.is_nan() || b.is_nan() || face.length <= 0.0 {
            return;
        }
        let sign = face.sign * if a < b { 1.0 } else { -1.0 };
        let from = edges.partition_point(|edge| *edge <= a.min(b));
        let end = edges.partition_point(|edge| *edge <= a.max(b));
        for line in &mut lines[from..end] {
            line.push(Face { sign, ..face });
        }
    };
    for j in 0..topology.rows as isize {
        for i in topology.first as isize..(topology.first + topology.columns) as isize {
            add(Point::V, j, i);
            add(Point::U, j, i);
        }
    }
    lines
}
