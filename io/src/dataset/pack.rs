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

    /// The attributes of this number; `None` if the pack is damaged.
    pub(super) fn attributes(&self, number: u32) -> Option<Attributes> {
        unpacked(&self.pieces, number)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cf;
    use crate::dataset::meta::RawDim;
    use crate::dataset::scan::Known;
    use halocline_core::calendar::{Calendar, TimeUnits};
    use halocline_core::meta::DType;
    use halocline_core::Error;

    /// File `k` of a model with so many variables; if `restless`, an attribute of each differs
    /// from file to file.
    fn record(k: usize, variables: usize, restless: bool) -> Record {
        let variable = |i: usize| {
            let range = if restless { k } else { 0 } as f64 + i as f64;
            let attributes = Attributes::new()
                .with("long_name", format!("quantity number {i} of the model"))
                .with("units", "kg m-2 s-1")
                .with("cell_methods", "time: mean")
                .with("actual_range", AttributeValue::Doubles(vec![range, range + 0.5]));
            Arc::new(RawVariable {
                name: format!("variable_{i}"),
                dtype: DType::F32,
                dims: ["time", "lat", "lon"].map(str::to_owned).to_vec(),
                shape: vec![1, 10, 20],
                attributes,
                chunks: Some(vec![1, 10, 20]),
                filters: None,
                decode: cf::rule(DType::F32, true, |_| None),
                malformed: (i == 1).then(|| Error::data("malformed").remedy("mend it")),
            })
        };
        let units = TimeUnits::parse("days since 2000-01-01", Calendar::NoLeap).unwrap();
        let axis = TimeAxis::new(units, vec![k as f64]);
        let path = format!("/data/{k}.nc");
        let absent = Err(Error::data("no times").in_file(&path));
        let time = |dim: &str, axis| {
            let attributes = Attributes::new().with("axis", "T");
            TimeEntry { dim: dim.into(), name: dim.into(), attributes, axis }
        };
        let known = Known { name: "lat".into(), len: 10, element: cf::Element::F32, digest: Some([7, 8]) };
        Record {
            meta: FileMeta {
                path,
                bytes: k as u64,
                format: "NetCDF-4".into(),
                dims: vec![RawDim { name: "time".into(), len: 1, unlimited: true }],
                attributes: Attributes::new().with("history", format!("run {k}")),
                variables: (0..variables).map(variable).collect(),
            },
            times: vec![time("time", axis), time("tau", absent)],
            coordinates: Coordinates { known: vec![known], malformed: vec!["x".into()] },
        }
    }

    fn packed(files: usize, variables: usize, restless: bool) -> Pack {
        let mut pack = Pack::default();
        (0..files).for_each(|k| pack.push(record(k, variables, restless)));
        pack
    }

    #[test]
    fn unpacked_is_what_was_packed() {
        let pack = packed(5, 3, true);
        let bytes = postcard::to_stdvec(&pack).unwrap();
        let pack: Pack = postcard::from_bytes(&bytes).unwrap();
        let mut other = Pieces::default();
        other.add(Kind::Leaf, &"in the way");
        let mut translation = Translation::new(&pack.pieces, &mut other);
        let files: Vec<_> = pack.files.iter().map(|f| f.translated(&mut translation).unwrap()).collect();
        let moved = Pack { pieces: other, files };
        for pack in [&pack, &moved] {
            for (k, file) in pack.files.iter().enumerate() {
                let path = format!("/data/{k}.nc");
                assert_eq!(pack.record(file, Path::new(&path)), Some(record(k, 3, true)));
                assert!(!file.sound, "a time axis is missing");
            }
            let renamed = pack.record(&pack.files[0], Path::new("new.nc")).unwrap();
            assert_eq!(renamed.times[1].axis.as_ref().unwrap_err().file.as_deref(), Some("new.nc"));
        }
        // Numbers of pieces that are not there, or are others.
        for wrong in [0, 1, 7, 1000] {
            let file = Packed { variables: wrong, ..pack.files[0].clone() };
            let _ = pack.record(&file, Path::new("a"));
            let file = Packed { dims: 1000, ..pack.files[0].clone() };
            assert!(pack.record(&file, Path::new("a")).is_none());
        }
    }

    #[test]
    fn many_files_take_little_room() {
        let size = |files, restless| postcard::to_stdvec(&packed(files, 20, restless)).unwrap().len();
        let per_file = |restless| (size(200, restless) - size(100, restless)) / 100;
        assert!(per_file(false) < 200, "{}", per_file(false));
        assert!(per_file(true) < 200 + 20 * 60, "{}", per_file(true));
    }
}
