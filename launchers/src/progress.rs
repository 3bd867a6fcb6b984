//! Long work shows how far it is: a bar on a terminal, a line now and then in a log file.

use crate::common::{bytes_text, Verbosity};
use crate::{duration, report, status_file};
use halocline_core::comm::Comm;
use halocline_core::progress::{Phase, Progress};
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Work that is done sooner shows no bar.
const PATIENCE: Duration = Duration::from_millis(500);
/// The bar is drawn this often.
const REDRAW: Duration = Duration::from_millis(200);
/// A log file gets a line this often.
const LINES: Duration = Duration::from_secs(30);
/// The machine-readable log gets an event this often.
const EVENTS: Duration = Duration::from_secs(10);
/// The status file is written this often, first after [`PATIENCE`].
const STATUS: Duration = Duration::from_secs(5);

/// Whether the last line of the terminal is a bar; whoever holds this may write there.
static BAR: Mutex<bool> = Mutex::new(false);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes to standard error; what can't be written there is nobody's to know.
fn put(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Writes a line to standard error, over a bar if there is one.
pub(crate) fn line(text: &str) {
    let mut bar = locked(&BAR);
    let clear = if std::mem::take(&mut *bar) { "\r\x1b[K" } else { "" };
    put(&format!("{clear}{text}\n"));
}

/// Takes the bar away.
fn clear() {
    if std::mem::take(&mut *locked(&BAR)) {
        put("\r\x1b[K");
    }
}

/// Shows progress until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    over: Arc<(Mutex<bool>, Condvar)>,
    printer: Option<JoinHandle<()>>,
}

impl Watch {
    /// Watches this rank's `progress`. Rank 0 prints: tiles are dealt evenly, so its share
    /// stands for the whole. Nothing is printed when quiet, nothing is started when nobody
    /// wants to know.
    pub(crate) fn start(comm: &Comm, verbosity: Verbosity, progress: &Arc<Progress>) -> Self {
        let over = Arc::new((Mutex::new(false), Condvar::new()));
        let wanted = comm.is_root() && (!verbosity.is_quiet() || report::is_open() || status_file::is_open());
        let printer = wanted.then(|| {
            let (over, progress, ranks) = (Arc::clone(&over), Arc::clone(progress), comm.size());
            let show = match (verbosity.is_quiet(), std::io::stderr().is_terminal()) {
                (true, _) => Show::Nothing,
                (false, true) => Show::Bar,
                (false, false) => Show::Lines,
            };
            // Without a thread there is no progress to see, and all else goes on.
            std::thread::Builder::new().name("progress".into()).spawn(move || {
                watch(&over, &progress, ranks, show);
            })
        });
        Self { over, printer: printer.and_then(std::result::Result::ok) }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        *locked(&self.over.0) = true;
        self.over.1.notify_all();
        if let Some(printer) = self.printer.take() {
            let _ = printer.join();
        }
        clear();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Show {
    Nothing,
    Bar,
    Lines,
}

fn watch(over: &(Mutex<bool>, Condvar), progress: &Progress, ranks: usize, show: Show) {
    let begun = Instant::now();
    let before = Seen::of(progress);
    let (mut next_line, mut next_event, mut next_status) = (LINES, EVENTS, PATIENCE);
    let mut busy = Busy::default();
    let mut is_over = locked(&over.0);
    while !*is_over {
        is_over = over.1.wait_timeout(is_over, REDRAW).unwrap_or_else(PoisonError::into_inner).0;
        let elapsed = begun.elapsed();
        let now = Pace { before, now: Seen::of(progress), elapsed };
        if *is_over {
            break;
        }
        if show == Show::Bar && elapsed >= PATIENCE {
            // Made before the lock is taken: a panic's message needs the lock, too.
            let text = format!("\r{}\x1b[K", now.bar(ranks));
            let mut bar = locked(&BAR);
            put(&text);
            *bar = true;
        }
        if show == Show::Lines && elapsed >= next_line {
            next_line = elapsed + LINES;
            line(&format!("halocline: {}", now.line(ranks)));
        }
        if elapsed >= next_event {
            next_event = elapsed + EVENTS;
            report::event_of_root("progress", || now.json());
        }
        if elapsed >= next_status {
            next_status = elapsed + STATUS;
            status_file::far(&now.far(busy.look(progress)));
        }
    }
}

/// What is read of a [`Progress`] at one time.
#[derive(Debug, Clone, Copy)]
struct Seen {
    done: u64,
    total: u64,
    read: u64,
    decoded: u64,
    written: u64,
}

impl Seen {
    fn of(progress: &Progress) -> Self {
        Self {
            done: progress.tiles_done.get(),
            total: progress.tiles_total.get(),
            read: progress.bytes_read.get(),
            decoded: progress.bytes_decoded.get(),
            written: progress.bytes_written.get(),
        }
    }
}

/// Which phase time goes to at present: the one that has grown most since the last look.
#[derive(Debug, Default)]
struct Busy {
    before: [Duration; Phase::ALL.len()],
    phase: Option<Phase>,
}

impl Busy {
    fn look(&mut self, progress: &Progress) -> &'static str {
        let now = Phase::ALL.map(|phase| progress.phases.get(phase));
        let grown = |i: usize| now[i].saturating_sub(self.before[i]);
        // Nothing counted in between: a long piece of what was going on.
        let most = (0..now.len()).max_by_key(|&i| grown(i)).filter(|&i| !grown(i).is_zero());
        self.phase = most.map(|i| Phase::ALL[i]).or(self.phase);
        self.before = now;
        self.phase.map_or("start", Phase::name)
    }
}

/// How fast it goes.
#[derive(Debug, Clone, Copy)]
struct Pace {
    before: Seen,
    now: Seen,
    elapsed: Duration,
}

impl Pace {
    /// Share done, 0 to 1, if the work is known.
    fn share(&self) -> Option<f64> {
        (self.now.total > 0).then(|| (self.now.done as f64 / self.now.total as f64).min(1.0))
    }

    /// Time that is left, judged by what was done since watching began.
    fn left(&self) -> Option<Duration> {
        let done = self.now.done.saturating_sub(self.before.done);
        let left = self.now.total.saturating_sub(self.now.done);
        let seconds = self.elapsed.as_secs_f64() * left as f64 / done as f64;
        // None done yet: not known.
        (done > 0).then(|| Duration::try_from_secs_f64(seconds).ok()).flatten()
    }

    fn read(&self) -> u64 {
        self.now.read.saturating_sub(self.before.read)
    }

    /// Amount, speed and time left, as far as they are known.
    fn figures(&self, ranks: usize) -> String {
        let mut parts = Vec::new();
        if self.read() > 0 {
            let speed = (self.read() as f64 / self.elapsed.as_secs_f64().max(1e-3)) as u64;
            parts.push(format!("{} read, {}/s", bytes_text(self.read()), bytes_text(speed)));
        }
        parts.extend(self.left().map(|left| format!("{} left", duration::text(left))));
        if ranks > 1 {
            parts.push(format!("rank 0 of {ranks}"));
        }
        parts.join(", ")
    }

    fn bar(&self, ranks: usize) -> String {
        const WIDTH: usize = 24;
        let Some(share) = self.share() else {
            return format!("{} {}", duration::text(self.elapsed), self.figures(ranks));
        };
        let full = (share * WIDTH as f64) as usize;
        let line = format!(
            "[{}{}] {:3.0} %  {}",
            "#".repeat(full),
            "-".repeat(WIDTH - full),
            (share * 100.0).floor(),
            self.figures(ranks)
        );
        // A line that wraps could not be drawn over.
        line.chars().take(79).collect()
    }

    fn line(&self, ranks: usize) -> String {
        let share = self.share().map(|share| {
            let (done, total) = (self.now.done, self.now.total);
            format!("{:.0} % ({done} of {total} tiles)", (share * 100.0).floor())
        });
        let figures = Some(self.figures(ranks)).filter(|f| !f.is_empty());
        let all: Vec<String> = share.into_iter().chain(figures).collect();
        if all.is_empty() {
            return format!("at work for {}", duration::text(self.elapsed));
        }
        all.join(", ")
    }

    fn far(&self, phase: &'static str) -> status_file::Far {
        status_file::Far {
            phase,
            fraction: self.share(),
            tiles_done: self.now.done,
            tiles_total: self.now.total,
            seconds_left: self.left().map(|left| left.as_secs_f64()),
        }
    }

    fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "tiles_done": self.now.done,
            "tiles_total": self.now.total,
            "bytes_read": self.now.read,
            "bytes_decoded": self.now.decoded,
            "bytes_written": self.now.written,
            "seconds_left": self.left().map(|left| left.as_secs_f64()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(done: u64, total: u64, read: u64) -> Pace {
        let before = Seen { done: 10, total, read: 500, decoded: 0, written: 0 };
        let now = Seen { done, total, read: 500 + read, decoded: 0, written: 0 };
        Pace { before, now, elapsed: Duration::from_secs(20) }
    }

    #[test]
    fn a_resumed_run_counts_what_is_done_but_not_as_speed() {
        let p = pace(50, 100, 40_000_000_000);
        assert_eq!(p.line(1), "50 % (50 of 100 tiles), 40.0 GB read, 2.0 GB/s, 25.0 s left");
        assert_eq!(p.bar(1), "[############------------]  50 %  40.0 GB read, 2.0 GB/s, 25.0 s left");
        assert_eq!(p.json()["seconds_left"], 25.0);
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        assert_eq!(pace(10, 100, 0).line(4), "10 % (10 of 100 tiles), rank 0 of 4");
        assert_eq!(pace(0, 0, 0).line(1), "at work for 20.0 s");
        assert_eq!(pace(10, 0, 100).left(), None);
        assert!(pace(10, 0, 100).bar(1).starts_with("20.0 s 100 B read"));
        assert!(pace(99, 100, 1).bar(1).contains(" 99 %"));
        assert!(pace(200, 100, u64::MAX - 500).bar(1_000_000).chars().count() <= 79);
    }

    #[test]
    fn the_phase_that_grows_is_told() {
        let (progress, mut busy) = (Progress::default(), Busy::default());
        assert_eq!(busy.look(&progress), "start");
        progress.phases.add(Phase::Open, Duration::from_secs(9));
        progress.phases.add(Phase::Read, Duration::from_secs(1));
        assert_eq!(busy.look(&progress), "open");
        progress.phases.add(Phase::Read, Duration::from_secs(1));
        assert_eq!([busy.look(&progress), busy.look(&progress)], ["read", "read"]);
    }

    #[test]
    fn a_watch_ends_at_once() {
        let progress = Arc::new(Progress::default());
        let begun = Instant::now();
        drop(Watch::start(&Comm::serial(), Verbosity::default(), &progress));
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}
