//! A file of values as they are stored, which other tools' definitions are carried over into:
//! for copies, where [`Output`](super::Output) is for results.
//!
//! Rank 0 writes whole chunks; the other ranks send it theirs when it asks for them.

use super::ffi::NcChar;
use super::target::Target;
use bytemuck::Pod;
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::meta::DType;
use halocline_core::{Error, ErrorKind, Result};
use netcdf::{FileMut, NcTypeDescriptor};
use std::path::Path;

/// "Send your next batch" (1) or "no more, it has failed" (0), from rank 0.
const TAG_ASK: u32 = 7411;
/// A batch, to rank 0.
const TAG_BATCH: u32 = 7412;
/// Bytes that other ranks send at a time.
const BATCH: usize = 16 << 20;

/// A NetCDF-4 file of stored values that is being written. It exists under its name only after
/// [`StoredOutput::finish`]; before, its temporary file goes with it.
#[derive(Debug)]
pub(crate) struct StoredOutput {
    comm: Comm,
    target: Target,
    /// Open on rank 0.
    file: Option<FileMut>,
    temporary: bool,
}

impl StoredOutput {
    /// Creates the file and lets `define` define all that is in it.
    ///
    /// # Collective
    /// `define` runs on rank 0.
    ///
    /// # Errors
    /// System, if a file can't be created there; those of `define`.
    pub(crate) fn create(
        comm: &Comm,
        path: &Path,
        define: impl FnOnce(&mut FileMut) -> Result<()>,
    ) -> Result<Self> {
        let parts = comm.on_root(|| Target::prepare(path))?;
        let target = Target::from_parts(path, parts);
        let mut output = Self { comm: comm.clone(), target, file: None, temporary: true };
        let opened = comm.is_root().then(|| {
            let mut file = netcdf::create(&output.target.temporary)
                .map_err(|e| Error::system(format!("can't be created: {e}")))?;
            define(&mut file)?;
            file.enddef().map_err(|e| Error::system(format!("can't be created: {e}")))?;
            Ok(file)
        });
        output.file = output.agree(opened.transpose())?;
        Ok(output)
    }

    /// Writes whole chunks of each rank: `bytes` has them one after the other, in C order each.
    ///
    /// # Collective
    /// The same variable on all ranks.
    ///
    /// # Errors
    /// System, if writing fails.
    pub(crate) fn write_chunks(
        &mut self,
        name: &str,
        dtype: DType,
        chunks: &[IndexBox],
        bytes: &[u8],
    ) -> Result<()> {
        let ends: Vec<u64> = chunks
            .iter()
            .flat_map(|chunk| chunk.ranges().iter().flat_map(|r| [r.start as u64, r.end as u64]))
            .collect();
        let all = self.comm.all_gather_v(&ends);
        let result = if let Some(file) = &mut self.file {
            receive(&self.comm, file, (name, dtype), chunks, bytes, &all)
        } else {
            send(&self.comm, dtype.size(), chunks, bytes);
            Ok(())
        };
        self.agree(result)
    }

    /// Writes on rank 0 what `write` does, while the others wait.
    ///
    /// # Collective
    /// `write` runs on rank 0.
    ///
    /// # Errors
    /// Those of `write`.
    pub(crate) fn on_root(&mut self, write: impl FnOnce(&mut FileMut) -> Result<()>) -> Result<()> {
        let result = self.file.as_mut().map_or(Ok(()), write);
        self.agree(result)
    }

    /// Closes the file, makes it durable and gives it its name.
    ///
    /// # Collective
    /// All ranks.
    ///
    /// # Errors
    /// System, if the file can't be brought to disk whole.
    pub(crate) fn finish(mut self) -> Result<()> {
        let closed = self.file.take().map_or(Ok(()), |file| {
            file.close().map_err(|e| Error::system(format!("can't be completed: {e}")))
        });
        self.agree(closed)?;
        self.comm.on_root(|| self.target.commit())?;
        self.temporary = false;
        Ok(())
    }

    /// The same result on all ranks, with the file named and the cause looked for where it is
    /// the output's fault.
    fn agree<T>(&self, result: Result<T>) -> Result<T> {
        let explained = result.map_err(|error| match error.kind {
            ErrorKind::System if error.file.is_none() => self.target.explain(error),
            _ => error.in_file(&self.target.shown),
        });
        self.comm.agree(explained)
    }
}

impl Drop for StoredOutput {
    fn drop(&mut self) {
        self.file = None;
        if std::mem::take(&mut self.temporary) && self.comm.is_root() {
            self.target.discard();
        }
    }
}

/// How many of the chunks from `first` on travel together: as many as a batch holds, one at
/// least.
fn batch(chunks: &[IndexBox], first: usize, size: usize) -> usize {
    let mut bytes = 0;
    let fits = |chunk: &&IndexBox| {
        bytes += chunk.len() * size;
        bytes <= BATCH
    };
    chunks[first..].iter().take_while(fits).count().max(1)
}

fn send(comm: &Comm, size: usize, chunks: &[IndexBox], mut bytes: &[u8]) {
    let mut first = 0;
    while first < chunks.len() {
        let next = first + batch(chunks, first, size);
        if comm.recv::<u8>(0, TAG_ASK) != [1] {
            return;
        }
        let (now, later) =
            bytes.split_at(chunks[first..next].iter().map(IndexBox::len).sum::<usize>() * size);
        comm.send(now, 0, TAG_BATCH);
        (bytes, first) = (later, next);
    }
}

fn receive(
    comm: &Comm,
    file: &mut FileMut,
    variable: (&str, DType),
    chunks: &[IndexBox],
    bytes: &[u8],
    all: &[Vec<u64>],
) -> Result<()> {
    let mut result = put_chunks(file, variable, chunks, bytes);
    let ndim = chunks.first().map(IndexBox::ndim).or_else(|| dims_of(file, variable.0));
    let ndim = ndim.unwrap_or(1).max(1);
    for (rank, ends) in all.iter().enumerate().skip(1) {
        let ranges: Vec<_> = ends.chunks_exact(2).map(|p| p[0] as usize..p[1] as usize).collect();
        let theirs: Vec<IndexBox> = ranges.chunks(ndim).map(|r| IndexBox::new(r.to_vec())).collect();
        let mut first = 0;
        while first < theirs.len() {
            let next = first + batch(&theirs, first, variable.1.size());
            comm.send(&[u8::from(result.is_ok())], rank, TAG_ASK);
            if result.is_err() {
                break;
            }
            let bytes = comm.recv::<u8>(rank, TAG_BATCH);
            result = put_chunks(file, variable, &theirs[first..next], &bytes);
            first = next;
        }
    }
    result
}

fn dims_of(file: &FileMut, name: &str) -> Option<usize> {
    file.variable(name).map(|v| v.dimensions().len())
}

/// Writes whole chunks: the one place where their bytes go into the file.
fn put_chunks(
    file: &mut FileMut,
    (name, dtype): (&str, DType),
    chunks: &[IndexBox],
    mut bytes: &[u8],
) -> Result<()> {
    for chunk in chunks {
        let (mine, rest) = bytes.split_at(chunk.len() * dtype.size());
        put_block(file, name, dtype, chunk, mine)?;
        bytes = rest;
    }
    Ok(())
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
