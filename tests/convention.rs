//! `halocline eof --convention`: against what eofs, xeofs, CDO and NCL made of the same box
//! (`tests/reference/make_convention_references.py`).

mod common;

use common::{data, run, run_well, text, values, Launch};
use std::path::PathBuf;

fn reference(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

/// Compares rows relative to their largest number, up to their sign or not.
fn close(what: &str, ours: &[Vec<f64>], theirs: &[Vec<f64>], tolerance: f64, signed: bool) {
    assert_eq!(ours.len(), theirs.len(), "{what}: rows");
    for (k, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        assert_eq!(ours.len(), theirs.len(), "{what}: lengths");
        let there = |(a, b): (&f64, &f64)| if a.is_nan() && b.is_nan() { None } else { Some((*a, *b)) };
        let pairs: Vec<(f64, f64)> = ours.iter().zip(theirs).filter_map(there).collect();
        let sign = if signed { 1.0 } else { pairs.iter().map(|(a, b)| a * b).sum::<f64>().signum() };
        let largest = pairs.iter().fold(0.0f64, |m, (_, b)| m.max(b.abs()));
        assert!(largest > 0.0, "{what}: the reference is empty");
        for (a, b) in pairs {
            assert!((a * sign - b).abs() <= tolerance * largest, "{what}, row {k}: {a} against {b}");
        }
    }
}

fn rows(values: &[f64], rows: usize) -> Vec<Vec<f64>> {
    values.chunks(values.len() / rows).map(<[f64]>::to_vec).collect()
}

fn columns(values: &[f64], columns: usize) -> Vec<Vec<f64>> {
    (0..columns).map(|k| values.iter().skip(k).step_by(columns).copied().collect()).collect()
}

#[test]
fn as_each_tool_gives_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let input = data("ersstv5_sst_201001-202008.nc");
    for (which, area) in [("wide", "120,150,20,40"), ("small", "120,140,20,40")] {
        let stored = reference(&format!("convention_{which}.nc"));
        for tool in ["eofs", "xeofs", "cdo", "ncl"] {
            let out = folder.path().join("out.nc");
            let arguments = ["eof", text(&input), "--var", "sst", "--modes", "4", "--box", area];
            let launch = if which == "wide" { Launch::Plain(2) } else { Launch::ThreadRanks(3) };
            run_well(launch, &[&arguments[..], &["--convention", tool, "-o", text(&out), "-q"]].concat());
            let theirs = |name: &str| values(&stored, &format!("{tool}_{name}"));
            let what = |name: &str| format!("{which} {tool} {name}");
            let mut eigenvalues = theirs("eigenvalue");
            if tool == "ncl" && which == "wide" {
                // Of more cells than times NCL divides by the 165 cells less one.
                eigenvalues.iter_mut().for_each(|v| *v *= 164.0 / 127.0);
            }
            close(&what("eigenvalue"), &[values(&out, "eigenvalue")], &[eigenvalues], 1e-10, true);
            // NCL's are in single precision.
            let tolerance = if tool == "ncl" { 1e-6 } else { 1e-10 };
            let fractions = [theirs("variance_fraction")];
            close(&what("fraction"), &[values(&out, "variance_fraction")], &fractions, tolerance, true);
            let signed = tool == "xeofs";
            close(&what("eof"), &rows(&values(&out, "eof"), 4), &rows(&theirs("eof"), 4), 1e-9, signed);
            close(&what("pc"), &columns(&values(&out, "pc"), 4), &columns(&theirs("pc"), 4), 1e-9, signed);
        }
    }
}

#[test]
fn what_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (reference("modes_input.nc"), folder.path().join("out.nc"));
    let cases: [(&[&str], &str); 6] = [
        (&["--var", "tas", "--convention", "eofs", "--pc-scaling", "1"], "--pc-scaling"),
        (&["--var", "tas", "--convention", "ncl", "--eof-scaling", "0"], "--eof-scaling"),
        (&["--var", "tas", "--convention", "cdo", "--weights", "coslat"], "--weights coslat"),
        (&["--var", "tas,ps", "--convention", "cdo"], "several variables"),
        (&["--var", "tas", "--convention", "eofs", "--lags", "0..2"], "plain, unrotated"),
        (&["--var", "tas", "--convention", "xeofs", "--rotate", "varimax"], "plain, unrotated"),
    ];
    for (arguments, words) in cases {
        let output =
            run(Launch::Plain(2), &[&["eof", text(&input), "-o", text(&out), "-q"], arguments].concat());
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(words) && message.trim().lines().count() == 1, "{arguments:?}: {message}");
        assert!(!out.exists());
    }
}
