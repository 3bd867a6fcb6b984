//! Which times go together: months dated in other ways, finer series, gaps.

use crate::common::made::{define_axes, monthly, Dated};
use crate::common::{run, run_well, text, values, Launch};

/// Numbers that repeat after a prime number of steps.
fn noise(month: usize) -> f64 {
    ((month * month + 3 * month) % 101) as f64
}

/// The values once more, as a series without a place.
fn add_series(path: &std::path::Path, series: &[(usize, f64)]) {
    let mut file = netcdf::append(path).expect("opens");
    let values: Vec<f64> = series.iter().map(|(_, value)| *value).collect();
    let mut variable = file.add_variable::<f64>("s", &["time"]).expect("a variable");
    variable.put_values(&values, ..).expect("written");
}

#[test]
fn months_dated_to_their_ends_go_with_their_own_index() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let (input, table, field) = (at("in.nc"), at("index.csv"), at("field.nc"));
    let series: Vec<(usize, f64)> = (0..36).map(|m| (m, noise(m))).collect();
    monthly(&input, &series, Dated::EndOfBounds);
    let rows: Vec<String> =
        (0..48).map(|m| format!("{}-{:02},{}", 2000 + m / 12, m % 12 + 1, noise(m))).collect();
    std::fs::write(&table, rows.join("\n")).expect("written");
    monthly(&field, &series, Dated::Middle);
    for with in [text(&table).to_owned(), format!("{}:v", text(&field))] {
        let out = at("out.nc");
        let words = ["relate", text(&input), "--var", "v", "--with", &with, "-q", "-o", text(&out)];
        run_well(Launch::Plain(1), &words);
        assert_eq!(values(&out, "v_correlation"), [1.0], "{with}");
        assert_eq!(values(&out, "v_pairs"), [36.0]);
    }
    // Months dated to their starts, without bounds.
    let shift = |by: f64| {
        let mut file = netcdf::append(&field).expect("opens");
        let mut time = file.variable_mut("time").expect("times");
        let times: Vec<f64> = time.get_values::<f64, _>(..).expect("times").iter().map(|t| t + by).collect();
        time.put_values(&times, ..).expect("written");
    };
    let longer: Vec<(usize, f64)> = (0..48).map(|m| (m, noise(m))).collect();
    let words = |with: &str| {
        let out = at("out.nc");
        ["relate", text(&input), "--var", "v", "--with", with, "-q", "-o", text(&out)].map(str::to_owned)
    };
    let with = format!("{}:v", text(&field));
    let related = |with: &str| {
        let words = words(with);
        run(Launch::Plain(1), &words.each_ref().map(String::as_str))
    };
    monthly(&field, &series, Dated::Middle);
    shift(-15.0);
    assert!(related(&with).status.success());
    assert_eq!(values(&at("out.nc"), "v_correlation"), [1.0], "starts of the same months");
    // Of more months, nothing tells whether 1 February stands for January, as in the other file.
    monthly(&field, &longer, Dated::Middle);
    add_series(&field, &longer);
    shift(-15.0);
    let index = format!("{}:s", text(&field));
    let output = related(&index);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(3) && error.contains("only one input have bounds"), "{output:?}");
    // An hour tells.
    shift(0.04);
    assert!(related(&index).status.success());
    assert_eq!(values(&at("out.nc"), "v_correlation"), [1.0]);
    // If 1 February were February, January would not be there.
    monthly(&field, &longer, Dated::End);
    add_series(&field, &longer);
    assert!(related(&index).status.success());
    assert_eq!(values(&at("out.nc"), "v_correlation"), [1.0]);
    let mut file = netcdf::append(&field).expect("opens");
    file.variable_mut("time").expect("times").put_attribute("calendar", "noleap").expect("an attribute");
    drop(file);
    let output = related(&index);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(3) && error.contains("calendar is `noleap`"), "{output:?}");
    assert!(error.contains("setcalendar"), "{output:?}");
    // The same times are the same, though one file has lost its bounds.
    monthly(&field, &series, Dated::End);
    for time in [None, Some("--time=2001/2002")] {
        let (out, words) = (at("out.nc"), words(&with));
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        words.extend(time);
        let output = run(Launch::Plain(1), &words);
        if time.is_none() {
            assert!(output.status.success());
            assert_eq!(values(&out, "v_correlation"), [1.0]);
        } else {
            // Of one December 2000 is chosen, of the other December 2002.
            assert_eq!(output.status.code(), Some(3), "{output:?}");
        }
    }
}

#[test]
fn lags_count_steps_across_gaps() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    // Winters of twenty years; the variable is what the other was a month before.
    let winter = |months: std::ops::Range<usize>, before: usize| -> Vec<(usize, f64)> {
        months.filter(|m| [11, 0, 1].contains(&(m % 12))).map(|m| (m, noise(m - before))).collect()
    };
    let (input, same, table, out) = (at("in.nc"), at("same.nc"), at("all.csv"), at("out.nc"));
    monthly(&input, &winter(11..251, 1), Dated::Middle);
    monthly(&same, &winter(11..251, 0), Dated::Middle);
    let rows: Vec<String> =
        (0..260).map(|m| format!("{}-{:02},{}", 2000 + m / 12, m % 12 + 1, noise(m))).collect();
    std::fs::write(&table, rows.join("\n")).expect("written");
    let relate = |with: &str, lags: &str, launch: Launch| {
        let lags = format!("--lags={lags}");
        let words = ["relate", text(&input), "--var", "v", "--with", with, &lags, "-q", "-o", text(&out)];
        run(launch, &words)
    };
    for launch in [Launch::Plain(1), Launch::Mpi(3)] {
        // A complete index has a value before every winter, too.
        assert!(relate(text(&table), "1", launch).status.success());
        assert_eq!((values(&out, "v_correlation")[0], values(&out, "v_pairs")[0]), (1.0, 60.0));
        // One of winters has none before December.
        assert!(relate(&format!("{}:v", text(&same)), "1", launch).status.success());
        assert_eq!((values(&out, "v_correlation")[0], values(&out, "v_pairs")[0]), (1.0, 40.0));
    }
    // Fields on a grid, read side by side.
    let wide = |name: &str, series: &[(usize, f64)]| {
        let path = at(name);
        let mut file = netcdf::create(&path).expect("a file");
        define_axes(&mut file, [series.len(), 1, 2]);
        let times: Vec<f64> = series.iter().map(|(m, _)| 30.0 * *m as f64 + 15.0).collect();
        let twice: Vec<f64> = series.iter().flat_map(|(_, v)| [*v, 2.0 * v]).collect();
        for (name, numbers) in [("time", times), ("lat", vec![0.0]), ("lon", vec![0.0, 10.0])] {
            file.variable_mut(name).expect("defined").put_values(&numbers, ..).expect("written");
        }
        let mut data = file.add_variable::<f64>("v", &["time", "lat", "lon"]).expect("a variable");
        data.put_values(&twice, ..).expect("written");
        path
    };
    let (late, early) = (wide("late.nc", &winter(11..251, 1)), wide("early.nc", &winter(11..251, 0)));
    let with = format!("{}:v", text(&early));
    for launch in [Launch::Plain(1), Launch::Mpi(2)] {
        let words =
            ["relate", text(&late), "--var", "v", "--with", &with, "--lags=1", "-q", "-o", text(&out)];
        run_well(launch, &words);
        assert_eq!(values(&out, "v_correlation"), [1.0, 1.0]);
        assert_eq!(values(&out, "v_pairs"), [40.0, 40.0]);
    }
    let words = ["relate", text(&late), "--var", "v", "--with", &with, "--lags=5", "-q", "-o", text(&out)];
    let output = run(Launch::Plain(1), &words);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && error.contains("gaps in time"), "{error}");
}

#[test]
fn a_finer_index_has_no_single_value_for_a_mean() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let (input, table, out) = (at("in.nc"), at("days.csv"), at("out.nc"));
    let series: Vec<(usize, f64)> = (0..24).map(|m| (m, noise(m))).collect();
    let days: Vec<String> = (0..720)
        .map(|d| format!("{}-{:02}-{:02},{}", 2000 + d / 360, d / 30 % 12 + 1, d % 30 + 1, noise(d)))
        .collect();
    std::fs::write(&table, days.join("\n")).expect("written");
    let words = ["relate", text(&input), "--var", "v", "--with", text(&table), "-q", "-o", text(&out)];
    for dated in [Dated::Middle, Dated::EndOfBounds] {
        monthly(&input, &series, dated);
        let output = run(Launch::Plain(1), &words);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(3) && error.contains("has 30 times from"), "{error}");
    }
    // Every sixth month goes with the months of an index, if it is known to be no mean of six.
    let months: Vec<String> =
        (0..24).map(|m| format!("{}-{:02},{}", 2000 + m / 12, m % 12 + 1, noise(m))).collect();
    std::fs::write(&table, months.join("\n")).expect("written");
    let sixth: Vec<(usize, f64)> = (0..24).step_by(6).map(|m| (m, noise(m))).collect();
    monthly(&input, &sixth, Dated::EndOfBounds);
    run_well(Launch::Plain(1), &words);
    assert!((values(&out, "v_correlation")[0] - 1.0).abs() < 1e-12 && values(&out, "v_pairs") == [4.0]);
    monthly(&input, &sixth, Dated::Middle);
    assert_eq!(run(Launch::Plain(1), &words).status.code(), Some(3));
}

#[test]
fn times_across_a_gap_are_no_neighbours() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    // Slow variations, of which winters are kept, or all others are missing.
    let wave = |m: usize| (m as f64 / 30.0).sin() + (m as f64 / 11.0).cos();
    let is_winter = |m: usize| [11, 0, 1].contains(&(m % 12));
    let of = |name: &str, series: &[(usize, f64)]| {
        monthly(&at(name), series, Dated::Middle);
        at(name)
    };
    let winters: Vec<(usize, f64)> =
        (11..251).filter(|&m| is_winter(m)).map(|m| (m, wave(m) + noise(m) / 60.0)).collect();
    let all = |of_winter: &dyn Fn(usize) -> f64| -> Vec<(usize, f64)> {
        (11..251).map(|m| (m, if is_winter(m) { of_winter(m) } else { f64::NAN })).collect()
    };
    let gappy = of("gappy.nc", &winters);
    let filled = of("filled.nc", &all(&|m| wave(m) + noise(m) / 60.0));
    let other: Vec<(usize, f64)> = (11..251).map(|m| (m, wave(m))).collect();
    add_series(&of("with.nc", &other), &other);
    let with = format!("{}:s", text(&at("with.nc")));
    let size = |input: &std::path::Path, launch: Launch| {
        let out = at("out.nc");
        let words = ["relate", text(input), "--var", "v", "--with", &with, "-q", "-o", text(&out)];
        run_well(launch, &words);
        values(&out, "v_effective_size")[0]
    };
    let expected = size(&filled, Launch::Plain(1));
    assert!(expected > 3.0 && expected < 55.0, "{expected}");
    for launch in [Launch::Plain(1), Launch::Mpi(3)] {
        let found = size(&gappy, launch);
        assert!((found - expected).abs() < 1e-9 * expected, "{found}, not {expected}");
    }
}
