//! `halocline spectrum isotropic` and `spectrum zonal` against xrft, scipy and numpy, on any ranks,
//! and with bad input.

mod common;

use common::{attribute, close, contents, launches, names_in, run, run_well, shared, text, values, Launch};
use std::f64::consts::PI;
use std::path::Path;

const BOX: [usize; 3] = [3, 24, 31];
const CIRCLE: [usize; 3] = [40, 5, 18];

/// The field of `tests/reference/make_space_spectra_references.py`.
fn field([steps, ny, nx]: [usize; 3]) -> Vec<f64> {
    let mut all = Vec::with_capacity(steps * ny * nx);
    for t in 0..steps {
        for j in 0..ny {
            for i in 0..nx {
                let mixed = t * 7919 + j * 104_729 + i * 611_953 + t * i * 31 + t * j * 17 + i * j * 101;
                let noise = (mixed % 1009) as f64 / 1009.0;
                let (t, j, i) = (t as f64, j as f64, i as f64);
                let smooth = 3.0 * (2.0 * PI * (2.0 * i / nx as f64 + j / 7.0 - t / 8.0)).cos();
                let sum = 20.0 + 4.0 * noise + smooth + 0.3 * j - 0.2 * i + 0.05 * t;
                all.push((1024.0 * sum).round_ties_even() / 1024.0);
            }
        }
    }
    all
}

/// A file as it is to be written.
struct Made<'a> {
    lats: Vec<f64>,
    lons: Vec<f64>,
    values: &'a [f64],
    chunks: Option<[usize; 3]>,
    single: bool,
}

impl Made<'_> {
    fn write(&self, path: &Path) {
        let mut file = netcdf::create(path).expect("a test file");
        let steps = self.values.len() / self.lats.len() / self.lons.len();
        let times: Vec<f64> = (0..steps).map(|t| t as f64).collect();
        for (name, units, values) in [
            ("time", "days since 2001-01-01", &times),
            ("lat", "degrees_north", &self.lats),
            ("lon", "degrees_east", &self.lons),
        ] {
            file.add_dimension(name, values.len()).expect("a dimension");
            let mut variable = file.add_variable::<f64>(name, &[name]).expect("a variable");
            variable.put_attribute("units", units).expect("an attribute");
            variable.put_values(values, ..).expect("written");
        }
        let dims = ["time", "lat", "lon"];
        let mut variable = if self.single {
            file.add_variable::<f32>("u", &dims).expect("a variable")
        } else {
            file.add_variable::<f64>("u", &dims).expect("a variable")
        };
        variable.put_attribute("units", "m s-1").expect("an attribute");
        if let Some(chunks) = self.chunks {
            variable.set_chunking(&chunks).expect("chunks");
            variable.set_compression(1, true).expect("a filter");
        }
        variable.put_values(self.values, ..).expect("written");
    }
}

fn even(start: f64, step: f64, n: usize) -> Vec<f64> {
    (0..n).map(|i| start + step * i as f64).collect()
}

fn boxed(values: &[f64]) -> Made<'_> {
    let (lats, lons) = (even(30.0, 0.5, BOX[1]), even(10.0, 0.5, BOX[2]));
    Made { lats, lons, values, chunks: None, single: false }
}

fn circle(values: &[f64]) -> Made<'_> {
    let (lats, lons) = (even(-40.0, 20.0, CIRCLE[1]), even(0.0, 20.0, CIRCLE[2]));
    Made { lats, lons, values, chunks: None, single: false }
}

fn isotropic<'a>(input: &'a Path, output: &'a Path, extra: &[&'a str]) -> Vec<&'a str> {
    let words = ["spectrum", "isotropic", text(input), "--var", "u", "-q", "-o", text(output)];
    [&words[..], extra].concat()
}

fn zonal<'a>(input: &'a Path, output: &'a Path, extra: &[&'a str]) -> Vec<&'a str> {
    let words = ["spectrum", "zonal", text(input), "--var", "u", "-q", "-o", text(output)];
    [&words[..], extra].concat()
}

fn reference(group: &str, name: &str) -> Vec<f64> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/space_spectra.nc");
    let file = netcdf::open(path).expect("a reference");
    let group = file.group(group).expect("readable").expect("is there");
    group.variable(name).expect("is there").get_values(..).expect("numbers")
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().filter(|v| v.is_finite()).fold(0.0, f64::max)
}

#[test]
fn isotropic_spectra_are_those_of_xrft_and_numpy() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let all = field(BOX);
    boxed(&all).write(&input);
    for version in ["xrft-1.0.1", "xrft-1.0.2"] {
        for (name, options) in [
            ("none_boxcar", &["--detrend", "none", "--window", "boxcar"][..]),
            ("constant_boxcar", &["--detrend", "constant", "--window", "boxcar"]),
            ("plane_hann", &[]),
            ("plane_hann_8", &["--bins", "8"]),
        ] {
            let words = [&["--per", "degree", "--convention", version], options].concat();
            run_well(Launch::Plain(2), &isotropic(&input, &out, &words));
            let theirs = reference(version, name);
            close(&values(&out, "power"), &theirs, 1e-10, 1e-2 * most(&theirs), name);
            let waves = reference(version, &format!("{name}_wavenumber"));
            close(&values(&out, "wavenumber"), &waves, 1e-13, 1.0, name);
        }
    }
    run_well(Launch::Plain(2), &isotropic(&input, &out, &["--per", "degree", "--plane"]));
    let (rings, plane) = (reference("numpy", "rings"), reference("numpy", "plane"));
    close(&values(&out, "power"), &rings, 1e-10, 1e-4 * most(&rings), "rings");
    close(&values(&out, "power_2d")[..plane.len()], &plane, 1e-10, 1e-4 * most(&plane), "plane");
    assert_eq!(attribute(&out, "power", "units").as_deref(), Some("(m s-1)2 degree"));
    assert_eq!(attribute(&out, "power_2d", "units").as_deref(), Some("(m s-1)2 degree2"));
    assert_eq!(attribute(&out, "wavenumber", "units").as_deref(), Some("degree-1"));
    assert_eq!(values(&out, "modes").iter().sum::<f64>(), (BOX[1] * BOX[2]) as f64);
    let waves = values(&out, "wavenumber_y");
    assert!(waves.windows(2).all(|w| w[0] < w[1]) && waves[0] == -1.0);
}

#[test]
fn variance_is_preserved_and_counted_in_metres() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let all = field(BOX);
    boxed(&all).write(&input);
    let options = ["--detrend", "constant", "--window", "boxcar"];
    let variances: Vec<f64> = all
        .chunks(BOX[1] * BOX[2])
        .map(|map| {
            let mean = map.iter().sum::<f64>() / map.len() as f64;
            map.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / map.len() as f64
        })
        .collect();
    for extra in [&[][..], &["--bins", "9"], &["--dk", "1e-5"], &["--radius", "6371200"]] {
        run_well(Launch::Plain(1), &isotropic(&input, &out, &[&options[..], extra].concat()));
        let (power, waves) = (values(&out, "power"), values(&out, "wavenumber"));
        let width = waves[1] - waves[0];
        let sums: Vec<f64> = power
            .chunks(waves.len())
            .map(|row| row.iter().filter(|p| p.is_finite()).sum::<f64>() * width)
            .collect();
        close(&sums, &variances, 1e-12, 1.0, "variance");
    }
    // 31 columns of half a degree at 35.75 degrees north are the longer side, by the default radius.
    run_well(Launch::Plain(1), &isotropic(&input, &out, &options));
    let metres = (6_371_008.771_4 * 0.5_f64.to_radians()) * 24.0;
    assert!((values(&out, "wavenumber")[1] * metres - 1.0).abs() < 1e-12);
    assert_eq!(attribute(&out, "wavenumber", "units").as_deref(), Some("m-1"));
    // The mean over time is that of the spectra.
    let single = values(&out, "power");
    run_well(Launch::Plain(1), &isotropic(&input, &out, &[&options[..], &["--average", "time"]].concat()));
    let rings = values(&out, "wavenumber").len();
    let mean: Vec<f64> =
        (0..rings).map(|k| (0..3).map(|t| single[t * rings + k]).sum::<f64>() / 3.0).collect();
    close(&values(&out, "power"), &mean, 1e-13, most(&mean), "mean");
    assert_eq!(attribute(&out, "power", "cell_methods").as_deref(), Some("time: mean"));
}

#[test]
fn turned_rows_seams_and_single_precision_change_nothing_but_rounding() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let all = field(BOX);
    boxed(&all).write(&input);
    run_well(Launch::Plain(1), &isotropic(&input, &out, &["--plane", "--window", "boxcar"]));
    let (power, plane) = (values(&out, "power"), values(&out, "power_2d"));
    // From north to south; other windows than a boxcar begin with 0 and don't end with it.
    let turned: Vec<f64> =
        all.chunks(BOX[1] * BOX[2]).flat_map(|map| map.rchunks(BOX[2]).flatten().copied()).collect();
    let mut made = boxed(&turned);
    made.lats.reverse();
    made.write(&input);
    run_well(Launch::Plain(1), &isotropic(&input, &out, &["--plane", "--window", "boxcar"]));
    close(&values(&out, "power"), &power, 1e-10, 1e-4 * most(&power), "turned");
    close(&values(&out, "power_2d"), &plane, 1e-9, 1e-4 * most(&plane), "turned");
    // And from east to west.
    let turned: Vec<f64> =
        all.chunks(BOX[2]).flat_map(|row| row.iter().rev().copied().collect::<Vec<_>>()).collect();
    let mut made = boxed(&turned);
    made.lons.reverse();
    made.write(&input);
    run_well(Launch::Plain(1), &isotropic(&input, &out, &["--plane", "--window", "boxcar"]));
    close(&values(&out, "power"), &power, 1e-10, 1e-4 * most(&power), "westward");
    close(&values(&out, "power_2d"), &plane, 1e-9, 1e-4 * most(&plane), "westward");
    boxed(&all).write(&input);
    run_well(Launch::Plain(1), &isotropic(&input, &out, &[]));
    let power = values(&out, "power");
    // Over the date line, and over the meridian where a global file begins.
    for start in [165.0, 345.0] {
        let made = Made {
            lons: even(start, 0.5, BOX[2]).iter().map(|l| (l + 180.0) % 360.0 - 180.0).collect(),
            ..boxed(&all)
        };
        made.write(&input);
        run_well(Launch::Plain(1), &isotropic(&input, &out, &[]));
        close(&values(&out, "power"), &power, 1e-10, 1e-4 * most(&power), "seam");
    }
    let wide: Vec<f64> = (0..BOX[0] * BOX[1])
        .flat_map(|row| {
            let own = &all[row * BOX[2]..][..BOX[2]];
            let mut circle = vec![f64::NAN; 720];
            (0..BOX[2]).for_each(|i| circle[(700 + i) % 720] = own[i]);
            circle
        })
        .collect();
    Made { lons: even(0.0, 0.5, 720), ..boxed(&wide) }.write(&input);
    run_well(Launch::Plain(1), &isotropic(&input, &out, &["--box", "350,365,29,42"]));
    close(&values(&out, "power"), &power, 1e-10, 1e-4 * most(&power), "box");
    Made { single: true, ..boxed(&all) }.write(&input);
    run_well(Launch::Plain(1), &isotropic(&input, &out, &[]));
    close(&values(&out, "power"), &power, 1e-10, 1e-4 * most(&power), "single");
}

#[test]
fn zonal_spectra_are_those_of_numpy() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let all = field(CIRCLE);
    circle(&all).write(&input);
    run_well(Launch::Plain(2), &zonal(&input, &out, &[]));
    let (power, theirs) = (values(&out, "power"), reference("numpy", "zonal"));
    let rows = CIRCLE[1] * 10;
    let some: Vec<f64> = power.chunks(rows).step_by(8).flatten().copied().collect();
    close(&some, &theirs, 1e-11, 1e-4 * most(&theirs), "zonal");
    // Parseval at every latitude.
    for (row, x) in power.chunks(10).zip(all.chunks(CIRCLE[2])) {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / x.len() as f64;
        assert!((row[1..].iter().sum::<f64>() - variance).abs() < 1e-11);
        assert!((row[0] - mean * mean).abs() < 1e-11 * mean * mean);
    }
    assert_eq!(attribute(&out, "power", "units").as_deref(), Some("(m s-1)2"));
    run_well(Launch::Plain(2), &zonal(&input, &out, &["--average", "time"]));
    let theirs = reference("numpy", "zonal_mean");
    close(&values(&out, "power"), &theirs, 1e-11, 1e-4 * most(&theirs), "time mean");
    // Rows count by their area: sines of 10, 30 and 50 degrees are between them.
    let sine = |d: f64| d.to_radians().sin();
    let areas = [sine(50.0) - sine(30.0), sine(30.0) - sine(10.0), 2.0 * sine(10.0)];
    let weights = [areas[0], areas[1], areas[2], areas[1], areas[0]];
    let mean: Vec<f64> = (0..10)
        .map(|s| (0..5).map(|j| weights[j] * theirs[j * 10 + s]).sum::<f64>() / weights.iter().sum::<f64>())
        .collect();
    run_well(Launch::Plain(2), &zonal(&input, &out, &["--average", "lat,time"]));
    close(&values(&out, "power"), &mean, 1e-11, 1e-4 * most(&mean), "mean");
    run_well(Launch::Plain(2), &zonal(&input, &out, &["--lat", "-25,5", "--waves", "4"]));
    assert_eq!(values(&out, "lat"), [-20.0, 0.0]);
    let part: Vec<f64> =
        power.chunks(rows).flat_map(|t| t[10..30].chunks(10).flat_map(|r| r[..5].to_vec())).collect();
    assert_eq!(values(&out, "power"), part);
}

#[test]
fn waves_over_frequency_are_those_of_numpy_and_xrft() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let all = field(CIRCLE);
    circle(&all).write(&input);
    run_well(Launch::Plain(2), &zonal(&input, &out, &["--space-time", "--detrend", "none"]));
    let (power, theirs) = (values(&out, "power"), reference("numpy", "whole"));
    let each = 21 * 19;
    let some: Vec<f64> = power.chunks(each).step_by(2).flatten().copied().collect();
    close(&some, &theirs, 1e-10, 1e-6 * most(&theirs), "whole");
    // The wave 2 goes east with a period of 8 days.
    let row = &power[5 * 19..6 * 19];
    assert_eq!(values(&out, "frequency")[5], 0.125);
    assert!(row[9 + 2] > 100.0 * row[9 - 2]);
    // Variance is preserved at every latitude.
    for (j, plane) in power.chunks(each).enumerate() {
        let own: Vec<f64> = all.chunks(CIRCLE[2]).skip(j).step_by(CIRCLE[1]).flatten().copied().collect();
        let squares = own.iter().map(|v| v * v).sum::<f64>() / own.len() as f64;
        assert!((plane.iter().sum::<f64>() / 40.0 / squares - 1.0).abs() < 1e-12);
    }
    let options = ["--space-time", "--segment", "15", "--detrend", "linear"];
    run_well(Launch::Plain(2), &zonal(&input, &out, &options));
    let theirs = reference("numpy", "hann");
    close(&values(&out, "power"), &theirs, 1e-10, 1e-6 * most(&theirs), "hann");
    let Some(winds) = shared("atmos/monthly_navy_winds.cdf") else { return };
    let Some(answer) = shared("answers/spectra/navy_u_eq_wavenumber_frequency.nc") else { return };
    let words = ["spectrum", "zonal", text(&winds), "--var", "UWND", "--lat", "-1,1", "--space-time"];
    let more = ["--detrend", "none", "--frequency-units", "cycles/year", "-q", "-o", text(&out)];
    run_well(Launch::Plain(2), &[&words[..], &more].concat());
    let (ours, xrft) = (values(&out, "power"), values(&answer, "psd2d"));
    // Two-sided and per degree there: 360 degrees are one wave number.
    let at = |f: i64, k: i64| xrft[((f + 66) * 144 + k + 72) as usize] / 360.0;
    for j in 1..66 {
        for s in -71..=71 {
            let expected = at(-j, s) + at(j, -s);
            let got = ours[(j * 145 + s + 72) as usize];
            assert!((got / expected - 1.0).abs() < 1e-6, "{j} {s}: {got} {expected}");
        }
    }
}

#[test]
fn the_same_bytes_on_any_ranks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let all = field(CIRCLE);
    let commands: [(&str, &[&str]); 7] = [
        ("isotropic", &["--box", "35,215,-25,45", "--plane"]),
        ("isotropic", &["--box", "35,215,-25,45", "--average", "time", "--plane"]),
        ("zonal", &[]),
        ("zonal", &["--average", "time"]),
        ("zonal", &["--average", "time,lat", "--lat", "-40,20"]),
        ("zonal", &["--space-time", "--segment", "12"]),
        ("zonal", &["--space-time", "--average", "lat", "--waves", "5"]),
    ];
    for (command, options) in commands {
        let mut first = None;
        for chunks in [None, Some([7, 2, 5])] {
            Made { chunks, ..circle(&all) }.write(&input);
            for launch in launches() {
                let words = ["spectrum", command, text(&input), "--var", "u", "-q", "-o", text(&out)];
                run_well(launch, &[&words[..], options].concat());
                let mut got = contents(&out);
                got.retain(|name, _| !name.starts_with(':'));
                assert!(
                    first.get_or_insert_with(|| got.clone()) == &got,
                    "{command} {options:?} {chunks:?} {launch:?}"
                );
            }
        }
    }
}

#[test]
fn what_can_not_be_done_is_refused_in_a_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let whole = field(CIRCLE);
    let refused = |command: &str, extra: &[&str], code: i32, says: &str| {
        for launch in [Launch::Plain(1), Launch::ThreadRanks(3)] {
            let words = ["spectrum", command, text(&input), "--var", "u", "-q", "-o", text(&out)];
            let output = run(launch, &[&words[..], extra].concat());
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{extra:?}: {error}");
            assert!(error.contains(says), "{extra:?}: {error}");
            assert_eq!(error.trim_end().lines().count(), 1, "{extra:?}: {error}");
            assert_eq!(names_in(folder.path()), ["in.nc"], "{extra:?}");
        }
    };
    circle(&whole).write(&input);
    refused("isotropic", &["--bins", "1"], 2, "1 rings");
    refused("isotropic", &["--dk", "0"], 2, "--dk");
    refused("isotropic", &["--dk", "1e-30"], 2, "too narrow");
    refused("isotropic", &["--dk", "1e-6", "--convention", "xrft-1.0.1"], 2, "--bins");
    refused("isotropic", &["--radius", "0"], 2, "--radius");
    refused("isotropic", &["--per", "degree", "--radius", "5"], 2, "--radius changes nothing");
    refused("isotropic", &["--dims", "lat"], 2, "two dimensions");
    refused("isotropic", &["--dims", "time,lon"], 2, "--space-time");
    refused("isotropic", &["--dims", "lat,depth"], 2, "no dimension `depth`");
    refused("isotropic", &["--average", "lat"], 2, "can't be averaged");
    refused("isotropic", &["--box", "0,10,-40,40"], 3, "one index only");
    refused("isotropic", &["--memory", "1MB"], 5, "--memory");
    refused("zonal", &["--waves", "0"], 2, "leaves no wave");
    refused("zonal", &["--waves", "10"], 2, "18 longitudes have no wave number 10");
    refused("zonal", &["--waves", "10", "--space-time"], 2, "choose --waves up to 9");
    refused("zonal", &["--box", "0,90,-40,40"], 3, "do not go round the earth");
    refused("zonal", &["--average", "lon"], 2, "can't be averaged");
    refused("zonal", &["--segment", "10"], 2, "--space-time");
    refused("zonal", &["--space-time", "--segment", "41"], 2, "does not fit");
    refused("zonal", &["--lat", "1,2"], 2, "no cell");
    refused(
        "zonal",
        &["--space-time", "--remove-cycle", "dayofyear"],
        2,
        "40 of 40 times are the only ones of their day of the year",
    );
    // Which way longitudes run tells waves over frequency apart, and nothing else.
    let westward: Vec<f64> =
        whole.chunks(CIRCLE[2]).flat_map(|row| row.iter().rev().copied().collect::<Vec<_>>()).collect();
    let mut made = circle(&westward);
    made.lons.reverse();
    made.write(&input);
    refused("zonal", &["--space-time"], 3, "longitudes run westward: 340 is followed by 320");
    let polar = Made { lats: even(-80.0, 40.0, CIRCLE[1]), ..circle(&whole) };
    polar.write(&input);
    refused("isotropic", &[], 3, "too uneven");
    let mut holed = whole.clone();
    // Latitude 20 at step 33, and a later one.
    holed[(33 * 5 + 3) * 18 + 10] = f64::NAN;
    holed[(34 * 5 + 2) * 18] = f64::INFINITY;
    circle(&holed).write(&input);
    let says = "2 values are missing or infinite, the first at latitude 20, longitude 200 on 2001-02-03";
    refused("isotropic", &[], 3, says);
    refused("zonal", &[], 3, says);
    refused("zonal", &["--space-time", "--average", "lat"], 3, "2 values are missing or infinite");
    // Squares that no double can hold.
    let large: Vec<f64> = whole.iter().map(|v| v * 1e160).collect();
    circle(&large).write(&input);
    refused("isotropic", &["--box", "35,215,-25,45"], 3, "`power` would be infinite");
    refused("zonal", &[], 3, "`power` would be infinite");
    refused("zonal", &["--space-time", "--average", "lat"], 3, "`power` would be infinite");
    circle(&vec![f64::NAN; whole.len()]).write(&input);
    refused("zonal", &[], 3, "all values are missing");
    // Times that are not regular have no frequencies.
    circle(&whole[..5 * 18]).write(&input);
    refused("zonal", &["--space-time"], 3, "one time only");
    run_well(Launch::Plain(1), &zonal(&input, &out, &[]));
    assert_eq!(values(&out, "power").len(), 50);
}

#[test]
fn pictures_and_pipelines() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, plan) = (folder.path().join("in.nc"), folder.path().join("run.toml"));
    circle(&field(CIRCLE)).write(&input);
    let at = |name: &str| folder.path().join(name);
    let step = |command: &str, options: &str, name: &str| {
        format!(
            "[[step]]\ndo = \"{command}\"\nfiles = \"{}\"\nvar = \"u\"\n{options}output = \"{}\"\n\n",
            text(&input),
            text(&at(name))
        )
    };
    let steps = [
        step("spectrum isotropic", "box = \"35,215,-25,45\"\naverage = \"time\"\n", "iso.nc"),
        step("spectrum isotropic", "box = \"35,215,-25,45\"\nplane = true\n", "plane.nc"),
        step("spectrum zonal", "average = \"time\"\n", "zonal.nc"),
        step("spectrum zonal", "space-time = true\naverage = \"lat\"\n", "waves.nc"),
    ];
    std::fs::write(&plan, steps.concat()).expect("written");
    run_well(Launch::Plain(2), &["run", text(&plan), "-q"]);
    let alone = at("alone.nc");
    run_well(Launch::Plain(1), &zonal(&input, &alone, &["--average", "time"]));
    assert_eq!(values(&alone, "power"), values(&at("zonal.nc"), "power"));
    for (name, extra) in [
        ("iso.nc", &[][..]),
        ("plane.nc", &["--var", "power_2d"]),
        ("zonal.nc", &[]),
        ("zonal.nc", &["--at", "0,20"]),
        ("waves.nc", &[]),
    ] {
        for ending in ["x.png", "x.svg"] {
            let picture = at(ending);
            let words = ["plot", text(&at(name)), "-q", "-o", text(&picture)].map(str::to_owned);
            let words: Vec<&str> = words.iter().map(String::as_str).chain(extra.iter().copied()).collect();
            run_well(Launch::Plain(1), &words);
            assert!(std::fs::metadata(&picture).expect("a picture").len() > 1500, "{name} {extra:?}");
        }
    }
    // What chooses nothing is refused: a picture of something else would be taken for what was asked for.
    for (name, extra, says) in [
        ("iso.nc", &["--at", "100,10"][..], "--at changes nothing"),
        ("iso.nc", &["--mode", "2"], "--mode changes nothing"),
        ("iso.nc", &["--select", "wavenumber=4"], "--select wavenumber changes nothing"),
        ("iso.nc", &["--depths", "12"], "--depths changes nothing"),
        ("zonal.nc", &["--step", "2"], "--step changes nothing"),
        ("waves.nc", &["--linear"], "--linear changes nothing"),
        ("waves.nc", &["--frequency", "0.1"], "--frequency changes nothing"),
    ] {
        let picture = at("x.png");
        let _ = std::fs::remove_file(&picture);
        let output =
            run(Launch::Plain(1), &[&["plot", text(&at(name)), "-q", "-o", text(&picture)], extra].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name} {extra:?}: {error}");
        assert!(error.contains(says), "{name} {extra:?}: {error}");
        assert!(!picture.exists());
    }
    // Members are neither latitudes nor basins.
    let members = at("members.nc");
    let second = at("in2.nc");
    std::fs::copy(&input, &second).expect("copied");
    let words = ["spectrum", "isotropic", text(&input), text(&second), "--ensemble", "--var", "u", "-q"];
    run_well(Launch::Plain(1), &[&words[..], &["--box", "35,215,-25,45", "-o", text(&members)]].concat());
    let draw = |extra: &[&str]| {
        let picture = at("x.png");
        run(Launch::Plain(1), &[&["plot", text(&members), "-q", "-o", text(&picture)], extra].concat())
    };
    let error = draw(&[]);
    assert!(String::from_utf8_lossy(&error.stderr).contains("--select member="), "{error:?}");
    assert!(draw(&["--select", "member=2"]).status.success());
    let one = at("one.nc");
    let words =
        [&isotropic(&input, &one, &[])[..], &["--box", "35,215,-25,45", "--time", "2001-01-05"]].concat();
    run_well(Launch::Plain(1), &words);
    let words = ["plot", text(&one), "--select", "time=4", "-q", "-o", text(&at("x.png"))].map(str::to_owned);
    run_well(Launch::Plain(1), &words.iter().map(String::as_str).collect::<Vec<_>>());
}
