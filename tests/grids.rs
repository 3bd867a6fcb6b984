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
