use super::*;

fn run(work: &Running, values: &[f64]) -> Vec<Vec<f64>> {
    let cells = values.len() / work.steps;
    let mut out: Vec<Vec<f64>> = work.rows().iter().map(|&n| vec![f64::NAN; n * cells]).collect();
    let mut rows: Vec<Vec<&mut [f64]>> = out.iter_mut().map(|o| o.chunks_mut(cells).collect()).collect();
    work.work(&Series::of_steps(work.steps, values), &mut rows).unwrap();
    out
}

/// Each window by itself, in the plainest way.
fn plain(op: Op, window: &[f64], ddof: f64) -> f64 {
    let all: Vec<f64> = window.iter().copied().filter(|v| !v.is_nan()).collect();
    let n = all.len() as f64;
    let mean = all.iter().sum::<f64>() / n;
    let var = all.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - ddof);
    let least = all.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let value = match op {
        Op::Count => return n,
        _ if all.is_empty() => return f64::NAN,
        Op::Mean => mean,
        Op::Sum => all.iter().sum(),
        Op::Min => least,
        Op::Max => greatest,
        Op::Range => greatest - least,
        Op::Var if n > ddof => var,
        Op::Std if n > ddof => var.sqrt(),
        Op::Var | Op::Std | Op::Trend => return f64::NAN,
        Op::Rms => (all.iter().map(|v| v * v).sum::<f64>() / n).sqrt(),
    };
    value
}

#[test]
fn every_window_is_what_it_is_by_itself() {
    for (steps, window, cells) in [(1, 1, 1), (5, 5, 3), (7, 1, 2), (30, 7, 150), (100, 12, 65), (24, 23, 1)]
    {
        let values: Vec<f64> = (0..steps * cells)
            .map(|i| if i % 5 == 2 || i % cells == 1 { f64::NAN } else { ((i * 7919) % 1009) as f64 - 300.0 })
            .collect();
        for ddof in [0, 1] {
            let work = Running::new(&Running::OPS, window, steps).unwrap().ddof(ddof);
            let out = run(&work, &values);
            for (op, out) in Running::OPS.iter().zip(&out) {
                for k in 0..work.windows() {
                    for c in 0..cells {
                        let series: Vec<f64> = (k..k + window).map(|t| values[t * cells + c]).collect();
                        let (a, b) = (out[k * cells + c], plain(*op, &series, f64::from(ddof)));
                        let near = (a - b).abs() <= 1e-12 * b.abs().max(1.0) || a.is_nan() && b.is_nan();
                        assert!(near, "{op:?} {steps} {window}: {a} is not {b}");
                    }
                }
            }
        }
    }
}

#[test]
fn what_has_left_the_window_leaves_no_trace() {
    // A value that swallows all others in a sum, once.
    let mut values: Vec<f64> = (0..4000).map(|t| f64::from(t % 10)).collect();
    values[5] = 1e17;
    let work = Running::new(&[Op::Mean, Op::Var, Op::Sum], 10, 4000).unwrap();
    let out = run(&work, &values);
    assert!(out[0][6..].iter().all(|v| *v == 4.5));
    assert!(out[2][6..].iter().all(|v| *v == 45.0));
    assert!(out[1][6..].iter().all(|v| (v - 82.5 / 9.0).abs() < 1e-12));
    // And a constant has no variance, however large.
    let out = run(&Running::new(&[Op::Var], 7, 100).unwrap(), &[1.1e9; 100]);
    assert!(out[0].iter().all(|v| *v == 0.0));
}

#[test]
fn windows_need_enough_values() {
    let values = [1.0, f64::NAN, 3.0, 4.0];
    let of = |needed| run(&Running::new(&[Op::Sum], 2, 4).unwrap().missing(needed), &values).remove(0);
    assert_eq!(of(Missing::AtLeast(1)), [1.0, 3.0, 7.0]);
    let all = of(Missing::Propagate);
    assert!(all[0].is_nan() && all[1].is_nan() && all[2] == 7.0);
    assert!(Running::new(&[Op::Sum], 0, 4).is_err());
    assert_eq!(Running::new(&[Op::Sum], 5, 4).unwrap_err().exit_code(), 2);
}

#[test]
fn infinite_values_have_no_spread_wherever_they_stand() {
    let mut values = [1.0, 2.0, 4.0, 7.0, 11.0, 16.0, 22.0, 29.0, 37.0, 46.0];
    values[4] = f64::INFINITY;
    let work = Running::new(&[Op::Std, Op::Var, Op::Mean], 3, values.len()).unwrap();
    let out = run(&work, &values);
    let has = |k: usize| (2..=4).contains(&k);
    let [std, var, mean] = [0, 1, 2].map(|op: usize| &out[op]);
    assert_eq!(std.len(), 8);
    for (k, ((std, var), mean)) in std.iter().zip(var).zip(mean).enumerate() {
        assert!(std.is_nan() == has(k) && var.is_nan() == has(k) && mean.is_infinite() == has(k), "{k}");
    }
}
