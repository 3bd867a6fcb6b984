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
fn isopycnals_are_those_of_gsw_and_seawater() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, input) = (folder.path().join("out.nc"), reference("vertical.nc"));
    let zero = "sigma0:24.2,25.5,26,26.6,27.2,27.6";
    for (options, answer) in [
        (&["--to", zero][..], "x_sigma0"),
        (&["--to", "sigma2:33,35.5,36.6"], "x_sigma2"),
        (&["--to", zero, "--eos", "eos80"], "x_eos80"),
    ] {
        vertical(
            Launch::Plain(2),
            &input,
            &[&["--var", "x", "--precision", "double"], options].concat(),
            &out,
        );
        close(&values(&out, "x"), &values(&input, answer), 2e-9, 1.0, answer);
    }
    assert_eq!(attribute(&out, "sigma0", "standard_name").as_deref(), Some("sea_water_sigma_theta"));
    // A density that is there already, by name.
    let field = zero.replace("sigma0", "field");
    let of_field =
        ["--var", "x", "--precision", "double", "--coordinate-var", "sigma0_teos10", "--to", &field];
    vertical(Launch::Plain(2), &input, &of_field, &out);
    close(&values(&out, "x"), &values(&input, "x_sigma0"), 1e-12, 1.0, "field");
    let classes = ["--var", "x", "--precision", "double", "--method", "conservative"];
    vertical(
        Launch::Plain(2),
        &input,
        &[&classes[..], &["--to", "sigma0:18,25,26.2,26.9,27.4,31"]].concat(),
        &out,
    );
    close(&values(&out, "x"), &values(&input, "x_mean"), 1e-8, 1.0, "mean");
    close(&values(&out, "layer_thickness"), &values(&input, "x_thickness"), 1e-9, 1e3, "thickness");
    // Levels from the bottom up have the same surfaces: an inversion is met from above in both.
    let turned = folder.path().join("turned.nc");
    let turn = std::process::Command::new("ncpdq").args(["-a", "-lev", text(&input), text(&turned)]).status();
    if turn.is_ok_and(|s| s.success()) {
        vertical(Launch::Plain(2), &turned, &["--var", "x", "--precision", "double", "--to", zero], &out);
        close(&values(&out, "x"), &values(&input, "x_sigma0"), 2e-9, 1.0, "bottom up");
    }
    // Without bounds the uppermost layer begins at the surface, so that all of the column counts.
    let all = [&classes[..], &["--to", "0,100,5000"]].concat();
    vertical(Launch::ThreadRanks(3), &input, &all, &out);
    let h = values(&out, "layer_thickness");
    close(&[h[0], h[0] + h[6]], &[100.0, 3800.0], 1e-12, 1.0, "from the surface");
    let output = run(
        Launch::Plain(1),
        &["vertical", text(&input), "--var", "x", "--to", "5", "--so", "so", "-o", "no.nc"],
    );
    assert_eq!(output.status.code(), Some(2));
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

/// Hybrid levels over a surface pressure of 900 hPa with half levels 0, 200, 500 and 900 hPa: what is
/// put in is changed by each case.
struct Hybrid {
    formula: &'static str,
    a: (&'static str, [f64; 3], &'static str),
    b: [f64; 3],
    bounds: Option<([f64; 6], [f64; 6])>,
    p0: Option<(f64, &'static str)>,
}

const BOUNDS: ([f64; 6], [f64; 6]) = ([0.0, 2e4, 2e4, 5e3, 5e3, 0.0], [0.0, 0.0, 0.0, 0.5, 0.5, 1.0]);

impl Hybrid {
    fn write(&self, path: &Path) {
        let mut file = netcdf::create(path).expect("a new file");
        for (name, n) in [("time", 1), ("lev", 3), ("bnds", 2), ("lat", 1), ("lon", 1)] {
            file.add_dimension(name, n).expect("a dimension");
        }
        let mut put = |name: &str, dims: &[&str], values: &[f64], attributes: &[(&str, &str)]| {
            let mut v = file.add_variable::<f64>(name, dims).expect("a variable");
            for (key, value) in attributes.iter().filter(|a| !a.1.is_empty()) {
                v.put_attribute(key, *value).expect("an attribute");
            }
            v.put_values(values, ..).expect("values");
        };
        put("time", &["time"], &[0.5], &[("units", "days since 2000-01-01")]);
        let is_sigma = self.formula.starts_with("sigma");
        let name = if is_sigma { "sigma" } else { "hybrid_sigma_pressure" };
        let standard = format!("atmosphere_{name}_coordinate");
        let lev = [("standard_name", standard.as_str()), ("formula_terms", self.formula), ("axis", "Z")];
        put("lev", &["lev"], if is_sigma { &self.b } else { &[0.1, 0.35, 0.7] }, &lev);
        put("lat", &["lat"], &[10.0], &[("units", "degrees_north")]);
        put("lon", &["lon"], &[0.0], &[("units", "degrees_east")]);
        put(self.a.0, &["lev"], &self.a.1, &[("units", self.a.2)]);
        put("b", &["lev"], &self.b, &[]);
        if let Some((a, b)) = self.bounds {
            put(&format!("{}_bnds", self.a.0), &["lev", "bnds"], &a, &[]);
            put("b_bnds", &["lev", "bnds"], &b, &[]);
        }
        if let Some((p0, units)) = self.p0 {
            put("p0", &[], &[p0], &[("units", units)]);
        }
        put("ps", &["time", "lat", "lon"], &[9e4], &[("units", "Pa")]);
        put("x", &["time", "lev", "lat", "lon"], &[1.0, 2.0, 4.0], &[("units", "1")]);
    }
}

const AP: Hybrid = Hybrid {
    formula: "ap: ap b: b ps: ps",
    a: ("ap", [1e4, 1.25e4, 2.5e3], "Pa"),
    b: [0.0, 0.25, 0.75],
    bounds: None,
    p0: None,
};

#[test]
fn units_of_coefficients_count() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let shares = ("a", [0.1, 0.125, 0.025], "1");
    let share = Hybrid { formula: "a: a b: b p0: p0 ps: ps", a: shares, ..AP };
    // Levels are at 100, 350 and 700 hPa.
    for case in [
        AP,
        Hybrid { a: ("ap", [100.0, 125.0, 25.0], "hPa"), ..AP },
        Hybrid { p0: Some((1e5, "Pa")), ..share },
        Hybrid { p0: Some((1e3, "hPa")), ..share },
        Hybrid { p0: Some((1e3, "mb")), ..share },
        Hybrid { p0: Some((1e5, "")), ..share },
        Hybrid { p0: None, ..share },
    ] {
        case.write(&input);
        vertical(Launch::Plain(1), &input, &["--var", "x", "--to", "22500,52500"], &out);
        close(&values(&out, "x"), &[1.5, 3.0], 1e-12, 1.0, case.a.2);
    }
    // pₜ + σ (pₛ − pₜ), pₜ = 100 hPa.
    let sigma = Hybrid { formula: "sigma: lev ps: ps ptop: p0", b: [0.0, 0.25, 0.75], ..AP };
    for top in [(1e4, "Pa"), (100.0, "hPa"), (1e4, "")] {
        Hybrid { p0: Some(top), ..sigma }.write(&input);
        vertical(Launch::Plain(1), &input, &["--var", "x", "--to", "20000,50000"], &out);
        close(&values(&out, "x"), &[1.5, 3.0], 1e-12, 1.0, top.1);
    }
    for (case, message) in [
        (Hybrid { p0: Some((1e3, "")), ..share }, "--p0"),
        (Hybrid { p0: Some((1e3, "K")), ..share }, "`K`"),
        (Hybrid { a: ("ap", [1e4, 1.25e4, 2.5e3], "m"), ..AP }, "`m`"),
        (Hybrid { a: ("ap", [1e4, f64::NAN, 2.5e3], "Pa"), ..AP }, "missing"),
    ] {
        case.write(&input);
        let words = ["vertical", text(&input), "--var", "x", "--to", "30000", "-q", "-o", text(&out)];
        let output = run(Launch::ThreadRanks(2), &words);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{told}");
        assert!(told.contains(message) && told.trim().lines().count() == 1, "{told}");
    }
}

#[test]
fn layers_of_hybrid_levels_end_at_the_ground() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let layers = ["--var", "x", "--to", "0,20000,50000,120000", "--method", "conservative"];
    // Nothing tells of half levels: in the middle, (0, 0) above and (0, 1) below.
    let sigma = Hybrid { formula: "sigma: lev ps: ps", b: [0.1, 0.4, 0.8], ..AP };
    let names = Hybrid { formula: "a: any b: b ps: ps", a: ("any", [0.1, 0.125, 0.025], ""), ..AP };
    for case in [AP, sigma, names] {
        case.write(&input);
        vertical(Launch::Plain(1), &input, &layers, &out);
        let sum: f64 = values(&out, "layer_thickness").iter().filter(|v| v.is_finite()).sum();
        assert!((sum - 9e4).abs() < 1e-9, "{sum} Pa in {}", case.formula);
    }
    // Bounds, whichever way round each pair is.
    let turned = |[a, b, c, d, e, f]: [f64; 6]| [a, b, d, c, f, e];
    for bounds in [BOUNDS, (turned(BOUNDS.0), turned(BOUNDS.1))] {
        Hybrid { bounds: Some(bounds), ..AP }.write(&input);
        vertical(Launch::Plain(1), &input, &layers, &out);
        close(&values(&out, "layer_thickness"), &[2e4, 3e4, 4e4], 1e-12, 1.0, "bounds");
        close(&values(&out, "x"), &[1.0, 2.0, 4.0], 1e-12, 1.0, "layers");
    }
    Hybrid { bounds: Some(([0.0, 2e4, 3e4, 5e3, 5e3, 0.0], BOUNDS.1)), ..AP }.write(&input);
    let words = [&["vertical", text(&input)][..], &layers, &["-q", "-o", text(&out)]].concat();
    let output = run(Launch::Plain(1), &words);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("do not join"));
    // A straight line needs no bounds.
    vertical(Launch::Plain(1), &input, &["--var", "x", "--to", "22500"], &out);
}
