//! Data sets in and out.
//!
//! [`dataset::open`] reads the metadata of one file or many as one data set along time;
//! [`Dataset::source`](dataset::Dataset::source) picks a variable, times, a box and a level of
//! it; [`Source::read`](source::Source::read) gives blocks of decoded values to any rank and
//! thread. What the bytes mean is decided in [`cf`], apart from how they are fetched
//! ([`stored`]).

pub mod as_stored;
mod cache;
pub mod cf;
mod classic;
pub mod dataset;
mod direct;
#[cfg(fuzzing)]
pub mod fuzzing;
mod guard;
pub mod inputs;
mod io_mode;
pub mod load;
mod netcdf_read;
mod object_name;
pub mod output;
mod probe;
mod rates;
pub mod rechunk;
pub mod scratch;
pub mod source;
pub mod stored;
mod stream;

pub use dataset::{open, open_groups, open_with, Dataset, FilePart, OpenOptions, VariableInfo};
pub use guard::is_guarded;
pub use io_mode::Io;
pub use rates::{deflated, forget_cached, inflated};
pub use source::{Element, MaskFile, MaskRule, NamedRegion, Region, Selection, SelectionFile, Source};
