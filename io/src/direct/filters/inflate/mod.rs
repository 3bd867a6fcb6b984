//! zlib streams of shuffled numbers, inflated.
//!
//! The low bytes of measured numbers are noise: deflate finds no matches in them and gives nearly all 256
//! bytes codes of 8 bits. Decoded one after the other, each such code waits for the length of the one
//! before. Here, blocks whose code says that they are noise are decoded eight codes at a time, as if all had
//! 8 bits, up to the first that has not (`symbols.rs`). Other blocks are decoded as everywhere.
//!
//! A stream whose first block is not noise is left to libdeflate, and whatever is unusual about one as well;
//! what is accepted here has the checksum that is stored with it.
//!
//! Reference: RFC 1950 and 1951.

mod bits;
mod codes;
mod symbols;
#[cfg(test)]
mod tests;

use bits::Bits;
use codes::{Codes, DISTANCES, LENGTHS_OF_CODES, LITERALS, SYMBOL_OF_LENGTH};
use libdeflater::{Adler32, DecompressionError, Decompressor};

/// The order in which a block states the lengths of the codes of lengths.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Inflates one stream after the other.
pub(super) struct Inflater {
    codes: Box<Codes>,
    careful: Decompressor,
}

impl Default for Inflater {
    fn default() -> Self {
        Self { codes: Box::default(), careful: Decompressor::new() }
    }
}

impl Inflater {
    /// Inflates a zlib stream into `out`; gives the number of bytes.
    pub(super) fn zlib(&mut self, stream: &[u8], out: &mut [u8]) -> Result<usize, DecompressionError> {
        match self.usual(stream, out) {
            Some(()) => Ok(out.len()),
            None => self.careful.zlib_decompress(stream, out),
        }
    }

    /// A stream that fills `out` and is sound; none if it is anything else.
    fn usual(&mut self, stream: &[u8], out: &mut [u8]) -> Option<()> {
        let (&[method, flags], body) = stream.split_first_chunk()?;
        let is_deflate = method & 15 == 8 && method >> 4 <= 7;
        let has_dictionary = flags & 32 != 0;
        if !is_deflate || has_dictionary || (u32::from(method) << 8 | u32::from(flags)) % 31 != 0 {
            return None;
        }
        let end = self.blocks(body, out)?;
        let stored = body.get(end..)?.first_chunk()?;
        let mut sum = Adler32::new();
        sum.update(out);
        (sum.sum() == u32::from_be_bytes(*stored)).then_some(())
    }

    /// All blocks of `input`, which must fill `out` and begin with noise; gives where they end.
    fn blocks(&mut self, input: &[u8], out: &mut [u8]) -> Option<usize> {
        let (mut bits, mut done, mut is_first) = (Bits::default(), 0, true);
        loop {
            let is_last = bits.take(1, input) == 1;
            match bits.take(2, input) {
                0 | 1 if is_first => return None,
                0 => stored(&mut bits, input, out, &mut done)?,
                1 => {
                    self.codes.fixed();
                    self.codes.decode(false, &mut bits, input, out, &mut done)?;
                }
                2 => {
                    self.header(&mut bits, input)?;
                    let is_noise = self.codes.are_noise();
                    if is_first && !is_noise {
                        return None;
                    }
                    self.codes.decode(is_noise, &mut bits, input, out, &mut done)?;
                }
                _ => return None,
            }
            is_first = false;
            let end = bits.byte();
            if end > input.len() {
                return None;
            }
            if is_last {
                return (done == out.len()).then_some(end);
            }
        }
    }

    /// The codes that a block brings along.
    fn header(&mut self, bits: &mut Bits, input: &[u8]) -> Option<()> {
        let literals = bits.take(5, input) as usize + 257;
        let distances = bits.take(5, input) as usize + 1;
        let stated = bits.take(4, input) as usize + 4;
        let mut of_lengths = [0u8; 19];
        for &symbol in &ORDER[..stated] {
            of_lengths[symbol] = bits.take(3, input) as u8;
        }
        let mut table = [0u32; 1 << LENGTHS_OF_CODES];
        codes::build(&mut table, LENGTHS_OF_CODES, &of_lengths, &SYMBOL_OF_LENGTH)?;
        let all = literals + distances;
        let mut lengths = [0u8; 320];
        let mut known = 0;
        while known < all {
            bits.fill(input);
            let entry = codes::Entry(table[bits.peek(LENGTHS_OF_CODES)]);
            if !entry.is_literal() {
                return None;
            }
            bits.eat(entry.bits());
            let (value, count) = match entry.literal() {
                length @ 0..=15 => (length, 1),
                16 => (*lengths.get(known.checked_sub(1)?)?, 3 + bits.take(2, input) as usize),
                17 => (0, 3 + bits.take(3, input) as usize),
                _ => (0, 11 + bits.take(7, input) as usize),
            };
            if known + count > all {
                return None;
            }
            lengths[known..known + count].fill(value);
            known += count;
        }
        self.codes.set(&lengths[..literals], &lengths[literals..all])
    }
}

impl Codes {
    /// The codes of blocks that bring none.
    fn fixed(&mut self) {
        // There may be very many such blocks, of nothing.
        if self.are_fixed {
            return;
        }
        let mut lengths = [8u8; 288];
        lengths[144..256].fill(9);
        lengths[256..280].fill(7);
        // They are codes.
        let _ = self.set(&lengths, &[5; 32]);
        self.are_fixed = true;
    }

    /// The codes of these lengths; none if they are no codes.
    fn set(&mut self, literals: &[u8], distances: &[u8]) -> Option<()> {
        self.are_fixed = false;
        codes::build(&mut self.literals, codes::LITERAL_BITS, literals, &LITERALS)?;
        codes::build(&mut self.distances, codes::DISTANCE_BITS, distances, &DISTANCES)
    }
}

/// A block that is stored as it is.
fn stored(bits: &mut Bits, input: &[u8], out: &mut [u8], done: &mut usize) -> Option<()> {
    bits.align();
    let len = bits.take(16, input) as usize;
    if len ^ bits.take(16, input) as usize != 0xffff {
        return None;
    }
    let start = bits.byte();
    out.get_mut(*done..*done + len)?.copy_from_slice(input.get(start..start + len)?);
    *done += len;
    *bits = Bits::at(start + len);
    Some(())
}
