use super::*;

fn ring_text(ring: &[[f64; 2]]) -> String {
    format!("{ring:?}")
}
fn square(w: f64, s: f64, size: f64) -> String {
    let (e, n) = (w + size, s + size);
    ring_text(&[[w, s], [e, s], [e, n], [w, n], [w, s]])
}
fn holds(text: &str, feature: Option<&str>, lon: f64, lat: f64) -> bool {
    shapes(text, feature).unwrap().hold(lat, lon, [1e-9; 2])
}

#[test]
fn polygons_holes_and_collections() {
    let holed = format!(
        r#"{{"type":"Polygon","coordinates":[{},{}]}}"#,
        square(0.0, 0.0, 10.0),
        square(4.0, 4.0, 2.0)
    );
    assert!(
        holds(&holed, None, 1.0, 1.0) && !holds(&holed, None, 5.0, 5.0) && !holds(&holed, None, 11.0, 1.0)
    );
    // The edge of a hole belongs to what is around it.
    assert!(holds(&holed, None, 4.0, 5.0) && holds(&holed, None, 6.0, 6.0));
    let two = format!(
        r#"{{"type":"MultiPolygon","coordinates":[[{}],[{},{}]]}}"#,
        square(170.0, -5.0, 10.0),
        square(-180.0, -5.0, 10.0),
        square(-178.0, -3.0, 2.0)
    );
    for lon in [175.0, 180.0, -180.0, -175.0, 185.0] {
        assert!(holds(&two, None, lon, 0.0), "{lon}");
    }
    assert!(!holds(&two, None, 183.0, -2.0));
    let all = format!(
        r#"{{"type":"FeatureCollection","features":[
            {{"type":"Feature","id":"x1","properties":{{"NAME":"Süd: see","n":3}},"geometry":{holed}}},
            {{"type":"Feature","id":7,"properties":null,"geometry":{two}}},
            {{"type":"Feature","properties":{{}},"geometry":null}},
            {{"type":"Feature","properties":{{"name":"7th"}},"geometry":{{"type":"GeometryCollection","geometries":[
                {{"type":"Point","coordinates":[1,2]}},{holed}]}}}}]}}"#
    );
    assert!(holds(&all, None, 1.0, 1.0) && holds(&all, None, 180.0, 0.0));
    assert!(holds(&all, Some("Süd: see"), 1.0, 1.0) && !holds(&all, Some("x1"), 180.0, 0.0));
    assert!(
        holds(&all, Some("2"), 180.0, 0.0)
            && holds(&all, Some("7"), 180.0, 0.0)
            && holds(&all, Some("4"), 1.0, 1.0)
    );
    let error = shapes(&all, Some("9")).unwrap_err();
    assert!(error.exit_code() == 2 && error.to_string().contains("Süd: see, 7, 7th"), "{error}");
    assert_eq!(shapes(&all, Some("3")).unwrap_err().exit_code(), 3);
    assert_eq!(shapes(&holed, Some("1")).unwrap_err().exit_code(), 2);
}

#[test]
fn what_is_no_region() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let cases = [
        "",
        "{",
        "[1,2]",
        r#"{"type":"Polygon"}"#,
        r#"{"type":"Polygon","coordinates":[]}"#,
        r#"{"type":"Polygon","coordinates":[[]]}"#,
        r#"{"type":"Polygon","coordinates":[[[0],[1],[2],[0]]]}"#,
        r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1]]]}"#,
        r#"{"type":"Polygon","coordinates":[[[0,0],[1e400,0],[1,1],[0,0]]]}"#,
        r#"{"type":"Polygon","coordinates":[[[0,0],[null,0],[1,1],[0,0]]]}"#,
        r#"{"type":"Polygon","coordinates":[[[0,0],[NaN,0],[1,1],[0,0]]]}"#,
        r#"{"type":"Point","coordinates":[0,0]}"#,
        r#"{"type":"FeatureCollection","features":[]}"#,
        r#"{"type":"Topology","objects":{}}"#,
        &deep,
    ];
    for case in cases {
        let error = shapes(case, None).unwrap_err();
        let shown = case.chars().take(60).collect::<String>();
        assert!(error.exit_code() == 3 && error.to_string().lines().count() == 1, "{shown}: {error}");
        assert!(error.to_string().len() < 400, "{error}");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    assert_eq!(read(&path("absent.json"), None).unwrap_err().exit_code(), 3);
    assert_eq!(read(&dir.path().display().to_string(), None).unwrap_err().exit_code(), 3);
    std::fs::write(path("bytes.json"), [0xff, 0xfe, 0x00]).unwrap();
    assert!(read(&path("bytes.json"), None).unwrap_err().to_string().contains("UTF-8"));
    let huge = std::fs::File::create(path("huge.json")).unwrap();
    huge.set_len(MOST_BYTES + 1).unwrap();
    assert!(read(&path("huge.json"), None).unwrap_err().to_string().contains("64 MiB"));
}

#[test]
fn scribbles_are_refused_and_coasts_are_not() {
    let polygon =
        |points: &[[f64; 2]]| format!(r#"{{"type":"Polygon","coordinates":[{}]}}"#, ring_text(points));
    let mut comb: Vec<[f64; 2]> =
        (0..30_000).map(|k| [f64::from(k) * 0.005, if k % 2 == 0 { -80.0 } else { 80.0 }]).collect();
    comb.extend([[150.0, -85.0], [0.0, -85.0], comb[0]]);
    let error = shapes(&polygon(&comb), None).unwrap_err();
    assert!(error.exit_code() == 3 && error.to_string().contains("to and fro"), "{error}");
    let mut coast: Vec<[f64; 2]> = (0..100_000)
        .map(|k| (f64::from(k) * 1e-5 * std::f64::consts::TAU, f64::from(k % 7)))
        .map(|(angle, rough)| [90.0 + (80.0 + rough * 0.01) * angle.cos(), 70.0 * angle.sin()])
        .collect();
    coast.push(coast[0]);
    assert!(holds(&polygon(&coast), None, 90.0, 0.0) && !holds(&polygon(&coast), None, 300.0, 0.0));
}
