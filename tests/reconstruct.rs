//! `halocline reconstruct`: modes make the field that they are of.

mod common;

use common::eofs::{doubled, eof, part};
use common::{attribute, contents, data, launches, run, run_well, text, values, Launch};
use std::path::{Path, PathBuf};

const BOX: &[&str] = &["--box", "200,230,-10,10"];

fn sample() -> PathBuf {
    data("ersstv5_sst_201001-202008.nc")
}

fn reconstruct(file: &Path, out: &Path, options: &[&str]) -> Vec<f64> {
    let words = ["reconstruct", text(file), "-o", text(out), "--quiet", "--precision", "double"];
    run_well(Launch::Plain(2), &[&words, options].concat());
    values(out, "sst")
}

fn near(ours: &[f64], theirs: &[f64], tolerance: f64, what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= tolerance || a.is_nan() && b.is_nan(), "{what}, {i}: {a} is not {b}");
    }
}

/// The weight of each cell of a file, √cos φ.
fn weights(file: &Path) -> Vec<f64> {
    let (lat, lon) = (values(file, "lat"), values(file, "lon"));
    lat.iter().flat_map(|v| lon.iter().map(|_| v.to_radians().cos().sqrt())).collect()
}

#[test]
fn all_modes_make_the_anomalies() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let mut number = 0;
    let mut check = |options: &[&str]| {
        number += 1;
        // 2 x 3 cells: six modes are all there are.
        let small = ["--box", "200,204,-1,3", "--modes", "6"];
        let file =
            eof(folder.path(), &sample(), "sst", &format!("eof{number}.nc"), &[&small, options].concat());
        let has = |word: &str| options.contains(&word);
        let (monthly, detrend) = (has("climatology"), has("--detrend"));
        let part = part(&sample(), "sst", &file);
        assert_eq!(part.cells, 6);
        let anomalies = part.anomalies(monthly, detrend);
        near(&reconstruct(&file, &out, &[]), &anomalies, 1e-9, &format!("{options:?}"));
        if !detrend {
            let whole = reconstruct(&file, &out, &["--add-mean"]);
            near(&whole, &part.values, 1e-9, &format!("{options:?}, with the mean"));
        }
    };
    for pcs in ["0", "1", "2"] {
        for eofs in ["0", "1", "2", "covariance", "correlation"] {
            check(&["--pc-scaling", pcs, "--eof-scaling", eofs]);
        }
    }
    check(&["--weights", "none", "--anomaly", "climatology"]);
    check(&["--weights", "area", "--eof-scaling", "0"]);
    check(&["--standardize", "--anomaly", "climatology", "--eof-scaling", "correlation"]);
    check(&["--standardize", "--detrend", "--eof-scaling", "1", "--pc-scaling", "2"]);
}

#[test]
fn errors_fall_as_the_variance_that_is_explained() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, out) = (eof(folder.path(), &sample(), "sst", "eof.nc", BOX), folder.path().join("out.nc"));
    let (part, fractions, w) =
        (part(&sample(), "sst", &file), values(&file, "variance_fraction"), weights(&file));
    let anomalies = part.anomalies(false, false);
    let square = |x: &mut dyn Iterator<Item = f64>| {
        x.enumerate().map(|(i, v)| (v * w[i % w.len()]).powi(2)).sum::<f64>()
    };
    let all = square(&mut anomalies.iter().copied());
    for k in 1..=10 {
        let ours = reconstruct(&file, &out, &["--modes", &format!("1..{k}")]);
        let left = square(&mut anomalies.iter().zip(&ours).map(|(a, b)| a - b));
        let expected = 1.0 - fractions[..k].iter().sum::<f64>();
        assert!((left / all - expected).abs() < 1e-10, "{k} modes: {} is not {expected}", left / all);
    }
    let (odd, even) =
        (reconstruct(&file, &out, &["--modes", "1,3"]), reconstruct(&file, &out, &["--modes", "2"]));
    let sum: Vec<f64> = odd.iter().zip(&even).map(|(a, b)| a + b).collect();
    near(&sum, &reconstruct(&file, &out, &["--modes", "1..3"]), 1e-12, "modes add up");
}

#[test]
fn several_variables_in_one_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (one, out) = (eof(folder.path(), &sample(), "sst", "one.nc", BOX), folder.path().join("out.nc"));
    let two = folder.path().join("two.nc");
    doubled(&one, &two);
    let alone = reconstruct(&one, &out, &["--modes", "1..4", "--add-mean"]);
    let both = reconstruct(&two, &out, &["--modes", "1..4", "--add-mean"]);
    near(&both, &alone, 1e-10, "the first of two");
    near(&values(&out, "sst2"), &alone, 1e-10, "the second");
}

#[test]
fn three_modes_are_those_of_eofs() {
    let reference = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference/projection_eofs.nc");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = ["--box", "200,230,-4,4", "--modes", "4", "--time", "2010-01/2017-12"];
    let file = eof(folder.path(), &sample(), "sst", "eof.nc", &options);
    let ours = reconstruct(&file, &folder.path().join("out.nc"), &["--modes", "1..3"]);
    let cells = 5 * 16;
    let kept: Vec<f64> = ours.chunks(cells).step_by(4).flatten().copied().collect();
    near(&kept, &values(&reference, "reconstructed"), 1e-9, "eofs");
}

#[test]
fn the_same_file_in_all_ways() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = eof(folder.path(), &sample(), "sst", "eof.nc", &["--modes", "3", "--anomaly", "climatology"]);
    let out = folder.path().join("out.nc");
    let words = ["reconstruct", text(&file), "--add-mean", "--time", "2011-03/2014-06", "-o", text(&out)];
    let mut first = None;
    for launch in launches() {
        for options in [&[][..], &["--memory", "250MB"], &["--io", "library"]] {
            if options.contains(&"250MB") && matches!(launch, Launch::ThreadRanks(_)) {
                continue;
            }
            run_well(launch, &[&words, options].concat());
            let found = contents(&out);
            assert!(*first.get_or_insert_with(|| found.clone()) == found, "{launch:?} {options:?}");
        }
    }
    let about = first.expect("one at least");
    assert!(about[":title"].contains("sst from EOF modes"), "{}", about[":title"]);
    assert_eq!(values(&out, "time"), values(&file, "time")[14..54]);
    assert_eq!(attribute(&out, "sst", "units").as_deref(), Some("degC"));
    // Nothing is added to cells that have no data.
    let [ours, theirs] = [values(&out, "sst"), values(&sample(), "sst")];
    let cells = 89 * 180;
    let fill = |v: f64| !v.is_finite() || v.abs() > 1e30;
    assert!(ours[..cells].iter().zip(&theirs[14 * cells..]).all(|(a, b)| fill(*a) == fill(*b)));
    let apart = ours.iter().zip(&theirs[14 * cells..]).filter(|(a, _)| !fill(**a));
    let apart = apart.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(apart > 0.01 && apart < 8.0, "{apart}");
}

#[test]
fn what_can_not_be_made_is_refused_in_a_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let file = eof(folder.path(), &sample(), "sst", "eof.nc", &[BOX, &["--modes", "3"]].concat());
    let plain = at("plain.nc");
    run_well(
        Launch::Plain(2),
        &[
            &[
                "eof",
                text(&sample()),
                "--var",
                "sst",
                "--anomaly",
                "none",
                "--weights",
                "none",
                "-o",
                text(&plain),
            ],
            BOX,
        ]
        .concat(),
    );
    let (sample, out) = (sample(), at("out.nc"));
    for (file, options, code, what) in [
        (&file, vec!["--modes", "9"], 2, "there is no mode 9"),
        (&file, vec!["--modes", "2..1"], 2, "the first mode is behind the last"),
        (&file, vec!["--time", "1950/1960"], 2, "1950"),
        (&file, vec!["--compress", "odd"], 2, "--compress"),
        (&file, vec!["--memory", "1MB"], 5, "--memory"),
        (&sample, vec![], 3, "is no result of `halocline eof`"),
        (&plain, vec!["--add-mean"], 2, "nothing was taken off"),
    ] {
        let words = [&["reconstruct", text(file), "-o", text(&out)], &options[..]].concat();
        for launch in [Launch::Plain(2), Launch::ThreadRanks(2)] {
            let refused = run(launch, &words);
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!((refused.status.code(), out.exists()), (Some(code), false), "{words:?}: {said}");
            assert!(said.contains(what), "{what}: {said}");
        }
    }
    let same = run(Launch::Plain(1), &["reconstruct", text(&file), "-o", text(&file)]);
    assert_eq!(same.status.code(), Some(2));
}
