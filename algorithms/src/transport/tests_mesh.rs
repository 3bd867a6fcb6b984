//! Lines across seams and folds, and coasts on grids whose velocities are in the middle of cells.

use super::tests::{mesh, net};
use super::*;
use halocline_core::engine::Numbers;
use halocline_core::grid::mesh::Point;

/// Places of a cap whose rows end at a segment between two poles; `half` a cell before it (F fold) or on
/// it (T fold), as NEMO stores it if `extended`: two columns and a row more.
fn tripolar(rows: usize, n: usize, half: f64, extended: bool) -> (Vec<f64>, Vec<f64>, [usize; 2]) {
    let at = |j: usize, i: usize| {
        let mu = (rows as f64 - 1.0 + half - j as f64) * 0.1;
        let angle = (i as f64 + half) / n as f64 * std::f64::consts::TAU;
        let (x, y) = (0.2 * mu.cosh() * angle.cos(), 0.2 * mu.sinh() * angle.sin());
        (90.0 - 2.0 * x.hypot(y).atan().to_degrees(), y.atan2(x).to_degrees())
    };
    let partner = |k: usize| if half == 0.0 { (rows - 2, (n - k) % n) } else { (rows - 1, n - 1 - k) };
    let stored = |j: usize, i: usize| {
        let k = (i + n - 1) % n;
        if j < rows {
            at(j, k)
        } else {
            let (j, k) = partner(k);
            at(j, k)
        }
    };
    if extended {
        let all = (0..=rows).flat_map(|j| (0..n + 2).map(move |i| (j, i)));
        let (lat, lon) = all.map(|(j, i)| stored(j, i)).unzip();
        return (lat, lon, [rows + 1, n + 2]);
    }
    let (lat, lon) = (0..rows).flat_map(|j| (0..n).map(move |i| (j, i))).map(|(j, i)| at(j, i)).unzip();
    (lat, lon, [rows, n])
}

/// Flow through all stored faces from a streamfunction at corners.
fn flow(on: &VelocityMesh) -> (Vec<f64>, Vec<f64>) {
    let [rows, columns] = on.mesh.cells;
    let psi = |j: isize, i: isize| {
        let (j, i, _) = on.mesh.topology.first_place(Point::F, j, i);
        if j < 0 {
            0.0
        } else {
            ((j * 7 + i * 3) as f64).sin() * 1e6
        }
    };
    let all = || (0..rows * columns).map(|k| ((k / columns) as isize, (k % columns) as isize));
    let u = all().map(|(j, i)| psi(j - 1, i) - psi(j, i)).collect();
    (u, all().map(|(j, i)| psi(j, i) - psi(j, i - 1)).collect())
}

#[test]
fn lines_cross_folds() {
    for (half, extended) in [(0.5, false), (0.0, false), (0.5, true), (0.0, true)] {
        let (lat, lon, shape) = tripolar(12, 24, half, extended);
        let on = mesh(shape, lat, lon, Stagger::Ahead);
        assert!(on.mesh.topology.is_folded(), "{half} {extended}");
        let (u, v) = flow(&on);
        // Around the pole, which lies on the fold, and across it.
        let round = [[40.0, 82.0], [130.0, 82.0], [220.0, 82.0], [310.0, 82.0], [40.0, 82.0]];
        let over = [[50.0, 70.0], [70.0, 89.0], [240.0, 75.0], [140.0, 70.0], [50.0, 70.0]];
        for points in [&round[..], &over[..]] {
            let path = section_line(&on, points, 99.0).expect("a path");
            assert!(path.faces.len() > 8 && path.faces.len() < 60, "{}", path.faces.len());
            assert!(net(&on, path.faces, &u, &v).abs() < 1e-6, "{half} {extended}");
        }
        // Straight over the pole, and the other way round: the same with the other sign.
        let straight = |points: &[[f64; 2]]| section_line(&on, points, 99.0).expect("a path");
        let (there, back) =
            (straight(&[[90.0, 72.0], [270.0, 72.0]]), straight(&[[270.0, 72.0], [90.0, 72.0]]));
        assert!(there.faces.len() < 30, "{}", there.faces.len());
        assert!(there.corners.iter().any(|c| c[1] > 86.0));
        let [a, b] = [there, back].map(|path| net(&on, path.faces, &u, &v));
        assert!((a + b).abs() < 1e-6 && a.abs() > 1.0, "{a} {b}");
        // Nothing gathers north of a circle.
        for (line, edge) in latitude_lines(&on, &[70.0, 78.0, 84.0]).into_iter().zip([70, 78, 84]) {
            assert!(line.len() >= 4, "{edge}");
            assert!(net(&on, line, &u, &v).abs() < 1e-6, "{edge} {half} {extended}");
        }
    }
}

#[test]
fn rows_at_a_fold_carry_nothing_net() {
    for half in [0.5, 0.0] {
        let (lat, lon, shape) = tripolar(8, 24, half, true);
        let on = mesh(shape, lat, lon, Stagger::Ahead);
        let (_, v) = flow(&on);
        let [ny, nx] = shape;
        // A tracer that is the same at cells that are.
        let value = |k: usize| {
            let (at, _) = on.mesh.place(Point::T, (k / nx) as isize, (k % nx) as isize).expect("a cell");
            10.0 + (at as f64 * 0.37).sin()
        };
        let tracer: Vec<f64> = (0..ny * nx).map(value).collect();
        let numbers = [Numbers::F64(&tracer)];
        let map = MapValues {
            v: Numbers::F64(&v),
            u: None,
            tracers: &numbers,
            thickness: Thickness::Layer(1.0),
            masks: [None; 2],
            zero_is_land: false,
        };
        let faces = Faces::rows(&on);
        let mut out = vec![0.0; ny * width(1)];
        of_map(&faces, &map, &[], &mut out);
        let row = |j: usize| &out[j * width(1)..(j + 1) * width(1)];
        for j in 0..ny {
            assert!(row(j)[0].abs() < 1e-6, "row {j}");
            assert_eq!(row(j)[1], 24.0, "columns that are there twice count once");
        }
        // On the line of an F fold heat crosses back at once; across that of a T fold it is the row before.
        if half == 0.5 {
            assert!(row(7)[OF_FLOW + 3].abs() < 1e-6, "{}", row(7)[OF_FLOW + 3]);
        } else {
            assert!((row(7)[OF_FLOW + 3] + row(6)[OF_FLOW + 3]).abs() < 1e-6);
        }
    }
}

#[test]
fn in_the_middle_of_cells_nothing_flows_through_a_coast() {
    let (ny, nx) = (3, 4);
    let lat = (0..ny * nx).map(|k| 10.0 * (k / nx) as f64).collect();
    let lon = (0..ny * nx).map(|k| 10.0 * (k % nx) as f64).collect();
    let on = mesh([ny, nx], lat, lon, Stagger::Same);
    // Land in one cell of the last row; v grows to the north.
    let land = 2 * nx + 1;
    let value = |k: usize| if k == land { f64::NAN } else { 1.0 + (k / nx) as f64 };
    let v: Vec<f64> = (0..ny * nx).map(value).collect();
    let u = vec![0.0; ny * nx];
    let line = |edge: f64| latitude_lines(&on, &[edge]).remove(0);
    assert_eq!(net(&on, line(5.0), &u, &v), 4.0 * 1.5);
    assert_eq!(net(&on, line(15.0), &u, &v), 3.0 * 2.5, "the coast is closed");
    // The same where land is written as 0, in both velocities.
    let zeros: Vec<f64> = v.iter().map(|v| if v.is_nan() { 0.0 } else { *v }).collect();
    let still: Vec<f64> = (0..ny * nx).map(|k| if k == land { 0.0 } else { 0.1 }).collect();
    let faces = Faces::lines(ny, nx, &[line(15.0)]);
    let map = MapValues {
        v: Numbers::F64(&zeros),
        u: Some(Numbers::F64(&still)),
        tracers: &[],
        thickness: Thickness::Layer(1.0),
        masks: [None; 2],
        zero_is_land: true,
    };
    let mut out = [0.0; width(0)];
    of_map(&faces, &map, &[], &mut out);
    assert_eq!(out, [3.0 * 2.5, 3.0]);
}

#[test]
fn velocities_beyond_a_fold_count_the_other_way() {
    let (lat, lon, shape) = tripolar(8, 24, 0.5, false);
    let on = mesh(shape, lat, lon, Stagger::Same);
    // A flow straight across the fold is along the columns on one side, against them on the other.
    let v: Vec<f64> = (0..8 * 24).map(|k| if k % 24 < 12 { 1.0 } else { -1.0 }).collect();
    let face = on.face(Point::V, 7, 3).expect("a face on the fold");
    assert_eq!((face.cells, face.turned), ([7 * 24 + 3, 7 * 24 + 20], [false, true]));
    assert_eq!(net(&on, vec![face], &v, &v), 1.0);
}

#[test]
fn rows_at_once_are_the_same_bits() {
    let (ny, nx) = (3, 21);
    let lat = (0..ny * nx).map(|k| (k / nx) as f64).collect();
    let lon = (0..ny * nx).map(|k| (k % nx) as f64).collect();
    let mut on = mesh([ny, nx], lat, lon, Stagger::Same);
    (0..ny * nx).for_each(|k| on.mesh.dx[0][k] = 1.0 + (k as f64).sin().abs());
    let faces = Faces::rows(&on);
    let single = |f: &dyn Fn(usize) -> f32| (0..ny * nx).map(f).collect::<Vec<f32>>();
    let v = single(&|k| {
        if k % 7 == 3 {
            f32::NAN
        } else if k % 5 == 0 {
            0.0
        } else {
            (k as f32).cos()
        }
    });
    let t = single(&|k| {
        if k % 11 == 2 {
            f32::NAN
        } else if k % 10 == 0 {
            0.0
        } else {
            10.0 + (k as f32).sin()
        }
    });
    let (doubles, warm): (Vec<f64>, Vec<f64>) =
        v.iter().zip(&t).map(|(v, t)| (f64::from(*v), f64::from(*t))).unzip();
    for zero_is_land in [true, false] {
        let sums = |v: Numbers<'_>, tracers: &[Numbers<'_>]| {
            let thickness = Thickness::Layer(3.7);
            let map = MapValues { v, u: None, tracers, thickness, masks: [None; 2], zero_is_land };
            let mut out = vec![0.0; ny * width(tracers.len())];
            of_map(&faces, &map, &[], &mut out);
            out
        };
        let once = sums(Numbers::F32(&v), &[Numbers::F32(&t)]);
        assert_eq!(once, sums(Numbers::F64(&doubles), &[Numbers::F64(&warm)]));
        assert_eq!(sums(Numbers::F32(&v), &[]), sums(Numbers::F64(&doubles), &[]));
        assert!(once[1] > 10.0 && once[3] > 0.0);
    }
}

#[test]
fn land_without_coordinates_turns_no_sign() {
    let (ny, nx) = (5, 6);
    let place = |k: usize| [40.0 - 10.0 * (k / nx) as f64, 50.0 - 10.0 * (k % nx) as f64];
    // The middle column has none at its ends, the next none at all.
    let is_land = |k: usize| matches!((k / nx, k % nx), (0 | 4, 3) | (_, 4));
    let of = |d: usize| (0..ny * nx).map(|k| if is_land(k) { f64::NAN } else { place(k)[d] }).collect();
    let on = mesh([ny, nx], of(0), of(1), Stagger::Ahead);
    assert_eq!(on.signs(), [-1.0, -1.0]);
    let all = |d: usize| (0..ny * nx).map(|k| place(k)[d]).collect();
    assert_eq!(mesh([ny, nx], all(0), all(1), Stagger::Ahead).signs(), [-1.0, -1.0]);
}

#[test]
fn far_points_are_on_no_section() {
    let (ny, nx) = (9, 12);
    let lat = (0..ny * nx).map(|k| 40.0 + (k / nx) as f64).collect();
    let lon = (0..ny * nx).map(|k| -60.0 + (k % nx) as f64).collect();
    let on = mesh([ny, nx], lat, lon, Stagger::Ahead);
    let through = |points: &[[f64; 2]]| section_line(&on, points, 2.0);
    let path = through(&[[-60.2, 39.8], [-55.0, 44.0]]).expect("the edge of the grid is on it");
    assert!(path.stops.iter().all(|stop| stop.cells < 1.5 && stop.away < 0.02), "{:?}", path.stops);
    let far = |points: &[[f64; 2]]| match through(points) {
        Err(NoPath::Far { point, away }) => (point, away.to_degrees()),
        other => panic!("{other:?}"),
    };
    // Of a strait elsewhere, and with longitudes for latitudes.
    let (point, away) = far(&[[-55.0, 44.0], [-67.5, -54.5]]);
    assert!(point == 1 && (away - 95.0).abs() < 3.0, "{away}");
    assert_eq!(far(&[[44.0, -55.0], [46.0, -57.0]]).0, 0);
    assert_eq!(through(&[[-55.4, 44.4], [-55.41, 44.41]]), Err(NoPath::OneCorner));
}

#[test]
fn there_is_no_way_over_what_has_no_coordinates() {
    let (ny, nx) = (6, 14);
    let is_land = |k: usize| (6..8).contains(&(k % nx));
    let of = |value: fn(usize) -> f64| {
        (0..ny * nx).map(|k| if is_land(k) { f64::NAN } else { value(k) }).collect::<Vec<f64>>()
    };
    let (lat, lon) = (of(|k| (k / 14) as f64), of(|k| (k % 14) as f64));
    let on = mesh([ny, nx], lat, lon, Stagger::Ahead);
    assert_eq!(section_line(&on, &[[2.5, 2.5], [10.5, 2.5]], 2.0), Err(NoPath::NoWay { point: 0 }));
}
