//! Values of small variables of an HDF5 file, such as coordinates.

use super::groups::Object;
use crate::dataset::meta::RawVariable;
use crate::direct::refusal::{Attempt, Refusal};
use crate::direct::types::is_native;
use crate::guard::guarded;
use crate::io_mode::Io;
use crate::netcdf_read::NetcdfReader;
use crate::stored::{buffer, StoredReader, StoredValues};
use halocline_core::meta::DType;
use halocline_core::{Error, Result};
use hdf5_reader::{Dataset, H5Type, SliceInfo, SliceInfoElem};
use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A file open for reads of blocks. Reads of many threads run beside one another.
pub(super) struct Hdf5Reader {
    path: PathBuf,
    io: Io,
    variables: HashMap<String, (Dataset, DType, Vec<usize>)>,
}

// Data sets can't be shown.
impl std::fmt::Debug for Hdf5Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hdf5Reader").field("path", &self.path).field("io", &self.io).finish_non_exhaustive()
    }
}

impl Hdf5Reader {
    pub(super) fn new(path: &Path, io: Io) -> Self {
        Self { path: path.to_owned(), io, variables: HashMap::new() }
    }
    /// Takes in a variable that lies in the root.
    pub(super) fn add(&mut self, variable: &RawVariable, object: &Object) {
        let found = (object.data.clone(), variable.dtype, variable.shape.clone());
        self.variables.entry(variable.name.clone()).or_insert(found);
    }

    fn block(&self, name: &str, ranges: &[Range<usize>]) -> Attempt<StoredValues> {
        let gone = || Error::data("the variable is gone: the file has changed since it was opened");
        let (data, dtype, shape) = self.variables.get(name).ok_or_else(gone)?;
        let inside = shape.len() == ranges.len() && shape.iter().zip(ranges).all(|(n, r)| r.end <= *n);
        if !inside {
            return Err(Error::data("the block to be read is not in the file").into());
        }
        if !dtype.is_numeric() {
            return Err(Error::data(format!("holds {} values, not numbers", dtype.name())).into());
        }
        if !is_native(&data.raw_datatype()?) {
            return Err(Refusal::Unsupported("numbers that do not fill their bytes".into()));
        }
        // Refused here rather than aborted on in the crate.
        let count = ranges.iter().try_fold(dtype.size(), |n, r| n.checked_mul(r.len()));
        drop(buffer::<u8>(count.unwrap_or(usize::MAX))?);
        // Beyond what was written of it, a variable along an unlimited dimension has fill values.
        let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
        let data = data.clone().with_padded_shape(&shape)?;
        let selections = ranges
            .iter()
            .map(|r| SliceInfoElem::Slice { start: r.start as u64, end: r.end as u64, step: 1 })
            .collect();
        let selection = SliceInfo { selections };
        macro_rules! read {
            ($variant:ident) => {
                StoredValues::$variant(values(&data, &selection)?)
            };
        }
        Ok(match dtype {
            DType::I8 => read!(I8),
            DType::U8 => read!(U8),
            DType::I16 => read!(I16),
            DType::U16 => read!(U16),
            DType::I32 => read!(I32),
            DType::U32 => read!(U32),
            DType::I64 => read!(I64),
            DType::U64 => read!(U64),
            DType::F32 => read!(F32),
            _ => read!(F64),
        })
    }
}

fn values<T: H5Type>(data: &Dataset, selection: &SliceInfo) -> Attempt<Vec<T>> {
    Ok(data.read_slice::<T>(selection)?.into_iter().collect())
}

impl StoredReader for Hdf5Reader {
    fn read_raw(&self, name: &str, ranges: &[Range<usize>]) -> Result<StoredValues> {
        let read = guarded(|| self.block(name, ranges));
        let read = read.unwrap_or_else(|| Err(Refusal::damaged("the variable cannot be read")));
        match read {
            Ok(values) => Ok(values),
            Err(Refusal::Unsupported(_)) if self.io == Io::Auto => {
                NetcdfReader::open(&self.path)?.read_raw(name, ranges)
            }
            Err(refusal) => Err(refusal.final_error().in_variable(name).in_file(&self.path)),
        }
    }
}
