//! The EOF analysis against analytic cases, on every group of ranks.

#![allow(clippy::needless_range_loop)] // k, t, c are modes, times and cells

use crate::fields::{filled, variable};
use crate::Test;
use halocline_algorithms::eof::{
    analyse, Anomaly, Covariance, Eof, EofInput, EofOptions, EofScaling, Modes, PcScaling, Randomized, Solver,
};
use halocline_core::comm::Comm;
use halocline_core::engine::Engine;
use halocline_core::tiling::Tiling;
use halocline_core::Result;
use std::f64::consts::PI;
use std::sync::Arc;

pub(crate) fn all() -> Vec<Test> {
    vec![
        ("standing waves come back with their variances, by either covariance", standing_waves),
        ("every scaling follows from the singular value decomposition", scalings),
        ("all modes rebuild the anomaly and hold all of its variance", reconstruction),
        ("a trend and a monthly cycle are removed whole", trend_and_cycle),
        ("bad data are refused on every rank alike", refusals),
        ("randomized modes lie within their bounds, and are refused as exact ones are", randomized),
    ]
}

fn run(
    comm: &Comm,
    shape: (usize, usize, usize),
    weights: &[f64],
    options: &EofOptions,
    value: impl Fn([usize; 3]) -> f64,
) -> Result<Eof> {
    let variable = variable(shape.0, shape.1, shape.2);
    let tiling = Tiling::series(&variable.dims);
    let deal = Arc::new(tiling.deal(comm.size(), &[]).expect("deals"));
    let field = filled(&variable, &deal, comm.rank(), value);
    let months: Vec<u8> = (0..shape.0).map(|t| (t % 12 + 1) as u8).collect();
    let locate = |cell: usize, time: usize| format!("at cell {cell}, time {time}");
    let input = EofInput { weights, months: &months, locate: &locate, ..EofInput::default() };
    analyse(&Engine::new(comm), &field, &tiling, &input, options)
}

/// The whole map of mode `k`, on every rank.
fn map(comm: &Comm, eof: &Eof, k: usize) -> Vec<f64> {
    let mut own = Vec::new();
    for part in eof.fields[0].eofs.iter().filter(|part| !part.block.is_empty()) {
        let mut values = Vec::new();
        part.block.extract(&part.values, &part.block.with_range(0, k..k + 1), &mut values);
        let ranges = part.block.ranges()[1..].iter().flat_map(|r| [r.start as f64, r.end as f64]);
        own.push(ranges.chain(values).collect::<Vec<f64>>());
    }
    let parts: Vec<Vec<f64>> = Engine::new(comm).gather(&own).expect("gathers").concat();
    let end = |at: usize| parts.iter().map(|p| p[at] as usize).max().unwrap_or(0);
    let (ny, nx) = (end(1), end(3));
    let mut whole = vec![f64::NAN; ny * nx];
    for part in parts {
        let mut values = part[4..].iter();
        for y in part[0] as usize..part[1] as usize {
            for x in part[2] as usize..part[3] as usize {
                whole[y * nx + x] = *values.next().expect("one value a cell");
            }
        }
    }
    whole
}

/// Two orthogonal waves with amplitudes 3 and 1; a strip of land.
fn waves(shape: (usize, usize, usize)) -> impl Fn([usize; 3]) -> f64 {
    move |[t, y, x]| {
        if y == 2 {
            return f64::NAN;
        }
        let (phase, place) = (2.0 * PI * t as f64 / shape.0 as f64, 2.0 * PI * x as f64 / shape.2 as f64);
        5.0 + 3.0 * phase.cos() * place.cos() + (2.0 * phase).sin() * place.sin()
    }
}

fn standing_waves(comm: &Comm) {
    for (shape, covariance) in [((24, 7, 40), Covariance::Temporal), ((600, 7, 13), Covariance::Spatial)] {
        let options = EofOptions { modes: Modes::Exactly(2), ..EofOptions::default() };
        let eof = run(comm, shape, &[], &options, waves(shape)).expect("well posed");
        assert_eq!(eof.covariance, covariance);
        let cells = (6 * shape.2) as f64;
        let scale = shape.0 as f64 / (shape.0 as f64 - 1.0);
        for (k, amplitude) in [3.0f64, 1.0].into_iter().enumerate() {
            // Σ over cells of a² cos² = a² cells / 2, the mean square in time is a half of that.
            let expected = amplitude * amplitude * cells / 4.0 * scale;
            assert!((eof.eigenvalues[k] / expected - 1.0).abs() < 1e-12, "{} {expected}", eof.eigenvalues[k]);
            let north = eof.eigenvalues[k] * (2.0 / shape.0 as f64).sqrt();
            assert!((eof.north_error[k] - north).abs() < 1e-12 * north);
        }
        assert!((eof.variance_fraction[0] - 0.9).abs() < 1e-12);
        let first = map(comm, &eof, 0);
        assert!(first[2 * shape.2..3 * shape.2].iter().all(|v| v.is_nan()), "land stays land");
        let top = first.iter().copied().filter(|v| !v.is_nan()).fold(0.0, f64::max);
        assert!((top - first[0]).abs() < 1e-10, "the largest entry is positive");
    }
}

fn noise([t, y, x]: [usize; 3]) -> f64 {
    let mixed = (t * 7919 + y * 104_729 + x * 1_299_709 + t * y * 31 + t * x * 17 + t * t * 13) % 10_007;
    mixed as f64 / 1000.0 + (0.3 * t as f64 + 0.5 * x as f64).sin() * 3.0
}

fn scalings(comm: &Comm) {
    let shape = (15, 6, 9);
    let weights: Vec<f64> = (0..54).map(|c| 0.5 + 0.01 * f64::from(c)).collect();
    let with = |pc_scaling, eof_scaling| {
        let options =
            EofOptions { modes: Modes::Exactly(3), pc_scaling, eof_scaling, ..EofOptions::default() };
        run(comm, shape, &weights, &options, noise).expect("well posed")
    };
    let unit = with(PcScaling::Raw, EofScaling::UnitNorm);
    let raw: Vec<Vec<f64>> = (0..3).map(|k| map(comm, &unit, k)).collect();
    for k in 0..3 {
        for l in 0..3 {
            let dot: f64 = raw[k].iter().zip(&raw[l]).map(|(a, b)| a * b).sum();
            assert!((dot - f64::from(u8::from(k == l))).abs() < 1e-12);
            let dot: f64 = (0..15).map(|t| unit.pcs[t * 3 + k] * unit.pcs[t * 3 + l]).sum();
            let expected = if k == l { 14.0 * unit.eigenvalues[k] } else { 0.0 };
            assert!((dot - expected).abs() < 1e-10 * unit.eigenvalues[0] * 14.0);
        }
        let largest = raw[k].iter().copied().fold(0.0f64, |m, v| if v.abs() > m.abs() { v } else { m });
        assert!(largest > 0.0);
    }
    for (pc, eof, power) in [
        (PcScaling::UnitVariance, EofScaling::Divided, -0.5),
        (PcScaling::Multiplied, EofScaling::Multiplied, 0.5),
    ] {
        let scaled = with(pc, eof);
        for k in 0..3 {
            let factor = unit.eigenvalues[k].powf(power);
            for (a, b) in map(comm, &scaled, k).iter().zip(&raw[k]) {
                assert!((a - b * factor).abs() < 1e-12 * factor);
            }
            for t in 0..15 {
                let expected = unit.pcs[t * 3 + k] * factor;
                assert!((scaled.pcs[t * 3 + k] - expected).abs() < 1e-12 * expected.abs().max(1.0));
            }
        }
    }
    let covariance = with(PcScaling::UnitVariance, EofScaling::Covariance);
    for k in 0..3 {
        for (c, v) in map(comm, &covariance, k).iter().enumerate() {
            let expected = raw[k][c] * unit.eigenvalues[k].sqrt() / weights[c];
            assert!((v - expected).abs() < 1e-11, "{v} {expected}");
        }
    }
    let correlation = with(PcScaling::UnitVariance, EofScaling::Correlation);
    for k in 0..3 {
        for (c, v) in map(comm, &correlation, k).iter().enumerate() {
            let (y, x) = (c / 9, c % 9);
            let mean = (0..15).map(|t| noise([t, y, x])).sum::<f64>() / 15.0;
            let deviation = ((0..15).map(|t| (noise([t, y, x]) - mean).powi(2)).sum::<f64>() / 14.0).sqrt();
            let expected = raw[k][c] * unit.eigenvalues[k].sqrt() / weights[c] / deviation;
            assert!((v - expected).abs() < 1e-11, "{v} {expected}");
        }
    }
}

fn reconstruction(comm: &Comm) {
    for shape in [(13, 5, 8), (60, 3, 4)] {
        let modes = (shape.0 - 1).min(shape.1 * shape.2);
        let options = EofOptions { modes: Modes::Exactly(modes), ..EofOptions::default() };
        let eof = run(comm, shape, &[], &options, noise).expect("well posed");
        let sum: f64 = eof.variance_fraction.iter().sum();
        assert!((sum - 1.0).abs() < 1e-12);
        let maps: Vec<Vec<f64>> = (0..modes).map(|k| map(comm, &eof, k)).collect();
        for c in 0..shape.1 * shape.2 {
            let (y, x) = (c / shape.2, c % shape.2);
            let mean = (0..shape.0).map(|t| noise([t, y, x])).sum::<f64>() / shape.0 as f64;
            for t in 0..shape.0 {
                let rebuilt: f64 = (0..modes).map(|k| eof.pcs[t * modes + k] * maps[k][c]).sum();
                assert!((rebuilt - (noise([t, y, x]) - mean)).abs() < 1e-9);
            }
        }
    }
}

fn trend_and_cycle(comm: &Comm) {
    let shape = (48, 4, 10);
    let wave = waves(shape);
    let options = EofOptions {
        modes: Modes::Exactly(1),
        anomaly: Anomaly::Climatology,
        detrend: true,
        standardize: true,
        eof_scaling: EofScaling::Correlation,
        ..EofOptions::default()
    };
    // A wave of period 7 months on a large seasonal cycle; its own cycle part is small.
    let value = |[t, y, x]: [usize; 3]| {
        if wave([0, y, x]).is_nan() {
            return f64::NAN;
        }
        100.0 * ((t % 12) as f64).sin() + (2.0 * PI * t as f64 / 7.0).cos() * (1.0 + x as f64)
    };
    let eof = run(comm, shape, &[], &options, value).expect("well posed");
    // All cells carry the same standardized series.
    assert!((eof.variance_fraction[0] - 1.0).abs() < 1e-10);
    assert!((eof.total_variance - 30.0).abs() < 1e-10, "one for each of 30 cells: {}", eof.total_variance);
    assert!(map(comm, &eof, 0).iter().filter(|v| !v.is_nan()).all(|v| (v - 1.0).abs() < 1e-10));
}

fn refusals(comm: &Comm) {
    let shape = (12, 6, 5);
    let options = EofOptions { modes: Modes::Exactly(2), ..EofOptions::default() };
    let refuse = |options: &EofOptions, value: &dyn Fn([usize; 3]) -> f64| {
        run(comm, shape, &[], options, value).expect_err("refused")
    };
    let gap = refuse(&options, &|at| if at == [3, 4, 1] { f64::NAN } else { noise(at) });
    assert_eq!(gap.exit_code(), 3);
    assert!(gap.message.contains("1 of 30 cells") && gap.message.contains("cell 21, time 3"), "{gap}");
    assert!(gap.remedy.is_some());
    let infinite = refuse(&options, &|at| if at == [2, 5, 4] { f64::INFINITY } else { noise(at) });
    assert!(
        infinite.message.contains("infinite") && infinite.message.contains("cell 29, time 2"),
        "{infinite}"
    );
    let missing = refuse(&options, &|_| f64::NAN);
    assert!(missing.message.contains("all values are missing"), "{missing}");
    let flat = refuse(&options, &|[_, y, x]| 273.15 + 0.1 * (y * x) as f64);
    assert!(flat.message.contains("no variance"), "{flat}");
    let many = refuse(&EofOptions { modes: Modes::Exactly(12), ..options.clone() }, &noise);
    assert_eq!(many.exit_code(), 2);
    let wave = waves(shape);
    let rank = refuse(&EofOptions { modes: Modes::Exactly(4), ..options.clone() }, &wave);
    assert!(rank.exit_code() == 2 && rank.message.contains("only 2 have variance"), "{rank}");
    // Unless a number is asked for, there are as many as there are.
    let default = EofOptions::default();
    assert_eq!(run(comm, shape, &[], &default, &wave).expect("two modes").eigenvalues.len(), 2);
    assert_eq!(run(comm, (4, 6, 5), &[], &default, noise).expect("three modes").eigenvalues.len(), 3);
    let few = run(comm, (1, 6, 5), &[], &options, noise).expect_err("one time");
    assert!(few.message.contains("at least two times"), "{few}");
}

fn randomized(comm: &Comm) {
    let shape = (40, 6, 9);
    let weights: Vec<f64> = (0..54).map(|c| 0.5 + 0.01 * f64::from(c)).collect();
    for tolerance in [0.1, 1e-3, 1e-7] {
        let exact = EofOptions { modes: Modes::Exactly(3), ..EofOptions::default() };
        let solver = Solver::Randomized(Randomized { tolerance, seed: 3 });
        let rough = EofOptions { solver, ..exact.clone() };
        let exact = run(comm, shape, &weights, &exact, noise).expect("exact");
        let eof = run(comm, shape, &weights, &rough, noise).expect("randomized");
        let found = eof.approximation.as_ref().expect("an approximation");
        assert!(found.worst(&eof.eigenvalues) <= tolerance * 1.000_001 && found.passes >= 2);
        for k in 0..3 {
            let error = exact.eigenvalues[k] - eof.eigenvalues[k];
            assert!(error >= -1e-12 * exact.eigenvalues[0] && error <= found.bounds[k], "{k}: {error}");
        }
        assert!((eof.total_variance / exact.total_variance - 1.0).abs() < 1e-13);
        assert_eq!(eof.cells(), exact.cells());
    }
    let options = EofOptions {
        solver: Solver::Randomized(Randomized { tolerance: 1e-6, seed: 1 }),
        ..EofOptions::default()
    };
    let small = (12, 6, 5);
    let two = run(comm, small, &[], &options, waves(small)).expect("two modes");
    assert!(two.eigenvalues.len() == 2 && two.approximation.is_some_and(|a| a.bounds.len() == 2));
    let refuse = |options: &EofOptions, value: &dyn Fn([usize; 3]) -> f64| {
        run(comm, small, &[], options, value).expect_err("refused")
    };
    let flat = refuse(&options, &|[_, y, x]| 273.15 + 0.1 * (y * x) as f64);
    assert!(flat.message.contains("no variance"), "{flat}");
    let gap = refuse(&options, &|at| if at == [3, 4, 1] { f64::NAN } else { noise(at) });
    assert!(gap.message.contains("1 of 30 cells") && gap.message.contains("cell 21, time 3"), "{gap}");
    let many = refuse(&EofOptions { modes: Modes::Exactly(12), ..options.clone() }, &noise);
    assert_eq!(many.exit_code(), 2);
    let rank = refuse(&EofOptions { modes: Modes::Exactly(4), ..options }, &waves(small));
    assert!(rank.exit_code() == 2 && rank.message.contains("only 2 have variance"), "{rank}");
}
