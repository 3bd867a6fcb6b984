//! Meshes: exact lengths, coasts, columns from the east, folds, corners; mass transports, basins by
//! words, times that are missing.

use super::common::{attribute, close, contents, launches, run, text, values, Launch};
use super::sample::{currents, is_land, Sample, LAYERS, SHAPE, T, U, V};
use super::{transport, turning};
use std::path::Path;

const A: f64 = 6_371_000.0;
const SPHERE: [&str; 4] = ["--radius", "6371000", "--rho0", "1000"];

pub(super) fn plain(kind: &str, input: &Path, options: &[&str], out: &Path) {
    transport(Launch::Plain(2), kind, &[input.to_owned()], &[&SPHERE[..], options].concat(), out);
}

#[test]
fn circles_are_exact_and_coasts_are_closed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let file = |name: &str| folder.path().join(name);
    let flow =
        |[_, k, j, i]: [usize; 4]| [0.1 * (1.0 + k as f64), 0.02 * (j as f64 - 1.5) * (i as f64).cos(), 10.0];
    let east = currents(&file("east.nc"), false, flow);
    plain("overturning", &east, &["--bins", "10"], &out);
    let (lat, psi) = (values(&out, "lat"), values(&out, "msftmz"));
    assert_eq!(lat, [-10.0, 0.0, 10.0]);
    for (l, lat) in lat.iter().enumerate() {
        // Nine columns of water, eight on the lowest level, each 36 degrees of the circle wide.
        let width = 36f64.to_radians() * A * lat.to_radians().cos();
        let flux: f64 = (0..3).map(|k| 0.1 * (1.0 + k as f64) * LAYERS[k] * [9.0, 9.0, 8.0][k]).sum();
        let expected = -1000.0 * flux * width;
        assert!((psi[l] / expected - 1.0).abs() < 1e-12, "{lat}: {} is not {expected}", psi[l]);
    }
    assert_eq!(attribute(&out, "msftmz", "cell_methods").as_deref(), Some("time: mean"));
    // Columns from the east make no difference, to a section either.
    let section = ["--through", "way=40,-9/200,-9/320,9", "--through", "loop=60,-9/300,-9/300,9/60,9/60,-9"];
    let west = currents(&file("west.nc"), true, flow);
    for (kind, options, names) in [
        ("overturning", &["--bins", "10"][..], &["msftmz"][..]),
        ("section", &section[..], &["volume", "heat"][..]),
    ] {
        plain(kind, &east, options, &out);
        let wanted: Vec<Vec<f64>> = names.iter().map(|name| values(&out, name)).collect();
        plain(kind, &west, options, &out);
        for (name, wanted) in names.iter().zip(wanted) {
            assert!(wanted.iter().any(|v| v.abs() > 0.0), "{name}");
            let largest = wanted.iter().fold(0.0_f64, |w, v| w.max(v.abs()));
            close(&values(&out, name), &wanted, 1e-12, largest, name);
        }
    }
}

#[test]
fn times_and_levels_that_are_missing_are_not_counted_as_still_water() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, file) = (folder.path().join("out.nc"), folder.path().join("in.nc"));
    // Of four times the second is missing, of the third the lowest level, of the fourth the third row.
    let input = currents(&file, false, |[t, k, j, i]| {
        let gone = t == 1 || (t == 2 && k == 2) || (t == 3 && j == 2);
        [if gone { f64::NAN } else { 0.1 + t as f64 }, 0.0, 10.0 + i as f64]
    });
    let each = |options: &[&str], name: &str| {
        plain("heat", &input, options, &out);
        values(&out, name)
    };
    let (psi, heat) = (each(&[], "msftmz"), values(&out, "hfbasin"));
    let there = |t: usize, j: usize| t == 0 || (t == 3 && j != 2);
    for (t, j) in (0..4).flat_map(|t| (0..4).map(move |j| (t, j))) {
        assert_eq!(psi[t * 16 + j].is_nan(), !there(t, j), "psi at time {t}, row {j}");
        assert_eq!(heat[t * 4 + j].is_nan(), !there(t, j), "heat at time {t}, row {j}");
    }
    let (psi_mean, heat_mean) = (each(&["--mean"], "msftmz"), values(&out, "hfbasin"));
    assert!(heat_mean.iter().all(|h| h.is_finite()));
    let parts = ["_overturning", "_gyre", "_eddy"].map(|part| values(&out, &format!("hfbasin{part}")));
    for j in 0..4 {
        // Each level counts the times at which it is there: of the third time those above the lowest.
        let [deep, upper] = if j == 2 { [0.1, 2.2 / 2.0] } else { [3.2 / 2.0, 5.3 / 3.0] };
        let lat = 10.0 * j as f64 - 15.0;
        let width = 36f64.to_radians() * A * f64::cos(lat.to_radians());
        let flux = [9.0 * upper * LAYERS[0], 9.0 * upper * LAYERS[1], 8.0 * deep * LAYERS[2]];
        let expected = -1000.0 * width * flux.iter().sum::<f64>();
        assert!((psi_mean[j] / expected - 1.0).abs() < 1e-12, "row {j}: {} is not {expected}", psi_mean[j]);
        let sum = parts.iter().map(|part| part[j]).sum::<f64>();
        close(&[sum], &[heat_mean[j]], 1e-12, heat_mean[j].abs(), "parts");
    }
    // A map has no water above some that is there, or none at all.
    plain("barotropic", &input, &["--u", "vo"], &out);
    let maps = values(&out, "msftbarot");
    let missing: Vec<bool> = maps.chunks_exact(40).map(|map| map.iter().all(|v| v.is_nan())).collect();
    assert_eq!(missing, [false, true, false, false]);
}

#[test]
fn mass_transports_need_no_metrics() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, path) = (folder.path().join("out.nc"), folder.path().join("in.nc"));
    let flow = |[t, k, j, i]: [usize; 4]| {
        [0.1 * ((t + k + j + i) as f64).sin(), 0.03 * (i as f64).cos(), 5.0 + k as f64]
    };
    let velocities = currents(&folder.path().join("v.nc"), false, flow);
    let mut sample = Sample::new(&path, SHAPE);
    let (lats, lons): (Vec<f64>, Vec<f64>) = (
        (0..4).map(|j| 10.0 * f64::from(j) - 15.0).collect(),
        (0..10).map(|i| 36.0 * f64::from(i)).collect(),
    );
    sample.places(["lat", "lon"], [&lats, &lons], false);
    let dx = |j: usize| 36f64.to_radians() * A * lats[j].to_radians().cos();
    let mass = |place: [usize; 4]| {
        let [_, k, j, _] = place;
        if is_land(place) {
            f64::NAN
        } else {
            1000.0 * flow(place)[0] * dx(j) * LAYERS[k]
        }
    };
    let there = |place: [usize; 4], d: usize| if is_land(place) { f64::NAN } else { flow(place)[d] };
    sample.field(["vmo", "ocean_mass_y_transport", "kg s-1"], ["lat", "lon"], SHAPE, mass);
    sample.field(["umo", "ocean_mass_x_transport", "kg s-1"], ["lat", "lon"], SHAPE, |place| {
        1000.0 * there(place, 1) * 10f64.to_radians() * A * LAYERS[place[1]]
    });
    sample.field(T, ["lat", "lon"], SHAPE, |place| there(place, 2));
    let masses = sample.done();
    for (kind, options, names) in
        [("heat", &[][..], &["msftmz", "hfbasin"][..]), ("barotropic", &[][..], &["msftbarot"][..])]
    {
        plain(kind, &velocities, options, &out);
        let wanted: Vec<Vec<f64>> = names.iter().map(|name| values(&out, name)).collect();
        plain(kind, &masses, options, &out);
        for (name, wanted) in names.iter().zip(wanted) {
            let largest = wanted.iter().fold(0.0_f64, |w, v| w.max(v.abs()));
            close(&values(&out, name), &wanted, 1e-12, largest, name);
        }
    }
    // Parts want areas.
    plain("heat", &masses, &["--mean"], &out);
    let file = netcdf::open(&out).expect("a result");
    assert!(file.variable("hfbasin_gyre").is_none() && file.variable("hfbasin").is_some());
    drop(file);
    plain("section", &masses, &["--through", "a=60,-9/60,9"], &out);
    assert!(values(&out, "volume").iter().all(|v| v.is_finite() && *v != 0.0));
}

#[test]
fn basins_by_words_and_what_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let input = currents(&folder.path().join("in.nc"), false, |_| [0.1, 0.0, 10.0]);
    let mask = folder.path().join("basin.nc");
    {
        let mut sample = Sample::new(&mask, SHAPE);
        let code = |c: usize| [0.0, 2.0, 3.0][(c % 10).div_ceil(5)];
        sample.add(&["y", "x"], ["basin", "region", "1"], &(0..40).map(code).collect::<Vec<_>>());
        let mut basin = sample.0.variable_mut("basin").expect("the mask");
        basin.put_attribute("flag_values", vec![0i32, 1, 2, 3]).expect("an attribute");
        let words = "global_land southern_ocean atlantic_ocean pacific_ocean";
        basin.put_attribute("flag_meanings", words).expect("an attribute");
        sample.done();
    }
    let words = |option: &str| {
        plain("overturning", &input, &["--basin", option], &out);
        values(&out, "msftmz")[16..].to_vec()
    };
    let at = |tail: &str| format!("{}:basin{tail}", text(&mask));
    let (all, one) = (words(&at("")), words(&format!("a={}", at("=atlantic_ocean"))));
    // Words that are nowhere are no basins: two are left beside the whole, at four times.
    assert_eq!((all.len(), one.len()), (4 * 3 * 16 - 16, 4 * 2 * 16 - 16));
    assert_eq!(all[..16], one[..16]);
    assert_eq!(words(&format!("a={}", at("=2"))), one);
    let bad = folder.path().join("bad.nc");
    {
        let mut sample = Sample::new(&bad, SHAPE);
        let lons: Vec<f64> = (0..10).map(|i| 36.0 * f64::from(i)).collect();
        sample.places(["lat", "lon"], [&[-999.0, -5.0, 5.0, 15.0], &lons], false);
        sample.field(V, ["lat", "lon"], SHAPE, |_| 0.1);
        sample.add(&["lev", "y", "x"], ["uo", U[1], U[2]], &[0.1; 120]);
        sample.done();
    }
    let asked = [format!("a={}", at("")), format!("a={}", at("=red_sea"))];
    for (kind, input, options, code, message) in [
        ("overturning", &input, &["--basin", &asked[0]][..], 2, "several basins"),
        ("overturning", &input, &["--basin", &asked[1]][..], 2, "none of its flag_meanings"),
        ("overturning", &bad, &[][..], 3, "beyond the poles"),
        ("barotropic", &bad, &[][..], 3, "beyond the poles"),
    ] {
        let words = [&["transport", kind, text(input), "-o", text(&out)], options].concat();
        let done = run(Launch::Plain(1), &words);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{kind} {options:?}: {said}");
        assert!(said.contains(message) && said.contains(".nc"), "{kind} {options:?}: {said}");
    }
}

#[test]
fn streamfunctions_stand_at_corners() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let lats = [-15.0, -5.0, 5.0, 15.0];
    let lons: Vec<f64> = (0..10).map(|i| 30.0 + 10.0 * f64::from(i)).collect();
    for (shift, corner) in [(5.0, 5.0), (-5.0, -5.0), (0.0, 5.0)] {
        let mut sample = Sample::new(&folder.path().join("in.nc"), SHAPE);
        sample.places(["lat", "lon"], [&lats, &lons], false);
        let beside: Vec<f64> = lons.iter().map(|l| l + shift).collect();
        sample.add(&["y"], ["lat_u", "latitude", "degrees_north"], &lats);
        sample.add(&["x"], ["lon_u", "longitude", "degrees_east"], &beside);
        sample.field(T, ["lat", "lon"], SHAPE, |_| 10.0);
        sample.field(U, ["lat_u", "lon_u"], SHAPE, |_| 1.0);
        let input = sample.done();
        plain("barotropic", &input, &["--units", "m3"], &out);
        let psi = values(&out, "msftbarot");
        let found: Vec<f64> = values(&out, "lat_u");
        close(&found, &lats.map(|l| l + corner), 1e-9, 1.0, "latitudes of corners");
        close(&values(&out, "lon_u"), &beside, 1e-9, 1.0, "longitudes of corners");
        // u = -dψ/dy: as much as lies between the southern edge and the corner.
        let expected = |lat: f64| -90.0 * (lat + 20.0).to_radians() * A;
        for (j, lat) in found.iter().enumerate() {
            close(&psi[j * 10..(j + 1) * 10], &[expected(*lat); 10], 1e-9, 1e6, "flow from the south");
        }
    }
}

/// The number of the corner that stands at `(j, k)` of a map that folds along F points.
fn corner(j: isize, k: isize, [rows, n]: [isize; 2]) -> f64 {
    let (k, line) = (k.rem_euclid(n), rows - 1);
    let across = (n - 2 - k).rem_euclid(n);
    let (j, k) = if j > line || (j == line && across < k) { (2 * line - j, across) } else { (j, k) };
    if j < 0 {
        0.0
    } else {
        ((j * 7 + k * 3) as f64).sin() * 1e6
    }
}

#[test]
fn lines_cross_the_fold_of_a_tripolar_grid() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, path) = (folder.path().join("out.nc"), folder.path().join("in.nc"));
    let (ny, nx) = (10usize, 24usize);
    let shape = [2, 3, ny, nx];
    let place = |j: f64, i: f64| {
        let (mu, angle) = ((ny as f64 - 0.5 - j) * 0.1, (i + 0.5) / nx as f64 * std::f64::consts::TAU);
        let (x, y) = (0.2 * mu.cosh() * angle.cos(), 0.2 * mu.sinh() * angle.sin());
        [90.0 - 2.0 * x.hypot(y).atan().to_degrees(), y.atan2(x).to_degrees()]
    };
    let mut sample = Sample::new(&path, shape);
    let cells = || (0..ny * nx).map(|c| (c / nx, c % nx));
    for (lat, lon, dj, di) in
        [("gphit", "glamt", 0.0, 0.0), ("gphiu", "glamu", 0.0, 0.5), ("gphiv", "glamv", 0.5, 0.0)]
    {
        let all: Vec<[f64; 2]> = cells().map(|(j, i)| place(j as f64 + dj, i as f64 + di)).collect();
        let [lats, lons] = [0, 1].map(|d| all.iter().map(|p| p[d]).collect::<Vec<f64>>());
        sample.places([lat, lon], [&lats, &lons], true);
    }
    // Faces 50 km long, so that flow through them is the difference of corners.
    for name in ["e1t", "e2t", "e1u", "e2u", "e1v", "e2v", "e1f", "e2f"] {
        sample.add(&["y", "x"], [name, "", "m"], &vec![5e4; ny * nx]);
    }
    let psi = |j: isize, i: isize| corner(j, i, [ny as isize, nx as isize]);
    let area = |k: usize| 5e4 * LAYERS[k];
    sample.field(V, ["gphiv", "glamv"], shape, |[t, k, j, i]| {
        (1.0 + t as f64) * (psi(j as isize, i as isize) - psi(j as isize, i as isize - 1)) / area(k)
    });
    sample.field(U, ["gphiu", "glamu"], shape, |[t, k, j, i]| {
        (1.0 + t as f64) * (psi(j as isize - 1, i as isize) - psi(j as isize, i as isize)) / area(k)
    });
    sample.field(T, ["gphit", "glamt"], shape, |[_, k, j, _]| 10.0 - k as f64 - 0.1 * j as f64);
    let input = sample.done();
    let loops = [
        "--through",
        "round=40,80/130,80/220,80/310,80/40,80",
        "--through",
        "over=50,70/80,89/240,75/140,70/50,70",
    ];
    let over = ["--through", "straight=90,72/270,72"];
    let section = [&loops[..], &over].concat();
    plain("section", &input, &section, &out);
    let volume = values(&out, "volume");
    for t in 0..2 {
        assert!(volume[t * 3].abs() < 1e-7 && volume[t * 3 + 1].abs() < 1e-7, "{volume:?}");
        assert!(volume[t * 3 + 2].abs() > 1e5, "{volume:?}");
    }
    let (lat, number) = (values(&out, "path_lat"), values(&out, "path_section"));
    assert!(lat.iter().zip(&number).any(|(lat, n)| *n == 3.0 && *lat > 86.0), "straight over the pole");
    plain("overturning", &input, &["--bins", "4"], &out);
    let psi = values(&out, "msftmz");
    assert!(psi.len() > 2 * 4 * 4 && psi.iter().all(|p| p.abs() < 1e-4), "nothing gathers: {psi:?}");
    for (kind, options) in [("section", &section[..]), ("overturning", &["--bins", "4"][..])] {
        plain(kind, &input, options, &out);
        let wanted = contents(&out);
        let options = [&SPHERE[..], options].concat();
        for launch in launches() {
            transport(launch, kind, std::slice::from_ref(&input), &options, &out);
            assert!(contents(&out) == wanted, "{kind} {launch:?}");
        }
    }
}

#[test]
fn staggering_is_looked_at_though_no_tracer_is_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (turning(&folder.path().join("in.nc")), folder.path().join("out.nc"));
    {
        // A step of the bottom between the second and the third row.
        let mut file = netcdf::append(&input).expect("the test file");
        let mut thick = file.add_variable::<f64>("thkcello", &["lev", "lat", "lon"]).expect("a variable");
        let height = |k: usize| [10.0, 20.0, 60.0][k / 40] * if k % 40 < 20 { 1.0 } else { 0.5 };
        thick.put_values(&(0..120).map(height).collect::<Vec<_>>(), ..).expect("written");
    }
    let overturning = |options: &[&str]| {
        transport(Launch::Plain(1), "overturning", std::slice::from_ref(&input), options, &out);
        values(&out, "msftmz")
    };
    let said = overturning(&["--stagger", "same"]);
    assert_eq!(overturning(&[]), said);
    let file = netcdf::open(&out).expect("a result");
    let inputs = match file.attribute("halocline_transport_inputs").expect("told").value() {
        Ok(netcdf::AttributeValue::Str(text)) => text,
        other => panic!("{other:?}"),
    };
    assert!(inputs.contains("in the middle of cells"), "{inputs}");
}
