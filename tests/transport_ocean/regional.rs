//! C grids of regions: velocities on inner faces (ROMS), outer ones (MOM6 with symmetric memory) or one
//! for each cell, on a turned grid whose rim is open: what crosses circles of latitude closes with what
//! comes in through the rim.

use super::common::{close, contents, launches, run, text, values, Launch};
use super::transport;
use std::path::{Path, PathBuf};

const NT: usize = 2;
const NZ: usize = 2;
const NY: usize = 7;
const NX: usize = 9;
const LAYERS: [f64; 2] = [10.0, 40.0];
/// Cells of land.
const ISLAND: [[usize; 2]; 2] = [[3, 4], [3, 5]];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Layout {
    Inner,
    Outer,
    Right,
    /// Inner faces of v without the first, one at the rim in its place: what cutting to wrong rows makes.
    Cut,
    /// v on outer faces, u in front of each cell.
    Mixed,
}

/// Metres along x and y, of each column and row.
fn dx(i: usize) -> f64 {
    4e4 + 1e3 * i as f64
}
fn dy(j: usize) -> f64 {
    5e4 - 2e3 * j as f64
}

/// The stream of a time and level at the corner in front of cell `(j, i)`; the same all around the island.
fn psi(t: usize, k: usize, j: usize, i: usize) -> f64 {
    let (j, i) = if (3..=4).contains(&j) && (4..=6).contains(&i) { (3, 4) } else { (j, i) };
    (1.0 + t as f64)
        * 1e5
        * ((0.7 * j as f64).sin() + (0.9 * i as f64 + k as f64).cos() + 0.2 * (i * j) as f64)
}
/// Volumes, m³ s⁻¹, through the faces in front of cell `(j, i)`: along y and along x.
fn through_v(t: usize, k: usize, j: usize, i: usize) -> f64 {
    psi(t, k, j, i + 1) - psi(t, k, j, i)
}
fn through_u(t: usize, k: usize, j: usize, i: usize) -> f64 {
    psi(t, k, j, i) - psi(t, k, j + 1, i)
}

/// Places on a grid that is turned by 30 degrees.
fn place(j: f64, i: f64) -> [f64; 2] {
    let (sin, cos) = 30f64.to_radians().sin_cos();
    [40.0 + 0.4 * (j * cos + i * sin), 10.0 + 0.5 * (i * cos - j * sin)]
}
fn temperature(k: usize, j: usize, i: usize) -> f64 {
    12.0 - 3.0 * k as f64 + 0.5 * j as f64 - 0.1 * (i * i) as f64
}
fn is_land(j: usize, i: usize) -> bool {
    ISLAND.contains(&[j, i])
}

/// Name of a point, its dimensions, their lengths, and how far it is from the middle of a cell.
type Points<'a> = (&'a str, [&'a str; 2], [usize; 2], [f64; 2]);

/// A file of such velocities; of ROMS with its own metrics and masks.
fn write(path: &Path, layout: Layout) -> PathBuf {
    // How many faces, and the number of the first of those in front of cells.
    let faces = |n: usize| match layout {
        Layout::Inner => (n - 1, 1),
        Layout::Outer => (n + 1, 0),
        Layout::Right => (n, 1),
        Layout::Cut => (n - 1, if n == NY { 2 } else { 1 }),
        Layout::Mixed => (n + usize::from(n == NY), 0),
    };
    let ((nv, v0), (nu, u0)) = (faces(NY), faces(NX));
    let mut file = netcdf::create(path).expect("a test file");
    let dims = [
        ("ocean_time", NT),
        ("lev", NZ),
        ("bnds", 2),
        ("eta_rho", NY),
        ("xi_rho", NX),
        ("eta_v", nv),
        ("xi_v", NX),
        ("eta_u", NY),
        ("xi_u", nu),
    ];
    for (name, len) in dims {
        file.add_dimension(name, len).expect("a dimension");
    }
    let mut add = |name: &str, dims: &[&str], attributes: &[(&str, &str)], values: &[f64]| {
        let mut variable = file.add_variable::<f64>(name, dims).expect("a variable");
        for (key, text) in attributes {
            variable.put_attribute(key, *text).expect("an attribute");
        }
        variable.put_values(values, ..).expect("written");
    };
    add("ocean_time", &["ocean_time"], &[("units", "days since 2000-01-01"), ("axis", "T")], &[0.5, 1.5]);
    let level = [("units", "m"), ("positive", "down"), ("axis", "Z"), ("bounds", "lev_bnds")];
    add("lev", &["lev"], &level, &[5.0, 30.0]);
    add("lev_bnds", &["lev", "bnds"], &[], &[0.0, 10.0, 10.0, 50.0]);
    let points: [Points<'_>; 3] = [
        ("rho", ["eta_rho", "xi_rho"], [NY, NX], [0.0, 0.0]),
        ("v", ["eta_v", "xi_v"], [nv, NX], [v0 as f64 - 0.5, 0.0]),
        ("u", ["eta_u", "xi_u"], [NY, nu], [0.0, u0 as f64 - 0.5]),
    ];
    let map = |[rows, columns]: [usize; 2], of: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
        (0..rows * columns).map(|c| of(c / columns, c % columns)).collect()
    };
    for (point, dims, shape, [dj, di]) in points {
        for (d, name, units) in [(0, "lat", "degrees_north"), (1, "lon", "degrees_east")] {
            let at = map(shape, &|j, i| place(j as f64 + dj, i as f64 + di)[d]);
            add(&format!("{name}_{point}"), &dims, &[("units", units)], &at);
        }
    }
    // Wet where cells on both sides are, or the only one.
    let wet = |j: Option<usize>, i: Option<usize>| match (j, i) {
        (Some(j), Some(i)) if j < NY && i < NX => !is_land(j, i),
        _ => true,
    };
    let open_v = |j: usize, i: usize| wet((j + v0).checked_sub(1), Some(i)) && wet(Some(j + v0), Some(i));
    let open_u = |j: usize, i: usize| wet(Some(j), (i + u0).checked_sub(1)) && wet(Some(j), Some(i + u0));
    let number = |open: bool| f64::from(u8::from(open));
    if layout == Layout::Inner {
        add("pm", &["eta_rho", "xi_rho"], &[("units", "meter-1")], &map([NY, NX], &|_, i| 1.0 / dx(i)));
        add("pn", &["eta_rho", "xi_rho"], &[("units", "meter-1")], &map([NY, NX], &|j, _| 1.0 / dy(j)));
        add("mask_rho", &["eta_rho", "xi_rho"], &[], &map([NY, NX], &|j, i| number(!is_land(j, i))));
        add("mask_v", &["eta_v", "xi_v"], &[], &map([nv, NX], &|j, i| number(open_v(j, i))));
        add("mask_u", &["eta_u", "xi_u"], &[], &map([NY, nu], &|j, i| number(open_u(j, i))));
    }
    add("dx_v", &["eta_v", "xi_v"], &[("units", "m")], &map([nv, NX], &|_, i| dx(i)));
    add("dy_u", &["eta_u", "xi_u"], &[("units", "m")], &map([NY, nu], &|j, _| dy(j)));
    // On land models write what they like.
    let land = if layout == Layout::Inner { 7.0 } else { f64::NAN };
    let mut field =
        |name: &str, point: &str, shape: [usize; 2], of: &dyn Fn(usize, usize, usize, usize) -> f64| {
            let maps = (0..NT).flat_map(|t| (0..NZ).map(move |k| (t, k)));
            let all: Vec<f64> = maps.flat_map(|(t, k)| map(shape, &|j, i| of(t, k, j, i))).collect();
            let standard = match name {
                "v" => "sea_water_y_velocity",
                "u" => "sea_water_x_velocity",
                _ => "sea_water_potential_temperature",
            };
            let units = if name == "temp" { "degC" } else { "m s-1" };
            let places = format!("lon_{point} lat_{point}");
            let about = [("standard_name", standard), ("units", units), ("coordinates", places.as_str())];
            let (y, x) = (format!("eta_{point}"), format!("xi_{point}"));
            add(name, &["ocean_time", "lev", &y, &x], &about, &all);
        };
    field("v", "v", [nv, NX], &|t, k, j, i| {
        if open_v(j, i) {
            through_v(t, k, j + v0, i) / dx(i) / LAYERS[k]
        } else {
            land
        }
    });
    field("u", "u", [NY, nu], &|t, k, j, i| {
        if open_u(j, i) {
            through_u(t, k, j, i + u0) / dy(j) / LAYERS[k]
        } else {
            land
        }
    });
    field("temp", "rho", [NY, NX], &|_, k, j, i| if is_land(j, i) { f64::NAN } else { temperature(k, j, i) });
    file.close().expect("closed");
    path.to_owned()
}

/// What comes in through the rim at cells south of a circle, and what crosses from these to those north
/// of it: volume, and volume times temperature.
fn budget(t: usize, circle: f64) -> [f64; 3] {
    let lat = |j: usize, i: usize| place(j as f64, i as f64)[0];
    let (mut rim, mut crossing, mut heat) = (0.0, 0.0, 0.0);
    for (k, j, i) in (0..NZ).flat_map(|k| (0..NY * NX).map(move |c| (k, c / NX, c % NX))) {
        let mut face = |other: Option<[usize; 2]>, inward: f64| {
            if is_land(j, i) || other.is_some_and(|[j, i]| is_land(j, i)) || lat(j, i) >= circle {
                return;
            }
            match other {
                None => rim += inward,
                Some([b, a]) if lat(b, a) >= circle => {
                    crossing -= inward;
                    heat -= inward * 0.5 * (temperature(k, j, i) + temperature(k, b, a));
                }
                Some(_) => {}
            }
        };
        face(j.checked_sub(1).map(|j| [j, i]), through_v(t, k, j, i));
        face((j + 1 < NY).then_some([j + 1, i]), -through_v(t, k, j + 1, i));
        face(i.checked_sub(1).map(|i| [j, i]), through_u(t, k, j, i));
        face((i + 1 < NX).then_some([j, i + 1]), -through_u(t, k, j, i + 1));
    }
    [rim, crossing, heat]
}

const LENGTHS: [&str; 4] = ["--dx", "dx_v", "--dy", "dy_u"];
const CONSTANTS: [&str; 4] = ["--rho0", "1000", "--cp", "4000"];

#[test]
fn circles_close_with_what_comes_in_through_the_rim() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let mut first: Option<Vec<f64>> = None;
    for layout in [Layout::Inner, Layout::Outer, Layout::Right] {
        let input = write(&folder.path().join(format!("{layout:?}.nc")), layout);
        let bins = ["--bins", "0.5"];
        // Of ROMS pm is dx of cells, the same along each column.
        let lengths = if layout == Layout::Inner { &[][..] } else { &LENGTHS[..] };
        for lengths in [&LENGTHS[..], lengths] {
            let options = [&bins[..], &CONSTANTS, lengths].concat();
            transport(Launch::Plain(2), "heat", std::slice::from_ref(&input), &options, &out);
            let (lat, psi, heat) = (values(&out, "lat"), values(&out, "msftmz"), values(&out, "hfbasin"));
            assert!(lat.len() > 5, "{lat:?}");
            for (l, circle) in lat.iter().enumerate() {
                for t in 0..NT {
                    let [rim, crossing, carried] = budget(t, *circle);
                    let ours = -psi[t * 3 * lat.len() + l] / 1000.0;
                    assert!((rim - crossing).abs() < 1e-6, "the test itself at {circle}: {rim} {crossing}");
                    assert!((ours - rim).abs() < 1e-9 * 1e6, "{layout:?} at {circle}: {ours} is not {rim}");
                    let expected = 4e6 * carried;
                    let of = heat[t * lat.len() + l];
                    assert!(
                        (of - expected).abs() < 1e-9 * 1e13,
                        "{layout:?} at {circle}: {of} is not {expected}"
                    );
                }
            }
            let psi = [psi, heat].concat();
            let largest = psi.iter().fold(0.0_f64, |w, v| w.max(v.abs()));
            assert!(largest > 1e8);
            close(&psi, first.get_or_insert_with(|| psi.clone()), 1e-12, largest, "the same of all layouts");
        }
    }
}

#[test]
fn rows_sections_and_basins_of_such_grids() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    for layout in [Layout::Inner, Layout::Outer, Layout::Right] {
        let input = write(&folder.path().join(format!("{layout:?}.nc")), layout);
        let of = |kind: &str, options: &[&str]| {
            let options = [&LENGTHS[..], options].concat();
            transport(Launch::Plain(2), kind, std::slice::from_ref(&input), &options, &out);
        };
        // Along rows: those between cells, and of one face for each cell or more the northern rim.
        of("heat", &CONSTANTS);
        let (heat, lat) = (values(&out, "hfbasin"), values(&out, "lat"));
        let lines = if layout == Layout::Inner { NY - 1 } else { NY };
        assert_eq!((lat.len(), heat.len()), (lines, NT * lines), "{layout:?}");
        for (t, j) in (0..NT).flat_map(|t| (0..NY - 1).map(move |j| (t, j))) {
            let mut expected = 0.0;
            for (k, i) in (0..NZ).flat_map(|k| (0..NX).map(move |i| (k, i))) {
                if !is_land(j, i) && !is_land(j + 1, i) {
                    let mean = 0.5 * (temperature(k, j, i) + temperature(k, j + 1, i));
                    expected += 4e6 * through_v(t, k, j + 1, i) * mean;
                }
            }
            let ours = heat[t * lines + j];
            assert!((ours - expected).abs() < 1e-9 * 1e13, "{layout:?} row {j}: {ours} is not {expected}");
            let middle = place(j as f64 + 0.5, 4.0)[0];
            assert!((lat[j] - middle).abs() < 1e-9, "{} is not {middle}", lat[j]);
        }
        // Around the island nothing gathers.
        let corner = |j: f64, i: f64| place(j - 0.5, i - 0.5);
        let stops =
            [corner(2.0, 2.0), corner(2.0, 7.0), corner(5.0, 7.0), corner(5.0, 2.0), corner(2.0, 2.0)];
        let path: Vec<String> = stops.iter().map(|[lat, lon]| format!("{lon},{lat}")).collect();
        let around = format!("round={}", path.join("/"));
        let half = format!("half={}", path[..3].join("/"));
        of("section", &["--through", &around, "--through", &half]);
        let volume = values(&out, "volume");
        for t in 0..NT {
            assert!(volume[2 * t].abs() < 1e-8 && volume[2 * t + 1].abs() > 1e3, "{layout:?}: {volume:?}");
        }
        // A basin of all cells is the whole, by their centres.
        of("overturning", &["--bins", "0.5", "--basin", "all=-20,40,30,60", "--basin", "none=10,11,30,41"]);
        let psi = values(&out, "msftmz");
        let each = psi.len() / NT / 3;
        assert_eq!(psi[..each], psi[each..2 * each]);
        assert!(psi[2 * each..3 * each] != psi[..each]);
    }
}

#[test]
fn such_grids_on_any_ranks_and_what_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    for layout in [Layout::Inner, Layout::Outer] {
        let input = write(&folder.path().join("in.nc"), layout);
        for (kind, options) in [("heat", &["--bins", "0.7", "--mean"][..]), ("heat", &["--dx", "dx_v"])] {
            let mut first = None;
            for launch in launches() {
                transport(launch, kind, std::slice::from_ref(&input), options, &out);
                let found = contents(&out);
                assert!(*first.get_or_insert_with(|| found.clone()) == found, "{layout:?} {launch:?}");
            }
        }
        let refused = |options: &[&str], message: &str| {
            let words = [&["transport", "overturning", text(&input), "-o", text(&out)], options].concat();
            let _ = std::fs::remove_file(&out);
            let done = run(Launch::Plain(1), &words);
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(!done.status.success() && said.contains(message), "{said}");
        };
        refused(&["--bins", "1", "--stagger", "same"], "--stagger");
        refused(&["--bins", "1", "--dx", "pm_none"], "pm_none");
    }
}

#[test]
fn velocities_that_are_not_between_the_cells_beside_them_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    for (layout, name) in [(Layout::Cut, "`v`"), (Layout::Mixed, "`u`")] {
        let input = write(&folder.path().join("in.nc"), layout);
        let words = ["transport", "heat", text(&input), "-o", text(&out), "--bins", "1"];
        let done = run(Launch::Plain(1), &words);
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(!done.status.success() && said.contains("does not stand on the faces"), "{layout:?}: {said}");
        assert!(said.contains(name), "{layout:?}: {said}");
    }
}
