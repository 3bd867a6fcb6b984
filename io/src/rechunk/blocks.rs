//! Blocks of stored values of a data set, file by file.

use super::choose::Chosen;
use super::READ;
use crate::dataset::{Dataset, VariableInfo};
use crate::netcdf_read::NetcdfReader;
use crate::stored::{StoredReader, StoredValues};
use halocline_core::index::IndexBox;
use halocline_core::rechunk::{cut, thickness, Source};
use halocline_core::{Error, Result};
use std::ops::Range;
use std::path::Path;

/// The stored values of a variable.
pub(super) struct Blocks<'a> {
    dataset: &'a Dataset,
    info: &'a VariableInfo,
    chunk: &'a [usize],
    /// The dimension along which files are joined, if the variable has it.
    along: Option<usize>,
    /// The file that is open, with its number: windows come in the order of files.
    open: Option<(usize, NetcdfReader)>,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(dataset: &'a Dataset, chosen: &'a Chosen<'a>) -> Self {
        let along = along(dataset, chosen.info);
        Self { dataset, info: chosen.info, chunk: &chosen.from, along, open: None }
    }

    fn reader(&mut self, file: usize) -> Result<&NetcdfReader> {
        if self.open.as_ref().is_none_or(|(k, _)| *k != file) {
            self.open = None;
            let reader = NetcdfReader::open(Path::new(&self.dataset.files()[file].path))?;
            self.open = Some((file, reader));
        }
        self.open.as_ref().map(|(_, reader)| reader).ok_or_else(|| Error::internal("no file is open"))
    }
}

impl Source for Blocks<'_> {
    fn read(&mut self, block: &IndexBox, out: &mut [u8]) -> Result<()> {
        let (name, size) = (&self.info.variable.name, self.info.variable.dtype.size());
        for (file, part) in parts(self.dataset, self.along, block) {
            let offset = self.along.map_or(0, |_| self.dataset.files()[file].time_offset);
            // A bounded amount at a time, whole chunks of the file.
            let local = shifted(&part, self.along, offset);
            let thick = thickness(&local.shape(), self.chunk, READ / size.max(1));
            for piece in cut(&local, &thick) {
                let stored = self.reader(file)?.read_raw(name, piece.ranges())?;
                if stored.dtype() != self.info.variable.dtype {
                    let what = "the type of the variable has changed since the file was opened";
                    return Err(Error::data(what)
                        .in_variable(name)
                        .in_file(&self.dataset.files()[file].path));
                }
                let bytes = bytes(&stored);
                let place = global(&piece, self.along, offset);
                block.for_each_run(&place, |to, from, n| {
                    out[to * size..(to + n) * size].copy_from_slice(&bytes[from * size..(from + n) * size]);
                });
            }
        }
        Ok(())
    }
}

/// The dimension of a variable along which the files are joined; `None` of a single file.
pub(super) fn along(dataset: &Dataset, info: &VariableInfo) -> Option<usize> {
    if dataset.files().len() < 2 {
        return None;
    }
    let joined = dataset.times().first()?;
    info.variable.dims.iter().position(|d| d.name == joined.dim)
}

/// What each file has of a block, in the indices of the data set. What does not vary in time is
/// that of the first file.
pub(super) fn parts(dataset: &Dataset, along: Option<usize>, block: &IndexBox) -> Vec<(usize, IndexBox)> {
    let Some(d) = along else { return vec![(0, block.clone())] };
    let wanted: Range<usize> = block.range(d);
    let of_file = |(k, file): (usize, &crate::dataset::FilePart)| {
        let start = wanted.start.max(file.time_offset);
        let end = wanted.end.min(file.time_offset + file.time_len);
        (start < end).then(|| (k, block.with_range(d, start..end)))
    };
    dataset.files().iter().enumerate().filter_map(of_file).collect()
}

/// A box of the data set in the indices of a file that begins at `offset`.
pub(super) fn shifted(part: &IndexBox, along: Option<usize>, offset: usize) -> IndexBox {
    match along {
        Some(d) => part.with_range(d, part.range(d).start - offset..part.range(d).end - offset),
        None => part.clone(),
    }
}

fn global(piece: &IndexBox, along: Option<usize>, offset: usize) -> IndexBox {
    match along {
        Some(d) => piece.with_range(d, piece.range(d).start + offset..piece.range(d).end + offset),
        None => piece.clone(),
    }
}

/// Whether parts of chunks can be had without decoding whole ones: of what is stored in one
/// piece, and where the files are as long as everything in them uncompressed.
pub(super) fn reads_parts(dataset: &Dataset, info: &VariableInfo) -> bool {
    if info.chunks.is_none() {
        return true;
    }
    let raw = |v: &VariableInfo| {
        let copies = if along(dataset, v).is_some() { 1 } else { dataset.files().len() };
        v.variable
            .shape()
            .iter()
            .fold((v.variable.dtype.size() * copies) as u64, |n, &d| n.saturating_mul(d as u64))
    };
    let uncompressed = dataset.variables().iter().map(raw).fold(0u64, u64::saturating_add);
    dataset.files().iter().map(|f| f.bytes).sum::<u64>() >= uncompressed
}

/// The bytes of stored values.
fn bytes(values: &StoredValues) -> &[u8] {
    match values {
        StoredValues::I8(v) => bytemuck::cast_slice(v),
        StoredValues::U8(v) => v,
        StoredValues::I16(v) => bytemuck::cast_slice(v),
        StoredValues::U16(v) => bytemuck::cast_slice(v),
        StoredValues::I32(v) => bytemuck::cast_slice(v),
        StoredValues::U32(v) => bytemuck::cast_slice(v),
        StoredValues::I64(v) => bytemuck::cast_slice(v),
        StoredValues::U64(v) => bytemuck::cast_slice(v),
        StoredValues::F32(v) => bytemuck::cast_slice(v),
        StoredValues::F64(v) => bytemuck::cast_slice(v),
    }
}

/// The bytes of a piece of any variable of numbers, for what is carried over as it is.
pub(super) fn read_bytes(reader: &NetcdfReader, name: &str, ranges: &[Range<usize>]) -> Result<Vec<u8>> {
    reader.read_raw(name, ranges).map(|stored| bytes(&stored).to_vec())
}
