//! Snapshots without a time dimension: the same numbers as of one time, and no time in the result.

use super::common::{contents, launches, run, run_well, text, values, Launch};
use super::mesh::plain;
use super::sample::{is_land, Sample, T, U, V};
use super::transport;
use std::path::{Path, PathBuf};

const ONE: [usize; 4] = [1, 3, 4, 10];

/// Currents, temperature, salinity and a flux of heat at one time.
fn one_time(path: &Path) -> PathBuf {
    let lats = [-15.0, -5.0, 5.0, 15.0];
    let lons: Vec<f64> = (0..10).map(|i| 36.0 * f64::from(i)).collect();
    let mut sample = Sample::new(path, ONE);
    sample.places(["lat", "lon"], [&lats, &lons], false);
    let flow = |d: usize| {
        move |[t, k, j, i]: [usize; 4]| {
            let value = [
                0.1 * (1.0 + k as f64) + 0.02 * (i as f64).sin(),
                0.02 * (j as f64 - 1.5) * (i as f64).cos(),
                20.0 - 5.0 * k as f64 + 0.3 * i as f64,
                35.0 + 0.2 * k as f64 - 0.1 * j as f64,
            ][d];
            if is_land([t, k, j, i]) {
                f64::NAN
            } else {
                value
            }
        }
    };
    let salt = ["so", "sea_water_practical_salinity", "1e-3"];
    for (d, about) in [V, U, T, salt].into_iter().enumerate() {
        sample.field(about, ["lat", "lon"], ONE, flow(d));
    }
    let flux: Vec<f64> =
        (0..40).map(|c| if c % 10 == 0 { f64::NAN } else { 5.0 + f64::from(c).cos() }).collect();
    sample.add(&["time", "y", "x"], ["hfds", "surface_downward_heat_flux_in_sea_water", "W m-2"], &flux);
    let mut hfds = sample.0.variable_mut("hfds").expect("the flux");
    hfds.put_attribute("coordinates", "lat lon").expect("an attribute");
    sample.done()
}

/// The same without time.
fn without_time(input: &Path, path: &Path) -> PathBuf {
    let from = netcdf::open(input).expect("the file");
    let mut file = netcdf::create(path).expect("a test file");
    for dim in from.dimensions().filter(|d| d.name() != "time") {
        file.add_dimension(&dim.name(), dim.len()).expect("a dimension");
    }
    for variable in from.variables().filter(|v| v.name() != "time") {
        let dims: Vec<String> = variable.dimensions().iter().map(netcdf::Dimension::name).collect();
        let dims: Vec<&str> = dims.iter().map(String::as_str).filter(|d| *d != "time").collect();
        let values: Vec<f64> = variable.get_values(..).expect("values");
        let mut copy = file.add_variable::<f64>(&variable.name(), &dims).expect("a variable");
        for attribute in variable.attributes().filter(|a| a.name() != "cell_methods") {
            copy.put_attribute(attribute.name(), attribute.value().expect("a value")).expect("an attribute");
        }
        copy.put_values(&values, ..).expect("written");
    }
    file.close().expect("closed");
    path.to_owned()
}

/// Says of which moment a file without times is, in days.
fn of_moment(path: &Path, days: f64) {
    let mut file = netcdf::append(path).expect("the file");
    let mut time = file.add_variable::<f64>("time", &[]).expect("a variable");
    time.put_attribute("units", "days since 2000-01-01").expect("an attribute");
    time.put_values(&[days], ..).expect("written");
    file.close().expect("closed");
}

#[test]
fn a_snapshot_is_a_time_without_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let timed = one_time(&folder.path().join("timed.nc"));
    let still = without_time(&timed, &folder.path().join("still.nc"));
    let kinds: [(&str, &[&str], &[&str]); 13] = [
        ("overturning", &[], &["msftmz"]),
        ("overturning", &["--bins", "10"], &["msftmz"]),
        ("overturning", &["--vertical", "sigma0", "--density-bins", "20:30:1"], &["msftmrho"]),
        ("overturning", &["--mean", "--basin", "west=0,180,-90,90"], &["msftmz"]),
        ("heat", &[], &["msftmz", "hfbasin", "hfbasin_gyre"]),
        ("heat", &["--mean"], &["hfbasin", "hfbasin_eddy"]),
        ("salt", &[], &["sltbasin"]),
        ("freshwater", &[], &["fwbasin"]),
        ("barotropic", &[], &["msftbarot"]),
        ("section", &["--through", "way=40,-9/200,-9/320,9"], &["volume", "heat", "salt"]),
        ("heat-content", &["--depths", "0-30,0-90"], &["heat_content"]),
        ("mixed-layer", &[], &["mlotst"]),
        ("implied-heat", &["--bins", "10"], &["hfbasin", "heat_gain"]),
    ];
    for (kind, options, names) in kinds {
        let options: Vec<&str> = match kind {
            "mixed-layer" => options.to_vec(),
            "implied-heat" => [&["--radius", "6371000"], options].concat(),
            "heat-content" => [&["--rho0", "1000"], options].concat(),
            _ => [&["--radius", "6371000", "--rho0", "1000"], options].concat(),
        };
        transport(Launch::Plain(2), kind, std::slice::from_ref(&timed), &options, &out);
        let wanted: Vec<Vec<f64>> = names.iter().map(|name| values(&out, name)).collect();
        assert!(wanted.iter().flatten().any(|v| v.is_finite()), "{kind}");
        transport(Launch::Plain(2), kind, std::slice::from_ref(&still), &options, &out);
        let bits = |all: &[f64]| all.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        for (name, wanted) in names.iter().zip(&wanted) {
            assert_eq!(bits(&values(&out, name)), bits(wanted), "{kind} {options:?}: {name}");
        }
        let file = netcdf::open(&out).expect("a result");
        assert!(file.dimension("time").is_none() && file.variable("time").is_none(), "{kind} {options:?}");
    }
}

#[test]
fn snapshots_are_the_same_on_any_ranks_and_drawn() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, picture) = (folder.path().join("out.nc"), folder.path().join("out.svg"));
    let timed = one_time(&folder.path().join("timed.nc"));
    let still = without_time(&timed, &folder.path().join("still.nc"));
    let kinds: [(&str, &[&str]); 4] = [
        ("heat", &[]),
        ("barotropic", &[]),
        ("section", &["--through", "way=40,-9/200,-9/320,9"]),
        ("implied-heat", &[]),
    ];
    for (kind, options) in kinds {
        transport(Launch::Plain(1), kind, std::slice::from_ref(&still), options, &out);
        let wanted = contents(&out);
        run_well(Launch::Plain(1), &["plot", text(&out), "-q", "-o", text(&picture)]);
        for launch in launches() {
            transport(launch, kind, std::slice::from_ref(&still), options, &out);
            assert!(contents(&out) == wanted, "{kind} {launch:?}");
        }
    }
}

#[test]
fn a_snapshot_is_none_of_times() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let timed = one_time(&folder.path().join("timed.nc"));
    let still = without_time(&timed, &folder.path().join("still.nc"));
    // Of both the one with times is taken where nothing else tells.
    plain("overturning", &timed, &[], &out);
    let wanted = values(&out, "msftmz");
    let files = [still.clone(), timed.clone()];
    transport(Launch::Plain(1), "overturning", &files, &["--radius", "6371000", "--rho0", "1000"], &out);
    assert_eq!(values(&out, "msftmz"), wanted);
    // A velocity at times and a temperature without.
    let lone = folder.path().join("lone.nc");
    let mut sample = Sample::new(&lone, ONE);
    let lons: Vec<f64> = (0..10).map(|i| 36.0 * f64::from(i)).collect();
    sample.places(["lat", "lon"], [&[-15.0, -5.0, 5.0, 15.0], &lons], false);
    sample.field(V, ["lat", "lon"], ONE, |_| 0.1);
    sample.field(U, ["lat", "lon"], ONE, |_| 0.1);
    let lone = sample.done();
    for (words, message) in [
        (&["transport", "heat", text(&lone), text(&still), "-o", text(&out)][..], "time dimension"),
        (
            &["transport", "heat", text(&still), "--time", "2000", "-o", text(&out)],
            "no time that one could choose",
        ),
    ] {
        let done = run(Launch::Plain(1), words);
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(!done.status.success() && said.contains(message), "{said}");
    }
    // What is not asked for is left out then.
    let line = ["--through", "way=40,-9/200,-9/320,9"];
    transport(Launch::Plain(1), "section", &[lone, still], &line, &out);
    let file = netcdf::open(&out).expect("a result");
    assert!(file.variable("volume").is_some() && file.variable("heat").is_none());
}

#[test]
fn snapshots_of_different_moments_are_not_put_together() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let timed = one_time(&folder.path().join("timed.nc"));
    let lone = folder.path().join("lone.nc");
    let mut sample = Sample::new(&lone, ONE);
    let lons: Vec<f64> = (0..10).map(|i| 36.0 * f64::from(i)).collect();
    sample.places(["lat", "lon"], [&[-15.0, -5.0, 5.0, 15.0], &lons], false);
    sample.field(V, ["lat", "lon"], ONE, |_| 0.1);
    sample.field(U, ["lat", "lon"], ONE, |_| 0.1);
    let lone = sample.done();
    for (days, fits) in
        [([Some(15.0), Some(2008.0)], false), ([Some(15.0); 2], true), ([None, Some(15.0)], true)]
    {
        let files = [&lone, &timed].map(|from| {
            without_time(
                from,
                &folder
                    .path()
                    .join(format!("{}s.nc", from.file_stem().and_then(|s| s.to_str()).unwrap_or("x"))),
            )
        });
        for (file, days) in files.iter().zip(days) {
            days.iter().for_each(|days| of_moment(file, *days));
        }
        let words = ["transport", "heat", text(&files[0]), text(&files[1]), "-o", text(&out)];
        let done = run(Launch::Plain(1), &words);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.success(), fits, "{days:?}: {said}");
        assert!(fits || said.contains("has no value on"), "{said}");
    }
}

#[test]
fn what_stands_still_is_not_taken_for_what_has_times() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let timed = one_time(&folder.path().join("timed.nc"));
    let still = without_time(&timed, &folder.path().join("still.nc"));
    let lons: Vec<f64> = (0..10).map(|i| 36.0 * f64::from(i)).collect();
    let file = |name: &str, about: [&str; 3], value: f64| {
        let mut sample = Sample::new(&folder.path().join(name), ONE);
        sample.places(["lat", "lon"], [&[-15.0, -5.0, 5.0, 15.0], &lons], false);
        sample.field(about, ["lat", "lon"], ONE, |_| value);
        sample.done()
    };
    // A temperature with times beside a flow without.
    transport(Launch::Plain(1), "heat", std::slice::from_ref(&still), &[], &out);
    let wanted = values(&out, "hfbasin");
    let warm = file("warm.nc", T, 40.0);
    transport(Launch::Plain(1), "heat", &[still.clone(), warm], &[], &out);
    assert_eq!(values(&out, "hfbasin"), wanted);
    // A mass transport with times beside a velocity without.
    let mass = file("mass.nc", ["vmo", "ocean_mass_y_transport", "kg s-1"], 1e9);
    transport(Launch::Plain(1), "overturning", &[still, mass], &[], &out);
    let file = netcdf::open(&out).expect("a result");
    assert!(file.dimension("time").is_some());
}
