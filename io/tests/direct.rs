//! Direct reading of selections: the same bits as through the library, and clean errors.

#![allow(clippy::unwrap_used)]

mod common;

use common::{axis, create, globe, inputs, singles};
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::meta::Values;
use halocline_io::{open, Element, Io, Selection, Source};
use netcdf::types::{FloatType, NcVariableType};
use std::path::{Path, PathBuf};

fn source(paths: &[&Path], name: &str, selection: &Selection) -> Source {
    let comm = Comm::serial();
    open(&comm, &inputs(paths)).unwrap().source(&comm, name, selection).unwrap()
}
fn with(selection: &Selection, io: Io) -> Selection {
    Selection { io, ..selection.clone() }
}
fn bits(values: &Values) -> Vec<u64> {
    match values {
        Values::F32(v) => v.iter().map(|v| u64::from(v.to_bits())).collect(),
        other => other.to_f64().iter().map(|v| v.to_bits()).collect(),
    }
}
/// Reads all of it and some blocks in both ways; gives all.
fn both(paths: &[&Path], name: &str, selection: &Selection) -> Values {
    let direct = source(paths, name, &with(selection, Io::Direct));
    let library = source(paths, name, &with(selection, Io::Library));
    assert_eq!(direct.io_note(), None);
    assert!(library.io_note().unwrap().contains("through the NetCDF library"));
    let shape = direct.variable().shape();
    assert_eq!(shape, library.variable().shape());
    let whole = IndexBox::whole(&shape);
    let some = IndexBox::new(shape.iter().map(|&n| n / 3..n - n / 4).collect());
    let one = IndexBox::new(shape.iter().map(|&n| n - 1..n).collect());
    let none = whole.with_range(shape.len() - 1, 1..1);
    for block in [&whole, &some, &one, &none] {
        let (a, b) = (direct.read(block).unwrap(), library.read(block).unwrap());
        assert_eq!((bits(&a), a.dtype()), (bits(&b), b.dtype()), "{name} {block:?}");
        let mut wide = [vec![1.0; block.len()], vec![2.0; block.len()]];
        direct.read_into::<f64>(block, &mut wide[0]).unwrap();
        library.read_into::<f64>(block, &mut wide[1]).unwrap();
        let [a, b] = wide.map(|w| bits(&Values::F64(w)));
        assert_eq!(a, b);
        direct.will_need(block);
    }
    direct.read(&whole).unwrap()
}

/// Adds `(time, lat, lon)` of 6 × 5 × 8 in chunks of 4 × 2 × 3.
fn chunked(path: &Path, name: &str, prepare: impl Fn(&mut netcdf::VariableMut<'_>)) {
    let mut file = netcdf::append(path).unwrap();
    let mut v = file.add_variable::<f32>(name, &["time", "lat", "lon"]).unwrap();
    v.set_chunking(&[4, 2, 3]).unwrap();
    prepare(&mut v);
}

fn base(folder: &Path, name: &str) -> PathBuf {
    let (path, mut file) = create(folder, name);
    axis(&mut file, "time", "days since 2000-01-01", &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    axis(&mut file, "lat", "degrees_north", &[-40.0, -20.0, 0.0, 20.0, 40.0]);
    axis(&mut file, "lon", "degrees_east", &[0.0, 45.0, 90.0, 135.0, 180.0, 225.0, 270.0, 315.0]);
    file.close().unwrap();
    path
}

fn wave() -> Vec<f32> {
    (0..240).map(|k| if k % 11 == 0 { f32::NAN } else { (k as f32 * 0.37).sin() * 30.0 }).collect()
}

#[test]
fn chunks_selections_and_holes() {
    let dir = tempfile::tempdir().unwrap();
    let path = base(dir.path(), "chunks.nc");
    chunked(&path, "deflated", |v| {
        v.set_compression(3, true).unwrap();
        v.put_values(&wave(), ..).unwrap();
    });
    chunked(&path, "plain", |v| {
        v.put_attribute("valid_max", 20f32).unwrap();
        v.put_values(&wave(), ..).unwrap();
    });
    chunked(&path, "big", |v| {
        v.set_endianness(netcdf::Endianness::Big).unwrap();
        v.set_compression(1, true).unwrap();
        v.put_values(&wave(), ..).unwrap();
    });
    chunked(&path, "holes", |v| {
        v.set_fill_value(7f32).unwrap();
        v.put_attribute("missing_value", 3f32).unwrap();
        v.put_values(&[1f32, 2.0, 3.0], (4..5, 2..3, 3..6)).unwrap();
    });
    {
        let mut file = netcdf::append(&path).unwrap();
        let mut v = file.add_variable::<i16>("packed", &["time", "lat", "lon"]).unwrap();
        v.set_fill_value(-99i16).unwrap();
        v.put_attribute("scale_factor", 0.01).unwrap();
        v.put_attribute("add_offset", 273.15).unwrap();
        v.put_values(
            &(0..240).map(|k| if k % 7 == 0 { -99 } else { k * 100 - 9000 }).collect::<Vec<i16>>(),
            ..,
        )
        .unwrap();
    }
    let seam = Selection { lon_lat_box: Some([-100.0, 50.0, -30.0, 30.0]), ..Selection::default() };
    for selection in [Selection::default(), seam] {
        let plain = both(&[&path], "deflated", &selection);
        assert_eq!(bits(&plain), bits(&both(&[&path], "big", &selection)));
        for name in ["plain", "holes", "packed"] {
            both(&[&path], name, &selection);
        }
    }
    let holes = both(&[&path], "holes", &Selection::default()).to_f64();
    assert_eq!(holes.iter().filter(|v| !v.is_nan()).copied().collect::<Vec<f64>>(), [1.0, 2.0]);
}

#[test]
fn levels_and_others_are_kept_in_any_order() {
    let dir = tempfile::tempdir().unwrap();
    let (path, mut file) = create(dir.path(), "order.nc");
    axis(&mut file, "lon", "degrees_east", &[10.0, 20.0, 30.0]);
    axis(&mut file, "depth", "m", &[5.0, 15.0]);
    axis(&mut file, "member", "1", &[1.0, 2.0, 3.0, 4.0, 5.0]);
    axis(&mut file, "lat", "degrees_north", &[1.0, 2.0]);
    axis(&mut file, "time", "days since 2000-01-01", &[0.0, 1.0, 2.0, 3.0]);
    let values: Vec<f32> = (0..240).map(|k| k as f32).collect();
    let mut v = file.add_variable::<f32>("t", &["lon", "depth", "member", "lat", "time"]).unwrap();
    v.set_chunking(&[2, 1, 3, 2, 3]).unwrap();
    v.set_compression(2, true).unwrap();
    v.put_values(&values, ..).unwrap();
    singles(&mut file, "series", &["time"], &[4.0, 3.0, 2.0, 1.0]);
    file.close().unwrap();
    let all = Selection { all_levels: true, ..Selection::default() };
    let s = source(&[&path], "t", &all);
    let names: Vec<&str> = s.variable().dims.iter().map(|d| d.name.as_str()).collect();
    assert_eq!(names, ["time", "depth", "member", "lat", "lon"]);
    assert_eq!(s.chunks(), Some(&[3, 1, 3, 2, 2][..]));
    let kept: Vec<&str> = s.levels().iter().map(|c| c.variable.name.as_str()).collect();
    assert_eq!((kept, s.levels()[0].values.to_f64()), (vec!["depth", "member"], vec![5.0, 15.0]));
    let mut expected = Vec::new();
    for t in 0..4 {
        for d in 0..2 {
            for m in 0..5 {
                for y in 0..2 {
                    expected.extend((0..3).map(|x| f64::from((((x * 2 + d) * 5 + m) * 2 + y) * 4 + t)));
                }
            }
        }
    }
    assert_eq!(both(&[&path], "t", &all).to_f64(), expected);
    let deep = both(&[&path], "t", &Selection { level: Some(15.0), ..all.clone() });
    assert_eq!(deep.len(), 120);
    assert_eq!(both(&[&path], "series", &all).to_f64(), [4.0, 3.0, 2.0, 1.0]);
    let comm = Comm::serial();
    let refused = open(&comm, &inputs(&[&path])).unwrap().source(&comm, "t", &Selection::default());
    assert_eq!(refused.unwrap_err().exit_code(), 3);
}

#[test]
fn many_files_and_steps_never_written() {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..7)
        .map(|k| {
            globe(
                dir.path(),
                &format!("{k}.nc"),
                "days since 2000-01-01",
                &[f64::from(2 * k), f64::from(2 * k + 1)],
                1000.0 * k as f32,
            )
        })
        .collect();
    let all: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let values = both(&all, "sst", &Selection::default()).to_f64();
    assert_eq!((values.len(), values[24 * 5 + 13]), (14 * 12, 5101.0));
    // A step in which one variable was written and another was not.
    let path = dir.path().join("grown.nc");
    let mut file = netcdf::create(&path).unwrap();
    file.add_unlimited_dimension("time").unwrap();
    file.add_dimension("x", 3).unwrap();
    let mut time = file.add_variable::<f64>("time", &["time"]).unwrap();
    time.put_attribute("units", "days since 2000-01-01").unwrap();
    time.put_values(&[0.0, 1.0, 2.0, 3.0], 0..4).unwrap();
    for dims in [["x", "time"], ["time", "x"]] {
        let mut late = file.add_variable::<f32>(&dims.concat(), &dims).unwrap();
        late.put_values(&[1f32, 2.0], if dims[0] == "x" { (0..2, 1..2) } else { (1..2, 0..2) }).unwrap();
    }
    file.close().unwrap();
    for name in ["xtime", "timex"] {
        let values = both(&[&path], name, &Selection::default()).to_f64();
        let known: Vec<(usize, f64)> = values.into_iter().enumerate().filter(|v| !v.1.is_nan()).collect();
        assert_eq!(known, [(3, 1.0), (4, 2.0)]);
    }
}

#[test]
fn damage_and_change_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = base(dir.path(), "damaged.nc");
    chunked(&path, "v", |v| {
        v.set_compression(5, true).unwrap();
        v.put_values(&wave(), ..).unwrap();
    });
    let intact = std::fs::read(&path).unwrap();
    let at = intact.windows(2).position(|w| w == [0x78, 0x5e]).unwrap();
    let mut damaged = intact.clone();
    damaged[at + 9] ^= 0x55;
    std::fs::write(&path, &damaged).unwrap();
    let comm = Comm::serial();
    let data = open(&comm, &inputs(&[&path])).unwrap();
    let s = data.source(&comm, "v", &Selection::default()).unwrap();
    let whole = IndexBox::whole(&s.variable().shape());
    let e = s.read(&whole).unwrap_err();
    let text = e.to_string();
    assert!(e.exit_code() == 3 && text.contains("damaged.nc: variable `v`: the file is damaged"), "{text}");
    // Cut off, and changed, between looking and reading.
    for new in [&intact[..intact.len() - 1], &intact] {
        std::fs::write(&path, new).unwrap();
        let e = s.read(&whole).unwrap_err();
        assert!(e.exit_code() == 3 && e.message.contains("has changed since it was opened"), "{e}");
    }
    std::fs::remove_file(&path).unwrap();
    let clone = s.clone();
    let e = clone.read(&whole).unwrap_err();
    assert!(e.exit_code() == 3 && e.message.contains("is gone"), "{e}");
}

#[test]
fn what_is_asked_wrongly() {
    assert_eq!("direct".parse::<Io>().unwrap(), Io::Direct);
    assert_eq!("fast".parse::<Io>().unwrap_err().exit_code(), 2);
    let dir = tempfile::tempdir().unwrap();
    let path = base(dir.path(), "wrong.nc");
    chunked(&path, "v", |v| v.put_values(&wave(), ..).unwrap());
    {
        let mut file = netcdf::append(&path).unwrap();
        let kind = NcVariableType::Float(FloatType::F64);
        let mut v = file.add_variable_with_type("wide", &["time"], &kind).unwrap();
        v.put_values(&[1f64; 6], ..).unwrap();
    }
    let s = source(&[&path], "v", &Selection::default());
    let whole = IndexBox::whole(&s.variable().shape());
    assert_eq!(s.read_into::<f32>(&whole, &mut vec![0.0; 239]).unwrap_err().exit_code(), 70);
    // Without filters, only what is asked for is read.
    assert_eq!(s.stored_bytes(&whole), 240 * 4);
    assert_eq!(s.stored_bytes(&IndexBox::new(vec![0..1, 0..1, 0..1])), 4);
    let wide = source(&[&path], "wide", &Selection::default());
    assert_eq!(wide.element(), Element::F64);
    assert_eq!(wide.read_into::<f32>(&IndexBox::whole(&[6]), &mut [0.0; 6]).unwrap_err().exit_code(), 70);
    // What is not covered is said, and refused only where direct reading is insisted on.
    let classic = dir.path().join("classic.nc");
    let mut file = netcdf::create_with(&classic, netcdf::Options::empty()).unwrap();
    file.add_dimension("time", 3).unwrap();
    let mut time = file.add_variable::<f64>("time", &["time"]).unwrap();
    time.put_attribute("units", "days since 2000-01-01").unwrap();
    file.enddef().unwrap();
    file.variable_mut("time").unwrap().put_values(&[0.0, 1.0, 2.0], ..).unwrap();
    file.close().unwrap();
    let s = source(&[&classic], "time", &Selection::default());
    assert_eq!(s.read(&IndexBox::whole(&[3])).unwrap().to_f64(), [0.0, 1.0, 2.0]);
}

#[test]
fn chunks_counted_in_a_larger_grid_are_left_to_the_library() {
    let path = std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/growing.nc"));
    for name in ["x", "y"] {
        let s = source(&[&path], name, &Selection::default());
        assert!(s.io_note().is_some_and(|note| note.contains("room")), "{:?}", s.io_note());
        let whole = IndexBox::whole(&s.variable().shape());
        assert_eq!(s.read(&whole).unwrap().to_f64(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }
}
