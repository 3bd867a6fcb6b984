use super::ring::{Ring, Side, Use};
use super::*;
use Side::{Edge, Inside, Outside};

const NEAR: f64 = 1e-9;

fn ring(points: &[[f64; 2]]) -> Ring {
    Ring::new(points, Use::Outer).unwrap()
}
fn sides(ring: &Ring, places: &[[f64; 2]]) -> Vec<Side> {
    places.iter().map(|p| ring.side(p[0], p[1], NEAR)).collect()
}

#[test]
fn edges_vertices_and_both_conventions() {
    let square = ring(&[[10.0, 0.0], [20.0, 0.0], [20.0, 10.0], [10.0, 10.0], [10.0, 0.0]]);
    assert_eq!(sides(&square, &[[15.0, 5.0], [375.0, 5.0], [-345.0, 5.0]]), [Inside; 3]);
    assert_eq!(
        sides(&square, &[[10.0, 0.0], [20.0, 10.0], [15.0, 0.0], [370.0, 3.0], [-340.0, 10.0]]),
        [Edge; 5]
    );
    assert_eq!(sides(&square, &[[9.9, 5.0], [15.0, -0.1], [15.0, 10.1], [200.0, 5.0]]), [Outside; 4]);
    assert_eq!(sides(&square, &[[f64::NAN, 5.0], [15.0, f64::NAN]]), [Outside; 2]);
    // At the height of vertices that are to one side.
    let hat = ring(&[[0.0, 0.0], [10.0, 0.0], [5.0, 10.0], [0.0, 0.0]]);
    assert_eq!(
        sides(&hat, &[[-1.0, 0.0], [11.0, 0.0], [2.5, 5.0], [4.0, 10.0], [5.0, 10.0]]),
        [Outside, Outside, Edge, Outside, Edge]
    );
    // Single precision makes 0.1 something next to it.
    let near = ring(&[[0.1, 0.0], [1.0, 0.0], [1.0, 1.0], [0.1, 1.0], [0.1, 0.0]]);
    assert_eq!(near.side(f64::from(0.1f32) - 1e-6, 0.5, 2e-5), Edge);
}

#[test]
fn a_ring_that_crosses_itself_is_even_odd() {
    // A pentagram: its middle is encircled twice.
    let star: Vec<[f64; 2]> = (0..6)
        .map(|k| {
            let angle = f64::from(2 * (k % 5)) * 72f64.to_radians();
            [10.0 * angle.sin(), 10.0 * angle.cos()]
        })
        .collect();
    let star = ring(&star);
    assert_eq!(star.side(0.0, 0.0, NEAR), Side::Outside);
    assert_eq!(star.side(0.0, 8.0, NEAR), Side::Inside);
    assert_eq!(star.side(0.0, -8.0, NEAR), Side::Outside);
}

#[test]
fn over_the_dateline_in_any_writing() {
    let written: [&[[f64; 2]]; 3] = [
        &[[170.0, -10.0], [190.0, -10.0], [190.0, 10.0], [170.0, 10.0], [170.0, -10.0]],
        &[[-190.0, -10.0], [-170.0, -10.0], [-170.0, 10.0], [-190.0, 10.0], [-190.0, -10.0]],
        &[[170.0, -10.0], [-170.0, -10.0], [-170.0, 10.0], [170.0, 10.0], [170.0, -10.0]],
    ];
    for points in written {
        let ring = ring(points);
        for lon in [175.0, 180.0, -180.0, 185.0, -175.0, 535.0] {
            assert_eq!(ring.side(lon, 0.0, NEAR), Side::Inside, "{points:?} {lon}");
        }
        for lon in [0.0, 165.0, 195.0, -165.0, 360.0] {
            assert_eq!(ring.side(lon, 0.0, NEAR), Side::Outside, "{points:?} {lon}");
        }
        assert_eq!(ring.side(190.0, 0.0, NEAR), Side::Edge);
        assert_eq!(ring.side(-190.0, 10.0, NEAR), Side::Edge);
    }
    // Over Greenwich, from 0 to 360.
    let greenwich = ring(&[[350.0, 0.0], [10.0, 0.0], [10.0, 5.0], [350.0, 5.0], [350.0, 0.0]]);
    assert_eq!(sides(&greenwich, &[[0.0, 1.0], [355.0, 1.0], [-5.0, 1.0]]), [Side::Inside; 3]);
    assert_eq!(greenwich.side(180.0, 1.0, NEAR), Side::Outside);
    // A wide box could be that just as well: told, not guessed.
    for wide in [[0.0, 300.0], [-170.0, 170.0]] {
        let [w, e] = wide;
        let points = [[w, -10.0], [e, -10.0], [e, 10.0], [w, 10.0], [w, -10.0]];
        let error = Ring::new(&points, Use::Outer).unwrap_err().to_string();
        assert!(error.contains("either way") && error.contains("go the long way"), "{error}");
        let middle =
            [[w, -10.0], [w + 170.0, -10.0], [e, -10.0], [e, 10.0], [w + 170.0, 10.0], [w, 10.0], [w, -10.0]];
        assert_eq!(sides(&ring(&middle), &[[w + 75.0, 0.0], [e - 1.0, 3.0]]), [Side::Inside; 2]);
        assert_eq!(ring(&middle).side(w - 5.0, 0.0, NEAR), Side::Outside);
    }
}

#[test]
fn poles_and_turns() {
    let cap = ring(&[[-180.0, 60.0], [180.0, 60.0], [180.0, 90.0], [-180.0, 90.0], [-180.0, 60.0]]);
    assert_eq!(sides(&cap, &[[0.0, 70.0], [179.9, 61.0], [359.0, 89.0]]), [Side::Inside; 3]);
    assert_eq!(sides(&cap, &[[180.0, 70.0], [0.0, 90.0], [-180.0, 80.0], [540.0, 75.0]]), [Side::Edge; 4]);
    assert_eq!(cap.side(0.0, 59.0, NEAR), Side::Outside);
    let round = [[0.0, 60.0], [120.0, 60.0], [-120.0, 60.0], [0.0, 60.0]];
    let error = Ring::new(&round, Use::Outer).unwrap_err().to_string();
    assert!(error.contains("pole"), "{error}");
    let twice =
        [[-300.0, 0.0], [-150.0, 0.0], [0.0, 0.0], [150.0, 0.0], [0.0, 9.0], [-150.0, 9.0], [-300.0, 0.0]];
    assert!(Ring::new(&twice, Use::Outer).unwrap_err().to_string().contains("turn"));
    // An edge of more than a turn is no short one.
    let wide = [[-180.5, -20.0], [180.5, -20.0], [180.5, 20.0], [-180.5, 20.0], [-180.5, -20.0]];
    assert!(Ring::new(&wide, Use::Outer).unwrap_err().to_string().contains("more than a turn"));
}

#[test]
fn many_edges_are_the_same_as_few() {
    // A comb of long edges, which would fill any bands, beside the test of all edges.
    let mut points: Vec<[f64; 2]> =
        (0..4000).map(|k| [f64::from(k) * 0.02, if k % 2 == 0 { -30.0 } else { 30.0 }]).collect();
    points.extend([[79.98, -40.0], [0.0, -40.0], points[0]]);
    let comb = ring(&points);
    for k in 0..500 {
        let place = [f64::from(k) * 0.17 - 1.0, f64::from(k % 97) * 0.9 - 43.0];
        let mut odd = false;
        for e in points.windows(2) {
            let [[x0, y0], [x1, y1]] = [e[0], e[1]];
            if (y0 > place[1]) != (y1 > place[1]) && place[0] < x0 + (place[1] - y0) / (y1 - y0) * (x1 - x0) {
                odd = !odd;
            }
        }
        assert_eq!(comb.side(place[0], place[1], 0.0) == Side::Inside, odd, "{place:?}");
    }
}

#[test]
fn no_rings() {
    let bad: [(&[[f64; 2]], &str); 4] = [
        (&[[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]], "3 positions"),
        (&[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], "not closed"),
        (&[[0.0, 0.0], [1.0, 0.0], [1.0, 91.0], [0.0, 0.0]], "latitude 91"),
        (&[[0.0, 0.0], [1000.0, 0.0], [1.0, 1.0], [0.0, 0.0]], "longitude 1000"),
    ];
    for (points, word) in bad {
        let error = Ring::new(points, Use::Outer).unwrap_err();
        assert!(error.exit_code() == 3 && error.to_string().contains(word), "{error}");
    }
    // All in one place, or on one line: nothing lies inside.
    assert_eq!(ring(&[[1.0, 1.0]; 4]).side(1.0, 1.5, NEAR), Side::Outside);
    assert_eq!(ring(&[[0.0, 0.0], [5.0, 0.0], [9.0, 0.0], [0.0, 0.0]]).side(5.0, 0.1, NEAR), Side::Outside);
}

#[test]
fn names_are_found() {
    let parse = |text: &str| text.parse::<Region>();
    let named = |name: &str| Region::Named(name.to_owned());
    assert_eq!(parse("nino3.4"), Ok(named("nino3.4")));
    assert_eq!(parse("Nino34"), Ok(named("nino3.4")));
    assert_eq!(parse("North Atlantic"), Ok(named("north_atlantic")));
    let file = |path: &str, feature: Option<&str>| {
        Ok(Region::File { path: path.into(), feature: feature.map(str::to_owned) })
    };
    assert_eq!(parse("a/b.geojson"), file("a/b.geojson", None));
    assert_eq!(parse("a:b.JSON:c: d.json"), file("a:b.JSON", Some("c: d.json")));
    for bad in ["nino5", "", "a.geojson:", "file.nc"] {
        let error = parse(bad).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }
    assert!(parse("atantic.nc").unwrap_err().to_string().contains("southern_ocean"));
    assert!(parse("trpoics").unwrap_err().to_string().contains("did you mean `tropics`"));
    for region in Region::named() {
        assert!(named(region.name()).shapes().is_ok() && !region.about.is_empty());
        assert_eq!(parse(region.name()), Ok(named(region.name())));
        let mut names: Vec<_> = Region::named().iter().flat_map(|r| r.names).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Region::named().iter().map(|r| r.names.len()).sum::<usize>());
    }
    assert_eq!(parse("Atlantic"), Ok(named("atlantic_ocean")));
    let holds = |name: &str, lat, lon| named(name).shapes().unwrap().hold(lat, lon, [NEAR; 2]);
    assert!(holds("nino3.4", 5.0, 190.0) && holds("nino3.4", -5.0, -120.0) && !holds("nino3.4", 0.0, -119.0));
    assert!(holds("nino4", 0.0, 160.0) && holds("nino4", 0.0, -150.0) && !holds("nino4", 0.0, 0.0));
    assert!(holds("nh", 0.0, 7.0) && holds("sh", 0.0, 7.0) && !holds("arctic", 66.5, 0.0));
    assert!(!holds("global", f64::NAN, 0.0) && !holds("global", 0.0, f64::NAN));
}

/// The oceans and seas of CMIP6 that share no place.
const BASINS: [&str; 10] = [
    "southern_ocean",
    "atlantic_ocean",
    "pacific_ocean",
    "indian_ocean",
    "arctic_ocean",
    "mediterranean_sea",
    "black_sea",
    "hudson_bay",
    "baltic_sea",
    "red_sea",
];

#[test]
fn oceans_hold_their_places_and_share_none() {
    let shapes = |name: &str| Region::Named(name.to_owned()).shapes().unwrap();
    let basins = BASINS.map(|name| (name, shapes(name)));
    let of = |lat: f64, lon: f64| -> Vec<&str> {
        basins.iter().filter(|(_, basin)| basin.hold(lat, lon, [NEAR; 2])).map(|(name, _)| *name).collect()
    };
    let places: [(f64, f64, &str); 50] = [
        (-65.0, 100.0, "southern_ocean"),
        (-60.0, -30.0, "southern_ocean"),
        (26.0, -36.0, "atlantic_ocean"),
        (15.0, -75.0, "atlantic_ocean"), // Caribbean
        (25.0, -90.0, "atlantic_ocean"), // Gulf of Mexico
        (19.0, -95.5, "atlantic_ocean"), // Veracruz
        (9.6, -79.8, "atlantic_ocean"),  // Colón
        (48.0, -62.0, "atlantic_ocean"), // Gulf of Saint Lawrence
        (58.0, -52.0, "atlantic_ocean"), // Labrador Sea
        (56.0, 3.0, "atlantic_ocean"),   // North Sea
        (59.3, 10.6, "atlantic_ocean"),  // Oslofjord
        (35.8, -7.0, "atlantic_ocean"),  // Gulf of Cádiz
        (-50.0, -60.0, "atlantic_ocean"),
        (0.0, 180.0, "pacific_ocean"),
        (0.0, -180.0, "pacific_ocean"),
        (8.5, -79.5, "pacific_ocean"),   // Gulf of Panama
        (15.5, -95.0, "pacific_ocean"),  // Gulf of Tehuantepec
        (30.0, -114.0, "pacific_ocean"), // Gulf of California
        (58.0, -178.0, "pacific_ocean"), // Bering Sea
        (56.0, 148.0, "pacific_ocean"),  // Sea of Okhotsk
        (38.5, 119.0, "pacific_ocean"),  // Bohai Sea
        (12.0, 101.0, "pacific_ocean"),  // Gulf of Thailand
        (-5.0, 110.0, "pacific_ocean"),  // Java Sea
        (-10.0, 135.0, "pacific_ocean"), // Arafura Sea
        (-40.0, 146.5, "pacific_ocean"), // Bass Strait
        (-50.0, -74.5, "pacific_ocean"),
        (-40.0, 90.0, "indian_ocean"),
        (-34.0, 130.0, "indian_ocean"), // Great Australian Bight
        (10.0, 96.0, "indian_ocean"),   // Andaman Sea
        (27.0, 51.0, "indian_ocean"),   // Persian Gulf
        (12.0, 45.5, "indian_ocean"),   // Gulf of Aden
        (-9.5, 110.0, "indian_ocean"),  // south of Java
        (90.0, 10.0, "arctic_ocean"),
        (89.5, 180.0, "arctic_ocean"),
        (75.0, -180.0, "arctic_ocean"),
        (70.0, 0.0, "arctic_ocean"),   // Norwegian Sea
        (65.5, 38.0, "arctic_ocean"),  // White Sea
        (72.0, -65.0, "arctic_ocean"), // Baffin Bay
        (36.0, 15.0, "mediterranean_sea"),
        (45.0, 13.0, "mediterranean_sea"), // Adriatic
        (40.7, 28.2, "black_sea"),         // Marmara
        (46.0, 36.5, "black_sea"),         // Azov
        (67.3, -73.0, "hudson_bay"),       // Foxe Basin
        (70.0, -78.3, "hudson_bay"),
        (65.9, -90.6, "hudson_bay"),   // Wager Bay
        (65.8, -21.2, "arctic_ocean"), // Húnaflói
        (60.0, -69.0, "hudson_bay"),   // Ungava Bay
        (56.5, 11.6, "baltic_sea"),    // Kattegat
        (65.0, 23.5, "baltic_sea"),
        (28.9, 34.7, "red_sea"), // Gulf of Aqaba
    ];
    for (lat, lon, name) in places {
        assert_eq!(of(lat, lon), [name], "{lat}, {lon}");
        assert_eq!(of(lat, lon + 360.0), [name], "{lat}, {lon} a turn on");
    }
    // Limits of land and sea alike: tenths of degrees lie on many of them. Both conventions agree.
    for row in (-900..=900).step_by(2) {
        for column in (0..3600).step_by(2) {
            let (lat, lon) = (f64::from(row) / 10.0, f64::from(column) / 10.0);
            let found = of(lat, lon);
            assert!(found.len() <= 1, "{lat}, {lon}: {found:?}");
            if column % 20 == 0 {
                assert_eq!(found, of(lat, lon - 360.0), "{lat}, {lon}");
            }
        }
    }
    let both = shapes("atlantic_arctic_ocean");
    assert!(both.hold(26.0, -36.0, [NEAR; 2]) && both.hold(85.0, 7.0, [NEAR; 2]));
    assert!(!both.hold(36.0, 15.0, [NEAR; 2]) && !shapes("indian_pacific_ocean").hold(0.0, -30.0, [NEAR; 2]));
}
