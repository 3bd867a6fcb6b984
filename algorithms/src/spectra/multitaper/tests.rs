use super::*;
use crate::spectra::detrend::Detrend;
use crate::spectra::each::Estimate;
use std::f64::consts::PI;

/// Noise with memory and a line, the same at every run.
fn series(n: usize) -> Vec<f64> {
    let (mut state, mut last) = (7u64, 0.0);
    (0..n)
        .map(|i| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            last = 0.6 * last + (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
            last + 3.0 + (2.0 * PI * 0.2 * i as f64 + 0.3).cos()
        })
        .collect()
}

fn options(bandwidth: f64, results: &[MultitaperResult]) -> MultitaperOptions {
    MultitaperOptions {
        bandwidth,
        tapers: None,
        adaptive: false,
        detrend: Detrend::Constant,
        cycle: None,
        pad: None,
        results: results.to_vec(),
    }
}

fn estimate(of: &Multitaper, x: &[f64]) -> Vec<f64> {
    let mut values = vec![0.0; of.result_rows().iter().sum()];
    of.one(&mut x.to_vec(), None, &mut values, &mut of.room()).unwrap();
    values
}

/// By the definition, term by term: of each taper |Y|² and Y.
fn transforms(of: &Multitaper, x: &[f64], padded: usize) -> Vec<Vec<[f64; 2]>> {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let one = |k: usize, f: usize| {
        let each = x.iter().zip(of.dpss().taper(k)).enumerate();
        each.fold([0.0; 2], |[re, im], (i, (x, v))| {
            let angle = 2.0 * PI * ((f * i) % padded) as f64 / padded as f64;
            [re + v * (x - mean) * angle.cos(), im - v * (x - mean) * angle.sin()]
        })
    };
    (0..of.dpss().count()).map(|k| (0..of.len()).map(|f| one(k, f)).collect()).collect()
}

#[test]
fn spectra_are_those_of_the_definition() {
    for (n, pad) in [(60, None), (61, None), (50, Some(64))] {
        let x = series(n);
        let of = Multitaper::new(n, 0.5, MultitaperOptions { pad, ..options(3.0, &[]) }).unwrap();
        let (ours, y) = (estimate(&of, &x), transforms(&of, &x, pad.unwrap_or(n)));
        let ratios = of.dpss().ratios();
        for (f, ours) in ours.iter().enumerate() {
            let sides = if f == 0 || 2 * f == pad.unwrap_or(n) { 1.0 } else { 2.0 };
            let sum: f64 = ratios.iter().zip(&y).map(|(l, y)| l * (y[f][0].powi(2) + y[f][1].powi(2))).sum();
            let theirs = sides * 0.5 * sum / ratios.iter().sum::<f64>();
            assert!((ours - theirs).abs() < 1e-12 * (1.0 + theirs), "{n} {f}: {ours} is not {theirs}");
        }
        // Parseval.
        let mean = x.iter().sum::<f64>() / n as f64;
        let within = |k: usize| -> f64 {
            x.iter().zip(of.dpss().taper(k)).map(|(x, v)| (v * (x - mean)).powi(2)).sum()
        };
        let expected: f64 = ratios.iter().enumerate().map(|(k, l)| l * within(k)).sum::<f64>();
        let expected = expected / ratios.iter().sum::<f64>();
        let step = of.frequencies()[1];
        let total: f64 = ours.iter().sum::<f64>() * step;
        assert!((total / expected - 1.0).abs() < 1e-12, "{total} is not {expected}");
    }
}

#[test]
fn lines_stand_out_where_they_are() {
    let n = 200;
    let x = series(n);
    let both = [MultitaperResult::Noise, MultitaperResult::Lines];
    let of = Multitaper::new(n, 1.0, options(4.0, &both)).unwrap();
    assert_eq!(of.result_rows(), [101, 101, 1, 101, 101]);
    let values = estimate(&of, &x);
    let (ratio, amplitude) = (&values[203..304], &values[304..]);
    let best = (1..100).max_by(|&a, &b| ratio[a].total_cmp(&ratio[b])).unwrap();
    assert_eq!(best, 40);
    assert!((amplitude[40] - 1.0).abs() < 0.1, "{}", amplitude[40]);
    assert!(ratio[40] > f_limit(0.999, 7) && ratio[0].is_nan() && amplitude[100].is_nan());
    let (power, background) = (&values[..101], &values[101..202]);
    let sum = |v: &[f64]| v[1..].iter().sum::<f64>();
    assert!((sum(power) / sum(background) - 1.0).abs() < 1e-12);
}

#[test]
fn adaptive_weights_keep_what_does_not_leak() {
    let x = series(120);
    let plain = Multitaper::new(120, 1.0, options(3.0, &[])).unwrap();
    let of = Multitaper::new(120, 1.0, MultitaperOptions { adaptive: true, ..options(3.0, &[]) }).unwrap();
    assert_eq!(of.result_rows(), [61, 61]);
    let (ours, fixed) = (estimate(&of, &x), estimate(&plain, &x));
    for (f, dof) in plain.degrees_of_freedom().into_iter().enumerate() {
        assert!(ours[f] < 1.5 * fixed[f] && ours[61 + f] <= dof + 0.01, "{f}");
    }
    // Of nothing there is nothing.
    assert!(estimate(&of, &[2.0; 120])[..61].iter().all(|v| *v == 0.0));
}

#[test]
fn what_does_not_fit_is_refused() {
    let new = |times, change: &dyn Fn(&mut MultitaperOptions)| {
        let mut own = options(4.0, &[]);
        change(&mut own);
        Multitaper::new(times, 1.0, own).map(drop)
    };
    assert!(new(64, &|_| ()).is_ok());
    assert!(new(8, &|_| ()).unwrap_err().to_string().contains("bandwidth"));
    assert!(new(1, &|_| ()).is_err());
    assert!(new(64, &|o| o.tapers = Some(9)).unwrap_err().to_string().contains("tapers"));
    assert!(new(64, &|o| o.tapers = Some(0)).is_err());
    assert!(new(64, &|o| o.bandwidth = f64::INFINITY).is_err());
    assert!(new(64, &|o| o.pad = Some(63)).is_err());
    assert!(new(64, &|o| (o.tapers, o.adaptive) = (Some(1), true)).is_err());
    assert!(new(64, &|o| (o.tapers, o.results) = (Some(1), vec![MultitaperResult::Lines])).is_err());
}
