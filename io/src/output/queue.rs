//! Finished bytes on their way to the file: a thread places them while ranks go on with others.
//!
//! It alone touches the file, in the order in which it is given the bytes. It makes no MPI call.

use super::flush::Flusher;
use super::hdf5::Container;
use halocline_core::index::IndexBox;
use halocline_core::{Error, Result};
use std::collections::VecDeque;
use std::ops::Range;
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
    /// The bytes as they are stored.
    pub(super) bytes: Bytes,
}

/// Whose bytes they are.
#[derive(Debug)]
pub(super) enum Bytes {
    /// Compressed ones, of any size.
    Packed(Vec<u8>),
    /// Plain ones, in a buffer that will be asked for again ([`Queue::spare`]).
    Plain(Vec<u8>),
    /// A part of a buffer that was lent ([`Queue::lend`]).
    Lent(Arc<Buffer>, Range<usize>),
}

/// A buffer that can be lent.
#[derive(Debug)]
pub(super) enum Buffer {
    /// Cells as they are stored.
    Bytes(Vec<u8>),
    /// Floats, which are stored as they lie in memory.
    Singles(Vec<f32>),
    /// The same in double precision.
    Doubles(Vec<f64>),
}

impl Buffer {
    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Singles(cells) => bytemuck::cast_slice(cells),
            Self::Doubles(cells) => bytemuck::cast_slice(cells),
        }
    }
}

impl Bytes {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Packed(bytes) | Self::Plain(bytes) => bytes,
            Self::Lent(buffer, range) => buffer.as_slice().get(range.clone()).unwrap_or_default(),
        }
    }
    /// Bytes that the queue has to account for: what was lent is counted by buffers.
    fn own(&self) -> usize {
        match self {
            Self::Packed(bytes) | Self::Plain(bytes) => bytes.len(),
            Self::Lent(..) => 0,
        }
    }
}

/// What the thread has done.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Placed {
    pub(super) chunks: u64,
    pub(super) bytes: u64,
    pub(super) time: Duration,
    /// At the end, waiting for the disk.
    pub(super) sync: Duration,
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
    /// Buffers that were lent and not yet asked back.
    lent: Vec<Arc<Buffer>>,
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
                let mut flusher = Flusher::new(container.path());
                while let Some(next) = take(&theirs) {
                    let len = next.bytes.as_slice().len();
                    place(&theirs, &container, next);
                    flusher.wrote(len);
                }
                let synced = flusher.finish();
                let mut state = theirs.lock();
                match synced {
                    Ok(time) => state.placed.sync = time,
                    Err(error) => drop(state.error.get_or_insert(error)),
                }
                drop(state);
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
        let own = finished.bytes.own();
        while own > 0 && state.error.is_none() && state.bytes > 0 && state.bytes + own > limit {
            state = self.shared.wait(state);
        }
        if let Some(error) = &state.error {
            return Err(error.clone());
        }
        state.limit = limit;
        state.bytes += own;
        state.waiting.push_back(finished);
        self.shared.changed.notify_all();
        Ok(())
    }
    /// A buffer for the next bytes.
    pub(super) fn spare(&self) -> Vec<u8> {
        self.shared.lock().spare.pop().unwrap_or_default()
    }
    /// Lends a buffer, of which parts may then be pushed.
    pub(super) fn lend(&self, buffer: Buffer) -> Arc<Buffer> {
        let lent = Arc::new(buffer);
        self.shared.lock().lent.push(Arc::clone(&lent));
        lent
    }
    /// A buffer to be filled while at most one that was lent is being written: one that was, or
    /// none, where a new one may be taken.
    pub(super) fn reclaim(&self) -> Option<Buffer> {
        let mut state = self.shared.lock();
        loop {
            let free = state.lent.iter().position(|buffer| Arc::strong_count(buffer) == 1);
            if let Some(buffer) = free.and_then(|k| Arc::into_inner(state.lent.swap_remove(k))) {
                return Some(buffer);
            }
            if state.lent.len() < 2 || state.error.is_some() || state.closed {
                return None;
            }
            state = self.shared.wait(state);
        }
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
    let Finished { at, name, place, chunk, bytes } = next;
    let result = if chunk {
        container.place_chunk(at, &place.start(), bytes.as_slice())
    } else {
        container.write_cells(at, &place, bytes.as_slice())
    };
    let (len, own) = (bytes.as_slice().len(), bytes.own());
    // Compressed ones are of many sizes and not reused; what was lent is given back before anyone
    // looks.
    let plain = match bytes {
        Bytes::Plain(bytes) => Some(bytes),
        other => {
            drop(other);
            None
        }
    };
    let mut state = shared.lock();
    state.bytes = state.bytes.saturating_sub(own);
    let spare: usize = state.spare.iter().map(Vec::capacity).sum();
    if let Some(plain) = plain.filter(|plain| spare + plain.len() <= state.limit / 2) {
        state.spare.push(plain);
    }
    state.placed.chunks += 1;
    state.placed.bytes += len as u64;
    state.placed.time += begin.elapsed();
    if let Err(error) = result {
        state.waiting.clear();
        state.bytes = 0;
        state.error = Some(error.in_variable(&*name));
    }
    shared.changed.notify_all();
}
