//! What a rank carries along with a communicator, whatever the backend.

use super::stats::Stats;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

/// Below `i32::MAX`, since MPI counts bytes in an `int`, and a round number.
pub(super) const DEFAULT_MAX_MESSAGE_BYTES: usize = 1 << 30;

/// Number and size of the elements, and their bytes.
pub(super) type Message = ([u64; 2], Vec<u8>);

/// `Rc` inside is meant: it keeps every `Comm` on its thread, with or without MPI, so that code
/// does not compile with one feature set and fail with the other.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) stats: Rc<Stats>,
    /// Rank in the group that the program started with: what an error names.
    pub(super) world_rank: usize,
    pub(super) max_message_bytes: usize,
    /// Messages to oneself, by tag. A blocking MPI send to oneself would never return.
    to_self: Rc<RefCell<HashMap<u32, VecDeque<Message>>>>,
}

impl Link {
    pub(super) fn new(world_rank: usize) -> Self {
        Self {
            stats: Rc::default(),
            world_rank,
            max_message_bytes: DEFAULT_MAX_MESSAGE_BYTES,
            to_self: Rc::default(),
        }
    }

    /// For a group split off: the same rank of the world, its own messages.
    pub(super) fn for_subgroup(&self) -> Self {
        Self { to_self: Rc::default(), ..self.clone() }
    }

    pub(super) fn put_to_self(&self, header: [u64; 2], bytes: &[u8], tag: u32) {
        self.to_self.borrow_mut().entry(tag).or_default().push_back((header, bytes.to_vec()));
    }

    pub(super) fn take_from_self(&self, tag: u32) -> Option<Message> {
        self.to_self.borrow_mut().get_mut(&tag)?.pop_front()
    }
}
