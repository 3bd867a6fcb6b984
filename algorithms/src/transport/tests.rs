use super::*;
use halocline_core::engine::Numbers;
use halocline_core::grid::mesh::{recognise, Faces as Kept, Parts, Staggering, TopologyChoice};

/// A mesh of cells at these places whose faces are 1 m long, with edges as coordinates tell.
pub(super) fn mesh(shape: [usize; 2], lat: Vec<f64>, lon: Vec<f64>, stagger: Stagger) -> VelocityMesh {
    let topology = recognise(shape, &lat, &lon, TopologyChoice::Auto).expect("a topology");
    let mut parts = Parts::new(shape, Staggering::C, [Kept::Right; 2]);
    (parts.lat[0], parts.lon[0]) = (lat, lon);
    let ones = vec![1.0; shape[0] * shape[1]];
    parts.dx = std::array::from_fn(|_| ones.clone());
    parts.dy = std::array::from_fn(|_| ones.clone());
    VelocityMesh::new(parts.into_mesh(topology, 1.0).expect("a mesh"), stagger)
}

/// Rows of points of `v` 1 m high that are so long.
fn rows(ny: usize, nx: usize, length: f64) -> Faces {
    let lat = (0..ny * nx).map(|k| (k / nx) as f64).collect();
    let lon = (0..ny * nx).map(|k| (k % nx) as f64).collect();
    let mut on = mesh([ny, nx], lat, lon, Stagger::Same);
    on.mesh.dx[0].fill(length);
    Faces::rows(&on)
}

/// A flow from a streamfunction at corners: nothing diverges.
fn closed_flow(ny: usize, nx: usize) -> (VelocityMesh, Vec<f64>, Vec<f64>) {
    let lon: Vec<f64> = (0..ny * nx).map(|k| (k % nx) as f64 * 3.0).collect();
    let lat: Vec<f64> = (0..ny * nx).map(|k| (k / nx) as f64 * 2.0 - 15.0).collect();
    let psi = |j: i64, i: i64| {
        if j < 0 || i < 0 || j + 1 >= ny as i64 || i + 1 >= nx as i64 {
            0.0
        } else {
            ((j * 7 + i * 3) as f64).sin() * 1e6
        }
    };
    // u = -∂ψ/∂y, v = ∂ψ/∂x, through faces of length 1 and height 1; NEMO's corners.
    let u = (0..ny * nx).map(|k| ((k / nx) as i64, (k % nx) as i64));
    let u = u.map(|(j, i)| psi(j - 1, i) - psi(j, i)).collect();
    let v = (0..ny * nx).map(|k| ((k / nx) as i64, (k % nx) as i64));
    let v = v.map(|(j, i)| psi(j, i) - psi(j, i - 1)).collect();
    (mesh([ny, nx], lat, lon, Stagger::Ahead), u, v)
}

pub(super) fn net(on: &VelocityMesh, line: Vec<Face>, u: &[f64], v: &[f64]) -> f64 {
    let [rows, columns] = on.mesh.cells;
    let faces = Faces::lines(rows, columns, &[line]);
    let map = MapValues {
        v: Numbers::F64(v),
        u: Some(Numbers::F64(u)),
        tracers: &[],
        thickness: Thickness::Layer(1.0),
        masks: [None; 2],
        zero_is_land: false,
    };
    let mut out = [0.0; width(0)];
    of_map(&faces, &map, &[], &mut out);
    out[0]
}

#[test]
fn closed_contours_of_a_flow_without_divergence_sum_to_zero() {
    let (mesh, u, v) = closed_flow(13, 17);
    let loops = [
        vec![[5.0, -9.0], [31.0, -6.0], [25.0, 5.0], [9.0, 1.0], [5.0, -9.0]],
        vec![[5.0, -9.0], [9.0, 3.0], [30.0, 3.0], [33.0, -7.0], [5.0, -9.0]],
    ];
    for points in loops {
        let path = section_line(&mesh, &points, 99.0).expect("a path");
        assert_eq!(path.faces.len() + 1, path.corners.len());
        assert_eq!(path.corners.first(), path.corners.last());
        assert!(net(&mesh, path.faces, &u, &v).abs() < 1e-8);
    }
    // Two ways between the same ends carry the same; backwards, the opposite.
    let way =
        |points: &[[f64; 2]]| net(&mesh, section_line(&mesh, points, 99.0).expect("a path").faces, &u, &v);
    let direct = way(&[[5.0, -9.0], [31.0, 5.0]]);
    assert!((direct - way(&[[5.0, -9.0], [31.0, -9.0], [31.0, 5.0]])).abs() < 1e-8);
    assert!((direct + way(&[[31.0, 5.0], [5.0, -9.0]])).abs() < 1e-8);
    assert!(direct.abs() > 1.0);
}

#[test]
fn positive_is_to_the_right_of_the_path() {
    let (mesh, u, v) = closed_flow(9, 9);
    let (east, north) = (vec![1.0; u.len()], vec![2.0; v.len()]);
    let way = |points: &[[f64; 2]]| section_line(&mesh, points, 99.0).expect("a path").faces;
    let northward = way(&[[10.0, -12.0], [10.0, -4.0]]);
    assert_eq!(net(&mesh, northward.clone(), &east, &north), northward.len() as f64);
    let eastward = way(&[[4.0, -8.0], [16.0, -8.0]]);
    assert_eq!(net(&mesh, eastward.clone(), &east, &north), -2.0 * eastward.len() as f64);
}

#[test]
fn circles_of_latitude_are_rows_where_rows_are_circles() {
    let (mesh, u, v) = closed_flow(13, 17);
    // Between rows 3 and 4, and in no gap at all.
    let lines = latitude_lines(&mesh, &[-8.0, 50.0]);
    assert_eq!((lines[0].len(), lines[1].len()), (17, 0));
    assert!(lines[0].iter().all(|face| !face.is_u && face.points == [face.cells[0]; 2]));
    let row: f64 = v[3 * 17..4 * 17].iter().sum();
    assert!((net(&mesh, lines[0].clone(), &u, &v) - row).abs() < 1e-9);
    assert!(row.abs() < 1e-9);
}

#[test]
fn parts_add_up_and_mean_flows_have_no_eddies() {
    let (ny, nx) = (3, 11);
    let v: Vec<f64> = (0..ny * nx).map(|k| (k as f64).cos()).collect();
    let t: Vec<f64> =
        (0..ny * nx).map(|k| if k == 5 { f64::NAN } else { 10.0 + (k as f64 * 0.7).sin() }).collect();
    let faces = rows(ny, nx, 2.0);
    let numbers = [Numbers::F64(&t)];
    let map = MapValues {
        v: Numbers::F64(&v),
        u: None,
        tracers: &numbers,
        thickness: Thickness::Layer(5.0),
        masks: [None; 2],
        zero_is_land: false,
    };
    let mut out = vec![0.0; ny * width(1)];
    of_map(&faces, &map, &[], &mut out);
    for j in 0..ny {
        let sums = &out[j * width(1)..(j + 1) * width(1)];
        let parts = super::Parts::of_levels(std::iter::once(&sums[OF_FLOW..]));
        let direct: f64 =
            (0..nx).map(|i| j * nx + i).filter(|&k| !t[k].is_nan()).map(|k| v[k] * t[k] * 10.0).sum();
        assert!((parts.total - direct).abs() < 1e-10 && parts.closure().abs() < 1e-10);
        let mut means = FaceMeans::new(&faces, 1);
        (0..4).for_each(|_| means.add(&faces, &map));
        let along: Vec<f64> = means.along(&faces, j, None).iter().map(|sum| sum / 4.0).collect();
        let of_means = super::Parts::of_means(parts.total, std::iter::once(along.as_slice()));
        assert!(of_means.eddy.abs() < 1e-10 && of_means.closure().abs() < 1e-10);
        assert!((of_means.gyre - parts.gyre).abs() < 1e-10);
        // Salt of the reference salinity carries no fresh water but the flux.
        let fresh =
            super::Parts { total: 35.0 * 2.0, overturning: 35.0 * 2.0, flux: 2.0, ..super::Parts::default() };
        assert!(fresh.to_fresh_water(35.0).total.abs() < 1e-12);
    }
}

#[test]
fn streamfunction_is_zero_at_the_bottom_and_positive_where_water_goes_north_above() {
    assert_eq!(streamfunction(&[3.0, 1.0, -4.0]), [0.0, 3.0, 4.0, 0.0]);
    assert_eq!(streamfunction(&[1.0]), [-1.0, 0.0]);
}

#[test]
fn land_as_zero_does_not_cool_the_mean() {
    let (v, t) = ([0.0, 1.0, 1.0, 0.0], [0.0, 8.0, 6.0, 0.0]);
    let numbers = [Numbers::F64(&t)];
    let sums = |zero_is_land| {
        let faces = rows(1, 4, 1.0);
        let thickness = Thickness::Layer(1.0);
        let map = MapValues {
            v: Numbers::F64(&v),
            u: None,
            tracers: &numbers,
            thickness,
            masks: [None; 2],
            zero_is_land,
        };
        let mut out = [0.0; width(1)];
        of_map(&faces, &map, &[], &mut out);
        out
    };
    assert_eq!(sums(true), [2.0, 4.0, 2.0, 2.0, 14.0, 14.0]);
    assert_eq!(sums(false), [2.0, 4.0, 2.0, 4.0, 14.0, 14.0]);
}

#[test]
fn repeated_columns_and_rows_from_the_north_change_no_section() {
    let make = |columns: Vec<i64>, southward: bool| {
        let (ny, nx) = (12, columns.len());
        let row = |j: usize| if southward { ny - 1 - j } else { j };
        let lat = (0..ny * nx).map(|k| row(k / nx) as f64 * 10.0 - 55.0).collect();
        let lon = (0..ny * nx).map(|k| columns[k % nx] as f64 * 10.0).collect();
        mesh([ny, nx], lat, lon, Stagger::Same)
    };
    let plain = make((0..36).collect(), false);
    let twice = make((-1..37).collect(), false);
    let turned = make((0..36).collect(), true);
    let westward = make((0..36).rev().collect(), false);
    let points = [[345.0, -40.0], [45.0, 10.0]];
    let [wanted, found, other, west] =
        [&plain, &twice, &turned, &westward].map(|mesh| section_line(mesh, &points, 99.0).unwrap());
    assert!(wanted.faces.len() < 14, "{}", wanted.faces.len());
    assert_eq!(found.faces.len(), wanted.faces.len());
    // A northward flow of 1 and an eastward one of 2.
    let sum = |path: &Path| path.faces.iter().map(|f| f.sign * if f.is_u { 2.0 } else { 1.0 }).sum::<f64>();
    assert!((sum(&found) - sum(&wanted)).abs() < 1e-12);
    assert!((sum(&other) - sum(&wanted)).abs() < 1e-12);
    assert!((sum(&west) - sum(&wanted)).abs() < 1e-12);
    for (mesh, columns) in [(&plain, 36), (&twice, 36), (&turned, 36), (&westward, 36)] {
        let lines = latitude_lines(mesh, &[0.0]);
        let v: Vec<_> = lines[0].iter().filter(|f| !f.is_u).collect();
        assert!(v.len() == columns && v.iter().all(|f| f.sign > 0.0));
    }
}
