//! The symbols of a block.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the processor of its caller
#![allow(unsafe_code)] // bounds are checked once for several symbols: a quarter of the time

use super::bits::{load, Bits};
use super::codes::{Codes, Entry, DISTANCE_BITS, LITERAL_BITS, NO_EIGHT};
use pulp::{Arch, NullaryFnOnce};

/// Of so many of the 256 bytes with codes of 8 bits, a block is noise.
const NOISE: usize = 230;
/// Bytes of input that must follow where the quick loops load without looking: they move on by 8 for eight
/// literals and by 8 for each of three refills until they look again, and load 8 there.
const AHEAD: usize = 40;
/// Bytes of output that must follow: three literals, or eight, a repetition of 258 bytes, and 32 that are
/// written beyond it.
const ROOM: usize = 320;

/// Why the quick loops end.
enum End {
    /// The block has ended.
    Block,
    /// Input or output end soon.
    Near,
    /// It makes no sense.
    Nonsense,
}

/// The quick loops at work, compiled for the machine's instructions.
struct Quick<'a, const IS_NOISE: bool> {
    codes: &'a Codes,
    bits: &'a mut Bits,
    input: &'a [u8],
    out: &'a mut [u8],
    done: &'a mut usize,
}

impl<const IS_NOISE: bool> NullaryFnOnce for Quick<'_, IS_NOISE> {
    type Output = End;
    #[inline(always)]
    fn call(self) -> End {
        let Quick { codes, bits, input, out, done } = self;
        let mut at = (*bits, *done);
        let end =
            if IS_NOISE { noise(codes, &mut at, input, out) } else { plain(codes, &mut at, input, out) };
        at.0.tidy();
        (*bits, *done) = at;
        end
    }
}

impl Codes {
    /// Whether nearly all bytes of a block have codes of 8 bits.
    pub(super) fn are_noise(&mut self) -> bool {
        self.find_eights() >= NOISE
    }

    /// Decodes a block: from `done` on, `out` is filled. None if the block makes no sense or does not fit.
    pub(super) fn decode(
        &self,
        is_noise: bool,
        bits: &mut Bits,
        input: &[u8],
        out: &mut [u8],
        done: &mut usize,
    ) -> Option<()> {
        let arch = Arch::new();
        let end = if is_noise {
            arch.dispatch(Quick::<true> { codes: self, bits, input, out, done })
        } else {
            arch.dispatch(Quick::<false> { codes: self, bits, input, out, done })
        };
        match end {
            End::Block => Some(()),
            End::Near => self.rest(bits, input, out, done),
            End::Nonsense => None,
        }
    }

    /// The rest of a block, symbol by symbol.
    fn rest(&self, bits: &mut Bits, input: &[u8], out: &mut [u8], done: &mut usize) -> Option<()> {
        loop {
            bits.fill(input);
            // Behind the input there are zeros, without end.
            if bits.byte() > input.len() {
                return None;
            }
            let mut entry = self.literal(bits.peek(LITERAL_BITS));
            if entry.is_special() && entry.is_table() {
                bits.eat(LITERAL_BITS);
                entry = self.literal(entry.place(bits.held()));
            }
            if entry.is_literal() {
                bits.eat(entry.bits());
                *out.get_mut(*done)? = entry.literal();
                *done += 1;
                continue;
            }
            if entry.is_special() {
                bits.eat(entry.bits());
                return (!entry.is_nothing() && !entry.is_table()).then_some(());
            }
            let len = entry.value(bits.held());
            bits.eat(entry.bits());
            bits.fill(input);
            let mut entry = self.distance(bits.peek(DISTANCE_BITS));
            if entry.is_special() && entry.is_table() {
                bits.eat(DISTANCE_BITS);
                entry = self.distance(entry.place(bits.held()));
            }
            if entry.is_special() {
                return None;
            }
            let back = entry.value(bits.held());
            bits.eat(entry.bits());
            if back > *done || len > out.len() - *done {
                return None;
            }
            for at in *done..*done + len {
                out[at] = out[at - back];
            }
            *done += len;
        }
    }
}

/// Whether input or output end soon, so that loops have to look.
#[inline(always)]
fn is_near(input: &[u8], out: &[u8], next: usize, done: usize) -> bool {
    next + AHEAD > input.len() || done + ROOM > out.len()
}

/// Adds a literal.
///
/// # Safety
/// There must be room.
#[inline(always)]
unsafe fn put(out: &mut [u8], done: &mut usize, entry: Entry) {
    debug_assert!(*done < out.len());
    // SAFETY: as the caller says.
    unsafe { *out.get_unchecked_mut(*done) = entry.literal() };
    *done += 1;
}

/// Symbol by symbol.
#[inline(always)]
fn plain(codes: &Codes, at: &mut (Bits, usize), input: &[u8], out: &mut [u8]) -> End {
    let (mut bits, mut done) = *at;
    if is_near(input, out, bits.next(), done) {
        return End::Near;
    }
    // SAFETY: the end is not near.
    unsafe { bits.refill(input) };
    let mut entry = codes.literal(bits.peek(LITERAL_BITS));
    loop {
        if is_near(input, out, bits.next(), done) {
            *at = (bits, done);
            return End::Near;
        }
        // There are 56 bits; three literals take 33.
        // SAFETY: the end is not near: three literals, or two and what follows, are within AHEAD and ROOM.
        let end = unsafe {
            if entry.is_literal() {
                bits.eat(entry.0);
                put(out, &mut done, entry);
                entry = codes.literal(bits.peek(LITERAL_BITS));
                if entry.is_literal() {
                    bits.eat(entry.0);
                    put(out, &mut done, entry);
                    entry = codes.literal(bits.peek(LITERAL_BITS));
                    if entry.is_literal() {
                        bits.eat(entry.0);
                        put(out, &mut done, entry);
                        // Looked up before more is loaded: that may come later.
                        entry = codes.literal(bits.peek(LITERAL_BITS));
                        bits.refill(input);
                        continue;
                    }
                }
            }
            other(codes, entry, &mut bits, input, out, &mut done)
        };
        match end {
            Ok(next) => entry = next,
            Err(end) => {
                *at = (bits, done);
                return end;
            }
        }
    }
}

/// Eight literals at a time, as long as all have codes of 8 bits; others one by one.
#[inline(always)]
fn noise(codes: &Codes, at: &mut (Bits, usize), input: &[u8], out: &mut [u8]) -> End {
    let (mut bits, mut done) = *at;
    loop {
        let position = bits.position();
        let (mut byte, mut bit) = (position / 8, (position % 8) as u32);
        let entry = loop {
            if is_near(input, out, byte, done) {
                bits = Bits::at(byte);
                bits.take(bit, input);
                *at = (bits, done);
                return End::Near;
            }
            // SAFETY: the end is not near.
            let (low, above) = unsafe { (load(input, byte), u64::from(*input.get_unchecked(byte + 8))) };
            // In two steps, as all 64 bits can't be shifted out in one.
            let next = low >> bit | above << 1 << (63 - bit);
            let eights: [u16; 8] = std::array::from_fn(|k| codes.eights[(next >> (8 * k) & 0xff) as usize]);
            if let Some(out) = out.get_mut(done..done + 8) {
                out.iter_mut().zip(eights).for_each(|(out, eight)| *out = eight as u8);
            }
            if eights.iter().fold(0, |all, eight| all | eight) < NO_EIGHT {
                (byte, done) = (byte + 8, done + 8);
                continue;
            }
            let others = (0..8).fold(0u32, |all, k| all | u32::from(eights[k] >> 8) << k);
            let before = others.trailing_zeros() as usize;
            (byte, done) = (byte + before, done + before);
            // SAFETY: the end was not near 7 bytes before.
            bits = unsafe { Bits::at_bit(byte, bit, input) };
            let entry = codes.literal(bits.peek(LITERAL_BITS));
            if !entry.is_literal() {
                break entry;
            }
            // SAFETY: as above.
            unsafe { put(out, &mut done, entry) };
            bit += entry.bits();
            (byte, bit) = (byte + (bit / 8) as usize, bit % 8);
        };
        // SAFETY: the end was not near 7 bytes before.
        if let Err(end) = unsafe { other(codes, entry, &mut bits, input, out, &mut done) } {
            *at = (bits, done);
            return end;
        }
    }
}

/// What is no literal of the first table; gives the entry that comes next. There are 34 bits at least,
/// and 56 afterwards.
///
/// # Safety
/// Three refills, each of 8 bytes, and 291 bytes of output must be possible.
#[inline(always)]
unsafe fn other(
    codes: &Codes,
    mut entry: Entry,
    bits: &mut Bits,
    input: &[u8],
    out: &mut [u8],
    done: &mut usize,
) -> Result<Entry, End> {
    if entry.is_special() {
        if entry.is_table() {
            bits.eat(LITERAL_BITS);
            entry = codes.literal(entry.place(bits.held()));
            if entry.is_literal() {
                bits.eat(entry.0);
                // SAFETY: as the caller says.
                unsafe {
                    put(out, done, entry);
                    bits.refill(input);
                }
                return Ok(codes.literal(bits.peek(LITERAL_BITS)));
            }
        }
        if entry.is_special() {
            bits.eat(entry.0);
            return Err(if entry.is_nothing() { End::Nonsense } else { End::Block });
        }
        // SAFETY: as the caller says; the first.
        unsafe { bits.refill(input) };
    }
    let len = entry.value(bits.held());
    bits.eat(entry.0);
    let mut entry = codes.distance(bits.peek(DISTANCE_BITS));
    // SAFETY: as the caller says; the second.
    unsafe { bits.refill(input) };
    if entry.is_special() {
        if entry.is_nothing() {
            return Err(End::Nonsense);
        }
        bits.eat(DISTANCE_BITS);
        entry = codes.distance(entry.place(bits.held()));
        if entry.is_special() {
            return Err(End::Nonsense);
        }
    }
    let back = entry.value(bits.held());
    bits.eat(entry.0);
    // Distances take 28 bits at most. As above.
    let next = codes.literal(bits.peek(LITERAL_BITS));
    // SAFETY: as the caller says; the third.
    unsafe { bits.refill(input) };
    if back > *done {
        return Err(End::Nonsense);
    }
    // SAFETY: as the caller says, and just looked.
    unsafe { repeat(out, *done, back, len) };
    *done += len;
    Ok(next)
}

/// Copies `len` bytes from `back` before; bytes behind them may change, too.
///
/// # Safety
/// `back` must be from 1 to `start`, and `out` have 32 bytes more.
#[inline(always)]
unsafe fn repeat(out: &mut [u8], start: usize, back: usize, len: usize) {
    debug_assert!((1..=start).contains(&back) && start + len + 32 <= out.len());
    let (mut to, end) = (start, start + len);
    // SAFETY: all loads and stores begin before `end`, at `start - back` or later, and take 16 bytes at
    // most; the second copy begins before `start + 17` and the next is as the caller says.
    unsafe {
        if back >= 16 {
            // Nearly all are no longer than this.
            copy(out, to - back, to);
            copy(out, to - back + 16, to + 16);
            to += 32;
            while to < end {
                copy(out, to - back, to);
                to += 16;
            }
        } else if back == 1 {
            let bytes = u64::from(out[start - 1]) * 0x0101_0101_0101_0101;
            while to < end {
                store(out, to, bytes);
                store(out, to + 8, bytes);
                to += 16;
            }
        } else if back >= 8 {
            while to < end {
                let bytes = load(out, to - back);
                store(out, to, bytes);
                to += 8;
            }
        } else {
            // A pattern of a few bytes, as often as it goes into eight.
            let bits = 8 * back as u32;
            let once = load(out, start - back) & ((1 << bits) - 1);
            let twice = once | once << bits;
            let bytes = if back < 4 { twice | twice << (2 * bits) } else { twice };
            let step = 8 / back * back;
            while to < end {
                store(out, to, bytes);
                to += step;
            }
        }
    }
}

/// # Safety
/// There must be room for 8 bytes.
#[inline(always)]
unsafe fn store(out: &mut [u8], to: usize, bytes: u64) {
    debug_assert!(to + 8 <= out.len());
    // SAFETY: as the caller says.
    unsafe { out.as_mut_ptr().add(to).cast::<[u8; 8]>().write(bytes.to_le_bytes()) };
}

/// # Safety
/// There must be 16 bytes at both places.
#[inline(always)]
unsafe fn copy(out: &mut [u8], from: usize, to: usize) {
    debug_assert!(from.max(to) + 16 <= out.len());
    let out = out.as_mut_ptr();
    // SAFETY: as the caller says; all are read before any is written.
    unsafe {
        let bytes = out.add(from).cast::<[u8; 16]>().read();
        out.add(to).cast::<[u8; 16]>().write(bytes);
    }
}
