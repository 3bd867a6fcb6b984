//! Filters against their equations.

use super::*;
use std::f64::consts::PI;

/// A sum of waves, a line and something that is like noise.
fn sample(steps: usize) -> Vec<f64> {
    (0..steps)
        .map(|t| {
            let t = t as f64;
            280.0
                + 0.01 * t
                + (2.0 * PI * t / 50.0).sin()
                + 0.5 * (2.0 * PI * t / 6.0).cos()
                + (t * t * 0.37).sin()
        })
        .collect()
}

fn near(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance, "{a} is not {b}");
}

fn bands() -> [Band; 5] {
    [
        Band::LowPass(0.05),
        Band::HighPass(0.2),
        Band::BandPass([0.02, 0.1]),
        // So wide that its poles are real.
        Band::BandPass([0.01, 0.45]),
        Band::LowPass(0.001),
    ]
}

#[test]
fn butterworth_has_its_response() {
    for band in bands() {
        for order in 1..=8 {
            let filter = Butterworth::new(band, order, false).unwrap();
            let poles = if matches!(band, Band::BandPass(_)) { 2 * order } else { order };
            assert_eq!(filter.sections().len(), poles.div_ceil(2), "{band:?} {order}");
            for f in [0.0, 0.001, 0.03, 0.05, 0.1, 0.2, 0.3, 0.44, 0.5] {
                let w = |f: f64| (PI * f).tan();
                let x = match band {
                    Band::LowPass(cut) => w(f) / w(cut),
                    Band::HighPass(cut) => w(cut) / w(f),
                    Band::BandPass([a, b]) => (w(f) * w(f) - w(a) * w(b)) / (w(f) * (w(b) - w(a))),
                };
                let expected = 1.0 / (1.0 + x.powi(2 * order as i32));
                near(filter.response(f).norm_sqr(), expected, 1e-10);
            }
        }
    }
}

#[test]
fn lanczos_weights_are_those_of_ncl() {
    // filwgts_lanczos(7, 0, 0.1, -999., 1.) of NCL 6.6.2, in single precision.
    let low = Lanczos::new(Band::LowPass(0.1), 3, LanczosConvention::Ncl, Ends::Missing).unwrap();
    let theirs = [0.038_324_8, 0.121_949, 0.213_174, 0.253_105];
    low.weights().iter().zip(theirs).for_each(|(a, b)| near(*a, b, 6e-7));
    let band = Lanczos::new(Band::BandPass([0.1, 0.25]), 3, LanczosConvention::Ncl, Ends::Missing).unwrap();
    let theirs = [-0.069_868_1, -0.121_949, 0.070_715_7, 0.242_202];
    band.weights().iter().zip(theirs).for_each(|(a, b)| near(*a, b, 6e-7));
    let high = Lanczos::new(Band::HighPass(0.1), 3, LanczosConvention::Ncl, Ends::Missing).unwrap();
    near(high.weights()[3], 0.746_895, 6e-7);
    near(high.response(0.0), 0.0, 1e-15);
    let duchon = Lanczos::new(Band::LowPass(0.1), 3, LanczosConvention::Duchon, Ends::Missing).unwrap();
    assert_eq!(duchon.weights()[0], 0.0);
    near(duchon.weights()[3], 0.2, 1e-15);
}

#[test]
fn windows_and_ends_are_as_they_are_said_to_be() {
    let x = sample(40);
    for (ends, convention) in [
        (Ends::Missing, LanczosConvention::Ncl),
        (Ends::Reflect, LanczosConvention::Ncl),
        (Ends::Odd, LanczosConvention::Duchon),
        (Ends::Cyclic, LanczosConvention::Duchon),
    ] {
        for band in [Band::LowPass(0.1), Band::HighPass(0.1), Band::BandPass([0.1, 0.3])] {
            let lanczos = Lanczos::new(band, 7, convention, ends).unwrap();
            let weights = lanczos.weights();
            let y = TimeFilter::new(Kernel::Lanczos(lanczos), 40).unwrap().series(&x).unwrap();
            // What does not pass the mean has lost it, whatever its weights sum to.
            let mean = if band.passes_mean() { 0.0 } else { x.iter().sum::<f64>() / 40.0 };
            let at = |i: i64| {
                let last = 39i64;
                match ends {
                    _ if (0..=last).contains(&i) => x[i as usize],
                    Ends::Missing => f64::NAN,
                    Ends::Reflect => x[if i < 0 { -i } else { 2 * last - i } as usize],
                    Ends::Odd if i < 0 => 2.0 * x[0] - x[-i as usize],
                    Ends::Odd => 2.0 * x[39] - x[(2 * last - i) as usize],
                    Ends::Cyclic => x[i.rem_euclid(40) as usize],
                }
            };
            for t in 0..40i64 {
                let expected: f64 = (-7..=7).map(|k| weights[(k + 7) as usize] * (at(t + k) - mean)).sum();
                if expected.is_nan() {
                    assert!(y[t as usize].is_nan() && !(7..33).contains(&t));
                } else {
                    near(y[t as usize], expected, 1e-11);
                }
            }
        }
    }
}

#[test]
fn a_band_of_waves_passes_with_its_phase() {
    let steps = 600;
    let wave = |period: f64| (0..steps).map(move |t| (2.0 * PI * t as f64 / period).sin());
    let x: Vec<f64> = wave(100.0).zip(wave(20.0)).zip(wave(5.0)).map(|((a, b), c)| a + b + c + 3.0).collect();
    let wanted: Vec<f64> = wave(20.0).collect();
    let band = Band::BandPass([1.0 / 40.0, 1.0 / 10.0]);
    for kernel in [
        Kernel::Lanczos(Lanczos::new(band, 120, LanczosConvention::Ncl, Ends::Missing).unwrap()),
        Kernel::Butterworth(Butterworth::new(band, 6, false).unwrap()),
        Kernel::Fourier(Fourier::new(band, 0.0, steps).unwrap()),
        Kernel::Fourier(Fourier::new(band, 0.5, steps).unwrap()),
    ] {
        let filter = TimeFilter::new(kernel, steps).unwrap();
        let y = filter.series(&x).unwrap();
        (200..400).for_each(|t| near(y[t], wanted[t], 2e-3));
        let with_mean = filter.clone().keep_mean(true).series(&x).unwrap();
        (200..400).for_each(|t| near(with_mean[t], y[t] + 3.0, 1e-9));
    }
}

#[test]
fn constants_and_lines() {
    for steps in [64, 63] {
        let constant = vec![273.15; steps];
        let line: Vec<f64> = (0..steps).map(|t| 5.0 + 0.25 * t as f64).collect();
        for band in [Band::LowPass(0.1), Band::HighPass(0.1), Band::BandPass([0.1, 0.2])] {
            for kernel in [
                Kernel::Lanczos(Lanczos::new(band, 5, LanczosConvention::Ncl, Ends::Reflect).unwrap()),
                Kernel::Butterworth(Butterworth::new(band, 3, false).unwrap()),
                Kernel::Butterworth(Butterworth::new(band, 3, true).unwrap()),
                Kernel::Fourier(Fourier::new(band, 0.3, steps).unwrap()),
            ] {
                let filter = TimeFilter::new(kernel, steps).unwrap();
                let low = band.passes_mean();
                let y = filter.series(&constant).unwrap();
                y.iter().for_each(|y| near(*y, if low { 273.15 } else { 0.0 }, 1e-11));
                let y = filter.detrend(true).series(&line).unwrap();
                y.iter().zip(&line).for_each(|(y, x)| near(*y, if low { *x } else { 0.0 }, 1e-11));
            }
        }
    }
}

#[test]
fn parts_of_a_sharp_cut_are_the_whole() {
    for steps in [100, 101] {
        let x = sample(steps);
        let mut sum = vec![0.0; steps];
        for band in [Band::LowPass(0.105), Band::BandPass([0.105, 0.215]), Band::HighPass(0.215)] {
            let kernel = Kernel::Fourier(Fourier::new(band, 0.0, steps).unwrap());
            let y = TimeFilter::new(kernel, steps).unwrap().series(&x).unwrap();
            sum.iter_mut().zip(y).for_each(|(sum, y)| *sum += y);
        }
        sum.iter().zip(&x).for_each(|(a, b)| near(*a, *b, 1e-11));
    }
    // Ends of a band belong to it.
    let edge = Fourier::new(Band::BandPass([0.1, 0.2]), 0.0, 10).unwrap();
    assert_eq!([0.0, 0.1, 0.2, 0.3].map(|f| edge.response(f)), [0.0, 1.0, 1.0, 0.0]);
    near(Fourier::new(Band::LowPass(0.1), 0.5, 10).unwrap().response(0.1), 0.5, 1e-15);
}

#[test]
fn gaps_touch_what_they_must() {
    let mut x = sample(50);
    x[20] = f64::NAN;
    let lanczos = Lanczos::new(Band::LowPass(0.1), 4, LanczosConvention::Ncl, Ends::Missing).unwrap();
    let y = TimeFilter::new(Kernel::Lanczos(lanczos), 50).unwrap().series(&x).unwrap();
    let missing: Vec<usize> = (0..50).filter(|&t| y[t].is_nan()).collect();
    assert_eq!(missing, (0..4).chain(16..25).chain(46..50).collect::<Vec<_>>());
    for kernel in [
        Kernel::Butterworth(Butterworth::new(Band::LowPass(0.1), 4, false).unwrap()),
        Kernel::Butterworth(Butterworth::new(Band::LowPass(0.1), 4, true).unwrap()),
        Kernel::Fourier(Fourier::new(Band::LowPass(0.1), 0.0, 50).unwrap()),
    ] {
        let y = TimeFilter::new(kernel, 50).unwrap().series(&x).unwrap();
        assert!(y.iter().all(|y| y.is_nan()));
    }
}

#[test]
fn what_makes_no_filter_is_refused() {
    let refused = |result: halocline_core::Result<()>, what: &str| {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(what), "{message}");
    };
    for (low, high, what) in [
        (None, None, "without ends"),
        (Some(0.5), None, "0.500000"),
        (Some(0.0), Some(0.1), "0.000000"),
        (Some(f64::NAN), None, "NaN"),
        (Some(0.2), Some(0.1), "holds nothing"),
        (Some(0.1), Some(0.1), "holds nothing"),
    ] {
        refused(Band::new(low, high).map(drop), what);
    }
    let band = Band::LowPass(0.1);
    let lanczos = |half, ends| Lanczos::new(band, half, LanczosConvention::Ncl, ends);
    refused(lanczos(0, Ends::Missing).map(drop), "half width 0");
    refused(lanczos(usize::MAX, Ends::Missing).map(drop), "half width");
    let short = |kernel, steps| TimeFilter::new(kernel, steps).map(drop);
    refused(short(Kernel::Lanczos(lanczos(5, Ends::Missing).unwrap()), 10), "need 11 times");
    refused(short(Kernel::Lanczos(lanczos(5, Ends::Odd).unwrap()), 5), "need 6 times");
    refused(Butterworth::new(band, 0, false).map(drop), "order 0");
    refused(Butterworth::new(band, 17, false).map(drop), "order 17");
    refused(short(Kernel::Butterworth(Butterworth::new(band, 4, false).unwrap()), 15), "needs 16 times");
    refused(Fourier::new(band, 1.5, 10).map(drop), "width 1.5");
    refused(Fourier::new(band, 0.0, 1).map(drop), "1 times");
}
