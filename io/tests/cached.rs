//! Metadata from the cache: the same answers, and never those of yesterday's file.

#![allow(clippy::unwrap_used)]

mod common;

use common::{axis, create, singles};
use halocline_core::calendar::TimeRange;
use halocline_core::comm::{run_threads, Comm};
use halocline_core::index::IndexBox;
use halocline_io::{open, open_with, Dataset, OpenOptions, Selection};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A day of `sst(time, lat)`; its title and units have always the same length.
fn day(dir: &Path, number: usize, title: char, units: &str) -> PathBuf {
    let (path, mut file) = create(dir, &format!("day_{number:02}.nc"));
    file.add_attribute("title", title.to_string()).unwrap();
    axis(&mut file, "time", "days since 2000-01-01", &[number as f64]);
    file.add_dimension("bnds", 2).unwrap();
    file.variable_mut("time").unwrap().put_attribute("bounds", "time_bnds").unwrap();
    let mut bounds = file.add_variable::<f64>("time_bnds", &["time", "bnds"]).unwrap();
    bounds.put_values(&[number as f64 - 0.5, number as f64 + 0.5], ..).unwrap();
    axis(&mut file, "lat", "degrees_north", &[-30.0, 30.0]);
    let value = f32::from(u16::from(units == "degC")) + number as f32;
    singles(&mut file, "sst", &["time", "lat"], &[value, 2.0]).put_attribute("units", units).unwrap();
    file.close().unwrap();
    settle(&path);
    path
}

/// As if the file had been written at a certain second some time ago.
fn settle(path: &Path) {
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
}

fn cached(comm: &Comm, names: &[String]) -> Dataset {
    open_with(comm, names, OpenOptions { cache: true, ..OpenOptions::default() }).unwrap()
}

/// Files that came from the cache.
fn hits(data: &Dataset) -> usize {
    let note = data.notes().iter().find(|n| n.contains("from the cache")).unwrap();
    note.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn told(data: &Dataset) -> String {
    let all = (data.files(), data.dims(), data.variables(), data.time(), data.attributes(), data.format());
    format!("{all:?}")
}

/// What a source of the data says about itself, its bounds, and all its values; the way of reading.
fn read(comm: &Comm, data: &Dataset, selection: &Selection) -> String {
    let source = match data.source(comm, "sst", selection) {
        Ok(source) => source,
        Err(error) => return error.to_string(),
    };
    let values = source.read(&IndexBox::whole(&source.variable().shape()));
    format!("{:?} {:?} {:?} {values:?}", source.time_coordinate(), source.files(), source.io_note())
}

/// The same as without the cache, on 1 to 4 ranks; gives how many came from it first.
fn check(names: &[String]) -> usize {
    let plain = told(&open(&Comm::serial(), names).unwrap());
    let first = cached(&Comm::serial(), names);
    assert_eq!(told(&first), plain);
    for ranks in 1..=4 {
        for data in run_threads(ranks, |comm| cached(comm, names)) {
            assert_eq!(told(&data), plain);
        }
    }
    // Where values lie and the bounds of times, for selections one after the other.
    let some = Selection { time: TimeRange::parse("2000-01-04/2000-01-13").ok(), ..Selection::default() };
    for selection in [&some, &Selection::default(), &some] {
        let plain = open(&Comm::serial(), names).unwrap();
        let plain = read(&Comm::serial(), &plain, selection);
        for ranks in [1, 3] {
            let all = run_threads(ranks, |comm| read(comm, &cached(comm, names), selection));
            assert!(all.iter().all(|told| *told == plain), "{all:?} {plain}");
        }
    }
    hits(&first)
}

/// One test, as the place of the cache is a matter of the whole process.
#[test]
fn metadata_from_the_cache() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("cache");
    std::env::set_var("HALOCLINE_CACHE_DIR", &folder);
    let (one, other) = (dir.path().join("one"), dir.path().join("other"));
    std::fs::create_dir(&one).unwrap();
    std::fs::create_dir(&other).unwrap();
    let place = |i: usize| if i < 20 { &one } else { &other };
    let names: Vec<String> = (0..30).map(|i| day(place(i), i, 'a', "K   ").display().to_string()).collect();

    assert!(open(&Comm::serial(), &names).unwrap().notes().is_empty() && !folder.exists());
    assert_eq!(check(&names), 0);
    assert_eq!(check(&names), 30);
    // One of metadata, of places, of bounds, and of those by which times are chosen, for each directory.
    assert_eq!(std::fs::read_dir(folder.join("halocline/meta-1")).unwrap().count(), 8);
    // Part of the files, other names for them, one alone.
    assert_eq!(check(&names[10..25]), 15);
    assert_eq!(check(&[one.join("../one/*.nc").display().to_string()]), 20);
    assert_eq!(check(&names[3..4]), 1);

    // Half of them become others of the same length and time.
    for (i, name) in names.iter().enumerate().filter(|(i, _)| i % 2 == 0) {
        let length = std::fs::metadata(name).unwrap().len();
        day(place(i), i, 'a', "degC");
        assert_eq!(std::fs::metadata(name).unwrap().len(), length, "file {i}");
    }
    assert_eq!(check(&names), 15);
    let data = cached(&Comm::serial(), &names);
    assert_eq!((hits(&data), data.variable("sst").unwrap().variable.units()), (30, Some("degC")));
    assert!(data.source(&Comm::serial(), "sst", &Selection::default()).is_ok());

    // Changed just now: read, not kept.
    day(&one, 0, 'b', "K   ");
    std::fs::File::options().write(true).open(&names[0]).unwrap().set_modified(SystemTime::now()).unwrap();
    assert_eq!(check(&names), 29);
    assert_eq!(cached(&Comm::serial(), &names).attributes().text("title"), Some("b"));

    // Gone.
    std::fs::remove_file(&names[7]).unwrap();
    let options = OpenOptions { cache: true, ..OpenOptions::default() };
    let errors = run_threads(3, |comm| open_with(comm, &names, options).unwrap_err().to_string());
    assert!(errors.iter().all(|e| e.contains("day_07.nc: no such file")), "{errors:?}");
    day(&one, 7, 'a', "K   ");

    // A damaged cache is none, and is mended.
    settle(Path::new(&names[0]));
    check(&names);
    for shelf in std::fs::read_dir(folder.join("halocline/meta-1")).unwrap().flatten() {
        let mut bytes = std::fs::read(shelf.path()).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        std::fs::write(shelf.path(), bytes).unwrap();
    }
    assert_eq!(check(&names), 0);
    assert_eq!(check(&names), 30);

    // No place for a cache: said, and no error.
    std::env::set_var("HALOCLINE_CACHE_DIR", &names[0]);
    let data = cached(&Comm::serial(), &names);
    assert!(data.notes()[0].contains("no cache"), "{:?}", data.notes());
    assert_eq!(told(&data), told(&open(&Comm::serial(), &names).unwrap()));
}
