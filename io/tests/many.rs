//! Hundreds of files, dealt to ranks and threads: one answer, one error.

#![allow(clippy::unwrap_used)]

mod common;

use common::{axis, create, singles};
use halocline_core::comm::{run_threads, Comm};
use halocline_core::index::IndexBox;
use halocline_core::Result;
use halocline_io::{open, Dataset, Selection};
use std::path::{Path, PathBuf};

const FILES: usize = 300;

/// A day of `sst(time, lat)` with these latitudes.
fn day(dir: &Path, number: usize, lat: &[f64]) -> PathBuf {
    let (path, mut file) = create(dir, &format!("day_{number:03}.nc"));
    file.add_attribute("history", format!("made as number {number}")).unwrap();
    axis(&mut file, "time", "days since 2000-01-01", &[number as f64]);
    axis(&mut file, "lat", "degrees_north", lat);
    let values: Vec<f32> = (0..lat.len()).map(|k| (1000 * number + k) as f32).collect();
    singles(&mut file, "sst", &["time", "lat"], &values).put_attribute("units", "K").unwrap();
    path
}

const ROWS: [f64; 3] = [-30.0, 0.1, 30.0];

/// The same files each time, in `dir`; they are named in another order than that of their times.
fn days(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        (0..FILES).map(|number| day(dir, number, &ROWS).display().to_string()).collect();
    names.rotate_left(FILES / 3);
    names
}

/// All that is known of a data set, as text.
fn told(data: &Dataset) -> String {
    format!("{:?} {:?} {:?} {:?}", data.files(), data.dims(), data.variables(), data.time())
}

fn use_it(comm: &Comm, names: &[String]) -> Result<Dataset> {
    let data = open(comm, names)?;
    data.source(comm, "sst", &Selection::default())?;
    Ok(data)
}

/// The error for these files: the same on all ranks of any number.
fn refusal(names: &[String]) -> String {
    refused_on(1..=4, names)
}

fn refused_on(numbers: impl IntoIterator<Item = usize>, names: &[String]) -> String {
    let mut errors: Vec<String> = Vec::new();
    for ranks in numbers {
        errors.extend(run_threads(ranks, |comm| {
            let error = use_it(comm, names).unwrap_err();
            assert_eq!(error.exit_code(), 3, "{error}");
            error.to_string()
        }));
    }
    errors.dedup();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.remove(0)
}

#[test]
fn the_same_on_any_ranks_and_the_odd_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut names = days(dir.path());
    let alone = open(&Comm::serial(), &names).unwrap();
    assert_eq!((alone.files().len(), alone.time().unwrap().len()), (FILES, FILES));
    assert_eq!(alone.attributes().text("history"), Some("made as number 0"));
    let read = alone.read("sst", &IndexBox::new(vec![149..151, 1..2])).unwrap().to_f64();
    assert_eq!(read, [149_001.0, 150_001.0]);
    for ranks in [2, 3] {
        for data in run_threads(ranks, |comm| told(&use_it(comm, &names).unwrap())) {
            assert_eq!(data, told(&alone));
        }
    }

    // Missing, two of them, one behind the other in the order of names.
    let at = |names: &[String], number: usize| {
        names.iter().position(|n| n.ends_with(&format!("day_{number:03}.nc"))).unwrap()
    };
    let (first, second) = (at(&names, 250), at(&names, 20));
    assert!(first < second);
    let kept = names.clone();
    names[second] += ".gone";
    let error = refused_on([3], &names);
    assert!(error.contains("day_020.nc.gone: no such file"), "{error}");
    names[first] += ".gone";
    let error = refusal(&names);
    assert!(error.contains("day_250.nc.gone: no such file"), "{error}");
    names = kept;

    // Damaged.
    let path = PathBuf::from(&names[first]);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let error = refusal(&names);
    assert!(error.contains("day_250.nc") && error.contains("truncated"), "{error}");
    std::fs::write(&path, &whole).unwrap();

    // Without time: told before what comes later in the order of names, whoever finds it.
    let (path, file) = create(dir.path(), "day_250.nc");
    file.close().unwrap();
    names[second] += ".gone";
    let error = refusal(&names);
    assert!(error.contains("day_250.nc: has no time dimension"), "{error}");
    names[second] = names[second].replace(".gone", "");
    std::fs::write(&path, &whole).unwrap();

    // Another grid, in two files; and one that only rounding makes another.
    let rounded: Vec<f64> = ROWS.iter().map(|&v| f64::from(v as f32)).collect();
    day(dir.path(), 60, &rounded);
    assert!(use_it(&Comm::serial(), &names).is_ok());
    for number in [180, 250] {
        day(dir.path(), number, &[-30.0, 0.1, 31.0]);
    }
    let error = refusal(&names);
    assert!(error.contains("day_180.nc") && error.contains("other values of `lat`"), "{error}");
    day(dir.path(), 180, &ROWS);
    let error = refused_on([2], &names);
    assert!(error.contains("day_250.nc") && error.contains("other values of `lat`"), "{error}");
    day(dir.path(), 250, &[0.0, 10.0]);
    let error = refused_on([3], &names);
    assert!(error.contains("day_250.nc") && error.contains("dimension `lat` has length 2"), "{error}");
}
