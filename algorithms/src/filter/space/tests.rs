use super::*;
use halocline_core::comm::{run_threads, Comm};
use halocline_core::decomposition::Decomposition;
use halocline_core::engine::{Numbers, NumbersMut};
use halocline_core::halo::{Beyond, Edges, Ends, Extent, Fold, HaloPlan, Parcels, Pivot, Point};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Dim, Role};

const SHAPE: [usize; 2] = [9, 12];

fn noise(c: usize) -> f64 {
    ((c * 7919 + c * c * 31) % 1009) as f64 / 1009.0
}

/// A field with land.
fn field([rows, columns]: [usize; 2]) -> Vec<f64> {
    (0..rows * columns).map(|c| if noise(c + 500) < 0.2 { f64::NAN } else { 20.0 + noise(c) }).collect()
}

fn tables([rows, columns]: [usize; 2]) -> [Table; 3] {
    let cells = |of: &dyn Fn(usize) -> f64| Table::Cells((0..rows * columns).map(of).collect());
    [cells(&|c| 0.5 + noise(c)), cells(&|c| 0.5 + noise(c + 1000)), cells(&|c| 2.0 + noise(c))]
}

/// Numbers of each cell, the same along each row, where `map` has no land.
fn even_tables([_, columns]: [usize; 2], map: &[f64]) -> [Table; 3] {
    let cells = |from: f64| Table::Cells((0..map.len()).map(|c| from + noise(c / columns)).collect());
    let areas = map.iter().enumerate().map(|(c, v)| 2.0 + noise(c / columns) + 0.0 * v);
    [cells(0.5), cells(0.7), Table::Cells(areas.collect())]
}

fn topologies() -> Vec<Edges> {
    let fold = Fold { pivot: Pivot::F, point: Point::Tracer, flips: false };
    vec![
        Edges::globe(Beyond::Missing),
        Edges::region(Beyond::Missing),
        Edges { y: Ends::Periodic, ..Edges::globe(Beyond::Missing) },
        Edges::tripolar(Beyond::Missing, fold),
    ]
}

/// The filter of a map by `ranks` thread ranks, as one map.
fn filtered(
    ranks: usize,
    parts: [usize; 2],
    metrics: &Metrics,
    polynomial: &Polynomial,
    map: &[f64],
) -> Vec<f64> {
    let shape = metrics.shape();
    let dims = [Dim::new("y", shape[0], Role::Y), Dim::new("x", shape[1], Role::X)];
    let whole = IndexBox::whole(&shape);
    let decomposition = Decomposition::even(&dims, &whole, &parts, ranks).expect("fits");
    let blocks = run_threads(ranks, |comm: &Comm| {
        let widths = BlockFilter::widths(metrics, polynomial, &decomposition);
        let edges = metrics.edges();
        let plan = HaloPlan::new(comm, &decomposition, widths, &[edges]).expect("a plan");
        let extent: &Extent = plan.extent();
        let block = decomposition.block(comm.rank());
        let mut own = Vec::new();
        whole.extract(map, &block, &mut own);
        let mut with_halo = vec![0.0; extent.cells()];
        extent.spread(&own, &mut with_halo);
        plan.fill(comm, &mut Parcels::default(), &mut [with_halo.as_mut_slice()]);
        let filter = BlockFilter::new(metrics, polynomial, extent, false);
        let mut out = vec![0.0; own.len()];
        filter
            .apply(&mut Scratch::default(), Numbers::F64(&with_halo), NumbersMut::F64(&mut out))
            .expect("finite");
        (block, out)
    });
    let mut all = vec![f64::NAN; map.len()];
    blocks.iter().for_each(|(block, out)| whole.insert(&mut all, block, out));
    all
}

/// The same by whole maps, straight from the definition.
fn by_definition(metrics: &Metrics, polynomial: &Polynomial, map: &[f64]) -> Vec<f64> {
    let [rows, columns] = metrics.shape();
    let value = |f: &[f64], y: i64, x: i64| metrics.beyond_map(f, [y, x]);
    let laplacian = |f: &[f64]| -> Vec<f64> {
        (0..rows * columns)
            .map(|c| {
                let (y, x) = ((c / columns) as i64, (c % columns) as i64);
                let face = |a: f64, other: f64| {
                    let flux = a * (other - f[c]);
                    if flux.is_nan() {
                        0.0
                    } else {
                        flux
                    }
                };
                let (east, north) = (&metrics.east, &metrics.north);
                let sum = face(metrics.beyond(east, Point::U, [y, x]), value(f, y, x + 1))
                    + face(metrics.beyond(east, Point::U, [y, x - 1]), value(f, y, x - 1))
                    + face(metrics.beyond(north, Point::V, [y, x]), value(f, y + 1, x))
                    + face(metrics.beyond(north, Point::V, [y - 1, x]), value(f, y - 1, x));
                if f[c].is_nan() {
                    f64::NAN
                } else {
                    sum / metrics.area.at(c / columns, c % columns, columns)
                }
            })
            .collect()
    };
    let shifted = |f: &[f64]| -> Vec<f64> {
        f.iter().zip(laplacian(f)).map(|(f, l)| -f - 2.0 / polynomial.greatest * l).collect()
    };
    let (mut before, mut now) = (map.to_vec(), shifted(map));
    let p = &polynomial.coefficients;
    let mut sum: Vec<f64> = before.iter().zip(&now).map(|(a, b)| p[0] * a + p[1] * b).collect();
    for p in &p[2..] {
        let next: Vec<f64> = shifted(&now).iter().zip(&before).map(|(a, b)| 2.0 * a - b).collect();
        sum.iter_mut().zip(&next).for_each(|(s, t)| *s += p * t);
        (before, now) = (now, next);
    }
    sum
}

impl Metrics {
    fn beyond_map(&self, f: &[f64], at: [i64; 2]) -> f64 {
        use halocline_core::halo::Source;
        match self.edges.source([1, self.rows, self.columns], [0, at[0], at[1]]) {
            Source::Cell { at: [_, y, x], .. } => f[y * self.columns + x],
            Source::Constant(v) => v,
        }
    }
}

#[test]
fn any_blocks_give_the_map_of_the_definition() {
    // The second is worked on by strips; the third is a ring with fewer columns than there are steps.
    for (edges, shape) in topologies().into_iter().flat_map(|e| [SHAPE, [7, 420], [5, 2]].map(|s| (e, s))) {
        let map = field(shape);
        for kind in 0..3 {
            let metrics = match kind {
                0 => Metrics::regular(shape, edges),
                1 => Metrics::new(shape, tables(shape), None, edges),
                _ => Metrics::new(
                    shape,
                    even_tables(shape, &map),
                    Some(Table::Rows(vec![3.0; shape[0]])),
                    edges,
                ),
            }
            .expect("metrics");
            let spacing = metrics.least_spacing();
            let target = Target { shape: Shape::Gaussian, scale: 3.0 * spacing, spacing };
            let polynomial = target.polynomial(None).expect("a polynomial");
            let expected = by_definition(&metrics, &polynomial, &map);
            let one = filtered(1, [1, 1], &metrics, &polynomial, &map);
            for (a, b) in one.iter().zip(&expected) {
                assert!(
                    (a - b).abs() < 1e-11 || (a.is_nan() && b.is_nan()),
                    "{a} {b} {edges:?} {shape:?} {kind}"
                );
            }
            for (ranks, parts) in [(2, [2, 1]), (3, [1, 3]), (4, [2, 2]), (5, [1, 2])] {
                let many = filtered(ranks, parts, &metrics, &polynomial, &map);
                assert!(
                    one.iter().zip(&many).all(|(a, b)| a.to_bits() == b.to_bits()),
                    "{parts:?} {edges:?} {shape:?} {kind}"
                );
            }
            // The integral stays.
            let integral = |f: &[f64]| -> f64 {
                let area = |c: usize| metrics.area.at(c / shape[1], c % shape[1], shape[1]);
                f.iter().enumerate().filter(|(_, v)| !v.is_nan()).map(|(c, v)| v * area(c)).sum()
            };
            let (before, after) = (integral(&map), integral(&one));
            assert!((after / before - 1.0).abs() < 1e-13, "{before} {after} {edges:?}");
        }
    }
}

#[test]
fn polynomials_follow_their_targets() {
    let cases = [
        (Shape::Gaussian, 4.0, 0.04),
        (Shape::Gaussian, 20.0, 0.04),
        (Shape::Taper { width: std::f64::consts::PI }, 6.0, 0.03),
        (Shape::Taper { width: 2.0 }, 10.0, 0.03),
        (Shape::Boxcar, 2.0, 1e-3),
        (Shape::Boxcar, 50.0, 1e-3),
    ];
    for (shape, scale, tolerance) in cases {
        let target = Target { shape, scale, spacing: 1.0 };
        let polynomial = target.polynomial(None).expect("a polynomial");
        assert_eq!(polynomial.steps() as f64, target.default_steps());
        let most = (0..=1000)
            .map(|i| (8.0 * f64::from(i) / 1000.0).sqrt())
            .map(|k| (polynomial.response(k) - target.response(k)).abs())
            .fold(0.0, f64::max);
        assert!(most < tolerance, "{shape:?} {scale}: {most}");
        assert!((polynomial.response(0.0) - 1.0).abs() < 1e-13);
        let end = target.greatest().sqrt();
        assert!((polynomial.response(end) - target.response(end)).abs() < 1e-12);
    }
}

#[test]
fn a_wave_is_damped_by_the_response() {
    let metrics = Metrics::regular(SHAPE, topologies().remove(2)).expect("metrics");
    for shape in [Shape::Gaussian, Shape::Taper { width: 3.0 }, Shape::Boxcar] {
        let target = Target { shape, scale: 5.0, spacing: 1.0 };
        let polynomial = target.polynomial(None).expect("a polynomial");
        let wave = |c: usize| (2.0 * std::f64::consts::PI * (c % SHAPE[1]) as f64 / SHAPE[1] as f64).cos();
        let map: Vec<f64> = (0..SHAPE[0] * SHAPE[1]).map(wave).collect();
        let out = filtered(1, [1, 1], &metrics, &polynomial, &map);
        // The eigenvalue of the discrete Laplacian is (2 sin(k / 2))².
        let k = 2.0 * (std::f64::consts::PI / SHAPE[1] as f64).sin();
        let factor = polynomial.response(k);
        assert!(out.iter().zip(&map).all(|(a, b)| (a - factor * b).abs() < 1e-13));
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let target = |shape, scale| Target { shape, scale, spacing: 1.0 };
    for (target, steps) in [
        (target(Shape::Gaussian, 0.0), None),
        (target(Shape::Gaussian, f64::NAN), None),
        (target(Shape::Gaussian, 1e9), None),
        (target(Shape::Gaussian, 4.0), Some(2)),
        (target(Shape::Taper { width: 1.0 }, 4.0), None),
        (target(Shape::Taper { width: 2.0 }, 0.1), None),
    ] {
        assert_eq!(target.polynomial(steps).expect_err("refused").exit_code(), 2, "{target:?}");
    }
    let edges = Edges::globe(Beyond::Missing);
    let zero = Table::Rows(vec![0.0; SHAPE[0]]);
    let one = || Table::One(1.0);
    let fold = Fold { pivot: Pivot::T, point: Point::Tracer, flips: false };
    assert!(Metrics::regular(SHAPE, Edges::tripolar(Beyond::Missing, fold)).is_err());
    assert!(Metrics::new(SHAPE, [one(), one(), zero.clone()], None, edges).is_err());
    assert!(Metrics::new(SHAPE, [one(), one(), one()], Some(zero), edges).is_err());
    assert!(Metrics::new(SHAPE, [one(), Table::Rows(vec![1.0]), one()], None, edges).is_err());
    // Infinite values.
    let metrics = Metrics::regular(SHAPE, edges).expect("metrics");
    let polynomial = target(Shape::Gaussian, 4.0).polynomial(None).expect("a polynomial");
    let dims = [Dim::new("y", SHAPE[0], Role::Y), Dim::new("x", SHAPE[1], Role::X)];
    let decomposition = Decomposition::even(&dims, &IndexBox::whole(&SHAPE), &[1, 1], 1).expect("fits");
    let extent = Extent::new(&decomposition, 0, [0; 3]).expect("an extent");
    let filter = BlockFilter::new(&metrics, &polynomial, &extent, false);
    let mut map = field(SHAPE);
    map[7] = f64::INFINITY;
    let mut out = vec![0.0; map.len()];
    let mut scratch = Scratch::default();
    assert!(filter.apply(&mut scratch, Numbers::F64(&map), NumbersMut::F64(&mut out)).is_err());
}
