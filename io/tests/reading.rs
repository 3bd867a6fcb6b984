//! Data sets of one file: selection, order of dimensions, what is missing.

#![allow(clippy::unwrap_used)]

mod common;

use common::{axis, create, globe, inputs, singles};
use halocline_core::calendar::TimeRange;
use halocline_core::comm::{run_threads, Comm};
use halocline_core::grid::GridKind;
use halocline_core::index::IndexBox;
use halocline_core::meta::Values;
use halocline_io::{open, Dataset, Element, Selection, Source};
use std::path::Path;

fn one(path: &Path) -> Dataset {
    open(&Comm::serial(), &inputs(&[path])).unwrap()
}
fn source(data: &Dataset, name: &str, selection: &Selection) -> Source {
    data.source(&Comm::serial(), name, selection).unwrap()
}
fn whole(source: &Source) -> Vec<f64> {
    source.read(&IndexBox::whole(&source.variable().shape())).unwrap().to_f64()
}
fn refusal(data: &Dataset, name: &str, selection: &Selection) -> (u8, String) {
    let e = data.source(&Comm::serial(), name, selection).unwrap_err();
    (e.exit_code(), e.to_string())
}

#[test]
fn a_variable_with_time_box_and_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let data = one(&globe(dir.path(), "a.nc", "days since 2000-01-31", &[0.0, 1.0, 2.0], 0.0));
    assert_eq!(data.format(), "NetCDF-4");
    assert_eq!(data.time().unwrap().len(), 3);
    let all = source(&data, "sst", &Selection::default());
    assert_eq!((all.element(), all.grid().kind), (Element::F32, GridKind::Rectilinear));
    let block = IndexBox::new(vec![1..3, 2..3, 1..3]);
    assert_eq!(all.read(&block).unwrap(), Values::F32(vec![121.0, 122.0, 221.0, 222.0]));

    let selection = Selection {
        time: Some(TimeRange::parse("2000-02").unwrap()),
        lon_lat_box: Some([-100.0, 100.0, -10.0, 90.0]),
        ..Selection::default()
    };
    let part = source(&data, "sst", &selection);
    assert_eq!(part.variable().shape(), [2, 2, 3]);
    assert_eq!(part.time().datetime(0).date_string(), "2000-02-01");
    assert_eq!(part.grid().lon.as_ref().unwrap().values.to_f64(), [-90.0, 0.0, 90.0]);
    assert_eq!(part.grid().lat.as_ref().unwrap().values.to_f64(), [0.0, 30.0]);
    let expected = [113., 110., 111., 123., 120., 121., 213., 210., 211., 223., 220., 221.];
    assert_eq!(whole(&part), expected);
    // A block over the seam, and one on either side of it.
    let read = |x: std::ops::Range<usize>| part.read(&IndexBox::new(vec![1..2, 0..1, x])).unwrap().to_f64();
    assert_eq!(
        (read(0..2), read(0..1), read(2..3), read(1..1)),
        (vec![213., 210.], vec![213.], vec![211.], vec![])
    );
    assert_eq!(part.read(&IndexBox::new(vec![0..3, 0..1, 0..1])).unwrap_err().exit_code(), 70);
}

#[test]
fn dimensions_in_any_order_and_levels() {
    let dir = tempfile::tempdir().unwrap();
    let (path, mut file) = create(dir.path(), "order.nc");
    axis(&mut file, "lon", "degrees_east", &[10.0, 20.0, 30.0]);
    axis(&mut file, "depth", "m", &[5.0, 15.0]);
    axis(&mut file, "lat", "degrees_north", &[1.0, 2.0]);
    axis(&mut file, "time", "months since 2000-01-01", &[0.0, 1.0, 2.0, 3.0]);
    let values: Vec<f32> = (0..48).map(|k| k as f32).collect();
    singles(&mut file, "t", &["lon", "depth", "lat", "time"], &values);
    singles(&mut file, "series", &["time"], &[1.0, 2.0, 3.0, 4.0]);
    singles(&mut file, "profile", &["depth"], &[1.0, 2.0]);
    file.close().unwrap();

    let data = one(&path);
    let (code, text) = refusal(&data, "t", &Selection::default());
    assert!(code == 2 && text.contains("has 2 levels") && text.contains("--level: 5, 15 m"), "{text}");
    let (code, text) = refusal(&data, "t", &Selection { level: Some(7.0), ..Selection::default() });
    assert!(code == 2 && text.contains("no level 7"), "{text}");
    let deep = source(&data, "t", &Selection { level: Some(15.0), ..Selection::default() });
    let names: Vec<&str> = deep.variable().dims.iter().map(|d| d.name.as_str()).collect();
    assert_eq!(names, ["time", "lat", "lon"]);
    let level = deep.level().unwrap();
    assert_eq!(
        (level.variable.units(), level.variable.dims.len(), level.values.to_f64()),
        (Some("m"), 0, vec![15.0])
    );
    let mut expected = Vec::new();
    for t in 0..4 {
        for y in 0..2 {
            for x in 0..3 {
                expected.push(f64::from(((x * 2 + 1) * 2 + y) * 4 + t));
            }
        }
    }
    assert_eq!(whole(&deep), expected);
    assert_eq!(whole(&source(&data, "series", &Selection::default())), [1.0, 2.0, 3.0, 4.0]);
    let (code, text) = refusal(&data, "profile", &Selection::default());
    assert!(code == 2 && text.contains("has 2 levels"), "{text}");
    // What has no time dimension is a series of one step.
    let profile = source(&data, "profile", &Selection { all_levels: true, ..Selection::default() });
    assert_eq!((profile.variable().shape(), whole(&profile)), (vec![1, 2], vec![1.0, 2.0]));
    assert!(profile.is_static() && profile.needs_time().unwrap_err().exit_code() == 3);
    let time = Some(halocline_core::calendar::TimeRange::parse("2000").unwrap());
    assert_eq!(refusal(&data, "profile", &Selection { all_levels: true, time, ..Selection::default() }).0, 2);
    let (code, text) = refusal(&data, "serie", &Selection::default());
    assert!(code == 2 && text.contains("did you mean `series`?") && text.contains("order.nc"), "{text}");
}

#[test]
fn any_variable_and_its_grid_without_selection() {
    let dir = tempfile::tempdir().unwrap();
    let a = globe(dir.path(), "a.nc", "days since 2000-01-01", &[0.0, 1.0], 0.0);
    let b = globe(dir.path(), "b.nc", "days since 2000-01-01", &[2.0], 1000.0);
    let data = open(&Comm::serial(), &inputs(&[&a, &b])).unwrap();
    let over = data.read("sst", &IndexBox::new(vec![1..3, 2..3, 0..2])).unwrap();
    assert_eq!(over, Values::F32(vec![120.0, 121.0, 1020.0, 1021.0]));
    assert_eq!(data.read("lat", &IndexBox::whole(&[3])).unwrap(), Values::F64(vec![-30.0, 0.0, 30.0]));
    assert_eq!(data.read("time", &IndexBox::whole(&[3])).unwrap(), Values::F64(vec![0.0, 1.0, 2.0]));
    assert_eq!(data.read("lat", &IndexBox::whole(&[3]).with_range(0, 2..2)).unwrap().len(), 0);
    assert_eq!(data.read("lat", &IndexBox::whole(&[4]).with_range(0, 2..4)).unwrap_err().exit_code(), 70);
    assert_eq!(data.grid("sst").unwrap().shape(), [3, 4]);
    assert_eq!(data.grid("time").unwrap().kind, GridKind::Unknown);
}

#[test]
fn a_box_on_a_curvilinear_grid_masks_what_lies_outside() {
    let dir = tempfile::tempdir().unwrap();
    let (path, mut file) = create(dir.path(), "curved.nc");
    axis(&mut file, "time", "days since 2000-01-01", &[0.0, 1.0]);
    file.add_dimension("y", 2).unwrap();
    file.add_dimension("x", 3).unwrap();
    let mut lat = singles(&mut file, "nav_lat", &["y", "x"], &[0.0, 1.0, 2.0, 10.0, 11.0, 12.0]);
    lat.put_attribute("standard_name", "latitude").unwrap();
    let mut lon = singles(&mut file, "nav_lon", &["y", "x"], &[359.0, 0.0, 1.0, 0.0, 1.0, 2.0]);
    lon.put_attribute("standard_name", "longitude").unwrap();
    let values: Vec<f32> = (0..12).map(|k| k as f32).collect();
    let mut v = singles(&mut file, "tos", &["time", "y", "x"], &values);
    v.put_attribute("coordinates", "nav_lat nav_lon").unwrap();
    file.close().unwrap();

    let selection = Selection { lon_lat_box: Some([-0.5, 1.5, 0.0, 10.5]), ..Selection::default() };
    let part = source(&one(&path), "tos", &selection);
    assert_eq!(part.grid().kind, GridKind::Curvilinear);
    assert_eq!(part.variable().shape(), [2, 2, 3]);
    assert_eq!(part.grid().excluded, [true, false, false, false, true, true]);
    let read = whole(&part);
    let kept: Vec<usize> = (0..12).filter(|&k| !read[k].is_nan()).collect();
    assert_eq!(kept, [1, 2, 3, 7, 8, 9]);
    let block = part.read(&IndexBox::new(vec![1..2, 1..2, 0..2])).unwrap().to_f64();
    assert!(block[0] == 9.0 && block[1].is_nan());
}

#[test]
fn steps_that_were_never_written_are_missing() {
    let dir = tempfile::tempdir().unwrap();
    let (path, mut file) = create(dir.path(), "short.nc");
    file.add_unlimited_dimension("time").unwrap();
    file.add_dimension("x", 3).unwrap();
    let mut time = file.add_variable::<f64>("time", &["time"]).unwrap();
    time.put_attribute("units", "days since 2000-01-01").unwrap();
    time.put_values(&[0.0, 1.0, 2.0, 3.0], 0..4).unwrap();
    let mut late = file.add_variable::<f32>("late", &["x", "time"]).unwrap();
    late.put_values(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], (0..3, 0..2)).unwrap();
    file.close().unwrap();
    let shown: Vec<f64> = whole(&source(&one(&path), "late", &Selection::default()))
        .into_iter()
        .map(|v| if v.is_nan() { -1.0 } else { v })
        .collect();
    assert_eq!(shown, [1., 3., 5., 2., 4., 6., -1., -1., -1., -1., -1., -1.]);
}

#[test]
fn boxes_and_times_that_hold_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = one(&globe(dir.path(), "a.nc", "days since 2000-01-01", &[0.0], 0.0));
    let boxed = |b| Selection { lon_lat_box: Some(b), ..Selection::default() };
    let (code, text) = refusal(&data, "sst", &boxed([1.0, 2.0, -90.0, 90.0]));
    assert!(code == 2 && text.contains("from 0 to 270 degrees east") && text.contains("`sst`"), "{text}");
    assert_eq!(refusal(&data, "sst", &boxed([0.0, 10.0, 5.0, -5.0])).0, 2);
    let late = Selection { time: Some(TimeRange::parse("2010/").unwrap()), ..Selection::default() };
    assert_eq!(refusal(&data, "sst", &late).0, 2);
    assert_eq!(refusal(&data, "sst", &Selection { level: Some(1.0), ..Selection::default() }).0, 2);
}

#[test]
fn every_rank_and_thread_reads_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = globe(dir.path(), "a.nc", "days since 2000-01-01", &[0.0, 1.0, 2.0, 3.0], 0.5);
    let expected = whole(&source(&one(&path), "sst", &Selection::default()));
    for ranks in 1..=3 {
        let read = run_threads(ranks, |comm| {
            let data = open(comm, &inputs(&[&path])).unwrap();
            whole(&data.source(comm, "sst", &Selection::default()).unwrap())
        });
        assert!(read.iter().all(|r| *r == expected));
        let failed = run_threads(ranks, |comm| open(comm, &["absent.nc".to_owned()]).unwrap_err());
        assert!(failed
            .iter()
            .all(|e| e.exit_code() == 3 && e.to_string().starts_with("absent.nc: no such file")));
    }
    let shared = source(&one(&path), "sst", &Selection::default());
    std::thread::scope(|scope| {
        for k in 0..8 {
            let shared = &shared;
            let expected = &expected[k % 4 * 12..][..12];
            scope.spawn(move || {
                for _ in 0..50 {
                    let block = IndexBox::new(vec![k % 4..k % 4 + 1, 0..3, 0..4]);
                    assert_eq!(shared.read(&block).unwrap().to_f64(), expected);
                }
            });
        }
    });
}

#[test]
fn files_that_are_none() {
    let dir = tempfile::tempdir().unwrap();
    let good = globe(dir.path(), "good.nc", "days since 2000-01-01", &[0.0], 0.0);
    let bytes = std::fs::read(&good).unwrap();
    let failure = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let e = open(&Comm::serial(), &inputs(&[&path])).unwrap_err();
        assert_eq!(e.exit_code(), 3, "{e}");
        let text = e.to_string();
        assert!(text.contains(name), "{text}");
        text
    };
    assert!(failure("empty.nc", b"").contains("empty"));
    assert!(failure("page.nc", b"<!DOCTYPE html><html>404").contains("web page"));
    assert!(failure("half.nc", &bytes[..bytes.len() / 2]).contains("truncated"));
    assert!(failure("packed.nc", b"\x1f\x8b\x08\0 and so on").contains("gzip"));
    assert!(failure("noise.nc", &[7; 4000]).contains("not NetCDF"));
    // A classic file whose record was cut off.
    let classic = dir.path().join("classic.nc");
    let mut file = netcdf::create_with(&classic, netcdf::Options::empty()).unwrap();
    file.add_dimension("x", 3).unwrap();
    file.add_variable::<f64>("x", &["x"]).unwrap();
    file.enddef().unwrap();
    file.variable_mut("x").unwrap().put_values(&[1.0, 2.0, 3.0], ..).unwrap();
    file.close().unwrap();
    let bytes = std::fs::read(&classic).unwrap();
    assert!(open(&Comm::serial(), &inputs(&[&classic])).is_ok());
    assert!(failure("cut.nc", &bytes[..bytes.len() - 1]).contains("truncated"));
    let directory = open(&Comm::serial(), &inputs(&[dir.path()])).unwrap_err();
    assert!(directory.to_string().contains("is a directory"));
}

#[test]
fn damaged_values_are_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let (path, mut file) = create(dir.path(), "damaged.nc");
    axis(&mut file, "time", "days since 2000-01-01", &(0..64).map(f64::from).collect::<Vec<_>>());
    let mut v = file.add_variable::<f32>("v", &["time"]).unwrap();
    v.set_chunking(&[64]).unwrap();
    v.set_compression(5, true).unwrap();
    v.put_values(&(0..64).map(|k| (k * k) as f32 * 1.1).collect::<Vec<_>>(), ..).unwrap();
    file.close().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let data = one(&path);
    // The head of a zlib stream at level 5.
    let at = bytes.windows(2).position(|w| w == [0x78, 0x5e]).unwrap();
    bytes[at + 8..at + 40].fill(0xAA);
    std::fs::write(&path, &bytes).unwrap();
    let v = source(&data, "v", &Selection::default());
    let e = v.read(&IndexBox::whole(&[64])).unwrap_err();
    assert!(e.exit_code() == 3 && e.to_string().contains("damaged.nc: variable `v`"), "{e}");
}
