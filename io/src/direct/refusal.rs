//! Why direct reading of an HDF5 file failed: by fault of the file, or of the reader.

use halocline_core::Error;
use hdf5_reader::error::Error as Hdf5;
use std::io::ErrorKind;

/// An answer, or why there is none.
pub(crate) type Attempt<T> = Result<T, Refusal>;

/// What came instead of an answer.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The file is well formed as far as was seen, but uses this feature, which direct reading
    /// lacks. The NetCDF library may be asked.
    Unsupported(String),
    /// The file is damaged, or the system refused. The library must not be asked: it trusts
    /// what it reads.
    Failed(Error),
}

impl Refusal {
    /// A file that is damaged.
    pub(crate) fn damaged(what: impl std::fmt::Display) -> Self {
        Self::Failed(Error::data(format!("the file is damaged: {what}")).remedy("copy or download it again"))
    }
    /// The error to tell where the library is no way out.
    pub(crate) fn final_error(self) -> Error {
        match self {
            Self::Unsupported(what) => Error::data(format!("direct reading does not know {what}"))
                .remedy("read it by the NetCDF library: `--io library`"),
            Self::Failed(error) => error,
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Hdf5> for Refusal {
    fn from(error: Hdf5) -> Self {
        match error {
            Hdf5::Context { source, .. } => Self::from(*source),
            Hdf5::Io(e) if e.kind() != ErrorKind::UnexpectedEof => {
                Self::Failed(Error::system(format!("cannot be read: {e}")))
            }
            // Virtual data sets; types up to the complex numbers of HDF5 2.0. Higher numbers do
            // not exist.
            Hdf5::UnsupportedLayoutClass(3) => Self::Unsupported("virtual data sets".into()),
            Hdf5::UnsupportedDatatypeClass(class @ ..=11) => {
                Self::Unsupported(format!("types of HDF5's class {class}"))
            }
            Hdf5::UnsupportedEncoding(what) | Hdf5::UnsupportedFilter(what) => {
                Self::Unsupported(format!("HDF5's {what}"))
            }
            other => Self::damaged(other),
        }
    }
}
