//! Spherical harmonics of maps that ranks divide, and of winds in files of their own.

mod common;

use common::{contents, launches, names_in, run, run_well, text, Launch};
use std::path::Path;

fn noise(len: usize, salt: usize) -> Vec<f64> {
    (0..len).map(|i| ((i * 7919 + i * i % 1013 * salt) % 1009) as f64 / 100.9 - 5.0).collect()
}

/// Writes variables by time, latitude and longitude on a regular grid with poles.
fn write(
    path: &Path,
    [times, rows, columns]: [usize; 3],
    chunks: Option<[usize; 3]>,
    variables: &[(&str, &[f64])],
) {
    let mut file = netcdf::create(path).expect("a test file");
    let lat: Vec<f64> = (0..rows).map(|j| -90.0 + 180.0 * j as f64 / (rows - 1) as f64).collect();
    let lon: Vec<f64> = (0..columns).map(|i| 360.0 * i as f64 / columns as f64).collect();
    let time: Vec<f64> = (0..times).map(|t| t as f64).collect();
    for (name, units, values) in [
        ("time", "days since 2001-01-01", &time),
        ("lat", "degrees_north", &lat),
        ("lon", "degrees_east", &lon),
    ] {
        file.add_dimension(name, values.len()).expect("a dimension");
        let mut variable = file.add_variable::<f64>(name, &[name]).expect("a variable");
        variable.put_attribute("units", units).expect("an attribute");
        variable.put_values(values, ..).expect("written");
    }
    for (name, values) in variables {
        let mut variable = file.add_variable::<f32>(name, &["time", "lat", "lon"]).expect("a variable");
        if let Some(chunks) = chunks {
            variable.set_chunking(&chunks).expect("chunks");
            variable.set_compression(1, true).expect("a filter");
        }
        variable.put_attribute("units", "m s-1").expect("an attribute");
        let values: Vec<f32> = values.iter().map(|v| *v as f32).collect();
        variable.put_values(&values, ..).expect("written");
    }
}

const COMMANDS: [&[&str]; 4] = [
    &["calc", "helmholtz", "--u", "u", "--v", "v"],
    &["calc", "truncate", "--var", "u,v", "--truncation", "9", "--taper", "sigma", "--precision", "double"],
    &["spectrum", "spherical", "--u", "u", "--v", "v"],
    &["spectrum", "spherical", "--var", "v", "--truncation", "3", "--per", "order"],
];

fn make(launch: Launch, words: &[&str], inputs: &[&Path], more: &[&str], out: &Path) {
    let inputs: Vec<&str> = inputs.iter().map(|path| text(path)).collect();
    run_well(launch, &[words, &inputs, more, &["-q", "-o", text(out)]].concat());
}

#[test]
fn divided_maps_have_the_bits_of_whole_ones() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (whole, out) = (folder.path().join("whole.nc"), folder.path().join("out.nc"));
    let cases = [
        // One map, in chunks of rows; in one chunk; not chunked.
        ([1, 19, 36], Some([1, 4, 36])),
        ([1, 20, 31], Some([1, 20, 31])),
        ([2, 9, 16], None),
    ];
    for (k, (shape, chunks)) in cases.into_iter().enumerate() {
        let input = folder.path().join(format!("in{k}.nc"));
        let len = shape.iter().product();
        write(&input, shape, chunks, &[("u", &noise(len, 1)), ("v", &noise(len, 2))]);
        for words in COMMANDS {
            if shape[1] == 9 && words.contains(&"9") {
                continue;
            }
            make(Launch::Plain(2), words, &[&input], &[], &whole);
            let expected = contents(&whole);
            for launch in launches() {
                make(launch, words, &[&input], &[], &out);
                assert!(contents(&out) == expected, "{words:?} on {launch:?}");
            }
            for (launch, parts) in [
                (Launch::ThreadRanks(2), "lat=2"),
                (Launch::ThreadRanks(4), "lat=3"),
                (Launch::ThreadRanks(3), "time=1"),
                (Launch::ThreadRanks(4), "lat=2,lon=2"),
            ] {
                make(launch, words, &[&input], &["--decomposition", parts], &out);
                assert!(contents(&out) == expected, "{words:?} with {parts}");
            }
        }
    }
    // More maps than ranks, divided by hand; several windows.
    let input = folder.path().join("many.nc");
    let shape = [70, 7, 12];
    let len = shape.iter().product();
    write(&input, shape, Some([3, 7, 12]), &[("u", &noise(len, 3)), ("v", &noise(len, 4))]);
    for words in [COMMANDS[0], COMMANDS[2]] {
        make(Launch::Plain(1), words, &[&input], &[], &whole);
        make(Launch::ThreadRanks(3), words, &[&input], &["--decomposition", "lat=3"], &out);
        assert!(contents(&out) == contents(&whole), "{words:?}");
    }
}

#[test]
fn the_choice_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    write(&input, [2, 9, 16], None, &[("u", &noise(2 * 9 * 16, 1))]);
    let said = |launch: Launch, more: &[&str]| {
        let words =
            ["spectrum", "spherical", text(&input), "--var", "u", "--log-json", "-", "-o", text(&out)];
        let output = run(launch, &[&words[..], more].concat());
        let all = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&all).into_owned();
        assert!(output.status.success(), "{said}");
        said
    };
    let divided = said(Launch::ThreadRanks(3), &[]);
    assert!(divided.contains("divided by latitudes and orders over 3 ranks"), "{divided}");
    assert!(divided.contains("\"decomposition\":\"latitudes and orders over 3 ranks\""), "{divided}");
    for (launch, more) in [
        (Launch::Plain(2), &[][..]),
        (Launch::ThreadRanks(2), &[]),
        (Launch::ThreadRanks(3), &["--decomposition", "time=2"]),
    ] {
        let whole = said(launch, more);
        assert!(!whole.contains("divided"), "{launch:?} {more:?}: {whole}");
        assert!(whole.contains("\"decomposition\":\"whole maps\""), "{whole}");
    }
}

#[test]
fn what_is_missing_is_refused_in_the_same_words() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, out) = (folder.path().join("in.nc"), folder.path().join("out.nc"));
    let mut v = noise(2 * 9 * 16, 1);
    // On both hemispheres of the second map.
    (v[9 * 16 + 3], v[9 * 16 + 100]) = (f64::NAN, f64::INFINITY);
    write(&input, [2, 9, 16], None, &[("u", &noise(2 * 9 * 16, 2)), ("v", &v)]);
    let mut first = None;
    for launch in [Launch::Plain(1), Launch::ThreadRanks(2), Launch::ThreadRanks(3), Launch::ThreadRanks(4)] {
        let words = ["calc", "helmholtz", text(&input), "--u", "u", "--v", "v", "-q", "-o", text(&out)];
        let output = run(launch, &words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains("2 of 144 values of a map are missing or infinite on 2001-01-02"), "{said}");
        assert_eq!(first.get_or_insert_with(|| said.clone()), &said, "{launch:?}");
    }
    assert_eq!(names_in(folder.path()), ["in.nc"]);
}

#[test]
fn winds_in_files_of_their_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let (shape, len) = ([3, 9, 16], 3 * 9 * 16);
    let (u, v) = (noise(len, 1), noise(len, 2));
    write(&at("both.nc"), shape, None, &[("u", &u), ("v", &v)]);
    write(&at("u.nc"), shape, None, &[("u", &u)]);
    write(&at("v.nc"), shape, None, &[("v", &v)]);
    let (both, apart) = (at("together.nc"), at("apart.nc"));
    for words in [COMMANDS[0], COMMANDS[2]] {
        make(Launch::Plain(1), words, &[&at("both.nc")], &[], &both);
        for launch in [Launch::Plain(2), Launch::ThreadRanks(2), Launch::ThreadRanks(4)] {
            for inputs in [[at("u.nc"), at("v.nc")], [at("v.nc"), at("u.nc")]] {
                make(launch, words, &[&inputs[0], &inputs[1]], &[], &apart);
                assert!(contents(&apart) == contents(&both), "{words:?} on {launch:?}");
            }
        }
    }
    let truncate = ["calc", "truncate", "--var", "u,v", "--truncation", "4"];
    make(Launch::Plain(1), &truncate, &[&at("both.nc")], &[], &both);
    make(Launch::ThreadRanks(2), &truncate, &[&at("u.nc"), &at("v.nc")], &[], &apart);
    assert!(contents(&apart) == contents(&both));

    // Units in other words.
    write(&at("words.nc"), shape, None, &[("v", &v)]);
    let mut other = netcdf::append(at("words.nc")).expect("a test file");
    other.variable_mut("v").expect("the wind").put_attribute("units", "m/s").expect("an attribute");
    drop(other);
    for words in [COMMANDS[0], COMMANDS[2]] {
        make(Launch::ThreadRanks(2), words, &[&at("u.nc"), &at("words.nc")], &[], &apart);
    }

    // Other times, another grid, other units: the file that is wrong is named.
    write(&at("short.nc"), [2, 9, 16], None, &[("v", &v[..2 * 9 * 16])]);
    write(&at("coarse.nc"), [3, 7, 16], None, &[("v", &v[..3 * 7 * 16])]);
    write(&at("turned.nc"), shape, None, &[("v", &v)]);
    let mut turned = netcdf::append(at("turned.nc")).expect("a test file");
    let lat: Vec<f64> = (0..9).map(|j| 90.0 - 22.5 * f64::from(j)).collect();
    turned.variable_mut("lat").expect("latitudes").put_values(&lat, ..).expect("written");
    drop(turned);
    write(&at("knots.nc"), shape, None, &[("v", &v)]);
    let mut knots = netcdf::append(at("knots.nc")).expect("a test file");
    knots.variable_mut("v").expect("the wind").put_attribute("units", "knot").expect("an attribute");
    drop(knots);
    for (words, file, message) in [
        (COMMANDS[0], "turned.nc", "its lat is not that of `u`"),
        (&truncate[..], "turned.nc", "its lat is not that of `u`: number 0 is 90, of `u` it is -90"),
        (&truncate[..], "coarse.nc", "its lat has 7 values, that of `u` has 9; bring both to one grid"),
        (COMMANDS[0], "knots.nc", "its units are `knot`, those of `u` are `m s-1`"),
        (COMMANDS[2], "knots.nc", "its units are `knot`, those of `u` are `m s-1`"),
        (COMMANDS[0], "short.nc", "ends before 2001-01-03"),
        (&truncate[..], "short.nc", "ends before 2001-01-03"),
        (COMMANDS[2], "coarse.nc", "its grid"),
    ] {
        let [u, v, out] = ["u.nc", file, "no.nc"].map(at);
        let words = [words, &[text(&u), text(&v), "-q", "-o", text(&out)]].concat();
        let output = run(Launch::ThreadRanks(2), &words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(message) && said.contains(file), "{words:?}: {said}");
        assert!(!out.exists());
    }
}
