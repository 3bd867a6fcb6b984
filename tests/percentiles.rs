//! Percentiles and running statistics of `halocline stats` against numpy, on any ranks, in little
//! memory, and with bad input.

mod common;

use common::made::{value, Layout, Made};
use common::{attribute, contents, data, launches, names_in, run, run_well, text, values, Launch};
use std::path::Path;

const METHODS: [&str; 10] = [
    "linear",
    "lower",
    "higher",
    "nearest",
    "midpoint",
    "hazen",
    "weibull",
    "median_unbiased",
    "normal_unbiased",
    "inverted_cdf",
];
const WORDS: [&str; 7] = ["p0", "p2.5", "p10", "p50", "p90", "p99.9", "p100"];

fn word(file: &netcdf::File, name: &str) -> String {
    match file.attribute(name).expect("is there").value() {
        Ok(netcdf::AttributeValue::Str(text)) => text,
        other => panic!("{name} is {other:?}"),
    }
}

fn number(file: &netcdf::File, name: &str) -> usize {
    match file.attribute(name).expect("is there").value() {
        Ok(netcdf::AttributeValue::Int(n)) => n as usize,
        other => panic!("{name} is {other:?}"),
    }
}

fn reference(case: &str) -> netcdf::File {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    netcdf::open(folder.join(format!("series_{case}.nc"))).expect("a reference")
}

#[test]
fn percentiles_are_those_of_numpy_to_the_last_bit() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    for case in ["sample", "packed", "trend"] {
        let reference = reference(case);
        let (input, var) = (data(&word(&reference, "input")), word(&reference, "variable"));
        let every = number(&reference, "every");
        let aliases = [("nist", "weibull"), ("nrank", "inverted_cdf"), ("rtype8", "median_unbiased")];
        for (asked, method) in METHODS.iter().map(|m| (*m, *m)).chain(aliases) {
            run_well(
                Launch::Plain(2),
                &[
                    "stats",
                    text(&input),
                    "--var",
                    &var,
                    "--op",
                    &WORDS.join(","),
                    "--percentile",
                    asked,
                    "-q",
                    "-o",
                    text(&out),
                ],
            );
            let all: Vec<f64> =
                reference.variable(method).expect("is there").get_values(..).expect("numbers");
            let cells = all.len() / WORDS.len();
            for (op, theirs) in WORDS.iter().zip(all.chunks(cells)) {
                let ours: Vec<f64> =
                    values(&out, &format!("{var}_{op}")).into_iter().step_by(every).collect();
                assert_eq!(ours.len(), cells);
                for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
                    assert!(a == b || a.is_nan() && b.is_nan(), "{case} {method} {op} {i}: {a} is not {b}");
                }
            }
        }
    }
}

#[test]
fn running_statistics_are_those_of_each_window() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let ops = ["mean", "sum", "min", "max", "range", "var", "std", "rms", "count"];
    for case in ["sample", "packed", "trend"] {
        let reference = reference(case);
        let (input, var) = (data(&word(&reference, "input")), word(&reference, "variable"));
        let (every, window) = (4 * number(&reference, "every"), number(&reference, "window"));
        let n = window.to_string();
        let words =
            ["stats", text(&input), "--var", &var, "--op", &ops.join(","), "--running", &n, "-q", "-o"];
        run_well(Launch::Plain(2), &[&words[..], &[text(&out)]].concat());
        for op in ops {
            let theirs: Vec<f64> = reference
                .variable(&format!("running_{op}"))
                .expect("is there")
                .get_values(..)
                .expect("numbers");
            let rows = reference.dimension_len("row").expect("a length");
            let ours = values(&out, &format!("{var}_{op}"));
            let picked = ours.chunks(ours.len() / rows).flat_map(|row| {
                let cells = number(&reference, "every");
                row.iter().step_by(cells).step_by(every / cells)
            });
            let picked: Vec<f64> = picked.copied().collect();
            assert_eq!(picked.len(), theirs.len(), "{case} {op}");
            for (i, (a, b)) in picked.iter().zip(&theirs).enumerate() {
                let near = (a - b).abs() <= 1e-10 * b.abs().max(1e-3) || a.is_nan() && b.is_nan();
                assert!(near, "{case} {op} {i}: {a} is not {b}");
            }
        }
    }
}

#[test]
fn windows_stand_in_their_middle() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    Made { shape: [10, 4, 5], layout: Layout::Classic, since: 0 }.write(&input);
    for (n, first, last) in [("3", 45.0, 255.0), ("4", 60.0, 240.0), ("10", 150.0, 150.0), ("1", 15.0, 285.0)]
    {
        let words =
            ["stats", text(&input), "--var", "tos", "--op", "mean", "--running", n, "-q", "-o", text(&out)];
        run_well(Launch::Plain(1), &words);
        let times = values(&out, "time");
        assert_eq!((times[0], *times.last().unwrap()), (first, last), "{n}");
        let window: usize = n.parse().unwrap();
        assert_eq!(times.len(), 11 - window);
        let bounds = values(&out, "time_bnds");
        assert_eq!(bounds[..2], [15.0, 15.0 + 30.0 * (window - 1) as f64]);
        let mean = values(&out, "tos");
        for (cell, mean) in mean.iter().enumerate().take(20) {
            let all: Vec<f64> =
                (0..window).map(|t| f64::from(value(t, cell))).filter(|v| !v.is_nan()).collect();
            let expected = all.iter().sum::<f64>() / all.len() as f64;
            assert!((mean - expected).abs() < 1e-10 || mean.is_nan() && all.is_empty());
        }
        let file = netcdf::open(&out).expect("opens");
        let methods = file.variable("tos").expect("is there").attribute_value("cell_methods");
        let expected = format!("time: mean (running over {n} steps)");
        assert!(
            matches!(&methods, Some(Ok(netcdf::AttributeValue::Str(text))) if *text == expected),
            "{methods:?}"
        );
    }
}

#[test]
fn the_same_bytes_on_any_ranks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let layouts = [
        Layout::Classic,
        Layout::Chunked([1, 37, 50], Some(1)),
        Layout::Chunked([16, 10, 20], Some(1)),
        Layout::Chunked([130, 5, 5], None),
    ];
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    for (asked, prefix) in [
        // Means over time depend on the layout, by their tiles; the rest does not.
        (&["--op", "p5,mean,p50,p99.9"][..], "tos_p"),
        (&["--op", "mean,std", "--running", "12"], "tos"),
        (&["--op", "count", "--running", "5", "--box", "100,200,-40,40"], "tos"),
    ] {
        let mut first = None;
        for (k, layout) in layouts.into_iter().enumerate() {
            Made { shape: [130, 37, 50], layout, since: 0 }.write(&input);
            // All ways to launch for all layouts would take long.
            for launch in launches().into_iter().skip(k % 2).step_by(2) {
                let words = ["stats", text(&input), "--var", "tos", "-q", "-o", text(&out)];
                run_well(launch, &[&words[..], asked].concat());
                let mut got = contents(&out);
                got.retain(|name, _| name.starts_with(prefix));
                assert!(!got.is_empty());
                let first = first.get_or_insert_with(|| got.clone());
                assert!(got == *first, "{layout:?} {launch:?} {asked:?}");
            }
        }
    }
}

#[test]
fn memory_is_what_was_promised() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let input = folder.path().join("in.nc");
    let whole = folder.path().join("whole.nc");
    let mut of_maps = Vec::new();
    for (name, layout) in [
        ("maps", Layout::Chunked([1, 240, 300], None)),
        ("deflated", Layout::Chunked([1, 240, 300], Some(1))),
    ] {
        // 115 MB of values.
        Made { shape: [400, 240, 300], layout, since: 0 }.write(&input);
        let words = ["stats", text(&input), "--var", "tos", "--op", "p10,p50", "-q"];
        run_well(Launch::Plain(2), &[&words[..], &["-o", text(&whole)]].concat());
        of_maps.push(contents(&whole)["tos_p50"].clone());
        for launch in [Launch::Plain(2), Launch::Mpi(2)] {
            if matches!(launch, Launch::Mpi(_)) && !cfg!(feature = "mpi") {
                continue;
            }
            let (out, log) = (folder.path().join("out.nc"), folder.path().join("log"));
            let _ = std::fs::remove_file(&log);
            let little = ["--memory", "110MB", "--log-json", text(&log), "-o", text(&out)];
            run_well(launch, &[&words[..], &little].concat());
            let events: Vec<serde_json::Value> = std::fs::read_to_string(&log)
                .expect("a log")
                .lines()
                .map(|line| serde_json::from_str(line).expect("JSON"))
                .collect();
            let plan = events.iter().find(|e| e["event"] == "plan").expect("a plan");
            let (batches, passes) = (plan["batches"].as_u64(), plan["passes"].as_u64());
            // What need not be decoded whole is read by the threads that work on it.
            assert!(batches > Some(1) || name == "maps", "{name} {launch:?} {plan}");
            assert_eq!(passes > Some(1), name == "deflated", "{name} {launch:?} {plan}");
            let peaks = events.last().expect("events")["summary"]["peak_bytes"].as_array().expect("a list");
            assert!(peaks.iter().all(|p| p.as_u64() < Some(121_000_000)), "{name} {launch:?} {peaks:?}");
            assert!(contents(&out)["tos_p50"] == *of_maps.last().unwrap(), "{name} {launch:?}");
        }
    }
    assert!(of_maps[0] == of_maps[1]);
}

#[test]
fn what_can_not_be_done_is_refused_in_a_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    Made { shape: [40, 20, 30], layout: Layout::Chunked([1, 20, 30], Some(1)), since: 0 }.write(&input);
    let cases: [(&[&str], i32, &str); 10] = [
        (&["--op", "p101"], 2, "p0 to p100"),
        (&["--op", "p"], 2, "p0 to p100"),
        (&["--op", "p5,p5"], 2, "asked for twice"),
        (&["--op", "p50", "--percentile", "best"], 2, "no such method"),
        (&["--op", "mean", "--running", "0"], 2, "from 1 to 40"),
        (&["--op", "mean", "--running", "41"], 2, "from 1 to 40"),
        (&["--op", "mean", "--running", "99999999999999999999"], 2, "running"),
        (&["--op", "p50", "--running", "5"], 2, "no running p50"),
        (&["--op", "p50", "--memory", "1MB"], 5, "whole series"),
        (&["--op", "std", "--running", "5", "--memory", "1MB"], 5, "whole series"),
    ];
    for launch in [Launch::Plain(1), Launch::ThreadRanks(2)] {
        for (extra, code, says) in cases {
            let words = ["stats", text(&input), "--var", "tos", "-q", "-o", text(&out)];
            let output = run(launch, &[&words[..], extra].concat());
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{extra:?}: {error}");
            assert!(error.contains(says), "{extra:?}: {error}");
            assert!(code == 2 || error.lines().count() == 1, "{extra:?}: {error}");
            assert_eq!(names_in(folder.path()), ["in.nc"], "{extra:?}");
        }
    }
    let cut = ["--op", "p50", "--decomposition", "time=2"];
    let words = ["stats", text(&input), "--var", "tos", "-q", "-o", text(&out)];
    let output = run(Launch::ThreadRanks(2), &[&words[..], &cut].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("can't divide time"));
    // By rows it can be cut.
    let cut = ["--op", "p50", "--decomposition", "lat=2"];
    run_well(Launch::ThreadRanks(2), &[&words[..], &cut].concat());
}

#[test]
fn sketches_keep_their_bound() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let steps = 1500;
    for layout in [Layout::Chunked([1, 20, 30], None), Layout::Chunked([100, 7, 10], Some(1))] {
        Made { shape: [steps, 20, 30], layout, since: 0 }.write(&input);
        let mut first = None;
        let words = [
            "stats",
            text(&input),
            "--var",
            "tos",
            "--op",
            "p90,p5",
            "--approx",
            "0.05",
            "-q",
            "-o",
            text(&out),
        ];
        for launch in launches() {
            run_well(launch, &words);
            let got = contents(&out);
            assert!(first.get_or_insert_with(|| got.clone()) == &got, "{layout:?} {launch:?}");
        }
        let file = netcdf::open(&out).expect("opens");
        let error = match file.variable("tos_p5").expect("is there").attribute_value("percentile_rank_error")
        {
            Some(Ok(netcdf::AttributeValue::Double(error))) => error,
            other => panic!("{other:?}"),
        };
        assert!(error > 0.0 && error <= 0.05, "{error}");
        for (name, share) in [("tos_p90", 0.9), ("tos_p5", 0.05)] {
            for (cell, found) in values(&out, name).into_iter().enumerate() {
                let mut all: Vec<f32> = (0..steps).map(|t| value(t, cell)).filter(|v| !v.is_nan()).collect();
                all.sort_by(f32::total_cmp);
                if all.is_empty() {
                    assert!(found.is_nan());
                    continue;
                }
                let n = all.len() as f64;
                let below = all.partition_point(|v| f64::from(*v) < found) as f64;
                let upto = all.partition_point(|v| f64::from(*v) <= found) as f64;
                let rank = (n * share).ceil();
                assert!(upto > below, "{found} is one of the values");
                assert!(below + 1.0 <= rank + error * n && upto >= rank - error * n, "{name} {cell}");
            }
        }
    }
    // Stopped, and gone on with on other ranks.
    let state = folder.path().join("state");
    let again = folder.path().join("again.nc");
    let job = ["stats", text(&input), "--var", "tos", "--op", "p90,p5", "--approx", "0.05", "-q"];
    let saved = ["--checkpoint", text(&state), "-o", text(&again)];
    let stopped = run(Launch::Plain(1), &[&job[..], &saved, &["--time-limit", "0.001s"]].concat());
    assert_eq!(stopped.status.code(), Some(75), "{}", String::from_utf8_lossy(&stopped.stderr));
    run_well(Launch::ThreadRanks(3), &[&job[..], &saved, &["--resume"]].concat());
    let (ours, theirs) = (contents(&again), contents(&out));
    assert!(ours == theirs);
    for bad in [["--approx", "0"], ["--approx", "0.5"], ["--approx", "nan"]] {
        let words = ["stats", text(&input), "--var", "tos", "--op", "p50", "-q", "-o", text(&again)];
        let output = run(Launch::Plain(1), &[&words[..], &bad].concat());
        assert_eq!(output.status.code(), Some(2), "{bad:?}");
    }
    let words = ["stats", text(&input), "--var", "tos", "--approx", "0.1", "-q", "-o", text(&again)];
    assert_eq!(run(Launch::Plain(1), &words).status.code(), Some(2));
}

#[test]
fn running_spreads_have_the_units_of_differences() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let words = ["stats", "--var", "sst", "--op", "mean,std,range,var", "--running", "5", "-q"];
    let sample = data("ersstv5_sst_201001-202008.nc");
    run_well(Launch::Plain(1), &[&words[..], &[text(&sample), "-o", text(&out)]].concat());
    let units = ["mean", "std", "range", "var"].map(|op| attribute(&out, &format!("sst_{op}"), "units"));
    assert_eq!(units, ["degC", "K", "K", "K2"].map(|unit| Some(unit.to_owned())));
}
