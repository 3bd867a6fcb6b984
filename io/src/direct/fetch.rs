//! Blocks of a variable: which bytes are fetched, and the work on them dealt to threads.

use super::cells::{as_stored, decoder, Decoder};
use super::chunk::Chunks;
use super::elements::Elements;
use super::raw;
use super::storage::{Layout, Storage};
use super::target::Part;
use super::walk::strides;
use crate::cf::{Decode, Number, Stored};
use halocline_core::index::IndexBox;
use halocline_core::{threads, Error, Result};
use rayon::prelude::*;
use std::fs::File;

/// Bytes of one piece of work on what is not in chunks.
const PIECE: usize = 1 << 20;

/// All that a piece of work needs to know.
pub(super) struct Context<'a, T> {
    pub(super) file: &'a File,
    pub(super) storage: &'a Storage,
    pub(super) decoder: &'a dyn Decoder<T>,
}

/// Reads and decodes values of a variable into `part`, whose indices are those of the file.
///
/// # Errors
/// Data, if what is stored is damaged or cut short; system, if the system refuses.
pub(crate) fn read<T: Number>(
    file: &File,
    storage: &Storage,
    decode: &Decode,
    part: Part<'_, T>,
) -> Result<()> {
    if storage.dtype != decode.stored() {
        return Err(Error::internal("the addresses are of another variable"));
    }
    read_by(file, storage, &*decoder(decode)?, part)
}

/// Reads values of a variable bit for bit as they are stored, but in this machine's byte order;
/// `T` is the unsigned integer of their size.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_stored<T: Stored>(file: &File, storage: &Storage, part: Part<'_, T>) -> Result<()> {
    if storage.dtype.size() != size_of::<T>() {
        return Err(Error::internal("stored values of another size"));
    }
    read_by(file, storage, &as_stored::<T>(), part)
}

fn read_by<T: Stored>(
    file: &File,
    storage: &Storage,
    decoder: &dyn Decoder<T>,
    part: Part<'_, T>,
) -> Result<()> {
    let shape = &storage.shape;
    if shape.len() != part.indices().ndim() {
        return Err(Error::internal("the addresses are of another variable"));
    }
    let context = Context { file, storage, decoder };
    let mut inside = part;
    for (d, &stored) in shape.iter().enumerate() {
        let (before, mut beyond) = inside.split(d, stored);
        if !beyond.indices().is_empty() {
            beyond.fill(context.fill_value()?)?;
        }
        inside = before;
    }
    if inside.indices().is_empty() {
        return Ok(());
    }
    let size = context.size();
    let plain = |unit| strides(shape, unit).ok_or_else(|| Error::internal("strides overflow"));
    match &storage.layout {
        Layout::Unwritten => inside.fill(context.fill_value()?),
        Layout::Compact { bytes } => context.compact(bytes, &plain(1)?, inside),
        Layout::Contiguous { offset } => context.region(*offset, &plain(size)?, inside),
        Layout::Records { offset, stride } => {
            let mut strides = plain(size)?;
            if let Some(slowest) = strides.first_mut() {
                *slowest = *stride as usize;
            }
            context.region(*offset, &strides, inside)
        }
        Layout::Chunked { chunk, filters, addresses } => {
            Chunks { lengths: chunk, filters, addresses }.read(&context, inside)
        }
    }
}

/// Does `work` on each part, in threads if this one may share; the error of the first that fails.
pub(crate) fn in_threads<P: Send>(
    mut parts: Vec<P>,
    work: impl Fn(P) -> Result<()> + Sync + Send,
) -> Result<()> {
    if parts.len() == 1 {
        return parts.pop().map_or(Ok(()), work);
    }
    if threads::is_alone() {
        return parts.into_iter().try_for_each(work);
    }
    let failed = parts.into_par_iter().filter_map(|part| work(part).err()).find_first(|_| true);
    failed.map_or(Ok(()), Err)
}

impl<T: Stored> Context<'_, T> {
    /// Bytes of an element.
    pub(super) const fn size(&self) -> usize {
        self.storage.dtype.size()
    }

    /// What stands for a value that was never written.
    pub(super) fn fill_value(&self) -> Result<T> {
        if self.storage.fill.len() != self.size() {
            return Err(Error::internal("the fill value is of another type"));
        }
        let mut value = [T::zeroed()];
        let mut cell = Part::new(&mut value, IndexBox::whole(&[1]))
            .ok_or_else(|| Error::internal("one value is not one value"))?;
        cell.runs(&[1], 1, 0, |_, mut run| {
            self.decoder.place(&self.plain(&self.storage.fill), 0, &mut run);
            Ok(())
        })?;
        Ok(value[0])
    }

    /// Whether elements are not in this machine's byte order.
    pub(super) const fn swapped(&self) -> bool {
        self.storage.big_endian != cfg!(target_endian = "big")
    }

    /// Elements of bytes that went through no filter.
    pub(super) fn plain<'b>(&self, bytes: &'b [u8]) -> Elements<'b> {
        Elements { bytes, size: self.size(), shuffled: false, swapped: self.swapped() }
    }

    /// Bytes that lie in the file as they are: in pieces, in threads.
    fn region(&self, offset: u64, strides: &[usize], part: Part<'_, T>) -> Result<()> {
        let origin = vec![0; strides.len()];
        let parts = pieces(part, PIECE / self.size());
        in_threads(parts, |part| raw::read(self, offset, strides, &origin, part))
    }

    /// All elements are in `bytes`, C order.
    fn compact(&self, bytes: &[u8], strides: &[usize], mut part: Part<'_, T>) -> Result<()> {
        if bytes.len() < self.storage.shape.iter().product::<usize>() * self.size() {
            return Err(Error::internal("compact values are cut short"));
        }
        let elements = self.plain(bytes);
        let first = part.indices().start().iter().zip(strides).map(|(i, s)| i * s).sum();
        part.runs(strides, 1, first, |from, mut run| {
            self.decoder.place(&elements, from, &mut run);
            Ok(())
        })
    }
}

/// Cuts a part into halves of its slowest dimensions until none holds more than `most` elements.
fn pieces<T>(part: Part<'_, T>, most: usize) -> Vec<Part<'_, T>> {
    let mut done = Vec::new();
    let mut todo = vec![part];
    while let Some(next) = todo.pop() {
        let cut = (0..next.indices().ndim()).find(|&d| next.indices().range(d).len() > 1);
        match cut {
            Some(d) if next.indices().len() > most => {
                let range = next.indices().range(d);
                let (before, after) = next.split(d, range.start + range.len() / 2);
                todo.push(after);
                todo.push(before);
            }
            _ => done.push(next),
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_all_once_and_in_order() {
        let indices = IndexBox::new(vec![2..9, 0..1, 3..14]);
        let mut data = vec![0u32; indices.len()];
        let cut = pieces(Part::new(&mut data, indices.clone()).unwrap(), 10);
        assert!(cut.iter().all(|p| p.indices().len() <= 10));
        assert!(cut.windows(2).all(|w| w[0].indices().start() < w[1].indices().start()));
        assert_eq!(cut.iter().map(|p| p.indices().len()).sum::<usize>(), indices.len());
        cut.into_iter().for_each(|mut p| p.fill(1).unwrap());
        assert!(data.iter().all(|&v| v == 1));
    }
}
