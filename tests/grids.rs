//! Coordinates as files really have them: other units, no bounds, missing on land.

mod common;

use common::{run_well, text, values, Launch};
use std::path::{Path, PathBuf};

const TIMES: usize = 20;
const LATS: [f64; 5] = [-60.0, -40.0, -25.0, 10.0, 60.0];
const LONS: [f64; 4] = [0.0, 90.0, 180.0, 270.0];

fn value(t: usize, c: usize) -> f64 {
    ((t * 7919 + c * 104_729 + t * c * 31) % 101) as f64
}

/// A grid with latitudes and longitudes as they are written by `coordinates`.
fn write(folder: &Path, name: &str, coordinates: impl Fn(&mut netcdf::FileMut)) -> PathBuf {
    let path = folder.join(name);
    let mut file = netcdf::create(&path).expect("a test file");
    for (name, len) in [("time", TIMES), ("lat", LATS.len()), ("lon", LONS.len()), ("two", 2)] {
        file.add_dimension(name, len).expect("a dimension");
    }
    let mut time = file.add_variable::<f64>("time", &["time"]).expect("a variable");
    time.put_attribute("units", "days since 2000-01-01").expect("an attribute");
    time.put_values(&(0..TIMES).map(|t| t as f64).collect::<Vec<_>>(), ..).expect("written");
    coordinates(&mut file);
    let mut v = file.add_variable::<f64>("v", &["time", "lat", "lon"]).expect("a variable");
    v.set_fill_value(-9.0f64).expect("a fill value");
    v.put_attribute("coordinates", "nav_lat nav_lon").expect("an attribute");
    let cells = LATS.len() * LONS.len();
    // Cell 7 is land.
    let all: Vec<f64> =
        (0..TIMES * cells).map(|i| if i % cells == 7 { -9.0 } else { value(i / cells, i % cells) }).collect();
    v.put_values(&all, ..).expect("written");
    path
}

fn axis(file: &mut netcdf::FileMut, name: &str, units: &str, values: &[f64], bounds: Option<&[f64]>) {
    let mut v = file.add_variable::<f64>(name, &[name]).expect("a variable");
    v.put_attribute("units", units).expect("an attribute");
    v.put_attribute("standard_name", if name == "lat" { "latitude" } else { "longitude" })
        .expect("an attribute");
    v.put_values(values, ..).expect("written");
    if let Some(bounds) = bounds {
        v.put_attribute("bounds", format!("{name}_bnds")).expect("an attribute");
        let mut b = file.add_variable::<f64>(&format!("{name}_bnds"), &[name, "two"]).expect("a variable");
        b.put_values(bounds, ..).expect("written");
    }
}

fn eigenvalues(input: &Path, options: &[&str]) -> Vec<f64> {
    let out = input.with_extension("out.nc");
    run_well(
        Launch::ThreadRanks(2),
        &[&["eof", text(input), "--var", "v", "--modes", "3", "-q", "-o", text(&out)], options].concat(),
    );
    values(&out, "eigenvalue")
}

fn close(a: &[f64], b: &[f64]) {
    for (x, y) in a.iter().zip(b) {
        assert!((x / y - 1.0).abs() < 1e-12, "{a:?} against {b:?}");
    }
}

#[test]
fn radians_are_degrees_in_the_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let degrees = write(folder.path(), "degrees.nc", |f| {
        axis(f, "lat", "degrees_north", &LATS, None);
        axis(f, "lon", "degrees_east", &LONS, None);
    });
    let radians = write(folder.path(), "radians.nc", |f| {
        axis(f, "lat", "radians", &LATS.map(f64::to_radians), None);
        axis(f, "lon", "radian", &LONS.map(f64::to_radians), None);
    });
    for weights in ["coslat", "area"] {
        close(
            &eigenvalues(&radians, &["--weights", weights]),
            &eigenvalues(&degrees, &["--weights", weights]),
        );
    }
}

#[test]
fn a_box_does_not_change_the_area_of_its_cells() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plain = write(folder.path(), "plain.nc", |f| {
        axis(f, "lat", "degrees_north", &LATS, None);
        axis(f, "lon", "degrees_east", &LONS, None);
    });
    // What half-way edges of the whole grid are.
    let lat = [-70.0, -50.0, -50.0, -32.5, -32.5, -7.5, -7.5, 35.0, 35.0, 85.0];
    let lon = [-45.0, 45.0, 45.0, 135.0, 135.0, 225.0, 225.0, 315.0];
    let bounded = write(folder.path(), "bounded.nc", |f| {
        axis(f, "lat", "degrees_north", &LATS, Some(&lat));
        axis(f, "lon", "degrees_east", &LONS, Some(&lon));
    });
    for selection in ["0,360,-90,90", "80,280,-45,15", "80,280,5,15"] {
        let options = ["--weights", "area", "--box", selection];
        close(&eigenvalues(&plain, &options), &eigenvalues(&bounded, &options));
    }
}

#[test]
fn land_needs_no_coordinates() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let curvilinear = |land: f64| {
        move |f: &mut netcdf::FileMut| {
            for (name, units) in [("nav_lat", "degrees_north"), ("nav_lon", "degrees_east")] {
                let mut all: Vec<f64> = (0..LATS.len() * LONS.len())
                    .map(|c| if name == "nav_lat" { LATS[c / LONS.len()] } else { LONS[c % LONS.len()] })
                    .collect();
                if land.is_nan() {
                    all[7] = land;
                }
                let mut v = f.add_variable::<f64>(name, &["lat", "lon"]).expect("a variable");
                v.put_attribute("units", units).expect("an attribute");
                v.put_values(&all, ..).expect("written");
            }
        }
    };
    let whole = write(folder.path(), "whole.nc", curvilinear(0.0));
    let holes = write(folder.path(), "holes.nc", curvilinear(f64::NAN));
    close(&eigenvalues(&holes, &[]), &eigenvalues(&whole, &[]));
    close(
        &eigenvalues(&holes, &["--box", "80,200,-45,70"]),
        &eigenvalues(&whole, &["--box", "80,200,-45,70"]),
    );
}

/// A small globe with a map and a volume; the step is one of a time dimension, of a scalar time, or of
/// none.
fn still(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(format!("{name}.nc"));
    let mut file = netcdf::create(&path).expect("a test file");
    for (name, len) in [("lev", 3), ("lat", 12), ("lon", 24), ("two", 2)] {
        file.add_dimension(name, len).expect("a dimension");
    }
    let lead: &[&str] = if name == "step" { &["time"] } else { &[] };
    if name == "step" {
        file.add_dimension("time", 1).expect("a dimension");
    }
    if name != "none" {
        let mut time = file.add_variable::<f64>("time", lead).expect("a variable");
        time.put_attribute("units", "days since 2000-01-01").expect("an attribute");
        time.put_attribute("bounds", "time_bnds").expect("an attribute");
        time.put_values(&[15.5], ..).expect("written");
        let mut bounds =
            file.add_variable::<f64>("time_bnds", &[lead, &["two"]].concat()).expect("a variable");
        bounds.put_values(&[0.0, 31.0], ..).expect("written");
    }
    axis(
        &mut file,
        "lat",
        "degrees_north",
        &(0..12).map(|j| -82.5 + 15.0 * f64::from(j)).collect::<Vec<_>>(),
        None,
    );
    axis(&mut file, "lon", "degrees_east", &(0..24).map(|i| 15.0 * f64::from(i)).collect::<Vec<_>>(), None);
    let mut lev = file.add_variable::<f64>("lev", &["lev"]).expect("a variable");
    for (key, value) in [("units", "m"), ("positive", "down")] {
        lev.put_attribute(key, value).expect("an attribute");
    }
    lev.put_values(&[5.0, 20.0, 60.0], ..).expect("written");
    for (k, name) in ["map", "other", "volume"].into_iter().enumerate() {
        let dims: &[&str] = if name == "volume" { &["lev", "lat", "lon"] } else { &["lat", "lon"] };
        let mut v = file.add_variable::<f64>(name, &[lead, dims].concat()).expect("a variable");
        v.put_attribute("units", "m s-1").expect("an attribute");
        v.put_attribute("coordinates", "time").expect("an attribute");
        let n = if name == "volume" { 3 * 288 } else { 288 };
        v.put_values(&(0..n).map(|c| value(k, c)).collect::<Vec<_>>(), ..).expect("written");
    }
    path
}

/// Names, dimensions and values of what a file holds.
fn held(path: &Path) -> Vec<(String, Vec<String>, Vec<f64>)> {
    let file = netcdf::open(path).expect("an output");
    let of = |v: netcdf::Variable<'_>| {
        let dims = v.dimensions().iter().map(netcdf::Dimension::name).collect();
        (v.name(), dims, v.get_values::<f64, _>(..).unwrap_or_default())
    };
    file.variables().map(of).collect()
}

/// Commands to which a step means nothing, with what stands for the input.
const MAPS: [&str; 17] = [
    "stats IN --var map,other --over lat,lon --op mean,std",
    "stats IN --var volume --over lev,lon --op p90",
    "histogram IN --var map --bins=0:100:5 --over all",
    "histogram IN --var map,other --bins=0:100:5 --bins=0:100:4 --over lat",
    "regrid IN --var map,volume --to r8x4",
    "vertical IN --var volume --to 10,30",
    "vertical IN --var volume --to 0,30,90 --method conservative",
    "calc gradient IN --var map",
    "calc laplacian IN --var volume",
    "calc curl IN --u map --v other",
    "calc helmholtz IN --u map --v other",
    "calc truncate IN --var map --truncation 5",
    "filter space IN --var map --scale 4000km",
    "spectrum isotropic IN --var map --box 0,180,-60,60",
    "spectrum zonal IN --var map",
    "spectrum spherical IN --var map",
    "stats IN --var volume --level 20 --over lat,lon --op max",
];

#[test]
fn what_has_no_time_comes_out_without() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let inputs = ["step", "scalar", "none"].map(|name| still(folder.path(), name));
    let of = |launch: Launch, command: &str, input: &Path| {
        let out = folder.path().join("out.nc");
        let words = command.split(' ').map(|word| if word == "IN" { text(input) } else { word });
        run_well(launch, &words.chain(["-q", "-o", text(&out)]).collect::<Vec<_>>());
        held(&out)
    };
    for (k, command) in MAPS.iter().enumerate() {
        let step = of(Launch::Plain(2), command, &inputs[0]);
        for (input, name) in inputs[1..].iter().zip(["scalar", "none"]) {
            let launch = [Launch::Plain(1), Launch::ThreadRanks(3), Launch::Mpi(2)][k % 3];
            let found = of(launch, command, input);
            for (variable, dims, values) in &step {
                let Some((_, ours, theirs)) = found.iter().find(|(n, ..)| n == variable) else {
                    assert!(
                        name == "none" && variable.starts_with("time"),
                        "{command}: no {variable}, {name}"
                    );
                    continue;
                };
                let left: Vec<&String> = dims.iter().filter(|d| *d != "time").collect();
                assert_eq!(ours.iter().collect::<Vec<_>>(), left, "{command}: {variable}, {name}");
                let bits = |v: &[f64]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(values), bits(theirs), "{command}: {variable}, {name}");
            }
            assert!(found.iter().all(|(n, ..)| step.iter().any(|(m, ..)| m == n)), "{command}: more, {name}");
        }
    }
}

#[test]
fn what_needs_times_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (still(folder.path(), "none"), folder.path().join("out.nc"));
    for command in [
        "stats IN --var map --over time",
        "stats IN --var map --over time --op trend",
        "stats IN --var map --running 3",
        "climatology IN --var map --by month",
        "eof IN --var map",
        "mca IN --var map --with IN:other",
        "pop IN --var map",
        "relate IN --var map --with IN:other",
        "spectrum power IN --var map",
        "spectrum zonal IN --var map --space-time",
        "spectrum wheeler-kiladis IN --var map",
        "filter time IN --var map --band 5,10",
        "calc derivative IN --var map --dim time",
    ] {
        let command = command.replace("IN", text(&input));
        let words: Vec<&str> = command.split(' ').chain(["-q", "-o", text(&out)]).collect();
        let output = common::run(Launch::ThreadRanks(2), &words);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{command}: {told}");
        assert!(told.contains("no time dimension") && told.trim().lines().count() == 1, "{told}");
        assert!(!out.exists());
    }
    // There is no time to choose, nor one to pair with.
    for (options, code) in [(&["--time", "2000"][..], 2), (&["--level", "7"], 2)] {
        let words =
            [&["stats", text(&input), "--var", "volume", "--over", "lat,lon", "-o", text(&out)][..], options];
        assert_eq!(common::run(Launch::Plain(1), &words.concat()).status.code(), Some(code));
    }
}
