//! Spherical harmonics of maps that are divided among ranks: against those of one rank, bit by bit, and
//! known ones.

use halocline::algorithms::sphere::{Coefficients, DividedTransform, LatitudeKind, SphereGrid, Transform};
use halocline::core::comm::Comm;
use halocline::core::decomposition::Decomposition;
use halocline::core::engine::{Numbers, NumbersMut};
use halocline::core::index::IndexBox;
use halocline::core::meta::{Dim, Role};
use std::f64::consts::PI;

use crate::Test;

pub(crate) fn all() -> Vec<Test> {
    vec![
        ("sphere: divided maps have the bits of whole ones", divided_maps_have_the_bits_of_whole_ones),
        ("sphere: divided harmonics are known ones, there and back", known_ones_there_and_back),
        ("sphere: memory of a rank falls with their number", memory_falls),
        ("sphere: layouts that do not fit are refused", layouts_that_do_not_fit_are_refused),
    ]
}

const KINDS: [LatitudeKind; 5] = [
    LatitudeKind::Gaussian,
    LatitudeKind::Poles,
    LatitudeKind::Between,
    LatitudeKind::NorthPole,
    LatitudeKind::SouthPole,
];

/// All kinds, with rows and columns of any number, either order of latitudes and longitudes; truncated or
/// not.
fn grids() -> Vec<(SphereGrid, Option<usize>)> {
    let mut all = Vec::new();
    for (k, kind) in KINDS.into_iter().enumerate() {
        for (rows, columns, truncation) in
            [(12, 24, None), (13, 27, Some(4)), (2, 5, None), (5, 1, Some(0)), (21, 40, Some(1))]
        {
            let (southward, eastward) = ((k + rows) % 2 == 0, (k + columns) % 3 != 0);
            let grid = SphereGrid { kind, rows, columns, southward, eastward };
            all.push((grid, truncation));
        }
    }
    // So many orders that they change ranks in several rounds.
    for kind in [LatitudeKind::Gaussian, LatitudeKind::Poles] {
        all.push((SphereGrid { kind, rows: 72, columns: 150, southward: true, eastward: true }, None));
    }
    all
}

fn value(i: usize) -> f64 {
    ((i * 7919 + i * i % 97 * 31) % 1009) as f64 / 1009.0 - 0.4
}

/// Divisions of `[time, latitude, longitude]`: along each, in two, uneven by hand, wholly on one rank.
fn layouts(dims: &[Dim], window: &IndexBox, ranks: usize) -> Vec<Decomposition> {
    let fits = |d: halocline::core::Result<Decomposition>| d.expect("fits");
    let mut all: Vec<Decomposition> =
        (0..dims.len()).map(|d| fits(Decomposition::along(dims, window, d, ranks))).collect();
    if ranks >= 4 {
        all.push(fits(Decomposition::even(dims, window, &[1, 2, 2], ranks)));
    }
    all.push(fits(Decomposition::even(dims, window, &[1, 1, 1], ranks)));
    let mut edges: Vec<Vec<usize>> = window.ranges().iter().map(|r| vec![r.start, r.end]).collect();
    if ranks > 2 {
        edges[1] = vec![0, 0, dims[1].len / 3, dims[1].len];
    }
    all.push(fits(Decomposition::from_edges(dims.to_vec(), edges, ranks)));
    all
}

fn dims(times: usize, grid: &SphereGrid) -> [Dim; 3] {
    [
        Dim::new("time", times, Role::Time),
        Dim::new("lat", grid.rows, Role::Y),
        Dim::new("lon", grid.columns, Role::X),
    ]
}

/// The values of a block of a window of maps.
fn block_of<T: Copy>(all: &[T], layout: &Decomposition, rank: usize) -> Vec<T> {
    let mut own = Vec::new();
    layout.domain().extract(all, &layout.block(rank), &mut own);
    own
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// Coefficients of a rank are those of the whole transform, and all have their rank.
fn same_coefficients(comm: &Comm, divided: &DividedTransform, ours: &Coefficients, whole: &Coefficients) {
    let own = divided.orders(comm.rank());
    for m in 0..=whole.highest_order() {
        assert_eq!(ours.holds(m), own.contains(&m));
        let holders = (0..comm.size()).filter(|r| divided.orders(*r).contains(&m)).count();
        assert_eq!(holders, 1, "order {m}");
        if !ours.holds(m) {
            continue;
        }
        for map in 0..whole.maps() {
            for n in m..=whole.truncation() {
                let (a, b) = (ours.get(map, n, m), whole.get(map, n, m));
                assert_eq!(bits(&a), bits(&b), "{n} {m}");
            }
        }
    }
}

fn divided_maps_have_the_bits_of_whole_ones(comm: &Comm) {
    let (ranks, rank, maps) = (comm.size(), comm.rank(), 2);
    for (grid, truncation) in grids() {
        let transform = || Transform::new(&grid, truncation).expect("a transform");
        let whole = transform();
        let cells = grid.cells();
        let u: Vec<f64> = (0..maps * cells).map(value).collect();
        let v: Vec<f64> = (0..maps * cells).map(|i| value(3 * i + 1)).collect();
        let single: Vec<f32> = u.iter().map(|v| *v as f32).collect();
        // Two of three times, so that a window is not the whole.
        let dims = dims(3, &grid);
        let window = IndexBox::new(vec![1..3, 0..grid.rows, 0..grid.columns]);
        let scalar = whole.analyse(Numbers::F64(&u), maps);
        let of_single = whole.analyse(Numbers::F32(&single), maps);
        let (vorticity, divergence) = whole.analyse_wind(Numbers::F64(&u), Numbers::F64(&v), maps);
        let (mut map, mut map_single) = (vec![0.0; maps * cells], vec![0.0f32; maps * cells]);
        whole.synthesise(&scalar, NumbersMut::F64(&mut map));
        whole.synthesise(&scalar, NumbersMut::F32(&mut map_single));
        let (mut east, mut north) = (vec![0.0; maps * cells], vec![0.0; maps * cells]);
        let chi = divergence.inverse_laplacian(2.5);
        whole.gradient(&chi, [2.0, -3.0], NumbersMut::F64(&mut east), NumbersMut::F64(&mut north));
        for shares in [ranks, ranks.div_ceil(2)] {
            let mut divided = DividedTransform::among(transform(), ranks, shares);
            for layout in layouts(&dims, &window, ranks) {
                let own = block_of(&u, &layout, rank);
                let rows = divided.take(comm, &layout, Numbers::F64(&own)).expect("taken");
                let ours = divided.analyse(comm, &rows).expect("analysed");
                same_coefficients(comm, &divided, &ours, &scalar);
                let power = divided.power(comm, &ours).expect("power");
                assert_eq!(bits(&power), bits(&scalar.power()));
                let mut out = vec![0.0; own.len()];
                let into = NumbersMut::F64(&mut out);
                divided.synthesise(comm, &ours, (&layout, into)).expect("synthesised");
                assert_eq!(bits(&out), bits(&block_of(&map, &layout, rank)));
                let mut out = vec![0.0f32; own.len()];
                let into = NumbersMut::F32(&mut out);
                divided.synthesise(comm, &ours, (&layout, into)).expect("synthesised");
                assert_eq!(out, block_of(&map_single, &layout, rank));

                let own = block_of(&single, &layout, rank);
                let rows = divided.take(comm, &layout, Numbers::F32(&own)).expect("taken");
                let ours = divided.analyse(comm, &rows).expect("analysed");
                same_coefficients(comm, &divided, &ours, &of_single);

                let [u, v] = [&u, &v].map(|all| {
                    let own = block_of(all, &layout, rank);
                    divided.take(comm, &layout, Numbers::F64(&own)).expect("taken")
                });
                let (zeta, delta) = divided.analyse_wind(comm, &u, &v).expect("analysed");
                same_coefficients(comm, &divided, &zeta, &vorticity);
                same_coefficients(comm, &divided, &delta, &divergence);
                let energy = divided.kinetic_energy(comm, &zeta).expect("energy");
                assert_eq!(bits(&energy), bits(&vorticity.kinetic_energy()));
                let len = layout.block(rank).len();
                let (mut x, mut y) = (vec![0.0; len], vec![0.0; len]);
                let into = [NumbersMut::F64(&mut x), NumbersMut::F64(&mut y)];
                let chi = delta.inverse_laplacian(2.5);
                divided.gradient(comm, &chi, [2.0, -3.0], (&layout, into)).expect("a gradient");
                assert_eq!(bits(&x), bits(&block_of(&east, &layout, rank)));
                assert_eq!(bits(&y), bits(&block_of(&north, &layout, rank)));
            }
        }
    }
}

/// Latitudes of a regular grid without poles, northward.
fn latitudes(rows: usize) -> Vec<f64> {
    (0..rows).map(|k| (-90.0 + 180.0 * (k as f64 + 0.5) / rows as f64).to_radians()).collect()
}

fn known_ones_there_and_back(comm: &Comm) {
    let (rows, columns) = (40, 80);
    let grid = SphereGrid { kind: LatitudeKind::Between, rows, columns, southward: false, eastward: true };
    let dims = dims(1, &grid);
    let window = IndexBox::whole(&[1, rows, columns]);
    let layout = Decomposition::along(&dims, &window, 1, comm.size()).expect("fits");
    let (lat, own) = (latitudes(rows), layout.block(comm.rank()));
    let of = |f: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
        let row = |k: usize| (0..columns).map(move |i| (k, 2.0 * PI * i as f64 / columns as f64));
        own.range(1).flat_map(row).map(|(k, lon)| f(lat[k], lon)).collect()
    };
    let transform = Transform::new(&grid, None).expect("a transform");
    let mut divided = DividedTransform::new(transform, comm.size());
    // 3, Y20, the cosine and the sine of Y21, and a sectoral one of order 9.
    let map = of(&|phi, l| {
        3.0 + 0.5 * 5f64.sqrt() * (3.0 * phi.sin().powi(2) - 1.0)
            + phi.sin() * phi.cos() * (l.cos() - 2.0 * l.sin())
            + phi.cos().powi(9) * (9.0 * l).cos()
    });
    let taken = divided.take(comm, &layout, Numbers::F64(&map)).expect("taken");
    let found = divided.analyse(comm, &taken).expect("analysed");
    let sectoral: f64 = (1..=9).map(|m| f64::from(2 * m + 1) / f64::from(2 * m)).product();
    let scale = 0.5 / 7.5f64.sqrt();
    for m in (0..=found.highest_order()).filter(|m| found.holds(*m)) {
        for n in m..=found.truncation() {
            let [a, b] = found.get(0, n, m);
            let [re, im] = match (n, m) {
                (0, 0) => [3.0, 0.0],
                (2, 0) => [1.0, 0.0],
                (2, 1) => [scale, 2.0 * scale],
                (9, 9) => [0.5 / sectoral.sqrt(), 0.0],
                _ => [0.0, 0.0],
            };
            assert!((a - re).abs() < 1e-13 && (b - im).abs() < 1e-13, "{n} {m}: {a} {b}");
        }
    }
    let mut back = vec![0.0; map.len()];
    divided.synthesise(comm, &found, (&layout, NumbersMut::F64(&mut back))).expect("synthesised");
    assert!(back.iter().zip(&map).all(|(a, b)| (a - b).abs() < 1e-12));
    // A body that turns, u = cos φ, has vorticity 2 sin φ and no divergence.
    let [u, v] = [of(&|phi, _| phi.cos()), vec![0.0; map.len()]]
        .map(|own| divided.take(comm, &layout, Numbers::F64(&own)).expect("taken"));
    let (zeta, delta) = divided.analyse_wind(comm, &u, &v).expect("analysed");
    let energy = divided.kinetic_energy(comm, &zeta).expect("energy");
    assert!((energy[1] - 1.0 / 3.0).abs() < 1e-13 && energy[2] < 1e-24, "{energy:?}");
    assert!(divided.power(comm, &delta).expect("power").iter().all(|p| *p < 1e-24));
    let psi = zeta.inverse_laplacian(1.0);
    let (mut x, mut y) = (vec![0.0; map.len()], vec![0.0; map.len()]);
    let into = [NumbersMut::F64(&mut y), NumbersMut::F64(&mut x)];
    divided.gradient(comm, &psi, [1.0, -1.0], (&layout, into)).expect("a gradient");
    assert!(x.iter().zip(&of(&|phi, _| phi.cos())).all(|(a, b)| (a - b).abs() < 1e-12));
    assert!(y.iter().all(|v| v.abs() < 1e-12));
}

/// What a rank takes of one large map is about as much smaller as there are ranks.
fn memory_falls(comm: &Comm) {
    let grid =
        SphereGrid { kind: LatitudeKind::Gaussian, rows: 320, columns: 640, southward: true, eastward: true };
    let of = |ranks: usize, fields: (usize, usize)| {
        let transform = Transform::new(&grid, None).expect("a transform");
        DividedTransform::new(transform, ranks).working(1, fields, 1) as f64
    };
    for fields in [(1, 0), (2, 2)] {
        let one = of(1, fields);
        for ranks in 2..=4 {
            let share = of(ranks, fields) / one;
            assert!(share < 1.15 / ranks as f64, "{fields:?} on {ranks}: {share}");
        }
    }
    // What is sent is what leaves to others: no rank gets all.
    let mut divided =
        DividedTransform::new(Transform::new(&grid, Some(100)).expect("a transform"), comm.size());
    let dims = dims(1, &grid);
    let window = IndexBox::whole(&[1, grid.rows, grid.columns]);
    let layout = Decomposition::along(&dims, &window, 1, comm.size()).expect("fits");
    let own = vec![1.0; layout.block(comm.rank()).len()];
    let taken = divided.take(comm, &layout, Numbers::F64(&own)).expect("taken");
    let held: usize = taken.values().iter().map(|v| v.len()).sum();
    assert!(held <= (grid.rows.div_ceil(2 * comm.size()) + 1) * 2 * grid.columns);
}

fn layouts_that_do_not_fit_are_refused(comm: &Comm) {
    let grid =
        SphereGrid { kind: LatitudeKind::Gaussian, rows: 8, columns: 16, southward: true, eastward: true };
    let transform = || Transform::new(&grid, None).expect("a transform");
    let of = |rows: usize, ranks: usize| {
        let dims = [Dim::new("lat", rows, Role::Y), Dim::new("lon", 16, Role::X)];
        Decomposition::along(&dims, &IndexBox::whole(&[rows, 16]), 0, ranks).expect("fits")
    };
    let mut divided = DividedTransform::new(transform(), comm.size());
    let other = of(7, comm.size());
    let own = vec![0.0; other.block(comm.rank()).len()];
    assert!(divided.take(comm, &other, Numbers::F64(&own)).is_err());
    let more = of(8, comm.size() + 1);
    let own = vec![0.0; more.block(comm.rank()).len()];
    assert!(divided.take(comm, &more, Numbers::F64(&own)).is_err());
    let mut planned = DividedTransform::new(transform(), comm.size() + 1);
    let fits = of(8, comm.size());
    let own = vec![0.0; fits.block(comm.rank()).len()];
    assert!(planned.take(comm, &fits, Numbers::F64(&own)).is_err());
}
