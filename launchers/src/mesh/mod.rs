//! Finding the mesh of a variable: in a file of the mesh, in the data set itself, or from its
//! coordinates.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

mod args;
mod file;
mod fill;
mod found;
mod names;
mod supergrid;
mod tables;

pub(crate) use args::GridArgs;
pub(crate) use found::{find, FoundMesh};
