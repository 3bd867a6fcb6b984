//! Meshes of the grids that files state by their coordinates.

use super::recognise::{recognise, TopologyChoice};
use super::repeated::of_halves;
use super::{EdgeX, Faces, Mesh, Parts, Point, Staggering, Topology};
use crate::error::{Error, Result};
use crate::grid::{unwrap, Grid, GridKind};

impl Mesh {
    /// The mesh of a grid of latitudes and longitudes, whose vectors stand where tracers do. Of a
    /// rectilinear one, lengths are dx = a cos φ δλ and dy = a δφ and areas exact, a² δλ δ(sin φ),
    /// between the edges that bounds give or that lie half-way between centres; of a curvilinear
    /// one, great circles between centres, and areas from bounds where the file has them.
    ///
    /// # Errors
    /// Data, if the grid has no rows and columns with latitudes and longitudes; of
    /// [`recognise`].
    pub fn of_grid(grid: &Grid, choice: TopologyChoice, radius: f64) -> Result<Self> {
        let (Some(lat), Some(lon), [y, x]) = (grid.latitudes(), grid.longitudes(), grid.dims.as_slice())
        else {
            return Err(Error::data("is on no grid of rows and columns with latitudes and longitudes")
                .remedy("name a file of the mesh with --grid"));
        };
        let cells = [y.len, x.len];
        if lat.len() != y.len * x.len || lon.len() != lat.len() {
            return Err(Error::data("its latitudes and longitudes are not those of its rows and columns"));
        }
        let topology = recognise(cells, &lat, &lon, choice)?;
        let mut parts = Parts::new(cells, Staggering::A, [Faces::Right; 2]);
        let mut note = None;
        if grid.kind == GridKind::Rectilinear {
            rectangles(&mut parts, grid, topology, radius);
            note = Some("lengths and areas from parallels and meridians");
        } else if let Ok(areas) = grid.areas() {
            parts.area[Point::T.index()] = areas.into_iter().map(|a| a * radius * radius).collect();
            note = Some("areas at t points from the bounds of cells");
        }
        parts.lat[Point::T.index()] = lat;
        parts.lon[Point::T.index()] = lon;
        let mut mesh = parts.into_mesh(topology, radius)?;
        mesh.computed.extend(note.map(str::to_owned));
        Ok(mesh)
    }
}

/// Steps between neighbours and sizes of cells along an axis, in degrees, all positive.
struct Axis {
    centres: Vec<f64>,
    /// Edges of each cell, the lower index first.
    edges: Vec<[f64; 2]>,
    sign: f64,
}

fn rectangles(parts: &mut Parts, grid: &Grid, topology: Topology, radius: f64) {
    let ([rows, columns], Some(lat), Some(lon)) = (parts.cells, &grid.lat, &grid.lon) else { return };
    let edges = grid.edges.clone().or_else(|| grid.cell_edges().ok());
    let axis = |mut centres: Vec<f64>, edges: Option<Vec<[f64; 2]>>, is_lon: bool| {
        if is_lon {
            unwrap(&mut centres);
        }
        let sign = if centres.len() > 1 && centres[1] < centres[0] { -1.0 } else { 1.0 };
        let ordered = |e: [f64; 2]| if (e[1] - e[0]) * sign < 0.0 { [e[1], e[0]] } else { e };
        let edges = edges.filter(|e| e.len() == centres.len());
        let edges = edges
            .map_or_else(|| vec![[f64::NAN; 2]; centres.len()], |e| e.into_iter().map(ordered).collect());
        Axis { centres, edges, sign }
    };
    let (lat_edges, mut lon_edges) = edges.map_or((None, None), |e| (Some(e.lat), Some(e.lon)));
    // Where the first column that counts is half of a cell, and one that repeats it the other half, it is
    // all of it.
    let again = topology.first + topology.columns;
    if let Some(edges) = &mut lon_edges {
        if let Some(whole) = of_halves(&lon.values.to_f64(), edges, [topology.first, again]) {
            edges[topology.first] = whole;
        }
    }
    let (y, x) = (axis(lat.values.to_f64(), lat_edges, false), axis(lon.values.to_f64(), lon_edges, true));
    parts.signs = [y.sign, x.sign];
    let (cosine, sine) = (|d: f64| d.to_radians().cos().clamp(0.0, 1.0), |d: f64| d.to_radians().sin());
    // Along x: the width of a cell, and the step to the next centre.
    let width = |i: usize| (x.edges[i][1] - x.edges[i][0]).abs().clamp(0.0, 360.0).to_radians();
    let step = |i: usize| {
        let next = match (i + 1 < columns, topology.x) {
            (true, _) => x.centres[i + 1],
            // The first column that is counted, a turn on.
            (false, EdgeX::Periodic) => x.centres[(i + 1 - topology.columns).min(i)] + 360.0 * x.sign,
            (false, EdgeX::Wall) => x.centres[i] + x.sign * width(i).to_degrees(),
        };
        (next - x.centres[i]).abs().to_radians()
    };
    // Along y: the edge behind a row, and the centre of the next, the edge at a wall.
    let behind = |j: usize| {
        let edge = y.edges[j][1];
        if edge.is_finite() || j + 1 >= rows {
            edge
        } else {
            0.5 * (y.centres[j] + y.centres[j + 1])
        }
    };
    let next = |j: usize| if j + 1 < rows { y.centres[j + 1] } else { 2.0 * behind(j) - y.centres[j] };
    let within = |d: f64| d.clamp(-90.0, 90.0);
    let all: Vec<(usize, usize)> = (0..rows).flat_map(|j| (0..columns).map(move |i| (j, i))).collect();
    for point in Point::ALL {
        let k = point.index();
        let along = |i: usize| if point.is_east() { step(i) } else { width(i) };
        let place = |j: usize| if point.is_north() { behind(j) } else { y.centres[j] };
        let span = |j: usize| if point.is_north() { [y.centres[j], next(j)] } else { y.edges[j] };
        let (steps, cosines): (Vec<f64>, Vec<f64>) =
            ((0..columns).map(along).collect(), (0..rows).map(|j| cosine(place(j))).collect());
        let spans: Vec<[f64; 2]> = (0..rows).map(span).collect();
        parts.dx[k] = all.iter().map(|&(j, i)| radius * cosines[j] * steps[i]).collect();
        parts.dy[k] =
            all.iter().map(|&(j, _)| radius * (spans[j][1] - spans[j][0]).abs().to_radians()).collect();
        let height: Vec<f64> =
            spans.iter().map(|s| (sine(within(s[1])) - sine(within(s[0]))).abs()).collect();
        parts.area[k] = all.iter().map(|&(j, i)| radius * radius * steps[i] * height[j]).collect();
        if point != Point::T {
            parts.lat[k] = all.iter().map(|&(j, _)| within(place(j))).collect();
            let longitude = |i: usize| {
                x.centres[i] + if point.is_east() { 0.5 * x.sign * step(i).to_degrees() } else { 0.0 }
            };
            parts.lon[k] = all.iter().map(|&(_, i)| longitude(i)).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};

    fn grid(lat: Vec<f64>, lon: Vec<f64>) -> Grid {
        let make = |name: &str, role, values: Vec<f64>| {
            let dims = vec![Dim::new(name, values.len(), role)];
            let variable =
                Variable { name: name.into(), dims, dtype: DType::F64, attributes: Attributes::new() };
            Coordinate { variable, values: Values::F64(values), bounds: None }
        };
        let dims = vec![Dim::new("lat", lat.len(), Role::Y), Dim::new("lon", lon.len(), Role::X)];
        let (lat, lon) = (make("lat", Role::Y, lat), make("lon", Role::X, lon));
        Grid {
            kind: GridKind::Rectilinear,
            dims,
            lat: Some(lat),
            lon: Some(lon),
            extra: vec![],
            edges: None,
            excluded: vec![],
        }
    }

    #[test]
    fn the_sphere_is_covered_once() {
        let north = |j: usize| 85.0 - 10.0 * j as f64;
        for lat in [(0..18).map(north).collect::<Vec<f64>>(), (0..18).rev().map(north).collect()] {
            let mesh = Mesh::of_grid(
                &grid(lat, (0..36).map(|i| 10.0 * f64::from(i)).collect()),
                TopologyChoice::Auto,
                2.0,
            )
            .expect("a mesh");
            assert_eq!(mesh.topology, Topology::periodic([18, 36]));
            let total: f64 = mesh.area[0].iter().sum();
            assert!((total / (16.0 * std::f64::consts::PI) - 1.0).abs() < 1e-12);
            assert!(mesh.dx.iter().chain(&mesh.dy).flatten().all(|v| *v >= 0.0 && v.is_finite()));
            let row: f64 = mesh.dx[Point::U.index()][9 * 36..10 * 36].iter().sum();
            assert!(
                (row / (2.0 * std::f64::consts::TAU * mesh.lat[1][9 * 36].to_radians().cos()) - 1.0).abs()
                    < 1e-12
            );
            assert_eq!(mesh.place(Point::U, 3, -1), Some((3 * 36 + 35, false)));
            assert_eq!(mesh.place(Point::V, -1, 3), None);
        }
    }

    #[test]
    fn one_cell_has_unknown_lengths() {
        let mesh = Mesh::of_grid(&grid(vec![5.0], vec![7.0]), TopologyChoice::Auto, 1.0).expect("a mesh");
        assert!(mesh.dx[0][0].is_nan() && mesh.topology == Topology::walls([1, 1]));
    }

    #[test]
    fn faces_can_be_kept_otherwise() {
        let mesh = Mesh::of_grid(
            &grid(vec![0.0, 1.0, 2.0], (0..4).map(|i| 90.0 * f64::from(i)).collect()),
            TopologyChoice::Auto,
            1.0,
        )
        .expect("a mesh");
        let left = mesh.with_faces([Faces::Outer, Faces::Left]);
        let (u, f) = (Point::U.index(), Point::F);
        assert_eq!(left.lon[u][..4], [mesh.lon[u][3], mesh.lon[u][0], mesh.lon[u][1], mesh.lon[u][2]]);
        assert_eq!(left.shape(f), [4, 4]);
        assert!(left.lat[f.index()][0].is_nan(), "there is no face in front of the first row");
        assert_eq!(left.place(Point::U, 0, 3), Some((0, false)));
        assert_eq!(mesh.counted(Point::T), vec![true; 12]);
    }
}
