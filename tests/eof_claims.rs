//! What files of EOFs say of themselves holds: sums that give the field back, matrices of rotation,
//! as many modes as there are.

mod common;

use common::{run, run_well, text, values, Launch};
use std::path::{Path, PathBuf};

const ROWS: usize = 7;
const COLUMNS: usize = 9;
const CELLS: usize = ROWS * COLUMNS;

/// Noise, the same on all machines, of about unit variance.
fn noise(seed: u64, count: usize) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    (0..count).map(|_| (0..6).map(|_| next()).sum::<f64>() * 1.4).collect()
}

/// A field of so many times: a few patterns and noise.
fn field(seed: u64, times: usize) -> Vec<f64> {
    let (patterns, series, rest) =
        (noise(seed, 5 * CELLS), noise(seed + 1, 5 * times), noise(seed + 2, times * CELLS));
    let value = |t: usize, c: usize| {
        let all = (0..5).map(|k| patterns[k * CELLS + c] * series[k * times + t] * (5.0 - k as f64));
        all.sum::<f64>() + 0.3 * rest[t * CELLS + c]
    };
    (0..times * CELLS).map(|i| value(i / CELLS, i % CELLS)).collect()
}

fn write(path: &Path, times: usize, all: &[f64]) {
    let mut file = netcdf::create(path).expect("a test file");
    for (name, len) in [("time", times), ("lat", ROWS), ("lon", COLUMNS)] {
        file.add_dimension(name, len).expect("a dimension");
    }
    let axes: [(&str, &str, Vec<f64>); 3] = [
        ("time", "days since 2000-01-01", (0..times).map(|t| t as f64).collect()),
        ("lat", "degrees_north", (0..ROWS).map(|j| 10.0 * j as f64 - 30.0).collect()),
        ("lon", "degrees_east", (0..COLUMNS).map(|i| 10.0 * i as f64).collect()),
    ];
    for (name, units, values) in axes {
        let mut axis = file.add_variable::<f64>(name, &[name]).expect("a variable");
        axis.put_attribute("units", units).expect("an attribute");
        axis.put_values(&values, ..).expect("written");
    }
    let mut x = file.add_variable::<f64>("x", &["time", "lat", "lon"]).expect("a variable");
    x.set_fill_value(-9.0f64).expect("a fill value");
    x.put_values(all, ..).expect("written");
}

fn made(folder: &Path, name: &str, words: &[&str], input: &Path) -> PathBuf {
    let out = folder.join(name);
    let of = [&[words[0], text(input)], &words[1..], &["-q", "-o", text(&out)]].concat();
    run_well(Launch::ThreadRanks(2), &of);
    out
}

fn furthest(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn rotated_loadings_are_sums_over_unrotated_ones() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    for seed in [1, 7, 21] {
        let input = folder.join("x.nc");
        write(&input, 60, &field(seed, 60));
        let plain = made(folder, "plain.nc", &["eof", "--var", "x", "--modes", "5"], &input);
        let unrotated = values(&plain, "eof");
        for rotation in ["varimax", "promax:4"] {
            let words = ["eof", "--var", "x", "--modes", "5", "--rotate", rotation];
            let rotated = made(folder, "rotated.nc", &words, &input);
            let (maps, matrix) = (values(&rotated, "eof"), values(&rotated, "rotation_matrix"));
            let sums: Vec<f64> = (0..5 * CELLS)
                .map(|i| (0..5).map(|k| matrix[k * 5 + i / CELLS] * unrotated[k * CELLS + i % CELLS]).sum())
                .collect();
            assert!(furthest(&sums, &maps) < 1e-11, "{rotation} {seed}: {}", furthest(&sums, &maps));
        }
    }
}

#[test]
fn of_values_as_they_are_all_modes_give_the_field_back() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    for times in [10, 100] {
        let input = folder.join("x.nc");
        let all: Vec<f64> = field(3, times).iter().map(|v| v + 3.0).collect();
        write(&input, times, &all);
        let modes = times.min(CELLS);
        let words = ["eof", "--var", "x", "--anomaly", "none", "--modes", &modes.to_string()];
        let eofs = made(folder, "eofs.nc", &words, &input);
        let (maps, pcs) = (values(&eofs, "eof"), values(&eofs, "pc"));
        let sum = |i: usize| -> f64 {
            (0..modes).map(|k| pcs[i / CELLS * modes + k] * maps[k * CELLS + i % CELLS]).sum()
        };
        let sums: Vec<f64> = (0..times * CELLS).map(sum).collect();
        assert!(furthest(&sums, &all) < 1e-9, "{times}: {}", furthest(&sums, &all));
        let back = made(folder, "back.nc", &["reconstruct", "--precision", "double"], &eofs);
        assert!(furthest(&values(&back, "x"), &all) < 1e-9, "{times}");
        let more = ["eof", text(&input), "--var", "x", "--anomaly", "none", "--modes", "64", "-o", "no.nc"];
        assert_eq!(run(Launch::Plain(1), &more).status.code(), Some(2));
    }
}

#[test]
fn canonical_correlations_take_as_many_eofs_as_there_are() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let (patterns, series) = (noise(5, 3 * CELLS), noise(6, 3 * 40));
    let value = |i: usize| (0..3).map(|k| patterns[k * CELLS + i % CELLS] * series[k * 40 + i / CELLS]).sum();
    let all: Vec<f64> = (0..40 * CELLS).map(value).collect();
    let input = folder.join("x.nc");
    write(&input, 40, &all);
    let with = format!("{}:x", text(&input));
    let words = ["cca", "--var", "x", "--with", &with];
    let found = values(&made(folder, "cca.nc", &words, &input), "canonical_correlation");
    assert!(found.len() == 3 && found.iter().all(|r| (r - 1.0).abs() < 1e-9), "{found:?}");
}

#[test]
fn times_without_data_come_back_missing_and_what_is_too_small_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let input = folder.join("x.nc");
    let mut all = field(9, 30);
    all[7 * CELLS..8 * CELLS].fill(-9.0);
    write(&input, 30, &all);
    let words = ["eof", "--var", "x", "--modes", "4", "--missing", "pairwise:cells"];
    let eofs = made(folder, "eofs.nc", &words, &input);
    let back = values(&made(folder, "back.nc", &["reconstruct"], &eofs), "x");
    for (t, map) in back.chunks(CELLS).enumerate() {
        assert!(map.iter().all(|v| (v.is_nan() || *v == -9.0 || v.abs() > 1e30) == (t == 7)), "{t}");
    }
    let tiny: Vec<f64> = field(9, 30).iter().map(|v| v * 1e-50).collect();
    write(&input, 30, &tiny);
    let eofs = made(folder, "eofs.nc", &["eof", "--var", "x", "--modes", "4"], &input);
    let out = folder.join("out.nc");
    let output =
        run(Launch::Plain(1), &["reconstruct", text(&eofs), "--precision", "single", "-q", "-o", text(&out)]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(3) && told.contains("--precision double"), "{told}");
    assert!(!out.exists());
    let back = made(folder, "back.nc", &["reconstruct", "--precision", "double"], &eofs);
    assert!(values(&back, "x").iter().any(|v| v.abs() > 1e-51));
}
