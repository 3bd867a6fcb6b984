//! A file that the NetCDF library has open.

use crate::dataset::VariableInfo;
use crate::netcdf_read::NetcdfReader;
use crate::stored::{StoredReader, StoredValues};
use halocline_core::index::IndexBox;
use halocline_core::Result;
use std::path::Path;

/// A file as the NetCDF library reads it. It is opened once for all that is read of it: one that
/// defines types of its own can't be closed again before the end of the program.
#[derive(Debug)]
pub struct Library(pub(super) NetcdfReader);

impl Library {
    /// Opens a file.
    ///
    /// # Errors
    /// Data, if the library can't open it.
    pub fn open(path: &Path) -> Result<Self> {
        NetcdfReader::open(path).map(Self)
    }

    /// The values of a block of a variable whose type its writer has defined
    /// ([`OwnType::bytes`](super::OwnType::bytes) known), cell by cell, C order: the bytes of each,
    /// without those between the parts of a record.
    ///
    /// # Errors
    /// Data, if they can't be read.
    pub fn own(&self, info: &VariableInfo, block: &IndexBox) -> Result<Vec<Vec<u8>>> {
        self.0.own_values(in_file(&info.variable.name), block)
    }

    /// The characters or strings of a block of a variable, in a group too, cell by cell, C order.
    ///
    /// # Errors
    /// Data, if they can't be read.
    pub fn text(&self, info: &VariableInfo, block: &IndexBox) -> Result<Vec<Vec<u8>>> {
        self.0.text_values(in_file(&info.variable.name), block)
    }

    /// The numbers of a block as they are stored.
    pub(super) fn numbers(&self, info: &VariableInfo, block: &IndexBox) -> Result<StoredValues> {
        self.0.read_raw(in_file(&info.variable.name), block.ranges())
    }
}

/// The name of a variable as the library looks for it, in groups too.
fn in_file(name: &str) -> &str {
    name.trim_start_matches('/')
}
