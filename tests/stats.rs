//! `halocline stats` against numpy and CDO, and what is written around the numbers.

mod common;

use common::made::{Layout, Made};
use common::{attribute, data, run, run_well, shared, text, values, Launch};
use std::path::Path;

fn close(ours: &[f64], theirs: &[f64], tolerance: f64, what: &str) {
    common::close(ours, theirs, tolerance, 1e-3, what);
}

#[test]
fn stored_references() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let references = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    for case in ["sample", "packed", "curvilinear", "trend"] {
        let path = references.join(format!("stats_{case}.nc"));
        let reference = netcdf::open(&path).expect("a reference");
        let word = |name: &str| match reference.attribute(name).expect("is there").value() {
            Ok(netcdf::AttributeValue::Str(text)) => text,
            other => panic!("{name} is {other:?}"),
        };
        let Ok(netcdf::AttributeValue::Int(every)) = reference.attribute("every").expect("is there").value()
        else {
            panic!("no step")
        };
        let (input, var) = (data(&word("input")), word("variable"));
        let ops = "mean,sum,min,max,count";
        run_well(
            Launch::Plain(2),
            &["stats", text(&input), "--var", &var, "--op", ops, "-q", "-o", text(&out)],
        );
        for op in ops.split(',') {
            let ours: Vec<f64> =
                values(&out, &format!("{var}_{op}")).into_iter().step_by(every as usize).collect();
            let theirs: Vec<f64> = reference.variable(op).expect("is there").get_values(..).expect("numbers");
            // Extremes and counts are exact; so is all that numpy rounds once, but for our order.
            let tolerance = if ["mean", "sum"].contains(&op) { 1e-12 } else { 0.0 };
            close(&ours, &theirs, tolerance, &format!("{case} {op}"));
        }
    }
}

#[test]
fn known_answers_of_cdo() {
    let cases = [
        ("atmos/monthly_navy_winds.cdf", "UWND", "mean", "navy_timmean.nc"),
        ("atmos/monthly_navy_winds.cdf", "VWND", "min", "navy_timmin.nc"),
        ("atmos/monthly_navy_winds.cdf", "UWND", "max", "navy_timmax.nc"),
        ("ocean/ersstv5_sst.mnmean_201001-202008.nc", "sst", "mean", "ersst_timmean.nc"),
        ("atmos/A1B_north_america.nc", "air_temperature", "mean", "a1b_timmean.nc"),
    ];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    for (input, var, op, answer) in cases {
        let (Some(input), Some(answer)) = (shared(input), shared(&format!("answers/stats/{answer}"))) else {
            continue;
        };
        run_well(
            Launch::Plain(2),
            &["stats", text(&input), "--var", var, "--op", op, "-q", "-o", text(&out)],
        );
        let theirs: Vec<f64> =
            values(&answer, var).into_iter().map(|v| if v.abs() > 1e30 { f64::NAN } else { v }).collect();
        close(&values(&out, var), &theirs, 1e-6, &format!("{input:?} {op}"));
    }
}

#[test]
fn what_stands_around_the_numbers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let input = data("case_packed_input.nc");
    run_well(Launch::Plain(1), &["stats", text(&input), "--var", "thetao", "-q", "-o", text(&out)]);
    let file = netcdf::open(&out).expect("opens");
    let dims: Vec<(String, usize)> = file
        .variable("thetao")
        .expect("keeps its name")
        .dimensions()
        .iter()
        .map(|d| (d.name(), d.len()))
        .collect();
    let expected = [("time", 1), ("depth", 2), ("lat", 12), ("lon", 18)].map(|(n, l)| (n.to_owned(), l));
    assert_eq!(dims, expected);
    // One time, between the ends of the first and the last.
    let bounds = values(&input, "time_bnds");
    let (first, last) = (bounds[0], bounds[bounds.len() - 1]);
    assert_eq!(values(&out, "time_bnds"), [first, last]);
    assert_eq!(values(&out, "time"), [0.5 * (first + last)]);
    assert_eq!(attribute(&out, "time", "bounds").as_deref(), Some("time_bnds"));
    assert_eq!(attribute(&out, "time", "calendar").as_deref(), Some("360_day"));
    assert_eq!(values(&out, "depth"), values(&input, "depth"));
    assert_eq!(attribute(&out, "thetao", "cell_methods").as_deref(), Some("time: mean time: mean"));
    assert_eq!(attribute(&out, "thetao", "units").as_deref(), Some("degC"));
    for packing in ["scale_factor", "add_offset", "missing_value"] {
        assert_eq!(attribute(&out, "thetao", packing), None);
    }
    // Another operation, a count: names and units of their own.
    run_well(
        Launch::Plain(1),
        &["stats", text(&input), "--var", "thetao", "--op", "count,max", "-q", "-o", text(&out)],
    );
    assert_eq!(attribute(&out, "thetao_count", "units").as_deref(), Some("1"));
    assert_eq!(attribute(&out, "thetao_count", "cell_methods"), None);
    assert_eq!(attribute(&out, "thetao_max", "cell_methods").as_deref(), Some("time: mean time: maximum"));
}

#[test]
fn selections() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let made = Made { shape: [100, 8, 12], layout: Layout::Chunked([7, 3, 5], Some(1)), since: 0 };
    made.write(&input);
    let options = ["--time", "2002/2003-06", "--box", "60,181,-41,30"];
    let arguments = ["stats", text(&input), "--var", "tos", "-q", "--op", "sum,count", "-o", text(&out)];
    run_well(Launch::ThreadRanks(3), &[&arguments[..], &options].concat());
    // Months 24 to 41, rows at -40 to 20, columns at 60 to 180.
    assert_eq!(values(&out, "lat"), [-40.0, -20.0, 0.0, 20.0]);
    assert_eq!(values(&out, "lon"), [60.0, 90.0, 120.0, 150.0, 180.0]);
    let part = Made { shape: [18, 8, 12], since: 24, ..made };
    let cells: Vec<usize> = (2..6).flat_map(|j| (2..7).map(move |i| j * 12 + i)).collect();
    let sums: Vec<f64> =
        cells.iter().map(|&c| part.sum(c)).map(|(s, n)| if n > 0 { s } else { f64::NAN }).collect();
    close(&values(&out, "tos_sum"), &sums, 1e-12, "sum of a selection");
    let counts: Vec<f64> = cells.iter().map(|&c| part.sum(c).1 as f64).collect();
    assert_eq!(values(&out, "tos_count"), counts);
    // A level that is chosen is a scalar coordinate.
    let input = data("case_packed_input.nc");
    run_well(
        Launch::Plain(1),
        &["stats", text(&input), "--var", "thetao", "--level", "105", "-q", "-o", text(&out)],
    );
    assert_eq!(values(&out, "depth"), [105.0]);
    assert_eq!(values(&out, "thetao").len(), 12 * 18);
}

#[test]
fn many_files_are_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (whole, one, many) =
        (folder.path().join("w.nc"), folder.path().join("1.nc"), folder.path().join("2.nc"));
    let made = Made { shape: [90, 9, 10], layout: Layout::Chunked([1, 9, 10], Some(1)), since: 0 };
    made.write(&whole);
    for k in 0..9 {
        let part = Made { shape: [10, 9, 10], since: 10 * k, ..made };
        part.write(&folder.path().join(format!("part_{k}.nc")));
    }
    let pattern = folder.path().join("part_*.nc");
    for (launch, input, out) in [(Launch::Plain(2), &whole, &one), (Launch::ThreadRanks(2), &pattern, &many)]
    {
        run_well(launch, &["stats", text(input), "--var", "tos", "-q", "-o", text(out)]);
    }
    let bits = |path: &Path| values(path, "tos").iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&one), bits(&many));
    let means: Vec<f64> = (0..90).map(|c| made.sum(c)).map(|(s, n)| s / n as f64).collect();
    close(&values(&one, "tos"), &means, 1e-12, "mean");
}

#[test]
fn what_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let input = folder.path().join("in.nc");
    Made { shape: [9, 4, 5], layout: Layout::Classic, since: 0 }.write(&input);
    let before = std::fs::read(&input).expect("readable");
    let results = folder.path().join("results");
    std::fs::create_dir(&results).expect("a folder");
    let out = results.join("out.nc");
    let out = text(&out);
    let state = folder.path().join("state");
    std::fs::write(&state, "my diary").expect("written");
    let cases: [(&[&str], i32, &str); 13] = [
        (&["--var", "tos", "--over", "lev", "-o", out], 2, "--over"),
        (&["--var", "tos", "--op", "median", "-o", out], 2, "mean, sum, min, max, std"),
        (&["--var", "tos", "--op", "mean,mean", "-o", out], 2, "twice"),
        (&["--var", "tos,tos", "-o", out], 2, "twice"),
        (&["--var", "tis", "-o", out], 2, "tis"),
        (&["--var", "time", "-o", out], 2, "coordinate"),
        (&["--var", "lat", "-o", out], 2, "coordinate"),
        (&["--var", "tos", "-o", text(&input)], 2, "replace an input"),
        (&["--var", "tos", "-o", out, "--memory", "1MB"], 5, "1.0 MB"),
        (&["--var", "tos", "-o", out, "--log-json", "/no/such/log"], 4, "log"),
        (&["--var", "tos", "-o", out, "--checkpoint", text(&state)], 2, "no saved state"),
        (&["--var", "tos", "-o", out, "--checkpoint", out], 2, "replace"),
        (&["--var", "tos", "-o", "/proc/out.nc"], 4, "/proc/out.nc"),
    ];
    let mpi = cfg!(feature = "mpi").then_some(Launch::Mpi(2));
    for launch in [Launch::Plain(1), Launch::ThreadRanks(3)].into_iter().chain(mpi) {
        for (options, code, word) in &cases {
            let output = run(launch, &[&["stats", text(&input), "-q"], *options].concat());
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(*code), "{launch:?} {options:?}: {error}");
            let lines: Vec<&str> = error.lines().filter(|l| l.starts_with("halocline: ")).collect();
            assert!(lines.len() == 1 && lines[0].contains(word), "{launch:?} {options:?}: {error}");
            assert_eq!(common::names_in(&results), Vec::<String>::new());
        }
    }
    assert_eq!(std::fs::read(&input).expect("readable"), before);
    assert_eq!(std::fs::read(&state).expect("readable"), b"my diary");
}
