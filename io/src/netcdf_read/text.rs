//! Characters and strings.

use super::{damaged_cells, NetcdfReader};
use crate::guard::guarded;
use crate::output::stored::characters;
use halocline_core::index::IndexBox;
use halocline_core::rechunk::cut;
use halocline_core::{Error, Result};
use netcdf::types::NcVariableType;

impl NetcdfReader {
    /// The characters or strings of a block, cell by cell, C order.
    ///
    /// # Errors
    /// Data, if they can't be read.
    pub(crate) fn text_values(&self, name: &str, block: &IndexBox) -> Result<Vec<Vec<u8>>> {
        let read = guarded(|| {
            let variable = self.file.variable(name).ok_or_else(|| {
                Error::data("the variable is gone: the file has changed since it was opened")
            })?;
            if variable.vartype() == NcVariableType::Char {
                let bytes = characters(&variable, block)?;
                return Ok(bytes.into_iter().map(|byte| vec![byte]).collect());
            }
            let one = |cell: &IndexBox| {
                let text = variable.get_string(cell.ranges().to_vec());
                text.map(String::into_bytes).map_err(|e| Error::data(format!("a string cannot be read: {e}")))
            };
            if block.ndim() == 0 {
                return Ok(vec![one(block)?]);
            }
            cut(block, &vec![1; block.ndim()]).iter().map(one).collect()
        });
        read.unwrap_or_else(|| Err(damaged_cells())).map_err(|e| e.in_variable(name).in_file(&self.path))
    }
}
