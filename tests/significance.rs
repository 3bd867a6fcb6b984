//! `halocline eof --significance`: against numpy (`tests/reference/make_significance_references.py`),
//! the same on all ranks, and what is refused.

mod common;

use common::{launches, run, run_well, text, values, Launch};
use std::path::{Path, PathBuf};

fn reference(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

/// Compares relative to the largest number.
fn close(what: &str, ours: &[f64], theirs: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len(), "{what}: lengths");
    let largest = theirs.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= tolerance * largest, "{what}: at {i} {a} against {b} (largest {largest})");
    }
}

/// Tests the modes of `tas` at all 150 times, or the first 40, into `out`.
fn tested(launch: Launch, which: &str, arguments: &[&str], out: &Path) {
    let (input, time) = (reference("modes_input.nc"), ["--time", "2001-01-01/2001-02-09"]);
    let few: &[&str] = if which == "few" { &time } else { &[] };
    run_well(launch, &[&["eof", text(&input), "-o", text(out), "-q"], arguments, few].concat());
}

const ALL: [&str; 8] = [
    "--var",
    "tas",
    "--modes",
    "3",
    "--significance",
    "north-effective,rule-n:2000,bootstrap:2000",
    "--bootstrap-block",
    "5",
];

#[test]
fn as_numpy_finds_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for which in ["all", "few"] {
        let out = folder.path().join("out.nc");
        tested(Launch::Plain(2), which, &ALL, &out);
        let exact = ["effective_sample_size", "effective_sample_size_lag1", "north_error_effective"];
        let random = ["rule_n_threshold", "eigenvalue_bootstrap", "variance_fraction_bootstrap"];
        let all = exact.iter().map(|n| (n, 1e-9)).chain(random.iter().map(|n| (n, 0.02)));
        for (name, tolerance) in all {
            let theirs = values(&reference("significance.nc"), &format!("{which}_{name}"));
            close(&format!("{which} {name}"), &values(&out, name), &theirs, tolerance);
        }
        let (error, value) = (values(&out, "north_error_effective"), values(&out, "eigenvalue"));
        let apart = |k: usize| f64::from(u8::from(value[k] - error[k] > value[k + 1] + error[k + 1]));
        assert_eq!(values(&out, "separated"), [apart(0), apart(0) * apart(1), apart(1)]);
        let effective = folder.path().join("effective.nc");
        let options = ["--var", "tas", "--significance", "rule-n:100", "--rule-n-cells", "effective"];
        tested(Launch::ThreadRanks(2), which, &options, &effective);
        let file = netcdf::open(&effective).expect("opens");
        let cells = file.variable("rule_n_threshold").expect("is there").attribute_value("noise_cells");
        let cells: f64 = cells.expect("is there").expect("is read").try_into().expect("a number");
        let theirs = values(&reference("significance.nc"), &format!("{which}_degrees_of_freedom"));
        close("degrees of freedom", &[cells], &theirs, 1e-9);
        // Noise of few cells has few modes.
        let thresholds = values(&effective, "rule_n_threshold");
        let there = thresholds.iter().filter(|t| t.is_finite()).count();
        assert_eq!(there, thresholds.len().min(cells.round() as usize));
    }
}

/// All that a file holds of numbers, by name.
fn everything(path: &Path) -> Vec<(String, Vec<u64>)> {
    let file = netcdf::open(path).expect("opens");
    let names: Vec<String> = file.variables().map(|v| v.name()).collect();
    let bits = |name: &str| values(path, name).into_iter().map(f64::to_bits).collect();
    names.into_iter().map(|n| (n.clone(), bits(&n))).collect()
}

#[test]
fn the_same_bits_on_any_ranks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tests = ["--significance", "bootstrap:21,rule-n:33,north-effective", "--seed", "9"];
    let cdo = ["--convention", "cdo", "--rule-n-cells", "effective"];
    let cases: [(&str, Vec<&str>); 3] = [
        ("all", [&["--var", "tas"][..], &tests, &cdo].concat()),
        ("few", [&["--var", "tas"][..], &tests, &cdo].concat()),
        ("few", [&["--var", "tas,ps", "--convention", "xeofs"][..], &tests].concat()),
    ];
    for (which, arguments) in &cases {
        let first = folder.path().join("first.nc");
        tested(Launch::Plain(1), which, arguments, &first);
        let expected = everything(&first);
        for launch in launches().into_iter().skip(1) {
            let out = folder.path().join("again.nc");
            tested(launch, which, arguments, &out);
            assert_eq!(everything(&out), expected, "{launch:?} {arguments:?}");
        }
        // Tests leave the modes alone; another seed gives other replicates.
        let plain: Vec<&str> = arguments.iter().copied().take_while(|a| *a != "--significance").collect();
        let tail = if arguments.contains(&"cdo") { &cdo[..2] } else { &[] };
        let out = folder.path().join("plain.nc");
        tested(Launch::Plain(1), which, &[plain.as_slice(), tail].concat(), &out);
        for name in ["eigenvalue", "pc"] {
            assert_eq!(values(&out, name), values(&first, name), "{which} {name}");
        }
        let other: Vec<&str> = arguments.iter().map(|a| if *a == "9" { "10" } else { a }).collect();
        tested(Launch::Plain(1), which, &other, &out);
        assert_ne!(values(&out, "eigenvalue_bootstrap"), values(&first, "eigenvalue_bootstrap"));
    }
}

#[test]
fn what_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (reference("modes_input.nc"), folder.path().join("out.nc"));
    let cases: [(&[&str], i32, &str); 14] = [
        (&["--significance", "rule-m"], 2, "no test"),
        (&["--significance", "north-effective:3"], 2, "no test"),
        (&["--significance", "rule-n:0"], 2, "number of replicates"),
        (&["--significance", "bootstrap:99999999999"], 2, "number of replicates"),
        (&["--significance", "rule-n,rule-n:7"], 2, "twice"),
        (&["--significance", "rule-n", "--confidence", "1"], 2, "confidence"),
        (&["--significance", "rule-n", "--confidence", "nan"], 2, "confidence"),
        (&["--significance", "bootstrap", "--bootstrap-block", "0"], 2, "blocks"),
        (&["--significance", "bootstrap", "--bootstrap-block", "151"], 2, "blocks of 151 times"),
        (&["--significance", "rule-n", "--rotate", "varimax"], 2, "no tests"),
        (&["--significance", "rule-n", "--lags", "0..2"], 2, "no tests"),
        (&["--significance", "rule-n", "--complex"], 2, "no tests"),
        (&["--seed", "3"], 2, "--significance"),
        (&["--significance", "bootstrap:1000000", "--memory", "40MB"], 5, "memory"),
    ];
    for (arguments, code, words) in cases {
        for launch in [Launch::Plain(2), Launch::ThreadRanks(3)] {
            let all = [&["eof", text(&input), "--var", "tas", "-o", text(&out), "-q"], arguments].concat();
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
