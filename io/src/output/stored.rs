//! Copies: values as they are stored, in a file with the definitions of another, where schemas
//! and cells are for results.
//!
//! Rank 0 defines the file through the NetCDF library; chunks are then finished and placed like
//! those of results.

use super::cells::unwritten;
use super::ffi::NcChar;
use super::hdf5::Container;
use super::layout::Layout;
use super::limits::Limits;
use super::one_writer::OneWriter;
use super::target::{self, Target};
use super::{zstd_filter, Compression, Output, Writer};
use bytemuck::Pod;
use halocline_core::comm::{Comm, Stage};
use halocline_core::index::IndexBox;
use halocline_core::meta::DType;
use halocline_core::{Error, Result};
use netcdf::{FileMut, NcTypeDescriptor};
use std::path::Path;

/// A variable whose chunks come from all ranks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredVariable {
    pub(crate) name: String,
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<usize>,
    /// Lengths of a chunk, or of the pieces in which what has no chunks is written.
    pub(crate) chunk: Vec<usize>,
    /// Whether it is stored in chunks.
    pub(crate) chunked: bool,
    pub(crate) compression: Compression,
    /// The bytes of its `_FillValue`, if it states one.
    pub(crate) fill: Option<Vec<u8>>,
}

impl StoredVariable {
    pub(super) fn layout(&self) -> Layout {
        Layout {
            name: self.name.clone(),
            shape: self.shape.clone(),
            dtype: self.dtype,
            fill: false,
            finite: false,
            blank: self.fill.clone().unwrap_or_else(|| unwritten(self.dtype)),
            chunk: self.chunk.clone(),
            chunked: self.chunked,
            compression: if self.chunked { self.compression } else { Compression::None },
            // Seen when the file is defined, by rank 0, which alone wants to know.
            grows: false,
            written: Vec::new(),
            #[cfg(feature = "mpi")]
            checksum: 0,
        }
    }
}

/// How much memory finishing and placing chunks takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Bytes of chunks that are finished at a time.
    pub(crate) round: usize,
    /// Threads that work on them.
    pub(crate) threads: usize,
    /// Bytes of finished chunks that wait for the file.
    pub(crate) queue: usize,
}

impl Room {
    /// For chunks of `chunk` bytes, on one of `ranks` ranks with so many threads: all that take no more than `most`
    /// bytes, the fastest first, and at last the smallest, whatever it takes.
    pub(crate) fn choices(chunk: u64, (ranks, threads): (usize, usize), most: u64) -> Vec<Self> {
        const ROUND: u64 = 16 << 20;
        const QUEUE: u64 = 32 << 20;
        let mut choices = Vec::new();
        for share in [1, 4, 16] {
            for threads in (1..=threads).rev() {
                let round = (ROUND / share / ranks as u64).max(chunk.saturating_mul(threads as u64));
                choices.push(Self { round: round as usize, threads, queue: (QUEUE / share) as usize });
            }
        }
        choices.retain(|room| room.bytes(chunk, ranks) <= most);
        choices.push(Self { round: chunk as usize, threads: 1, queue: 0 });
        choices
    }
    /// The bytes of all this.
    pub(crate) fn bytes(&self, chunk: u64, ranks: usize) -> u64 {
        let benches = chunk.saturating_mul(3 * self.threads as u64);
        // What is sent, and what has arrived at rank 0.
        let rounds = self.round as u64 * if ranks > 1 { 2 + ranks as u64 } else { 1 };
        benches.saturating_add(rounds).saturating_add(self.queue as u64 + chunk)
    }
    /// Rounds in which so many chunks are finished.
    pub(crate) fn rounds(&self, chunks: usize, chunk: usize) -> usize {
        chunks.div_ceil(self.chunks(chunk))
    }
    /// Chunks of a round.
    pub(super) fn chunks(&self, chunk: usize) -> usize {
        (self.round / chunk.max(1)).max(1)
    }
}

impl Output {
    /// Creates a file for `variables`, with all else that `define` puts in it: definitions, those of
    /// the variables included, and values of others.
    ///
    /// # Collective
    /// The same arguments on all ranks; `define` runs on rank 0.
    ///
    /// # Errors
    /// System, if a file can't be created there; those of `define`.
    pub(crate) fn create_stored(
        comm: &Comm,
        path: &Path,
        variables: &[StoredVariable],
        define: impl FnOnce(&mut Defining<'_>) -> Result<()>,
    ) -> Result<Self> {
        let parts = comm.on_root(|| Target::prepare(path))?;
        let target = Target::from_parts(path, parts);
        let layouts: Vec<Layout> = variables.iter().map(StoredVariable::layout).collect();
        // From here on, dropping `output` removes the temporary file.
        let mut output = Self {
            comm: comm.clone(),
            target,
            layouts,
            timeless: super::timeless::Timeless::default(),
            writer: Writer::Gone,
            limits: Limits::default(),
            temporary: true,
        };
        let container = comm.is_root().then(|| output.define_stored(define)).transpose();
        let scratch = output.target.scratch();
        let started = container.and_then(|c| OneWriter::start(c, &output.layouts, scratch, output.limits));
        output.writer = Writer::One(Box::new(output.agree(started)?));
        Ok(output)
    }
    fn define_stored(&mut self, define: impl FnOnce(&mut Defining<'_>) -> Result<()>) -> Result<Container> {
        let path = &self.target.temporary;
        let created = target::create(path);
        let mut file = created.map_err(|e| Error::system(format!("can't be created: {e}")))?;
        define(&mut Defining { file: &mut file, path })?;
        for layout in &mut self.layouts {
            let variable = file.variable(&layout.name);
            layout.grows =
                variable.is_some_and(|v| v.dimensions().iter().any(netcdf::Dimension::is_unlimited));
        }
        // Dimensions without a variable of their name have no values that make them grow.
        let lone = |d: &netcdf::Dimension<'_>| d.is_unlimited() && file.variable(&d.name()).is_none();
        let lone: Vec<String> = file.dimensions().filter(lone).map(|d| d.name()).collect();
        let mut unlimited = Vec::new();
        for name in &lone {
            let of = |layout: &Layout| {
                let variable = file.variable(&layout.name)?;
                let d = variable.dimensions().iter().position(|d| d.name() == *name)?;
                layout.shape.get(d).copied()
            };
            unlimited.extend(self.layouts.iter().find_map(of).map(|len| (name.as_str(), len)));
        }
        file.close().map_err(|e| Error::system(format!("can't be written: {e}")))?;
        Container::open(path, &self.layouts, &unlimited)
    }

    /// Writes whole chunks of each rank: `bytes` has them one after the other, in C order each.
    /// Calls `done` after each of [`Room::rounds`]. With `keep`, the buffer may be kept until it is
    /// written, and another one be left in its place.
    ///
    /// # Collective
    /// The same variable and room on all ranks.
    ///
    /// # Errors
    /// System, if writing fails.
    pub(crate) fn write_chunks(
        &mut self,
        name: &str,
        chunks: &[IndexBox],
        bytes: &mut Vec<u8>,
        (room, keep): (Room, bool),
        done: impl FnMut(),
    ) -> Result<()> {
        let _stage = self.comm.stage(Stage::Write);
        let found = self.find(name);
        let at = self.agree(found)?;
        let written = if let Writer::One(writer) = &mut self.writer {
            writer.write_chunks(&self.comm, (at, &self.layouts[at]), (chunks, bytes), (room, keep), done)
        } else {
            Err(self.gone())
        };
        self.agree(written).inspect_err(|_| self.give_up())
    }
}

/// A file that is being defined on rank 0.
pub(crate) struct Defining<'a> {
    pub(crate) file: &'a mut FileMut,
    path: &'a Path,
}

impl Defining<'_> {
    /// Has the chunks of a variable compressed.
    ///
    /// # Errors
    /// System, if the library refuses.
    pub(crate) fn compress(&mut self, name: &str, compression: Compression) -> Result<()> {
        match compression {
            Compression::None => Ok(()),
            Compression::Deflate(level) => {
                let Some(mut variable) = self.file.variable_mut(name) else {
                    return Err(Error::internal("is not in the file").in_variable(name));
                };
                let refused = |e| Error::system(format!("can't be created: {e}")).in_variable(name);
                variable.set_compression(i32::from(level), true).map_err(refused)
            }
            Compression::Zstd(level) => zstd_filter::define(self.path, name, level),
        }
    }
}

/// Writes the bytes of a block, in the order of bytes of this machine.
///
/// # Errors
/// System, if writing fails; internal, if the type has no fixed size.
pub(crate) fn put_block(
    file: &mut FileMut,
    name: &str,
    dtype: DType,
    block: &IndexBox,
    bytes: &[u8],
) -> Result<()> {
    match dtype {
        DType::I8 => put::<i8>(file, name, block, bytes),
        DType::U8 => put::<u8>(file, name, block, bytes),
        DType::I16 => put::<i16>(file, name, block, bytes),
        DType::U16 => put::<u16>(file, name, block, bytes),
        DType::I32 => put::<i32>(file, name, block, bytes),
        DType::U32 => put::<u32>(file, name, block, bytes),
        DType::I64 => put::<i64>(file, name, block, bytes),
        DType::U64 => put::<u64>(file, name, block, bytes),
        DType::F32 => put::<f32>(file, name, block, bytes),
        DType::F64 => put::<f64>(file, name, block, bytes),
        DType::Char => put::<NcChar>(file, name, block, bytes),
        DType::String | DType::Other => Err(Error::internal("has values of no fixed size").in_variable(name)),
    }
}

fn put<T: NcTypeDescriptor + Pod>(
    file: &mut FileMut,
    name: &str,
    block: &IndexBox,
    bytes: &[u8],
) -> Result<()> {
    let Some(mut variable) = file.variable_mut(name) else {
        return Err(Error::internal("is not in the file").in_variable(name));
    };
    let mut aligned = Vec::new();
    let values: &[T] = bytemuck::try_cast_slice(bytes).unwrap_or_else(|_| {
        aligned.extend(bytes.chunks_exact(size_of::<T>()).map(bytemuck::pod_read_unaligned::<T>));
        &aligned
    });
    variable
        .put_values(values, block.ranges().to_vec())
        .map_err(|e| Error::system(format!("can't be written: {e}")).in_variable(name))
}

/// The bytes of a block of a variable of `char`, which [`StoredReader`](crate::stored::StoredReader)
/// does not read.
///
/// # Errors
/// Data, if it can't be read.
pub(crate) fn characters(variable: &netcdf::Variable<'_>, block: &IndexBox) -> Result<Vec<u8>> {
    let mut values = vec![NcChar::default(); block.len()];
    variable
        .get_values_into(&mut values, block.ranges().to_vec())
        .map_err(|e| Error::data(format!("the stored text cannot be read: {e}")))?;
    Ok(bytemuck::cast_slice(&values).to_vec())
}
