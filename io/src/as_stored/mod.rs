//! Variables exactly as files store them, for those who compare or copy: any type, any shape,
//! nothing decoded unless asked.

mod groups;

pub use groups::{groups, is_of_groups_only, Group, OwnType};

use crate::cf::Element;
use crate::dataset::{Dataset, VariableInfo};
use crate::direct::variable::numbers;
use crate::guard::guarded;
use crate::netcdf_read::NetcdfReader;
use crate::output::stored::characters;
use crate::rechunk::blocks::{find, scratch_bytes, Blocks, Places};
use crate::stored::{StoredReader, StoredValues};
use halocline_core::index::IndexBox;
use halocline_core::meta::DType;
use halocline_core::rechunk::cut;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Where a variable lies in the files of a data set: plain data, found once and sent to all ranks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredPlaces(Places);

impl StoredPlaces {
    /// Looks for a variable of numbers.
    ///
    /// # Errors
    /// Data, if a file is damaged or has changed; system, if the system refuses.
    pub fn find(dataset: &Dataset, info: &VariableInfo) -> Result<Self> {
        find(dataset, info).map(Self)
    }
}

/// The stored values of one variable of numbers, read block by block from any thread.
pub struct StoredField<'a> {
    info: &'a VariableInfo,
    from: Way<'a>,
}

/// Who reads.
enum Way<'a> {
    Dataset { blocks: Blocks<'a>, places: &'a Places },
    Library(NetcdfReader),
}

impl<'a> StoredField<'a> {
    /// Of a variable of numbers of `dataset`, a data set of one file.
    pub fn new(dataset: &'a Dataset, info: &'a VariableInfo, places: &'a StoredPlaces) -> Self {
        let shape = info.variable.shape();
        let chunk = info.chunks.clone().unwrap_or_else(|| vec![1; shape.len()]);
        let blocks = Blocks::carried(dataset, info, chunk, &places.0);
        Self { info, from: Way::Dataset { blocks, places: &places.0 } }
    }
    /// Of a variable of numbers in a group of a file ([`Group::variables`]), which the NetCDF library
    /// reads.
    ///
    /// # Errors
    /// Data, if the file can't be opened by it.
    pub fn in_group(path: &Path, info: &'a VariableInfo) -> Result<Self> {
        Ok(Self { info, from: Way::Library(NetcdfReader::open(path)?) })
    }
    /// The values of a block as they are stored, C order.
    ///
    /// # Errors
    /// Data, if what is stored is damaged; system, if reading fails; memory, if there is none for
    /// the block.
    pub fn read(&self, block: &IndexBox) -> Result<StoredValues> {
        let blocks = match &self.from {
            Way::Dataset { blocks, .. } => blocks,
            Way::Library(reader) => {
                return reader.read_raw(in_file(&self.info.variable.name), block.ranges())
            }
        };
        let dtype = self.info.variable.dtype;
        let mut bytes = crate::stored::buffer::<u8>(block.len() * dtype.size())?;
        blocks.bytes(block, &mut bytes)?;
        numbers(dtype, cfg!(target_endian = "big"), &bytes)
            .ok_or_else(|| Error::internal("holds no numbers").in_variable(&self.info.variable.name))
    }
    /// The same values unpacked, NaN where missing. `None` where the attributes that say how are
    /// malformed.
    pub fn decoded(&self, stored: StoredValues) -> Option<Vec<f64>> {
        if self.info.problem.is_some() {
            return None;
        }
        Some(self.info.decodes.first()?.decode(stored, Element::F64).to_f64())
    }
    /// Bytes that a thread needs beside what it reads into.
    pub fn scratch_bytes(&self) -> u64 {
        match &self.from {
            Way::Dataset { places, .. } => scratch_bytes(places),
            Way::Library(_) => 0,
        }
    }
}

impl std::fmt::Debug for StoredField<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredField").field("variable", &self.info.variable.name).finish_non_exhaustive()
    }
}

/// The name of a variable as the library looks for it, in groups too.
fn in_file(name: &str) -> &str {
    name.trim_start_matches('/')
}

/// The values of a block of a variable whose type its writer has defined ([`OwnType::bytes`] known),
/// cell by cell, C order: the bytes of each, without those between the parts of a record.
///
/// # Errors
/// Data, if they can't be read.
pub fn read_own(path: &Path, info: &VariableInfo, block: &IndexBox) -> Result<Vec<Vec<u8>>> {
    NetcdfReader::open(path)?.own_values(in_file(&info.variable.name), block)
}

/// The characters or strings of a block of a variable of a file, in a group too, cell by cell, C order.
///
/// # Errors
/// Data, if they can't be read.
pub fn read_text(path: &Path, info: &VariableInfo, block: &IndexBox) -> Result<Vec<Vec<u8>>> {
    let name = in_file(&info.variable.name);
    let damaged = |what: String| Error::data(what).in_file(path).in_variable(name);
    let read = guarded(|| {
        let file = netcdf::open(path).map_err(|e| damaged(format!("cannot be opened as NetCDF: {e}")))?;
        let variable = file.variable(name).ok_or_else(|| {
            damaged("the variable is gone: the file has changed since it was opened".to_owned())
        })?;
        if info.variable.dtype == DType::Char {
            let bytes = characters(&variable, block).map_err(|e| e.in_file(path).in_variable(name))?;
            return Ok(bytes.into_iter().map(|byte| vec![byte]).collect());
        }
        let one = |cell: &IndexBox| {
            let text = variable.get_string(cell.ranges().to_vec());
            text.map(String::into_bytes).map_err(|e| damaged(format!("a string cannot be read: {e}")))
        };
        if block.ndim() == 0 {
            return Ok(vec![one(block)?]);
        }
        cut(block, &vec![1; block.ndim()]).iter().map(one).collect()
    });
    read.unwrap_or_else(|| Err(damaged("the file is damaged: text cannot be read".to_owned())))
}
