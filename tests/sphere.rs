//! `halocline spectrum spherical`, `halocline calc helmholtz` and `calc truncate`: against NCL,
//! pyspharm, windspharm and pyshtools, analytic fields, on any ranks, and with bad input.

mod common;

use common::{attribute, close, contents, launches, names_in, run, run_well, shared, text, values, Launch};
use std::f64::consts::PI;
use std::path::Path;

/// The field of `tests/reference/make_sphere_references.py`.
fn noise((rows, columns): (usize, usize), salt: usize) -> Vec<f64> {
    let mut all = Vec::with_capacity(rows * columns);
    for j in 0..rows {
        for i in 0..columns {
            let mixed = j * 104_729 + i * 611_953 + i * j * 101 + salt * (i + 3) * (j + 7) * 31;
            let noise = (mixed % 1009) as f64 / 1009.0;
            all.push((1024.0 * (20.0 * noise - 5.0)).round_ties_even() / 1024.0);
        }
    }
    all
}

fn regular(rows: usize) -> Vec<f64> {
    (0..rows).map(|j| -90.0 + 180.0 * j as f64 / (rows - 1) as f64).collect()
}

fn circle(columns: usize) -> Vec<f64> {
    (0..columns).map(|i| 360.0 * i as f64 / columns as f64).collect()
}

/// A file of variables by time, level (if there are several), latitude and longitude.
struct Made<'a> {
    times: usize,
    levels: usize,
    lat: &'a [f64],
    lon: &'a [f64],
    single: bool,
    chunks: Option<&'a [usize]>,
}

impl Made<'_> {
    fn write(&self, path: &Path, variables: &[(&str, &[f64])]) {
        let mut file = netcdf::create(path).expect("a test file");
        let times: Vec<f64> = (0..self.times).map(|t| t as f64).collect();
        let levels: Vec<f64> = (0..self.levels).map(|k| 1000.0 - 100.0 * k as f64).collect();
        for (name, units, values) in [
            ("time", "days since 2001-01-01", &times[..]),
            ("lev", "hPa", &levels),
            ("lat", "degrees_north", self.lat),
            ("lon", "degrees_east", self.lon),
        ] {
            file.add_dimension(name, values.len()).expect("a dimension");
            let mut variable = file.add_variable::<f64>(name, &[name]).expect("a variable");
            variable.put_attribute("units", units).expect("an attribute");
            variable.put_values(values, ..).expect("written");
        }
        let dims: &[&str] =
            if self.levels > 1 { &["time", "lev", "lat", "lon"] } else { &["time", "lat", "lon"] };
        for (name, values) in variables {
            if self.single {
                let mut variable = file.add_variable::<f32>(name, dims).expect("a variable");
                if let Some(chunks) = self.chunks {
                    variable.set_chunking(chunks).expect("chunks");
                    variable.set_compression(1, true).expect("a filter");
                }
                variable.put_attribute("units", "m s-1").expect("an attribute");
                let values: Vec<f32> = values.iter().map(|v| *v as f32).collect();
                variable.put_values(&values, ..).expect("written");
            } else {
                let mut variable = file.add_variable::<f64>(name, dims).expect("a variable");
                variable.put_attribute("units", "m s-1").expect("an attribute");
                variable.put_values(values, ..).expect("written");
            }
        }
    }
}

fn one<'a>(lat: &'a [f64], lon: &'a [f64]) -> Made<'a> {
    Made { times: 1, levels: 1, lat, lon, single: false, chunks: None }
}

fn helmholtz(input: &Path, out: &Path, more: &[&str]) {
    let words = ["calc", "helmholtz", text(input), "--u", "u", "--v", "v", "-q", "-o", text(out)];
    run_well(Launch::Plain(2), &[&words[..], more].concat());
}

/// The error relative to the range of what is expected.
fn off(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let square: f64 = ours.iter().zip(theirs).map(|(a, b)| (a - b) * (a - b)).sum();
    let (low, high) =
        theirs.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    (square / ours.len() as f64).sqrt() / (high - low)
}

#[test]
fn noise_becomes_what_ncl_makes_of_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/sphere.nc");
    let reference = netcdf::open(reference).expect("a reference");
    for (name, shape) in [("gaussian", (12, 24)), ("odd", (13, 24)), ("even", (12, 25))] {
        let input = folder.path().join(format!("{name}.nc"));
        let group = reference.group(name).expect("readable").expect("a group");
        let theirs = |variable: &str| -> Vec<f64> {
            group.variable(variable).expect("a reference").get_values(..).expect("numbers")
        };
        let (lat, lon) = (theirs("lat"), circle(shape.1));
        let (u, v, s) = (noise(shape, 1), noise(shape, 2), noise(shape, 3));
        one(&lat, &lon).write(&input, &[("u", &u), ("v", &v), ("s", &s)]);
        let below = (shape.0 - 2).to_string();
        helmholtz(&input, &out, &["--radius", "6371220", "--truncation", &below]);
        for variable in
            ["vorticity", "divergence", "streamfunction", "velocity_potential", "u_rotational", "v_divergent"]
        {
            if group.variable(variable).is_none() {
                continue;
            }
            let off = off(&values(&out, variable), &theirs(variable));
            assert!(off < 1e-10, "{name}, {variable}: {off}");
        }
        let words = ["spectrum", "spherical", text(&input), "--var", "s", "--convention", "ncl", "-q", "-o"];
        run_well(Launch::Plain(1), &[&words[..], &[text(&out)]].concat());
        close(&values(&out, "power"), &theirs("power"), 1e-10, 1.0, name);
        let words = ["calc", "truncate", text(&input), "--var", "s", "--truncation", "7", "-q", "-o"];
        run_well(Launch::Plain(1), &[&words[..], &[text(&out)]].concat());
        assert!(off(&values(&out, "s"), &theirs("truncated")) < 1e-11, "{name}");
    }
}

/// Copies variables of a file without times to one with a single time.
fn with_time(from: &Path, to: &Path, variables: &[(&str, &str)]) {
    let file = netcdf::open(from).expect("a reference");
    let read = |name: &str| -> Vec<f64> { file.variable(name).expect(name).get_values(..).expect("numbers") };
    let all: Vec<(&str, Vec<f64>)> = variables.iter().map(|(old, new)| (*new, read(old))).collect();
    let all: Vec<(&str, &[f64])> = all.iter().map(|(name, values)| (*name, values.as_slice())).collect();
    one(&read("lat"), &read("lon")).write(to, &all);
}

#[test]
fn winds_are_those_of_windspharm() {
    let Some(reference) = shared("reference/windspharm_regular/windspharm_refs.nc") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    with_time(&reference, &input, &[("uwnd", "u"), ("vwnd", "v")]);
    helmholtz(&input, &out, &[]);
    for (ours, theirs) in [
        ("vorticity", "vrt"),
        ("divergence", "div"),
        ("streamfunction", "psi"),
        ("velocity_potential", "chi"),
        ("u_rotational", "upsi"),
        ("v_rotational", "vpsi"),
        ("u_divergent", "uchi"),
        ("v_divergent", "vchi"),
    ] {
        let off = off(&values(&out, ours), &values(&reference, theirs));
        assert!(off < 1e-5, "{ours}: {off}");
    }
    helmholtz(&input, &out, &["--truncation", "21", "--fields", "vorticity"]);
    assert!(off(&values(&out, "vorticity"), &values(&reference, "vrt_trunc")) < 1e-5);
    assert_eq!(attribute(&out, "vorticity", "units").as_deref(), Some("s-1"));
    let name = attribute(&out, "vorticity", "standard_name");
    assert_eq!(name.as_deref(), Some("atmosphere_relative_vorticity"));
}

#[test]
fn winds_on_a_gaussian_grid_are_those_of_pyspharm() {
    let (Some(data), Some(answer)) = (shared("atmos/nc4uvt.nc"), shared("answers/sh/nc4uvt_l13.nc")) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    // Its times have no date.
    let file = netcdf::open(data).expect("shared data");
    let read = |name: &str, from: usize, n: usize| -> Vec<f64> {
        let all: Vec<f64> = file.variable(name).expect(name).get_values(..).expect("numbers");
        all[from..from + n].to_vec()
    };
    let cells = 64 * 128;
    let (u, v) = (read("U", 13 * cells, cells), read("V", 13 * cells, cells));
    one(&read("lat", 0, 64), &read("lon", 0, 128)).write(&input, &[("u", &u), ("v", &v)]);
    helmholtz(&input, &out, &[]);
    for (ours, theirs) in [
        ("vorticity", "vorticity"),
        ("divergence", "divergence"),
        ("streamfunction", "streamfunction"),
        ("velocity_potential", "velocity_potential"),
        ("v_rotational", "v_rot"),
        ("u_divergent", "u_div"),
    ] {
        // From north to south.
        let theirs: Vec<f64> = values(&answer, theirs).rchunks(128).flatten().copied().collect();
        let off = off(&values(&out, ours), &theirs);
        assert!(off < 1e-5, "{ours}: {off}");
    }
}

#[test]
fn power_is_that_of_pyspharm_and_pyshtools() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let spectrum = |input: &Path, more: &[&str]| {
        let words = ["spectrum", "spherical", text(input), "-q", "-o", text(&out)];
        run_well(Launch::Plain(2), &[&words[..], more].concat());
    };
    if let (Some(data), Some(answer)) = (shared("atmos/2t-era5.nc"), shared("answers/sh/era5_2t_t0.nc")) {
        spectrum(&data, &["--var", "2t"]);
        let theirs = values(&answer, "power_4pi");
        close(&values(&out, "power")[..theirs.len()], &theirs, 1e-4, 1e-3, "pyspharm");
        spectrum(&data, &["--var", "2t", "--convention", "spherepack"]);
        let theirs = values(&answer, "power_spharm");
        close(&values(&out, "power")[..theirs.len()], &theirs, 1e-4, 1e-3, "pyspharm");
    }
    let Some(answer) = shared("answers/sh/srtm_l90_pyshtools.nc") else { return };
    with_time(&answer, &input, &[("field_dh", "z")]);
    spectrum(&input, &["--var", "z"]);
    close(&values(&out, "power"), &values(&answer, "power_per_l"), 1e-10, 1e-6, "pyshtools");
    spectrum(&input, &["--var", "z", "--per", "order", "--convention", "energy"]);
    let theirs = values(&answer, "power_per_l");
    let theirs: Vec<f64> =
        theirs.iter().enumerate().map(|(n, p)| 4.0 * PI * p / (2 * n + 1) as f64).collect();
    close(&values(&out, "power"), &theirs, 1e-10, 1e-6, "pyshtools");
}

#[test]
fn kinetic_energy_is_that_of_pyspharm() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let all = [("atmos/monthly_navy_winds.cdf", "answers/sh/navy_t0.nc", ["UWND", "VWND"])];
    for (data, answer, [u, v]) in all {
        let (Some(data), Some(answer)) = (shared(data), shared(answer)) else { return };
        let words = [
            "spectrum",
            "spherical",
            text(&data),
            "--u",
            u,
            "--v",
            v,
            "--time",
            "1982-01",
            "-q",
            "-o",
            text(&out),
        ];
        run_well(Launch::Plain(2), &words);
        let theirs = values(&answer, "ke_spectrum");
        // Of the highest degree the grid shows no wind.
        let below = theirs.len() - 1;
        close(&values(&out, "kinetic_energy")[..below], &theirs[..below], 1e-3, 1e-3, "kinetic energy");
        let parts = values(&out, "rotational_kinetic_energy");
        let parts: Vec<f64> =
            parts.iter().zip(values(&out, "divergent_kinetic_energy")).map(|(a, b)| a + b).collect();
        close(&parts, &values(&out, "kinetic_energy"), 1e-14, 1e-30, "parts");
        let words = [
            "calc",
            "helmholtz",
            text(&data),
            "--u",
            u,
            "--v",
            v,
            "--time",
            "1982-01",
            "-q",
            "-o",
            text(&out),
        ];
        run_well(Launch::Plain(2), &words);
        for (ours, theirs) in
            [("vorticity", "vorticity"), ("v_divergent", "v_div"), ("u_rotational", "u_rot")]
        {
            // From north to south.
            let theirs: Vec<f64> = values(&answer, theirs).rchunks(144).flatten().copied().collect();
            let off = off(&values(&out, ours)[..theirs.len()], &theirs);
            assert!(off < 1e-5, "{ours}: {off}");
        }
    }
}

#[test]
fn bits_are_the_same_on_any_ranks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, whole) = (folder.path().join("in.nc"), folder.path().join("whole.nc"));
    let (lat, lon) = (regular(19), circle(36));
    let (times, levels) = (7, 2);
    let cells = times * levels * 19 * 36;
    let field = |salt: usize| -> Vec<f64> { noise((cells / 36, 36), salt) };
    let (u, v) = (field(1), field(2));
    let made = Made { times, levels, lat: &lat, lon: &lon, single: true, chunks: Some(&[3, 1, 10, 36]) };
    made.write(&input, &[("u", &u), ("v", &v)]);
    let out = folder.path().join("out.nc");
    for words in [
        &["calc", "helmholtz", "--u", "u", "--v", "v"][..],
        &["calc", "truncate", "--var", "u,v", "--truncation", "9", "--taper", "sigma"],
        &["spectrum", "spherical", "--u", "u", "--v", "v"],
        &["spectrum", "spherical", "--var", "v", "--truncation", "11"],
    ] {
        let asked = |out: &Path| -> Vec<String> {
            let more = [text(&input), "-q", "-o", text(out)];
            words.iter().chain(&more).map(|w| (*w).to_owned()).collect()
        };
        let words_of = |out: &Path| asked(out);
        let reference = words_of(&whole);
        run_well(Launch::Plain(2), &reference.iter().map(String::as_str).collect::<Vec<_>>());
        let expected = contents(&whole);
        for launch in launches() {
            let words = words_of(&out);
            run_well(launch, &words.iter().map(String::as_str).collect::<Vec<_>>());
            assert!(contents(&out) == expected, "{words:?} on {launch:?}");
        }
        let mut small = words_of(&out);
        small.extend(["--memory".to_owned(), "150MB".to_owned()]);
        run_well(Launch::Plain(1), &small.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(contents(&out) == expected, "{words:?} in little memory");
    }
}

#[test]
fn any_order_of_latitudes_and_longitudes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let between: Vec<f64> = (0..10).map(|j| -81.0 + 18.0 * f64::from(j)).collect();
    let reversed: Vec<f64> = regular(11).into_iter().rev().collect();
    let west: Vec<f64> = (0..22).map(|i| 100.0 - 360.0 * f64::from(i) / 22.0).collect();
    let seam: Vec<f64> = (0..21).map(|i| (200.0 + 360.0 * f64::from(i) / 21.0) % 360.0).collect();
    for (k, (lat, lon)) in [(&between, &west), (&reversed, &seam), (&reversed, &west)].into_iter().enumerate()
    {
        let input = folder.path().join(format!("in{k}.nc"));
        let of = |f: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
            lat.iter().flat_map(|phi| lon.iter().map(|l| f(phi.to_radians(), l.to_radians()))).collect()
        };
        // ψ = sin φ cos φ cos λ, χ = cos² φ sin 2λ, of degree 2, on a sphere of radius 2.
        let u = of(&|phi, l| 0.5 * (-(2.0 * phi).cos() * l.cos() + 2.0 * phi.cos() * (2.0 * l).cos()));
        let v = of(&|phi, l| 0.5 * (-phi.sin() * l.sin() - (2.0 * phi).sin() * (2.0 * l).sin()));
        one(lat, lon).write(&input, &[("u", &u), ("v", &v)]);
        helmholtz(&input, &out, &["--radius", "2"]);
        let psi = of(&|phi, l| phi.sin() * phi.cos() * l.cos());
        let chi = of(&|phi, l| phi.cos().powi(2) * (2.0 * l).sin());
        let times = |values: &[f64], factor: f64| -> Vec<f64> { values.iter().map(|v| v * factor).collect() };
        for (name, expected) in [
            ("streamfunction", psi.clone()),
            ("velocity_potential", chi.clone()),
            ("vorticity", times(&psi, -1.5)),
            ("divergence", times(&chi, -1.5)),
            ("v_rotational", of(&|phi, l| -0.5 * phi.sin() * l.sin())),
            ("u_divergent", of(&|phi, l| phi.cos() * (2.0 * l).cos())),
        ] {
            close(&values(&out, name), &expected, 1e-12, 1.0, name);
        }
    }
}

#[test]
fn degrees_sum_to_the_mean_of_the_square() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, smooth, out) =
        (folder.path().join("in.nc"), folder.path().join("smooth.nc"), folder.path().join("out.nc"));
    let (lat, lon) = (regular(24 + 1), circle(50));
    one(&lat, &lon).write(&input, &[("s", &noise((25, 50), 4))]);
    // Up to degree 11, whose square the same grid integrates.
    let words = ["calc", "truncate", text(&input), "--var", "s", "--truncation", "11", "-q", "-o"];
    run_well(Launch::Plain(1), &[&words[..], &[text(&smooth)]].concat());
    let s = values(&smooth, "s");
    one(&lat, &lon).write(&input, &[("s", &s), ("square", &s.iter().map(|v| v * v).collect::<Vec<_>>())]);
    let power = |name: &str| {
        let words = ["spectrum", "spherical", text(&input), "--var", name, "-q", "-o", text(&out)];
        run_well(Launch::Plain(1), &words);
        values(&out, "power")
    };
    let (sum, mean) = (power("s").iter().sum::<f64>(), power("square")[0].sqrt());
    assert!((sum - mean).abs() < 1e-12 * mean, "{sum} is not {mean}");
    assert!(power("s")[12..].iter().all(|p| *p < 1e-24), "nothing beyond degree 11");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (good, out) = (folder.path().join("good.nc"), folder.path().join("out.nc"));
    let (lat, lon) = (regular(7), circle(12));
    let field = noise((7, 12), 1);
    one(&lat, &lon).write(&good, &[("u", &field), ("v", &field)]);
    let bad = folder.path().join("bad.nc");
    let mut holes = [field.clone(), field.clone()].concat();
    holes[7 * 12 + 5] = f64::NAN;
    holes[7 * 12 + 50] = f64::INFINITY;
    Made { times: 2, ..one(&lat, &lon) }
        .write(&bad, &[("u", &holes), ("v", &[field.clone(), field.clone()].concat())]);
    let part = folder.path().join("part.nc");
    one(&[10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0], &lon).write(&part, &[("u", &field), ("v", &field)]);
    let twice = folder.path().join("twice.nc");
    let again: Vec<f64> = (0..12).map(|i| 360.0 * f64::from(i) / 11.0).collect();
    one(&lat, &again).write(&twice, &[("u", &field), ("v", &field)]);
    let swapped = folder.path().join("swapped.nc");
    one(&lat, &lon).write(&swapped, &[("u", &field), ("v", &field)]);
    {
        let mut file = netcdf::append(&swapped).expect("opened");
        for (name, standard) in [("u", "northward_wind"), ("v", "eastward_wind")] {
            let mut variable = file.variable_mut(name).expect("there");
            variable.put_attribute("standard_name", standard).expect("an attribute");
        }
    }
    let cases: [(&Path, &[&str], i32, &str); 12] = [
        (
            &swapped,
            &["calc", "helmholtz", "--u", "u", "--v", "v"],
            2,
            "is taken for the eastward component, and called `northward_wind`",
        ),
        (&swapped, &["spectrum", "spherical", "--u", "u", "--v", "v"], 2, "swap both components"),
        (
            &bad,
            &["calc", "helmholtz", "--u", "u", "--v", "v"],
            3,
            "2 of 84 values of a map are missing or infinite on 2001-01-02",
        ),
        (&bad, &["spectrum", "spherical", "--var", "u"], 3, "fill the gaps first"),
        (
            &part,
            &["calc", "truncate", "--var", "u", "--truncation", "3"],
            3,
            "neither Gaussian nor evenly spaced",
        ),
        (&twice, &["spectrum", "spherical", "--var", "u"], 3, "is the first again"),
        (&good, &["calc", "truncate", "--var", "u", "--truncation", "7"], 2, "degree 7 is beyond 6"),
        (&good, &["spectrum", "spherical"], 2, "--var"),
        (&good, &["spectrum", "spherical", "--u", "u"], 2, "--v"),
        (&good, &["calc", "helmholtz", "--u", "u", "--v", "u"], 2, "the same variable"),
        (&good, &["calc", "helmholtz", "--u", "u", "--v", "v", "--radius", "-1"], 2, "no radius"),
        (&good, &["calc", "helmholtz", "--u", "u", "--v", "w"], 2, "w"),
    ];
    for (input, words, code, message) in cases {
        for launch in [Launch::Plain(1), Launch::ThreadRanks(3)] {
            let output = run(launch, &[words, &[text(input), "-q", "-o", text(&out)]].concat());
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
            assert!(said.contains(message) && said.lines().count() == 1, "{words:?}: {said}");
        }
    }
    let words = ["calc", "helmholtz", text(&good), "--u", "u", "--v", "v", "--memory", "20MB", "-q", "-o"];
    let output = run(Launch::Plain(1), &[&words[..], &[text(&out)]].concat());
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(names_in(folder.path()), ["bad.nc", "good.nc", "part.nc", "swapped.nc", "twice.nc"]);
    // As they are called.
    run_well(
        Launch::Plain(1),
        &["calc", "helmholtz", text(&swapped), "--u", "v", "--v", "u", "-q", "-o", text(&out)],
    );
}

#[test]
fn winds_of_which_one_is_double_make_doubles() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [u, v, out] = ["u.nc", "v.nc", "out.nc"].map(|name| folder.path().join(name));
    let (lat, lon) = (regular(7), circle(12));
    let field = noise((7, 12), 1);
    let (single, double) = (netcdf::types::FloatType::F32, netcdf::types::FloatType::F64);
    for (singles, kind) in [([true, false], double), ([false, true], double), ([true, true], single)] {
        for ((path, name), single) in [(&u, "u"), (&v, "v")].into_iter().zip(singles) {
            Made { single, ..one(&lat, &lon) }.write(path, &[(name, &field)]);
        }
        let words = ["calc", "helmholtz", text(&u), text(&v), "--u", "u", "--v", "v"];
        run_well(Launch::Plain(1), &[&words[..], &["-q", "-o", text(&out)]].concat());
        let file = netcdf::open(&out).expect("opened");
        let kind = netcdf::types::NcVariableType::Float(kind);
        assert_eq!(file.variable("vorticity").expect("there").vartype(), kind, "{singles:?}");
    }
}

#[test]
fn one_longitude_one_time_and_pictures() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let (lat, lon) = (regular(8), [0.0]);
    let u: Vec<f64> = lat.iter().map(|phi| phi.to_radians().cos()).collect();
    one(&lat, &lon).write(&input, &[("u", &u), ("v", &[0.0; 8])]);
    let words = ["spectrum", "spherical", text(&input), "--u", "u", "--v", "v", "-q", "-o", text(&out)];
    run_well(Launch::ThreadRanks(3), &words);
    let energy = values(&out, "kinetic_energy");
    assert!((energy[1] - 1.0 / 3.0).abs() < 1e-13, "{energy:?}");
    assert_eq!(attribute(&out, "kinetic_energy", "units").as_deref(), Some("m2 s-2"));
    let picture = folder.path().join("out.png");
    run_well(Launch::Plain(1), &["plot", text(&out), "-q", "-o", text(&picture)]);
    assert!(std::fs::metadata(&picture).is_ok_and(|about| about.len() > 1000));
}

#[test]
fn steps_of_a_pipeline_do_the_same() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let (lat, lon) = (regular(9), circle(16));
    let (u, v) = (noise((3 * 9, 16), 1), noise((3 * 9, 16), 2));
    Made { times: 3, ..one(&lat, &lon) }.write(&at("in.nc"), &[("u", &u), ("v", &v)]);
    let pipeline = format!(
        "[source.winds]\nfiles = '{}'\n\
         [[step]]\nname = 'made'\ndo = 'calc helmholtz'\nfrom = 'winds'\nu = 'u'\nv = 'v'\n\
         fields = ['rotational', 'vorticity']\noutput = '{}'\n\
         [[step]]\ndo = 'spectrum spherical'\nfrom = 'made'\nvar = 'vorticity'\noutput = '{}'\n\
         [[step]]\ndo = 'calc truncate'\nfrom = 'winds'\nvar = 'u'\ntruncation = 4\noutput = '{}'\n",
        text(&at("in.nc")),
        text(&at("made.nc")),
        text(&at("power.nc")),
        text(&at("smooth.nc"))
    );
    std::fs::write(at("p.toml"), pipeline).expect("written");
    run_well(Launch::ThreadRanks(2), &["run", text(&at("p.toml")), "-q"]);
    let [input, made, power, smooth] = ["in.nc", "a.nc", "b.nc", "c.nc"].map(at);
    helmholtz(&input, &made, &["--fields", "rotational,vorticity"]);
    let words = ["spectrum", "spherical", text(&made), "--var", "vorticity", "-q", "-o", text(&power)];
    run_well(Launch::Plain(2), &words);
    let words = ["calc", "truncate", text(&input), "--var", "u", "--truncation", "4", "-q", "-o"];
    run_well(Launch::Plain(2), &[&words[..], &[text(&smooth)]].concat());
    for (ours, theirs) in [("made.nc", "a.nc"), ("power.nc", "b.nc"), ("smooth.nc", "c.nc")] {
        assert!(contents(&at(ours)) == contents(&at(theirs)), "{ours}");
    }
}
