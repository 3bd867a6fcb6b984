//! `halocline spectrum multitaper` and `wavelet` against numpy and NCL, on any ranks, and what they
//! refuse.

mod common;

use common::spectra::{kept, near, words, Place};
use common::{attribute, contents, data, launches, names_in, reference, run, run_well, text, values, Launch};
use std::path::Path;

fn has(path: &Path, name: &str) -> bool {
    netcdf::open(path).expect("opens").variable(name).is_some()
}

/// Every ninth of 203 times, of so many cells.
fn ninth(rows: &[f64], cells: usize) -> Vec<f64> {
    let times = rows.chunks(cells).collect::<Vec<_>>();
    times.chunks(203).flat_map(|times| times.iter().step_by(9).flat_map(|row| row.to_vec())).collect()
}

#[test]
fn multitaper_spectra_by_their_definition() {
    let (place, input, theirs) = (Place::new(), reference("spectra_input.nc"), reference("multitaper.nc"));
    for case in ["case0", "case1", "case2", "case3"] {
        let options = words(&theirs, case);
        let mut arguments = vec!["multitaper", text(&input), "--var", "u"];
        arguments.extend(options.iter().map(String::as_str));
        let out = place.spectrum(Launch::Plain(2), &arguments);
        let of = |name: &str| values(&theirs, &format!("{case}_{name}"));
        let what = |name: &str| format!("{case} {name}");
        for name in ["power", "background", "lag1_autocorrelation", "significance"] {
            near(&kept(&values(&out, name)), &of(name), 1e-10, &what(name));
        }
        for name in ["limit_lower", "limit_upper"] {
            near(&kept(&values(&out, name)), &of(name), 1e-9, &what(name));
        }
        for name in ["frequency", "f_limit"] {
            near(&values(&out, name), &of(name), 1e-12, &what(name));
        }
        let dof = values(&out, "degrees_of_freedom");
        let is_adaptive = options.iter().any(|o| o == "--adaptive");
        // Those of all series are the same, unless weights are their own.
        let dof = if is_adaptive { kept(&dof) } else { dof.iter().flat_map(|v| [*v, *v]).collect() };
        near(&dof, &of("degrees_of_freedom"), 1e-9, &what("degrees of freedom"));
        for name in ["f_ratio", "line_amplitude"] {
            let ours: Vec<f64> = kept(&values(&out, name));
            assert!(ours[0].is_nan(), "{case}: a line at frequency 0");
            let ours: Vec<f64> = ours.into_iter().map(|v| if v.is_nan() { 0.0 } else { v }).collect();
            near(&ours, &of(name), 1e-9, &what(name));
        }
        let units = |name| attribute(&out, name, "units");
        assert_eq!(units("power").as_deref(), Some("K2 day"));
        assert_eq!(units("limit_upper").as_deref(), Some("K2 day"));
        assert_eq!(units("line_amplitude").as_deref(), Some("K"));
        assert_eq!(units("f_ratio").as_deref(), Some("1"));
    }
}

#[test]
fn means_of_multitaper_spectra_are_of_everything() {
    let (place, input) = (Place::new(), reference("spectra_input.nc"));
    let base = ["multitaper", text(&input), "--var", "u", "--adaptive"];
    let out = place.spectrum(Launch::Plain(1), &base);
    let names = ["power", "background", "degrees_of_freedom"];
    let all: Vec<Vec<f64>> = names.iter().map(|name| values(&out, name)).collect();
    let out = place.spectrum(Launch::Plain(1), &[&base[..], &["--average", "lon"]].concat());
    for (name, all) in names.iter().zip(&all) {
        let means: Vec<f64> = all.chunks(3).map(|row| row.iter().sum::<f64>() / 3.0).collect();
        near(&values(&out, name), &means, 1e-12, name);
    }
    assert!(!has(&out, "f_ratio") && has(&out, "limit_upper"));
    assert_eq!(attribute(&out, "power", "cell_methods").as_deref(), Some("longitude: mean"));
    let few = place.spectrum(Launch::Plain(1), &[&base[..], &["--confidence", "none"]].concat());
    assert!(has(&few, "f_ratio") && !has(&few, "f_limit") && !has(&few, "background"));
    let few = place.spectrum(Launch::Plain(1), &[&base[..], &["--op", "noise"]].concat());
    assert!(has(&few, "significance") && !has(&few, "f_ratio") && !has(&few, "limit_lower"));
}

#[test]
fn wavelets_by_their_definition() {
    let (place, input, theirs) = (Place::new(), reference("spectra_input.nc"), reference("wavelet.nc"));
    for case in ["case0", "case1", "case2", "case3", "case4"] {
        let options = words(&theirs, case);
        let mut arguments = vec!["wavelet", text(&input), "--var", "u"];
        arguments.extend(options.iter().map(String::as_str));
        let out = place.spectrum(Launch::Plain(2), &arguments);
        let of = |name: &str| values(&theirs, &format!("{case}_{name}"));
        let what = |name: &str| format!("{case} {name}");
        near(&kept(&ninth(&values(&out, "power"), 6)), &of("power"), 1e-10, &what("power"));
        for name in ["global_power", "variance", "lag1_autocorrelation", "background", "significance"] {
            near(&kept(&values(&out, name)), &of(name), 1e-10, &what(name));
        }
        for name in ["period", "scale", "cone_of_influence"] {
            near(&values(&out, name), &of(name), 1e-12, &what(name));
        }
        let is_known = has(&theirs, &format!("{case}_scale_average"));
        assert_eq!(has(&out, "global_significance"), is_known);
        assert_eq!(has(&out, "scale_average_significance"), is_known);
        for name in
            ["reconstructed_variance", "scale_average", "global_significance", "scale_average_significance"]
        {
            if is_known {
                near(&kept(&values(&out, name)), &of(name), 1e-10, &what(name));
            }
        }
        if is_known {
            let dof = values(&out, "global_degrees_of_freedom");
            near(&dof, &of("global_degrees_of_freedom"), 1e-12, &what("degrees of freedom"));
        }
        assert_eq!(attribute(&out, "power", "units").as_deref(), Some("K2"));
        assert_eq!(attribute(&out, "period", "units").as_deref(), Some("day"));
        assert_eq!(attribute(&out, "global_power", "cell_methods").as_deref(), Some("time: mean"));
    }
}

#[test]
fn wavelets_as_ncl_has_them() {
    let (place, input, theirs) = (Place::new(), reference("spectra_input.nc"), reference("wavelet.nc"));
    for case in ["ncl0", "ncl1", "ncl2"] {
        let options = words(&theirs, case);
        let mut arguments = vec!["wavelet", text(&input), "--var", "index"];
        arguments.extend(options.iter().map(String::as_str));
        let out = place.spectrum(Launch::ThreadRanks(2), &arguments);
        let of = |name: &str| values(&theirs, &format!("{case}_{name}"));
        near(&ninth(&values(&out, "power"), 1), &of("power"), 1e-10, case);
        for name in ["period", "global_power", "cone_of_influence"] {
            near(&values(&out, name), &of(name), 1e-10, &format!("{case} {name}"));
        }
        // Its probability is a number of single precision.
        near(&values(&out, "significance"), &of("significance"), 1e-8, case);
    }
}

#[test]
fn one_place_and_means_of_wavelets() {
    let (place, input) = (Place::new(), reference("spectra_input.nc"));
    let base = ["wavelet", text(&input), "--var", "u", "--scale-average", "4,16"];
    let names = ["global_power", "scale_average", "variance", "background"];
    let out = place.spectrum(Launch::Plain(1), &base);
    // Power at each time of many cells is written if that is asked for.
    assert!(!has(&out, "power"));
    let all: Vec<Vec<f64>> = names.iter().map(|name| values(&out, name)).collect();
    let out = place.spectrum(Launch::Plain(1), &[&base[..], &["--at", "-341,55"]].concat());
    for (name, all) in names.iter().zip(&all) {
        let cell: Vec<f64> = all.iter().skip(5).step_by(6).copied().collect();
        assert_eq!(values(&out, name), cell, "{name}");
    }
    assert_eq!((values(&out, "lat"), values(&out, "lon")), (vec![60.0], vec![20.0]));
    let power = values(&out, "power");
    let global: Vec<f64> = power.chunks(203).map(|row| row.iter().sum::<f64>() / 203.0).collect();
    near(&values(&out, "global_power"), &global, 1e-12, "the mean over time");
    let out = place.spectrum(Launch::Plain(1), &[&base[..], &["--average", "lon"]].concat());
    for (name, all) in names.iter().zip(&all) {
        let means: Vec<f64> = all.chunks(3).map(|row| row.iter().sum::<f64>() / 3.0).collect();
        near(&values(&out, name), &means, 1e-12, name);
    }
    assert_eq!(
        attribute(&out, "global_power", "cell_methods").as_deref(),
        Some("time: mean longitude: mean")
    );
}

#[test]
fn the_same_bits_on_any_ranks() {
    let place = Place::new();
    let (sst, made) = (data("ersstv5_sst_201001-202008.nc"), reference("spectra_input.nc"));
    let area = ["--box", "150,200,-20,20"];
    let cases: Vec<Vec<&str>> = vec![
        [&["multitaper", text(&sst), "--var", "sst", "--remove-cycle", "month"], &area[..]].concat(),
        [&["multitaper", text(&sst), "--var", "sst", "--adaptive", "--average", "lat,lon"], &area[..]]
            .concat(),
        // Fewer cells than ranks.
        vec!["multitaper", text(&made), "--var", "index", "--adaptive", "--confidence", "0.9,0.95"],
        [&["wavelet", text(&sst), "--var", "sst", "--remove-cycle", "month"], &area[..]].concat(),
        [
            &["wavelet", text(&sst), "--var", "sst", "--average", "lat,lon", "--scale-average", "300,900"],
            &area[..],
        ]
        .concat(),
        vec!["wavelet", text(&made), "--var", "u", "--power", "yes", "--mother", "dog:2"],
        vec!["wavelet", text(&made), "--var", "index", "--detrend", "linear"],
    ];
    for arguments in cases {
        let one = contents(&place.spectrum(Launch::Plain(1), &arguments));
        for launch in launches() {
            let ours = contents(&place.spectrum(launch, &arguments));
            for (name, bits) in &one {
                assert!(ours.get(name) == Some(bits), "{launch:?} {arguments:?}: {name} differs");
            }
        }
    }
}

#[test]
fn little_memory_makes_batches_and_the_same_bits() {
    let place = Place::new();
    let sst = data("ersstv5_sst_201001-202008.nc");
    for arguments in [
        ["multitaper", text(&sst), "--var", "sst", "--box", "100,260,-40,40"],
        ["wavelet", text(&sst), "--var", "sst", "--box", "100,260,-40,40"],
    ] {
        let arguments = [&arguments[..], &["--missing", "drop"]].concat();
        let whole = contents(&place.spectrum(Launch::Plain(2), &arguments));
        let little = place.spectrum(Launch::Plain(2), &[&arguments[..], &["--memory", "150MB"]].concat());
        assert!(contents(&little) == whole, "{arguments:?}");
    }
}

#[test]
fn a_pipeline_does_what_the_commands_do() {
    let place = Place::new();
    let input = reference("spectra_input.nc");
    let tapers = contents(&place.spectrum(
        Launch::Plain(1),
        &["multitaper", text(&input), "--var", "u", "--bandwidth", "3", "--adaptive"],
    ));
    let wavelet = contents(&place.spectrum(
        Launch::Plain(1),
        &["wavelet", text(&input), "--var", "u", "--average", "lat,lon", "--mother", "paul:4"],
    ));
    let (a, b, file) = (place.at("a.nc"), place.at("b.nc"), place.at("p.toml"));
    let pipeline = format!(
        "[source.u]\nfiles = '{}'\nvar = 'u'\n[[step]]\ndo = 'spectrum multitaper'\nfrom = 'u'\nbandwidth = 3\nadaptive = true\noutput = '{}'\n[[step]]\ndo = 'spectrum wavelet'\nfrom = 'u'\naverage = ['lat', 'lon']\nmother = 'paul:4'\noutput = '{}'\n",
        text(&input), text(&a), text(&b)
    );
    std::fs::write(&file, pipeline).expect("written");
    run_well(Launch::ThreadRanks(2), &["run", text(&file), "-q"]);
    assert!(contents(&a) == tapers && contents(&b) == wavelet);
}

#[test]
fn what_is_refused() {
    let place = Place::new();
    let (input, results) = (reference("spectra_input.nc"), place.at("results"));
    std::fs::create_dir(&results).expect("a folder");
    let (input, out) = (text(&input), results.join("out.nc"));
    let taper = |rest: &[&'static str]| [&["multitaper", input, "--var", "u"], rest].concat();
    let wave = |rest: &[&'static str]| [&["wavelet", input, "--var", "u"], rest].concat();
    let cases: Vec<(Vec<&str>, i32, &str)> = vec![
        (vec!["multitaper", input, "--var", "u_gaps"], 3, "missing at some times only"),
        (taper(&["--bandwidth", "102"]), 2, "--bandwidth"),
        (taper(&["--bandwidth", "nan"]), 2, "--bandwidth"),
        (taper(&["--tapers", "9"]), 2, "choose --tapers from 1 to 8"),
        (taper(&["--tapers", "1", "--adaptive"]), 2, "2 tapers at least"),
        (taper(&["--pad", "202"]), 2, "does not hold a series of 203"),
        (taper(&["--pad", "18446744073709551615"]), 5, "tapers and transforms"),
        (taper(&["--op", "lines", "--average", "lon"]), 2, "single series"),
        (taper(&["--op", "noise", "--confidence", "none"]), 2, "--confidence"),
        (taper(&["--op", "power"]), 2, "--op"),
        (taper(&["--time", "2001-01-01"]), 3, "one time only"),
        (taper(&["--memory", "1MB"]), 5, "1.0 MB"),
        (vec!["wavelet", input, "--var", "u_gaps"], 3, "missing at some times only"),
        (wave(&["--mother", "haar"]), 2, "no wavelet `haar`"),
        (wave(&["--dj", "0"]), 2, "--dj"),
        (wave(&["--dj", "1e-6"]), 2, "--dj"),
        (wave(&["--s0", "0"]), 2, "--s0"),
        (wave(&["--j", "100000000"]), 2, "--j"),
        (wave(&["--pad", "100"]), 2, "does not hold a series of 203"),
        (wave(&["--pad", "18446744073709551615"]), 5, "wavelets"),
        (wave(&["--lag1", "1"]), 2, "between -1 and 1"),
        (wave(&["--scale-average", "8,2"]), 2, "--scale-average"),
        (wave(&["--scale-average", "8000,9000"]), 2, "no scale has a period"),
        (wave(&["--at", "0"]), 2, "--at"),
        (wave(&["--at", "0,0", "--average", "lat"]), 2, "--at"),
        (vec!["wavelet", input, "--var", "index", "--at", "0,0"], 2, "no longitudes and latitudes"),
        (wave(&["--time", "2001-01-01/2001-01-03"]), 3, "at least 4 times"),
        (wave(&["--power", "maybe"]), 2, "--power"),
        (wave(&["--memory", "1MB"]), 5, "1.0 MB"),
    ];
    let mpi = cfg!(feature = "mpi").then_some(Launch::Mpi(2));
    for launch in [Launch::Plain(1), Launch::ThreadRanks(3)].into_iter().chain(mpi) {
        // Those of arguments alone are the same whoever is launched.
        let some = if launch == Launch::Plain(1) { 1 } else { 4 };
        for (options, code, word) in cases.iter().step_by(some) {
            let arguments = [&["spectrum"], &options[..], &["-q", "-o", text(&out)]].concat();
            let output = run(launch, &arguments);
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(*code), "{launch:?} {options:?}: {error}");
            let lines: Vec<&str> = error.lines().filter(|l| l.starts_with("halocline: ")).collect();
            assert!(lines.len() == 1 && lines[0].contains(word), "{launch:?} {options:?}: {error}");
            assert_eq!(names_in(&results), Vec::<String>::new());
        }
    }
}

#[test]
fn they_are_drawn() {
    let place = Place::new();
    let (input, picture) = (reference("spectra_input.nc"), place.at("x.svg"));
    let drawn = |file: &Path, options: &[&str]| {
        run_well(Launch::Plain(1), &[&["plot", text(file), "-q", "-o", text(&picture)], options].concat());
        std::fs::read_to_string(&picture).expect("a picture")
    };
    let out = place.spectrum(Launch::Plain(1), &["multitaper", text(&input), "--var", "u"]);
    let seen = drawn(&out, &["--at", "0,20"]);
    assert!(seen.contains("95 % interval") && seen.contains("lines (F, 95 %)") && seen.contains("red noise"));
    let refused = run(Launch::Plain(1), &["plot", text(&out), "-o", text(&picture)]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("choose one with --at"));
    let wavelet = ["wavelet", text(&input), "--var", "u", "--scale-average", "8,32"];
    let out = place.spectrum(Launch::Plain(1), &wavelet);
    assert!(drawn(&out, &["--at", "20,60"]).contains("Period (days)"));
    let out = place.spectrum(Launch::Plain(1), &[&wavelet[..], &["--at", "20,60"]].concat());
    let seen = drawn(&out, &[]);
    for word in ["Mean over time", "cone of influence", "95 % level", "periods from 8 to 32 days"] {
        assert!(seen.contains(word), "{word}");
    }
    let plain = ["wavelet", text(&input), "--var", "index", "--confidence", "none", "--mother", "morlet:8"];
    assert!(drawn(&place.spectrum(Launch::Plain(1), &plain), &[]).contains("morlet:8"));
}
