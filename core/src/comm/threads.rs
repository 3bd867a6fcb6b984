//! Ranks that are threads of one process, for tests and laptops: correctness over speed.
//!
//! All groups of a run share one mailbox, so that one failing rank wakes everybody who waits
//! anywhere.

use super::link::Link;
use super::reduce::{Reduce, Words};
use super::transport::Transport;
use super::Comm;
use std::collections::{HashMap, VecDeque};
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes of stack per rank: what a main thread has on Linux, so that code that runs as a process
/// runs as a thread.
const STACK: usize = 8 << 20;

// Tags above those of users, one per collective, so that ranks that disagree about which
// collective they are in wait (and are told so when a rank leaves) instead of mixing up data.
const BARRIER: u32 = Comm::TAG_LIMIT;
const BROADCAST: u32 = BARRIER + 1;
const COUNTS: u32 = BARRIER + 2;
const PAIR_COUNTS: u32 = BARRIER + 3;
const GATHER: u32 = BARRIER + 4;
const EXCHANGE: u32 = BARRIER + 5;
const REDUCE: u32 = BARRIER + 6;
const SPLIT: u32 = BARRIER + 7;

/// A rank that is a thread. Made by [`run_threads`].
#[derive(Clone, Debug)]
pub struct ThreadComm {
    hub: Arc<Hub>,
    group: u64,
    /// World ranks of the group's members.
    members: Arc<[usize]>,
    rank: usize,
    pub(super) link: Link,
}

/// Where all threads of a run meet.
#[derive(Debug)]
struct Hub {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// The first rank that panicked.
    poisoned_by: Option<usize>,
    /// Which ranks have returned: nobody may wait for them any more.
    left: Vec<bool>,
    /// What each rank waits for.
    waits: Vec<Option<Address>>,
    mail: HashMap<Address, VecDeque<Vec<u8>>>,
    groups: u64,
}

/// Ranks are those of the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Address {
    group: u64,
    from: usize,
    to: usize,
    tag: u32,
}

/// The payload of a rank that ends because another one has panicked.
struct Poisoned;

impl Hub {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No panic happens under the lock, and the poison that counts is our own.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn poison(&self, rank: usize) {
        self.update(|state| {
            state.poisoned_by.get_or_insert(rank);
        });
    }
}

impl State {
    /// What the ranks wait for, if all that have not returned do, each for mail that is not
    /// there: ranks in different collectives, or in the same cycle of receives.
    fn deadlock(&self) -> Option<String> {
        let mut stuck = Vec::new();
        for (rank, wait) in self.waits.iter().enumerate().filter(|&(rank, _)| !self.left[rank]) {
            let address = wait.filter(|address| !self.mail.contains_key(address))?;
            stuck.push(format!("rank {rank} is in {}", place(address.tag)));
        }
        Some(stuck.join(", "))
    }
}

/// What a rank does that waits for this tag.
fn place(tag: u32) -> String {
    match tag {
        BARRIER => "a barrier".to_owned(),
        BROADCAST => "a broadcast".to_owned(),
        COUNTS | GATHER => "a gather".to_owned(),
        PAIR_COUNTS => "an all-to-all".to_owned(),
        EXCHANGE => "an exchange".to_owned(),
        REDUCE => "an all-reduce".to_owned(),
        SPLIT => "a split".to_owned(),
        tag => format!("a receive of tag {tag}"),
    }
}

impl ThreadComm {
    fn post(&self, message: Vec<u8>, to: usize, tag: u32) {
        let address = Address { group: self.group, from: self.rank, to, tag };
        self.hub.update(|state| state.mail.entry(address).or_default().push_back(message));
    }

    fn take(&self, from: usize, tag: u32) -> Vec<u8> {
        let address = Address { group: self.group, from, to: self.rank, tag };
        let mut state = self.hub.lock();
        loop {
            if state.poisoned_by.is_some() {
                drop(state);
                // Not `panic!`: the hook has reported the first panic, this is no second one.
                resume_unwind(Box::new(Poisoned));
            }
            if let Some(queue) = state.mail.get_mut(&address) {
                let message = queue.pop_front();
                if queue.is_empty() {
                    state.mail.remove(&address);
                }
                if let Some(message) = message {
                    return message;
                }
            }
            if state.left[self.members[from]] {
                drop(state);
                panic!("rank {} waits for rank {from}, which has returned without taking part", self.rank);
            }
            let me = self.members[self.rank];
            state.waits[me] = Some(address);
            if let Some(waits) = state.deadlock() {
                drop(state);
                panic!("no rank can go on: {waits}");
            }
            state = self.hub.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waits[me] = None;
        }
    }

    fn others(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.size()).filter(|&r| r != self.rank)
    }

    /// Everybody's message, by rank.
    fn share(&self, mine: &[u8], tag: u32) -> Vec<Vec<u8>> {
        self.others().for_each(|to| self.post(mine.to_vec(), to, tag));
        (0..self.size()).map(|r| if r == self.rank { mine.to_vec() } else { self.take(r, tag) }).collect()
    }

    /// The group of `members` (ranks here, in their new order), this rank among them.
    pub(super) fn subgroup(&self, members: &[usize], link: Link) -> Self {
        let leader = members.iter().copied().min().unwrap_or(self.rank);
        let group = if leader == self.rank {
            let mut group = 0;
            self.hub.update(|state| {
                state.groups += 1;
                group = state.groups;
            });
            for &to in members.iter().filter(|&&r| r != leader) {
                self.post(group.to_ne_bytes().to_vec(), to, SPLIT);
            }
            group
        } else {
            number(&self.take(leader, SPLIT))
        };
        Self {
            hub: Arc::clone(&self.hub),
            group,
            members: members.iter().map(|&r| self.members[r]).collect(),
            rank: members.iter().position(|&r| r == self.rank).unwrap_or(0),
            link,
        }
    }

    fn reduce<N: bytemuck::Pod>(&self, data: &mut [N], combine: impl Fn(N, N) -> N) {
        let all = self.share(bytemuck::cast_slice(data), REDUCE);
        for (rank, theirs) in all.iter().enumerate().filter(|(r, _)| *r != self.rank) {
            self.assert_length(rank, theirs.len(), size_of_val(data));
            for (x, y) in data.iter_mut().zip(theirs.chunks_exact(size_of::<N>())) {
                *x = combine(*x, bytemuck::pod_read_unaligned(y));
            }
        }
    }

    fn assert_length(&self, from: usize, sent: usize, expected: usize) {
        assert!(
            sent == expected,
            "rank {} expected {expected} bytes from rank {from}, which sent {sent}",
            self.rank
        );
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytemuck::pod_read_unaligned(bytes)
}

impl Transport for ThreadComm {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.members.len()
    }

    fn barrier(&self) {
        self.share(&[], BARRIER);
    }

    fn send(&self, piece: &[u8], to: usize, tag: u32) {
        self.post(piece.to_vec(), to, tag);
    }

    fn receive(&self, piece: &mut [u8], from: usize, tag: u32) {
        let message = self.take(from, tag);
        self.assert_length(from, message.len(), piece.len());
        piece.copy_from_slice(&message);
    }

    fn broadcast(&self, piece: &mut [u8], root: usize) {
        if self.rank == root {
            self.others().for_each(|to| self.post(piece.to_vec(), to, BROADCAST));
        } else {
            self.receive(piece, root, BROADCAST);
        }
    }

    fn all_gather_counts(&self, mine: u64) -> Vec<u64> {
        self.share(&mine.to_ne_bytes(), COUNTS).iter().map(|bytes| number(bytes)).collect()
    }

    fn all_to_all_counts(&self, mine: &[u64]) -> Vec<u64> {
        self.others().for_each(|to| self.post(mine[to].to_ne_bytes().to_vec(), to, PAIR_COUNTS));
        let mut counts = mine.to_vec();
        self.others().for_each(|from| counts[from] = number(&self.take(from, PAIR_COUNTS)));
        counts
    }

    fn all_gather(&self, mine: &[u8], counts: &[usize], all: &mut [u8]) {
        let mut rest = all;
        for (from, message) in self.share(mine, GATHER).iter().enumerate() {
            let (part, after) = rest.split_at_mut(counts[from]);
            self.assert_length(from, message.len(), part.len());
            part.copy_from_slice(message);
            rest = after;
        }
    }

    fn exchange<'a>(
        &self,
        outgoing: Vec<(usize, &'a [u8])>,
        incoming: Vec<(usize, &'a mut [u8])>,
        meanwhile: &mut dyn FnMut(),
    ) {
        for (to, piece) in outgoing {
            self.post(piece.to_vec(), to, EXCHANGE);
        }
        meanwhile();
        for (from, piece) in incoming {
            self.receive(piece, from, EXCHANGE);
        }
    }

    fn all_reduce(&self, data: Words<'_>, op: Reduce) {
        match data {
            Words::Signed(data) => self.reduce(data, |x, y| match op {
                Reduce::Sum => x.wrapping_add(y),
                Reduce::Min => x.min(y),
                Reduce::Max => x.max(y),
            }),
            Words::Unsigned(data) => self.reduce(data, |x, y| match op {
                Reduce::Sum => x.wrapping_add(y),
                Reduce::Min => x.min(y),
                Reduce::Max => x.max(y),
            }),
        }
    }
}

/// Runs `body` on `ranks` threads that are the ranks of one group, and gives what they return,
/// by rank.
///
/// A rank that panics takes the whole group with it: whoever waits for anything ends too, so
/// nothing hangs. So does a rank that waits for one that has returned, and a group where all
/// wait for each other. A `Comm` can't leave the thread of its rank.
///
/// # Panics
/// If `ranks` is 0 or a thread can't be started; with the first panic of a rank.
pub fn run_threads<R: Send>(ranks: usize, body: impl Fn(&Comm) -> R + Sync) -> Vec<R> {
    assert!(ranks > 0, "a group needs at least one rank");
    let state = State {
        poisoned_by: None,
        left: vec![false; ranks],
        waits: vec![None; ranks],
        mail: HashMap::new(),
        groups: 0,
    };
    let hub = Arc::new(Hub { state: Mutex::new(state), changed: Condvar::new() });
    let members: Arc<[usize]> = (0..ranks).collect();
    let run = |rank: usize| {
        let link = Link::new(rank);
        let comm = ThreadComm { hub: Arc::clone(&hub), group: 0, members: Arc::clone(&members), rank, link };
        let outcome = catch_unwind(AssertUnwindSafe(|| body(&Comm::Threads(comm))));
        match &outcome {
            Ok(_) => hub.update(|state| state.left[rank] = true),
            Err(payload) if payload.is::<Poisoned>() => {}
            Err(_) => hub.poison(rank),
        }
        outcome
    };
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let run = &run;
        let mut handles = Vec::with_capacity(ranks);
        for rank in 0..ranks {
            let builder = std::thread::Builder::new().name(format!("rank {rank}")).stack_size(STACK);
            match builder.spawn_scoped(scope, move || run(rank)) {
                Ok(handle) => handles.push(handle),
                Err(reason) => {
                    hub.poison(rank);
                    panic!("can't start the thread of rank {rank}: {reason}");
                }
            }
        }
        handles.into_iter().map(|handle| handle.join().and_then(|outcome| outcome)).collect()
    });
    let first = hub.lock().poisoned_by;
    let mut results = Vec::with_capacity(ranks);
    for (rank, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(result) => results.push(result),
            Err(payload) if first == Some(rank) => resume_unwind(payload),
            Err(_) => {}
        }
    }
    results
}

#[cfg(test)]
mod tests;
