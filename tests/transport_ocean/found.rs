//! Thickness that is found for both velocities or refused, water of 0 degrees, land without coordinates,
//! points that are not on the grid.

use super::common::{close, run, text, values, Launch};
use super::sample::{currents, is_land, Sample, SHAPE, T, U, V};
use super::transport;
use std::path::{Path, PathBuf};

/// What is told where a transport is refused, with this code.
fn refused(kind: &str, input: &Path, options: &[&str], code: i32) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let done =
        run(Launch::Plain(1), &[&["transport", kind, text(input), "-q", "-o", text(&out)], options].concat());
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(code), "{kind} {options:?}: {said}");
    assert!(!out.exists(), "{said}");
    said
}

/// A file of these layers at rest, each 10 m thick times a factor.
fn layers(path: &Path, names: &[(&str, f64)]) -> PathBuf {
    let mut sample = Sample::new(path, SHAPE);
    for (name, factor) in names {
        sample.add(&["lev", "y", "x"], [name, "", "m"], &[10.0 * factor; 120]);
    }
    sample.done()
}

#[test]
fn layers_of_v_are_none_of_u() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, file) = (folder.path().join("out.nc"), |name: &str| folder.path().join(name));
    let input = currents(&file("in.nc"), false, |_| [0.0, 0.5, 10.0]);
    let both = layers(&file("both.nc"), &[("e3v_0", 1.0), ("e3u_0", 2.0)]);
    let line = ["--through", "way=162,-9/162,9", "--stagger", "same"];
    let volume = |thickness: &str| {
        let options = [&line[..], &["--thickness", thickness]].concat();
        transport(Launch::Plain(1), "section", std::slice::from_ref(&input), &options, &out);
        values(&out, "volume")
    };
    let twice = volume(&format!("{}:e3v_0", text(&both)));
    let cells = layers(&file("cells.nc"), &[("dz3d", 1.0)]);
    let once = volume(&format!("{}:dz3d", text(&cells)));
    assert!(once[0].abs() > 1e6, "{once:?}");
    close(&twice, &once.iter().map(|v| 2.0 * v).collect::<Vec<_>>(), 1e-12, 1.0, "layers of u");
    let alone = layers(&file("alone.nc"), &[("e3v_0", 1.0)]);
    let asked = format!("{}:e3v_0", text(&alone));
    for (kind, options) in [("section", &line[..]), ("overturning", &["--bins", "10", "--stagger", "same"])] {
        let said = refused(kind, &input, &[options, &["--thickness", &asked]].concat(), 2);
        assert!(said.contains("none at the points of u") && said.contains("--thickness"), "{said}");
        let said = refused(kind, &input, &[options, &[text(&alone)]].concat(), 2);
        assert!(said.contains("none at the points of u"), "{said}");
    }
    // Rows need no layers of u.
    transport(Launch::Plain(1), "overturning", &[input, alone], &["--stagger", "same"], &out);
}

#[test]
fn shares_of_layers_are_no_metres() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let input = currents(&folder.path().join("in.nc"), false, |_| [0.1, 0.0, 10.0]);
    {
        let mut file = netcdf::append(&input).expect("the test file");
        for name in ["hFacS", "hFacC"] {
            let mut share = file.add_variable::<f64>(name, &["time", "lev", "y", "x"]).expect("a variable");
            share.put_attribute("units", "1").expect("an attribute");
            share.put_attribute("coordinates", "lat lon").expect("an attribute");
            share.put_values(&[1.0; 480], ..).expect("written");
        }
    }
    for (kind, options) in [
        ("overturning", &["--stagger", "same"][..]),
        ("overturning", &["--thickness", "hFacS"]),
        ("heat-content", &["--depths", "0-90"]),
    ] {
        let said = refused(kind, &input, options, 3);
        assert!(said.contains("hFac") && said.contains("without times"), "{said}");
    }
}

#[test]
fn water_of_zero_degrees_holds_heat_below() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, path) = (folder.path().join("out.nc"), folder.path().join("in.nc"));
    let lats = [60.0, 65.0, 70.0, 75.0];
    let lons: Vec<f64> = (0..10).map(|i| 10.0 * f64::from(i)).collect();
    let mut sample = Sample::new(&path, SHAPE);
    sample.places(["lat", "lon"], [&lats, &lons], false);
    // Warm below water of 0 degrees; land as 0 at the bottom and in the first column.
    sample.field(T, ["lat", "lon"], SHAPE, |place| match place {
        place if is_land(place) => 0.0,
        [_, 0, _, _] => -1.0,
        [_, 1, _, _] => 0.0,
        _ => 1.0,
    });
    let input = sample.done();
    let options = ["--depths", "0-90", "--rho0", "1000", "--cp", "4000"];
    transport(Launch::Plain(1), "heat-content", &[input], &options, &out);
    let heat = values(&out, "heat_content");
    for (k, heat) in heat.iter().enumerate() {
        match k % 10 {
            0 => assert!(heat.is_nan()),
            1 => close(&[*heat], &[-4e7], 1e-12, 1.0, "land below"),
            _ => close(&[*heat], &[4e6 * 50.0], 1e-12, 1.0, "water below"),
        }
    }
}

#[test]
fn rows_of_land_have_no_latitude() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, path) = (folder.path().join("out.nc"), folder.path().join("in.nc"));
    let mut sample = Sample::new(&path, SHAPE);
    // From the north; the last row is land without coordinates.
    let there = |k: usize, value: f64| if k < 30 { value } else { f64::NAN };
    let lats: Vec<f64> = (0..40).map(|k| there(k, 50.0 - 5.0 * (k / 10) as f64)).collect();
    let lons: Vec<f64> = (0..40).map(|k| there(k, 10.0 * (k % 10) as f64 + 0.1 * (k / 10) as f64)).collect();
    sample.places(["lat", "lon"], [&lats, &lons], true);
    for about in [V, U, T] {
        sample.field(about, ["lat", "lon"], SHAPE, |[_, _, j, _]| if j < 3 { 1.0 } else { f64::NAN });
    }
    let input = sample.done();
    transport(Launch::Plain(1), "overturning", std::slice::from_ref(&input), &[], &out);
    let lat = values(&out, "lat");
    assert!(lat[..3] == [50.0, 45.0, 40.0] && lat[3].is_nan(), "{lat:?}");
    let psi = values(&out, "msftyz");
    assert!(psi[0] < 0.0 && psi[3] == 0.0, "{psi:?}");
    let picture = folder.path().join("out.svg");
    super::run_well(Launch::Plain(1), &["plot", text(&out), "-q", "-o", text(&picture)]);
    // Northward is northward through circles too.
    transport(Launch::Plain(1), "overturning", std::slice::from_ref(&input), &["--bins", "5"], &out);
    assert!(values(&out, "msftmz")[0] < 0.0);
}

#[test]
fn points_far_from_the_grid_are_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lats = [-15.0, -5.0, 5.0, 15.0];
    let lons: Vec<f64> = (0..10).map(|i| 10.0 * f64::from(i)).collect();
    let mut sample = Sample::new(&folder.path().join("in.nc"), SHAPE);
    sample.places(["lat", "lon"], [&lats, &lons], false);
    for about in [V, U] {
        sample.field(about, ["lat", "lon"], SHAPE, |_| 0.1);
    }
    let input = sample.done();
    for line in ["fram_strait", "a=0,80/90,80"] {
        let said = refused("section", &input, &["--through", line], 2);
        assert!(said.contains("km from the grid") && said.contains("choose points within it"), "{said}");
    }
}

#[test]
fn what_is_not_there_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, path) = (folder.path().join("out.nc"), folder.path().join("in.nc"));
    let input = currents(&path, false, |_| [0.1, 0.0, 10.0]);
    for (kind, options, code, word) in [
        ("overturning", ["--thickness", "nope.nc:e3v"], 3, "no such file"),
        ("overturning", ["--basin", "mine=nope.nc:b"], 3, "no such file"),
        ("overturning", ["--basin", "mine=0,20,30,99"], 2, "no latitudes"),
        ("overturning", ["--bins", "-3"], 2, "--bins"),
        ("mixed-layer", ["--reference", "70"], 2, "below its deepest level"),
    ] {
        let criterion: &[&str] = if kind == "mixed-layer" { &["--criterion", "temperature"] } else { &[] };
        let said = refused(kind, &input, &[&options[..], criterion].concat(), code);
        assert!(said.contains(word), "{options:?}: {said}");
    }
    // A region under another name has the same cells.
    let of = |basin: &str| {
        let options = ["--basin", basin, "--stagger", "same"];
        transport(Launch::Plain(1), "overturning", std::slice::from_ref(&input), &options, &out);
        values(&out, "msftmz")
    };
    assert_eq!(of("tropics"), of("mine=tropics"));
    // One column doesn't tell how wide it is.
    let (lone, shape) = (folder.path().join("lone.nc"), [4, 3, 4, 1]);
    let mut sample = Sample::new(&lone, shape);
    sample.places(["lat", "lon"], [&[-15.0, -5.0, 5.0, 15.0], &[0.0]], false);
    sample.field(V, ["lat", "lon"], shape, |_| 0.5);
    let said = refused("overturning", &sample.done(), &["--stagger", "same"], 3);
    assert!(said.contains("--dx"), "{said}");
}
