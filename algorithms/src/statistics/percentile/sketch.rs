//! What is kept of a long series to tell its percentiles about.
//!
//! Values lie in levels; one of level h stands for 2ʰ values. A level that holds `capacity`
//! values is sorted, every other one moves to the next level, and the rest is dropped: the first,
//! third, … and the second, fourth, … in turns. Munro and Paterson (1980),
//! doi:10.1016/0304-3975(80)90061-4; Manku, Rajagopalan and Lindsay (1998),
//! doi:10.1145/276304.276342; here nothing is drawn at random.
//!
//! **Bound.** Let R(x) be how many values are at most x, R'(x) what the levels say. Halving a level
//! changes R'(x) by nothing, if an even number of its values are at most x; else by +2ʰ if the
//! first, third, … stay, by −2ʰ if the others do. So two halvings in turns change it by 2ʰ at most
//! together, and `error`, which counts 2ʰ for the first of each two, bounds |R'(x) − R(x)| for
//! every x. As each halving takes `capacity` values or more of weight 2ʰ out of n in all, there are
//! at most n / (capacity · 2ʰ) of them at level h, and the levels that are ever halved number
//! H = ⌊log₂(n / capacity)⌋ + 1: `error` ≤ n H / capacity.

use super::key::Key;
use serde::{Deserialize, Serialize};

/// The sketch of one series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sketch<K> {
    /// Values taken in.
    pub(super) count: u32,
    /// By how many values a rank may be wrong.
    pub(super) error: u32,
    /// Bit h: whether the next halving of level h keeps the second, fourth, ….
    turns: u32,
    levels: Vec<Vec<K>>,
}

/// Levels that are halved at all, in a series of `steps`.
fn halved(steps: usize, capacity: usize) -> u32 {
    match steps / capacity.max(1) {
        0 => 0,
        ratio => ratio.ilog2() + 1,
    }
}

/// The error that is certain beforehand, as a share of the values.
pub(super) fn bound(steps: usize, capacity: usize) -> f64 {
    f64::from(halved(steps, capacity)) / capacity as f64
}

/// The least even capacity whose bound is at most `share`; one that holds all if none is less.
pub(super) fn capacity(steps: usize, share: f64) -> usize {
    let all = (steps + 1).next_multiple_of(2);
    // The bound falls as the capacity grows.
    let (mut low, mut high) = (1, all / 2);
    while low < high {
        let middle = usize::midpoint(low, high);
        if bound(steps, 2 * middle) <= share {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    2 * low
}

/// Bytes of the sketch of so many values of `size` bytes.
pub(super) fn bytes(count: usize, capacity: usize, size: usize) -> u64 {
    // Merging joins two levels before they are halved.
    let levels = halved(count, capacity) as usize + 1;
    (count.min(levels * capacity) * size + levels * size_of::<Vec<u8>>() + size_of::<Sketch<i64>>() + 16)
        as u64
}

impl<K: Key> Sketch<K> {
    pub(super) const fn new() -> Self {
        Self { count: 0, error: 0, turns: 0, levels: Vec::new() }
    }

    /// Takes a value in, one of `most` at most.
    pub(super) fn push(&mut self, key: K, capacity: usize, most: usize) {
        if self.levels.is_empty() {
            self.levels.push(Vec::with_capacity(capacity.min(most)));
        }
        self.count += 1;
        self.levels[0].push(key);
        self.settle(0, capacity);
    }

    /// Takes in what another has seen after this one.
    pub(super) fn merge(&mut self, other: Self, capacity: usize) {
        self.count += other.count;
        self.error += other.error;
        // A turn that either is in the midst of can be completed.
        self.turns |= other.turns;
        for (h, more) in other.levels.into_iter().enumerate() {
            match self.levels.get_mut(h) {
                Some(level) => {
                    level.reserve_exact(more.len());
                    level.extend(more);
                }
                None => self.levels.push(more),
            }
        }
        // What a level hands up may fill the next.
        let mut h = 0;
        while h < self.levels.len() {
            self.settle(h, capacity);
            h += 1;
        }
    }

    /// Halves level `h` if it is full, and those above that fill by it.
    fn settle(&mut self, h: usize, capacity: usize) {
        let mut h = h;
        while self.levels[h].len() >= capacity {
            if h + 1 == self.levels.len() {
                self.levels.push(Vec::with_capacity(capacity));
            }
            let (lower, upper) = self.levels.split_at_mut(h + 1);
            let (level, next) = (&mut lower[h], &mut upper[0]);
            level.sort_unstable();
            // Of an odd number, the greatest stays.
            let even = level.len() / 2 * 2;
            let second = self.turns >> h & 1;
            next.extend(level[..even].iter().skip(second as usize).step_by(2));
            level.drain(..even);
            level.shrink_to(capacity);
            self.turns ^= 1 << h;
            self.error += if second == 0 { 1 << h } else { 0 };
            h += 1;
        }
    }

    /// The value at each of these ranks, counted from 1, in order: of which R' reaches the rank
    /// first. `room` is used for sorting.
    pub(super) fn at_ranks(&self, ranks: &[u64], room: &mut Vec<(K, u64)>) -> Vec<K> {
        room.clear();
        for (h, level) in self.levels.iter().enumerate() {
            room.extend(level.iter().map(|&key| (key, 1u64 << h)));
        }
        room.sort_unstable();
        let mut found = Vec::with_capacity(ranks.len());
        let mut passed = 0;
        for &(key, weight) in room.iter() {
            passed += weight;
            while ranks.get(found.len()).is_some_and(|&rank| rank <= passed) {
                found.push(key);
            }
        }
        found
    }
}
