//! How far a run is, and where its time goes: counted where the work is done, read by whoever
//! reports it.
//!
//! Everything here is for people and schedulers; no result depends on it. A [`Progress`] is
//! shared by the threads of one rank and costs an atomic addition for each count.

use crate::comm::{Comm, Stage, Traffic};
use crate::error::{Error, Result};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// What time is spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Finding the inputs and their metadata.
    Open,
    /// Fetching and decoding values.
    Read,
    /// The analysis itself.
    Compute,
    /// Exchanging states and data between ranks, waiting included.
    Communicate,
    /// Encoding and writing results.
    Write,
    /// Making files durable.
    Sync,
}

impl Phase {
    /// All phases, in the order of a run.
    pub const ALL: [Self; 6] =
        [Self::Open, Self::Read, Self::Compute, Self::Communicate, Self::Write, Self::Sync];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Read => "read",
            Self::Compute => "compute",
            Self::Communicate => "communicate",
            Self::Write => "write",
            Self::Sync => "fsync",
        }
    }
}

/// Seconds by phase, added up over the threads of a rank: eight threads that read for one
/// second each make eight.
#[derive(Debug, Default)]
pub struct Phases([AtomicU64; Phase::ALL.len()]);

impl Phases {
    /// Adds time that was measured.
    pub fn add(&self, phase: Phase, time: Duration) {
        self.0[phase as usize].fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }
    /// Counts the time until the guard is dropped.
    #[must_use = "time is counted while the guard lives"]
    pub fn start(&self, phase: Phase) -> PhaseGuard<'_> {
        PhaseGuard { phases: self, phase, begun: Instant::now() }
    }
    /// Counts the time of `work`.
    pub fn time<T>(&self, phase: Phase, work: impl FnOnce() -> T) -> T {
        let _guard = self.start(phase);
        work()
    }
    /// The time so far.
    pub fn get(&self, phase: Phase) -> Duration {
        Duration::from_nanos(self.0[phase as usize].load(Relaxed))
    }
}

/// Counts time while it lives.
#[derive(Debug)]
pub struct PhaseGuard<'a> {
    phases: &'a Phases,
    phase: Phase,
    begun: Instant,
}

impl Drop for PhaseGuard<'_> {
    fn drop(&mut self) {
        self.phases.add(self.phase, self.begun.elapsed());
    }
}

/// A count that threads add to.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }
    /// Makes it `n`.
    pub fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }
    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// How far one rank is.
#[derive(Debug, Default)]
pub struct Progress {
    /// Tiles of this rank; 0 as long as it is not known. A run of several passes counts each.
    pub tiles_total: Count,
    /// Tiles that are done, in this run or the one that it goes on from.
    pub tiles_done: Count,
    /// Of these, tiles that were done before this run.
    pub tiles_resumed: Count,
    /// Bytes fetched from storage, compressed where they are.
    pub bytes_read: Count,
    /// Bytes of values that came of them.
    pub bytes_decoded: Count,
    /// Bytes given to storage: results, scratch, states.
    pub bytes_written: Count,
    /// Where time goes.
    pub phases: Phases,
}

impl Progress {
    /// Counts tiles of this rank that an earlier run has done.
    pub(crate) fn resumed(&self, tiles: usize) {
        self.tiles_done.add(tiles as u64);
        self.tiles_resumed.add(tiles as u64);
    }
}

/// Numbers of a [`Progress`] and its rank, as they travel.
const ROW: usize = 8 + 2 * Stage::ALL.len() + Phase::ALL.len();

/// What one rank did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RankSummary {
    /// Its threads.
    pub threads: u64,
    /// Tiles done in this run.
    pub tiles: u64,
    /// Bytes fetched from storage.
    pub bytes_read: u64,
    /// Bytes of values that came of them.
    pub bytes_decoded: u64,
    /// Bytes given to storage.
    pub bytes_written: u64,
    /// The most memory that its process had resident, if the system tells. Ranks that are
    /// threads of one process tell the same.
    pub peak_bytes: Option<u64>,
    /// From start to end.
    pub elapsed: Duration,
    /// What it sent to other ranks, as [`Comm::traffic_of`] counts it, in the order of [`Stage::ALL`].
    pub sent: [Traffic; Stage::ALL.len()],
    /// By phase, in the order of [`Phase::ALL`], threads added up.
    pub phases: [Duration; Phase::ALL.len()],
}

/// What all ranks did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// By rank; not empty.
    pub ranks: Vec<RankSummary>,
}

impl Summary {
    /// Brings the figures of all ranks together, on every rank. `peak_bytes` is this process's
    /// peak resident memory, if known.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// Communication: if ranks of another program answer.
    pub fn collect(
        comm: &Comm,
        progress: &Progress,
        threads: usize,
        elapsed: Duration,
        peak_bytes: Option<u64>,
    ) -> Result<Self> {
        let nanos = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
        let mut row = vec![
            threads as u64,
            progress.tiles_done.get().saturating_sub(progress.tiles_resumed.get()),
            progress.bytes_read.get(),
            progress.bytes_decoded.get(),
            progress.bytes_written.get(),
            u64::from(peak_bytes.is_some()),
            peak_bytes.unwrap_or(0),
            nanos(elapsed),
        ];
        row.extend(
            Stage::ALL
                .map(|stage| comm.traffic_of(stage))
                .iter()
                .flat_map(|sent| [sent.messages, sent.bytes]),
        );
        row.extend(Phase::ALL.map(|phase| nanos(progress.phases.get(phase))));
        let rows = comm.all_gather_v(&row);
        let ranks: Option<Vec<RankSummary>> = rows.iter().map(|row| from_row(row)).collect();
        ranks
            .map(|ranks| Self { ranks })
            .ok_or_else(|| Error::communication("a rank told its figures in another form"))
    }

    /// The sum of a figure over ranks.
    pub fn sum(&self, of: impl Fn(&RankSummary) -> u64) -> u64 {
        self.ranks.iter().map(of).sum()
    }
    /// What all ranks sent to each other: of one stage, or of all.
    pub fn sent(&self, stage: Option<Stage>) -> Traffic {
        let of = |(s, sent): (&Stage, &Traffic)| stage.is_none_or(|wanted| wanted == *s).then_some(*sent);
        self.ranks.iter().flat_map(|rank| Stage::ALL.iter().zip(&rank.sent).filter_map(of)).sum()
    }
    /// The longest time from start to end.
    pub fn elapsed(&self) -> Duration {
        self.ranks.iter().map(|r| r.elapsed).max().unwrap_or_default()
    }
    /// Seconds of a phase: on the busiest rank, and on the mean rank. Their ratio is the
    /// imbalance.
    pub fn seconds(&self, phase: Phase) -> (f64, f64) {
        max_and_mean(self.ranks.iter().map(|r| r.phases[phase as usize].as_secs_f64()))
    }
    /// Busy time (all phases but communication) of the busiest rank over that of the mean rank:
    /// 1 when all have the same to do. `None` when nothing was measured.
    pub fn imbalance(&self) -> Option<f64> {
        let busy = |r: &RankSummary| {
            let phases = Phase::ALL.iter().zip(&r.phases).filter(|(p, _)| **p != Phase::Communicate);
            phases.map(|(_, time)| time.as_secs_f64()).sum::<f64>()
        };
        let (max, mean) = max_and_mean(self.ranks.iter().map(busy));
        (mean > 0.0).then(|| max / mean)
    }
    /// The rank with the highest peak of memory, and that peak.
    pub fn peak(&self) -> Option<(usize, u64)> {
        let peaks = self.ranks.iter().enumerate().filter_map(|(rank, r)| Some((rank, r.peak_bytes?)));
        // The first of equals.
        peaks.reduce(|a, b| if b.1 > a.1 { b } else { a })
    }
}

fn max_and_mean(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut max, mut sum, mut n) = (0.0f64, 0.0, 0u32);
    for value in values {
        (max, sum, n) = (max.max(value), sum + value, n + 1);
    }
    (max, sum / f64::from(n.max(1)))
}

fn from_row(row: &[u64]) -> Option<RankSummary> {
    let row: &[u64; ROW] = row.try_into().ok()?;
    let (counts, nanos) = row[8..].split_at(2 * Stage::ALL.len());
    let mut sent = [Traffic::default(); Stage::ALL.len()];
    for (sent, pair) in sent.iter_mut().zip(counts.chunks_exact(2)) {
        *sent = Traffic { messages: pair[0], bytes: pair[1] };
    }
    let mut phases = [Duration::ZERO; Phase::ALL.len()];
    for (phase, nanos) in phases.iter_mut().zip(nanos) {
        *phase = Duration::from_nanos(*nanos);
    }
    Some(RankSummary {
        threads: row[0],
        tiles: row[1],
        bytes_read: row[2],
        bytes_decoded: row[3],
        bytes_written: row[4],
        peak_bytes: (row[5] > 0).then_some(row[6]),
        elapsed: Duration::from_nanos(row[7]),
        sent,
        phases,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::run_threads;

    #[test]
    fn threads_add_to_the_same_phases() {
        let progress = Progress::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    progress.phases.add(Phase::Read, Duration::from_millis(250));
                    progress.bytes_read.add(10);
                });
            }
        });
        assert_eq!(progress.phases.get(Phase::Read), Duration::from_secs(1));
        assert_eq!(progress.bytes_read.get(), 40);
        assert_eq!(progress.phases.time(Phase::Write, || 7), 7);
        assert_eq!(progress.phases.get(Phase::Compute), Duration::ZERO);
    }

    #[test]
    fn every_rank_gets_the_same_summary() {
        let all = run_threads(3, |comm| {
            let progress = Progress::default();
            let rank = comm.rank() as u64;
            progress.tiles_done.set(5 + rank);
            progress.tiles_resumed.set(5);
            progress.phases.add(Phase::Read, Duration::from_secs(1 + rank));
            progress.phases.add(Phase::Communicate, Duration::from_secs(100));
            let peak = (rank != 1).then_some(1000 + rank);
            Summary::collect(comm, &progress, 2, Duration::from_secs(rank), peak).expect("collects")
        });
        assert!(all.iter().all(|s| *s == all[0]));
        let summary = &all[0];
        assert_eq!(summary.sum(|r| r.tiles), 3);
        assert_eq!(summary.seconds(Phase::Read), (3.0, 2.0));
        assert_eq!(summary.imbalance(), Some(1.5));
        assert_eq!(summary.peak(), Some((2, 1002)));
        assert_eq!(summary.elapsed(), Duration::from_secs(2));
    }
}
