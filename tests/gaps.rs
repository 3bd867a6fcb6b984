//! EOFs of fields with gaps: the command against numpy (`tests/reference/make_gaps_references.py`),
//! on all ranks, and what it refuses.

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

fn eof(launch: Launch, variable: &str, arguments: &[&str], out: &Path) -> String {
    let input = reference("gaps_input.nc");
    let output =
        run_well(launch, &[&["eof", text(&input), "--var", variable, "-o", text(out)], arguments].concat());
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn fillings_are_those_of_numpy() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let theirs = |name: &str| values(&reference("gaps.nc"), name);
    for k in ["2", "3"] {
        let how = format!("dineof:{k}");
        let arguments = [
            "--modes",
            "4",
            "--missing",
            &how,
            "--missing-tolerance",
            "1e-12",
            "--missing-iterations",
            "5000",
        ];
        let told = eof(Launch::Plain(2), "gappy", &arguments, &out);
        assert!(told.contains("1 cell has less than 0.05"), "{told}");
        for name in ["eigenvalue", "pc", "eof"] {
            let name_k = format!("{name}_{k}");
            close(&name_k, &values(&out, name), &theirs(&name_k), 1e-7);
        }
        close("total", &values(&out, "total_variance"), &theirs(&format!("total_{k}")), 1e-8);
    }
}

#[test]
fn errors_at_values_set_aside_are_those_of_numpy() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let arguments = [
        "--modes",
        "4",
        "--missing",
        "dineof",
        "--missing-tolerance",
        "1e-12",
        "--missing-iterations",
        "5000",
    ];
    let told = eof(Launch::Plain(2), "gappy", &arguments, &out);
    assert!(told.contains("at 48 values set aside"), "{told}");
    close("errors", &values(&out, "filling_error"), &values(&reference("gaps.nc"), "errors"), 1e-4);
    assert_eq!(values(&out, "filling_modes"), [4.0]);
}

/// The field that modes and principal components add up to.
fn rebuilt(file: &Path) -> Vec<f64> {
    let (pc, eof) = (values(file, "pc"), values(file, "eof"));
    let modes = values(file, "mode").len();
    let cells = eof.len() / modes;
    let at = |i: usize, k: usize| pc[i / cells * modes + k] * eof[k * cells + i % cells];
    (0..pc.len() / modes * cells).map(|i| (0..modes).map(|k| at(i, k)).sum()).collect()
}

#[test]
fn a_field_of_two_modes_comes_back_whole() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let full = values(&reference("gaps_input.nc"), "full");
    for how in ["dineof:2", "dineof"] {
        let arguments = ["--modes", "2", "--anomaly", "none", "--missing", how];
        eof(Launch::Plain(2), "rank2", &arguments, &out);
        close(how, &rebuilt(&out), &full, 1e-6);
    }
}

#[test]
fn without_gaps_there_is_nothing_to_fill() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (plain, filled) = (folder.path().join("plain.nc"), folder.path().join("filled.nc"));
    eof(Launch::Plain(2), "full", &["--modes", "2"], &plain);
    let told = eof(Launch::Plain(2), "full", &["--modes", "2", "--missing", "dineof"], &filled);
    assert!(told.contains("no gaps to fill"), "{told}");
    for name in ["eigenvalue", "pc", "eof", "mean", "total_variance"] {
        assert_eq!(bits(&filled, name), bits(&plain, name), "{name}");
    }
}

fn bits(file: &Path, name: &str) -> Vec<u64> {
    values(file, name).iter().map(|v| v.to_bits()).collect()
}

#[test]
fn all_ranks_and_little_memory_give_the_same_bits() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let names = ["eigenvalue", "pc", "eof", "mean", "total_variance", "filling_error"];
    for more in [&["--detrend", "--standardize"][..], &["--rotate", "varimax"], &["--lags", "0..2"]] {
        let arguments =
            [&["--modes", "3", "--missing", "dineof", "--missing-tolerance", "1e-4", "-q"], more].concat();
        eof(Launch::Plain(1), "gappy", &arguments, &out);
        let expected: Vec<_> = names.iter().map(|n| bits(&out, n)).collect();
        let mut rest: Vec<(Launch, &[&str])> = vec![(Launch::Plain(2), &["--memory", "128M"])];
        rest.extend(launches().into_iter().skip(1).map(|launch| (launch, &[][..])));
        for (launch, memory) in rest {
            eof(launch, "gappy", &[&arguments[..], memory].concat(), &out);
            for (name, expected) in names.iter().zip(&expected) {
                assert_eq!(&bits(&out, name), expected, "{name} {launch:?} {more:?} {memory:?}");
            }
        }
    }
}

#[test]
fn refusals() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let input = reference("gaps_input.nc");
    for (arguments, code, words) in [
        (&["--var", "gappy"][..], 3, "missing at some times only"),
        (&["--var", "gappy", "--missing", "kriging"], 2, "refuse, dineof"),
        (&["--var", "gappy", "--missing", "dineof:0"], 2, "`0` is no number of modes"),
        (&["--var", "gappy", "--missing", "dineof:150"], 2, "there are at most"),
        (&["--var", "gappy", "--missing", "dineof", "--min-present", "1.5"], 2, "no share from 0 to 1"),
        (&["--var", "gappy", "--missing", "dineof", "--missing-tolerance", "0"], 2, "not between 0 and 1"),
        (&["--var", "gappy", "--missing", "dineof", "--missing-iterations", "0"], 2, "has to be 1"),
        (&["--var", "gappy", "--missing-seed", "3"], 2, "add --missing dineof"),
        (&["--var", "gappy", "--missing", "dineof", "--precision", "mixed"], 2, "single precision"),
    ] {
        for launch in [Launch::Plain(2), Launch::ThreadRanks(2)] {
            let output = run(launch, &[&["eof", text(&input), "-o", text(&out)], arguments].concat());
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
            assert!(said.contains(words), "{arguments:?}: {said}");
            assert!(!out.exists(), "{arguments:?} wrote something");
        }
    }
}
