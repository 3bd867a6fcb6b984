//! What communication comes to, known beforehand: messages and bytes of each call, as
//! [`Comm::traffic`] counts them, from the number of ranks and lengths alone.
//!
//! This is the one place that holds them. Whoever has a protocol of several calls (a pass, a merge,
//! a writer) says what it is made of by calling the methods here that are named as those of [`Comm`];
//! a test compares each with what [`Comm`] counts.

use super::{Comm, Traffic};

/// Messages and bytes that the ranks of a group are going to send, call by call. Lengths are in
/// bytes unless told otherwise.
///
/// A group of one rank sends nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formula {
    /// The longest piece of a message.
    piece: usize,
    /// What each rank sends.
    every: Traffic,
    /// By rank, what it sends beside.
    own: Vec<Traffic>,
}

impl Formula {
    /// Nothing yet, among so many ranks, of messages of any length ([`Comm::message_limit`] is 1 GiB
    /// unless told).
    pub fn new(ranks: usize) -> Self {
        Self::with_message_limit(ranks, super::link::DEFAULT_MAX_MESSAGE_BYTES)
    }

    /// [`Self::new`], where messages are cut into pieces of at most `bytes`.
    pub fn with_message_limit(ranks: usize, bytes: usize) -> Self {
        Self { piece: bytes.max(1), every: Traffic::default(), own: vec![Traffic::default(); ranks.max(1)] }
    }

    /// Nothing yet, among the ranks of a group, cut as it cuts.
    pub fn of(comm: &Comm) -> Self {
        Self::with_message_limit(comm.size(), comm.message_limit())
    }

    /// How many ranks there are.
    pub fn ranks(&self) -> usize {
        self.own.len()
    }

    /// What `rank` sends; nothing, if there is no such rank.
    pub fn rank(&self, rank: usize) -> Traffic {
        self.own.get(rank).map_or_else(Traffic::default, |own| self.every + *own)
    }

    /// What all ranks send.
    pub fn total(&self) -> Traffic {
        let Traffic { messages, bytes } = self.every;
        let ranks = self.own.len() as u64;
        self.own.iter().copied().sum::<Traffic>()
            + Traffic { messages: messages * ranks, bytes: bytes * ranks }
    }

    /// The same again, `times` times in all.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        for Traffic { messages, bytes } in self.own.iter_mut().chain([&mut self.every]) {
            *messages *= times;
            *bytes *= times;
        }
        self
    }

    /// What another formula of as many ranks says, too.
    pub fn add(&mut self, other: &Self) {
        self.every = self.every + other.every;
        self.own.iter_mut().zip(&other.own).for_each(|(own, other)| *own = *own + *other);
    }

    /// [`Comm::barrier`].
    pub fn barrier(&mut self) {
        self.all(0);
    }

    /// [`Comm::all_reduce`] of so many numbers, and [`Comm::all_reduce_extreme`].
    pub fn all_reduce(&mut self, numbers: usize) {
        let piece = (self.piece / size_of::<u64>()).max(1);
        for first in (0..numbers).step_by(piece) {
            self.all(piece.min(numbers - first) * size_of::<u64>());
        }
    }

    /// [`Comm::agree`], when all is well.
    pub fn agree(&mut self) {
        self.all_reduce(1);
    }

    /// [`Comm::broadcast`] of so many bytes; the length goes first.
    pub fn broadcast(&mut self, root: usize, bytes: usize) {
        self.send_pieces(root, size_of::<u64>());
        self.send_pieces(root, bytes);
    }

    /// [`Comm::all_gather_v`] of what each rank has, from rank 0 on; lengths go first.
    pub fn all_gather_v(&mut self, bytes: &[usize]) {
        self.all(size_of::<u64>());
        let total: usize = bytes.iter().sum();
        if total > self.piece {
            bytes.iter().enumerate().for_each(|(rank, bytes)| self.send_pieces(rank, *bytes));
        } else if total > 0 {
            bytes.iter().enumerate().for_each(|(rank, bytes)| self.count(rank, *bytes));
        }
    }

    /// [`Comm::gather_v`] of what each rank has, from rank 0 on; lengths go first, to all.
    pub fn gather_v(&mut self, root: usize, bytes: &[usize]) {
        self.all(size_of::<u64>());
        let others = bytes.iter().enumerate().filter(|(rank, _)| *rank != root);
        others.for_each(|(rank, bytes)| self.send_pieces(rank, *bytes));
    }

    /// [`Comm::all_to_all_v`] of these parts: from, to, bytes. All lengths go first.
    pub fn all_to_all_v(&mut self, parts: impl IntoIterator<Item = (usize, usize, usize)>) {
        self.all(self.ranks() * size_of::<u64>());
        self.all_to_all_into(parts);
    }

    /// [`Comm::all_to_all_into`] and [`Comm::exchange_during`] of these parts: from, to, bytes. What a
    /// rank has for itself costs nothing.
    pub fn all_to_all_into(&mut self, parts: impl IntoIterator<Item = (usize, usize, usize)>) {
        let parts = parts.into_iter().filter(|(from, to, _)| from != to);
        parts.for_each(|(from, _, bytes)| self.send_pieces(from, bytes));
    }

    /// [`Comm::send`] to another rank; number and size of elements go first.
    pub fn send(&mut self, from: usize, bytes: usize) {
        self.count(from, 2 * size_of::<u64>());
        self.send_pieces(from, bytes);
    }

    /// A message of each rank.
    fn all(&mut self, bytes: usize) {
        if self.ranks() > 1 {
            self.every = self.every + Traffic { messages: 1, bytes: bytes as u64 };
        }
    }

    fn count(&mut self, rank: usize, bytes: usize) {
        if self.ranks() > 1 {
            if let Some(own) = self.own.get_mut(rank) {
                *own = *own + Traffic { messages: 1, bytes: bytes as u64 };
            }
        }
    }

    /// A message of one rank, in as many pieces as it takes; none, if it is empty.
    fn send_pieces(&mut self, rank: usize, bytes: usize) {
        for first in (0..bytes).step_by(self.piece) {
            self.count(rank, self.piece.min(bytes - first));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::comm::{run_threads, Stage};

    #[test]
    fn stages_are_counted_apart_and_end_with_their_guards() {
        let all = run_threads(2, |comm| {
            comm.barrier();
            {
                let _pass = comm.stage(Stage::Pass);
                comm.barrier();
                {
                    let _write = comm.clone().stage(Stage::Write);
                    (0..3).for_each(|_| comm.barrier());
                }
                comm.barrier();
            }
            comm.barrier();
            (Stage::ALL.map(|stage| comm.traffic_of(stage).messages), comm.traffic().messages)
        });
        assert_eq!(all, [([2, 2, 3], 7); 2]);
    }
}
