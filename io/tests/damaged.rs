//! Malformed attributes and damaged names.

#![allow(clippy::unwrap_used)]

mod common;

use common::{create, globe, inputs};
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_io::{open, Dataset, Selection};
use netcdf::AttributeValue;
use std::path::{Path, PathBuf};

fn join(paths: &[&Path]) -> Dataset {
    open(&Comm::serial(), &inputs(paths)).unwrap()
}
/// What is said when `sst` is asked for, in both ways.
fn refusals(data: &Dataset) -> [String; 2] {
    let source = data.source(&Comm::serial(), "sst", &Selection::default()).unwrap_err();
    let block = IndexBox::whole(&data.variable("sst").unwrap().variable.shape());
    let read = data.read("sst", &block).unwrap_err();
    [source, read].map(|e| {
        assert_eq!(e.exit_code(), 3, "{e}");
        assert!(e.remedy.is_some(), "{e}");
        e.to_string()
    })
}
/// A file of two days from `day` on, with an attribute of a variable.
fn with(dir: &Path, day: u32, variable: &str, name: &str, value: AttributeValue) -> PathBuf {
    let file = format!("{variable}-{name}-{day}.nc");
    let path = globe(dir, &file, &format!("days since 2000-01-{day:02}"), &[0.0, 1.0], 0.0);
    netcdf::append(&path).unwrap().variable_mut(variable).unwrap().put_attribute(name, value).unwrap();
    path
}

#[test]
fn malformed_attributes_are_refused_when_values_are_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    for (name, value, words) in [
        ("scale_factor", AttributeValue::Str("two".into()), "is the text \"two\""),
        ("scale_factor", AttributeValue::Strs(vec!["2".into()]), "is the text \"2\""),
        ("scale_factor", AttributeValue::Doubles(vec![2.0, 3.0]), "has 2 values, not 1"),
        ("scale_factor", AttributeValue::Int(0), "is 0"),
        ("add_offset", AttributeValue::Float(f32::NAN), "is NaN"),
        ("valid_range", AttributeValue::Floats(vec![1.0, 2.0, 3.0]), "has 3 values, not 2"),
        ("valid_range", AttributeValue::Float(3.0), "has 1 value, not 2"),
        ("valid_min", AttributeValue::Shorts(vec![1, 2]), "has 2 values, not 1"),
        ("missing_value", AttributeValue::Str("-888".into()), "is the text \"-888\""),
    ] {
        let path = with(dir.path(), 1, "sst", name, value);
        let data = join(&[&path]);
        assert_eq!(data.variables().len(), 4);
        for text in refusals(&data) {
            assert!(text.contains(words) && text.contains(&format!("`{name}`")), "{text}");
            assert!(text.contains(&*path.to_string_lossy()) && text.contains("sst"), "{text}");
        }
        std::fs::remove_file(path).unwrap();
    }
    let path = with(dir.path(), 1, "sst", "valid_range", AttributeValue::Doubles(vec![0.0, 50.0]));
    assert!(join(&[&path]).source(&Comm::serial(), "sst", &Selection::default()).is_ok());
}

#[test]
fn malformed_attributes_of_any_file_and_of_coordinates() {
    let dir = tempfile::tempdir().unwrap();
    let good = |day: u32| {
        let units = format!("days since 2000-01-{day:02}");
        globe(dir.path(), &format!("good{day}.nc"), &units, &[0.0, 1.0], 0.0)
    };
    let text = || AttributeValue::Str("two".into());
    let (early, late) = (good(1), good(20));
    for variable in ["sst", "lat"] {
        let bad = with(dir.path(), 10, variable, "scale_factor", text());
        for files in [[&bad, &late], [&late, &bad], [&early, &bad], [&bad, &early]] {
            for said in refusals(&join(&files.map(PathBuf::as_path))) {
                assert!(said.contains(&*bad.to_string_lossy()) && said.contains(variable), "{said}");
                assert!(said.contains("`scale_factor` is the text"), "{said}");
            }
        }
    }
    let alone = join(&[&dir.path().join("lat-scale_factor-10.nc")]);
    let e = alone.source(&Comm::serial(), "sst", &Selection::default()).unwrap_err();
    assert!(e.exit_code() == 3 && e.variable.as_deref() == Some("lat"), "{e}");
    let time = with(dir.path(), 10, "time", "add_offset", text());
    let e = join(&[&time]).time_problem().unwrap().to_string();
    assert!(e.contains("`add_offset`") && e.contains("time-add_offset"), "{e}");
}

#[test]
fn damaged_names_are_told_at_open() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("names.nc");
    let mut file = netcdf::create_with(&path, netcdf::Options::_64BIT_OFFSET).unwrap();
    file.add_dimension("dimA", 2).unwrap();
    let mut v = file.add_variable::<f32>("varA", &["dimA"]).unwrap();
    v.put_attribute("attA", 1).unwrap();
    file.add_attribute("gloA", "text").unwrap();
    file.close().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert!(open(&Comm::serial(), &inputs(&[&path])).is_ok());
    for name in [b"dimA", b"varA", b"attA", b"gloA"] {
        let at = bytes.windows(4).position(|w| w == name).unwrap();
        for (place, byte, words) in [
            (3, 0x7f, "holds a control character: `"),
            (1, 0, "holds a control character: `"),
            (2, b'/', "holds `/`: `"),
            (0, b'|', "begins with"),
            (3, b' ', "ends in a space"),
            (3, 0xff, "holds what is not UTF-8: `"),
        ] {
            let mut damaged = bytes.clone();
            damaged[at + place] = byte;
            std::fs::write(&path, damaged).unwrap();
            let e = open(&Comm::serial(), &inputs(&[&path])).unwrap_err();
            let text = e.to_string();
            assert!(e.exit_code() == 3 && text.contains("names.nc: the file is damaged: a name"), "{text}");
            assert!(text.contains(words) && e.remedy.is_some(), "{text}");
        }
    }
    let (good, file) = create(dir.path(), "good.nc");
    file.close().unwrap();
    assert!(open(&Comm::serial(), &inputs(&[&good])).is_ok());
}
