//! `halocline relate` against scipy and CDO, on any ranks, and what it refuses.

mod common;
#[path = "relate/times.rs"]
mod times;

use common::made::{Layout, Made};
use common::{close, contents, data, launches, reference, run, run_well, shared, text, values, Launch};
use std::path::Path;

fn word(path: &Path, name: &str) -> String {
    match netcdf::open(path).expect("opens").attribute(name).expect("is there").value() {
        Ok(netcdf::AttributeValue::Str(text)) => text,
        other => panic!("{name} is {other:?}"),
    }
}

/// Relations as scipy computes them; every n-th cell of each lag was kept.
fn compare(out: &Path, reference: &Path, var: &str, every: usize, lags: usize) {
    let file = netcdf::open(reference).expect("opens");
    for variable in file.variables() {
        let name = variable.name();
        let theirs: Vec<f64> = variable.get_values(..).expect("numbers");
        let all = values(out, &format!("{var}_{name}"));
        let cells = all.len() / lags;
        let ours: Vec<f64> = all.chunks(cells).flat_map(|map| map.iter().copied().step_by(every)).collect();
        let (tolerance, scale) = match name.as_str() {
            "pairs"
            | "significant"
            | "composite_significant"
            | "composite_high_count"
            | "composite_low_count" => (0.0, 1.0),
            // The data are singles near -1.8 in places: scipy warns of what is lost there.
            "p_value" | "composite_p_value" => (1e-8, 1e-12),
            _ => (1e-11, 1e-3),
        };
        close(&ours, &theirs, tolerance, scale, &format!("{} {name}", reference.display()));
    }
}

#[test]
fn an_index_at_lags_as_scipy_has_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let (input, index) = (data("ersstv5_sst_201001-202008.nc"), reference("pair_index.csv"));
    for (case, lags) in [("relate_index.nc", 3), ("relate_detrend.nc", 1)] {
        let reference = reference(case);
        let options = word(&reference, "arguments");
        let mut arguments =
            vec!["relate", text(&input), "--var", "sst", "--with", text(&index), "-q", "-o", text(&out)];
        arguments.extend(options.split(' '));
        run_well(Launch::Plain(2), &arguments);
        if case == "relate_detrend.nc" {
            // There is no intercept of what has no mean.
            assert!(netcdf::open(&out).expect("opens").variable("sst_intercept").is_none());
            let file = netcdf::open(&reference).expect("opens");
            for name in ["correlation", "slope", "covariance", "p_value", "effective_size", "pairs"] {
                let theirs: Vec<f64> =
                    file.variable(name).expect("is there").get_values(..).expect("numbers");
                let ours: Vec<f64> = values(&out, &format!("sst_{name}")).into_iter().step_by(11).collect();
                let tolerance = if name == "p_value" { 1e-7 } else { 1e-9 };
                close(&ours, &theirs, tolerance, 1e-3, name);
            }
            continue;
        }
        compare(&out, &reference, "sst", 11, lags);
        assert_eq!(values(&out, "lag"), [-2.0, 0.0, 3.0]);
    }
}

#[test]
fn two_fields_as_scipy_has_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let (input, reference) = (reference("pair_input.nc"), reference("relate_field.nc"));
    let with = format!("{}:tas", text(&input));
    let options = word(&reference, "arguments");
    let mut arguments = vec!["relate", text(&input), "--var", "ps", "--with", &with, "-q", "-o", text(&out)];
    arguments.extend(options.split(' '));
    run_well(Launch::ThreadRanks(2), &arguments);
    compare(&out, &reference, "ps", 1, 1);
    let file = netcdf::open(&out).expect("opens");
    let units = |name: &str| match file.variable(name).expect("is there").attribute_value("units") {
        Some(Ok(netcdf::AttributeValue::Str(units))) => units,
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!([units("ps_slope"), units("ps_covariance"), units("ps_correlation")], ["Pa K-1", "Pa K", "1"]);
}

#[test]
fn cdo_agrees_on_real_data() {
    let Some(input) = shared("atmos/monthly_navy_winds.cdf") else { return };
    if std::process::Command::new("cdo").arg("-V").output().is_err() {
        println!("SKIPPED: cdo is not there");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let (out, theirs) = (at("out.nc"), at("theirs.nc"));
    let with = format!("{}:VWND", text(&input));
    run_well(
        Launch::Plain(2),
        &[
            "relate",
            text(&input),
            "--var",
            "UWND",
            "--with",
            &with,
            "--op",
            "correlation,covariance",
            "--ddof",
            "0",
            "-q",
            "-o",
            text(&out),
        ],
    );
    for (operator, name) in [("timcor", "UWND_correlation"), ("timcovar", "UWND_covariance")] {
        let select = |v: &str| [format!("-selname,{v}"), text(&input).to_owned()];
        let done = std::process::Command::new("cdo")
            .args(["-s", "-O", "-b", "F64", operator])
            .args(select("UWND"))
            .args(select("VWND"))
            .arg(&theirs)
            .status();
        assert!(done.expect("cdo starts").success());
        let theirs: Vec<f64> =
            values(&theirs, "UWND").into_iter().map(|v| if v.abs() > 1e30 { f64::NAN } else { v }).collect();
        close(&values(&out, name), &theirs, 1e-6, 1e-2, operator);
    }
}

#[test]
fn the_same_bits_on_any_ranks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let (input, other, index) = (at("in.nc"), at("other.nc"), at("index.csv"));
    // Chunks of all kinds: maps that can't be divided, long ones in time beside them.
    Made { shape: [150, 37, 29], layout: Layout::Chunked([1, 37, 29], Some(1)), since: 0 }.write(&input);
    Made { shape: [150, 37, 29], layout: Layout::Chunked([40, 10, 29], Some(1)), since: 0 }.write(&other);
    let rows: Vec<String> = (0..170)
        .map(|m| format!("{}-{:02},{}", 1999 + m / 12, m % 12 + 1, f64::from((m * 37) % 101) / 10.0))
        .collect();
    std::fs::write(&index, rows.join("\n")).expect("written");
    let field = format!("{}:tos", text(&other));
    let cases: [(&str, &[&str]); 3] = [
        (&field, &["--op", "correlation,regression", "--detrend"]),
        (&field, &["--op", "correlation", "--lags", "-2..3"]),
        (text(&index), &["--lags", "-3..2", "--op", "regression,composite,covariance", "--standardize"]),
    ];
    for (with, options) in cases {
        let mut expected = None;
        for launch in launches() {
            let out = at("out.nc");
            let mut arguments =
                vec!["relate", text(&input), "--var", "tos", "--with", with, "-q", "-o", text(&out)];
            arguments.extend(options);
            run_well(launch, &arguments);
            let contents = contents(&out);
            let expected = expected.get_or_insert_with(|| contents.clone());
            assert!(*expected == contents, "{launch:?} {with}");
        }
    }
}

#[test]
fn fields_at_lags_go_with_earlier_and_later_times() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let (input, other, out) = (at("in.nc"), at("other.nc"), at("out.nc"));
    let shape = [50, 5, 7];
    Made { shape, layout: Layout::Chunked([7, 5, 3], Some(1)), since: 0 }.write(&input);
    Made { shape, layout: Layout::Chunked([4, 2, 7], None), since: 0 }.write(&other);
    let with = format!("{}:tos", text(&other));
    let arguments =
        ["relate", text(&input), "--var", "tos", "--with", &with, "--op", "correlation,covariance"];
    let more = ["--lags", "-3,0,2", "-q", "-o", text(&out)];
    run_well(Launch::ThreadRanks(3), &[&arguments[..], &more[..]].concat());
    let (series, cells) = (values(&input, "tos"), shape[1] * shape[2]);
    let (found, covariance) = (values(&out, "tos_correlation"), values(&out, "tos_covariance"));
    for (k, lag) in [-3i64, 0, 2].into_iter().enumerate() {
        for cell in 0..cells {
            let value = |t: i64| series.get((t * cells as i64) as usize + cell).copied().unwrap_or(f64::NAN);
            let pairs: Vec<(f64, f64)> = (0..shape[0] as i64)
                .filter(|t| (0..shape[0] as i64).contains(&(t - lag)))
                .map(|t| (value(t), value(t - lag)))
                .filter(|(y, x)| y.abs() < 1e15 && x.abs() < 1e15)
                .collect();
            let n = pairs.len() as f64;
            let (my, mx) =
                (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
            let sum = |f: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|p| f(p.0 - my, p.1 - mx)).sum::<f64>();
            let (yy, xx, xy) = (sum(&|y, _| y * y), sum(&|_, x| x * x), sum(&|y, x| x * y));
            let at = k * cells + cell;
            if pairs.len() < 2 {
                assert!(found[at].is_nan() || found[at].abs() > 1.0, "{lag} {cell}");
                continue;
            }
            assert!((covariance[at] - xy / (n - 1.0)).abs() < 1e-9 * (xx * yy).sqrt(), "{lag} {cell}");
            assert!((found[at] - xy / (xx * yy).sqrt()).abs() < 1e-9, "{lag} {cell}: {}", found[at]);
        }
    }
    let too_long = [&arguments[..], &["--lags", "50", "-o", text(&out)]].concat();
    let done = run(Launch::Plain(1), &too_long);
    assert_eq!(done.status.code(), Some(2), "{done:?}");
}

#[test]
fn lags_that_do_not_fit_take_several_passes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let (input, index, whole, parts) = (at("in.nc"), at("index.csv"), at("whole.nc"), at("parts.nc"));
    Made { shape: [130, 100, 200], layout: Layout::Chunked([1, 100, 200], None), since: 0 }.write(&input);
    let rows: Vec<String> =
        (0..130).map(|m| format!("{}-{:02},{}", 2000 + m / 12, m % 12 + 1, (m * 37) % 101)).collect();
    std::fs::write(&index, rows.join("\n")).expect("written");
    let run = |out: &Path, memory: &str| {
        let words = [
            "relate",
            text(&input),
            "--var",
            "tos",
            "--with",
            text(&index),
            "--lags",
            "0..39",
            "-o",
            text(out),
        ];
        run_well(Launch::Plain(2), &[&words[..], &["--memory", memory]].concat())
    };
    let splits = |output: &std::process::Output| {
        let all = [&output.stdout[..], &output.stderr[..]].concat();
        String::from_utf8_lossy(&all).lines().filter(|l| l.contains("passes over the data")).count()
    };
    assert_eq!(splits(&run(&whole, "4GB")), 0);
    assert_eq!(splits(&run(&parts, "220MB")), 1);
    assert!(contents(&whole) == contents(&parts));
}

#[test]
fn an_index_goes_no_further_than_its_steps() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let (input, index) = (at("in.nc"), at("index.csv"));
    Made { shape: [24, 3, 5], layout: Layout::Classic, since: 0 }.write(&input);
    let rows = |from: i32| -> String {
        let row = |m: i32| {
            format!("{}-{:02}-16T12:00:00,{}", 2000 + m.div_euclid(12), m.rem_euclid(12) + 1, (m * 37) % 101)
        };
        (from..24).map(row).collect::<Vec<_>>().join("\n")
    };
    let mut results = Vec::new();
    // As it is; a value of years ago before it; a mark of the order of bytes; a month more.
    for text_of in [rows(0), format!("1995-06-16,100\n{}", rows(0)), format!("\u{feff}{}", rows(0)), rows(-1)]
    {
        std::fs::write(&index, text_of).expect("written");
        let out = at("out.nc");
        let words = [
            "relate",
            text(&input),
            "--var",
            "tos",
            "--with",
            text(&index),
            "--lags",
            "0,1",
            "--op",
            "covariance",
        ];
        run_well(Launch::Plain(1), &[&words[..], &["-q", "-o", text(&out)]].concat());
        results.push(values(&out, "tos_covariance").iter().map(|v| v.to_bits()).collect::<Vec<_>>());
    }
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], results[2]);
    assert_ne!(results[0], results[3]);
}

#[test]
fn a_stopped_run_goes_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let (input, out, state, whole) = (at("in.nc"), at("out.nc"), at("state"), at("whole.nc"));
    Made { shape: [400, 60, 70], layout: Layout::Chunked([1, 60, 70], Some(1)), since: 0 }.write(&input);
    let with = format!("{}:tos", text(&input));
    let arguments =
        |out| ["relate", text(&input), "--var", "tos", "--with", &with, "-q", "-o", out].map(str::to_owned);
    let plain = arguments(text(&whole));
    run_well(Launch::Plain(2), &plain.each_ref().map(String::as_str));
    let mut stopping = arguments(text(&out)).to_vec();
    stopping.extend(["--checkpoint", text(&state), "--resume", "--time-limit", "1s"].map(str::to_owned));
    let words: Vec<&str> = stopping.iter().map(String::as_str).collect();
    // The limit may or may not be met by this machine; in the end all is there.
    let codes: Vec<Option<i32>> = (0..20)
        .map(|k| {
            run(if k % 2 == 0 { Launch::ThreadRanks(2) } else { Launch::Plain(1) }, &words).status.code()
        })
        .take_while(|code| *code != Some(0))
        .collect();
    assert!(codes.iter().all(|code| *code == Some(75)), "{codes:?}");
    assert!(contents(&out) == contents(&whole));
    // A field goes with itself.
    let r = values(&out, "tos_correlation");
    assert!(r.iter().all(|r| r.is_nan() || (*r - 1.0).abs() < 1e-12) && r.iter().any(|r| !r.is_nan()));
}

#[test]
fn what_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let input = at("in.nc");
    let made = Made { shape: [24, 4, 5], layout: Layout::Classic, since: 0 };
    made.write(&input);
    Made { shape: [24, 4, 6], ..made }.write(&at("grid.nc"));
    Made { since: 12, ..made }.write(&at("late.nc"));
    Made { shape: [30, 4, 5], ..made }.write(&at("longer.nc"));
    Made { shape: [24, 1, 1], ..made }.write(&at("none.nc"));
    let table = |name: &str, value: &dyn Fn(usize) -> String| {
        let rows: Vec<String> =
            (0..24).map(|m| format!("{}-{:02} {}", 2000 + m / 12, m % 12 + 1, value(m))).collect();
        std::fs::write(at(name), rows.join("\n")).expect("written");
        text(&at(name)).to_owned()
    };
    let good = table("good.txt", &|m| (m % 5).to_string());
    let constant = table("constant.txt", &|_| "0.1".into());
    let nothing = table("nothing.txt", &|_| "nan".into());
    let words = table("words.txt", &|m| if m == 3 { "warm".into() } else { "1".into() });
    let gap = table("gap.txt", &|m| m.to_string());
    let kept: Vec<String> = std::fs::read_to_string(&gap)
        .expect("there")
        .lines()
        .enumerate()
        .filter(|(i, _)| *i != 7)
        .map(|(_, l)| l.to_owned())
        .collect();
    std::fs::write(&gap, kept.join("\n")).expect("written");
    let results = at("results");
    std::fs::create_dir(&results).expect("a folder");
    let out = results.join("out.nc");
    let file = |name: &str| format!("{}:tos", text(&at(name)));
    let (itself, grid, late, longer, none) =
        (file("in.nc"), file("grid.nc"), file("late.nc"), file("longer.nc"), file("none.nc"));
    let absent = text(&at("absent.csv")).to_owned();
    let binary = text(&input).to_owned();
    let other = data("case_trend_input.nc");
    let other = format!("{}:tas", text(&other));
    let cases: [(&str, &[&str], i32, &str); 21] = [
        (&grid, &[], 3, "is not that of `tos`"),
        (&late, &[], 3, "no value on 2000-01,"),
        (&longer, &[], 3, "has 30 times"),
        (&none, &[], 3, "does not vary"),
        (&other, &[], 3, "grid"),
        (&good, &["--op", "median"], 2, "no such operation"),
        (&good, &["--op", "covariance,covariance"], 2, "twice"),
        (&good, &["--lags", "3..1"], 2, "lag"),
        (&good, &["--lags", "40"], 2, "lag 40"),
        (&good, &["--alpha", "0"], 2, "alpha"),
        (&good, &["--threshold", "1"], 2, "composite"),
        (&good, &["--standardize"], 2, "regression"),
        (&good, &["--op", "composite", "--detrend"], 2, "--detrend"),
        (&itself, &["--op", "composite"], 2, "index"),
        (&constant, &[], 3, "does not vary"),
        (&nothing, &[], 3, "does not vary"),
        (&words, &[], 3, "line 4"),
        (&gap, &[], 3, "it has 2000-09"),
        (&absent, &[], 3, "absent.csv"),
        (&binary, &[], 3, "FILE:VAR"),
        (&good, &["--memory", "1MB"], 5, "1.0 MB"),
    ];
    let mpi = cfg!(feature = "mpi").then_some(Launch::Mpi(2));
    for launch in [Launch::Plain(1), Launch::ThreadRanks(3)].into_iter().chain(mpi) {
        for (with, options, code, word) in &cases {
            let arguments =
                [&["relate", text(&input), "--var", "tos", "--with", with, "-q", "-o", text(&out)], *options]
                    .concat();
            let output = run(launch, &arguments);
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(*code), "{launch:?} {with} {options:?}: {error}");
            let lines: Vec<&str> = error.lines().filter(|l| l.starts_with("halocline: ")).collect();
            assert!(lines.len() == 1 && lines[0].contains(word), "{launch:?} {with} {options:?}: {error}");
            assert_eq!(common::names_in(&results), Vec::<String>::new());
        }
    }
}

#[test]
fn calendars_must_be_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    Made { shape: [12, 4, 5], layout: Layout::Classic, since: 0 }.write(&at("in.nc"));
    let mut file = netcdf::create(at("index.nc")).expect("a file");
    file.add_dimension("time", 12).expect("a dimension");
    let mut time = file.add_variable::<f64>("time", &["time"]).expect("a variable");
    time.put_attribute("units", "days since 2000-01-01").expect("an attribute");
    time.put_attribute("calendar", "noleap").expect("an attribute");
    let days: Vec<f64> = (0..12).map(|m| 15.0 + 30.0 * f64::from(m)).collect();
    time.put_values(&days, ..).expect("written");
    file.add_variable::<f64>("soi", &["time"]).expect("a variable").put_values(&days, ..).expect("written");
    drop(file);
    let with = format!("{}:soi", text(&at("index.nc")));
    let output = run(
        Launch::Plain(1),
        &["relate", text(&at("in.nc")), "--var", "tos", "--with", &with, "-q", "-o", text(&at("out.nc"))],
    );
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(3) && error.contains("calendar is `noleap`"), "{error}");
}
