//! Heat transports that surface fluxes imply: known ones, gaps, land of zeros, columns that are there twice.

use super::common::{attribute, close, contents, launches, run_well, text, values, Launch};
use super::sample::Sample;
use super::transport;
use std::path::{Path, PathBuf};

/// Fluxes at times of which the mean implies H = H0 cos²φ sin φ: rows from north to south, of two
/// longitudes unlike one another; the whole gains a constant flux.
fn fluxes(path: &Path, gain: f64) -> PathBuf {
    let (nt, ny, nx) = (3, 90, 8);
    let mut file = netcdf::create(path).expect("a test file");
    for (name, len) in [("time", nt), ("lat", ny), ("lon", nx)] {
        file.add_dimension(name, len).expect("a dimension");
    }
    let lat: Vec<f64> = (0..ny).map(|j| 89.0 - 2.0 * j as f64).collect();
    let lon: Vec<f64> = (0..nx).map(|i| 45.0 * i as f64).collect();
    let time = vec![15.0, 45.0, 75.0];
    let axes = [
        ("time", time, "days since 2000-01-01"),
        ("lat", lat, "degrees_north"),
        ("lon", lon, "degrees_east"),
    ];
    for (name, values, units) in &axes {
        let mut axis = file.add_variable::<f64>(name, &[*name]).expect("a coordinate");
        axis.put_attribute("units", *units).expect("an attribute");
        axis.put_values(values, ..).expect("written");
    }
    let mut flux = file.add_variable::<f64>("hfds", &["time", "lat", "lon"]).expect("a variable");
    flux.put_attribute("standard_name", "surface_downward_heat_flux_in_sea_water").expect("an attribute");
    flux.put_attribute("units", "W m-2").expect("an attribute");
    let value = |c: usize| {
        let (t, j, i) = (c / (ny * nx), c / nx % ny, c % nx);
        let edge = |lat: f64| lat.to_radians();
        let (a, b) = (edge(axes[1].1[j] - 1.0), edge(axes[1].1[j] + 1.0));
        let zone = 2.0 * std::f64::consts::PI * 6.371e6 * 6.371e6 * (b.sin() - a.sin());
        // Steps and longitudes cancel one another.
        let swing = (t as f64 - 1.0) * 20.0 + if i % 2 == 0 { 50.0 } else { -50.0 };
        (implied(b) - implied(a)) / zone + swing + gain
    };
    let all: Vec<f64> = (0..nt * ny * nx).map(value).collect();
    flux.put_values(&all, ..).expect("written");
    path.to_owned()
}

fn implied(phi: f64) -> f64 {
    2e15 * phi.cos() * phi.cos() * phi.sin()
}

#[test]
fn implied_heat_is_known_and_the_same_on_any_ranks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let input = fluxes(&folder.path().join("in.nc"), 0.0);
    let mean = ["--mean", "--radius", "6371000"];
    let wanted = |lat: &[f64]| -> Vec<f64> { lat.iter().map(|l| implied(l.to_radians())).collect() };
    transport(Launch::Plain(2), "implied-heat", std::slice::from_ref(&input), &mean, &out);
    let lat = values(&out, "lat");
    assert_eq!((lat.len(), lat[0], lat[90]), (91, -90.0, 90.0));
    close(&values(&out, "hfbasin"), &wanted(&lat), 1e-12, 2e15, "rows");
    let standard = attribute(&out, "hfbasin", "standard_name");
    assert_eq!(standard.as_deref(), Some("northward_ocean_heat_transport"));
    let circles = [&mean[..], &["--bins", "10", "--basin", "east=-1,170,-90,90"]].concat();
    transport(Launch::Plain(2), "implied-heat", std::slice::from_ref(&input), &circles, &out);
    let lat = values(&out, "lat");
    assert_eq!(lat.len(), 19);
    close(&values(&out, "hfbasin")[..19], &wanted(&lat), 1e-12, 2e15, "circles");
    close(
        &values(&out, "hfbasin")[19..],
        &wanted(&lat).iter().map(|h| h / 2.0).collect::<Vec<_>>(),
        1e-12,
        2e15,
        "half",
    );
    // What the whole gains stands at the other end, or is spread.
    let warming = fluxes(&folder.path().join("warm.nc"), 2.0);
    let area = 4.0 * std::f64::consts::PI * 6.371e6 * 6.371e6;
    let spread = ["--residual", "spread"];
    for side in ["north", "south"] {
        let from = [&mean[..], &["--from", side]].concat();
        transport(Launch::Plain(1), "implied-heat", std::slice::from_ref(&warming), &from, &out);
        let all = values(&out, "hfbasin");
        let (other, sign) = if side == "north" { (all[0], -1.0) } else { (all[90], 1.0) };
        assert!((other / (sign * 2.0 * area) - 1.0).abs() < 1e-9, "{side}: {other}");
        assert!((values(&out, "heat_gain")[0] / (2.0 * area) - 1.0).abs() < 1e-9);
        transport(
            Launch::Plain(1),
            "implied-heat",
            std::slice::from_ref(&warming),
            &[&from[..], &spread].concat(),
            &out,
        );
        close(&values(&out, "hfbasin"), &wanted(&values(&out, "lat")), 1e-11, 2e15, side);
    }
    for options in [&circles[..], &spread] {
        transport(Launch::Plain(1), "implied-heat", std::slice::from_ref(&warming), options, &out);
        let first = contents(&out);
        for launch in launches() {
            transport(launch, "implied-heat", std::slice::from_ref(&warming), options, &out);
            assert!(contents(&out) == first, "{options:?} {launch:?}");
        }
    }
}

/// Fluxes at three times on four rows and six columns, the last two of which are the first two again.
fn repeated(path: &Path, value: impl Fn([usize; 3]) -> f64) -> PathBuf {
    let [nt, ny, nx] = [3, 4, 6];
    let mut sample = Sample::new(path, [nt, 1, ny, nx]);
    let lats: Vec<f64> = (0..ny * nx).map(|c| 10.0 * (c / nx) as f64 - 15.0).collect();
    let lons: Vec<f64> = (0..ny * nx).map(|c| 90.0 * (c % nx % 4) as f64).collect();
    sample.places(["lat", "lon"], [&lats, &lons], true);
    let all: Vec<f64> = (0..nt * ny * nx).map(|c| value([c / (ny * nx), c / nx % ny, c % nx])).collect();
    let about = ["hfds", "surface_downward_heat_flux_in_sea_water", "W m-2"];
    sample.add(&["time", "y", "x"], about, &all);
    let mut flux = sample.0.variable_mut("hfds").expect("the variable");
    flux.put_attribute("coordinates", "lat lon").expect("an attribute");
    sample.add(&["y", "x"], ["areacello", "cell_area", "m2"], &vec![1e12; ny * nx]);
    let mask: Vec<f64> = (0..ny * nx).map(|c| if c % nx == 3 { 0.0 } else { 1.0 }).collect();
    sample.add(&["y", "x"], ["basin_mask", "", ""], &mask);
    sample.done()
}

#[test]
fn gaps_twins_and_land_of_zeros_are_no_fluxes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let each = |input: &Path, options: &[&str], name: &str| {
        let options = [&["--from", "south"], options].concat();
        transport(Launch::Plain(1), "implied-heat", &[input.to_owned()], &options, &out);
        values(&out, name)
    };
    // The first column is empty where the fifth, at the same place, is not; nothing at the second time,
    // no third row at the last.
    let gaps = repeated(&folder.path().join("gaps.nc"), |[t, j, i]| {
        let gone = i == 0 || t == 1 || (t == 2 && j == 2);
        if gone {
            f64::NAN
        } else {
            (t + 1) as f64
        }
    });
    let heat = each(&gaps, &[], "hfbasin");
    close(&heat[..5], &[0.0, 4e12, 8e12, 12e12, 16e12], 1e-12, 1e12, "the first time");
    assert!(heat[5..].iter().all(|h| h.is_nan()), "{heat:?}");
    let gain = values(&out, "heat_gain");
    assert!(gain[0] == 16e12 && gain[1..].iter().all(|g| g.is_nan()), "{gain:?}");
    let heat = each(&gaps, &["--mean"], "hfbasin");
    close(&heat, &[0.0, 8e12, 16e12, 20e12, 28e12], 1e-12, 1e12, "the mean");
    let words = ["transport", "implied-heat", text(&gaps), "-o", text(&out)];
    let said = String::from_utf8_lossy(&run_well(Launch::Plain(1), &words).stderr).into_owned();
    for note in ["1 time without any value", "1 time at which strips between lines lack values"] {
        assert!(said.contains(note), "{note}: {said}");
    }
    // Land of zeros, a quarter: what is spread is spread over water, which a mask tells too.
    let zeros = repeated(&folder.path().join("zeros.nc"), |[_, j, i]| match (i, j) {
        (3, _) => 0.0,
        (_, 0) => 7.0,
        _ => 3.0,
    });
    for mask in ["none", "basin_mask"] {
        let heat = each(&zeros, &["--mean", "--residual", "spread", "--mask", mask], "hfbasin");
        close(&heat, &[0.0, 9e12, 6e12, 3e12, 0.0], 1e-12, 1e12, mask);
    }
}
