//! Multivariate, extended, complex and rotated EOFs, MCA and CCA: the commands against numpy
//! (`tests/reference/make_family_references.py`), on all ranks, and invariants.

mod common;

use common::{launches, run, run_well, text, values, Launch};
use std::path::{Path, PathBuf};

fn reference(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

/// Compares relative to the largest number; missing is missing.
fn close(what: &str, ours: &[f64], theirs: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len(), "{what}: lengths");
    let largest = theirs.iter().filter(|v| v.is_finite()).fold(0.0f64, |m, v| m.max(v.abs()));
    assert!(largest > 0.0, "{what}: the reference is empty");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        let same = a.is_nan() && b.is_nan() || (a - b).abs() <= tolerance * largest;
        assert!(same, "{what}: at {i} {a} against {b} (largest {largest})");
    }
}

/// Runs a command on the two fields, all times or the first 40, into `out`.
fn analysed(launch: Launch, which: &str, arguments: &[&str], out: &Path) {
    let (input, time) = (reference("modes_input.nc"), ["--time", "2001-01-01/2001-02-09"]);
    let few: &[&str] = if which == "few" { &time } else { &[] };
    run_well(launch, &[arguments, &[text(&input), "-o", text(out), "-q"], few].concat());
}

/// Compares variables `(ours, theirs)` with references whose names begin with `case`.
fn compare(case: &str, arguments: &[&str], variables: &[(&str, &str)], tolerance: f64) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for which in ["all", "few"] {
        let out = folder.path().join(format!("{which}.nc"));
        analysed(Launch::Plain(2), which, arguments, &out);
        for (ours, theirs) in variables {
            let name = format!("{case}_{which}_{theirs}");
            close(&name, &values(&out, ours), &values(&reference("modes.nc"), &name), tolerance);
        }
    }
}

#[test]
fn two_variables_together() {
    let same = |name| (name, name);
    let names = [same("eigenvalue"), same("pc"), same("eof_tas"), same("eof_ps")];
    compare("multi", &["eof", "--var", "tas,ps", "--modes", "4"], &names, 1e-9);
    // The same from two files.
    let with = format!("{}:ps", text(&reference("modes_input.nc")));
    compare("multi", &["eof", "--var", "tas", "--with", &with, "--modes", "4"], &names, 1e-9);
}

#[test]
fn lagged_copies() {
    let same = |name| (name, name);
    let names = [same("eigenvalue"), same("pc"), same("eof")];
    compare("extended", &["eof", "--var", "tas", "--modes", "4", "--lags", "-1..2"], &names, 1e-9);
}

#[test]
fn analytic_signals() {
    let same = |name| (name, name);
    let names = [same("eigenvalue"), same("pc_amplitude"), same("eof_amplitude")];
    compare("complex", &["eof", "--var", "tas", "--modes", "4", "--complex"], &names, 1e-9);
}

#[test]
fn rotated() {
    let same = |name| (name, name);
    let names = [same("eigenvalue"), same("pc"), same("eof")];
    compare("varimax", &["eof", "--var", "tas", "--modes", "4", "--rotate", "varimax"], &names, 1e-8);
}

#[test]
fn fields_that_vary_together() {
    let with = format!("{}:ps", text(&reference("modes_coarse.nc")));
    let all = [
        "singular_value",
        "squared_covariance_fraction",
        "pattern_tas",
        "pattern_ps",
        "pc_tas",
        "pc_ps",
        "homogeneous_tas",
        "heterogeneous_tas",
        "homogeneous_ps",
        "heterogeneous_ps",
    ];
    let names: Vec<(&str, &str)> = all.iter().map(|n| (*n, *n)).collect();
    compare("mca", &["mca", "--var", "tas", "--with", &with, "--modes", "4"], &names, 1e-8);
    let all =
        ["canonical_correlation", "pc_tas", "pc_ps", "weights_tas", "homogeneous_ps", "heterogeneous_tas"];
    let names: Vec<(&str, &str)> = all.iter().map(|n| (*n, *n)).collect();
    compare("cca", &["cca", "--var", "tas", "--with", &with, "--modes", "4", "--eofs", "5,4"], &names, 1e-8);
}

/// All that a file holds of numbers, by name.
fn everything(path: &Path) -> Vec<(String, Vec<u64>)> {
    let file = netcdf::open(path).expect("opens");
    let names: Vec<String> = file.variables().map(|v| v.name()).collect();
    names
        .into_iter()
        .map(|n| {
            let v = values(path, &n);
            (n, v.into_iter().map(f64::to_bits).collect())
        })
        .collect()
}

#[test]
fn the_same_bits_on_any_ranks_and_in_any_memory() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let coarse = format!("{}:ps", text(&reference("modes_coarse.nc")));
    let cases: [(&str, &[&str]); 7] = [
        ("all", &["eof", "--var", "tas,ps", "--modes", "3"]),
        ("few", &["eof", "--var", "tas", "--with", &coarse, "--modes", "3", "--scale", "1,0.01"]),
        ("few", &["eof", "--var", "tas", "--lags", "0..3", "--rotate", "promax", "--modes", "4"]),
        ("all", &["eof", "--var", "ps", "--complex", "--hilbert-padding", "exp", "--modes", "2"]),
        ("few", &["eof", "--var", "tas", "--rotate", "varimax", "--precision", "mixed", "--modes", "3"]),
        ("few", &["mca", "--var", "tas", "--with", &coarse]),
        ("all", &["cca", "--var", "tas", "--with", &coarse, "--eofs", "4", "--maps", "correlation"]),
    ];
    for (k, (which, arguments)) in cases.iter().enumerate() {
        let first = folder.path().join(format!("{k}.nc"));
        analysed(Launch::Plain(1), which, arguments, &first);
        let expected = everything(&first);
        assert!(expected.len() > 5);
        for launch in launches().into_iter().skip(1) {
            let out = folder.path().join("again.nc");
            analysed(launch, which, arguments, &out);
            assert_eq!(everything(&out), expected, "{launch:?} {arguments:?}");
        }
    }
}

#[test]
fn rotated_modes_rebuild_what_their_modes_did() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let rebuilt = |arguments: &[&str]| -> Vec<f64> {
        let out = folder.path().join("out.nc");
        analysed(
            Launch::Plain(2),
            "all",
            &[&["eof", "--var", "tas", "--modes", "4"], arguments].concat(),
            &out,
        );
        let (pc, eof) = (values(&out, "pc"), values(&out, "eof"));
        let cells = eof.len() / 4;
        let sum = |t: usize, c: usize| (0..4).map(|k| pc[t * 4 + k] * eof[k * cells + c]).sum::<f64>();
        (0..pc.len() / 4 * cells).map(|i| sum(i / cells, i % cells)).collect()
    };
    let plain = rebuilt(&[]);
    for rotate in ["varimax", "promax", "promax:2"] {
        close(rotate, &rebuilt(&["--rotate", rotate]), &plain, 1e-10);
        close(rotate, &rebuilt(&["--rotate", rotate, "--no-kaiser"]), &plain, 1e-10);
    }
}

#[test]
fn what_does_not_go_together() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let (input, coarse) = (reference("modes_input.nc"), reference("modes_coarse.nc"));
    let coarse = format!("{}:ps", text(&coarse));
    let cases: [(&[&str], i32, &str); 17] = [
        (&["eof", "--var", "tas,tas"], 2, "twice"),
        (&["eof", "--var", "tas", "--lags", "3..5"], 2, "lag 0"),
        (&["eof", "--var", "tas", "--lags", "0..149"], 2, "less than two of 150 records"),
        (&["eof", "--var", "tas", "--lags", "5"], 2, "no range"),
        (&["eof", "--var", "tas", "--lags", "0..2", "--complex"], 2, "--complex"),
        (&["eof", "--var", "tas", "--rotate", "oblimin"], 2, "no rotation"),
        (&["eof", "--var", "tas", "--rotate", "promax:0.5"], 2, "power"),
        (&["eof", "--var", "tas", "--rotate", "varimax", "--modes", "1"], 2, "2 to 64 modes"),
        (
            &["eof", "--var", "tas", "--rotate", "promax", "--eof-scaling", "correlation"],
            2,
            "correlation maps",
        ),
        (&["eof", "--var", "tas", "--scale", "2"], 2, "several variables"),
        (&["eof", "--var", "tas,ps", "--scale", "2,-1"], 2, "positive factors"),
        (&["eof", "--var", "tas,ps", "--scale", "1,2,3"], 2, "3 factors for 2 variables"),
        (&["eof", "--var", "tas", "--with", "ps"], 2, "names no file and variable"),
        (&["mca", "--var", "tas", "--with", &coarse, "--modes", "99"], 2, "at most"),
        (&["cca", "--var", "tas", "--with", &coarse, "--eofs", "10"], 2, "at most 9"),
        (&["mca", "--var", "tas", "--with", "nothing.nc:ps"], 3, "nothing.nc"),
        (&["eof", "--var", "tas", "--lags", "0..3", "--memory", "10MB"], 5, "memory"),
    ];
    for (arguments, code, words) in cases {
        for launch in [Launch::Plain(2), Launch::ThreadRanks(3)] {
            let all = [arguments, &[text(&input), "-o", text(&out), "-q"]].concat();
            let output = run(launch, &all);
            let message = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
            assert!(
                message.contains(words) && message.trim().lines().count() == 1,
                "{arguments:?}: {message}"
            );
            assert!(!out.exists());
        }
    }
}
