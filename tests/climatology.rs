//! `halocline climatology` against numpy, and what is written around the numbers.

mod common;

use common::made::{monthly, Dated};
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
fn periods_are_chosen_as_months_are_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let anomaly = folder.path().join("anomaly.nc");
    let of_months = |months: std::ops::Range<usize>| -> Vec<(usize, f64)> {
        months.map(|m| (m, (100 * (2000 + m / 12) + m % 12 + 1) as f64)).collect()
    };
    monthly(&input, &of_months(0..36), Dated::EndOfBounds);
    let common = ["--var", "v", "-q", "-o", text(&out)];
    for launch in [Launch::Plain(2), Launch::Mpi(3)] {
        let base = ["climatology", text(&input), "--by", "month", "--base", "2001/2001"];
        run_well(launch, &[&base[..], &common].concat());
        assert_eq!(values(&out, "v"), (200_101..=200_112).map(f64::from).collect::<Vec<_>>());
        let one = ["stats", text(&input), "--by", "year", "--op", "count", "--time", "2001"];
        run_well(launch, &[&one[..], &common].concat());
        assert_eq!(values(&out, "v"), [12.0]);
    }
    // A file without bounds changes nothing of those that have some.
    let later = folder.path().join("later.nc");
    monthly(&later, &of_months(36..48), Dated::Middle);
    let words = ["stats", text(&input), text(&later), "--by", "year", "--op", "min", "--time", "2002/2003"];
    run_well(Launch::Plain(1), &[&words[..], &common].concat());
    assert_eq!(values(&out, "v")[0], 200_201.0);
    let base = ["climatology", text(&input), text(&later), "--by", "month", "--base", "2002"];
    run_well(Launch::Plain(1), &[&base[..], &common, &["--anomaly", text(&anomaly)]].concat());
    assert_eq!(values(&anomaly, "v")[24..36], [0.0; 12]);
    assert_eq!(values(&anomaly, "v")[36..48], [100.0; 12]);
    // Nor does one that comes first, nor what another file calls its bounds, nor a bound that is missing.
    let (first, renamed) = (folder.path().join("first.nc"), folder.path().join("renamed.nc"));
    monthly(&first, &of_months(0..12), Dated::Middle);
    monthly(&input, &of_months(12..24), Dated::EndOfBounds);
    monthly(&renamed, &of_months(24..36), Dated::EndOfBounds);
    let mut file = netcdf::append(&renamed).expect("opens");
    let bounds = file.variable("time_bnds").expect("bounds").get_values::<f64, _>(..).expect("numbers");
    let lacking: Vec<f64> =
        bounds.iter().enumerate().map(|(i, b)| if i == 18 { f64::NAN } else { *b }).collect();
    let mut other = file.add_variable::<f64>("t_bounds", &["time", "bnds"]).expect("a variable");
    other.put_values(&lacking, ..).expect("written");
    file.variable_mut("time").expect("times").put_attribute("bounds", "t_bounds").expect("an attribute");
    drop(file);
    let all = ["stats", text(&first), text(&input), text(&renamed), "--by", "year", "--op", "min,count"];
    for launch in [Launch::Plain(1), Launch::Mpi(2)] {
        run_well(launch, &[&all[..], &common].concat());
        assert_eq!(values(&out, "v_min"), [200_001.0, 200_101.0, 200_201.0]);
        assert_eq!(values(&out, "v_count"), [12.0, 12.0, 12.0]);
        run_well(launch, &[&all[..], &common, &["--time", "2001/2002"]].concat());
        assert_eq!(values(&out, "v_count"), [12.0, 12.0]);
    }
    // The mean of all begins where the bounds of the first do, as far as there are any.
    run_well(Launch::Plain(1), &[&["stats", text(&input), text(&later)][..], &common].concat());
    assert_eq!(values(&out, "time_bnds"), [360.0, 36.0 * 30.0 + 11.0 * 30.0 + 15.0]);
    monthly(&input, &of_months(0..36), Dated::EndOfBounds);
    // The last month of the file is dated to the year after.
    let nothing = ["stats", text(&input), "--time", "2003"];
    let output = run(Launch::Plain(1), &[&nothing[..], &common].concat());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && error.contains("from 2000-01-16 to 2002-12-16"), "{error}");

    // A month that the base period does not have has its neighbours in a window.
    let kept: Vec<(usize, f64)> = of_months(0..36).into_iter().filter(|(m, _)| *m != 15).collect();
    monthly(&input, &kept, Dated::EndOfBounds);
    let base = ["climatology", text(&input), "--by", "month", "--base", "2001/2001"];
    let words = [&base[..], &common, &["--anomaly", text(&anomaly)]].concat();
    let output = run(Launch::Plain(1), &words);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && error.contains("no time in the month of 2000-04"), "{error}");
    run_well(Launch::Plain(1), &[&words[..], &["--window", "3"]].concat());
    assert_eq!(values(&out, "v")[3], 200_104.0);
    assert_eq!(values(&anomaly, "v")[3], -100.0);
}

#[test]
fn a_month_that_is_dated_to_its_end_is_that_month() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let months: Vec<(usize, f64)> = (0..36).map(|m| (m, (m % 12 + 1) as f64)).collect();
    monthly(&input, &months, Dated::EndOfBounds);
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
    // Nor is all JSON a log.
    let region = folder.path().join("region.geojson");
    std::fs::write(&region, r#"{"type": "Point", "coordinates": [0, 0]}"#).expect("written");
    let output = run(Launch::Plain(1), &[&words[..], &["--log-json", text(&region)]].concat());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && error.contains("is no log"), "{error}");
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
