//! Basins that are regions: by name, of a GeoJSON file.

use super::common::{contents, run, text, values, Launch};
use super::mesh::plain;
use super::sample::currents;
use super::transport;

const SEAS: &str = r#"{"type":"FeatureCollection","features":[
{"type":"Feature","properties":{"name":"west"},"geometry":{"type":"Polygon","coordinates":[[[0,-90],[180,-90],[180,90],[0,90],[0,-90]]]}},
{"type":"Feature","properties":{"name":"band"},"geometry":{"type":"Polygon","coordinates":[[[30,-10],[130,-10],[230,-10],[230,10],[130,10],[30,10],[30,-10]]]}}]}"#;

#[test]
fn regions_are_basins_by_the_centres_of_cells() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, seas) = (folder.path().join("out.nc"), folder.path().join("seas.geojson"));
    std::fs::write(&seas, SEAS).expect("written");
    let flow = |[_, k, j, i]: [usize; 4]| {
        [0.1 * (1.0 + k as f64) + 0.01 * i as f64, 0.02 * (j as f64 - 1.5) * (i as f64).cos(), 10.0]
    };
    let input = currents(&folder.path().join("in.nc"), false, flow);
    for kind in [&["--bins", "10"][..], &[]] {
        let of = |basin: &str| {
            plain("overturning", &input, &[kind, &["--basin", basin]].concat(), &out);
            values(&out, "msftmz")
        };
        let west = of("west=0,180,-90,90");
        let file = text(&seas);
        assert_eq!(of(&format!("{file}:west")), west);
        assert_eq!(of(&format!("mine={file}:1")), west);
        assert_eq!(of(&format!("{file}:band")), of("band=30,230,-10,10"));
        // All features together: those of both.
        assert!(of(file) != west);
        assert_eq!(of("tropics"), of("t=-180,180,-20,20"));
    }
    let named = |basin: &str| {
        plain("overturning", &input, &["--basin", basin], &out);
        let file = netcdf::open(&out).expect("a result");
        let characters = file.variable("basin").expect("names").get_raw_values(..).expect("characters");
        let second = &characters[characters.len() / 2..];
        String::from_utf8_lossy(second).trim_end_matches('\0').to_owned()
    };
    assert_eq!(named("tropics"), "tropics");
    assert_eq!(named(&format!("{}:band", text(&seas))), "band");
    assert_eq!(named(text(&seas)), "seas");
}

#[test]
fn regions_are_the_same_on_any_ranks_and_wrong_ones_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, seas) = (folder.path().join("out.nc"), folder.path().join("seas.geojson"));
    std::fs::write(&seas, SEAS).expect("written");
    let input =
        currents(&folder.path().join("in.nc"), false, |[_, k, _, i]| [0.1 + (k + i) as f64, 0.0, 10.0]);
    let band = format!("{}:band", text(&seas));
    let options = ["--basin", &band, "--basin", "tropics"];
    let mut first = None;
    for launch in super::launches() {
        transport(launch, "heat", std::slice::from_ref(&input), &options, &out);
        let found = contents(&out);
        assert!(*first.get_or_insert_with(|| found.clone()) == found, "{launch:?}");
    }
    let none = format!("{}:deep", text(&seas));
    for (basin, code, message) in [
        ("tropisc", 2, "did you mean `tropics`"),
        (none.as_str(), 2, "deep"),
        ("nowhere.geojson", 3, "no such file"),
        ("nh_extratropics", 2, "no cell belongs to it"),
    ] {
        let done = run(
            Launch::ThreadRanks(2),
            &["transport", "overturning", text(&input), "--basin", basin, "-o", text(&out)],
        );
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{basin}: {said}");
        assert!(said.contains(message), "{basin}: {said}");
    }
}
