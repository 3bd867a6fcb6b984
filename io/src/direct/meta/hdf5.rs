//! Metadata of a NetCDF-4 or plain HDF5 file.

use super::attributes::{all, visible};
use super::dims::Dims;
use super::groups::{tree, Object};
use super::reader::Hdf5Reader;
use crate::dataset::meta::{FileMeta, Filters, RawDim, RawVariable};
use crate::direct::refusal::{Attempt, Refusal};
use crate::direct::variable::{collect, Found};
use crate::io_mode::Io;
use crate::netcdf_read::only_groups;
use crate::object_name;
use halocline_core::Error;
use hdf5_reader::messages::filter_pipeline::{FILTER_DEFLATE, FILTER_SHUFFLE};
use hdf5_reader::messages::HdfMessage;
use hdf5_reader::{BlockCacheStorage, FileStorage, Hdf5File, OpenOptions};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// Files up to this length are read whole: their metadata lie all over them.
const SMALL: u64 = 1 << 20;
/// Of larger files this much is read at a time, and so many such blocks are kept.
const BLOCK: usize = 64 << 10;
const BLOCKS: usize = 64;
/// No real object's header is longer.
const LONGEST_HEADER: usize = 16 << 20;
/// The library hides by this prefix that a variable has the name of a dimension that it is not
/// the coordinate of.
pub(super) const NO_COORDINATE: &str = "_nc4_non_coord_";

/// Opens an HDF5 file for metadata and small reads.
///
/// # Errors
/// System, if it can't be read; data, if its superblock is damaged.
pub(super) fn open(path: &Path, bytes: u64) -> Attempt<Hdf5File> {
    let file = File::open(path).map_err(|e| Error::system(format!("cannot be read: {e}")))?;
    if bytes <= SMALL {
        let mut content = Vec::with_capacity(bytes as usize);
        file.take(bytes)
            .read_to_end(&mut content)
            .map_err(|e| Error::system(format!("cannot be read: {e}")))?;
        return in_memory(content);
    }
    let blocks = BlockCacheStorage::new(Arc::new(FileStorage::from_file(file)?), BLOCK, BLOCKS);
    Ok(Hdf5File::from_storage_with_options(Arc::new(blocks), options())?)
}

/// The file that has these bytes.
pub(super) fn in_memory(bytes: Vec<u8>) -> Attempt<Hdf5File> {
    Ok(Hdf5File::from_vec_with_options(bytes, options())?)
}

fn options() -> OpenOptions {
    OpenOptions::default().with_chunk_cache_bytes(0).with_max_object_header_bytes(LONGEST_HEADER)
}

/// Everything about the open file of `bytes` bytes but the values, and a reader for it.
pub(super) fn describe(file: &Hdf5File, path: &Path, bytes: u64, io: Io) -> Attempt<(Hdf5Reader, FileMeta)> {
    let root_group = file.root_group()?;
    let root = tree(file)?;
    let dims = Dims::new(&root)?;
    let mut variables = Vec::new();
    let mut reader = Hdf5Reader::new(path, io);
    for (object, axes) in root.objects.iter().zip(&dims.of_root).filter(|(o, _)| o.variable) {
        let axes: Vec<RawDim> = axes.iter().map(|&d| raw_dim(&dims.all[d])).collect::<Result<_, _>>()?;
        let variable = variable(file, object, &axes)?;
        reader.add(&variable, object);
        variables.push(variable);
    }
    if variables.is_empty() && !root.children.is_empty() {
        return Err(only_groups().into());
    }
    let attributes = all(file, &root_group)?;
    let meta = FileMeta {
        path: path.display().to_string(),
        bytes,
        format: "NetCDF-4".to_owned(),
        dims: dims.in_order().into_iter().map(raw_dim).collect::<Result<_, _>>()?,
        attributes: collect(visible(&root_group, &attributes)?),
        variables,
    };
    Ok((reader, meta))
}

fn raw_dim(dim: &super::dims::Dim) -> Attempt<RawDim> {
    object_name::check(&dim.name)?;
    let len = usize::try_from(dim.len).map_err(|_| Refusal::damaged("a dimension is too long"))?;
    Ok(RawDim { name: dim.name.clone(), len, unlimited: dim.unlimited })
}

fn variable(file: &Hdf5File, object: &Object, dims: &[RawDim]) -> Attempt<RawVariable> {
    let name = object.data.name();
    let name = name.strip_prefix(NO_COORDINATE).unwrap_or(name);
    object_name::check(name)?;
    let chunks = object.data.chunks().filter(|_| !dims.is_empty());
    let chunks: Option<Vec<usize>> = chunks.map(|c| c.iter().map(|&n| n as usize).collect());
    if chunks.as_ref().is_some_and(|c| c.len() != dims.len() || c.contains(&0)) {
        return Err(Refusal::damaged(format_args!("the chunks of `{name}` have no shape")));
    }
    let mut filters = Filters::default();
    let mut filled = false;
    for message in &file.get_or_parse_header(object.data.address())?.messages {
        match message {
            HdfMessage::FillValue(fill) => filled |= fill.value.as_ref().is_some_and(|v| !v.is_empty()),
            HdfMessage::FilterPipeline(pipeline) => {
                for filter in &pipeline.filters {
                    match filter.id {
                        FILTER_DEFLATE => {
                            filters.deflate = Some(filter.client_data.first().map_or(0, |&l| l.min(9) as u8));
                        }
                        FILTER_SHUFFLE => filters.shuffle = true,
                        id => filters.others.push(id),
                    }
                }
            }
            _ => {}
        }
    }
    Ok(Found {
        name: name.to_owned(),
        dtype: object.kind.dtype(),
        dims: dims.iter().map(|d| d.name.clone()).collect(),
        shape: dims.iter().map(|d| d.len).collect(),
        attributes: visible(&object.data, &object.attributes)?,
        chunks,
        filters: Some(filters),
        filled,
    }
    .understood())
}
