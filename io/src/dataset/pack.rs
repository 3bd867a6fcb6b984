//! Records of many files in little room: what files have in common is held once.
//!
//! Files of one model differ in their times and in an attribute or two. A pack holds pieces
//! (attributes, variables, lists of them), each once, and of every file the numbers of its
//! pieces. It travels between ranks, and lies in the cache.

use super::meta::{FileMeta, RawVariable};
use super::pieces::{Kind, Pieces, Translation};
use super::scan::{Coordinates, Record};
use super::time::TimeEntry;
use halocline_core::calendar::TimeAxis;
use halocline_core::meta::{AttributeValue, Attributes};
use halocline_core::Result;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

/// Files whose pieces are in one place.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Pack {
    pub(super) pieces: Pieces,
    pub(super) files: Vec<Packed>,
}

/// A file by the numbers of its pieces. Paths are not in it: errors are without their file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Packed {
    pub(super) bytes: u64,
    pub(super) format: u32,
    pub(super) dims: u32,
    pub(super) attributes: u32,
    pub(super) variables: u32,
    pub(super) times: Vec<PackedTime>,
    pub(super) coordinates: u32,
    /// Whether all could be read. What could not, may be another time.
    pub(super) sound: bool,
}

/// A [`TimeEntry`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PackedTime {
    /// Dimension and variable.
    pub(super) names: u32,
    pub(super) attributes: u32,
    pub(super) axis: Result<TimeAxis>,
}

impl Pack {
    /// Adds a file.
    pub(super) fn push(&mut self, record: Record) {
        let Record { meta, times, coordinates } = record;
        let pieces = &mut self.pieces;
        let sound =
            times.iter().all(|t| t.axis.is_ok()) && coordinates.known.iter().all(|c| c.digest.is_some());
        let times = times.into_iter().map(|t| PackedTime {
            names: pieces.add(Kind::Leaf, &(t.dim, t.name)),
            attributes: attributes(pieces, &t.attributes),
            axis: t.axis.map_err(|mut e| {
                e.file = e.file.filter(|f| *f != meta.path);
                e
            }),
        });
        let times = times.collect();
        let variables: Vec<u32> = meta
            .variables
            .iter()
            .map(|v| {
                let attributes = attributes(pieces, &v.attributes);
                let bare = RawVariable { attributes: Attributes::new(), ..RawVariable::clone(v) };
                let bare = pieces.add(Kind::Leaf, &bare);
                pieces.add(Kind::List, &vec![bare, attributes])
            })
            .collect();
        let packed = Packed {
            bytes: meta.bytes,
            format: pieces.add(Kind::Leaf, &meta.format),
            dims: pieces.add(Kind::Leaf, &meta.dims),
            attributes: attributes(pieces, &meta.attributes),
            variables: pieces.add(Kind::List, &variables),
            times,
            coordinates: pieces.add(Kind::Leaf, &coordinates),
            sound,
        };
        self.files.push(packed);
    }

    /// The record of a file, which is at this path now; `None` if the pack is damaged.
    pub(super) fn record(&self, file: &Packed, path: &Path) -> Option<Record> {
        let pieces = &self.pieces;
        let variables = pieces.list(file.variables)?.into_iter();
        let variables = variables.map(|id| variable(pieces, id).map(Arc::new)).collect::<Option<_>>()?;
        let meta = FileMeta {
            path: path.display().to_string(),
            bytes: file.bytes,
            format: pieces.get(file.format)?,
            dims: pieces.get(file.dims)?,
            attributes: unpacked(pieces, file.attributes)?,
            variables,
        };
        let time = |t: &PackedTime| {
            let (dim, name) = pieces.get(t.names)?;
            let attributes = unpacked(pieces, t.attributes)?;
            Some(TimeEntry { dim, name, attributes, axis: t.axis.clone().map_err(|e| e.in_file(path)) })
        };
        let times = file.times.iter().map(time).collect::<Option<_>>()?;
        let coordinates: Coordinates = pieces.get(file.coordinates)?;
        Some(Record { meta, times, coordinates })
    }
}

/// A variable by its number.
pub(super) fn variable(pieces: &Pieces, id: u32) -> Option<RawVariable> {
    let [bare, attributes] = pieces.list(id)?[..] else { return None };
    let attributes = unpacked(pieces, attributes)?;
    Some(RawVariable { attributes, ..pieces.get(bare)? })
}

fn attributes(pieces: &mut Pieces, attributes: &Attributes) -> u32 {
    let ids: Vec<u32> = attributes.iter().map(|attribute| pieces.add(Kind::Leaf, &attribute)).collect();
    pieces.add(Kind::List, &ids)
}

fn unpacked(pieces: &Pieces, id: u32) -> Option<Attributes> {
    let mut attributes = Attributes::new();
    for id in pieces.list(id)? {
        let (name, value): (String, AttributeValue) = pieces.get(id)?;
        attributes.set(name, value);
    }
    Some(attributes)
}

impl Packed {
    /// The same file by the numbers of other pieces.
    pub(super) fn translated(&self, to: &mut Translation<'_>) -> Option<Self> {
        let times = self.times.iter().map(|t| {
            let (names, attributes) = (to.id(t.names)?, to.id(t.attributes)?);
            Some(PackedTime { names, attributes, axis: t.axis.clone() })
        });
        Some(Self {
            times: times.collect::<Option<_>>()?,
            format: to.id(self.format)?,
            dims: to.id(self.dims)?,
            attributes: to.id(self.attributes)?,
            variables: to.id(self.variables)?,
            coordinates: to.id(self.coordinates)?,
            bytes: self.bytes,
            sound: self.sound,
        })
    }
}
