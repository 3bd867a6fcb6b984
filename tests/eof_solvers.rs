//! `halocline eof --solver`: randomized modes lie within their bounds of the exact ones, whatever is
//! removed, weighted and put together; the same bits on any ranks; what does not go together.

mod common;

use common::place::Place;
use common::{data, launches, run, run_well, text, values, Launch};
use std::path::{Path, PathBuf};

fn reference(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

fn analysed(launch: Launch, input: &Path, arguments: &[&str], out: &Path) -> String {
    let output = run_well(launch, &[&["eof", text(input), "-o", text(out)], arguments].concat());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The modes of `arguments`, exact and within a tolerance.
fn compare(input: &Path, arguments: &[&str], solver: &[&str], tolerance: f64, eofs: &[&str]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [exact, rough] = ["exact.nc", "rough.nc"].map(|name| folder.path().join(name));
    analysed(Launch::Plain(2), input, arguments, &exact);
    let told = tolerance.to_string();
    let randomized = [arguments, &["--solver", "randomized", "--tolerance", &told], solver].concat();
    let said = analysed(Launch::Plain(2), input, &randomized, &rough);
    assert!(said.contains("randomized, ") && said.contains(" passes with up to "), "{said}");
    let of = |name: &str| (values(&exact, name), values(&rough, name));
    let (ours, theirs) = of("eigenvalue");
    let bounds = values(&rough, "eigenvalue_error_bound");
    for (k, (a, b)) in ours.iter().zip(&theirs).enumerate() {
        assert!((a - b).abs() <= bounds[k] + 1e-12 * ours[0], "{arguments:?} {k}: {a} {b} {}", bounds[k]);
        assert!(bounds[k] <= tolerance * b * 1.000_001, "{arguments:?} {k}: {} of {b}", bounds[k]);
        // The error itself is about the square of the bound.
        assert!((a - b).abs() <= 10.0 * tolerance * tolerance * ours[0] + 1e-10 * ours[0], "{k}: {a} {b}");
    }
    let (total, same) = of("total_variance");
    assert!((total[0] / same[0] - 1.0).abs() < 1e-12);
    for name in eofs.iter().chain(&["pc"]) {
        let (a, b) = of(name);
        let largest = a.iter().filter(|v| v.is_finite()).fold(0.0f64, |m, v| m.max(v.abs()));
        assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(&b) {
            let close = a.is_nan() && b.is_nan() || (a - b).abs() <= 30.0 * tolerance * largest;
            assert!(close, "{arguments:?} {name}: {a} {b} of {largest}");
        }
    }
}

#[test]
fn within_their_bounds() {
    let trend = data("case_trend_input.nc");
    for tolerance in [1e-3, 1e-6] {
        let plain: &[&str] = &["--var", "tas", "--modes", "3"];
        compare(&trend, plain, &[], tolerance, &["eof", "mean"]);
        compare(&trend, plain, &["--seed", "7", "--precision", "mixed"], tolerance, &["eof"]);
        let more = ["--detrend", "--standardize", "--weights", "none"];
        compare(&trend, &[plain, &more].concat(), &[], tolerance, &["eof"]);
        let area = ["--weights", "area", "--anomaly", "climatology", "--eof-scaling", "0"];
        compare(&trend, &[plain, &area].concat(), &[], tolerance, &["eof", "mean"]);
    }
    // More times than cells, and a box.
    let spatial = data("case_spatial_input.nc");
    compare(&spatial, &["--var", "zos", "--modes", "2"], &[], 1e-5, &["eof"]);
    let several = reference("modes_input.nc");
    for scale in ["variance", "none", "1,0.02"] {
        let arguments = ["--var", "tas,ps", "--modes", "3", "--scale", scale];
        compare(&several, &arguments, &[], 1e-6, &["eof_tas", "eof_ps"]);
    }
}

#[test]
fn sea_surface_temperatures() {
    let input = data("ersstv5_sst_201001-202008.nc");
    let arguments = ["--var", "sst", "--modes", "5", "--anomaly", "climatology"];
    compare(&input, &arguments, &[], 1e-3, &["eof"]);
    compare(&input, &arguments, &["--precision", "mixed"], 1e-3, &["eof"]);
}

#[test]
fn all_modes_there_are() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let input = data("case_trend_input.nc");
    let [exact, rough] = ["exact.nc", "rough.nc"].map(|name| folder.path().join(name));
    // Two times have one mode, twelve have eleven.
    for (time, modes) in [("1850-01-01/1850-03-01", "11"), ("1850-01-01/1850-01-10", "1")] {
        let mut arguments = vec!["--var", "tas", "--time", time, "--modes", modes];
        analysed(Launch::Plain(1), &input, &arguments, &exact);
        arguments.extend(["--solver", "randomized", "--tolerance", "1e-8"]);
        analysed(Launch::ThreadRanks(4), &input, &arguments, &rough);
        let (a, b) = (values(&exact, "eigenvalue"), values(&rough, "eigenvalue"));
        assert_eq!(a.len(), b.len());
        assert!(a.iter().zip(&b).all(|(x, y)| (x - y).abs() < 1e-10 * a[0]), "{a:?} {b:?}");
    }
}

fn everything(path: &Path) -> Vec<(String, Vec<u64>)> {
    let file = netcdf::open(path).expect("opens");
    let names: Vec<String> = file.variables().map(|v| v.name()).collect();
    let bits = |name: &String| values(path, name).into_iter().map(f64::to_bits).collect();
    names.iter().map(|name| (name.clone(), bits(name))).collect()
}

#[test]
fn the_same_bits_on_any_ranks_and_in_any_memory() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [first, again] = ["first.nc", "again.nc"].map(|name| folder.path().join(name));
    let sst = data("ersstv5_sst_201001-202008.nc");
    let cases: [(PathBuf, &[&str]); 3] = [
        (reference("modes_input.nc"), &["--var", "tas,ps", "--modes", "3", "--rotate", "varimax"]),
        (reference("modes_input.nc"), &["--var", "ps", "--modes", "3", "--precision", "mixed"]),
        (sst, &["--var", "sst", "--modes", "4", "--convention", "eofs", "--significance", "north-effective"]),
    ];
    for (input, arguments) in cases {
        let arguments = [arguments, &["--solver", "randomized", "--tolerance", "1e-4", "-q"]].concat();
        analysed(Launch::Plain(1), &input, &arguments, &first);
        let expected = everything(&first);
        assert!(expected.iter().any(|(name, _)| name == "eigenvalue_error_bound"));
        for launch in launches().into_iter().skip(1) {
            analysed(launch, &input, &arguments, &again);
            assert_eq!(everything(&again), expected, "{launch:?} {arguments:?}");
        }
        // Whatever fits: the smallest that does works batch by batch.
        let mut fits = 0;
        for memory in ["120MB", "140MB", "170MB", "220MB"] {
            let with =
                [&["eof", text(&input), "-o", text(&again), "--memory", memory], &arguments[..]].concat();
            let output = run(Launch::Plain(2), &with);
            match output.status.code() {
                Some(0) => {
                    fits += 1;
                    assert_eq!(everything(&again), expected, "{memory}");
                }
                Some(5) => assert_eq!(fits, 0, "more memory must do, too"),
                other => panic!("{other:?}: {}", String::from_utf8_lossy(&output.stderr)),
            }
        }
        assert!(fits > 0);
    }
}

/// More times than cells, more than memory holds as anomalies: a few waves and noise, in single
/// precision, one cell of land.
fn write_waves(path: &Path, times: usize, [ny, nx]: [usize; 2]) {
    let mut file = netcdf::create(path).expect("a test file");
    for (name, len) in [("time", times), ("lat", ny), ("lon", nx)] {
        file.add_dimension(name, len).expect("a dimension");
    }
    for (name, units) in
        [("time", "days since 1900-01-01"), ("lat", "degrees_north"), ("lon", "degrees_east")]
    {
        let mut variable = file.add_variable::<f64>(name, &[name]).expect("a variable");
        variable.put_attribute("units", units).expect("an attribute");
        let len = variable.len();
        let values: Vec<f64> = (0..len).map(|i| i as f64 * 1.5).collect();
        variable.put_values(&values, ..).expect("written");
    }
    let mut data = file.add_variable::<f32>("ta", &["time", "lat", "lon"]).expect("a variable");
    data.put_attribute("units", "K").expect("an attribute");
    data.set_fill_value(1e20f32).expect("a fill value");
    data.set_chunking(&[times.min(500), ny, nx]).expect("chunks");
    let value = |t: usize, c: usize| {
        if c == 17 {
            return 1e20;
        }
        let (time, cell) = (t as f64, c as f64);
        let noise = ((t * 7919 + c * 104_729 + t * c * 31) % 1009) as f64 / 1009.0;
        let waves =
            4.0 * (0.02 * time).sin() * (0.3 * cell).cos() + 2.0 * (0.11 * time).cos() * (0.2 * cell).sin();
        (250.0 + 1e-4 * time + waves + noise) as f32
    };
    let values: Vec<f32> = (0..times * ny * nx).map(|i| value(i / (ny * nx), i % (ny * nx))).collect();
    data.put_values(&values, ..).expect("written");
}

#[test]
fn more_times_than_cells_step_by_step() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [input, first, again] = ["in.nc", "first.nc", "again.nc"].map(|name| folder.path().join(name));
    write_waves(&input, 50_000, [6, 10]);
    for more in [&["--detrend"][..], &["--standardize", "--anomaly", "climatology", "--weights", "none"]] {
        let arguments = [&["--var", "ta", "--modes", "2", "-q"], more].concat();
        analysed(Launch::Plain(1), &input, &arguments, &first);
        let expected = everything(&first);
        assert!(values(&first, "variance_fraction").iter().sum::<f64>() > 0.8);
        for launch in [Launch::Plain(2), Launch::ThreadRanks(3), Launch::Mpi(2), Launch::Mpi(4)] {
            if cfg!(feature = "mpi") || !matches!(launch, Launch::Mpi(_)) {
                analysed(launch, &input, &arguments, &again);
                assert_eq!(everything(&again), expected, "{launch:?} {more:?}");
            }
        }
        let mut fits = Vec::new();
        for memory in ["70MB", "80MB", "90MB", "100MB", "120MB", "160MB"] {
            let with =
                [&["eof", text(&input), "-o", text(&again), "--memory", memory], &arguments[..]].concat();
            let output = run(Launch::Plain(2), &with);
            match output.status.code() {
                Some(0) => {
                    fits.push(memory);
                    assert_eq!(everything(&again), expected, "{memory}");
                }
                Some(5) => assert!(fits.is_empty(), "more memory must do, too"),
                other => panic!("{other:?}: {}", String::from_utf8_lossy(&output.stderr)),
            }
        }
        // The anomalies alone, as doubles in two layouts and on their way, take 72 MB.
        assert!(fits.contains(&"100MB"), "{fits:?}");
    }
}

#[test]
fn auto_says_what_it_picks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let input = data("ersstv5_sst_201001-202008.nc");
    let arguments = ["--var", "sst", "--modes", "3", "--solver", "auto"];
    let said = analysed(Launch::ThreadRanks(2), &input, &arguments, &out);
    assert!(said.contains("solver: exact, as no --tolerance is given"), "{said}");
    let said = analysed(Launch::Plain(2), &input, &[&arguments[..], &["--tolerance", "0.01"]].concat(), &out);
    // 128 times: the covariance is the cheaper one.
    assert!(said.contains("solver: exact, about"), "{said}");
    let many = folder.path().join("many.nc");
    write_waves(&many, 800, [20, 30]);
    let two = ["--var", "ta", "--modes", "2", "--solver", "auto", "--tolerance", "0.01"];
    let said = analysed(Launch::ThreadRanks(2), &many, &two, &out);
    assert!(said.contains("solver: randomized, about"), "{said}");
    let lags = ["--tolerance", "0.01", "--lags", "0..2"];
    let said = analysed(Launch::Plain(2), &input, &[&arguments[..], &lags].concat(), &out);
    assert!(said.contains("solver: exact: extended EOFs need the whole covariance"), "{said}");
}

#[test]
fn what_does_not_go_together() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let input = data("case_trend_input.nc");
    let rough = ["--solver", "randomized"];
    let cases: [(&[&str], i32, &str); 9] = [
        (&["--tolerance", "0.1"], 2, "the exact solver has none"),
        (&["--solver", "auto", "--tolerance", "2"], 2, "can't be met"),
        (&[rough[0], rough[1], "--tolerance", "1e-14"], 2, "can't be met"),
        (&[rough[0], rough[1], "--lags", "0..2"], 2, "extended EOFs need"),
        (&[rough[0], rough[1], "--complex"], 2, "complex EOFs need"),
        (&[rough[0], rough[1], "--missing", "dineof"], 2, "gaps needs"),
        (&[rough[0], rough[1], "--significance", "bootstrap:5"], 2, "the bootstrap"),
        (&[rough[0], rough[1], "--convention", "cdo"], 2, "as CDO has them"),
        (&[rough[0], rough[1], "--memory", "10MB"], 5, "memory"),
    ];
    for (arguments, code, words) in cases {
        let all = [&["eof", text(&input), "--var", "tas", "-o", text(&out), "-q"], arguments].concat();
        let output = run(Launch::ThreadRanks(2), &all);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
        assert!(message.contains(words) && message.trim().lines().count() == 1, "{arguments:?}: {message}");
        assert!(!out.exists());
    }
}

#[test]
fn a_step_of_a_pipeline() {
    let place = Place::new();
    std::fs::copy(data("case_trend_input.nc"), place.at("tas.nc")).expect("copied");
    let pipeline = "[source.t]\nfiles = 'tas.nc'\nvar = 'tas'\n[[step]]\ndo = 'eof'\nfrom = 't'\nmodes = 3\n\
                    solver = 'randomized'\ntolerance = 0.0001\noutput = 'eof.nc'\n";
    std::fs::write(place.at("p.toml"), pipeline).expect("written");
    let output = common::within_two_minutes(&place.command(Launch::ThreadRanks(2), &["run", "p.toml", "-q"]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let alone = place.at("alone.nc");
    let arguments = ["--var", "tas", "--modes", "3", "--solver", "randomized", "--tolerance", "0.0001"];
    analysed(Launch::Plain(1), &data("case_trend_input.nc"), &arguments, &alone);
    assert_eq!(everything(&place.at("eof.nc")), everything(&alone));
    let file = netcdf::open(&alone).expect("opens");
    let options = match file.attribute("halocline_eof_options").expect("recorded").value() {
        Ok(netcdf::AttributeValue::Str(options)) => options,
        other => panic!("{other:?}"),
    };
    for part in ["solver=randomized", "tolerance=0.0001", "solver_seed=1", "solver_passes="] {
        assert!(options.contains(part), "{options}");
    }
}
