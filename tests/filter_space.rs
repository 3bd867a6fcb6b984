//! `halocline filter space` against gcm-filters and its definition, on any ranks, maps divided or
//! not.

mod common;
#[path = "filter_space/land.rs"]
mod land;
#[path = "filter_space/vector.rs"]
mod vector;

use common::{attribute, contents, data, launches, run, run_well, text, values, Launch};
use halocline::algorithms::filter::space::{BlockFilter, Metrics, Scratch, Shape, Table, Target};
use halocline::core::comm::Comm;
use halocline::core::decomposition::Decomposition;
use halocline::core::engine::{Numbers, NumbersMut};
use halocline::core::halo::{Beyond, Edges, Ends, Fold, HaloPlan, Parcels, Pivot, Point};
use halocline::core::index::IndexBox;
use halocline::core::meta::{Dim, Role};
use std::f64::consts::PI;
use std::path::Path;

const ROWS: usize = 10;
const COLUMNS: usize = 14;
const SHAPE: [usize; 2] = [ROWS, COLUMNS];

/// A map of the reference, and the neighbour of a cell on its torus.
fn shifted(map: &[f64], down: usize, right: usize) -> Vec<f64> {
    let at = |c: usize| ((c / COLUMNS + down) % ROWS) * COLUMNS + (c % COLUMNS + right) % COLUMNS;
    (0..map.len()).map(|c| map[at(c)]).collect()
}

fn combine(maps: &[&[f64]], f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    (0..maps[0].len()).map(|c| f(&maps.iter().map(|m| m[c]).collect::<Vec<_>>())).collect()
}

/// The grids of gcm-filters as metrics here.
fn metrics(grid: &str, of: &dyn Fn(&str) -> Vec<f64>) -> Metrics {
    let beyond = Beyond::Missing;
    let torus = Edges { level: Ends::Periodic, y: Ends::Periodic, x: Ends::Periodic };
    let fold = Fold { pivot: Pivot::F, point: Point::Tracer, flips: false };
    let folded = Edges::tripolar(beyond, fold);
    let (area, cells) = (of("area"), Table::Cells);
    let faces = |east: Vec<f64>, north: Vec<f64>, edges: Edges| {
        Metrics::new(SHAPE, [cells(east), cells(north), cells(area.clone())], None, edges)
    };
    // The western and southern face of a cell is the eastern and northern one of another.
    let made = match grid {
        "regular" | "land" => Metrics::regular(SHAPE, torus),
        "regular_area" | "land_area" => Metrics::regular_with_area(SHAPE, cells(area.clone()), torus),
        "tripolar_area" => Metrics::regular_with_area(SHAPE, cells(area.clone()), folded),
        "irregular" => {
            let west = combine(&[&of("dyw"), &of("dxw"), &of("kappa_w")], |v| v[0] / v[1] * v[2]);
            let south = combine(&[&of("dxs"), &of("dys"), &of("kappa_s")], |v| v[0] / v[1] * v[2]);
            faces(shifted(&west, 0, 1), shifted(&south, 1, 0), torus)
        }
        "tripolar_pop" => {
            let east = combine(&[&of("dye"), &of("dxe")], |v| v[0] / v[1]);
            let north = combine(&[&of("dxn"), &of("dyn")], |v| v[0] / v[1]);
            faces(east, north, folded)
        }
        "mom5t" => {
            // Its first dimension, x there, is y here.
            let (dxt, dyt, dxu, dyu) = (of("dxt"), of("dyt"), of("dxu"), of("dyu"));
            let east = combine(&[&dyt, &shifted(&dyt, 0, 1), &dxu, &shifted(&dxu, ROWS - 1, 0)], |v| {
                (v[0] + v[1]) / (v[2] + v[3])
            });
            let north = combine(&[&dxt, &shifted(&dxt, 1, 0), &dyu, &shifted(&dyu, 0, COLUMNS - 1)], |v| {
                (v[0] + v[1]) / (v[2] + v[3])
            });
            faces(east, north, torus)
        }
        other => panic!("{other}"),
    };
    made.expect("metrics")
}

#[test]
fn grids_of_gcm_filters_come_out() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/filter_space.nc");
    let file = netcdf::open(path).expect("a reference");
    let of = |name: &str| -> Vec<f64> {
        file.variable(name).expect("a variable").get_values(..).expect("numbers")
    };
    let number = |name: &str, which: &str| -> f64 {
        match file.variable(name).expect("a variable").attribute_value(which) {
            Some(Ok(netcdf::AttributeValue::Int(n))) => f64::from(n),
            Some(Ok(netcdf::AttributeValue::Double(x))) => x,
            other => panic!("{which} is {other:?}"),
        }
    };
    let (field, mask) = (of("field"), of("mask"));
    let mut cases = 0;
    let grids = [
        "regular",
        "regular_area",
        "land",
        "land_area",
        "irregular",
        "tripolar_area",
        "tripolar_pop",
        "mom5t",
    ];
    for grid in grids {
        let metrics = metrics(grid, &of);
        let wet = |c: usize| grid.starts_with("regular") || grid == "mom5t" || mask[c] > 0.0;
        let map: Vec<f64> = (0..field.len()).map(|c| if wet(c) { field[c] } else { f64::NAN }).collect();
        let filters = [
            ("gaussian", Shape::Gaussian, 4.0),
            ("taper", Shape::Taper { width: PI }, 3.0),
            ("taper_2_11", Shape::Taper { width: 2.0 }, 3.0),
        ];
        for (filter, shape, scale) in filters {
            let name = format!("{grid}_{filter}");
            let target = Target { shape, scale, spacing: number(&name, "dx_min") };
            let steps = number(&name, "n_steps") as usize;
            if filter != "taper_2_11" {
                assert_eq!(target.default_steps() as usize, steps, "{name}");
            }
            let polynomial = target.polynomial(Some(steps)).expect("a polynomial");
            let dims = [Dim::new("y", ROWS, Role::Y), Dim::new("x", COLUMNS, Role::X)];
            let whole = Decomposition::even(&dims, &IndexBox::whole(&SHAPE), &[1, 1], 1).expect("fits");
            let widths = BlockFilter::widths(&metrics, &polynomial, &whole);
            let comm = Comm::serial();
            let halo = HaloPlan::new(&comm, &whole, widths, &[metrics.edges()]).expect("a plan");
            let mut with_halo = vec![0.0; halo.extent().cells()];
            halo.extent().spread(&map, &mut with_halo);
            halo.fill(&comm, &mut Parcels::default(), &mut [with_halo.as_mut_slice()]);
            let block = BlockFilter::new(&metrics, &polynomial, halo.extent(), false);
            let mut out = vec![0.0; map.len()];
            let numbers = Numbers::F64(&with_halo);
            block.apply(&mut Scratch::default(), numbers, NumbersMut::F64(&mut out)).expect("finite");
            // They leave land as it is.
            for (c, theirs) in of(&name).iter().enumerate().filter(|(c, _)| wet(*c)) {
                assert!((out[c] / theirs - 1.0).abs() < 1e-10, "{name}: {} {theirs} at {c}", out[c]);
            }
            assert!((0..out.len()).all(|c| out[c].is_nan() != wet(c)), "{name}");
            cases += 1;
        }
    }
    assert_eq!(cases, 24);
}

/// A few months of sea surface temperatures.
fn sst() -> String {
    data("ersstv5_sst_201001-202008.nc").display().to_string()
}

const MONTHS: [&str; 2] = ["--time", "2010-01/2010-05"];

#[test]
fn the_same_bits_on_any_ranks_divided_or_not() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (one, other) = (folder.path().join("one.nc"), folder.path().join("other.nc"));
    let input = sst();
    let cases: [&[&str]; 3] = [
        &["--scale", "900km", "--box", "0,360,-70,70"],
        &["--scale", "3", "--grid-type", "regular-area", "--kind", "taper", "--precision", "double"],
        &[
            "--scale",
            "4",
            "--grid-type",
            "regular",
            "--kind",
            "boxcar",
            "--high-pass",
            "--box",
            "150,280,-40,50",
        ],
    ];
    for case in cases {
        let words = |out: &'_ Path| -> Vec<String> {
            let mut words: Vec<String> =
                ["filter", "space", &input, "--var", "sst", "-q", "-o", text(out)].map(String::from).to_vec();
            words.extend(MONTHS.iter().chain(case).map(ToString::to_string));
            words
        };
        let plain = words(&one);
        run_well(Launch::Plain(2), &plain.iter().map(String::as_str).collect::<Vec<_>>());
        for launch in launches() {
            let parts = match launch {
                Launch::Plain(2) => continue,
                Launch::Plain(_) | Launch::Mpi(1 | 3) => None,
                Launch::ThreadRanks(2) => Some("lat=2"),
                Launch::ThreadRanks(3) => Some("lon=3"),
                Launch::ThreadRanks(_) => Some("time=2,lat=2"),
                Launch::Mpi(2) => Some("lon=2"),
                Launch::Mpi(_) => Some("lat=2,lon=2"),
            };
            let mut all = words(&other);
            all.extend(parts.iter().flat_map(|p| ["--decomposition".to_owned(), (*p).to_owned()]));
            run_well(launch, &all.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(contents(&one), contents(&other), "{case:?} {parts:?} {launch:?}");
        }
    }
}

#[test]
fn integrals_stay_and_parts_add_up() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (low, high) = (folder.path().join("low.nc"), folder.path().join("high.nc"));
    let input = sst();
    let base = ["filter", "space", &input, "--var", "sst", "--precision", "double", "-q"];
    let file = netcdf::open(&input).expect("the input");
    let lat: Vec<f64> = file.variable("lat").expect("latitudes").get_values(..).expect("numbers");
    let sst: Vec<f32> = file.variable("sst").expect("sst").get_values(..).expect("numbers");
    let cells = lat.len() * 180;
    for options in [
        ["--scale", "700km", "--kind", "gaussian", "--grid-type", "irregular"],
        ["--scale", "5", "--kind", "boxcar", "--grid-type", "regular-area"],
    ] {
        let with = |more: &[&'static str], out: &Path| {
            let mut words = base.to_vec();
            words.extend(options);
            words.extend(MONTHS);
            words.extend(more);
            words.extend(["-o", text(out)]);
            run_well(Launch::Plain(2), &words);
        };
        with(&[], &low);
        with(&["--high-pass"], &high);
        let (low_values, high_values) = (values(&low, "sst"), values(&high, "sst"));
        assert_eq!(low_values.len(), 5 * cells);
        for month in 0..5 {
            let range = month * cells..(month + 1) * cells;
            let map: Vec<f64> = sst[range.clone()].iter().map(|v| f64::from(*v)).collect();
            let (low, high) = (&low_values[range.clone()], &high_values[range]);
            let edge = |lat: f64| lat.clamp(-90.0, 90.0).to_radians().sin();
            let area = |c: usize| edge(lat[c / 180] + 1.0) - edge(lat[c / 180] - 1.0);
            let (mut before, mut after) = (0.0, 0.0);
            for (c, value) in map.iter().enumerate().filter(|(_, v)| v.abs() < 1000.0) {
                before += value * area(c).abs();
                after += low[c] * area(c).abs();
                assert!((low[c] + high[c] - value).abs() < 1e-12);
            }
            assert!((after / before - 1.0).abs() < 1e-12, "{options:?}: {before} {after}");
            assert!(low.iter().zip(&map).all(|(l, m)| (l.abs() < 1000.0) == (m.abs() < 1000.0)));
        }
        assert!(attribute(&high, "sst", "long_name").is_some_and(|t| t.contains("high-pass")));
        assert!(attribute(&low, "sst", "filter").is_some_and(|t| t.contains("Laplacian steps")));
    }
}

#[test]
fn bad_requests_are_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let input = sst();
    for (words, code, part) in [
        (&["--scale", "4"][..], 2, "counts cells"),
        (&["--scale", "100km", "--grid-type", "regular"], 2, "counts cells"),
        (&["--scale", "-1km"], 2, "no length"),
        (&["--scale", "4", "--grid-type", "regular", "--dx-min", "1km"], 2, "--dx-min"),
        (&["--scale", "900km", "--transition-width", "3"], 2, "--kind taper"),
        (&["--scale", "900km", "--kind", "taper", "--transition-width", "0.5"], 2, "more than 1"),
        (&["--scale", "900km", "--n-steps", "2"], 2, "3 or more"),
        (&["--scale", "900km", "--dx-min", "200km"], 2, "unstable"),
        (&["--scale", "1e9km"], 2, "steps would be needed"),
        (&["--scale", "900km", "--decomposition", "time=2,lat=2"], 2, "pieces"),
        (&["--scale", "900km", "--memory", "1M"], 5, "memory"),
    ] {
        let mut all = vec!["filter", "space", &input, "--var", "sst", "-q", "-o", text(&out)];
        all.extend(words);
        let result = run(Launch::Plain(1), &all);
        let errors = String::from_utf8_lossy(&result.stderr).into_owned();
        assert_eq!(result.status.code(), Some(code), "{words:?}: {errors}");
        assert!(errors.contains(part), "{words:?}: {errors}");
        assert!(!out.exists());
    }
}
