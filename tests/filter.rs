//! `halocline filter time` against scipy and numpy, on any ranks, in little memory, with gaps and
//! bad input.

mod common;

use common::made::{value, Layout, Made};
use common::place::Place;
use common::{
    attribute, close, contents, data, launches, names_in, run, run_well, shared, text, values, Launch,
};
use std::path::Path;

fn word(variable: &netcdf::Variable<'_>, name: &str) -> String {
    match variable.attribute_value(name) {
        Some(Ok(netcdf::AttributeValue::Str(text))) => text,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn filters_are_those_of_scipy_and_numpy() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/filter_time.nc");
    let reference = netcdf::open(reference).expect("a reference");
    assert_eq!(reference.variables().count(), 13);
    for case in reference.variables() {
        let (input, var, arguments) =
            (word(&case, "input"), word(&case, "variable"), word(&case, "arguments"));
        let every = match case.attribute_value("every") {
            Some(Ok(netcdf::AttributeValue::Int(n))) => n as usize,
            other => panic!("{other:?}"),
        };
        let input = data(&input);
        let mut words = vec!["filter", "time", text(&input), "--var", &var, "-q", "-o", text(&out)];
        words.extend(arguments.split(' '));
        run_well(Launch::Plain(2), &words);
        let theirs: Vec<f64> = case.get_values(..).expect("numbers");
        let steps = case.dimensions()[0].len();
        let ours = values(&out, &var);
        let picked: Vec<f64> =
            ours.chunks(ours.len() / steps).flat_map(|map| map.iter().step_by(every)).copied().collect();
        close(&picked, &theirs, 1e-11, 1.0, &case.name());
    }
}

#[test]
fn known_answers_come_out() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    // Answers of scipy's `filtfilt` with polynomials, whose own rounding in narrow bands is 1e-7.
    let butterworth = ["--kind", "butterworth", "--band"];
    let lanczos = ["--weights", "30", "--convention", "duchon", "--band"];
    for (input, var, place, answer, [band, cut]) in [
        (
            "tas.sresb1.giss_model_e_r.run1.atm.da.nc",
            "tas",
            Some((3 * 5 + 2, 30)),
            "giss_daily_point",
            ["10d,50d", "24d,"],
        ),
        ("monthly_navy_winds.cdf", "UWND", Some((36 * 144 + 64, 73 * 144)), "navy_u_eq180", ["2y,8y", "2y,"]),
        ("SOI_Darwin.nc", "SOI_Darwin", None, "soi_darwin_iris", ["2y,8y", "24mon,"]),
    ] {
        let Some((input, answer)) =
            shared(&format!("atmos/{input}")).zip(shared(&format!("answers/spectra/{answer}.nc")))
        else {
            return;
        };
        // The index ends in a year of missing values.
        let span = if place.is_some() { "1800/2100" } else { "1800/2012-12" };
        for (options, band, name, tolerance) in [
            (&butterworth[..], band, "butter4_band", 1e-7),
            (&lanczos, cut, "lanczos61_lowpass_valid", 1e-14),
        ] {
            let words =
                ["filter", "time", text(&input), "--var", var, "--time", span, "-q", "-o", text(&out)];
            run_well(Launch::Plain(1), &[&words[..], options, &[band]].concat());
            let (cell, cells) = place.unwrap_or((0, 1));
            let all = values(&out, var);
            let ours: Vec<f64> = all.chunks(cells).map(|map| map[cell]).filter(|v| !v.is_nan()).collect();
            let theirs = values(&answer, name);
            let most = theirs.iter().fold(0.0f64, |most, v| most.max(v.abs()));
            close(&ours, &theirs, tolerance, most, name);
        }
    }
}

#[test]
fn the_same_bytes_on_any_ranks_with_gaps() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let layouts =
        [Layout::Classic, Layout::Chunked([1, 23, 40], Some(1)), Layout::Chunked([90, 5, 7], Some(1))];
    for options in [
        &["--band", "12mon,", "--weights", "3", "--missing", "drop"][..],
        &["--kind", "butterworth", "--band", "6mon,2y", "--missing", "drop"],
        &["--kind", "fft", "--band", "6mon,2y", "--missing", "drop", "--detrend", "linear"],
    ] {
        let mut first = None;
        for (k, layout) in layouts.into_iter().enumerate() {
            Made { shape: [90, 23, 40], layout, since: 0 }.write(&input);
            for launch in launches().into_iter().skip(k % 2).step_by(2) {
                let words = ["filter", "time", text(&input), "--var", "tos", "-q", "-o", text(&out)];
                run_well(launch, &[&words[..], options].concat());
                let got = contents(&out)["tos"].clone();
                assert!(
                    first.get_or_insert_with(|| got.clone()) == &got,
                    "{layout:?} {launch:?} {options:?}"
                );
            }
        }
        let filtered = values(&out, "tos");
        let is_lanczos = options[0] == "--band";
        for cell in 0..23 * 40 {
            let gap = |t: usize| value(t, cell).is_nan();
            let whole = (0..90).all(|t| !gap(t));
            for t in 0..90 {
                let spared = (3..87).contains(&t) && (t.max(3) - 3..=t + 3).all(|t| !gap(t));
                let there = if is_lanczos { spared } else { whole };
                assert_eq!(!filtered[t * 920 + cell].is_nan(), there, "{options:?} {t} {cell}");
            }
        }
    }
}

#[test]
fn the_file_says_what_it_holds() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let input = data("ersstv5_sst_201001-202008.nc");
    let words = ["filter", "time", text(&input), "--var", "sst", "--band"];
    run_well(Launch::Plain(2), &[&words[..], &["6mon,18mon", "-q", "-o", text(&out)]].concat());
    assert_eq!(values(&out, "time"), values(&input, "time"));
    assert_eq!(attribute(&out, "time", "units"), attribute(&input, "time", "units"));
    assert_eq!(attribute(&out, "sst", "units").as_deref(), Some("K"));
    assert_eq!(attribute(&out, "sst", "standard_name"), None);
    assert!(attribute(&out, "sst", "long_name").expect("is there").ends_with(", band-pass filtered"));
    assert_eq!(
        attribute(&out, "sst", "filter").as_deref(),
        Some("Lanczos band-pass, 37 weights, 6mon,18mon")
    );
    run_well(Launch::Plain(2), &[&words[..], &["18mon,", "--kind", "fft", "-q", "-o", text(&out)]].concat());
    assert_eq!(attribute(&out, "sst", "units"), attribute(&input, "sst", "units"));
    assert_eq!(attribute(&out, "sst", "standard_name"), attribute(&input, "sst", "standard_name"));
}

#[test]
fn memory_is_what_was_promised() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out, log) =
        (folder.path().join("in.nc"), folder.path().join("out.nc"), folder.path().join("log"));
    // 58 MB of values, twice as much of results.
    Made { shape: [400, 200, 180], layout: Layout::Chunked([1, 200, 180], None), since: 0 }.write(&input);
    let words =
        ["filter", "time", text(&input), "--var", "tos", "--band", "5mon,", "--missing", "drop", "-q"];
    run_well(Launch::Plain(2), &[&words[..], &["-o", text(&out)]].concat());
    let whole = contents(&out)["tos"].clone();
    let little = ["--memory", "110MB", "--log-json", text(&log), "-o", text(&out)];
    run_well(Launch::Plain(2), &[&words[..], &little].concat());
    let all = std::fs::read_to_string(&log).expect("a log");
    let last: serde_json::Value = serde_json::from_str(all.lines().last().expect("lines")).expect("JSON");
    let peaks = last["summary"]["peak_bytes"].as_array().expect("a list");
    assert!(peaks.iter().all(|p| p.as_u64() < Some(121_000_000)), "{peaks:?}");
    assert!(contents(&out)["tos"] == whole);
}

#[test]
fn what_can_not_be_done_is_refused_in_a_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    Made { shape: [40, 20, 30], layout: Layout::Chunked([1, 20, 30], Some(1)), since: 0 }.write(&input);
    // Of the cells that have data, all have gaps but those that the formula spares.
    let gaps = |cell: usize| (0..40).filter(|&t| value(t, cell).is_nan()).count();
    let with_data = (0..600).filter(|&c| gaps(c) < 40).count();
    let gappy: Vec<usize> = (0..600).filter(|&c| (1..40).contains(&gaps(c))).collect();
    let at = |cell: usize| {
        format!("latitude {}, longitude {}", -80.0 + 8.0 * (cell / 30) as f64, 12.0 * (cell % 30) as f64)
    };
    let count = format!(
        "{} of {with_data} cells with data are missing at some times only, the first at {} ({} of 40 times)",
        gappy.len(),
        at(gappy[0]),
        gaps(gappy[0])
    );
    let cases: [(&[&str], i32, &str); 17] = [
        (&["--band", "6mon,", "--weights", "5"], 3, &count),
        (&["--band", "6mon,", "--kind", "butterworth"], 3, &count),
        (&["--band", "6mon"], 2, "is no band"),
        (&["--band", ","], 2, "is no band"),
        (&["--band", "6mon,0.1"], 2, "a period and a frequency"),
        (&["--band", "12mon,6mon"], 2, "shorter period first"),
        (&["--band", "1mon,6mon"], 2, "with steps of 30 days: a band that ends at 1.000000"),
        (&["--band", "4y,"], 2, "97 weights need 97 times"),
        (&["--band", "6mon,", "--weights", "0"], 2, "--weights from 1"),
        (&["--band", "6mon,", "--order", "3"], 2, "--order is for --kind butterworth"),
        (&["--band", "6mon,", "--kind", "fft", "--ends", "odd"], 2, "--ends is for --kind lanczos"),
        (&["--band", "6mon,", "--kind", "fft", "--taper", "2"], 2, "--taper from 0 to 1"),
        (&["--band", "6mon,", "--kind", "butterworth", "--order", "20"], 2, "--order from 1 to 16"),
        (&["--band", "6mon,", "--kind", "butterworth", "--order", "13"], 2, "order 13 needs 43 times"),
        (&["--band", "6mon,", "--keep-mean"], 2, "keeps the mean"),
        (&["--band", "6mon,", "--weights", "5", "--memory", "1MB"], 5, "whole series"),
        (&["--band", "6mon,", "--time", "2001-01"], 3, "one time only"),
    ];
    for launch in [Launch::Plain(1), Launch::ThreadRanks(3)] {
        for (extra, code, says) in cases {
            let words = ["filter", "time", text(&input), "--var", "tos", "-q", "-o", text(&out)];
            let output = run(launch, &[&words[..], extra].concat());
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{extra:?}: {error}");
            assert!(error.contains(says), "{extra:?}: {error}");
            assert_eq!(error.trim_end().lines().count(), 1, "{extra:?}: {error}");
            assert_eq!(names_in(folder.path()), ["in.nc"], "{extra:?}");
        }
    }
    // A file with a gap in time.
    let later = folder.path().join("later.nc");
    Made { shape: [40, 20, 30], layout: Layout::Classic, since: 50 }.write(&later);
    let words =
        ["filter", "time", text(&input), text(&later), "--var", "tos", "--band", "6mon,", "-o", text(&out)];
    let output = run(Launch::Plain(1), &words);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{error}");
    assert!(error.contains("not evenly spaced: from 2003-04-16") && error.contains("--time"), "{error}");
}

#[test]
fn small_shapes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    // Cell 0 is land, 1 has gaps: of these nothing is left.
    for (cells, what) in [(1, "all values are missing"), (2, "nothing is left"), (40, "")] {
        Made { shape: [30, 1, cells], layout: Layout::Contiguous, since: 0 }.write(&input);
        for launch in [Launch::Plain(2), Launch::ThreadRanks(4)] {
            let words = ["filter", "time", text(&input), "--var", "tos", "--band", "6mon,", "--kind", "fft"];
            let words = [&words[..], &["--missing", "drop", "-q", "-o", text(&out)]].concat();
            if what.is_empty() {
                run_well(launch, &words);
                let whole = |cell: usize| (0..30).all(|t| value(t, cell).is_finite());
                assert!((0..cells).any(whole));
                let found = values(&out, "tos");
                assert!(found.iter().enumerate().all(|(k, v)| v.is_finite() == whole(k % cells)));
                continue;
            }
            let output = run(launch, &words);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.code() == Some(3) && said.contains(what), "{said}");
            assert!(!out.exists());
        }
    }
}

#[test]
fn a_step_of_a_pipeline_is_the_command() {
    let place = Place::new();
    let pipeline = "[source.sst]\nfiles = 'sst.nc'\nvar = 'sst'\n\
        [[step]]\nname = 'slow'\ndo = 'filter time'\nfrom = 'sst'\nkind = 'butterworth'\nband = '18mon,'\n\
        output = 'slow.nc'\n\
        [[step]]\ndo = 'stats'\nfrom = 'slow'\nop = 'std'\noutput = 'std.nc'\n";
    std::fs::write(place.at("p.toml"), pipeline).expect("written");
    let well = |words: &[&str]| {
        let output = common::within_two_minutes(&place.command(Launch::Plain(2), words));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    well(&["run", "p.toml", "--dry-run"]);
    well(&["run", "p.toml", "-q"]);
    let command = ["filter", "time", "sst.nc", "--var", "sst", "--kind", "butterworth", "--band", "18mon,"];
    well(&[&command[..], &["-q", "-o", "one.nc"]].concat());
    well(&["stats", "one.nc", "--var", "sst", "--op", "std", "-q", "-o", "two.nc"]);
    assert!(contents(&place.at("slow.nc")) == contents(&place.at("one.nc")));
    assert!(contents(&place.at("std.nc"))["sst"] == contents(&place.at("two.nc"))["sst"]);
}
