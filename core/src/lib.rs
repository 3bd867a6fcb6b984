//! The spine of Halocline: communicators, decompositions, fields, tiles and the engine that
//! turns a fold or a map of local arrays into a distributed, reproducible analysis.

pub mod blocks;
pub mod budget;
pub mod buffers;
pub mod calendar;
pub mod comm;
pub mod decomposition;
pub mod engine;
pub mod error;
pub mod field;
pub mod grid;
pub mod halo;
pub mod index;
pub mod memory;
pub mod meta;
pub mod progress;
pub mod rechunk;
pub mod redistribution;
pub mod threads;
pub mod tiling;
pub mod units;

pub use error::{Error, ErrorKind, Result};
