//! A deflate for shuffled numbers, faster than general ones: one quick look for repetitions, then
//! Huffman codes made for each block (RFC 1951). Any inflate reads it.

use super::bits::Bits;
use super::huffman::{codes, Codes};
use super::matches::{Matcher, Sequence};

/// Bytes of a block: its codes cost about 80 bytes and should fit what they are for.
const BLOCK: usize = 32 << 10;
/// Four literals at once must leave room for what is pending.
const LITERAL_LIMIT: u8 = 14;
const END: usize = 256;
/// The order in which lengths of codes of lengths are written.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// Longest repetition that one code can say.
const LONGEST: u32 = 258;

/// Compresses one buffer after the other.
#[derive(Default)]
pub(super) struct Fast {
    matcher: Matcher,
    sequences: Vec<Sequence>,
}

/// A symbol with extra bits: number, how many, which.
type Symbol = (usize, u32, u64);

fn length_symbol(length: u32) -> Symbol {
    let l = length - 3;
    if length == LONGEST {
        return (285, 0, 0);
    }
    if l < 8 {
        return (257 + l as usize, 0, 0);
    }
    let extra = l.ilog2() - 2;
    let number = 257 + 4 * (extra + 1) + ((l >> extra) & 3);
    (number as usize, extra, u64::from(l & ((1 << extra) - 1)))
}

fn distance_symbol(distance: u32) -> Symbol {
    let d = distance - 1;
    if d < 4 {
        return (d as usize, 0, 0);
    }
    let extra = d.ilog2() - 1;
    let number = 2 * (extra + 1) + ((d >> extra) & 1);
    (number as usize, extra, u64::from(d & ((1 << extra) - 1)))
}

/// The lengths of the codes that together say `length`, none shorter than 3.
fn parts(mut length: u32) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let part = match length {
            0 => return None,
            1..=LONGEST => length,
            // A rest of one or two could not be said.
            259 | 260 => length - 3,
            _ => LONGEST,
        };
        length -= part;
        Some(part)
    })
}

impl Fast {
    /// Makes `packed` the zlib stream of `raw`.
    pub(super) fn zlib(&mut self, raw: &[u8], checksum: u32, packed: &mut Vec<u8>) {
        // No block is longer than its bytes as they are and a head of five.
        packed.resize(raw.len() + (raw.len() / BLOCK + 1) * 6 + 32, 0);
        packed[..2].copy_from_slice(&[0x78, 0x01]);
        let mut bits = Bits::new(packed, 2);
        self.matcher.reset();
        let mut begin = 0;
        loop {
            let end = (begin + BLOCK).min(raw.len());
            self.matcher.find(raw, begin, end, &mut self.sequences);
            block(&mut bits, raw, begin..end, &self.sequences, end == raw.len());
            begin = end;
            if end == raw.len() {
                break;
            }
        }
        bits.align();
        bits.bytes(&checksum.to_be_bytes());
        let len = bits.position();
        packed.truncate(len);
    }
}

fn block(bits: &mut Bits<'_>, raw: &[u8], range: std::ops::Range<usize>, sequences: &[Sequence], last: bool) {
    let (literals, distances, extra) = count(raw, range.start, sequences);
    let (literal, distance) = (codes(&literals, LITERAL_LIMIT), codes(&distances, 15));
    let head = Head::of(&literal, &distance);
    let coded = |f: &[u32], c: &[(u16, u8)]| -> u64 {
        f.iter().zip(c).map(|(&f, &(_, len))| u64::from(f) * u64::from(len)).sum()
    };
    let cost = head.cost() + coded(&literals, &literal) + coded(&distances, &distance) + extra;
    let last = u64::from(last);
    if cost.div_ceil(8) >= range.len() as u64 + 4 {
        bits.put(last, 3);
        bits.align();
        let len = range.len() as u16;
        bits.bytes(&len.to_le_bytes());
        bits.bytes(&(!len).to_le_bytes());
        bits.bytes(&raw[range]);
        return;
    }
    bits.put(last | 2 << 1, 3);
    head.write(bits);
    let mut at = range.start;
    for sequence in sequences {
        let next = at + sequence.literals as usize;
        write_literals(bits, &raw[at..next], &literal);
        at = next + sequence.length as usize;
        if sequence.length == 0 {
            continue;
        }
        let (far, far_extra, far_bits) = distance_symbol(sequence.distance);
        for part in parts(sequence.length) {
            let (long, extra, rest) = length_symbol(part);
            bits.put(literal[long].0.into(), literal[long].1.into());
            bits.put(rest, extra);
            bits.put(distance[far].0.into(), distance[far].1.into());
            bits.put(far_bits, far_extra);
            bits.flush();
        }
    }
    bits.put(literal[END].0.into(), literal[END].1.into());
    bits.flush();
}

fn write_literals(bits: &mut Bits<'_>, raw: &[u8], literal: &Codes<286>) {
    let mut fours = raw.chunks_exact(4);
    for four in &mut fours {
        for &byte in four {
            let (code, len) = literal[usize::from(byte)];
            bits.put(code.into(), len.into());
        }
        bits.flush();
    }
    for &byte in fours.remainder() {
        let (code, len) = literal[usize::from(byte)];
        bits.put(code.into(), len.into());
    }
    bits.flush();
}

/// How often each symbol is needed, and the extra bits of all.
fn count(raw: &[u8], mut at: usize, sequences: &[Sequence]) -> ([u32; 286], [u32; 30], u64) {
    let (mut literals, mut distances, mut extra) = ([0; 286], [0; 30], 0);
    // Two tables: equal neighbours would wait for one another.
    let mut odd = [0u32; 256];
    for sequence in sequences {
        let next = at + sequence.literals as usize;
        let mut pairs = raw[at..next].chunks_exact(2);
        for pair in &mut pairs {
            literals[usize::from(pair[0])] += 1;
            odd[usize::from(pair[1])] += 1;
        }
        for &byte in pairs.remainder() {
            literals[usize::from(byte)] += 1;
        }
        at = next + sequence.length as usize;
        for part in parts(sequence.length) {
            let (long, more) = (length_symbol(part), distance_symbol(sequence.distance));
            literals[long.0] += 1;
            distances[more.0] += 1;
            extra += u64::from(long.1 + more.1);
        }
    }
    literals[END] += 1;
    literals.iter_mut().zip(odd).for_each(|(sum, n)| *sum += n);
    (literals, distances, extra)
}

/// The lengths of a block's codes, themselves coded.
struct Head {
    literals: usize,
    distances: usize,
    /// Symbol, extra bits and how many.
    symbols: Vec<(u8, u8, u8)>,
    codes: Codes<19>,
    kept: usize,
}

impl Head {
    fn of(literal: &Codes<286>, distance: &Codes<30>) -> Self {
        let used = |codes: &[(u16, u8)], least: usize| {
            codes.iter().rposition(|&(_, len)| len > 0).map_or(least, |at| (at + 1).max(least))
        };
        let (literals, distances) = (used(literal, 257), used(distance, 1));
        let lengths: Vec<u8> =
            literal[..literals].iter().chain(&distance[..distances]).map(|c| c.1).collect();
        let mut symbols = Vec::new();
        for same in lengths.chunk_by(|a, b| a == b) {
            repeat(same[0], same.len(), &mut symbols);
        }
        let mut frequencies = [0; 19];
        symbols.iter().for_each(|&(symbol, ..)| frequencies[usize::from(symbol)] += 1);
        let codes = codes(&frequencies, 7);
        let kept = ORDER.iter().rposition(|&s| codes[s].1 > 0).map_or(4, |at| (at + 1).max(4));
        Self { literals, distances, symbols, codes, kept }
    }
    fn cost(&self) -> u64 {
        let of_symbol =
            |&(symbol, _, extra): &(u8, u8, u8)| u64::from(self.codes[usize::from(symbol)].1 + extra);
        3 + 14 + 3 * self.kept as u64 + self.symbols.iter().map(of_symbol).sum::<u64>()
    }
    fn write(&self, bits: &mut Bits<'_>) {
        bits.put(self.literals as u64 - 257, 5);
        bits.put(self.distances as u64 - 1, 5);
        bits.put(self.kept as u64 - 4, 4);
        bits.flush();
        for &symbol in &ORDER[..self.kept] {
            bits.put(self.codes[symbol].1.into(), 3);
            bits.flush();
        }
        for &(symbol, rest, extra) in &self.symbols {
            let (code, len) = self.codes[usize::from(symbol)];
            bits.put(code.into(), len.into());
            bits.put(rest.into(), extra.into());
            bits.flush();
        }
    }
}

/// Says a length `count` times in as few symbols as there are for it.
fn repeat(length: u8, mut count: usize, symbols: &mut Vec<(u8, u8, u8)>) {
    if length > 0 {
        symbols.push((length, 0, 0));
        count -= 1;
    }
    while count >= 3 {
        let (symbol, extra, least, most) = match (length, count) {
            (0, 11..) => (18, 7, 11, 138),
            (0, _) => (17, 3, 3, 10),
            _ => (16, 2, 3, 6),
        };
        let n = count.min(most);
        symbols.push((symbol, (n - least) as u8, extra));
        count -= n;
    }
    symbols.extend(std::iter::repeat_n((length, 0, 0), count));
}
