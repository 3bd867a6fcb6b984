//! Where levels end that have no bounds: as models write it beside them.

use super::common::{close, run, text, values, Launch};
use super::sample::{Sample, SHAPE, T, V};
use super::transport;
use std::path::{Path, PathBuf};

/// A variable beside the levels: its name, units, how many values more than levels, and these.
type Beside<'a> = (&'a str, &'a str, &'a [f64]);

/// The name of the interfaces, what is beside the levels, the interfaces that are found, and what is said of it.
type Case<'a> = (Option<&'a str>, &'a [Beside<'a>], [f64; 4], &'a str);

/// A flow of 0.5 m/s and water of 10 degrees, on levels at 5, 20 and 60 m without bounds.
fn input(path: &Path, edges: Option<&str>, beside: &[Beside<'_>]) -> PathBuf {
    let mut sample = Sample::without_bounds(path, SHAPE);
    sample.0.add_dimension("ends", SHAPE[1] + 1).expect("a dimension");
    let lons: Vec<f64> = (0..SHAPE[3]).map(|i| 36.0 * i as f64).collect();
    sample.places(["lat", "lon"], [&[-15.0, -5.0, 5.0, 15.0], &lons], false);
    sample.field(V, ["lat", "lon"], SHAPE, |_| 0.5);
    sample.field(T, ["lat", "lon"], SHAPE, |_| 10.0);
    if let Some(name) = edges {
        sample.about_levels("edges", name);
    }
    for (name, units, all) in beside {
        let cells = SHAPE[1..].iter().product();
        let dims: &[&str] = match all.len() {
            3 => &["lev"],
            4 => &["ends"],
            n if n == cells => &["lev", "y", "x"],
            n => panic!("{n} values"),
        };
        sample.add(dims, [name, "", units], all);
    }
    sample.done()
}

#[test]
fn layers_end_where_models_say() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let open = [1.0; 120];
    let true_ends = [0.0, 10.0, 30.0, 90.0];
    let middles = [0.0, 12.5, 40.0, 80.0];
    let cases: [Case<'_>; 14] = [
        (Some("my_edges"), &[("my_edges", "m", &true_ends)], true_ends, "from my_edges"),
        (None, &[("z_i", "meters", &true_ends)], true_ends, "from z_i"),
        (None, &[("Zp1", "m", &[0.0, -10.0, -30.0, -90.0])], true_ends, "from Zp1"),
        (None, &[("drF", "m", &[10.0, 20.0, 60.0])], true_ends, "from drF"),
        (None, &[("dz", "centimeters", &[1000.0, 2000.0, 6000.0])], true_ends, "from dz"),
        (
            None,
            &[("gdepw_1d", "m", &[0.0, 10.0, 30.0]), ("e3t_1d", "m", &[10.0, 20.0, 60.0])],
            true_ends,
            "from gdepw_1d",
        ),
        (None, &[("hFacC", "1", &open), ("hFacS", "1", &open)], true_ends, "as if lev were their middles"),
        (None, &[("drF", "centimetre", &[1000.0, 2000.0, 6000.0])], true_ends, "from drF"),
        // Without units in those of the levels; what is wrong, or no length, is passed over.
        (
            Some("foo"),
            &[("foo", "", &[1.0, 2.0, 3.0, 4.0]), ("Zp1", "", &true_ends)],
            true_ends,
            "passed over: foo",
        ),
        (None, &[("drF", "m", &[1.0; 3]), ("e3t_1d", "m", &[10.0, 20.0, 60.0])], true_ends, "from e3t_1d"),
        (None, &[("dz", "m", &[5.0, 15.0, 40.0]), ("Zp1", "m", &true_ends)], true_ends, "passed over: dz"),
        (None, &[("drF", "dbar", &[10.0, 20.0, 60.0])], middles, "passed over: drF"),
        // Those of other levels.
        (None, &[("z_i", "m", &[0.0, 100.0, 300.0, 900.0])], middles, "from the middles between lev"),
        (None, &[], middles, "from the middles between lev"),
    ];
    for (edges, beside, ends, note) in cases {
        let file = input(&file, edges, beside);
        let names: Vec<&str> = beside.iter().map(|(name, _, _)| *name).collect();
        let done = run(
            Launch::Plain(1),
            &[
                "transport",
                "heat-content",
                text(&file),
                "--depths",
                "0-1000",
                "--rho0",
                "1000",
                "--cp",
                "4000",
            ]
            .into_iter()
            .chain(["-o", text(&out)])
            .collect::<Vec<_>>(),
        );
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success() && said.contains(note), "{names:?}: {said}");
        let heat = values(&out, "heat_content");
        close(&heat, &vec![4e7 * ends[3]; heat.len()], 1e-12, 1.0, &format!("heat with {names:?}"));
        transport(Launch::Plain(1), "overturning", &[file], &["--stagger", "same"], &out);
        close(&values(&out, "lev"), &ends, 1e-12, 1.0, &format!("levels with {names:?}"));
    }
}

#[test]
fn what_lies_along_rows_is_no_interface() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let file = input(&file, None, &[]);
    {
        let mut file = netcdf::append(&file).expect("the test file");
        let mut of_rows = file.add_variable::<f64>("zi", &["y"]).expect("a variable");
        of_rows.put_values(&[0.0, 10.0, 30.0, 90.0], ..).expect("written");
    }
    transport(Launch::Plain(1), "overturning", &[file], &["--stagger", "same"], &out);
    close(&values(&out, "lev"), &[0.0, 12.5, 40.0, 80.0], 1e-12, 1.0, "levels");
}

#[test]
fn a_file_of_the_thickness_tells_of_layers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, out) = (|name: &str| folder.path().join(name), folder.path().join("out.nc"));
    let open = [1.0; 120];
    let water = input(&file("in.nc"), None, &[]);
    for beside in [("drF", "m", &[10.0, 20.0, 60.0][..]), ("Zp1", "m", &[0.0, 10.0, 30.0, 90.0])] {
        let mesh = input(&file("mesh.nc"), None, &[("hFacS", "1", &open), beside]);
        let asked = format!("{}:hFacS", text(&mesh));
        let options = ["--stagger", "same", "--thickness", &asked];
        transport(Launch::Plain(1), "overturning", std::slice::from_ref(&water), &options, &out);
        close(&values(&out, "lev"), &[0.0, 10.0, 30.0, 90.0], 1e-12, 1.0, beside.0);
    }
}

#[test]
fn layers_are_piled_from_where_they_begin() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (path, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    // Levels that were cut: from 100 m down.
    let mut sample = Sample::without_bounds(&path, SHAPE);
    let lons: Vec<f64> = (0..SHAPE[3]).map(|i| 36.0 * i as f64).collect();
    sample.places(["lat", "lon"], [&[-15.0, -5.0, 5.0, 15.0], &lons], false);
    sample.field(T, ["lat", "lon"], SHAPE, |[_, k, _, _]| [10.0, 8.0, 5.0][k]);
    sample.0.variable_mut("lev").expect("levels").put_values(&[105.0, 120.0, 160.0], ..).expect("written");
    sample.add(&["lev", "bnds"], ["lev_bnds", "", ""], &[100.0, 110.0, 110.0, 130.0, 130.0, 190.0]);
    sample.about_levels("bounds", "lev_bnds");
    let file = sample.done();
    let options = ["--depths", "0-50,0-120,120-140,0-5000", "--rho0", "1000", "--cp", "4000"];
    transport(Launch::Plain(1), "heat-content", &[file], &options, &out);
    let heat = values(&out, "heat_content");
    let expected = [f64::NAN, 10.0 * 10.0 + 10.0 * 8.0, 10.0 * 8.0 + 10.0 * 5.0, 100.0 + 160.0 + 300.0];
    for (layer, expected) in expected.iter().enumerate() {
        let found = heat[layer * 40];
        assert!(
            (found.is_nan() && expected.is_nan()) || (found / 4e6 - expected).abs() < 1e-9,
            "{layer}: {found}"
        );
    }
}
