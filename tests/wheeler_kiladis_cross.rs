//! `halocline spectrum wheeler-kiladis --with` against NCL's `mjo_cross` and numpy, on any ranks, with
//! bad input, and its pictures.

mod common;

use common::{attribute, close, contents, launches, names_in, run, run_well, text, values, Launch};
use std::f64::consts::PI;
use std::path::Path;

const STEPS: usize = 250;
const LON: usize = 24;
const FREQUENCIES: usize = 9;
const NAMES: [&str; 8] =
    ["power_x", "power_y", "cospectrum", "quadrature", "coherence_squared", "phase", "v1", "v2"];
const PARTS: [&str; 2] = ["symmetric", "antisymmetric"];
const WINDOWS: [&str; 4] = ["--window", "16", "--overlap", "6"];

/// A field of `tests/reference/make_wheeler_kiladis_cross_references.py`: x or y.
fn field(lats: &[f64], is_second: bool) -> Vec<f64> {
    let (a, b, late, size) = if is_second { (6151, 350_377, 1.5, 0.5) } else { (7919, 611_953, 0.0, 1.0) };
    let mut all = Vec::with_capacity(STEPS * lats.len() * LON);
    for t in 0..STEPS {
        for (j, lat) in lats.iter().enumerate() {
            for i in 0..LON {
                let mixed = t * a + j * 104_729 + i * b + t * i * 31 + t * j * 17 + i * j * 101;
                let noise = (mixed % 1009) as f64 / 1009.0;
                let (lon, lat, s) = (2.0 * PI * i as f64 / LON as f64, lat / 10.0, t as f64 - late);
                let near = (-lat * lat).exp();
                let kelvin = 3.0 * (2.0 * lon - 2.0 * PI * s / 9.6).cos() * near;
                let rossby = 2.0 * (3.0 * lon + 2.0 * PI * s / 16.0).cos() * near;
                let gravity = 2.0 * (4.0 * lon + 2.0 * PI * s / 4.0).cos() * lat * near;
                let waves = size * (kelvin + rossby + gravity);
                let sum = 200.0 + 4.0 * noise + waves + 0.01 * t as f64;
                all.push((1024.0 * sum).round_ties_even() / 1024.0);
            }
        }
    }
    all
}

fn lats(name: &str) -> Vec<f64> {
    match name {
        "odd" => (-3..=3).map(|j| 5.0 * f64::from(j)).collect(),
        _ => (0..6).map(|j| -12.5 + 5.0 * f64::from(j)).collect(),
    }
}

/// Writes a field; chunks of some steps, deflated, or none.
fn write(path: &Path, name: &str, lats: &[f64], field: &[f64], chunks: Option<[usize; 3]>) {
    let mut file = netcdf::create(path).expect("a test file");
    let times: Vec<f64> = (0..STEPS).map(|t| t as f64).collect();
    let lons: Vec<f64> = (0..LON).map(|i| 360.0 * i as f64 / LON as f64).collect();
    for (name, units, values) in [
        ("time", "days since 2001-01-01", &times[..]),
        ("lat", "degrees_north", lats),
        ("lon", "degrees_east", &lons),
    ] {
        file.add_dimension(name, values.len()).expect("a dimension");
        let mut variable = file.add_variable::<f64>(name, &[name]).expect("a variable");
        variable.put_attribute("units", units).expect("an attribute");
        variable.put_values(values, ..).expect("written");
    }
    let mut variable = file.add_variable::<f64>(name, &["time", "lat", "lon"]).expect("a variable");
    variable.put_attribute("units", "m s-1").expect("an attribute");
    if let Some(chunks) = chunks {
        variable.set_chunking(&chunks).expect("chunks");
        variable.set_compression(1, true).expect("a filter");
    }
    variable.put_values(field, ..).expect("written");
}

fn number(file: &Path, name: &str) -> f64 {
    let file = netcdf::open(file).expect("opens");
    match file.attribute(name).expect("an attribute").value() {
        Ok(netcdf::AttributeValue::Double(v)) => v,
        Ok(netcdf::AttributeValue::Int(v)) => f64::from(v),
        Ok(netcdf::AttributeValue::Longlong(v)) => v as f64,
        other => panic!("{name} is no number: {other:?}"),
    }
}

#[test]
fn cross_spectra_are_those_of_ncl_and_numpy() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let (x, y, out) = (at("x.nc"), at("y.nc"), at("out.nc"));
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/wheeler_kiladis_cross.nc");
    let reference = netcdf::open(reference).expect("a reference");
    let with = format!("{}:v", text(&y));
    for group in ["odd", "even"] {
        let lats = lats(group);
        write(&x, "u", &lats, &field(&lats, false), None);
        write(&y, "v", &lats, &field(&lats, true), None);
        let words = ["spectrum", "wheeler-kiladis", text(&x), "--var", "u", "--with", &with, "-q", "-o"];
        let levels = ["--confidence", "0.8,0.95"];
        run_well(Launch::Plain(2), &[&words[..], &[text(&out)], &WINDOWS, &levels].concat());
        let group = reference.group(group).expect("readable").expect("is there");
        let theirs: Vec<f64> = group.variable("spectra").expect("is there").get_values(..).expect("numbers");
        let mut planes = theirs.chunks(FREQUENCIES * (LON + 1));
        for name in NAMES {
            for part in PARTS {
                let (name, theirs) = (format!("{name}_{part}"), planes.next().expect("a plane"));
                let most = theirs.iter().copied().map(f64::abs).fold(0.0, f64::max);
                let mut ours = values(&out, &name);
                // Angles just above −π and just below π are neighbours.
                for (a, b) in ours.iter_mut().zip(theirs) {
                    if (*a - b).abs() > 6.0 {
                        *a -= 2.0 * PI * (*a - b).signum();
                    }
                }
                close(&ours, theirs, 1e-10, 0.1 * most, &name);
            }
        }
        assert_eq!((number(&out, "windows"), number(&out, "degrees_of_freedom")), (24.0, 2.667 * 24.0));
        // As NCL printed them, in single precision, and as Thompson has them.
        close(&values(&out, "coherence_limit_ncl"), &[0.000_989_497, 0.203_865], 1e-4, 0.0, "NCL's limits");
        let dof = 2.667 * 24.0;
        let thompson = [0.2_f64, 0.05].map(|q| 1.0 - q.powf(2.0 / (dof - 2.0)));
        close(&values(&out, "coherence_limit"), &thompson, 1e-12, 0.0, "limits");
        assert_eq!(attribute(&out, "cospectrum_symmetric", "units").as_deref(), Some("(m s-1)2"));
        // y has the Kelvin wave a day and a half later: it follows by that share of 9.6 days.
        let (phase, coherence) =
            (values(&out, "phase_symmetric"), values(&out, "coherence_squared_symmetric"));
        let at = 2 * (LON + 1) + LON / 2 + 2;
        assert!(coherence[at] > 0.8 && (phase[at] + 2.0 * PI * 1.5 / 9.6).abs() < 0.15, "{}", phase[at]);
        assert!(values(&out, "v1_symmetric")[at] > 0.5);
        // Fewer wave numbers are part of all.
        let few = folder.path().join("few.nc");
        run_well(Launch::Plain(1), &[&words[..], &[text(&few), "--waves", "5"], &WINDOWS].concat());
        for name in ["power_x_symmetric", "coherence_squared_antisymmetric", "v2_symmetric"] {
            let all = values(&out, name);
            let part: Vec<u64> =
                all.chunks(LON + 1).flat_map(|row| &row[12 - 5..=12 + 5]).map(|v| v.to_bits()).collect();
            assert!(values(&few, name).iter().map(|v| v.to_bits()).eq(part), "{name}");
        }
    }
}

#[test]
fn a_field_with_itself_is_coherent_and_in_phase() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (x, out) = (folder.path().join("x.nc"), folder.path().join("out.nc"));
    let lats = lats("even");
    write(&x, "u", &lats, &field(&lats, false), Some([50, 3, LON]));
    let with = format!("{}:u", text(&x));
    let words = ["spectrum", "wheeler-kiladis", text(&x), "--var", "u", "--with", &with, "-q", "-o"];
    run_well(
        Launch::ThreadRanks(3),
        &[&words[..], &[text(&out)], &WINDOWS, &["--confidence", "none"]].concat(),
    );
    for part in PARTS {
        let of = |name: &str| values(&out, &format!("{name}_{part}"));
        assert!(of("coherence_squared").iter().all(|c| (c - 1.0).abs() < 1e-12));
        assert!(of("phase").iter().all(|p| *p == 0.0) && of("v2").iter().all(|v| *v == 1.0));
        assert_eq!(of("power_x"), of("cospectrum"));
    }
    assert!(netcdf::open(&out).expect("opens").variable("coherence_limit").is_none());
}

#[test]
fn the_same_bytes_on_any_ranks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let (x, y, out) = (at("x.nc"), at("y.nc"), at("out.nc"));
    let with = format!("{}:v", text(&y));
    let mut first = None;
    for (chunks, other) in [(None, None), (Some([50, 3, LON]), None), (Some([250, 7, 10]), Some([7, 2, LON]))]
    {
        let lats = lats("odd");
        write(&x, "u", &lats, &field(&lats, false), chunks);
        write(&y, "v", &lats, &field(&lats, true), other);
        for launch in launches() {
            let words = [
                "spectrum",
                "wheeler-kiladis",
                text(&x),
                "--var",
                "u",
                "--with",
                &with,
                "-q",
                "-o",
                text(&out),
            ];
            run_well(launch, &[&words[..], &WINDOWS, &["--lat", "-10,10", "--waves", "6"]].concat());
            let mut got = contents(&out);
            got.retain(|name, _| !name.starts_with(':'));
            assert!(first.get_or_insert_with(|| got.clone()) == &got, "{chunks:?} {launch:?}");
        }
    }
}

#[test]
fn what_can_not_be_done_is_refused_in_a_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let (x, y, out) = (at("x.nc"), at("y.nc"), at("out.nc"));
    let lats = lats("odd");
    write(&x, "u", &lats, &field(&lats, false), None);
    let mut holed = field(&lats, true);
    // On the equator, which is its own mirror, and at latitude -5 earlier.
    holed[(40 * 7 + 3) * LON + 2] = f64::NAN;
    holed[(33 * 7 + 2) * LON + 4] = f64::NAN;
    write(&y, "v", &lats, &holed, None);
    let (with, itself) = (format!("{}:v", text(&y)), format!("{}:u", text(&x)));
    let index = at("index.csv");
    let rows: Vec<String> = (0..STEPS).map(|t| format!("{},{t}", date(t))).collect();
    std::fs::write(&index, rows.join("\n")).expect("written");
    for (extra, code, says) in [
        (
            vec!["--with", with.as_str()],
            3,
            "y.nc: variable `v`: 2 values are missing or infinite, the first at latitude -5, longitude 60 on 2001-02-03",
        ),
        (vec!["--with", text(&index)], 2, "need a second field"),
        (vec!["--with", "nowhere.nc:v"], 3, "nowhere.nc"),
        (vec!["--with", &itself, "--confidence", "2"], 2, "is no level"),
        (vec!["--confidence", "0.9"], 2, "--with"),
        (vec!["--with", &itself, "--memory", "1MB"], 5, "--memory"),
    ] {
        for launch in [Launch::Plain(1), Launch::ThreadRanks(3)] {
            let words = ["spectrum", "wheeler-kiladis", text(&x), "--var", "u", "-q", "-o", text(&out)];
            let output = run(launch, &[&words[..], &WINDOWS, &extra].concat());
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{extra:?}: {error}");
            assert!(error.contains(says), "{extra:?}: {error}");
            assert_eq!(names_in(folder.path()), ["index.csv", "x.nc", "y.nc"], "{extra:?}");
        }
    }
}

#[test]
fn spectra_over_wave_numbers_are_drawn_on_their_axes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let (x, y, out, picture) = (at("x.nc"), at("y.nc"), at("out.nc"), at("x.svg"));
    let lats = lats("odd");
    write(&x, "u", &lats, &field(&lats, false), None);
    write(&y, "v", &lats, &field(&lats, true), None);
    let words = ["spectrum", "wheeler-kiladis", text(&x), "--var", "u", "-q", "-o", text(&out)];
    run_well(Launch::Plain(1), &[&words[..], &WINDOWS].concat());
    let drawn = |options: &[&str]| {
        run_well(Launch::Plain(1), &[&["plot", text(&out), "-q", "-o", text(&picture)], options].concat());
        std::fs::read_to_string(&picture).expect("a picture")
    };
    let ratio = drawn(&[]);
    for word in
        ["Symmetric", "Antisymmetric", "Kelvin", "n=1 ER", "MRG", "n=0 EIG", "25 m", "Period (days)", "−10"]
    {
        assert!(ratio.contains(word), "{word}");
    }
    let bare = drawn(&["--depths", "none", "--var", "power"]);
    assert!(!bare.contains("Kelvin") && bare.contains("log10 of power") && bare.contains("Antisymmetric"));
    let one = drawn(&["--depths", "90", "--var", "background"]);
    assert!(one.contains("Background") && !one.contains("Antisymmetric"));
    let with = format!("{}:v", text(&y));
    run_well(Launch::Plain(1), &[&words[..], &WINDOWS, &["--with", &with]].concat());
    let coherence = drawn(&[]);
    assert!(coherence.contains("coherence squared") && coherence.contains("right x leads"));
    let png = at("x.png");
    run_well(Launch::Plain(1), &["plot", text(&out), "-q", "--size", "500x300", "-o", text(&png)]);
    for (options, says) in [(["--depths", "deep"], "is no depth"), (["--var", "ratio"], "ratio")] {
        let refused =
            run(Launch::Plain(1), &[&["plot", text(&out), "-o", text(&png)], &options[..]].concat());
        let error = String::from_utf8_lossy(&refused.stderr);
        assert!(refused.status.code() == Some(2) && error.contains(says), "{error}");
    }
}

/// The date of a day of 2001.
fn date(day: usize) -> String {
    let (mut day, mut month) = (day, 0);
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    format!("2001-{:02}-{:02}", month + 1, day + 1)
}
