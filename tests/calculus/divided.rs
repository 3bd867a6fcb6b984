//! `halocline calc` with maps divided over ranks: the bits of whole maps, wherever they are cut.

use crate::common::{contents, reference, run, run_well, shared, text, values, Launch};
use std::path::{Path, PathBuf};

fn go(launch: Launch, words: &[&str], parts: Option<&str>, out: &Path) {
    let mut all = vec!["calc"];
    all.extend(words);
    all.extend(["-q", "-o", text(out)]);
    all.extend(parts.iter().flat_map(|p| ["--decomposition", p]));
    run_well(launch, &all);
}

/// Runs whole and divided and compares.
fn same(words: &[&str], divisions: &[(Launch, &str)]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (whole, divided) = (folder.path().join("whole.nc"), folder.path().join("divided.nc"));
    go(Launch::Plain(2), words, None, &whole);
    for (launch, parts) in divisions {
        go(*launch, words, Some(parts), &divided);
        assert!(contents(&whole) == contents(&divided), "{words:?} {parts} on {launch:?}");
    }
}

const FOUR: [(Launch, &str); 4] = [
    (Launch::ThreadRanks(2), "lat=2"),
    (Launch::ThreadRanks(3), "lon=3"),
    (Launch::ThreadRanks(4), "lat=2,lon=2"),
    (Launch::ThreadRanks(3), "lon=2"),
];

#[test]
fn maps_that_are_cut_give_the_same_bits() {
    let input = reference("calculus.nc");
    // 6 rows and 8 columns: pieces are as small as one row, and two ranks own nothing.
    for words in [
        &["gradient", text(&input), "--var", "s", "--edge", "one-sided"][..],
        &["curl", text(&input), "--u", "u", "--v", "v"],
        &["laplacian", text(&input), "--var", "s"],
        &["integral", text(&input), "--var", "s", "--dims", "x,y"],
    ] {
        same(words, &FOUR);
    }
    let words = ["divergence", text(&input), "--u", "u", "--v", "v"];
    let mut cuts = vec![(Launch::ThreadRanks(4), "lev=2,lat=2"), (Launch::ThreadRanks(4), "lat=4")];
    if cfg!(feature = "mpi") {
        cuts.extend([(Launch::Mpi(4), "lat=2,lon=2"), (Launch::Mpi(3), "lon=3"), (Launch::Mpi(1), "lat=1")]);
    }
    same(&words, &cuts);
}

#[test]
fn folds_and_repeated_columns_are_the_same_divided() {
    for (file, cuts) in [
        ("ocean/nemo_eorca1/nemo_1m_20150101-20150201_grid-T.nc", (Launch::ThreadRanks(4), "lat=2,lon=2")),
        ("ocean/tos_ocean_bipolar_grid.nc", (Launch::ThreadRanks(3), "lon=3")),
    ] {
        let Some(path) = shared(file) else { continue };
        same(&["gradient", text(&path), "--var", "tos", "--staggering", "c"], &[cuts]);
    }
}

/// A mesh whose mask leaves its edges open: cells beyond them are none, and no land either.
#[test]
fn open_edges_under_a_mask_are_walls() {
    let Some(gyre) = shared("ocean/nemo_gyre_4.2") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [mesh, input, out] = ["mesh.nc", "in.nc", "out.nc"].map(|name| folder.path().join(name));
    std::fs::copy(gyre.join("mesh_mask.nc"), &mesh).expect("copied");
    std::fs::copy(gyre.join("GYRE_1y_00010101_00011230_grid_T.nc"), &input).expect("copied");
    let some: Vec<f32> = (0..4 * 22 * 32).map(|c| (c * 7919 % 1009) as f32 / 100.0).collect();
    // One island, on no edge.
    let wet: Vec<i8> = (0..4 * 22 * 32).map(|c| i8::from(c % 704 != 10 * 32 + 15)).collect();
    {
        let mut file = netcdf::append(&mesh).expect("a copy");
        for name in ["tmask", "umask", "vmask", "fmask"] {
            file.variable_mut(name).expect("there").put_values(&wet, ..).expect("written");
        }
        let mut file = netcdf::append(&input).expect("a copy");
        file.variable_mut("toce").expect("there").put_values(&some, ..).expect("written");
    }
    for topology in ["regional", "periodic"] {
        let grid = ["--grid", text(&mesh), "--topology", topology];
        let words = [&["laplacian", text(&input), "--var", "toce"][..], &grid].concat();
        same(&words, &FOUR);
        go(Launch::Plain(1), &words, Some("lat=1"), &out);
        let made = values(&out, "toce_laplacian");
        let missing = made.iter().filter(|v| v.is_nan() || v.abs() > 1e30).count();
        assert_eq!(missing, made.len() / 704, "{topology}: the island alone is missing");
    }
}

#[test]
fn components_of_other_shapes_go_together() {
    // ROMS keeps one face less than cells: u and v differ in shape.
    let Some(path) = shared("ocean/ocean_his_0001.nc") else { return };
    let words = ["divergence", text(&path), "--u", "u", "--v", "v"];
    same(&words, &[(Launch::ThreadRanks(2), "lat=2"), (Launch::ThreadRanks(3), "lon=3")]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out: PathBuf = folder.path().join("out.nc");
    go(Launch::Plain(1), &words, None, &out);
    let (made, temp) = (values(&out, "divergence"), values(&path, "temp"));
    assert_eq!(made.len(), temp.len(), "a divergence stands at rho points");
    assert!(made.iter().any(|v| v.is_finite() && *v != 0.0));
}

#[test]
fn celsius_are_asked_about() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    std::fs::copy(reference("calculus.nc"), &input).expect("copied");
    {
        let mut file = netcdf::append(&input).expect("a copy");
        file.variable_mut("s").expect("there").put_attribute("units", "degC").expect("written");
    }
    for dims in ["x,y", "lev", "time"] {
        let words = ["calc", "integral", text(&input), "--var", "s", "--dims", dims, "-o", text(&out)];
        let refused = run(Launch::Plain(1), &words);
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(2) && told.contains("--celsius kelvin"), "{told}");
        let of = |choice: &str, name: &str| {
            run_well(Launch::Plain(1), &[&words[..], &["-q", "--celsius", choice]].concat());
            values(&out, name)
        };
        let (kelvin, difference) = (of("kelvin", "s_integral"), of("difference", "s_integral"));
        // What 273.15 everywhere would give: the same for both of the same extent.
        for (k, d) in kelvin.iter().zip(&difference) {
            assert!(k.is_nan() == d.is_nan() && (k.is_nan() || k > d), "{dims}: {k} {d}");
        }
    }
    let kelvins = reference("calculus.nc");
    let words = ["calc", "integral", text(&kelvins), "--var", "s", "--dims", "lev"];
    let refused = run(Launch::Plain(1), &[&words[..], &["--celsius", "kelvin", "-o", text(&out)]].concat());
    assert_eq!(refused.status.code(), Some(2), "of kelvins nothing is asked");
}
