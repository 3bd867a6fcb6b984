//! The same job gives the same bytes in every output variable, whoever does it.

mod common;

use common::made::{Layout, Made};
use common::{contents, data, launches, run_well, text, Launch};
use std::path::Path;

/// Runs a job in every way that there is and compares all that is written.
fn same_everywhere(arguments: &[&str], divisions: &[&str]) {
    same_with(arguments, divisions, &[]);
}

/// The same, and with each of `options` besides.
fn same_with(arguments: &[&str], divisions: &[&str], options: &[&[&str]]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut first: Option<std::collections::BTreeMap<String, String>> = None;
    let mut check = |launch: Launch, extra: &[&str]| {
        let path = folder.path().join("out.nc");
        let all = [arguments, extra, &["-o", text(&path), "--quiet"]].concat();
        run_well(launch, &all);
        let now = contents(&path);
        std::fs::remove_file(&path).expect("the output is there");
        let reference = first.get_or_insert_with(|| now.clone());
        for (key, value) in reference.iter() {
            assert!(now.get(key) == Some(value), "{launch:?} {extra:?} gives another `{key}`");
        }
        assert_eq!(reference.len(), now.len());
    };
    for launch in launches() {
        check(launch, &[]);
    }
    for extra in options {
        check(Launch::Plain(2), extra);
        if cfg!(feature = "mpi") {
            check(Launch::Mpi(2), extra);
        }
    }
    for division in divisions {
        check(Launch::ThreadRanks(4), &["--decomposition", division]);
        if cfg!(feature = "mpi") {
            check(Launch::Mpi(4), &["--decomposition", division]);
        }
    }
}

fn sample() -> String {
    text(&data("ersstv5_sst_201001-202008.nc")).to_owned()
}

#[test]
fn temporal_covariance() {
    let sample = sample();
    let arguments = ["eof", &sample, "--var", "sst", "--anomaly", "climatology", "--modes", "6"];
    same_everywhere(&arguments, &["lat=4", "lat=2,lon=2", "lat=3"]);
}

#[test]
fn temporal_covariance_of_a_box_over_the_date_line() {
    let sample = sample();
    let arguments = ["eof", &sample, "--var", "sst", "--box", "150,-120,-10,10", "--modes", "4", "--detrend"];
    same_everywhere(&arguments, &["lon=4"]);
}

#[test]
fn spatial_covariance() {
    let input = text(&data("case_spatial_input.nc")).to_owned();
    let var = only_variable(&data("case_spatial_input.nc"));
    let arguments = [
        "eof",
        &input,
        "--var",
        &var,
        "--modes",
        "3",
        "--standardize",
        "--weights",
        "none",
        "--eof-scaling",
        "correlation",
    ];
    same_everywhere(&arguments, &["lat=3", "lat=2,lon=2"]);
}

#[test]
fn more_ranks_than_rows() {
    let sample = sample();
    let arguments = ["eof", &sample, "--var", "sst", "--box", "180,186,0,3", "--modes", "2"];
    same_everywhere(&arguments, &["lat=4"]);
}

#[test]
fn statistics_over_time() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Uneven; two leaves in time, several columns where chunks allow.
    let layouts = [
        Layout::Chunked([1, 70, 1100], Some(1)),
        Layout::Chunked([130, 9, 100], None),
        Layout::Contiguous,
        Layout::Classic,
    ];
    for (k, layout) in layouts.into_iter().enumerate() {
        let input = folder.path().join(format!("{k}.nc"));
        Made { shape: [130, 70, 1100], layout, since: 0 }.write(&input);
        let input = text(&input);
        let arguments = ["stats", input, "--var", "tos", "--op", "mean,min,count"];
        let divisions = ["time=2", "lat=2", "time=2,lat=2"];
        let lasting: &[&[&str]] = &[&["--io", "library"], &["--io", "direct"], &["--memory", "130MB"]];
        same_with(&arguments, if k == 0 { &divisions } else { &divisions[..1] }, lasting);
    }
}

#[test]
fn statistics_of_levels() {
    let input = data("case_packed_input.nc");
    same_everywhere(&["stats", text(&input), "--var", "thetao"], &["lat=2"]);
    // Most ranks own nothing.
    same_everywhere(&["stats", text(&input), "--var", "thetao", "--box", "0,20,0,9"], &[]);
}

/// The data variable of a test file: the one with three dimensions or more.
fn only_variable(path: &Path) -> String {
    let file = netcdf::open(path).expect("test data open");
    let name = file.variables().find(|v| v.dimensions().len() >= 3).map(|v| v.name());
    name.expect("a data variable")
}
