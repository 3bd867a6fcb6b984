//! Small files to read.
#![allow(dead_code, clippy::unwrap_used)]

use netcdf::{FileMut, VariableMut};
use std::path::{Path, PathBuf};

/// A new NetCDF-4 file.
pub(crate) fn create(directory: &Path, name: &str) -> (PathBuf, FileMut) {
    let path = directory.join(name);
    let file = netcdf::create(&path).unwrap();
    (path, file)
}

/// Adds a 1-D coordinate along a dimension of its own.
pub(crate) fn axis(file: &mut FileMut, name: &str, units: &str, values: &[f64]) {
    file.add_dimension(name, values.len()).unwrap();
    let mut v = file.add_variable::<f64>(name, &[name]).unwrap();
    v.put_attribute("units", units).unwrap();
    v.put_values(values, ..).unwrap();
}

/// Adds a variable of singles.
pub(crate) fn singles<'f>(
    file: &'f mut FileMut,
    name: &str,
    dims: &[&str],
    values: &[f32],
) -> VariableMut<'f> {
    let mut v = file.add_variable::<f32>(name, dims).unwrap();
    v.put_values(values, ..).unwrap();
    v
}

/// `(time, lat, lon)` of 2 × 3 × 4: `sst = 100 step + 10 row + column + offset` with these times.
pub(crate) fn globe(directory: &Path, name: &str, units: &str, times: &[f64], offset: f32) -> PathBuf {
    let (path, mut file) = create(directory, name);
    axis(&mut file, "time", units, times);
    axis(&mut file, "lat", "degrees_north", &[-30.0, 0.0, 30.0]);
    axis(&mut file, "lon", "degrees_east", &[0.0, 90.0, 180.0, 270.0]);
    let cell = |k: usize| offset + (100 * (k / 12) + 10 * (k / 4 % 3) + k % 4) as f32;
    let values: Vec<f32> = (0..times.len() * 12).map(cell).collect();
    let mut v = singles(&mut file, "sst", &["time", "lat", "lon"], &values);
    v.put_attribute("units", "K").unwrap();
    path
}

/// Paths as a user types them.
pub(crate) fn inputs(paths: &[&Path]) -> Vec<String> {
    paths.iter().map(|p| p.display().to_string()).collect()
}
