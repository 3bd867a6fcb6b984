//! Who writes, and the file opened for it.

use super::hdf5::Container;
use super::one_writer::OneWriter;
use super::schema::Schema;
use super::{define, target, Output, Writer, Writing};
use halocline_core::{Error, Result};

#[cfg(feature = "mpi")]
use super::collective;
#[cfg(feature = "mpi")]
use netcdf::FileMut;

impl Output {
    /// Opens the writer.
    pub(super) fn open(&mut self, schema: &Schema, writing: Writing) -> Result<()> {
        #[cfg(feature = "mpi")]
        if let (Writing::Collective, Some(raw), 2..) = (writing, self.comm.raw_mpi(), self.comm.size()) {
            let result = collective::create(raw, &self.target, schema);
            // Left open where others have failed: closing would wait for them.
            let file = self.agree_or_forget(result)?;
            self.writer = Writer::Collective(file);
            return Ok(());
        }
        let _ = writing;
        let container = self.comm.is_root().then(|| self.container(schema)).transpose();
        let scratch = self.target.scratch();
        let started = container.and_then(|c| OneWriter::start(c, &self.layouts, scratch, self.limits));
        self.writer = Writer::One(Box::new(self.agree(started)?));
        Ok(())
    }
    /// Defines the file through the NetCDF library and opens it for finished chunks.
    fn container(&self, schema: &Schema) -> Result<Container> {
        let path = &self.target.temporary;
        let refused = |e: netcdf::Error| Error::system(format!("can't be created: {e}"));
        let mut file = target::create(path).map_err(refused)?;
        define::define(&mut file, path, schema)?;
        file.close().map_err(refused)?;
        let unlimited = schema.dims.iter().filter(|dim| dim.unlimited);
        let unlimited: Vec<_> = unlimited.map(|dim| (dim.name.as_str(), dim.len)).collect();
        Container::open(path, &self.layouts, &unlimited)
    }
    #[cfg(feature = "mpi")]
    fn agree_or_forget(&self, result: Result<FileMut>) -> Result<FileMut> {
        let mut opened = None;
        let outcome = result.map(|file| opened = Some(file));
        match (self.agree(outcome), opened) {
            (Ok(()), Some(file)) => Ok(file),
            (Err(error), file) => {
                std::mem::forget(file);
                Err(error)
            }
            (Ok(()), None) => Err(Error::internal("no file after it was created")),
        }
    }
}
