//! `halocline spectrum power` and `cross` against scipy, on any ranks, and what they refuse.

mod common;

use common::made::{Layout, Made};
use common::spectra::{kept, words, Place};
use common::{
    attribute, contents, data, launches, names_in, reference, run, run_well, shared, text, values, Launch,
};

/// Asserts that two agree within 1e-10 of the largest of theirs.
fn near(ours: &[f64], theirs: &[f64], what: &str) {
    common::spectra::near(ours, theirs, 1e-10, what);
}

#[test]
fn power_as_scipy_has_it() {
    let (place, input, theirs) = (Place::new(), reference("spectra_input.nc"), reference("spectra.nc"));
    let file = netcdf::open(&theirs).expect("opens");
    let cases = file.attributes().filter(|a| a.name().starts_with("power")).map(|a| a.name().to_owned());
    let cases: Vec<String> = cases.collect();
    assert!(cases.len() > 30);
    for case in cases {
        let options = words(&theirs, &case);
        let mut arguments = vec!["power", text(&input), "--var", "u", "--confidence", "none"];
        arguments.extend(options.iter().map(String::as_str));
        let out = place.spectrum(Launch::Plain(2), &arguments);
        let what = format!("{case} {options:?}");
        near(&kept(&values(&out, "power")), &values(&theirs, &format!("{case}_power")), &what);
        near(&values(&out, "frequency"), &values(&theirs, &format!("{case}_frequency")), &what);
        let units = if what.contains("spectrum") { "K2" } else { "K2 day" };
        assert_eq!(attribute(&out, "power", "units").as_deref(), Some(units));
        assert_eq!(attribute(&out, "frequency", "units").as_deref(), Some("day-1"));
    }
}

#[test]
fn power_without_overlap_as_xrft_has_it() {
    let (place, input) = (Place::new(), reference("spectra_input.nc"));
    let theirs = netcdf::open(reference("xrft.nc")).expect("opens");
    for variable in theirs.variables() {
        let name = variable.name();
        let options = match variable.attribute_value("options") {
            Some(Ok(netcdf::AttributeValue::Str(options))) => options,
            other => panic!("{name} has {other:?}"),
        };
        let words = ["power", text(&input), "--var", "u", "--confidence", "none"];
        let words: Vec<&str> = words.into_iter().chain(options.split(' ')).collect();
        let out = place.spectrum(Launch::Plain(1), &words);
        near(
            &kept(&values(&out, "power")),
            &variable.get_values::<f64, _>(..).expect("numbers"),
            &format!("{name} {options}"),
        );
    }
    assert!(theirs.variables().count() > 20);
}

#[test]
fn noise_and_means_by_their_equations() {
    let (place, input, theirs) = (Place::new(), reference("spectra_input.nc"), reference("spectra.nc"));
    let options = words(&theirs, "noise");
    let mut arguments = vec!["power", text(&input), "--var", "u"];
    arguments.extend(options.iter().map(String::as_str));
    let out = place.spectrum(Launch::Plain(2), &arguments);
    let of = |name: &str| values(&theirs, &format!("noise_{name}"));
    near(&kept(&values(&out, "background")), &of("background"), "background");
    near(&kept(&values(&out, "lag1_autocorrelation")), &of("lag1_autocorrelation"), "lag 1");
    near(&values(&out, "degrees_of_freedom"), &of("degrees_of_freedom"), "degrees of freedom");
    assert_eq!(values(&out, "confidence"), [0.9, 0.99]);
    let levels = values(&out, "significance");
    let (low, high) = levels.split_at(levels.len() / 2);
    near(&kept(low), &of("significance90"), "90 %");
    near(&kept(high), &of("significance99"), "99 %");
    let segment = ["--segment", "64"];
    for (average, name) in [("lat,lon", "mean"), ("lon", "rows")] {
        let arguments = [&["power", text(&input), "--var", "u", "--average", average], &segment[..]].concat();
        let out = place.spectrum(Launch::Plain(2), &arguments);
        near(&values(&out, "power"), &of(name), name);
        // What is averaged is averaged of everything.
        let ratio = values(&out, "significance")[5] / values(&out, "background")[5];
        assert!(ratio > 1.0 && values(&out, "lag1_autocorrelation").iter().all(|a| *a > 0.0));
        let method = if name == "mean" { "latitude: longitude: mean" } else { "longitude: mean" };
        assert_eq!(attribute(&out, "power", "cell_methods").as_deref(), Some(method));
    }
}

#[test]
fn cross_spectra_as_scipy_has_them() {
    let (place, input, theirs) = (Place::new(), reference("spectra_input.nc"), reference("spectra.nc"));
    for (kind, var) in [("field", "v"), ("index", "index")] {
        let with = format!("{}:{var}", text(&input));
        for case in 0..3 {
            let options = words(&theirs, &format!("{kind}{case}"));
            let mut arguments = vec!["cross", text(&input), "--var", "u", "--with", &with];
            arguments.extend(options.iter().map(String::as_str));
            let out = place.spectrum(Launch::Plain(2), &arguments);
            for name in ["cospectrum", "quadrature", "phase", "coherence_squared", "gain", "power_y"] {
                let ours = kept(&values(&out, name));
                let expected = values(&theirs, &format!("{kind}{case}_{name}"));
                // Without a mean, phase and coherence at frequency 0 are of nothing but rounding.
                let skip = if options[3] == "none" { 0 } else { 2 };
                near(&ours[skip..], &expected[skip..], &format!("{kind}{case} {name}"));
            }
            let units = if kind == "field" { "K (m s-1) day" } else { "K day" };
            assert_eq!(attribute(&out, "cospectrum", "units").as_deref(), Some(units));
            assert_eq!(attribute(&out, "phase", "units").as_deref(), Some("radian"));
            let dof = values(&out, "degrees_of_freedom")[1];
            let limit = 1.0 - 0.05f64.powf(2.0 / (dof - 2.0));
            assert!((values(&out, "coherence_limit")[0] - limit).abs() < 1e-12);
        }
    }
    // The mean over space is that of the four spectra.
    let with = format!("{}:v", text(&input));
    let cross = ["cross", text(&input), "--var", "u", "--with", &with, "--segment", "64"];
    let out = place.spectrum(Launch::Plain(1), &cross);
    let all: Vec<Vec<f64>> =
        ["power_x", "power_y", "cospectrum", "quadrature"].iter().map(|name| values(&out, name)).collect();
    let out = place.spectrum(Launch::Plain(1), &[&cross[..], &["--average", "lon"]].concat());
    let means: Vec<Vec<f64>> = all
        .iter()
        .map(|rows| rows.chunks(3).map(|row| row.iter().sum::<f64>() / 3.0).collect::<Vec<f64>>())
        .collect();
    near(&values(&out, "power_y"), &means[1], "mean power");
    let coherence: Vec<f64> = (0..means[0].len())
        .map(|i| (means[2][i].powi(2) + means[3][i].powi(2)) / (means[0][i] * means[1][i]))
        .collect();
    near(&values(&out, "coherence_squared")[2..], &coherence[2..], "coherence of the mean");
}

#[test]
fn gaps_by_lomb_and_scargle_as_scipy_has_them() {
    let (place, input, theirs) = (Place::new(), reference("spectra_input.nc"), reference("spectra.nc"));
    for case in 0..3 {
        let options = words(&theirs, &format!("lomb{case}"));
        let mut arguments = vec!["power", text(&input), "--var", "u_gaps"];
        arguments.extend(options.iter().map(String::as_str));
        let out = place.spectrum(Launch::Plain(2), &arguments);
        near(
            &kept(&values(&out, "power")),
            &values(&theirs, &format!("lomb{case}_power")),
            &format!("{options:?}"),
        );
        near(&values(&out, "frequency"), &values(&theirs, "lomb_frequency"), "frequency");
        let units = if options.iter().any(|o| o.ends_with("normalize")) { "1" } else { "K2" };
        assert_eq!(attribute(&out, "power", "units").as_deref(), Some(units));
        if case > 0 {
            continue;
        }
        let all = values(&out, "power");
        let rows: Vec<f64> = all.chunks(3).map(|row| row.iter().sum::<f64>() / 3.0).collect();
        let out = place.spectrum(Launch::ThreadRanks(2), &[&arguments[..], &["--average", "lon"]].concat());
        near(&values(&out, "power"), &rows, "mean");
    }
}

/// Answer, input, variable, selection, cell, length of segments.
type Known<'a> = (&'a str, &'a str, &'a str, &'a [&'a str], usize, &'a str);

#[test]
fn known_answers() {
    let place = Place::new();
    let giss = "atmos/tas.sresb1.giss_model_e_r.run1.atm.da.nc";
    let (navy, soi) = ("atmos/monthly_navy_winds.cdf", "atmos/SOI_Darwin.nc");
    let series: [Known<'_>; 3] = [
        ("giss_daily_point.nc", giss, "tas", &[], 17, "256"),
        ("navy_u_eq180.nc", navy, "UWND", &["--box", "180,180,0,0"], 0, "64"),
        ("soi_darwin_iris.nc", soi, "SOI_Darwin", &["--time", "1866/2012"], 0, "256"),
    ];
    for (answer, input, var, select, cell, segment) in series {
        let answer = shared(&format!("answers/spectra/{answer}"));
        let (Some(answer), Some(input)) = (answer, shared(input)) else { continue };
        let ways: [(&str, &str, &[&str]); 3] = [
            ("psd_periodogram", "freq", &[]),
            ("psd_periodogram_linear", "freq", &["--detrend", "linear"]),
            ("psd_welch", "freq_w", &["--segment", segment]),
        ];
        for (name, frequency, options) in ways {
            let base = [
                "power",
                text(&input),
                "--var",
                var,
                "--frequency-units",
                "cycles/year",
                "--confidence",
                "none",
            ];
            let out = place.spectrum(Launch::Plain(2), &[&base, select, options].concat());
            let power = values(&out, "power");
            let cells = power.len() / values(&out, "frequency").len();
            let ours: Vec<f64> = power.into_iter().skip(cell).step_by(cells).collect();
            near(&ours, &values(&answer, name), &format!("{} {name}", answer.display()));
            near(&values(&out, "frequency"), &values(&answer, frequency), frequency);
        }
    }
    let (Some(answer), Some(navy)) = (shared("answers/spectra/navy_uv_eq180.nc"), shared(navy)) else {
        return;
    };
    let with = format!("{}:VWND", text(&navy));
    let base = ["cross", text(&navy), "--var", "UWND", "--with", &with, "--segment", "64"];
    let select = ["--box", "180,180,0,0", "--frequency-units", "cycles/year"];
    let out = place.spectrum(Launch::ThreadRanks(2), &[&base[..], &select].concat());
    for (ours, theirs) in [
        ("frequency", "freq"),
        ("cospectrum", "csd_re"),
        ("quadrature", "csd_im"),
        ("coherence_squared", "coherence2"),
        ("power_x", "pxx"),
        ("power_y", "pyy"),
    ] {
        near(&values(&out, ours), &values(&answer, theirs), theirs);
    }
}

#[test]
fn the_same_bits_on_any_ranks() {
    let place = Place::new();
    let (sst, made) = (data("ersstv5_sst_201001-202008.nc"), reference("spectra_input.nc"));
    let with = format!("{}:sst", text(&sst));
    let index = format!("{}:index", text(&made));
    let area = ["--box", "100,200,-20,40"];
    let cases: Vec<Vec<&str>> = vec![
        [&["power", text(&sst), "--var", "sst", "--segment", "32", "--remove-cycle", "month"], &area[..]]
            .concat(),
        [&["power", text(&sst), "--var", "sst", "--average", "lat,lon", "--detrend", "linear"], &area[..]]
            .concat(),
        [&["power", text(&sst), "--var", "sst", "--average", "lat", "--segment", "48"], &area[..]].concat(),
        [&["cross", text(&sst), "--var", "sst", "--with", &with, "--segment", "32"], &area[..]].concat(),
        [
            &[
                "cross",
                text(&sst),
                "--var",
                "sst",
                "--with",
                &with,
                "--segment",
                "32",
                "--average",
                "lat,lon",
            ],
            &area[..],
        ]
        .concat(),
        vec!["cross", text(&made), "--var", "u", "--with", &index, "--segment", "32", "--average", "lon"],
        // Fewer cells than ranks.
        vec!["power", text(&made), "--var", "index"],
        vec!["power", text(&made), "--var", "u_gaps", "--lomb-scargle", "--average", "lat,lon"],
        vec!["power", text(&made), "--var", "u", "--box", "0,1,10,30"],
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
    let arguments = ["power", text(&sst), "--var", "sst"];
    let whole = contents(&place.spectrum(Launch::Plain(2), &arguments));
    let little = place.spectrum(Launch::Plain(2), &[&arguments[..], &["--memory", "150MB"]].concat());
    assert!(contents(&little) == whole);
}

#[test]
fn a_pipeline_does_what_the_commands_do() {
    let place = Place::new();
    let input = reference("spectra_input.nc");
    let power = place.spectrum(
        Launch::Plain(1),
        &["power", text(&input), "--var", "u", "--segment", "64", "--average", "lat,lon"],
    );
    let power = contents(&power);
    let with = format!("{}:v", text(&input));
    let cross = contents(&place.spectrum(
        Launch::Plain(1),
        &["cross", text(&input), "--var", "u", "--with", &with, "--segment", "64"],
    ));
    let (a, b, file) = (place.at("a.nc"), place.at("b.nc"), place.at("p.toml"));
    let pipeline = format!(
        "[source.u]\nfiles = '{0}'\nvar = 'u'\n[[step]]\ndo = 'spectrum power'\nfrom = 'u'\nsegment = 64\naverage = ['lat', 'lon']\noutput = '{1}'\n[[step]]\ndo = 'spectrum cross'\nfrom = 'u'\nwith = '{2}'\nsegment = 64\noutput = '{3}'\n",
        text(&input), text(&a), with, text(&b)
    );
    std::fs::write(&file, pipeline).expect("written");
    run_well(Launch::ThreadRanks(2), &["run", text(&file), "-q"]);
    assert!(contents(&a) == power && contents(&b) == cross);
}

#[test]
fn what_is_refused() {
    let place = Place::new();
    let input = reference("spectra_input.nc");
    let gappy = place.at("gappy.nc");
    Made { shape: [24, 4, 5], layout: Layout::Classic, since: 0 }.write(&gappy);
    let irregular = place.at("irregular.nc");
    {
        let mut file = netcdf::create(&irregular).expect("a file");
        file.add_dimension("time", 9).expect("a dimension");
        let mut time = file.add_variable::<f64>("time", &["time"]).expect("a variable");
        time.put_attribute("units", "days since 2001-01-01").expect("an attribute");
        let days: Vec<f64> = (0..9).map(|t| f64::from(t + i32::from(t > 4))).collect();
        time.put_values(&days, ..).expect("written");
        file.add_variable::<f64>("x", &["time"]).expect("a variable").put_values(&days, ..).expect("written");
    }
    let results = place.at("results");
    std::fs::create_dir(&results).expect("a folder");
    let out = results.join("out.nc");
    let with = format!("{}:v", text(&input));
    let missing = place.at("index.csv");
    let rows: Vec<String> = (0..203)
        .map(|d| format!("{},{}", date(d), if d == 7 { "NaN".to_owned() } else { d.to_string() }))
        .collect();
    std::fs::write(&missing, rows.join("\n")).expect("written");
    let (input, gappy, irregular, missing) = (text(&input), text(&gappy), text(&irregular), text(&missing));
    let cases: Vec<(Vec<&str>, i32, &str)> = vec![
        (
            vec!["power", gappy, "--var", "tos"],
            3,
            "series with data are missing at some times only, the first at latitude",
        ),
        (
            vec!["power", irregular, "--var", "x"],
            3,
            "not evenly spaced: from 2001-01-05 to 2001-01-07 (steps 4 and 5) it is 2.000000 days",
        ),
        (vec!["power", input, "--var", "u", "--segment", "300"], 2, "does not fit"),
        (vec!["power", input, "--var", "u", "--segment", "1"], 2, "--segment"),
        (vec!["power", input, "--var", "u", "--overlap", "0.5"], 2, "--segment"),
        (vec!["power", input, "--var", "u", "--segment", "64", "--overlap", "1"], 2, "--overlap"),
        (vec!["power", input, "--var", "u", "--window", "hanning"], 2, "no window `hanning`"),
        (
            vec![
                "power",
                input,
                "--var",
                "u",
                "--window",
                "hann",
                "--segment",
                "2",
                "--scaling",
                "spectrum",
                "--confidence",
                "95",
            ],
            2,
            "no level",
        ),
        (vec!["power", input, "--var", "u", "--average", "time"], 2, "horizontal"),
        (vec!["power", input, "--var", "u", "--average", "lat,lat"], 2, "twice"),
        (vec!["power", input, "--var", "u", "--time", "2001-01-01"], 3, "one time only"),
        (vec!["power", input, "--var", "lat"], 3, "time"),
        (vec!["power", input, "--var", "u", "--memory", "1MB"], 5, "1.0 MB"),
        (vec!["cross", input, "--var", "u", "--with", &with], 2, "--segment"),
        (vec!["cross", input, "--var", "u", "--with", &with, "--segment", "203"], 2, "one segment"),
        (
            vec!["cross", input, "--var", "u", "--with", &with, "--segment", "64", "--op", "phases"],
            2,
            "no such result",
        ),
        (
            vec!["cross", input, "--var", "u", "--with", missing, "--segment", "64"],
            3,
            "missing at 1 of 203 times",
        ),
    ];
    let mpi = cfg!(feature = "mpi").then_some(Launch::Mpi(2));
    for launch in [Launch::Plain(1), Launch::ThreadRanks(3)].into_iter().chain(mpi) {
        for (options, code, word) in &cases {
            let arguments = [&["spectrum"], &options[..], &["-q", "-o", text(&out)]].concat();
            let output = run(launch, &arguments);
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(*code), "{launch:?} {options:?}: {error}");
            let lines: Vec<&str> = error.lines().filter(|l| l.starts_with("halocline: ")).collect();
            assert!(lines.len() == 1 && lines[0].contains(word), "{launch:?} {options:?}: {error}");
            assert_eq!(names_in(&results), Vec::<String>::new());
        }
    }
    // What has gaps may be left out.
    let arguments = ["spectrum", "power", gappy, "--var", "tos", "--missing", "drop", "-q", "-o", text(&out)];
    let output = run(Launch::Plain(1), &arguments);
    match output.status.code() {
        Some(0) => assert!(values(&out, "power").iter().any(|v| v.is_nan())),
        _ => assert!(String::from_utf8_lossy(&output.stderr).contains("all series have gaps")),
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
