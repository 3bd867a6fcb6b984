//! What one file alone has to say.

use super::meta::SharedMeta;
use super::roles::roles;
use super::statics::{coordinates, malformed, whole};
use super::time::{entries, TimeEntry};
use crate::cache::digest::digest;
use crate::cf::Element;
use crate::io_mode::Io;
use crate::netcdf_read::NetcdfReader;
use crate::stored::StoredReader;
use halocline_core::Result;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

/// A file as it was found: its metadata and what is needed to compare it with others.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    pub(super) meta: SharedMeta,
    pub(super) times: Vec<TimeEntry>,
    pub(super) coordinates: Coordinates,
}

/// Horizontal and vertical coordinates of a file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Coordinates {
    pub(super) known: Vec<Known>,
    /// Names of those that can't be read as their attributes are malformed.
    pub(super) malformed: Vec<String>,
}

/// A coordinate that does not move with time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) name: String,
    /// Number of values.
    pub(super) len: usize,
    /// What the values are decoded to.
    pub(super) element: Element,
    /// Stands for the values; `None` if they could not be read.
    pub(super) digest: Option<[u64; 2]>,
}

/// The metadata of a file and a reader of its values: the one place where files are opened to be
/// looked at.
pub(super) fn metadata(path: &Path, _io: Io) -> Result<(Arc<dyn StoredReader>, SharedMeta)> {
    let (reader, meta) = NetcdfReader::metadata(path)?;
    Ok((Arc::new(reader), meta.share(None)))
}

/// Looks at a file.
///
/// # Errors
/// Data, if it is absent, not NetCDF, or damaged; system, if it can't be read.
pub(super) fn scan_one(path: &Path, io: Io) -> Result<Record> {
    let (reader, meta) = metadata(path, io)?;
    let times = entries(&meta, &roles(&meta), &*reader);
    let along = times.first().map(|t| t.dim.as_str());
    let fixed = coordinates(&meta).filter(|v| !v.dims.iter().any(|d| Some(d.as_str()) == along));
    let known = fixed.filter(|v| v.malformed.is_none()).map(|v| Known {
        name: v.name.clone(),
        len: v.shape.iter().product(),
        element: v.decode.element(),
        digest: whole(v, &*reader).ok().map(|values| digest(&values.to_f64())),
    });
    let known = known.collect();
    let coordinates = Coordinates { known, malformed: malformed(&meta) };
    Ok(Record { meta, times, coordinates })
}
