//! Counting what a rank sends.

use std::cell::Cell;
use std::rc::Rc;

/// What a rank has handed to the transport, counted alike on every backend.
///
/// A point-to-point message counts as it is (each piece of a long one by itself, and the 16 bytes
/// that announce its length and type). A collective counts once per rank that contributes, with the
/// bytes it contributes, however the library spreads them: a broadcast at its root, an
/// all-reduce or a barrier on every rank. What stays on the rank costs nothing. What each call
/// comes to is told by [`Formula`](super::Formula).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages sent.
    pub messages: u64,
    /// Bytes in them.
    pub bytes: u64,
}

impl std::ops::Add for Traffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { messages: self.messages + other.messages, bytes: self.bytes + other.bytes }
    }
}

impl std::ops::Sub for Traffic {
    type Output = Self;

    /// What came after `before`.
    fn sub(self, before: Self) -> Self {
        Self { messages: self.messages - before.messages, bytes: self.bytes - before.bytes }
    }
}

impl std::iter::Sum for Traffic {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| sum + one)
    }
}

/// What messages are sent for. Those of passes follow from shapes and plans alone; what ranks tell
/// each other around them depends on what is in files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Start, opening of files, agreement on plans, what a command finds out between passes, the end.
    #[default]
    Around,
    /// Passes over data: what the engine exchanges, states that merge, chunks that change their shape.
    Pass,
    /// Values on their way to an output.
    Write,
}

impl Stage {
    /// All stages.
    pub const ALL: [Self; 3] = [Self::Around, Self::Pass, Self::Write];
}

#[derive(Debug, Default)]
pub(super) struct Stats {
    stage: Cell<Stage>,
    counts: [Cell<Traffic>; Stage::ALL.len()],
}

impl Stats {
    /// Counts one message.
    pub(super) fn count(&self, bytes: usize) {
        let count = self.of(self.stage.get());
        count.set(count.get() + Traffic { messages: 1, bytes: bytes as u64 });
    }

    fn of(&self, stage: Stage) -> &Cell<Traffic> {
        let [around, pass, write] = &self.counts;
        match stage {
            Stage::Around => around,
            Stage::Pass => pass,
            Stage::Write => write,
        }
    }

    pub(super) fn read(&self) -> Traffic {
        self.counts.iter().map(Cell::get).sum()
    }

    pub(super) fn read_of(&self, stage: Stage) -> Traffic {
        self.of(stage).get()
    }
}

/// While it lives, what is sent counts for a stage.
#[derive(Debug)]
#[must_use = "messages count for the stage while the guard lives"]
pub struct StageGuard {
    stats: Rc<Stats>,
    before: Stage,
}

impl StageGuard {
    pub(super) fn new(stats: &Rc<Stats>, stage: Stage) -> Self {
        Self { stats: Rc::clone(stats), before: stats.stage.replace(stage) }
    }
}

impl Drop for StageGuard {
    fn drop(&mut self) {
        self.stats.stage.set(self.before);
    }
}
