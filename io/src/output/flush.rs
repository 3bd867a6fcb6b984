//! Bytes go on to the disk while further ones are made, so that little is left for the last sync.

use halocline_core::{Error, Result};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{sync_channel, SyncSender, TrySendError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Bytes between two syncs: each of them costs a round to the disk, whatever it brings.
const ENOUGH: u64 = 64 << 20;

/// Syncs a file that grows, from a thread of its own.
#[derive(Debug)]
pub(super) struct Flusher {
    path: PathBuf,
    pending: u64,
    /// Begun when there is enough: most results are small.
    thread: Option<(SyncSender<()>, JoinHandle<std::io::Result<()>>)>,
    /// The system has no more threads: the last sync does it all.
    given_up: bool,
}

impl Flusher {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), pending: 0, thread: None, given_up: false }
    }

    /// Counts bytes that were given to the system.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.pending += bytes as u64;
        if self.pending < ENOUGH || self.given_up {
            return;
        }
        if self.thread.is_none() {
            self.thread = start(&self.path);
            self.given_up = self.thread.is_none();
        }
        if let Some((wake, _)) = &self.thread {
            match wake.try_send(()) {
                Ok(()) => self.pending = 0,
                // The one before is still under way: the next one takes these along.
                Err(TrySendError::Full(())) => {}
                // It has failed, and says so at the end.
                Err(TrySendError::Disconnected(())) => self.given_up = true,
            }
        }
    }

    /// Waits for a sync that is under way; tells how long.
    ///
    /// # Errors
    /// System, if a sync has failed. The system tells it once, so that no later one would.
    pub(super) fn finish(self) -> Result<Duration> {
        let begin = Instant::now();
        let Some((wake, thread)) = self.thread else { return Ok(Duration::ZERO) };
        drop(wake);
        match thread.join() {
            Ok(Ok(())) => Ok(begin.elapsed()),
            Ok(Err(e)) => Err(Error::system(format!("can't be written to disk: {e}"))),
            Err(_) => Err(Error::internal("the syncing thread has panicked")),
        }
    }
}

fn start(path: &Path) -> Option<(SyncSender<()>, JoinHandle<std::io::Result<()>>)> {
    let file = File::open(path).ok()?;
    let (wake, woken) = sync_channel(0);
    let work = move || woken.into_iter().try_for_each(|()| file.sync_data());
    let thread = std::thread::Builder::new().name("halocline-sync".into()).spawn(work).ok()?;
    Some((wake, thread))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn syncs_what_grows_and_says_when_it_is_done() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut flusher = Flusher::new(file.path());
        for _ in 0..5 {
            file.write_all(&[1; 1000]).unwrap();
            flusher.wrote(ENOUGH as usize / 2);
        }
        assert!(flusher.thread.is_some());
        flusher.finish().unwrap();
        let mut small = Flusher::new(file.path());
        small.wrote(1000);
        assert!(small.thread.is_none());
        assert_eq!(small.finish().unwrap(), Duration::ZERO);
    }

    #[test]
    fn what_is_gone_is_left_to_the_last_sync() {
        let mut flusher = Flusher::new(Path::new("/nowhere/at/all"));
        flusher.wrote(ENOUGH as usize);
        flusher.wrote(ENOUGH as usize);
        assert!(flusher.given_up);
        flusher.finish().unwrap();
    }
}
