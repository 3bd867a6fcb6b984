//! `halocline transport` of the ocean: against CDFTOOLS and numpy, flows whose transports are known,
//! the same bits on any ranks, bad input.

mod common;
#[path = "transport_ocean/found.rs"]
mod found;
#[path = "transport_ocean/implied.rs"]
mod implied;
#[path = "transport_ocean/layers.rs"]
mod layers;
#[path = "transport_ocean/mesh.rs"]
mod mesh;
#[path = "transport_ocean/missing.rs"]
mod missing;
#[path = "transport_ocean/regional.rs"]
mod regional;
#[path = "transport_ocean/regions.rs"]
mod regions;
#[path = "transport_ocean/sample.rs"]
mod sample;
#[path = "transport_ocean/snapshot.rs"]
mod snapshot;

use common::{attribute, close, contents, launches, run, run_well, shared, text, values, Launch};
use std::path::{Path, PathBuf};

/// NEMO's GYRE: velocities, tracers, the mesh.
fn gyre() -> Option<Vec<PathBuf>> {
    let name = |grid: &str| format!("ocean/nemo_gyre_4.2/GYRE_1y_00010101_00011230_grid_{grid}.nc");
    let files = [name("V"), name("T"), name("U"), "ocean/nemo_gyre_4.2/mesh_mask.nc".to_owned()];
    files.iter().map(|file| shared(file)).collect()
}

fn transport(launch: Launch, kind: &str, files: &[PathBuf], options: &[&str], out: &Path) {
    let files: Vec<&str> = files.iter().map(|f| text(f)).collect();
    let words = [&["transport", kind, "-q", "-o", text(out)], &files[..], options].concat();
    run_well(launch, &words);
}

#[test]
fn gyre_is_that_of_cdftools_and_numpy() {
    let Some(files) = gyre() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let answer = |name: &str| shared(&format!("answers/transport/{name}.nc"));
    let (Some(numpy), Some(moc), Some(psi)) =
        (answer("gyre_numpy_ref"), answer("gyre_cdfmoc"), answer("gyre_cdfpsi"))
    else {
        return;
    };
    let plain = Launch::Plain(2);
    transport(plain, "heat", &files, &["--convention", "cdfmoc"], &out);
    let ours = values(&out, "msftyz");
    close(&ours, &values(&numpy, "moc_Sv"), 1e-12, 1.0, "overturning");
    close(&ours, &values(&moc, "zomsfglo"), 1e-6, 1.0, "cdfmoc, in Sv");
    let heat: Vec<f64> = values(&numpy, "heat_over_rhocp").iter().map(|h| h * 4e6).collect();
    close(&values(&out, "hfbasin"), &heat, 1e-12, 1e12, "heat");
    transport(plain, "salt", &files, &["--convention", "cdfmoc"], &out);
    close(&values(&out, "sltbasin"), &values(&numpy, "salt"), 1e-10, 1e3, "salt");
    transport(plain, "barotropic", &files, &["--units", "m3", "--thickness", "e3u_0"], &out);
    let theirs: Vec<f64> =
        values(&psi, "sobarstf").iter().map(|p| if p.is_nan() { 0.0 } else { *p }).collect();
    close(&values(&out, "msftbarot"), &theirs, 1e-6, 1e6, "cdfpsi, stored in single precision");
}

#[test]
fn foam_from_the_bottom_up_is_that_of_numpy() {
    let Some((input, answer)) =
        shared("ocean/foam.ocean.nc").zip(shared("answers/transport/foam_moc_ref.nc"))
    else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let options = ["--v", "V", "--units", "Sv", "--radius", "6371000"];
    transport(Launch::Plain(2), "overturning", &[input], &options, &out);
    // The file begins at the bottom, results at the surface.
    let ours: Vec<f64> = values(&out, "msftmz").chunks(128).rev().flatten().copied().collect();
    close(&ours, &values(&answer, "moc"), 1e-12, 100.0, "foam");
}

/// A flow that turns with time over warm and cold water, in the middle of cells: `v` and `T` rise and
/// fall together by 0.1 m/s and 2 degrees.
fn turning(path: &Path) -> PathBuf {
    let (nt, nz, ny, nx) = (4, 3, 4, 10);
    let mut file = netcdf::create(path).expect("a test file");
    for (name, len) in [("time", nt), ("lev", nz), ("lat", ny), ("lon", nx), ("bnds", 2)] {
        file.add_dimension(name, len).expect("a dimension");
    }
    let mut axis = |name: &str, values: &[f64], attributes: &[(&str, &str)]| {
        let dims: Vec<&str> = if name == "lev_bnds" { vec!["lev", "bnds"] } else { vec![name] };
        let mut variable = file.add_variable::<f64>(name, &dims).expect("a coordinate");
        for (k, v) in attributes {
            variable.put_attribute(k, *v).expect("an attribute");
        }
        variable.put_values(values, ..).expect("written");
    };
    axis("time", &[15.0, 45.0, 75.0, 105.0], &[("units", "days since 2000-01-01"), ("axis", "T")]);
    axis(
        "lev",
        &[5.0, 20.0, 60.0],
        &[("units", "m"), ("positive", "down"), ("axis", "Z"), ("bounds", "lev_bnds")],
    );
    axis("lev_bnds", &[0.0, 10.0, 10.0, 30.0, 30.0, 90.0], &[]);
    axis("lat", &[-15.0, -5.0, 5.0, 15.0], &[("units", "degrees_north")]);
    let lon: Vec<f64> = (0..nx).map(|i| i as f64 * 36.0).collect();
    axis("lon", &lon, &[("units", "degrees_east")]);
    let land = |i: usize, k: usize| i == 0 || (i == 1 && k == 2);
    for (name, standard, mean, swing) in [
        ("vo", "sea_water_y_velocity", [0.3, -0.1, -0.05], 0.1),
        ("thetao", "sea_water_potential_temperature", [20.0, 10.0, 4.0], 2.0),
    ] {
        let mut variable =
            file.add_variable::<f64>(name, &["time", "lev", "lat", "lon"]).expect("a variable");
        variable.put_attribute("standard_name", standard).expect("an attribute");
        variable.put_attribute("_FillValue", 1e20).expect("an attribute");
        let all: Vec<f64> = (0..nt * nz * ny * nx)
            .map(|c| {
                let (t, k, i) = (c / (nz * ny * nx), c / (ny * nx) % nz, c % nx);
                let sign = if t % 2 == 0 { 1.0 } else { -1.0 };
                // More in the west than in the east, for a gyre.
                let slope = (i as f64 - 5.0) * 0.1 * swing;
                if land(i, k) {
                    1e20
                } else {
                    mean[k] + slope + sign * swing
                }
            })
            .collect();
        variable.put_values(&all, ..).expect("written");
    }
    path.to_owned()
}

#[test]
fn parts_of_a_turning_flow_are_known_and_the_same_on_any_ranks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (turning(&folder.path().join("in.nc")), folder.path().join("out.nc"));
    let options =
        ["--mean", "--rho0", "1000", "--cp", "4000", "--radius", "6371000", "--basin", "west=0,180,-90,90"];
    transport(Launch::Plain(1), "heat", std::slice::from_ref(&input), &options, &out);
    // Cells of 36 degrees, without land.
    let (heights, counts) = ([10.0, 20.0, 60.0], [9.0, 9.0, 8.0]);
    let area: f64 = heights.iter().zip(counts).map(|(h, n)| h * n).sum();
    let eddy = values(&out, "hfbasin_eddy");
    for (j, lat) in [-15.0f64, -5.0, 5.0, 15.0].iter().enumerate() {
        let width = 36f64.to_radians() * 6_371_000.0 * lat.to_radians().cos();
        let expected = 4e6 * area * width * 0.1 * 2.0;
        assert!((eddy[j] / expected - 1.0).abs() < 1e-9, "{} is not {expected}", eddy[j]);
    }
    let part = |ending: &str| values(&out, &format!("hfbasin{ending}"));
    let total = part("");
    let sum: Vec<f64> = (0..8).map(|k| part("_overturning")[k] + part("_gyre")[k] + eddy[k]).collect();
    close(&sum, &total, 1e-12, 1.0, "parts add up");
    assert!(part("_gyre").iter().all(|g| *g > 0.0));
    // All that flows north above flows south below, but for the net flux at the top.
    let psi = values(&out, "msftmz");
    assert!(psi[12..16].iter().all(|p| *p == 0.0) && psi[4..8].iter().all(|p| *p > 0.0));
    let wanted = contents(&out);
    for launch in launches() {
        transport(launch, "heat", std::slice::from_ref(&input), &options, &out);
        assert!(contents(&out) == wanted, "{launch:?}");
    }
    // A step each: no eddies, the mean of totals is the total of the mean.
    transport(Launch::Plain(2), "heat", &[input], &options[1..], &out);
    let steps = values(&out, "hfbasin");
    let mean: Vec<f64> = (0..8).map(|k| (0..4).map(|t| steps[t * 8 + k]).sum::<f64>() / 4.0).collect();
    close(&mean, &total, 1e-12, 1.0, "means of steps");
    assert_eq!(attribute(&out, "hfbasin", "units").as_deref(), Some("W"));
}

#[test]
fn density_sections_and_columns_are_the_same_on_any_ranks() {
    let Some(files) = gyre() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let line = ["--through", "loop=287,23/294,30/289,36/284,30/287,23", "--through", "east=-72,23/-72,37"];
    let kinds: [(&str, &[&str]); 5] = [
        ("overturning", &["--vertical", "sigma2", "--density-bins", "28:38:0.5"]),
        ("overturning", &["--bins", "2"]),
        ("section", &line),
        ("heat-content", &["--depths", "0-15,0-5000"]),
        ("mixed-layer", &["--eos", "eos80"]),
    ];
    for (kind, options) in kinds {
        transport(Launch::Plain(1), kind, &files, options, &out);
        let wanted = contents(&out);
        for launch in [Launch::Plain(2), Launch::ThreadRanks(3), Launch::ThreadRanks(4)] {
            transport(launch, kind, &files, options, &out);
            assert!(contents(&out) == wanted, "{kind} {options:?} {launch:?}");
        }
    }
    // By class it is as much as by level.
    transport(Launch::Plain(2), "section", &files, &line, &out);
    let [volume, heat] = ["volume", "heat"].map(|name| values(&out, name));
    let by_class = [&line[..], &["--vertical", "sigma0"]].concat();
    transport(Launch::Plain(2), "section", &files, &by_class, &out);
    close(&values(&out, "volume"), &volume, 1e-9, 1.0, "volume by class");
    close(&values(&out, "heat"), &heat, 1e-9, 1.0, "heat by class");
}

#[test]
fn pictures_show_basins_parts_and_paths() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (turning(&folder.path().join("in.nc")), folder.path().join("out.nc"));
    let picture = folder.path().join("out.svg");
    let drawn = |options: &[&str], words: &[&str]| {
        run_well(Launch::Plain(1), &[&["plot", text(&out), "-q", "-o", text(&picture)], options].concat());
        let svg = std::fs::read_to_string(&picture).expect("a picture");
        words.iter().for_each(|word| assert!(svg.contains(word), "{word} is not in the picture"));
        svg
    };
    let west = ["--basin", "west=0,180,-90,90", "--mean"];
    transport(Launch::Plain(2), "heat", std::slice::from_ref(&input), &west, &out);
    drawn(&[], &["\nPW\n", "global", "west", "gyre", "eddy", "overturning", "total", "Latitude"]);
    drawn(&["--var", "msftmz"], &["Depth (m)", "global", "west", "Latitude"]);
    drawn(&["--var", "hfbasin_gyre"], &["gyre part"]);
    let Some(files) = gyre() else { return };
    let line = ["--through", "loop=287,23/294,30/289,36/284,30/287,23", "--through", "east=-75,25/-65,40"];
    transport(Launch::Plain(2), "section", &files, &line, &out);
    drawn(&[], &["loop", "east", "70°W", "\nSv\n", "positive to the right"]);
    drawn(&["--var", "heat"], &["heat transport"]);
    transport(Launch::Plain(2), "barotropic", &files, &["--units", "Sv"], &out);
    // Contours over the map: curves beyond those of coast and frame.
    let svg = drawn(&[], &["\nSv\n", "60°W"]);
    assert!(svg.matches("<polyline").count() > 20);
}

#[test]
fn what_can_not_be_done_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (turning(&folder.path().join("in.nc")), folder.path().join("out.nc"));
    let cases: [(&str, &[&str], i32, &str); 9] = [
        ("implied-heat", &[], 2, "no flux of heat into the ocean is found"),
        ("salt", &[], 2, "no salinity is found"),
        ("overturning", &["--bins", "1"], 2, "no velocity along rows is found"),
        ("overturning", &["--bins", "0"], 2, "no step of latitude"),
        ("overturning", &["--v", "va"], 2, "there is no variable `va`"),
        ("overturning", &["--basin", "x=1,2"], 2, "no basin"),
        ("overturning", &["--basin", "x=10,20,50,60"], 2, "no cell belongs to it"),
        ("overturning", &["--density-bins", "20:30:1"], 2, "are of density"),
        ("heat", &["--memory", "30MB"], 5, "needed"),
    ];
    for (kind, options, code, message) in cases {
        let words = [&["transport", kind, text(&input), "-o", text(&out)], options].concat();
        let done = run(Launch::Plain(1), &words);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{kind} {options:?}: {said}");
        assert!(said.contains(message), "{kind} {options:?}: {said}");
        assert!(!out.exists());
    }
}

#[test]
fn a_streamfunction_begins_at_an_edge() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (turning(&folder.path().join("in.nc")), folder.path().join("out.nc"));
    let words = ["transport", "barotropic", text(&input), "--from", "west", "-o", text(&out)];
    let output = run(Launch::Plain(1), &words);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("goes round the globe") && !out.exists(), "{told}");
}
