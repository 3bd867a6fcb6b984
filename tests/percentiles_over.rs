//! Percentiles of `halocline stats` over areas, levels, members, times and all of them, against
//! numpy and CDO, on any ranks, in little memory, and what is refused.

mod common;

use common::made::{value, Layout, Made};
use common::{attribute, close, contents, data, launches, names_in, run, run_well, text, values, Launch};
use std::path::{Path, PathBuf};

fn stats(launch: Launch, input: &Path, arguments: &str, out: &Path) {
    let words: Vec<&str> = arguments.split_whitespace().collect();
    run_well(launch, &[&["stats", text(input), "-q", "-o", text(out)], &words[..]].concat());
}

/// A percentile by linear interpolation, the plain way.
fn linear(values: impl Iterator<Item = f32>, percent: f64) -> f64 {
    let mut all: Vec<f32> = values.filter(|v| !v.is_nan()).collect();
    if all.is_empty() {
        return f64::NAN;
    }
    all.sort_unstable_by(f32::total_cmp);
    let h = (all.len() - 1) as f64 * (percent / 100.0);
    let (low, high) = (f64::from(all[h as usize]), f64::from(all[(h.ceil()) as usize]));
    let weight = h - h.floor();
    // As numpy rounds it.
    if weight < 0.5 {
        low + (high - low) * weight
    } else {
        high - (high - low) * (1.0 - weight)
    }
}

fn same(ours: &[f64], theirs: &[f64], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!(a == b || a.is_nan() && b.is_nan(), "{what}, number {i}: {a} is not {b}");
    }
}

#[test]
fn stored_references_of_numpy_and_cdo() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/percentiles_over.nc");
    let reference = netcdf::open(&path).expect("a reference");
    let here = format!("{}/", text(&data("")).trim_end_matches('/'));
    for (k, case) in reference.variables().enumerate() {
        let word = |name: &str| match case.attribute_value(name) {
            Some(Ok(netcdf::AttributeValue::Str(text))) => text,
            other => panic!("{name} is {other:?}"),
        };
        let arguments = word("arguments");
        let launch = if k % 3 == 2 { Launch::ThreadRanks(3) } else { Launch::Plain(2) };
        stats(launch, &data(&word("input")), &arguments.replace("DATA/", &here), &out);
        let theirs: Vec<f64> = case.get_values(..).expect("numbers");
        let ours = values(&out, &word("result"));
        if word("computed_by") == "numpy" {
            same(&ours, &theirs, &arguments);
        } else {
            // CDO interpolates with other roundings.
            close(&ours, &theirs, 1e-12, 1e-2, &arguments);
        }
    }
}

#[test]
fn the_same_bytes_on_any_ranks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let layouts = [
        Layout::Classic,
        Layout::Chunked([1, 37, 50], Some(1)),
        Layout::Chunked([16, 10, 20], Some(1)),
        Layout::Chunked([130, 5, 5], None),
    ];
    for arguments in [
        "--over lat,lon --op p5,p50,p99.9",
        "--over lon --op p5,p50 --missing 40",
        "--over time,lat --op p50,p90 --by year",
        "--over time,lat,lon --op p0.1,p50",
    ] {
        let mut first = None;
        for (k, layout) in layouts.into_iter().enumerate() {
            Made { shape: [130, 37, 50], layout, since: 0 }.write(&input);
            // All ways to launch for all layouts would take long.
            for launch in launches().into_iter().skip(k % 3).step_by(3) {
                stats(launch, &input, &format!("--var tos {arguments}"), &out);
                let got = contents(&out);
                let first = first.get_or_insert_with(|| got.clone());
                assert!(got == *first, "{layout:?} {launch:?} {arguments}");
            }
        }
    }
    let all = (0..130).flat_map(|t| (0..37 * 50).map(move |c| value(t, c)));
    same(&values(&out, "tos_p0.1"), &[linear(all, 0.1)], "all values");
}

#[test]
fn memory_is_what_was_promised_however_it_is_done() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let log = folder.path().join("log");
    let shape = [300, 240, 300];
    let mut first: Vec<Option<Vec<f64>>> = vec![None; 3];
    // 86 MB of values.
    for layout in [Layout::Chunked([1, 240, 300], None), Layout::Chunked([1, 240, 300], Some(1))] {
        Made { shape, layout, since: 0 }.write(&input);
        for (k, over) in ["lat,lon", "time,lon", "time,lat,lon"].into_iter().enumerate() {
            for (launch, memory) in [
                (Launch::Plain(2), "2GB"),
                (Launch::Plain(2), "100MB"),
                (Launch::Mpi(2), "100MB"),
                (Launch::ThreadRanks(3), "1GB"),
            ] {
                if matches!(launch, Launch::Mpi(_)) && !cfg!(feature = "mpi") {
                    continue;
                }
                let _ = std::fs::remove_file(&log);
                let arguments =
                    format!("--var tos --op p50 --over {over} --memory {memory} --log-json {}", text(&log));
                stats(launch, &input, &arguments, &out);
                let got = values(&out, "tos");
                same(
                    &got,
                    first[k].get_or_insert_with(|| got.clone()),
                    &format!("{layout:?} {launch:?} {arguments}"),
                );
                let events = std::fs::read_to_string(&log).expect("a log");
                let last: serde_json::Value =
                    serde_json::from_str(events.lines().last().expect("events")).expect("JSON");
                let peaks = last["summary"]["peak_bytes"].as_array().expect("a list");
                let little = peaks.iter().all(|p| p.as_u64() < Some(110_000_000));
                assert!(little || memory != "100MB", "{layout:?} {launch:?} {over} {peaks:?}");
            }
        }
    }
    let at = |t: usize| (0..240 * 300).map(move |c| value(t, c));
    same(first[0].as_ref().unwrap(), &(0..300).map(|t| linear(at(t), 50.0)).collect::<Vec<_>>(), "maps");
    same(first[2].as_ref().unwrap(), &[linear((0..300).flat_map(at), 50.0)], "all");
}

fn axis(file: &mut netcdf::FileMut, name: &str, dim: &str, units: &str, values: &[f64]) {
    let mut v = file.add_variable::<f64>(name, &[dim]).expect("a variable");
    v.put_attribute("units", units).expect("an attribute");
    v.put_values(values, ..).expect("written");
}

/// Member `m` of an ensemble: 9 months of 6 x 10 cells in single precision.
fn member(folder: &Path, m: usize) -> PathBuf {
    let path = folder.join(format!("tos_{m}.nc"));
    Made { shape: [9, 6, 10], layout: Layout::Chunked([2, 6, 10], Some(1)), since: 0 }.write(&path);
    let mut file = netcdf::append(&path).expect("opens");
    let all: Vec<f32> = (0..540).map(|k| of_member(m, k)).collect();
    file.variable_mut("tos").expect("is there").put_values(&all, ..).expect("written");
    path
}

fn of_member(m: usize, k: usize) -> f32 {
    if (k + m) % 13 == 0 {
        1e20
    } else {
        value(m, k + 1)
    }
}

#[test]
fn percentiles_of_members() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let members: Vec<PathBuf> = (0..5).map(|m| member(folder.path(), m)).collect();
    let paths: Vec<&str> = members.iter().map(|p| text(p)).collect();
    let there = |m: usize, k: usize| Some(of_member(m, k)).filter(|v| *v < 1e19).unwrap_or(f32::NAN);
    let by_cell: Vec<f64> = (0..540).map(|k| linear((0..5).map(|m| there(m, k)), 10.0)).collect();
    let pooled = |c: usize| (0..5).flat_map(move |m| (0..9).map(move |t| there(m, t * 60 + c)));
    let pooled: Vec<f64> = (0..60).map(|c| linear(pooled(c), 10.0)).collect();
    for (over, expected, methods) in
        [("member", &by_cell, "member: median"), ("time,member", &pooled, "time: member: median")]
    {
        let mut first = None;
        for launch in launches() {
            let options =
                ["--var", "tos", "--ensemble", "--op", "p10,p50", "--over", over, "-q", "-o", text(&out)];
            run_well(launch, &[&["stats"], &paths[..], &options].concat());
            let got = contents(&out);
            assert!(*first.get_or_insert_with(|| got.clone()) == got, "{launch:?} {over}");
        }
        same(&values(&out, "tos_p10"), expected, over);
        assert_eq!(attribute(&out, "tos_p50", "cell_methods").as_deref(), Some(methods));
        let file = netcdf::open(&out).expect("opens");
        let dims: Vec<String> = file
            .variable("tos_p10")
            .expect("is there")
            .dimensions()
            .iter()
            .map(netcdf::Dimension::name)
            .collect();
        assert_eq!(dims, ["time", "lat", "lon"]);
        assert_eq!(file.dimension_len("time"), Some(if over == "member" { 9 } else { 1 }));
    }
}

#[test]
fn cells_without_rows() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let (nt, nc) = (7usize, 211usize);
    let mut file = netcdf::create(&input).expect("a test file");
    file.add_dimension("time", nt).expect("a dimension");
    file.add_dimension("cell", nc).expect("a dimension");
    let along = |f: &dyn Fn(f64) -> f64| (0..nc).map(|i| f(i as f64)).collect::<Vec<_>>();
    axis(&mut file, "time", "time", "days since 2000-01-01", &(0..nt).map(|t| t as f64).collect::<Vec<_>>());
    axis(&mut file, "lat", "cell", "degrees_north", &along(&|i| -80.0 + i * 0.7));
    axis(&mut file, "lon", "cell", "degrees_east", &along(&|i| i * 37.0 % 360.0));
    let mut v = file.add_variable::<f32>("tos", &["time", "cell"]).expect("a variable");
    v.put_attribute("coordinates", "lat lon").expect("an attribute");
    v.set_fill_value(f32::NAN).expect("a fill value");
    let all: Vec<f32> = (0..nt * nc).map(|k| value(k / nc, k % nc)).collect();
    v.put_values(&all, ..).expect("written");
    drop(file);
    let expected: Vec<f64> = (0..nt).map(|t| linear((0..nc).map(|c| value(t, c)), 30.0)).collect();
    let southern = |t: usize| (0..nc).filter(|c| *c as f64 * 0.7 < 80.0).map(move |c| value(t, c));
    let south: Vec<f64> = (0..nt).map(|t| linear(southern(t), 30.0)).collect();
    for launch in [Launch::Plain(2), Launch::ThreadRanks(2)] {
        stats(launch, &input, "--var tos --over lat,lon --op p30", &out);
        same(&values(&out, "tos"), &expected, "cells");
        stats(launch, &input, "--var tos --over lat,lon --op p30 --box 0,360,-90,-0.001", &out);
        same(&values(&out, "tos"), &south, "cells of the south");
        stats(launch, &input, "--var tos --over time,cell --op p30", &out);
        let all = (0..nt).flat_map(|t| (0..nc).map(move |c| value(t, c)));
        same(&values(&out, "tos"), &[linear(all, 30.0)], "all");
    }
}

#[test]
fn what_is_written_says_what_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let input = data("ersstv5_sst_201001-202008.nc");
    stats(Launch::Plain(2), &input, "--var sst --over lat,lon --op mean,p10,p50", &out);
    let said = |variable: &str, name: &str| attribute(&out, variable, name).unwrap_or_default();
    let median = said("sst_p50", "cell_methods");
    assert!(median.ends_with("area: median (unweighted)"), "{median}");
    assert!(said("sst_mean", "cell_methods").ends_with("area: mean (area-weighted)"));
    assert!(said("sst_p10", "long_name").starts_with("percentile 10 over area of "));
    assert!(said("sst_p10", "comment").ends_with("unweighted: values count alike, whatever their areas"));
    assert_eq!(said("sst_p10", "units"), "degC");
    assert_eq!(values(&out, "time").len(), 128);
    stats(Launch::Plain(2), &input, "--var sst --over lon --op p10", &out);
    assert_eq!(values(&out, "lat").len(), 89);
    assert_eq!(
        attribute(&out, "sst", "long_name").map(|l| l.starts_with("percentile 10 over longitude of ")),
        Some(true)
    );
    assert!(netcdf::open(&out).expect("opens").variable("lon").is_none());
}

#[test]
fn what_can_not_be_done_is_refused_in_a_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    Made { shape: [40, 20, 30], layout: Layout::Chunked([1, 20, 30], Some(1)), since: 0 }.write(&input);
    let cases: [(&[&str], i32, &str); 6] = [
        (&["--op", "p50", "--over", "lat,lon", "--weights", "area"], 2, "percentiles are not weighted"),
        (&["--op", "mean,p50", "--over", "lat,lon", "--weights", "area"], 2, "percentiles are not weighted"),
        (&["--op", "p50", "--weights", "time"], 2, "percentiles are not weighted"),
        (
            &["--op", "p50", "--over", "time,lat", "--approx", "0.1"],
            2,
            "--approx is for percentiles over time",
        ),
        (&["--op", "p50", "--over", "lat,lon", "--by", "month"], 2, "which are not reduced"),
        (&["--op", "p50", "--over", "lat,lon", "--memory", "1MB"], 5, "are needed"),
    ];
    let words = ["stats", text(&input), "--var", "tos", "-q", "-o", text(&out)];
    for launch in [Launch::Plain(1), Launch::ThreadRanks(2)] {
        for (extra, code, says) in cases {
            let output = run(launch, &[&words[..], extra].concat());
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{extra:?}: {error}");
            assert!(error.contains(says) && error.lines().count() == 1, "{extra:?}: {error}");
            assert_eq!(names_in(folder.path()), ["in.nc"], "{extra:?}");
        }
    }
    let cut = ["--op", "p50", "--over", "lat,lon", "--decomposition", "lat=2"];
    let output = run(Launch::ThreadRanks(2), &[&words[..], &cut].concat());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && error.contains("ranks can't divide it"), "{error}");
    let cut = ["--op", "p50", "--over", "lat,lon", "--decomposition", "time=2"];
    run_well(Launch::ThreadRanks(2), &[&words[..], &cut].concat());
}
