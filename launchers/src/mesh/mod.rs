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

pub(crate) use args::{GridArgs, WrittenTopology};
pub(crate) use found::{find, FoundMesh};

use halocline_io::dataset::Dataset;

/// Whether a data set holds lengths of cells or faces by the names of a model.
pub(crate) fn has_lengths(dataset: &Dataset) -> bool {
    let named = tables::recognise(dataset);
    supergrid::is_one(dataset) || named.is_some_and(|n| n.dx.iter().chain(&n.dy).any(Option::is_some))
}
