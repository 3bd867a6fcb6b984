//! Grids that hold columns twice: means over them count each cell once, and it is said.

mod common;

use common::{run_well, text, values, Launch};
use std::path::{Path, PathBuf};

const TIMES: usize = 24;
const ROWS: usize = 9;
const COLUMNS: usize = 36;

fn value(t: usize, j: usize, i: usize) -> f64 {
    ((t * 7919 + j * 104_729 + i * 31 + t * (j + 2 * i) * 17) % 101) as f64 / 10.0
}

/// Longitudes from a column number on: `first` columns in front of the first are repeated, and so on
/// up to `count`.
fn write(folder: &Path, name: &str, (before, count): (usize, usize), is_curvilinear: bool) -> PathBuf {
    let path = folder.join(name);
    let mut file = netcdf::create(&path).expect("a test file");
    for (name, len) in [("time", TIMES), ("lat", ROWS), ("lon", count), ("corner", 4)] {
        file.add_dimension(name, len).expect("a dimension");
    }
    let mut time = file.add_variable::<f64>("time", &["time"]).expect("a variable");
    time.put_attribute("units", "days since 2000-01-01").expect("an attribute");
    time.put_values(&(0..TIMES).map(|t| t as f64).collect::<Vec<_>>(), ..).expect("written");
    let lat = |j: usize| -80.0 + 20.0 * j as f64;
    let lon = |i: usize| (i as f64 - before as f64) * 10.0;
    let mut put = |name: &str, units: &str, dims: &[&str], values: &[f64]| {
        let mut v = file.add_variable::<f64>(name, dims).expect("a variable");
        v.put_attribute("units", units).expect("an attribute");
        v.put_values(values, ..).expect("written");
        if dims.len() == 2 {
            v.put_attribute("bounds", format!("{name}_bounds")).expect("an attribute");
        }
    };
    if is_curvilinear {
        let cells = || (0..ROWS * count).map(|c| (c / count, c % count));
        let around = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)];
        put("nav_lat", "degrees_north", &["lat", "lon"], &cells().map(|c| lat(c.0)).collect::<Vec<_>>());
        put("nav_lon", "degrees_east", &["lat", "lon"], &cells().map(|c| lon(c.1)).collect::<Vec<_>>());
        let lats: Vec<f64> = cells().flat_map(|c| around.map(|(_, n)| lat(c.0) + 10.0 * n)).collect();
        let lons: Vec<f64> = cells().flat_map(|c| around.map(|(e, _)| lon(c.1) + 5.0 * e)).collect();
        put("nav_lat_bounds", "degrees_north", &["lat", "lon", "corner"], &lats);
        put("nav_lon_bounds", "degrees_east", &["lat", "lon", "corner"], &lons);
    } else {
        put("lat", "degrees_north", &["lat"], &(0..ROWS).map(lat).collect::<Vec<_>>());
        put("lon", "degrees_east", &["lon"], &(0..count).map(lon).collect::<Vec<_>>());
    }
    let mut v = file.add_variable::<f64>("v", &["time", "lat", "lon"]).expect("a variable");
    if is_curvilinear {
        v.put_attribute("coordinates", "nav_lat nav_lon").expect("an attribute");
    }
    let mut all = Vec::new();
    for t in 0..TIMES {
        for j in 0..ROWS {
            all.extend((0..count).map(|i| value(t, j, (i + COLUMNS - before) % COLUMNS)));
        }
    }
    v.put_values(&all, ..).expect("written");
    path
}

/// What a command makes of a file, and what it says.
fn of(launch: Launch, words: &[&str], input: &Path, variables: &[&str]) -> (Vec<Vec<f64>>, String) {
    let out = input.with_extension("out.nc");
    let (command, options) = words.split_at(1 + usize::from(words[0] == "spectrum"));
    let said = run_well(launch, &[command, &[text(input), "--var", "v", "-o", text(&out)], options].concat());
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    (variables.iter().map(|name| values(&out, name)).collect(), said)
}

/// Whether values are the same within a share of them, and missing in the same places.
fn near(a: &[Vec<f64>], b: &[Vec<f64>], share: f64) -> bool {
    let same = |(a, b): (&f64, &f64)| (a.is_nan() && b.is_nan()) || (a - b).abs() <= share * b.abs();
    a.iter().map(Vec::len).eq(b.iter().map(Vec::len)) && a.iter().flatten().zip(b.iter().flatten()).all(same)
}

const STATS: [&str; 5] = ["stats", "--op", "mean,std,sum,count,p50", "--over", "lat,lon"];
const OF_STATS: [&str; 5] = ["v_mean", "v_std", "v_sum", "v_count", "v_p50"];

#[test]
fn a_last_column_at_the_longitude_of_the_first_counts_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plain = write(folder.path(), "plain.nc", (0, COLUMNS), false);
    let closed = write(folder.path(), "closed.nc", (0, COLUMNS + 1), false);
    let cases: &[(&[&str], &[&str])] = &[
        (&STATS, &OF_STATS),
        (&["stats", "--op", "mean", "--over", "lon", "--missing", "propagate"], &["v"]),
        (&["stats", "--op", "mean,count", "--over", "time,lon"], &["v_mean", "v_count"]),
        (&["histogram", "--bins", "0:12:24", "--over", "all", "--weights", "area"], &["v_histogram"]),
        (&["histogram", "--bins", "0:12:24", "--over", "lat,lon", "--weights", "area"], &["v_histogram"]),
        (&["spectrum", "power", "--average", "lat,lon"], &["power"]),
        (&["spectrum", "multitaper", "--average", "lon"], &["power"]),
        (&["regrid", "--to", "r20x10", "--method", "bilinear"], &["v"]),
    ];
    for (words, variables) in cases {
        let (expected, said) = of(Launch::ThreadRanks(1), words, &plain, variables);
        assert!(!said.contains("repeat"), "{words:?}: {said}");
        for ranks in [1, 3] {
            let (found, said) = of(Launch::ThreadRanks(ranks), words, &closed, variables);
            // The cells between the last column and the first are the same, but for rounding.
            let least = if words.contains(&"bilinear") { 1e-13 } else { 0.0 };
            assert!(near(&found, &expected, least), "{words:?}");
            assert!(said.contains("repeat") || words.contains(&"bilinear"), "{words:?}: {said}");
        }
    }
    // Along time each cell is for itself, and other tools count what the file holds.
    let (maps, said) =
        of(Launch::ThreadRanks(1), &["stats", "--op", "mean", "--over", "time"], &closed, &["v"]);
    assert!(maps[0].iter().all(|v| v.is_finite()) && !said.contains("repeat"));
    let others =
        [["--convention", "cdo"], ["--convention", "xarray"], ["--convention", "ncl"], ["--weights", "none"]];
    for other in others {
        let words = [&STATS[..], &other].concat();
        let (counts, _) = of(Launch::ThreadRanks(1), &words, &closed, &["v_count"]);
        assert_eq!(counts[0], vec![(ROWS * (COLUMNS + 1)) as f64; TIMES]);
    }
}

#[test]
fn halves_further_turns_and_columns_left_empty() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plain = write(folder.path(), "plain.nc", (0, COLUMNS), false);
    let (expected, _) = of(Launch::ThreadRanks(1), &STATS, &plain, &OF_STATS);
    // Three columns more, a third of a turn on.
    let further = write(folder.path(), "further.nc", (0, COLUMNS + 12), false);
    let (found, said) = of(Launch::ThreadRanks(2), &STATS, &further, &OF_STATS);
    assert!(found == expected && said.contains("12 columns repeat others"), "{said}");
    let words = ["stats", "--op", "mean", "--over", "time,lat,lon", "--weights", "time"];
    let of_time = |input: &Path| of(Launch::ThreadRanks(1), &words, input, &["v"]).0;
    assert_eq!(of_time(&further), of_time(&plain));
    // One column is empty: the other counts.
    let empty = write(folder.path(), "empty.nc", (0, COLUMNS + 1), false);
    {
        let mut file = netcdf::append(&empty).expect("opens");
        let mut v = file.variable_mut("v").expect("is there");
        v.put_values(&vec![f64::NAN; TIMES * ROWS], (.., .., 0)).expect("written");
    }
    let (found, said) = of(Launch::ThreadRanks(1), &STATS, &empty, &OF_STATS);
    assert!(near(&found, &expected, 1e-14) && said.contains("1 column repeats another"), "{said}");
    // Two halves of a cell, as bounds tell, are a cell.
    let halves = write(folder.path(), "halves.nc", (0, COLUMNS + 1), false);
    {
        let mut file = netcdf::append(&halves).expect("opens");
        file.add_dimension("two", 2).expect("a dimension");
        let mut lon = file.variable_mut("lon").expect("is there");
        lon.put_attribute("bounds", "lon_bnds").expect("an attribute");
        let edge = |k: f64| (10.0 * k - 5.0).clamp(0.0, 360.0);
        let bounds: Vec<f64> = (0..=COLUMNS).flat_map(|i| [edge(i as f64), edge(i as f64 + 1.0)]).collect();
        let mut all = file.add_variable::<f64>("lon_bnds", &["lon", "two"]).expect("a variable");
        all.put_values(&bounds, ..).expect("written");
    }
    let mean = ["stats", "--op", "mean", "--over", "lat,lon"];
    let (found, said) = of(Launch::ThreadRanks(1), &mean, &halves, &["v"]);
    assert!(near(&found, &expected[..1], 1e-13) && !said.contains("repeat"), "{said}");
    let integral = |input: &Path| {
        let out = input.with_extension("integral.nc");
        run_well(
            Launch::Plain(1),
            &["calc", "integral", text(input), "--var", "v", "--dims", "x,y", "-q", "-o", text(&out)],
        );
        values(&out, "v_integral")
    };
    assert!(near(&[integral(&halves)], &[integral(&plain)], 1e-13));
}

#[test]
fn regridding_counts_cells_as_the_file_holds_them_and_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let closed = write(folder.path(), "closed.nc", (0, COLUMNS + 1), false);
    for (method, is_told) in
        [("conservative", true), ("distance:6", true), ("nearest", false), ("bilinear", false)]
    {
        let words = ["regrid", "--to", "r20x10", "--method", method];
        let (found, said) = of(Launch::ThreadRanks(2), &words, &closed, &["v"]);
        assert!(found[0].iter().all(|v| v.is_finite()), "{method}");
        assert_eq!(said.contains("9 cells repeated in the source grid"), is_told, "{method}: {said}");
    }
}

#[test]
fn of_two_columns_of_a_curvilinear_grid_too() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plain = write(folder.path(), "plain.nc", (0, COLUMNS), true);
    let halo = write(folder.path(), "halo.nc", (1, COLUMNS + 2), true);
    let cases: &[(&[&str], &[&str])] = &[
        (&STATS, &OF_STATS),
        (&["histogram", "--bins", "0:12:24", "--over", "all", "--weights", "area"], &["v_histogram"]),
        (&["spectrum", "power", "--average", "lat,lon"], &["power"]),
    ];
    for (words, variables) in cases {
        let (expected, _) = of(Launch::ThreadRanks(1), words, &plain, variables);
        let (found, said) = of(Launch::ThreadRanks(2), words, &halo, variables);
        assert!(near(&found, &expected, 1e-13), "{words:?}");
        assert!(said.contains("repeat"), "{words:?}: {said}");
    }
}

#[test]
fn steps_of_a_pipeline_that_count_once_and_that_do_not_read_apart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let closed = write(folder.path(), "closed.nc", (0, COLUMNS + 1), false);
    let (time, both) = (folder.path().join("time.nc"), folder.path().join("both.nc"));
    let pipeline = folder.path().join("p.toml");
    let source = format!("[source.maps]\nfiles = {:?}\nvar = \"v\"\n", text(&closed));
    let step = |over: &str, out: &Path| {
        format!("[[step]]\ndo = \"stats\"\nfrom = \"maps\"\nover = {over}\noutput = {:?}\n", text(out))
    };
    let all = [source, step("[\"time\"]", &time), step("[\"lat\", \"lon\"]", &both)].concat();
    std::fs::write(&pipeline, all).expect("written");
    run_well(Launch::ThreadRanks(1), &["run", text(&pipeline)]);
    let (expected, _) =
        of(Launch::ThreadRanks(1), &["stats", "--op", "mean", "--over", "lat,lon"], &closed, &["v"]);
    assert_eq!(values(&both, "v"), expected[0]);
    let map = values(&time, "v");
    assert!(map.len() == ROWS * (COLUMNS + 1) && map.iter().all(|v| v.is_finite()));
}
