use super::super::tests::{run, Memory};
use super::super::{Groups, Missing, Op, Quantity, Reduction, Rules, Weights};
use halocline_core::meta::Role;

/// Slope, intercept, standard error and effective size by their definitions.
fn plainly(t: &[f64], x: &[f64]) -> [f64; 4] {
    let valid: Vec<usize> = (0..x.len()).filter(|&i| !x[i].is_nan()).collect();
    let n = valid.len() as f64;
    // Exact, so that what doubles lose of large numbers is lost nowhere else.
    let start = x[valid[0]];
    let x: Vec<f64> = x.iter().map(|v| v - start).collect();
    let x = x.as_slice();
    let mean = |v: &[f64]| valid.iter().map(|&i| v[i]).sum::<f64>() / n;
    let (tm, xm) = (mean(t), mean(x));
    let spread: f64 = valid.iter().map(|&i| (t[i] - tm).powi(2)).sum();
    let slope = valid.iter().map(|&i| (t[i] - tm) * (x[i] - xm)).sum::<f64>() / spread;
    let e: Vec<f64> = (0..x.len()).map(|i| x[i] - xm - slope * (t[i] - tm)).collect();
    let left: f64 = valid.iter().map(|&i| e[i] * e[i]).sum();
    let pairs: Vec<f64> = (1..x.len()).map(|i| e[i] * e[i - 1]).filter(|p| !p.is_nan()).collect();
    let r = pairs.iter().sum::<f64>() / left * (n - 1.0) / pairs.len() as f64;
    let size = (n * (1.0 - r) / (1.0 + r)).min(n);
    [slope, start + xm + slope * (t[0] - tm), (left / (size - 2.0) / spread).sqrt(), size]
}

#[test]
fn lines_and_residuals_over_tiles_and_gaps() {
    // Two tiles and a bit in one state; three states.
    lines_and_residuals(150);
    lines_and_residuals(600);
}

fn lines_and_residuals(steps: usize) {
    // Unequal steps, red noise on a trend far from zero.
    let times: Vec<f64> = (0..steps).map(|i| 1e4 + 30.0 * i as f64 + (i % 3) as f64).collect();
    let shape = [steps, 1, 21];
    let mut noise = [0.0f64; 21];
    let mut values = Vec::new();
    let mut seed = 12_345u64;
    for (t, time) in times.iter().enumerate() {
        for (c, e) in noise.iter_mut().enumerate() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *e = 0.6 * *e + (seed >> 40) as f64 / 2f64.powi(24) - 0.5;
            let gap =
                c % 4 == 1 && t % 7 == 3 || c == 5 && (60..70).contains(&t) || c == 6 && t < steps / 2 + 5;
            let offset = [0.0, 300.0, 1e7][c % 3];
            values.push(if gap || c == 20 { f64::NAN } else { offset + *e + 1e-3 * c as f64 * time / 30.0 });
        }
    }
    let source = Memory::new(&shape, false, &[1, 1, 21], |at| values[at[0] * 21 + at[2]]);
    let ops = [Op::Trend];
    let dims = &source.variable.dims;
    let fold =
        Reduction::new(dims, &[Role::Time], &ops, Groups::all(steps), Weights::default(), times.clone())
            .unwrap();
    let rules = Rules { missing: Missing::Skip, ddof: 1, cells: 1 };
    let wanted = [
        Quantity::Slope,
        Quantity::Intercept,
        Quantity::SlopeError,
        Quantity::EffectiveSize,
        Quantity::PValue,
    ];
    let got = run(&source, &fold, &wanted, &rules);
    for c in 0..20 {
        let series: Vec<f64> = (0..steps).map(|t| values[t * 21 + c]).collect();
        // What doubles lose of 1e7 is lost before any sum.
        let tolerance = 1e-10;
        for (k, expected) in plainly(&times, &series).into_iter().enumerate() {
            let near = (got[k][c] - expected).abs() <= tolerance * expected.abs().max(1e-7);
            assert!(near, "cell {c}, {:?}: {} is not {expected}", wanted[k], got[k][c]);
        }
        assert!((0.0..=1.0).contains(&got[4][c]));
    }
    assert!(got.iter().all(|all| all[20].is_nan()));
}

#[test]
fn a_perfect_line_has_no_error() {
    let times: Vec<f64> = (0..90).map(f64::from).collect();
    let source = Memory::new(&[90, 1, 2], true, &[1, 1, 2], |at| 5.0 + 0.25 * at[0] as f64 * at[2] as f64);
    let dims = &source.variable.dims;
    let fold = Reduction::new(dims, &[Role::Time], &[Op::Trend], Groups::all(90), Weights::default(), times)
        .unwrap();
    let rules = Rules { missing: Missing::Skip, ddof: 1, cells: 1 };
    let got = run(&source, &fold, Op::Trend.quantities(), &rules);
    assert_eq!(got[0], [0.0, 0.25]);
    assert_eq!(got[1], [5.0, 5.0]);
    assert_eq!(got[2], [0.0, 0.0]);
    assert_eq!(got[3], [1.0, 0.0]);
    assert_eq!(got[4], [90.0, 90.0]);
}

#[test]
fn series_that_end_early_keep_their_digits() {
    // Hourly, in days: no binary numbers. Cell c has values up to step `ENDS[c]`, or from a step on.
    const ENDS: [usize; 7] = [2, 3, 5, 10, 20, 40, 256];
    let times: Vec<f64> = (0..256).map(|i| f64::from(i) / 24.0).collect();
    let noise =
        |t: usize, c: usize| 1e-3 * (((t * t * 31 + t * 7919 + c * 104_729) % 1009) as f64 / 1009.0 - 0.5);
    let value = |t: usize, c: usize| match c {
        7 if t < 100 || t == 130 || t > 200 => f64::NAN,
        8 if (20..250).contains(&t) => f64::NAN,
        _ if c < 7 && t >= ENDS[c] => f64::NAN,
        _ => 280.0 + 3.0 * times[t] + noise(t, c),
    };
    let source = Memory::new(&[256, 1, 9], false, &[1, 1, 9], |at| value(at[0], at[2]));
    let dims = &source.variable.dims;
    let fold = Reduction::new(
        dims,
        &[Role::Time],
        &[Op::Trend],
        Groups::all(256),
        Weights::default(),
        times.clone(),
    )
    .unwrap();
    let rules = Rules { missing: Missing::Skip, ddof: 1, cells: 1 };
    let wanted = [Quantity::Slope, Quantity::SlopeError, Quantity::EffectiveSize];
    let got = run(&source, &fold, &wanted, &rules);
    let of = |quantity: usize, c: usize| got[quantity][c];
    for c in 0..9 {
        let series: Vec<f64> = (0..256).map(|t| value(t, c)).collect();
        let [slope, _, error, size] = plainly(&times, &series);
        assert!((of(0, c) - slope).abs() <= 1e-11 * slope.abs(), "cell {c}: {} is not {slope}", of(0, c));
        // Of two values, the line has no residuals.
        if c > 0 {
            assert!((of(1, c) - error).abs() <= 1e-3 * error, "cell {c}: {} is not {error}", of(1, c));
            assert!((of(2, c) - size).abs() <= 1e-3 * size, "cell {c}: {} is not {size}", of(2, c));
        }
    }
}

#[test]
fn infinite_values_are_on_no_line() {
    let source = Memory::new(&[12, 1, 2], false, &[1, 1, 2], |at| match at {
        [5, _, 1] => f64::INFINITY,
        [t, ..] => *t as f64,
        [] => f64::NAN,
    });
    let times: Vec<f64> = (0..12).map(f64::from).collect();
    let dims = &source.variable.dims;
    let groups = Groups::all(12);
    let fold = Reduction::new(dims, &[Role::Time], &[Op::Trend], groups, Weights::default(), times).unwrap();
    let rules = Rules { missing: Missing::Skip, ddof: 1, cells: 1 };
    let wanted = [Quantity::Slope, Quantity::SlopeError, Quantity::PValue, Quantity::EffectiveSize];
    let got = run(&source, &fold, &wanted, &rules);
    assert!(got.iter().all(|of| of[1].is_nan() && !of[0].is_nan()), "{got:?}");
}
