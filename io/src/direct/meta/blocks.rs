//! Parts of variables, read in both ways and by many threads.

use super::*;
use crate::direct::classic::storage;
use crate::direct::storage::Layout;
use halocline_core::meta::DType;
use std::ops::Range;
use std::path::PathBuf;

/// Two variables of records, one of shorts of odd length, one fixed, one scalar. In a NetCDF-4
/// file the second is written less far than the first.
fn sample(dir: &Path, name: &str, options: netcdf::Options) -> PathBuf {
    let path = dir.join(name);
    let hdf5 = options.contains(netcdf::Options::NETCDF4);
    let mut file = netcdf::create_with(&path, options).unwrap();
    file.add_unlimited_dimension("time").unwrap();
    file.add_dimension("y", 3).unwrap();
    file.add_dimension("x", 5).unwrap();
    file.add_variable::<i16>("a", &["time", "y", "x"]).unwrap();
    file.add_variable::<f64>("b", &["time", "x"]).unwrap();
    file.add_variable::<f32>("c", &["y", "x"]).unwrap().put_attribute("_FillValue", -1.0f32).unwrap();
    file.add_variable::<i32>("d", &[]).unwrap();
    file.enddef().unwrap();
    let ramp = |n: usize| (0..n).map(|k| k as f64).collect::<Vec<_>>();
    let put = |file: &mut netcdf::FileMut, name: &str, shape: &[usize]| {
        let extents: Vec<netcdf::Extent> = shape.iter().map(|&n| (0..n).into()).collect();
        file.variable_mut(name).unwrap().put_values(&ramp(shape.iter().product()), extents).unwrap();
    };
    put(&mut file, "a", &[4, 3, 5]);
    put(&mut file, "b", &[if hdf5 { 2 } else { 4 }, 5]);
    put(&mut file, "c", &[3, 5]);
    put(&mut file, "d", &[]);
    file.close().unwrap();
    path
}

const KINDS: [(&str, netcdf::Options); 4] = [
    ("1.nc", netcdf::Options::empty()),
    ("2.nc", netcdf::Options::_64BIT_OFFSET),
    ("5.nc", netcdf::Options::_64BIT_DATA),
    ("4.nc", netcdf::Options::NETCDF4),
];

/// All ranges of one dimension that are not empty.
fn ranges(n: usize) -> Vec<Range<usize>> {
    (0..n).flat_map(|a| (a + 1..=n).map(move |b| a..b)).collect()
}

#[test]
fn every_block_is_the_same_by_both_ways() {
    let dir = tempfile::tempdir().unwrap();
    for (name, options) in KINDS {
        let path = sample(dir.path(), name, options);
        let ((direct, meta), (library, _)) =
            (read(&path, Io::Direct).unwrap(), read(&path, Io::Library).unwrap());
        assert_eq!(meta.dims[0].len, 4);
        for v in &meta.variables {
            let mut blocks: Vec<Vec<Range<usize>>> = vec![Vec::new()];
            for &n in &v.shape {
                blocks = blocks
                    .iter()
                    .flat_map(|b| ranges(n).into_iter().map(|r| [&b[..], &[r]].concat()))
                    .collect();
            }
            for block in blocks {
                let (a, b) = (direct.read_raw(&v.name, &block), library.read_raw(&v.name, &block));
                assert_eq!(a.unwrap(), b.unwrap(), "{name} {} {block:?}", v.name);
            }
        }
        for io in [Io::Direct, Io::Library] {
            let (reader, _) = read(&path, io).unwrap();
            assert_eq!(reader.read_raw("e", &[]).unwrap_err().exit_code(), 3);
            assert_eq!(reader.read_raw("b", &[0..5, 0..5]).unwrap_err().exit_code(), 3);
        }
    }
}

#[test]
fn one_reader_serves_many_threads() {
    let dir = tempfile::tempdir().unwrap();
    for (name, options) in KINDS {
        let (reader, _) = read(&sample(dir.path(), name, options), Io::Direct).unwrap();
        let whole = reader.read_raw("a", &[0..4, 0..3, 0..5]).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        assert_eq!(reader.read_raw("a", &[0..4, 0..3, 0..5]).unwrap(), whole);
                    }
                });
            }
        });
    }
}

#[test]
fn where_the_values_of_classic_files_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = sample(dir.path(), "1.nc", netcdf::Options::empty());
    let bytes = std::fs::read(&path).unwrap();
    let Container::Classic(header) = probe(&path).unwrap().container else { panic!("is classic") };
    let a = storage(&header, "a").unwrap();
    assert_eq!((a.dtype, a.big_endian, a.shape.as_slice()), (DType::I16, true, &[4, 3, 5][..]));
    assert_eq!(a.fill, (-32_767i16).to_be_bytes());
    // Fifteen shorts take thirty bytes and two of padding, five doubles forty.
    let Layout::Records { offset, stride: 72 } = a.layout else { panic!("{:?}", a.layout) };
    let second = offset as usize + 72;
    assert_eq!(bytes[second..second + 2], 15i16.to_be_bytes());
    let c = storage(&header, "c").unwrap();
    assert!(matches!(c.layout, Layout::Contiguous { .. }) && c.fill == (-1.0f32).to_be_bytes());
    assert_eq!(storage(&header, "e").unwrap_err().exit_code(), 3);
}

#[test]
fn filters_are_known_if_read_directly() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("z.nc");
    let mut file = netcdf::create(&path).unwrap();
    file.add_dimension("x", 100).unwrap();
    let mut v = file.add_variable::<f32>("v", &["x"]).unwrap();
    v.set_compression(4, true).unwrap();
    v.put_values(&[1.0; 100], ..).unwrap();
    file.close().unwrap();
    let of = |io| read(&path, io).unwrap().1.variables[0].filters.clone();
    let filters = of(Io::Direct).unwrap();
    assert_eq!((filters.deflate, filters.shuffle, filters.others), (Some(4), true, vec![]));
    assert_eq!(of(Io::Library), None);
}
