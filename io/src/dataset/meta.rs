//! One file's metadata, as the reader found it.

use crate::cf::Decode;
use halocline_core::meta::{Attributes, DType};
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::sync::Arc;

/// A dimension of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RawDim {
    pub(crate) name: String,
    pub(crate) len: usize,
    pub(crate) unlimited: bool,
}

/// What is done to the chunks of a variable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Filters {
    /// Level of deflate.
    pub(crate) deflate: Option<u8>,
    pub(crate) shuffle: bool,
    /// Numbers of others in HDF5's registry, in the order of writing.
    pub(crate) others: Vec<u16>,
}

/// A variable of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RawVariable {
    pub(crate) name: String,
    pub(crate) dtype: DType,
    /// Names of the dimensions, slowest first.
    pub(crate) dims: Vec<String>,
    /// Their lengths.
    pub(crate) shape: Vec<usize>,
    pub(crate) attributes: Attributes,
    pub(crate) chunks: Option<Vec<usize>>,
    /// `None` if they are not known.
    pub(crate) filters: Option<Filters>,
    pub(crate) decode: Decode,
    /// Why `decode` must not be used: attributes that can't be followed.
    pub(crate) malformed: Option<Error>,
}

impl RawVariable {
    /// Whether it is the coordinate variable of its only dimension.
    pub(crate) fn is_dimension(&self) -> bool {
        self.dims.len() == 1 && self.dims[0] == self.name
    }
    /// How its values are decoded.
    ///
    /// # Errors
    /// Data, if the attributes that say so are malformed.
    pub(crate) fn decode(&self) -> Result<&Decode> {
        self.malformed.as_ref().map_or(Ok(&self.decode), |e| Err(e.clone()))
    }
}

/// All metadata of a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FileMeta<V = RawVariable> {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) format: String,
    pub(crate) dims: Vec<RawDim>,
    pub(crate) attributes: Attributes,
    pub(crate) variables: Vec<V>,
}

/// A file's metadata whose variables can be shared.
pub(crate) type SharedMeta = FileMeta<Arc<RawVariable>>;

impl FileMeta<RawVariable> {
    /// Shares the variables that `first` has too.
    pub(crate) fn share(self, first: Option<&SharedMeta>) -> SharedMeta {
        let same = |v: RawVariable| match first.and_then(|f| f.variable(&v.name)) {
            Some(shared) if **shared == v => Arc::clone(shared),
            _ => Arc::new(v),
        };
        FileMeta {
            path: self.path,
            bytes: self.bytes,
            format: self.format,
            dims: self.dims,
            attributes: self.attributes,
            variables: self.variables.into_iter().map(same).collect(),
        }
    }
}

impl SharedMeta {
    /// The variable of this name.
    pub(crate) fn variable(&self, name: &str) -> Option<&Arc<RawVariable>> {
        self.variables.iter().find(|v| v.name == name)
    }
    /// Names in the `coordinates` attributes of all variables and of the file.
    pub(crate) fn coordinate_names(&self) -> HashSet<&str> {
        let of_file = self.attributes.text("coordinates");
        let of_variables = self.variables.iter().filter_map(|v| v.attributes.text("coordinates"));
        of_variables.chain(of_file).flat_map(str::split_whitespace).collect()
    }
}
