//! `halocline pop` against numpy and xeofs (`tests/reference/make_pop_references.py`), on all
//! ranks, in pipelines, and what it refuses.

mod common;

use common::{attribute, launches, run, run_well, text, values, Launch};
use std::path::{Path, PathBuf};

fn reference(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

fn theirs(name: &str) -> Vec<f64> {
    values(&reference("pop.nc"), name)
}

fn close(what: &str, ours: &[f64], theirs: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len(), "{what}: lengths");
    let largest = theirs.iter().filter(|v| v.is_finite()).fold(0.0f64, |m, v| m.max(v.abs()));
    assert!(largest > 0.0, "{what}: the reference is empty");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        let same = a.is_nan() && b.is_nan() || (a - b).abs() <= tolerance * largest;
        assert!(same, "{what}: at {i} {a} against {b} (largest {largest})");
    }
}

fn pop(launch: Launch, arguments: &[&str], out: &Path) -> String {
    let input = reference("modes_input.nc");
    let first = ["pop", text(&input), "--var", "tas", "--eofs", "6", "-o", text(out)];
    let output = run_well(launch, &[&first[..], arguments].concat());
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The anomalies of each mode at the first ten times: (mode, time, cell).
fn anomalies(file: &Path, label: &str) -> Vec<f64> {
    let map = |part: &str| values(file, &format!("pop_{part}{label}"));
    let series = |part: &str| values(file, &format!("coefficient_{part}"));
    let (re, im, x, y) = (map("real"), map("imaginary"), series("real"), series("imaginary"));
    let modes = values(file, "mode").len();
    let cells = re.len() / modes;
    let at = |k: usize, t: usize, c: usize| {
        x[t * modes + k] * re[k * cells + c] + y[t * modes + k] * im[k * cells + c]
    };
    (0..modes * 10 * cells).map(|i| at(i / (10 * cells), i / cells % 10, i % cells)).collect()
}

#[test]
fn patterns_are_those_of_numpy_and_xeofs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let told = pop(Launch::Plain(2), &[], &out);
    assert!(told.contains("a model of 6 EOFs"), "{told}");
    for part in ["eigenvalue_real", "eigenvalue_imaginary"] {
        close(part, &values(&out, part), &theirs(part), 1e-9);
        close(part, &values(&out, part), &theirs(&format!("xeofs_{part}")), 1e-9);
    }
    // Times are a day apart. What does not oscillate has no period.
    let period = |v: &f64| if v.is_finite() { *v } else { f64::NAN };
    let periods: Vec<f64> = theirs("xeofs_period").iter().map(period).collect();
    close("period", &values(&out, "period"), &periods, 1e-8);
    close("damping", &values(&out, "damping_time"), &theirs("xeofs_damping_time"), 1e-8);
    close("share", &values(&out, "variance_fraction"), &theirs("share"), 1e-9);
    close("anomaly", &anomalies(&out, ""), &theirs("anomaly"), 1e-8);
    for (name, units) in [("period", "day"), ("pop_real", "K"), ("coefficient_real", "1")] {
        assert_eq!(attribute(&out, name, "units").as_deref(), Some(units), "{name}");
    }
    // Coefficients have variance 1 together, patterns a positive largest entry.
    let (x, y) = (values(&out, "coefficient_real"), values(&out, "coefficient_imaginary"));
    let modes = values(&out, "mode").len();
    for k in 0..modes {
        let variance = |z: &[f64]| {
            let series: Vec<f64> = z.iter().skip(k).step_by(modes).copied().collect();
            let mean = series.iter().sum::<f64>() / series.len() as f64;
            series.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / series.len() as f64
        };
        assert!((variance(&x) + variance(&y) - 1.0).abs() < 1e-10, "{k}");
    }
}

#[test]
fn several_variables_oscillate_together() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let with = format!("{}:ps", text(&reference("modes_coarse.nc")));
    pop(Launch::Plain(2), &["--with", &with], &out);
    for part in ["eigenvalue_real", "eigenvalue_imaginary"] {
        close(part, &values(&out, part), &theirs(&format!("both_{part}")), 1e-9);
    }
    close("share", &values(&out, "variance_fraction"), &theirs("both_share"), 1e-9);
    close("anomaly", &anomalies(&out, "_ps"), &theirs("both_anomaly_ps"), 1e-8);
}

fn bits(file: &Path, name: &str) -> Vec<u64> {
    values(file, name).iter().map(|v| v.to_bits()).collect()
}

const NAMES: [&str; 7] = [
    "eigenvalue_real",
    "period",
    "damping_time",
    "pop_real",
    "pop_imaginary",
    "coefficient_real",
    "coefficient_imaginary",
];

#[test]
fn all_ranks_and_pipelines_give_the_same_bits() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let arguments = ["--modes", "3", "--anomaly", "climatology", "--standardize", "-q"];
    pop(Launch::Plain(1), &arguments, &out);
    let expected: Vec<_> = NAMES.iter().map(|n| bits(&out, n)).collect();
    let mut rest: Vec<(Launch, &[&str])> = vec![(Launch::Plain(2), &["--memory", "128M"])];
    rest.extend(launches().into_iter().skip(1).map(|launch| (launch, &[][..])));
    for (launch, memory) in rest {
        pop(launch, &[&arguments[..], memory].concat(), &out);
        for (name, expected) in NAMES.iter().zip(&expected) {
            assert_eq!(&bits(&out, name), expected, "{name} {launch:?} {memory:?}");
        }
    }
    let (pipeline, piped) = (folder.path().join("p.toml"), folder.path().join("piped.nc"));
    let lines = format!(
        "[[step]]\ndo = 'pop'\nfiles = '{}'\nvar = 'tas'\neofs = 6\nmodes = 3\nanomaly = 'climatology'\nstandardize = true\noutput = '{}'\n",
        text(&reference("modes_input.nc")),
        text(&piped)
    );
    std::fs::write(&pipeline, lines).expect("written");
    run_well(Launch::Plain(2), &["run", text(&pipeline), "--dry-run"]);
    run_well(Launch::Plain(2), &["run", text(&pipeline), "-q"]);
    for (name, expected) in NAMES.iter().zip(&expected) {
        assert_eq!(&bits(&piped, name), expected, "{name} of a pipeline");
    }
}

#[test]
fn gaps_are_filled_first() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let input = reference("gaps_input.nc");
    let arguments = ["pop", text(&input), "--var", "gappy", "--eofs", "4", "--missing", "dineof:3"];
    run_well(Launch::Plain(2), &[&arguments[..], &["-q", "-o", text(&out)]].concat());
    assert_eq!(values(&out, "filling_modes"), [3.0]);
    // Of the three signals that gappy is made of, with periods 31, 17 and 9, the modes oscillate.
    assert!(values(&out, "period").iter().any(|p| (p - 31.0).abs() < 3.0), "{:?}", values(&out, "period"));
}

#[test]
fn refusals() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let (input, gappy) = (reference("modes_input.nc"), reference("gaps_input.nc"));
    for (file, arguments, code, words) in [
        (&input, &["--var", "tas", "--eofs", "0"][..], 2, "have to be 1 at least"),
        (&input, &["--var", "tas", "--eofs", "200"], 2, "there are at most"),
        (&input, &["--var", "tas", "--eofs", "4", "--modes", "5"], 2, "4 EOFs have"),
        (&input, &["--var", "tas", "--precision", "mixed"], 2, "double precision only"),
        (&input, &["--var", "tas", "--missing", "pairwise"], 2, "not made from covariances of pairs"),
        (&input, &["--var", "tas", "--scale", "1,2"], 2, "--scale"),
        (&input, &["--var", "nothing"], 2, "nothing"),
        (&gappy, &["--var", "gappy"], 3, "missing at some times only"),
        (&input, &["--var", "tas", "--memory", "20MB"], 5, "20.0 MB"),
    ] {
        for launch in [Launch::Plain(2), Launch::ThreadRanks(2)] {
            let output = run(launch, &[&["pop", text(file), "-o", text(&out)], arguments].concat());
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
            assert!(said.contains(words), "{arguments:?}: {said}");
            assert!(!out.exists(), "{arguments:?} wrote something");
        }
    }
}
