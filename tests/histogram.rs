//! `halocline histogram` against numpy, on any ranks, and what it refuses.

mod common;

use common::made::{value, Layout, Made};
use common::{contents, data, launches, reference, run, run_well, text, values, Launch};
use std::path::Path;

fn theirs(path: &Path, name: &str) -> Vec<f64> {
    netcdf::open(path).expect("opens").variable(name).expect("is there").get_values(..).expect("numbers")
}

fn arguments(path: &Path) -> Vec<String> {
    match netcdf::open(path).expect("opens").attribute("arguments").expect("is there").value() {
        Ok(netcdf::AttributeValue::Str(text)) => text.split(' ').map(str::to_owned).collect(),
        other => panic!("arguments are {other:?}"),
    }
}

fn close(ours: &[f64], theirs: &[f64], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (a, b) in ours.iter().zip(theirs) {
        assert!((a - b).abs() <= 1e-12 * b.abs(), "{what}: {a} is not {b}");
    }
}

#[test]
fn numpy_counts_the_same() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let (sample, pair) = (data("ersstv5_sst_201001-202008.nc"), reference("pair_input.nc"));
    for (case, input, var, label, every) in [
        ("histogram_sample.nc", &sample, "sst", "sst", 1),
        ("histogram_time.nc", &sample, "sst", "sst", 11),
        ("histogram_space.nc", &sample, "sst", "sst", 1),
        ("histogram_joint.nc", &pair, "ps,tas", "ps_tas", 1),
    ] {
        let reference = reference(case);
        let options = arguments(&reference);
        let mut words = vec!["histogram", text(input), "--var", var, "-q", "-o", text(&out)];
        words.extend(options.iter().map(String::as_str));
        run_well(Launch::Plain(2), &words);
        let ours = values(&out, &format!("{label}_histogram"));
        let expected = theirs(&reference, "histogram");
        let bins = if every > 1 { 4 } else { ours.len() };
        let ours: Vec<f64> = ours.chunks(bins).step_by(every).flatten().copied().collect();
        assert_eq!(ours, expected, "{case}");
        if every > 1 || case == "histogram_space.nc" {
            continue;
        }
        assert_eq!(values(&out, &format!("{label}_missing")), theirs(&reference, "missing"));
        if case == "histogram_sample.nc" {
            for side in ["below", "above"] {
                assert_eq!(values(&out, &format!("sst_{side}")), theirs(&reference, side));
            }
        }
        words.push("--density");
        run_well(Launch::ThreadRanks(2), &words);
        close(&values(&out, &format!("{label}_density")), &theirs(&reference, "density"), case);
    }
}

#[test]
fn area_weights_and_what_stands_around() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let made = Made { shape: [30, 8, 12], layout: Layout::Chunked([7, 3, 5], Some(1)), since: 0 };
    made.write(&input);
    let words = ["histogram", text(&input), "--var", "tos", "--bins", "250:290:20", "-q", "-o", text(&out)];
    run_well(Launch::Plain(2), &[&words[..], &["--weights", "area"]].concat());
    // Rows every 20 degrees from -80; those at the ends reach to the poles.
    let sine = |degrees: f64| degrees.to_radians().sin();
    let area = |row: usize| {
        let south = if row == 0 { -90.0 } else { -90.0 + 20.0 * row as f64 };
        let north = -70.0 + 20.0 * row as f64;
        (sine(north) - sine(south)) / 12.0 / (sine(70.0) - sine(-90.0))
    };
    let mut expected = vec![0.0; 20];
    for t in 0..30 {
        for cell in 0..96 {
            let v = f64::from(value(t, cell));
            if v < 290.0 {
                expected[((v - 250.0) / 2.0) as usize] += area(cell / 12);
            }
        }
    }
    let ours = values(&out, "tos_histogram");
    assert!(ours.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12), "{ours:?} {expected:?}");
    // Densities are the same up to a factor, whose integral is 1.
    run_well(Launch::Plain(2), &[&words[..], &["--weights", "area", "--density"]].concat());
    let density = values(&out, "tos_density");
    assert!((density.iter().sum::<f64>() * 2.0 - 1.0).abs() < 1e-13);
    assert_eq!(values(&out, "tos_bin")[..2], [251.0, 253.0]);
    assert_eq!(values(&out, "tos_bin_bnds")[..4], [250.0, 252.0, 252.0, 254.0]);
    // A value for each time, and what was left out.
    run_well(Launch::Plain(2), &[&words[..], &["--over", "lat,lon"]].concat());
    let (counts, missing) = (values(&out, "tos_histogram"), values(&out, "tos_missing"));
    assert_eq!([counts.len(), missing.len()], [30 * 20, 30]);
    assert_eq!(values(&out, "time"), values(&input, "time"));
    let apart = |side: &str| values(&out, &format!("tos_{side}")).iter().sum::<f64>();
    assert_eq!(
        counts.iter().sum::<f64>() + missing.iter().sum::<f64>() + apart("below") + apart("above"),
        30.0 * 96.0
    );
}

#[test]
fn the_same_bits_on_any_ranks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let (input, other) = (at("in.nc"), at("other.nc"));
    Made { shape: [150, 37, 29], layout: Layout::Chunked([1, 37, 29], Some(1)), since: 0 }.write(&input);
    Made { shape: [150, 37, 29], layout: Layout::Chunked([40, 10, 29], Some(1)), since: 0 }.write(&other);
    let with = format!("{}:tos", text(&other));
    for options in [
        &["--with", &with, "--bins", "250:290:30", "--bins", "250,260,270,300"][..],
        &["--bins", "250:290:30", "--over", "time"],
        &["--bins", "250:290:30", "--over", "lat,lon", "--weights", "area"],
        &["--bins", "250:290:30", "--over", "lon", "--density"],
        &["--bins", "250:290:30", "--weights", "area"],
    ] {
        let mut expected = None;
        for launch in launches() {
            let out = at("out.nc");
            let words = ["histogram", text(&input), "--var", "tos", "-q", "-o", text(&out)];
            run_well(launch, &[&words, options].concat());
            let contents = contents(&out);
            let expected = expected.get_or_insert_with(|| contents.clone());
            assert!(*expected == contents, "{launch:?} {options:?}");
        }
    }
}

#[test]
fn what_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let input = at("in.nc");
    let made = Made { shape: [9, 4, 5], layout: Layout::Classic, since: 0 };
    made.write(&input);
    Made { shape: [9, 4, 6], ..made }.write(&at("grid.nc"));
    Made { since: 3, ..made }.write(&at("late.nc"));
    let results = at("results");
    std::fs::create_dir(&results).expect("a folder");
    let out = results.join("out.nc");
    let file = |name: &str| format!("{}:tos", text(&at(name)));
    let (grid, late) = (file("grid.nc"), file("late.nc"));
    let one = ["--bins", "0:1:2"];
    let two = ["--bins", "0:1:2", "--bins", "0:1:2"];
    let cases: [(&[&str], i32, &str); 19] = [
        (&[], 2, "--bins"),
        (&["--bins", "3:1:4"], 2, "don't increase"),
        (&["--bins", "1,3,2"], 2, "don't increase"),
        (&["--bins", "0,nan,2"], 2, "NaN"),
        (&["--bins", "0:inf:2"], 2, "finite"),
        (&["--bins", "0:1:0"], 2, "0 bins"),
        (&["--bins", "12"], 2, "two edges"),
        (&["--bins", "a,b"], 2, "no number"),
        (&two, 2, "2 times for 1 variable"),
        (&[&one[..], &["--over", "depth"]].concat(), 2, "--over `depth`"),
        (&[&one[..], &["--over", "lat,lat"]].concat(), 2, "twice"),
        (&[&one[..], &["--over", "all,lat"]].concat(), 2, "all"),
        (&[&one[..], &["--with", "nothing"]].concat(), 2, "--bins is given 1 times for 2 variables"),
        (&[&two[..], &["--with", "nothing"]].concat(), 2, "FILES:VAR"),
        (&[&two[..], &["--with", &grid]].concat(), 3, "is not that of `tos`"),
        (&[&two[..], &["--with", &late]].concat(), 3, "no value on"),
        (&["--bins", "0:1:1000000000", "--memory", "1GB"], 5, "--memory"),
        // Not the counts alone: edges and middles of so many bins, too.
        (&["--bins", "0:1:20000000", "--memory", "800MB"], 5, "--memory"),
        (&["--bins", "0:1:100000", "--memory", "45MB", "--over", "time"], 5, "--memory"),
    ];
    let mpi = cfg!(feature = "mpi").then_some(Launch::Mpi(2));
    for launch in [Launch::Plain(1), Launch::ThreadRanks(3)].into_iter().chain(mpi) {
        for (options, code, word) in &cases {
            let words = ["histogram", text(&input), "--var", "tos", "-q", "-o", text(&out)];
            let output = run(launch, &[&words, *options].concat());
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(*code), "{launch:?} {options:?}: {error}");
            let lines: Vec<&str> = error.lines().filter(|l| l.starts_with("halocline: ")).collect();
            assert!(lines.len() == 1 && lines[0].contains(word), "{launch:?} {options:?}: {error}");
            assert_eq!(common::names_in(&results), Vec::<String>::new());
        }
    }
}
