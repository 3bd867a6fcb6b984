//! `halocline stats` over any dimensions: numbers of numpy and CDO, groups of times, weights, what
//! is written around them, what is refused.

mod common;

use common::made::{Layout, Made};
use common::{attribute, close, contents, data, launches, run, run_well, shared, text, values, Launch};
use std::path::Path;

fn shape(file: &Path, variable: &str) -> Vec<(String, usize)> {
    let file = netcdf::open(file).expect("opens");
    let dims = file.variable(variable).expect("a variable");
    dims.dimensions().iter().map(|d| (d.name(), d.len())).collect()
}

fn stats(launch: Launch, input: &Path, arguments: &str, out: &Path) {
    let words: Vec<&str> = arguments.split_whitespace().collect();
    run_well(launch, &[&["stats", text(input), "-q", "-o", text(out)], &words[..]].concat());
}

#[test]
fn stored_references() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/stats_reduce.nc");
    let reference = netcdf::open(&path).expect("a reference");
    for case in reference.variables() {
        let word = |name: &str| match case.attribute_value(name) {
            Some(Ok(netcdf::AttributeValue::Str(text))) => text,
            other => panic!("{name} is {other:?}"),
        };
        let arguments = word("arguments");
        stats(Launch::Plain(2), &data(&word("input")), &arguments, &out);
        let theirs: Vec<f64> = case.get_values(..).expect("numbers");
        // numpy's own sums of residuals are good to about this.
        let tolerance = if arguments.contains("trend") { 1e-9 } else { 1e-12 };
        close(&values(&out, &word("result")), &theirs, tolerance, 1e-2, &arguments);
    }
}

#[test]
fn known_answers_of_cdo() {
    let navy = "atmos/monthly_navy_winds.cdf";
    let ersst = "ocean/ersstv5_sst.mnmean_201001-202008.nc";
    let giss = "atmos/tas.sresb1.giss_model_e_r.run1.atm.da.nc";
    let piling = "atmos/tas_Amon_ACCESS-ESM1-5_piControl_r1i1p1f1_gn_010101-018012.nc";
    let cases = [
        (navy, "UWND", "--op std", "UWND", "navy_timstd1", 1e-12),
        (navy, "VWND", "--op var --convention cdo", "VWND", "navy_timvar", 1e-12),
        (navy, "UWND", "--by year", "UWND", "navy_yearmean", 1e-12),
        (navy, "UWND", "--over lat,lon --convention cdo", "UWND", "navy_fldmean", 1e-12),
        (navy, "UWND", "--over lat,lon --op std --convention cdo", "UWND", "navy_fldstd", 1e-12),
        (navy, "UWND", "--over lat,lon --op min", "UWND", "navy_fldmin", 0.0),
        (navy, "VWND", "--over lat,lon --op max", "VWND", "navy_fldmax", 0.0),
        (navy, "UWND", "--over lon", "UWND", "navy_zonmean", 1e-12),
        (navy, "UWND", "--over lat --convention cdo", "UWND", "navy_mermean", 1e-12),
        (navy, "UWND", "--op trend --convention cdo", "UWND_slope", "navy_trend_b", 1e-11),
        (navy, "UWND", "--op trend --convention cdo", "UWND_intercept", "navy_trend_a", 1e-11),
        (ersst, "sst", "--op std", "sst", "ersst_timstd1", 1e-6),
        (ersst, "sst", "--by year", "sst", "ersst_yearmean", 1e-12),
        (ersst, "sst", "--by season", "sst", "ersst_seasmean", 1e-6),
        (ersst, "sst", "--over lat,lon --convention cdo", "sst", "ersst_fldmean", 1e-12),
        (ersst, "sst", "--over lon", "sst", "ersst_zonmean", 1e-12),
        (ersst, "sst", "--over lat,lon --box 190,240,-5,5 --convention cdo", "sst", "nino34", 1e-12),
        (giss, "tas", "--by month", "tas", "giss_monmean", 1e-12),
        (giss, "tas", "--by year --op max", "tas", "giss_yearmax", 1e-12),
        (
            "atmos/A1B_north_america.nc",
            "air_temperature",
            "--over lat,lon --convention cdo",
            "air_temperature",
            "a1b_fldmean",
            1e-9,
        ),
        (
            piling,
            "tas",
            "--over time,lat,lon --by year --weights area,time --convention cdo",
            "tas",
            "access_pictl_yearmean",
            1e-7,
        ),
    ];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    for (input, var, arguments, result, answer, tolerance) in cases {
        let answer = format!("answers/stats/{answer}.nc");
        let (Some(input), Some(answer)) = (shared(input), shared(&answer)) else { continue };
        stats(Launch::Plain(2), &input, &format!("--var {var} {arguments}"), &out);
        let theirs = netcdf::open(&answer).expect("opens");
        let name = theirs.variable(var).expect("a variable").name();
        let theirs: Vec<f64> =
            values(&answer, &name).into_iter().map(|v| if v.abs() > 1e30 { f64::NAN } else { v }).collect();
        close(&values(&out, result), &theirs, tolerance, 0.1, &format!("{input:?} {arguments}"));
    }
}

#[test]
fn suite_of_cdo() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let Some(original) = shared("reference/cdo_suite/ts_mm_5years.nc") else { return };
    // Its times are absolute (`day as %Y%m%d.%f`), which statistics over all of them don't need.
    let input = folder.path().join("in.nc");
    let series = values(&original, "var169");
    let mut file = netcdf::create(&input).expect("a file");
    file.add_dimension("time", series.len()).expect("a dimension");
    let mut time = file.add_variable::<f64>("time", &["time"]).expect("a variable");
    time.put_attribute("units", "days since 1991-01-01").expect("an attribute");
    time.put_values(&(0..series.len()).map(|t| 30.5 * t as f64).collect::<Vec<_>>(), ..).expect("written");
    let mut data = file.add_variable::<f64>("var169", &["time"]).expect("a variable");
    data.put_values(&series, ..).expect("written");
    drop(file);
    for (arguments, answer) in [
        ("--op mean --convention cdo", "timmean"),
        ("--op sum --convention cdo", "timsum"),
        ("--op min --convention cdo", "timmin"),
        ("--op max --convention cdo", "timmax"),
        ("--missing propagate --convention cdo", "timavg"),
        ("--op std --convention cdo", "timstd"),
        ("--op var --convention cdo", "timvar"),
        ("--op std --convention cdo --ddof 1", "timstd1"),
        ("--op var", "timvar1"),
    ] {
        let Some(answer) = shared(&format!("reference/cdo_suite/{answer}_ref.nc")) else { return };
        stats(Launch::Plain(1), &input, &format!("--var var169 {arguments}"), &out);
        close(&values(&out, "var169"), &values(&answer, "var169"), 1e-6, 1e-3, arguments);
    }
}

#[test]
fn the_same_bits_on_any_ranks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let input = folder.path().join("in.nc");
    // Several tiles in space, uneven.
    Made { shape: [70, 40, 1100], layout: Layout::Chunked([1, 40, 1100], Some(1)), since: 5 }.write(&input);
    let whole = folder.path().join("one.nc");
    let part = folder.path().join("many.nc");
    for arguments in [
        "--over lat,lon --op mean,std,min,count",
        "--over lon --op var,rms,sum",
        "--over lat --op mean,range",
        "--over time,lat,lon --by season --weights area,time --op mean,std",
        "--by year --op mean,std,max --memory 200MB",
        "--op trend,std",
    ] {
        let arguments = format!("--var tos {arguments}");
        stats(Launch::Plain(1), &input, &arguments, &whole);
        let expected = contents(&whole);
        for launch in launches().into_iter().skip(1) {
            stats(launch, &input, &arguments, &part);
            assert!(contents(&part) == expected, "{launch:?} {arguments}: other bytes");
        }
        stats(Launch::ThreadRanks(4), &input, &format!("{arguments} --decomposition time=2,lat=2"), &part);
        assert!(contents(&part) == expected, "by hand, {arguments}: other bytes");
    }
}

#[test]
fn large_offsets_and_steps_one_by_one() {
    // numpy's variance of 1e7 + small, in doubles: from a file of two variables with gaps.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let (nt, nx) = (200usize, 7usize);
    let value = |t: usize, x: usize| 1e7 + ((t * 7919 + x * 31) % 101) as f64 * 1e-3;
    let mut file = netcdf::create(&input).expect("a file");
    for (name, len) in [("time", nt), ("x", nx)] {
        file.add_dimension(name, len).expect("a dimension");
    }
    let mut time = file.add_variable::<f64>("time", &["time"]).expect("a variable");
    time.put_attribute("units", "days since 2000-01-01").expect("an attribute");
    time.put_values(&(0..nt).map(|t| t as f64).collect::<Vec<_>>(), ..).expect("written");
    let all: Vec<f64> = (0..nt * nx).map(|i| value(i / nx, i % nx)).collect();
    file.add_variable::<f64>("p", &["time", "x"]).expect("a variable").put_values(&all, ..).expect("written");
    drop(file);
    stats(Launch::Plain(2), &input, "--var p --op var", &out);
    let variance = |values: &[f64]| {
        let small: Vec<f64> = values.iter().map(|v| v - 1e7).collect();
        let mean = small.iter().sum::<f64>() / small.len() as f64;
        small.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (small.len() as f64 - 1.0)
    };
    let columns: Vec<f64> =
        (0..nx).map(|x| variance(&(0..nt).map(|t| value(t, x)).collect::<Vec<_>>())).collect();
    close(&values(&out, "p"), &columns, 1e-12, 0.0, "over time");
    stats(Launch::Plain(2), &input, "--var p --op var --over x", &out);
    let rows: Vec<f64> = all.chunks(nx).map(variance).collect();
    close(&values(&out, "p"), &rows, 1e-12, 0.0, "over x");
    stats(Launch::Plain(2), &input, "--var p --op var --over time,x", &out);
    close(&values(&out, "p"), &[variance(&all)], 1e-12, 0.0, "over both");
}

#[test]
fn dimensions_times_and_attributes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let input = data("case_packed_input.nc");
    let named = |dims: &[(&str, usize)]| dims.iter().map(|(n, l)| ((*n).to_owned(), *l)).collect::<Vec<_>>();
    stats(Launch::Plain(1), &input, "--var thetao --over lat,lon --op mean,std,var,count", &out);
    assert_eq!(shape(&out, "thetao_mean"), named(&[("time", 72), ("depth", 2)]));
    assert_eq!(values(&out, "time"), values(&input, "time"));
    let methods = |name: &str| attribute(&out, name, "cell_methods").unwrap_or_default();
    assert_eq!(methods("thetao_mean"), "time: mean area: mean (area-weighted)");
    assert_eq!(methods("thetao_std"), "time: mean area: standard_deviation (area-weighted, ddof 1)");
    let units = |name: &str| attribute(&out, name, "units").unwrap_or_default();
    assert_eq!(units("thetao_mean"), "degC");
    assert_eq!((units("thetao_std").as_str(), units("thetao_var").as_str()), ("K", "K2"));
    assert_eq!(attribute(&out, "thetao_mean", "coordinates"), None);
    assert!(netcdf::open(&out).expect("opens").variable("lat").is_none());

    stats(Launch::Plain(1), &input, "--var thetao --over lon --op max", &out);
    assert_eq!(shape(&out, "thetao"), named(&[("time", 72), ("depth", 2), ("lat", 12)]));
    assert_eq!(attribute(&out, "thetao", "cell_methods").as_deref(), Some("time: mean longitude: maximum"));

    // December 1999 on: 360 days a year, seasons of 90.
    stats(Launch::Plain(1), &input, "--var thetao --by season", &out);
    assert_eq!(shape(&out, "thetao"), named(&[("time", 24), ("depth", 2), ("lat", 12), ("lon", 18)]));
    let bounds = values(&out, "time_bnds");
    assert_eq!(&bounds[..4], [0.0, 2160.0, 2160.0, 4320.0]);
    assert_eq!(values(&out, "time")[0], 1080.0);
    stats(Launch::Plain(1), &input, "--var thetao --by year --over time,lat,lon,lev", &out);
    assert_eq!(shape(&out, "thetao"), named(&[("time", 7)]));
    assert_eq!(&values(&out, "time_bnds")[..2], [-11.0 * 720.0, 720.0]);

    stats(Launch::Plain(1), &input, "--var thetao --op trend,mean --per decade", &out);
    let units = |name: &str| attribute(&out, name, "units").unwrap_or_default();
    assert_eq!(units("thetao_slope"), "K (10 year)-1");
    assert_eq!(units("thetao_intercept"), "degC");
    for name in ["thetao_slope_stderr", "thetao_slope_pvalue", "thetao_effective_sample_size", "thetao_mean"]
    {
        assert_eq!(shape(&out, name)[0], ("time".to_owned(), 1), "{name}");
    }
    // A cell of a curvilinear grid has an area, bounds or not.
    let curved = data("case_curvilinear_input.nc");
    stats(Launch::Plain(1), &curved, "--var SST --over lat,lon", &out);
    assert_eq!(shape(&out, "SST"), named(&[("time", 68)]));
    assert!(values(&out, "SST").iter().all(|v| (20.0..32.0).contains(v)));
    assert_eq!(attribute(&out, "SST", "coordinates"), None);
}

#[test]
fn areas_of_the_file_come_first() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let make = |areas: &[f64]| {
        let mut file = netcdf::create(&input).expect("a file");
        for (name, len) in [("time", 2), ("y", 3), ("x", 4)] {
            file.add_dimension(name, len).expect("a dimension");
        }
        let mut add = |name: &str, dims: &[&str], attributes: &[(&str, &str)], values: &[f64]| {
            let mut variable = file.add_variable::<f64>(name, dims).expect("a variable");
            for (attribute, value) in attributes {
                variable.put_attribute(attribute, *value).expect("an attribute");
            }
            variable.put_values(values, ..).expect("written");
        };
        let ramp = |n: usize, step: f64| (0..n).map(|i| step * i as f64).collect::<Vec<_>>();
        let lats: Vec<f64> = (0..12).map(|c| f64::from(c / 4) * 5.0).collect();
        let lons: Vec<f64> = (0..12).map(|c| f64::from(c % 4) * 7.0).collect();
        add("time", &["time"], &[("units", "days since 2000-01-01")], &[0.0, 1.0]);
        add("lat", &["y", "x"], &[("units", "degrees_north")], &lats);
        add("lon", &["y", "x"], &[("units", "degrees_east")], &lons);
        add("areacello", &["y", "x"], &[("units", "m2")], areas);
        let about = [("coordinates", "lat lon"), ("cell_measures", "area: areacello")];
        add("tos", &["time", "y", "x"], &about, &ramp(24, 1.5));
    };
    let areas: Vec<f64> = (0..12).map(|c| 1e9 * f64::from(1 + c * 5 % 7)).collect();
    make(&areas);
    stats(Launch::Plain(2), &input, "--var tos --over lat,lon", &out);
    let total: f64 = areas.iter().sum();
    let mean = |t: usize| (0..12).map(|c| areas[c] * 1.5 * (t * 12 + c) as f64).sum::<f64>() / total;
    close(&values(&out, "tos"), &[mean(0), mean(1)], 1e-14, 0.0, "weighted by what the file holds");
    stats(Launch::Plain(1), &input, "--var tos --over x --weights area --box 0,14,0,5", &out);
    assert_eq!(shape(&out, "tos"), [("time".to_owned(), 2), ("y".to_owned(), 2)]);
    let row: f64 = (0..3).map(|c| areas[c] * 1.5 * c as f64).sum::<f64>() / areas[..3].iter().sum::<f64>();
    close(&values(&out, "tos")[..1], &[row], 1e-14, 0.0, "of a box");
    // A value whose area nobody knows.
    make(&(0..12).map(|c| if c == 7 { f64::NAN } else { 1.0 }).collect::<Vec<_>>());
    let output = run(
        Launch::ThreadRanks(2),
        &["stats", text(&input), "--var", "tos", "--over", "lat,lon", "-q", "-o", text(&out)],
    );
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{error}");
    assert!(error.contains("area") && error.contains("--weights none"), "{error}");
}

#[test]
fn incomplete_groups_are_kept_and_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let input = data("ersstv5_sst_201001-202008.nc");
    let output = run_well(
        Launch::Plain(1),
        &["stats", text(&input), "--var", "sst", "--by", "year", "--over", "time,lat,lon", "-o", text(&out)],
    );
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("the year from 2020-01-01 is incomplete: 8 of 12 times"), "{told}");
    assert_eq!(values(&out, "sst").len(), 11);
}

#[test]
fn the_same_dimension_by_any_name_and_units_of_files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (one, two) = (folder.path().join("1.nc"), folder.path().join("2.nc"));
    let input = data("case_packed_input.nc");
    for (a, b) in [("lat,lon", "y,x"), ("lev", "depth"), ("time", "T"), ("lat,time", "time,lat")] {
        stats(Launch::Plain(1), &input, &format!("--var thetao --over {a}"), &one);
        stats(Launch::Plain(1), &input, &format!("--var thetao --over {b}"), &two);
        let bits = |p: &Path| values(p, "thetao").iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&one), bits(&two), "{a} {b}");
    }
}

#[test]
fn what_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let input = folder.path().join("in.nc");
    Made { shape: [9, 4, 5], layout: Layout::Classic, since: 0 }.write(&input);
    let results = folder.path().join("results");
    std::fs::create_dir(&results).expect("a folder");
    let out = results.join("out.nc");
    for (arguments, code, word) in [
        ("--over lev", 2, "no dimension `lev`"),
        ("--over lat,lat", 2, "twice"),
        ("--over time,depth", 2, "time, lat, lon"),
        ("--over lat,lon --by year", 2, "--by"),
        ("--over lat,lon --op sum --weights area", 2, "--weights none"),
        ("--weights area", 2, "horizontal"),
        ("--over lat,lon --weights time", 2, "time"),
        ("--op max --weights time", 2, "change nothing"),
        ("--weights none,time", 2, "none"),
        ("--weights time,time", 2, "twice"),
        ("--op trend --over time,lat", 2, "trend"),
        ("--op trend --by year", 2, "trend"),
        ("--op trend --weights time", 2, "trend"),
        ("--per decade", 2, "--per"),
        ("--ddof 1", 2, "--ddof"),
        ("--op std --ddof 2", 2, "ddof"),
        ("--missing some", 2, "propagate"),
        ("--missing 0", 2, "propagate"),
        ("--by week", 2, "--by"),
        ("--over lat,lon --memory 1MB", 5, "1.0 MB"),
    ] {
        let words: Vec<&str> = arguments.split_whitespace().collect();
        for launch in [Launch::Plain(1), Launch::ThreadRanks(3)] {
            let fixed = ["stats", text(&input), "--var", "tos", "-q", "-o", text(&out)];
            let output = run(launch, &[&fixed, &words[..]].concat());
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{launch:?} {arguments}: {error}");
            let lines: Vec<&str> = error.lines().filter(|l| l.starts_with("halocline: ")).collect();
            assert!(lines.len() == 1 && lines[0].contains(word), "{launch:?} {arguments}: {error}");
            assert_eq!(common::names_in(&results), Vec::<String>::new());
        }
    }
}

#[test]
fn a_stopped_reduction_goes_on_with_the_same_bits() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let input = at("in.nc");
    Made { shape: [300, 30, 40], layout: Layout::Chunked([1, 30, 40], Some(1)), since: 0 }.write(&input);
    for arguments in ["--over lat,lon --op mean,std", "--by year --op std", "--op trend"] {
        let arguments = format!("--var tos {arguments}");
        stats(Launch::Plain(1), &input, &arguments, &at("whole.nc"));
        let job = format!("{arguments} --checkpoint {} --io library", text(&at("state")));
        let words: Vec<&str> = job.split_whitespace().collect();
        let fixed = ["stats", text(&input), "-q", "-o", text(&at("out.nc"))].map(str::to_owned);
        let fixed: Vec<&str> = fixed.iter().map(String::as_str).collect();
        let stopped = run(Launch::Plain(1), &[&fixed[..], &words, &["--time-limit", "1s"]].concat());
        assert!([Some(0), Some(75)].contains(&stopped.status.code()));
        stats(Launch::ThreadRanks(3), &input, &format!("{job} --resume"), &at("out.nc"));
        assert!(contents(&at("out.nc")) == contents(&at("whole.nc")), "{arguments}: other bytes");
        if at("state").exists() {
            std::fs::remove_file(at("state")).expect("ours");
        }
    }
}
