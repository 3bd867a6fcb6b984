//! `halocline vertical` against NCL and numpy: on all ranks, with missing values and bad input.

mod common;

use common::{attribute, close, contents, launches, reference, run, run_well, shared, text, values, Launch};
use std::path::Path;

/// A column of depth: layers with bounds, two cells, one of which ends early.
fn column(path: &Path) {
    let mut file = netcdf::create(path).expect("a new file");
    for (name, n) in [("time", 2), ("depth", 4), ("bnds", 2), ("lat", 1), ("lon", 2)] {
        file.add_dimension(name, n).expect("a dimension");
    }
    let mut put = |name: &str, dims: &[&str], values: &[f64], attributes: &[(&str, &str)]| {
        let mut v = file.add_variable::<f64>(name, dims).expect("a variable");
        for (key, value) in attributes {
            v.put_attribute(key, *value).expect("an attribute");
        }
        if name == "x" || name == "rho" {
            v.put_attribute("_FillValue", 1e30).expect("an attribute");
        }
        v.put_values(values, ..).expect("values");
    };
    put("time", &["time"], &[0.5, 1.5], &[("units", "days since 2000-01-01")]);
    let depth = [("units", "m"), ("positive", "down"), ("axis", "Z"), ("bounds", "depth_bnds")];
    put("depth", &["depth"], &[5.0, 15.0, 40.0, 80.0], &depth);
    put("depth_bnds", &["depth", "bnds"], &[0.0, 10.0, 10.0, 20.0, 20.0, 60.0, 60.0, 100.0], &[]);
    put("lat", &["lat"], &[10.0], &[("units", "degrees_north")]);
    put("lon", &["lon"], &[0.0, 10.0], &[("units", "degrees_east")]);
    let x = [1.0, 10.0, 2.0, 20.0, 3.0, 1e30, 4.0, 1e30, 5.0, 50.0, 6.0, 60.0, 7.0, 70.0, 8.0, 1e30];
    put("x", &["time", "depth", "lat", "lon"], &x, &[("units", "1")]);
    let rho =
        [25.0, 25.5, 26.0, 26.5, 27.0, 1e30, 28.0, 1e30, 25.0, 25.0, 25.5, 26.0, 27.0, 27.0, 28.0, 1e30];
    put("rho", &["time", "depth", "lat", "lon"], &rho, &[("units", "kg m-3")]);
}

fn vertical(launch: Launch, input: &Path, options: &[&str], out: &Path) {
    let mut words = vec!["vertical", text(input)];
    words.extend(options);
    words.extend(["-q", "-o", text(out)]);
    run_well(launch, &words);
}

#[test]
fn hybrid_levels_are_those_of_ncl() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let Some(input) = shared("atmos/vinth2p.nc") else { return };
    let Some(answer) = shared("answers/vertical/vert_ncl_vinth2p.nc") else { return };
    for method in ["linear", "log"] {
        let to = "100000,85000,70000,50000,30000,20000,10000,5000";
        vertical(Launch::Plain(2), &input, &["--var", "T", "--to", to, "--method", method], &out);
        // In single precision, both.
        close(&values(&out, "T"), &values(&answer, &format!("T_{method}")), 1e-7, 1.0, method);
    }
}

#[test]
fn layers_keep_the_column() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    column(&input);
    let to = ["--var", "x", "--to", "0,25,50,100", "--method", "conservative"];
    vertical(Launch::Plain(2), &input, &to, &out);
    let (x, h) = (values(&out, "x"), values(&out, "layer_thickness"));
    // Time, level, cell.
    let at = |v: &[f64], t: usize, k: usize, i: usize| v[(t * 3 + k) * 2 + i];
    for (t, i, integral) in [(0, 0, 310.0), (0, 1, 300.0), (1, 0, 710.0), (1, 1, 3900.0)] {
        let sum: f64 =
            (0..3).filter(|k| at(&h, t, *k, i) > 0.0).map(|k| at(&x, t, k, i) * at(&h, t, k, i)).sum();
        assert!((sum - integral).abs() < 1e-12 * integral, "{sum} is not {integral}");
    }
    assert!((at(&x, 0, 0, 0) - (10.0 + 20.0 + 15.0) / 25.0).abs() < 1e-14);
    assert!(at(&x, 0, 2, 1).is_nan() && (at(&h, 0, 0, 1) - 20.0).abs() < 1e-14);
    assert_eq!(values(&out, "depth_bnds"), [0.0, 25.0, 25.0, 50.0, 50.0, 100.0]);
    assert_eq!(attribute(&out, "depth", "positive").as_deref(), Some("down"));
    let shared_out = [&to[..], &["--extensive"]].concat();
    vertical(Launch::Plain(2), &input, &shared_out, &out);
    let x = values(&out, "x");
    assert!(((0..3).map(|k| at(&x, 0, k, 0)).sum::<f64>() - 10.0).abs() < 1e-12);
    // In classes of density, too.
    let classes =
        ["--var", "x", "--coordinate-var", "rho", "--to", "field:20,26,27,30", "--method", "conservative"];
    vertical(Launch::Plain(2), &input, &classes, &out);
    let (x, h) = (values(&out, "x"), values(&out, "layer_thickness"));
    for (t, i, integral) in [(0, 0, 310.0), (0, 1, 300.0), (1, 0, 710.0)] {
        let sum: f64 =
            (0..3).filter(|k| at(&h, t, *k, i) > 0.0).map(|k| at(&x, t, k, i) * at(&h, t, k, i)).sum();
        assert!((sum - integral).abs() < 1e-12 * integral, "{sum} is not {integral}");
    }
}

#[test]
fn surfaces_of_a_field_and_beyond_the_ends() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    column(&input);
    let to = ["--var", "x", "--coordinate-var", "rho", "--to", "field:25.25,26.5,28"];
    vertical(Launch::Plain(2), &input, &to, &out);
    let x = values(&out, "x");
    close(&x[..6], &[1.25, f64::NAN, 2.5, 20.0, 4.0, f64::NAN], 1e-14, 1.0, "surfaces");
    vertical(Launch::Plain(2), &input, &[&to[..], &["--extrapolate", "nearest"]].concat(), &out);
    close(&values(&out, "x")[..6], &[1.25, 10.0, 2.5, 20.0, 4.0, 20.0], 1e-14, 1.0, "nearest");
    vertical(Launch::Plain(2), &input, &["--var", "x", "--to", "10,60"], &out);
    close(&values(&out, "x")[..4], &[1.5, 15.0, 3.5, f64::NAN], 1e-14, 1.0, "depths");
    // The levels of a file.
    vertical(Launch::Plain(2), &input, &["--var", "x", "--to", text(&input)], &out);
    close(&values(&out, "x"), &values(&input, "x"), 0.0, 0.0, "its own levels");
}

#[test]
fn theta_is_found_from_temperature() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let input = reference("atmosphere_input.nc");
    vertical(
        Launch::Plain(2),
        &input,
        &["--var", "ta", "--to", "theta:320,400", "--precision", "double"],
        &out,
    );
    // On a surface T = θ (p / p₀)^κ is near its straight line: below 400 K it is colder above.
    let t = values(&out, "ta");
    let there = t.iter().filter(|v| v.is_finite()).count();
    assert!(there > t.len() / 2, "{there}");
    assert!(t.iter().filter(|v| v.is_finite()).all(|v| (180.0..320.0).contains(v)));
    assert_eq!(attribute(&out, "theta", "standard_name").as_deref(), Some("air_potential_temperature"));
}

#[test]
fn the_same_bits_on_any_ranks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let input = reference("atmosphere_input.nc");
    let mut first = None;
    for (k, launch) in launches().into_iter().enumerate() {
        let out = folder.path().join(format!("{k}.nc"));
        vertical(launch, &input, &["--var", "ta,ua", "--to", "90000,30000", "--method", "log"], &out);
        let found = contents(&out);
        assert_eq!(first.get_or_insert_with(|| found.clone()), &found, "{launch:?}");
    }
}

#[test]
fn what_can_not_be_done_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let file = reference("atmosphere_input.nc");
    let refused = |words: &[&str], code: i32, message: &str| {
        let mut all = vec!["vertical", text(&file)];
        all.extend(words);
        all.extend(["-q", "-o", text(&out)]);
        let output = run(Launch::ThreadRanks(2), &all);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(message) && told.trim().lines().count() == 1, "{told}");
        assert!(!out.exists());
    };
    refused(&["--var", "ta", "--to", "300,200,250"], 2, "rising or falling");
    refused(&["--var", "ps", "--to", "85000"], 3, "no levels");
    refused(&["--var", "ta", "--to", "-5", "--method", "log"], 2, "not positive");
    refused(&["--var", "ta", "--to", "field:1,2"], 2, "--coordinate-var");
    refused(&["--var", "ta", "--to", "85000", "--extensive"], 2, "--extensive");
    refused(&["--var", "ta", "--to", "85000", "--method", "conservative"], 2, "2 or more");
    refused(&["--var", "ta", "--to", "85000", "--a", "nothing", "--b", "nothing"], 2, "nothing");
    refused(&["--var", "ta", "--to", "85000", "--memory", "1MB"], 5, "memory");
}
