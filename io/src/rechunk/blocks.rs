//! Blocks of stored values of a data set, whatever files they lie in.

use super::choose::Chosen;
use crate::cf::Stored;
use crate::dataset::{Dataset, VariableInfo};
use crate::direct::target::Part;
use crate::direct::{self, InFile, Located};
use crate::source::handles::Handles;
use halocline_core::index::IndexBox;
use halocline_core::progress::Progress;
use halocline_core::rechunk::{thickness, Source};
use halocline_core::{Error, Result};
use std::ops::Range;

/// Bytes that the library returns at a time; a stored chunk if that is larger.
pub(crate) const READ: usize = 8 << 20;

/// Where a variable lies in each file; none where only the library can read it.
pub(crate) type Places = Vec<Option<Located>>;

/// Looks for a variable in all files.
///
/// # Errors
/// As [`direct::places`].
pub(crate) fn find(dataset: &Dataset, info: &VariableInfo) -> Result<Places> {
    let along = along(dataset, info);
    let in_file = |file: &crate::dataset::FilePart| -> Vec<usize> {
        let mut shape = info.variable.shape();
        if let Some(d) = along {
            shape[d] = file.time_len;
        }
        shape
    };
    // What is not joined is read from the first file only.
    let used = if along.is_some() { dataset.files() } else { &dataset.files()[..1] };
    let files: Vec<InFile<'_>> =
        used.iter().map(|f| InFile { path: &f.path, bytes: f.bytes, shape: in_file(f) }).collect();
    direct::places(&files, (&info.variable.name, info.variable.dtype), dataset.options().io).map(|p| p.0)
}

/// The stored values of a variable.
pub(crate) struct Blocks<'a> {
    dataset: &'a Dataset,
    info: &'a VariableInfo,
    chunk: Vec<usize>,
    /// The dimension along which files are joined, if the variable has it.
    along: Option<usize>,
    places: &'a Places,
    handles: Handles,
    progress: Option<&'a Progress>,
}

impl<'a> Blocks<'a> {
    /// Of a variable that is rechunked.
    pub(super) fn new(
        dataset: &'a Dataset,
        chosen: &'a Chosen<'a>,
        places: &'a Places,
        progress: &'a Progress,
    ) -> Self {
        let chunk = chosen.from.clone();
        Self { progress: Some(progress), ..Self::carried(dataset, chosen.info, chunk, places) }
    }

    /// Of a variable that is carried over.
    pub(crate) fn carried(
        dataset: &'a Dataset,
        info: &'a VariableInfo,
        chunk: Vec<usize>,
        places: &'a Places,
    ) -> Self {
        let along = along(dataset, info);
        Self { dataset, info, chunk, along, places, handles: Handles::default(), progress: None }
    }

    fn fill<T: Stored>(&self, block: &IndexBox, out: &mut [u8]) -> Result<()> {
        if let Ok(values) = bytemuck::try_cast_slice_mut(out) {
            return self.values::<T>(block, values);
        }
        // Bytes that are not aligned for their type.
        let mut values = crate::stored::buffer::<T>(block.len())?;
        self.values(block, &mut values)?;
        out.copy_from_slice(bytemuck::cast_slice(&values));
        Ok(())
    }

    /// All files that hold something of a block, in threads.
    fn values<T: Stored>(&self, block: &IndexBox, out: &mut [T]) -> Result<()> {
        let mut rest = Part::new(out, block.clone());
        let mut works = Vec::new();
        for (file, piece) in parts(self.dataset, self.along, block) {
            let Some(whole) = rest.take() else { break };
            let part = match self.along {
                None => whole,
                Some(d) => {
                    let (part, after) = whole.split(d, piece.range(d).end);
                    rest = Some(after);
                    part
                }
            };
            let offset = self.along.map_or(0, |_| self.dataset.files()[file].time_offset);
            let local = shifted(&piece, self.along, offset);
            let dims: Vec<_> = local.start().iter().enumerate().map(|(d, &start)| (Some(d), start)).collect();
            works.push((file, part.seen_as(&dims)));
        }
        direct::in_threads(works, |(file, part)| {
            let path = &self.dataset.files()[file].path;
            self.part(file, part).map_err(|e| e.in_variable(&self.info.variable.name).in_file(path))
        })
    }

    /// A part of one file, in its indices.
    fn part<T: Stored>(&self, file: usize, part: Part<'_, T>) -> Result<()> {
        let path = &self.dataset.files()[file].path;
        let Some(located) = self.places.get(file).and_then(Option::as_ref) else {
            return self.through_library(file, part);
        };
        if let Some(progress) = self.progress {
            // Of what went through no filter, only what is wanted is read.
            let bytes = if located.storage.is_divisible() {
                (part.indices().len() * size_of::<T>()) as u64
            } else {
                direct::stored_bytes(&located.storage, part.indices().ranges())
            };
            progress.bytes_read.add(bytes);
        }
        let open = self.handles.plain(file, path, &located.stamp)?;
        direct::read_stored(&open, &located.storage, part)
    }

    /// A bounded amount at a time, whole chunks of the file.
    fn through_library<T: Stored>(&self, file: usize, part: Part<'_, T>) -> Result<()> {
        let path = &self.dataset.files()[file].path;
        let reader = self.handles.library(file, path)?;
        let thick = thickness(&part.indices().shape(), &self.chunk, READ / size_of::<T>());
        let mut parts = vec![part];
        for (d, &step) in thick.iter().enumerate() {
            parts = parts.into_iter().flat_map(|p| p.cut(d, step)).collect();
        }
        for mut part in parts {
            let stored = reader.read_raw(&self.info.variable.name, part.indices().ranges())?;
            if stored.dtype() != self.info.variable.dtype
                || stored.bytes().len() != part.indices().len() * size_of::<T>()
            {
                return Err(Error::data("the type of the variable has changed since the file was opened"));
            }
            if let Some(progress) = self.progress {
                progress.bytes_read.add(stored.bytes().len() as u64);
            }
            part.take(bytemuck::cast_slice(stored.bytes()))?;
        }
        Ok(())
    }
}

impl Source for Blocks<'_> {
    fn read(&mut self, block: &IndexBox, out: &mut [u8]) -> Result<()> {
        self.bytes(block, out)
    }
}

impl Blocks<'_> {
    /// [`Source::read`], from many threads.
    pub(crate) fn bytes(&self, block: &IndexBox, out: &mut [u8]) -> Result<()> {
        match self.info.variable.dtype.size() {
            1 => self.fill::<u8>(block, out),
            2 => self.fill::<u16>(block, out),
            4 => self.fill::<u32>(block, out),
            8 => self.fill::<u64>(block, out),
            _ => Err(Error::internal("has values of no fixed size").in_variable(&self.info.variable.name)),
        }
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

/// Whether parts of chunks can be had without decoding whole ones.
pub(super) fn reads_parts(info: &VariableInfo, places: &Places) -> bool {
    info.chunks.is_none()
        || places.iter().all(|place| place.as_ref().is_some_and(|located| located.storage.is_divisible()))
}

/// Bytes of the buffers of a thread that reads.
pub(crate) fn scratch_bytes(places: &Places) -> u64 {
    places.iter().flatten().map(|located| direct::scratch_bytes(&located.storage)).max().unwrap_or(0)
}
