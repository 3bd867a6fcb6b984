use super::*;
use crate::spectra::detrend::Detrend;
use crate::spectra::each::Estimate;
use rustfft::num_complex::Complex;
use std::f64::consts::PI;

fn scales(times: usize, mother: Mother, spacing: f64) -> Scales {
    Scales::new(times, 1.0, ScaleOptions { mother, spacing, smallest: None, last: None }).unwrap()
}

fn options() -> WaveletOptions {
    WaveletOptions {
        detrend: Detrend::Constant,
        cycle: None,
        pad: None,
        lag1: None,
        power: true,
        average: None,
    }
}

fn estimate(of: &Wavelet, x: &[f64]) -> Vec<f64> {
    let mut values = vec![0.0; of.result_rows().iter().sum()];
    of.one(&mut x.to_vec(), None, &mut values, &mut of.room()).unwrap();
    values
}

fn noise(n: usize) -> Vec<f64> {
    let mut state = 3u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    (0..n).map(|_| next()).collect()
}

/// The wavelet in time, as in table 1 of the paper.
fn in_time(mother: Mother, t: f64) -> Complex<f64> {
    match mother {
        Mother::Morlet(w0) => Complex::new(0.0, w0 * t).exp() * (PI.powf(-0.25) * (-0.5 * t * t).exp()),
        Mother::Paul(4) => {
            let base = Complex::new(1.0, -t);
            base.powi(-5) * (16.0 * 24.0 / (PI * 40_320.0).sqrt())
        }
        // −d²/dt² of the Gaussian, of norm 1.
        _ => Complex::new((1.0 - t * t) * (-0.5 * t * t).exp() / (0.75 * PI.sqrt()).sqrt(), 0.0),
    }
}

#[test]
fn power_is_that_of_convolutions() {
    // Scales of several steps, so that sums over time are integrals.
    let n = 96;
    let x = noise(n);
    let mean = x.iter().sum::<f64>() / n as f64;
    for mother in [Mother::Morlet(6.0), Mother::Paul(4), Mother::Dog(2)] {
        let own = ScaleOptions { mother, spacing: 0.5, smallest: Some(12.0), last: Some(2) };
        let scales = Scales::new(n, 1.0, own).unwrap();
        let in_steps = scales.scales();
        // So many zeros that what wraps around is nothing.
        let of = Wavelet::new(scales, WaveletOptions { pad: Some(65_536), ..options() }).unwrap();
        let ours = estimate(&of, &x);
        for (j, s) in in_steps.iter().enumerate() {
            for i in (0..n).step_by(13) {
                let wave: Complex<f64> = (0..n)
                    .map(|k| in_time(mother, (k as f64 - i as f64) / s).conj() * ((x[k] - mean) / s.sqrt()))
                    .sum();
                let (ours, theirs) = (ours[j * n + i], wave.norm_sqr());
                assert!(
                    (ours - theirs).abs() < 3e-6 * (0.01 + theirs),
                    "{mother:?} {s} {i}: {ours} is not {theirs}"
                );
            }
        }
    }
}

#[test]
fn all_of_the_power_is_the_variance_but_for_the_stated_factor() {
    let n = 256;
    // Without zeros, with whole waves: nothing is lost at the ends.
    let x: Vec<f64> = (0..n)
        .map(|i| {
            let turn = 2.0 * PI * i as f64 / n as f64;
            (9.0 * turn).cos() + 0.5 * (17.0 * turn + 1.0).sin() + 2.0 * (5.0 * turn).sin()
        })
        .collect();
    for mother in [
        Mother::Morlet(6.0),
        Mother::Morlet(12.0),
        Mother::Paul(4),
        Mother::Dog(2),
        Mother::Dog(6),
        Mother::Dog(4),
    ] {
        let own = ScaleOptions { mother, spacing: 0.05, smallest: Some(0.05), last: Some(400) };
        let scales = Scales::new(n, 1.0, own).unwrap();
        let options = WaveletOptions { pad: Some(n), power: false, ..options() };
        let of = Wavelet::new(scales, options).unwrap();
        let values = estimate(&of, &x);
        let (variance, closed) = (values[802], values[803]);
        assert!((variance - 0.5 * 5.25).abs() < 1e-12);
        assert!(
            (closed / (variance * mother.closure()) - 1.0).abs() < 1e-4,
            "{mother:?}: {closed} of {variance}"
        );
    }
}

#[test]
fn means_are_those_of_the_power() {
    let (n, x) = (120, noise(120));
    let scales = scales(n, Mother::Morlet(6.0), 0.25);
    let average = scales.between([6.0, 24.0]).unwrap();
    let of =
        Wavelet::new(scales.clone(), WaveletOptions { average: Some(average.clone()), ..options() }).unwrap();
    assert_eq!((of.padded(), scales.len()), (256, 24));
    let values = estimate(&of, &x);
    let (power, rest) = values.split_at(24 * n);
    let (averaged, rest) = rest.split_at(n);
    let (global, rest) = rest.split_at(24);
    let (red, single) = rest.split_at(24);
    let in_steps = scales.scales();
    for (i, ours) in averaged.iter().enumerate() {
        let sum: f64 = average.clone().map(|j| power[j * n + i] / in_steps[j]).sum();
        assert!((ours - 0.25 / 0.776 * sum).abs() < 1e-13);
    }
    for (j, ours) in global.iter().enumerate() {
        assert!((ours - power[j * n..][..n].iter().sum::<f64>() / n as f64).abs() < 1e-14);
        let period = scales.periods()[j];
        let (alpha, phase) = (single[2], 2.0 * PI / period);
        let theirs = single[0] * (1.0 - alpha * alpha) / (1.0 + alpha * alpha - 2.0 * alpha * phase.cos());
        assert!((red[j] / theirs - 1.0).abs() < 1e-12);
    }
    // White noise has its variance at all scales.
    let middle = global[..16].iter().sum::<f64>() / 16.0;
    assert!((middle / single[0] - 1.0).abs() < 0.5, "{middle} {}", single[0]);
}

#[test]
fn cones_and_degrees_of_freedom() {
    let scales = scales(100, Mother::Morlet(6.0), 0.5);
    let cone = scales.cone();
    assert_eq!((cone.len(), cone[0], cone[99]), (100, 0.0, 0.0));
    assert!((cone[10] - 10.0 * 1.033_04 / 2f64.sqrt()).abs() < 1e-3 && cone[40] == cone[59]);
    let dof = scales.global_degrees_of_freedom().unwrap();
    let expected = 2.0 * (1.0 + ((100.0 - 2f64.sqrt() * 2.0) / (2.32 * 2.0)).powi(2)).sqrt();
    assert!((dof[0] - expected).abs() < 1e-12 && dof.windows(2).all(|w| w[0] > w[1]));
    let one = scales.average_degrees_of_freedom(3..4).unwrap();
    assert!((one - 2.0 * (1.0 + (0.5f64 / 0.6).powi(2)).sqrt()).abs() < 1e-12);
    assert!(self::scales(100, Mother::Morlet(8.0), 0.5).global_degrees_of_freedom().is_none());
    assert!((scales.local_factor(0.95) - 5.991_464_547_107_979 / 2.0).abs() < 1e-12);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let new = |times, spacing, smallest, last| {
        Scales::new(times, 1.0, ScaleOptions { mother: Mother::Dog(2), spacing, smallest, last }).map(drop)
    };
    assert!(new(4, 0.25, None, None).is_ok());
    for odd in [
        new(3, 0.25, None, None),
        new(64, 0.0, None, None),
        new(64, f64::NAN, None, None),
        new(64, 1e-9, None, None),
        new(64, 0.25, Some(0.0), None),
        new(64, 0.25, Some(f64::INFINITY), None),
        new(64, 4.0, None, Some(100)),
        new(64, 0.25, None, Some(usize::MAX)),
    ] {
        assert!(odd.is_err());
    }
    let scales = scales(64, Mother::Dog(2), 0.25);
    assert!(scales.between([1e3, 1e4]).unwrap_err().to_string().contains("--scale-average"));
    assert!(Wavelet::new(scales.clone(), WaveletOptions { pad: Some(63), ..options() }).is_err());
    assert!(Wavelet::new(scales, WaveletOptions { lag1: Some(1.0), ..options() }).is_err());
}
