//! When a run stops before its end, so that it can go on later: a signal, or the time limit.

use crate::duration;
use signal_hook::consts::{SIGTERM, SIGUSR1};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering::Relaxed};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The signal that asked for a stop; of the whole process, as signals are.
static ASKED: AtomicI32 = AtomicI32::new(0);
/// Whether there is a state to save, so that signals ask instead of ending.
static LISTENING: AtomicBool = AtomicBool::new(false);

/// When this process began; the first call, in `main`, decides.
pub(crate) fn started() -> Instant {
    static STARTED: OnceLock<Instant> = OnceLock::new();
    *STARTED.get_or_init(Instant::now)
}

/// Told of every signal: whether it is taken as a wish to stop. Else it ends the process. A
/// second SIGTERM ends it too: who sends it does not want to wait.
pub(crate) fn takes(signal: i32) -> bool {
    if !LISTENING.load(Relaxed) || ![SIGUSR1, SIGTERM].contains(&signal) {
        return false;
    }
    let before = ASKED.swap(signal, Relaxed);
    signal != SIGTERM || before != SIGTERM
}

/// Whether, and why, this rank is to stop. The ranks decide together; here one asks only.
#[derive(Debug)]
pub(crate) struct StopRequest {
    /// The end of the time limit, and its length.
    limit: Option<(Instant, Duration)>,
    /// How long saving took, at most, in nanoseconds.
    saving: AtomicU64,
    /// How long it was between two times at which the run could have stopped, at most.
    between: AtomicU64,
}

impl StopRequest {
    /// From now on signals ask for a stop. `limit` counts from the start of the process; without
    /// it, the end of the job counts, where something tells it ([`job_end`]).
    pub(crate) fn listen(limit: Option<Duration>) -> Self {
        LISTENING.store(true, Relaxed);
        let end = || job_end(|name| std::env::var(name).ok(), |file| file.metadata().ok()?.modified().ok());
        let limit = limit.or_else(|| time_until(end()?, SystemTime::now(), started().elapsed()));
        // A limit beyond what the clock can count is none.
        let limit = limit.and_then(|limit| Some((started().checked_add(limit)?, limit)));
        Self { limit, saving: AtomicU64::new(0), between: AtomicU64::new(0) }
    }

    /// Whether a stop was asked for on this rank: a signal came, or the time is up but for what
    /// saving needs. Cheap; asks no other rank.
    pub(crate) fn requested(&self) -> bool {
        ASKED.load(Relaxed) != 0
            || self.limit.is_some_and(|(end, limit)| Instant::now() + self.margin(limit) >= end)
    }

    /// Notes how long saving takes, for the margin.
    pub(crate) fn saved_in(&self, time: Duration) {
        self.saving.fetch_max(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Notes how long the run could not have stopped: the next such time may be as long.
    pub(crate) fn went_on_for(&self, time: Duration) {
        self.between.fetch_max(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    /// What is left of the limit for what is in hand and for saving: a twentieth, a minute at most,
    /// or three times as long as saving took, or a little more than a batch.
    fn margin(&self, limit: Duration) -> Duration {
        let saving = Duration::from_nanos(self.saving.load(Relaxed));
        let between = Duration::from_nanos(self.between.load(Relaxed));
        (limit / 20).min(Duration::from_secs(60)).max(saving * 3).max(between + between / 4)
    }

    /// The time limit in force, for the plan that is told.
    pub(crate) fn limit(&self) -> Option<Duration> {
        self.limit.map(|(_, limit)| limit)
    }

    /// Says what asked, on one rank.
    pub(crate) fn reason(&self) -> String {
        match ASKED.load(Relaxed) {
            SIGUSR1 => "SIGUSR1".to_owned(),
            SIGTERM => "SIGTERM".to_owned(),
            _ => match self.limit {
                Some((_, limit)) => format!("the time limit of {}", duration::text(limit)),
                None => "another rank".to_owned(),
            },
        }
    }
}

/// When the job of this process ends, as the first of these tells:
///
/// - `HALOCLINE_JOB_END`, in Unix seconds: set by a job script, which knows best;
/// - `SLURM_JOB_END_TIME`, the same, set by newer versions of SLURM;
/// - `PBS_WALLTIME`, the length of the job in seconds, set by Torque and some PBS Pro sites. It
///   counts from when PBS wrote `PBS_NODEFILE`, which it does as the job starts, on one node.
fn job_end(
    lookup: impl Fn(&str) -> Option<String>,
    written: impl Fn(&Path) -> Option<SystemTime>,
) -> Option<SystemTime> {
    let number = |name: &str| Duration::try_from_secs_f64(lookup(name)?.trim().parse().ok()?).ok();
    let end = number("HALOCLINE_JOB_END").or_else(|| number("SLURM_JOB_END_TIME"));
    match end {
        Some(end) => UNIX_EPOCH.checked_add(end),
        None => written(Path::new(&lookup("PBS_NODEFILE")?))?.checked_add(number("PBS_WALLTIME")?),
    }
}

/// The time limit, counted from the start of the process, that an end makes. An end that has
/// passed is of another job, whose environment this process has inherited.
fn time_until(end: SystemTime, now: SystemTime, since_start: Duration) -> Option<Duration> {
    Some(end.duration_since(now).ok().filter(|left| !left.is_zero())? + since_start)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tests that look at signals take turns: there is one set of them for the process.
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

    fn request(left: Duration, limit: Duration) -> StopRequest {
        let limit = Some((Instant::now() + left, limit));
        StopRequest { limit, saving: AtomicU64::new(0), between: AtomicU64::new(0) }
    }

    #[test]
    fn the_margin_follows_the_limit_and_the_time_that_saving_takes() {
        let _turn = TURN.lock();
        let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
        assert!(!request(2 * minute, hour).requested());
        assert!(request(minute, hour).requested());
        assert!(!request(minute, 2 * minute).requested());
        assert!(request(Duration::ZERO, minute).requested());
        let slow = request(2 * minute, hour);
        slow.saved_in(minute);
        slow.saved_in(Duration::from_secs(1));
        assert!(slow.requested());
        assert_eq!(slow.reason(), "the time limit of 60 min 00 s");
        let long = request(10 * minute, hour);
        long.went_on_for(7 * minute);
        assert!(!long.requested());
        long.went_on_for(8 * minute);
        assert!(long.requested());
    }

    #[test]
    fn the_end_of_the_job_is_a_limit() {
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let ran = Duration::from_secs(5);
        let until = |all: &[(&str, &str)]| {
            let lookup = |name: &str| all.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
            let written = |file: &Path| (file == Path::new("/nodes")).then(|| now - Duration::from_secs(60));
            job_end(lookup, written).and_then(|end| time_until(end, now, ran)).map(|limit| limit.as_secs())
        };
        let slurm = ("SLURM_JOB_END_TIME", "1800000100");
        assert_eq!(until(&[slurm]), Some(105));
        assert_eq!(until(&[slurm, ("HALOCLINE_JOB_END", "1800000010")]), Some(15));
        for end in ["1700000000", "1800000000", "", "soon", "-1", "inf", "18446744073709551615"] {
            assert_eq!(until(&[("SLURM_JOB_END_TIME", end)]), None, "{end}");
        }
        let pbs = ("PBS_WALLTIME", "300");
        assert_eq!(until(&[pbs, ("PBS_NODEFILE", "/nodes")]), Some(245));
        assert_eq!(until(&[pbs]), None);
        assert_eq!(until(&[pbs, ("PBS_NODEFILE", "/not/here")]), None);
        assert_eq!(until(&[("PBS_NODEFILE", "/nodes")]), None);
    }

    #[test]
    fn signals_ask_only_where_a_state_can_be_saved() {
        let _turn = TURN.lock();
        assert!(!takes(SIGUSR1) && !takes(SIGTERM));
        LISTENING.store(true, Relaxed);
        assert!(!takes(signal_hook::consts::SIGINT));
        assert!(takes(SIGUSR1) && takes(SIGUSR1) && takes(SIGTERM));
        let idle = StopRequest { limit: None, saving: AtomicU64::new(0), between: AtomicU64::new(0) };
        assert!(idle.requested());
        assert_eq!(idle.reason(), "SIGTERM");
        assert!(!takes(SIGTERM));
        LISTENING.store(false, Relaxed);
        ASKED.store(0, Relaxed);
        assert!(!idle.requested());
    }
}
