//! Where a variable of an HDF5 file lies: from its object header.

use super::hdf5_chunks;
use super::storage::{Filter, Layout, Storage};
use super::types::{is_native, kind, Kind};
use super::{filters, Wanted};
use crate::guard::guarded;
use halocline_core::meta::DType;
use halocline_core::{Error, Result};
use hdf5_reader::error::Error as Hdf5Error;
use hdf5_reader::messages::dataspace::{DataspaceMessage, DataspaceType};
use hdf5_reader::messages::fill_value::{FillTime, FillValueMessage};
use hdf5_reader::messages::filter_pipeline::FilterPipelineMessage;
use hdf5_reader::messages::layout::DataLayout;
use hdf5_reader::messages::HdfMessage;
use hdf5_reader::{BlockCacheStorage, Dataset, FileStorage, Hdf5File};
use std::fs::File;
use std::sync::Arc;

/// A storage, or why there is none that can be used here.
pub(super) type Covered<T> = std::result::Result<T, String>;

/// A step that failed: the file is at fault, or this reader does not go so far.
pub(super) enum Failure {
    Bad(Error),
    NotCovered(String),
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        Self::Bad(e)
    }
}

impl From<Hdf5Error> for Failure {
    fn from(e: Hdf5Error) -> Self {
        use Hdf5Error as E;
        match e {
            E::Context { source, .. } => Self::from(*source),
            E::Io(e) => Self::Bad(Error::system(format!("cannot be read: {e}"))),
            E::UnsupportedSuperblockVersion(_)
            | E::UnsupportedObjectHeaderVersion(_)
            | E::UnsupportedBTreeVersion(_)
            | E::UnsupportedDatatypeClass(_)
            | E::UnsupportedLayoutClass(_)
            | E::UnsupportedLayoutVersion(_)
            | E::UnsupportedFilterPipelineVersion(_)
            | E::UnsupportedFillValueVersion(_)
            | E::UnsupportedLinkVersion(_)
            | E::UnsupportedLinkType(_)
            | E::UnsupportedChunkIndexType(_)
            | E::UnsupportedFilter(_)
            | E::UnsupportedEncoding(_)
            | E::ResourceLimit(_)
            | E::GroupNotFound(_)
            | E::DatasetNotFound(_)
            | E::Other(_) => Self::NotCovered(format!("of its HDF5 structure: {e}")),
            e => Self::Bad(damaged(e)),
        }
    }
}

/// The error of a file whose structure is not what it should be.
pub(super) fn damaged(what: impl std::fmt::Display) -> Error {
    Error::data(format!("the file is damaged: {what}")).remedy("copy or download it again")
}

fn no<T>(why: impl Into<String>) -> std::result::Result<T, Failure> {
    Err(Failure::NotCovered(why.into()))
}

/// Where the variable lies in an open file.
///
/// # Errors
/// Data, if the file's structure is damaged; system, if it can't be read.
pub(super) fn storage(file: File, wanted: Wanted<'_>) -> Result<Covered<Storage>> {
    // A panic on what a file holds would be a bug of the parser, and must not end the program.
    let found = guarded(|| look(file, wanted));
    match found.unwrap_or_else(|| Err(damaged("an internal table cannot be read").into())) {
        Ok(storage) => Ok(Ok(storage)),
        Err(Failure::NotCovered(why)) => Ok(Err(why)),
        Err(Failure::Bad(e)) => Err(e),
    }
}

/// What the messages of a dataset's header say.
#[derive(Default)]
struct Header {
    space: Option<DataspaceMessage>,
    layout: Option<DataLayout>,
    fill: Option<FillValueMessage>,
    pipeline: Option<FilterPipelineMessage>,
    external: bool,
}

fn look(file: File, wanted: Wanted<'_>) -> std::result::Result<Storage, Failure> {
    /// Metadata lie in small pieces near each other.
    const CACHE_BLOCK: usize = 32 << 10;
    let storage = Arc::new(FileStorage::from_file(file)?);
    let file = Hdf5File::from_storage(Arc::new(BlockCacheStorage::new(storage, CACHE_BLOCK, 256)))?;
    let dataset = find(&file, wanted.name)?;
    let header = header(&file, &dataset)?;
    let Some(space) = header.space else { return Err(damaged("a variable without a shape").into()) };
    let Some(layout) = header.layout else { return Err(damaged("a variable without a layout").into()) };
    if header.external {
        return no("its values are in another file");
    }
    let Some(big_endian) = order(&dataset, wanted.dtype)? else {
        return no("its numbers are not stored as this machine has them");
    };
    if space.dataspace_type == DataspaceType::Null {
        return no("it has no values");
    }
    let size = wanted.dtype.size();
    let shape = shape(&space, wanted.shape, size)?;
    let filters = match header.pipeline {
        Some(pipeline) => chain(&pipeline, size)?,
        None => Vec::new(),
    };
    let (fill, defined) = fill(header.fill.as_ref(), size)?;
    if shape.as_slice() != wanted.shape && !defined {
        // The NetCDF library has a fill value of its own for what lies beyond.
        return no("it is shorter than its dimensions and states no fill value");
    }
    let place = hdf5_chunks::Place { file: &file, shape: &shape, max: space.max_dims.as_deref(), size };
    let layout = match layout {
        DataLayout::Compact { data } => compact(data, &place)?,
        DataLayout::Contiguous { address, .. } => place.contiguous(address)?,
        DataLayout::Chunked { address, dims, chunk_indexing, .. } => {
            place.chunked(address, &dims, chunk_indexing.as_ref(), filters)?
        }
    };
    Ok(Storage { dtype: wanted.dtype, big_endian, shape, fill, layout })
}

/// The dataset of a NetCDF variable, which has a prefix where a dimension has the plain name.
fn find(file: &Hdf5File, name: &str) -> std::result::Result<Dataset, Failure> {
    let root = file.root_group()?;
    match root.dataset(&format!("_nc4_non_coord_{name}")) {
        Ok(dataset) => Ok(dataset),
        Err(_) => Ok(root.dataset(name)?),
    }
}

fn header(file: &Hdf5File, dataset: &Dataset) -> std::result::Result<Header, Failure> {
    let mut found = Header::default();
    for message in &file.get_or_parse_header(dataset.address())?.messages {
        match message {
            HdfMessage::Dataspace(m) => found.space = Some(m.clone()),
            HdfMessage::DataLayout(m) => found.layout = Some(m.layout.clone()),
            // The message of old versions stands beside the new one, and says less.
            HdfMessage::FillValue(m) if found.fill.as_ref().is_none_or(|f| f.value.is_none()) => {
                found.fill = Some(m.clone());
            }
            HdfMessage::FilterPipeline(m) => found.pipeline = Some(m.clone()),
            HdfMessage::ExternalFiles(_) => found.external = true,
            HdfMessage::Shared(_) => {
                return no("a part of its header is shared in a way that is not read here")
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Whether elements are big-endian; `None` if they are not just numbers of type `dtype`.
fn order(dataset: &Dataset, dtype: DType) -> std::result::Result<Option<bool>, Failure> {
    match kind(dataset.dtype()) {
        Ok(Kind::Number(stored, big_endian)) if stored == dtype => {
            Ok(is_native(&dataset.raw_datatype()?).then_some(big_endian))
        }
        _ => Ok(None),
    }
}

/// The stored lengths, none longer than those of the file's dimensions.
fn shape(
    space: &DataspaceMessage,
    wanted: &[usize],
    size: usize,
) -> std::result::Result<Vec<usize>, Failure> {
    let lengths: Option<Vec<usize>> = space.dims.iter().map(|&n| usize::try_from(n).ok()).collect();
    let bytes = |lengths: &Vec<usize>| {
        lengths
            .iter()
            .try_fold(size, |n, &len| n.checked_mul(len.max(1)))
            .filter(|&n| isize::try_from(n).is_ok())
    };
    let Some(lengths) = lengths.filter(|l| bytes(l).is_some()) else {
        return Err(damaged(format!("lengths of {:?} are more than any file can hold", space.dims)).into());
    };
    if lengths.len() != wanted.len() || lengths.iter().zip(wanted).any(|(have, want)| have > want) {
        return no(format!("its stored shape {lengths:?} is not that of its dimensions, {wanted:?}"));
    }
    Ok(lengths)
}

fn chain(pipeline: &FilterPipelineMessage, size: usize) -> std::result::Result<Vec<Filter>, Failure> {
    let mut chain: Vec<Filter> = Vec::with_capacity(pipeline.filters.len());
    for filter in &pipeline.filters {
        // How long a stream inside another one is cannot be known.
        let nested = || chain.iter().any(|f| !matches!(f, Filter::Shuffle { .. } | Filter::Fletcher32));
        chain.push(match filter.id {
            1 if !nested() => Filter::Deflate,
            2 => Filter::Shuffle { element: filter.client_data.first().map_or(size, |&n| n as usize) },
            3 => Filter::Fletcher32,
            id if filters::covered(id) && !nested() => {
                Filter::Other { id, parameters: filter.client_data.clone() }
            }
            id => return no(format!("it went through the filter {}", filters::name(id))),
        });
    }
    Ok(chain)
}

/// What stands for what was never written, and whether that was stated.
fn fill(message: Option<&FillValueMessage>, size: usize) -> std::result::Result<(Vec<u8>, bool), Failure> {
    let zero = vec![0; size];
    Ok(match message {
        // Never filled: the library gives zeros. The code for this in a file is 1 (0: when room
        // is made, 2: if a value is set), which the crate names otherwise.
        Some(m) if m.fill_time == FillTime::Always => (zero, false),
        Some(FillValueMessage { value: Some(value), .. }) if value.len() == size => (value.clone(), true),
        Some(FillValueMessage { value: Some(value), .. }) if !value.is_empty() => {
            return Err(damaged(format!("a fill value of {} bytes, not {size}", value.len())).into())
        }
        _ => (zero, false),
    })
}

fn compact(bytes: Vec<u8>, place: &hdf5_chunks::Place<'_>) -> std::result::Result<Layout, Failure> {
    match place.bytes() {
        Some(wanted) if bytes.len() as u64 >= wanted => Ok(Layout::Compact { bytes }),
        _ => Err(damaged("values in the header are cut short").into()),
    }
}
