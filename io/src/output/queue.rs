//! Finished bytes on their way to the file: a thread places them while ranks go on with others.
//!
//! It alone touches the file, in the order in which it is given the bytes. It makes no MPI call.

use super::hdf5::Container;
use halocline_core::index::IndexBox;
use halocline_core::{Error, Result};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Bytes for a place in a file.
#[derive(Debug)]
pub(super) struct Finished {
    /// The number of the variable's layout.
    pub(super) at: usize,
    /// Its name, for messages.
    pub(super) name: Arc<str>,
    /// Where the cells belong: a stored chunk, or cells of a contiguous variable.
    pub(super) place: IndexBox,
    /// Whether it is a stored chunk.
    pub(super) chunk: bool,
    /// Whether the buffer will be asked for again.
    pub(super) reuse: bool,
    /// The bytes as they are stored.
    pub(super) bytes: Vec<u8>,
}

/// What the thread has done.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Placed {
    pub(super) chunks: u64,
    pub(super) bytes: u64,
    pub(super) time: Duration,
}

/// The end of the queue at which bytes go in.
#[derive(Debug)]
pub(super) struct Queue {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Container>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Something has changed.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Finished>,
    /// Bytes that wait.
    bytes: usize,
    /// How many may.
    limit: usize,
    /// Buffers that were written: the first touch of fresh memory costs more than a copy.
    spare: Vec<Vec<u8>>,
    /// Nothing more will come.
    closed: bool,
    /// The first failure; what still waits is dropped then.
    error: Option<Error>,
    placed: Placed,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Starts the thread that writes to `container`.
    pub(super) fn start(container: Container) -> Result<Self> {
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("halocline-writer".into())
            .spawn(move || {
                while let Some(next) = take(&theirs) {
                    place(&theirs, &container, next);
                }
                container
            })
            .map_err(|e| Error::system(format!("the writing thread can't be started: {e}")))?;
        Ok(Self { shared, thread: Some(thread) })
    }
    /// Hands bytes over; waits while more than `limit` bytes wait already.
    ///
    /// # Errors
    /// That of an earlier write.
    pub(super) fn push(&self, finished: Finished, limit: usize) -> Result<()> {
        let mut state = self.shared.lock();
        while state.error.is_none() && state.bytes > 0 && state.bytes + finished.bytes.len() > limit {
            state = self.shared.wait(state);
        }
        if let Some(error) = &state.error {
            return Err(error.clone());
        }
        state.limit = limit;
        state.bytes += finished.bytes.len();
        state.waiting.push_back(finished);
        self.shared.changed.notify_all();
        Ok(())
    }
    /// A buffer for the next bytes.
    pub(super) fn spare(&self) -> Vec<u8> {
        self.shared.lock().spare.pop().unwrap_or_default()
    }
    /// Waits until all is written and gives the file back.
    pub(super) fn finish(mut self) -> Result<(Container, Placed)> {
        let Some(container) = self.join() else {
            return Err(Error::internal("the writing thread has panicked"));
        };
        let mut state = self.shared.lock();
        match state.error.take() {
            Some(error) => Err(error),
            None => Ok((container, state.placed)),
        }
    }
    fn join(&mut self) -> Option<Container> {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
        self.thread.take()?.join().ok()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // Given up, unless finished: nobody wants what still waits.
        let mut state = self.shared.lock();
        state.waiting.clear();
        state.bytes = 0;
        drop(state);
        drop(self.join());
    }
}

/// The next bytes; `None` when no more will come.
fn take(shared: &Shared) -> Option<Finished> {
    let mut state = shared.lock();
    loop {
        if let Some(next) = state.waiting.pop_front() {
            return Some(next);
        }
        if state.closed {
            return None;
        }
        state = shared.wait(state);
    }
}

fn place(shared: &Shared, container: &Container, next: Finished) {
    let begin = Instant::now();
    let result = if next.chunk {
        container.place_chunk(next.at, &next.place.start(), &next.bytes)
    } else {
        container.write_cells(next.at, &next.place, &next.bytes)
    };
    let len = next.bytes.len();
    let mut state = shared.lock();
    state.bytes = state.bytes.saturating_sub(len);
    // Compressed ones are of many sizes and not reused.
    let spare: usize = state.spare.iter().map(Vec::capacity).sum();
    if next.reuse && spare + len <= state.limit / 2 {
        state.spare.push(next.bytes);
    }
    state.placed.chunks += 1;
    state.placed.bytes += len as u64;
    state.placed.time += begin.elapsed();
    if let Err(error) = result {
        state.waiting.clear();
        state.bytes = 0;
        state.error = Some(error.in_variable(&*next.name));
    }
    shared.changed.notify_all();
}
