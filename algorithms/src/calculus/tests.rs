use super::*;
use halocline_core::engine::Numbers;
use halocline_core::grid::mesh::{
    recognise, EdgeNorth, Faces, Mesh, Parts, Point, Staggering, Topology, TopologyChoice,
};

/// A tripolar cap: rows are ellipses around the segment that the last one folds along.
fn tripolar([rows, n]: [usize; 2], north: EdgeNorth) -> Mesh {
    let half = if north == EdgeNorth::FoldF { 0.5 } else { 0.0 };
    let mut parts = Parts::new([rows, n], Staggering::C, [Faces::Right; 2]);
    for j in 0..rows {
        let mu = (rows as f64 - 1.0 + half - j as f64) * 0.1;
        for i in 0..n {
            let angle = (i as f64 + half) / n as f64 * std::f64::consts::TAU;
            let (x, y) = (0.2 * mu.cosh() * angle.cos(), 0.2 * mu.sinh() * angle.sin());
            parts.lat[0].push(90.0 - 2.0 * x.hypot(y).atan().to_degrees());
            parts.lon[0].push(y.atan2(x).to_degrees());
        }
    }
    let topology =
        recognise([rows, n], &parts.lat[0], &parts.lon[0], TopologyChoice::Auto).expect("a topology");
    assert_eq!(topology, Topology::folded([rows, n], north));
    parts.into_mesh(topology, 6.4e6).expect("a mesh")
}

/// A circle of longitude whose rows end at walls, with two repeated columns.
fn channel([rows, n]: [usize; 2], faces: [Faces; 2]) -> Mesh {
    let mut parts = Parts::new([rows, n + 2], Staggering::C, faces);
    for j in 0..rows {
        for i in 0..n + 2 {
            parts.lat[0].push(-50.0 + 3.0 * j as f64);
            parts.lon[0].push((i as f64 - 1.0) * 360.0 / n as f64);
        }
    }
    let topology =
        recognise([rows, n + 2], &parts.lat[0], &parts.lon[0], TopologyChoice::Auto).expect("a topology");
    assert_eq!((topology.columns, topology.first), (n, 1));
    parts.into_mesh(topology, 6.4e6).expect("a mesh")
}

fn meshes() -> Vec<Mesh> {
    vec![
        tripolar([9, 24], EdgeNorth::FoldF),
        tripolar([9, 24], EdgeNorth::FoldT),
        channel([7, 12], [Faces::Right; 2]),
        channel([7, 12], [Faces::Outer, Faces::Left]),
        channel([7, 12], [Faces::Left, Faces::Right]),
    ]
}

/// Noise that is the same wherever a point stands twice.
fn noise(mesh: &Mesh, point: Point, seed: u64) -> Vec<f64> {
    let [rows, columns] = mesh.shape(point);
    let [top, left] = mesh.start(point);
    let at = |c: usize| {
        let (j, i) = (top + (c / columns) as isize, left + (c % columns) as isize);
        let (first, turned) = mesh.place(point, j, i).expect("stored");
        let mut x = (first as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(seed << 32);
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let v = (x >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
        if turned && matches!(point, Point::U | Point::V) {
            -v
        } else {
            v
        }
    };
    (0..rows * columns).map(at).collect()
}

fn apply(mesh: &Mesh, operator: Operator, edge: Edge, maps: &[&[f64]]) -> Vec<f64> {
    let maps: Vec<Numbers<'_>> = maps.iter().map(|m| Numbers::F64(m)).collect();
    Staggered::new(mesh, operator, edge).apply(&maps, (&[], None), &mut Vec::new())
}

fn largest(values: &[f64]) -> (f64, usize) {
    let known: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    (known.iter().fold(0.0, |m: f64, v| m.max(v.abs())), known.len())
}

#[test]
fn curls_of_gradients_and_divergences_of_curls_vanish() {
    for mesh in meshes() {
        let topology = mesh.topology;
        let phi = noise(&mesh, Point::T, 1);
        let gx = apply(&mesh, Operator::DerivativeX(Point::T), Edge::Missing, &[&phi]);
        let gy = apply(&mesh, Operator::DerivativeY(Point::T), Edge::Missing, &[&phi]);
        let curl = apply(&mesh, Operator::Curl, Edge::Missing, &[&gx, &gy]);
        let parts = apply(&mesh, Operator::Curl, Edge::Zero, &[&gx, &vec![0.0; gy.len()]]);
        let (size, known) = largest(&curl);
        assert!(size < 1e-13 * largest(&parts).0, "{topology:?}: {size}");
        let [rows, columns] = mesh.cells;
        let inner = if topology.is_folded() { rows * columns } else { (rows - 1) * columns };
        assert_eq!(known, inner, "{topology:?}: everywhere but at walls");

        let psi = noise(&mesh, Point::F, 2);
        let u = apply(&mesh, Operator::RotatedX(Point::F), Edge::Missing, &[&psi]);
        let v = apply(&mesh, Operator::RotatedY(Point::F), Edge::Missing, &[&psi]);
        let divergence = apply(&mesh, Operator::Divergence, Edge::Missing, &[&u, &v]);
        let parts = apply(&mesh, Operator::Divergence, Edge::Zero, &[&u, &vec![0.0; v.len()]]);
        let (size, known) = largest(&divergence);
        assert!(size < 1e-13 * largest(&parts).0, "{topology:?}: {size}");
        assert!(known >= (rows - 2) * columns, "{topology:?}: {known}");
    }
}

#[test]
fn divergence_integrates_to_nothing() {
    for mesh in meshes() {
        let (u, v) = (noise(&mesh, Point::U, 3), noise(&mesh, Point::V, 4));
        // Nothing flows through walls.
        let [rows, columns] = mesh.shape(Point::V);
        let top = mesh.start(Point::V)[0];
        let is_wall = |j: isize| j < 0 || !mesh.topology.is_folded() && j + 1 >= mesh.cells[0] as isize;
        let v: Vec<f64> = v
            .iter()
            .enumerate()
            .map(|(c, v)| if is_wall(top + (c / columns) as isize) { 0.0 } else { *v })
            .collect();
        assert_eq!(v.len(), rows * columns);
        let divergence = apply(&mesh, Operator::Divergence, Edge::Zero, &[&u, &v]);
        let shares = mesh.shares(Point::T);
        let (sum, _) =
            area_integral(row_integrals(Numbers::F64(&divergence), &mesh.area[0], &shares, mesh.cells[1]));
        let size: f64 = divergence.iter().zip(&mesh.area[0]).map(|(d, a)| (d * a).abs()).sum();
        assert!(sum.abs() < 1e-13 * size, "{:?}: {sum} of {size}", mesh.topology);
        let laplacian = apply(&mesh, Operator::Laplacian, Edge::Zero, &[&noise(&mesh, Point::T, 5)]);
        let (sum, _) =
            area_integral(row_integrals(Numbers::F64(&laplacian), &mesh.area[0], &shares, mesh.cells[1]));
        let size: f64 = laplacian.iter().zip(&mesh.area[0]).map(|(d, a)| (d * a).abs()).sum();
        assert!(sum.abs() < 1e-12 * size && size > 0.0, "{:?}: {sum} of {size}", mesh.topology);
    }
}

#[test]
fn folds_pass_unseen() {
    // A uniform flow over the cap: a vector that is the same in space, along the axes of each point.
    for north in [EdgeNorth::FoldF, EdgeNorth::FoldT] {
        let shape = [30, 96];
        let mesh = tripolar(shape, north);
        // The height above a plane through the axis: smooth across the fold.
        let x = |c: usize| mesh.lat[0][c].to_radians().cos() * mesh.lon[0][c].to_radians().cos();
        let field: Vec<f64> = (0..shape[0] * shape[1]).map(x).collect();
        // A spherical harmonic of degree 1: its Laplacian is -2 / R² times itself.
        let laplacian = apply(&mesh, Operator::Laplacian, Edge::Missing, &[&field]);
        let expected = |c: usize| -2.0 / (6.4e6f64 * 6.4e6) * field[c];
        let last = (shape[0] - 4) * shape[1]..shape[0] * shape[1];
        // Away from the ends of the fold, where columns run together.
        let is_fair = |c: &usize| {
            let k = c % shape[1] % (shape[1] / 2);
            k > 8 && k < shape[1] / 2 - 8
        };
        for c in last.filter(is_fair) {
            let off = (laplacian[c] - expected(c)).abs() / expected(0).abs();
            assert!(off < 0.05, "{north:?} {c}: {} is not {}", laplacian[c], expected(c));
        }
    }
}

#[test]
fn solid_bodies_rotate() {
    // Second order: a quarter of the error on twice as fine a grid.
    let error = |n: usize| {
        let (rows, columns) = (n, 2 * n);
        let step = 180.0 / n as f64;
        let mut parts = Parts::new([rows, columns], Staggering::A, [Faces::Right; 2]);
        let lat = |j: usize| -90.0 + (j as f64 + 0.5) * step;
        for c in 0..rows * columns {
            parts.lat[0].push(lat(c / columns));
            parts.lon[0].push((c % columns) as f64 * step);
        }
        let radius = 2.0;
        for (k, shift) in [(0, 0.0), (1, 0.0), (2, 0.5), (3, 0.5)] {
            let metre = radius * step.to_radians();
            parts.dx[k] = (0..rows * columns)
                .map(|c| metre * (lat(c / columns) + shift * step).to_radians().cos())
                .collect();
            parts.dy[k] = vec![metre; rows * columns];
        }
        let mesh = parts.into_mesh(Topology::periodic([rows, columns]), radius).expect("a mesh");
        let u: Vec<f64> = mesh.lat[0].iter().map(|lat| 3.0 * radius * lat.to_radians().cos()).collect();
        let v = vec![0.0; u.len()];
        let operators = Collocated::new(&mesh, Edge::Missing);
        let curl = operators.curl(Numbers::F64(&u), Numbers::F64(&v), &mut Block::default());
        let divergence = operators.divergence(Numbers::F64(&u), Numbers::F64(&v), &mut Block::default());
        assert!(curl[..columns].iter().all(|v| v.is_nan()), "beyond the last rows nothing is known");
        assert!(largest(&divergence).0 < 1e-14);
        let rest = columns..(rows - 1) * columns;
        rest.map(|c| (curl[c] - 6.0 * mesh.lat[0][c].to_radians().sin()).abs()).fold(0.0, f64::max)
    };
    let (coarse, fine) = (error(18), error(36));
    assert!(coarse < 0.2 && (coarse / fine - 4.0).abs() < 0.3, "{coarse} {fine}");
}

#[test]
fn masks_and_edges() {
    let mesh = channel([4, 6], [Faces::Right; 2]);
    let (u, v) = (vec![1.0; 32], vec![0.0; 32]);
    let mut wet = vec![true; 32];
    wet[9] = false;
    let mut open = vec![true; 32];
    (open[8], open[9]) = (false, false);
    let maps = [Numbers::F64(&u), Numbers::F64(&v)];
    let all = vec![true; 32];
    let zero = Staggered::new(&mesh, Operator::Divergence, Edge::Zero).apply(
        &maps,
        (&[Some(&open), Some(&all)], Some(&wet)),
        &mut Vec::new(),
    );
    assert!(zero[9].is_nan() && zero[10] > 0.0, "what flows out does not flow in");
    let missing = Staggered::new(&mesh, Operator::Divergence, Edge::Missing).apply(
        &maps,
        (&[Some(&open), Some(&all)], Some(&wet)),
        &mut Vec::new(),
    );
    assert!(
        missing[10].is_nan() && missing[11].abs() < 1e-20 && missing[2].is_nan(),
        "beside walls in the south"
    );
    // A single cell, and a map that holds nothing but missing values.
    let one = Mesh::of_grid(&single(), TopologyChoice::Auto, 1.0).expect("a mesh");
    assert!(apply(&one, Operator::Laplacian, Edge::Zero, &[&[1.0]])[0].is_nan());
    let nothing = vec![f64::NAN; 32];
    assert!(apply(&mesh, Operator::Divergence, Edge::Zero, &[&nothing, &nothing]).iter().all(|v| v.is_nan()));
}

fn single() -> halocline_core::grid::Grid {
    use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};
    let make = |name: &str, role| {
        let dims = vec![Dim::new(name, 1, role)];
        let variable = Variable { name: name.into(), dims, dtype: DType::F64, attributes: Attributes::new() };
        Coordinate { variable, values: Values::F64(vec![10.0]), bounds: None }
    };
    halocline_core::grid::Grid {
        kind: halocline_core::grid::GridKind::Rectilinear,
        dims: vec![Dim::new("lat", 1, Role::Y), Dim::new("lon", 1, Role::X)],
        lat: Some(make("lat", Role::Y)),
        lon: Some(make("lon", Role::X)),
        extra: Vec::new(),
        edges: None,
        excluded: Vec::new(),
    }
}

#[test]
fn lines() {
    let places = [0.0, 1.0, 3.0, 4.0, 8.0];
    let values: Vec<f64> = places.iter().map(|x| x * x + 1.0).collect();
    let slopes = derivative(&values, &places, true);
    // Exact for parabolas inside.
    assert!(slopes[1..4].iter().zip(&places[1..4]).all(|(s, x)| (s - 2.0 * x).abs() < 1e-12), "{slopes:?}");
    assert_eq!(slopes[0], 1.0);
    assert!(derivative(&values, &places, false)[0].is_nan());
    let some = [1.0, f64::NAN, 3.0];
    assert_eq!(weighted_sum(&some, &[2.0, 1.0, 1.0]), 5.0);
    let up = cumulative(&some, &[2.0, 1.0, 1.0], Direction::FromEnd);
    assert!(up[0] == 5.0 && up[1].is_nan() && up[2] == 3.0);
    assert!(weighted_sum(&[f64::NAN], &[1.0]).is_nan());
}
