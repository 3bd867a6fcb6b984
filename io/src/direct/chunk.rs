//! Chunks: fetched, their filters undone, and decoded to where they go.

use super::elements::Elements;
use super::fetch::{in_threads, Context};
use super::raw;
use super::scratch::with_scratch;
use super::storage::{Address, Filter};
use super::target::Part;
use super::walk::strides;
use crate::cf::Stored;
use halocline_core::{Error, Result};

/// How a variable is chunked.
pub(super) struct Chunks<'a> {
    pub(super) lengths: &'a [usize],
    pub(super) filters: &'a [Filter],
    pub(super) addresses: &'a [Address],
}

impl Chunks<'_> {
    /// Where the chunk that holds an index is.
    pub(super) fn address(&self, shape: &[usize], index: &[usize]) -> Result<Address> {
        let mut number = 0;
        for ((&len, &chunk), &i) in shape.iter().zip(self.lengths).zip(index) {
            number = number * len.div_ceil(chunk) + i / chunk;
        }
        self.addresses.get(number).copied().ok_or_else(|| Error::internal("a chunk without an address"))
    }

    /// Reads a part that lies inside of the stored shape.
    pub(super) fn read<T: Stored>(&self, context: &Context<'_, T>, part: Part<'_, T>) -> Result<()> {
        if self.lengths.len() != context.storage.shape.len() || self.lengths.contains(&0) {
            return Err(Error::internal("the chunks are of another variable"));
        }
        let mut parts = vec![part];
        for (d, &len) in self.lengths.iter().enumerate() {
            parts = parts.into_iter().flat_map(|p| p.cut(d, len)).collect();
        }
        in_threads(parts, |part| self.read_one(context, part))
    }

    /// Reads what is wanted of one chunk.
    fn read_one<T: Stored>(&self, context: &Context<'_, T>, mut part: Part<'_, T>) -> Result<()> {
        let size = context.size();
        let start = part.indices().start();
        let address = self.address(&context.storage.shape, &start)?;
        if address.offset == Address::UNWRITTEN {
            return part.fill(context.fill_value()?);
        }
        let overflow = || Error::internal("strides of a chunk overflow");
        let origin: Vec<usize> = start.iter().zip(self.lengths).map(|(i, c)| i / c * c).collect();
        let plain = (0..self.filters.len()).all(|k| k < 32 && address.mask & (1 << k) != 0);
        if plain {
            let strides = strides(self.lengths, size).ok_or_else(overflow)?;
            return raw::read(context, address.offset, &strides, &origin, part);
        }
        let strides = strides(self.lengths, 1).ok_or_else(overflow)?;
        let full = self.lengths.iter().product::<usize>() * size;
        let first = (0..start.len()).map(|d| (start[d] - origin[d]) * strides[d]).sum();
        with_scratch(|scratch| {
            let stored = address.bytes as usize;
            raw::fetch(context.file, scratch.stored(stored)?, address.offset)?;
            let chunk = scratch.undo(self.filters, address.mask, stored, full, size)?;
            let elements =
                Elements { bytes: chunk.bytes, size, shuffled: chunk.shuffled, swapped: context.swapped() };
            part.runs(&strides, 1, first, |from, mut run| {
                context.decoder.place(&elements, from, &mut run);
                Ok(())
            })
        })
    }
}
