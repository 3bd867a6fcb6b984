//! The C library: opaque handles, an error code and a message for each call, MPI that the host owns.
//!
//! Each function trusts what the header says about its pointers, and nothing else: lengths, ranks,
//! options and data are checked as those of a user. No panic leaves the library.

#![allow(clippy::doc_markdown)] // what is documented becomes the header of C

mod blocks;
mod context;
mod dataset;
mod eof;
mod guard;
mod halo;
mod insitu;
pub mod pointers;

pub use blocks::*;
pub use context::*;
pub use dataset::*;
pub use eof::*;
pub use guard::*;
pub use halo::*;
pub use insitu::*;
