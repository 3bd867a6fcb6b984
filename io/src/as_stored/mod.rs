//! Variables exactly as files store them, for those who compare or copy: any type, any shape,
//! nothing decoded unless asked.

mod groups;
mod library;

pub use groups::{is_of_groups_only, Group, OwnType};
pub use library::Library;

use crate::cf::Element;
use crate::dataset::{Dataset, VariableInfo};
use crate::direct::variable::numbers;
use crate::rechunk::blocks::{find, scratch_bytes, Blocks, Places};
use crate::stored::StoredValues;
use halocline_core::index::IndexBox;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};

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
    Library(&'a Library),
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
    pub fn in_group(file: &'a Library, info: &'a VariableInfo) -> Self {
        Self { info, from: Way::Library(file) }
    }
    /// The values of a block as they are stored, C order.
    ///
    /// # Errors
    /// Data, if what is stored is damaged; system, if reading fails; memory, if there is none for
    /// the block.
    pub fn read(&self, block: &IndexBox) -> Result<StoredValues> {
        let blocks = match &self.from {
            Way::Dataset { blocks, .. } => blocks,
            Way::Library(file) => return file.numbers(self.info, block),
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
