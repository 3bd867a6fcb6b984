//! Classic files read directly: metadata, where the values are, and blocks of values.

use super::storage::{Layout, Storage};
use super::variable::{collect, numbers, Found, Stored};
use crate::classic::{Header, Variable};
use crate::dataset::meta::{FileMeta, Filters, RawDim, RawVariable};
use crate::stored::{buffer, StoredReader, StoredValues};
use halocline_core::meta::DType;
use halocline_core::{Error, Result};
use std::collections::HashMap;
use std::fs::File;
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Where the values of a variable of a classic file are; `header` has been checked against the
/// length of the file.
///
/// # Errors
/// Data, if there is no such variable.
pub(crate) fn storage(header: &Header, variable: &str) -> Result<Storage> {
    let found = header.variables.iter().find(|v| v.name == variable);
    let gone = || Error::data("the variable is gone: the file has changed since it was opened");
    Ok(storage_of(header, found.ok_or_else(gone)?))
}

/// Where the values of `v` are; the header has been checked against the length of the file.
fn storage_of(header: &Header, v: &Variable) -> Storage {
    let layout = if v.record {
        Layout::Records { offset: v.begin, stride: header.stride }
    } else {
        Layout::Contiguous { offset: v.begin }
    };
    let shape = v.dims.iter().map(|&d| header.dims[d].length as usize).collect();
    Storage { dtype: v.dtype, big_endian: true, shape, fill: fill(v), layout }
}

/// The declared fill value, if it is of the variable's type; else that of the type.
fn fill(v: &Variable) -> Vec<u8> {
    let declared = v.attributes.iter().find(|(name, _)| name == "_FillValue").map(|(_, value)| value);
    macro_rules! bytes {
        ($variant:ident, $default:expr) => {
            match declared {
                Some(Stored::Numbers(StoredValues::$variant(v))) if !v.is_empty() => {
                    v[0].to_be_bytes().to_vec()
                }
                _ => $default.to_be_bytes().to_vec(),
            }
        };
    }
    match v.dtype {
        DType::I8 => bytes!(I8, (-127i8)),
        DType::U8 => bytes!(U8, 255u8),
        DType::I16 => bytes!(I16, (-32_767i16)),
        DType::U16 => bytes!(U16, 65_535u16),
        DType::I32 => bytes!(I32, (-2_147_483_647i32)),
        DType::U32 => bytes!(U32, 4_294_967_295u32),
        DType::I64 => bytes!(I64, (-9_223_372_036_854_775_806i64)),
        DType::U64 => bytes!(U64, 18_446_744_073_709_551_614u64),
        DType::F32 => bytes!(F32, 9.969_21e36f32),
        DType::F64 => bytes!(F64, 9.969_209_968_386_869e36f64),
        DType::Char | DType::String | DType::Other => vec![0],
    }
}

/// The metadata of the file at `path`, of `bytes` bytes, from its header; names are moved out.
pub(super) fn metadata(path: &Path, bytes: u64, header: Header) -> FileMeta {
    let format = header.format();
    let dims: Vec<RawDim> = header
        .dims
        .into_iter()
        .map(|d| RawDim { name: d.name, len: d.length as usize, unlimited: d.record })
        .collect();
    let attributes = |all: Vec<(String, Stored)>| all.into_iter().map(|(n, v)| (n, Some(v))).collect();
    let variable = |v: Variable| -> RawVariable {
        Found {
            name: v.name,
            dtype: v.dtype,
            dims: v.dims.iter().map(|&d| dims[d].name.clone()).collect(),
            shape: v.dims.iter().map(|&d| dims[d].len).collect(),
            attributes: attributes(v.attributes),
            chunks: None,
            filters: Some(Filters::default()),
            filled: true,
        }
        .understood()
    };
    let variables = header.variables.into_iter().map(variable).collect();
    FileMeta {
        path: path.display().to_string(),
        bytes,
        format: format.to_owned(),
        attributes: collect(attributes(header.attributes)),
        dims,
        variables,
    }
}

/// A classic file, open. Reads of many threads run beside one another.
#[derive(Debug)]
pub(super) struct ClassicReader {
    file: File,
    path: PathBuf,
    variables: HashMap<String, Storage>,
}

impl ClassicReader {
    /// Opens the file whose header this is.
    pub(super) fn open(path: &Path, header: &Header) -> Result<Self> {
        let file =
            File::open(path).map_err(|e| Error::system(format!("cannot be read: {e}")).in_file(path))?;
        // Of two variables of one name the first is the one that is found.
        let mut variables = HashMap::new();
        for v in &header.variables {
            variables.entry(v.name.clone()).or_insert_with(|| storage_of(header, v));
        }
        Ok(Self { file, path: path.to_owned(), variables })
    }

    fn block(&self, name: &str, ranges: &[Range<usize>]) -> Result<StoredValues> {
        let gone = || Error::data("the variable is gone: the file has changed since it was opened");
        let stored = self.variables.get(name).ok_or_else(gone)?;
        let inside =
            stored.shape.len() == ranges.len() && stored.shape.iter().zip(ranges).all(|(n, r)| r.end <= *n);
        if !inside {
            return Err(Error::data(
                "the block to be read is not in the file: it has changed since it was opened",
            ));
        }
        let size = stored.dtype.size();
        let count = ranges.iter().try_fold(size, |n, r| n.checked_mul(r.len()));
        let mut bytes: Vec<u8> = buffer(count.unwrap_or(usize::MAX))?;
        if !bytes.is_empty() {
            self.fetch(stored, ranges, &mut bytes)?;
        }
        numbers(stored.dtype, true, &bytes)
            .ok_or_else(|| Error::data(format!("holds {} values, not numbers", stored.dtype.name())))
    }

    /// Reads a block run by run: a run is what lies together in the file.
    fn fetch(&self, stored: &Storage, ranges: &[Range<usize>], out: &mut [u8]) -> Result<()> {
        let size = stored.dtype.size() as u64;
        let (offset, record) = match stored.layout {
            Layout::Records { offset, stride } => (offset, Some(stride)),
            Layout::Contiguous { offset } => (offset, None),
            _ => return Err(Error::internal("a classic file has another layout")),
        };
        // Bytes between neighbours along each dimension.
        let rank = ranges.len();
        let mut steps = vec![size; rank];
        for d in (0..rank.saturating_sub(1)).rev() {
            steps[d] = steps[d + 1] * stored.shape[d + 1] as u64;
        }
        if let (Some(stride), Some(first)) = (record, steps.first_mut()) {
            *first = stride;
        }
        // Dimensions from `inner` on are read in one run: all whole but the first of them.
        let mut run = size;
        let mut inner = rank;
        while inner > 0 && steps[inner - 1] == run {
            inner -= 1;
            run *= ranges[inner].len() as u64;
            if ranges[inner].len() != stored.shape[inner] {
                break;
            }
        }
        let start: u64 = ranges.iter().zip(&steps).map(|(r, step)| r.start as u64 * step).sum();
        let mut index = vec![0usize; inner];
        for piece in out.chunks_mut(run as usize) {
            let skip: u64 = index.iter().zip(&steps).map(|(&i, step)| i as u64 * step).sum();
            self.file.read_exact_at(piece, offset + start + skip).map_err(|e| match e.kind() {
                ErrorKind::UnexpectedEof => Error::data("the file has become shorter since it was opened"),
                _ => Error::system(format!("cannot be read: {e}")),
            })?;
            for d in (0..inner).rev() {
                index[d] += 1;
                if index[d] < ranges[d].len() {
                    break;
                }
                index[d] = 0;
            }
        }
        Ok(())
    }
}

impl StoredReader for ClassicReader {
    fn read_raw(&self, variable: &str, ranges: &[Range<usize>]) -> Result<StoredValues> {
        self.block(variable, ranges).map_err(|e| e.in_variable(variable).in_file(&self.path))
    }
}
