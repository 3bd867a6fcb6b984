//! A directory to run in, with the sample in it.

use super::{command, data, names_in, Launch};
use std::path::PathBuf;
use std::process::Command;

pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        std::fs::copy(data("ersstv5_sst_201001-202008.nc"), place.at("sst.nc")).expect("copied");
        place
    }
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    pub(crate) fn names(&self) -> Vec<String> {
        names_in(self.folder.path())
    }
    /// Halocline, to be run in the directory.
    pub(crate) fn command(&self, launch: Launch, arguments: &[&str]) -> Command {
        let mut command = command(launch, arguments);
        command.current_dir(self.folder.path());
        command
    }
}
