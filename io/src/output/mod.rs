//! Results as CF NetCDF-4 files: described in a [`Schema`], written by all ranks into a
//! temporary file, which takes the target's name once it is complete and on disk.
//!
//! Stored chunks are compressed in all threads of all ranks and placed by one thread of rank 0,
//! beside the program: [`Output::write_block`] returns while its last chunks are on their way.
//! The file has the same bytes for any number of ranks and threads.
//!
//! ```no_run
//! # use halocline_core::{comm::Comm, index::IndexBox, meta::{DType, Values}};
//! # use halocline_io::output::{Output, Schema, VariableSpec};
//! # fn example(comm: &Comm, mine: &IndexBox, values: &Values) -> halocline_core::Result<()> {
//! let mut schema = Schema::new();
//! schema.attributes.set("Conventions", "CF-1.8");
//! schema.add_dim("lat", 180)?;
//! schema.add_dim("lon", 360)?;
//! schema.add_variable(VariableSpec::data("tos", ["lat", "lon"], DType::F64));
//! let mut output = Output::create(comm, "mean.nc".as_ref(), &schema)?;
//! output.write_block("tos", mine, values)?;
//! output.finish()
//! # }
//! ```

mod cells;
mod chunk;
mod chunking;
mod chunks;
#[cfg(feature = "mpi")]
mod collective;
mod compression;
mod define;
mod deflate;
mod exchange;
mod ffi;
mod flush;
mod hdf5;
mod history;
mod kept;
mod layout;
mod lent;
mod limits;
mod one_writer;
mod open;
mod pieces;
mod plan;
mod queue;
mod record;
mod report;
#[cfg(test)]
mod roundtrips;
mod schema;
pub(crate) mod stored;
mod target;
#[cfg(test)]
mod tests;
mod timeless;
mod traffic;
pub(crate) mod zstd_filter;

pub use chunking::default_chunks;
pub use compression::Compression;
pub use ffi::{keep_hdf5_from_exit, library_versions};
pub use history::{history_line, utc};
pub use record::{set_recorder, Recorder};
pub use report::WriteReport;
pub use schema::{OutDim, Pending, Schema, VariableSpec};
pub use target::{remove_unfinished, Ending};
pub use traffic::WriteFormula;

use cells::Cell;
use halocline_core::comm::{Comm, Stage};
use halocline_core::index::IndexBox;
use halocline_core::meta::Values;
use halocline_core::{Error, Result};
use layout::Layout;
use limits::Limits;
#[cfg(feature = "mpi")]
use netcdf::FileMut;
use one_writer::{Call, OneWriter};
use std::path::Path;
use target::Target;
use timeless::Timeless;

/// How ranks write one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Writing {
    /// What was fastest wherever it was measured: [`Writing::OneWriter`].
    #[default]
    Auto,
    /// All ranks and their threads compress chunks, rank 0 places them in the file. Errors of the
    /// system are reported as they happen, whatever the MPI library makes of them.
    OneWriter,
    /// Together through MPI, each rank compressing on one thread: for file systems on which many
    /// writers are much faster than one. One writer where there is no MPI, or but one rank. The
    /// file must be seen by all ranks.
    ///
    /// Make sure of the space: on a full disk, ranks may wait inside the MPI and HDF5
    /// libraries for ever.
    Collective,
}

/// A NetCDF-4 file that is being written.
///
/// It exists under its name only after [`Output::finish`]. If that is not called, or an error
/// came before, the target stays as it was and the temporary file goes.
///
/// After an error on any rank all of them get it, and nothing more can be written.
#[derive(Debug)]
pub struct Output {
    comm: Comm,
    target: Target,
    layouts: Vec<Layout>,
    timeless: Timeless,
    writer: Writer,
    limits: Limits,
    /// Whether the temporary file is still there, ours to remove.
    temporary: bool,
}

#[derive(Debug)]
enum Writer {
    /// Rank 0 places what all have finished.
    One(Box<OneWriter>),
    /// Open on all ranks.
    #[cfg(feature = "mpi")]
    Collective(FileMut),
    /// Given up or finished.
    Gone,
}

/// What became of values.
enum Handed {
    /// They are on their way; a buffer came back for them, if one was free.
    Over(Option<Values>),
    /// They have to be copied.
    Back(Values),
}

impl Output {
    /// Creates a file with the definitions of `schema`, to become `path` in the end. A dimension
    /// that stands for no time ([`Dim::no_time`](halocline_core::meta::Dim::no_time)) is left out of
    /// it; blocks are given with it all the same.
    ///
    /// # Collective
    /// The same `path` and `schema` on all ranks.
    ///
    /// # Errors
    /// [`halocline_core::ErrorKind::System`] if a file can't be created there,
    /// [`halocline_core::ErrorKind::Internal`] if `schema` contradicts itself.
    pub fn create(comm: &Comm, path: &Path, schema: &Schema) -> Result<Self> {
        Self::create_with(comm, path, schema, Writing::Auto)
    }
    /// [`Output::create`] with a choice of who writes.
    ///
    /// # Collective
    /// The same arguments on all ranks.
    ///
    /// # Errors
    /// As [`Output::create`].
    pub fn create_with(comm: &Comm, path: &Path, schema: &Schema, writing: Writing) -> Result<Self> {
        let (schema, timeless) = Timeless::of(schema);
        let schema = schema.as_ref();
        let checked = schema.check().and_then(|()| Layout::of(schema));
        let layouts = comm.agree(checked.map_err(|e| e.in_file(path)))?;
        let parts = comm.on_root(|| Target::prepare(path))?;
        let target = Target::from_parts(path, parts);
        // From here on, dropping `output` removes the temporary file.
        let mut output = Self {
            comm: comm.clone(),
            target,
            layouts,
            timeless,
            writer: Writer::Gone,
            limits: Limits::default(),
            temporary: true,
        };
        output.open(schema, writing).inspect_err(|_| output.give_up())?;
        Ok(output)
    }

    /// Writes a variable whose values every rank has; rank 0's are written.
    ///
    /// # Collective
    /// The same variable and values of the same length on all ranks.
    ///
    /// # Errors
    /// As [`Output::write_block`].
    pub fn write_whole(&mut self, name: &str, values: &Values) -> Result<()> {
        if Timeless::drops(name) {
            return Ok(());
        }
        let _stage = self.comm.stage(Stage::Write);
        let whole = self.find(name).map(|at| IndexBox::whole(&self.layouts[at].shape));
        let checked = whole.and_then(|whole| self.check(name, &whole, values).map(|at| (at, whole)));
        let (at, whole) = self.agree(checked)?;
        // Ranks beyond the list have no block.
        self.write(at, &[whole], values)
    }
    /// Writes each rank's block of a variable, C order; a rank's block may be empty. Blocks
    /// must not overlap, neither those of two ranks nor those of two calls.
    ///
    /// The values have the variable's type: `I32` for integers up to 32 bits, `I64` for
    /// unsigned 32 bits and wider, text for `char`, whole variables only.
    ///
    /// # Collective
    /// The same variable on all ranks.
    ///
    /// # Errors
    /// [`halocline_core::ErrorKind::System`] if writing fails,
    /// [`halocline_core::ErrorKind::Internal`] if block, values and variable don't fit.
    pub fn write_block(&mut self, name: &str, block: &IndexBox, values: &Values) -> Result<()> {
        let _stage = self.comm.stage(Stage::Write);
        if self.timeless.is_scalar(name, block) {
            let value = Timeless::value(&self.comm, values)?;
            return self.write_whole(name, &value);
        }
        let block = &*self.timeless.block(name, block);
        let mut checked = self.check(name, block, values);
        if matches!(values, Values::Text(_)) || block.ndim() == 0 {
            let message = "text and scalars can be written whole only";
            checked = checked.and(Err(Error::internal(message).in_variable(name)));
        }
        let at = self.agree(checked)?;
        let ends: Vec<u64> = block.ranges().iter().flat_map(|r| [r.start as u64, r.end as u64]).collect();
        let to_range = |pair: &[u64]| pair[0] as usize..pair[1] as usize;
        let to_box = |ends: Vec<u64>| IndexBox::new(ends.chunks_exact(2).map(to_range).collect());
        let boxes: Vec<IndexBox> = self.comm.all_gather_v(&ends).into_iter().map(to_box).collect();
        self.write(at, &boxes, values)
    }
    /// [`Output::write_block`] of values that are no longer needed: where they can be stored as they
    /// lie in memory, they are not copied. Gives back a buffer for others, of whatever content and
    /// length, if one is free.
    ///
    /// # Collective
    /// The same variable on all ranks.
    ///
    /// # Errors
    /// As [`Output::write_block`].
    pub fn hand_over(&mut self, name: &str, block: &IndexBox, values: Values) -> Result<Option<Values>> {
        let values = match self.lend(name, block, values)? {
            Handed::Over(back) => return Ok(back),
            Handed::Back(values) => values,
        };
        self.write_block(name, block, &values)?;
        Ok(Some(values))
    }
    /// Writes what [`Schema::add_coordinate`] left to be written.
    ///
    /// # Collective
    /// The same values on all ranks.
    ///
    /// # Errors
    /// As [`Output::write_block`].
    pub fn write_pending(&mut self, pending: &[Pending<'_>]) -> Result<()> {
        pending.iter().try_for_each(|(name, values)| self.write_whole(name, values))
    }
    /// Sets how many bytes of memory writing may take on rank 0 beside the values it is given (352
    /// MiB unless told; other ranks need less). A stored chunk for each thread is needed in any
    /// case. Incomplete chunks beyond that wait in a scratch file beside the output.
    ///
    /// # Collective
    /// Sends nothing, but all ranks must give the same number.
    pub fn limit_memory(&mut self, bytes: usize) {
        self.limits = Limits::of(bytes);
        if let Writer::One(writer) = &mut self.writer {
            writer.limit(self.limits);
        }
    }
    /// Closes the file, makes it durable and gives it its name.
    ///
    /// Cells that were never written hold the fill value then. A file written through MPI is read
    /// back and compared first: MPI libraries are known that report no error on a full disk.
    ///
    /// # Collective
    /// All ranks.
    ///
    /// # Errors
    /// [`halocline_core::ErrorKind::System`] if the file can't be brought to disk whole.
    pub fn finish(self) -> Result<()> {
        self.finish_with_report().map(drop)
    }
    /// [`Output::finish`], which tells what it has taken.
    ///
    /// # Collective
    /// All ranks; they get the same report.
    ///
    /// # Errors
    /// As [`Output::finish`].
    pub fn finish_with_report(mut self) -> Result<WriteReport> {
        let report = match std::mem::replace(&mut self.writer, Writer::Gone) {
            Writer::One(writer) => {
                let written = writer.finish(&self.layouts, self.limits);
                let closed = written.and_then(|written| match written {
                    Some((container, report)) => container.close().map(|()| report),
                    None => Ok(WriteReport::default()),
                });
                self.agree(closed)?
            }
            #[cfg(feature = "mpi")]
            Writer::Collective(file) => {
                let closed = |e: netcdf::Error| Error::system(format!("can't be completed: {e}"));
                self.agree(file.close().map_err(closed))?;
                let verified =
                    collective::verify(&self.comm, &self.target, &self.layouts, self.limits.buffer);
                self.agree(verified)?;
                WriteReport::default()
            }
            Writer::Gone => return Err(self.gone()),
        };
        let record = record::make(&self.comm, &self.target.shown)?;
        let report = self.comm.on_root(|| {
            if let Some(record) = &record {
                record::put(&self.target.temporary, record).map_err(|e| self.target.explain(e))?;
            }
            let (bytes_file, seconds) = self.target.commit()?;
            Ok(WriteReport { bytes_file, sync_seconds: report.sync_seconds + seconds, ..report })
        })?;
        self.temporary = false;
        Ok(report)
    }
}

impl Output {
    fn find(&self, name: &str) -> Result<usize> {
        self.layouts
            .iter()
            .position(|layout| layout.name == name)
            .ok_or_else(|| Error::internal("is not in the schema").in_variable(name))
    }
    fn check(&self, name: &str, block: &IndexBox, values: &Values) -> Result<usize> {
        let at = self.find(name)?;
        self.layouts[at].check(block, values).map(|()| at)
    }

    /// Lends a block to the writing thread, if that can store it as it lies in memory.
    fn lend(&mut self, name: &str, block: &IndexBox, values: Values) -> Result<Handed> {
        let floats = matches!(values, Values::F32(_) | Values::F64(_));
        if self.comm.size() > 1 || !floats || self.timeless.is_scalar(name, block) {
            return Ok(Handed::Back(values));
        }
        let _stage = self.comm.stage(Stage::Write);
        let block = &*self.timeless.block(name, block);
        let checked = self.check(name, block, &values);
        let at = self.agree(checked)?;
        let (Some(chunks), Writer::One(_)) =
            (lent::runs(&self.layouts[at], block, self.limits), &self.writer)
        else {
            return Ok(Handed::Back(values));
        };
        let claimed = self.layouts[at].claim(std::slice::from_ref(block));
        self.agree(claimed)?;
        let Writer::One(writer) = &mut self.writer else { return Err(self.gone()) };
        let lent = writer.lend((at, &self.layouts[at]), chunks, values, self.limits);
        self.agree(lent).map(Handed::Over).inspect_err(|_| self.give_up())
    }

    /// Writes checked values, `boxes` being the blocks of the ranks from 0 on.
    fn write(&mut self, at: usize, boxes: &[IndexBox], values: &Values) -> Result<()> {
        self.layouts[at].claim(boxes).map_err(|e| e.in_file(&self.target.shown))?;
        let result = match values {
            Values::F32(v) => self.write_cells(at, boxes, v),
            Values::F64(v) => self.write_cells(at, boxes, v),
            Values::I32(v) => self.write_cells(at, boxes, v),
            Values::I64(v) => self.write_cells(at, boxes, v),
            Values::Text(texts) => {
                let characters = self.layouts[at].characters(texts);
                self.write_cells(at, boxes, &characters)
            }
        };
        result.inspect_err(|_| self.give_up())
    }
    fn write_cells<T: Cell>(&mut self, at: usize, boxes: &[IndexBox], cells: &[T]) -> Result<()> {
        let (comm, layout) = (&self.comm, &mut self.layouts[at]);
        // Before anybody has sent anything.
        let fit = cells.iter().all(|cell| cell.fits(layout.dtype));
        let misfit = || Error::internal(format!("a value does not fit {}", layout.dtype.name()));
        let fits = if fit { Ok(()) } else { Err(misfit().in_variable(&layout.name)) };
        let result = comm.agree(fits).and_then(|()| match &mut self.writer {
            Writer::One(writer) => {
                let own = boxes.get(comm.rank()).filter(|own| !own.is_empty());
                let call = Call { at, layout, boxes, own, cells };
                writer.write(comm, &call, self.limits)
            }
            #[cfg(feature = "mpi")]
            Writer::Collective(file) if layout.shape.is_empty() => {
                collective::write_scalar(comm, file, layout, cells)
            }
            #[cfg(feature = "mpi")]
            Writer::Collective(file) => {
                collective::write(comm, file, layout, boxes, cells, self.limits.buffer)
            }
            Writer::Gone => Err(gone(&self.target)),
        });
        self.agree(result)
    }

    /// The same result on all ranks, with the file named and the cause looked for.
    fn agree<T>(&self, result: Result<T>) -> Result<T> {
        let explained = result.map_err(|error| match error.kind {
            halocline_core::ErrorKind::System if error.file.is_none() => self.target.explain(error),
            _ => error.in_file(&self.target.shown),
        });
        self.comm.agree(explained)
    }
    fn gone(&self) -> Error {
        gone(&self.target)
    }
    /// Lets go of the file and removes it. Not collective, and never waits for other ranks.
    fn give_up(&mut self) {
        match std::mem::replace(&mut self.writer, Writer::Gone) {
            Writer::One(writer) => drop(writer),
            // To close it, all ranks would have to take part.
            #[cfg(feature = "mpi")]
            Writer::Collective(file) => std::mem::forget(file),
            Writer::Gone => {}
        }
        if std::mem::take(&mut self.temporary) && self.comm.is_root() {
            self.target.discard();
        }
    }
}

fn gone(target: &Target) -> Error {
    Error::internal("can't be written after an error").in_file(&target.shown)
}

impl Drop for Output {
    fn drop(&mut self) {
        self.give_up();
    }
}
