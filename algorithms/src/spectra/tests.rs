use super::*;
use halocline_core::calendar::{Calendar, Cycle, TimeAxis, TimeUnits};
use halocline_core::engine::{Series, SeriesWork};
use halocline_core::meta::{Dim, Role};
use std::f64::consts::PI;

/// Noise with memory, the same at every run.
fn noise(n: usize, seed: u64) -> Vec<f64> {
    let (mut state, mut last) = (seed, 0.0);
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            last = 0.6 * last + (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
            last
        })
        .collect()
}

fn options(window: Window, detrend: Detrend, segments: Option<(usize, f64)>) -> WelchOptions {
    WelchOptions { segments, window, detrend, cycle: None, scaling: Scaling::Density }
}

fn power(welch: &Welch, x: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; welch.len()];
    welch.power(x, &mut out, &mut welch.scratch()).unwrap();
    out
}

/// By the definition, term by term.
fn by_hand(x: &[f64], y: &[f64], window: &[f64], detrend: Detrend, segments: Segments) -> Vec<[f64; 2]> {
    let n = segments.len;
    let ready = |x: &[f64]| -> Vec<f64> {
        let mut part = x.to_vec();
        match detrend {
            Detrend::None => {}
            Detrend::Constant => {
                let mean = x.iter().sum::<f64>() / n as f64;
                part.iter_mut().for_each(|v| *v -= mean);
            }
            Detrend::Linear => {
                let (mut st, mut stt, mut sx, mut stx) = (0.0, 0.0, 0.0, 0.0);
                for (i, v) in x.iter().enumerate() {
                    let t = i as f64;
                    (st, stt, sx, stx) = (st + t, stt + t * t, sx + v, stx + t * v);
                }
                let slope = (n as f64 * stx - st * sx) / (n as f64 * stt - st * st);
                let start = (sx - slope * st) / n as f64;
                part.iter_mut().enumerate().for_each(|(i, v)| *v -= start + slope * i as f64);
            }
        }
        part.iter().zip(window).map(|(v, w)| v * w).collect()
    };
    let squares: f64 = window.iter().map(|w| w * w).sum();
    (0..=n / 2)
        .map(|k| {
            let sides = if k == 0 || 2 * k == n { 1.0 } else { 2.0 };
            let mut sum = [0.0; 2];
            for start in segments.starts() {
                let transform = |x: &[f64]| {
                    ready(&x[start..start + n]).iter().enumerate().fold([0.0; 2], |[re, im], (i, v)| {
                        let angle = 2.0 * PI * ((k * i) % n) as f64 / n as f64;
                        [re + v * angle.cos(), im - v * angle.sin()]
                    })
                };
                let ([a, b], [c, d]) = (transform(x), transform(y));
                sum = [sum[0] + a * c + b * d, sum[1] + a * d - b * c];
            }
            sum.map(|v| v * sides / squares / segments.count as f64)
        })
        .collect()
}

#[test]
fn rounding_has_no_coherence() {
    // Far from 0, so that means are not exact; frequency 0 without its mean has no power.
    let noise =
        |seed: usize| -> Vec<f64> { (0..200).map(|i| 287.3 + ((i * seed) % 101) as f64 / 101.0).collect() };
    let welch = Welch::new(200, 1.0, options(Window::Boxcar, Detrend::Constant, Some((50, 0.0)))).unwrap();
    let len = welch.len();
    let mut all = vec![0.0; 4 * len];
    welch.cross(&noise(37), &Second::Series(&noise(59)), &mut all, &mut welch.scratch()).unwrap();
    let of = |k: usize| {
        derived(CrossQuantity::Coherence, [all[k], all[len + k], all[2 * len + k], all[3 * len + k]])
    };
    assert!(all[0] == 0.0 && all[len] == 0.0 && of(0).is_nan());
    assert!((1..len).all(|k| (0.0..=1.0 + 1e-12).contains(&of(k))));
}

#[test]
fn of_a_line_nothing_is_left() {
    let mut line: Vec<f64> = (0..3650).map(|i| 287.3 - 0.1 * f64::from(i)).collect();
    let mut other = line.clone();
    other[7] += 1e-6;
    Detrend::Linear.remove(&mut line);
    Detrend::Linear.remove(&mut other);
    assert!(line.iter().all(|v| *v == 0.0) && other[7] > 9e-7);
}

#[test]
fn spectra_are_those_of_the_definition() {
    for (n, segments) in [
        (64, None),
        (61, None),
        (100, Some((16, 0.5))),
        (101, Some((15, 0.5))),
        (90, Some((30, 0.0))),
        (77, Some((16, 0.8))),
        (97, Some((80, 0.75))),
    ] {
        for detrend in [Detrend::None, Detrend::Constant, Detrend::Linear] {
            for window in [Window::Boxcar, Window::Hann, Window::Tukey(0.3), Window::Kaiser(4.0)] {
                let welch = Welch::new(n, 1.0, options(window, detrend, segments)).unwrap();
                let x: Vec<f64> =
                    noise(n, 1).iter().enumerate().map(|(i, v)| 5.0 + 0.01 * i as f64 + v).collect();
                let y = noise(n, 2);
                let weights = window.weights(welch.segments().len);
                let scale = |v: &[[f64; 2]]| v.iter().flatten().fold(0.0, |m: f64, v| m.max(v.abs()));
                let theirs = by_hand(&x, &x, &weights, detrend, welch.segments());
                for (k, (ours, theirs)) in power(&welch, &x).iter().zip(&theirs).enumerate() {
                    assert!((ours - theirs[0]).abs() < 1e-11 * theirs[0].max(1.0), "{n} {detrend:?} {k}");
                }
                let len = welch.len();
                let mut all = vec![0.0; 4 * len];
                welch.cross(&x, &Second::Series(&y), &mut all, &mut welch.scratch()).unwrap();
                let theirs = by_hand(&x, &y, &weights, detrend, welch.segments());
                for k in 0..len {
                    let near = |a: f64, b: f64| (a - b).abs() < 1e-11 * scale(&theirs).max(1.0);
                    assert!(near(all[2 * len + k], theirs[k][0]) && near(all[3 * len + k], theirs[k][1]));
                }
                // An index is a series like any other.
                let transforms = welch.transforms(&y).unwrap();
                let mut again = vec![0.0; 4 * len];
                welch.cross(&x, &Second::Transforms(&transforms), &mut again, &mut welch.scratch()).unwrap();
                assert_eq!(all, again);
            }
        }
    }
}

#[test]
fn the_density_sums_to_the_variance() {
    for (n, segment) in [(120, None), (121, None), (120, Some((40, 0.0))), (120, Some((30, 0.0)))] {
        let welch = Welch::new(n, 0.25, options(Window::Boxcar, Detrend::Constant, segment)).unwrap();
        let x = noise(n, 3);
        let parts: Vec<&[f64]> = x.chunks(welch.segments().len).collect();
        let variance = parts
            .iter()
            .map(|part| {
                let mean = part.iter().sum::<f64>() / part.len() as f64;
                part.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / part.len() as f64
            })
            .sum::<f64>()
            / parts.len() as f64;
        let spacing = welch.frequencies()[1];
        let sum = power(&welch, &x).iter().sum::<f64>() * spacing;
        assert!((sum / variance - 1.0).abs() < 1e-12, "{n}: {sum} is not {variance}");
    }
    // The power of a sine at its frequency.
    let sine: Vec<f64> = (0..128).map(|i| 3.0 * (2.0 * PI * f64::from(i) / 16.0).sin()).collect();
    for window in [Window::Boxcar, Window::Hann, Window::FlatTop] {
        let of_spectrum =
            WelchOptions { scaling: Scaling::Spectrum, ..options(window, Detrend::None, Some((64, 0.5))) };
        let welch = Welch::new(128, 1.0, of_spectrum).unwrap();
        assert!((power(&welch, &sine)[4] - 4.5).abs() < 1e-9, "{window:?}");
    }
}

#[test]
fn windows_as_scipy_has_them() {
    // Numbers 0, 1, 3 and 6 of scipy.signal.get_window(NAME, 7).
    for (name, expected) in WINDOWS {
        let window: Window = name.parse().unwrap();
        assert_eq!(window.name(), name);
        let weights = window.weights(7);
        for (i, theirs) in [0, 1, 3, 6].into_iter().zip(expected) {
            assert!((weights[i] - theirs).abs() < 1e-14, "{name} {i}: {} is not {theirs}", weights[i]);
        }
        assert_eq!(window.weights(1), [1.0]);
    }
    for odd in ["", "hanning", "tukey", "tukey:2", "tukey:x", "kaiser:-1", "kaiser:nan", "hann:1"] {
        assert!(odd.parse::<Window>().is_err(), "{odd}");
    }
}

#[test]
fn segments_fit_and_know_of_one_another() {
    let count = |times, len, overlap| Segments::new(times, len, overlap).unwrap().count;
    assert_eq!((count(3650, 256, 0.5), count(10, 10, 0.5), count(11, 4, 0.75)), (27, 1, 8));
    assert!(Segments::new(10, 11, 0.5).is_err() && Segments::new(10, 4, 1.0).is_err());
    assert!(Segments::new(10, 1, 0.0).is_err() && Segments::new(10, 4, f64::NAN).is_err());
    let boxcar = Segments::new(1000, 100, 0.0).unwrap();
    assert_eq!(boxcar.degrees_of_freedom(&Window::Boxcar.weights(100)), 20.0);
    // Hann windows that overlap by a half: 1/36 of their squared product (Welch 1967).
    let hann = Segments::new(1000, 100, 0.5).unwrap();
    let expected = 2.0 * 19.0 / (1.0 + 2.0 * (18.0 / 19.0) / 36.0);
    assert!((hann.degrees_of_freedom(&Window::Hann.weights(100)) - expected).abs() < 1e-9);
}

#[test]
fn red_noise_has_the_power_of_the_spectrum() {
    for n in [64, 65] {
        let welch = Welch::new(n, 1.0, options(Window::Boxcar, Detrend::Constant, None)).unwrap();
        let spectrum = power(&welch, &noise(n, 5));
        let mut background = vec![0.0; welch.len()];
        red_noise(&welch, 0.6, &spectrum, &mut background);
        let sum = |v: &[f64]| v[1..].iter().sum::<f64>();
        assert!((sum(&background) / sum(&spectrum) - 1.0).abs() < 1e-12);
        // The ratio of two frequencies is that of the theory.
        let theory = |k: usize| 1.0 / (1.0 + 0.36 - 1.2 * (2.0 * PI * k as f64 / n as f64).cos());
        assert!((background[2] / background[9] / (theory(2) / theory(9)) - 1.0).abs() < 1e-12);
    }
    let long = noise(20_000, 7);
    assert!((lag1_autocorrelation(&long) - 0.6).abs() < 0.02);
    assert!(lag1_autocorrelation(&[2.0; 9]).is_nan());
    let factors = significance_factors(0.95, &[1.0, 2.0, 2.0]);
    assert!((factors[1] - 2.995_732_273_553_991).abs() < 1e-12 && factors[1] == factors[2]);
    assert!((coherence_limit(0.95, 12.0) - (1.0 - 0.05f64.powf(0.2))).abs() < 1e-15);
    assert!(coherence_limit(0.95, 2.0).is_nan());
}

#[test]
fn a_quarter_of_a_period_ahead_is_a_positive_phase() {
    let n = 240;
    let wave =
        |lead: f64| -> Vec<f64> { (0..n).map(|i| (2.0 * PI * (f64::from(i) + lead) / 24.0).cos()).collect() };
    let welch =
        Welch::new(n as usize, 1.0, options(Window::Hann, Detrend::Constant, Some((48, 0.5)))).unwrap();
    let mut all = vec![0.0; 4 * welch.len()];
    welch.cross(&wave(0.0), &Second::Series(&wave(6.0)), &mut all, &mut welch.scratch()).unwrap();
    let at = |row: usize| all[row * welch.len() + 2];
    let four = [at(0), at(1), at(2), at(3)];
    assert!((derived(CrossQuantity::Phase, four) - PI / 2.0).abs() < 1e-10);
    assert!((derived(CrossQuantity::Coherence, four) - 1.0).abs() < 1e-10);
    assert!((derived(CrossQuantity::Gain, four) - 1.0).abs() < 1e-10);
    assert!(derived(CrossQuantity::Coherence, [0.0; 4]).is_nan());
    assert!(derived(CrossQuantity::Phase, [0.0, 1.0, 0.0, 0.0]).is_nan());
}

fn axis(units: &str, calendar: Calendar, values: Vec<f64>) -> TimeAxis {
    TimeAxis::new(TimeUnits::parse(units, calendar).unwrap(), values).unwrap()
}

#[test]
fn steps_are_even_or_of_months() {
    let days = "days since 2001-01-01";
    let of = |calendar, values| Sampling::of(&axis(days, calendar, values));
    assert_eq!(of(Calendar::Standard, vec![0.5, 1.5, 2.5]).unwrap().days, 1.0);
    let months = vec![15.5, 45.0, 74.5, 105.0];
    let found = of(Calendar::Standard, months.clone()).unwrap();
    assert_eq!((found.days, found.months), (30.436_875, Some(1)));
    assert_eq!(of(Calendar::NoLeap, months).unwrap().days, 365.0 / 12.0);
    // Even steps of about a month are months; of 30 days, in a calendar of other months, they are not.
    let even = |step: f64| (0..24).map(|i| 15.0 + step * f64::from(i)).collect::<Vec<f64>>();
    assert_eq!(of(Calendar::Standard, even(30.4375)).unwrap().months, Some(1));
    assert_eq!(of(Calendar::Standard, even(30.0)[..4].to_vec()).unwrap().days, 30.0);
    assert_eq!(of(Calendar::Day360, vec![15.0, 45.0, 75.0]).unwrap().days, 30.0);
    assert_eq!(of(Calendar::Standard, vec![0.0, 365.0, 730.0, 1095.0, 1461.0]).unwrap().days, 365.2425);
    let gap = of(Calendar::Standard, vec![0.0, 1.0, 2.0, 4.0, 5.0]).unwrap_err().to_string();
    assert!(gap.contains("(steps 2 and 3) it is 2.000000 days, elsewhere 1.000000"), "{gap}");
    assert!(of(Calendar::Standard, vec![0.0]).is_err() && of(Calendar::Standard, Vec::new()).is_err());
    assert_eq!(Sampling::mean_of(&axis(days, Calendar::Standard, vec![0.0, 1.0, 4.0])).unwrap().days, 2.0);
}

#[test]
fn the_annual_cycle_goes_and_leaves_the_rest() {
    let times: Vec<f64> = (0..60).map(|m| 15.0 + 30.0 * f64::from(m)).collect();
    let axis = axis("days since 2001-01-01", Calendar::Day360, times);
    let cycle = AnnualCycle::new(&axis, Cycle::Month);
    let rest = noise(60, 11);
    let mut x: Vec<f64> = rest.iter().enumerate().map(|(t, v)| 280.0 + (t % 12) as f64 + v).collect();
    let welch = Welch::new(
        60,
        1.0,
        WelchOptions { cycle: Some(cycle), ..options(Window::Boxcar, Detrend::None, None) },
    )
    .unwrap();
    welch.remove_cycle(&mut x, &mut welch.scratch());
    for month in 0..12 {
        let mean = (0..5).map(|y| rest[12 * y + month]).sum::<f64>() / 5.0;
        for y in 0..5 {
            assert!((x[12 * y + month] - (rest[12 * y + month] - mean)).abs() < 1e-12);
        }
    }
}

#[test]
fn work_on_cells_is_that_on_one_and_gaps_are_counted() {
    let (times, cells) = (50, 40);
    let dims = [Dim::new("time", times, Role::Time), Dim::new("x", cells, Role::X)];
    let series: Vec<Vec<f64>> = (0..cells).map(|c| noise(times, c as u64)).collect();
    let mut values: Vec<f64> = (0..times * cells).map(|i| series[i % cells][i / cells]).collect();
    for t in 0..times {
        values[t * cells + 3] = f64::NAN;
    }
    values[7 * cells + 5] = f64::NAN;
    values[9 * cells + 20] = f64::NAN;
    let welch = Welch::new(times, 1.0, options(Window::Hann, Detrend::Constant, Some((16, 0.5)))).unwrap();
    let work = PowerSpectra::new(welch, &dims, true);
    let mut room: Vec<Vec<Vec<f64>>> =
        work.rows().iter().map(|&rows| vec![vec![f64::NAN; cells]; rows]).collect();
    let mut rows: Vec<Vec<&mut [f64]>> =
        room.iter_mut().map(|r| r.iter_mut().map(Vec::as_mut_slice).collect()).collect();
    work.work(&Series::of_steps(times, &values), &mut rows).unwrap();
    for cell in 0..cells {
        let alone = power(work.welch(), &series[cell]);
        for (k, v) in alone.iter().enumerate() {
            let ours = room[0][k][cell];
            assert!(if [3, 5, 20].contains(&cell) { ours.is_nan() } else { ours == *v });
        }
    }
    let survey = work.survey();
    assert_eq!((survey.complete, survey.empty, survey.gappy), (37, 1, 2));
    assert_eq!(survey.first_gap, Some((5, 7)));
    let place = |cell: usize, time: usize| format!("at {cell}, {time}");
    assert!(survey.check(GapRule::Drop, &place).is_ok());
    let message = survey.check(GapRule::Refuse, &place).unwrap_err().to_string();
    assert!(message.contains("2 of 39 series") && message.contains("at 5, 7"), "{message}");
}

/// Made by `scipy.signal.get_window`.
const WINDOWS: [(&str, [f64; 4]); 11] = [
    ("boxcar", [1.0, 1.0, 1.0, 1.0]),
    ("hann", [0.0, 0.188_255_099_070_633_26, 0.950_484_433_951_209_5, 0.188_255_099_070_633_26]),
    (
        "hamming",
        [
            0.080_000_000_000_000_07,
            0.253_194_691_144_982_66,
            0.954_445_679_235_112_8,
            0.253_194_691_144_982_66,
        ],
    ),
    (
        "blackman",
        [
            -1.387_778_780_781_445_7e-17,
            0.090_453_424_354_128_08,
            0.920_363_618_099_908_2,
            0.090_453_424_354_128_08,
        ],
    ),
    (
        "blackmanharris",
        [
            6.000_000_000_000_102_5e-05,
            0.033_391_723_478_151_2,
            0.889_369_772_223_283_8,
            0.033_391_723_478_151_2,
        ],
    ),
    (
        "nuttall",
        [
            0.000_362_800_000_000_038_1,
            0.037_775_768_953_520_28,
            0.891_851_861_077_660_3,
            0.037_775_768_953_520_28,
        ],
    ),
    (
        "flattop",
        [
            -0.000_421_051_000_000_001_3,
            -0.036_840_781_154_923_49,
            0.780_873_914_938_77,
            -0.036_840_781_154_923_49,
        ],
    ),
    ("bartlett", [0.0, 0.285_714_285_714_285_7, 0.857_142_857_142_857_1, 0.285_714_285_714_285_8]),
    (
        "cosine",
        [0.195_090_322_016_128_25, 0.555_570_233_019_602_2, 0.980_785_280_403_230_4, 0.555_570_233_019_602_2],
    ),
    ("tukey:0.4", [0.0, 0.811_744_900_929_366_8, 1.0, 0.811_744_900_929_366_9]),
    (
        "kaiser:8.5",
        [
            0.001_463_781_807_053_877,
            0.093_923_484_906_272_71,
            0.921_408_338_646_257_5,
            0.093_923_484_906_272_71,
        ],
    ),
];

#[test]
fn of_what_does_not_vary_nothing_is_left() {
    // Neither the sum nor the mean of so many is exact.
    for detrend in [Detrend::Constant, Detrend::Linear] {
        let mut x = vec![271.35; 97];
        detrend.remove(&mut x);
        assert!(x.iter().all(|v| *v == 0.0), "{detrend:?}");
    }
}

#[test]
fn shares_are_those_of_decimal_numbers() {
    for (overlap, len, step) in [(0.58, 50, 21), (0.29, 100, 71), (0.57, 100, 43), (0.5, 5, 3), (0.0, 7, 7)] {
        let two = Segments::new(len + step, len, overlap).expect("two segments");
        assert_eq!(two.starts().count(), 2, "{overlap} of {len}");
        assert!(Segments::new(len + step - 1, len, overlap).is_ok_and(|one| one.starts().count() == 1));
    }
}

#[test]
fn small_variations_about_a_large_value_are_not_rounding() {
    // Exact lines, however long, leave nothing; some units in the last place of an offset do.
    for n in [12, 400, 100_000] {
        let mut line: Vec<f64> = (0..n).map(|i| 1e5 + 0.3 * f64::from(i)).collect();
        Detrend::Linear.remove(&mut line);
        assert!(line.iter().all(|v| *v == 0.0), "{n}");
        let small: Vec<f64> = noise(n as usize, 3).iter().map(|v| 4e-8 * v).collect();
        let about: Vec<f64> = small.iter().map(|v| 1e5 + v).collect();
        let rounded: Vec<f64> = about.iter().map(|v| v - 1e5).collect();
        for detrend in [Detrend::Constant, Detrend::Linear] {
            let (mut a, mut b) = (about.clone(), rounded.clone());
            detrend.remove(&mut a);
            detrend.remove(&mut b);
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-22), "{n} {detrend:?}");
            assert!(a.iter().any(|v| v.abs() > 2e-10));
        }
    }
}
