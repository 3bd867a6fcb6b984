//! `halocline calc gradient` and its like: against numpy and CDFTOOLS, on any ranks, across folds, and
//! with bad input; the meshes that `halocline info` recognises.

mod common;
#[path = "calculus/divided.rs"]
mod divided;

use common::{
    attribute, close, contents, launches, names_in, reference, run, run_well, shared, text, values, Launch,
};
use std::path::Path;

/// Runs `calc` and gives the values of a variable of what it wrote.
fn calc(out: &Path, input: &str, words: &str, name: &str) -> Vec<f64> {
    let words: Vec<&str> = words.split(' ').collect();
    let all = [&["calc", words[0], input], &words[1..], &["-q", "-o", text(out)]].concat();
    run_well(Launch::Plain(1), &all);
    values(out, name)
}

#[test]
fn numpy_finds_the_same() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let input = reference("calculus.nc");
    for (words, ours, theirs) in [
        ("gradient --var s --edge one-sided", "s_dx", "s_dx"),
        ("gradient --var s --edge one-sided", "s_dy", "s_dy"),
        ("derivative --dim y --var s --edge one-sided", "s_dy", "s_dy"),
        ("divergence --u u --v v --edge one-sided", "divergence", "divergence"),
        ("curl --u u --v v --edge one-sided", "vorticity", "vorticity"),
        ("derivative --dim lev --var s --edge one-sided", "s_dlev", "s_dlev"),
        ("derivative --dim time --var s --edge one-sided", "s_dt", "s_dt"),
        ("integral --dims lev --var s", "s_integral", "s_depth"),
        ("integral --dims time --var s", "s_integral", "s_time"),
        ("integral --dims x,y --var s", "s_integral", "s_area"),
        ("cumulative-integral --dim lev --from end --var s", "s_cumulative", "s_upwards"),
    ] {
        let (ours, theirs) = (calc(&out, text(&input), words, ours), values(&input, theirs));
        let size = theirs.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        close(&ours, &theirs, 1e-12, size, words);
    }
    assert_eq!(attribute(&out, "s_cumulative", "units").as_deref(), Some("K m"));
    // Without a word about edges nothing is known beside walls, and inside all is the same.
    let open = calc(&out, text(&input), "derivative --dim y --var s", "s_dy");
    let theirs = values(&input, "s_dy");
    for (c, (a, b)) in open.iter().zip(&theirs).enumerate() {
        let row = c / 8 % 6;
        assert_eq!(a.is_nan(), row == 0 || row == 5, "{c}");
        assert!(a.is_nan() || (a - b).abs() < 1e-18);
    }
    assert_eq!(attribute(&out, "s_dy", "units").as_deref(), Some("K m-1"));
}

#[test]
fn bits_do_not_depend_on_ranks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let input = reference("calculus.nc");
    for (k, words) in
        ["curl --u u --v v", "integral --dims lev --var s", "integral --dims x,y --var s"].iter().enumerate()
    {
        let mut first = None;
        for launch in launches() {
            let out = folder.path().join("out.nc");
            let words: Vec<&str> = words.split(' ').collect();
            let all = [&["calc", words[0], text(&input)], &words[1..], &["-q", "-o", text(&out)]].concat();
            // One kind of work on all launches, the others on some.
            if k > 0 && matches!(launch, Launch::Mpi(1 | 3 | 4) | Launch::ThreadRanks(2 | 4)) {
                continue;
            }
            run_well(launch, &all);
            let found = contents(&out);
            assert!(*first.get_or_insert_with(|| found.clone()) == found, "{words:?} on {launch:?}");
        }
    }
}

/// A mesh as NEMO writes it: a cap that folds along F points, two columns more, and a row.
fn tripolar(path: &Path) -> ([usize; 2], Vec<f64>, Vec<f64>) {
    let (rows, n) = (8, 20);
    let stored = |values: &dyn Fn(usize, usize) -> f64, east: bool, north: bool| -> Vec<f64> {
        let at = |j: usize, i: usize| {
            let k = (i + n - 1) % n;
            let across = (2 * n - 1 - k - usize::from(east)) % n;
            let line = rows - 1;
            if north && j > line {
                values(2 * line - j, across)
            } else if j > line {
                values(2 * line + 1 - j, across)
            } else {
                values(j, k)
            }
        };
        (0..=rows).flat_map(|j| (0..n + 2).map(move |i| (j, i))).map(|(j, i)| at(j, i)).collect()
    };
    // Longitudes and latitudes at T.
    let mut tracers = Vec::new();
    let mut file = netcdf::create(path).expect("a test file");
    file.add_dimension("time_counter", 1).expect("a dimension");
    file.add_dimension("y", rows + 1).expect("a dimension");
    file.add_dimension("x", n + 2).expect("a dimension");
    for (point, east, north) in [("t", 0.0, 0.0), ("u", 0.5, 0.0), ("v", 0.0, 0.5), ("f", 0.5, 0.5)] {
        let place = |j: usize, k: usize, shift: [f64; 2]| -> [f64; 2] {
            let mu = (rows as f64 - 0.5 - j as f64 - north - shift[0]).abs() * 0.1;
            let angle = (k as f64 + 0.5 + east + shift[1]) / n as f64 * std::f64::consts::TAU;
            [0.2 * mu.cosh() * angle.cos(), 0.2 * mu.sinh() * angle.sin()]
        };
        let lat = |j: usize, k: usize| {
            let [x, y] = place(j, k, [0.0; 2]);
            90.0 - 2.0 * x.hypot(y).atan().to_degrees()
        };
        let lon = |j: usize, k: usize| {
            let [x, y] = place(j, k, [0.0; 2]);
            y.atan2(x).to_degrees()
        };
        let length = |j: usize, k: usize, shift: [f64; 2]| {
            let ([a, b], [c, d]) = (place(j, k, shift.map(|s| -s)), place(j, k, shift));
            6.4e6 * (a - c).hypot(b - d) + 1e3
        };
        let (east, north) = (east > 0.0, north > 0.0);
        for (name, values) in [
            ("glam", stored(&lon, east, north)),
            ("gphi", stored(&lat, east, north)),
            ("e1", stored(&|j, k| length(j, k, [0.0, 0.5]), east, north)),
            ("e2", stored(&|j, k| length(j, k, [0.5, 0.0]), east, north)),
        ] {
            let mut variable = file
                .add_variable::<f64>(&format!("{name}{point}"), &["time_counter", "y", "x"])
                .expect("a variable");
            variable.put_values(&values, ..).expect("written");
            if tracers.len() < 2 {
                tracers.push(values);
            }
        }
    }
    ([rows + 1, n + 2], tracers.swap_remove(1), tracers.swap_remove(0))
}

#[test]
fn a_gradient_has_no_curl_across_the_fold() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mesh, input, out, curl) = ("mesh.nc", "in.nc", "out.nc", "curl.nc");
    let [mesh, input, out, curl] = [mesh, input, out, curl].map(|name| folder.path().join(name));
    let ([rows, columns], lat, lon) = tripolar(&mesh);
    {
        let mut file = netcdf::create(&input).expect("a test file");
        for (name, n) in [("time", 1), ("y", rows), ("x", columns)] {
            file.add_dimension(name, n).expect("a dimension");
        }
        let mut time = file.add_variable::<f64>("time", &["time"]).expect("a variable");
        time.put_attribute("units", "days since 2001-01-01").expect("an attribute");
        time.put_values(&[0.0], ..).expect("written");
        for (name, values, units) in [("nav_lat", &lat, "degrees_north"), ("nav_lon", &lon, "degrees_east")] {
            let mut variable = file.add_variable::<f64>(name, &["y", "x"]).expect("a variable");
            variable.put_attribute("units", units).expect("an attribute");
            variable.put_values(values, ..).expect("written");
        }
        let noise: Vec<f64> = (0..rows * columns).map(|c| ((c * 7919) % 101) as f64).collect();
        let mut s = file.add_variable::<f64>("s", &["time", "y", "x"]).expect("a variable");
        s.put_attribute("coordinates", "nav_lat nav_lon").expect("an attribute");
        s.put_values(&noise, ..).expect("written");
    }
    let told = run_well(Launch::Plain(1), &["info", text(&input), "--grid", text(&mesh), "--json"]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    for words in [
        "\"tripolar-f\"",
        "\"repeated_columns\": 2",
        "\"repeated_rows\": 1",
        "\"point\": \"t\"",
        "dx at u: e1u",
    ] {
        assert!(told.contains(words), "{words} in {told}");
    }
    let grid = format!("--grid {}", text(&mesh));
    let dx = calc(&out, text(&input), &format!("gradient --var s {grid}"), "s_dx");
    let dy = values(&out, "s_dy");
    // The same bits where ranks meet across the fold, and in what is stored twice.
    let whole = contents(&out);
    for (launch, parts) in [(Launch::ThreadRanks(4), "lat=2,lon=2"), (Launch::ThreadRanks(3), "lon=3")] {
        let words =
            ["calc", "gradient", text(&input), "--var", "s", "--grid", text(&mesh), "-q", "-o", text(&curl)];
        run_well(launch, &[&words[..], &["--decomposition", parts]].concat());
        assert!(contents(&curl) == whole, "{parts}");
        std::fs::remove_file(&curl).expect("removed");
    }
    // What is stored twice is the same, turned around across the fold.
    let at = |j: usize, i: usize| j * columns + i;
    assert!((1..rows).all(|j| dx[at(j, 0)].to_bits() == dx[at(j, columns - 2)].to_bits()));
    let last = rows - 1;
    assert!((1..columns - 1).all(|i| dy[at(last, i)] == -dy[at(last - 2, columns - 1 - i)]));
    let found = calc(&curl, text(&out), &format!("curl --u s_dx --v s_dy {grid}"), "vorticity");
    let size = dx.iter().filter(|v| v.is_finite()).fold(0.0, |m: f64, v| m.max(v.abs())) / 1e3;
    let known: Vec<f64> = found.iter().copied().filter(|v| v.is_finite()).collect();
    assert!(known.len() >= (rows - 1) * columns && known.iter().all(|v| v.abs() < 1e-12 * size), "{known:?}");
    // Described by hand, the mesh is the same.
    let described = folder.path().join("grid.toml");
    let table = |(key, name): (&str, &str)| {
        format!("[{key}]\nt = '{name}t'\nu = '{name}u'\nv = '{name}v'\nf = '{name}f'\n")
    };
    let tables = [("lat", "gphi"), ("lon", "glam"), ("dx", "e1"), ("dy", "e2")].map(table);
    let words = format!("files = 'mesh.nc'\n{}", tables.concat());
    std::fs::write(&described, words).expect("written");
    let again = calc(&curl, text(&input), &format!("gradient --var s --grid {}", text(&described)), "s_dx");
    assert!(again.iter().zip(&dx).all(|(a, b)| a.to_bits() == b.to_bits()));
}

#[test]
fn vorticity_is_that_of_cdftools() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let Some(gyre) = shared("ocean/nemo_gyre_4.2") else { return };
    let Some(answer) = shared("answers/transport/gyre_cdfcurl.nc") else { return };
    let [u, v, mesh] =
        ["GYRE_1y_00010101_00011230_grid_U.nc", "GYRE_1y_00010101_00011230_grid_V.nc", "mesh_mask.nc"]
            .map(|n| gyre.join(n));
    let words = [
        "calc",
        "curl",
        text(&u),
        text(&v),
        "--u",
        "uoce",
        "--v",
        "voce",
        "--grid",
        text(&mesh),
        "--precision",
        "double",
        "-q",
        "-o",
        text(&out),
    ];
    run_well(Launch::Plain(2), &words);
    let known = |file: &Path, name: &str| -> Vec<f64> {
        let fill = 1e30;
        values(file, name).into_iter().map(|v| if v.abs() > fill { 0.0 } else { v }).collect()
    };
    let ours: Vec<f64> =
        known(&out, "vorticity")[..704].iter().map(|v| if v.is_nan() { 0.0 } else { *v }).collect();
    // Theirs are in single precision.
    close(&ours, &known(&answer, "socurl"), 1e-5, 1e-7, "vorticity");
}

#[test]
fn meshes_are_recognised() {
    for (file, words) in [
        ("ocean/orca2_votemper.nc", "folded along T points"),
        ("ocean/nemo_eorca1/nemo_1m_20150101-20150201_grid-T.nc", "folded along F points"),
        ("ocean/tos_ocean_bipolar_grid.nc", "periodic in longitude, 2 columns repeat others"),
        ("ocean/ocean_his_0001.nc", "by the names of ROMS"),
        ("ocean/nemo_gyre_4.2/mesh_mask.nc", "dx at f: e1f"),
    ] {
        let Some(path) = shared(file) else { continue };
        let told = run_well(Launch::Plain(1), &["info", text(&path)]);
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        assert!(told.contains(words), "{file}: {told}");
    }
    let Some(grid) = shared("formats/mom6_baltic_ocean_hgrid.nc") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let input = folder.path().join("in.nc");
    {
        let mut file = netcdf::create(&input).expect("a test file");
        for (name, n) in [("time", 1), ("yh", 14), ("xh", 23)] {
            file.add_dimension(name, n).expect("a dimension");
        }
        let mut time = file.add_variable::<f64>("time", &["time"]).expect("a variable");
        time.put_attribute("units", "days since 2001-01-01").expect("an attribute");
        time.put_values(&[0.0], ..).expect("written");
        let mut s = file.add_variable::<f64>("s", &["time", "yh", "xh"]).expect("a variable");
        s.put_values(&[1.0; 14 * 23], ..).expect("written");
    }
    let out = folder.path().join("out.nc");
    let sum = calc(
        &out,
        text(&input),
        &format!("integral --dims x,y --var s --grid {}", text(&grid)),
        "s_integral",
    );
    let areas: f64 = values(&grid, "area").iter().sum();
    assert!((sum[0] / areas - 1.0).abs() < 1e-13, "the area of the map");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, bad) = (folder.path().join("out.nc"), folder.path().join("bad.toml"));
    std::fs::write(&bad, "colour = 'red'\n").expect("written");
    let input = reference("calculus.nc");
    let bad = format!("gradient --var s --grid {}", text(&bad));
    for (words, code, message) in [
        ("curl --u u --v u", 2, "name the same variable"),
        ("curl --u u --v w", 2, "no variable `w`"),
        ("gradient --var lat", 2, "is a coordinate"),
        ("gradient --var s --radius -1", 2, "is no radius"),
        ("derivative --dim q --var s", 2, "known: x, y, lev, time"),
        ("diff --dim lev --var s", 2, "known: x, y"),
        ("integral --dims x --var s", 2, "known: x,y or lev or time"),
        ("laplacian --var s --edge one-sided", 2, "A grid"),
        ("derivative --dim lev --var s --edge zero", 2, "is of maps"),
        ("derivative --dim lev --var s_area", 3, "without them"),
        ("gradient --var s --grid nowhere.nc", 3, "nowhere.nc"),
        (bad.as_str(), 3, "is no key of a grid"),
        ("divergence --u u --v v --staggering c", 2, "--grid"),
    ] {
        let split: Vec<&str> = words.split(' ').collect();
        let all = [&["calc", split[0], text(&input)], &split[1..], &["-q", "-o", text(&out)]].concat();
        let output = run(Launch::Plain(1), &all);
        if words.contains("s_area") {
            // A line without a map: whatever is done with it, nothing breaks.
            assert!(output.status.code().is_some_and(|c| c != 70 && c != 101), "{output:?}");
            let _ = std::fs::remove_file(&out);
            continue;
        }
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{words}: {told}");
        assert!(told.contains(message) && told.trim_end().lines().count() == 1, "{words}: {told}");
        assert_eq!(names_in(folder.path()), ["bad.toml"], "{words}");
    }
}

#[test]
fn of_a_single_row_nothing_is_made_that_would_be_missing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("row.nc"), folder.path().join("out.nc"));
    let mut file = netcdf::create(&input).expect("a test file");
    for (name, len) in [("time", 2), ("lat", 1), ("lon", 36)] {
        file.add_dimension(name, len).expect("a dimension");
    }
    let axes = [
        ("lat", "degrees_north", vec![0.0]),
        ("lon", "degrees_east", (0..36).map(|i| f64::from(i) * 10.0).collect()),
    ];
    for (name, units, values) in axes {
        let mut axis = file.add_variable::<f64>(name, &[name]).expect("a variable");
        axis.put_attribute("units", units).expect("an attribute");
        axis.put_values(&values, ..).expect("written");
    }
    let mut time = file.add_variable::<f64>("time", &["time"]).expect("a variable");
    time.put_attribute("units", "days since 2000-01-01").expect("an attribute");
    time.put_values(&[0.0, 1.0], ..).expect("written");
    let mut v = file.add_variable::<f64>("v", &["time", "lat", "lon"]).expect("a variable");
    v.put_values(&(0..72).map(f64::from).collect::<Vec<_>>(), ..).expect("written");
    drop(file);
    for (words, message) in [
        ("integral --dims x,y", "without bounds has no area; select more rows"),
        ("laplacian", "without bounds has no area; select more rows"),
        ("gradient", "has no derivative towards north; select more rows"),
        ("derivative --dim y", "has no derivative towards north"),
        ("interp --dim y", "has no neighbours to go between"),
        ("diff --dim y", "has no neighbours to go between"),
    ] {
        let split: Vec<&str> = words.split(' ').collect();
        let all = [&["calc", split[0], text(&input), "--var", "v"], &split[1..], &["-q", "-o", text(&out)]]
            .concat();
        let output = run(Launch::ThreadRanks(2), &all);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(2 | 3)), "{words}: {told}");
        assert!(told.contains(message) && told.trim_end().lines().count() == 1, "{words}: {told}");
        assert_eq!(names_in(folder.path()), ["row.nc"], "{words}");
    }
    let along = calc(&out, text(&input), "derivative --dim x --var v", "v_dx");
    assert!(along.len() == 72 && along.iter().all(|v| v.is_finite()));
}
