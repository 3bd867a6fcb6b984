//! Many files as one along time.

#![allow(clippy::unwrap_used)]

mod common;

use common::{axis, create, globe, inputs};
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::Result;
use halocline_io::{open, Dataset, Element, Selection, Source};
use std::path::Path;

fn join(paths: &[&Path]) -> Result<Dataset> {
    open(&Comm::serial(), &inputs(paths))
}
fn sst(data: &Dataset) -> Result<Source> {
    data.source(&Comm::serial(), "sst", &Selection::default())
}
/// Exit code and text of what is said about `sst` in these files.
fn refusal(paths: &[&Path]) -> (u8, String) {
    let e = join(paths).and_then(|d| sst(&d)).unwrap_err();
    (e.exit_code(), e.to_string())
}
fn packed(dir: &Path, name: &str, day: f64, scale: f64, units: &str, fill: i16) -> std::path::PathBuf {
    let (path, mut file) = create(dir, name);
    axis(&mut file, "time", "hours since 2000-01-01", &[24.0 * day]);
    axis(&mut file, "lat", "degrees_north", &[-30.0, 30.0]);
    let mut v = file.add_variable::<i16>("sst", &["time", "lat"]).unwrap();
    v.set_fill_value(fill).unwrap();
    v.put_attribute("scale_factor", scale).unwrap();
    v.put_attribute("units", units).unwrap();
    v.put_values(&[100i16, -1], ..).unwrap();
    path
}

#[test]
fn files_are_put_in_the_order_of_their_times() {
    let dir = tempfile::tempdir().unwrap();
    let late = globe(dir.path(), "a.nc", "hours since 2000-01-03", &[0.0, 24.0], 1000.0);
    let early = globe(dir.path(), "b.nc", "days since 2000-01-01", &[0.0, 1.0], 0.0);
    for paths in [[&late, &early], [&early, &late]] {
        let data = join(&paths.map(std::path::PathBuf::as_path)).unwrap();
        assert_eq!(data.time().unwrap().units.to_string(), "days since 2000-01-01");
        assert_eq!(data.time().unwrap().values, [0.0, 1.0, 2.0, 3.0]);
        assert!(data.files()[0].path.ends_with("b.nc"));
        assert_eq!((data.files()[1].time_offset, data.files()[1].time_len), (2, 2));
        let source = sst(&data).unwrap();
        assert_eq!(source.variable().shape(), [4, 3, 4]);
        let over = source.read(&IndexBox::new(vec![1..3, 1..2, 2..4])).unwrap().to_f64();
        assert_eq!(over, [112.0, 113.0, 1012.0, 1013.0]);
    }
    let pattern = dir.path().join("*.nc").display().to_string();
    assert_eq!(open(&Comm::serial(), &[pattern]).unwrap().files().len(), 2);
    let nothing = dir.path().join("*.grb").display().to_string();
    let e = open(&Comm::serial(), &[nothing]).unwrap_err();
    assert!(e.exit_code() == 3 && e.to_string().contains("*.grb: no file matches"), "{e}");
    assert_eq!(open(&Comm::serial(), &[]).unwrap_err().exit_code(), 2);
}

#[test]
fn each_file_has_its_own_packing_and_units() {
    let dir = tempfile::tempdir().unwrap();
    let a = packed(dir.path(), "a.nc", 0.0, 1.0, "degC", -1);
    let b = packed(dir.path(), "b.nc", 1.0, 0.5, "degC", -1);
    let c = packed(dir.path(), "c.nc", 2.0, 1.0, "K", -2);
    let data = join(&[&a, &b, &c]).unwrap();
    let source = sst(&data).unwrap();
    assert_eq!(source.element(), Element::F64);
    assert!(data.variable("sst").unwrap().packed);
    let got = source.read(&IndexBox::whole(&[3, 2])).unwrap().to_f64();
    assert_eq!([got[0], got[2], got[4], got[5]], [100.0, 50.0, 100.0 - 273.15, -1.0 - 273.15]);
    assert!(got[1].is_nan() && got[3].is_nan());
    // The element does not depend on which files a selection meets.
    assert_eq!(sst(&join(&[&a]).unwrap()).unwrap().element(), Element::F32);
}

#[test]
fn what_cannot_be_joined_is_told_with_both_files() {
    let dir = tempfile::tempdir().unwrap();
    let a = globe(dir.path(), "a.nc", "days since 2000-01-01", &[0.0, 1.0], 0.0);
    let says = |other: &Path, words: &str| {
        let (code, text) = refusal(&[&a, other]);
        assert!(code == 3 && text.contains("a.nc") && text.contains(words), "{text}");
        assert!(text.contains(&*other.file_name().unwrap().to_string_lossy()), "{text}");
    };
    says(&globe(dir.path(), "overlap.nc", "days since 2000-01-01", &[0.5, 3.0], 0.0), "overlaps in time");
    says(&globe(dir.path(), "again.nc", "days since 2000-01-02", &[0.0], 0.0), "repeats the last time");
    assert!(refusal(&[&a, &a]).1.contains("named twice"));

    let build = |name: &str, change: &dyn Fn(&mut netcdf::FileMut)| {
        let (path, mut file) = create(dir.path(), name);
        axis(&mut file, "time", "days since 2001-01-01", &[0.0]);
        change(&mut file);
        file.close().unwrap();
        path
    };
    let places = |file: &mut netcdf::FileMut, lat: &[f64]| {
        axis(file, "lat", "degrees_north", lat);
        axis(file, "lon", "degrees_east", &[0.0, 90.0, 180.0, 270.0]);
    };
    let variable = |file: &mut netcdf::FileMut, cells: usize, units: &str| {
        let mut v = file.add_variable::<f32>("sst", &["time", "lat", "lon"]).unwrap();
        v.put_attribute("units", units).unwrap();
        v.put_values(&vec![0f32; cells], ..).unwrap();
    };
    let rows = [-30.0, 0.0, 30.0];
    says(
        &build("grid.nc", &|f| {
            places(f, &[-31.0, 0.0, 30.0]);
            variable(f, 12, "K");
        }),
        "other values of `lat`",
    );
    says(
        &build("shape.nc", &|f| {
            places(f, &[0.0, 30.0]);
            variable(f, 8, "K");
        }),
        "dimension `lat` has length 2",
    );
    says(
        &build("units.nc", &|f| {
            places(f, &rows);
            variable(f, 12, "m s-1");
        }),
        "its units are `m s-1`",
    );
    says(&build("none.nc", &|f| places(f, &rows)), "the variable is missing");
    let calendar = build("calendar.nc", &|f| {
        places(f, &rows);
        variable(f, 12, "K");
        f.variable_mut("time").unwrap().put_attribute("calendar", "360_day").unwrap();
    });
    says(&calendar, "its calendar is `360_day`");
    let double = build("type.nc", &|f| {
        places(f, &rows);
        let mut v = f.add_variable::<f64>("sst", &["time", "lat", "lon"]).unwrap();
        v.put_attribute("units", "K").unwrap();
        v.put_values(&[0f64; 12], ..).unwrap();
    });
    says(&double, "its type is double");
    let turned = build("turned.nc", &|f| {
        places(f, &rows);
        f.add_variable::<f32>("sst", &["time", "lon", "lat"]).unwrap();
    });
    for (other, remedy) in
        [(&double, "ncap2"), (&turned, "ncpdq"), (&dir.path().join("shape.nc"), "one grid")]
    {
        let text = refusal(&[&a, other]).1;
        assert!(text.contains(remedy), "{text}");
    }
    let (path, file) = create(dir.path(), "timeless.nc");
    file.close().unwrap();
    let e = join(&[&a, &path]).unwrap_err();
    assert!(e.exit_code() == 3 && e.to_string().contains("no time dimension"), "{e}");
}
