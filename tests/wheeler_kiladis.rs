//! `halocline spectrum wheeler-kiladis` against NCL and numpy, on any ranks, and with bad input.

mod common;

use common::{attribute, close, contents, launches, names_in, run, run_well, text, values, Launch};
use std::f64::consts::PI;
use std::path::Path;

const STEPS: usize = 400;
const LON: usize = 60;

/// The field of `tests/reference/make_wheeler_kiladis_references.py`.
fn field(lats: &[f64]) -> Vec<f64> {
    let mut all = Vec::with_capacity(STEPS * lats.len() * LON);
    for t in 0..STEPS {
        for (j, lat) in lats.iter().enumerate() {
            for i in 0..LON {
                let mixed = t * 7919 + j * 104_729 + i * 611_953 + t * i * 31 + t * j * 17 + i * j * 101;
                let noise = (mixed % 1009) as f64 / 1009.0;
                let (lon, lat, t) = (2.0 * PI * i as f64 / LON as f64, lat / 10.0, t as f64);
                let near = (-lat * lat).exp();
                let kelvin = 3.0 * (2.0 * lon - 2.0 * PI * t / 9.6).cos() * near;
                let rossby = 2.0 * (3.0 * lon + 2.0 * PI * t / 16.0).cos() * near;
                let gravity = 2.0 * (4.0 * lon + 2.0 * PI * t / 4.0).cos() * lat * near;
                let year = 5.0 * (2.0 * PI * t / 365.0).cos() + 0.01 * t;
                let sum = 200.0 + 4.0 * noise + kelvin + rossby + gravity + year;
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
fn write(path: &Path, lats: &[f64], lons: &[f64], field: &[f64], chunks: Option<[usize; 3]>) {
    let mut file = netcdf::create(path).expect("a test file");
    let times: Vec<f64> = (0..STEPS).map(|t| t as f64).collect();
    for (name, units, values) in [
        ("time", "days since 2001-01-01", &times[..]),
        ("lat", "degrees_north", lats),
        ("lon", "degrees_east", lons),
    ] {
        file.add_dimension(name, values.len()).expect("a dimension");
        let mut variable = file.add_variable::<f64>(name, &[name]).expect("a variable");
        variable.put_attribute("units", units).expect("an attribute");
        variable.put_values(values, ..).expect("written");
    }
    let mut variable = file.add_variable::<f64>("u", &["time", "lat", "lon"]).expect("a variable");
    variable.put_attribute("units", "m s-1").expect("an attribute");
    if let Some(chunks) = chunks {
        variable.set_chunking(&chunks).expect("chunks");
        variable.set_compression(1, true).expect("a filter");
    }
    variable.put_values(field, ..).expect("written");
}

fn circle() -> Vec<f64> {
    (0..LON).map(|i| 360.0 * i as f64 / LON as f64).collect()
}

const WINDOWS: [&str; 4] = ["--window", "24", "--overlap", "15"];

#[test]
fn spectra_are_those_of_ncl_and_numpy() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/wheeler_kiladis.nc");
    let reference = netcdf::open(reference).expect("a reference");
    for name in ["odd", "even"] {
        let lats = lats(name);
        write(&input, &lats, &circle(), &field(&lats), None);
        let words = ["spectrum", "wheeler-kiladis", text(&input), "--var", "u", "-q", "-o", text(&out)];
        run_well(Launch::Plain(2), &[&words[..], &WINDOWS].concat());
        let group = reference.group(name).expect("readable").expect("is there");
        for variable in group.variables() {
            let theirs: Vec<f64> = variable.get_values(..).expect("numbers");
            let name = variable.name();
            let Some(drawn) = name.strip_prefix("ncl_") else {
                let most = theirs.iter().copied().filter(|v| v.is_finite()).fold(0.0, f64::max);
                close(&values(&out, &name), &theirs, 1e-10, 1e-6 * most, &name);
                continue;
            };
            // NCL's are stored in single precision, wave numbers -15 to 15.
            let (ours, is_log) = match drawn {
                "FIG_1_SYM" => ("log_power_symmetric", false),
                "FIG_1_ASYM" => ("log_power_antisymmetric", false),
                "FIG_3_SYM" => ("ratio_symmetric", false),
                "FIG_3_ASYM" => ("ratio_antisymmetric", false),
                _ => ("background", true),
            };
            let ours: Vec<f64> = values(&out, ours)
                .chunks(LON + 1)
                .flat_map(|row| row[LON / 2 - 15..=LON / 2 + 15].to_vec())
                .map(|v| if is_log { v.log10() } else { v })
                .collect();
            close(&ours[31..], &theirs[31..], 2e-7, 1.0, &name);
        }
        let waves = values(&out, "wavenumber");
        assert_eq!((waves[0], waves[LON]), (-30.0, 30.0));
        assert_eq!(values(&out, "frequency")[12], 0.5);
        assert_eq!(attribute(&out, "power_symmetric", "units").as_deref(), Some("(m s-1)2"));
        // Fewer wave numbers are part of all.
        let few = folder.path().join("few.nc");
        run_well(Launch::Plain(1), &[&words[..7], &[text(&few), "--waves", "12"], &WINDOWS].concat());
        for name in ["power_symmetric", "background", "ratio_antisymmetric"] {
            let all = values(&out, name);
            let part: Vec<u64> =
                all.chunks(LON + 1).flat_map(|row| &row[30 - 12..=30 + 12]).map(|v| v.to_bits()).collect();
            assert!(values(&few, name).iter().map(|v| v.to_bits()).eq(part), "{name}");
        }
        // The Kelvin wave goes east: 24 days hold it two and a half times.
        let ratio = values(&out, "ratio_symmetric");
        let at = |j: usize, s: i64| ratio[j * (LON + 1) + (s + 30) as usize];
        assert!((2..=3).any(|j| at(j, 2) > 3.0 * at(j, -2)), "{name}");
    }
}

#[test]
fn the_same_bytes_on_any_ranks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let mut first = None;
    // Either order of latitudes; chunks that cut rows.
    for (turned, chunks) in [(false, None), (false, Some([50, 3, 60])), (true, Some([400, 7, 20]))] {
        let mut lats = lats("odd");
        let mut values = field(&lats);
        if turned {
            lats.reverse();
            values = values.chunks(7 * LON).flat_map(|map| map.rchunks(LON).flatten().copied()).collect();
        }
        write(&input, &lats, &circle(), &values, chunks);
        for launch in launches() {
            let words = ["spectrum", "wheeler-kiladis", text(&input), "--var", "u", "-q", "-o", text(&out)];
            run_well(launch, &[&words[..], &WINDOWS, &["--lat", "-10,10", "--waves", "12"]].concat());
            let mut got = contents(&out);
            got.retain(|name, _| !name.starts_with(':'));
            assert!(first.get_or_insert_with(|| got.clone()) == &got, "{turned} {chunks:?} {launch:?}");
        }
    }
}

#[test]
fn what_does_not_vary_in_time_has_no_power() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let lats = lats("odd");
    // The same at all times: 0.1 has no end in binary, a mean of it is not exact.
    let still = |c: usize| 0.1 + (2.0 * PI * (c % LON) as f64 / LON as f64).sin();
    let all: Vec<f64> = (0..STEPS * lats.len() * LON).map(still).collect();
    write(&file, &lats, &circle(), &all, None);
    run_well(
        Launch::Plain(1),
        &["spectrum", "wheeler-kiladis", text(&file), "--var", "u", "-q", "-o", text(&out)],
    );
    for name in ["power_symmetric", "power_antisymmetric", "background"] {
        assert!(values(&out, name).iter().all(|v| v.is_nan() || *v == 0.0), "{name}");
    }
    assert!(values(&out, "ratio_symmetric").iter().all(|v| v.is_nan()));
}

#[test]
fn what_can_not_be_done_is_refused_in_a_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let lats = lats("odd");
    let whole = field(&lats);
    let refused = |extra: &[&str], code: i32, says: &str| {
        for launch in [Launch::Plain(1), Launch::ThreadRanks(3)] {
            let words = ["spectrum", "wheeler-kiladis", text(&input), "--var", "u", "-q", "-o", text(&out)];
            let output = run(launch, &[&words[..], extra].concat());
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{extra:?}: {error}");
            assert!(error.contains(says), "{extra:?}: {error}");
            assert_eq!(error.trim_end().lines().count(), 1, "{extra:?}: {error}");
            assert_eq!(names_in(folder.path()), ["in.nc"], "{extra:?}");
        }
    };
    write(&input, &lats, &circle(), &whole, None);
    refused(&["--window", "401", "--overlap", "0"], 2, "does not fit 400 steps");
    refused(&["--window", "24", "--overlap", "24"], 2, "shorter than the --window");
    refused(&["--window", "24.5", "--overlap", "0"], 2, "no whole number of steps");
    refused(&["--lat", "1,4"], 2, "no latitude lies between 1 and 4");
    refused(&["--lat", "-10,5"], 3, "-10 has no counterpart");
    refused(&["--lat", "10"], 2, "write -15,15");
    refused(&["--waves", "0"], 2, "leaves no wave");
    refused(&["--box", "0,90,-15,15"], 3, "do not go round the earth");
    refused(&["--memory", "1MB"], 5, "--memory");
    let mut holed = whole.clone();
    // Latitude 10 at step 33, and a later one.
    holed[(33 * 7 + 5) * LON + 10] = f64::NAN;
    holed[(34 * 7 + 2) * LON] = f64::INFINITY;
    write(&input, &lats, &circle(), &holed, None);
    refused(
        &WINDOWS,
        3,
        "2 values are missing or infinite, the first at latitude 10, longitude 60 on 2001-02-03",
    );
    let west: Vec<f64> = circle().into_iter().rev().collect();
    write(&input, &lats, &west, &whole, None);
    refused(&WINDOWS, 3, "longitudes run westward");
}
