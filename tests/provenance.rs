//! Records of how outputs came about, and outputs made again from them.

mod common;

use common::place::Place;
use common::{launches, text, within_two_minutes, Launch};
use serde_json::Value;
use std::path::Path;
use std::process::Output;

fn go(place: &Place, launch: Launch, words: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = within_two_minutes(&place.command(launch, words));
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (status.code(), said(&stdout), said(&stderr))
}

fn well(place: &Place, launch: Launch, words: &[&str]) -> String {
    let (code, out, err) = go(place, launch, words);
    assert_eq!(code, Some(0), "{launch:?} {words:?}: {err}");
    out + &err
}

fn record(path: &Path) -> Value {
    let file = netcdf::open(path).expect("opens");
    match file.attribute("halocline_provenance").expect("has a record").value() {
        Ok(netcdf::AttributeValue::Str(text)) => serde_json::from_str(&text).expect("is JSON"),
        other => panic!("{other:?}"),
    }
}

fn set_record(path: &Path, text: &str) {
    let mut file = netcdf::append(path).expect("opens");
    file.add_attribute("halocline_provenance", text).expect("written");
}

const PLAIN: Launch = Launch::Plain(2);
const MEAN: [&str; 8] = ["stats", "sst.nc", "--var", "sst", "--op", "mean", "-o", "mean.nc"];

#[test]
fn records_say_how_on_all_ranks() {
    let place = Place::new();
    for launch in launches() {
        well(&place, launch, &[&MEAN[..], &["--checksum", "full", "-q"]].concat());
        let record = record(&place.at("mean.nc"));
        let activity = &record["prov:wasGeneratedBy"];
        assert_eq!(activity["name"], "stats");
        assert_eq!(activity["options"]["over"], "time");
        assert!(activity["defaults"].as_array().expect("a list").contains(&"over".into()));
        assert_eq!(record["output"], "mean.nc");
        let file = &record["prov:used"][0]["files"][0];
        let bytes = std::fs::metadata(place.at("sst.nc")).expect("is there").len();
        assert_eq!((&file["path"], file["bytes"].as_u64()), (&"sst.nc".into(), Some(bytes)));
        // From b3sum.
        assert_eq!(file["checksum"].as_str().map(str::len), Some(64), "{launch:?}");
        assert_eq!(record["prov:used"][0]["time"]["steps"], 128);
        let ranks = match launch {
            Launch::Plain(_) => 1,
            Launch::ThreadRanks(n) | Launch::Mpi(n) => n,
        };
        assert_eq!(record["run"]["ranks"], ranks, "{launch:?}");
    }
    let first = record(&place.at("mean.nc"));
    well(&place, Launch::Plain(1), &[&MEAN[..], &["--checksum", "none", "-q"]].concat());
    let none = record(&place.at("mean.nc"));
    assert_eq!(none["prov:used"][0]["files"][0]["checksum"], Value::Null);
    assert_ne!(first["checksums"], none["checksums"]);
}

#[test]
fn records_chain_through_outputs() {
    let place = Place::new();
    well(&place, Launch::Plain(1), &MEAN);
    well(&place, Launch::ThreadRanks(2), &["rechunk", "mean.nc", "-o", "again.nc", "-q"]);
    let told = well(&place, Launch::Mpi(2), &["provenance", "again.nc"]);
    assert!(told.contains("rechunk mean.nc") && told.contains("stats sst.nc"), "{told}");
    let json: Value =
        serde_json::from_str(&well(&place, Launch::Plain(1), &["provenance", "again.nc", "--json"]))
            .expect("JSON");
    let derived = &json["prov:used"][0]["prov:wasDerivedFrom"];
    assert_eq!(derived["prov:used"][0]["files"][0]["path"], "sst.nc");
    // Of what is not there any more, the digest stays.
    std::fs::remove_file(place.at("mean.nc")).expect("removed");
    let told = well(&place, Launch::Plain(1), &["provenance", "again.nc"]);
    assert!(told.contains("not there any more"), "{told}");
    let (code, _, err) = go(&place, Launch::Plain(1), &["provenance", "sst.nc"]);
    assert_eq!(code, Some(3));
    assert!(err.contains("has no record"), "{err}");
}

#[test]
fn outputs_are_verified_on_other_ranks() {
    let place = Place::new();
    well(&place, Launch::Plain(2), &MEAN);
    let clim = [
        "climatology",
        "sst.nc",
        "--var",
        "sst",
        "--by",
        "month",
        "-o",
        "clim.nc",
        "--anomaly",
        "anom.nc",
        "-q",
    ];
    well(&place, Launch::ThreadRanks(3), &clim);
    let before = place.names();
    for launch in [Launch::Plain(1), Launch::ThreadRanks(3), Launch::Mpi(1), Launch::Mpi(4)] {
        let told = well(&place, launch, &["verify", "mean.nc"]);
        assert!(told.contains("mean.nc: verified: 1 input as before (checksum: header)"), "{told}");
    }
    for file in ["clim.nc", "anom.nc"] {
        well(&place, Launch::Mpi(2), &["verify", file, "-q"]);
    }
    assert_eq!(place.names(), before, "nothing is left");
    let told = well(&place, Launch::Plain(1), &["verify", "mean.nc", "--keep"]);
    assert!(told.contains("made again: "), "{told}");
    assert_eq!(place.names().len(), before.len() + 1);
}

#[test]
fn a_result_that_differs_is_not_an_input_that_changed() {
    let place = Place::new();
    well(&place, Launch::Plain(1), &MEAN);
    std::fs::copy(place.at("mean.nc"), place.at("kept.nc")).expect("copied");
    {
        let mut file = netcdf::append(place.at("mean.nc")).expect("opens");
        file.variable_mut("sst").expect("is there").put_value(99.0, [0, 20, 40]).expect("written");
        file.add_attribute("title", "Another").expect("written");
    }
    for launch in [Launch::Plain(1), Launch::Mpi(3)] {
        let (code, _, err) = go(&place, launch, &["verify", "mean.nc"]);
        assert_eq!(code, Some(7), "{err}");
        assert!(err.contains("the result differs") && err.contains("attribute `title`"), "{err}");
        assert!(err.contains("1 of 16020 values differ"), "{err}");
    }
    std::fs::rename(place.at("kept.nc"), place.at("mean.nc")).expect("renamed");
    {
        let mut file = netcdf::append(place.at("sst.nc")).expect("opens");
        file.add_attribute("note", "touched").expect("written");
    }
    let (code, _, err) = go(&place, Launch::Mpi(2), &["verify", "mean.nc"]);
    assert_eq!(code, Some(7), "{err}");
    assert!(err.contains("inputs have changed (1 of 1): sst.nc"), "{err}");
    std::fs::remove_file(place.at("sst.nc")).expect("removed");
    let (code, _, err) = go(&place, Launch::Mpi(2), &["verify", "mean.nc"]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("sst.nc: an input is not there any more"), "{err}");
}

#[test]
fn inputs_may_have_moved() {
    let place = Place::new();
    let absolute = place.at("sst.nc");
    well(&place, Launch::Plain(1), &MEAN);
    well(&place, Launch::Plain(1), &["stats", text(&absolute), "--var", "sst", "-o", "absolute.nc", "-q"]);
    std::fs::create_dir(place.at("new")).expect("created");
    std::fs::rename(absolute, place.at("new/sst.nc")).expect("moved");
    for file in ["mean.nc", "absolute.nc"] {
        well(&place, Launch::ThreadRanks(2), &["verify", file, "--input-root", "new"]);
    }
}

#[test]
fn outputs_of_pipelines_are_verified() {
    let place = Place::new();
    let pipeline = "[source.sst]\nfiles = 'sst.nc'\nvar = 'sst'\n\
        [[step]]\nname = 'clim'\ndo = 'climatology'\nfrom = 'sst'\nby = 'month'\nanomaly = true\noutput = 'clim.nc'\n\
        [[step]]\ndo = 'eof'\nfrom = 'clim.anomaly'\nmodes = 2\noutput = 'eof.nc'\n\
        [[step]]\ndo = 'plot'\nfrom = 'clim'\noutput = 'clim.png'\n";
    std::fs::write(place.at("p.toml"), pipeline).expect("written");
    well(&place, Launch::Plain(2), &["run", "p.toml", "-q"]);
    let record = record(&place.at("eof.nc"));
    assert_eq!(record["prov:wasGeneratedBy"]["pipeline"]["text"], pipeline);
    let used: Vec<&str> = record["prov:used"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|set| set["files"][0]["path"].as_str())
        .collect();
    assert_eq!(used, ["sst.nc"], "files between steps are nobody's inputs");
    // The record has the text: the file may change.
    std::fs::remove_file(place.at("p.toml")).expect("removed");
    let before = place.names();
    for (launch, file) in [(Launch::Plain(1), "eof.nc"), (Launch::Mpi(2), "clim.nc")] {
        well(&place, launch, &["verify", file]);
    }
    assert_eq!(place.names(), before);
}

#[test]
fn what_leaves_a_state_is_verified_but_not_what_goes_on_from_one() {
    let place = Place::new();
    let eof = ["eof", "sst.nc", "--var", "sst", "--modes", "3", "--state", "records.hcs", "-q", "-o"];
    well(&place, PLAIN, &[&eof[..], &["first.nc", "--time", "2010/2014"]].concat());
    let before = std::fs::read(place.at("records.hcs")).expect("a state");
    well(&place, Launch::ThreadRanks(3), &["verify", "first.nc"]);
    let state = "[source.sst]\nfiles = 'sst.nc'\nvar = 'sst'\ntime = '2010/2014'\n\
                 [[step]]\ndo = 'eof'\nfrom = 'sst'\nmodes = 3\nstate = 'records.hcs'\noutput = 'piped.nc'\n";
    std::fs::write(place.at("s.toml"), state).expect("written");
    well(&place, PLAIN, &["run", "s.toml", "-q"]);
    well(&place, Launch::ThreadRanks(2), &["verify", "piped.nc"]);
    // The state that is there is nobody's to change.
    assert!(std::fs::read(place.at("records.hcs")).expect("a state") == before);
    well(&place, PLAIN, &[&eof[..], &["all.nc", "--time", "2015/2019", "--update"]].concat());
    let (code, _, err) = go(&place, PLAIN, &["verify", "all.nc"]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("--update") && err.trim_end().lines().count() == 1, "{err}");
}

#[test]
fn records_that_are_dangerous_or_damaged_are_refused() {
    let place = Place::new();
    well(&place, Launch::Plain(1), &MEAN);
    let good = record(&place.at("mean.nc"));
    let spoil = |change: &dyn Fn(&mut Value)| {
        let mut record = good.clone();
        change(&mut record);
        record.to_string()
    };
    let arguments = |words: &'static str| {
        move |record: &mut Value| {
            record["prov:wasGeneratedBy"]["arguments"] = words.split(' ').collect::<Vec<_>>().into();
        }
    };
    let bad = [
        ("{".to_owned(), "is damaged"),
        ("{}".to_owned(), "has no version"),
        (spoil(&|r| r["schema"] = 99.into()), "is of version 99"),
        (spoil(&|r| r["output"] = 3.into()), "is incomplete"),
        (spoil(&|r| r["prov:used"] = "x".into()), "does not say what it was made of"),
        (spoil(&arguments("submit --scheduler slurm -- stats sst.nc -o mean.nc")), "is not run again"),
        (spoil(&arguments("plot sst.nc -o mean.nc")), "is not run again"),
        (spoil(&arguments("stats sst.nc --var sst -o other.nc")), "makes another file"),
        (spoil(&arguments("stats --nonsense")), "is not understood"),
    ];
    let before = place.names();
    for (text, what) in bad {
        set_record(&place.at("mean.nc"), &text);
        let (code, _, err) = go(&place, Launch::ThreadRanks(2), &["verify", "mean.nc"]);
        assert_eq!(code, Some(3), "{what}: {err}");
        assert!(err.contains(what) && err.trim_end().lines().count() == 1, "{what}: {err}");
    }
    // Files that the command wrote on its way are not written.
    let words = "stats sst.nc --var sst -o mean.nc --op mean --checkpoint c.hcl --log-json log --status s";
    set_record(&place.at("mean.nc"), &spoil(&arguments(words)));
    well(&place, Launch::Plain(1), &["verify", "mean.nc"]);
    assert_eq!(place.names(), before);
}

fn fill(place: &Place, name: &str, text: &str) {
    std::fs::write(place.at(name), text).expect("written");
}

/// An index for each month of the sample.
fn index(first: f64) -> String {
    let months =
        (0..128).map(|m| format!("{}-{:02},{}\n", 2010 + m / 12, m % 12 + 1, f64::from(m % 7) + first));
    months.collect()
}

#[test]
fn an_index_in_a_text_file_is_an_input() {
    let place = Place::new();
    fill(&place, "idx.csv", &index(0.0));
    let words = "relate sst.nc --var sst --with idx.csv --op regression -o rel.nc";
    well(&place, Launch::ThreadRanks(2), &words.split(' ').collect::<Vec<_>>());
    let record = record(&place.at("rel.nc"));
    let used = record["prov:used"].as_array().expect("a list");
    let csv = used.iter().find(|set| set["files"][0]["path"] == "idx.csv").expect("is an input");
    assert!(csv["files"][0]["checksum"].is_string());
    well(&place, Launch::Plain(1), &["verify", "rel.nc", "-q"]);
    fill(&place, "idx.csv", &index(1.0));
    let (code, _, err) = go(&place, Launch::Plain(1), &["verify", "rel.nc"]);
    assert_eq!(code, Some(7), "{err}");
    assert!(err.contains("inputs have changed (1 of 2): idx.csv"), "{err}");
}

#[test]
fn files_that_a_pattern_matches_now_are_changed_inputs() {
    let place = Place::new();
    let year = |from: &str, name: &str| {
        let part = place.at(name);
        let time = format!("{from}-01/{from}-12");
        let words = format!("stats sst.nc --var sst --time {time} --over lon --op mean -q -o");
        let words: Vec<&str> = words.split(' ').chain([text(&part)]).collect();
        well(&place, Launch::Plain(1), &words);
    };
    year("2010", "part_1.nc");
    well(
        &place,
        Launch::Plain(1),
        &["stats", "part_*.nc", "--var", "sst", "--op", "mean", "-o", "mean.nc", "-q"],
    );
    well(&place, Launch::Plain(1), &["verify", "mean.nc", "-q"]);
    year("2011", "part_2.nc");
    for launch in [Launch::Plain(1), Launch::Mpi(2)] {
        let (code, _, err) = go(&place, launch, &["verify", "mean.nc"]);
        assert_eq!(code, Some(7), "{err}");
        assert!(err.contains("inputs have changed: 1 file more than before: part_2.nc"), "{err}");
    }
}

#[test]
fn pipelines_whose_outputs_speak_of_each_other_are_verified() {
    let place = Place::new();
    let pipeline = "[source.sst]\nfiles = 'sst.nc'\nvar = 'sst'\n\
        [[step]]\nname = 'e'\ndo = 'eof'\nfrom = 'sst'\nmodes = 2\noutput = 'eof.nc'\n\
        [[step]]\ndo = 'project'\nfrom = 'sst'\npatterns = 'e'\noutput = 'pc.nc'\n\
        [[step]]\nname = 'w'\ndo = 'regrid'\nfrom = 'sst'\nto = 'r36x18'\nsave-weights = 'w.nc'\noutput = 'rg.nc'\n";
    fill(&place, "p.toml", pipeline);
    well(&place, Launch::Plain(2), &["run", "p.toml", "-q"]);
    let before = place.names();
    let weights = std::fs::metadata(place.at("w.nc")).and_then(|about| about.modified()).expect("is there");
    for (launch, file) in
        [(Launch::Plain(1), "pc.nc"), (Launch::Mpi(2), "rg.nc"), (Launch::ThreadRanks(2), "w.nc")]
    {
        well(&place, launch, &["verify", file]);
    }
    assert_eq!(place.names(), before);
    let now = std::fs::metadata(place.at("w.nc")).and_then(|about| about.modified()).expect("is there");
    assert_eq!(weights, now, "not written again");
}
