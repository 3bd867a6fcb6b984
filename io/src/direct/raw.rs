//! Bytes that lie in a file as they are in memory, but for their order within an element.

use super::elements;
use super::fetch::Context;
use super::scratch::with_scratch;
use super::target::{Part, Run};
use crate::cf::Stored;
use halocline_core::{Error, Result};
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;

/// Bytes fetched by one request at most: they stay in the second cache until they are masked.
const REQUEST: usize = 256 << 10;
/// Bytes of a run from which it is fetched on its own, to where it goes.
const LONG: usize = 32 << 10;
/// Bytes between runs that are rather read than jumped over.
const GAP: usize = 16 << 10;

/// Fills `out` from the file.
///
/// # Errors
/// Data, if the file ends before; system, if the system refuses.
pub(super) fn fetch(file: &File, out: &mut [u8], offset: u64) -> Result<()> {
    file.read_exact_at(out, offset).map_err(|e| match e.kind() {
        ErrorKind::UnexpectedEof => Error::data("the file is truncated or has changed since it was opened")
            .remedy("copy or download it again"),
        _ => Error::system(format!("cannot be read: {e}")),
    })
}

/// Reads a part from bytes that lie in the file as they are: index zero at `offset`, `strides`
/// bytes from one index to the next.
pub(super) fn read<T: Stored>(
    context: &Context<'_, T>,
    offset: u64,
    strides: &[usize],
    origin: &[usize],
    mut part: Part<'_, T>,
) -> Result<()> {
    let size = context.size();
    let ranges = part.indices().ranges();
    let first = (0..ranges.len()).map(|d| (ranges[d].start - origin[d]) * strides[d]).sum::<usize>();
    with_scratch(|scratch| {
        let buffer = scratch.stored(REQUEST)?;
        let mut pending = Pending { start: 0, end: 0, runs: Vec::new() };
        part.runs(strides, size, first, |from, mut run| {
            let bytes = run.len() * size;
            if bytes >= LONG {
                pending.flush(context, offset, buffer)?;
                return alone(context, offset + from as u64, &mut run, buffer);
            }
            let joins = from >= pending.end
                && from - pending.end <= GAP
                && from + bytes - pending.start <= REQUEST
                && !pending.runs.is_empty();
            if !joins {
                pending.flush(context, offset, buffer)?;
                pending.start = from;
            }
            pending.end = from + bytes;
            pending.runs.push((from, run));
            Ok(())
        })?;
        pending.flush(context, offset, buffer)
    })
}

/// A run with requests of its own.
fn alone<T: Stored>(
    context: &Context<'_, T>,
    mut offset: u64,
    run: &mut Run<'_, T>,
    buffer: &mut [u8],
) -> Result<()> {
    let size = context.size();
    if let (Some(mask), Some(cells)) = (context.decoder.mask(), run.together()) {
        for cells in cells.chunks_mut(REQUEST / size) {
            let bytes = bytemuck::cast_slice_mut(cells);
            fetch(context.file, bytes, offset)?;
            if context.swapped() {
                elements::swap(bytes, size);
            }
            offset += bytes.len() as u64;
            mask(cells);
        }
        return Ok(());
    }
    let mut done = 0;
    while done < run.len() {
        let n = (run.len() - done).min(REQUEST / size);
        let bytes = &mut buffer[..n * size];
        fetch(context.file, bytes, offset + (done * size) as u64)?;
        context.decoder.place(&context.plain(bytes), 0, &mut run.within(done, n));
        done += n;
    }
    Ok(())
}

/// Short runs, near each other, that one request serves.
struct Pending<'p, T> {
    start: usize,
    end: usize,
    runs: Vec<(usize, Run<'p, T>)>,
}

impl<T: Stored> Pending<'_, T> {
    fn flush(&mut self, context: &Context<'_, T>, offset: u64, buffer: &mut [u8]) -> Result<()> {
        if self.runs.len() < 2 {
            // Nothing to share a request with: straight to where it goes.
            return self
                .runs
                .pop()
                .map_or(Ok(()), |(from, mut run)| alone(context, offset + from as u64, &mut run, buffer));
        }
        let bytes = &mut buffer[..self.end - self.start];
        fetch(context.file, bytes, offset + self.start as u64)?;
        for (from, mut run) in self.runs.drain(..) {
            // Records of a classic file need not be whole elements apart.
            let elements = context.plain(&bytes[from - self.start..]);
            context.decoder.place(&elements, 0, &mut run);
        }
        Ok(())
    }
}
