//! Masks, regions, ranges of levels and ensembles: the same bits directly and through the
//! library, against what is worked out here cell by cell.

#![allow(clippy::unwrap_used)]

mod common;

use common::{axis, create, inputs};
use halocline_core::calendar::TimeRange;
use halocline_core::comm::{run_threads, Comm};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Role, Values};
use halocline_core::Result;
use halocline_io::{open_with, Io, OpenOptions, Region, Selection, Source};
use std::path::{Path, PathBuf};

const LAT: [f64; 5] = [-60.0, -30.0, 0.0, 30.0, 60.0];
const LON: [f64; 8] = [0.0, 45.0, 90.0, 135.0, 180.0, 225.0, 270.0, 315.0];
const LEV: [f64; 3] = [5.0, 50.0, 500.0];
const TIMES: usize = 6;

fn value(offset: usize, t: usize, k: usize, c: usize) -> f32 {
    (offset + 1000 * t + 100 * k + c) as f32
}

/// `(time, lev, lat, lon)` in deflated chunks that don't divide it.
fn write(dir: &Path, name: &str, offset: usize, units: &str, first: f64) -> PathBuf {
    let (path, mut file) = create(dir, name);
    axis(&mut file, "time", units, &(0..TIMES).map(|t| first + t as f64).collect::<Vec<_>>());
    axis(&mut file, "lev", "m", &LEV);
    file.variable_mut("lev").unwrap().put_attribute("positive", "down").unwrap();
    axis(&mut file, "lat", "degrees_north", &LAT);
    axis(&mut file, "lon", "degrees_east", &LON);
    let mut v = file.add_variable::<f32>("t", &["time", "lev", "lat", "lon"]).unwrap();
    v.set_chunking(&[4, 2, 2, 3]).unwrap();
    v.set_compression(1, true).unwrap();
    v.put_attribute("units", "K").unwrap();
    let cells = |t: usize, k: usize| (0..40).map(move |c| value(offset, t, k, c));
    let all: Vec<f32> = (0..TIMES).flat_map(|t| (0..3).flat_map(move |k| cells(t, k))).collect();
    v.put_values(&all, ..).unwrap();
    path
}

/// A variable on these axes, in the order of `dims`.
fn write_mask(dir: &Path, name: &str, axes: &[(&str, &str, &[f64])], values: &[f32]) -> PathBuf {
    let (path, mut file) = create(dir, name);
    for (name, units, values) in axes {
        axis(&mut file, name, units, values);
    }
    let dims: Vec<&str> = axes.iter().map(|a| a.0).collect();
    let mut v = file.add_variable::<f32>("mask", &dims).unwrap();
    v.set_fill_value(-9.0f32).unwrap();
    v.put_values(values, ..).unwrap();
    path
}

fn source(comm: &Comm, paths: &[&Path], selection: &Selection, ensemble: bool) -> Result<Source> {
    let options = OpenOptions { io: selection.io, ensemble, ..OpenOptions::default() };
    open_with(comm, &inputs(paths), options)?.source(comm, "t", selection)
}

fn bits(values: &Values) -> Vec<u64> {
    values.to_f64().iter().map(|v| if v.is_nan() { 1 } else { v.to_bits() }).collect()
}

/// All values, read in both ways, in blocks too and in both precisions, on one rank and on three.
fn both(paths: &[&Path], selection: &Selection, ensemble: bool) -> (Source, Vec<f64>) {
    let with = |io| Selection { io, ..selection.clone() };
    let one = Comm::serial();
    let direct = source(&one, paths, &with(Io::Direct), ensemble).unwrap();
    let library = source(&one, paths, &with(Io::Library), ensemble).unwrap();
    assert_eq!(direct.io_note(), None);
    let shape = direct.variable().shape();
    let whole = IndexBox::whole(&shape);
    let all = direct.read(&whole).unwrap();
    let some = IndexBox::new(shape.iter().map(|&n| n / 3..n - n / 4).collect());
    let one = IndexBox::new(shape.iter().map(|&n| n - 1..n).collect());
    for block in [&whole, &some, &one, &whole.with_range(0, 1..1)] {
        let (a, b) = (direct.read(block).unwrap(), library.read(block).unwrap());
        assert_eq!((bits(&a), a.dtype()), (bits(&b), b.dtype()), "{block:?}");
        let mut wide = vec![7.0; block.len()];
        direct.read_into::<f64>(block, &mut wide).unwrap();
        assert_eq!(bits(&Values::F64(wide)), bits(&b));
        let mut part = Vec::new();
        whole.extract(&all.to_f64(), block, &mut part);
        assert_eq!(bits(&Values::F64(part)), bits(&a));
        direct.will_need(block);
        assert!(direct.stored_bytes(block) <= direct.stored_bytes(&whole));
    }
    let elsewhere = run_threads(3, |comm| {
        let source = source(comm, paths, &with(Io::Auto), ensemble).unwrap();
        bits(&source.read(&whole).unwrap())
    });
    assert!(elsewhere.iter().all(|values| *values == bits(&all)));
    (direct, all.to_f64())
}

fn refusal(paths: &[&Path], selection: &Selection, ensemble: bool) -> (u8, String) {
    let error = source(&Comm::serial(), paths, selection, ensemble).unwrap_err();
    assert_eq!(error.to_string().lines().count(), 1, "{error}");
    (error.exit_code(), error.to_string())
}

fn masked(mask: &str) -> Selection {
    Selection { masks: vec![mask.parse().unwrap()], all_levels: true, ..Selection::default() }
}

/// What is expected of all levels at all times, where `wanted(level, row, column)`.
fn expected(wanted: impl Fn(usize, usize, usize) -> bool) -> Vec<f64> {
    let mut all = Vec::new();
    for t in 0..TIMES {
        for k in 0..3 {
            for c in 0..40 {
                let here = wanted(k, c / 8, c % 8);
                all.push(if here { f64::from(value(0, t, k, c)) } else { f64::NAN });
            }
        }
    }
    all
}

fn same(a: &[f64], b: &[f64]) {
    assert_eq!(bits(&Values::F64(a.to_vec())), bits(&Values::F64(b.to_vec())));
}

/// Code of a basin: 0 to 3, or -9 for missing.
fn code(j: usize, i: usize) -> f32 {
    if (j, i) == (2, 3) {
        -9.0
    } else {
        ((j * 3 + i) % 4) as f32
    }
}

#[test]
fn masks_are_matched_by_where_cells_lie() {
    let dir = tempfile::tempdir().unwrap();
    let data = write(dir.path(), "data.nc", 0, "days since 2000-01-01", 0.0);
    let codes: Vec<f32> = (0..40).map(|c| code(c / 8, c % 8)).collect();
    let plain = write_mask(
        dir.path(),
        "plain.nc",
        &[("y", "degrees_north", &LAT), ("x", "degrees_east", &LON)],
        &codes,
    );
    // From north to south, from -180 to 180, columns before rows, with a time of length one.
    let (north, west): (Vec<f64>, Vec<f64>) =
        (LAT.iter().rev().copied().collect(), (0..8).map(|i| f64::from(i) * 45.0 - 180.0).collect());
    let turned: Vec<f32> = (0..40).map(|c| code(4 - c % 5, (c / 5 + 4) % 8)).collect();
    let turned = write_mask(
        dir.path(),
        "turned.nc",
        &[
            ("time", "days since 2000-01-01", &[0.0]),
            ("lon", "degrees_east", &west),
            ("lat", "degrees_north", &north),
        ],
        &turned,
    );
    for path in [&plain, &turned] {
        let path = path.display();
        let cases: [(&str, &dyn Fn(f32) -> bool); 4] = [
            ("", &|c| c != 0.0),
            ("=1", &|c| c == 1.0),
            ("=1,3", &|c| c == 1.0 || c == 3.0),
            ("!=2", &|c| c != 2.0),
        ];
        for (rule, takes) in cases {
            let (source, all) = both(&[&data], &masked(&format!("{path}:mask{rule}")), false);
            same(&all, &expected(|_, j, i| code(j, i) != -9.0 && takes(code(j, i))));
            let excluded: Vec<bool> =
                (0..40).map(|c| code(c / 8, c % 8)).map(|c| c == -9.0 || !takes(c)).collect();
            assert_eq!(source.grid().excluded, excluded);
            assert_eq!(source.selection_files().len(), 1);
            assert!(source.notes().is_empty());
        }
        // Cut by a box over the seam: rows 1 to 3, columns 7, 0, 1.
        let boxed =
            Selection { lon_lat_box: Some([-50.0, 50.0, -40.0, 40.0]), ..masked(&format!("{path}:mask=1")) };
        let (source, all) = both(&[&data], &boxed, false);
        assert_eq!(source.variable().shape(), [TIMES, 3, 3, 3]);
        let mut want = Vec::new();
        for (t, k) in (0..TIMES).flat_map(|t| (0..3).map(move |k| (t, k))) {
            for (j, i) in (1..4).flat_map(|j| [7, 0, 1].map(|i| (j, i))) {
                want.push(if code(j, i) == 1.0 { f64::from(value(0, t, k, j * 8 + i)) } else { f64::NAN });
            }
        }
        same(&all, &want);
    }
    // All that is wanted by every mask and the region.
    let mut selection = masked(&format!("{}:mask", plain.display()));
    selection.masks.push(format!("{}:mask!=3", plain.display()).parse().unwrap());
    selection.region = Some("nh".parse().unwrap());
    let (_, all) = both(&[&data], &selection, false);
    same(&all, &expected(|_, j, i| j >= 2 && [1.0, 2.0].contains(&code(j, i))));
}

#[test]
fn masks_of_levels() {
    let dir = tempfile::tempdir().unwrap();
    let data = write(dir.path(), "data.nc", 0, "days since 2000-01-01", 0.0);
    let floor = |k: usize, c: usize| (c % 4 + k) < 4;
    // Levels from below, one more than the data have.
    let levels = [1000.0, 500.0, 50.0, 5.0];
    let wet: Vec<f32> =
        (0..4).flat_map(|k| (0..40).map(move |c| f32::from(u8::from(k > 0 && floor(3 - k, c))))).collect();
    let deep = write_mask(
        dir.path(),
        "deep.nc",
        &[("depth", "m", &levels), ("lat", "degrees_north", &LAT), ("lon", "degrees_east", &LON)],
        &wet,
    );
    let mask = format!("{}:mask", deep.display());
    let (source, all) = both(&[&data], &masked(&mask), false);
    same(&all, &expected(|k, j, i| floor(k, j * 8 + i)));
    assert!(source.grid().excluded.is_empty());
    // One level, a range of levels.
    let one = Selection { level: Some(500.0), all_levels: false, ..masked(&mask) };
    let (source, all) = both(&[&data], &one, false);
    let want: Vec<f64> = (0..TIMES)
        .flat_map(|t| (0..40).map(move |c| if floor(2, c) { f64::from(value(0, t, 2, c)) } else { f64::NAN }))
        .collect();
    same(&all, &want);
    assert_eq!(source.grid().excluded, (0..40).map(|c| !floor(2, c)).collect::<Vec<_>>());
    let range = Selection { levels: Some([40.0, 500.0]), ..masked(&mask) };
    let (source, all) = both(&[&data], &range, false);
    assert_eq!(source.levels()[0].values.to_f64(), [50.0, 500.0]);
    let part: Vec<f64> =
        expected(|k, j, i| floor(k, j * 8 + i)).chunks(120).flat_map(|t| t[40..].to_vec()).collect();
    same(&all, &part);
    let bad = |selection: Selection| refusal(&[&data], &selection, false);
    assert!(bad(Selection { levels: Some([60.0, 70.0]), ..masked(&mask) }).1.contains("5, 50, 500 m"));
    assert!(bad(Selection { levels: Some([1.0, 60.0]), all_levels: false, ..masked(&mask) })
        .1
        .contains("2 levels"));
}

#[test]
fn masks_that_do_not_fit() {
    let dir = tempfile::tempdir().unwrap();
    let data = write(dir.path(), "data.nc", 0, "days since 2000-01-01", 0.0);
    let lat = |shift: f64| LAT.map(|v| v + shift);
    let (shifted, near) = (lat(10.0), lat(1e-5));
    let mask = |name: &str, lat: &[f64], lon: &[f64]| {
        let ones = vec![1.0; lat.len() * lon.len()];
        let path = write_mask(
            dir.path(),
            name,
            &[("lat", "degrees_north", lat), ("lon", "degrees_east", lon)],
            &ones,
        );
        masked(&format!("{}:mask", path.display()))
    };
    both(&[&data], &mask("near.nc", &near, &LON), false);
    let fine: Vec<f64> = (0..16).map(|i| f64::from(i) * 22.5).collect();
    for (name, lat, lon) in [
        ("shifted.nc", &shifted[..], &LON[..]),
        ("fewer.nc", &LAT[..4], &LON),
        ("fine.nc", &LAT, &fine),
        ("one.nc", &LAT, &LON[..1]),
    ] {
        let (exit, text) = refusal(&[&data], &mask(name, lat, lon), false);
        assert_eq!(exit, 3, "{text}");
        assert!(text.contains(name) && text.contains("data.nc") && text.contains("`mask`"), "{text}");
    }
    // What lies beyond the data does no harm, and neither does less than the whole of it.
    let more: Vec<f64> = [&[-90.0], &LAT[..], &[90.0]].concat();
    both(&[&data], &mask("more.nc", &more, &LON), false);
    let north =
        Selection { lon_lat_box: Some([0.0, 360.0, -35.0, 90.0]), ..mask("part.nc", &LAT[1..], &LON) };
    both(&[&data], &north, false);
    let (path, mut file) = create(dir.path(), "odd.nc");
    axis(&mut file, "time", "days since 2000-01-01", &[0.0, 1.0]);
    axis(&mut file, "lat", "degrees_north", &LAT);
    axis(&mut file, "lon", "degrees_east", &LON);
    for (name, dims, len) in
        [("moving", &["time", "lat", "lon"][..], 80), ("zero", &["lat", "lon"], 40), ("flat", &["time"], 2)]
    {
        file.add_variable::<f32>(name, dims).unwrap().put_values(&vec![0.0; len], ..).unwrap();
    }
    file.add_dimension("i", 8).unwrap();
    file.add_dimension("j", 5).unwrap();
    file.add_dimension("none", 0).unwrap();
    file.add_variable::<f32>("bare", &["j", "i"]).unwrap().put_values(&[1.0; 40], ..).unwrap();
    file.add_variable::<f32>("empty", &["none", "i"]).unwrap();
    file.add_variable::<u8>("text", &["j", "i"]).unwrap();
    drop(file);
    let cases = [
        ("odd.nc:moving", 3, "time"),
        ("odd.nc:zero", 2, "true at no cell"),
        ("odd.nc:flat", 3, "no horizontal"),
        ("odd.nc:empty", 3, "empty"),
        ("odd.nc:bar", 2, "did you mean `bare`"),
        ("absent.nc:mask", 3, "absent.nc"),
        ("data.nc:t", 3, "time"),
    ];
    for (mask, exit, word) in cases {
        let mask = format!("{}/{mask}", dir.path().display());
        let (code, text) = refusal(&[&data], &masked(&mask), false);
        assert!(code == exit && text.contains(word), "{mask}: {code} {text}");
    }
    // Without coordinates: cell by cell, and said so.
    let (source, _) = both(&[&data], &masked(&format!("{}:bare", path.display())), false);
    assert!(source.notes()[0].contains("cell by cell"), "{:?}", source.notes());
    std::fs::write(dir.path().join("no.nc"), b"not a file").unwrap();
    assert_eq!(refusal(&[&data], &masked(&format!("{}/no.nc:v", dir.path().display())), false).0, 3);
}

#[test]
fn regions_on_grids() {
    let dir = tempfile::tempdir().unwrap();
    let data = write(dir.path(), "data.nc", 0, "days since 2000-01-01", 0.0);
    let region = |text: &str| Selection {
        region: Some(text.parse().unwrap()),
        all_levels: true,
        ..Selection::default()
    };
    let (_, all) = both(&[&data], &region("nino3.4"), false);
    same(&all, &expected(|_, j, i| j == 2 && i == 5));
    let outline = r#"{"type":"Polygon","coordinates":[[[170,-40],[280,-40],[280,40],[170,40],[170,-40]],
        [[220,-10],[230,-10],[230,10],[220,10],[220,-10]]]}"#;
    let path = dir.path().join("a.geojson");
    std::fs::write(&path, outline).unwrap();
    let (source, all) = both(&[&data], &region(path.to_str().unwrap()), false);
    same(&all, &expected(|_, j, i| (1..4).contains(&j) && (4..7).contains(&i) && (j, i) != (2, 5)));
    assert_eq!(source.selection_files()[0].bytes, outline.len() as u64);
    let (code, text) = refusal(&[&data], &region("mdr"), false);
    assert!(code == 2 && text.contains("mdr") && text.contains("0 to 315 degrees east"), "{text}");
    let apart = Selection { lon_lat_box: Some([0.0, 50.0, -60.0, 60.0]), ..region("nino3.4") };
    assert_eq!(refusal(&[&data], &apart, false).0, 2);
    assert!(matches!("b.geojson:x".parse(), Ok(Region::File { feature: Some(_), .. })));
}

/// A curvilinear grid, tilted, with cells that have no place.
fn curvilinear(dir: &Path, name: &str, flip: bool, shift: f64) -> PathBuf {
    let (path, mut file) = create(dir, name);
    axis(&mut file, "time", "days since 2000-01-01", &[0.0, 1.0]);
    file.add_dimension("y", 4).unwrap();
    file.add_dimension("x", 5).unwrap();
    let place = |c: usize| if flip { (3 - c / 5, c % 5) } else { (c / 5, c % 5) };
    let lat: Vec<f64> = (0..20).map(place).map(|(j, i)| 10.0 * j as f64 + i as f64 + shift).collect();
    let lon: Vec<f64> =
        (0..20)
            .map(place)
            .map(|(j, i)| {
                if (j, i) == (3, 4) {
                    f64::NAN
                } else {
                    (355.0 + 3.0 * i as f64 - j as f64).rem_euclid(360.0)
                }
            })
            .collect();
    for (name, units, values) in [("nav_lat", "degrees_north", lat), ("nav_lon", "degrees_east", lon)] {
        let mut v = file.add_variable::<f64>(name, &["y", "x"]).unwrap();
        v.put_attribute("units", units).unwrap();
        v.put_values(&values, ..).unwrap();
    }
    let mut t = file.add_variable::<f64>("t", &["time", "y", "x"]).unwrap();
    t.put_attribute("coordinates", "nav_lat nav_lon").unwrap();
    t.put_values(&(0..40).map(f64::from).collect::<Vec<_>>(), ..).unwrap();
    let mut mask = file.add_variable::<i16>("tmask", &["y", "x"]).unwrap();
    let values: Vec<i16> = (0..20).map(place).map(|(j, i)| i16::from((j + i) % 3 != 0)).collect();
    mask.put_values(&values, ..).unwrap();
    path
}

#[test]
fn curvilinear_grids() {
    let dir = tempfile::tempdir().unwrap();
    let data = curvilinear(dir.path(), "data.nc", false, 0.0);
    let turned = curvilinear(dir.path(), "turned.nc", true, 0.0);
    let shifted = curvilinear(dir.path(), "shifted.nc", false, 0.5);
    let want = |wanted: &dyn Fn(usize, usize) -> bool| -> Vec<f64> {
        (0..40).map(|k| if wanted(k % 20 / 5, k % 5) { k as f64 } else { f64::NAN }).collect()
    };
    for path in [&data, &turned] {
        let (_, all) = both(&[&data], &masked(&format!("{}:tmask", path.display())), false);
        same(&all, &want(&|j, i| (j + i) % 3 != 0));
    }
    let (code, text) = refusal(&[&data], &masked(&format!("{}:tmask", shifted.display())), false);
    assert!(code == 3 && text.contains("latitude 0, longitude 355"), "{text}");
    // Over the meridian of Greenwich; the cell without a place is nowhere.
    let outline = r#"{"type":"Polygon","coordinates":[[[-2,-90],[9,-90],[9,90],[-2,90],[-2,-90]]]}"#;
    let path = dir.path().join("a.json");
    std::fs::write(&path, outline).unwrap();
    let region = Selection { region: Some(path.to_str().unwrap().parse().unwrap()), ..Selection::default() };
    let (_, all) = both(&[&data], &region, false);
    let inside =
        |j: usize, i: usize| (j, i) != (3, 4) && (-2.0..=9.0).contains(&(3.0 * i as f64 - j as f64 - 5.0));
    same(&all, &want(&inside));
}

#[test]
fn cells_in_no_order() {
    let dir = tempfile::tempdir().unwrap();
    let (path, mut file) = create(dir.path(), "cells.nc");
    axis(&mut file, "time", "days since 2000-01-01", &[0.0, 1.0]);
    file.add_dimension("cell", 70).unwrap();
    let lat: Vec<f64> = (0..70).map(|c| f64::from(c * 37 % 90)).collect();
    let lon: Vec<f64> = (0..70).map(|c| f64::from(c * 101 % 360)).collect();
    for (name, units, values) in [("lat", "degrees_north", &lat), ("lon", "degrees_east", &lon)] {
        let mut v = file.add_variable::<f64>(name, &["cell"]).unwrap();
        v.put_attribute("units", units).unwrap();
        v.put_values(values, ..).unwrap();
    }
    let mut t = file.add_variable::<f64>("t", &["time", "cell"]).unwrap();
    t.put_attribute("coordinates", "lat lon").unwrap();
    t.put_values(&(0..140).map(f64::from).collect::<Vec<_>>(), ..).unwrap();
    let mut mask = file.add_variable::<i32>("mask", &["cell"]).unwrap();
    mask.put_attribute("coordinates", "lat lon").unwrap();
    mask.put_values(&(0..70).map(|c| c % 3).collect::<Vec<_>>(), ..).unwrap();
    drop(file);
    let selection = Selection {
        region: Some("nh_extratropics".parse().unwrap()),
        ..masked(&format!("{}:mask", path.display()))
    };
    let (source, all) = both(&[&path], &selection, false);
    assert_eq!(source.variable().shape(), [2, 70]);
    let wanted = |c: usize| c % 3 != 0 && lat[c] >= 20.0;
    let want: Vec<f64> = (0..140).map(|k| if wanted(k % 70) { k as f64 } else { f64::NAN }).collect();
    same(&all, &want);
}

#[test]
fn an_ensemble_is_one_source() {
    let dir = tempfile::tempdir().unwrap();
    let days = "days since 2000-01-01";
    let a = write(dir.path(), "b_first.nc", 0, days, 0.0);
    let b = write(dir.path(), "a_second.nc", 100_000, "days since 1999-12-31", 1.0);
    let c = write(dir.path(), "c_third.nc", 200_000, days, 0.0);
    let paths: [&Path; 3] = [&a, &b, &c];
    let all_levels = Selection { all_levels: true, ..Selection::default() };
    let (source, all) = both(&paths, &all_levels, true);
    assert_eq!(source.variable().shape(), [TIMES, 3, 3, 5, 8]);
    assert_eq!(source.variable().dims[1].role, Role::Member);
    assert_eq!(source.chunks(), Some(&[4, 1, 2, 2, 3][..]));
    assert_eq!(source.levels()[0].values.to_f64(), [1.0, 2.0, 3.0]);
    let names = ["b_first", "a_second", "c_third"].map(str::to_owned).to_vec();
    assert_eq!(source.levels()[1].values, Values::Text(names));
    let value_of = |t: usize, m: usize, k: usize, c: usize| f64::from(value(100_000 * m, t, k, c));
    let want: Vec<f64> =
        (0..TIMES * 3 * 120).map(|n| value_of(n / 360, n / 120 % 3, n / 40 % 3, n % 40)).collect();
    same(&all, &want);
    // Masks, boxes over the seam, times and levels cut each member.
    let mask: Vec<f32> = (0..120).map(|c| if c % 7 == 0 { 0.0 } else { 1.0 }).collect();
    let mask = write_mask(
        dir.path(),
        "m.nc",
        &[("lev", "m", &LEV), ("lat", "degrees_north", &LAT), ("lon", "degrees_east", &LON)],
        &mask,
    );
    let some = Selection {
        time: TimeRange::parse("2000-01-02/2000-01-05").ok(),
        lon_lat_box: Some([-50.0, 50.0, -40.0, 40.0]),
        levels: Some([50.0, 500.0]),
        ..masked(&format!("{}:mask", mask.display()))
    };
    let (source, all) = both(&paths, &some, true);
    assert_eq!(source.variable().shape(), [4, 3, 2, 3, 3]);
    let mut want = Vec::new();
    for (t, m, k) in (1..5).flat_map(|t| (0..3).flat_map(move |m| (1..3).map(move |k| (t, m, k)))) {
        for c in (1..4).flat_map(|j| [7, 0, 1].map(|i| j * 8 + i)) {
            want.push(if (k * 40 + c) % 7 == 0 { f64::NAN } else { value_of(t, m, k, c) });
        }
    }
    same(&all, &want);
    // One member of an ensemble, and one level of several.
    let (source, _) = both(&paths[..1], &Selection { level: Some(5.0), ..all_levels.clone() }, true);
    assert_eq!(source.variable().shape(), [TIMES, 1, 5, 8]);
    assert!(refusal(&paths, &Selection { level: Some(5.0), ..Selection::default() }, true)
        .1
        .contains("3 members"));
}

#[test]
fn members_that_do_not_fit() {
    let dir = tempfile::tempdir().unwrap();
    let days = "days since 2000-01-01";
    let first = write(dir.path(), "first.nc", 0, days, 0.0);
    let later = write(dir.path(), "later.nc", 0, days, 1.0);
    let calendar = write(dir.path(), "calendar.nc", 0, days, 0.0);
    netcdf::append(&calendar)
        .unwrap()
        .variable_mut("time")
        .unwrap()
        .put_attribute("calendar", "noleap")
        .unwrap();
    let grid = write(dir.path(), "grid.nc", 0, days, 0.0);
    netcdf::append(&grid).unwrap().variable_mut("lat").unwrap().put_values(&[-61.0], 0..1).unwrap();
    let units = write(dir.path(), "units.nc", 0, days, 0.0);
    netcdf::append(&units).unwrap().variable_mut("t").unwrap().put_attribute("units", "kg").unwrap();
    let (short, mut file) = create(dir.path(), "short.nc");
    axis(&mut file, "time", days, &[0.0, 1.0]);
    drop(file);
    let copy = dir.path().join("link.nc");
    std::os::unix::fs::symlink(&first, &copy).unwrap();
    let cases: [(&Path, &str); 6] = [
        (&later, "2000-01-02"),
        (&calendar, "calendar"),
        (&grid, "`lat`"),
        (&units, "units"),
        (&short, "has 2 times"),
        (&copy, "named twice"),
    ];
    for (path, word) in cases {
        let selection = Selection { all_levels: true, ..Selection::default() };
        let (code, text) = refusal(&[&first, path], &selection, true);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(code == 3 && text.contains(word) && text.contains(name), "{text}");
    }
}
