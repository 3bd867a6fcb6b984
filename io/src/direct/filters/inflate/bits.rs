//! Bits out of bytes, lowest first.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the processor of its caller
#![allow(unsafe_code)] // bounds are checked once for several loads

/// A place in a stream of bits, and the bits that come next.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bits {
    /// The next bits; those beyond `count` may be there already.
    held: u64,
    /// How many, in the lowest 6 bits: see [`Self::eat`].
    count: u32,
    /// Where the byte behind these is.
    at: usize,
}

/// Eight bytes from `at` on.
///
/// # Safety
/// They must be there.
#[inline(always)]
pub(super) unsafe fn load(input: &[u8], at: usize) -> u64 {
    debug_assert!(at + 8 <= input.len());
    // SAFETY: as the caller says.
    let bytes = unsafe { input.as_ptr().add(at).cast::<[u8; 8]>().read() };
    u64::from_le_bytes(bytes)
}

impl Bits {
    /// At the start of a byte.
    pub(super) const fn at(byte: usize) -> Self {
        Self { held: 0, count: 0, at: byte }
    }
    /// At a bit of a byte.
    ///
    /// # Safety
    /// The input must have 8 bytes there.
    #[inline(always)]
    pub(super) unsafe fn at_bit(byte: usize, bit: u32, input: &[u8]) -> Self {
        // SAFETY: as the caller says.
        let held = unsafe { load(input, byte) } >> bit;
        Self { held, count: 56 - bit, at: byte + 7 }
    }
    /// The number of the next bit.
    #[inline(always)]
    pub(super) fn position(&self) -> usize {
        8 * self.at - (self.count & 63) as usize
    }
    /// The byte behind the last that was begun.
    pub(super) fn byte(&self) -> usize {
        self.position().div_ceil(8)
    }
    /// Where the next byte to be loaded is.
    #[inline(always)]
    pub(super) fn next(&self) -> usize {
        self.at
    }

    /// The next `count` bits.
    #[inline(always)]
    pub(super) fn peek(&self, count: u32) -> usize {
        (self.held & ((1 << count) - 1)) as usize
    }
    /// All bits held.
    #[inline(always)]
    pub(super) fn held(&self) -> u64 {
        self.held
    }

    /// Takes as many bits off as the lowest 6 bits of `entry` say; others of `entry` only disturb such of
    /// `count` as mean nothing.
    #[inline(always)]
    pub(super) fn eat(&mut self, entry: u32) {
        self.held >>= entry & 63;
        self.count = self.count.wrapping_sub(entry);
    }
    /// Holds 56 bits or more.
    ///
    /// # Safety
    /// The input must have 8 bytes at [`Self::next`], which moves on by 8 at most.
    #[inline(always)]
    pub(super) unsafe fn refill(&mut self, input: &[u8]) {
        // SAFETY: as the caller says.
        self.held |= unsafe { load(input, self.at) } << (self.count & 63);
        self.at += ((!self.count & 63) / 8) as usize;
        self.count |= 0x38;
    }
    /// After [`Self::eat`] and [`Self::refill`]: only what counts.
    pub(super) fn tidy(&mut self) {
        self.count &= 63;
        self.held &= (1 << self.count) - 1;
    }

    /// Holds 56 bits or more, zeros where the input ends.
    pub(super) fn fill(&mut self, input: &[u8]) {
        if self.at + 8 <= input.len() {
            // SAFETY: just looked.
            unsafe { self.refill(input) };
            return;
        }
        self.tidy();
        while self.count < 56 {
            self.held |= u64::from(input.get(self.at).copied().unwrap_or(0)) << self.count;
            self.at += 1;
            self.count += 8;
        }
    }
    /// The next `count` bits, 16 at most, taken off.
    pub(super) fn take(&mut self, count: u32, input: &[u8]) -> u32 {
        self.fill(input);
        let bits = self.peek(count) as u32;
        self.eat(count);
        bits
    }
    /// Leaves out bits up to the next byte.
    pub(super) fn align(&mut self) {
        self.eat(self.count % 8);
    }
}
