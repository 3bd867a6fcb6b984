//! Harmonics against analytic ones, round trips, orthogonality at high degrees.

use super::gauss;
use super::latitudes::Latitudes;
use super::legendre::{sectoral, Functions};
use super::*;
use halocline_core::engine::{Numbers, NumbersMut};

fn lat(kind: LatitudeKind, n: usize) -> Vec<f64> {
    let even =
        |shift: f64, parts: usize| (0..n).map(|k| 90.0 - 180.0 * (k as f64 + shift) / parts as f64).collect();
    match kind {
        LatitudeKind::Gaussian => {
            let north = gauss::northern(n).0;
            let of = |k: usize| {
                let j = k.min(n - 1 - k);
                let lat = north.cosine[j].asin().to_degrees();
                if j == k {
                    lat
                } else {
                    -lat
                }
            };
            (0..n).map(of).collect()
        }
        LatitudeKind::Poles => even(0.0, n - 1),
        LatitudeKind::Between => even(0.5, n),
        LatitudeKind::NorthPole => even(0.0, n),
        LatitudeKind::SouthPole => even(1.0, n),
    }
}

fn lon(n: usize) -> Vec<f64> {
    (0..n).map(|i| -30.0 + 360.0 * i as f64 / n as f64).collect()
}

const KINDS: [LatitudeKind; 5] = [
    LatitudeKind::Gaussian,
    LatitudeKind::Poles,
    LatitudeKind::Between,
    LatitudeKind::NorthPole,
    LatitudeKind::SouthPole,
];

fn grid(kind: LatitudeKind, rows: usize, columns: usize, turned: [bool; 2]) -> SphereGrid {
    let (mut lat, mut lon) = (lat(kind, rows), lon(columns));
    if turned[0] {
        lat.reverse();
    }
    if turned[1] {
        lon.reverse();
    }
    let grid = SphereGrid::of(&lat, &lon).expect("a grid");
    assert_eq!((grid.kind, grid.southward), (kind, !turned[0]), "{rows} rows");
    assert!(columns < 3 || grid.eastward != turned[1]);
    grid
}

/// Coefficients without a pattern, up to degree `t`.
fn noise(maps: usize, t: usize, order: usize) -> Coefficients {
    let mut all = Coefficients::zeros(maps, t, order);
    let mut seed = 12_345u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    for map in 0..maps {
        for m in 0..=all.highest_order() {
            for n in m..=t {
                let value = [next(), if m == 0 { 0.0 } else { next() }];
                all.set(map, n, m, value);
            }
        }
    }
    all
}

fn largest_difference(a: &Coefficients, b: &Coefficients) -> f64 {
    let mut worst = 0.0f64;
    for map in 0..a.maps() {
        for m in 0..=a.highest_order() {
            for n in m..=a.truncation().min(b.truncation()) {
                let (x, y) = (a.get(map, n, m), b.get(map, n, m));
                worst = worst.max((x[0] - y[0]).abs()).max((x[1] - y[1]).abs());
            }
        }
    }
    worst
}

/// The highest degree of which every order is exact: of the highest one on a grid with poles, odd
/// orders hold a sine that vanishes on all latitudes.
fn exact(grid: &SphereGrid) -> usize {
    grid.highest() - usize::from(grid.kind == LatitudeKind::Poles)
}

#[test]
fn scalars_go_there_and_back() {
    for kind in KINDS {
        for (rows, columns) in [(12, 24), (13, 27), (2, 5), (48, 97), (5, 1)] {
            for turned in [[false, false], [true, false], [false, true]] {
                let grid = grid(kind, rows, columns, turned);
                let t = exact(&grid);
                let transform = Transform::new(&grid, Some(t)).expect("a transform");
                let wave = transform.highest_order().min((columns - 1) / 2);
                let given = noise(3, t, wave);
                let mut maps = vec![0.0; 3 * grid.cells()];
                transform.synthesise(&given, NumbersMut::F64(&mut maps));
                let found = transform.analyse(Numbers::F64(&maps), 3);
                let off = largest_difference(&given, &found);
                assert!(off < 2e-13 * t.max(1) as f64, "{kind:?} {rows} x {columns}: {off}");
            }
        }
    }
}

#[test]
fn winds_go_there_and_back() {
    for kind in KINDS {
        for (rows, columns) in [(12, 24), (13, 27), (48, 97)] {
            for turned in [[false, false], [true, false], [false, true]] {
                let grid = grid(kind, rows, columns, turned);
                // Of poles, the sines of zonal winds count as well.
                let t = exact(&grid);
                let transform = Transform::new(&grid, Some(t)).expect("a transform");
                let wave = transform.highest_order().min((columns - 1) / 2);
                let psi = noise(2, t, wave);
                let chi = noise(3, t, wave);
                let cells = 2 * grid.cells();
                let (mut u, mut v) = (vec![0.0; cells], vec![0.0; cells]);
                // Rotational: u = -∂ψ/∂φ, v = ∂ψ/∂λ / cos φ; divergent: the gradient itself.
                transform.gradient(&psi, [1.0, -1.0], NumbersMut::F64(&mut v), NumbersMut::F64(&mut u));
                let mut chi2 = Coefficients::zeros(2, t, wave);
                for map in 0..2 {
                    for m in 0..=chi2.highest_order() {
                        for n in m..=t {
                            chi2.set(map, n, m, chi.get(map + 1, n, m));
                        }
                    }
                }
                let (mut x, mut y) = (vec![0.0; cells], vec![0.0; cells]);
                transform.gradient(&chi2, [1.0, 1.0], NumbersMut::F64(&mut x), NumbersMut::F64(&mut y));
                u.iter_mut().zip(&x).for_each(|(u, x)| *u += x);
                v.iter_mut().zip(&y).for_each(|(v, y)| *v += y);
                let (zeta, delta) = transform.analyse_wind(Numbers::F64(&u), Numbers::F64(&v), 2);
                let (mut back, mut other) = (zeta.inverse_laplacian(1.0), delta.inverse_laplacian(1.0));
                for map in 0..2 {
                    // Means do not blow.
                    back.set(map, 0, 0, psi.get(map, 0, 0));
                    other.set(map, 0, 0, chi2.get(map, 0, 0));
                }
                let off = largest_difference(&psi, &back).max(largest_difference(&chi2, &other));
                assert!(off < 2e-13 * t as f64, "{kind:?} {rows} x {columns}: {off}");
            }
        }
    }
}

#[test]
fn known_harmonics_have_known_coefficients() {
    for kind in KINDS {
        let grid = grid(kind, 16, 20, [false, false]);
        let transform = Transform::new(&grid, None).expect("a transform");
        let (lat, lon) = (lat(kind, 16), lon(20));
        let of = |f: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
            let radians = |v: &f64| v.to_radians();
            let lon0 = lon[0].to_radians();
            lat.iter().flat_map(|phi| lon.iter().map(move |l| f(radians(phi), radians(l) - lon0))).collect()
        };
        // Y20, and the part of Y21 that goes with the cosine.
        let f = |phi: f64, l: f64| {
            3.0 + 0.5 * 5f64.sqrt() * (3.0 * phi.sin().powi(2) - 1.0)
                + phi.sin() * phi.cos() * (l.cos() - 2.0 * l.sin())
        };
        let found = transform.analyse(Numbers::F64(&of(&f)), 1);
        let scale = 0.5 / (15.0f64 / 2.0).sqrt();
        let near = |n, m, [re, im]: [f64; 2]| {
            let [a, b] = found.get(0, n, m);
            assert!((a - re).abs() < 1e-14 && (b - im).abs() < 1e-14, "{kind:?} {n} {m}: {a} {b}");
        };
        near(0, 0, [3.0, 0.0]);
        near(1, 0, [0.0, 0.0]);
        near(2, 0, [1.0, 0.0]);
        near(2, 1, [scale, 2.0 * scale]);
        near(3, 1, [0.0, 0.0]);
        // The mean of the square: 9 + 1 + 5 / 2 · mean of sin² cos² = 2/15.
        let power = found.power();
        assert!((power[0] - 9.0).abs() < 1e-13 && (power[2] - 1.0 - 1.0 / 3.0).abs() < 1e-13, "{power:?}");
        // A body that turns: u = cos φ has vorticity 2 sin φ.
        let (zeta, delta) = transform.analyse_wind(
            Numbers::F64(&of(&|phi, _| phi.cos())),
            Numbers::F64(&vec![0.0; grid.cells()]),
            1,
        );
        let [turn, _] = zeta.get(0, 1, 0);
        assert!((turn - 2.0 / 3f64.sqrt()).abs() < 1e-13, "{turn}");
        assert!(delta.power().iter().all(|p| *p < 1e-24));
        // Half of the mean of cos² φ.
        let energy = zeta.kinetic_energy();
        assert!((energy[1] - 1.0 / 3.0).abs() < 1e-13 && energy[2] < 1e-24, "{energy:?}");
    }
}

#[test]
fn bits_do_not_depend_on_what_goes_together() {
    for kind in [LatitudeKind::Gaussian, LatitudeKind::Poles] {
        let grid = grid(kind, 21, 40, [false, false]);
        let transform = Transform::new(&grid, None).expect("a transform");
        let (cells, maps) = (grid.cells(), 7);
        let values: Vec<f32> = (0..maps * cells).map(|i| ((i * 7919 + i * i % 1013) % 509) as f32).collect();
        let all = transform.analyse(Numbers::F32(&values), maps);
        let (u, v) = (Numbers::F32(&values), Numbers::F32(&values));
        let (zeta, _) = transform.analyse_wind(u, v, maps);
        let mut together = vec![0.0; maps * cells];
        transform.synthesise(&all, NumbersMut::F64(&mut together));
        for k in 0..maps {
            let one = &values[k * cells..(k + 1) * cells];
            let alone = transform.analyse(Numbers::F32(one), 1);
            let turn = transform.analyse_wind(Numbers::F32(one), Numbers::F32(one), 1).0;
            for m in 0..=transform.highest_order() {
                for n in m..=transform.truncation() {
                    assert_eq!(alone.get(0, n, m), all.get(k, n, m));
                    assert_eq!(turn.get(0, n, m), zeta.get(k, n, m));
                }
            }
            let mut out = vec![0.0; cells];
            transform.synthesise(&alone, NumbersMut::F64(&mut out));
            assert_eq!(out, &together[k * cells..(k + 1) * cells]);
        }
    }
}

#[test]
fn functions_of_degree_2000_are_orthonormal() {
    const T: usize = 2000;
    let (at, weights) = gauss::northern(T + 1);
    let total: f64 = weights.iter().enumerate().map(|(k, w)| if 2 * k == T { *w } else { 2.0 * w }).sum();
    assert!((total - 2.0).abs() < 1e-13, "{total}");
    let factors = sectoral(T);
    for m in [0, 1, 2, 700, 1500, 1990, 2000] {
        let mut functions = Functions::default();
        functions.start(&at, m, factors[m], false);
        let degrees = T + 1 - m;
        let mut table = vec![0.0; degrees * at.len()];
        functions.fill(&at, degrees, &mut table);
        let row = |k: usize| &table[k * at.len()..(k + 1) * at.len()];
        let picked = [0, 1, 2, degrees / 3, degrees / 2, degrees - 1];
        for &a in picked.iter().filter(|&&k| k < degrees) {
            for &b in picked.iter().filter(|&&k| k < degrees && (k + a) % 2 == 0) {
                let pairs = row(a).iter().zip(row(b)).zip(&weights).enumerate();
                let sum: f64 =
                    pairs.map(|(k, ((p, q), w))| p * q * if 2 * k == T { 0.5 * w } else { *w }).sum();
                let expected = if a == b { 1.0 } else { 0.0 };
                assert!((sum - expected).abs() < 1e-11, "m {m}, degrees {} and {}: {sum}", m + a, m + b);
            }
        }
    }
}

/// Degree, order, cos θ, then P, m P / sin θ and dP/dθ, by mpmath with 60 digits.
#[allow(clippy::excessive_precision)]
const KNOWN: [(usize, usize, f64, [f64; 3]); 8] = [
    (2000, 0, 0.5, [-0.313_781_611_786_962_83, 0.0, -2_342.930_974_595_805_8]),
    (2000, 1, 0.5, [1.171_172_730_705_227_5, 1.352_353_782_680_424_3, -628.396_271_664_709_93]),
    (2000, 700, 0.5, [1.221_014_884_279_31, 986.934_580_972_479_15, 623.819_036_019_320_35]),
    (2000, 1500, 0.25, [-1.422_381_038_874_626_3, -2_203.543_230_209_052_8, 297.949_341_621_740_88]),
    (2000, 1990, 0.125, [0.237_391_159_454_395_68, 476.142_919_241_754_37, 36.852_432_967_556_401]),
    (2000, 2000, 0.0625, [0.141_821_103_087_486_97, 284.197_823_174_001_38, 17.762_363_948_375_086]),
    (2000, 1500, 0.75, [1.917_429_370_147_077e-37, 4.348_321_088_520_326_7e-34, 2.051_817_207_758_991_1e-34]),
    (255, 17, 0.875, [-0.855_244_243_134_754_27, -30.031_943_509_446_077, -350.226_784_024_657_77]),
];

#[test]
fn functions_are_those_of_many_digits() {
    for (n, m, x, expected) in KNOWN {
        let at = Latitudes { cosine: vec![x], rest: vec![0.0], sine: vec![(1.0 - x * x).sqrt()] };
        let factors = sectoral(m + 1);
        let degrees = n + 1 - m;
        let of = |order: usize, reduced: bool| {
            let mut functions = Functions::default();
            functions.start(&at, order, factors[order], reduced);
            let mut table = vec![0.0; degrees];
            functions.fill(&at, n + 1 - order.min(n), &mut table);
            if order > n {
                0.0
            } else {
                table[n - order]
            }
        };
        let value = of(m, false);
        let over = if m == 0 { 0.0 } else { m as f64 * of(m, true) };
        let above = if m == n { 0.0 } else { of(m + 1, false) };
        let slope = x * over - (((n - m) * (n + m + 1)) as f64).sqrt() * above;
        for (ours, theirs) in [value, over, slope].into_iter().zip(expected) {
            let scale = theirs.abs().max(if value.abs() > 0.1 { 1.0 } else { 0.0 });
            assert!((ours - theirs).abs() <= 2e-11 * scale, "{n} {m} {x}: {ours} is not {theirs}");
        }
    }
}

#[test]
fn grids_are_recognised_or_refused() {
    let refused = |lat: &[f64], lon: &[f64]| SphereGrid::of(lat, lon).expect_err("no grid").to_string();
    let single: Vec<f64> = lat(LatitudeKind::Gaussian, 64).iter().map(|v| f64::from(*v as f32)).collect();
    assert_eq!(SphereGrid::of(&single, &lon(128)).map(|g| g.kind), Ok(LatitudeKind::Gaussian));
    let two_digits: Vec<f64> = single.iter().map(|v| (v * 100.0).round() / 100.0).collect();
    assert_eq!(SphereGrid::of(&two_digits, &lon(128)).map(|g| g.kind), Ok(LatitudeKind::Gaussian));
    let text = refused(&[80.0, 40.0, 0.0, -40.0, -80.0], &lon(8));
    assert!(text.contains("neither Gaussian nor evenly spaced"), "{text}");
    assert!(refused(&single, &[0.0, 90.0, 180.0]).contains("longitudes do not go round"));
    let text = refused(&single, &(0..=36).map(|i| 10.0 * f64::from(i)).collect::<Vec<_>>());
    assert!(text.contains("is the first again"), "{text}");
    let half: Vec<f64> = (0..36).map(|i| 5.0 * f64::from(i)).collect();
    let text = refused(&single, &half);
    assert!(text.contains("36 of them, from 0 to 175, are 5 apart"), "{text}");
    let back: Vec<f64> = half.iter().map(|v| 350.0 - 2.0 * v).collect();
    assert_eq!(circle(&back), Ok(false));
    let uneven = [0.0, 80.0, 180.0, 270.0];
    assert!(refused(&single, &uneven).contains("in even steps: 0 is followed by 80"));
    assert!(refused(&single, &[f64::NAN, 90.0]).contains("longitudes"));
    assert!(refused(&[0.0], &lon(8)).contains("no map of the sphere"));
    let mut broken = single.clone();
    broken[5] = f64::NAN;
    assert!(refused(&broken, &lon(8)).contains("neither"));
    let seam: Vec<f64> = (0..36).map(|i| (180.0 + 10.0 * f64::from(i)) % 360.0).collect();
    assert!(SphereGrid::of(&single, &seam).is_ok_and(|g| g.eastward));
    let grid = grid(LatitudeKind::Gaussian, 8, 16, [false, false]);
    let e = Transform::new(&grid, Some(8)).expect_err("beyond").to_string();
    assert!(e.contains("degree 8 is beyond 7"), "{e}");
}

#[test]
#[should_panic(expected = "coefficients of some orders")]
fn parts_of_coefficients_make_no_maps() {
    let grid = grid(LatitudeKind::Gaussian, 8, 16, [false; 2]);
    let transform = Transform::new(&grid, Some(2)).unwrap();
    let mut map = vec![0.0; 128];
    let whole = Coefficients::zeros(1, 2, 2);
    assert!(whole.is_whole());
    transform.synthesise(&whole, NumbersMut::F64(&mut map));
    let part = Coefficients::new(1, 2, vec![vec![0.0; 6], Vec::new(), vec![0.0; 2]]);
    assert!(!part.is_whole() && part.holds(0) && !part.holds(1));
    transform.synthesise(&part, NumbersMut::F64(&mut map));
}
