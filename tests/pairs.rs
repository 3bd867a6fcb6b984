//! Gaps left out of covariances pair by pair, and gaps of several variables: the command against
//! pandas, numpy and NCL (`tests/reference/make_pairs_references.py`), on all ranks, and what it
//! refuses.

mod common;

use common::{launches, run, run_well, text, values, Launch};
use std::path::{Path, PathBuf};

fn reference(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

fn theirs(name: &str) -> Vec<f64> {
    values(&reference("pairs.nc"), name)
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

/// A number among the attributes of the total variance.
fn told_of_pairs(file: &Path, name: &str) -> f64 {
    let file = netcdf::open(file).expect("opens");
    let variable = file.variable("total_variance").expect("a total variance");
    match variable.attribute_value(name).expect("an attribute") {
        Ok(netcdf::AttributeValue::Double(number)) => number,
        other => panic!("{name} is {other:?}"),
    }
}

/// The options that a file records.
fn options(file: &Path) -> String {
    let file = netcdf::open(file).expect("opens");
    match file.attribute("halocline_eof_options").expect("options").value() {
        Ok(netcdf::AttributeValue::Str(text)) => text,
        other => panic!("{other:?}"),
    }
}

/// The input of a case, and its second variable.
fn inputs(case: &str) -> (PathBuf, String) {
    let file = if case.contains("times") { "pairs_short.nc" } else { "gaps_input.nc" };
    (reference(file), format!("{}:ps", text(&reference("pairs_coarse.nc"))))
}

fn eof(launch: Launch, case: &str, arguments: &[&str], out: &Path) -> String {
    let (input, _) = inputs(case);
    let output =
        run_well(launch, &[&["eof", text(&input), "--var", "gappy", "-o", text(out)], arguments].concat());
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn pairs_are_those_of_pandas_and_numpy() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    for case in ["cells", "times"] {
        let arguments = ["--modes", "4", "--missing", "pairwise", "--convention", "ncl"];
        let told = eof(Launch::Plain(2), case, &arguments, &out);
        for name in ["eigenvalue", "eof", "pc"] {
            let of = format!("{case}_{name}");
            close(&of, &values(&out, name), &theirs(&of), 1e-9);
        }
        close("total", &values(&out, "total_variance"), &theirs(&format!("{case}_total")), 1e-10);
        let negative = theirs(&format!("{case}_negative"));
        assert!(told.contains(&format!("{} eigenvalues are below zero", negative[0])), "{told}");
        let counted = told_of_pairs(&out, "negative_eigenvalues");
        assert!((counted - negative[0]).abs() < 0.5, "{counted}");
        let share = told_of_pairs(&out, "negative_share");
        assert!((share - negative[1]).abs() < 1e-9, "{share} {}", negative[1]);
        let options = options(&out);
        assert!(options.contains("missing=pairwise; pcrit=50; pairs="), "{options}");
        assert!(options.contains(&format!("pairs={case}")), "{options}");
        if case == "times" {
            assert!(told.contains("1 time has no data"), "{told}");
            assert!(values(&out, "pc")[7 * 4..8 * 4].iter().all(|v| v.is_nan()));
        }
    }
}

/// Of each mode the sign of the NCL pattern that makes it ours.
fn aligned(ours: &[f64], theirs: &[f64], modes: usize) -> Vec<f64> {
    let cells = ours.len() / modes;
    (0..modes)
        .map(|k| {
            let at = k * cells..(k + 1) * cells;
            let dot: f64 = ours[at.clone()]
                .iter()
                .zip(&theirs[at])
                .filter(|(a, b)| a.is_finite() && b.is_finite())
                .map(|(a, b)| a * b)
                .sum();
            dot.signum()
        })
        .collect()
}

#[test]
fn pairs_are_those_of_ncl() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    for case in ["cells", "times"] {
        eof(Launch::Plain(2), case, &["--modes", "4", "--missing", "pairwise", "--convention", "ncl"], &out);
        let ncl = |name: &str| theirs(&format!("{case}_ncl_{name}"));
        close("eigenvalue", &values(&out, "eigenvalue"), &ncl("eigenvalue"), 1e-9);
        close("fraction", &values(&out, "variance_fraction"), &ncl("fraction"), 1e-6);
        let (ours, e) = (values(&out, "eof"), ncl("eof"));
        let signs = aligned(&ours, &e, 4);
        let cells = e.len() / 4;
        let turned: Vec<f64> = e.iter().enumerate().map(|(i, v)| v * signs[i / cells]).collect();
        close("eof", &ours, &turned, 1e-8);
        let pcs: Vec<f64> = ncl("pc").iter().enumerate().map(|(i, v)| v * signs[i % 4]).collect();
        let mut ours = values(&out, "pc");
        if case == "times" {
            // NCL was given the times with data only.
            ours.drain(7 * 4..8 * 4);
        }
        close("pc", &ours, &pcs, 1e-8);
    }
}

#[test]
fn several_variables_make_pairs_together() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    for case in ["cells", "times"] {
        let (_, with) = inputs(case);
        let pairs = format!("pairwise:{case}");
        for missing in ["pairwise", &pairs] {
            eof(Launch::Plain(2), case, &["--with", &with, "--modes", "4", "--missing", missing], &out);
            for name in ["eigenvalue", "pc", "eof_gappy", "eof_ps"] {
                let of = format!("both_{case}_{name}");
                close(&of, &values(&out, name), &theirs(&of), 1e-9);
            }
        }
    }
}

#[test]
fn without_gaps_pairs_are_plain() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (plain, paired) = (folder.path().join("plain.nc"), folder.path().join("paired.nc"));
    let input = reference("modes_input.nc");
    for (pairs, weights) in [("pairwise:cells", "coslat"), ("pairwise:times", "area")] {
        for more in
            [&["--anomaly", "climatology"][..], &["--standardize", "--detrend"], &["--anomaly", "none"]]
        {
            let of = |out: &Path, missing: &str| {
                let arguments =
                    ["eof", text(&input), "--var", "tas,ps", "--modes", "3", "--weights", weights];
                let last = ["--missing", missing, "-q", "-o", text(out)];
                run_well(Launch::Plain(2), &[&arguments[..], &last, more].concat());
            };
            of(&plain, "refuse");
            of(&paired, pairs);
            for name in ["eigenvalue", "eof_tas", "eof_ps", "pc", "total_variance", "variance_fraction"] {
                // Of values that are no anomalies covariances of pairs are mean products.
                if more != ["--anomaly", "none"] || !name.starts_with("eof") {
                    close(name, &values(&paired, name), &values(&plain, name), 1e-8);
                }
            }
            assert!(told_of_pairs(&paired, "negative_eigenvalues") < 0.5);
        }
    }
}

fn bits(file: &Path, name: &str) -> Vec<u64> {
    values(file, name).iter().map(|v| v.to_bits()).collect()
}

#[test]
fn all_ranks_and_little_memory_give_the_same_bits() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let names = ["eigenvalue", "pc", "eof_gappy", "eof_ps", "mean_gappy", "total_variance"];
    for missing in ["pairwise:cells", "pairwise:times", "dineof:2"] {
        let (_, with) = inputs("cells");
        let mut arguments = vec!["--with", &with, "--modes", "3", "--missing", missing, "-q"];
        if missing == "dineof:2" {
            arguments.extend(["--missing-tolerance", "1e-4"]);
        }
        eof(Launch::Plain(1), "cells", &arguments, &out);
        let expected: Vec<_> = names.iter().map(|n| bits(&out, n)).collect();
        let mut rest: Vec<(Launch, &[&str])> = vec![(Launch::Plain(2), &["--memory", "128M"])];
        rest.extend(launches().into_iter().skip(1).map(|launch| (launch, &[][..])));
        for (launch, memory) in rest {
            eof(launch, "cells", &[&arguments[..], memory].concat(), &out);
            for (name, expected) in names.iter().zip(&expected) {
                assert_eq!(&bits(&out, name), expected, "{name} {launch:?} {missing} {memory:?}");
            }
        }
    }
}

const TIGHT: [&str; 4] = ["--missing-tolerance", "1e-10", "--missing-iterations", "5000"];

#[test]
fn several_variables_are_filled_together() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let (_, with) = inputs("cells");
    let arguments = [&["--with", &with, "--modes", "4", "--missing", "dineof:3"][..], &TIGHT].concat();
    eof(Launch::Plain(2), "cells", &arguments, &out);
    for name in ["eigenvalue", "pc"] {
        close(name, &values(&out, name), &theirs(&format!("together_{name}")), 1e-6);
    }
    // Cross-validation is of both, relative to zero anomalies.
    let told = eof(
        Launch::Plain(2),
        "cells",
        &["--with", &with, "--modes", "3", "--missing", "dineof", "--missing-tolerance", "1e-3"],
        &out,
    );
    assert!(told.contains("relative rms error"), "{told}");
    let errors = values(&out, "filling_error");
    assert!((errors[0] - 1.0).abs() < 1e-12 && errors[3] < 1.0, "{errors:?}");
}

#[test]
fn two_fields_are_filled_and_coupled() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let (input, with) = inputs("cells");
    let common =
        ["--var", "gappy", "--with", &with, "--modes", "4", "--missing", "dineof:2", "-o", text(&out)];
    run_well(Launch::Plain(2), &[&["mca", text(&input)][..], &common, &TIGHT].concat());
    close("singular", &values(&out, "singular_value"), &theirs("mca_singular_value"), 1e-6);
    close("left", &values(&out, "pc_gappy"), &theirs("mca_left"), 1e-5);
    close("right", &values(&out, "pc_ps"), &theirs("mca_right"), 1e-5);
    assert_eq!(
        (values(&out, "filling_modes_gappy"), values(&out, "filling_modes_ps")),
        (vec![2.0], vec![2.0])
    );
    let rough = ["--missing-tolerance", "1e-3", "-q"];
    let mut first = None;
    for launch in [Launch::Plain(1), Launch::ThreadRanks(3)] {
        run_well(launch, &[&["mca", text(&input)][..], &common, &rough].concat());
        let found = bits(&out, "heterogeneous_gappy");
        assert_eq!(&found, first.get_or_insert_with(|| found.clone()), "{launch:?}");
    }
    run_well(Launch::Plain(2), &[&["cca", text(&input), "--eofs", "5,4"][..], &common, &TIGHT].concat());
    close("canonical", &values(&out, "canonical_correlation"), &theirs("cca_correlation"), 1e-5);
}

#[test]
fn pipelines_have_the_same_bits() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (plain, piped) = (folder.path().join("plain.nc"), folder.path().join("piped.nc"));
    eof(Launch::Plain(2), "cells", &["--modes", "2", "--missing", "pairwise", "--pcrit", "60", "-q"], &plain);
    let (input, _) = inputs("cells");
    let pipeline = folder.path().join("p.toml");
    let lines = format!(
        "[[step]]\ndo = 'eof'\nfiles = '{}'\nvar = 'gappy'\nmodes = 2\nmissing = 'pairwise'\npcrit = 60\noutput = '{}'\n",
        text(&input),
        text(&piped)
    );
    std::fs::write(&pipeline, lines).expect("written");
    run_well(Launch::Plain(2), &["run", text(&pipeline), "-q"]);
    for name in ["eigenvalue", "pc", "eof"] {
        assert_eq!(bits(&piped, name), bits(&plain, name), "{name}");
    }
}

#[test]
fn patterns_of_pairs_can_be_projected_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (modes, out) = (folder.path().join("eof.nc"), folder.path().join("pc.nc"));
    for case in ["cells", "times"] {
        let missing = format!("pairwise:{case}");
        eof(Launch::Plain(2), case, &["--modes", "2", "--missing", &missing, "-q"], &modes);
        let (input, _) = inputs(case);
        let arguments = ["project", text(&input), "--var", "gappy", "--patterns", text(&modes)];
        run_well(
            Launch::Plain(2),
            &[&arguments[..], &["--missing", "skip", "-q", "-o", text(&out)]].concat(),
        );
        let (ours, plain) = (values(&out, "pc"), values(&modes, "pc"));
        // A fit to the cells that are there, not a sum over them: alike, not the same.
        let both = ours.iter().zip(&plain).filter(|(a, b)| a.is_finite() && b.is_finite());
        let (mut products, mut squares) = (0.0, [0.0, 0.0]);
        for (a, b) in both {
            products += a * b;
            squares[0] += a * a;
            squares[1] += b * b;
        }
        assert!(products / (squares[0] * squares[1]).sqrt() > 0.8, "{case}");
    }
}

#[test]
fn refusals() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let (input, _) = inputs("cells");
    let ps = format!("{}:ps", text(&reference("pairs_coarse.nc")));
    for (command, arguments, code, words) in [
        ("eof", &["--missing", "pairwise:maps"][..], 2, "names no pairs"),
        ("eof", &["--missing", "pairwise", "--pcrit", "101"], 2, "no percentage"),
        ("eof", &["--pcrit", "60"], 2, "add --missing pairwise"),
        ("eof", &["--missing", "dineof", "--pcrit", "60"], 2, "add --missing pairwise"),
        ("eof", &["--missing", "pairwise", "--missing-seed", "3"], 2, "left out of pairs"),
        ("eof", &["--missing", "pairwise", "--rotate", "varimax"], 2, "rotated EOFs are not made from"),
        ("eof", &["--missing", "pairwise", "--complex"], 2, "extended and complex EOFs"),
        ("eof", &["--missing", "pairwise", "--significance", "north-effective"], 2, "tests of significance"),
        ("eof", &["--missing", "pairwise", "--eof-scaling", "correlation"], 2, "EOFs as correlations"),
        ("eof", &["--missing", "pairwise", "--convention", "eofs"], 2, "other than NCL"),
        ("eof", &["--missing", "pairwise", "--precision", "mixed"], 2, "single precision"),
        ("eof", &["--missing", "pairwise", "--modes", "40"], 2, "have an eigenvalue above zero"),
        ("eof", &["--missing", "pairwise", "--pcrit", "1"], 3, "in common, covariances need two"),
        ("mca", &["--with", &ps, "--missing", "pairwise"], 2, "not coupled by covariances of pairs"),
        ("mca", &["--with", &ps], 3, "missing at some times only"),
    ] {
        for launch in [Launch::Plain(2), Launch::ThreadRanks(2)] {
            let first = [command, text(&input), "--var", "gappy", "-o", text(&out)];
            let output = run(launch, &[&first, arguments].concat());
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
            assert!(said.contains(words), "{arguments:?}: {said}");
            assert!(!out.exists(), "{arguments:?} wrote something");
        }
    }
    // Of which no cell is there at all times.
    let (short, _) = inputs("times");
    let first = ["eof", text(&short), "--var", "gappy", "--missing", "pairwise", "--pcrit", "100"];
    let output = run(Launch::Plain(2), &[&first[..], &["-o", text(&out)]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("have less than 100 % of their values"), "{said}");
}
