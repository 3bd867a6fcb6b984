//! Tables that tell symbols from bits.
//!
//! A table has an entry for each value of the next bits. Codes that are longer have tables of their own
//! behind it, to which an entry points.

#![allow(clippy::inline_always)] // as in `symbols.rs`

/// Bits that literals and lengths are looked up by.
pub(super) const LITERAL_BITS: u32 = 11;
/// Bits that distances are looked up by.
pub(super) const DISTANCE_BITS: u32 = 8;
/// Bits of the longest code of a length of a code.
pub(super) const LENGTHS_OF_CODES: u32 = 7;
/// The longest code.
const LONGEST: usize = 15;

/// Room for the table of literals and lengths, with all that can be behind it.
const LITERAL_ROOM: usize = 1 << 12;
/// The same of distances.
const DISTANCE_ROOM: usize = 1 << 10;

/// The codes of a block.
pub(super) struct Codes {
    pub(super) literals: [u32; LITERAL_ROOM],
    pub(super) distances: [u32; DISTANCE_ROOM],
    /// Of each value of 8 bits the literal whose code it is, or [`NO_EIGHT`].
    pub(super) eights: [u16; 256],
    /// Whether they are those of blocks that bring none.
    pub(super) are_fixed: bool,
}

/// What is no code of 8 bits of a literal.
pub(super) const NO_EIGHT: u16 = 0x100;

impl Default for Codes {
    fn default() -> Self {
        Self {
            literals: [0; LITERAL_ROOM],
            distances: [0; DISTANCE_ROOM],
            eights: [NO_EIGHT; 256],
            are_fixed: false,
        }
    }
}

/// What bits mean. Its lowest 8 bits are how many these are, with those that follow a length or distance;
/// of these, bits 8 to 13 are those of the code. The upper half is the literal, or the least length or
/// distance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry(pub(super) u32);

const LITERAL: u32 = 1 << 31;
/// Neither literal nor length nor distance …
const SPECIAL: u32 = 1 << 15;
/// … but a table, which begins at the number in the upper half; bits 8 to 11 are those it is looked up by …
const TABLE: u32 = 1 << 14;
/// … or nothing. Else the end of the block.
const NOTHING: u32 = 1 << 13;

impl Entry {
    #[inline(always)]
    pub(super) fn is_literal(self) -> bool {
        self.0 >= LITERAL
    }
    /// Whether it is neither literal nor length nor distance.
    #[inline(always)]
    pub(super) fn is_special(self) -> bool {
        self.0 & SPECIAL != 0
    }
    /// Of what is special.
    #[inline(always)]
    pub(super) fn is_table(self) -> bool {
        self.0 & TABLE != 0
    }
    /// Of what is special.
    #[inline(always)]
    pub(super) fn is_nothing(self) -> bool {
        self.0 & NOTHING != 0
    }
    #[inline(always)]
    pub(super) fn literal(self) -> u8 {
        (self.0 >> 16) as u8
    }
    #[inline(always)]
    pub(super) fn bits(self) -> u32 {
        self.0 & 0xff
    }
    /// The place in the table that this is, of the bits behind its own.
    #[inline(always)]
    pub(super) fn place(self, held: u64) -> usize {
        let bits = self.0 >> 8 & 15;
        (self.0 >> 16) as usize + (held & ((1 << bits) - 1)) as usize
    }
    /// The length or distance, of the bits from its own on.
    #[inline(always)]
    pub(super) fn value(self, held: u64) -> usize {
        let known = held & ((1 << (self.0 & 63)) - 1);
        (self.0 >> 16) as usize + (known >> (self.0 >> 8 & 63)) as usize
    }

    /// The entry of a symbol whose code has `len` bits.
    fn of(symbol: u32, len: u32) -> u32 {
        if symbol & (LITERAL | SPECIAL) != 0 {
            symbol | len
        } else {
            let more = symbol & 0xff;
            symbol & 0xffff_0000 | len << 8 | (len + more)
        }
    }
}

/// Literals, the end, lengths: what an [`Entry`] has of them, with the number of bits that follow.
pub(super) static LITERALS: [u32; 288] = literals();
/// Distances in the same way.
pub(super) static DISTANCES: [u32; 32] = distances();
/// Lengths of codes: each its own number.
pub(super) static SYMBOL_OF_LENGTH: [u32; 19] = numbers();

const fn literals() -> [u32; 288] {
    let mut all = [SPECIAL | NOTHING; 288];
    let mut symbol = 0;
    while symbol < 256 {
        all[symbol] = LITERAL | (symbol as u32) << 16;
        symbol += 1;
    }
    all[256] = SPECIAL;
    let mut k = 0;
    while k < 28 {
        // Four of each number of further bits, but eight without any.
        let more = if k < 8 { 0 } else { k / 4 - 1 };
        let least = if k < 8 { 3 + k } else { 3 + ((4 + k % 4) << more) };
        all[257 + k as usize] = least << 16 | more;
        k += 1;
    }
    all[285] = 258 << 16;
    all
}

const fn distances() -> [u32; 32] {
    let mut all = [SPECIAL | NOTHING; 32];
    let mut k = 0;
    while k < 30 {
        // Two of each number of further bits, but four without any.
        let more = if k < 4 { 0 } else { k / 2 - 1 };
        let least = if k < 4 { 1 + k } else { 1 + ((2 + k % 2) << more) };
        all[k as usize] = least << 16 | more;
        k += 1;
    }
    all
}

const fn numbers() -> [u32; 19] {
    let mut all = [0; 19];
    let mut k = 0;
    while k < 19 {
        all[k] = LITERAL | (k as u32) << 16;
        k += 1;
    }
    all
}

/// Makes the table, looked up by `bits` bits, of the code whose symbols have these lengths. None if there is
/// no such code, or too much of one: at most one code of one bit need not be the whole.
pub(super) fn build<const ROOM: usize>(
    table: &mut [u32; ROOM],
    bits: u32,
    lengths: &[u8],
    symbols: &[u32],
) -> Option<()> {
    let mut count = [0usize; LONGEST + 1];
    lengths.iter().for_each(|&len| count[usize::from(len & 15)] += 1);
    let used = lengths.len() - count[0];
    count[0] = 0;
    let of = |symbol: usize| symbols.get(symbol).copied().unwrap_or(SPECIAL | NOTHING);
    let whole: usize = (1..=LONGEST).map(|len| count[len] << (LONGEST - len)).sum();
    if whole != 1 << LONGEST {
        if used > 1 || used == 1 && count[1] != 1 {
            return None;
        }
        table[..1 << bits].fill(SPECIAL | NOTHING);
        if let Some(symbol) = lengths.iter().position(|&len| len == 1) {
            table[..1 << bits].iter_mut().step_by(2).for_each(|entry| *entry = Entry::of(of(symbol), 1));
        }
        return Some(());
    }
    // Symbols in the order of their codes.
    let mut next = [0usize; LONGEST + 2];
    (1..=LONGEST).for_each(|len| next[len + 1] = next[len] + count[len]);
    let mut sorted = [0u16; 320];
    for (symbol, &len) in lengths.iter().enumerate().filter(|(_, &len)| len != 0) {
        let place = &mut next[usize::from(len & 15)];
        sorted[*place] = symbol as u16;
        *place += 1;
    }
    let mut symbols = sorted.iter().map(|&symbol| of(usize::from(symbol)));
    // Codes come with their first bit lowest.
    let mut code = 0u32;
    let longest = (1..=LONGEST).rev().find(|&len| count[len] > 0).unwrap_or(0) as u32;
    // Each table is that of one bit less, twice, with the codes of that length.
    let mut size = 1;
    for len in 1..=longest.min(bits) {
        table.copy_within(..size, size);
        size *= 2;
        for _ in 0..count[len as usize] {
            table[code as usize] = Entry::of(symbols.next()?, len);
            code = following(code, len);
        }
    }
    while size < 1 << bits {
        table.copy_within(..size, size);
        size *= 2;
    }
    let (mut prefix, mut start, mut end, mut own) = (None, 0, 1 << bits, 0);
    for len in bits + 1..=longest {
        for i in 0..count[len as usize] {
            let low = code & ((1 << bits) - 1);
            if prefix != Some(low) {
                // As many bits as it takes for all codes that begin so.
                own = len - bits;
                let mut room = count[len as usize] - i;
                while room < 1 << own {
                    own += 1;
                    room = 2 * room + count.get((bits + own) as usize)?;
                }
                (prefix, start) = (Some(low), end);
                end += 1 << own;
                table[low as usize] = SPECIAL | TABLE | (start as u32) << 16 | own << 8 | bits;
            }
            let entry = Entry::of(symbols.next()?, len - bits);
            let part = table.get_mut(start..start + (1 << own))?;
            part.iter_mut().skip((code >> bits) as usize).step_by(1 << (len - bits)).for_each(|e| *e = entry);
            code = following(code, len);
        }
    }
    Some(())
}

/// The next code of `len` bits, whose first is the lowest; 0 behind the last.
fn following(code: u32, len: u32) -> u32 {
    let free = !code & ((1 << len) - 1);
    if free == 0 {
        return 0;
    }
    let bit = 1 << free.ilog2();
    code & (bit - 1) | bit
}

impl Codes {
    /// Finds the codes of 8 bits; gives how many literals have one.
    pub(super) fn find_eights(&mut self) -> usize {
        let mut found = 0;
        for (eight, &entry) in self.eights.iter_mut().zip(&self.literals) {
            let is_one = entry >= LITERAL && entry & 0xff == 8;
            *eight = if is_one { u16::from(Entry(entry).literal()) } else { NO_EIGHT };
            found += usize::from(is_one);
        }
        found
    }
    #[inline(always)]
    pub(super) fn literal(&self, bits: usize) -> Entry {
        Entry(self.literals[bits & (LITERAL_ROOM - 1)])
    }
    #[inline(always)]
    pub(super) fn distance(&self, bits: usize) -> Entry {
        Entry(self.distances[bits & (DISTANCE_ROOM - 1)])
    }
}
