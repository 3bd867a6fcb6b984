//! Masks, regions, levels and ensembles by the command: against shapely, numpy and CDO, the same
//! bits on any ranks, and what is refused.

mod common;

use common::made::{Layout, Made};
use common::{contents, data, launches, names_in, run, run_well, text, values, Launch};
use std::path::{Path, PathBuf};

const SAMPLE: &str = "ersstv5_sst_201001-202008.nc";

fn reference(name: &str) -> Vec<f64> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/selections.nc");
    values(&path, name)
}

fn close(ours: &[f64], theirs: &[f64], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        let near = (a - b).abs() <= 1e-12 * b.abs().max(1e-3) || a.is_nan() && b.is_nan();
        assert!(near, "{what}, cell {i}: {a} is not {b}");
    }
}

#[test]
fn stored_references_on_any_ranks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let codes = format!("{}:basin", text(&data("selection_codes.nc")));
    let outlines = data("selection_outlines.geojson");
    let outlines = text(&outlines);
    let (pool, parts, some) = (format!("{outlines}:pool"), format!("{outlines}:2"), format!("{codes}=1,3"));
    let cases: [(&str, &[&str]); 5] = [
        ("basin", &["--mask", &some]),
        ("pool", &["--region", &pool]),
        ("parts", &["--region", &parts]),
        ("nino34", &["--region", "nino3.4"]),
        ("both", &["--mask", &codes, "--region", &pool]),
    ];
    let input = data(SAMPLE);
    for (name, options) in cases {
        let mut first = None;
        // All ways for the one that has both.
        let ways = if name == "both" { launches() } else { vec![Launch::Plain(1), Launch::ThreadRanks(3)] };
        for launch in ways {
            let arguments = ["stats", text(&input), "--var", "sst", "-q", "-o", text(&out)];
            run_well(launch, &[&arguments[..], options].concat());
            let now = contents(&out);
            assert_eq!(*first.get_or_insert_with(|| now.clone()), now, "{launch:?}");
            if launch == Launch::Plain(1) {
                close(&values(&out, "sst"), &reference(name), name);
                let told = &now[":halocline_stats_options"];
                assert!(options.iter().skip(1).step_by(2).all(|o| told.contains(o)), "{told}");
            }
        }
        for io in ["direct", "library"] {
            let arguments = ["stats", text(&input), "--var", "sst", "-q", "-o", text(&out), "--io", io];
            run_well(Launch::Plain(2), &[&arguments[..], options].concat());
            assert_eq!(first.as_ref(), Some(&contents(&out)), "{name} {io}");
        }
    }
    let (input, region) = (data("case_curvilinear_input.nc"), data("selection_curvilinear.geojson"));
    let arguments =
        ["stats", text(&input), "--var", "SST", "--region", text(&region), "-q", "-o", text(&out)];
    run_well(Launch::ThreadRanks(2), &arguments);
    close(&values(&out, "SST"), &reference("curved"), "curvilinear");
}

#[test]
fn oceans_add_up_to_all_of_the_sea() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let input = data(SAMPLE);
    let cells = |options: &[&str]| {
        let arguments = [
            "stats",
            text(&input),
            "--var",
            "sst",
            "--op",
            "count",
            "--over",
            "time,lat,lon",
            "-q",
            "-o",
            text(&out),
        ];
        run_well(Launch::Plain(1), &[&arguments[..], options].concat());
        values(&out, "sst").iter().sum::<f64>()
    };
    let oceans = [
        "southern_ocean",
        "atlantic",
        "pacific",
        "indian",
        "arctic_ocean",
        "mediterranean",
        "black_sea",
        "hudson_bay",
        "baltic",
        "red_sea",
    ];
    let parts: f64 = oceans.iter().map(|name| cells(&["--region", name])).sum();
    // The sample has the Great Lakes and the Caspian Sea too.
    let lakes = cells(&["--box", "-95,-75,40,50"])
        - cells(&["--box", "-95,-75,40,50", "--region", "atlantic"])
        + cells(&["--box", "46,56,35,48"]);
    assert_eq!(parts + lakes, cells(&[]));
}

#[test]
fn an_eof_of_a_region_is_that_of_its_cells() {
    // A region that is a box: the same modes as those of the box, on the whole map.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (whole, cut) = (folder.path().join("region.nc"), folder.path().join("box.nc"));
    let input = data(SAMPLE);
    let common = ["eof", text(&input), "--var", "sst", "--modes", "3", "-q", "-o"];
    let options = ["--region", "tropics", "--box", "120,290,-60,60"];
    run_well(Launch::ThreadRanks(3), &[&common[..], &[text(&whole)], &options].concat());
    run_well(Launch::Plain(2), &[&common[..], &[text(&cut), "--box", "120,290,-20,20"]].concat());
    let (ours, theirs) = (values(&whole, "eigenvalue"), values(&cut, "eigenvalue"));
    assert!(ours.iter().zip(&theirs).all(|(a, b)| (a - b).abs() <= 1e-9 * b), "{ours:?} {theirs:?}");
    let missing = |path: &Path| values(path, "eof").iter().filter(|v| !v.is_nan()).count();
    assert_eq!(missing(&whole), missing(&cut));
}

#[test]
fn levels_from_one_to_another() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (all, some) = (folder.path().join("all.nc"), folder.path().join("some.nc"));
    let input = data("case_packed_input.nc");
    let common = ["stats", text(&input), "--var", "thetao", "-q", "-o"];
    run_well(Launch::Plain(1), &[&common[..], &[text(&all)]].concat());
    let depths = values(&all, "depth");
    assert_eq!(depths.len(), 2);
    for (range, kept) in
        [(format!("{}/{}", depths[1], depths[0]), 0..2), (format!("{0}/{0}", depths[1]), 1..2)]
    {
        run_well(Launch::ThreadRanks(2), &[&common[..], &[text(&some), "--level", &range]].concat());
        assert_eq!(values(&some, "depth"), depths[kept.clone()]);
        let map = values(&all, "thetao").len() / 2;
        let part = &values(&all, "thetao")[kept.start * map..kept.end * map];
        let bits = |v: &[f64]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&values(&some, "thetao")), bits(part));
    }
}

/// Member `m` of an ensemble: single precision, deflated, monthly.
fn member(folder: &Path, m: usize, days: f64) -> PathBuf {
    let path = folder.join(format!("tas_{m}.nc"));
    let mut file = netcdf::create(&path).expect("a test file");
    file.add_attribute("variant_label", format!("r{m}i1p1f1").as_str()).expect("an attribute");
    let (nt, ny, nx) = (9usize, 7usize, 12usize);
    let axes: [(&str, &str, Vec<f64>); 3] = [
        ("time", "days since 2000-01-01", (0..nt).map(|t| days + 30.0 * t as f64).collect()),
        ("lat", "degrees_north", (0..ny).map(|j| -60.0 + 20.0 * j as f64).collect()),
        ("lon", "degrees_east", (0..nx).map(|i| 30.0 * i as f64).collect()),
    ];
    for (name, units, values) in &axes {
        file.add_dimension(name, values.len()).expect("a dimension");
        let mut v = file.add_variable::<f64>(name, &[name]).expect("a variable");
        v.put_attribute("units", *units).expect("an attribute");
        v.put_values(values, ..).expect("written");
    }
    let mut v = file.add_variable::<f32>("tas", &["time", "lat", "lon"]).expect("a variable");
    v.set_chunking(&[2, 7, 12]).expect("chunks");
    v.set_compression(1, true).expect("a filter");
    let all: Vec<f32> = (0..nt * ny * nx).map(|k| value(m, k / (ny * nx), k % (ny * nx))).collect();
    v.put_values(&all, ..).expect("written");
    path
}

fn value(m: usize, t: usize, c: usize) -> f32 {
    ((m * 7919 + t * 104_729 + c * 31 + t * c * m) % 1009) as f32 * 0.25 + 250.0
}

#[test]
fn ensembles_on_any_ranks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let members: Vec<PathBuf> = [3, 1, 2].iter().map(|&m| member(folder.path(), m, 15.0)).collect();
    let out = folder.path().join("out.nc");
    let paths: Vec<&str> = members.iter().map(|p| text(p)).collect();
    let options =
        ["--var", "tas", "--ensemble", "--op", "mean,max", "-q", "--region", "nh", "-o", text(&out)];
    let mut first = None;
    for launch in launches() {
        run_well(launch, &[&["stats"], &paths[..], &options].concat());
        let now = contents(&out);
        assert_eq!(*first.get_or_insert_with(|| now.clone()), now, "{launch:?}");
    }
    for parts in ["member=3", "lat=3", "time=3"] {
        let by_hand = [&["stats"], &paths[..], &options, &["--decomposition", parts]].concat();
        run_well(Launch::ThreadRanks(3), &by_hand);
        assert_eq!(first.as_ref(), Some(&contents(&out)), "{parts}");
    }
    assert_eq!(values(&out, "member"), [1.0, 2.0, 3.0]);
    let file = netcdf::open(&out).expect("opens");
    let names: Vec<String> = file
        .variable("tas_mean")
        .expect("is there")
        .dimensions()
        .iter()
        .map(netcdf::Dimension::name)
        .collect();
    assert_eq!(names, ["time", "member", "lat", "lon"]);
    let first = first.expect("ran");
    assert!(first[":halocline_stats_options"].contains("ensemble=yes; region=nh"));
    assert!(first["tas_mean:coordinates"].contains("member_label"));
    let labels = file.variable("member_label").expect("is there").get_raw_values(..).expect("characters");
    assert_eq!(labels, b"r3i1p1f1r1i1p1f1r2i1p1f1");
    let mut want = Vec::new();
    for m in [3, 1, 2] {
        for c in 0..84 {
            let sum: f64 = (0..9).map(|t| f64::from(value(m, t, c))).sum();
            want.push(if c >= 36 { sum / 9.0 } else { f64::NAN });
        }
    }
    close(&values(&out, "tas_mean"), &want, "mean of members");
    // The first of them is changed: the next differs from it.
    drop(file);
    member(folder.path(), 3, 45.0);
    let refused = run(Launch::ThreadRanks(2), &[&["stats"], &paths[..], &options].concat());
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(3), "{error}");
    assert!(
        error.contains("tas_1.nc") && error.contains("2000-01-16") && error.contains("2000-02-15"),
        "{error}"
    );
}

#[test]
fn what_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let results = folder.path().join("results");
    std::fs::create_dir(&results).expect("a folder");
    let (out, input, codes) = (results.join("out.nc"), data(SAMPLE), data("selection_codes.nc"));
    let write = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("written");
        text(&path).to_owned()
    };
    let broken = write("broken.geojson", r#"{"type":"Polygon","coordinates":[[[0,0],[1,0]"#);
    let point = write("point.geojson", r#"{"type":"Point","coordinates":[0,0]}"#);
    let land = write(
        "land.geojson",
        r#"{"type":"Polygon","coordinates":[[[0.1,0.1],[0.2,0.1],[0.2,0.2],[0.1,0.2],[0.1,0.1]]]}"#,
    );
    let outlines = format!("{}:lake", text(&data("selection_outlines.geojson")));
    let of_codes = |rest: &str| format!("{}{rest}", text(&codes));
    let curved = format!("{}:TAREA", text(&data("case_curvilinear_input.nc")));
    let (none, tiny, word) = (of_codes(":basin=99"), of_codes(":basim"), of_codes(":basin=one"));
    let cases: [(&[&str], i32, &str); 16] = [
        (&["--mask", &of_codes("")], 2, "FILE:VAR"),
        (&["--mask", &word], 2, "no numbers"),
        (&["--mask", &tiny], 2, "did you mean `basin`"),
        (&["--mask", &none], 2, "true at no cell"),
        (&["--mask", "/no/such.nc:v"], 3, "/no/such.nc"),
        (&["--mask", &curved], 3, "shapes differ"),
        (&["--region", "nino9"], 2, "nino3.4"),
        (&["--region", "list"], 2, "nino3.4 or nino34 (-170,-120,-5,5)"),
        (&["--region", "/no/such.geojson"], 3, "no such file"),
        (&["--region", &broken], 3, "not GeoJSON"),
        (&["--region", &point], 3, "no polygon"),
        (&["--region", &land], 2, "no cell centre"),
        (&["--region", &outlines], 2, "pool, parts"),
        (&["--region", "nino3.4", "--box", "0,90,-20,20"], 2, "no cell centre"),
        (&["--level", "1/x"], 2, "--level"),
        (&["--level", "1/2"], 2, "no levels"),
    ];
    let mpi = cfg!(feature = "mpi").then_some(Launch::Mpi(2));
    for launch in [Launch::Plain(1), Launch::ThreadRanks(3)].into_iter().chain(mpi) {
        // Starting so many ranks takes its time.
        let step = if matches!(launch, Launch::Mpi(_)) { 4 } else { 1 };
        for (options, code, word) in cases.iter().step_by(step) {
            let arguments = ["stats", text(&input), "--var", "sst", "-q", "-o", text(&out)];
            let output = run(launch, &[&arguments[..], options].concat());
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(*code), "{launch:?} {options:?}: {error}");
            let lines: Vec<&str> = error.lines().filter(|l| l.starts_with("halocline: ")).collect();
            assert!(lines.len() == 1 && lines[0].contains(word), "{launch:?} {options:?}: {error}");
            assert_eq!(names_in(&results), Vec::<String>::new());
        }
    }
    let one = ["--var", "sst", "-q", "-o", text(&out), "--ensemble"];
    let trend = data("case_trend_input.nc");
    let cases: [(&[&str], i32, &str); 3] = [
        (&["eof", text(&input)], 2, "leave out --ensemble"),
        (&["rechunk", text(&input)], 2, "one by one"),
        (&["stats", text(&input), text(&trend)], 3, "case_trend_input.nc"),
    ];
    for (arguments, code, word) in cases {
        let output = run(Launch::Plain(1), &[arguments, &one].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(code) && error.contains(word), "{arguments:?}: {error}");
    }
}

#[test]
fn a_saved_state_belongs_to_its_selection() {
    // The mask's file is changed between two runs: the state of the first is no part of the other.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mask = folder.path().join("mask.nc");
    std::fs::copy(data("selection_codes.nc"), &mask).expect("copied");
    let (out, state, input) = (folder.path().join("out.nc"), folder.path().join("state"), data(SAMPLE));
    let option = format!("{}:basin", text(&mask));
    let arguments = ["stats", text(&input), "--var", "sst", "-q", "-o", text(&out), "--mask", &option];
    let stopping = ["--checkpoint", text(&state), "--time-limit", "0.001s"];
    let stopped = run(Launch::Plain(1), &[&arguments[..], &stopping].concat());
    assert_eq!(stopped.status.code(), Some(75), "{}", String::from_utf8_lossy(&stopped.stderr));
    let file = std::fs::File::options().write(true).open(&mask).expect("opens");
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).expect("a time of change");
    let resuming = ["--checkpoint", text(&state), "--resume"];
    let refused = run(Launch::Plain(1), &[&arguments[..], &resuming].concat());
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && !out.exists(), "{error}");
}

#[test]
fn no_output_replaces_a_mask_a_region_or_a_list() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let (input, mask, region, list) = (at("in.nc"), at("mask.nc"), at("region.geojson"), at("list.txt"));
    for (path, times) in [(&input, 12), (&mask, 1)] {
        Made { shape: [times, 4, 5], layout: Layout::Classic, since: 0 }.write(path);
    }
    let square = r#"{"type":"Feature","properties":{"name":"A"},"geometry":{"type":"Polygon","coordinates":[[[0,-90],[360,-90],[360,90],[0,90],[0,-90]]]}}"#;
    std::fs::write(&region, square).expect("written");
    std::fs::write(&list, text(&input)).expect("written");
    let masked = format!("{}:tos", text(&mask));
    let named = format!("{}:A", text(&region));
    let of_list = ["--files", text(&list)];
    let (by_mask, by_region) = ([text(&input), "--mask", &masked], [text(&input), "--region", &named]);
    let cases: [(&[&str], &Path); 3] = [(&by_mask, &mask), (&by_region, &region), (&of_list, &list)];
    for (inputs, target) in cases {
        let before = std::fs::read(target).expect("is there");
        for command in [
            &["stats"][..],
            &["histogram", "--bins", "0:400:4"],
            &["climatology", "--by", "month"],
            &["spectrum", "power"],
            &["filter", "time", "--band", "90d,"],
            &["eof", "--modes", "1"],
        ] {
            let words = [command, inputs, &["--var", "tos", "-q", "-o", text(target)]].concat();
            let output = run(Launch::Plain(1), &words);
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{words:?} {error}");
            assert!(error.contains("would replace an input"), "{words:?} {error}");
            assert!(std::fs::read(target).expect("is there") == before, "{words:?}");
        }
    }
}
