//! `halocline project`: fields on patterns give what they are made of.

mod common;

use common::eofs::{doubled, edit, eof, part};
use common::place::Place;
use common::{attribute, contents, data, launches, names_in, run, run_well, text, values, Launch};
use std::path::{Path, PathBuf};

const BOX: &[&str] = &["--box", "180,250,-20,20"];

fn sample() -> PathBuf {
    data("ersstv5_sst_201001-202008.nc")
}

/// Projects the sample, and gives the series.
fn project(input: &Path, patterns: &str, out: &Path, options: &[&str]) -> Vec<f64> {
    let words = ["project", text(input), "--var", "sst", "--patterns", patterns, "-o", text(out), "--quiet"];
    run_well(Launch::Plain(2), &[&words, options].concat());
    values(out, "pc")
}

/// Compares series (time × modes), each relative to the largest of its mode.
fn same(ours: &[f64], theirs: &[f64], modes: usize, tolerance: f64, what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for k in 0..modes {
        let column = |v: &[f64]| v.iter().skip(k).step_by(modes).copied().collect::<Vec<_>>();
        let (ours, theirs) = (column(ours), column(theirs));
        let largest = theirs.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let apart = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let finite = ours.iter().all(|v| v.is_finite());
        assert!(finite && apart <= tolerance * largest, "{what}, mode {k}: {apart} of {largest}");
    }
}

#[test]
fn the_field_itself_gives_back_its_components() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, out) = (folder.path(), folder.path().join("pc.nc"));
    let mut number = 0;
    let mut check = |options: &[&str], anomaly: &[&str]| {
        number += 1;
        let all = [&["--modes", "4"], options, BOX].concat();
        let patterns = eof(file, &sample(), "sst", &format!("eof{number}.nc"), &all);
        let ours = project(&sample(), text(&patterns), &out, &[BOX, anomaly].concat());
        same(&ours, &values(&patterns, "pc"), 4, 1e-9, &format!("{options:?} {anomaly:?}"));
    };
    for pcs in ["0", "1", "2"] {
        for eofs in ["0", "1", "2", "covariance", "correlation"] {
            check(&["--pc-scaling", pcs, "--eof-scaling", eofs], &[]);
        }
    }
    check(&["--weights", "none"], &["--anomaly", "stored"]);
    check(&["--weights", "area", "--eof-scaling", "0"], &[]);
    check(&["--weights", "area", "--anomaly", "climatology"], &[]);
    check(&["--anomaly", "climatology"], &["--anomaly", "own"]);
    check(&["--anomaly", "climatology", "--standardize"], &["--anomaly", "stored"]);
    check(&["--standardize", "--eof-scaling", "correlation", "--weights", "none"], &["--anomaly", "own"]);
    check(&["--detrend"], &[]);
    check(&["--detrend", "--anomaly", "none"], &["--anomaly", "own"]);
    check(&["--detrend", "--standardize", "--pc-scaling", "2", "--eof-scaling", "1"], &[]);
}

#[test]
fn later_times_are_those_of_eofs() {
    let reference = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference/projection_eofs.nc");
    let folder = tempfile::tempdir().expect("a temporary folder");
    for scaling in ["0", "1", "2"] {
        let name = format!("eof{scaling}.nc");
        let ground = ["--box", "200,230,-4,4", "--modes", "3", "--pc-scaling", scaling];
        let options = [&ground[..], &["--time", "2010-01/2017-12"]].concat();
        let patterns = eof(folder.path(), &sample(), "sst", &name, &options);
        let options = ["--box", "200,230,-4,4", "--time", "2018-01/2020-08", "--anomaly", "stored"];
        let ours = project(&sample(), text(&patterns), &folder.path().join("pc.nc"), &options);
        same(&ours, &values(&reference, &format!("pc_scaling{scaling}")), 3, 1e-9, scaling);
    }
}

#[test]
fn modes_are_chosen_by_number_and_outputs_describe_themselves() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (patterns, out) = (eof(folder.path(), &sample(), "sst", "eof.nc", BOX), folder.path().join("pc.nc"));
    let ours = project(&sample(), text(&patterns), &out, &[BOX, &["--modes", "5,1..2"]].concat());
    let all = values(&patterns, "pc");
    let picked: Vec<f64> = all.chunks(10).flat_map(|row| [row[0], row[1], row[4]]).collect();
    same(&ours, &picked, 3, 1e-9, "modes 1, 2 and 5");
    assert_eq!(values(&out, "mode"), [1.0, 2.0, 5.0]);
    assert_eq!(values(&out, "time"), values(&patterns, "time"));
    let name = attribute(&out, "pc", "long_name").expect("a name");
    assert!(name.starts_with("pseudo principal component of Monthly Means"), "{name}");
    assert_eq!(attribute(&out, "pc", "units").as_deref(), Some("1"));
    let about = contents(&out);
    let options = &about[":halocline_project_options"];
    for word in ["variable=sst", "modes=1,2,5", "anomaly=stored", "missing=refuse", "box=180,250,-20,20"] {
        assert!(options.contains(word), "{options}");
    }
}

#[test]
fn the_same_bits_in_all_ways() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let patterns =
        eof(folder.path(), &sample(), "sst", "eof.nc", &["--modes", "3", "--anomaly", "climatology"]);
    let out = folder.path().join("pc.nc");
    let sample = sample();
    let words = ["project", text(&sample), "--var", "sst", "--patterns", text(&patterns), "-o", text(&out)];
    for options in [&[][..], &["--memory", "300MB"], &["--missing", "skip"]] {
        let mut first = None;
        for launch in launches() {
            if options.contains(&"--memory") && matches!(launch, Launch::ThreadRanks(_)) {
                continue;
            }
            run_well(launch, &[&words, options].concat());
            let found = contents(&out);
            assert!(*first.get_or_insert_with(|| found.clone()) == found, "{launch:?} {options:?}");
        }
    }
    assert!(values(&out, "missing_cells").iter().all(|n| *n == 0.0));
    same(&values(&out, "pc"), &values(&patterns, "pc"), 3, 1e-9, "nothing to skip");
}

/// Makes values of a variable missing.
fn with_gaps(file: &Path, variable: &str, gone: impl Fn(usize, usize) -> bool) {
    edit(file, |file| {
        let mut variable = file.variable_mut(variable).expect("a variable");
        let shape: Vec<usize> = variable.dimensions().iter().map(netcdf::Dimension::len).collect();
        let cells = shape[1..].iter().product::<usize>();
        let mut all: Vec<f64> = variable.get_values(..).expect("values");
        for (_, v) in all.iter_mut().enumerate().filter(|(i, _)| gone(i / cells, i % cells)) {
            *v = 9.969_209_968_386_869e36;
        }
        variable.put_values(&all, ..).expect("written");
    });
}

#[test]
fn gaps_are_refused_or_fitted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let patterns = eof(
        folder.path(),
        &sample(),
        "sst",
        "eof.nc",
        &[BOX, &["--modes", "3", "--weights", "area"]].concat(),
    );
    // What three modes make, they explain wholly: whatever is missing of it.
    let (field, out) = (at("field.nc"), at("pc.nc"));
    run_well(
        Launch::Plain(2),
        &["reconstruct", text(&patterns), "--precision", "double", "--add-mean", "-o", text(&field)],
    );
    with_gaps(&field, "sst", |t, c| t == 7 || t == 8 && c > 1 || t > 8 && (c * 7 + t * 3) % 10 < 3);
    let words = ["project", text(&field), "--var", "sst", "--patterns", text(&patterns), "-o", text(&out)];
    let refused = run(Launch::ThreadRanks(2), &words);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!((refused.status.code(), out.exists()), (Some(3), false), "{said}");
    for word in ["values at 121 of 128 times are missing", "at latitude 20", "2010-08", "--missing skip"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let theirs = values(&patterns, "pc");
    let mut first = None;
    for launch in [Launch::Plain(1), Launch::ThreadRanks(3), Launch::Mpi(2)] {
        if matches!(launch, Launch::Mpi(_)) && !cfg!(feature = "mpi") {
            continue;
        }
        run_well(launch, &[&words[..], &["--missing", "skip", "--quiet"]].concat());
        let bits = contents(&out);
        assert!(*first.get_or_insert_with(|| bits.clone()) == bits, "{launch:?}");
        for (t, (ours, theirs)) in values(&out, "pc").chunks(3).zip(theirs.chunks(3)).enumerate() {
            for (a, b) in ours.iter().zip(theirs) {
                let good = if t == 7 || t == 8 { a.is_nan() } else { (a - b).abs() < 1e-9 };
                assert!(good, "step {t}: {a}, not {b}");
            }
        }
    }
    let missing = values(&out, "missing_cells");
    assert!(missing[..7].iter().all(|n| *n == 0.0) && missing[7] == missing[8] + 2.0, "{missing:?}");
}

#[test]
fn patterns_of_other_files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("pc.nc");
    let own = |options: &[&str], name: &str| {
        eof(
            folder.path(),
            &sample(),
            "sst",
            name,
            &[BOX, &["--modes", "3", "--pc-scaling", "0"], options].concat(),
        )
    };
    let unit = own(&["--eof-scaling", "0"], "unit.nc");
    let raw = values(&unit, "pc");
    let of = |file: &Path| format!("{}:eof", file.display());
    let anomaly = ["--anomaly", "own", "--weights", "coslat"];
    for scaling in ["raw", "unit"] {
        let options = [BOX, &anomaly, &["--pattern-is", "weighted", "--scaling", scaling]].concat();
        same(&project(&sample(), &of(&unit), &out, &options), &raw, 3, 1e-9, scaling);
    }
    // Maps in the units of the field are to be weighed first.
    let maps = own(&[], "maps.nc");
    let ours = project(&sample(), &of(&maps), &out, &[BOX, &anomaly[..]].concat());
    same(&ours, &raw, 3, 1e-9, "unweighted");
    assert_eq!(attribute(&out, "pc", "units").as_deref(), Some("K"));
    // One map, as it is: a plain product with the field.
    let one = folder.path().join("one.nc");
    {
        let part = part(&sample(), "sst", &maps);
        let mut file = netcdf::create(&one).expect("a file");
        for name in ["lat", "lon"] {
            let axis = values(&maps, name);
            file.add_dimension(name, axis.len()).expect("a dimension");
            let mut variable = file.add_variable::<f64>(name, &[name]).expect("a variable");
            variable
                .put_attribute("units", if name == "lat" { "degrees_north" } else { "degrees_east" })
                .expect("units");
            variable.put_values(&axis, ..).expect("written");
        }
        let mut variable = file.add_variable::<f64>("index", &["lat", "lon"]).expect("a variable");
        let pattern: Vec<f64> = (0..part.cells).map(|c| (c as f64 * 0.37).sin()).collect();
        variable.put_values(&pattern, ..).expect("written");
    }
    let ours =
        project(&sample(), &format!("{}:index", one.display()), &out, &[BOX, &["--scaling", "raw"]].concat());
    let part = part(&sample(), "sst", &maps);
    let theirs: Vec<f64> = part
        .values
        .chunks(part.cells)
        .map(|row| row.iter().enumerate().map(|(c, v)| v * (c as f64 * 0.37).sin()).sum())
        .collect();
    same(&ours, &theirs, 1, 1e-9, "an index");
}

#[test]
fn several_variables_add_up() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let ground = ["--box", "200,230,-4,4", "--modes", "3"];
    let (one, two, out) =
        (eof(folder.path(), &sample(), "sst", "one.nc", &ground), at("two.nc"), at("pc.nc"));
    doubled(&one, &two);
    let both = at("both.nc");
    std::fs::copy(sample(), &both).expect("copied");
    edit(&both, |file| {
        let values: Vec<f32> = file.variable("sst").expect("is there").get_values(..).expect("values");
        let mut variable = file.add_variable::<f32>("sst2", &["time", "lat", "lon"]).expect("a variable");
        variable.set_fill_value(f32::NAN).expect("a fill value");
        variable.put_attribute("units", "degC").expect("an attribute");
        variable.put_values(&values, ..).expect("written");
    });
    let words = ["--box", "200,230,-4,4", "--patterns", text(&two), "-o", text(&out), "--quiet"];
    for anomaly in ["stored", "own"] {
        let words =
            [&["project", text(&both), "--var", "sst,sst2", "--anomaly", anomaly], &words[..]].concat();
        run_well(Launch::ThreadRanks(2), &words);
        same(&values(&out, "pc"), &values(&one, "pc"), 3, 1e-9, anomaly);
    }
    // As the command makes them, of fields of the same size and of others.
    for scale in ["variance", "none", "0.5,3"] {
        let made = [
            "eof",
            text(&both),
            "--var",
            "sst,sst2",
            "--scale",
            scale,
            "--pc-scaling",
            "0",
            "-o",
            text(&two),
            "--quiet",
        ];
        run_well(
            Launch::Plain(2),
            &[&made, &ground[..], &["--anomaly", "climatology", "--weights", "area"]].concat(),
        );
        run_well(Launch::Plain(2), &[&["project", text(&both), "--var", "sst,sst2"], &words[..]].concat());
        same(&values(&out, "pc"), &values(&two, "pc"), 3, 1e-9, scale);
        let field = at("field.nc");
        run_well(
            Launch::ThreadRanks(2),
            &["reconstruct", text(&two), "--precision", "double", "--add-mean", "-o", text(&field)],
        );
        run_well(Launch::Plain(2), &[&["project", text(&field), "--var", "sst,sst2"], &words[..]].concat());
        same(&values(&out, "pc"), &values(&two, "pc"), 3, 1e-9, "what was made of it");
    }
    let refused = run(Launch::Plain(1), &[&["project", text(&both), "--var", "sst"], &words[..]].concat());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && said.contains("are of 2 variables (sst, sst2)"), "{said}");
}

#[test]
fn variables_of_other_files_add_up() {
    let reference = |name: &str| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (patterns, out) = (folder.path().join("eof.nc"), folder.path().join("pc.nc"));
    let input = reference("modes_input.nc");
    let with = format!("{}:ps", text(&reference("modes_coarse.nc")));
    let same_name = format!("{}:ps", text(&input));
    for (var, with) in [("tas", &with), ("ps", &with), ("ps", &same_name)] {
        let common = ["--var", var, "--with", with.as_str(), "--quiet"];
        let words = ["eof", text(&input), "--modes", "3", "-o", text(&patterns)];
        run_well(Launch::Plain(2), &[&words, &common[..]].concat());
        let words = ["project", text(&input), "--patterns", text(&patterns), "-o", text(&out)];
        for launch in [Launch::Plain(2), Launch::ThreadRanks(3)] {
            run_well(launch, &[&words, &common[..]].concat());
            same(&values(&out, "pc"), &values(&patterns, "pc"), 3, 1e-9, var);
        }
    }
    // One of two.
    let words = ["project", text(&input), "--var", "ps", "--patterns", text(&patterns), "-o", text(&out)];
    let output = run(Launch::Plain(1), &words);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("the EOFs are of 2 variables (ps, ps_2), --var and --with name 1"), "{said}");
}

#[test]
fn other_grids_levels_and_formats() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (patterns, out) = (folder.path().join("eof.nc"), folder.path().join("out.nc"));
    for (input, variable, options) in [
        ("case_curvilinear_input.nc", "SST", &["--weights", "none"][..]),
        ("case_packed_input.nc", "thetao", &["--level", "105", "--anomaly", "climatology"]),
        ("case_spatial_input.nc", "zos", &["--weights", "area", "--eof-scaling", "2"]),
    ] {
        let input = data(input);
        let words =
            [&["eof", text(&input), "--var", variable, "--modes", "3", "-o", text(&patterns)], options];
        run_well(Launch::Plain(2), &words.concat());
        let level = &options[..if options[0] == "--level" { 2 } else { 0 }];
        let words =
            ["project", text(&input), "--var", variable, "--patterns", text(&patterns), "-o", text(&out)];
        let mut first = None;
        for launch in [Launch::Plain(2), Launch::ThreadRanks(4)] {
            run_well(launch, &[&words, level, &["--anomaly", "own"]].concat());
            same(&values(&out, "pc"), &values(&patterns, "pc"), 3, 1e-9, variable);
            let bits = contents(&out);
            assert!(*first.get_or_insert_with(|| bits.clone()) == bits, "{variable} {launch:?}");
        }
        run_well(Launch::ThreadRanks(2), &["reconstruct", text(&patterns), "-o", text(&out)]);
        assert!(values(&out, variable).iter().any(|v| v.is_finite() && *v != 0.0));
        if !level.is_empty() {
            let words = [&words[..], &["--level", "5", "--anomaly", "own"]].concat();
            let refused = run(Launch::Plain(1), &words);
            assert!(!refused.status.success(), "another level");
        }
    }
}

/// EOFs that are made on the way are patterns and parts of fields.
const PIPELINE: &str = "
[source.early]
files = 'sst.nc'
var = 'sst'
box = '180,250,-20,20'
time = '2010/2017'
[source.late]
files = 'sst.nc'
var = 'sst'
box = '180,250,-20,20'
time = '2018/2020'
[[step]]
do = 'project'
from = 'late'
patterns = 'modes'
anomaly = 'own'
modes = '1..2'
output = 'pc.nc'
[[step]]
do = 'project'
from = 'late'
patterns = 'modes:eof'
anomaly = 'own'
output = 'plain.nc'
[[step]]
name = 'modes'
do = 'eof'
from = 'early'
modes = 3
[[step]]
do = 'reconstruct'
from = 'modes'
modes = '1,3'
output = 'field.nc'
";

#[test]
fn steps_of_pipelines_are_the_commands() {
    let apart = Place::new();
    let ground = "--var sst --box 180,250,-20,20";
    for command in [
        format!("eof sst.nc {ground} --time 2010/2017 --modes 3 -o modes.nc"),
        format!("project sst.nc {ground} --time 2018/2020 --patterns modes.nc --anomaly own --modes 1..2 -o pc.nc"),
        format!("project sst.nc {ground} --time 2018/2020 --patterns modes.nc:eof --anomaly own -o plain.nc"),
        "reconstruct modes.nc --modes 1,3 -o field.nc".to_owned(),
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        let done = apart.command(Launch::Plain(2), &words).output().expect("runs");
        assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
    }
    for launch in [Launch::Plain(1), Launch::ThreadRanks(2), Launch::Mpi(3)] {
        if matches!(launch, Launch::Mpi(_)) && !cfg!(feature = "mpi") {
            continue;
        }
        let place = Place::new();
        std::fs::write(place.at("p.toml"), PIPELINE).expect("written");
        for words in [&["run", "p.toml", "--dry-run"][..], &["run", "p.toml"]] {
            let done = place.command(launch, words).output().expect("runs");
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
        assert_eq!(place.names(), ["field.nc", "p.toml", "pc.nc", "plain.nc", "sst.nc"]);
        for name in ["field.nc", "pc.nc", "plain.nc"] {
            assert!(contents(&place.at(name)) == contents(&apart.at(name)), "{launch:?} {name}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_in_a_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let patterns = eof(folder.path(), &sample(), "sst", "eof.nc", &[BOX, &["--modes", "3"]].concat());
    let (eofs, foreign) = (text(&patterns).to_owned(), format!("{}:eof", patterns.display()));
    let cut = at("cut.nc");
    std::fs::copy(&patterns, &cut).expect("copied");
    edit(&cut, |file| {
        let mut eof = file.variable_mut("eof").expect("is there");
        let half = eof.get_values::<f64, _>(..).expect("values").iter().map(|v| 0.5 * v).collect::<Vec<_>>();
        eof.put_values(&half, ..).expect("written");
    });
    let sample = sample();
    let inbox = [&["--var", "sst"], BOX].concat();
    for (patterns, options, code, what) in [
        (eofs.as_str(), vec!["--var", "sst"], 3, "is not that of the field"),
        (
            &eofs,
            vec!["--var", "sst", "--box", "182,252,-20,20"],
            3,
            "the longitudes of the patterns are not those",
        ),
        (
            &eofs,
            [&inbox[..], &["--modes", "4"]].concat(),
            2,
            "there is no mode 4; there are 3 modes from 1 to 3",
        ),
        (&eofs, [&inbox[..], &["--modes", "0"]].concat(), 2, "no number of a mode"),
        (&eofs, [&inbox[..], &["--weights", "none"]].concat(), 2, "--weights is for patterns of other files"),
        (
            &eofs,
            [&inbox[..], &["--missing", "skip", "--anomaly", "own"]].concat(),
            2,
            "climatology --anomaly",
        ),
        (&eofs, [&inbox[..], &["--memory", "1MB"]].concat(), 5, "--memory"),
        (&foreign, [&inbox[..], &["--anomaly", "stored"]].concat(), 2, "--anomaly stored is for files of"),
        (&foreign, [&["--var", "sst,sst2"], BOX].concat(), 2, "are of one variable"),
        (&format!("{eofs}:nothing"), inbox.clone(), 2, "no variable `nothing`"),
        (&format!("{eofs}:pc"), inbox.clone(), 3, "is not that of the field"),
        (text(&sample), inbox.clone(), 3, "is no result of `halocline eof`"),
        (text(&cut), inbox.clone(), 3, "the length of EOF 1 comes out as 0.49"),
        ("absent.nc", inbox.clone(), 3, "absent.nc"),
    ] {
        let out = at("out.nc");
        let words =
            [&["project", text(&sample), "--patterns", patterns, "-o", text(&out)], &options[..]].concat();
        for launch in [Launch::Plain(2), Launch::ThreadRanks(2)] {
            let refused = run(launch, &words);
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!(refused.status.code(), Some(code), "{words:?}: {said}");
            assert!(said.contains(what), "{what}: {said}");
            assert!(said.lines().filter(|l| l.contains("error")).count() <= 1, "{said}");
        }
    }
    assert_eq!(names_in(folder.path()), ["cut.nc", "eof.nc"]);
}
