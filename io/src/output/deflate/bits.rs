//! Bits into bytes, lowest first.

/// Writes bits to a buffer that is long enough.
pub(super) struct Bits<'a> {
    out: &'a mut [u8],
    at: usize,
    held: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    /// Begins at byte `at` of `out`, in which 8 bytes more than needed must follow.
    pub(super) fn new(out: &'a mut [u8], at: usize) -> Self {
        Self { out, at, held: 0, count: 0 }
    }
    /// Adds `count` bits; until [`Self::flush`], 56 at most.
    #[inline]
    pub(super) fn put(&mut self, bits: u64, count: u32) {
        self.held |= bits << self.count;
        self.count += count;
    }
    /// Hands on whole bytes; fewer than 8 bits stay.
    #[inline]
    pub(super) fn flush(&mut self) {
        self.out[self.at..self.at + 8].copy_from_slice(&self.held.to_le_bytes());
        let bytes = self.count / 8;
        self.at += bytes as usize;
        // All 64 bits can't be whole bytes: 63 at most are held.
        self.held >>= bytes * 8;
        self.count -= bytes * 8;
    }
    /// Fills up the last byte with zeros.
    pub(super) fn align(&mut self) {
        self.flush();
        if self.count > 0 {
            self.at += 1;
        }
        (self.held, self.count) = (0, 0);
    }
    /// Copies bytes, at a byte's begin.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.out[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }
    /// Where the next byte goes.
    pub(super) fn position(&self) -> usize {
        self.at
    }
}
