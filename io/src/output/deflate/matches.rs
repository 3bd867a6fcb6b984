//! Repetitions in shuffled data: runs of one byte first, then what a small table remembers.
//!
//! In shuffled floats, runs (land, calm exponents) make nearly all the gain; of other repetitions
//! only longer ones are worth their place. Where nothing repeats, it looks less and less often.

/// So many bytes as they are, then `length` bytes from `distance` back (no length: none).
#[derive(Debug, Clone, Copy)]
pub(super) struct Sequence {
    pub(super) literals: u32,
    pub(super) length: u32,
    pub(super) distance: u32,
}

/// As far back as deflate can reach.
const WINDOW: usize = 32_768;
const TABLE_BITS: u32 = 13;
/// Equal bytes that begin a repetition: of a run, and of other repetitions.
const RUN: usize = 4;
const REPETITION: usize = 6;

/// Where bytes were seen last.
#[derive(Debug)]
pub(super) struct Matcher {
    /// Positions plus one; 0 for none.
    table: Vec<u32>,
}

impl Default for Matcher {
    fn default() -> Self {
        Self { table: vec![0; 1 << TABLE_BITS] }
    }
}

fn word(data: &[u8], at: usize) -> u64 {
    data[at..].first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// How many bytes from `at` on equal those `distance` before them.
fn common(data: &[u8], mut at: usize, distance: usize, end: usize) -> usize {
    let begin = at;
    while at + 8 <= end {
        let differing = word(data, at) ^ word(data, at - distance);
        if differing != 0 {
            return at - begin + differing.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while at < end && data[at] == data[at - distance] {
        at += 1;
    }
    at - begin
}

impl Matcher {
    /// Forgets everything: for new data.
    pub(super) fn reset(&mut self) {
        self.table.fill(0);
    }
    /// Cuts `data[begin..end]` into sequences.
    pub(super) fn find(&mut self, data: &[u8], begin: usize, end: usize, found: &mut Vec<Sequence>) {
        found.clear();
        let (mut anchor, mut at) = (begin, begin.max(1));
        while at + 8 <= end {
            let here = word(data, at);
            let mut distance = 0;
            if here as u32 == (word(data, at - 1)) as u32 {
                distance = 1;
            } else {
                let low = here & ((1 << (8 * REPETITION)) - 1);
                let slot = (low.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - TABLE_BITS)) as usize;
                let last = std::mem::replace(&mut self.table[slot], at as u32 + 1) as usize;
                if last > 0 && at + 1 - last <= WINDOW {
                    let there = word(data, last - 1);
                    if (there ^ here) & ((1 << (8 * REPETITION)) - 1) == 0 {
                        distance = at + 1 - last;
                    }
                }
            }
            if distance == 0 {
                at += 1 + ((at - anchor) >> 3).min(15);
                continue;
            }
            while at > anchor && at > distance && data[at - 1] == data[at - 1 - distance] {
                at -= 1;
            }
            let length = common(data, at, distance, end);
            debug_assert!(length >= RUN);
            found.push(Sequence {
                literals: (at - anchor) as u32,
                length: length as u32,
                distance: distance as u32,
            });
            at += length;
            anchor = at;
        }
        found.push(Sequence { literals: (end - anchor) as u32, length: 0, distance: 0 });
    }
}
