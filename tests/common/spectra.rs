//! What the tests of spectra share: their references, a folder to run in.

use super::{run_well, text, Launch};
use std::path::{Path, PathBuf};

/// The words of an attribute of a file.
pub(crate) fn words(path: &Path, name: &str) -> Vec<String> {
    match netcdf::open(path).expect("opens").attribute(name).expect("is there").value() {
        Ok(netcdf::AttributeValue::Str(text)) => text.split(' ').map(str::to_owned).collect(),
        other => panic!("{name} is {other:?}"),
    }
}

/// Asserts that two agree within `tolerance` of the largest of theirs.
pub(crate) fn near(ours: &[f64], theirs: &[f64], tolerance: f64, what: &str) {
    let scale = theirs.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= tolerance * scale, "{what}, number {i}: {a} is not {b}");
    }
}

/// The cells of six that are kept of references.
pub(crate) fn kept(rows: &[f64]) -> Vec<f64> {
    rows.chunks(6).flat_map(|row| [row[0], row[4]]).collect()
}

pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    /// Runs `halocline spectrum` with these words; gives the output.
    pub(crate) fn spectrum(&self, launch: Launch, arguments: &[&str]) -> PathBuf {
        let out = self.at("out.nc");
        run_well(launch, &[&["spectrum"], arguments, &["-q", "-o", text(&out)]].concat());
        out
    }
}
