//! When a long run saves its state, and when it stops: decided by all ranks together.

use super::checkpoint::Saved;
use crate::comm::{Comm, Reduce};
use crate::error::{Error, ErrorKind, Result};
use std::path::Path;
use std::time::{Duration, Instant};

/// What a [`Cadence`] did, for those who report it; told on every rank.
#[derive(Debug, Clone, PartialEq)]
pub enum CadenceEvent {
    /// The state was saved, in so long.
    Saved(Saved, Duration),
    /// It could not be saved; the run goes on, and the last good state stays.
    Failed(Error),
    /// A batch, in which the run can't stop, has taken so long.
    Batch(Duration),
}

/// What ends a run that was asked to stop.
pub(super) fn stopped(file: &Path) -> Error {
    Error::new(ErrorKind::Checkpointed, "stopped as asked, the state is saved")
        .in_file(file)
        .remedy("run the same command with --resume to go on")
}

/// Saves from time to time, and stops a run when any rank was asked to stop.
///
/// Between batches of tiles the run calls [`Self::turn`]. Nothing here changes a result: a state
/// is the same whenever it is saved.
pub struct Cadence<'a> {
    file: &'a Path,
    every: Duration,
    /// Whether this rank was asked to stop.
    stop: &'a dyn Fn() -> bool,
    note: &'a dyn Fn(&CadenceEvent),
    last: Instant,
    /// When the batch in hand began, where batches are measured.
    batch: Option<Instant>,
}

impl std::fmt::Debug for Cadence<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cadence")
            .field("file", &self.file)
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}

impl<'a> Cadence<'a> {
    /// Saves to `file` whenever `every` has passed, and once `stop` says so on any rank; `note`
    /// is told of each attempt.
    pub fn new(
        file: &'a Path,
        every: Duration,
        stop: &'a dyn Fn() -> bool,
        note: &'a dyn Fn(&CadenceEvent),
    ) -> Self {
        Self { file, every, stop, note, last: Instant::now(), batch: None }
    }

    /// Tells how long each batch takes, the first counted from now.
    pub(super) fn of_batches(self) -> Self {
        Self { batch: Some(Instant::now()), ..self }
    }
    /// A batch begins now: the one before, if any, was no work.
    pub(super) fn begin_batch(&mut self) {
        self.batch = self.batch.map(|_| Instant::now());
    }
    /// A batch ends, and the next begins.
    pub(super) fn end_batch(&mut self) {
        if let Some(begun) = self.batch {
            (self.note)(&CadenceEvent::Batch(begun.elapsed()));
        }
        self.begin_batch();
    }

    /// Between two batches: saves if it is time, with `save`, which is collective; ends the run
    /// if any rank was asked to stop. Costs one all-reduce of 16 bytes when there is nothing to
    /// do. A saving in between that fails is noted only, since the last good state is still
    /// there; the next attempt comes after the same time again.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// [`Checkpointed`](ErrorKind::Checkpointed) when the run was asked to stop and its state is
    /// saved; what `save` reports when it was to stop and could not save. When the ranks could
    /// not communicate or a state could not be encoded, that error.
    pub fn turn(&mut self, comm: &Comm, save: &mut dyn FnMut(&Path) -> Result<Saved>) -> Result<()> {
        // Told before it asks: whether there is time for another batch depends on it.
        self.end_batch();
        let mut asked = [u64::from((self.stop)()), u64::from(self.last.elapsed() >= self.every)];
        comm.all_reduce(&mut asked, Reduce::Max);
        let [stop, due] = asked.map(|n| n > 0);
        if !stop && !due {
            return Ok(());
        }
        self.attempt(stop, save)?;
        if stop {
            return Err(stopped(self.file));
        }
        self.begin_batch();
        Ok(())
    }

    /// Saves now, whatever the time: at the end of a part of the work that others follow. A
    /// failure to write is noted only.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// When the ranks could not communicate or a state could not be encoded.
    pub fn save(&mut self, save: &mut dyn FnMut(&Path) -> Result<Saved>) -> Result<()> {
        self.attempt(false, save)
    }

    fn attempt(&mut self, must: bool, save: &mut dyn FnMut(&Path) -> Result<Saved>) -> Result<()> {
        let begun = Instant::now();
        let saved = save(self.file);
        // From the end of saving: a slow disk must not leave time for nothing else.
        self.last = Instant::now();
        match saved {
            Ok(saved) => (self.note)(&CadenceEvent::Saved(saved, begun.elapsed())),
            Err(error) if !must && error.kind == ErrorKind::System => {
                (self.note)(&CadenceEvent::Failed(error));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::run_threads;
    use std::cell::{Cell, RefCell};

    const SAVED: Saved = Saved { nodes: 1, bytes: 2 };

    #[test]
    fn one_rank_that_is_asked_stops_all() {
        let errors = run_threads(3, |comm| {
            let (turns, rank) = (Cell::new(0), comm.rank());
            let stop = || rank == 1 && turns.get() == 2;
            let mut cadence = Cadence::new(Path::new("f"), Duration::from_secs(1000), &stop, &|_| ());
            loop {
                if let Err(error) = cadence.turn(comm, &mut |_| Ok(SAVED)) {
                    return (turns.get(), error.exit_code());
                }
                turns.set(turns.get() + 1);
            }
        });
        assert_eq!(errors, [(2, 75); 3]);
    }

    #[test]
    fn the_first_batch_counts_when_it_asks_whether_to_stop() {
        let (comm, longest) = (Comm::serial(), Cell::new(Duration::ZERO));
        let note = |e: &CadenceEvent| {
            if let CadenceEvent::Batch(time) = e {
                longest.set(longest.get().max(*time));
            }
        };
        let stop = || longest.get() > Duration::ZERO;
        let turn = |cadence: &mut Cadence<'_>| cadence.turn(&comm, &mut |_| Ok(SAVED)).is_err();
        let hour = Duration::from_secs(3600);
        assert!(!turn(&mut Cadence::new(Path::new("f"), hour, &stop, &note)));
        assert!(turn(&mut Cadence::new(Path::new("f"), hour, &stop, &note).of_batches()));
    }

    #[test]
    fn a_full_disk_ends_nothing_until_it_must_stop() {
        let comm = Comm::serial();
        let (stop, events) = (Cell::new(false), RefCell::new(Vec::new()));
        let ask = || stop.get();
        let note = |e: &CadenceEvent| events.borrow_mut().push(e.clone());
        let mut cadence = Cadence::new(Path::new("f"), Duration::ZERO, &ask, &note);
        let mut full = |_: &Path| Err(Error::system("disk full"));
        assert!(cadence.turn(&comm, &mut full).is_ok());
        assert!(cadence.turn(&comm, &mut |_| Ok(SAVED)).is_ok());
        assert!(matches!(&events.borrow()[..], [CadenceEvent::Failed(_), CadenceEvent::Saved(SAVED, _)]));
        stop.set(true);
        assert_eq!(cadence.turn(&comm, &mut full).expect_err("stopped").exit_code(), 4);
        let broken = cadence.turn(&comm, &mut |_| Err(Error::internal("no"))).expect_err("a bug");
        assert_eq!(broken.exit_code(), 70);
    }
}
