//! Differences of small fields by hand.

use super::*;

fn of(a: &[f64], b: &[f64], tolerance: Tolerance) -> Differences {
    let gaps = |v: &[f64]| v.iter().map(|v| v.is_nan()).collect::<Vec<_>>();
    let mut all = Differences::default();
    let (a, b) = ((Numbers::F64(a.to_vec()), gaps(a)), (Numbers::F64(b.to_vec()), gaps(b)));
    all.add((&a.0, &a.1), (&b.0, &b.1), |i| i as u64, tolerance);
    all
}

#[test]
fn differences_are_what_they_are_called() {
    let nan = f64::NAN;
    let a = [1.0, 2.0, nan, nan, 5.0, -0.0, -1.0, 0.0];
    let b = [1.0, 2.5, nan, 4.0, nan, 0.0, 1.0, 4.0];
    let d = of(&a, &b, Tolerance { absolute: Some(2.0), ..Tolerance::default() });
    assert_eq!((d.cells, d.differing, d.beyond, d.first), (8, 6, 3, Some(1)));
    assert_eq!((d.missing_in_a, d.missing_in_b, d.signs, d.zeros), (1, 1, 1, 1));
    assert_eq!(d.absolute, Some(Extreme { size: 4.0, at: 7, a: Told::Float(0.0), b: Told::Float(4.0) }));
    assert_eq!(d.relative, Some(Extreme { size: 2.0, at: 6, a: Told::Float(-1.0), b: Told::Float(1.0) }));
}

#[test]
fn steps_of_the_last_place() {
    assert_eq!(1.0_f64.steps(1.0 + f64::EPSILON), 1);
    assert_eq!((-0.0_f64).steps(0.0), 0);
    assert_eq!((-f64::from_bits(1)).steps(f64::from_bits(2)), 3);
    assert_eq!(1.0_f32.steps(1.0 + 3.0 * f32::EPSILON), 3);
    assert_eq!((i128::from(i64::MIN)).steps(i128::from(u64::MAX)), u64::MAX);
    assert_eq!(f64::INFINITY.distance(f64::INFINITY), 0.0);
    assert!(f64::INFINITY.steps(f64::MAX) == 1);
}

#[test]
fn integers_and_floats_are_compared_as_numbers() {
    let big = (1i128 << 53) + 1;
    let rounded = 9_007_199_254_740_992.0_f64;
    assert!(!big.same(rounded) && (big - 1).same(rounded) && !3i128.same(3.5) && 0i128.same(-0.0));
    assert_eq!((big.distance(rounded), big.steps(rounded), rounded.steps(big)), (1.0, 1, 1));
    assert_eq!((3i128.distance(3.5), (-2i128).distance(-3.25)), (0.5, 1.25));
    assert_eq!(i128::from(u64::MAX).distance(2f64.powi(64)), 1.0);
    assert!(!i128::MAX.same(f64::INFINITY) && 1i128.distance(f64::NEG_INFINITY) == f64::INFINITY);
    let mut all = Differences::default();
    let (a, b) = (Numbers::Integers(vec![big, 5]), Numbers::F64(vec![rounded, 5.0]));
    all.add((&a, &[false; 2]), (&b, &[false; 2]), |i| i as u64, Tolerance::default());
    assert_eq!((all.differing, all.first), (1, Some(0)));
    assert_eq!(all.absolute.map(|e| e.a.to_string()).as_deref(), Some("9007199254740993"));
}

#[test]
fn pieces_merge_in_any_order() {
    let a: Vec<f64> = (0..60).map(|i| f64::from(i % 7)).collect();
    let b: Vec<f64> = (0..60).map(|i| f64::from(i % 5)).collect();
    let tolerance = Tolerance { relative: Some(0.5), ..Tolerance::default() };
    let whole = of(&a, &b, tolerance);
    for order in [[0usize, 1, 2], [2, 0, 1]] {
        let mut merged = Differences::default();
        for k in order {
            let mut part = Differences::default();
            let range = 20 * k..20 * k + 20;
            let none = [false; 20];
            let (x, y) = (Numbers::F64(a[range.clone()].to_vec()), Numbers::F64(b[range].to_vec()));
            part.add((&x, &none), (&y, &none), |i| (20 * k + i) as u64, tolerance);
            merged.merge(&part);
        }
        assert_eq!(merged, whole);
    }
    let infinite = of(&[f64::INFINITY], &[1.0], Tolerance::default());
    assert_eq!(infinite.relative.map(|r| r.size), Some(f64::INFINITY));
}
