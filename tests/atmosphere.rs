//! `halocline transport` of the atmosphere against numpy, NCL and CDO: on all ranks, with missing
//! values and bad input.

mod common;

use common::{attribute, close, contents, launches, reference, run, run_well, text, values, Launch};
use std::path::{Path, PathBuf};

fn input() -> PathBuf {
    reference("atmosphere_input.nc")
}
fn answers(name: &str) -> Vec<f64> {
    let missing = |v: f64| if v.abs() > 1e29 { f64::NAN } else { v };
    values(&reference("atmosphere.nc"), name).into_iter().map(missing).collect()
}
fn transport(launch: Launch, kind: &str, files: &[&Path], options: &[&str], out: &Path) {
    let mut words = vec!["transport", kind];
    words.extend(files.iter().map(|f| text(f)));
    words.extend(options);
    words.extend(["-q", "-o", text(out)]);
    run_well(launch, &words);
}

#[test]
fn streamfunctions_are_those_of_ncl_and_cdo() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    for (convention, ps, answer) in [("ncl", "ps", "ncl_psi"), ("cdo", "none", "cdo_psi")] {
        let options = ["--convention", convention, "--ps", ps];
        transport(Launch::Plain(2), "mass-streamfunction", &[&input()], &options, &out);
        let theirs = answers(answer);
        let peak = theirs.iter().filter(|v| v.is_finite()).fold(0f64, |m, v| m.max(v.abs()));
        close(&values(&out, "mass_streamfunction"), &theirs, 1e-12, peak, convention);
    }
    assert_eq!(attribute(&out, "mass_streamfunction", "units").as_deref(), Some("kg s-1"));
    // The mean of all is the mean of each, the wind in a file of its own.
    transport(Launch::Plain(1), "mass-streamfunction", &[&input()], &["--v", "va"], &out);
    let each = values(&out, "mass_streamfunction");
    let mean = folder.path().join("mean.nc");
    transport(Launch::ThreadRanks(3), "mass-streamfunction", &[&input()], &["--mean"], &mean);
    let n = each.len() / 3;
    for (i, v) in values(&mean, "mass_streamfunction").iter().enumerate() {
        let all: Vec<f64> = (0..3).map(|t| each[t * n + i]).filter(|v| v.is_finite()).collect();
        let ours = all.iter().sum::<f64>() / all.len() as f64;
        assert!((v - ours).abs() <= 1e-12 * ours.abs() || v.is_nan() && all.is_empty());
    }
}

#[test]
fn the_transformed_mean_is_that_of_numpy() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    for (kind, names) in [
        ("tem", &["vtem", "omegatem", "psitem"][..]),
        ("ep-flux", &["epfy", "epfp", "epfdiv", "utendepfd"][..]),
    ] {
        transport(Launch::Plain(2), kind, &[&input()], &[], &out);
        for name in names {
            let theirs = answers(&format!("tem_{name}"));
            let peak = theirs.iter().filter(|v| v.is_finite()).fold(0f64, |m, v| m.max(v.abs()));
            close(&values(&out, name), &theirs, 1e-10, peak, name);
        }
    }
    // Scaled, divergences are the mass-weighted ones: a ratio that latitude alone decides.
    let plain = values(&out, "epfdiv");
    transport(Launch::Plain(2), "ep-flux", &[&input()], &["--scaling", "edmon"], &out);
    let around = std::f64::consts::TAU * 6_371_000f64.powi(2) / 9.806_65;
    let lat = values(&out, "lat");
    for (i, (a, b)) in values(&out, "epfdiv").iter().zip(&plain).enumerate() {
        let cos = lat[i % 9].to_radians().cos();
        assert!((a - b * around * cos).abs() <= 1e-12 * a.abs() || a.is_nan() && b.is_nan());
    }
}

#[test]
fn fluxes_have_their_parts_and_close() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    transport(Launch::Plain(2), "eddy", &[&input()], &["--x", "va", "--y", "ta"], &out);
    for part in ["total", "mean", "stationary", "transient"] {
        close(&values(&out, &format!("va_ta_{part}")), &answers(&format!("ta_{part}")), 1e-11, 1.0, part);
    }
    transport(Launch::Plain(2), "energy", &[&input()], &[], &out);
    for (ours, theirs) in [("sensible", "ta"), ("potential", "zg"), ("latent", "hus")] {
        for part in ["total", "mean", "stationary", "transient"] {
            let answer = answers(&format!("{theirs}_{part}_flux"));
            let peak = answer.iter().fold(0f64, |m, v| m.max(v.abs()));
            close(&values(&out, &format!("{ours}_{part}")), &answer, 1e-11, peak, ours);
        }
    }
    let of = |name: &str| values(&out, name);
    let [total, mean, stationary, transient] =
        ["total", "mean", "stationary", "transient"].map(|p| of(&format!("moist_static_{p}")));
    let peak = total.iter().fold(0f64, |m, v| m.max(v.abs()));
    for j in 0..total.len() {
        let sum = mean[j] + stationary[j] + transient[j];
        assert!((sum - total[j]).abs() < 1e-12 * peak, "{sum} is not {}", total[j]);
    }
    // Without net mass it does not matter where height is 0.
    let balanced = folder.path().join("balanced.nc");
    transport(Launch::Plain(2), "energy", &[&input()], &["--mass-balance"], &balanced);
    let same = values(&balanced, "moist_static_transient");
    close(&same, &transient, 0.0, 0.0, "eddies");
    let told = run_well(Launch::Plain(1), &["transport", "energy", text(&input()), "-o", text(&out)]);
    let told = String::from_utf8_lossy(&told.stderr).into_owned() + &String::from_utf8_lossy(&told.stdout);
    assert!(told.contains("closure of moist static energy") && told.contains("net mass"), "{told}");
}

#[test]
fn vapour_is_that_of_numpy() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    transport(Launch::Plain(2), "vapour", &[&input()], &[], &out);
    let [u, v] = ["uq", "vq"].map(|n| values(&out, n));
    close(&u, &answers("uq"), 1e-7, 100.0, "uq");
    close(&v, &answers("vq"), 1e-7, 100.0, "vq");
    for (i, ivt) in values(&out, "ivt").iter().enumerate() {
        assert!((ivt - u[i].hypot(v[i])).abs() < 1e-4);
    }
    assert!(values(&out, "divergence").iter().any(|v| v.is_finite()));
}

#[test]
fn the_same_bits_on_any_ranks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cases: [(&str, &[&str]); 5] = [
        ("mass-streamfunction", &[]),
        ("tem", &["--mean"]),
        ("energy", &[]),
        ("vapour", &[]),
        ("eddy", &["--x", "va", "--y", "hus", "--decomposition", "lat=1"]),
    ];
    for (kind, options) in cases {
        let mut first = None;
        for (k, launch) in launches().into_iter().enumerate() {
            let options =
                if matches!(launch, Launch::Plain(_)) { options } else { &options[..options.len().min(4)] };
            let out = folder.path().join(format!("{kind}{k}.nc"));
            transport(launch, kind, &[&input()], options, &out);
            let found = contents(&out);
            assert_eq!(first.get_or_insert_with(|| found.clone()), &found, "{kind} on {launch:?}");
        }
    }
}

#[test]
fn what_can_not_be_done_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let refused = |words: &[&str], code: i32, message: &str| {
        let mut all = vec!["transport"];
        all.extend(words);
        all.extend(["-q", "-o", text(&out)]);
        let output = run(Launch::ThreadRanks(2), &all);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(message) && told.trim().lines().count() == 1, "{told}");
        assert!(!out.exists());
    };
    let file = input();
    let file = text(&file);
    refused(&["mass-streamfunction", file, "--v", "nothing"], 2, "nothing");
    refused(&["mass-streamfunction", file, "--v", "ps"], 3, "not in m s-1");
    refused(&["mass-streamfunction", file, "--radius", "0"], 2, "--radius");
    refused(&["mass-streamfunction", file, "--level", "85000"], 3, "keep all its levels");
    refused(&["eddy", file, "--x", "va", "--y", "ps"], 3, "grid");
    refused(&["energy", file, "--z", "wap"], 3, "neither m nor m2 s-2");
    refused(&["eddy", file, "--x", "va", "--y", "ta", "--memory", "1MB"], 5, "memory");
    let sst = common::data("sample.nc");
    if sst.exists() {
        refused(&["tem", text(&sst)], 3, "standard name");
    }
}

#[test]
fn sections_and_profiles_are_drawn() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, picture) = (folder.path().join("out.nc"), folder.path().join("out.svg"));
    let drawn = |kind: &str, options: &[&str], words: &[&str]| {
        transport(Launch::Plain(2), kind, &[&input()], options, &out);
        run_well(Launch::Plain(1), &["plot", text(&out), "-q", "-o", text(&picture)]);
        let svg = std::fs::read_to_string(&picture).expect("a picture");
        words.iter().for_each(|word| assert!(svg.contains(word), "{word} is not in the picture"));
    };
    drawn("mass-streamfunction", &[], &["Pressure (hPa)", "1000", "Latitude"]);
    drawn("energy", &[], &["transient eddies", "mean circulation", "total"]);
}
