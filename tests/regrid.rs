//! `halocline regrid` against CDO's results and weights, on any ranks, with missing values and bad
//! input.

mod common;

use common::{attribute, close, contents, data, launches, run, run_well, shared, text, values, Launch};
use std::path::{Path, PathBuf};

/// The known answers: the case, its input, variable, grid and method.
const CASES: [(&str, &str, &str, &str, &str); 6] = [
    ("ecearth_con_r72x36", "atmos/tas-ecearth.nc", "tas", "r72x36", "conservative"),
    ("era5_con_n16", "atmos/2t-era5.nc", "2t", "n16", "conservative"),
    ("era5_bil_n16", "atmos/2t-era5.nc", "2t", "n16", "bilinear"),
    ("era5_nn_n16", "atmos/2t-era5.nc", "2t", "n16", "nearest"),
    ("era5_dis_n16", "atmos/2t-era5.nc", "2t", "n16", "distance"),
    ("bipolar_ycon_r90x45", "ocean/tos_ocean_bipolar_grid.nc", "tos", "r90x45", "conservative"),
];

fn answer(kind: &str, case: &str) -> Option<PathBuf> {
    shared(&format!("answers/regrid/{kind}_{case}.nc"))
}

/// Maps are equal but for rounding, and missing in the same places. Those of CDO are of the first
/// step only.
fn equal(ours: &[f64], theirs: &[f64], tolerance: f64, case: &str) -> usize {
    assert!(ours.len() >= theirs.len(), "{case}");
    let mut there = 0;
    for (k, (a, b)) in ours.iter().zip(theirs).enumerate() {
        let is_missing = |v: f64| v.is_nan() || v.abs() > 1e30;
        assert_eq!(is_missing(*a), is_missing(*b), "{case}, cell {k}: {a} and {b}");
        if !is_missing(*a) {
            there += 1;
            assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{case}, cell {k}: {a} is not {b}");
        }
    }
    there
}

#[test]
fn methods_are_those_of_cdo() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    for (case, input, var, to, method) in CASES {
        let Some((input, answer)) = shared(input).zip(answer("remap", case)) else { return };
        run_well(
            Launch::Plain(2),
            &["regrid", text(&input), "--var", var, "--to", to, "--method", method, "-q", "-o", text(&out)],
        );
        // Values are stored in single precision.
        let there = equal(&values(&out, var), &values(&answer, var), 1.2e-7, case);
        assert!(there > 1900, "{case}");
    }
}

#[test]
fn bilinear_is_that_of_esmf_or_cdo() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let bilinear = |input: &Path, var: &str, to: &str, options: &[&str]| {
        let words =
            ["regrid", text(input), "--var", var, "--to", to, "--method", "bilinear", "-q", "-o", text(&out)];
        run_well(Launch::Plain(2), &[&words[..], options].concat());
        values(&out, var)
    };
    let named = |name: &str| shared(&format!("reference/pyremap/{name}.nc"));
    if let Some((input, there)) = named("SST_annual_1870-1900").zip(named("ref_latlon_to_stereographic")) {
        let to = format!("{}:SST", text(&there));
        let esmf = ["--convention", "esmf", "--missing", "leave-out"];
        equal(&bilinear(&input, "SST", &to, &esmf), &values(&there, "SST"), 1.2e-7, "stereographic");
        // In latitude and longitude it is another surface between the same four values.
        let flat = bilinear(&input, "SST", &to, &["--missing", "leave-out"]);
        equal(&flat, &values(&there, "SST"), 2e-3, "stereographic");
    }
    let case = "bipolar_bil_r90x45";
    if let Some((input, answer)) = shared("ocean/tos_ocean_bipolar_grid.nc").zip(answer("remap", case)) {
        let ours = bilinear(&input, "tos", "r90x45", &["--convention", "cdo"]);
        let theirs = values(&answer, "tos");
        // Columns of this grid overlap at its seam, where others find another quadrilateral first.
        equal(&ours, &theirs, 2e-3, case);
        let far = ours.iter().zip(&theirs).filter(|(a, b)| (*a - *b).abs() > 1e-4).count();
        assert!(far <= 6, "{far}");
    }
}

#[test]
fn weights_of_cdo_give_its_results() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    for (case, input, var, to, _) in CASES {
        let Some(((input, answer), weights)) =
            shared(input).zip(answer("remap", case)).zip(answer("weights", case))
        else {
            continue;
        };
        for to in [Some(to), None] {
            let mut words = vec![
                "regrid",
                text(&input),
                "--var",
                var,
                "--weights",
                text(&weights),
                "-q",
                "-o",
                text(&out),
            ];
            words.extend(to.into_iter().flat_map(|to| ["--to", to]));
            run_well(Launch::ThreadRanks(2), &words);
            equal(&values(&out, var), &values(&answer, var), 1.2e-7, case);
        }
    }
}

#[test]
fn weights_can_be_kept_and_give_the_same_bits() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [first, second, weights] = ["a.nc", "b.nc", "w.nc"].map(|n| folder.path().join(n));
    let input = data("ersstv5_sst_201001-202008.nc");
    for (method, format) in
        [("conservative", "esmf"), ("bilinear", "scrip"), ("conservative", "scrip"), ("distance:3", "esmf")]
    {
        let words = [
            "regrid",
            text(&input),
            "--var",
            "sst",
            "--to",
            "n12",
            "--method",
            method,
            "--missing",
            "leave-out:0.5",
            "-q",
        ];
        run_well(
            Launch::Plain(1),
            &[
                &words[..],
                &["--save-weights", text(&weights), "--weights-format", format, "-o", text(&first)],
            ]
            .concat(),
        );
        let words = ["regrid", text(&input), "--var", "sst", "--missing", "leave-out:0.5", "-q"];
        run_well(
            Launch::Plain(1),
            &[&words[..], &["--weights", text(&weights), "-o", text(&second)]].concat(),
        );
        let (a, b) = (values(&first, "sst"), values(&second, "sst"));
        assert!(
            a.iter().zip(&b).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()),
            "{method}"
        );
        let [links, rows] = if format == "esmf" { ["S", "row"] } else { ["remap_matrix", "dst_address"] };
        assert_eq!(values(&weights, links).len(), values(&weights, rows).len());
        // Corners of cells are bounds again.
        for bounds in ["lat_bnds", "lon_bnds"] {
            close(&values(&second, bounds), &values(&first, bounds), 1e-9, 1.0, bounds);
        }
    }
}

#[test]
fn the_same_bits_on_any_ranks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let input = data("ersstv5_sst_201001-202008.nc");
    for (method, to) in
        [("conservative", "r17x9"), ("bilinear", "n8"), ("nearest", "r3x2"), ("distance", "r1x1")]
    {
        let mut first = None;
        for (k, launch) in launches().into_iter().enumerate() {
            let out = folder.path().join(format!("{k}.nc"));
            run_well(
                launch,
                &[
                    "regrid",
                    text(&input),
                    "--var",
                    "sst",
                    "--to",
                    to,
                    "--method",
                    method,
                    "-q",
                    "-o",
                    text(&out),
                ],
            );
            let found = contents(&out);
            let first = first.get_or_insert_with(|| found.clone());
            assert!(*first == found, "{method} on {launch:?}");
        }
    }
}

#[test]
fn integrals_are_conserved() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [out, mean, there] = ["out.nc", "mean.nc", "there.nc"].map(|n| folder.path().join(n));
    let Some(input) = shared("atmos/tas-ecearth.nc") else { return };
    run_well(
        Launch::Plain(2),
        &["regrid", text(&input), "--var", "tas", "--to", "n20", "-q", "-o", text(&out)],
    );
    let of = |file: &Path, to: &Path| {
        run_well(
            Launch::Plain(1),
            &["stats", text(file), "--var", "tas", "--op", "mean", "--over", "lat,lon", "-q", "-o", text(to)],
        );
        values(to, "tas")
    };
    let (before, after) = (of(&input, &mean), of(&out, &there));
    for (a, b) in before.iter().zip(&after) {
        // Values are stored in single precision.
        assert!((a / b - 1.0).abs() < 1e-8, "{a} {b}");
    }
    assert!(attribute(&out, "tas", "cell_methods").is_some_and(|m| m.contains("area: mean")));
}

#[test]
fn bad_input_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let input = data("ersstv5_sst_201001-202008.nc");
    let all: [(&[&str], i32, &str); 9] = [
        (&["--to", "nonsense"], 2, "neither a file nor the name of a grid"),
        (&["--to", "absent.nc"], 3, "absent.nc"),
        (&["--to", "r0x4"], 2, "0 x 4"),
        (&["--to", "r4x2", "--method", "cubic"], 2, "conservative"),
        (&["--to", "r4x2", "--missing", "leave-out:2"], 2, "no share"),
        (&["--to", "r4x2", "--method", "nearest", "--normalisation", "destarea"], 2, "--method conservative"),
        (&["--to", "r4x2", "--weights", "no.nc"], 3, "no.nc"),
        (&[], 2, "--to"),
        (&["--weights", text(&input)], 3, "no file of weights"),
    ];
    for (words, code, message) in all {
        let mut command = vec!["regrid", text(&input), "--var", "sst", "-q", "-o", text(&out)];
        command.extend(words);
        let done = run(Launch::Plain(1), &command);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(code), "{words:?}: {said}");
        assert!(said.contains(message) && said.lines().count() == 1, "{words:?}: {said}");
        assert!(!out.exists());
    }
    // Weights of other grids.
    let weights = folder.path().join("w.nc");
    let made = [
        "regrid",
        text(&input),
        "--var",
        "sst",
        "--to",
        "r6x3",
        "-q",
        "--save-weights",
        text(&weights),
        "-o",
        text(&out),
    ];
    run_well(Launch::Plain(1), &made);
    std::fs::remove_file(&out).expect("an output");
    for words in [["--to", "r4x2"], ["--to", "r3x6"], ["--box", "100,200,-30,30"]] {
        let mut command =
            vec!["regrid", text(&input), "--var", "sst", "--weights", text(&weights), "-q", "-o", text(&out)];
        command.extend(words);
        let done = run(Launch::Plain(1), &command);
        assert_eq!(done.status.code(), Some(3), "{words:?}");
        assert!(String::from_utf8_lossy(&done.stderr).contains("cells"), "{words:?}");
    }
}
