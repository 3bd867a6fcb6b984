//! `halocline climatology` against numpy, and what is written around the numbers.

mod common;

use common::{attribute, contents, data, launches, names_in, run, run_well, text, values, Launch};
use std::path::Path;

fn reference(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

fn close(ours: &[f64], theirs: &[f64], tolerance: f64, what: &str) {
    common::close(ours, theirs, tolerance, 1e-3, what);
}

/// Singles with their fill value as NaN.
fn singles(file: &Path, name: &str) -> Vec<f64> {
    values(file, name).into_iter().map(|v| if v > 9e36 { f64::NAN } else { v }).collect()
}

#[test]
fn days_of_the_year_with_leap_days_and_windows() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, anomaly) = (folder.path().join("clim.nc"), folder.path().join("anom.nc"));
    let input = data("case_daily_input.nc");
    for leap in ["keep", "drop", "merge"] {
        for window in ["1", "5"] {
            let mut arguments = vec!["climatology", text(&input), "--var", "tas", "--by", "dayofyear"];
            arguments.extend(["--leap-day", leap, "--window", window, "--op", "mean,p90,std", "-q"]);
            arguments.extend(["-o", text(&out), "--anomaly", text(&anomaly)]);
            run_well(Launch::Plain(2), &arguments);
            for op in ["mean", "std"] {
                let theirs = values(&reference("climatology_daily.nc"), &format!("{leap}_{window}_{op}"));
                close(&values(&out, &format!("tas_{op}")), &theirs, 1e-12, &format!("{leap} {window} {op}"));
            }
            if window == "5" {
                let theirs = values(&reference("climatology_daily.nc"), &format!("{leap}_5_p90"));
                close(&values(&out, "tas_p90"), &theirs, 1e-14, &format!("{leap} p90"));
                let theirs = values(&reference("climatology_daily.nc"), &format!("{leap}_5_anomaly"));
                // Stored in single precision, as the input is.
                let theirs: Vec<f64> = theirs.into_iter().map(|v| f64::from(v as f32)).collect();
                close(&singles(&anomaly, "tas"), &theirs, 2e-7, &format!("{leap} anomaly"));
            }
        }
    }
}

#[test]
fn months_and_seasons_of_a_base_period() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, anomaly) = (folder.path().join("clim.nc"), folder.path().join("anom.nc"));
    let sample = data("ersstv5_sst_201001-202008.nc");
    let cells = 89 * 180;
    let thin = |all: Vec<f64>| -> Vec<f64> {
        all.chunks(cells).flat_map(|map| map.iter().copied().step_by(97)).collect()
    };
    for by in ["month", "season"] {
        for (which, base) in [("all", None), ("base", Some("2011/2018"))] {
            let mut arguments = vec!["climatology", text(&sample), "--var", "sst", "--by", by];
            arguments.extend(["--op", "mean,std,count", "-q", "-o", text(&out)]);
            arguments.extend(base.iter().flat_map(|base| ["--base", base]));
            run_well(Launch::Plain(2), &arguments);
            for op in ["mean", "std"] {
                let theirs = values(&reference("climatology_sample.nc"), &format!("{by}_{which}_{op}"));
                let ours = thin(values(&out, &format!("sst_{op}")));
                close(&ours, &theirs, 1e-12, &format!("{by} {which} {op}"));
            }
        }
    }
    let standard =
        ["--base", "2011/2018", "--standardize", "--anomaly", text(&anomaly), "-q", "-o", text(&out)];
    run_well(
        Launch::Plain(2),
        &[&["climatology", text(&sample), "--var", "sst", "--by", "month"], &standard[..]].concat(),
    );
    let theirs = values(&reference("climatology_sample.nc"), "standardized");
    close(&thin(singles(&anomaly, "sst")), &theirs, 1e-6, "standardized");
    assert_eq!(attribute(&anomaly, "sst", "units").as_deref(), Some("1"));
}

#[test]
fn what_stands_around_the_numbers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, anomaly) = (folder.path().join("clim.nc"), folder.path().join("anom.nc"));
    let input = data("case_daily_input.nc");
    let arguments = ["climatology", text(&input), "--var", "tas", "--by", "month", "-q", "-o", text(&out)];
    run_well(Launch::Plain(1), &[&arguments[..], &["--anomaly", text(&anomaly)]].concat());
    assert_eq!(values(&out, "month"), (1..=12).map(f64::from).collect::<Vec<_>>());
    // Mid-January 1999; from the first January to the end of the last, in days since 1999.
    assert_eq!(values(&out, "time")[0], 15.5);
    assert_eq!(values(&out, "climatology_bounds")[..4], [0.0, 1127.0, 31.0, 1155.0]);
    assert_eq!(attribute(&out, "time", "climatology").as_deref(), Some("climatology_bounds"));
    assert_eq!(attribute(&out, "time", "bounds"), None);
    let methods = "time: mean within years time: mean over years";
    assert_eq!(attribute(&out, "tas", "cell_methods").as_deref(), Some(methods));
    assert_eq!(attribute(&out, "tas", "coordinates").as_deref(), Some("month"));
    assert_eq!(values(&anomaly, "time").len(), 1461);
    assert_eq!(attribute(&anomaly, "tas", "units").as_deref(), Some("K"));
    // An anomaly of air temperature is no air temperature.
    assert_eq!(attribute(&anomaly, "tas", "standard_name"), None);
    // Seasons are named; winter is in the middle of January.
    let seasons = ["climatology", text(&input), "--var", "tas", "--by", "season", "-q", "-o", text(&out)];
    run_well(Launch::Plain(1), &seasons);
    assert_eq!(values(&out, "time")[0], 14.0);
}

#[test]
fn a_month_that_is_dated_to_its_end_is_that_month() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let mut file = netcdf::create(&input).expect("a test file");
    for (name, len) in [("time", 36), ("bnds", 2), ("lat", 1), ("lon", 1)] {
        file.add_dimension(name, len).expect("a dimension");
    }
    for (name, units) in
        [("time", "days since 2000-01-01"), ("lat", "degrees_north"), ("lon", "degrees_east")]
    {
        let mut variable = file.add_variable::<f64>(name, &[name]).expect("a variable");
        variable.put_attribute("units", units).expect("an attribute");
        if name == "time" {
            variable.put_attribute("calendar", "360_day").expect("an attribute");
            variable.put_attribute("bounds", "time_bnds").expect("an attribute");
        }
    }
    file.add_variable::<f64>("time_bnds", &["time", "bnds"]).expect("a variable");
    file.add_variable::<f64>("v", &["time", "lat", "lon"]).expect("a variable");
    let ends: Vec<f64> = (1..=36).map(|m| 30.0 * f64::from(m)).collect();
    let bounds: Vec<f64> = ends.iter().flat_map(|end| [end - 30.0, *end]).collect();
    let months: Vec<f64> = (0..36).map(|m| f64::from(m % 12 + 1)).collect();
    for (name, values) in
        [("time", &ends), ("time_bnds", &bounds), ("v", &months), ("lat", &vec![0.0]), ("lon", &vec![0.0])]
    {
        file.variable_mut(name).expect("defined").put_values(values, ..).expect("written");
    }
    drop(file);
    let words = ["climatology", text(&input), "--var", "v", "--by", "month", "-q", "-o", text(&out)];
    run_well(Launch::Plain(1), &words);
    assert_eq!(values(&out, "v"), (1..=12).map(f64::from).collect::<Vec<_>>());
    // The anomalies of one place, under another spelling of it.
    let twice = folder.path().join("../").join(folder.path().file_name().expect("a name")).join("out.nc");
    let output = run(Launch::Plain(1), &[&words[..], &["--anomaly", text(&twice)]].concat());
    assert_eq!(output.status.code(), Some(2));
    // A log at the end of the input would be the end of it.
    let before = std::fs::read(&input).expect("the input");
    let output = run(Launch::Plain(1), &[&words[..], &["--log-json", text(&input)]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(std::fs::read(&input).expect("the input") == before);
}

#[test]
fn the_same_bits_on_any_ranks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, anomaly) = (folder.path().join("clim.nc"), folder.path().join("anom.nc"));
    let (daily, sample) = (data("case_daily_input.nc"), data("ersstv5_sst_201001-202008.nc"));
    let jobs: [&[&str]; 2] = [
        &[text(&daily), "--var", "tas", "--by", "dayofyear", "--window", "3", "--op", "mean,std,p5"],
        &[text(&sample), "--var", "sst", "--by", "season", "--op", "mean,max"],
    ];
    for job in jobs {
        let mut first = None;
        let mut check = |launch: Launch, extra: &[&str]| {
            let files = ["--anomaly", text(&anomaly), "-q", "-o", text(&out)];
            run_well(launch, &[&["climatology"], job, extra, &files].concat());
            let now = (contents(&out), contents(&anomaly));
            assert!(
                *first.get_or_insert_with(|| now.clone()) == now,
                "{launch:?} {extra:?} gives other bits"
            );
        };
        for launch in launches() {
            check(launch, &[]);
        }
        check(Launch::ThreadRanks(4), &["--decomposition", "lat=2,lon=2"]);
        check(Launch::Plain(2), &["--io", "library"]);
        check(Launch::Plain(2), &["--memory", "130MB"]);
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, anomaly) = (folder.path().join("clim.nc"), folder.path().join("anom.nc"));
    let input = data("case_daily_input.nc");
    let base = ["climatology", text(&input), "--var", "tas", "-o", text(&out)];
    let cases: [(&[&str], i32, &str); 11] = [
        (&["--by", "dayofyear", "--window", "4"], 2, "odd"),
        (&["--by", "month", "--window", "13"], 2, "below 12"),
        (&["--by", "month", "--leap-day", "drop"], 2, "--by dayofyear"),
        (&["--by", "month", "--op", "trend"], 2, "no trend"),
        (&["--by", "month", "--op", "std", "--anomaly", text(&anomaly)], 2, "add mean"),
        (&["--by", "month", "--op", "mean", "--anomaly", text(&anomaly), "--standardize"], 2, "add std"),
        (&["--by", "month", "--anomaly", text(&out)], 2, "same file"),
        (&["--by", "month", "--anomaly", text(&input)], 2, "replace an input"),
        (&["--by", "month", "--base", "1999-01/1999-06", "--anomaly", text(&anomaly)], 2, "longer --base"),
        (&["--by", "month", "--base", "1950/1960"], 2, "1950/1960"),
        (&["--by", "month", "--memory", "1MB"], 5, "--memory"),
    ];
    for (extra, code, part) in cases {
        for launch in [Launch::Plain(1), Launch::ThreadRanks(3)] {
            let output = run(launch, &[&base[..], extra].concat());
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{extra:?}: {error}");
            assert!(error.contains(part), "{extra:?}: {error}");
        }
    }
    assert!(names_in(folder.path()).is_empty(), "{:?}", names_in(folder.path()));
}
