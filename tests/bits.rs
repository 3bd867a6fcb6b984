//! The same job gives the same bytes in every output variable, whoever does it.

mod common;

use common::{contents, data, launches, run_well, text, Launch};
use std::path::Path;

/// Runs a job in every way that there is and compares all that is written.
fn same_everywhere(arguments: &[&str], divisions: &[&str]) {
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
    same_everywhere(&arguments, &["lat=4", "time=2,lon=2", "lat=3"]);
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
    same_everywhere(&arguments, &["time=3", "lat=2,lon=2"]);
}

#[test]
fn more_ranks_than_rows() {
    let sample = sample();
    let arguments = ["eof", &sample, "--var", "sst", "--box", "180,186,0,3", "--modes", "2"];
    same_everywhere(&arguments, &["lat=4"]);
}

/// The data variable of a test file: the one with three dimensions or more.
fn only_variable(path: &Path) -> String {
    let file = netcdf::open(path).expect("test data open");
    let name = file.variables().find(|v| v.dimensions().len() >= 3).map(|v| v.name());
    name.expect("a data variable")
}
