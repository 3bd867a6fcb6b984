//! Where the time of a copy goes.

use halocline_core::progress::{Phase, Progress};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// Counts reading and writing of a rank, and the rest as computing: values are moved then.
#[derive(Debug)]
pub(super) struct Clock<'a> {
    pub(super) progress: &'a Progress,
    begun: Instant,
    counted: Cell<Duration>,
}

impl<'a> Clock<'a> {
    pub(super) fn start(progress: &'a Progress) -> Self {
        Self { progress, begun: Instant::now(), counted: Cell::new(Duration::ZERO) }
    }

    /// Counts reading `bytes` of values.
    pub(super) fn read<T>(&self, bytes: usize, work: impl FnOnce() -> T) -> T {
        let done = self.time(Phase::Read, work);
        self.progress.bytes_decoded.add(bytes as u64);
        self.progress.tiles_done.add(1);
        done
    }

    /// Counts the time of `work`, in which all threads take part.
    pub(super) fn time<T>(&self, phase: Phase, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = work();
        self.count(phase, begun.elapsed());
        done
    }

    /// Counts time that was measured.
    pub(super) fn count(&self, phase: Phase, elapsed: Duration) {
        self.counted.set(self.counted.get() + elapsed);
        self.progress.phases.add(phase, elapsed * threads());
    }

    /// Counts what is left.
    pub(super) fn finish(&self) {
        let rest = self.begun.elapsed().saturating_sub(self.counted.get());
        self.progress.phases.add(Phase::Compute, rest * threads());
    }
}

/// Time is added up over threads.
fn threads() -> u32 {
    u32::try_from(rayon::current_num_threads()).unwrap_or(1)
}
