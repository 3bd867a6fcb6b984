//! Weights between grids: they keep constants, integrals and straight lines.

use super::{named_grid, place, Cells, Made, Method, Missing, Plane, Sides};
use halocline_core::grid::{Grid, GridKind};
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};

fn named(name: &str) -> Cells {
    Cells::new(named_grid(name).unwrap().unwrap()).unwrap()
}

/// A curvilinear grid, its lines turned against meridians, with centres only.
fn curvilinear(ny: usize, nx: usize) -> Cells {
    let dims = [Dim::new("y", ny, Role::Y), Dim::new("x", nx, Role::X)];
    let at = |c: usize| {
        let (j, i) = ((c / nx) as f64 / ny as f64, (c % nx) as f64 / nx as f64);
        (-30.0 + 70.0 * j + 8.0 * i, 330.0 + 60.0 * i - 10.0 * j)
    };
    let coordinate = |name: &str, values: Vec<f64>| Coordinate {
        variable: Variable {
            name: name.into(),
            dims: dims.to_vec(),
            dtype: DType::F64,
            attributes: Attributes::new(),
        },
        values: Values::F64(values),
        bounds: None,
    };
    let grid = Grid {
        kind: GridKind::Curvilinear,
        dims: dims.to_vec(),
        lat: Some(coordinate("lat", (0..ny * nx).map(|c| at(c).0).collect())),
        lon: Some(coordinate("lon", (0..ny * nx).map(|c| at(c).1).collect())),
        extra: vec![],
        edges: None,
        excluded: vec![],
    };
    Cells::new(grid).unwrap()
}

/// All weights at once, which parts have to give as well.
fn whole(method: Method, from: &Cells, to: &Cells) -> Made {
    let n = to.len();
    let made = method.weights(from, to, 0..n).unwrap();
    let cuts = [0, n / 3, n / 3, n - n / 5, n];
    let parts = cuts.windows(2).map(|w| method.weights(from, to, w[0]..w[1]).unwrap()).collect();
    assert_eq!(Made::joined(parts).unwrap(), made);
    made
}

fn apply(made: &Made, values: &[f64]) -> Vec<f64> {
    let from: Vec<[f64; 1]> = values.iter().map(|v| [*v]).collect();
    let mut to = vec![[0.0]; made.matrix.rows()];
    made.matrix.times(0..to.len(), &from, &mut to, Missing::LeftOut(0.0));
    to.into_iter().map(|v| v[0]).collect()
}

fn wave(cells: &Cells) -> Vec<f64> {
    let (lat, lon) = cells.centres().unwrap();
    let at = |(a, o): (&f64, &f64)| a.to_radians().cos().powi(2) * (2.0 * o.to_radians()).cos() + 3.0;
    lat.iter().zip(&lon).map(at).collect()
}

fn integral(cells: &Cells, values: &[f64], covered: &[f64]) -> f64 {
    let areas = cells.grid.areas().unwrap();
    areas.iter().zip(values).zip(covered).map(|((a, v), c)| if v.is_nan() { 0.0 } else { a * v * c }).sum()
}

#[test]
fn rectangles_conserve() {
    for (a, b) in
        [("r36x18", "n8"), ("n8", "r50x23"), ("r7x5", "r144x72"), ("r1x1", "r4x3"), ("r12x6", "r12x6")]
    {
        let (from, to) = (named(a), named(b));
        let made = whole(Method::Conservative(Sides::Parallels), &from, &to);
        let (x, ones) = (wave(&from), vec![1.0; from.len()]);
        let (before, after) = (integral(&from, &x, &ones), integral(&to, &apply(&made, &x), &made.covered));
        assert!((after / before - 1.0).abs() < 1e-13, "{a} {b}: {}", after / before - 1.0);
        assert!(made.covered.iter().all(|c| (c - 1.0).abs() < 1e-12));
        assert!(made.matrix.row_sums().iter().all(|s| (s - 1.0).abs() < 1e-14));
    }
}

#[test]
fn polygons_conserve_what_is_covered() {
    let (from, to) = (curvilinear(23, 31), curvilinear(17, 40));
    let made = whole(Method::Conservative(Sides::Parallels), &from, &to);
    let x = wave(&from);
    let y = apply(&made, &x);
    let back = whole(Method::Conservative(Sides::Parallels), &to, &from);
    // What both cover, seen from either side.
    let area = |cells: &Cells| -> Vec<f64> {
        cells.grid.corners().unwrap().chunks(4).map(|c| super::Polygon::new(c).unwrap().area()).collect()
    };
    let (a, b) = (area(&from), area(&to));
    let shared: f64 = a.iter().zip(&back.covered).map(|(a, c)| a * c).sum();
    let seen: f64 = b.iter().zip(&made.covered).map(|(a, c)| a * c).sum();
    assert!((shared / seen - 1.0).abs() < 1e-12, "{}", shared / seen - 1.0);
    // Σ b c y = Σ over pairs of A x.
    let total: f64 =
        b.iter().zip(&made.covered).zip(&y).map(|((b, c), y)| if y.is_nan() { 0.0 } else { b * c * y }).sum();
    let mut pairs = 0.0;
    for (k, (area, covered)) in b.iter().zip(&made.covered).enumerate() {
        let (places, values) = made.matrix.row(k);
        pairs += places.iter().zip(values).map(|(&i, w)| x[i as usize] * w).sum::<f64>() * area * covered;
    }
    assert!((total / pairs - 1.0).abs() < 1e-13);
    let great = apply(
        &whole(Method::Conservative(Sides::GreatCircles), &named("n8"), &named("r20x10")),
        &wave(&named("n8")),
    );
    let rectangles = apply(
        &whole(Method::Conservative(Sides::Parallels), &named("n8"), &named("r20x10")),
        &wave(&named("n8")),
    );
    assert!(great.iter().zip(&rectangles).all(|(a, b)| (a - b).abs() < 0.05) && great != rectangles);
    // A cell that is a rectangle in latitude and longitude on both sides.
    let mixed = whole(Method::Conservative(Sides::Parallels), &from, &named("r90x45"));
    let ones = apply(&mixed, &vec![1.0; from.len()]);
    assert!(ones.iter().all(|v| v.is_nan() || (v - 1.0).abs() < 1e-13));
    let covered: f64 =
        named("r90x45").grid.polygon_areas().unwrap().iter().zip(&mixed.covered).map(|(a, c)| a * c).sum();
    assert!((covered / a.iter().sum::<f64>() - 1.0).abs() < 1e-3, "{covered}");
}

#[test]
fn bilinear_keeps_planes() {
    let from = named("r72x36");
    let (lat, lon) = from.centres().unwrap();
    let made = whole(Method::Bilinear(Plane::ByGrid), &from, &named("n24"));
    let y = apply(&made, &lat);
    let (to_lat, _) = named("n24").centres().unwrap();
    // In the cap the value at the pole is the mean of the last row.
    for (y, lat) in y.iter().zip(&to_lat).filter(|(_, lat)| lat.abs() <= 87.5) {
        assert!((y - lat).abs() < 1e-12, "{y} {lat}");
    }
    assert!(y.iter().all(|v| v.is_finite()));
    assert!(made.matrix.row_sums().iter().all(|s| (s - 1.0).abs() < 1e-14));
    let cosine: Vec<f64> = lon.iter().map(|o| o.to_radians().cos()).collect();
    let z = apply(&made, &cosine);
    let (_, to_lon) = named("n24").centres().unwrap();
    for ((z, lon), lat) in z.iter().zip(&to_lon).zip(&to_lat) {
        assert!(lat.abs() > 87.5 || (z - lon.to_radians().cos()).abs() < 2e-3);
    }
}

#[test]
fn bilinear_between_curved_lines() {
    let from = curvilinear(40, 50);
    let to = named("r180x90");
    let made = whole(Method::Bilinear(Plane::ByGrid), &from, &to);
    let y = apply(&made, &wave(&from));
    let exact = wave(&to);
    let inside = y.iter().filter(|v| v.is_finite()).count();
    assert!(inside > 500, "{inside}");
    for (y, x) in y.iter().zip(&exact).filter(|(y, _)| y.is_finite()) {
        assert!((y - x).abs() < 2e-3, "{y} {x}");
    }
    for plane in [Plane::Sphere, Plane::LatLon] {
        let y = apply(&whole(Method::Bilinear(plane), &from, &to), &wave(&from));
        assert_eq!(y.iter().filter(|v| v.is_finite()).count() / 20, inside / 20);
        assert!(y.iter().zip(&exact).all(|(y, x)| y.is_nan() || (y - x).abs() < 2e-3));
    }
}

#[test]
fn at_centres_neighbours_have_no_say() {
    // A missing neighbour with a weight of rounding would make the value there missing.
    for cells in [curvilinear(40, 50), named("n24"), named("r36x18")] {
        for plane in [Plane::ByGrid, Plane::Sphere, Plane::LatLon] {
            let same = whole(Method::Bilinear(plane), &cells, &cells);
            for k in 0..cells.len() {
                let (from, weights) = same.matrix.row(k);
                assert!(from == [k as u32] && weights == [1.0], "{plane:?} {k}: {from:?} {weights:?}");
            }
        }
    }
}

#[test]
fn nearest_is_the_nearest() {
    let (from, to) = (curvilinear(20, 23), named("r48x24"));
    let made = whole(Method::Nearest, &from, &to);
    let four = whole(Method::Distance(4), &from, &to);
    let at = |cells: &Cells| -> Vec<[f64; 3]> {
        let (lat, lon) = cells.centres().unwrap();
        lat.iter().zip(&lon).map(|(a, o)| place(*a, *o)).collect()
    };
    let (sources, targets) = (at(&from), at(&to));
    for (k, target) in targets.iter().enumerate() {
        let chord = |i: usize| (0..3).map(|d| (sources[i][d] - target[d]).powi(2)).sum::<f64>();
        let mut order: Vec<usize> = (0..sources.len()).collect();
        order.sort_by(|&a, &b| chord(a).total_cmp(&chord(b)));
        assert_eq!(made.matrix.row(k).0, [order[0] as u32]);
        let mut best: Vec<u32> = order[..4].iter().map(|&i| i as u32).collect();
        best.sort_unstable();
        assert_eq!(four.matrix.row(k).0, best);
        assert!((four.matrix.row(k).1.iter().sum::<f64>() - 1.0).abs() < 1e-14);
    }
    // Half-way between two the first of the grid.
    let tie = whole(Method::Nearest, &named("r4x2"), &named("r8x4"));
    assert!(tie.matrix.row_sums().iter().all(|s| *s == 1.0));
}
